"""The environment as TRL's `environment_factory` wants it: a class whose public methods are the tools.

TRL is not imported. What it does with this class: one instance per rollout, `reset(**row)` with all columns
of a dataset row, each call of a tool by name, and `get_reward()` once at the end.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from dsl_debug.episode.dsl import DSLDebugEnv, DslTools
from dsl_debug.episode.prompts import MAX_TURNS, system_prompt
from dsl_debug.problem import COLUMNS, ENVIRONMENT, DslProblem


class DSLDebugToolEnv:
    """One rollout.

    TRL hands over calls one by one and not by message, so each call is a turn of its own here. A loop that
    knows whole messages, malformed ones included, gives them to `episode.step(text)` instead and is paid by
    the same `get_reward`.

    The tools have no return annotation, because TRL would add a `return` entry to their schemas that served
    models never see; their docstrings are those of `DslTools`.
    """

    def __init__(self, max_turns: int = MAX_TURNS, reward_kind: str = "robust") -> None:
        self._env = DSLDebugEnv(max_turns, reward_kind=reward_kind)

    @property
    def episode(self) -> DSLDebugEnv:
        """The episode itself: outcome, history, turns left."""
        return self._env

    def reset(self, **row: Any) -> str | None:
        """Begin the episode of a dataset row; columns that are not a problem's are ignored.

        Returns None where the row brings its `prompt`, which already holds the task, and otherwise the whole
        task, which TRL appends to an empty user message.
        """
        task = self._env.reset(problem_of(row))
        return None if row.get("prompt") else f"{system_prompt(self._env.problem)}\n\n{task}"

    def get_reward(self) -> float:
        """The reward of the episode: 0 as long as nothing was submitted."""
        return self._env.reward

    def run(self, code: str):  # type: ignore[no-untyped-def]
        return self._env.call("run", code=code).observation

    def inspect(self, node_name: str, code: str | None = None):  # type: ignore[no-untyped-def]
        return self._env.call("inspect", node_name=node_name, code=code).observation

    def read_docs(self, operation: str):  # type: ignore[no-untyped-def]
        return self._env.call("read_docs", operation=operation).observation

    def submit(self, code: str):  # type: ignore[no-untyped-def]
        return self._env.call("submit", code=code).observation

    run.__doc__ = DslTools.run.__doc__
    inspect.__doc__ = DslTools.inspect.__doc__
    read_docs.__doc__ = DslTools.read_docs.__doc__
    submit.__doc__ = DslTools.submit.__doc__


def problem_of(row: Mapping[str, Any]) -> DslProblem:
    """The problem of a row that TRL hands to `reset`; other columns are ignored."""
    # TRL keeps the column `environment` to itself where it chooses among several environments by it.
    columns = {"environment": ENVIRONMENT, **{k: v for k, v in row.items() if k in COLUMNS}, "prompt": []}
    return _parsed(json.dumps(columns))


@lru_cache(maxsize=512)
def _parsed(row: str) -> DslProblem:
    """The problem of a row. Cached, so that all rollouts of a problem share its tables."""
    return DslProblem.from_row(json.loads(row))
