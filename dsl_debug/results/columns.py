"""The columns of a trace, and what may stand in them: files may be damaged, or somebody else's."""

from collections.abc import Iterator, Mapping
from typing import Any

from dsl_debug.problem import PYTHON_ENVIRONMENT

Types = tuple[type, ...]
_TEXT: Types = (str,)
_MAYBE_TEXT: Types = (str, type(None))
_MAYBE_INT: Types = (int, type(None))

COMMON: dict[str, Types] = {
    "problem_id": _TEXT,
    "policy": _TEXT,
    "prompt": _TEXT,
    "sample": (int,),
    "seed": (int,),
    "environment": _TEXT,
    "category": _TEXT,
    "difficulty": _TEXT,
    "database": _TEXT,
    "hidden": (int,),
    "submitted": _MAYBE_TEXT,
    "visible_match": (bool,),
    "hidden_matches": (list,),
    "robust": (bool,),
    "row_share": (int, float),
    "error": _MAYBE_TEXT,
    "unchanged": (bool,),
    "failure": _TEXT,
    "reward": (int, float),
    "stopped": _TEXT,
    "turns": (int,),
    "calls": (dict,),
    "tokens": _MAYBE_INT,
    "prompt_tokens": _MAYBE_INT,
    "diagnosis": (dict,),
    "messages": (list,),
}
"""Columns of every trace."""

ARENA: dict[str, Types] = {
    "passed": (list,),
    "improved": (bool,),
    "well_formed": (bool,),
    "tampering": (list,),
    "signals": (dict,),
}
"""Columns of traces of the arena, beside those."""

_ITEMS: dict[str, type] = {"hidden_matches": bool, "passed": bool, "tampering": str, "messages": dict}
_DIAGNOSIS: dict[str, Types] = {
    "faulty": (list,),
    "inspected": (bool,),
    "first_visible": _MAYBE_INT,
    "first_correct": _MAYBE_INT,
}


def check_columns(row: Mapping[str, Any], without: tuple[str, ...] = ()) -> None:
    """Raises ValueError, in one line, for what is no trace, or none `without` some columns."""
    wrong = next(_wrong(row, without), None)
    if wrong:
        raise ValueError(f"no trace: {wrong}")


def _wrong(row: Mapping[str, Any], without: tuple[str, ...]) -> Iterator[str]:
    columns = COMMON | (ARENA if row.get("environment") == PYTHON_ENVIRONMENT else {})
    yield from _misfits(row, {name: kinds for name, kinds in columns.items() if name not in without})
    yield from _misfits(row["diagnosis"], _DIAGNOSIS)
    counts = [*row["calls"].values(), *row.get("signals", {}).values()]
    if not all(type(count) in (int, float) for count in counts):
        yield "'calls' or 'signals' hold something else than numbers"


def _misfits(row: Mapping[str, Any], columns: Mapping[str, Types]) -> Iterator[str]:
    for name, kinds in columns.items():
        if name not in row:
            yield f"it has no {name!r}"
        else:
            value = row[name]
            right = isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds)
            if not right or (name in _ITEMS and not all(isinstance(item, _ITEMS[name]) for item in value)):
                yield f"{name!r} holds something else than it should"
