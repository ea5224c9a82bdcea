"""Asking a model behind an OpenAI-compatible endpoint: retries, time-outs, a cache on disk, one order.

Where there is a folder for it, every answer is kept under a hash of the whole request, so that a run that
was stopped goes on where it was; what an endpoint failed to answer is not kept. The client reads the key from
OPENAI_API_KEY; it is written nowhere, and cut out of whatever an endpoint says. Needs openai (extra `eval`).

What this does not guard: an endpoint that trickles an answer for ever. The time-out is one for silence.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from dsl_debug.policies.answers import (
    ANSWERED,
    FAILED,
    NO_TOOLS,
    NOT_CONNECTED,
    RATE_LIMITED,
    REJECTED,
    SILENT,
    TIMED_OUT,
    TOO_LONG,
    UNREADABLE,
    Answer,
    CallText,
    keep_answer,
    kept_answer,
    read_completion,
)
from dsl_debug.policies.base import ModelOptions, Unusable
from dsl_debug.policies.threads import in_order

if TYPE_CHECKING:
    from openai import OpenAI

Body = dict[str, Any]
"""A request for a chat completion, as the API takes it."""

_USUAL = ModelOptions()

MODEL_TIMEOUT = _USUAL.timeout
"""Seconds for one answer."""

PATIENCE = 3
"""So many requests in a row without an answer, and there is no use in going on."""

MIN_KEY = 8
"""Characters of a key that is worth hiding."""

MAX_COMPLAINT = 300
"""Characters of what an endpoint says in which it is looked for what it complains of."""

# Options that a request can do without, and the words (a pattern) by which an endpoint complains of them.
# Where it takes no `max_tokens`, the same is asked as `max_completion_tokens`.
_OPTIONS: dict[str, str] = {
    "response_format": r"response_format|json_schema|structured outputs?|guided\w*",
    "seed": "seed",
    "temperature": "temperature",
    "top_p": "top_p",
    "max_completion_tokens": "max_completion_tokens",
    "max_tokens": "max_tokens",
}

# The same for tools, and for the messages in which calls and their answers stand.
_TOOLS = r"tools?|tool_\w+|roles?"

_ANY = re.compile("|".join([*_OPTIONS.values(), _TOOLS]))

# Where an endpoint that checks a request with pydantic (vLLM, SGLang, FastAPI) begins to quote it.
_QUOTE = re.compile(r"\binput(?:_value)?(?:\\*['\"]\s*:|\s*=)")

# What a request with tools is about. Endpoints that take tools need not take messages with their answers.
_TOOL_ANSWERS = "answers of tools"
_OF_TOOLS = {"tools", _TOOL_ANSWERS}

# The words of OpenAI, vLLM, SGLang, TGI, llama.cpp and LM Studio for a conversation that is too long.
_CONTEXT = (
    *("context length", "context_length", "context window", "context size", "maximum context"),
    *("too many tokens", "maximum allowed length", "`max_new_tokens` must be", "context the overflows"),
)

# What llama.cpp says, with status 500, where it was not started for tools.
_NO_TOOLS = ("param: tools", "tools param")


class Unavailable(Unusable):
    """The endpoint cannot be used at all: no package, no key, or it refuses every request of this kind."""


@dataclass(frozen=True)
class Settings:
    """Which model, where, and how to ask it; answers are kept in the folder `cache`, if there is one.

    `retries`: how many times the client asks again, later each time, where an endpoint is busy, slow or away.
    Without `max_tokens` the endpoint decides how long an answer may be. Options that an endpoint does not
    take are left out, but those in `needed`.
    """

    model: str
    base_url: str
    cache: Path | None
    workers: int = 4
    timeout: float = MODEL_TIMEOUT
    retries: int = _USUAL.retries
    max_tokens: int | None = None
    needed: tuple[str, ...] = ()


class Target(NamedTuple):
    """A model and the address of its endpoint."""

    model: str
    base_url: str


def parse_target(text: str) -> Target:
    """Read `openai:MODEL@URL`; `openai:` may be left out. Raises ValueError, saying what is wrong."""
    form = "openai:MODEL@URL, such as openai:qwen3@http://localhost:8000/v1"
    model, sign, address = text.strip().removeprefix("openai:").partition("@http")
    if not sign:
        raise ValueError(f"{_shown(text)} has no address: a model behind an endpoint is written {form}")
    if not model or any(char.isspace() for char in model):
        raise ValueError(f"{_shown(text)} names no model: a model behind an endpoint is written {form}")
    problem = _url_problem(f"http{address}")
    if problem:
        raise ValueError(problem)
    return Target(model, f"http{address}".rstrip("/"))


def _shown(text: str) -> str:
    """A text of the command line without what may be a password in an address."""
    head, sign, tail = text.rpartition("@")
    return repr(f"{head[:60]}{sign}{tail[:60]}") if "//" not in head else "the target"


def _url_problem(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "the address of the endpoint cannot be read"
    if parts.scheme not in ("http", "https") or not host or any(char.isspace() for char in url):
        return "the address of the endpoint is no http or https address"
    if parts.username or parts.password:
        return "the address of the endpoint holds a password: set OPENAI_API_KEY instead"
    return ""


# Asking


class Endpoint:
    """A client of one endpoint, for many threads. Raises Unavailable, in one line and without the key.

    `answered`: whether it has ever given an answer, a kept one included. `said`: what it gave last as a
    reason for giving none, `status` the status that came with that (0: none so far). A `client` that is
    handed in is used, and closed, instead of one with the key of OPENAI_API_KEY.

    A request that it rejects (status 400 or 422) may be the only one that it does not like. So an option that
    it seems to complain of is left out from then on only where that has helped, and nothing is blamed that
    stood in a request which was answered.
    """

    def __init__(self, settings: Settings, client: "OpenAI | None" = None) -> None:
        self.settings = settings
        self._client = client or _client(settings)
        self._closed = False
        self._dropped: set[str] = set()  # options that it does not take
        self._taken: set[str] = set()  # what stood in requests that it has answered
        self.answered = False
        self.said = ""
        self.status = 0

    def __enter__(self) -> "Endpoint":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back; whatever still asks gets Unavailable."""
        self._closed = True
        self._client.close()

    def answer(self, body: Body) -> Answer:
        """From the cache, or from the endpoint and then into the cache."""
        path = self._place(body)
        answer = kept_answer(path) if path else None
        if answer is None:
            if self._closed:
                raise Unavailable("the client is closed")
            answer = self.ask(body)
            if path and answer.trouble not in (*SILENT, TOO_LONG):
                keep_answer(path, answer)
        elif answer.trouble in ANSWERED:
            self.answered = True
            self._taken |= _kinds(body) & _OF_TOOLS  # which options it came without is not known
        return answer

    @property
    def takes_tools(self) -> bool:
        """Whether it has answered a request with tools."""
        return "tools" in self._taken

    def _place(self, body: Body) -> Path | None:
        """Where the answer to a request is kept."""
        if self.settings.cache is None:
            return None
        key = json.dumps([self.settings.base_url, body], sort_keys=True)
        return self.settings.cache / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"

    def answers(self, bodies: Iterable[Body], ahead: int | None = None) -> Iterator[Answer]:
        """The answers to requests, in their order, some at a time."""
        return in_order(self.answer, bodies, self.settings.workers, ahead)

    def ask(self, body: Body, left_out: frozenset[str] = frozenset()) -> Answer:
        """From the endpoint, whatever the cache holds; without the options `left_out`."""
        import openai

        sent = self._without(self._dropped | left_out, body)
        try:
            completion = self._client.chat.completions.create(**sent)
        except openai.APITimeoutError:
            return Answer(trouble=TIMED_OUT)
        except openai.APIConnectionError:
            return Answer(trouble=NOT_CONNECTED)
        except openai.RateLimitError:
            return Answer(trouble=RATE_LIMITED)
        except openai.APIStatusError as error:
            return self._refused(error, body, sent, left_out)
        except (openai.OpenAIError, ValueError, TypeError, RecursionError):
            return Answer(trouble=UNREADABLE)
        answer = read_completion(completion)
        if answer.trouble in ANSWERED:
            self.answered = True
            self._taken |= _kinds(sent)
            self._dropped |= left_out.difference(self.settings.needed)
        return self._without_key(answer)

    def _without_key(self, answer: Answer) -> Answer:
        """An answer that may be kept: some servers echo what they were sent."""
        key = self._client.api_key
        calls = tuple(CallText(_hidden(c.name, key), _hidden(c.arguments, key)) for c in answer.calls)
        return answer._replace(text=_hidden(answer.text, key), calls=calls)

    @staticmethod
    def _without(dropped: set[str], body: Body) -> Body:
        """A request without options that this endpoint does not take."""
        sent = {name: value for name, value in body.items() if name not in dropped}
        if "response_format" in body and "response_format" not in sent:
            schema = json.dumps(body["response_format"]["json_schema"]["schema"])
            system, *others = body["messages"]
            told = {**system, "content": f"{system['content']}\n\nThe schema of the answer: {schema}"}
            sent["messages"] = [told, *others]
        if "max_tokens" in body and "max_tokens" not in sent and "max_completion_tokens" not in dropped:
            sent["max_completion_tokens"] = body["max_tokens"]
        return sent

    def _refused(self, error: Any, body: Body, sent: Body, left_out: frozenset[str]) -> Answer:
        """What a status other than 200 means for a request."""
        status, words = int(error.status_code), str(error.message).lower()
        self.status, self.said = status, (said := _told(error, self._client.api_key))
        if status == 413 or any(word in words for word in _CONTEXT):
            # Some servers count tokens that were not written yet: without a limit the model has what is left.
            fits = {name: value for name, value in body.items() if name != "max_tokens"}
            return Answer(trouble=TOO_LONG) if status == 413 or fits == body else self.ask(fits, left_out)
        complaint, new = _complaint(error), _kinds(sent) - self._taken
        if "tools" in sent and new & _OF_TOOLS and _knows_no_tools(status, complaint, words):
            return Answer(trouble=NO_TOOLS)
        if status in (408, 409) or status >= 500:
            return Answer(trouble=TIMED_OUT if status == 408 else FAILED)
        if status not in (400, 422):
            raise Unavailable(said)
        for option, words in _OPTIONS.items():
            if option in new and _speaks_of(words, complaint):
                return self._ask_without(option, body, left_out, said)
        return Answer(trouble=REJECTED)

    def _ask_without(self, option: str, body: Body, left_out: frozenset[str], said: str) -> Answer:
        """Ask once more, without an option that the endpoint seems not to take."""
        answer = self.ask(body, left_out | {option})
        if option in self.settings.needed and answer.trouble in ANSWERED:
            wanted = f"{option} {body[option]:g}"
            raise Unavailable(f"the endpoint does not take {wanted}, give another: {said}")
        return answer


