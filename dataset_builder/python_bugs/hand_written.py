"""How a bug is written down by hand: a correct function, one change that breaks it, and tests.

A family is a file of such triples, so that a reader has the reference, the mistake and the tests in one view:

    def add(left: int, right: int) -> int:
        \"\"\"Return the sum of the two numbers.\"\"\"
        return left + right


    ADD = HandWritten(
        add,
        category="logic",
        difficulty="easy",
        change=("left + right", "left - right"),
        hint="What happens to the second number?",
        tests=(case(1, 2, gives=3), ...),
        hidden=(case(5, 0, gives=5), ...),
    )

The first text of `change` stands exactly once in the function's source; the second takes its place in the
buggy version. The docstring is what a player is told about the function, so it has to settle every case
that a test asks for.
"""

import ast
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from dsl_debug.problem import Bug, Case, PythonProblem


@dataclass(frozen=True)
class HandWritten:
    """A correct function, one change that breaks it, and the tests that show it; see above for the form."""

    reference: Callable[..., Any]
    category: str
    difficulty: str
    change: tuple[str, str]
    hint: str
    tests: tuple[Case, ...]
    hidden: tuple[Case, ...]


def case(*args: Any, gives: Any, **kwargs: Any) -> Case:
    """A test: the call with these arguments returns `gives`."""
    return {"args": args, **({"kwargs": kwargs} if kwargs else {}), "expected": gives}


def refused(*args: Any) -> Case:
    """A test: the call with these arguments raises ValueError."""
    return {"args": args, "raises": "ValueError"}


def function_source(function: Callable[..., Any]) -> str:
    """The source of a function, below those imports of its module that it uses."""
    source = inspect.getsource(function)
    module = inspect.getmodule(function)
    assert module is not None
    used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    imports = list(_imports(module, used))
    return "\n".join([*imports, "", "", source]) if imports else source


def _imports(module: ModuleType, used: set[str]) -> Iterator[str]:
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias for alias in node.names if (alias.asname or alias.name) in used]
            if names:
                node.names = names
                yield ast.unparse(node)


def to_problem(entry: HandWritten, family: str) -> PythonProblem:
    """The problem that an entry describes. Raises ValueError if its change does not fit exactly once."""
    correct = function_source(entry.reference)
    old, new = entry.change
    if correct.count(old) != 1:
        name, times = entry.reference.__name__, correct.count(old)
        raise ValueError(f"{name}: {old!r} stands {times} times in the function")
    return PythonProblem(
        category=entry.category,
        difficulty=entry.difficulty,
        family=family,
        function=entry.reference.__name__,
        source="hand_written",
        buggy_code=correct.replace(old, new),
        correct_code=correct,
        description=" ".join((inspect.getdoc(entry.reference) or "").split()),
        tests=entry.tests,
        hidden_tests=entry.hidden,
        bugs=(_place(correct, old, new, entry),),
        hint=entry.hint,
    )


def _place(correct: str, old: str, new: str, entry: HandWritten) -> Bug:
    """Where the change lies, and the whole lines that it touches before and after."""
    start = correct.index(old)
    first = correct.rfind("\n", 0, start) + 1
    end = start + len(old)
    last = end if correct[end - 1] == "\n" else correct.index("\n", end)
    line = correct.count("\n", 0, start) + 1
    original = correct[first:last].strip("\n")
    mutated = correct.replace(old, new)[first : start + len(new) + (last - end)].strip("\n")
    description = f"From line {line} on, a part was changed or left out."
    if mutated and "\n" not in original + mutated:
        description = f"Line {line} has `{mutated.strip()}` in place of `{original.strip()}`."
    return Bug(entry.category, line, description, original, mutated)
