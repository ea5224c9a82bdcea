"""An episode while it is played, as frames: what somebody who watches has to see at a moment.

Whoever plays does so in a process of its own (`player`) and says what happens; `player_process` hears that.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any

from dsl_debug.episode import DSLDebugEnv
from dsl_debug.episode.prompts import DEFAULT_PROMPT
from dsl_debug.evaluation import problem_columns
from dsl_debug.policies.base import prompt_messages
from dsl_debug.problem import DslProblem
from space.library import Trace

Said = Mapping[str, Any]
"""What a player says: `{"turn": messages}` for every turn, then `{"trace": row}`, and beside it in `failed`
what kept the player from going on, if something did. One without anything: nothing more will come."""

WAITING, THINKING, OVER, STOPPED, FAILED = "waiting", "thinking", "over", "stopped", "failed"

LOOK, BEAT = 0.2, 1.0
"""Seconds from one look at whether somebody wants to stop to the next, and from one frame to the next."""


@dataclass(frozen=True)
class Frame:
    """What there is to see at a moment. `state`: waiting for a place, thinking, over, stopped (by the visitor
    or the clock) or failed. `trace` is the episode so far, and a whole row of `evaluation.trace_row` once it
    is over, or failed after a turn. `words` say in one line why a visitor waits, or sees no more.
    """

    state: str
    trace: Trace
    words: str = ""

    @property
    def turns(self) -> int:
        """How many turns were played so far."""
        return sum(message["role"] == "assistant" for message in self.trace["messages"])

    @property
    def runs(self) -> bool:
        """Whether there is more to come."""
        return self.state in (WAITING, THINKING)


def begun(problem: DslProblem, policy: str = "") -> dict[str, Any]:
    """The trace of an episode in which nothing was done yet."""
    messages = prompt_messages(problem, DSLDebugEnv().max_turns)
    return {**problem_columns(problem), "policy": policy, "prompt": DEFAULT_PROMPT, "messages": messages}


def frames(
    trace: Mapping[str, Any], said: "SimpleQueue[Said]", stop: Event, seconds: float, pace: float = 0.0
) -> Iterator[Frame]:
    """A frame for every turn that is said, and the last one; while nothing is said the same one again and
    again, since who has left is noticed only when something is sent."""
    end, next_turn = time.monotonic() + seconds, 0.0
    frame = Frame(THINKING, trace)
    while True:
        heard = _heard(said, stop, min(end, time.monotonic() + BEAT))
        if heard and "turn" in heard:
            stop.wait(next_turn - time.monotonic())
        if stop.is_set():
            yield Frame(STOPPED, trace, "You stopped the episode.")
            return
        if heard is None and time.monotonic() >= end:
            yield Frame(STOPPED, trace, f"Nobody may play for longer than {seconds:g} seconds here.")
            return
        if heard is not None and "turn" not in heard:
            yield _last(trace, heard)
            return
        if heard is not None:
            trace = {**trace, "messages": [*trace["messages"], *heard["turn"]]}
            next_turn = time.monotonic() + pace
            frame = Frame(THINKING, trace)
        yield frame


def _heard(said: "SimpleQueue[Said]", stop: Event, until: float) -> Said | None:
    """What is said next; None where nothing is said in time, or somebody wants to stop."""
    while not stop.is_set():
        try:
            return said.get(timeout=LOOK)
        except Empty:
            if time.monotonic() >= until:
                break
    return None


def _last(trace: Mapping[str, Any], heard: Said) -> Frame:
    """The end, as the player tells it."""
    if not heard:
        return Frame(FAILED, trace, "The player broke off without a word: please try again.")
    words = str(heard.get("failed", ""))
    return Frame(FAILED if words else OVER, {**trace, **heard.get("trace", {})}, words)
