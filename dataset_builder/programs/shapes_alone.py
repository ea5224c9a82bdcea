"""Shapes over one table: listings, groups, groups of groups, and branches that meet again."""

from dataclasses import replace

from dataset_builder.programs.conditions import MOSTLY, filtered, maybe_filtered
from dataset_builder.programs.moves import (
    aggregations,
    bounded,
    computed,
    derived,
    group_keys,
    grouped,
    having,
    ranked,
    ratio,
    row_columns,
    shown,
    sort_columns,
)
from dataset_builder.programs.naming import aggregate_name, fresh, plural, snake, stem
from dataset_builder.programs.parts import (
    again,
    aggregated_last,
    any_table,
    by_name,
    ending,
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
    variety_of,
)
from dsl_debug.lang.nodes import (
    Aggregation,
    Arithmetic,
    Column,
    Compare,
    Filter,
    Literal,
    Stage,
)


def listing(sketch: Sketch) -> Draft:
    """The rows that a condition keeps, best first."""
    draft = any_table(sketch)
    if sketch.rng.random() < 0.3:
        draft = bounded(sketch, maybe_filtered(sketch, draft, 0.4, MOSTLY))
        return shown(sketch, draft, [*row_columns(sketch, draft), *sort_columns(draft)])
    draft = filtered(sketch, draft, None, MOSTLY)
    return listing_end(sketch, part(sketch, draft, f"selected_{draft.noun}"))


def computed_listing(sketch: Sketch) -> Draft:
    """Rows with a reckoned column, best first."""
    draft = maybe_filtered(sketch, any_table(sketch), 0.6, MOSTLY)
    draft = derived(sketch, part(sketch, draft, f"selected_{draft.noun}"))
    if sketch.rng.random() < 0.25:
        draft = derived(sketch, draft)
    return listing_end(sketch, draft, by=draft.made[-1])


def plain_groups(sketch: Sketch) -> Draft:
    """One table in groups."""
    draft = maybe_filtered(sketch, any_table(sketch, needs_measure=False), 0.75)
    draft = part(sketch, draft, f"selected_{draft.noun}")
    return ending(sketch, summary(sketch, draft, group_keys(sketch, draft)))


def two_keys(sketch: Sketch) -> Draft:
    """One table in groups of two columns."""
    draft = maybe_filtered(sketch, any_table(sketch, needs_measure=False), 0.5)
    draft = part(sketch, draft, f"selected_{draft.noun}")
    return ending(sketch, summary(sketch, draft, group_keys(sketch, draft, 2)))


def groups_kept(sketch: Sketch) -> Draft:
    """Groups of which a condition on an aggregate keeps some."""
    draft = maybe_filtered(sketch, any_table(sketch, needs_measure=False), 0.4)
    draft = summary(sketch, draft, group_keys(sketch, draft))
    return ending(sketch, having(sketch, draft))


def computed_groups(sketch: Sketch) -> Draft:
    """A column reckoned for each row, then aggregated."""
    draft = maybe_filtered(sketch, any_table(sketch), 0.5)
    key = group_keys(sketch, draft)[0]
    draft = derived(sketch, draft)
    draft = part(sketch, draft, f"{draft.noun}_with_{draft.made[-1]}")
    name = by_name(draft, [key])
    return ending(sketch, part(sketch, aggregated_last(sketch, draft, key), name))


def regrouped(sketch: Sketch) -> Draft:
    """Groups of two columns, grouped again by one of them."""
    draft = maybe_filtered(sketch, any_table(sketch, needs_measure=False), 0.45)
    keys = group_keys(sketch, draft, 2)
    name, noun = by_name(draft, keys), draft.noun
    draft = grouped(sketch, draft, keys, 2)
    if sketch.rng.random() < 0.3:
        draft = having(sketch, draft)
    draft = replace(part(sketch, draft, name, 0.7), noun=noun)
    return ending(sketch, again(sketch, draft, sketch.rng.choice(keys)))


# Branches of one table that meet again


def against_mean(sketch: Sketch) -> Draft:
    """Rows above or below the mean of their group, listed or counted."""
    base = maybe_filtered(sketch, any_table(sketch), 0.4)
    key = choose(sketch.rng, [c for c in categories(base) if variety_of(base, c) > 2])
    value = choose(sketch.rng, [c for c in measures(base) if c != key])
    base = sketch.close(base, base.noun)
    name = fresh(f"mean_{snake(value)}", base.table.names)
    means = sketch.grouped(base, [key], [Aggregation(name, "avg", Column(value))])
    means = sketch.close(means, f"mean_{snake(value)}_by_{stem(key)}")
    draft = sketch.join(base, means, key, key, f"{base.noun}_with_mean")
    op = sketch.rng.choice((">", "<"))
    word = "above" if op == ">" else "below"
    if sketch.rng.random() < 0.4:
        link = sketch.rng.choice(("-", "/"))
        gap = f"{snake(value)}_over_mean" if link == "/" else f"{snake(value)}_minus_mean"
        draft = computed(sketch, draft, Arithmetic(link, Column(value), Column(name)), gap)
        return listing_end(sketch, replace(draft, noun=base.noun), by=draft.made[-1])
    draft = sketch.add(draft, Filter(Compare(op, Column(value), Column(name))))
    draft = replace(draft, noun=f"{base.noun}_{word}_mean")
    if sketch.rng.random() < 0.4:
        return listing_end(sketch, draft)
    draft = replace(part(sketch, draft, draft.noun), made=())
    keys = [key] if sketch.rng.random() < 0.5 else group_keys(sketch, draft)
    return ending(sketch, grouped(sketch, draft, keys, 2))


