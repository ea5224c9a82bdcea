"""Episodes of many strangers at once: each under an id that nobody can guess, with room, expiry and a lock.

What this guards: an episode is reached by its id alone; its calls are carried out one after the other; an
episode that nobody plays any more gives its room back, and none does while a turn of it waits or is under
way; what is kept of a turn does not grow with what stands around its calls. What it does not guard: how long
a single call takes, which is for the limits of the environment, and who may begin an episode at all.
"""

import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from dsl_debug.episode.base import Environment, Step

CAPACITY = 500
IDLE_SECONDS = 1_800.0
MAX_SECONDS = 7_200.0
FINISHED_SECONDS = 300.0
"""How long an episode that is over still says so."""

UNTOUCHED_SECONDS = 10.0
LEFT_SECONDS = 300.0
"""How long an episode keeps its room when there is no other: one in which nothing was done (the oldest goes
first), and one that was begun to be played, after its last call."""

ID_BYTES = 16


class UnknownEpisode(LookupError):
    """There is no such episode (any more); the text says so in one line, and what to do."""


class TurnUnderWay(RuntimeError):
    """The episode has another turn waiting or under way; the text says so in one line, and what to do."""


class Full(RuntimeError):
    """There is no room for another episode; the text says so in one line, and what to do."""


@dataclass(slots=True)
class _Episode:
    """An episode that is being played; `begun` and `used` are times of the clock, `busy` says how many hold
    it (claims of turns, and turns), and `ended` whether it was over when it was last held."""

    env: Environment
    begun: float
    used: float
    busy: int = 0
    ended: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sessions:
    """Episodes by id, for any number of threads.

    At most `capacity` episodes. One expires `idle_seconds` after its last call and `max_seconds` after its
    start, sooner once it is over. Raises ValueError for a capacity below 1.
    """

    def __init__(
        self,
        capacity: int = CAPACITY,
        idle_seconds: float = IDLE_SECONDS,
        max_seconds: float = MAX_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if capacity < 1:
            raise ValueError(f"there has to be room for at least 1 episode, not {capacity}")
        self.capacity = capacity
        self.idle_seconds = idle_seconds
        self.max_seconds = max_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._episodes: dict[str, _Episode] = {}

    def start(self, env: Environment, problem: Any) -> tuple[str, str]:
        """Begin an episode of a problem in an environment of its own: its id, and the text that it starts
        with. Raises Full."""
        text = env.reset(problem)
        with self._lock:
            now = self._clock()
            self._make_room(now)
            episode_id = secrets.token_urlsafe(ID_BYTES)
            self._episodes[episode_id] = _Episode(env, begun=now, used=now)
        return episode_id, text

    def __len__(self) -> int:
        """How many episodes have a place, ended ones included."""
        with self._lock:
            self._drop(self._end, self._clock())
            return len(self._episodes)

    def env(self, episode_id: object) -> Environment:
        """The environment of an episode, to look at and not to play. Raises UnknownEpisode."""
        with self._lock:
            return self._living(episode_id).env

    def end(self, episode_id: object) -> None:
        """Forget an episode, whether it is over or not. Raises UnknownEpisode."""
        with self._lock:
            self._living(episode_id)
            del self._episodes[str(episode_id)]

    @contextmanager
    def claimed(self, episode_id: object) -> Iterator[None]:
        """Hold an episode for a turn that is taken within the block, after whatever it waits for.

        It does not expire meanwhile. Raises UnknownEpisode, and TurnUnderWay where it is held already: turns
        that waited for each other in threads would keep others out.
        """
        with self._lock:
            episode = self._living(episode_id)
            if episode.busy:
                raise TurnUnderWay(
                    "This episode has a turn under way: wait for its answer before the next one."
                )
            self._touch(episode, 1)
        try:
            yield
        finally:
            with self._lock:
                self._touch(episode, -1)

    def call(self, episode_id: object, tool: str, arguments: Mapping[str, Any]) -> Step:
        """One structured call, as `Environment.call` takes it. Raises UnknownEpisode.

        A turn that raises, as where a sandbox fails, was never taken: the episode goes on as before.
        """
        return self._turn(episode_id, lambda env: env.call(tool, **arguments))

    def step(self, episode_id: object, text: str) -> Step:
        """A model's message, as `Environment.step` takes it, and the like. The history keeps its calls only:
        the text around them may be long."""
        return self._turn(episode_id, lambda env: _without_message(env, env.step(text)))

    def _turn(self, episode_id: object, take: Callable[[Environment], Step]) -> Step:
        with self._lock:
            episode = self._living(episode_id)
            self._touch(episode, 1)
        try:
            with episode.lock:
                return _taken(episode.env, take)
        finally:
            with self._lock:
                self._touch(episode, -1)

    def _touch(self, episode: _Episode, held: int) -> None:
        """Count who holds an episode, which is in use from now on, unless it was over before."""
        if not episode.ended:
            episode.used = self._clock()
        episode.ended = episode.env.done
        episode.busy += held

    def _living(self, episode_id: object) -> _Episode:
        """An episode that has not expired. Raises UnknownEpisode."""
        episode = self._episodes.get(episode_id) if isinstance(episode_id, str) else None
        if episode is None or self._end(episode) <= self._clock():
            raise UnknownEpisode(self._unknown())
        return episode

    def _unknown(self) -> str:
        return (
            "There is no episode with this id: it is mistyped, or the episode was ended, gave its room to "
            f"another, or has expired (after {_minutes(self.idle_seconds)} without a call, "
            f"{_minutes(self.max_seconds)} in all, sooner once it is over). Start a new episode."
        )

    def _make_room(self, now: float) -> None:
        """See to it that there is room for one more. Raises Full."""
        self._drop(self._end, now)
        if len(self._episodes) >= self.capacity:
            self._drop(self._end_when_full, now)
        if len(self._episodes) >= self.capacity:
            self._drop_untouched(now)
        if len(self._episodes) >= self.capacity:
            raise Full(
                f"There is no room for another episode: {self.capacity:,} are being played. "
                "Try again in a minute."
            )

    def _drop(self, end: Callable[[_Episode], float], now: float) -> None:
        for key in [key for key, episode in self._episodes.items() if end(episode) <= now]:
            del self._episodes[key]

    def _drop_untouched(self, now: float) -> None:
        """Drop the oldest episode in which nothing was done, but no young one: whoever begins many episodes
        keeps nobody out for long."""
        found = (key for key, episode in self._episodes.items() if _is_untouched(episode, now))
        oldest = next(found, None)
        if oldest is not None:
            del self._episodes[oldest]

    def _end(self, episode: _Episode) -> float:
        """When an episode expires, should nothing more be done in it; never while it is held."""
        if episode.busy:
            return math.inf
        idle = FINISHED_SECONDS if episode.env.done else self.idle_seconds
        return min(episode.used + min(idle, self.idle_seconds), episode.begun + self.max_seconds)

    def _end_when_full(self, episode: _Episode) -> float:
        """The same, when room is short."""
        idle = 0.0 if episode.env.done else LEFT_SECONDS
        return min(self._end(episode), math.inf if episode.busy else episode.used + idle)


def _is_untouched(episode: _Episode, now: float) -> bool:
    """Whether nothing was done in an episode for long enough to give its room away."""
    return not episode.busy and episode.env.turns == 0 and episode.used + UNTOUCHED_SECONDS <= now


def _taken(env: Environment, take: Callable[[Environment], Step]) -> Step:
    """A turn, which was never taken if it raises."""
    try:
        return take(env)
    except BaseException:
        env.take_back()
        raise


def _without_message(env: Environment, step: Step) -> Step:
    """A step whose message is no longer in the history."""
    env.history[-1:] = [replace(turn, message=None) for turn in env.history[-1:]]
    return step


def _minutes(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
