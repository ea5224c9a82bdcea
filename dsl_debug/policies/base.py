"""What evaluation and policies hand to one another: jobs, finished episodes, and the talk in between."""

import math
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from dsl_debug.diagnosis import Diagnosis, diagnose
from dsl_debug.episode import DSLDebugEnv, Environment, Step, messages, schemas
from dsl_debug.episode.prompts import DEFAULT_PROMPT
from dsl_debug.episode.python import PythonDebugEnv
from dsl_debug.episode.python_prompts import python_messages
from dsl_debug.episode.tools import THINK, THOUGHT, call_block
from dsl_debug.episode.transcript import Chat, transcript
from dsl_debug.policies.answers import CallText
from dsl_debug.problem import DslProblem, PythonProblem
from dsl_debug.scoring import Outcome, earned

Problem = DslProblem | PythonProblem


class Unusable(RuntimeError):
    """A policy that cannot be used at all; its text says in one line why and what to do."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How episodes are played, whatever the policy: turns (None: the environment's own number), and the name
    of the system prompt (see `episode.system_prompts`; the arena has one prompt only).
    """

    max_turns: int | None = None
    prompt: str = DEFAULT_PROMPT


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How a model is asked, whatever runs it.

    `temperature` 0 is greedy. `max_tokens` bounds one message, `context` (None: what the model says itself)
    everything that it reads and writes in an episode, both in tokens; with a server, as far as that counts
    them, from the second message on. `workers` is the number of episodes
    with a server at a time, `batch_size` that of local models. `timeout` (seconds) and `retries` are for one
    request.
    `device` and `dtype` are for local models; "auto" takes what is there. Raises ValueError for numbers
    that make no sense.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 2_048
    context: int | None = None
    workers: int = 8
    batch_size: int = 16
    timeout: float = 120.0
    retries: int = 4
    device: str = "auto"
    dtype: str = "auto"

    def __post_init__(self) -> None:
        if min(self.max_tokens, self.workers, self.batch_size, self.context or 1) < 1:
            raise ValueError("max_tokens, context, workers and batch_size are at least 1")
        if not 0 <= self.temperature < math.inf or not 0 < self.top_p <= 1:
            raise ValueError("temperature is at least 0, and top_p above 0 and at most 1")


@dataclass(frozen=True, slots=True)
class Job:
    """One episode to play: the problem, the number of the sample (from 0), and the seed of all that is random
    in it (0 to 2^31 - 1)."""

    problem: Problem
    sample: int
    seed: int


@dataclass(frozen=True)
class Episode:
    """A finished episode. `stopped` says why the policy could not play to its end, "" if it did; such an
    episode has an outcome as well, one without a submission. `prompt_tokens` counts what the model read, in
    all its turns together, None where that is not known.
    """

    problem_id: str
    sample: int
    seed: int
    messages: Chat
    outcome: Outcome
    reward: float
    diagnosis: Diagnosis
    stopped: str = ""
    prompt_tokens: int | None = None
    seconds: float = 0.0


Episodes = Generator[Episode, None, None]
"""Episodes that are still being played; closing it gives up what is not over."""


class Policy(Protocol):
    """Something that plays episodes. `name` is what results call it, `settings` what shaped its play: both go
    into the result file, and a run with others does not continue this one.
    """

    name: str
    settings: Mapping[str, Any]

    def play(self, jobs: Iterable[Job], setup: Setup) -> Episodes:
        """The episode of every job, each as soon as it is over, in any order.

        The same job gives the same episode, whatever runs beside it, as far as whatever runs the model rounds
        in the same way. Raises Unusable.
        """
        ...

    def close(self) -> None:
        """Give back processes, memory and connections."""
        ...


def new_env(problem: Problem, max_turns: int | None = None) -> Environment:
    """The environment that a problem is played in."""
    environment = DSLDebugEnv if isinstance(problem, DslProblem) else PythonDebugEnv
    return environment() if max_turns is None else environment(max_turns)


def prompt_messages(problem: Problem, max_turns: int, prompt: str = DEFAULT_PROMPT) -> Chat:
    """System and user message of a problem: the same for every policy, and in training.

    Raises ValueError for a prompt that there is not.
    """
    if isinstance(problem, DslProblem):
        return [dict(message) for message in messages(problem, max_turns, prompt)]
    if prompt != DEFAULT_PROMPT:
        raise ValueError(f"the arena has one system prompt: leave {prompt!r} out")
    return [dict(message) for message in python_messages(problem, max_turns)]


class Talk:
    """An episode with a model, in progress: the model's messages go in, the environment's answers come out.

    `prompt` holds the messages that the model starts from, `tools` the schemas of the tools. A policy sends
    both to its model, and what the model writes to `say`, until `done`.
    """

    def __init__(self, job: Job, setup: Setup) -> None:
        self.job = job
        self.env = new_env(job.problem, setup.max_turns)
        self.prompt = prompt_messages(job.problem, self.env.max_turns, setup.prompt)
        self.tools = schemas(self.env.tools)
        self.tokens: int | None = None
        self.prompt_tokens: int | None = None
        self._remarks: list[str] = []
        self._stopped = ""
        self._start = time.perf_counter()
        self.env.reset(job.problem)

    @property
    def done(self) -> bool:
        """Whether the episode is over."""
        return bool(self._stopped) or self.env.done

    def say(self, text: str, calls: Sequence[CallText] = ()) -> Step:
        """Take a message of the model as a turn: a text with calls in it, or a remark and structured ones."""
        self._remarks.append(text if calls else "")
        return self.env.step(_blocks(calls) if calls else text)

    def count(self, prompt_tokens: int, tokens: int) -> None:
        """Add what one message took: tokens that the model read, and those that it wrote."""
        self.prompt_tokens = (self.prompt_tokens or 0) + prompt_tokens
        self.tokens = (self.tokens or 0) + tokens

    def stop(self, reason: str) -> None:
        """End the episode because the model cannot go on, in a few words: it counts as failed."""
        self._stopped = reason

    def episode(self) -> Episode:
        """The finished episode."""
        return finished(
            self.job,
            self.env,
            transcript(self.prompt, self.env.history, self._remarks),
            stopped=self._stopped,
            tokens=self.tokens,
            prompt_tokens=self.prompt_tokens,
            seconds=time.perf_counter() - self._start,
        )


def _blocks(calls: Sequence[CallText]) -> str:
    """Structured calls as a text that is read as just these calls."""
    blocks = "\n".join(call_block(call.name, call.arguments) for call in calls)
    # What ends a thought in a program must not turn the calls before it into one.
    return f"{THINK}{THOUGHT}\n{blocks}" if THOUGHT in blocks else blocks


def finished(
    job: Job,
    env: Environment,
    chat: Chat,
    *,
    stopped: str = "",
    tokens: int | None = None,
    prompt_tokens: int | None = None,
    seconds: float = 0.0,
) -> Episode:
    """The episode that an environment has played."""
    outcome = replace(env.outcome, tokens=tokens)
    return Episode(
        problem_id=job.problem.id,
        sample=job.sample,
        seed=job.seed,
        messages=chat,
        outcome=outcome,
        reward=earned(outcome),
        diagnosis=diagnose(job.problem, env.history, outcome),
        stopped=stopped,
        prompt_tokens=prompt_tokens,
        seconds=seconds,
    )
