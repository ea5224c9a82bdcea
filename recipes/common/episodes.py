"""Episodes as token ids for training: the prompt, what the model wrote, and the answers, with their masks.

The loop is that of evaluation (`dsl_debug.policies.tokens`): a message is decoded and handed to the
environment whole, so that a malformed call or plain text is answered there and costs a turn; what the model
wrote is never encoded again; answers come out of the chat template. An episode that is over is not generated
for any more, and no answer is appended to it.

Nothing here needs torch: whatever generates is handed in.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dsl_debug.episode import Environment
from dsl_debug.episode.tools import MalformedCall
from dsl_debug.episode.transcript import Chat, answers, transcript
from dsl_debug.policies.base import Problem
from dsl_debug.policies.tokens import Messages, answer_ids
from dsl_debug.problem import ENVIRONMENT, PYTHON_ENVIRONMENT, DslProblem
from dsl_debug.scoring import Outcome, reward

Ids = list[int]
Logprobs = list[float]

Write = Callable[[list[Ids]], tuple[list[Ids], list[Logprobs] | None] | None]
"""One message for each list of ids, with the log-probabilities of its tokens if they are known; None when
nobody has anything left to ask for."""

SUBMITTED, TURNS, TOKENS = "submitted", "turns", "tokens"
"""How an episode ends."""

VISIBLE = "visible"


@dataclass(frozen=True, slots=True)
class Rollout:
    """The facts about one finished episode of training.

    `group` numbers the rollouts of one draw of a problem over all processes, `sample` those within it.
    `environment` is "dsl" or "python". `solved` is the binary outcome by which groups are told informative,
    `reward` what the environment paid. `turns` counts messages, `calls` the calls of each tool that were
    carried out, `malformed` those that could not be. Tokens: `prompt_tokens` before the first message,
    `generated_tokens` that the model wrote and is trained on, `answer_tokens` of the environment's answers,
    `after_end_tokens` that were generated behind the end of a message or of the episode, `cut_tokens` those
    of its messages that did not fit into its budget.
    `ended` says how: "submitted", "turns" (none left) or "tokens" (none left for the next answer).
    `messages` is the whole conversation, prompt included; [] where only the facts were gathered.
    """

    problem_id: str
    environment: str
    group: int
    sample: int
    outcome: Outcome
    solved: bool
    reward: float
    turns: int
    calls: Mapping[str, int]
    malformed: int
    prompt_tokens: int
    generated_tokens: int
    answer_tokens: int
    after_end_tokens: int
    cut_tokens: int
    ended: str
    messages: Chat = field(default_factory=list, repr=False)
    problem: Problem | None = field(default=None, repr=False)
    """The problem itself; None where only the facts were gathered."""

    def facts(self) -> "Rollout":
        """The rollout without its texts and tables, small enough to be sent to other processes."""
        return replace(self, messages=[], problem=None)


# How messages become tokens


@dataclass(frozen=True)
class ChatFormat:
    """What an episode needs to know about a tokenizer.

    `decode` gives the text of a message. `answer` gives the ids that follow a message of the model: the end
    of that message, the answers, and the opening of the next one. `ends` holds the ids that end a message.
    """

    decode: Callable[[Ids], str]
    answer: Callable[[Messages], Ids]
    ends: frozenset[int]


def chat_format(tokenizer: Any, ends: Collection[int]) -> ChatFormat:
    """The format of a tokenizer; `ends` are the ids at which generation stops.

    Raises ValueError for a chat template that ends messages with another id: every turn would run on.
    """
    close = answer_ids(tokenizer, [{"role": "tool", "name": "x", "content": "x"}])[0]
    if close not in ends:
        raise ValueError(
            f"the chat template ends messages with {tokenizer.convert_ids_to_tokens(close)!r}, at which "
            "generation would not stop: add it to eos_token_id in generation_config.json of the model"
        )

    def decode(ids: Ids) -> str:
        return str(tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))

    return ChatFormat(decode, lambda told: answer_ids(tokenizer, told), frozenset(ends))


# Episodes


class TokenEpisode:
    """An episode in progress. `ids` holds what follows the prompt: messages of the model and answers.

    `mask` is 1 for each id that the model wrote, the end of a message included, and 0 for those of answers;
    `logprobs` are those of the model's ids (0.0 for all others), None if they are not known. `budget` bounds
    `ids`: a message is cut at it, and an episode whose next answer leaves no room for another message ends
    without that answer. `after_end` counts what was generated behind the end of a message or of the episode,
    `cut` what of messages went over the budget.

    A message that was cut, or that ends with an id which is not the template's own end, is closed by the
    template's end, which the model did not write and is not trained on. That is what evaluation does.
    """

    def __init__(self, env: Environment, prompt: Ids, chat: ChatFormat, budget: int) -> None:
        self.env = env
        self.prompt = prompt
        self.ids: Ids = []
        self.mask: list[int] = []
        self.logprobs: list[float | None] | None = None
        self.after_end = 0
        self.cut = 0
        self._chat = chat
        self._budget = budget
        self._no_room = budget < 1

    @property
    def done(self) -> bool:
        """Whether the episode is over."""
        return self._no_room or self.env.done

    @property
    def room(self) -> int:
        """How many tokens the next message may have."""
        return self._budget - len(self.ids)

    @property
    def ended(self) -> str:
        """How the episode ended; only for one that is over."""
        if self.env.outcome.submitted is not None:
            return SUBMITTED
        return TURNS if self.env.done else TOKENS

    def messages(self) -> Chat:
        """What was said behind the prompt."""
        return transcript([], self.env.history)

    def say(self, ids: Ids, logprobs: Logprobs | None = None) -> None:
        """Take what the model wrote as one turn. Behind the end of the episode it is only counted."""
        whole = [] if self.done else _until_end(ids, self._chat.ends)
        message = whole[: self.room]
        self.after_end += len(ids) - len(whole)
        self.cut += len(whole) - len(message)
        if self.done:
            return
        ended = bool(message) and message[-1] in self._chat.ends
        self._add(message, 1, logprobs)
        step = self.env.step(self._chat.decode(message[:-1] if ended else message))
        if not self.env.done:
            self._tell(self._chat.answer(answers(step)), ended)

    def _tell(self, answer: Ids, ended: bool) -> None:
        """Append an answer, which begins with the template's end of the message before it."""
        own_end = ended and self.ids[-1] == answer[0]
        kept = len(self.ids) - (ended and not own_end)
        told = answer[1:] if own_end else answer
        if kept + len(told) >= self._budget:
            self._no_room = True
            return
        del self.ids[kept:], self.mask[kept:]
        if self.logprobs is not None:
            del self.logprobs[kept:]
        self._add(told, 0, None)

    def _add(self, ids: Ids, written: int, logprobs: Logprobs | None) -> None:
        if self.logprobs is None and logprobs is not None:
            self.logprobs = [0.0] * len(self.ids)
        if self.logprobs is not None:
            self.logprobs += [0.0] * len(ids) if logprobs is None else logprobs[: len(ids)]
        self.ids += ids
        self.mask += [written] * len(ids)


