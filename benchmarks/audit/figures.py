"""Facts about problems -> figures: shares with intervals, by split, category and difficulty."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.audit.checks import Facts
from dsl_debug.agents.edits import EDITS
from dsl_debug.problem import CATEGORIES, DIFFICULTIES
from dsl_debug.results.statistics import wilson

ALL = "all"

OUTPUT = {
    "broken": "the correct program fails or gives other rows",
    "empty": "no expected row",
    "one_row": "a single expected row",
    "one_row_not_top": "a single row, and the program does not sort and take the first",
    "same_rows": "several rows, all of them the same",
    "degenerate": "degenerate by our gate (one of the three before, a global top-1 aside)",
    "constant_column": "several rows, one of the columns constant",
    "long": "more rows than a prompt shows, or more than 12 columns",
    "tie": "a tie decides which rows come out, or in which order",
    "buggy_right": "the buggy program is right already",
    "buggy_fails": "the buggy program ends in an error",
}
PAID = {
    "single_row_emitter": "constant emitter for one row: `take(1)`, `compute`, `select`",
    "emitter": "our full constant emitter, for any number of rows",
    "key_filter": "key filter: rows picked by the values shown",
    "shortcut": "shortcut at a stage (list, range, threshold, other sort), wrong on other contents",
    "correct_wrong": "one edit from the correct program, wrong on other contents",
    "buggy_wrong": "one edit from the buggy program, wrong on other contents",
    "near_wrong": "one of the last two",
}
ALIKE = {
    "alike": "any edit",
    "word_alike": "one word for another (column, operator, value, number, function, direction, key)",
    **{f"alike_{kind}": f"`{kind}`" for kind in EDITS},
}
"""What is asked of the neighbours of the correct program: whether one of this kind gives the rows shown."""

Rate = dict[str, Any]


def figures(files: Mapping[str, Sequence[Facts]], agents: Sequence[str]) -> dict[str, Any]:
    """All figures, as JSON can hold them. `files`: name of a file -> what was found about its problems."""
    splits: dict[str, list[Facts]] = defaultdict(list)
    for file, found in files.items():
        splits[split_of(file)] += found
    return {
        "files": {file: len(found) for file, found in files.items()},
        "splits": {
            split: {
                "problems": len(found),
                "databases": len({facts.database for facts in found}),
                "median_rows": median(rows for facts in found for rows in facts.rows),
                "most_rows": max(rows for facts in found for rows in facts.rows),
                "repeated": sum(n - 1 for n in Counter(facts.key for facts in found if facts.key).values()),
            }
            for split, found in splits.items()
        },
        "shared": [shared(splits, *pair) for pair in combinations(splits, 2)],
        "agents": list(agents),
        "rates": [row for split, found in splits.items() for row in rates(split, found, agents)],
        "counts": [row for split, found in splits.items() for row in counts(split, found)],
        "refusals": [row for split, found in splits.items() for row in refusals(split, found)],
    }


def split_of(file: str) -> str:
    """The split that a file belongs to: all that begin with `test` make one, any other is its own."""
    stem = Path(file).stem
    return "test" if stem.startswith("test") else stem


def main_split(splits: Iterable[str]) -> str:
    """The split that the page is about: `test`, or else the first one."""
    names = list(splits)
    return "test" if "test" in names else names[0]


def shared(splits: Mapping[str, Sequence[Facts]], one: str, other: str) -> dict[str, Any]:
    """How many problems have a correct program (its canonical text), or a database, of another split."""
    keys, databases = ({getattr(f, what) for f in splits[other]} for what in ("key", "database"))
    return {
        "split": one,
        "other": other,
        "problems": len(splits[one]),
        "same_program": sum(bool(f.key) and f.key in keys for f in splits[one]),
        "same_database": sum(f.database in databases for f in splits[one]),
    }


# Rates


def groups(found: Sequence[Facts]) -> dict[str, list[Facts]]:
    """All problems of a split, and those of every category and difficulty that there is."""
    made = {ALL: list(found)}
    for name in CATEGORIES:
        made[name] = [facts for facts in found if facts.category == name]
    for name in DIFFICULTIES:
        made[name] = [facts for facts in found if facts.difficulty == name]
    return {name: part for name, part in made.items() if part}


def rates(split: str, found: Sequence[Facts], agents: Iterable[str]) -> list[Rate]:
    """A row for every group and check. What other contents or hidden suites say is over the problems that
    have some; `kept_...` is for what the suites still pay."""
    named = [f"agent_{name}" for name in agents]
    kept = [f"kept_{check}" for check in (*PAID, *named) if check != "near_wrong"]
    checks = {
        ALL: [*OUTPUT, *PAID, *ALIKE, *named, "contents", "suites", "certifiable"],
        "contents": ["near_wrong", *(f"wrong_{kind}" for kind in EDITS)],
        "suites": [*PAID, *named, *kept],
    }
    rows = []
    for group, part in groups(found).items():
        bases = {ALL: part, "contents": having(part, "contents"), "suites": having(part, "suites")}
        for over, names in checks.items():
            rows += [rate(bases[over], check, split=split, group=group, over=over) for check in names]
    return rows


def having(found: Iterable[Facts], check: str) -> list[Facts]:
    """The problems of which a check holds."""
    return [facts for facts in found if check in facts.holds]


def rate(found: Sequence[Facts], check: str, **place: str) -> Rate:
    """Of how many problems a check holds, with the 95% interval of Wilson."""
    count = len(having(found, check))
    low, high = wilson(count, len(found))
    share = round(count / len(found), 6) if found else None
    return {
        **place,
        "check": check,
        "count": count,
        "of": len(found),
        "rate": share,
        "low": round(low, 6),
        "high": round(high, 6),
    }


# Counts


def counts(split: str, found: Sequence[Facts]) -> list[dict[str, Any]]:
    """Numbers of programs, added up, by group."""
    rows = []
    for group, part in groups(found).items():
        total: Counter[str] = Counter()
        for facts in part:
            total.update(facts.counts)
        rows += [
            {"split": split, "group": group, "what": what, "count": total[what]} for what in sorted(total)
        ]
    return rows


def refusals(split: str, found: Sequence[Facts]) -> list[dict[str, Any]]:
    """Why our gates refuse problems: how often as the first reason and how often in all, by group."""
    rows = []
    for group, part in groups(found).items():
        first = Counter(facts.refusals[0] for facts in part if facts.refusals)
        every = Counter(reason for facts in part for reason in facts.refusals)
        for reason in sorted(every, key=lambda reason: (-every[reason], reason)):
            place = {"split": split, "group": group, "reason": reason}
            rows.append({**place, "first": first[reason], "any": every[reason]})
    return rows


# Writing


def dumped(values: Mapping[str, Any]) -> str:
    """The figures as JSON, one row of a list a line."""
    parts = [f"{json.dumps(name)}: {_dumped(value)}" for name, value in values.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _dumped(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in value) + "\n]"
    return json.dumps(value, ensure_ascii=False)
