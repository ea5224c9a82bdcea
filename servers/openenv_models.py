"""What clients of the OpenEnv servers send and get: actions, observations, and the state of a session.

Both environments have the same observation and state; their actions differ in the tools that there are.
"""

from typing import Any

from openenv.core.env_server.types import Action, Observation, State  # type: ignore[import-untyped]
from pydantic import Field, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

DSL_TOOLS: JsonDict = {"enum": ["inspect", "read_docs", "run", "submit"]}
ARENA_TOOLS: JsonDict = {"enum": ["run_tests", "submit"]}
"""What the schemas say that `tool` is one of."""

_TOOL = "The name of a tool; another name is answered as a mistake of the agent and costs a turn"


class DebugAction(Action):  # type: ignore[misc]
    """One turn: either a call, as `tool` and `arguments`, or `message`, the raw text of a model."""

    tool: str | None = Field(default=None, description=_TOOL)
    arguments: dict[str, Any] = Field(default_factory=dict, description="The arguments of the tool by name")
    message: str | None = Field(
        default=None,
        description="What a model wrote, with its calls in <tool_call> blocks; instead of tool and arguments",
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> "DebugAction":
        if (self.tool is None) == (self.message is None):
            # No ValueError: OpenEnv could not tell it to a client, and would end the session.
            raise PydanticCustomError(
                "tool_or_message", "give either 'tool' (with 'arguments') or 'message', and not both"
            )
        return self


class DSLDebugAction(DebugAction):
    """An action in the DSL environment."""

    tool: str | None = Field(default=None, description=_TOOL, json_schema_extra=DSL_TOOLS)


class DebugArenaAction(DebugAction):
    """An action in DebugArena."""

    tool: str | None = Field(default=None, description=_TOOL, json_schema_extra=ARENA_TOOLS)


class DebugObservation(Observation):  # type: ignore[misc]
    """What an agent sees. `reward` is None at the reset, 0 until the episode is over, and final from then on.

    The fields from `problem_id` on are filled at the reset only, and `signals` at the end only.
    """

    text: str = Field(description="At the reset the task, then the answer of the tools")
    turn: int = Field(default=0, description="Turns that were taken")
    turns_left: int = Field(default=0, description="Turns that the agent still has")
    signals: dict[str, float] = Field(
        default_factory=dict,
        description="DebugArena, at the end: the four signals that the reward is made of",
    )
    problem_id: str = Field(default="", description="The id of the problem")
    category: str = Field(default="", description="The kind of mistake")
    difficulty: str = Field(default="", description="easy, medium or hard")
    prompt: list[dict[str, str]] = Field(
        default_factory=list, description="System and user message, ready for a chat template"
    )
    tools: list[dict[str, Any]] = Field(
        default_factory=list, description="The tools, in the OpenAI function format"
    )


class DebugState(State):  # type: ignore[misc]
    """Where a session stands; `step_count` are the turns taken. Agents may see all of it."""

    environment: str = Field(default="", description="dsl or python")
    problem_id: str = Field(default="", description="The problem that is played; empty before the reset")
    category: str = Field(default="", description="The kind of mistake")
    difficulty: str = Field(default="", description="easy, medium or hard")
    max_turns: int = Field(default=0, description="Turns of the whole episode")
    turns_left: int = Field(default=0, description="Turns that the agent still has")
    done: bool = Field(default=False, description="Whether the episode is over")
    reward: float | None = Field(default=None, description="The reward, once the episode is over")
