"""The moves that shapes are put together from: reckoned columns, aggregates, rankings, a last select."""

from collections.abc import Sequence
from dataclasses import replace

from dataset_builder.programs.conditions import comparison, filtered
from dataset_builder.programs.naming import aggregate_name, fresh, snake
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
from dsl_debug.lang.nodes import (
    Aggregation,
    Arithmetic,
    Assignment,
    Column,
    Compute,
    Expression,
    Filter,
    Literal,
    Select,
    SortBy,
    Take,
    Value,
)
from dsl_debug.lang.table import NUMBER, RENDERED_ROWS, TEXT

TAKES = (3, 4, 4, 5, 5, 5, 6, 7, 8, 8, 10, 10)
SINGLE = 0.06
"""The chance that a `take` keeps the first row only."""

FEW_TIES = 0.8
"""With a larger share of different values than this, and not all, a column has too few ties to rank by."""

# Quantities of which a sum says nothing.
LEVELS = ("age", "rating", "score", "price", "rate", "temperature", "height", "weight", "percent", "ratio",
          "mean", "share", "rank", "grade", "gpa", "salary", "latitude", "longitude", "speed")  # fmt: skip


# Computed columns


def computed(sketch: Sketch, draft: Draft, value: Expression, name: str) -> Draft:
    """The draft with one more column, sometimes in the compute that it ends with."""
    name = fresh(snake(name), draft.table.names)
    assignments: tuple[Assignment, ...] = (Assignment(name, value),)
    last = draft.stages[-1] if draft.stages else None
    after = sketch.add(draft, Compute(assignments))
    if isinstance(last, Compute) and sketch.rng.random() < 0.7:
        after = replace(after, stages=(*draft.stages[:-1], Compute(last.assignments + assignments)))
    return replace(after, made=(*draft.made, name))


def derived(sketch: Sketch, draft: Draft) -> Draft:
    """A column reckoned from one to three quantities of a row."""
    rng = sketch.rng
    columns = measures(draft)
    first = choose(rng, columns)
    others = [c for c in columns if c != first]
    if not others or rng.random() < 0.15:
        op, number = rng.choice((("*", 2), ("*", 3), ("+", 10), ("-", 5), ("/", 100), ("/", 12), ("/", 10)))
        name = {"*": "scaled", "+": "raised", "-": "reduced", "/": "scaled"}[op]
        return computed(
            sketch, draft, Arithmetic(op, Column(first), Literal(number)), f"{name}_{snake(first)}"
        )
    second = rng.choice(others)
    rest = [c for c in others if c != second]
    if rest and rng.random() < 0.45:
        return _of_three(sketch, draft, first, second, rng.choice(rest))
    return _of_two(sketch, draft, first, second)


def _of_two(sketch: Sketch, draft: Draft, first: str, second: str) -> Draft:
    zero = 0 in draft.table.columns[second]
    op, link = sketch.rng.choice(
        [("+", "plus"), ("-", "minus"), ("*", "times")] + ([] if zero else [("/", "per")] * 2)
    )
    value = Arithmetic(op, Column(first), Column(second))
    return computed(sketch, draft, value, f"{snake(first)}_{link}_{snake(second)}")


def _of_three(sketch: Sketch, draft: Draft, a: str, b: str, c: str) -> Draft:
    first, second, third = Column(a), Column(b), Column(c)
    zero = 0 in draft.table.columns[c]
    plans: list[tuple[Expression, str]] = [
        (Arithmetic("*", Arithmetic("-", first, second), third), f"net_{snake(a)}"),
        (Arithmetic("-", first, Arithmetic("-", second, third)), f"adjusted_{snake(a)}"),
        (Arithmetic("-", Arithmetic("*", first, second), third), f"balanced_{snake(a)}"),
        (Arithmetic("*", first, Arithmetic("+", second, third)), f"weighted_{snake(a)}"),
    ]
    if not zero:
        plans.append((Arithmetic("/", Arithmetic("+", first, second), third), f"combined_{snake(a)}"))
        plans.append((Arithmetic("/", Arithmetic("-", first, second), third), f"relative_{snake(a)}"))
    value, name = sketch.rng.choice(plans)
    return computed(sketch, draft, value, name)


