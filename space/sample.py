"""Makes the sample that comes with the app, out of a built dataset: `python -m space sample FOLDER`.

Problems are chosen by rule, agents that need no model play them with a fixed seed, and what differs from run
to run is left out: the same dataset gives the same bytes.
"""

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from dsl_debug.agents import play
from dsl_debug.data.loading import load_data, rows_of
from dsl_debug.episode import DSLDebugEnv, Step
from dsl_debug.episode.prompts import DEFAULT_PROMPT
from dsl_debug.episode.transcript import transcript
from dsl_debug.evaluation import evaluate, job_seed, read_traces, trace_row
from dsl_debug.lang import DslError, node_names, run
from dsl_debug.policies import ModelOptions, open_policy
from dsl_debug.policies.agents import play_job
from dsl_debug.policies.answers import CallText
from dsl_debug.policies.base import Job, Problem, Setup, Talk, finished, prompt_messages
from dsl_debug.problem import CATEGORIES, DslProblem, PythonProblem
from dsl_debug.storage import write_atomically
from space.library import listed_first, usable_messages

MAX_BYTES = 2_000_000
"""What the sample may take on disk."""

PER_CELL = 3
"""Problems of each category and difficulty."""

SHIFTED = 3
LESSONS_PER_CATEGORY = 2
BUGS_PER_DIFFICULTY = 4

MAX_TRACE_BYTES = 60_000
"""Longer traces are left out: the search writes two megabytes on some problems."""

AGENTS = ("search", "random_edit", "constant_emitter", "unchanged", "reference")
EXPERT = "expert (scripted, knows the fix)"
ONLOOKER = "onlooker (scripted, never submits)"

MAX_TRACES = {"search": 10, "constant_emitter": 12, "unchanged": 8, "reference": 8, ONLOOKER: 3}
"""How many traces are kept, in each environment, of players whose traces are long, or all alike."""

Row = Mapping[str, Any]


class Picked(NamedTuple):
    """What the sample shows: test problems, some in other dialects, problems with what a teacher did about
    them, and Python bugs; each in the order of lists."""

    test: list[DslProblem]
    shifted: list[DslProblem]
    lessons: list[tuple[DslProblem, list[Row]]]
    bugs: list[PythonProblem]

    @property
    def programs(self) -> list[DslProblem]:
        """All problems of the dataflow language."""
        return sorted(
            [*self.test, *self.shifted, *(problem for problem, _ in self.lessons)], key=listed_first
        )


def make_sample(dataset: Path, out: Path, arena: Path | None = None) -> int:
    """Write the sample of a built dataset to `out`, in place of what is there; the bytes that it takes.

    `arena` is another dataset to take the Python bugs from. Raises ValueError, in one line, for a folder that
    is no such dataset and for a sample that would be too large, and sandbox.SandboxError where bugs cannot be
    played.
    """
    picked = pick(dataset, arena or dataset)
    results, traces = played(picked.test, AGENTS)
    texts = {
        **problem_texts(picked),
        "traces.jsonl": _lines(kept([*_taught(picked), *traces, *_others(picked)], picked)),
        **{f"results/{name}.json": _text(result) + "\n" for name, result in results.items()},
    }
    size = sum(len(text.encode()) for text in texts.values())
    if size > MAX_BYTES:
        raise ValueError(f"the sample would take {size:,} bytes; at most {MAX_BYTES:,} are allowed")
    _write(out, texts)
    return size


# Which problems


def pick(dataset: Path, arena: Path) -> Picked:
    """The problems of the sample. Raises as `load_data` does."""
    test = chosen(_problems(dataset, "problems"), PER_CELL)
    shifted = chosen(_problems(dataset, "dialect_shift"), 1, others=test)[:SHIFTED]
    return Picked(test, shifted, _lessons(dataset), _bugs(arena))


def _problems(dataset: Path, config: str, split: str = "test") -> list[DslProblem]:
    found = load_data(str(dataset), config, split).problems
    return [problem for problem in found if isinstance(problem, DslProblem)]


