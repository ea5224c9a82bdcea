"""Episodes of many strangers at once: each under an id that nobody can guess, with room, expiry and a lock.

What this guards: an episode is reached by its id alone; its calls are carried out one after the other; an
episode that nobody plays any more gives its room back. What it does not guard: how long a single call takes,
which is for the limits of the environment, and who may begin an episode at all.
"""

import math
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dsl_debug.episode.base import Environment, Step

CAPACITY = 500
IDLE_SECONDS = 1_800.0
MAX_SECONDS = 7_200.0
FINISHED_SECONDS = 300.0
"""How long an episode that is over still says so."""

UNTOUCHED_SECONDS = 120.0
LEFT_SECONDS = 300.0
"""How long an episode keeps its room when there is no other: one in which nothing was done, and one that was
begun to be played, after its last call."""

ID_BYTES = 16


class UnknownEpisode(LookupError):
    """There is no such episode (any more); the text says so in one line, and what to do."""


class Full(RuntimeError):
    """There is no room for another episode; the text says so in one line, and what to do."""


@dataclass(slots=True)
class _Episode:
    """An episode that is being played; `begun` and `used` are times of the clock."""

    env: Environment
    begun: float
    used: float
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

    def call(self, episode_id: object, tool: str, arguments: Mapping[str, Any]) -> Step:
        """One structured call, as `Environment.call` takes it. Raises UnknownEpisode.

        A turn that raises, as where a sandbox fails, was never taken: the episode goes on as before.
        """
        return self._turn(episode_id, lambda env: env.call(tool, **arguments))

    def step(self, episode_id: object, text: str) -> Step:
        """A model's message, as `Environment.step` takes it, and the like."""
        return self._turn(episode_id, lambda env: env.step(text))

    def _turn(self, episode_id: object, take: Callable[[Environment], Step]) -> Step:
        episode = self._find(episode_id)
        with episode.lock:
            try:
                return take(episode.env)
            except BaseException:
                episode.env.take_back()
                raise

    def _find(self, episode_id: object) -> _Episode:
        """An episode, which is in use from now on unless it is over. Raises UnknownEpisode."""
        with self._lock:
            episode = self._living(episode_id)
            if not episode.env.done:
                episode.used = self._clock()
            return episode

    def _living(self, episode_id: object) -> _Episode:
        """An episode that has not expired. Raises UnknownEpisode."""
        episode = self._episodes.get(episode_id) if isinstance(episode_id, str) else None
        if episode is None or self._end(episode) <= self._clock():
            raise UnknownEpisode(self._unknown())
        return episode

    def _unknown(self) -> str:
        return (
            "There is no episode with this id: it is mistyped, or the episode has expired (after "
            f"{_minutes(self.idle_seconds)} without a call, {_minutes(self.max_seconds)} in all). "
            "Start a new episode."
        )

    def _make_room(self, now: float) -> None:
        """See to it that there is room for one more. Raises Full."""
        for end in (self._end, self._end_when_full):
            if len(self._episodes) >= self.capacity:
                self._drop(end, now)
        if len(self._episodes) >= self.capacity:
            raise Full(
                f"There is no room for another episode: {self.capacity:,} are being played. "
                "Try again in a minute."
            )

    def _drop(self, end: Callable[[_Episode], float], now: float) -> None:
        for key in [key for key, episode in self._episodes.items() if end(episode) <= now]:
            del self._episodes[key]

    def _end(self, episode: _Episode) -> float:
        """When an episode expires, should nothing more be done in it."""
        idle = FINISHED_SECONDS if episode.env.done else self.idle_seconds
        return min(episode.used + min(idle, self.idle_seconds), episode.begun + self.max_seconds)

    def _end_when_full(self, episode: _Episode) -> float:
        """The same, when room is short: whoever begins many episodes keeps nobody out for long."""
        if episode.env.done:
            return episode.used
        idle = UNTOUCHED_SECONDS if episode.env.turns == 0 else LEFT_SECONDS
        return min(self._end(episode), episode.used + idle)


def _minutes(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
