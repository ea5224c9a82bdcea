"""Rows of result files and of traces: what is known of an episode, as JSON.

A trace is a row of a result with the messages and the time that the episode took. Here is also what both a
reader of result files and a report ask of them.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from dsl_debug.scoring import ArenaOutcome, Outcome, failure, signals

Row = dict[str, Any]

RESULT_PARTS = ("policy", "data", "arguments", "prompt", "code", "outcomes", "summary")
"""What every result file holds, and a report needs."""

STEP = r"(?:checkpoint-|global_step_)(\d+)"
"""The folder of a checkpoint of a training run; the group is its step."""

_MACHINE_PATH = re.compile(r"(\w{2,}:)?((?:[A-Za-z]:)?[/\\~].*|\.\.[/\\].*)", re.DOTALL)
"""A path from a root, a home or a folder above, maybe behind the kind of a policy (`hf:`)."""

ONLY_IN_TRACES = ("policy", "prompt", "messages", "seconds", "code")
"""Columns of a trace that the rows of a result file do without."""


def outcome_columns(outcome: Outcome) -> Row:
    """An outcome as columns, with what follows from it: `robust`, `failure` and, in the arena, `signals`."""
    reason = failure(outcome)
    columns = {**asdict(outcome), "calls": dict(sorted(outcome.calls.items()))}
    columns |= {"robust": not reason, "failure": reason}
    if isinstance(outcome, ArenaOutcome):
        columns["signals"] = signals(outcome)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in columns.items()}


def outcome_of(row: Mapping[str, Any]) -> Outcome:
    """The outcome that a row holds. Raises ValueError for a row that lacks a column."""
    kind = ArenaOutcome if "signals" in row else Outcome
    try:
        values = {f.name: row[f.name] for f in fields(kind)}
    except KeyError as error:
        raise ValueError(f"a row without the column {error}") from None
    made: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return kind(**made)


def result_row(trace: Mapping[str, Any]) -> Row:
    """The row of a result file for a trace."""
    return {name: value for name, value in trace.items() if name not in ONLY_IN_TRACES}


def public_name(text: str) -> str:
    """A policy or a place of data without the folders of the machine that it is on.

    Of a path that begins at a root, a home or a folder above its last part is kept: `hf:/home/me/model` is
    `hf:model`. Of a checkpoint also the folder that it is in: `hf:~/runs/rl/checkpoint-40` is
    `hf:rl/checkpoint-40`. Any other text is given back as it is.
    """
    found = _MACHINE_PATH.fullmatch(text)
    if found is None:
        return text
    parts = [part for part in re.split(r"[/\\]", found[2]) if part not in ("", ".", "..")]
    steps = [place for place, part in enumerate(parts) if re.search(f"{STEP}$", part)]
    return (found[1] or "") + "/".join(parts[max(0, steps[0] - 1) :] if steps else parts[-1:])
