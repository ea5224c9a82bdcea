"""Mistakes in what a program says: generators of likely patches, in a random order.

Most of them are edits of `dsl_debug.agents.edits`, so that a mistake made here is one edit away from its fix.
A patch need not check, nor matter; whoever draws one runs it.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random

from dataset_builder.mutations.places import Part, Patch, difference, path
from dsl_debug.agents.edits import EDITS
from dsl_debug.agents.rewrite import Rewrite, Surroundings, Types, in_comparisons, in_sides, in_stages
from dsl_debug.lang import Program
from dsl_debug.lang.nodes import (
    Aggregation,
    Arithmetic,
    Column,
    Compare,
    Filter,
    GroupBy,
    Join,
    Literal,
    Load,
    Logic,
    Ref,
    Select,
    Stage,
    Take,
    Value,
)
from dsl_debug.lang.table import TEXT

Make = Callable[[Program, Surroundings, Random], Iterator[Patch]]
Keep = Callable[[Patch, Surroundings], bool]

NEAR = 3
"""How many present values a wrong value is away from the right one, where there are many."""

FEW = 12
"""A column with so few values holds categories: each of them is taken for another one."""

SIZES = (1, 3, 5, 10, 20)
"""Usual sizes of a top list."""


def _anything(patch: Patch, around: Surroundings) -> bool:
    return True


def made_by(rewrite: Rewrite, keep: Keep = _anything) -> Make:
    """The patches that a rewrite makes, in a random order."""

    def make(program: Program, around: Surroundings, rng: Random) -> Iterator[Patch]:
        trees = list(rewrite(program, around))
        rng.shuffle(trees)
        for tree in trees:
            patch = difference(program, tree)
            if patch is not None and keep(patch, around):
                yield patch

    return make


def edits(kind: str, *parts: type[Part], keep: Keep = _anything) -> Make:
    """The edits of a kind in `EDITS` that change parts of these types, or parts of any type."""

    def kept(patch: Patch, around: Surroundings) -> bool:
        return (not parts or all(isinstance(part, parts) for part in patch.before)) and keep(patch, around)

    def rewrite(program: Program, around: Surroundings) -> Iterator[Program]:
        # Spares the programs without such a part the making of all other edits of the kind.
        if not parts or any(isinstance(part, parts) for part in _parts(program)):
            yield from EDITS[kind](program, around)

    return made_by(rewrite, kept)


def _parts(program: Program) -> Iterator[Part]:
    yield program.emit
    for statement in program.statements:
        yield statement.source
        yield from statement.stages


# What is likely


def same_type(patch: Patch, around: Surroundings) -> bool:
    """Whether a column was taken for another one of its type."""
    types = around.columns(*patch.place)
    old, new = path(patch.before[0], patch.after[0])[-1]
    return (
        isinstance(old, Column)
        and isinstance(new, Column)
        and new.name in types
        and types[new.name] == types.get(old.name)
    )


def likely_column(patch: Patch, around: Surroundings) -> bool:
    """Whether a column was taken for another one of its type, but no measure for an identifier."""
    old, new = path(patch.before[0], patch.after[0])[-1]
    if not (isinstance(old, Column) and isinstance(new, Column) and same_type(patch, around)):
        return False
    return (is_identifier(old.name) or not is_identifier(new.name)) and says_no_part_twice(patch, around)


def says_no_part_twice(patch: Patch, around: Surroundings) -> bool:
    """Whether no condition or formula holds the same part on both sides, as `a / a` does."""
    for _, node in path(patch.before[0], patch.after[0]):
        if isinstance(node, Logic) and len(dict.fromkeys(node.parts)) < len(node.parts):
            return False
        if isinstance(node, Arithmetic) and node.left == node.right:
            return False
    return True


def a_measure(patch: Patch, around: Surroundings) -> bool:
    """Whether a column was taken for another one of its type, and neither is an identifier."""
    old, _ = path(patch.before[0], patch.after[0])[-1]
    return likely_column(patch, around) and isinstance(old, Column) and not is_identifier(old.name)


def is_identifier(name: str) -> bool:
    """Whether a column sounds like one that no one adds up or averages."""
    return name in ("id", "code", "number") or name.endswith(("_id", "_no", "_code", "_key", "_number"))


CONFUSED = {
    "==": ("!=", ">=", "<="),
    "!=": ("==",),
    "<": ("<=", ">"),
    "<=": ("<", ">="),
    ">": (">=", "<"),
    ">=": (">", "<="),
}
OPPOSITE = {"==": "!=", "!=": "==", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def likely_operator(patch: Patch, around: Surroundings) -> bool:
    """Whether people take the one operator for the other; equal texts are not ordered by mistake."""
    old, new = path(patch.before[0], patch.after[0])[-1]
    if not (isinstance(old, Compare) and isinstance(new, Compare)) or new.op not in CONFUSED[old.op]:
        return False
    texts = any(isinstance(s, Literal) and isinstance(s.value, str) for s in (old.left, old.right))
    return not texts or old.op not in ("==", "!=") or new.op in ("==", "!=")


def other_side(patch: Patch, around: Surroundings) -> bool:
    """Whether the rows on the other side of a limit are kept."""
    old, new = path(patch.before[0], patch.after[0])[-1]
    return isinstance(old, Compare) and isinstance(new, Compare) and OPPOSITE[old.op] == new.op


def likely_function(patch: Patch, around: Surroundings) -> bool:
    """Counts are taken for counts, and other functions for other functions.

    What is counted apart by mistake has a name or an identifier; nobody counts different amounts.
    """
    old, new = path(patch.before[0], patch.after[0])[-1]
    if not (isinstance(old, Aggregation) and isinstance(new, Aggregation)):
        return False
    counts = ("count", "count_distinct")
    if new.column and not old.column and around.columns(*patch.place).get(new.column.name) != TEXT:
        return is_identifier(new.column.name)
    return (old.function in counts) == (new.function in counts)


def upside_down(patch: Patch, around: Surroundings) -> bool:
    """Whether a ratio has its parts the wrong way round."""
    old, new = path(patch.before[0], patch.after[0])[-1]
    if not (isinstance(old, Arithmetic) and isinstance(new, Arithmetic)):
        return False
    return old.op == new.op == "/" and (old.left, old.right) == (new.right, new.left)


def easily_forgotten(patch: Patch, around: Surroundings) -> bool:
    """Nobody forgets to group; and without a select the rows are right, with columns too many."""
    return not any(isinstance(part, Select | GroupBy) for part in patch.before)


def of_source(part: type[Part], tables_swapped: bool | None = None) -> Keep:
    """Changes of a source of a type; for joins, those that swap the two tables or those that do not."""

    def keep(patch: Patch, around: Surroundings) -> bool:
        old, new = patch.before[0], patch.after[0]
        if not isinstance(old, part):
            return False
        if not (isinstance(old, Join) and isinstance(new, Join)):
            return True
        swapped = (old.left.name, old.right.name) == (new.right.name, new.left.name)
        return tables_swapped is None or swapped == tables_swapped

    return keep


def other_name(patch: Patch, around: Surroundings) -> bool:
    """Another name to read from, alone or as a table of a join."""
    return of_source(Ref)(patch, around) or of_source(Join, tables_swapped=False)(patch, around)


def other_table(patch: Patch, around: Surroundings) -> bool:
    """Another table to load."""
    return of_source(Load)(patch, around)


def joined_round(patch: Patch, around: Surroundings) -> bool:
    """The tables of a join the other way round."""
    return of_source(Join, tables_swapped=True)(patch, around)


# Mistakes that need looking at the values, or are more than one edit away


def near_values(stage: Stage, types: Types, values: Callable[[str], Sequence[Value]]) -> Iterator[Stage]:
    """A literal of a filter taken for a value near it that the column has."""

    def swapped(compare: Compare) -> Iterator[Compare]:
        names = [side.name for side in (compare.left, compare.right) if isinstance(side, Column)]

        def near(leaf: Column | Literal) -> Iterator[Column | Literal]:
            if isinstance(leaf, Literal) and names:
                yield from (replace(leaf, value=v) for v in _near(leaf.value, values(names[0])))

        yield from in_sides(compare, near)

    if isinstance(stage, Filter):
        yield from (replace(stage, condition=changed) for changed in in_comparisons(stage.condition, swapped))


def _near(value: Value, values: Sequence[Value]) -> list[Value]:
    if isinstance(value, str):
        texts = sorted(v for v in values if isinstance(v, str))
        return [v for v in _window(texts, bisect_left(texts, value)) if v != value]
    numbers = sorted(v for v in values if not isinstance(v, str))
    return [v for v in _window(numbers, bisect_left(numbers, value)) if v != value]


def _window(values: Sequence[Value], rank: int) -> Sequence[Value]:
    return values if len(values) <= FEW else values[max(0, rank - NEAR) : rank + NEAR + 1]


def _value(program: Program, around: Surroundings) -> Iterator[Program]:
    """A value near the right one, or a number that is off by one or two."""
    yield from in_stages(near_values)(program, around)
    yield from EDITS["number"](program, around)


def _value_in_a_filter(patch: Patch, around: Surroundings) -> bool:
    return isinstance(patch.before[0], Filter) and says_no_part_twice(patch, around)


wrong_value = made_by(_value, _value_in_a_filter)
other_value = made_by(in_stages(near_values), says_no_part_twice)


def _granularity(stage: Stage, types: Types, values: Callable[[str], Sequence[Value]]) -> Iterator[Stage]:
    """A key of a group too many, or too few."""
    if not isinstance(stage, GroupBy):
        return
    keys = stage.keys
    if len(keys) > 1:
        yield from (replace(stage, keys=(*keys[:i], *keys[i + 1 :])) for i in range(len(keys)))
    names = [key.name for key in keys]
    for name in types:
        if name not in names and len(values(name)) <= FEW:
            yield replace(stage, keys=(*keys, Column(name)))


wrong_granularity = made_by(in_stages(_granularity))


def _sizes(stage: Stage, types: Types, values: object) -> Iterator[Stage]:
    """A top list of another usual size."""
    if isinstance(stage, Take):
        yield from (replace(stage, count=size) for size in SIZES if size != stage.count)


wrong_size = made_by(in_stages(_sizes))
