"""Episodes of many at once: ids, room, expiry, and one call after the other."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dsl_debug.episode import DSLDebugEnv, Step
from dsl_debug.episode.base import OVER
from dsl_debug.episode.tools import call_block
from dsl_debug.sandbox import SandboxError
from dsl_debug.sessions import (
    FINISHED_SECONDS,
    LEFT_SECONDS,
    UNTOUCHED_SECONDS,
    Full,
    Sessions,
    TurnUnderWay,
    UnknownEpisode,
)
from tests.problems import BUGGY, CORRECT, make_problem

DOCS = {"operation": "take"}


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def begun(sessions: Sessions, max_turns: int = 8) -> str:
    return sessions.start(DSLDebugEnv(max_turns), make_problem())[0]


def turns_left(sessions: Sessions, episode_id: str) -> int:
    """The turns that are left after a further one."""
    return int(sessions.call(episode_id, "read_docs", DOCS).info["turns_left"])


def test_an_episode_is_played_by_its_id() -> None:
    sessions = Sessions()
    episode_id, text = sessions.start(DSLDebugEnv(), make_problem())
    assert BUGGY.strip() in text
    assert sessions.call(episode_id, "run", {"code": BUGGY}).info["turns_left"] == 7
    step = sessions.call(episode_id, "submit", {"code": CORRECT})
    assert (step.reward, step.done) == (1.0, True)
    assert sessions.call(episode_id, "run", {"code": BUGGY}).observation == OVER


def test_wrong_names_and_arguments_are_answered_as_in_any_episode() -> None:
    sessions = Sessions()
    episode_id = begun(sessions)
    assert "there is no tool" in sessions.call(episode_id, "destroy", {}).observation.lower()
    step = sessions.call(episode_id, "run", {"self": 1, "tool": "x"})
    assert "'code' of run is missing" in step.observation


def test_messages_of_models_are_turns_as_well() -> None:
    sessions = Sessions()
    episode_id = begun(sessions)
    step = sessions.step(episode_id, call_block("read_docs", DOCS))
    assert (step.info["turns_left"], step.info["results"][0]["tool"]) == (7, "read_docs")
    assert "no tool call in this message" in sessions.step(episode_id, "I give up.").observation
    assert sessions.step(episode_id, call_block("submit", {"code": CORRECT})).reward == 1.0
    with pytest.raises(UnknownEpisode):
        sessions.step("nothing", "I give up.")


class Failing(DSLDebugEnv):
    """Fails in the middle of its first turn, as an environment does whose sandbox is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = True

    def _use(self, call: Any) -> str:
        if self.fails:
            self.fails = False
            raise SandboxError("the sandbox is gone")
        return super()._use(call)


@pytest.mark.parametrize("way", ["call", "step"])
def test_a_turn_that_raises_costs_nothing(way: str) -> None:
    sessions = Sessions()
    episode_id, _ = sessions.start(Failing(), make_problem())

    def submit() -> Step:
        if way == "call":
            return sessions.call(episode_id, "submit", {"code": CORRECT})
        return sessions.step(episode_id, call_block("submit", {"code": CORRECT}))

    with pytest.raises(SandboxError, match="the sandbox is gone"):
        submit()
    env = sessions.env(episode_id)
    assert (env.turns, env.turns_left, env.done, env.history) == (0, 8, False, [])
    assert submit().reward == 1.0
    assert (env.turns, env.outcome.calls) == (1, {"submit": 1})


def test_episodes_do_not_see_each_other() -> None:
    sessions = Sessions()
    one, other = begun(sessions), begun(sessions)
    assert sessions.call(one, "submit", {"code": CORRECT}).reward == 1.0
    assert turns_left(sessions, other) == 7


def test_ids_are_long_and_never_the_same() -> None:
    sessions = Sessions()
    ids = [begun(sessions) for _ in range(100)]
    assert len(set(ids)) == 100
    assert min(map(len, ids)) >= 22  # 128 bits


@pytest.mark.parametrize("wrong", ["", "nothing", None, 7, ["x"], {"a": 1}])
def test_an_unknown_id_is_told_what_to_do(wrong: Any) -> None:
    sessions = Sessions()
    with pytest.raises(UnknownEpisode) as caught:
        sessions.call(wrong, "read_docs", DOCS)
    assert "Start a new episode." in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_expired_episode_reads_as_one_that_never_was(clock: Clock) -> None:
    sessions = Sessions(idle_seconds=60, clock=clock)
    episode_id = begun(sessions)
    clock.now += 60
    with pytest.raises(UnknownEpisode) as expired:
        sessions.call(episode_id, "read_docs", DOCS)
    with pytest.raises(UnknownEpisode) as unknown:
        sessions.call("x" * 22, "read_docs", DOCS)
    assert str(expired.value) == str(unknown.value)
    assert "(after 1 minute without a call, 120 minutes in all, sooner once it is over)" in str(expired.value)


