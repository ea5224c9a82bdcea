"""Lists of bugs that others wrote, with all their ways of writing them down."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.python_bugs.cases import Runner, canonical, sandboxed
from dataset_builder.python_bugs.checks import verify
from dataset_builder.python_bugs.importing import import_bugs, import_entries
from dsl_debug.problem import PythonProblem
from dsl_debug.sandbox import Limits, Sandbox


@pytest.fixture(scope="module")
def run() -> Iterator[Runner]:
    # All that is run here is our own, so that layers which a machine lacks are no danger.
    with Sandbox(allow_missing_layers=True) as sandbox:
        yield sandboxed(sandbox)


ADD = {
    "name": "add",
    "buggy_code": "def add(a, b):\n    return a - b\n",
    "correct_code": "def add(a, b):\n    return a + b\n",
    "tests": [
        {"args": [1, 2], "expected": 3},
        {"args": [5, 5], "expected": 10},
        {"args": [0, 0], "expected": 0},
    ],
}


def imported(run: Runner, entry: Any) -> PythonProblem:
    bugs, rejections = import_entries([entry], run)
    assert rejections == []
    return bugs[0]


def wanted(bug: PythonProblem) -> list[str]:
    """What the tests expect, whether they are shown or hidden."""
    tests = [*bug.tests, *bug.hidden_tests]
    return sorted(canonical(test.get("expected", test.get("yields", test.get("raises")))) for test in tests)


def test_a_file_becomes_problems_that_pass_the_checks(run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "bugs.json"
    path.write_text(json.dumps([ADD]), encoding="utf-8")
    (bug,), rejections = import_bugs(path, run)
    assert rejections == []
    assert verify(bug, run, min_visible=2, min_hidden=1) == []
    assert (bug.function, bug.family, bug.source) == ("add", "import:add", "import")
    assert len(bug.tests) == 2
    assert len(bug.hidden_tests) == 1


def test_the_split_depends_on_the_seed(run: Runner) -> None:
    tests = [[[number, number + 1], 2 * number + 1] for number in range(8)]
    entry = {**ADD, "tests": tests}
    splits = [canonical(import_entries([entry], run, seed)[0][0].tests) for seed in (1, 1, 2)]
    assert splits[0] == splits[1] != splits[2]


SPELLINGS: dict[str, list[Any]] = {
    "args and expected": ADD["tests"],  # type: ignore[dict-item]
    "input and output": [
        {"input": [1, 2], "output": 3},
        {"input": [5, 5], "output": 10},
        {"input": [0, 0], "output": 0},
    ],
    "inputs and result": [
        {"inputs": [1, 2], "result": 3},
        {"inputs": [5, 5], "result": 10},
        {"inputs": [0, 0], "result": 0},
    ],
    "pairs": [[[1, 2], 3], [[5, 5], 10], [[0, 0], 0]],
    "by keyword": [
        {"kwargs": {"a": 1, "b": 2}, "expected": 3},
        {"args": [5], "kwargs": {"b": 5}, "expected": 10},
        {"args": [0, 0], "expected": 0},
    ],
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_usual_spellings_of_tests_are_read(spelling: str, run: Runner) -> None:
    bug = imported(run, {**ADD, "tests": SPELLINGS[spelling]})
    assert wanted(bug) == ["0", "10", "3"]


def test_other_names_of_the_fields_are_read(run: Runner) -> None:
    entry = {
        "entry_point": "add",
        "buggy": ADD["buggy_code"],
        "solution": ADD["correct_code"],
        "test_cases": ADD["tests"],
        "category": "off_by_one",
        "difficulty": "hard",
        "description": "Return the sum.",
    }
    bug = imported(run, entry)
    assert (bug.category, bug.difficulty, bug.description) == ("off_by_one", "hard", "Return the sum.")


def test_the_name_may_be_that_of_the_problem(run: Runner) -> None:
    assert imported(run, {**ADD, "name": "Sum of two numbers"}).function == "add"


def test_a_single_argument_may_be_given_as_it_is(run: Runner) -> None:
    entry = {
        "name": "total",
        "buggy_code": "def total(xs):\n    return sum(xs[1:])\n",
        "correct_code": "def total(xs):\n    return sum(xs)\n",
        "tests": [{"input": [1, 2], "output": 3}, {"input": [5], "output": 5}, {"input": [], "output": 0}],
    }
    bug = imported(run, entry)
    assert sorted(canonical(test["args"]) for test in [*bug.tests, *bug.hidden_tests]) == [
        '{"tuple":[[1,2]]}',
        '{"tuple":[[5]]}',
        '{"tuple":[[]]}',
    ]


TYPES: dict[str, tuple[str, str, list[Any], list[str]]] = {
    "a tuple": ("(x, x + 1)", "(x, x)", [[1, 2], [5, 6], [0, 1]], ["0,1", "1,2", "5,6"]),
    "tuples in a list": (
        "[(x, [x])]",
        "[(x, [])]",
        [[[1, [1]]], [[5, [5]]], [[0, [0]]]],
        ["0,[0]", "1,[1]", "5,[5]"],
    ),
}


@pytest.mark.parametrize("name", TYPES)
def test_tuples_come_from_what_the_reference_returns(name: str, run: Runner) -> None:
    right, wrong, outputs, inner = TYPES[name]
    entry = {
        "name": "f",
        "buggy_code": f"def f(x):\n    return {wrong}\n",
        "correct_code": f"def f(x):\n    return {right}\n",
        "tests": [{"args": [x], "expected": output} for x, output in zip((1, 5, 0), outputs, strict=True)],
    }
    texts = [f'{{"tuple":[{text}]}}' for text in inner]
    if name == "tuples in a list":
        texts = [f"[{text}]" for text in texts]
    assert wanted(imported(run, entry)) == texts


def test_sets_number_keys_and_floats_come_from_the_reference(run: Runner) -> None:
    entry = {
        "name": "f",
        "buggy_code": "def f(x):\n    return {x: ({x}, x / 1), None: True, 'k': []}\n",
        "correct_code": "def f(x):\n    return {x: ({x, -1}, x / 1), None: True, 'k': []}\n",
        "tests": [
            {"args": [x], "expected": {str(x): [[-1, x], x], "null": True, "k": []}} for x in (1, 5, 7)
        ],
    }
    bug = imported(run, entry)
    expected = next(test["expected"] for test in [*bug.tests, *bug.hidden_tests] if test["args"] == (5,))
    assert canonical(expected) == canonical({5: ({5, -1}, 5.0), None: True, "k": []})


FLATTEN = """\
def flatten(nested):
    for item in nested:
        if isinstance(item, list):
            for inner in flatten(item):
                yield inner
        else:
            yield item
