"""Replay without a browser: filters and their counts, finding an episode, and what is drawn of it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from dsl_debug.data import sample_problems
from dsl_debug.episode.tools import call_block
from dsl_debug.evaluation import trace_row
from dsl_debug.policies.base import Job, Setup, Talk
from space.handlers.replay import (
    MOST_CALLS,
    MOST_LISTED,
    Filter,
    Unknown,
    choices,
    episode,
    filtered,
    find,
    listed,
    loosened,
    page_of,
    step_of,
    wanted,
)
from space.library import Library, trace_key
from space.views import replay as views

HOSTILE = "</script><img src=x onerror=alert(1)> & {{value}} ${alert(1)}"


def bare(policy: str, category: str, failure: str, **more: Any) -> dict[str, Any]:
    """As much of a trace as the list reads."""
    given = {"policy": policy, "category": category, "failure": failure, "sample": 0, "environment": "dsl"}
    return {"problem_id": f"{policy}{category}{failure}", **given, **more}


def library_of(*traces: dict[str, Any], **more: Any) -> Library:
    return Library({}, {}, {trace_key(trace): trace for trace in traces}, **more)


FEW = library_of(
    bare("a", "standard", ""),
    bare("a", "nonlocal", "overfit"),
    bare("b", "standard", "overfit"),
    bare("b", "logic", "never_submitted", environment="python"),
    bare("b", "logic", "", environment="python", stopped="the server was away"),
)


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        (Filter(), [0, 1, 2, 3, 4]),
        (Filter(policy="a"), [0, 1]),
        (Filter(outcome="Overfit"), [1, 2]),
        (Filter(outcome="Never submitted"), [3]),
        (Filter(outcome="Stopped"), [4]),
        (Filter(outcome="Solved"), [0]),
        (Filter(environment="python", policy="b"), [3, 4]),
        (Filter(policy="a", category="standard", outcome="Overfit"), []),
        (Filter(policy="nobody"), []),
    ],
)
def test_filters(wanted: Filter, places: list[int]) -> None:
    keys = list(FEW.traces)
    assert filtered(FEW, wanted) == [keys[place] for place in places]


def test_what_can_be_chosen_is_counted_beside_the_other_filters() -> None:
    found = choices(FEW, Filter(policy="a"))
    assert found["policy"] == [("any (5)", ""), ("a (2)", "a"), ("b (3)", "b")]
    assert found["category"] == [("any (2)", ""), ("standard (1)", "standard"), ("nonlocal (1)", "nonlocal")]
    assert found["outcome"] == [("any (2)", ""), ("Solved (1)", "Solved"), ("Overfit (1)", "Overfit")]
    assert choices(FEW, Filter())["environment"][1:] == [
        ("programs (3)", "dsl"),
        ("Python functions (2)", "python"),
    ]


def test_every_choice_leads_to_as_many_episodes_as_it_says(library: Library) -> None:
    start = Filter(policy="random_edit")
    for facet, options in choices(library, start).items():
        for label, value in options:
            count = len(filtered(library, replace(start, **{facet: value})))
            assert label.endswith(f"({count})"), (facet, label)
            assert count


def test_an_empty_list_says_what_to_loosen() -> None:
    nothing = Filter(policy="a", category="standard", outcome="Overfit")
    assert loosened(FEW, nothing) == [("policy", 1), ("category", 1), ("outcome", 1)]
    assert ("policy", 0) in [(name, len(options) - 3) for name, options in choices(FEW, nothing).items()]
    text = views.listing([], loosened(FEW, nothing))
    assert "1 without the policy or 1 without the category or 1 without the outcome" in text
    assert "Take back a filter" in views.listing([], [])


def test_what_is_chosen_stays_in_its_list() -> None:
    assert ("a (0)", "a") in choices(FEW, Filter(policy="a", category="logic"))["policy"]


def test_posted_filters_of_a_wrong_kind_want_everything() -> None:
    assert wanted([None, 3, "nonlocal", ["x"]]) == Filter(category="nonlocal")


@pytest.mark.parametrize("key", ["nobody", "", None, 3, ["a"], {"a": 1}])
def test_what_is_no_key_is_refused_in_a_line(library: Library, key: object) -> None:
    with pytest.raises(Unknown, match="no episode of that name") as caught:
        find(library, key)
    assert "\n" not in str(caught.value)
    assert "error" in page_of(library, {"key": key})


@pytest.mark.parametrize("posted", [None, 3, "key", [], {}, {"key": {}}])
def test_what_strangers_post_gives_a_line(library: Library, posted: object) -> None:
    assert set(page_of(library, posted)) == {"error"}


@pytest.mark.parametrize(
    ("given", "step"),
    [("3", 3), ("0", 1), ("-2", 1), ("x", 1), ("", 1), (None, 1), ("9" * 5000, 999999), ("²", 1)],
)
def test_the_step_of_an_address(given: object, step: int) -> None:
    assert step_of(given) == step


def test_every_episode_of_the_sample_can_be_shown(library: Library) -> None:
    for key, trace in library.traces.items():
        shown = episode(library, key)
        text = views.episode(shown)
        assert len(shown.parts.steps) == trace["turns"] + 1, key
        assert text.count("data-step=") == trace["turns"] + 1
        assert text.count('id="replay-outcome"') == 1
        assert page_of(library, {"key": key})["text"].startswith("<!DOCTYPE html>")


def test_the_list_is_cut_and_says_so() -> None:
    many = library_of(*(bare(f"p{n}", "standard", "") for n in range(MOST_LISTED + 7)))
    text = views.listing(listed(many, many.traces), [])
    assert text.count("<tr data-key=") == MOST_LISTED
    assert "and 7 more" in text


def talked(*says: str, policy: str = "a model") -> tuple[Library, str]:
    """A library of one trace, and its key."""
    problem = sample_problems()[0]
    talk = Talk(Job(problem, 0, 7), Setup())
    for words in says:
        talk.say(words)
    trace = json.loads(json.dumps(trace_row(problem, talk.episode(), policy, "expert")))
    return Library({problem.id: problem}, {}, {trace_key(trace): trace}), trace_key(trace)


def with_calls(count: int) -> tuple[Library, str]:
    """A trace of one turn with so many calls."""
    calls = [{"function": {"name": "run", "arguments": {"code": f"emit x{n}x"}}} for n in range(count)]
    answers = [{"role": "tool", "name": "run", "content": f"answer {n}."} for n in range(count)]
    trace = bare("a", "standard", "", messages=[{"role": "assistant", "tool_calls": calls}, *answers])
    return library_of(trace), trace_key(trace)


def test_a_turn_with_many_calls_is_cut_but_for_its_last_one() -> None:
    known, key = with_calls(100)
    text = views.episode(episode(known, key))
    assert text.count('class="call"') == MOST_CALLS
    assert f"and {100 - MOST_CALLS} more calls" in text
    shown = [n for n in range(100) if f"answer {n}." in text]
    assert shown == [*range(MOST_CALLS - 1), 99]
    assert all(f"answer {n}." in page_of(known, {"key": key})["text"] for n in range(100))


def test_a_single_call_is_not_left_out() -> None:
    text = views.episode(episode(*with_calls(MOST_CALLS + 1)))
    assert text.count('class="call"') == MOST_CALLS + 1
    assert "more call" not in text


def test_hostile_texts_stay_texts() -> None:
    known, key = talked(f"{HOSTILE}\n{call_block('run', {'code': HOSTILE})}", policy=HOSTILE)
    rows = views.listing(listed(known, known.traces), [])
    for text in (views.episode(episode(known, key)), rows, views.refused(HOSTILE)):
        assert "<img" not in text
        assert "&lt;img src=x" in text


def test_a_trace_that_cannot_be_shown_gives_a_line() -> None:
    broken = library_of(bare("a", "standard", ""))
    with pytest.raises(Unknown, match="cannot be shown: a trace without messages"):
        episode(broken, next(iter(broken.traces)))
