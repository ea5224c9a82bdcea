"""Clients of the OpenEnv servers, with typed actions, observations and states.

    with DSLDebugClient(base_url="http://127.0.0.1:8000/openenv/dsl").sync() as env:
        result = env.reset(category="nonlocal", seed=7)
        result = env.step(call("run", code=...))       # or message("what the model wrote")
        print(result.observation.text, result.reward, result.done)

Without `.sync()` all of these are awaited. What the server refuses, and a server without room, raise
RuntimeError with the server's own words.
"""

from typing import Any, Generic, TypeVar

from openenv.core.client_types import StepResult  # type: ignore[import-untyped]

# By its own name, OpenEnv's page would show it in an example that does not work.
from openenv.core.env_client import EnvClient as OpenEnvClient  # type: ignore[import-untyped]

from servers.openenv_models import DebugAction, DebugArenaAction, DebugObservation, DebugState, DSLDebugAction

A = TypeVar("A", bound=DebugAction)


class _DebugClient(OpenEnvClient, Generic[A]):  # type: ignore[misc]
    """What both clients share."""

    def _step_payload(self, action: A) -> dict[str, Any]:
        payload: dict[str, Any] = action.model_dump(exclude_defaults=True)
        return payload

    def _parse_result(self, payload: dict[str, Any]) -> StepResult:
        told = {"reward": payload.get("reward"), "done": payload.get("done", False)}
        observation = DebugObservation(**payload["observation"], **told)
        return StepResult(observation=observation, **told)

    def _parse_state(self, payload: dict[str, Any]) -> DebugState:
        return DebugState(**payload)


class DSLDebugClient(_DebugClient[DSLDebugAction]):
    """A session of the DSL environment: tools run, inspect, read_docs and submit."""


class DebugArenaClient(_DebugClient[DebugArenaAction]):
    """A session of DebugArena: tools run_tests and submit."""


def call(tool: str, /, **arguments: Any) -> DebugAction:
    """A structured call, for either client."""
    return DebugAction(tool=tool, arguments=arguments)


def message(text: str) -> DebugAction:
    """A model's message as it was written, for either client."""
    return DebugAction(message=text)