def _until_end(ids: Ids, ends: Collection[int]) -> Ids:
    """What was generated, up to and with the first id that ends a message."""
    return next((ids[: place + 1] for place, token in enumerate(ids) if token in ends), ids)


def play(episodes: Sequence[TokenEpisode], write: Write) -> None:
    """Play episodes to their ends, in rounds of one message for each that is not over."""
    while True:
        talking = [episode for episode in episodes if not episode.done]
        written = write([episode.prompt + episode.ids for episode in talking])
        if written is None:
            return
        messages, logprobs = written
        known: Sequence[Logprobs | None] = [None] * len(messages) if logprobs is None else logprobs
        for episode, ids, values in zip(talking, messages, known, strict=True):
            episode.say(ids, values)


# What came of them


def solved(env: Environment) -> bool:
    """The binary outcome of an episode: whether it is right on every table or test.

    Where the environment pays for the visible tables alone, being right on these is the binary outcome.
    """
    kind = VISIBLE if getattr(env, "reward_kind", "") == VISIBLE else "robust"
    return reward(env.outcome, kind) == 1.0


def rollout(
    episode: TokenEpisode, prompt: Sequence[Mapping[str, Any]], group: int, sample: int, paid: float
) -> Rollout:
    """The facts about a finished episode that began with the messages `prompt`; `paid` is its reward."""
    env, outcome = episode.env, episode.env.outcome
    problem: Problem = env.problem  # type: ignore[attr-defined]  # both environments have one
    generated = sum(episode.mask)
    return Rollout(
        problem_id=problem.id,
        environment=ENVIRONMENT if isinstance(problem, DslProblem) else PYTHON_ENVIRONMENT,
        group=group,
        sample=sample,
        outcome=replace(outcome, tokens=generated),
        solved=solved(env),
        reward=paid,
        turns=outcome.turns,
        calls=dict(outcome.calls),
        malformed=sum(isinstance(call, MalformedCall) for turn in env.history for call in turn.calls),
        prompt_tokens=len(episode.prompt),
        generated_tokens=generated,
        answer_tokens=len(episode.mask) - generated,
        after_end_tokens=episode.after_end,
        cut_tokens=episode.cut,
        ended=episode.ended,
        messages=[*map(dict, prompt), *episode.messages()],
        problem=problem,
    )