def test_a_call_keeps_an_episode_alive_but_not_without_end(clock: Clock) -> None:
    sessions = Sessions(idle_seconds=60, max_seconds=100, clock=clock)
    episode_id = begun(sessions)
    clock.now += 59
    sessions.call(episode_id, "read_docs", DOCS)
    clock.now += 40  # 99 seconds after the start
    sessions.call(episode_id, "read_docs", DOCS)
    clock.now += 1
    with pytest.raises(UnknownEpisode):
        sessions.call(episode_id, "read_docs", DOCS)


def test_a_finished_episode_goes_soon_even_if_it_is_called(clock: Clock) -> None:
    sessions = Sessions(clock=clock)
    episode_id = begun(sessions)
    sessions.call(episode_id, "submit", {"code": CORRECT})
    clock.now += FINISHED_SECONDS - 1
    assert sessions.call(episode_id, "read_docs", DOCS).observation == OVER
    clock.now += 1
    with pytest.raises(UnknownEpisode):
        sessions.call(episode_id, "read_docs", DOCS)


def test_there_is_room_for_so_many(clock: Clock) -> None:
    sessions = Sessions(capacity=2, clock=clock)
    begun(sessions)
    begun(sessions)
    with pytest.raises(Full, match=r"no room .* 2 are being played.* Try again") as caught:
        begun(sessions)
    assert "\n" not in str(caught.value)


def test_expired_and_finished_episodes_make_room(clock: Clock) -> None:
    sessions = Sessions(capacity=2, idle_seconds=60, clock=clock)
    first = begun(sessions)
    clock.now += 60
    second = begun(sessions)
    sessions.call(second, "submit", {"code": CORRECT})
    third = begun(sessions)  # in the place of the first, which has expired
    assert sessions.call(second, "read_docs", DOCS).observation == OVER
    fourth = begun(sessions)  # in the place of the second, which is over
    for gone in (first, second):
        with pytest.raises(UnknownEpisode):
            sessions.call(gone, "read_docs", DOCS)
    assert [turns_left(sessions, kept) for kept in (third, fourth)] == [7, 7]


def test_episodes_that_nobody_plays_keep_nobody_out_for_long(clock: Clock) -> None:
    sessions = Sessions(capacity=2, clock=clock)
    played, untouched = begun(sessions), begun(sessions)
    sessions.call(played, "read_docs", DOCS)
    clock.now += UNTOUCHED_SECONDS - 1
    with pytest.raises(Full):
        begun(sessions)
    clock.now += 1
    begun(sessions)
    assert turns_left(sessions, played) == 6
    with pytest.raises(UnknownEpisode):
        sessions.call(untouched, "read_docs", DOCS)


def test_episodes_that_are_left_keep_nobody_out_for_half_an_hour(clock: Clock) -> None:
    sessions = Sessions(capacity=1, clock=clock)
    left = begun(sessions)
    sessions.call(left, "read_docs", DOCS)
    clock.now += LEFT_SECONDS - 1
    with pytest.raises(Full):
        begun(sessions)
    clock.now += 1
    begun(sessions)
    with pytest.raises(UnknownEpisode):
        sessions.call(left, "read_docs", DOCS)


def test_when_room_is_short_the_oldest_that_nobody_began_to_play_goes_first(clock: Clock) -> None:
    sessions = Sessions(capacity=3, clock=clock)
    played, oldest, other = (begun(sessions) for _ in range(3))
    sessions.call(played, "read_docs", DOCS)
    clock.now += UNTOUCHED_SECONDS
    begun(sessions)
    with pytest.raises(UnknownEpisode, match="gave its room to another"):
        sessions.env(oldest)
    assert [turns_left(sessions, kept) for kept in (played, other)] == [6, 7]
    with pytest.raises(Full):  # the only one that is untouched is young
        begun(sessions)


def test_an_episode_whose_turn_waits_keeps_its_room(clock: Clock) -> None:
    sessions = Sessions(capacity=1, idle_seconds=60, max_seconds=600, clock=clock)
    waiting = begun(sessions)
    with sessions.claimed(waiting):
        clock.now += 1_000
        with pytest.raises(Full):
            begun(sessions)
        assert len(sessions) == 1
        assert turns_left(sessions, waiting) == 7
    with pytest.raises(UnknownEpisode):  # its time is over
        sessions.env(waiting)


