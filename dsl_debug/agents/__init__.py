"""Players that need no model: a floor and a ceiling, an attack, and a search to measure models against.

An agent gets the latest observation (at first the prompt of `reset`), the environment and a random generator.
It makes one call or more and returns the last step; it is called again until the episode is over.
"""

from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

from dsl_debug.agents.python_agents import PYTHON_AGENTS, PythonAgent
from dsl_debug.agents.search import search
from dsl_debug.agents.simple import constant_emitter, random_edit, reference, unchanged
from dsl_debug.episode import DSLDebugEnv, Environment, Step
from dsl_debug.scoring import Outcome

Agent = Callable[[str, DSLDebugEnv, Random], Step]

AGENTS: dict[str, Agent] = {
    "unchanged": unchanged,
    "reference": reference,
    "random_edit": random_edit,
    "constant_emitter": constant_emitter,
    "search": search,
}

E = TypeVar("E", bound=Environment)

__all__ = ["AGENTS", "PYTHON_AGENTS", "Agent", "PythonAgent", "play"]


def play(agent: Callable[[str, E, Random], Step], env: E, problem: Any, rng: Random) -> Outcome:
    """One episode of an agent, in either environment: what came out of it.

    `problem` is one of the environment's kind. The same `rng` state gives the same episode.
    """
    observation, done = env.reset(problem), False
    while not done:
        step = agent(observation, env, rng)
        observation, done = step.observation, step.done
    return env.outcome
