"""What all environments share: the turn budget, the history, one submission, and handing calls to tools.

One message of the agent is one turn, however many calls it holds. `submit` is handled last and ends the
episode. What is wrong with a call is told in its answer and costs the turn. After the end nothing is run.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from dsl_debug.episode.tools import Call, MalformedCall, Tool, ToolCall, make_call, malformed, parse_calls
from dsl_debug.scoring import Outcome

# Characters of one observation. Eight of them, with a prompt and the calls, stay within 12,288 tokens.
MAX_OBSERVATION = 4_000

SUBMIT = "submit"
OVER = "The episode is over: nothing is run or scored any more."
UNUSED = "That was the last turn and nothing was submitted: the episode is over, with reward 0."


@dataclass(frozen=True, slots=True)
class Step:
    """What a message led to.

    `reward` is 0 until the episode is over and final from then on. `info` holds `turn` (counted from 1),
    `turns_left`, and `results`: for each call, in the order of the message, its `tool` (None if malformed),
    `arguments` and `observation`. The observation of a single call is the step's; several are numbered and
    joined, and only the last one tells the turns that are left.
    """

    observation: str
    reward: float
    done: bool
    info: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """One entry of the history: the raw message (None for a structured call), its calls, and the step."""

    message: str | None
    calls: tuple[Call, ...]
    step: Step


class Environment(ABC):
    """An episode with a budget of `max_turns` turns; subclasses bring the tools and the scoring.

    A subclass names its `tools` (one of them `submit`), makes a new toolbox in its `reset` and hands it to
    `_begin`: an object whose methods answer the calls in text, one method per tool.
    """

    tools: ClassVar[Mapping[str, Tool]]
    turn_word: ClassVar[str] = "turn"
    unused: ClassVar[str] = UNUSED

    def __init__(self, max_turns: int) -> None:
        if max_turns < 1:
            raise ValueError(f"an episode needs at least 1 turn, not {max_turns}")
        self.max_turns = max_turns
        self.history: list[Turn] = []
        self.turns = 0
        self.done = True
        self.reward = 0.0
        self._calls: Counter[str] = Counter()
        self._toolbox: object = None

    @abstractmethod
    def reset(self, problem: Any) -> str:
        """Begin an episode of a problem; the text that the agent starts from."""

    @property
    @abstractmethod
    def outcome(self) -> Outcome:
        """The facts about the episode so far."""

    @abstractmethod
    def _score(self) -> float:
        """The reward of the episode, asked for once, at its end."""

    @property
    def turns_left(self) -> int:
        """How many messages the agent may still send."""
        return 0 if self.done else self.max_turns - self.turns

    def step(self, text: str) -> Step:
        """Take a model's message as one turn: read the calls out of it and carry them out.

        Raises RuntimeError before the first `reset`.
        """
        return self._turn(text, self._read(text))

    def call(self, tool: str, /, **arguments: Any) -> Step:
        """Take one structured call as one turn. Wrong names and arguments are answered, as in `step`.

        Raises RuntimeError before the first `reset`.
        """
        return self._turn(None, [make_call(tool, arguments, self.tools)])

    def aside(self, name: str, answer: str) -> Step:
        """Take a turn for something that people are offered and models are not, such as a hint.

        It is answered with `answer`, and counts and stands in the history as a call of that name without
        arguments. Raises ValueError for the name of a tool, RuntimeError before the first `reset`.
        """
        if name in self.tools:
            raise ValueError(f"{name!r} is a tool: call it")
        if not self.done:
            self._calls[name] += 1
        return self._turn(None, [ToolCall(name, {})], cut(answer))

    def take_back(self) -> None:
        """Undo what was counted for a turn that raised and so was never answered, as where a sandbox fails.

        Without such a turn nothing changes.
        """
        made = [call for turn in self.history for call in turn.calls]
        self.turns = len(self.history)
        self._calls = Counter(call.name for call in made if isinstance(call, ToolCall))

    def _begin(self, toolbox: object) -> None:
        self.history = []
        self.turns = 0
        self.done = False
        self.reward = 0.0
        self._calls = Counter()
        self._toolbox = toolbox

    def _read(self, text: str) -> list[Call]:
        if self.done:
            return []
        return parse_calls(text, self.tools) or [
            malformed("there is no tool call in this message", self.tools)
        ]

    def _turn(self, message: str | None, calls: list[Call], aside: str | None = None) -> Step:
        if self._toolbox is None:
            raise RuntimeError("call reset(problem) before the first step")
        if self.done:
            return Step(OVER, self.reward, True, {"turn": self.turns, "turns_left": 0, "results": []})
        self.turns += 1
        answers, submitted = self._answers(calls) if aside is None else ([aside], False)
        if submitted:
            self.done, self.reward = True, self._score()
        answers[-1] += self._ending(submitted)
        info = {"turn": self.turns, "turns_left": self.turns_left, "results": _results(calls, answers)}
        step = Step(_joined(answers), self.reward, self.done, info)
        self.history.append(Turn(message, tuple(calls), step))
        return step

    def _answers(self, calls: list[Call]) -> tuple[list[str], bool]:
        """The answer to each call, and whether one of them was a submission."""
        answers = [""] * len(calls)
        submissions = [
            i for i, call in enumerate(calls) if isinstance(call, ToolCall) and call.name == SUBMIT
        ]
        for index, call in enumerate(calls):
            if isinstance(call, MalformedCall):
                answers[index] = call.message
            elif call.name != SUBMIT:
                answers[index] = self._use(call)
        for index in submissions[1:]:
            answers[index] = "Not scored: only the first submission counts."
        for index in submissions[:1]:
            answers[index] = self._use(calls[index])
        return _fitted(answers), bool(submissions)

    def _use(self, call: Call) -> str:
        if not isinstance(call, ToolCall):
            raise TypeError(f"not a call of a tool: {call!r}")
        self._calls[call.name] += 1
        answer: str = getattr(self._toolbox, call.name)(**call.arguments)
        return answer

    def _ending(self, submitted: bool) -> str:
        """What is said after the answers. Without a submission the episode ends with its last turn."""
        if submitted:
            return ""
        left = self.turns_left
        if left == 0:
            self.done, self.reward = True, self._score()
            return f"\n\n{self.unused}"
        return f"\n\n[{left} {self.turn_word}{'' if left == 1 else 's'} left]"


def _results(calls: list[Call], answers: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "tool": call.name if isinstance(call, ToolCall) else None,
            "arguments": call.arguments if isinstance(call, ToolCall) else None,
            "observation": answer,
        }
        for call, answer in zip(calls, answers, strict=True)
    ]


def _joined(answers: list[str]) -> str:
    if len(answers) == 1:
        return answers[0]
    return "\n\n".join(f"Call {number}:\n{answer}" for number, answer in enumerate(answers, 1))


def _fitted(answers: list[str]) -> list[str]:
    """Answers cut so that together they keep to one observation; what short ones leave goes to the long."""
    fitted = list(answers)
    room = MAX_OBSERVATION
    by_length = sorted(range(len(answers)), key=lambda i: len(answers[i]))
    for done, index in enumerate(by_length):
        fitted[index] = cut(answers[index], room // (len(answers) - done))
        room -= len(fitted[index])
    return fitted


def cut(text: str, limit: int = MAX_OBSERVATION) -> str:
    """At most `limit` characters of a text, up to the end of a line if possible, and how much is left out."""
    if len(text) <= limit:
        return text
    end = text.rfind("\n", limit // 2, limit)
    end = end if end > 0 else limit
    return f"{text[:end]}\n[cut here: {len(text) - end:,} more characters]"
