"""Episodes as token ids, for models that run in this process: what hf and vllm share.

An episode is one growing list of ids, as in training: the prompt, then for each turn the ids that the model
wrote and those of the answers. What the model wrote is never decoded and encoded again, so that it reads, in
every later turn, the very ids it produced.

The answers of a turn are rendered by the chat template behind a message that is a mark; what comes after the
mark closes the message, holds the answers and opens the next one. Nothing before it matters, so this holds
for templates, too, that render earlier messages in another way once others follow.

Where a template leaves out tools, or refuses or leaves out their answers, they stand in the system message
and in a message of the user, in the words of the Qwen2.5 template, as for servers.

What this does not guard: a table or a program that holds the text of a control token, such as `<|im_end|>`,
becomes that token, in training as well.
"""

import hashlib
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from dsl_debug.episode.transcript import answers
from dsl_debug.policies.answers import TOO_LONG
from dsl_debug.policies.base import Episode, Episodes, Job, ModelOptions, Setup, Talk, Unusable
from dsl_debug.policies.qwen_text import response_block, with_tools

LOCAL = "'dsl-debug[local]'"
"""What pip installs for models in this process."""

MARK = "a-message-of-the-model"
PROBE = "an-answer-of-a-tool"

WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
"""Files that hold the weights of a model."""

MEGABYTE = 10**6
WHOLE = 64 * MEGABYTE
"""Bytes of weights of which a digest reads all."""

Messages = Sequence[Mapping[str, Any]]

Write = Callable[[list["TokenTalk"]], list[list[int]]]
"""One message of the model for each episode, in their order."""

_PROBE_TOOL = {
    "type": "function",
    "function": {"name": PROBE, "description": "none", "parameters": {"type": "object", "properties": {}}},
}
_PROBE_ANSWER = {"role": "tool", "name": PROBE, "content": PROBE}


def imported(module: str, policy: str, install: str) -> Any:
    """An optional package. Raises Unusable, saying what to install, where it is missing or broken."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise Unusable(f"{policy} needs {module}, which cannot be imported: {error}") from None
        raise Unusable(f"{policy} needs {module}: pip install {install}") from None
    except ImportError as error:
        raise Unusable(f"{policy} needs {module}, which cannot be imported: {one_line(error)}") from None


def one_line(error: BaseException) -> str:
    """What an error says, in one line that is not too long."""
    return " ".join(str(error).split())[:300] or type(error).__name__


# Rendering


def prompt_ids(tokenizer: Any, messages: Messages, tools: Sequence[Mapping[str, Any]]) -> list[int]:
    """The ids of a prompt, up to where the model's message begins."""
    rendered = tokenizer.apply_chat_template(
        [dict(message) for message in messages],
        tools=list(tools) or None,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=False,
    )
    return [int(token) for token in rendered]


def answer_ids(tokenizer: Any, told: Messages, as_user: bool = False) -> list[int]:
    """The ids that follow a message of the model: its end, the answers `told`, and the opening of the next.

    `told` are messages of tools; `as_user` gives them in one message of the user. Raises ValueError for a
    template that does not render the messages of a model as they are.
    """
    return [
        int(t) for t in tokenizer(_answer_text(tokenizer, told, as_user), add_special_tokens=False).input_ids
    ]


def _answer_text(tokenizer: Any, told: Messages, as_user: bool) -> str:
    dummy = [{"role": "user", "content": "x"}, {"role": "assistant", "content": MARK}]
    chat = [*dummy, *([_as_user(told)] if as_user else map(dict, told))]
    text = str(tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False))
    _, mark, rest = text.partition(MARK)
    if not mark:
        raise ValueError("it does not render the messages of a model as they are")
    return rest


def _as_user(told: Messages) -> dict[str, str]:
    return {"role": "user", "content": "\n".join(response_block(message["content"]) for message in told)}


# What a policy knows about its tokenizer


