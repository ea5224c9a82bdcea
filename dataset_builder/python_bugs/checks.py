"""What every arena problem has to stand up to, written by hand, by mutation, by a model or by a stranger."""

import ast
import builtins
from collections.abc import Sequence
from typing import Any

from dataset_builder.python_bugs.cases import Runner, call_text, is_plain, is_text
from dsl_debug.problem import Case, PythonProblem

MIN_VISIBLE = 6
MIN_HIDDEN = 4

_NEEDED = ("family", "function", "source", "description")
_TEXTS = (*_NEEDED, "buggy_code", "correct_code", "hint")


def verify(
    problem: PythonProblem, run: Runner, min_visible: int = MIN_VISIBLE, min_hidden: int = MIN_HIDDEN
) -> list[str]:
    """Why a problem must not be published; an empty list if it may.

    The buggy version fails visible and hidden tests, the reference passes all, twice; the tests are plain
    data and each asks for something else. Code is run only when all that can be read off is in order.
    """
    reasons = [
        *_check_labels(problem),
        *_check_code(problem),
        *_check_tests(problem, min_visible, min_hidden),
    ]
    return reasons or _check_runs(problem, run)


def _check_labels(problem: PythonProblem) -> list[str]:
    texts = {name: getattr(problem, name) for name in _TEXTS}
    reasons = [f"the {name} is empty" for name in _NEEDED if not texts[name].strip()]
    return reasons + [f"the {name} holds half a character" for name in texts if not is_text(texts[name])]


def _check_code(problem: PythonProblem) -> list[str]:
    reasons = []
    shapes = []
    for label, code in (("buggy", problem.buggy_code), ("correct", problem.correct_code)):
        try:
            tree = ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reasons.append(f"the {label} code is not Python: {error}")
            continue
        if find_function(tree, problem.function) is None:
            reasons.append(f"the {label} code does not define {problem.function!r} as a function")
        shapes.append(code_shape(tree))
    if len(shapes) == 2 and shapes[0] == shapes[1]:
        reasons.append("the buggy code is the correct code")
    return reasons


def find_function(tree: ast.Module, name: str) -> ast.FunctionDef | None:
    """The function of that name at the top of a module; of several, the last one, which is what counts."""
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    return found[-1] if found else None


def code_shape(tree: ast.Module) -> str:
    """The tree as text without docstrings, so that two codes which differ only there are the same."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)


def _check_tests(problem: PythonProblem, min_visible: int, min_hidden: int) -> list[str]:
    reasons = []
    for label, tests, least in (
        ("visible", problem.tests, min_visible),
        ("hidden", problem.hidden_tests, min_hidden),
    ):
        if len(tests) < least:
            reasons.append(f"{len(tests)} {label} tests, at least {least} are wanted")
        reasons += [
            f"{label} test {number}: {wrong}"
            for number, test in enumerate(tests, 1)
            if (wrong := case_problem(test))
        ]
    return reasons or _check_repetitions(problem)


def case_problem(test: Case) -> str:
    """What is wrong with the form of a test, or ""."""
    unknown = test.keys() - {"args", "kwargs", "expected", "yields", "raises"}
    if unknown or "args" not in test:
        return f"it has the keys {', '.join(sorted(test))}"
    if len(test.keys() & {"expected", "yields", "raises"}) != 1:
        return "it has to have one of expected, yields and raises"
    if not isinstance(test["args"], list | tuple) or not isinstance(test.get("kwargs", {}), dict):
        return "args is a sequence and kwargs a dict"
    values = [*test["args"], test.get("kwargs", {}), test.get("expected"), test.get("yields", [])]
    if not all(is_plain(value) for value in values):
        return "it holds something that is not plain data"
    if "yields" in test and not isinstance(test["yields"], list):
        return "yields is a list"
    if "raises" in test and not _is_exception(test["raises"]):
        return f"there is no built-in exception {test['raises']!r}"
    return ""


def _is_exception(name: Any) -> bool:
    kind = getattr(builtins, name, None) if isinstance(name, str) else None
    return isinstance(kind, type) and issubclass(kind, Exception)


def _check_repetitions(problem: PythonProblem) -> list[str]:
    """No call twice: a hidden test that is also shown hides nothing."""
    shown = [call_text(test) for test in problem.tests]
    hidden = [call_text(test) for test in problem.hidden_tests]
    reasons = []
    if len(set(shown)) < len(shown) or len(set(hidden)) < len(hidden):
        reasons.append("two tests make the same call")
    if set(shown) & set(hidden):
        reasons.append("a hidden test makes the same call as a visible one")
    return reasons


def _check_runs(problem: PythonProblem, run: Runner) -> list[str]:
    tests = [*problem.tests, *problem.hidden_tests]
    reasons = _check_reference(problem, tests, run)
    outcomes = run(problem.buggy_code, problem.function, tests)
    failed = [not outcome.passed for outcome in outcomes]
    if not any(failed[: len(problem.tests)]):
        reasons.append("the buggy code passes all visible tests")
    if not any(failed[len(problem.tests) :]):
        reasons.append("the buggy code passes all hidden tests")
    return reasons


def _check_reference(problem: PythonProblem, tests: Sequence[Case], run: Runner) -> list[str]:
    """All tests twice, in processes of their own: a reference that is right by luck fails one day."""
    for _ in range(2):
        for number, outcome in enumerate(run(problem.correct_code, problem.function, tests), 1):
            if not outcome.passed:
                where = f"visible test {number}"
                if number > len(problem.tests):
                    where = f"hidden test {number - len(problem.tests)}"
                return [f"the correct code fails {where}: {outcome.reason}"]
    return []
