"""Shapes over several tables: joins before and after groups, and branches that meet again."""

from dataclasses import replace

from dataset_builder.programs.conditions import MOSTLY, filtered, maybe_filtered
from dataset_builder.programs.moves import (
    aggregations,
    derived,
    grouped,
    having,
    ranked,
    ratio,
    shown,
)
from dataset_builder.programs.naming import fresh, plural, snake, stem
from dataset_builder.programs.parts import (
    MIN_ROWS,
    again,
    aggregated_last,
    any_link,
    by_name,
    ending,
    has_rows,
    linked,
    listing_end,
    part,
    summary,
)
from dataset_builder.programs.sketch import (
    Draft,
    Sketch,
    Unfit,
    categories,
    choose,
    labels,
    measures,
    some,
    variety_of,
)


def joined_groups(sketch: Sketch) -> Draft:
    """Two tables joined, then grouped by a column of the table that is referred to."""
    key = any_link(sketch)
    left = maybe_filtered(sketch, sketch.load(key.table), 0.5)
    draft = linked(sketch, left, key, 0.25)
    name = draft.noun
    reckons = sketch.rng.random() < 0.25 and bool(measures(draft))
    if reckons:
        draft = derived(sketch, draft)
    draft = replace(part(sketch, draft, name, 0.6), noun=left.noun)
    target = [c for c in categories(draft) if c in sketch.tables[key.target].columns] or categories(draft)
    keys = some(sketch.rng, target, 2 if sketch.rng.random() < 0.2 else 1)
    if not keys:
        raise Unfit("no column to group by")
    if reckons:
        return ending(sketch, aggregated_last(sketch, draft, keys[0]))
    return ending(sketch, summary(sketch, replace(draft, made=()), keys))


def groups_joined(sketch: Sketch) -> Draft:
    """A table in groups of what it refers to, with the columns of that."""
    key = any_link(sketch)
    left = maybe_filtered(sketch, sketch.load(key.table), 0.55)
    name = by_name(left, [key.column])
    if variety_of(left, key.column) * 4 > left.table.length * 3:
        raise Unfit("hardly any row shares what it refers to")
    draft = replace(grouped(sketch, left, [key.column]), noun=name)
    if sketch.rng.random() < 0.25 and len(draft.made) > 1:
        draft = ratio(sketch, draft)
    draft = linked(sketch, draft, key, 0.35)
    if sketch.rng.random() < 0.35:
        draft = filtered(sketch, draft, [c for c in draft.table.names if c != key.target_column])
    draft = ranked(sketch, replace(draft, noun=snake(key.target)), must_take=draft.table.length > 12)
    target = sketch.tables[key.target].names
    names = [*labels(draft)[:1], *draft.made, *some(sketch.rng, target, 2)]
    return shown(sketch, draft, names)


def joined_listing(sketch: Sketch) -> Draft:
    """Rows of two tables side by side, best first."""
    key = any_link(sketch)
    left = maybe_filtered(sketch, sketch.load(key.table), 0.5, MOSTLY)
    draft = linked(sketch, left, key, 0.25)
    draft = maybe_filtered(sketch, draft, 0.35, MOSTLY)
    if sketch.rng.random() < 0.4:
        draft = derived(sketch, draft)
    return listing_end(sketch, replace(draft, noun=left.noun))


def three_tables(sketch: Sketch) -> Draft:
    """Two joins in a row, then groups."""
    first = any_link(sketch)
    onward = [
        key
        for key in sketch.database.foreign_keys
        if key.table in (first.table, first.target)
        and key.target not in (first.table, first.target)
        and has_rows(sketch, key.table, key.column, MIN_ROWS)
        and has_rows(sketch, key.target, key.target_column, 3)
    ]
    if not onward:
        raise Unfit("no third table")
    second = sketch.rng.choice(onward)
    left = maybe_filtered(sketch, sketch.load(first.table), 0.45)
    draft = linked(sketch, left, first, 0.2)
    if second.column not in draft.table.columns:
        raise Unfit("the join dropped the next key")
    draft = replace(linked(sketch, draft, second, 0.2), noun=left.noun)
    draft = replace(part(sketch, draft, f"full_{left.noun}", 0.5), made=())
    target = [c for c in categories(draft) if c not in sketch.tables[first.table].columns]
    keys = some(sketch.rng, target or categories(draft), 1)
    if not keys:
        raise Unfit("no column to group by")
    return ending(sketch, summary(sketch, draft, keys))


