"""How many strangers are served at a time, and which problem they get."""

import asyncio
import threading
from random import Random
from typing import Any

import pytest

from dsl_debug import visitors
from dsl_debug.data import sample_problems
from dsl_debug.episode import TOOLS
from dsl_debug.episode.tools import call_block
from dsl_debug.visitors import (
    MAX_CODE,
    MAX_MESSAGE,
    MAX_MESSAGE_CALLS,
    Busy,
    Gone,
    Refused,
    Turnstile,
    checked_message,
    choose,
)
from tests.space.conftest import run_async

PATIENCE = 60
PROBLEMS = {problem.id: problem for problem in sample_problems()}


def test_a_turnstile_lets_some_in_has_others_wait_and_refuses_the_rest() -> None:
    go_on, inside = threading.Event(), threading.Semaphore(0)

    def work() -> str:
        inside.release()
        go_on.wait(PATIENCE)
        return "done"

    async def all_at_once() -> list[Any]:
        turnstile = Turnstile(2, waiting=3)
        tasks = [asyncio.create_task(turnstile.call(work)) for _ in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="try again in a few seconds"):
            await turnstile.call(work)
        assert all(inside.acquire(timeout=PATIENCE) for _ in range(2))
        assert not inside.acquire(blocking=False)
        go_on.set()
        answers = await asyncio.gather(*tasks)
        return [*answers, await turnstile.call(work)]

    assert run_async(all_at_once()) == ["done"] * 6


def test_work_that_raises_gives_its_place_back() -> None:
    async def failures() -> None:
        turnstile = Turnstile(1, waiting=0)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await turnstile.call(lambda: 1 // 0)

    run_async(failures())


def test_a_call_that_waits_too_long_is_given_up_and_its_place_is_free() -> None:
    async def waiting() -> list[str]:
        turnstile, go_on = Turnstile(1, waiting=1, wait_seconds=0.01), threading.Event()
        first = asyncio.create_task(turnstile.call(lambda: go_on.wait(PATIENCE)))
        await asyncio.sleep(0)
        done: list[str] = []
        for _ in range(3):  # the room of the one before is free again
            with pytest.raises(Busy, match=r"waited 0\.01 s for its turn and was not carried out: try again"):
                await turnstile.call(lambda: done.append("late"))
        go_on.set()
        assert await first
        assert await turnstile.call(lambda: "after") == "after"
        return done

    assert run_async(waiting()) == []


@pytest.mark.parametrize("way", ["gone", "cancelled"])
def test_what_has_not_begun_is_dropped_when_its_caller_leaves(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors, "GONE_SECONDS", 0.01)
    done: list[str] = []

    async def is_gone() -> bool:
        return way == "gone"

    async def leaving() -> str:
        turnstile, go_on = Turnstile(1, waiting=1), threading.Event()
        first = asyncio.create_task(turnstile.call(lambda: go_on.wait(PATIENCE)))
        await asyncio.sleep(0)
        second = asyncio.create_task(turnstile.call(lambda: done.append("dropped"), is_gone))
        await asyncio.sleep(0)
        if way == "cancelled":
            second.cancel()
        with pytest.raises((Gone, asyncio.CancelledError)) as told:
            await second
        assert told.type is (Gone if way == "gone" else asyncio.CancelledError)
        go_on.set()
        assert await first
        return await turnstile.call(lambda: "the places are free")

    assert run_async(leaving()) == "the places are free"
    assert done == []


def test_a_caller_who_left_before_a_free_place_was_taken_is_not_served() -> None:
    done: list[str] = []

    async def is_gone() -> bool:
        return True

    async def late() -> str:
        turnstile = Turnstile(1, waiting=0)
        with pytest.raises(Gone):
            await turnstile.call(lambda: done.append("dropped"), is_gone)
        return await turnstile.call(lambda: "the place is free")

    assert run_async(late()) == "the place is free"
    assert done == []


def test_work_that_has_begun_holds_its_place_even_if_its_caller_leaves() -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(PATIENCE)
        ended.set()
        raise ZeroDivisionError  # nobody is there to see it

    async def leaving() -> bool:
        turnstile = Turnstile(1, waiting=0)
        first = asyncio.create_task(turnstile.call(work))
        while not begun.is_set():
            await asyncio.sleep(0.01)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        with pytest.raises(Busy):
            await turnstile.call(work)
        go_on.set()
        await asyncio.to_thread(ended.wait, PATIENCE)
        while True:  # until the loop has heard of the end
            try:
                return await turnstile.call(ended.is_set)
            except Busy:
                await asyncio.sleep(0.01)

    assert run_async(leaving())


def calls(*codes: str) -> str:
    return "\n".join(call_block("run", {"code": code}) for code in codes)


def test_a_message_is_held_to_what_one_call_may_hold() -> None:
    for text in (
        "I give up.",
        calls(*["x" * (MAX_CODE // 4)] * MAX_MESSAGE_CALLS),
        call_block("inspect", {"node_name": "x" * 500}),
        "\n".join(["<tool_call>{</tool_call>"] * MAX_MESSAGE_CALLS),
        " " * MAX_MESSAGE,
    ):
        assert checked_message(text, TOOLS) == text


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (7, "message is a text; something else was sent."),
        ("x" * 100_001, "message has at most 100,000 characters; 100,001 were sent."),
        ("\ud800", "message is not valid Unicode: it holds half of a surrogate pair."),
        (calls(*["x"] * 5), "A message has at most 4 calls here; this one has more."),
        ("<tool_call>{</tool_call>" * 400, "A message has at most 4 calls here; this one has more."),
        (calls("x" * 87_000), "The code in the calls of a message has at most 20,000 characters together;"),
        (
            calls("x" * 11_000, "y" * 9_001),
            "The code in the calls of a message has at most 20,000 characters",
        ),
        (
            call_block("read_docs", {"operation": "x" * 501}),
            "operation has at most 500 characters; 501 were sent.",
        ),
    ],
)
def test_a_message_with_too_much_is_refused(message: Any, told: str) -> None:
    with pytest.raises(Refused) as caught:
        checked_message(message, TOOLS)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)


def test_a_problem_is_chosen_by_its_id_or_by_what_it_is() -> None:
    some = sample_problems()[3]
    assert choose(PROBLEMS, "", "", some.id, Random(0)) is some
    found = {choose(PROBLEMS, "nonlocal", "medium", "", Random(seed)).id for seed in range(50)}
    assert found == {p.id for p in PROBLEMS.values() if (p.category, p.difficulty) == ("nonlocal", "medium")}
    anything = {choose(PROBLEMS, "", "", "", Random(seed)).id for seed in range(200)}
    assert anything == set(PROBLEMS)


@pytest.mark.parametrize(
    ("category", "difficulty", "problem_id", "words"),
    [
        ("", "", "x", "There is no problem 'x' here; leave problem_id out for any."),
        ("nonlocl", "", "", "There is no category 'nonlocl'; did you mean 'nonlocal'?"),
        ("", "harder", "", "There is no difficulty 'harder'"),
    ],
)
def test_what_there_is_not_is_told(category: str, difficulty: str, problem_id: str, words: str) -> None:
    with pytest.raises(Refused) as told:
        choose(PROBLEMS, category, difficulty, problem_id, Random(0))
    assert str(told.value).startswith(words)