def _kinds(sent: Body) -> set[str]:
    """What a request asks an endpoint to know about: its options, tools, and the answers of tools."""
    answers = any(message["role"] == "tool" for message in sent["messages"])
    return {*sent, _TOOL_ANSWERS} if answers else {*sent}


def _complaint(error: Any) -> str:
    """What an endpoint complains of: an option that it names, or its words, without the request it quotes."""
    named = re.split(r"[.\[]", str(error.param or ""))[0].lower()
    words = str(error.message).lower()
    return named if _ANY.fullmatch(named) else _QUOTE.split(words, maxsplit=1)[0][:MAX_COMPLAINT]


def _speaks_of(words: str, complaint: str) -> bool:
    """Whether some words (a pattern) stand in a complaint, as whole words."""
    return re.search(rf"\b(?:{words})\b", complaint) is not None


def _knows_no_tools(status: int, complaint: str, words: str) -> bool:
    """Whether an endpoint complains of tools, or of the messages in which calls and their answers stand."""
    if status == 500:
        return any(word in words for word in _NO_TOOLS)
    return status in (400, 404, 422) and _speaks_of(_TOOLS, complaint)


def _client(settings: Settings) -> "OpenAI":
    try:
        import openai
    except ImportError:
        raise Unavailable("asking a model needs openai: pip install 'dsl-debug[eval]'") from None
    problem = _url_problem(settings.base_url)
    if problem:
        raise Unavailable(problem)
    try:
        return openai.OpenAI(
            base_url=settings.base_url, timeout=settings.timeout, max_retries=settings.retries
        )
    except openai.OpenAIError:
        raise Unavailable(
            "set OPENAI_API_KEY; for an endpoint that asks for no key any text will do"
        ) from None


def _hidden(text: str, key: str) -> str:
    """A text without the key. Shorter ones are no secrets but what an endpoint without keys is given."""
    return text.replace(key, "***") if len(key) >= MIN_KEY else text


def _told(error: Any, key: str) -> str:
    """What the endpoint says, in one line. What it says about a key is left out, since it may cite it."""
    status = f"the endpoint answers with status {error.status_code}"
    if error.status_code in (401, 403):
        return f"{status}: is OPENAI_API_KEY right?"
    message = " ".join(_hidden(str(error.message), key).split())[:200]
    message = message.removeprefix(f"Error code: {error.status_code} - ")
    return f"{status}: {message}" if message else status
