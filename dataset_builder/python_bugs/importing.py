"""Bugs that others have collected: a JSON list of {name, buggy_code, correct_code, tests} becomes arena
problems.

What lists differ in is read as it comes: the usual names of the fields, tests as objects or as pairs,
arguments as a list or, for a function of one argument, as they are. JSON has no tuples, sets and number
keys: where a test's value differs from what the reference returns in nothing else, the reference is
believed. What a generator yields is listed. The code runs in the sandbox only.
"""

import ast
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from dataset_builder.python_bugs.cases import Runner, call_text, is_text
from dataset_builder.python_bugs.checks import case_problem, find_function, verify
from dataset_builder.seeding import seeded
from dsl_debug.problem import Case, PythonProblem

MIN_VISIBLE = 2
MIN_HIDDEN = 1
MAX_TESTS = 40
"""Of more tests than this, some are drawn."""

_FIELDS: dict[str, tuple[str, ...]] = {
    "name": ("name", "function", "function_name", "entry_point"),
    "buggy_code": ("buggy_code", "buggy", "bug"),
    "correct_code": ("correct_code", "correct", "fixed_code", "solution", "reference"),
    "tests": ("tests", "test_cases", "testcases"),
}
_ARGUMENTS = ("args", "arguments", "input", "inputs")
_EXPECTED = ("expected", "output", "expected_output", "result", "returns")
_RAISES = ("raises", "exception", "error")


class Rejection(NamedTuple):
    """An entry that did not become a problem, by its name or its place in the list, and why."""

    name: str
    reasons: tuple[str, ...]


class _Rejected(ValueError):
    """Why an entry cannot be read."""


Progress = Callable[[int, int], None]
"""Hears how many of how many entries are done."""


def import_bugs(
    path: str | Path, run: Runner, seed: int = 0, on_progress: Progress = lambda done, total: None
) -> tuple[list[PythonProblem], list[Rejection]]:
    """The problems of a JSON file, and what was left out. Raises ValueError if it is no JSON list."""
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(entries, list):
        raise ValueError(f"{path} does not hold a JSON list of bugs")
    return import_entries(entries, run, seed, on_progress=on_progress)


def import_entries(
    entries: Sequence[Any],
    run: Runner,
    seed: int = 0,
    source: str = "import",
    on_progress: Progress = lambda done, total: None,
) -> tuple[list[PythonProblem], list[Rejection]]:
    """The same for entries that are at hand, such as those that a model wrote."""
    problems: list[PythonProblem] = []
    rejections = []
    for number, entry in enumerate(entries, 1):
        label = f"entry {number}"
        try:
            label = str(_field(entry, "name"))
            problem = _read_entry(entry, run, seed, source)
            reasons = verify(problem, run, MIN_VISIBLE, MIN_HIDDEN)
            if any(problem.buggy_code == o.buggy_code and problem.tests == o.tests for o in problems):
                reasons.append("it is in the list already")
        except _Rejected as error:
            reasons = [str(error)]
        except RecursionError:
            reasons = ["its code or its data is nested too deeply"]
        if reasons:
            rejections.append(Rejection(label, tuple(reasons)))
        else:
            problems.append(problem)
        on_progress(number, len(entries))
    return problems, rejections


def _field(entry: Any, name: str) -> Any:
    if not isinstance(entry, Mapping):
        raise _Rejected("it is not a JSON object")
    for spelling in _FIELDS[name]:
        if spelling in entry:
            return entry[spelling]
    raise _Rejected(f"it has no {name}; there is {', '.join(sorted(map(str, entry))) or 'nothing'}")


def _read_entry(entry: Mapping[str, Any], run: Runner, seed: int, source: str) -> PythonProblem:
    texts = [_field(entry, name) for name in ("name", "buggy_code", "correct_code")]
    if not all(isinstance(text, str) for text in texts):
        raise _Rejected("name, buggy_code and correct_code have to be text")
    if not all(is_text(text) for text in texts):
        raise _Rejected("name, buggy_code or correct_code holds half a character")
    name, buggy, correct = texts
    function = _function(correct, name)
    cases = _cases(_field(entry, "tests"), function, correct, run)
    visible, hidden = _split(cases, function.name, buggy, run, seeded("import", seed, name, buggy))
    description = " ".join((ast.get_docstring(function) or "").split()) or "Make all tests pass."
    try:
        return PythonProblem(
            category=str(entry.get("category") or "logic"),
            difficulty=str(entry.get("difficulty") or "medium"),
            family=f"{source}:{function.name}",
            function=function.name,
            source=source,
            buggy_code=buggy,
            correct_code=correct,
            description=str(entry.get("description") or description),
            tests=tuple(visible),
            hidden_tests=tuple(hidden),
            hint=str(entry.get("hint") or ""),
        )
    except ValueError as error:
        raise _Rejected(str(error)) from None


def _function(code: str, name: str) -> ast.FunctionDef:
    """The function that the tests call: the one of that name, or the only one there is."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _Rejected(f"the correct code is not Python: {error}") from None
    function = find_function(tree, name)
    if function is not None:
        return function
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if len(functions) != 1:
        raise _Rejected(f"the correct code does not define {name!r} as a function")
    return functions[0]


def _is_generator(function: ast.FunctionDef) -> bool:
    """Whether the function itself yields, not only one that is defined in it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)
    return False


