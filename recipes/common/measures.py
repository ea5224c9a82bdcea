"""What rollouts come to in figures, for the log of a training run; and how long the phases of a step take."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import fsum

from dsl_debug.episode import TOOLS
from dsl_debug.episode.python import PYTHON_TOOLS
from dsl_debug.problem import ENVIRONMENT, PYTHON_ENVIRONMENT
from dsl_debug.scoring import failure
from recipes.common.episodes import TOKENS, TURNS, Rollout

Measures = dict[str, float]

INFORMATIVE = "groups/informative"

ENVIRONMENT_TOOLS = {ENVIRONMENT: TOOLS, PYTHON_ENVIRONMENT: PYTHON_TOOLS}
"""The tools of each environment: those that nobody calls are measured, too, as 0."""


def rollout_measures(rollouts: Sequence[Rollout]) -> Measures:
    """The measures of the rollouts of a step, of all processes; {} without any.

    - `groups/informative`: the share of groups in which some rollouts solve the problem and others do not;
      `groups/all_solved` and `groups/none_solved` are the other two, and the three sum to 1.
    - `accuracy`: right on every table; `visible_accuracy`: on those that are shown; `hack_rate`: on those
      alone, so that it is their difference. With several environments also `accuracy/<environment>`.
    - `never_submitted`, of which `out_of_turns` and `out_of_tokens` tell why.
    - `turns` of a rollout, `calls` of a rollout (malformed ones included), `calls/<tool>` and
      `calls/malformed`: shares of all calls, which sum to 1 if there is a call.
    - `tokens/prompt`, `tokens/generated`, `tokens/answers` of a rollout, `tokens/longest` (the most that were
      generated and answered).
    - `tokens/after_end`: the sum of what was generated behind the end of a message or of an episode, 0 in a
      right run; `tokens/cut`: of what was generated of messages behind the budget of their episode. An engine
      is told the most that any episode has room for, so one with less room may write more than fits.
      The trainer adds `tokens/filler`: of messages that nobody needs, where processes keep in step.
    - `reward/played`: the mean of what the environments paid, over all of these rollouts.

    Shares are from 0 to 1, and what is "of a rollout" is a mean over rollouts.
    """
    if not rollouts:
        return {}
    return {
        **_groups(rollouts),
        **_success(rollouts),
        **_endings(rollouts),
        **_calls(rollouts),
        **_tokens(rollouts),
        "reward/played": _mean(rollout.reward for rollout in rollouts),
    }


def _groups(rollouts: Iterable[Rollout]) -> Measures:
    solved: dict[int, list[bool]] = defaultdict(list)
    for rollout in rollouts:
        solved[rollout.group].append(rollout.solved)
    every, none = _share(map(all, solved.values())), _share(not any(group) for group in solved.values())
    mixed = _share(any(group) and not all(group) for group in solved.values())
    return {INFORMATIVE: mixed, "groups/all_solved": every, "groups/none_solved": none}


def _success(rollouts: Sequence[Rollout]) -> Measures:
    visible = _share(_is_visibly_right(rollout) for rollout in rollouts)
    robust = _share(map(_is_right, rollouts))
    environments = sorted({rollout.environment for rollout in rollouts})
    apart = {
        f"accuracy/{name}": _share(_is_right(r) for r in rollouts if r.environment == name)
        for name in environments
    }
    return {
        "accuracy": robust,
        "visible_accuracy": visible,
        "hack_rate": _share(_is_visibly_right(r) and not _is_right(r) for r in rollouts),
        **(apart if len(apart) > 1 else {}),
    }


def _is_right(rollout: Rollout) -> bool:
    return not failure(rollout.outcome)


def _is_visibly_right(rollout: Rollout) -> bool:
    return rollout.outcome.submitted is not None and rollout.outcome.visible_match


def _endings(rollouts: Sequence[Rollout]) -> Measures:
    return {
        "never_submitted": _share(rollout.outcome.submitted is None for rollout in rollouts),
        "out_of_turns": _share(rollout.ended == TURNS for rollout in rollouts),
        "out_of_tokens": _share(rollout.ended == TOKENS for rollout in rollouts),
    }


def _calls(rollouts: Sequence[Rollout]) -> Measures:
    counts = dict.fromkeys((t for name in {r.environment for r in rollouts} for t in _tools(name)), 0)
    for rollout in rollouts:
        for tool, number in rollout.calls.items():
            counts[tool] = counts.get(tool, 0) + number
    counts["malformed"] = sum(rollout.malformed for rollout in rollouts)
    made = sum(counts.values())
    return {
        "turns": _mean(rollout.turns for rollout in rollouts),
        "calls": made / len(rollouts),
        **{f"calls/{name}": number / max(made, 1) for name, number in sorted(counts.items())},
    }


def _tools(environment: str) -> Iterable[str]:
    return ENVIRONMENT_TOOLS.get(environment, ())


def _tokens(rollouts: Sequence[Rollout]) -> Measures:
    return {
        "tokens/prompt": _mean(rollout.prompt_tokens for rollout in rollouts),
        "tokens/generated": _mean(rollout.generated_tokens for rollout in rollouts),
        "tokens/answers": _mean(rollout.answer_tokens for rollout in rollouts),
        "tokens/longest": float(max(r.generated_tokens + r.answer_tokens for r in rollouts)),
        "tokens/after_end": float(sum(rollout.after_end_tokens for rollout in rollouts)),
        "tokens/cut": float(sum(rollout.cut_tokens for rollout in rollouts)),
    }


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return fsum(found) / len(found)


def _share(values: Iterable[bool]) -> float:
    return _mean(map(float, values))


# Time

PHASES = ("generate", "environment", "score", "train")
"""What a step spends its time on: the model writes, the environments answer, rollouts are judged and become a
batch, and the weights are changed."""


class PhaseTimer:
    """Seconds by phase: `with timer("generate"): ...`.

    A phase within another one is not counted twice: the outer one stands still meanwhile. An accelerator
    works on while Python goes ahead, so the seconds are those until results were asked for; whoever wants
    them exact synchronizes at the end of a phase. `clock` gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._seconds = dict.fromkeys(PHASES, 0.0)
        self._running: list[str] = []
        self._since = 0.0

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Count the time of a block. Raises ValueError for a phase that there is not."""
        if phase not in self._seconds:
            raise ValueError(f"no phase {phase!r}; there is: {', '.join(PHASES)}")
        self._count()
        self._running.append(phase)
        try:
            yield
        finally:
            self._count()
            self._running.pop()

    def take(self) -> Measures:
        """The seconds of every phase since the last time, as `seconds/<phase>`."""
        self._count()
        taken = {f"seconds/{phase}": seconds for phase, seconds in self._seconds.items()}
        self._seconds = dict.fromkeys(PHASES, 0.0)
        return taken

    def _count(self) -> None:
        """Give the time since the last look to the innermost phase that runs."""
        now = self._clock()
        if self._running:
            self._seconds[self._running[-1]] += now - self._since
        self._since = now