def chosen(
    problems: Iterable[DslProblem], per_cell: int, others: Sequence[DslProblem] = ()
) -> list[DslProblem]:
    """Up to `per_cell` problems of each category and difficulty, in the order of lists.

    Small ones, of databases that neither the chosen ones nor `others` have as far as there are such. The
    first of them is a program that does not run, where there is one: that is the friendliest kind of bug.
    """
    found: list[DslProblem] = []
    used = [problem.database for problem in others]
    for _, group in groupby(sorted(problems, key=listed_first), key=_cell):
        cell = sorted(group, key=_bytes)
        fails = {problem.id: _fails(problem) for problem in cell}
        for number in range(min(per_cell, len(cell))):
            wants_error = number == 0 and any(fails.values())
            best = min(cell, key=lambda p: (fails[p.id] != wants_error, used.count(p.database)))
            cell.remove(best)
            used.append(best.database)
            found.append(best)
    return sorted(found, key=listed_first)


def _cell(problem: Problem) -> tuple[str, str]:
    return problem.category, problem.difficulty


def _bytes(problem: Problem) -> tuple[int, str]:
    return len(_text(_without_prompt(problem))), problem.id


def _fails(problem: DslProblem) -> bool:
    """Whether the buggy program ends in an error."""
    try:
        run(problem.buggy_code, problem.tables, dialect=problem.dialect)
    except DslError:
        return True
    return False


def _bugs(dataset: Path) -> list[PythonProblem]:
    """Python bugs of every difficulty, each of another kind and family as far as there are such."""
    found = load_data(str(dataset), "arena").problems
    bugs = sorted((p for p in found if isinstance(p, PythonProblem)), key=listed_first)
    picked: list[PythonProblem] = []
    for _, group in groupby(bugs, key=lambda bug: bug.difficulty):
        left = list(group)
        for _ in range(min(BUGS_PER_DIFFICULTY, len(left))):
            kinds, families = [b.category for b in picked], [b.family for b in picked]
            best = min(left, key=lambda b: (kinds.count(b.category), families.count(b.family)))
            left.remove(best)
            picked.append(best)
    return sorted(picked, key=listed_first)


def _lessons(dataset: Path) -> list[tuple[DslProblem, list[Row]]]:
    """Problems of the supervised stage with the messages of the teacher: of each category, the longest."""
    told = {row["problem_id"]: list(row["messages"]) for row in rows_of(str(dataset), "sft", "train")}
    problems = [problem for problem in _problems(dataset, "sft_problems", "train") if problem.id in told]
    problems.sort(key=lambda p: (CATEGORIES.index(p.category), -len(told[p.id]), _bytes(p)))
    groups = groupby(problems, key=lambda problem: problem.category)
    picked = [problem for _, group in groups for problem in list(group)[:LESSONS_PER_CATEGORY]]
    return [(problem, told[problem.id]) for problem in sorted(picked, key=listed_first)]


# What is played


def played(problems: Sequence[Problem], agents: Iterable[str]) -> tuple[dict[str, Row], list[Row]]:
    """The result of every agent, and its traces, without what differs from run to run."""
    facts = {"place": "dsl-debug", "config": "problems", "split": "test", "revision": None, "limit": None}
    results: dict[str, Row] = {}
    traces: list[Row] = []
    for name in agents:
        policy = open_policy(name, ModelOptions(workers=1))
        with tempfile.TemporaryDirectory() as folder:
            result = evaluate(policy, problems, Path(folder), data=facts)
            traces += map(_timeless, read_traces(Path(folder)).values())
        code = {**result["code"], "revision": None, "modified": None}
        results[name] = {**{k: v for k, v in result.items() if k != "timings"}, "code": code}
    return results, traces


def _taught(picked: Picked) -> Iterator[Row]:
    return (expert_trace(problem, messages) for problem, messages in picked.lessons)


def _others(picked: Picked) -> Iterator[Row]:
    """Traces of agents on what is no part of the results, and of a player that never submits."""
    for problem in picked.test:
        yield onlooker_trace(problem)
    for program in picked.programs:
        if program not in picked.test:
            yield from (agent_trace(name, program) for name in AGENTS[1:])
    for bug in picked.bugs:
        # The search over Python packs tries into loops that may hang: quick for easy bugs alone.
        names = ("mutation_search", "unchanged", "reference") if bug.difficulty == "easy" else ("unchanged",)
        yield from (agent_trace(name, bug) for name in names)


