"""The parts of an episode, for pages that show it in their own way."""

import re
from typing import Any

import pytest

from dsl_debug.replay import trace_page, trace_parts, turn_steps
from tests.problems import BUGGY, CORRECT, OVERFIT
from tests.replay.test_page import HOSTILE, PROBLEM, Page, run, submit, traced

TRACE = traced(PROBLEM, f"Look.\n{run(BUGGY)}", f"So.\n{run(CORRECT)}", submit(OVERFIT))


def many_calls(count: int) -> dict[str, Any]:
    """A trace of one turn with so many calls."""
    calls = [{"function": {"name": "run", "arguments": {"code": f"emit x{n}"}}} for n in range(count)]
    answers = [{"role": "tool", "name": "run", "content": f"<{n}>"} for n in range(count)]
    return {"messages": [{"role": "assistant", "tool_calls": calls}, *answers]}


def test_the_parts_are_those_of_the_page() -> None:
    parts, page = trace_parts(TRACE, PROBLEM), trace_page(TRACE, PROBLEM)
    assert [(step.id, step.label, step.summary) for step in parts.steps] == [
        ("turn-1", "Turn 1", "run"),
        ("turn-2", "Turn 2", "run"),
        ("turn-3", "Turn 3", "submit"),
        ("outcome", "Outcome", "overfit"),
    ]
    assert (parts.policy, parts.verdict) == ("a model", ("warn", "Overfit"))
    for html in (parts.facts, parts.problem, *(step.html for step in parts.steps)):
        assert html in page
        assert Page(html).faults == []


def test_the_turns_alone_are_those_of_the_whole() -> None:
    assert turn_steps(TRACE, PROBLEM, prefix="x-") == trace_parts(TRACE, PROBLEM, prefix="x-").steps[:-1]


def test_ids_are_kept_apart_by_their_prefix() -> None:
    one, other = (trace_parts(TRACE, PROBLEM, prefix=prefix) for prefix in ("a-", "b-"))
    ids = re.findall(r'\bid="([^"]*)"', "".join(step.html for part in (one, other) for step in part.steps))
    assert ids == [step.id for part in (one, other) for step in part.steps]
    assert len(set(ids)) == 8


def test_the_fix_can_be_left_out() -> None:
    whole, short = (trace_parts(TRACE, PROBLEM, with_fix=shown).steps[-1].html for shown in (True, False))
    assert "What was wrong" in whole
    assert "What was wrong" not in short
    assert "hidden tables passed" in short


@pytest.mark.parametrize(
    ("count", "most", "drawn"),
    [
        (5, None, [0, 1, 2, 3, 4]),
        (5, 5, [0, 1, 2, 3, 4]),
        (6, 5, [0, 1, 2, 3, 4, 5]),
        (7, 5, [0, 1, 2, 3, 6]),
        (9, 1, [8]),
    ],
)
def test_of_many_calls_the_last_one_is_drawn(count: int, most: int | None, drawn: list[int]) -> None:
    (step,) = turn_steps(many_calls(count), most_calls=most)
    assert [n for n in range(count) if f"&lt;{n}&gt;" in step.html] == drawn
    left_out = count - len(drawn)
    assert (f"and {left_out} more calls" in step.html) == bool(left_out)


def test_parts_refuse_what_the_page_refuses() -> None:
    for made in (trace_page, trace_parts, turn_steps):
        with pytest.raises(ValueError, match="without messages"):
            made({})
        with pytest.raises(ValueError, match="not of"):
            made(TRACE | {"problem_id": "another"}, PROBLEM)


def test_texts_stay_texts() -> None:
    trace = traced(PROBLEM, f"{HOSTILE}\n{run(HOSTILE)}", submit(HOSTILE))
    parts = trace_parts(trace, PROBLEM)
    for html in (parts.facts, parts.problem, *(step.html for step in parts.steps)):
        assert "<img" not in html
        assert "<script" not in html
