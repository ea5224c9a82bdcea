"""Asking a model behind an OpenAI-compatible endpoint: retries, time-outs, a cache on disk, one order.

Where there is a folder for it, every answer is kept under a hash of the whole request, so that a run that
was stopped goes on where it was; what an endpoint failed to answer is not kept. The client reads the key from
OPENAI_API_KEY; it is written nowhere, and cut out of whatever an endpoint says. Needs openai (extra `eval`).

What this does not guard: an endpoint that trickles an answer for ever. The time-out is one for silence.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from dsl_debug.policies.answers import (
    CUT_SHORT,
    FAILED,
    NO_TOOLS,
    NOT_CONNECTED,
    RATE_LIMITED,
    REFUSED,
    REJECTED,
    SILENT,
    TIMED_OUT,
    TOO_LONG,
    UNREADABLE,
    Answer,
    CallText,
    Usage,
    keep_answer,
    kept_answer,
    read_completion,
)
from dsl_debug.policies.base import Unusable
from dsl_debug.policies.threads import in_order

if TYPE_CHECKING:
    from openai import OpenAI

Body = dict[str, Any]
"""A request for a chat completion, as the API takes it."""

MODEL_TIMEOUT = 120.0
"""Seconds for one answer."""

RETRIES = 4
"""Times that the client asks again, later each time, where an endpoint is busy, slow or away."""

PATIENCE = 3
"""So many requests in a row without an answer, and there is no use in going on."""

MIN_KEY = 8
"""Characters of a key that is worth hiding."""

# Options that a request can do without, and the words by which an endpoint complains of them. Where it takes
# no `max_tokens`, the same is asked as `max_completion_tokens`.
_OPTIONS: dict[str, tuple[str, ...]] = {
    "response_format": ("response_format", "json_schema", "structured output", "guided"),
    "seed": ("seed",),
    "temperature": ("temperature",),
    "top_p": ("top_p",),
    "max_completion_tokens": ("max_completion_tokens",),
    "max_tokens": ("max_tokens",),
}

# The words of OpenAI, vLLM, SGLang, TGI, llama.cpp and LM Studio for a conversation that is too long.
_CONTEXT = (
    *("context length", "context_length", "context window", "context size", "maximum context"),
    *("too many tokens", "maximum allowed length", "`max_new_tokens` must be", "context the overflows"),
)

# What llama.cpp says, with status 500, where it was not started for tools.
_NO_TOOLS = ("param: tools", "tools param")


class Unavailable(Unusable):
    """The endpoint cannot be used at all: no package, no key, or it refuses every request of this kind."""


class Silence(RuntimeError):
    """The endpoint has stopped to answer; what it has answered so far counts."""


@dataclass(frozen=True)
class Settings:
    """Which model, where, and how to ask it; answers are kept in the folder `cache`, if there is one.

    Prices are for a million tokens; None where nobody knows them. Without `max_tokens` the endpoint decides
    how long an answer may be. Options that an endpoint does not take are left out, but those in `needed`.
    """

    model: str
    base_url: str
    cache: Path | None
    workers: int = 4
    timeout: float = MODEL_TIMEOUT
    retries: int = RETRIES
    max_tokens: int | None = None
    price_in: float | None = None
    price_out: float | None = None
    needed: tuple[str, ...] = ()

    def cost(self, tokens_in: int, tokens_out: int) -> float | None:
        """What so many tokens cost; None without prices."""
        if self.price_in is None or self.price_out is None:
            return None
        return (tokens_in * self.price_in + tokens_out * self.price_out) / 1e6


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


def heard(answers: Iterable[Answer], usage: Usage) -> Iterator[Answer]:
    """The answers, each counted in `usage`. Raises Silence after `PATIENCE` in a row that were none."""
    silent = 0
    for answer in answers:
        usage.add(answer)
        silent = silent + 1 if answer.trouble in SILENT else 0
        yield answer
        if silent == PATIENCE:
            raise Silence(f"{PATIENCE} requests in a row got no answer; the last one: {answer.trouble}")


class Endpoint:
    """A client of one endpoint, for many threads. Raises Unavailable, in one line and without the key.

    `answered`: whether it has ever given an answer. `said`: what it gave last as a reason for giving none.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._client = _client(settings)
        self._closed = False
        self._dropped: set[str] = set()
        self.answered = False
        self.said = ""

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
            answer = self._ask(body)
            if path and answer.trouble not in (*SILENT, TOO_LONG):
                keep_answer(path, answer)
        self.answered = self.answered or answer.trouble in ("", CUT_SHORT, REFUSED)
        return answer

    def _place(self, body: Body) -> Path | None:
        """Where the answer to a request is kept."""
        if self.settings.cache is None:
            return None
        key = json.dumps([self.settings.base_url, body], sort_keys=True)
        return self.settings.cache / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"

    def answers(self, bodies: Iterable[Body], ahead: int | None = None) -> Iterator[Answer]:
        """The answers to requests, in their order, some at a time."""
        return in_order(self.answer, bodies, self.settings.workers, ahead)

    def _ask(self, body: Body) -> Answer:
        import openai

        sent = self._without_dropped(body)
        try:
            completion = self._client.chat.completions.create(**sent)
        except openai.APITimeoutError:
            return Answer(trouble=TIMED_OUT)
        except openai.APIConnectionError:
            return Answer(trouble=NOT_CONNECTED)
        except openai.RateLimitError:
            return Answer(trouble=RATE_LIMITED)
        except openai.APIStatusError as error:
            return self._refused(error, body, sent)
        except (openai.OpenAIError, ValueError, TypeError, RecursionError):
            return Answer(trouble=UNREADABLE)
        return self._without_key(read_completion(completion))

    def _without_key(self, answer: Answer) -> Answer:
        """An answer that may be kept: some servers echo what they were sent."""
        key = self._client.api_key
        calls = tuple(CallText(_hidden(c.name, key), _hidden(c.arguments, key)) for c in answer.calls)
        return answer._replace(text=_hidden(answer.text, key), calls=calls)

    def _without_dropped(self, body: Body) -> Body:
        """A request without the options that this endpoint does not take."""
        sent = {name: value for name, value in body.items() if name not in self._dropped}
        if "response_format" in body and "response_format" not in sent:
            schema = json.dumps(body["response_format"]["json_schema"]["schema"])
            system, *others = body["messages"]
            told = {**system, "content": f"{system['content']}\n\nThe schema of the answer: {schema}"}
            sent["messages"] = [told, *others]
        if "max_tokens" in body and "max_tokens" not in sent and "max_completion_tokens" not in self._dropped:
            sent["max_completion_tokens"] = body["max_tokens"]
        return sent

    def _refused(self, error: Any, body: Body, sent: Body) -> Answer:
        """What a status other than 200 means for a request."""
        status, words = int(error.status_code), str(error.message).lower()
        self.said = _told(error, self._client.api_key)
        if status == 413 or any(word in words for word in _CONTEXT):
            # Some servers count tokens that were not written yet: without a limit the model has what is left.
            fits = {name: value for name, value in body.items() if name != "max_tokens"}
            return Answer(trouble=TOO_LONG) if status == 413 or fits == body else self._ask(fits)
        if "tools" in sent and _knows_no_tools(status, words):
            return Answer(trouble=NO_TOOLS)
        if status in (408, 409) or status >= 500:
            return Answer(trouble=TIMED_OUT if status == 408 else FAILED)
        if status in (400, 422):
            for option, complaints in _OPTIONS.items():
                if option in sent and any(word in words for word in complaints):
                    if option in self.settings.needed:
                        wanted = f"{option} {sent[option]:g}"
                        raise Unavailable(f"the endpoint does not take {wanted}, give another: {self.said}")
                    self._dropped.add(option)  # the same for all requests, whichever thread finds it out
                    return self._ask(body)
            if self.answered:  # so it is this request that it does not like
                return Answer(trouble=REJECTED)
        raise Unavailable(self.said)


def _knows_no_tools(status: int, words: str) -> bool:
    """Whether an endpoint complains of tools, or of the messages in which calls and their answers stand."""
    if status == 500:
        return any(word in words for word in _NO_TOOLS)
    return status in (400, 404, 422) and ("tool" in words or "role" in words)


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
