"""The arena as TRL's `environment_factory` wants it; see `dsl_debug.episode.trl` for what TRL does with it.

The four signals are also there one by one, for TRL's `reward_funcs`, so that each is logged by itself.
"""

from typing import Any

from dsl_debug.episode.python import PythonDebugEnv, PythonTools
from dsl_debug.episode.python_prompts import MAX_ATTEMPTS, python_system_prompt
from dsl_debug.problem import PYTHON_COLUMNS, PythonProblem


class PythonDebugToolEnv:
    """One rollout of the arena; its public methods are the tools, `reset` and `get_reward`."""

    def __init__(self, max_turns: int = MAX_ATTEMPTS) -> None:
        self._env = PythonDebugEnv(max_turns)

    @property
    def episode(self) -> PythonDebugEnv:
        """The episode itself: outcome, signals, history, attempts left."""
        return self._env

    def reset(self, **row: Any) -> str | None:
        """Begin the episode of a dataset row; columns that are not a problem's are ignored.

        Returns None where the row brings its `prompt`, and the whole task otherwise.
        """
        known = {"environment": "python", "prompt": []}
        known |= {k: v for k, v in row.items() if k in PYTHON_COLUMNS and v is not None}
        task = self._env.reset(PythonProblem.from_row(known))
        return None if row.get("prompt") else f"{python_system_prompt()}\n\n{task}"

    def get_reward(self) -> float:
        """The sum of the four signals: 0 as long as the episode goes on."""
        return self._env.reward

    def run_tests(self, code: str):  # type: ignore[no-untyped-def]
        return self._env.call("run_tests", code=code).observation

    def submit(self, code: str):  # type: ignore[no-untyped-def]
        return self._env.call("submit", code=code).observation

    run_tests.__doc__ = PythonTools.run_tests.__doc__
    submit.__doc__ = PythonTools.submit.__doc__
