"""Results made by real evaluations of agents on the sample problems, and variations of them."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dataset_builder.python_bugs.families import hand_written_problems
from dsl_debug.data import sample_problems
from dsl_debug.evaluation import evaluate
from dsl_debug.policies.agents import AgentPolicy

Result = dict[str, Any]

FACTS = {"place": "samples", "config": None, "split": None, "revision": None, "limit": None}


@cache
def _played(agent: str, samples: int, seed: int) -> Result:
    with TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        return evaluate(AgentPolicy(agent), sample_problems(), out, data=FACTS, samples=samples, seed=seed)


def result(agent: str, samples: int = 1, seed: int = 0, **changes: Any) -> Result:
    """The result of an agent on the sample problems; `changes` replace parts of it, objects key by key."""
    made = copy.deepcopy(_played(agent, samples, seed))
    for name, value in changes.items():
        made[name] = {**made[name], **value} if isinstance(value, Mapping) else value
    return made


def published(agent: str) -> Result:
    """The result of an agent on the sample problems without their hidden tables."""
    return copy.deepcopy(_played_without_hidden(agent))


@cache
def _played_without_hidden(agent: str) -> Result:
    problems = [replace(problem, hidden=()) for problem in sample_problems()]
    with TemporaryDirectory() as folder:
        return evaluate(AgentPolicy(agent), problems, Path(folder) / "run", data=FACTS)


def as_model(agent: str, name: str, prompt: str = "expert", **changes: Any) -> Result:
    """The result of an agent, under the name of a model and a system prompt."""
    policy = {"name": name, "settings": {"temperature": 0.7, "max_tokens": 2048}}
    facts = {"name": prompt, "version": 1, "sha256": prompt.encode().hex()}
    return result(agent, policy=policy, prompt=facts, **changes)


@cache
def arena_result(agent: str) -> Result:
    """The result of an agent on two hand-written problems of the arena; it is not to be changed."""
    with TemporaryDirectory() as folder:
        problems = hand_written_problems()[::60]
        return evaluate(AgentPolicy(agent), problems, Path(folder) / "run", data={"place": "arena"})


def checkpoints(parent: str, agents: Mapping[int, str]) -> list[Result]:
    """Results of the checkpoints of one run, each with the outcomes of an agent."""
    return [as_model(agent, f"{parent}/checkpoint-{step}") for step, agent in agents.items()]
