"""A model behind an OpenAI-compatible server, as a policy: vLLM, SGLang, TGI, `transformers serve`, others.

The model's tools are those of the API. Where a server knows none, it is told about them in the system
message, in the words of Qwen2.5's chat template, and what it writes is read as `Environment.step` reads it:
with that template both ways are one sequence of tokens. Needs openai (extra `eval`).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

from dsl_debug.episode import TOOLS, Step, schemas
from dsl_debug.episode.tools import call_block, without_thought
from dsl_debug.episode.transcript import Chat
from dsl_debug.policies.answers import (
    ANSWERED,
    CUT_SHORT,
    FAILED,
    NO_TOOLS,
    NOT_CONNECTED,
    REJECTED,
    SILENT,
    TOO_LONG,
    Answer,
    CallText,
    Usage,
    sound,
)
from dsl_debug.policies.base import Episode, Episodes, Job, ModelOptions, Setup, Talk, Unusable
from dsl_debug.policies.endpoint import PATIENCE, Body, Endpoint, Settings
from dsl_debug.policies.qwen_text import response_block, with_tools
from dsl_debug.policies.threads import as_ready

_BAD_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")

# What any model can answer, in the form of an episode's first request.
_GREETING = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Say hello."},
]


class OpenAIPolicy:
    """The model `model` at the address `base_url`.

    The address is no part of `settings`: the same model may be served elsewhere when a run goes on.
    Raises Unusable where openai or its key is missing.
    """

    def __init__(self, model: str, base_url: str, options: ModelOptions) -> None:
        self.name = f"openai:{model}"
        self.settings: Mapping[str, Any] = {
            "temperature": options.temperature,
            "top_p": options.top_p,
            "max_tokens": options.max_tokens,
            "context": options.context,
        }
        self._options = options
        self._in_text = False
        # 1 is what servers take anyway; with other values a result would tell what is not so.
        needed = tuple(name for name in ("temperature", "top_p") if self.settings[name] != 1)
        self._endpoint = Endpoint(
            Settings(model, base_url, None, options.workers, options.timeout, options.retries, needed=needed)
        )

    def play(self, jobs: Iterable[Job], setup: Setup) -> Episodes:
        """The episodes, each as soon as it is over; those that got no answer as soon as another one got one.

        Raises Unusable for a server that refuses all requests, or has stopped to answer: the episodes that
        were lost to that are not given, so that a run which goes on plays them again.
        """
        episodes = as_ready(lambda job: self._play(job, setup), jobs, self._options.workers)
        with closing(episodes):
            yield from self._heard(episodes)

    def close(self) -> None:
        """Give the connections back."""
        self._endpoint.close()

    def _heard(self, episodes: Iterable[Episode]) -> Iterator[Episode]:
        """The episodes, until the endpoint falls silent; those that run side by side may fail at one time."""
        silent: list[Episode] = []
        for episode in episodes:
            if episode.stopped == REJECTED and self._endpoint.answered:
                yield episode  # this is the one that it does not like
                continue
            silent.append(episode)
            if episode.stopped in SILENT:
                if len(silent) < self._options.workers * (1 if self._is_away(silent) else PATIENCE):
                    continue
                self._check(silent)
            yield from silent  # it was not the endpoint
            silent.clear()
        if silent and self._is_away(silent):
            raise Unusable(self._silence(silent))
        yield from silent

    def _check(self, silent: Sequence[Episode]) -> None:
        """Raises Unusable, unless each of these episodes was rejected by an endpoint that answers others.

        What it has answered so far does not settle that: a run that goes on may have nothing left but
        episodes that are rejected, and is to end as if it had never been stopped.
        """
        said = self._endpoint.said
        if any(episode.stopped != REJECTED for episode in silent):
            raise Unusable(self._silence(silent))
        if not self._endpoint.answered and not self._answers_a_greeting():
            raise Unusable(said)

    def _answers_a_greeting(self) -> bool:
        body = {"model": self._endpoint.settings.model, "messages": _GREETING, **_asking(self._options, 0, 0)}
        answer = self._endpoint.ask({**body, "tools": schemas(TOOLS)})
        if answer.trouble == NO_TOOLS:
            answer = self._endpoint.ask(body)
        return answer.trouble in ANSWERED

    def _is_away(self, silent: Iterable[Episode]) -> bool:
        """Whether there never was an endpoint at all."""
        return not self._endpoint.answered and all(e.stopped == NOT_CONNECTED for e in silent)

    def _silence(self, silent: Sequence[Episode]) -> str:
        if self._is_away(silent):
            return f"no server answers at {self._endpoint.settings.base_url}: is it running?"
        reason = silent[-1].stopped
        said = f"; {self._endpoint.said}" if reason in (FAILED, REJECTED) else ""
        return (
            f"the endpoint has stopped to answer ({reason}, {len(silent)} episodes in a row{said}): "
            "run the same command again to go on"
        )

    def _play(self, job: Job, setup: Setup) -> Episode:
        talk = Talk(job, setup)
        conversation = Conversation(self._endpoint, talk, self._in_text)
        while not talk.done:
            turn = talk.env.turns
            answer = take_turn(conversation, self._options)
            if turn == 0 and conversation.in_text and answer.trouble in ANSWERED:
                # Other episodes need not ask, unless it was only this one that had to do without.
                self._in_text = not self._endpoint.takes_tools
        talk.prompt = conversation.prompt  # what the model has read
        return talk.episode()


class Conversation:
    """A talk as its endpoint reads it.

    `in_text` says whether tools and calls stand in the texts, `usage` sums up the answers, and `length` is
    the number of tokens up to the last answer, 0 where the endpoint does not tell.
    """

    def __init__(self, endpoint: Endpoint, talk: Talk, in_text: bool = False) -> None:
        self.talk = talk
        self.in_text = in_text
        self.usage = Usage()
        self.length = 0
        self._endpoint = endpoint
        self._turns: list[tuple[str, Sequence[CallText], Step]] = []

    def ask(self, options: Body) -> Answer:
        """The model's next message; from now on without tools if the endpoint complains of them."""
        answer = self._endpoint.answer(self.body(options))
        self.usage.add(answer)
        if answer.tokens_in or answer.tokens_out:
            self.talk.count(answer.tokens_in, answer.tokens_out)
            self.length = answer.tokens_in + answer.tokens_out
        if answer.trouble != NO_TOOLS:
            return answer
        self.in_text = True
        return self.ask(options)

    def take(self, answer: Answer) -> Step:
        """Carry out the calls of an answer, as one turn of the episode."""
        step = self.talk.say(answer.text, answer.calls)
        self._turns.append((_to_send(answer.text), answer.calls, step))
        return step

    def body(self, options: Body) -> Body:
        """The request for the next message."""
        tools = {} if self.in_text else {"tools": self.talk.tools}
        return {"model": self._endpoint.settings.model, "messages": self.messages(), **options, **tools}

    @property
    def prompt(self) -> Chat:
        """The messages that the model starts from, with the tools where these stand in the texts."""
        return with_tools(self.talk.prompt, self.talk.tools) if self.in_text else self.talk.prompt

    def messages(self) -> Chat:
        sent = list(self.prompt)
        for number, (text, calls, step) in enumerate(self._turns, 1):
            if calls and not self.in_text:
                sent += _structured(text, calls, step, number)
            else:
                sent += _as_text(text, calls, step)
        return sent


