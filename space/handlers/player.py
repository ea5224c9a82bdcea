"""The program of a player's process: it reads who plays what, and says every turn as it is played.

The only line of its input is a JSON object: `problem` (a row of it), `seed`, and either `agent`, a name, or
`model`, `address`, `key` and `options` (`ModelOptions`). What it says are lines of JSON, see
`watch_frames.Said`. An agent is one of ours and gets the problem whole; the limits hold for what it runs.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from random import Random
from threading import Thread
from typing import Any

from dsl_debug.agents import AGENTS, play
from dsl_debug.episode import DSLDebugEnv, Step
from dsl_debug.episode.prompts import DEFAULT_PROMPT
from dsl_debug.episode.transcript import transcript
from dsl_debug.evaluation import trace_row
from dsl_debug.policies.base import Job, finished
from dsl_debug.problem import DslProblem
from dsl_debug.visitors import LIMITS
from space.handlers.player_model import play_model

# Steps of niceness of an agent, which computes all the time: what visitors click on comes first.
NICENESS = 10


class _Told(DSLDebugEnv):
    """An environment that tells of every turn."""

    def call(self, tool: str, /, **arguments: Any) -> Step:
        before = self.turns
        step = super().call(tool, **arguments)
        if self.turns > before:
            say({"turn": transcript([], self.history[-1:])})
        return step


def play_agent(name: str, problem: DslProblem, seed: int) -> None:
    """Play an episode of an agent. The row that ends it leaves out the messages, which were said."""
    env, start = _Told(limits=LIMITS), time.perf_counter()
    play(AGENTS[name], env, problem, Random(seed))
    episode = finished(Job(problem, 0, seed), env, [], seconds=time.perf_counter() - start)
    row = trace_row(problem, episode, name, DEFAULT_PROMPT)
    say({"trace": {column: value for column, value in row.items() if column != "messages"}})


def say(said: Mapping[str, Any]) -> None:
    """Write a line, at once."""
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Play the episode that the input asks for."""
    asked = json.loads(sys.stdin.readline())
    Thread(target=_end_with_the_app, daemon=True).start()
    problem, seed = DslProblem.from_row(asked["problem"]), asked["seed"]
    if "agent" in asked:
        os.nice(NICENESS)
        play_agent(asked["agent"], problem, seed)
    else:
        play_model(asked, problem, seed, say)


def _end_with_the_app() -> None:
    os.read(0, 1)  # nothing more is written: the input ends with whoever holds the other end
    os._exit(1)


if __name__ == "__main__":
    main()
