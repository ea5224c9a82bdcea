"""Evaluation: a policy plays problems, and what comes of it is kept in files that can be trusted.

A folder of an evaluation holds

    run.json       what was asked: policy, data, arguments, code revision; written before the first episode
    traces.jsonl   one line per finished episode, appended as soon as it is over
    result.json    the outcomes in the order of the problems, and their summary; written when all are there

The episodes are those of training, turn by turn: models (`policies.base.Talk`) and agents play in the same
environments.
A run that is killed goes on where it was; what it then writes differs from an unbroken run in timings only.
"""

import hashlib
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import dsl_debug
from dsl_debug.diagnosis import diagnosis_columns
from dsl_debug.episode.system_prompts import prompt_facts
from dsl_debug.policies.answers import REJECTED, SILENT
from dsl_debug.policies.base import Episode, Job, Policy, Problem, Setup
from dsl_debug.problem import ENVIRONMENT, PYTHON_ENVIRONMENT, DslProblem
from dsl_debug.results.columns import check_columns
from dsl_debug.results.rows import ONLY_IN_TRACES, RESULT_PARTS, outcome_columns, result_row
from dsl_debug.results.summary import summarize
from dsl_debug.storage import Appender, read_json, read_lines, write_json

RESULT_VERSION = 1
RUN, TRACES, RESULT = "run.json", "traces.jsonl", "result.json"
LET_DOWN = tuple(reason for reason in SILENT if reason != REJECTED)
"""Why an episode was stopped that says nothing about the model: `retry_stopped` plays these again."""

Key = tuple[str, int]
"""An episode of an evaluation: the id of the problem and the number of the sample."""

Progress = Callable[[int, int], None]
"""Hears how many of how many episodes are done."""


class OtherRun(ValueError):
    """The folder holds an evaluation of something else; the text says in one line what differs."""


def evaluate(
    policy: Policy,
    problems: Sequence[Problem],
    out: Path,
    *,
    data: Mapping[str, Any],
    samples: int = 1,
    seed: int = 0,
    setup: Setup = Setup(),  # noqa: B008
    retry_stopped: bool = False,
    on_progress: Progress = lambda done, total: None,
) -> dict[str, Any]:
    """Play every problem `samples` times and write the folder; the result, as in its file.

    `data` says where the problems come from, see `data.loading`. Episodes that the folder already holds are
    not played again, unless a server let them down (it was away, say) and `retry_stopped` asks for it.
    Raises OtherRun for a folder with a run of something else, ValueError for arguments without sense and for
    a folder that another process writes to, and policies.base.Unusable where the policy cannot go on.
    """
    if samples < 1 or not problems:
        raise ValueError("an evaluation needs at least one problem and one sample")
    twice = [name for name, count in Counter(p.id for p in problems).items() if count > 1]
    if twice:
        raise ValueError(f"{len(twice)} problems are there more than once, the first one: {twice[0]}")
    run = run_facts(policy, problems, data, samples, seed, setup)
    code = code_name(run["code"])
    by_key = {(p.id, sample): p for p in problems for sample in range(samples)}
    with Appender(out / TRACES) as traces:
        run = _begun(out, run)
        kept = {key: row["stopped"] for key, row in read_traces(out).items() if key in by_key}
        done = {key for key, reason in kept.items() if not (retry_stopped and reason in LET_DOWN)}
        on_progress(len(done), len(by_key))
        jobs = (Job(p, key[1], job_seed(seed, *key)) for key, p in by_key.items() if key not in done)
        with closing(policy.play(jobs, setup)) as episodes:
            for number, episode in enumerate(episodes, len(done) + 1):
                problem = by_key[episode.problem_id, episode.sample]
                traces.add({**trace_row(problem, episode, policy.name, setup.prompt), "code": code})
                on_progress(number, len(by_key))
    return write_result(out, run, list(by_key))


def run_facts(
    policy: Policy,
    problems: Sequence[Problem],
    data: Mapping[str, Any],
    samples: int,
    seed: int,
    setup: Setup,
) -> dict[str, Any]:
    """What `run.json` holds: a run with other facts, its code aside, is another run."""
    return {
        "schema_version": RESULT_VERSION,
        "made_by": "dsl-debug eval",
        "policy": {"name": policy.name, "settings": dict(policy.settings)},
        "data": {**data, "problems": len(problems), "digest": problems_digest(problems)},
        "arguments": {"samples": samples, "seed": seed, "max_turns": setup.max_turns},
        "prompt": prompt_facts(setup.prompt, problems[0]),
        "code": code_revision(),
    }


def problems_digest(problems: Iterable[Problem]) -> str:
    """The first 16 hex digits of a SHA-256 over the ids of the problems, in any order."""
    return hashlib.sha256("\n".join(sorted(p.id for p in problems)).encode()).hexdigest()[:16]


def job_seed(seed: int, problem_id: str, sample: int) -> int:
    """The seed of one episode, 0 to 2^31 - 1: it depends on nothing else that is played."""
    text = f"{seed}|{problem_id}|{sample}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) & 0x7FFF_FFFF


def code_revision() -> dict[str, Any]:
    """The version of this package and, in a git checkout, its revision and whether files differ from it."""
    file = Path(__file__).resolve()
    facts: dict[str, Any] = {"version": dsl_debug.__version__, "revision": None, "modified": None}
    try:
        # An installed package may lie inside of somebody else's repository.
        _git(file.parent, "ls-files", "--error-unmatch", file.name)
        revision = _git(file.parent, "rev-parse", "HEAD")
        changes = _git(file.parent, "status", "--porcelain", "--untracked-files=no", ".")
    except (OSError, subprocess.SubprocessError):
        return facts
    return facts | {"revision": revision, "modified": bool(changes)}


