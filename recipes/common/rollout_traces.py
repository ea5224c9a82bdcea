"""Rollouts of training as traces: the rows that evaluations write, so that whatever reads those reads these.

Each process writes a file of its own, `RUN/traces/rank-N/traces.jsonl`, line by line. A resumed run goes on
with the same file, and what was written behind the checkpoint that it goes on from stays: it was played.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from dsl_debug.diagnosis import diagnose_chat
from dsl_debug.episode.prompts import DEFAULT_PROMPT
from dsl_debug.evaluation import TRACES, code_name, code_revision, trace_row
from dsl_debug.policies.base import Episode, Problem
from dsl_debug.scoring import earned
from dsl_debug.storage import Appender, read_lines
from recipes.common.arguments import BadArguments, one_line
from recipes.common.episodes import TOKENS, Rollout

TRACES_OF_RUN = "traces"
"""The folder of a run that holds them."""

OUT_OF_TOKENS = "longer than the token budget"
"""Why a rollout was stopped, where its next answer would not fit."""

PER_STEP = 16
"""Rollouts that are kept of a step and a process: all of a published run would take many gigabytes."""


@contextmanager
def kept_rollouts(
    run: Path, prompt: str = DEFAULT_PROMPT
) -> Iterator[Callable[[int, Sequence[Rollout]], None]]:
    """Gives what keeps the rollouts of a step below the folder of a run, and lets go of its file at the end.

    Each process has a file of its own. Nothing is written before the first rollout: until then others may
    still look into the folder. Raises BadArguments, with that rollout, for a file that is being written.
    """
    with ExitStack() as opened:
        traces: list[RolloutTraces] = []

        def keep(step: int, rollouts: Sequence[Rollout]) -> None:
            if not traces:
                traces.append(opened.enter_context(closing(_traces_of(run, prompt))))
            traces[0].add(step, rollouts)

        yield keep


def _traces_of(run: Path, prompt: str) -> "RolloutTraces":
    rank = int(os.environ.get("RANK", "0"))
    try:
        return RolloutTraces(run / TRACES_OF_RUN, run.name, rank, prompt=prompt)
    except ValueError as error:
        raise BadArguments(one_line(error)) from None


class RolloutTraces:
    """Writes rollouts of `rank` into a folder. The policy of a trace is called `train:<run>@<step>`.

    Of each step whole groups are kept, from the first one on, until there are `per_step` rollouts. What kind
    of reward a run is trained on does not matter for a trace: its `reward` is what evaluations pay. The
    samples of a problem are numbered through the whole file, since a policy that learns plays it many times.

    Raises ValueError, in one line, for a file that another process writes to, or that holds something else.
    """

    def __init__(
        self, folder: Path, run: str, rank: int = 0, per_step: int = PER_STEP, prompt: str = DEFAULT_PROMPT
    ) -> None:
        self.path = folder / f"rank-{rank}" / TRACES
        self._run, self._per_step, self._prompt = run, per_step, prompt
        self._code = code_name(code_revision())
        self._open = ExitStack()
        self._file = self._open.enter_context(Appender(self.path))
        self._samples = Counter(str(row["problem_id"]) for row in read_lines(self.path))

    def add(self, step: int, rollouts: Iterable[Rollout]) -> None:
        """Keep some rollouts of a step. Those without their problem or their messages are passed over."""
        kept: list[Rollout] = []
        for _, group in groupby(rollouts, key=lambda rollout: rollout.group):
            if len(kept) >= self._per_step:
                break
            kept += group
        for rollout in kept:
            if rollout.problem is not None and rollout.messages:
                self._file.add(self._row(rollout, rollout.problem, f"train:{self._run}@{step}"))

    def _row(self, rollout: Rollout, problem: Problem, policy: str) -> dict[str, Any]:
        sample = self._samples[problem.id]
        self._samples[problem.id] += 1
        row = trace_row(problem, episode_of(rollout, problem, sample), policy, self._prompt)
        return {**row, "code": self._code}

    def close(self) -> None:
        """Let go of the file."""
        self._open.close()


def episode_of(rollout: Rollout, problem: Problem, sample: int) -> Episode:
    """A rollout as evaluations know episodes; what it had no number for is 0 or None."""
    return Episode(
        problem_id=problem.id,
        sample=sample,
        seed=0,
        messages=rollout.messages,
        outcome=replace(rollout.outcome, tokens=rollout.generated_tokens),
        reward=earned(rollout.outcome),
        diagnosis=diagnose_chat(problem, rollout.messages, rollout.outcome),
        stopped=OUT_OF_TOKENS if rollout.ended == TOKENS else "",
        prompt_tokens=None,
    )
