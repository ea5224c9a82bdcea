"""Old episodes, judged again: what an evaluation would have found with the scorer and hidden suites of today.

Submissions are taken as they stand in the traces, and so are turns, calls, tokens and messages: what is
scored otherwise now was played all the same. Only the diagnosis is made anew, from the calls in the messages.

A problem whose hidden tables changed has another id, which is a digest of its whole content. So problems are
found by id or else by what the agent was shown of them: the user message, with the buggy code, the expected
rows (or tests), and the names, columns and sizes of the tables. Values of tables that it was not shown there
are not compared.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from dsl_debug import sandbox
from dsl_debug.diagnosis import diagnose_chat, diagnosis_columns
from dsl_debug.episode import judge
from dsl_debug.episode.python import judge_python
from dsl_debug.evaluation import (
    RESULT,
    RUN,
    TRACES,
    OtherRun,
    Progress,
    code_revision,
    load_result,
    problem_columns,
    problems_digest,
    read_traces,
    write_result,
)
from dsl_debug.policies.base import Problem, prompt_messages
from dsl_debug.problem import DslProblem
from dsl_debug.results.rows import Row, outcome_columns, outcome_of
from dsl_debug.results.summary import group
from dsl_debug.scoring import ArenaOutcome, Outcome, earned
from dsl_debug.storage import Appender, read_json, write_json

SomeOutcome = TypeVar("SomeOutcome", bound=Outcome)


def rescore(
    folder: Path,
    problems: Sequence[Problem],
    out: Path,
    data: Mapping[str, Any],
    on_progress: Progress = lambda done, total: None,
) -> dict[str, Any]:
    """Judge the submissions of a finished evaluation again and write them as another one; its result.

    `folder` is its folder, or a file there. `problems` are those of the evaluation, or more; `data` says
    where they come from. In the result, `rescored` holds the digest of the outcomes that it comes `from`, the
    number of episodes whose verdict `changed`, the `accuracy` `before` and `after`, and the number of
    problems `matched_by_content`.

    Raises OtherRun where `out` holds an evaluation already; ValueError for a folder without a result, for
    traces that are none and for missing problems; OSError; and SandboxError where the arena cannot be judged.
    """
    if any((out / name).exists() for name in (RUN, TRACES, RESULT)):
        raise OtherRun(f"{out} holds an evaluation: give another folder")
    folder = folder.parent if folder.is_file() else folder
    old = load_result(folder)
    played = _played(folder, old)
    found = match_problems(played, problems)
    out.mkdir(parents=True, exist_ok=True)  # if that fails, before all is judged
    rows = []
    for number, trace in enumerate(played, 1):
        rows.append(rescored_row(trace, found[trace["problem_id"]]))
        on_progress(number, len(played))
    run = read_json(folder / RUN) | {
        "made_by": "dsl-debug rescore",
        "data": {**data, "problems": len(found), "digest": problems_digest(found.values())},
        "code": code_revision(),
        "rescored": _changes(old, rows, found),
    }
    write_json(out / RUN, run)
    with Appender(out / TRACES) as traces:
        for row in rows:
            traces.add(row)
    return write_result(out, run, [(row["problem_id"], row["sample"]) for row in rows])


def _played(folder: Path, result: Mapping[str, Any]) -> list[Row]:
    """The traces of the episodes of a result, in its order."""
    traces = read_traces(folder)
    keys = [(row["problem_id"], row["sample"]) for row in result["outcomes"]]
    missing = [key for key in keys if key not in traces]
    if missing:
        raise ValueError(f"{folder / TRACES} lacks {len(missing)} of the {len(keys)} episodes of {RESULT}")
    return [traces[key] for key in keys]


def _changes(old: Mapping[str, Any], rows: Sequence[Row], found: Mapping[str, Problem]) -> dict[str, Any]:
    text = json.dumps(old["outcomes"], sort_keys=True)
    pairs = zip(old["outcomes"], rows, strict=True)
    return {
        "from": hashlib.sha256(text.encode()).hexdigest()[:16],
        "changed": sum(_verdict(before) != _verdict(after) for before, after in pairs),
        "accuracy": {
            "before": group(old["outcomes"])["accuracy"]["rate"],
            "after": group(rows)["accuracy"]["rate"],
        },
        "matched_by_content": sum(old_id != problem.id for old_id, problem in found.items()),
    }


def _verdict(row: Row) -> tuple[Any, ...]:
    return row["failure"], row["visible_match"], row["reward"]


# Problems


def match_problems(traces: Iterable[Row], problems: Sequence[Problem]) -> dict[str, Problem]:
    """The problem of each id in some traces: the one of that id, else the only one that agents see alike.

    Raises ValueError, in one line, if there is none for an id.
    """
    shown = {trace["problem_id"]: trace["messages"] for trace in traces}
    by_id = {problem.id: problem for problem in problems}
    found = {old_id: by_id[old_id] for old_id in shown if old_id in by_id}
    others = {old_id: _without_turns(shown[old_id]) for old_id in shown if old_id not in by_id}
    if others:
        free = [problem for problem in by_id.values() if problem.id not in found]
        found |= _matched(others, {p: _without_turns(prompt_messages(p, 1)) for p in free})
    missing = [old_id for old_id in shown if old_id not in found]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(shown)} problems of the traces are not among those given, neither by id "
            f"nor by content (the first: {missing[0]}): give the data that was played"
        )
    return found


def _matched(others: Mapping[str, str], texts: Mapping[Problem, str]) -> dict[str, Problem]:
    """Old id -> problem where one text belongs to one of both, and no more."""
    old, new = Counter(others.values()), Counter(texts.values())
    by_text = {text: problem for problem, text in texts.items() if new[text] == 1}
    return {old_id: by_text[text] for old_id, text in others.items() if old[text] == 1 and text in by_text}


def _without_turns(messages: Iterable[Mapping[str, Any]]) -> str:
    """The user message that an episode starts with, without its last line, which tells the turns."""
    texts = [message["content"] for message in messages if message["role"] == "user"]
    return str(texts[0]).rpartition("\n")[0] if texts else ""


# Outcomes


def rescored_row(trace: Row, problem: Problem) -> Row:
    """A trace with the outcome that its submission has today. Raises ValueError for what is no trace."""
    outcome = _judged(problem, outcome_of(trace))
    return {
        **trace,
        **problem_columns(problem),
        **outcome_columns(outcome),
        "reward": earned(outcome),
        "diagnosis": diagnosis_columns(diagnose_chat(problem, trace["messages"], outcome)),
    }


def _judged(problem: Problem, old: Outcome) -> Outcome:
    """The outcome of the same submission, if there is one, with everything that was not judged."""
    if old.submitted is None:
        return old
    if isinstance(problem, DslProblem):
        return _as_played(judge(problem, old.submitted), old)
    new = judge_python(problem, old.submitted, sandbox.default())
    # What was found in versions that were only tried cannot be found again in the one submitted.
    before = old.tampering if isinstance(old, ArenaOutcome) else ()
    return _as_played(replace(new, tampering=tuple(dict.fromkeys((*before, *new.tampering)))), old)


def _as_played(new: SomeOutcome, old: Outcome) -> SomeOutcome:
    return replace(new, turns=old.turns, calls=old.calls, tokens=old.tokens)