def ratio(sketch: Sketch, draft: Draft) -> Draft:
    """A column reckoned from two of the numbers that the program made. Raises Unfit without two of them."""
    rng = sketch.rng
    numbers = [c for c in draft.made if draft.table.types[c] == NUMBER]
    if len(numbers) < 2:
        raise Unfit("no two aggregates")
    first, second = rng.sample(numbers, 2)
    if len(numbers) > 2 and rng.random() < 0.3:
        third = next(c for c in numbers if c not in (first, second))
        return _of_three(sketch, draft, first, second, third)
    zero = 0 in draft.table.columns[second]
    op, link = rng.choice([("-", "minus")] + ([] if zero else [("/", "per")] * 3))
    value = Arithmetic(op, Column(first), Column(second))
    name = f"{first}_{link}_{second}"
    if op == "/" and rng.random() < 0.25:
        value = Arithmetic("*", value, Literal(100))
        name = f"percent_{first}_of_{second}"
    if len(name) > 36:
        name = {"-": "difference", "/": "ratio"}[op] if isinstance(value.right, Column) else "percentage"
    return computed(sketch, draft, value, name)


# Groups


def aggregations(sketch: Sketch, draft: Draft, keys: Sequence[str], count: int) -> list[Aggregation]:
    """One to `count` aggregates that say different things about groups with these keys."""
    rng = sketch.rng
    quantities = [c for c in measures(draft) if c not in keys]
    groups = len(set(zip(*(draft.table.columns[k] for k in keys), strict=True)))
    repeated = [
        c
        for c in categories(draft, 2, max(3, draft.table.length // 2))
        if c not in keys and c not in quantities and variety_of(draft, c) * groups > draft.table.length // 4
    ]
    options: list[tuple[str, str | None, float]] = [("count", None, 2.0)]
    for c in quantities:
        level = any(word in LEVELS for word in snake(c).split("_"))
        options += [("sum", c, 0.4 if level else 3.0), ("avg", c, 3.0), ("min", c, 0.9), ("max", c, 0.9)]
    options += [("count_distinct", c, 1.2) for c in repeated]
    found: list[Aggregation] = []
    while options and len(found) < count:
        pick = rng.choices(options, [weight for *_, weight in options])[0]
        options.remove(pick)
        function, column = pick[0], pick[1]
        taken_names = [*keys, *(item.name for item in found)]
        name = fresh(aggregate_name(function, column, draft.noun.split("_with_")[0]), taken_names)
        found.append(Aggregation(name, function, Column(column) if column else None))
    return found


def group_keys(sketch: Sketch, draft: Draft, count: int = 1) -> list[str]:
    """Columns to group by, each value standing in several rows. Raises Unfit where there are too few."""
    found = [c for c in categories(draft) if variety_of(draft, c) > 2] or categories(draft)
    if len(found) < count:
        raise Unfit("no column to group by")
    # Results of many groups say more about how they were made.
    weights = {c: float(min(variety_of(draft, c), 10)) for c in found}
    chosen: list[str] = []
    while len(chosen) < count:
        (column,) = sketch.rng.choices(list(weights), list(weights.values()))
        del weights[column]
        chosen.append(column)
    return [c for c in found if c in chosen]


def grouped(sketch: Sketch, draft: Draft, keys: Sequence[str] | None = None, most: int = 3) -> Draft:
    """The draft in groups, with one to `most` aggregates."""
    chosen = list(keys) if keys else group_keys(sketch, draft)
    count = sketch.rng.choice([n for n in (1, 2, 2, 2, 3) if n <= most])
    return sketch.grouped(draft, chosen, aggregations(sketch, draft, chosen, count))


def having(sketch: Sketch, draft: Draft) -> Draft:
    """A filter on what the program made. Raises Unfit where no value tells the groups apart."""
    dense = [column for column in draft.made if _is_dense(draft.table.columns[column])]
    if not dense:
        raise Unfit("no aggregate whose values are near one another")
    return filtered(sketch, draft, dense, 0.1)


def _is_dense(values: Sequence[Value]) -> bool:
    """Whether values are whole and near one another: a bound then tells groups apart on other rows too."""
    whole = [value for value in values if isinstance(value, int)]
    return len(whole) == len(values) and max(whole) - min(whole) <= 4 * len(whole)


# The end of a program


def ranked(sketch: Sketch, draft: Draft, must_take: bool = False, by: str | None = None) -> Draft:
    """The draft in an order without ties, cut where it is long or chance says so."""
    rng = sketch.rng
    column = by or choose(rng, _sortable(draft))
    values = draft.table.columns[column]
    if len(set(values)) < len(values):
        draft = _tie_broken(sketch, draft, column)
    draft = sketch.add(draft, SortBy(Column(column), rng.random() < 0.68))
    long = draft.table.length > rng.choice((8, 12, RENDERED_ROWS))
    if must_take or long or rng.random() < 0.3:
        draft = taken(sketch, draft)
    return draft


def bounded(sketch: Sketch, draft: Draft) -> Draft:
    """The rows right below or above a bound, nearest first."""
    columns = sketch.rng.sample(measures(draft), len(measures(draft)))
    for column in columns:
        part = comparison(sketch, draft, column)
        if part and part.op not in ("==", "!="):
            draft = sketch.add(draft, Filter(part))
            if variety_of(draft, column) < draft.table.length:
                draft = _tie_broken(sketch, draft, column)
            return taken(sketch, sketch.add(draft, SortBy(Column(column), part.op in ("<", "<="))))
    raise Unfit("no dense numbers")


def _sortable(draft: Draft) -> list[str]:
    """Columns to rank by: those without ties, else those with many, else labels."""
    numbers = [c for c in draft.made if draft.table.types[c] == NUMBER] or measures(draft)
    shares = [(c, variety_of(draft, c) / draft.table.length) for c in numbers]
    distinct = [c for c, share in shares if share == 1]
    many_ties = [c for c, share in shares if 0.2 < share < FEW_TIES]
    return distinct or many_ties or [c for c in labels(draft) if variety_of(draft, c) == draft.table.length]


def _tie_broken(sketch: Sketch, draft: Draft, column: str) -> Draft:
    """The draft sorted by what tells rows with equal values of a column apart.

    Raises Unfit for a few ties only: too many columns would break these alike.
    """
    if variety_of(draft, column) > FEW_TIES * draft.table.length:
        raise Unfit("a few ties")
    values = draft.table.columns[column]
    found = [
        c
        for c in draft.table.names
        if c != column
        and draft.table.types[c] in (NUMBER, TEXT)
        and len(set(zip(values, draft.table.columns[c], strict=True))) == draft.table.length
    ]
    return sketch.add(draft, SortBy(Column(choose(sketch.rng, found)), sketch.rng.random() < 0.35))


def taken(sketch: Sketch, draft: Draft) -> Draft:
    """The first rows, of more than that."""
    # Other rows may make fewer groups: the take has to cut there as well.
    counts = [n for n in TAKES if 4 * n <= 3 * draft.table.length]
    if sketch.rng.random() < SINGLE:
        counts = [1]
    if not counts or draft.table.length < 2:
        raise Unfit("too few rows to take from")
    return sketch.add(draft, Take(sketch.rng.choice(counts)))


def shown(sketch: Sketch, draft: Draft, wanted: Sequence[str], most: int = 6) -> Draft:
    """The draft with these columns only, in their order and each once; as it is where it has no others."""
    names = [name for name in dict.fromkeys(wanted) if name in draft.table.columns][:most]
    if len(names) < 2:
        names = list(dict.fromkeys((*names, *labels(draft)[:1], *draft.made, *draft.table.names)))[:3]
    if set(names) == set(draft.table.names) or not names:
        return draft
    return sketch.add(draft, Select(tuple(Column(name) for name in names)))


def row_columns(sketch: Sketch, draft: Draft) -> list[str]:
    """Columns that a listing of rows shows: what names them, what was made, and a few others."""
    names = [*labels(draft)[:1], *draft.made, *some(sketch.rng, measures(draft), 2)]
    return [*names, *some(sketch.rng, draft.table.names, 2), *draft.keys[:1]]


def sort_columns(draft: Draft) -> list[str]:
    """The columns that the stages so far sort by."""
    return [stage.column.name for stage in draft.stages if isinstance(stage, SortBy)]
