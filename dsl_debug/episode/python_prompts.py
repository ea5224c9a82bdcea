"""What an agent is told at the start of an arena episode."""

from collections.abc import Mapping, Sequence
from typing import Any

from dsl_debug.problem import Message, PythonProblem

MAX_ATTEMPTS = 5

_SYSTEM = """\
You repair Python functions. You are given a function with one mistake, what it should do, and some of its \
tests. Find the mistake and submit a corrected function.

The submitted function is also run on tests that you never see. So repair what the function means: values of \
the shown tests written into it are not a fix.

# Tools

- `run_tests(code)`: run the visible tests on a version of the function and see which fail, and how
- `submit(code)`: hand in the whole corrected function; this ends the episode

Each message of yours is one attempt, even if it holds several calls. Submit before your attempts are used \
up: without a submission nothing is earned, and only the first one counts.

# Rules

The function keeps its name and its arguments. It runs alone, without files, network or other processes, and \
may import what computes: `math`, `re`, `collections`, `itertools`, `functools`, `string`, `heapq`, \
`bisect`, `datetime` and the like. Other imports, and reaching into the interpreter, cost a penalty. Every \
test runs in a process of its own and has about two seconds. Results are compared by type and \
value: `True` is not 1, and a list is not a tuple."""


def python_system_prompt() -> str:
    """The system message of the arena."""
    return _SYSTEM


def python_user_prompt(
    problem: PythonProblem,
    tests: Sequence[Mapping[str, Any]],
    max_turns: int = MAX_ATTEMPTS,
    hint: bool = False,
) -> str:
    """The user message: what the function should do, its buggy text, visible tests, number of attempts."""
    shown = "\n".join(f"{call_text(problem.function, t)} -> {expectation_text(t)}" for t in tests)
    extra = f"\n\nHint: {problem.hint}" if hint and problem.hint else ""
    attempts = "1 attempt" if max_turns == 1 else f"{max_turns} attempts"
    return f"""\
The function `{problem.function}` has a mistake. What it should do: {problem.description}

# Function

```python
{problem.buggy_code.rstrip()}
```

# Visible tests

```
{shown}
```{extra}

You have {attempts}."""


def python_messages(problem: PythonProblem, max_turns: int = MAX_ATTEMPTS) -> list[Message]:
    """System and user message, for the column `prompt` of a dataset row or for a chat."""
    return [
        {"role": "system", "content": python_system_prompt()},
        {"role": "user", "content": python_user_prompt(problem, problem.tests, max_turns)},
    ]


def call_text(function: str, test: Mapping[str, Any]) -> str:
    """The call of a test as Python writes it."""
    keywords = [f"{name}={value_text(value)}" for name, value in test.get("kwargs", {}).items()]
    return f"{function}({', '.join([*map(value_text, test['args']), *keywords])})"


def expectation_text(test: Mapping[str, Any]) -> str:
    """What a test expects, in words."""
    if "raises" in test:
        return f"raises {test['raises']}"
    if "yields" in test:
        return f"yields {value_text(test['yields'])}"
    return value_text(test["expected"])


def value_text(value: Any) -> str:
    """A value of plain data as Python writes it; a set in a fixed order."""
    if isinstance(value, set) and value:
        return "{" + ", ".join(sorted(map(value_text, value))) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, tuple):
        inner = ", ".join(map(value_text, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{value_text(k)}: {value_text(v)}" for k, v in value.items()) + "}"
    return repr(value)