def take_turn(conversation: Conversation, options: ModelOptions) -> Answer:
    """Ask for the next message and carry out its calls; where there is none, the talk is stopped."""
    talk = conversation.talk
    asking = _asking(options, (talk.job.seed + talk.env.turns) % 2**31, conversation.length)
    answer = conversation.ask(asking) if asking["max_tokens"] > 0 else Answer(trouble=TOO_LONG)
    if answer.trouble in ("", CUT_SHORT):  # what was written counts
        conversation.take(answer)
    else:
        talk.stop(answer.trouble)
    return answer


def _asking(options: ModelOptions, seed: int, length: int) -> Body:
    """How the next message is asked for, after a conversation of so many tokens."""
    room = options.max_tokens if options.context is None else options.context - length
    return {
        "temperature": options.temperature,
        "top_p": options.top_p,
        "max_tokens": min(options.max_tokens, room),
        "seed": seed,
    }


def _to_send(text: str) -> str:
    """A message of the model as it is told again: what it thought is not."""
    said = without_thought(text)
    return text if said == text else said.strip()


def _structured(text: str, calls: Sequence[CallText], step: Step, turn: int) -> Chat:
    """A turn in messages of the API. Calls that were not even read are left out: each needs an answer."""
    results = step.info["results"]
    ids = [f"turn{turn:02d}{number:03d}" for number in range(len(results))]
    asked = [
        {
            "id": name,
            "type": "function",
            "function": {"name": _safe_name(call), "arguments": _safe_json(call)},
        }
        for name, call in zip(ids, islice(calls, len(results)), strict=True)
    ]
    answers = [
        {"role": "tool", "tool_call_id": name, "content": sound(result["observation"])}
        for name, result in zip(ids, results, strict=True)
    ]
    return [{"role": "assistant", "content": text, "tool_calls": asked}, *answers]


def _as_text(text: str, calls: Sequence[CallText], step: Step) -> Chat:
    """A turn in texts, as Qwen2.5's chat template writes calls and their answers."""
    blocks = [call_block(_safe_name(call), json.loads(_safe_json(call))) for call in calls]
    answers = [response_block(sound(result["observation"])) for result in step.info["results"]]
    return [
        {"role": "assistant", "content": "\n".join([text, *blocks] if text else blocks)},
        {"role": "user", "content": "\n".join(answers)},
    ]


def _safe_name(call: CallText) -> str:
    """A name that every endpoint takes back, even if it is that of no tool."""
    return _BAD_IN_NAMES.sub("_", call.name)[:64] or "unnamed"


def _safe_json(call: CallText) -> str:
    """The arguments, or none if they are no JSON object: many endpoints refuse such a history."""
    try:
        value = json.loads(call.arguments)
        if not isinstance(value, dict):
            return "{}"
        return call.arguments if sound(value) == value else json.dumps(sound(value))
    except (ValueError, RecursionError):
        return "{}"