def _cases(tests: Any, function: ast.FunctionDef, correct: str, run: Runner) -> list[Case]:
    """The tests in the first reading with which the reference passes them all."""
    if not isinstance(tests, list) or not tests:
        raise _Rejected("tests has to be a list that is not empty")
    errors = []
    for spread in (True, False):
        try:
            cases = [_case(test, number, spread, function) for number, test in enumerate(tests, 1)]
            return _believe_reference(cases, function.name, correct, run)
        except _Rejected as error:
            errors.append(error)
    raise errors[0]


def _case(test: Any, number: int, spread: bool, function: ast.FunctionDef) -> Case:
    """One test. `spread`: an input that is a list holds the arguments; else it is the one argument."""
    if isinstance(test, list) and len(test) == 2:
        test = {"input": test[0], "expected": test[1]}
    if not isinstance(test, Mapping):
        raise _Rejected(f"test {number} is neither an object nor a pair of input and output")
    case: Case = {"args": _arguments(test, number, spread)}
    if test.get("kwargs"):
        case["kwargs"] = test["kwargs"]
    case |= _wanted(test, number, _is_generator(function))
    if wrong := case_problem(case):
        raise _Rejected(f"test {number}: {wrong}")
    return case


def _arguments(test: Mapping[str, Any], number: int, spread: bool) -> tuple[Any, ...]:
    for name in _ARGUMENTS:
        if name in test:
            given = test[name]
            return tuple(given) if spread and isinstance(given, list) else (given,)
    if "kwargs" in test:
        return ()
    raise _Rejected(f"test {number} has no arguments; there is {', '.join(sorted(test)) or 'nothing'}")


def _wanted(test: Mapping[str, Any], number: int, yields: bool) -> Case:
    for name in _RAISES:
        if test.get(name):
            return {"raises": test[name]}
    for name in _EXPECTED:
        if name in test:
            return {"yields" if yields else "expected": test[name]}
    raise _Rejected(f"test {number} does not say what is expected; there is {', '.join(sorted(test))}")


def _believe_reference(cases: Sequence[Case], name: str, correct: str, run: Runner) -> list[Case]:
    """The tests, each once, with tuples, sets and keys of dicts as the reference returns them."""
    fitted: dict[str, Case] = {}
    for number, (case, outcome) in enumerate(zip(cases, run(correct, name, cases), strict=True), 1):
        if outcome.passed:
            fitted.setdefault(call_text(case), case)
            continue
        variants = _variants(case, outcome.shown)
        fitting = next((other for other in variants if run(correct, name, [other])[0].passed), None)
        if fitting is None:
            raise _Rejected(f"the correct code fails test {number}: {outcome.reason}")
        fitted.setdefault(call_text(case), fitting)
    return list(fitted.values())


def _variants(case: Case, shown: str) -> Iterator[Case]:
    """The test with the value that was shown, if it is the same but for types, and with tuples for lists."""
    if "raises" in case:
        return
    key = "yields" if "yields" in case else "expected"
    wanted = case[key]
    try:
        value = ast.literal_eval(shown.removeprefix("a generator of "))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        pass  # a value that was cut because of its length
    else:
        if _alike(wanted, value):
            yield case | {key: value}
    if isinstance(wanted, list):
        pairs = [tuple(item) if isinstance(item, list) else item for item in wanted]
        for other in (pairs, tuple(wanted), tuple(pairs)):
            yield case | {key: list(other) if key == "yields" else other}


def _alike(wanted: Any, value: Any) -> bool:
    """Whether JSON could have made `wanted` out of `value`."""
    if isinstance(value, dict):
        keys = {key if isinstance(key, str) else json.dumps(key): key for key in value if _is_key(key)}
        return (
            isinstance(wanted, dict)
            and len(keys) == len(value)
            and keys.keys() == wanted.keys()
            and all(_alike(wanted[text], value[key]) for text, key in keys.items())
        )
    if isinstance(value, set):
        return (
            isinstance(wanted, list)
            and len(wanted) == len(value)
            and all(any(_alike(item, member) for item in wanted) for member in value)
        )
    if isinstance(value, list | tuple):
        return isinstance(wanted, list) and len(wanted) == len(value) and all(map(_alike, wanted, value))
    if isinstance(value, int | float) and isinstance(wanted, int | float):
        return isinstance(value, bool) == isinstance(wanted, bool) and value == wanted
    return type(value) is type(wanted) and bool(value == wanted)


def _is_key(key: Any) -> bool:
    """Whether JSON turns this key of a dict into text."""
    return key is None or isinstance(key, str | int | float)


def _split(
    cases: Sequence[Case], name: str, buggy: str, run: Runner, rng: Random
) -> tuple[list[Case], list[Case]]:
    """Visible and hidden tests, with at least one that the buggy code fails in both."""
    outcomes = run(buggy, name, cases)
    failing = [case for case, outcome in zip(cases, outcomes, strict=True) if not outcome.passed]
    if len(failing) < 2 or len(cases) < MIN_VISIBLE + MIN_HIDDEN:
        raise _Rejected(
            f"of {len(cases)} different tests the buggy code fails {len(failing)}; it takes"
            f" {MIN_VISIBLE + MIN_HIDDEN} tests and 2 that fail, to show one and to hide one"
        )
    shown, kept_back = rng.sample(failing, 2)
    others = [case for case in cases if case is not shown and case is not kept_back]
    others = rng.sample(others, min(len(others), MAX_TESTS - 2))
    more = max(MIN_VISIBLE, round(0.6 * (len(others) + 2))) - 1
    visible, hidden = [shown, *others[:more]], [kept_back, *others[more:]]
    return rng.sample(visible, len(visible)), rng.sample(hidden, len(hidden))
