"""What the HTTP API takes and gives, as its OpenAPI document describes it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from dsl_debug.visitors import MAX_MESSAGE, MAX_WORDS
from servers.http_limits import MAX_ARGUMENTS

EnvironmentName = Literal["dsl", "python"]
Words = Annotated[str, Field(max_length=MAX_WORDS)]

EXAMPLE_ID = "Zk3xY0mQb9f1vQ2c7Jr8Ug"
EXAMPLE_PROBLEM = "0123456789abcdef"


class _Request(BaseModel):
    """What is sent. A field that there is not is an error: it would be a slip that changes nothing."""

    model_config = ConfigDict(extra="forbid")


class StartRequest(_Request):
    """Which problem to play: one by its id, or any of a category and a difficulty."""

    environment: EnvironmentName = Field(
        "dsl", description="`dsl`: programs over tables; `python`: functions with tests."
    )
    category: Words = Field("", description="The kind of mistake, as `GET /` lists them; empty for any.")
    difficulty: Words = Field("", description="`easy`, `medium` or `hard`; empty for any.")
    problem_id: Words = Field("", description="The id of one problem, instead of the two; empty for any.")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"environment": "dsl", "category": "standard", "difficulty": "easy"}]}
    )


class CallRequest(_Request):
    """One call of a tool. A wrong name or wrong arguments are answered, and cost the turn like any call."""

    tool: Words = Field(description="The name of the tool, as the episode's `tools` list it.")
    arguments: dict[Words, Any] = Field(
        {}, max_length=MAX_ARGUMENTS, description="Its arguments by name, as the schema of the tool says."
    )

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"tool": "read_docs", "arguments": {"operation": "overview"}}]}
    )


_MESSAGE = '<tool_call>\n{"name": "inspect", "arguments": {"node_name": "orders"}}\n</tool_call>'


class MessageRequest(_Request):
    """A model's message as it is. The calls are read out of it; together they take one turn."""

    message: str = Field(
        max_length=MAX_MESSAGE, description="The text, with `<tool_call>` blocks or bare JSON."
    )

    model_config = ConfigDict(json_schema_extra={"examples": [{"message": _MESSAGE}]})


def _form(value: Any) -> str | None:
    """Which of the two forms of a turn was sent; None for neither or both."""
    sent = value if isinstance(value, dict) else {}
    forms = [form for key, form in (("tool", "call"), ("message", "message_form")) if key in sent]
    return forms[0] if len(forms) == 1 else None


StepRequest = Annotated[
    Annotated[CallRequest, Tag("call")] | Annotated[MessageRequest, Tag("message_form")],
    Discriminator(_form),
]


class ProblemEntry(BaseModel):
    """What is told of a problem that nobody plays yet."""

    id: str = Field(examples=[EXAMPLE_PROBLEM])
    environment: EnvironmentName
    category: str = Field(examples=["standard"])
    difficulty: str = Field(examples=["easy"])
    database: str | None = Field(description="Whose tables a program reads; null for functions.")
    family: str | None = Field(description="Which functions it is like; null for programs.")


class ProblemList(BaseModel):
    """A page of the problems that fit, in a fixed order."""

    total: int = Field(description="How many fit, on all pages together.")
    offset: int
    problems: list[ProblemEntry]


class ChatMessage(BaseModel):
    """A message as chat models take it."""

    role: Literal["system", "user"]
    content: str


class Started(BaseModel):
    """An episode that has begun. Whoever knows its id can play it: keep it to yourself."""

    episode_id: str = Field(examples=[EXAMPLE_ID])
    environment: EnvironmentName
    problem_id: str = Field(examples=[EXAMPLE_PROBLEM])
    category: str
    difficulty: str
    max_turns: int = Field(description="How many turns the episode has; each step takes one.")
    prompt: list[ChatMessage] = Field(description="The task: what a model is told before its first turn.")
    tools: list[dict[str, Any]] = Field(description="The tools, in the OpenAI function format.")
    expires_in_seconds: int = Field(description="When the episode ends by itself if nothing is done in it.")


class CallResult(BaseModel):
    """What became of one call; a call that was malformed has neither tool nor arguments."""

    tool: str | None
    arguments: dict[str, Any] | None
    observation: str


class TurnTaken(BaseModel):
    """A turn and its answer."""

    turn: int = Field(description="Counted from 1.")
    observation: str
    results: list[CallResult] = Field(description="Of each call of the turn, in their order.")


class StepAnswer(TurnTaken):
    """What a turn led to."""

    turns_left: int
    done: bool
    reward: float | None = Field(description="Null until the episode is over, and final from then on.")
    signals: dict[str, float] = Field(
        description="At the end of an episode of the arena, the four signals that the reward is the sum of; "
        "empty otherwise."
    )


class EpisodeState(BaseModel):
    """How an episode stands: what was called and what was answered."""

    episode_id: str = Field(examples=[EXAMPLE_ID])
    environment: EnvironmentName
    problem_id: str = Field(examples=[EXAMPLE_PROBLEM])
    category: str
    difficulty: str
    max_turns: int
    turn: int = Field(description="Turns taken.")
    turns_left: int
    done: bool
    reward: float | None
    history: list[TurnTaken]


class Offer(BaseModel):
    """What there is to play in one environment."""

    problems: int
    categories: list[str]
    open: bool = Field(description="Whether episodes can be started.")
    closed_because: list[str] = Field(description="Why not, a reason a line.")


class Index(BaseModel):
    """What this server is."""

    name: str
    about: str
    source: str = Field(description="Where the problems come from.")
    openapi: str = Field(description="The path of the OpenAPI document.")
    environments: dict[EnvironmentName, Offer]
    limits: dict[str, int]


class Health(BaseModel):
    """Whether the server answers, and how full it is."""

    status: Literal["ok"]
    episodes: int
    capacity: int
