"""A model behind an OpenAI-compatible endpoint as a teacher: it plays real episodes, its successes are kept.

Episodes run side by side; each is a conversation whose requests are kept on disk, so that a run that was
stopped replays what it has and goes on. Trajectories come in the order of the problems, whichever episode
ends first.

A message with calls is one turn, however many calls it holds. Where an endpoint gives no structured calls,
they are read out of the text as in `DSLDebugEnv.step`, and recorded as structured ones all the same.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dataset_builder.llm_requests import check_usable
from dataset_builder.model import Progress, Trajectory
from dataset_builder.seeding import seeded
from dsl_debug.episode import Step
from dsl_debug.episode.prompts import MAX_TURNS
from dsl_debug.episode.tools import without_thought
from dsl_debug.policies.answers import CACHED, SENT, SILENT, Usage, sound
from dsl_debug.policies.base import Job, Setup, Talk
from dsl_debug.policies.endpoint import PATIENCE, Body, Endpoint, Settings
from dsl_debug.policies.openai import Conversation
from dsl_debug.policies.threads import in_order
from dsl_debug.problem import DslProblem
from dsl_debug.scoring import Outcome

TEMPERATURE = 0.7
AHEAD = 4
"""Episodes begun for each worker before the first of them has to be over."""

Prices = tuple[float, float]
"""Of a million tokens that a model reads, and of a million that it writes."""


@dataclass(frozen=True)
class Taught:
    """What came of it: the trajectories that were kept, in the order of the problems.

    `counts`: episodes, solved ones, kept ones, why the others were not, and requests; `sent` says how many of
    these were sent in this run, which is all that depends on what the cache holds.
    `solve_rate`: solved episodes of those that the endpoint let come to an end. `tokens_in` and `tokens_out`
    count answers from the cache too; `cost` is what all of them cost, in the currency of the prices, None
    without prices. `stopped`: why not all problems were played.
    """

    trajectories: list[Trajectory]
    counts: dict[str, int]
    tokens_in: int
    tokens_out: int
    solve_rate: float
    cost: float | None = None
    stopped: str = ""
    sent: int = 0


@dataclass
class Played:
    """One episode. `end` says how it ended: solved, or why not."""

    end: str
    problem_id: str
    usage: Usage
    trajectory: Trajectory | None = None
    solved: bool = False


def model_trajectories(
    settings: Settings,
    problems: Sequence[DslProblem],
    max_turns: int = MAX_TURNS,
    samples: int = 1,
    prices: Prices | None = None,
    on_progress: Progress = lambda done, total: None,
) -> Taught:
    """Have a model play each problem `samples` times and keep the episodes with reward 1.

    Raises Unavailable, in one line and without the key, for an endpoint that cannot be used at all.
    """
    jobs = [(problem, sample) for problem in problems for sample in range(samples)]
    with Endpoint(settings) as endpoint:
        episodes = in_order(
            lambda job: play(endpoint, *job, max_turns), jobs, settings.workers, AHEAD * settings.workers
        )
        return _summary(episodes, len(jobs), prices, on_progress)


def _summary(episodes: Iterable[Played], total: int, prices: Prices | None, on_progress: Progress) -> Taught:
    """Count the episodes until they are over, or the endpoint has stopped to answer."""
    usage, ends = Usage(), Counter[str]()
    kept: dict[tuple[str, str], Trajectory] = {}
    done = silent = 0
    stopped = ""
    for done, played in enumerate(episodes, 1):
        _merge(usage, played.usage)
        ends["solved"] += played.solved
        ends[_take(played, kept)] += 1
        on_progress(done, total)
        silent = silent + 1 if played.end in SILENT else 0
        if silent == PATIENCE:
            stopped = f"{PATIENCE} episodes in a row got no answer; the last one: {played.end}"
            break
    over = done - sum(ends[end] for end in SILENT)
    requests = usage.counts[SENT] + usage.counts[CACHED]
    return Taught(
        trajectories=list(kept.values()),
        counts={"episodes": done, **{end: n for end, n in ends.items() if n}, "requests": requests},
        tokens_in=usage.tokens_in,
        tokens_out=usage.tokens_out,
        solve_rate=ends["solved"] / over if over else 0.0,
        cost=_cost(usage, prices),
        stopped=stopped,
        sent=usage.counts[SENT],
    )


def _merge(total: Usage, usage: Usage) -> None:
    """Add the sums of one episode."""
    total.counts.update(usage.counts)
    total.tokens_in += usage.tokens_in
    total.tokens_out += usage.tokens_out


def _cost(usage: Usage, prices: Prices | None) -> float | None:
    if prices is None:
        return None
    return (usage.tokens_in * prices[0] + usage.tokens_out * prices[1]) / 1e6


def _take(played: Played, kept: dict[tuple[str, str], Trajectory]) -> str:
    """Keep the trajectory of an episode, if it has one that is new; how the episode is counted."""
    if played.trajectory is None:
        return played.end
    key = played.problem_id, json.dumps(played.trajectory.messages)
    if key in kept:
        return "solved as in an earlier sample"
    kept[key] = played.trajectory
    return "kept"


# One episode


def play(endpoint: Endpoint, problem: DslProblem, sample: int, max_turns: int = MAX_TURNS) -> Played:
    """One episode of the model. What the endpoint fails to answer ends it."""
    job = Job(problem, sample, seeded("teacher", problem.id, sample).randrange(2**31))
    talk = Talk(job, Setup(max_turns))
    conversation = Conversation(endpoint, talk)
    clean = True
    while not talk.done:
        answer = conversation.ask(_asking(endpoint.settings, job))
        check_usable(endpoint, answer)
        if answer.trouble:
            return Played(answer.trouble, problem.id, conversation.usage)
        # A thought is no part of an example.
        step = conversation.take(answer._replace(text=without_thought(answer.text).strip()))
        clean = clean and _is_clean(step)
    return _played(talk, conversation.usage, clean, f"openai:{endpoint.settings.model}")


def _asking(settings: Settings, job: Job) -> Body:
    """How a message is asked for."""
    options: Body = {"temperature": TEMPERATURE, "seed": job.seed}
    return options | ({"max_tokens": settings.max_tokens} if settings.max_tokens else {})


def _played(talk: Talk, usage: Usage, clean: bool, teacher: str) -> Played:
    """What came of an episode that has come to its end."""
    episode = talk.episode()
    name, turns = episode.problem_id, episode.outcome.turns
    if episode.reward != 1.0:
        return Played(_failure(episode.outcome), name, usage)
    if not clean:
        return Played("solved with a malformed message", name, usage, solved=True)
    trajectory = Trajectory(name, teacher, tuple(sound(episode.messages)), turns, episode.reward)
    return Played("solved", name, usage, trajectory, solved=True)


def _failure(outcome: Outcome) -> str:
    if outcome.submitted is None:
        return "nothing submitted"
    if outcome.error:
        return "an error submitted"
    return "right on the rows shown only" if outcome.visible_match else "wrong rows submitted"


def _is_clean(step: Step) -> bool:
    """Whether all calls of a message were carried out, and can be recorded as they were."""
    results: list[dict[str, Any]] = step.info["results"]
    return all(result["tool"] and sound(result["arguments"]) == result["arguments"] for result in results)
