"""What shapes have in common: a table or a pair of them to begin with, groups, and how programs end."""

from dataclasses import replace

from dataset_builder.model import ForeignKey
from dataset_builder.programs.conditions import MOSTLY, maybe_filtered
from dataset_builder.programs.moves import (
    aggregations,
    grouped,
    having,
    ranked,
    ratio,
    row_columns,
    shown,
    sort_columns,
)
from dataset_builder.programs.naming import aggregate_name, fresh, singular, stem
from dataset_builder.programs.sketch import Draft, Sketch, Unfit, measures, some
from dsl_debug.lang.nodes import Aggregation, Column, Load, Select

MIN_ROWS = 8


def any_table(sketch: Sketch, needs_measure: bool = True) -> Draft:
    """A table with enough rows, the ones with many of them rather than the others."""
    drafts = [sketch.load(name) for name, table in sketch.tables.items() if table.length >= MIN_ROWS]
    found = [draft for draft in drafts if measures(draft) or not needs_measure]
    if not found:
        raise Unfit("no table is large enough")
    return sketch.rng.choices(found, [min(draft.table.length, 60) for draft in found])[0]


def any_link(sketch: Sketch) -> ForeignKey:
    """A foreign key between two tables with enough rows."""
    found = [
        key
        for key in sketch.database.foreign_keys
        if key.table != key.target
        and has_rows(sketch, key.table, key.column, MIN_ROWS)
        and has_rows(sketch, key.target, key.target_column, 3)
    ]
    if not found:
        raise Unfit("no two tables belong together")
    return sketch.rng.choices(found, [min(sketch.tables[key.table].length, 60) for key in found])[0]


def has_rows(sketch: Sketch, table: str, column: str, rows: int) -> bool:
    """Whether a table with this column has at least so many rows."""
    found = sketch.tables.get(table)
    return found is not None and column in found.columns and found.length >= rows


def slim(sketch: Sketch, draft: Draft, left: Draft, key: str, shared: str) -> Draft:
    """The right side of a join without the columns that would replace those of the left one."""
    clashing = [c for c in draft.table.names if c in left.table.columns and c not in (key, shared)]
    if not clashing:
        return draft
    names = [c for c in draft.table.names if c not in clashing]
    if len(names) < 2:
        raise Unfit("the tables have the same columns")
    return sketch.add(draft, Select(tuple(Column(name) for name in names)))


def linked(sketch: Sketch, left: Draft, key: ForeignKey, filters: float) -> Draft:
    """Rows of a table, each with its row of the table that it refers to, in either order of the two."""
    right = maybe_filtered(sketch, sketch.load(key.target), filters, MOSTLY)
    right = slim(sketch, right, left, key.target_column, key.column)
    noun = f"{left.noun}_with_{singular(right.noun)}"
    if sketch.rng.random() < 0.2 and not set(left.table.names) & set(right.table.names):
        return sketch.join(right, left, key.target_column, key.column, noun)
    return sketch.join(left, right, key.column, key.target_column, noun)


def part(sketch: Sketch, draft: Draft, name: str, chance: float = 0.4) -> Draft:
    """Sometimes the draft as a statement of its own, called after its table where it is all of that."""
    if sketch.rng.random() >= chance:
        return draft
    return sketch.close(draft, name if draft.stages or not isinstance(draft.source, Load) else draft.noun)


def by_name(draft: Draft, keys: list[str]) -> str:
    """What a table of groups is called."""
    return f"{draft.noun}_by_{'_and_'.join(stem(key) for key in keys)}"


def summary(sketch: Sketch, draft: Draft, keys: list[str], most: int = 3) -> Draft:
    """Groups with aggregates, sometimes with a column reckoned from them, sometimes as a statement."""
    name = by_name(draft, keys)
    draft = grouped(sketch, draft, keys, most)
    if len(draft.made) > 1 and sketch.rng.random() < 0.45:
        draft = ratio(sketch, draft)
    elif sketch.rng.random() < 0.12:
        draft = having(sketch, draft)
    return part(sketch, draft, name)


def ending(sketch: Sketch, draft: Draft, must_take: bool = False) -> Draft:
    """A ranking of groups, and often a select that leaves something out."""
    draft = ranked(sketch, draft, must_take)
    names = [name for name in draft.table.names if name not in draft.made]
    shown_names = [*(some(sketch.rng, names, 2) or names[:1]), *draft.made]
    if len(draft.table.names) > 6 or (len(draft.table.names) > 3 and sketch.rng.random() < 0.45):
        return shown(sketch, draft, shown_names)
    return draft


def listing_end(sketch: Sketch, draft: Draft, by: str | None = None) -> Draft:
    """A ranking of rows with the columns that are worth showing."""
    draft = ranked(sketch, draft, must_take=draft.table.length > 16, by=by)
    return shown(sketch, draft, [*row_columns(sketch, draft), *sort_columns(draft)])


def again(sketch: Sketch, draft: Draft, key: str) -> Draft:
    """Groups of groups: aggregates of aggregates."""
    rng = sketch.rng
    found: list[Aggregation] = []
    for column in some(rng, draft.made, 2):
        function = rng.choice(("avg", "max", "sum", "min", "avg"))
        name = fresh(aggregate_name(function, column, draft.noun), [key, *(a.name for a in found)])
        found.append(Aggregation(name, function, Column(column)))
    return sketch.grouped(replace(draft, made=()), [key], found)


def aggregated_last(sketch: Sketch, draft: Draft, key: str) -> Draft:
    """Groups with an aggregate of the column reckoned last, and sometimes another one."""
    value = draft.made[-1]
    function = sketch.rng.choice(("sum", "avg", "max"))
    first = Aggregation(aggregate_name(function, value, draft.noun), function, Column(value))
    more = [a for a in aggregations(sketch, draft, [key], 2) if a.name != first.name]
    return sketch.grouped(replace(draft, made=()), [key], [first, *more[: sketch.rng.choice((0, 0, 1))]])
