"""Named examples: problems, each with a wrong program that the published rule pays, short enough to read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.audit.checks import Audit, Facts
from dsl_debug.agents.bench import Bench
from dsl_debug.lang import Program, Table, print_program
from dsl_debug.problem import DslProblem

MAX_ROWS, MAX_COLUMNS = 3, 4
"""What an example shows of a table at most."""

CANDIDATES = 40
"""Problems that are looked at for one example, the shortest programs first."""

Example = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of example: its title, the check that holds of its problems, and how to show one of them."""

    title: str
    check: str
    show: Callable[[Audit], Example | None]


def examples(found: Sequence[tuple[DslProblem, Facts]]) -> list[Example]:
    """One example of every kind for which there is one, each of another problem."""
    chosen: list[Example] = []
    for kind in KINDS:
        taken = [example["id"] for example in chosen]
        example = next((e for e in _shown(kind, found) if e["id"] not in taken), None)
        if example:
            chosen.append(example)
    return chosen


def _shown(kind: Kind, found: Sequence[tuple[DslProblem, Facts]]) -> Iterator[Example]:
    """The examples of a kind, the shortest programs first."""
    fitting = [(problem, facts) for problem, facts in found if kind.check in facts.holds]
    fitting.sort(key=lambda pair: (pair[1].size, pair[1].id))
    for problem, facts in fitting[:CANDIDATES]:
        rows = problem.expected_output
        if rows.length <= MAX_ROWS and len(rows.names) <= MAX_COLUMNS:
            shown = kind.show(Audit(problem))
            if shown:
                names = ("id", "database", "category", "difficulty")
                yield {"title": kind.title, **{name: getattr(facts, name) for name in names}, **shown}


# The kinds


def _pays(audit: Audit, wrong: Program, said: str, **more: str) -> Example | None:
    """A wrong program, with the first contents on which it is wrong and few rows are expected."""
    others = [other for other in audit.trial.others if not other.accepts(wrong) and _is_short(other.expected)]
    if not others:
        return None
    given = others[0].bench.run(wrong)
    return {
        "said": said,
        "correct": _text(audit.correct),
        "expected": _rows(audit.expected),
        **more,
        "wrong": _text(wrong),
        "elsewhere": {"correct": _rows(others[0].expected), "wrong": _rows(given)},
    }


def _constant(audit: Audit) -> Example | None:
    return _pays(
        audit, audit.case.exploits["constant_emitter"][0], "It prints the row, whatever the tables hold."
    )


def _neighbour(name: str) -> Callable[[Audit], Example | None]:
    def show(audit: Audit) -> Example | None:
        buggy = {"buggy": _text(audit.buggy)} if name == "buggy" and audit.buggy else {}
        for edit in audit.near[name].wrong:
            example = _pays(audit, edit.program, f"{edit.description}.", **buggy)
            if example:
                return example
        return None

    return show


def _key_filter(audit: Audit) -> Example | None:
    wrong = [
        program for program in audit.key_filters if not audit.is_right(program) and audit.is_paid(program)
    ]
    found = (_pays(audit, program, "It picks the rows by the values shown.") for program in wrong)
    return next((example for example in found if example), None)


def _tie(audit: Audit) -> Example | None:
    turned = Bench(audit.trial.shown.reversed).run(audit.correct)
    if turned is None or not _is_short(turned):
        return None
    return {
        "said": "The same rows, stored in the reverse order, give another result.",
        "correct": _text(audit.correct),
        "expected": _rows(audit.expected),
        "turned": _rows(turned),
    }


KINDS = (
    Kind("A constant for an answer", "single_row_emitter", _constant),
    Kind("A wrong fix of the bug", "buggy_wrong", _neighbour("buggy")),
    Kind("One edit from the correct program", "correct_wrong", _neighbour("correct")),
    Kind("Rows picked by their values", "key_filter", _key_filter),
    Kind("A tie decides", "tie", _tie),
)


# Excerpts


def _text(program: Program) -> str:
    """The program without the lines that are comments or empty."""
    lines = print_program(program).splitlines()
    return "\n".join(line for line in lines if line and not line.lstrip().startswith("--"))


def _is_short(table: Table) -> bool:
    return table.length <= MAX_ROWS and len(table.names) <= MAX_COLUMNS


def _rows(table: Table | None) -> str:
    """The first rows of a table as text; what a program that fails gives is said in words."""
    return "(it fails)" if table is None else table.render(MAX_ROWS)
