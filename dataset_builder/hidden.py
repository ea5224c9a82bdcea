"""Hidden contents: other rows for the tables of a problem, which whoever solves it never sees.

They keep names, types, keys and foreign keys, and change everything that a program must not rely on: which
rows there are, how many, in which order, how often a value occurs, how large the groups are, which numbers
lie close to those shown. A program that is right on all of them is hardly right by chance.
"""

from dataclasses import dataclass
from itertools import accumulate
from random import Random

from dataset_builder.model import MAX_ROWS, Contents, Database, ForeignKey
from dsl_debug.lang import Table
from dsl_debug.lang.nodes import Value

MIN_UNIQUE = 5
"""Rows from which a column without repeated values is unique on purpose."""
FEW = 6
"""Up to so many distinct whole numbers are a scale or a flag; no others come up in hidden contents."""
LARGEST = 10**12
"""Numbers beyond it are left as they are: a step of one may be none to a float."""
FEWEST_ROWS, MANY_ROWS = 20, 60
"""Between these most hidden tables have their rows; those with fewer shown stay close to that number."""
TRIES = 5
REAL, SHUFFLED, MIXED = 0, 1, 2
"""How contents are made, by their index; from the third on all are mixed."""
_MIXTURE = ("keep", "keep", "shuffle", "shuffle") + ("resample",) * 3 + ("change",) * 3
_STEPS = (-2, -1, -1, 0, 0, 0, 1, 1, 2)


@dataclass(frozen=True, slots=True)
class _Column:
    """What hidden values of a column are made from.

    `shown` and `full` are its values in the contents that are shown and in the whole database, `distinct`
    those shown without repeats. `unique` tells columns that repeat no value, `whole` those of ints, `fixed`
    those whose values are names, keys or a scale: no new ones may come up. Numbers stay at or above `lowest`
    and have `digits` decimal places. `parent` is the table and column that a foreign key refers to.
    """

    shown: list[Value]
    full: list[Value]
    distinct: list[Value]
    whole: bool
    unique: bool
    fixed: bool
    lowest: float
    digits: int
    parent: tuple[str, str] | None


_Schema = dict[str, dict[str, _Column]]


def hidden_contents(database: Database, visible: Contents, rng: Random, count: int) -> list[Contents]:
    """`count` other contents of the tables in `visible`, each made in its own mixture of ways.

    What holds of every one of them: tables, columns and their order, numbers or texts; a key or a column that
    is unique in the database is unique; a value of a foreign key exists in the table that it refers to. The
    first one has real rows where the database has more than are shown; only foreign keys are new in it. In
    the second one columns are shuffled. In all others each column changes in its own way.
    """
    schema = {
        name: {column: _column(database, visible, name, column) for column in table.columns}
        for name, table in visible.items()
    }
    types = {name: dict(table.types) for name, table in visible.items()}
    made = [visible]
    for index in range(count):
        made.append(_unlike(made, schema, types, rng, index))
    return made[1:]


def _unlike(
    made: list[Contents], schema: _Schema, types: dict[str, dict[str, str]], rng: Random, index: int
) -> Contents:
    """Contents that differ from those made before, unless a tiny database has no others."""
    drawn = _alternative(schema, types, rng, index)
    for _ in range(TRIES):
        if drawn not in made:
            break
        drawn = _alternative(schema, types, rng, max(index, MIXED))
    return drawn


def _column(database: Database, visible: Contents, table: str, column: str) -> _Column:
    shown, full = visible[table].columns[column], database.tables[table].columns[column]
    keys = database.foreign_keys
    is_key = database.keys.get(table) == column or (table, column) in [
        (k.target, k.target_column) for k in keys
    ]
    distinct = list(dict.fromkeys(shown))
    numbers = [value for value in distinct if not isinstance(value, str)]
    whole = len(numbers) == len(distinct) and not any(isinstance(value, float) for value in numbers)
    is_scale = whole and len(distinct) <= FEW and len(distinct) < len(shown)
    digits = 0 if whole else max(map(_digits, numbers[:50]), default=0)
    return _Column(
        shown=shown,
        full=full,
        distinct=distinct,
        whole=whole,
        unique=len(distinct) == len(shown) and (is_key or len(full) >= MIN_UNIQUE) and _is_unique(full),
        fixed=len(numbers) < len(distinct) or is_key or is_scale or _is_name(column, numbers),
        lowest=_lowest(min(numbers, default=0), digits),
        digits=digits,
        parent=_parent(keys, visible, table, column),
    )