def best_of_group(sketch: Sketch) -> Draft:
    """The row of each group that has its highest or lowest value."""
    base = maybe_filtered(sketch, any_table(sketch), 0.5)
    key = choose(sketch.rng, [c for c in categories(base, 3) if variety_of(base, c) <= 20])
    value = choose(sketch.rng, [c for c in measures(base) if c != key])
    base = sketch.close(base, base.noun)
    function = sketch.rng.choice(("max", "max", "min"))
    name = fresh(aggregate_name(function, value, base.noun), base.table.names)
    best = sketch.grouped(base, [key], [Aggregation(name, function, Column(value))])
    best = sketch.close(best, f"{name}_by_{stem(key)}")
    draft = sketch.join(base, best, key, key, f"best_{base.noun}")
    draft = sketch.add(draft, Filter(Compare("==", Column(value), Column(name))))
    draft = ranked(sketch, draft, by=value)
    return shown(sketch, draft, [key, *labels(draft)[:1], value, *row_columns(sketch, draft)])


def share_of_group(sketch: Sketch) -> Draft:
    """What each small group contributes to its large one."""
    base = maybe_filtered(sketch, any_table(sketch, needs_measure=False), 0.4)
    fine, coarse = sketch.rng.sample(group_keys(sketch, base, 2), 2)
    base = sketch.close(base, base.noun)
    part_of = aggregations(sketch, base, [fine, coarse], 1)[0]
    name = fresh(f"{part_of.name}_of_{stem(coarse)}", base.table.names)
    small = sketch.close(sketch.grouped(base, [coarse, fine], [part_of]), by_name(base, [coarse, fine]))
    whole = sketch.grouped(base, [coarse], [replace(part_of, name=name)])
    whole = sketch.close(whole, by_name(base, [coarse]))
    draft = sketch.join(small, whole, coarse, coarse, f"share_of_{stem(coarse)}")
    if 0 in draft.table.columns[name] or draft.table.types[part_of.name] != "number":
        raise Unfit("no share of nothing")
    share = Arithmetic("/", Column(part_of.name), Column(name))
    if sketch.rng.random() < 0.3:
        share = Arithmetic("*", Literal(100), share)
    draft = computed(sketch, draft, share, f"share_of_{stem(coarse)}")
    return ending(sketch, draft)


def two_conditions(sketch: Sketch) -> Draft:
    """Two selections of one table, in the same groups, side by side."""
    base = any_table(sketch, needs_measure=False)
    base = sketch.close(base, base.noun)
    key = group_keys(sketch, base)[0]
    sides: list[Draft] = []
    conditions: list[Stage] = []
    for word in ("first", "second"):
        side = filtered(sketch, base, [c for c in base.table.names if c != key], MOSTLY)
        if side.stages[-1] in conditions:
            raise Unfit("both sides are the same")
        conditions.append(side.stages[-1])
        item = aggregations(sketch, side, [key], 1)[0]
        taken = [*base.table.names, *(name for s in sides for name in s.table.names)]
        item = replace(item, name=fresh(item.name, taken))
        if sketch.rng.random() < 0.5:
            side = sketch.close(side, f"{word}_{base.noun}")
        side = sketch.grouped(side, [key], [item])
        sides.append(sketch.close(side, f"{word}_{by_name(base, [key])}"))
    draft = sketch.join(sides[0], sides[1], key, key, f"{stem(key)}_comparison")
    return ending(sketch, ratio(sketch, draft) if sketch.rng.random() < 0.7 else draft)


def top_groups_rows(sketch: Sketch) -> Draft:
    """The rows of the best groups, each as a share of its group, listed or grouped in another way."""
    base = maybe_filtered(sketch, any_table(sketch), 0.35, MOSTLY)
    key = choose(sketch.rng, [c for c in categories(base) if variety_of(base, c) > 3])
    value = choose(sketch.rng, [c for c in measures(base) if c != key])
    base = sketch.close(base, base.noun)
    function = sketch.rng.choice(("sum", "sum", "max", "avg"))
    name = fresh(aggregate_name(function, value, base.noun), base.table.names)
    top = sketch.grouped(base, [key], [Aggregation(name, function, Column(value))])
    top = ranked(sketch, top, must_take=True)
    top = sketch.close(top, f"top_{plural(stem(key))}")
    draft = sketch.join(base, top, key, key, f"{base.noun}_of_top_{plural(stem(key))}")
    if 0 in draft.table.columns[name]:
        raise Unfit("no share of nothing")
    draft = computed(sketch, draft, Arithmetic("/", Column(value), Column(name)), f"share_of_{name}")
    others = [c for c in categories(draft) if c != value]
    if others and sketch.rng.random() < 0.6:
        return ending(
            sketch, aggregated_last(sketch, replace(draft, noun=base.noun), sketch.rng.choice(others))
        )
    return listing_end(sketch, replace(draft, noun=base.noun))
