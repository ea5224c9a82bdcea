"""What shortcuts still earn on a built dataset: `python -m benchmarks.shortcuts FOLDER [--every N]`.

For the problems of the test split, programs are made that come by the rows shown for another reason (see
`dataset_builder/shortcuts.py`). Those that are paid are run on 20 fresh contents of the problem's tables; one
that is wrong on any of them is a leak. The folder does not say which columns are keys, so fresh contents
break references more often than those that the builder makes.
"""

import argparse
from collections import Counter
from pathlib import Path

from dataset_builder.hidden import hidden_contents
from dataset_builder.model import Database
from dataset_builder.parquet_files import read_rows
from dataset_builder.seeding import seeded
from dataset_builder.shortcuts import shortcuts
from dataset_builder.strangers import with_strangers
from dataset_builder.trials import Other, Stock, Trial
from dsl_debug.agents.bench import Bench
from dsl_debug.lang import DslError, Program, parse
from dsl_debug.problem import DslProblem

FRESH = 20
OFTEN = 0.3
"""The share of fresh contents on which a leak is wrong that counts as often."""


def fresh_contents(problem: DslProblem, correct: Program) -> list[Other]:
    """Contents that neither the problem nor its maker has seen, on which the correct program gives rows."""
    database = Database(problem.database, problem.source, problem.tables)
    rng = seeded("fresh", problem.id)
    pool = hidden_contents(database, problem.tables, rng, FRESH)
    pool[::2] = [with_strangers(contents, database, rng) for contents in pool[::2]]
    return Trial(correct, Stock(problem.tables), [Stock(contents) for contents in pool]).others


def measured(problem: DslProblem) -> set[str]:
    """What holds of a problem: `shown`, `paid`, `leak`, `often` (see the headings in `main`)."""
    correct = parse(problem.correct_code)
    try:
        buggy = parse(problem.buggy_code)
    except DslError:
        buggy = None
    found = shortcuts(Bench(problem.tables), correct, buggy)
    suites = [Other(Bench(suite.tables), suite.expected) for suite in problem.hidden]
    paid = [program for program in found if all(suite.accepts(program) for suite in suites)]
    fresh = fresh_contents(problem, correct) if paid else []
    wrong = [sum(not other.accepts(program) for other in fresh) for program in paid]
    facts = {"shown": bool(found), "paid": bool(paid), "leak": any(wrong)}
    facts["often"] = any(count and count >= OFTEN * len(fresh) for count in wrong)
    return {name for name, holds in facts.items() if holds}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shortcuts", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder that python -m dataset_builder build made")
    parser.add_argument("--every", type=int, default=1, help="look at every Nth problem only")
    arguments = parser.parse_args()
    files = sorted((arguments.folder / "data" / "problems").glob("test-*.parquet"))
    if not files or arguments.every < 1:
        parser.error(f"{arguments.folder} has no data/problems/test-*.parquet, or --every is below 1")
    rows = list(read_rows(files))[:: arguments.every]
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(measured(DslProblem.from_row(row)))
    print(f"problems of the test split: {len(rows)}")
    print(f"  a shortcut gives the rows shown: {counts['shown']}")
    print(f"  and is paid, mostly as the correct program in other words: {counts['paid']}")
    print(f"  and is wrong on some of {FRESH} fresh contents: {counts['leak']}")
    print(f"  and is wrong on {OFTEN:.0%} of them or more: {counts['often']}")


if __name__ == "__main__":
    main()