def code_name(code: Mapping[str, Any]) -> str:
    """One name for a code revision, for every line of the traces."""
    return str(code["revision"] or code["version"]) + (" with changes" if code["modified"] else "")


def _git(place: Path, *words: str) -> str:
    told = subprocess.run(
        ["git", "-C", place, *words], capture_output=True, text=True, timeout=10, check=True
    )
    return told.stdout.strip()


def _begun(out: Path, run: dict[str, Any]) -> dict[str, Any]:
    """Note down what is asked, or make sure that the folder was begun with it; what it was begun with.

    Code that has changed since then is no reason to refuse, but the result tells it, in `continued_with`.
    """
    nothing_yet = not (out / RESULT).exists() and not (out / TRACES).stat().st_size
    if nothing_yet:  # what was asked before came to nothing
        write_json(out / RUN, run)
        return run
    if not (out / RUN).exists():
        raise OtherRun(f"{out} holds traces without a {RUN}: give another folder")
    begun = read_json(out / RUN)
    different = _differences({**begun, "code": None}, {**run, "code": None})
    if different:
        raise OtherRun(
            f"{out} holds another run ({different}): give another folder, or what that run was given"
        )
    return begun


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> str:
    """Which facts differ, each as `a.b: old there, new here`."""
    found = []
    for name in dict.fromkeys([*old, *new]):
        before, now = old.get(name), new.get(name)
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            found.append(_differences(before, now, f"{prefix}{name}."))
        elif before != now:
            found.append(f"{prefix}{name}: {before} there, {now} here")
    return "; ".join(text for text in found if text)


# Traces


def trace_row(problem: Problem, episode: Episode, policy: str, prompt: str) -> dict[str, Any]:
    """A line of the traces: who played what, what came of it, and every message."""
    return {
        **problem_columns(problem),
        "sample": episode.sample,
        "seed": episode.seed,
        "policy": policy,
        "prompt": prompt,
        **outcome_columns(episode.outcome),
        "reward": episode.reward,
        "stopped": episode.stopped,
        "prompt_tokens": episode.prompt_tokens,
        "diagnosis": diagnosis_columns(episode.diagnosis),
        "messages": episode.messages,
        "seconds": round(episode.seconds, 6),
    }


def problem_columns(problem: Problem) -> dict[str, Any]:
    """What a line tells of its problem. `hidden` counts hidden suites, or hidden tests in the arena; what
    databases are to programs, families of functions are there."""
    return {
        "problem_id": problem.id,
        "environment": ENVIRONMENT if isinstance(problem, DslProblem) else PYTHON_ENVIRONMENT,
        "category": problem.category,
        "difficulty": problem.difficulty,
        "database": problem.database if isinstance(problem, DslProblem) else problem.family,
        "hidden": len(problem.hidden if isinstance(problem, DslProblem) else problem.hidden_tests),
    }


def read_traces(out: Path) -> dict[Key, dict[str, Any]]:
    """The traces of a folder, or of a file: the last one of each episode; {} if there is none yet.

    Raises ValueError, naming the file, for one that holds something else.
    """
    path = out if out.is_file() else out / TRACES
    if not path.exists():
        return {}
    traces = {}
    for number, row in enumerate(read_lines(path), 1):
        try:
            check_columns(row)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
        traces[row["problem_id"], row["sample"]] = row
    return traces


# The result


def write_result(out: Path, run: Mapping[str, Any], keys: Sequence[Key]) -> dict[str, Any]:
    """Write the result file of a folder whose traces are complete; what it holds."""
    traces = read_traces(out)
    missing = [key for key in keys if key not in traces]
    if missing:
        raise RuntimeError(f"{len(missing)} episodes have no outcome, the first one: {missing[0]}")
    played = [traces[key] for key in keys]
    outcomes = [result_row(trace) for trace in played]
    others = sorted({str(trace.get("code")) for trace in played} - {code_name(run["code"])})
    result = {
        **run,
        **({"continued_with": others} if others else {}),
        "outcomes": outcomes,
        "summary": summarize(outcomes),
        "timings": _timings(played),
    }
    write_json(out / RESULT, result)
    return result


def _timings(traces: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Seconds of all episodes together; those that ran side by side count each."""
    return {"episode_seconds": round(sum(float(trace.get("seconds") or 0) for trace in traces), 3)}


def load_result(place: Path) -> dict[str, Any]:
    """A result file, or that of a folder; its summary is counted anew, since outcomes are what is trusted.

    Raises OSError and ValueError, in one line, for what is no such file.
    """
    path = place / RESULT if place.is_dir() else place
    if place.is_dir() and not path.exists():
        raise ValueError(f"{place} holds no {RESULT}: its evaluation is not over, run it again to go on")
    result = read_json(path)
    if result.get("schema_version") != RESULT_VERSION or not result.keys() >= set(RESULT_PARTS):
        raise ValueError(f"{path} is no result file of version {RESULT_VERSION}")
    try:
        for row in result["outcomes"]:
            check_columns(row, without=ONLY_IN_TRACES)
        return {**result, "summary": summarize(result["outcomes"])}
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: its outcomes are not those of an evaluation: {error}") from None
