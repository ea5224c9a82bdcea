"""The shelf of broken programs: each gets exactly the text that stands beside it in tests/fixtures/errors."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import dsl_debug.lang
from dsl_debug.lang import Diagnostic, DslError
from tests.lang.shelf import DIALECT, FOLDER, Case, all_cases, print_case, read_cases

CASES = {f"{path.stem}-{case.name}": case for path, case in all_cases()}
PROGRAMS = {
    name: case
    for name, case in CASES.items()
    if case.option("tables") is None and case.option("inspect") is None
}
# What a run finds and a check cannot.
FOUND_IN_A_RUN = {
    *("division-by-zero", "number-too-large"),
    *("limit-rows", "limit-cells", "limit-steps", "limit-seconds"),
}


def outcome(case: Case) -> DslError:
    error = case.outcome()
    assert error is not None, f"{case.name} runs without an error"
    return error


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_broken_program_gets_exactly_this_text(case: Case) -> None:
    assert str(outcome(case)) == case.expected, (
        "after a change on purpose: python -m tests.lang.shelf --write"
    )


def test_the_check_finds_what_the_run_reports() -> None:
    wrong = []
    for name, case in PROGRAMS.items():
        ran, checked = outcome(case).diagnostics, case.checked()
        as_found = ran[0].code in FOUND_IN_A_RUN if checked is None else checked.diagnostics == ran
        wrong += [] if as_found else [name]
    assert wrong == []


def inside(diagnostic: Diagnostic, code: str) -> bool:
    """Whether a diagnostic points at a place of the text, and shows that line."""
    if not diagnostic.line:
        return not diagnostic.source
    lines = code.split("\n")
    if diagnostic.line > len(lines) or lines[diagnostic.line - 1].rstrip() != diagnostic.source:
        return False
    last = max(len(lines[diagnostic.line - 1]), 1) + 1
    return 1 <= diagnostic.column < diagnostic.end_column <= last


def test_diagnostics_lie_inside_the_text() -> None:
    outside = [
        (name, str(d))
        for name, case in PROGRAMS.items()
        for d in outcome(case).diagnostics
        if not inside(d, case.code)
    ]
    assert outside == []


def test_nothing_is_said_twice_in_one_place() -> None:
    for name, case in PROGRAMS.items():
        places = Counter((d.line, d.column, d.code) for d in outcome(case).diagnostics)
        assert max(places.values()) == 1, name


def test_in_a_dialect_no_message_speaks_another_language() -> None:
    # Left out: standard words that are also English, or words of this dialect.
    standard = {
        "load",
        "emit",
        "filter",
        "select",
        "compute",
        "group_by",
        "sort_by",
        "desc",
        "count_distinct",
    }
    cases = [case for case in PROGRAMS.values() if case.option("dialect") is not None]
    assert len(cases) >= 20
    for case in cases:
        said = {
            word for d in outcome(case).diagnostics for word in re.findall(r"\w+", f"{d.message} {d.help}")
        }
        assert said & (standard - set(re.findall(r"\w+", case.program))) == set(), case.name


def test_names_are_given_once() -> None:
    assert len(CASES) == sum(1 for _ in all_cases()) >= 300


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_files_stand_as_they_are_written(path: Path) -> None:
    cases = read_cases(path)
    assert path.read_text(encoding="utf-8") == "\n".join(print_case(case, case.expected) for case in cases)


def test_the_dialect_of_the_shelf_leaves_no_standard_word() -> None:
    assert [word for word, surface in DIALECT.words().items() if word == surface] == []


# Codes

GIVES_A_CODE = {
    "Diagnostic",
    "RunError",
    "SyntaxFailure",
    "_bad_table",
    "fail",
    "fail_span",
    "failure",
    "report",
}


def codes_in_the_source() -> Iterator[str]:
    """The codes that the language gives to its diagnostics: the first argument of what makes one."""
    for path in Path(dsl_debug.lang.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0]
            if name in GIVES_A_CODE and isinstance(first, ast.Constant):
                yield str(first.value)


# Takes a program of a thousand lines: test_limits.py has it.
TOO_LONG_FOR_THE_SHELF = {"limit-columns"}


def test_every_code_of_the_source_is_on_the_shelf() -> None:
    on_the_shelf = {d.code for _, case in all_cases() for d in outcome(case).diagnostics}
    on_the_shelf |= TOO_LONG_FOR_THE_SHELF
    assert set(codes_in_the_source()) - on_the_shelf == set()
    assert on_the_shelf - set(codes_in_the_source()) == set(), "a code that no call in the source spells out"


def test_codes_are_slugs() -> None:
    assert [code for code in codes_in_the_source() if not re.fullmatch(r"[a-z]+(-[a-z]+)*", code)] == []