@dataclass(frozen=True)
class ChatTokens:
    """A tokenizer and how episodes are written with it.

    `end` holds the ids that end a message of the model, `context` is how many ids the model can hold, `model`
    says which one it is. `tools_in_text` and `answers_as_user` say what the chat template does not do itself.
    """

    tokenizer: Any
    end: tuple[int, ...]
    context: int
    model: Mapping[str, str | None]
    tools_in_text: bool = False
    answers_as_user: bool = False

    def facts(self) -> dict[str, Any]:
        """What shapes the episodes, for the settings of a policy."""
        template = str(self.tokenizer.chat_template)
        return {
            **self.model,
            "context": self.context,
            "end_tokens": [str(self.tokenizer.convert_ids_to_tokens(token)) for token in self.end],
            "chat_template": hashlib.sha256(template.encode()).hexdigest()[:16],
            "tools_in_text": self.tools_in_text,
            "answers_as_user": self.answers_as_user,
        }


def load_chat_tokens(path: str, policy: str, options: ModelOptions) -> ChatTokens:
    """The tokenizer of a model, ready for episodes. Raises Unusable, in one line, where there is none."""
    transformers = imported("transformers", policy, LOCAL)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(path)
        config = transformers.AutoConfig.from_pretrained(path)
        model = _identity(path, config)
    except (OSError, ValueError, KeyError, ImportError) as error:
        where = "" if Path(path).is_dir() else f"there is no folder {path}, and as a name on the Hub: "
        raise Unusable(f"{policy} cannot be loaded: {where}{one_line(error)}") from None
    no_tools, as_user = _left_out(tokenizer, policy)
    try:
        named = transformers.GenerationConfig.from_pretrained(path).eos_token_id
    except (OSError, ValueError):  # a model may come without
        named = None
    end = _end_ids(tokenizer, named, as_user)
    if not end:
        raise Unusable(f"{policy} cannot be used: nothing says which token ends a message")
    return ChatTokens(tokenizer, end, _context(config, policy, options.context), model, no_tools, as_user)


def _identity(path: str, config: Any) -> dict[str, str | None]:
    """Which weights these are: the revision of a name on the Hub, or a digest of a folder, 16 hex digits.

    The digest is over the config and the names, sizes and bytes of the files with weights. Where these have
    more than 64 MB together, it is over the first and the last megabyte of each: training that goes on
    changes nearly all weights, but a change in the middle of a file alone is not seen.
    """
    folder = Path(path)
    if not folder.is_dir():
        return {"revision": getattr(config, "_commit_hash", None)}
    files = sorted(file for pattern in WEIGHTS for file in folder.glob(pattern))
    whole = sum(file.stat().st_size for file in files) <= WHOLE
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    for file in files:
        digest.update(f"\n{file.name} {file.stat().st_size}\n".encode())
        for part in _parts(file, whole):
            digest.update(part)
    return {"weights": digest.hexdigest()[:16]}


def _parts(file: Path, whole: bool) -> Iterator[bytes]:
    """A file's bytes, or the first and the last megabyte of them."""
    with file.open("rb") as stream:
        if whole:
            yield stream.read()
            return
        yield stream.read(MEGABYTE)
        stream.seek(max(0, file.stat().st_size - MEGABYTE))
        yield stream.read()


def _end_ids(tokenizer: Any, named: int | list[int] | None, as_user: bool) -> tuple[int, ...]:
    """The ids that end a message: the tokenizer's, those `named` by the model's generation config, and the
    control token by which the template ends messages. Base models name another one than their template uses.
    """
    ids = [tokenizer.eos_token_id, *(named if isinstance(named, list) else [named])]
    control = {token for token, added in tokenizer.added_tokens_decoder.items() if added.special}
    ids += [token for token in answer_ids(tokenizer, [_PROBE_ANSWER], as_user)[:1] if token in control]
    return tuple(dict.fromkeys(int(token) for token in ids if token is not None))


