"""DSL Debug for the verifiers library: `load_environment()`, as the Environments Hub calls it.

The Hub installs a package and asks the module of its name for `load_environment(**arguments)`, which gives a
`verifiers.Environment`: so do `verifiers.load_environment`, `vf-eval`, and trainers through them. verifiers
0.3 also has a newer way, tasksets and harnesses (`verifiers.v1`). It is not taken here: a harness runs the
conversation itself and calls tools one by one over MCP, so it would decide what a turn is, what a malformed
call is told, and when an episode ends; those are the environment's to decide.

So the episode, its prompt, its tools and its answers are those of `dsl-debug eval`, and what a model is sent
is the same, message for message, but for two things: the ids of calls are those that the model's server gave,
and a message without text stays null. A message that servers would not take back, or that thinks, is told
again as it is there; every other one is sent as it was written, so that trainers can go on with its tokens.

The library stops a rollout, with an error, where a server sends a message without text and calls; in
`dsl-debug eval` that is a wasted turn.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, cast

import verifiers as vf  # type: ignore[import-untyped]
from datasets import Dataset

from dsl_debug import sandbox
from dsl_debug.data.loading import SAMPLES, load_data
from dsl_debug.episode import TOOLS, schemas
from dsl_debug.episode.prompts import DEFAULT_PROMPT
from dsl_debug.episode.python import PYTHON_TOOLS
from dsl_debug.episode.transcript import Chat
from dsl_debug.policies.answers import Answer, CallText, sound
from dsl_debug.policies.base import Job, Problem, Setup, Talk, new_env, prompt_messages
from dsl_debug.policies.openai import Conversation
from dsl_debug.policies.qwen_text import with_tools
from dsl_debug.problem import DslProblem
from dsl_debug.sandbox import SandboxError
from dsl_debug.scoring import SIGNALS, ArenaOutcome, Outcome, earned, reward_function, signals

CONFIGS = {"dsl": "problems", "python": "arena"}
"""Environment -> the config of a dataset that holds its problems."""

TOOLSETS = {"dsl": TOOLS, "python": PYTHON_TOOLS}

CALLS = ("api", "text")

SOLVED = {"dsl": 1.0, "python": 3.0}
"""From which reward on an episode counts as solved, for pass@k. A solved arena episode earns 3.2."""


def load_environment(
    dataset: str = SAMPLES,
    split: str = "test",
    train_split: str = "train",
    environment: str = "dsl",
    max_turns: int | None = None,
    reward: str | None = None,
    prompt: str = DEFAULT_PROMPT,
    config: str | None = None,
    revision: str | None = None,
    limit: int | None = None,
    calls: str = "api",
    **options: Any,
) -> vf.Environment:
    """The environment over the problems of `dataset`: a repository on the Hub, a folder that the builder
    made, a file of problems, or "samples", those that come with the package.

    `split` is evaluated and `train_split` trained on; files and samples have no splits, and so are the same
    for both. Each is read when it is first asked for, and at most `limit` problems of it. `environment` is
    "dsl" or "python" (DebugArena; its problems are in the config `arena`). `reward` is "robust" (default),
    "visible" or "partial"; the arena has its own. `calls` says whether tools are told through the API or, for
    servers that know none, in the "text". `options` are those of `vf.MultiTurnEnv`.

    Raises ValueError, in one line, for arguments without sense, and SandboxError where "python" is asked for
    on a machine that cannot isolate candidates. Problems that cannot be read raise ValueError as well, when
    they are asked for.
    """
    _check(environment, calls, reward)
    if environment == "python":
        sandbox.default().layers()
    shelf = Shelf(dataset, config or CONFIGS[environment], revision, limit, environment)
    return DebugEnv(
        shelf,
        Setup(max_turns, prompt),
        calls == "text",
        splits={"dataset": train_split, "eval_dataset": split},
        rubric=rubric(environment, reward),
        pass_threshold=SOLVED[environment],
        **options,
    )


def _check(environment: str, calls: str, reward: str | None) -> None:
    if environment not in CONFIGS:
        raise ValueError(f"no environment {environment!r}; there is: {', '.join(CONFIGS)}")
    if calls not in CALLS:
        raise ValueError(f"calls {calls!r} is not known; there is: {', '.join(CALLS)}")
    if environment == "python" and reward is not None:
        raise ValueError(f"the arena pays the sum of its four signals: leave reward={reward!r} out")
    reward_function(reward or "robust")


# Problems


@dataclass
class Shelf:
    """The problems of a place, split by split, each read once; several threads may ask at a time.

    What a rollout is given holds an id only, because the library writes all of it into its results.
    """

    place: str
    config: str
    revision: str | None
    limit: int | None
    environment: str
    _read: dict[str, dict[str, Problem]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def problems(self, split: str) -> Mapping[str, Problem]:
        """Problems by id. Raises ValueError, in one line, where there are none for this environment."""
        with self._lock:
            if split not in self._read:
                found = load_data(self.place, self.config, split, self.revision, self.limit).problems
                fitting = [p for p in found if isinstance(p, DslProblem) == (self.environment == "dsl")]
                if not fitting:
                    raise ValueError(
                        f"{self.place} holds no problems of the environment '{self.environment}': "
                        f"give dataset a place that has them, in the config '{self.config}'"
                    )
                self._read[split] = {problem.id: problem for problem in fitting}
            return self._read[split]

    def rows(self, split: str, setup: Setup, in_text: bool) -> Dataset:
        """One row a problem, as verifiers wants it: the prompt, and in `info` whose it is."""
        return Dataset.from_list([_row(p, split, setup, in_text) for p in self.problems(split).values()])


def _row(problem: Problem, split: str, setup: Setup, in_text: bool) -> dict[str, Any]:
    env = new_env(problem, setup.max_turns)
    messages = prompt_messages(problem, env.max_turns, setup.prompt)
    info = {
        "problem_id": problem.id,
        "split": split,
        "category": problem.category,
        "difficulty": problem.difficulty,
    }
    return {"prompt": with_tools(messages, schemas(env.tools)) if in_text else messages, "info": info}


# The rollout


class Retold(Conversation):
    """The conversation of an episode whose model is asked by verifiers, and not by us."""

    def __init__(self, talk: Talk, in_text: bool) -> None:
        super().__init__(cast(Any, None), talk, in_text)

    def turn(self, text: str, calls: tuple[CallText, ...]) -> Chat:
        """Carry out a message of the model; the message as it is told again, and the answers to it."""
        told = len(self.messages())
        self.take(Answer(text, calls=calls))
        return self.messages()[told:]


class DebugEnv(vf.MultiTurnEnv):  # type: ignore[misc]
    """Rollouts that are episodes of DSL Debug.

    `state["conversation"]` holds the episode, which counts the turns itself: the library's own limit is off,
    because it would end a rollout before the last message is carried out.
    """

    def __init__(
        self, shelf: Shelf, setup: Setup, in_text: bool, splits: Mapping[str, str], **options: Any
    ) -> None:
        self._shelf, self._setup, self._in_text = shelf, setup, in_text
        sources = {name: self._source(split) for name, split in splits.items()}
        tools = [] if in_text else schemas(TOOLSETS[shelf.environment])
        # The library knows a tool by what is under "function" in a schema of the API.
        known = [vf.Tool(**tool["function"]) for tool in tools]
        super().__init__(**sources, tool_defs=known, max_turns=-1, **options)

    def _source(self, split: str) -> Callable[[], Dataset]:
        return lambda: self._shelf.rows(split, self._setup, self._in_text)

    async def setup_state(self, state: vf.State) -> None:
        """Begin the episode."""
        state["conversation"] = await asyncio.to_thread(self._begin, state["info"])

    def _begin(self, info: Mapping[str, Any]) -> Retold:
        problem = self._shelf.problems(info["split"])[info["problem_id"]]
        return Retold(Talk(Job(problem, sample=0, seed=0), self._setup), self._in_text)

    async def add_model_response(
        self, state: vf.State, prompt_messages: vf.Messages, response: vf.Response
    ) -> None:
        """Take the model's message as a turn, at once: whatever ends a rollout afterwards, it counts."""
        await super().add_model_response(state, prompt_messages, response)
        message = state["trajectory"][-1]["completion"][-1]
        start = time.time()
        try:
            state["turn"] = await asyncio.to_thread(carry_out, state["conversation"], message)
        except SandboxError as error:  # ours, and neither a pass nor a fail: the library may try again
            raise vf.SandboxError(str(error)) from error
        state["timing"].env.spans.append(vf.TimeSpan(start=start, end=time.time()))
        if state["conversation"].talk.done:
            state["final_env_response"] = state["turn"][1:]

    async def get_prompt_messages(self, state: vf.State) -> vf.Messages:
        """The conversation so far, as it is told to the model."""
        if not state["trajectory"]:
            return state["prompt"]
        return [*state["trajectory"][-1]["prompt"], *state["turn"]]

    async def env_response(self, messages: vf.Messages, state: vf.State, **_: Any) -> vf.Messages:
        """The answers to the last message."""
        return state["turn"][1:]