def _parent(
    keys: tuple[ForeignKey, ...], visible: Contents, table: str, column: str
) -> tuple[str, str] | None:
    ends = [(k.target, k.target_column) for k in keys if (k.table, k.column) == (table, column)]
    return next(((t, c) for t, c in ends if t != table and t in visible), None)


def _is_name(column: str, numbers: list[int | float]) -> bool:
    """Whether numbers only tell things apart, by their name or their size: close ones mean nothing."""
    huge = max(map(abs, numbers), default=0) > LARGEST
    return huge or column in ("id", "code") or column.endswith(("_id", "_code"))


def _is_unique(values: list[Value]) -> bool:
    return len(set(values)) == len(values)


def _digits(number: float) -> int:
    """Decimal places of a number, at most 6; one with an exponent has none."""
    return min(len(repr(number).partition(".")[2].partition("e")[0]), 6)


def _lowest(least: float, digits: int) -> float:
    """Positive numbers stay positive, for they may divide; without negative ones there come none."""
    if least < 0:
        return float("-inf")
    return min(least, 10.0**-digits) if digits else min(least, 1)


def _alternative(schema: _Schema, types: dict[str, dict[str, str]], rng: Random, index: int) -> Contents:
    """One set of contents: rows are drawn and changed, then foreign keys get new targets."""
    lengths = _lengths(schema, rng, index)
    made: dict[tuple[str, str], list[Value]] = {}
    for name, columns in schema.items():
        first = next(iter(columns.values()))
        way = index if index or len(first.full) > len(first.shown) else MIXED
        from_full, rows = _draw_rows(first, lengths[name], rng, way)
        for column, plan in columns.items():
            if not plan.parent:
                source = plan.full if from_full else plan.shown
                made[name, column] = _values(plan, [source[row] for row in rows], rng, way)
    for name, columns in schema.items():
        for column in columns:
            _refer(schema, made, (name, column), lengths, rng)
    return {
        name: Table.trusted({c: made[name, c] for c in columns}, lengths[name], types[name])
        for name, columns in schema.items()
    }


# How many rows, and which


def _lengths(schema: _Schema, rng: Random, index: int) -> dict[str, int]:
    """Rows of every table; unique columns that cannot be made longer limit them."""
    lengths = {name: _length(columns, rng, index) for name, columns in schema.items()}
    bounds = [
        (name, plan.parent[0])
        for name, columns in schema.items()
        for plan in columns.values()
        if plan.parent and plan.unique
    ]
    for _ in bounds:  # a chain of tables passes its bound on, one link a round
        for name, parent in bounds:
            lengths[name] = min(lengths[name], lengths[parent])
    return lengths


