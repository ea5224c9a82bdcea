"""When a value that came back is the expected one: same types, same values."""

import math

from dsl_debug.sandbox.canonical import Node

FLOAT_TOLERANCE = 1e-9
"""Relative. There is no absolute tolerance: only 0.0 and -0.0 equal 0.0."""


def same(expected: Node, found: Node) -> bool:
    """Equal by type and value: True is not 1, 1 is not 1.0, a list is not a tuple.

    Floats are equal within FLOAT_TOLERANCE; NaN equals NaN; 0.0 equals -0.0. Dicts and sets are compared
    without regard to order, and their keys and members exactly.
    """
    if expected.kind != found.kind:
        return False
    kind, wanted, got = expected.kind, expected.value, found.value
    if kind == "float":
        return _same_float(wanted, got)
    if kind in ("list", "tuple"):
        return len(wanted) == len(got) and all(map(same, wanted, got))
    if kind in ("set", "frozenset"):
        return bool(wanted.keys() == got.keys())
    if kind == "dict":
        return wanted.keys() == got.keys() and all(same(wanted[key][1], got[key][1]) for key in wanted)
    return bool(wanted == got)


def _same_float(wanted: float, got: float) -> bool:
    if math.isnan(wanted) or math.isnan(got):
        return math.isnan(wanted) and math.isnan(got)
    return math.isclose(wanted, got, rel_tol=FLOAT_TOLERANCE)
