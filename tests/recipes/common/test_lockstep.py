"""Processes in step: on two real ones, with TRL's own gathering and handing out, whatever is left on each."""

from typing import Any

import pytest

from recipes.common.episodes import SUBMITTED, TURNS
from recipes.common.lockstep import alone, in_step, shares_engine

MODES = ("colocate", "server")


def one_process(asked: list[list[list[int]]], lost: int = 0) -> Any:
    def generate(prompts: list[list[int]]) -> Any:
        asked.append(prompts)
        return [[ids[0]] for ids in prompts][lost:], [[-1.0] for _ in prompts][lost:]

    return generate


def test_alone_nothing_is_asked_for_nobody() -> None:
    asked: list[Any] = []
    write = alone(one_process(asked))
    assert write([[5], [6]]) == ([[5], [6]], [[-1.0], [-1.0]])
    assert write([]) is None
    assert len(asked) == 1


def test_prompts_are_filled_up_to_the_largest_number_and_fillers_are_dropped() -> None:
    asked: list[Any] = []
    write = in_step(one_process(asked), lambda number: 3, [9])
    assert write([[5]]) == ([[5]], [[-1.0]])
    assert write([]) == ([], [])
    assert asked == [[[5], [9], [9]], [[9], [9], [9]]]


def test_it_is_over_when_no_process_needs_anything() -> None:
    asked: list[Any] = []
    assert in_step(one_process(asked), lambda number: number, [9])([]) is None
    assert asked == []


def test_log_probabilities_may_be_unknown() -> None:
    assert in_step(lambda prompts: (prompts, None), lambda number: 2, [9])([[5]]) == ([[5]], None)


def test_an_engine_that_gives_another_number_is_noticed() -> None:
    write = in_step(one_process([], lost=1), lambda number: 2, [9])
    with pytest.raises(ValueError, match="asked for 2 messages and gave 1"):
        write([[5], [6]])


@pytest.mark.parametrize(("processes", "mode", "tensor_parallel", "sleeps", "sharded", "shared"), [
    (1, "server", 1, True, True, False),
    (2, "colocate", 1, False, True, False),
    (2, "colocate", 2, False, False, True),
    (2, "colocate", 1, True, False, True),
    (2, "server", 1, False, False, True),
    (2, None, 1, False, False, False),
    (2, None, 1, False, True, True),
])  # fmt: skip
def test_who_must_keep_in_step(
    processes: int, mode: str | None, tensor_parallel: int, sleeps: bool, sharded: bool, shared: bool
) -> None:
    assert shares_engine(processes, mode, tensor_parallel, sleeps=sleeps, sharded=sharded) is shared


# Two processes


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")
    from tests.recipes.common.processes import run_together

    job = "tests.recipes.common.lockstep_job:keep_in_step"
    return run_together(job, tmp_path_factory.mktemp("lockstep"))


@pytest.mark.parametrize("mode", MODES)
def test_no_message_goes_to_another_process(mode: str, together: list[dict[str, Any]]) -> None:
    from tests.recipes.common.lockstep_job import ANSWER, CASES, END, FIRST, SUBMISSION

    for name, turns in CASES.items():
        for rank, made in enumerate(together):
            played = made[f"{mode}: {name}"]["episodes"]
            assert len(played) == len(turns[rank])
            for place, (episode, turn) in enumerate(zip(played, turns[rank], strict=True)):
                number = FIRST + 100 * rank + place
                last = min(turn, 8)
                say, told = [number, number, END], [ANSWER, ANSWER]
                ids = (say + told) * (last - 1) + [number, number, *([SUBMISSION] * (turn <= 8)), END]
                assert episode["ids"] == ids, (name, rank)
                assert episode["mask"] == [0 if token == ANSWER else 1 for token in ids]
                assert episode["logprobs"] == [0.0 if token == ANSWER else -float(token) for token in ids]
                assert episode["ended"] == (SUBMITTED if turn <= 8 else TURNS)


@pytest.mark.parametrize("mode", MODES)
def test_every_round_has_as_many_prompts_as_the_busiest_process(
    mode: str, together: list[dict[str, Any]]
) -> None:
    from tests.recipes.common.lockstep_job import CASES

    for name, turns in CASES.items():
        left = [
            max(sum(turn >= now for turn in of_rank) for of_rank in turns)
            for now in range(1, 1 + min(8, max((max(of_rank, default=0) for of_rank in turns), default=0)))
        ]
        first = together[0][f"{mode}: {name}"]["rounds"]
        assert first == [2 * count for count in left], name
        if mode == "colocate":  # a server is asked by the main process alone
            assert together[1][f"{mode}: {name}"]["rounds"] == first


@pytest.mark.parametrize("mode", MODES)
def test_out_of_step_messages_are_lost_or_go_astray(mode: str, together: list[dict[str, Any]]) -> None:
    """The trap itself: without it, all of the above would prove nothing."""
    from tests.recipes.common.lockstep_job import FIRST

    given = [[message[0] for message in made[f"{mode}: out of step"]] for made in together]
    assert given != [[FIRST, FIRST + 1], [FIRST + 100]]
