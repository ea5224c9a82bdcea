"""What is in a finished folder, as tables for the terminal, counted from its parquet files alone."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataset_builder.canonical import OPERATORS
from dataset_builder.checking.crosscheck import PROBLEM_CONFIGS
from dataset_builder.parquet_files import read_rows
from dataset_builder.verify import Files, layout
from dsl_debug.lang import STANDARD, Dialect, DslError, Program, parse
from dsl_debug.lang.nodes import Join, Load, Ref
from dsl_debug.problem import CATEGORIES, DIFFICULTIES, Row

CHARACTERS_PER_TOKEN = 3.2
"""A rule of thumb for programs and tables under tokenizers of current models, for orders of magnitude."""

_QUANTILES = (("min", 0.0), ("median", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))
_PROBLEM_COLUMNS = [
    *("id", "category", "difficulty", "database", "source", "correct_code", "expected_output", "bugs"),
    *("dialect", "prompt"),
]


@dataclass
class Split:
    """What is counted of the problems of one split."""

    rows: int = 0
    categories: Counter[str] = field(default_factory=Counter)
    difficulties: Counter[tuple[str, str]] = field(default_factory=Counter)
    databases: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    bugs: Counter[str] = field(default_factory=Counter)
    operators: Counter[str] = field(default_factory=Counter)
    shapes: Counter[str] = field(default_factory=Counter)
    lines: list[int] = field(default_factory=list)
    stages: list[int] = field(default_factory=list)
    tables: list[int] = field(default_factory=list)
    expected: list[int] = field(default_factory=list)
    prompts: list[int] = field(default_factory=list)


def stats(folder: Path) -> str:
    """Tables of what is in a dataset folder. Raises ValueError for a folder without data."""
    _, files = layout(folder)
    if not files:
        raise ValueError(f"{folder}: no data in it; build it first")
    counted = {
        f"{config}/{split}": _count(read_rows(paths, _PROBLEM_COLUMNS))
        for config in PROBLEM_CONFIGS
        for split, paths in files.get(config, {}).items()
    }
    sections = [
        _rows(files),
        *(_by_split(counted) if counted else ()),
        *_trajectories(files),
        *_policies(files),
    ]
    return "\n\n".join(sections)


# Problems


def _count(rows: Iterable[Row]) -> Split:
    found = Split()
    for row in rows:
        found.rows += 1
        found.categories[row["category"]] += 1
        found.difficulties[row["category"], row["difficulty"]] += 1
        found.databases[row["database"]] += 1
        found.sources[row["source"]] += 1
        found.bugs.update(bug["kind"] for bug in row["bugs"])
        found.expected.append(len(json.loads(row["expected_output"])["rows"]))
        found.prompts.append(_tokens(message["content"] for message in row["prompt"]))
        _count_program(row, found)
    return found


def _count_program(row: Row, found: Split) -> None:
    code = row["correct_code"]
    found.lines.append(sum(bool(line.strip()) for line in code.splitlines()))
    try:
        dialect = Dialect.from_json(json.loads(row["dialect"])) if row["dialect"] else STANDARD
        program = parse(code, dialect)
    except (DslError, ValueError):  # `verify` tells about it
        return
    names = operators(program)
    found.stages.append(len(names))
    found.operators.update(set(names))
    found.tables.append(len({s.source.table for s in program.statements if isinstance(s.source, Load)}))
    found.shapes[outline(program)] += 1


def operators(program: Program) -> list[str]:
    """The stages and joins of a program, by name."""
    found = []
    for statement in program.statements:
        found += ["join"] if isinstance(statement.source, Join) else []
        found += [OPERATORS.get(type(stage), "?") for stage in statement.stages]
    return found


def outline(program: Program) -> str:
    """The tree without names and values: two programs of one outline use the same operators in one order."""
    parts = []
    for statement in program.statements:
        source = "name" if isinstance(statement.source, Ref) else OPERATORS.get(type(statement.source), "?")
        stages = (OPERATORS.get(type(stage), "?") for stage in statement.stages)
        parts.append(" ".join([source, *stages]))
    return "; ".join(parts)


def _tokens(texts: Iterable[str]) -> int:
    return round(sum(map(len, texts)) / CHARACTERS_PER_TOKEN)


# Tables


def _rows(files: Files) -> str:
    rows = []
    for config, splits in files.items():
        for split, paths in splits.items():
            count = sum(1 for _ in read_rows(paths, ["category"]))
            size = sum(path.stat().st_size for path in paths) / 1e6
            rows.append((config, split, count, len(paths), f"{size:.1f}"))
    return _table("Rows", ("config", "split", "rows", "files", "MB"), rows)


def _by_split(counted: Mapping[str, Split]) -> list[str]:
    return [
        _difficulties(counted),
        _counters("Databases and sources", counted, _sources),
        _counters("Bugs", counted, lambda split: split.bugs),
        _counters("Programs that use an operator", counted, lambda split: split.operators),
        _distribution("Lines of the correct program", counted, lambda split: split.lines),
        _distribution("Stages and joins of the correct program", counted, lambda split: split.stages),
        _distribution("Tables loaded", counted, lambda split: split.tables),
        _distribution("Expected rows", counted, lambda split: split.expected),
        _distribution("Prompt, tokens (about)", counted, lambda split: split.prompts),
        _shapes(counted),
    ]


def _difficulties(counted: Mapping[str, Split]) -> str:
    header = ("split", "category", *DIFFICULTIES, "all")
    rows = [
        (name, category, *(split.difficulties[category, d] for d in DIFFICULTIES), split.categories[category])
        for name, split in counted.items()
        for category in CATEGORIES
        if split.categories[category]
    ]
    return _table("Categories and difficulties", header, rows)


def _sources(split: Split) -> Counter[str]:
    return Counter({"databases": len(split.databases)}) + split.sources


def _counters(title: str, counted: Mapping[str, Split], choose: Callable[[Split], Counter[str]]) -> str:
    """One column for each split, one line for each name, the most frequent first."""
    chosen = {name: choose(split) for name, split in counted.items()}
    total: Counter[str] = sum(chosen.values(), Counter())
    names = sorted(total, key=lambda name: (-total[name], name))
    return _table(title, ("", *chosen), [(name, *(c[name] for c in chosen.values())) for name in names])


def _distribution(title: str, counted: Mapping[str, Split], choose: Callable[[Split], list[int]]) -> str:
    header = ("split", "mean", *(name for name, _ in _QUANTILES))
    rows = [(name, *_quantiles(choose(split))) for name, split in counted.items() if choose(split)]
    return _table(title, header, rows)


def _quantiles(values: Sequence[int]) -> list[Any]:
    ordered = sorted(values)
    chosen = [ordered[round(share * (len(ordered) - 1))] for _, share in _QUANTILES]
    return [f"{sum(ordered) / len(ordered):.1f}", *chosen]


def _shapes(counted: Mapping[str, Split]) -> str:
    rows = [
        (name, split.rows, len(split.shapes), max(split.shapes.values(), default=0))
        for name, split in counted.items()
    ]
    return _table("Shapes of programs", ("split", "programs", "distinct", "most frequent"), rows)


def _trajectories(files: Files) -> list[str]:
    turns, lengths, teachers = {}, {}, {}
    for split, paths in files.get("sft", {}).items():
        rows = list(read_rows(paths, ["messages", "turns", "teacher"]))
        turns[split] = [row["turns"] for row in rows]
        lengths[split] = [_tokens(map(_text, row["messages"])) for row in rows]
        teachers[split] = Counter(row["teacher"] for row in rows)
    if not turns:
        return []
    header = ("split", "mean", *(name for name, _ in _QUANTILES))
    counted = [(split, name, n) for split, found in teachers.items() for name, n in sorted(found.items())]
    return [
        _table("Trajectories, turns", header, [(s, *_quantiles(values)) for s, values in turns.items()]),
        _table("Trajectories, tokens (about)", header, [(s, *_quantiles(v)) for s, v in lengths.items()]),
        _table("Teachers", ("split", "teacher", "trajectories"), counted),
    ]


def _text(message: Row) -> str:
    return "".join([message["content"], *(call["function"]["arguments"] for call in message["tool_calls"])])


def _policies(files: Files) -> list[str]:
    paths = files.get("traces", {}).get("test", [])
    found: dict[str, list[Row]] = {}
    for row in read_rows(paths, ["policy", "robust", "visible_match", "turns"]):
        found.setdefault(row["policy"], []).append(row)
    rows = [
        (
            policy,
            len(traces),
            f"{100 * sum(t['robust'] for t in traces) / len(traces):.1f}%",
            f"{100 * sum(t['visible_match'] for t in traces) / len(traces):.1f}%",
            f"{sum(t['turns'] for t in traces) / len(traces):.1f}",
        )
        for policy, traces in sorted(found.items())
    ]
    header = ("policy", "episodes", "robust", "visible rows only", "turns")
    return [_table("Policies on the test split", header, rows)] if rows else []


def _table(title: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A title and aligned columns; figures stand to the right."""
    cells = [[str(value) for value in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for number, row in enumerate(cells):
        aligned = [
            text.rjust(width) if text[:1].isdigit() or (number == 0 and column) else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(aligned).rstrip())
    return "\n".join([title, "-" * len(title), *lines])
