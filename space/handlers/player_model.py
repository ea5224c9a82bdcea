"""A model that plays, behind an OpenAI-compatible address: the prompts, tools and turns of an evaluation.

This runs in the player's process. The visitor's key is held by the client there and cut out of everything
that is said. Needs openai (extra `eval`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsl_debug.episode import DSLDebugEnv
from dsl_debug.episode.prompts import DEFAULT_PROMPT
from dsl_debug.episode.transcript import transcript
from dsl_debug.evaluation import trace_row
from dsl_debug.policies.answers import FAILED as BROKEN
from dsl_debug.policies.answers import (
    NOT_CONNECTED,
    RATE_LIMITED,
    REFUSED,
    REJECTED,
    TIMED_OUT,
    TOO_LONG,
    UNREADABLE,
)
from dsl_debug.policies.base import Job, ModelOptions, Setup, Talk, Unusable
from dsl_debug.policies.endpoint import MIN_KEY, Endpoint, Settings
from dsl_debug.problem import DslProblem
from dsl_debug.visitors import LIMITS
from space.handlers.outbound import is_public
from space.handlers.watch_frames import Said

if TYPE_CHECKING:
    from dsl_debug.policies.openai import Conversation
    from space.handlers.outbound_client import Outbound

NO_KEY = "none"
"""What a server is told that asks for no key."""

MISSING = "Models cannot be asked here, openai is missing: pip install 'dsl-debug[eval]'."

_TROUBLES = {
    NOT_CONNECTED: "No answer comes from this address: is it right, and is the server running?",
    TIMED_OUT: "The endpoint took too long for an answer.",
    RATE_LIMITED: "The endpoint takes no more requests now: too many of them, or no credit left.",
    UNREADABLE: "What the endpoint answers is no chat completion: is the address right? Most end in /v1.",
    TOO_LONG: "The episode is longer than what the model can read.",
    REFUSED: "The model refused to answer.",
}


def play_model(asked: Mapping[str, Any], problem: DslProblem, seed: int, say: Callable[[Said], None]) -> None:
    """Play an episode of a model; `asked` holds its `model`, `address`, `key` and `options`."""
    options, key = ModelOptions(**asked["options"]), asked["key"]
    try:
        player = _player(asked["address"], asked["model"], key, options)
    except ImportError:
        say({"failed": MISSING})
        return
    player.episode(problem, seed, lambda said: say(without(said, key)))


def _player(address: str, model: str, key: str, options: ModelOptions) -> "_Player":
    import openai

    from space.handlers.outbound_client import Outbound, client

    way = Outbound(is_public())
    asking = openai.OpenAI(
        base_url=address,
        api_key=key or NO_KEY,
        timeout=options.timeout,
        max_retries=options.retries,
        http_client=client(way, options.timeout),
    )
    settings = Settings(model, address, None, 1, options.timeout, options.retries)
    return _Player(Endpoint(settings, asking), way, options, bool(key))


@dataclass(frozen=True)
class _Player:
    """A model at an endpoint, and the way to it."""

    endpoint: Endpoint
    way: "Outbound"
    options: ModelOptions
    has_key: bool

    def episode(self, problem: DslProblem, seed: int, say: Callable[[Said], None]) -> None:
        """Play an episode to its end."""
        from dsl_debug.policies.openai import Conversation

        talk = Talk(Job(problem, 0, seed), Setup())
        env = talk.env = DSLDebugEnv(talk.env.max_turns, LIMITS)
        env.reset(problem)
        conversation = Conversation(self.endpoint, talk)
        failed = self._turns(conversation, say)
        talk.prompt = conversation.prompt  # what the model has read
        row = trace_row(problem, talk.episode(), f"openai:{self.endpoint.settings.model}", DEFAULT_PROMPT)
        say({"trace": row, "failed": failed})

    def _turns(self, conversation: "Conversation", say: Callable[[Said], None]) -> str:
        """Play; why it could not be played to the end, in one line, or nothing."""
        from dsl_debug.policies.openai import take_turn

        talk = conversation.talk
        while not talk.done:
            before = talk.env.turns
            try:
                answer = take_turn(conversation, self.options)
            except Unusable:  # it refuses every request
                talk.stop(REJECTED)
                return self._refusal()
            if talk.env.turns == before:
                return self._trouble(answer.trouble)
            remark = answer.text if answer.calls else ""
            say({"turn": transcript([], talk.env.history[-1:], [remark])})
        return ""

    def _refusal(self) -> str:
        """Why the endpoint refuses every request."""
        status = self.endpoint.status
        if status in (401, 403):
            return (
                "The endpoint does not accept this key." if self.has_key else "The endpoint asks for a key."
            )
        if status == 402:
            return "The endpoint asks for payment: the key has no credit left."
        if status == 404:
            model = self.endpoint.settings.model
            return f"The endpoint knows no model {model}, or its address is another one: most end in /v1."
        if 300 <= status < 400:
            return "The endpoint sends on to another address; name that one, it is not followed."
        return sentence(self.endpoint.said)

    def _trouble(self, trouble: str) -> str:
        """What kept the model from a turn."""
        if self.way.reason and trouble in (NOT_CONNECTED, TIMED_OUT, UNREADABLE):
            return sentence(self.way.reason)
        if trouble in (REJECTED, BROKEN):
            return sentence(self.endpoint.said)
        return _TROUBLES.get(trouble, f"The model gave no turn: {trouble}.")


def sentence(words: str) -> str:
    """Words as a sentence, on one line."""
    line = " ".join(words.split())
    return line[:1].upper() + line[1:] + ("" if line.endswith((".", "?", "!")) else ".")


def without(value: Any, key: str) -> Any:
    """A JSON value without the key, wherever a server has repeated it."""
    if len(key) < MIN_KEY:  # no secret, but what an endpoint without keys is given
        return value
    if isinstance(value, str):
        return value.replace(key, "***")
    if isinstance(value, list | tuple):
        return [without(item, key) for item in value]
    if isinstance(value, Mapping):
        return {without(name, key): without(item, key) for name, item in value.items()}
    return value