def groups_regrouped(sketch: Sketch) -> Draft:
    """Groups, joined with what they stand for, then grouped by a column of that."""
    key = any_link(sketch)
    left = maybe_filtered(sketch, sketch.load(key.table), 0.5)
    name = by_name(left, [key.column])
    draft = replace(grouped(sketch, left, [key.column], 2), noun=name)
    if sketch.rng.random() < 0.25:
        draft = having(sketch, draft)
    draft = linked(sketch, draft, key, 0.25)
    target = [c for c in categories(draft) if c in sketch.tables[key.target].columns and c != key.column]
    draft = part(sketch, draft, f"{plural(snake(key.target))}_with_totals", 0.6)
    draft = replace(draft, noun=snake(key.target))
    return ending(sketch, again(sketch, draft, choose(sketch.rng, target)))


def two_facts(sketch: Sketch) -> Draft:
    """Two tables that refer to the same third one, each in groups of it, side by side."""
    first = any_link(sketch)
    others = [
        key
        for key in sketch.database.foreign_keys
        if key.target == first.target
        and key.table not in (first.table, first.target)
        and key.target_column == first.target_column
        and has_rows(sketch, key.table, key.column, MIN_ROWS)
    ]
    if not others:
        raise Unfit("no two tables refer to one")
    second = sketch.rng.choice(others)
    sides: list[Draft] = []
    for key in (first, second):
        rows = maybe_filtered(sketch, sketch.load(key.table), 0.3)
        item = aggregations(sketch, rows, [key.column], 1)[0]
        taken = [*rows.table.names, *(name for s in sides for name in s.table.names)]
        side = sketch.grouped(rows, [key.column], [replace(item, name=fresh(item.name, taken))])
        sides.append(sketch.close(side, by_name(rows, [key.column])))
    draft = sketch.join(sides[0], sides[1], first.column, second.column, f"{snake(first.target)}_activity")
    if sketch.rng.random() < 0.5:
        draft = ratio(sketch, draft)
    if sketch.rng.random() < 0.5:
        draft = linked(sketch, replace(draft, noun=f"{snake(first.target)}_totals"), first, 0.0)
        return shown(sketch, ranked(sketch, draft), [*labels(draft)[:1], *draft.made, first.target_column])
    return ending(sketch, draft)


def group_against_group(sketch: Sketch) -> Draft:
    """Small groups of joined rows, each beside the figures of the large group that it is part of."""
    key = any_link(sketch)
    left = maybe_filtered(sketch, sketch.load(key.table), 0.3)
    rows = linked(sketch, left, key, 0.2)
    rows = replace(sketch.close(rows, rows.noun), noun=left.noun, made=())
    by = choose(sketch.rng, [c for c in categories(rows, 3) if c in sketch.tables[key.target].columns])
    totals = sketch.close(grouped(sketch, rows, [by], 1), by_name(left, [by]))
    fine = [c for c in categories(rows) if c != by]
    item = aggregations(sketch, rows, [by], 1)[0]
    item = replace(item, name=fresh(f"{item.name}_here", [*rows.table.names, *totals.table.names]))
    small = sketch.grouped(rows, [by, choose(sketch.rng, fine)], [item])
    small = sketch.close(small, f"{by_name(left, [by])}_in_detail")
    draft = sketch.join(small, totals, by, by, f"{stem(by)}_comparison")
    return ending(sketch, ratio(sketch, draft))
