"""What the rows of a dataset come to: the figures of the report and of the card.

The same content gives the same figures, whoever made it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dsl_debug.problem import CATEGORIES, DIFFICULTIES

if TYPE_CHECKING:
    from dataset_builder.export import Content
    from dataset_builder.model import Trajectory
    from dsl_debug.problem import DslProblem, PythonProblem, Row

Facts = dict[str, Any]


class Head(NamedTuple):
    """What is counted of a problem, so that the problems themselves need not fit into memory together."""

    id: str
    place: int
    category: str
    difficulty: str
    database: str
    source: str
    expected_rows: int
    hidden_suites: int
    bugs: tuple[str, ...]


Heads = Mapping[str, Mapping[str, list[Head]]]
"""Config (`problems`, `dialect_shift`, `sft_problems`) -> split -> heads, by id."""


def heads_of(problems: "Sequence[DslProblem]") -> list[Head]:
    """The heads of problems, by id; `place` is the index of the problem."""
    return sorted(
        Head(
            p.id,
            place,
            p.category,
            p.difficulty,
            p.database,
            p.source,
            p.expected_output.length,
            len(p.hidden),
            tuple(bug.kind for bug in p.bugs),
        )
        for place, p in enumerate(problems)
    )


def facts_of(content: "Content", heads: Heads) -> Facts:
    """What the rows themselves say: the same content gives the same facts."""
    return {
        "contents": _contents(content, heads),
        "agents": _agents(content.traces),
        "databases": _databases_of(content, heads),
    }


def _databases_of(content: "Content", heads: Heads) -> list[Facts]:
    """Where each database comes from, where its problems are, and how many of each category."""
    found: dict[str, Counter[str]] = {}
    for config in ("problems", "sft_problems"):
        for problems in heads[config].values():
            for problem in problems:
                found.setdefault(problem.database, Counter())[problem.category] += 1
    return [
        fact._asdict() | {"problems": _in_order(CATEGORIES, found.get(fact.id, Counter()).elements())}
        for fact in sorted(content.databases)
    ]


def _contents(content: "Content", heads: Heads) -> Facts:
    """Config -> split -> counts of its rows."""
    found: Facts = {"problems": {s: _problems(ps) for s, ps in heads["problems"].items() if ps}}
    for category in CATEGORIES:
        found[category] = {
            split: _problems([p for p in problems if p.category == category])
            for split, problems in heads["problems"].items()
            if any(p.category == category for p in problems)
        }
    found["dialect_shift"] = {s: _problems(ps) for s, ps in heads["dialect_shift"].items() if ps}
    found["sft"] = {split: _trajectories(ts) for split, ts in content.sft.items() if ts}
    found["sft_problems"] = {s: _problems(ps) for s, ps in heads["sft_problems"].items() if ps}
    found["arena"] = {s: _functions(fs) for s, fs in (content.arena or {}).items() if fs}
    if content.traces:
        found["traces"] = {"test": {"rows": len(content.traces)}}
    return {config: splits for config, splits in found.items() if splits}


def _functions(functions: "Sequence[PythonProblem]") -> Facts:
    return {
        "rows": len(functions),
        "category": counts(p.category for p in functions),
        "difficulty": _in_order(DIFFICULTIES, (p.difficulty for p in functions)),
    }


def _problems(problems: Sequence[Head]) -> Facts:
    return {
        "rows": len(problems),
        "category": _in_order(CATEGORIES, (p.category for p in problems)),
        "difficulty": _in_order(DIFFICULTIES, (p.difficulty for p in problems)),
        "databases": len({p.database for p in problems}),
        "source": counts(p.source for p in problems),
        "single_row": sum(p.expected_rows == 1 for p in problems),
        "hidden_suites": sum(p.hidden_suites for p in problems),
        "bugs": counts(kind for p in problems for kind in p.bugs),
    }


def _trajectories(trajectories: "Sequence[Trajectory]") -> Facts:
    return {
        "rows": len(trajectories),
        "turns": {str(turns): n for turns, n in sorted(Counter(t.turns for t in trajectories).items())},
        "teacher": counts(t.teacher for t in trajectories),
    }


def _agents(traces: "Iterable[Row]") -> Facts:
    """Policy -> what its episodes on the test split earned, under both rules, and how they failed."""
    by_policy: dict[str, list[Row]] = {}
    for row in traces:
        by_policy.setdefault(row["policy"], []).append(row)
    return {
        policy: {
            "episodes": len(rows),
            "robust": sum(row["robust"] for row in rows),
            "visible": sum(row["visible_match"] for row in rows),
            "failure": counts(row["failure"] for row in rows if row["failure"]),
        }
        for policy, rows in sorted(by_policy.items())
    }


def counts(values: Iterable[str]) -> dict[str, int]:
    """How often each value comes, by value."""
    return dict(sorted(Counter(values).items()))


def _in_order(names: Sequence[str], values: Iterable[str]) -> dict[str, int]:
    found = Counter(values)
    return {name: found[name] for name in names if found[name]}