def agent_trace(name: str, problem: Problem) -> Row:
    """The trace of an agent, as an evaluation with seed 0 makes it."""
    episode = play_job(name, Setup(), Job(problem, 0, job_seed(0, problem.id, 0)))
    return _timeless(trace_row(problem, episode, name, DEFAULT_PROMPT))


def _timeless(trace: Row) -> Row:
    return {name: value for name, value in trace.items() if name not in ("seconds", "code")}


def onlooker_trace(problem: DslProblem) -> Row:
    """The trace of a player that looks at one table after the other until its turns are used up."""
    job, env = Job(problem, 0, 0), DSLDebugEnv()
    names = node_names(problem.buggy_code, problem.dialect) or list(problem.tables)

    def look(_: str, env: DSLDebugEnv, __: Random) -> Step:
        return env.call("inspect", node_name=names[env.turns % len(names)])

    play(look, env, problem, Random(0))
    episode = finished(job, env, transcript(prompt_messages(problem, env.max_turns), env.history))
    return _timeless(trace_row(problem, episode, ONLOOKER, DEFAULT_PROMPT))


def expert_trace(problem: DslProblem, messages: Sequence[Row]) -> Row:
    """The trace of a recorded episode, which is played again call by call.

    Raises ValueError, in one line, where the answers are not those that were recorded.
    """
    talk = Talk(Job(problem, 0, 0), Setup())
    recorded = usable_messages(messages)
    for message in recorded:
        if message["role"] == "assistant":
            calls = [call["function"] for call in message["tool_calls"]]
            talk.say(message["content"], [CallText(c["name"], json.dumps(c["arguments"])) for c in calls])
    episode = talk.episode()
    if [_said(message) for message in episode.messages] != [_said(message) for message in recorded]:
        raise ValueError(f"problem {problem.id}: its recorded episode cannot be played again")
    return _timeless(trace_row(problem, episode, EXPERT, DEFAULT_PROMPT))


def _said(message: Row) -> tuple[object, ...]:
    """What matters of a message: answers in training data do not name their tool."""
    return message["role"], message["content"], message.get("tool_calls") or []


# What is written


def problem_texts(picked: Picked) -> dict[str, str]:
    """The files that hold the problems."""
    return {
        "problems.jsonl": _lines(map(_without_prompt, picked.programs)),
        "arena.jsonl": _lines(map(_without_prompt, picked.bugs)),
    }


def kept(traces: Iterable[Row], picked: Picked) -> list[Row]:
    """The traces that are worth their bytes, in the order of the problems.

    Of players in `MAX_TRACES`, problems of each category and difficulty come before further ones of the same.
    """
    problems: list[Problem] = [*picked.programs, *picked.bugs]
    place = {problem.id: number for number, problem in enumerate(problems)}
    nth = {
        problem.id: number for _, cell in groupby(problems, key=_cell) for number, problem in enumerate(cell)
    }
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for trace in sorted(traces, key=lambda t: (nth[t["problem_id"]], place[t["problem_id"]])):
        player = trace["policy"], trace["environment"]
        may_be_kept = seen[player] < MAX_TRACES.get(trace["policy"], len(place))
        if may_be_kept and len(_text(trace).encode()) <= MAX_TRACE_BYTES:
            seen[player] += 1
            found.append(trace)
    return sorted(found, key=lambda trace: place[trace["problem_id"]])


def _without_prompt(problem: Problem) -> Row:
    """The row of a problem; its prompt is left out, since an episode makes it anew."""
    return {**problem.to_row(), "prompt": []}


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _lines(values: Iterable[object]) -> str:
    return "".join(_text(value) + "\n" for value in values)


def _write(out: Path, texts: Mapping[str, str]) -> None:
    """Write files to a folder that takes the place of `out` when all of them are there."""
    out.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        made.chmod(0o755)
        for name, text in texts.items():
            write_atomically(made / name, [text], mode=0o644)
        if out.exists():
            os.rename(out, made.with_suffix(".old"))
        os.rename(made, out)
    finally:
        shutil.rmtree(made, ignore_errors=True)
        shutil.rmtree(made.with_suffix(".old"), ignore_errors=True)