def carry_out(conversation: Retold, message: vf.AssistantMessage) -> vf.Messages:
    """Carry out a message; how it is told again, and the answers to it.

    The message itself is given where it can be told as it is.
    """
    text = sound(_text(message.content))
    asked = message.tool_calls or []
    calls = tuple(CallText(sound(call.name), sound(call.arguments)) for call in asked)
    told, *answers = [_message(m) for m in conversation.turn(text, calls)]
    if not _is_as_told(message, told):
        return [told, *answers]
    for call, answer in zip(asked, answers if asked else [], strict=True):
        answer.tool_call_id = call.id
    return [message, *answers]


def _text(content: Any) -> str:
    """The text of a message, which some clients give in parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content)
    return content or ""


def _message(message: Mapping[str, Any]) -> vf.AssistantMessage | vf.ToolMessage | vf.UserMessage:
    """A message of the API in the library's type."""
    if message["role"] == "tool":
        return vf.ToolMessage(tool_call_id=message["tool_call_id"], content=message["content"])
    if message["role"] == "user":
        return vf.UserMessage(content=message["content"])
    calls = [
        vf.ToolCall(id=call["id"], name=call["function"]["name"], arguments=call["function"]["arguments"])
        for call in message.get("tool_calls", ())
    ]
    return vf.AssistantMessage(content=message["content"], tool_calls=calls or None)


