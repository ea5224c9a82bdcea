"""What is wrong with published problems: `python -m benchmarks.audit_published PATH [--write-docs]`.

PATH is a verl-style parquet file of published problems, or a folder of such files. Every problem is asked
what its expected rows look like, which wrong programs they pay, which of these hidden suites made by our
certifier refuse, what players without a model earn, and whether it would pass the gates of a build. Prints a
page; --write-docs writes docs/audit-published.md and the figures that it is rendered from. The same files
give the same figures for any number of workers.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.audit.checks import Facts, audited
from benchmarks.audit.examples import examples
from benchmarks.audit.figures import dumped, figures, main_split, split_of
from benchmarks.audit.page import render
from dataset_builder.cli_common import progress
from dsl_debug.agents import AGENTS
from dsl_debug.problem import DslProblem, load_published
from dsl_debug.processes import process_pool

ROOT = Path(__file__).resolve().parent.parent
PLAYERS = ("unchanged", "random_edit", "constant_emitter", "search")
BAD_INPUT = 2

Files = dict[str, list[DslProblem]]
Timed = tuple[Facts, float]


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit the files and print or write the page."""
    options = parsed(arguments)
    try:
        files = read(options.path, options.every)
    except (ValueError, ImportError) as error:
        return _refused(str(error))
    if options.json and (options.json.is_dir() or not options.json.parent.is_dir()):
        return _refused(f"--json {options.json}: that is a folder, or is in none that exists")
    start = time.perf_counter()
    try:
        found, seconds = audited_files(files, options.agents, options.workers)
    except BrokenProcessPool:
        return _refused("a process was killed, maybe for its memory; try with fewer --workers")
    results = figures(found, options.agents)
    results["examples"] = examples(_of_main_split(files, found))
    results["run"] = {
        "every": options.every,
        "workers": options.workers,
        "minutes": round((time.perf_counter() - start) / 60, 1),
        "processor_minutes": round(seconds / 60, 1),
    }
    try:
        write(results, found, options)
    except OSError as error:
        print(f"cannot write {error.filename}: {(error.strerror or str(error)).lower()}", file=sys.stderr)
        return 2
    return 0


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit_published", description=__doc__)
    parser.add_argument(
        "path", type=Path, metavar="PATH", help="a parquet file of problems, or a folder of them"
    )
    parser.add_argument(
        "--every", type=_positive, default=1, metavar="N", help="only each N-th problem of a file"
    )
    parser.add_argument(
        "--workers", type=_positive, default=os.cpu_count() or 1, metavar="N", help="processes"
    )
    parser.add_argument(
        "--agents", type=_agents, default=PLAYERS, metavar="A,B", help="who plays; 'none' for nobody"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write figures and what was found about each problem"
    )
    parser.add_argument("--write-docs", action="store_true", help="write docs/audit-published.md and .json")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def _agents(text: str) -> tuple[str, ...]:
    names = () if text == "none" else tuple(dict.fromkeys(text.split(",")))
    unknown = [name for name in names if name not in AGENTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no agent {unknown[0]!r}; there is: {', '.join(AGENTS)}, or none")
    return names


# Reading


def read(path: Path, every: int) -> Files:
    """The problems of every file that holds some, each `every`-th, by the name of the file.

    Raises ValueError for what cannot be read and where there are no problems, ImportError where pyarrow is
    missing.
    """
    if not path.exists():
        raise ValueError(f"no such file or folder: {path}")
    files: Files = {}
    for file in sorted(path.glob("*.parquet")) if path.is_dir() else [path]:
        try:
            if file == path or holds_problems(file):
                files[file.name] = load_published(file)[::every]
        except (OSError, ValueError) as error:
            where = "" if str(file) in str(error) else f"{file}: "
            raise ValueError(f"{where}{error}") from None
    if not files:
        raise ValueError(f"{path}: no parquet file of published problems in it")
    return files


def holds_problems(file: Path) -> bool:
    """Whether a parquet file has the column of published problems: files of trajectories lie beside them."""
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise ImportError("reading parquet files needs pyarrow: pip install 'dsl-debug[build]'") from None
    return "extra_info" in parquet.read_schema(file).names


def _refused(why: str) -> int:
    """Tell in one line what is wrong with the input."""
    print(f"audit_published: {' '.join(why.split())}", file=sys.stderr)
    return BAD_INPUT


# Auditing


def audited_files(files: Files, agents: Sequence[str], workers: int) -> tuple[dict[str, list[Facts]], float]:
    """What is found about the problems of each file, in their order, in so many processes; and the seconds of
    processor time that it took."""
    problems = [problem for found in files.values() for problem in found]
    facts: list[Facts] = []
    spent = 0.0
    with progress("auditing") as follow:
        for one, seconds in _results(partial(_timed, agents=agents), problems, workers):
            facts.append(one)
            spent += seconds
            follow(len(facts), len(problems))
    rest = iter(facts)
    return {file: [next(rest) for _ in found] for file, found in files.items()}, spent


def _timed(problem: DslProblem, agents: Sequence[str]) -> Timed:
    start = time.process_time()
    facts = audited(problem, agents)
    return facts, time.process_time() - start


def _results(
    check: Callable[[DslProblem], Timed], problems: Sequence[DslProblem], workers: int
) -> Iterator[Timed]:
    if workers == 1:
        yield from map(check, problems)
        return
    with process_pool(min(workers, len(problems))) as pool:
        yield from pool.map(check, problems, chunksize=2)


def _of_main_split(files: Files, found: dict[str, list[Facts]]) -> list[tuple[DslProblem, Facts]]:
    """The problems that examples are taken from, with what was found about them."""
    first = main_split(map(split_of, files))
    chosen = [file for file in files if split_of(file) == first]
    return [pair for file in chosen for pair in zip(files[file], found[file], strict=True)]


# Writing


def write(results: dict[str, Any], found: dict[str, list[Facts]], options: argparse.Namespace) -> None:
    """The figures and the page to where the options say."""
    page = render(results)
    if options.json:
        every = [asdict(facts) | {"file": file} for file, part in found.items() for facts in part]
        options.json.write_text(dumped(results | {"problems": every}), encoding="utf-8")
        print(f"wrote {options.json}")
    if options.write_docs:
        (ROOT / "docs" / "audit-published.json").write_text(dumped(results), encoding="utf-8")
        (ROOT / "docs" / "audit-published.md").write_text(page, encoding="utf-8")
        print("wrote docs/audit-published.md and docs/audit-published.json")
    else:
        print(page)


if __name__ == "__main__":
    sys.exit(main())
