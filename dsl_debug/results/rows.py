"""Rows of result files and of traces: what is known of an episode, as JSON.

A trace is a row of a result with the messages and the time that the episode took.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from dsl_debug.scoring import ArenaOutcome, Outcome, failure, signals

Row = dict[str, Any]

ONLY_IN_TRACES = ("policy", "prompt", "messages", "seconds")
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