def test_an_episode_is_in_use_from_when_a_turn_is_accepted_to_its_end(clock: Clock) -> None:
    sessions = Sessions(idle_seconds=60, clock=clock)
    episode_id = begun(sessions)
    with sessions.claimed(episode_id):
        clock.now += 100
    clock.now += 59
    assert turns_left(sessions, episode_id) == 7


def test_one_turn_is_claimed_at_a_time_and_only_of_an_episode_that_there_is() -> None:
    sessions = Sessions()
    episode_id, other = begun(sessions), begun(sessions)
    with sessions.claimed(episode_id):
        told = pytest.raises(TurnUnderWay, match="wait for its answer before the next one")
        with told, sessions.claimed(episode_id):
            raise AssertionError("it was claimed twice")
        with sessions.claimed(other):
            pass
    with pytest.raises(ZeroDivisionError), sessions.claimed(episode_id):
        raise ZeroDivisionError
    with sessions.claimed(episode_id):  # a turn that failed does not hold it
        assert turns_left(sessions, episode_id) == 7
    with pytest.raises(UnknownEpisode), sessions.claimed("nothing"):
        raise AssertionError("there is nothing to claim")


def test_to_claim_a_finished_episode_does_not_keep_it(clock: Clock) -> None:
    sessions = Sessions(clock=clock)
    episode_id = begun(sessions)
    sessions.call(episode_id, "submit", {"code": CORRECT})
    clock.now += FINISHED_SECONDS - 1
    with sessions.claimed(episode_id):
        assert sessions.call(episode_id, "read_docs", DOCS).observation == OVER
    clock.now += 1
    with pytest.raises(UnknownEpisode):
        sessions.env(episode_id)


def test_expired_episodes_are_dropped_whenever_one_begins(clock: Clock) -> None:
    sessions = Sessions(idle_seconds=60, clock=clock)
    begun(sessions)
    clock.now += 60
    begun(sessions)
    assert len(sessions._episodes) == 1


def test_what_stands_around_calls_is_not_kept() -> None:
    sessions = Sessions()
    episode_id = begun(sessions)
    sessions.step(episode_id, "x" * 90_000 + call_block("run", {"code": BUGGY}))
    sessions.step(episode_id, "x" * 90_000)
    turns = sessions.env(episode_id).history
    assert [turn.message for turn in turns] == [None, None]
    assert turns[0].step.info["results"][0]["arguments"] == {"code": BUGGY}
    assert len(repr(turns)) < 10_000


def test_a_capacity_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="room for at least 1"):
        Sessions(capacity=0)


class Watched(DSLDebugEnv):
    """Notes how many calls are in it at once, and waits in each until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = self.most = 0
        self.entered, self.go_on = threading.Event(), threading.Event()

    def call(self, tool: str, /, **arguments: Any) -> Step:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.entered.set()
        self.go_on.wait(10)
        step = super().call(tool, **arguments)
        self.inside -= 1
        return step


def test_calls_of_one_episode_wait_for_each_other_and_not_for_those_of_another() -> None:
    sessions = Sessions()
    slow = Watched()
    busy, _ = sessions.start(slow, make_problem())
    free = begun(sessions)
    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(sessions.call, busy, "read_docs", DOCS) for _ in range(3)]
        assert slow.entered.wait(10)
        assert sessions.call(free, "read_docs", DOCS).info["turns_left"] == 7
        slow.go_on.set()
        left = sorted(call.result(10).info["turns_left"] for call in waiting)
    assert (left, slow.most) == ([5, 6, 7], 1)


def test_many_begin_at_once_and_none_gets_more_than_there_is() -> None:
    sessions = Sessions(capacity=5)

    def try_to_begin(_: int) -> bool:
        try:
            begun(sessions)
        except Full:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(try_to_begin, range(20))) == 5


def test_an_episode_is_counted_looked_at_and_forgotten(clock: Clock) -> None:
    sessions = Sessions(idle_seconds=60, clock=clock)
    first, second = begun(sessions), begun(sessions)
    turns_left(sessions, first)
    assert len(sessions) == 2
    assert sessions.env(first).turns == 1
    clock.now += 40
    assert sessions.env(second).turns == 0  # to look is not to play: it expires all the same
    clock.now += 30
    assert len(sessions) == 0
    third = begun(sessions)
    sessions.end(third)
    for gone in (sessions.env, sessions.end):
        with pytest.raises(UnknownEpisode):
            gone(third)
    assert len(sessions) == 0
