"""Rollouts of training, played for real in the environments by messages that a test writes."""

import json
from collections.abc import Sequence
from typing import Any

from dsl_debug.episode.tools import MalformedCall
from dsl_debug.episode.transcript import transcript
from dsl_debug.policies.base import Problem, new_env, prompt_messages
from dsl_debug.problem import ENVIRONMENT, PYTHON_ENVIRONMENT, DslProblem
from dsl_debug.scoring import failure
from recipes.common.episodes import SUBMITTED, TOKENS, TURNS, Rollout

RECORD: dict[str, Any] = {
    "schema": 1,
    "recipe": "grpo_sft_rl",
    "base_model": "tiny",
    "start": "tiny",
    "dataset": {"place": "samples", "config": None, "split": None, "revision": None, "rows": 12},
    "arguments": {},
    "code": {"version": "0", "revision": None},
    "libraries": {},
    "hardware": {"devices": [], "processes": 1},
    "started": "2026-01-01T00:00:00+00:00",
    "seconds": 1.0,
    "steps": 15,
    "history": [
        {"step": n, "reward": n / 20, "entropy": 1.0, "groups/informative": 0.5} for n in range(1, 16)
    ],
    "is_smoke": True,
}
"""What a recipe writes about its run."""


def call(tool: str, **arguments: str) -> str:
    """A message with one call in it."""
    return f"<tool_call>\n{json.dumps({'name': tool, 'arguments': arguments})}\n</tool_call>"


def rollout(
    problem: Problem, says: Sequence[str], group: int = 0, sample: int = 0, **changes: Any
) -> Rollout:
    """The rollout of an episode in which a model says this; 10 tokens a message, 20 an answer."""
    env = new_env(problem)
    env.reset(problem)
    for text in says:
        env.step(text)
    messages = transcript(prompt_messages(problem, env.max_turns), env.history)
    calls = [call for turn in env.history for call in turn.calls]
    submitted = env.outcome.submitted is not None
    facts: dict[str, Any] = {
        "problem_id": problem.id,
        "environment": ENVIRONMENT if isinstance(problem, DslProblem) else PYTHON_ENVIRONMENT,
        "group": group,
        "sample": sample,
        "outcome": env.outcome,
        "solved": not failure(env.outcome),
        "reward": env.reward,
        "turns": env.turns,
        "calls": dict(env.outcome.calls),
        "malformed": sum(isinstance(call, MalformedCall) for call in calls),
        "prompt_tokens": 100,
        "generated_tokens": 10 * len(says),
        "answer_tokens": 20 * (len(says) - submitted),
        "after_end_tokens": 0,
        "cut_tokens": 0,
        "ended": SUBMITTED if submitted else TURNS if env.done else TOKENS,
        "messages": messages,
        "problem": problem,
    }
    return Rollout(**facts | changes)
