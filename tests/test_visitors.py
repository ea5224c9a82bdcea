"""How many strangers are served at a time, and which problem they get."""

import asyncio
import threading
from random import Random
from typing import Any

import pytest

from dsl_debug.data import sample_problems
from dsl_debug.visitors import Busy, Refused, Turnstile, choose
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
