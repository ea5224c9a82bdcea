"""Players that need no model: a floor and a ceiling, an attack, and a search to measure models against.

An agent gets the latest observation (at first the prompt of `reset`), the environment and a random generator.
It makes one call or more and returns the last step; it is called again until the episode is over.
"""

from collections.abc import Callable
from random import Random

from dsl_debug.agents.search import search
from dsl_debug.agents.simple import constant_emitter, random_edit, reference, unchanged
from dsl_debug.episode import DSLDebugEnv, Step
from dsl_debug.problem import DslProblem
from dsl_debug.scoring import Outcome

Agent = Callable[[str, DSLDebugEnv, Random], Step]

AGENTS: dict[str, Agent] = {
    "unchanged": unchanged,
    "reference": reference,
    "random_edit": random_edit,
    "constant_emitter": constant_emitter,
    "search": search,
}

__all__ = ["AGENTS", "Agent", "play"]


def play(agent: Agent, env: DSLDebugEnv, problem: DslProblem, rng: Random) -> Outcome:
    """One episode of an agent: what came out of it. The same `rng` state gives the same episode."""
    observation, done = env.reset(problem), False
    while not done:
        step = agent(observation, env, rng)
        observation, done = step.observation, step.done
    return env.outcome