def _length(columns: dict[str, _Column], rng: Random, index: int) -> int:
    plans = list(columns.values())
    shown = len(plans[0].shown)
    most = min(int(1.5 * shown) + 1, MANY_ROWS)
    least = max(min(shown, 2), min(int(0.6 * shown), most // 2))
    if shown >= FEWEST_ROWS:
        least = max(least, FEWEST_ROWS)
    length = shown if index < MIXED else rng.randint(least, most)
    rigid = any(plan.unique and not plan.whole and not plan.parent for plan in plans)
    return min(length, len(plans[0].full) if rigid else MAX_ROWS, MAX_ROWS)


def _draw_rows(plan: _Column, length: int, rng: Random, way: int) -> tuple[bool, list[int]]:
    """Whether rows are taken from the whole table, not from those shown, and which; some twice if too few."""
    has_others = len(plan.full) > len(plan.shown)
    from_full = length > len(plan.shown) or (has_others and (way == REAL or rng.random() < 0.6))
    pool = range(len(plan.full if from_full else plan.shown))
    rows = rng.sample(pool, min(length, len(pool)))
    rows += rng.choices(pool, k=length - len(rows)) if pool else []
    if way == REAL or rng.random() < 0.4:
        rows.sort()
    return from_full, rows


# Columns


def _values(plan: _Column, values: list[Value], rng: Random, way: int) -> list[Value]:
    """The values of the drawn rows, changed in one way."""
    if plan.unique:
        return _unique_values(plan, values, rng, way)
    if way == REAL:
        return values
    step = "shuffle" if way == SHUFFLED else rng.choice(_MIXTURE)
    if step == "shuffle":
        rng.shuffle(values)
    elif step == "resample":
        values = _skewed(plan.distinct, len(values), rng)
    elif step == "change" and plan.fixed:
        values = _relabelled(values, rng)
    is_new = step in ("resample", "change")
    return _jittered(plan, values, rng) if is_new and not plan.fixed else values


def _unique_values(plan: _Column, values: list[Value], rng: Random, way: int) -> list[Value]:
    """The values, jittered and shuffled now and then; whole numbers that are taken give way to the next."""
    if way != REAL and not plan.fixed and rng.random() < 0.6:
        values = _jittered(plan, values, rng)
    if way >= MIXED and plan.whole and plan.fixed and rng.random() < 0.25:
        first = min(value for value in plan.distinct if not isinstance(value, str))
        values = [first + place for place in range(len(values))]
    if len(set(values)) < len(values):
        values = _apart(plan, values)
    if way == SHUFFLED or (way >= MIXED and rng.random() < 0.4):
        rng.shuffle(values)
    return values


def _apart(plan: _Column, values: list[Value]) -> list[Value]:
    """The numbers with repeated ones moved up, step by step, until they differ."""
    step = 1 if plan.whole else 10.0**-plan.digits
    top = max((value for value in values if not isinstance(value, str)), default=0)
    taken: dict[Value, None] = {}
    for value in values:
        if value in taken and not isinstance(value, str):
            top = top + 1 if plan.whole else round(top + step, plan.digits)
            value = top
        taken[value] = None
    return list(taken)


def _skewed(distinct: list[Value], length: int, rng: Random) -> list[Value]:
    """Values drawn with frequencies that fall off, in an order of their own, by a power from 0 to 1.2."""
    order = rng.sample(distinct, len(distinct))
    power = rng.uniform(0, 1.2)
    weights = list(accumulate((place + 1) ** -power for place in range(len(order))))
    return rng.choices(order, cum_weights=weights, k=length) if order else []


def _relabelled(values: list[Value], rng: Random) -> list[Value]:
    """The values exchanged for one another, so that a rare one becomes frequent."""
    distinct = list(dict.fromkeys(values))
    others = dict(zip(distinct, rng.sample(distinct, len(distinct)), strict=True))
    return [others[value] for value in values]


def _jittered(plan: _Column, values: list[Value], rng: Random) -> list[Value]:
    """Numbers close to those given: steps of one and two, or for fractions also some percent."""
    steps: list[float] = list(rng.choices(_STEPS, k=len(values)))
    if plan.whole:
        lowest = plan.lowest
        moved = [value + step for value, step in zip(values, steps, strict=True)]  # type: ignore[operator]
        return [value if value >= lowest else old for value, old in zip(moved, values, strict=True)]
    unit = rng.choice((0.0, 1.0, 10.0**-plan.digits))
    spread = 0.0 if unit else rng.choice((0.02, 0.15))
    return [
        _moved(plan, value, unit * step + spread * rng.random() * step * abs(value))
        for value, step in zip(values, steps, strict=True)
        if not isinstance(value, str)
    ]


def _moved(plan: _Column, value: float, by: float) -> float:
    moved = round(value + by, plan.digits)
    return moved if moved >= plan.lowest else value


# Foreign keys


def _refer(
    schema: _Schema,
    made: dict[tuple[str, str], list[Value]],
    place: tuple[str, str],
    lengths: dict[str, int],
    rng: Random,
) -> None:
    """Make the column at `place` out of what its target holds, which comes first; targets form no circle."""
    plan = schema[place[0]][place[1]]
    if place in made or not plan.parent:
        return
    _refer(schema, made, plan.parent, lengths, rng)
    pool = list(dict.fromkeys(made[plan.parent]))
    length = lengths[place[0]]
    if plan.unique:
        values = rng.sample(pool, length)
    else:
        share = rng.choice((0.6, 0.8, 1.0, 1.0))
        values = _skewed(rng.sample(pool, max(1, round(share * len(pool)))), length, rng)
    made[place] = [_like(plan, value) for value in values]


def _like(plan: _Column, value: Value) -> Value:
    """The value as the column has its own: a key may be 7 in one table and 7.0 in another."""
    if isinstance(value, str):
        return value
    if plan.whole:
        return int(value) if value == int(value) else value
    return float(value)