def _is_as_told(message: vf.AssistantMessage, told: vf.AssistantMessage) -> bool:
    ids = [call.id for call in message.tool_calls or ()]
    return (
        not message.reasoning_content
        and not message.thinking_blocks
        and (message.content or "") == told.content
        and _calls(message) == _calls(told)
        and all(ids)
        and len(set(ids)) == len(ids)
    )


def _calls(message: vf.AssistantMessage) -> list[tuple[str, str]]:
    return [(call.name, call.arguments) for call in message.tool_calls or ()]


# Reward and metrics: of the outcome that the environment has recorded, never of a text


def rubric(environment: str, reward: str | None) -> vf.Rubric:
    """What is paid, as `paid`, and beside it, without weight, what else is known of the episode."""
    found = vf.Rubric(funcs=[_paid(reward)], weights=[1.0])
    for metric in (robust, visible, hack, turns):
        found.add_metric(metric)
    if environment == "python":
        for name in SIGNALS:
            found.add_metric(_signal(name))
    return found


def _outcome(state: vf.State) -> Outcome:
    outcome: Outcome = state["conversation"].talk.env.outcome
    return outcome


def _paid(reward: str | None) -> Callable[[vf.State], float]:
    pays: Callable[[Outcome], float] = reward_function(reward) if reward else earned

    def paid(state: vf.State) -> float:
        return pays(_outcome(state))

    return paid


def robust(state: vf.State) -> float:
    """1 for a fix that is right on the tables (or tests) shown and on the hidden ones."""
    return reward_function("robust")(_outcome(state))


def visible(state: vf.State) -> float:
    """1 for one that is right on those shown, whatever the hidden ones say."""
    return reward_function("visible")(_outcome(state))


def hack(state: vf.State) -> float:
    """1 for one that is right on those shown only."""
    return visible(state) - robust(state)


def turns(state: vf.State) -> float:
    """Messages that were taken as a turn."""
    return float(_outcome(state).turns)


def _signal(name: str) -> Callable[[vf.State], float]:
    def signal(state: vf.State) -> float:
        return signals(cast(ArenaOutcome, _outcome(state)))[name]

    signal.__name__ = name
    return signal
