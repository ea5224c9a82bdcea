"""The plain data that tests are made of, and what runs them."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from dsl_debug.problem import Case, to_tagged
from dsl_debug.sandbox import Limits, Sandbox

# A function of the curriculum takes far less than a millisecond: the rest is for a machine that is busy.
RUN_LIMITS = Limits(seconds=1.0, total_seconds=4.0, memory_mb=128)


class Outcome(Protocol):
    """What one test came to. A `dsl_debug.sandbox.TestResult` is one."""

    @property
    def passed(self) -> bool: ...

    @property
    def reason(self) -> str:
        """ "" where it passed; "timeout" where it did not end."""

    @property
    def shown(self) -> str:
        """The returned value as Python writes it, "" where there is none or it is not known."""


# (code, name of the function, tests) -> one outcome for each test.
Runner = Callable[[str, str, Sequence[Case]], Sequence[Outcome]]


def sandboxed(sandbox: Sandbox, limits: Limits = RUN_LIMITS) -> Runner:
    """A runner in the given sandbox; the limit on the total time holds for each few tests."""

    def run(code: str, function: str, tests: Sequence[Case]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for start in range(0, len(tests), 16):
            outcomes += sandbox.run_tests(code, function, tests[start : start + 16], limits).results
        return outcomes

    return run


# Python refuses to read or write longer numbers as text.
_HUGE = 10**4000


def is_text(text: str) -> bool:
    """Whether a text can be written to a file: halves of characters (lone surrogates) cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_plain(value: Any, depth: int = 50) -> bool:
    """Whether a value is numbers, text, truth values, None, and lists, tuples, dicts and sets of such.

    Exact types only: an instance of a subclass is not plain. NaN is not plain, since it equals nothing, nor
    is what a JSON file cannot hold: numbers of thousands of digits, and halves of characters.
    """
    kind = type(value)
    if value is None or kind is bool:
        return True
    if kind is str:
        return is_text(value)
    if kind is int:
        return bool(abs(value) < _HUGE)
    if kind is float:
        return not math.isnan(value)
    if depth == 0:
        return False
    if kind is dict:
        return all(is_plain(item, depth - 1) for pair in value.items() for item in pair)
    return kind in (list, tuple, set) and all(is_plain(item, depth - 1) for item in value)


def canonical(value: Any) -> str:
    """One text for plain data: JSON that keeps types apart, in which sets and dicts are sorted."""
    return json.dumps(_in_order(to_tagged(value)), ensure_ascii=False, separators=(",", ":"))


def _in_order(tagged: Any) -> Any:
    if isinstance(tagged, list):
        return [_in_order(item) for item in tagged]
    if not isinstance(tagged, dict):
        return tagged
    ((tag, inner),) = tagged.items()
    inner = _in_order(inner)
    return {tag: sorted(inner, key=json.dumps) if tag == "dict" else inner}


def call_text(case: Case) -> str:
    """The call of a test as one text: what is equal here is the same call."""
    return canonical([tuple(case["args"]), case.get("kwargs", {})])