def _left_out(tokenizer: Any, policy: str) -> tuple[bool, bool]:
    """Whether the chat template leaves out the tools, and whether it does not take their answers.

    Raises Unusable for a template that is missing, or that cannot hold an episode at all.
    """
    errors = (ValueError, TypeError, KeyError, imported("jinja2", policy, LOCAL).TemplateError)
    start = [{"role": "system", "content": "x"}, {"role": "user", "content": "x"}]
    try:
        no_tools = PROBE not in tokenizer.decode(prompt_ids(tokenizer, start, [_PROBE_TOOL]))
    except errors as error:
        raise Unusable(f"the chat template of {policy} cannot be used: {one_line(error)}") from None
    for as_user in (False, True):
        # Whatever a template dislikes about messages of tools, it may like those of the user.
        with suppress(*errors):
            if PROBE in _answer_text(tokenizer, [_PROBE_ANSWER], as_user):
                return no_tools, as_user
    raise Unusable(f"the chat template of {policy} cannot be used: it leaves out what follows a message")


def _context(config: Any, policy: str, wanted: int | None) -> int:
    """How many ids an episode may have."""
    known: int | None = getattr(config.get_text_config(), "max_position_embeddings", None)
    length = known if wanted is None else wanted
    if length is None:
        raise Unusable(f"{policy} does not say how long its context is: give its length in tokens")
    if known is not None and length > known:
        raise Unusable(f"{policy} has a context of {known:,} tokens, less than the {length:,} asked for")
    return length


# Episodes


class TokenTalk:
    """An episode in progress; `ids` is all that the model has read and written so far."""

    def __init__(self, job: Job, setup: Setup, chat: ChatTokens) -> None:
        self._talk = Talk(job, setup)
        self._chat = chat
        tools = self._talk.tools
        if chat.tools_in_text:  # the trace shows what the model has read
            self._talk.prompt, tools = with_tools(self._talk.prompt, tools), []
        self.ids = prompt_ids(chat.tokenizer, self._talk.prompt, tools)
        self._check_room()

    @property
    def done(self) -> bool:
        """Whether the episode is over."""
        return self._talk.done

    @property
    def room(self) -> int:
        """How many ids the model may still write in its context."""
        return self._chat.context - len(self.ids)

    @property
    def seed(self) -> int:
        """The seed of the next message: nothing else decides what is drawn for it."""
        return (self._talk.job.seed + self._talk.env.turns) % 2**31

    def say(self, ids: Sequence[int]) -> None:
        """Take what the model wrote, up to an end token or up to a limit, as one turn."""
        written = list(ids[:-1] if ids and ids[-1] in self._chat.end else ids)
        text = self._chat.tokenizer.decode(
            written, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        self._talk.count(len(self.ids), len(ids))
        step = self._talk.say(text)
        if not self.done:
            # The end comes with the answers: the template's own one, also where the model ended its message
            # with another one, or was cut.
            self.ids += written + answer_ids(self._chat.tokenizer, answers(step), self._chat.answers_as_user)
            self._check_room()

    def episode(self) -> Episode:
        """The finished episode."""
        return self._talk.episode()

    def _check_room(self) -> None:
        if self.room < 1:
            self._talk.stop(TOO_LONG)


def play_in_rounds(jobs: Iterable[Job], setup: Setup, chat: ChatTokens, size: int, write: Write) -> Episodes:
    """Play `size` episodes at a time, in rounds of one message each; the next job takes the place of one
    that is over.
    """
    waiting = iter(jobs)
    active: list[TokenTalk] = []
    while True:
        active += [TokenTalk(job, setup, chat) for job in islice(waiting, size - len(active))]
        if not active:
            return
        playing = [talk for talk in active if not talk.done]
        for talk, ids in zip(playing, write(playing) if playing else [], strict=True):
            talk.say(ids)
        yield from [talk.episode() for talk in active if talk.done]
        active = [talk for talk in active if not talk.done]