"""


def test_what_a_generator_yields_is_listed(run: Runner) -> None:
    entry = {
        "name": "flatten",
        "buggy_code": FLATTEN.replace("yield item", "yield flatten(item)"),
        "correct_code": FLATTEN,
        "tests": [[[[1, [2, [3]], []]], [1, 2, 3]], [[[[], [[]]]], []], [[[[4], 5]], [4, 5]]],
    }
    bug = imported(run, entry)
    assert wanted(bug) == ["[1,2,3]", "[4,5]", "[]"]
    assert all("yields" in test for test in bug.tests)


def test_expected_exceptions_are_read(run: Runner) -> None:
    entry = {
        **ADD,
        "buggy_code": "def add(a, b):\n    return str(a) + str(b)\n",
        "tests": [*ADD["tests"], {"args": ["x", 1], "raises": "TypeError"}],  # type: ignore[misc]
    }
    assert '"TypeError"' in wanted(imported(run, entry))


REJECTED: dict[str, tuple[Any, str, str]] = {
    "no object": (5, "entry 1", "it is not a JSON object"),
    "no code": ({"name": "f", "tests": []}, "f", "it has no buggy_code; there is name, tests"),
    "code of another type": (
        {**ADD, "buggy_code": ["def"]},
        "add",
        "name, buggy_code and correct_code have to be text",
    ),
    "reference not Python": (
        {**ADD, "correct_code": "def add(a, b) return"},
        "add",
        "the correct code is not Python: expected ':' (<unknown>, line 1)",
    ),
    "half a character": (
        {**ADD, "buggy_code": "# \ud800\n"},
        "add",
        "name, buggy_code or correct_code holds half a character",
    ),
    "a sum without end": (
        {**ADD, "buggy_code": f"def add(a, b):\n    return a{' + b' * 1500}\n"},
        "add",
        "its code or its data is nested too deeply",
    ),
    "no function": (
        {**ADD, "correct_code": "add = 1"},
        "add",
        "the correct code does not define 'add' as a function",
    ),
    "no tests": ({**ADD, "tests": []}, "add", "tests has to be a list that is not empty"),
    "a test that is none": (
        {**ADD, "tests": ["1 + 2"]},
        "add",
        "test 1 is neither an object nor a pair of input and output",
    ),
    "a test without arguments": (
        {**ADD, "tests": [{"expected": 1}]},
        "add",
        "test 1 has no arguments; there is expected",
    ),
    "a test without expectation": (
        {**ADD, "tests": [{"args": [1, 2]}]},
        "add",
        "test 1 does not say what is expected; there is args",
    ),
    "keywords that are none": (
        {**ADD, "tests": [{"args": [1, 2], "kwargs": [1], "expected": 1}]},
        "add",
        "test 1: args is a sequence and kwargs a dict",
    ),
    "wrong reference": (
        {**ADD, "tests": [{"args": [1, 2], "expected": 4}]},
        "add",
        "the correct code fails test 1: wrong value",
    ),
    "nothing to hide": (
        {**ADD, "tests": [[[x, 0], x] for x in range(9)] + [[[1, 1], 2]]},
        "add",
        "of 10 different tests the buggy code fails 1; it takes 3 tests and 2 that fail, to show one and"
        " to hide one",
    ),
    "buggy code of another name": (
        {**ADD, "buggy_code": "def plus(a, b):\n    return a\n"},
        "add",
        "the buggy code does not define 'add' as a function",
    ),
    "unknown difficulty": (
        {**ADD, "difficulty": "insane"},
        "add",
        "no difficulty 'insane'; there is: easy, medium, hard",
    ),
}


@pytest.mark.parametrize("name", REJECTED)
def test_a_bad_entry_is_left_out_with_its_reason(name: str, run: Runner) -> None:
    entry, label, reason = REJECTED[name]
    bugs, rejections = import_entries([entry], run)
    assert bugs == []
    assert rejections == [(label, (reason,))]


def test_a_bad_entry_does_not_harm_the_others(run: Runner) -> None:
    bugs, rejections = import_entries([None, ADD, ADD], run)
    assert [bug.function for bug in bugs] == ["add"]
    assert rejections == [("entry 1", ("it is not a JSON object",)), ("add", ("it is in the list already",))]


def test_a_buggy_version_that_loops_is_a_bug_like_any_other() -> None:
    entry = {**ADD, "buggy_code": "def add(a, b):\n    while a:\n        b += 1\n    return b\n"}
    limits = Limits(seconds=0.3, total_seconds=0.6)
    with Sandbox(allow_missing_layers=True) as sandbox:
        assert imported(sandboxed(sandbox, limits), entry).function == "add"


FILES = {
    "a number of too many digits": (
        f"[{'9' * 5000}]",
        "is not JSON: Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits;"
        " use sys.set_int_max_str_digits() to increase the limit",
    ),
    "no JSON": (
        "{",
        "is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    ),
    "no list": ('{"name": "add"}', "does not hold a JSON list of bugs"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_kind_is_refused_in_one_line(name: str, run: Runner, tmp_path: Path) -> None:
    text, problem = FILES[name]
    path = tmp_path / "bugs.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        import_bugs(path, run)
    assert str(caught.value) == f"{path} {problem}"
