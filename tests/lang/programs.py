"""Random programs that make sense over given tables, and random tables with every kind of column.

A program grows stage by stage and is run as it grows, so that constants come from the values that a stage
will meet, joins hit, and few results are empty. It always checks; all that can fail is a division by zero.

Sums of fractions depend in their last bit on how they are added. Columns that hold such sums are `rough`:
they are computed and shown, but nothing is filtered, sorted, grouped, joined or counted by them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from dsl_debug.lang import DslError, Table, inspect, print_program
from dsl_debug.lang.nodes import (
    Aggregate,
    Aggregation,
    Arithmetic,
    Assignment,
    Column,
    Compare,
    Compute,
    Condition,
    Emit,
    Expression,
    Filter,
    GroupBy,
    Join,
    Literal,
    Load,
    Logic,
    Negate,
    Not,
    Program,
    Ref,
    Select,
    SortBy,
    Source,
    Stage,
    Statement,
    Take,
    Value,
    columns_of,
)
from dsl_debug.lang.table import MIXED, NUMBER, TEXT

MAX_JOINED_ROWS = 600
# Words of the language are fine names, too.
NAMES = (
    "summary",
    "result",
    "filtered",
    "ranked",
    "joined",
    "step",
    "count",
    "filter",
    "on",
    "desc",
    "t",
    "größe",
)
RESULTS = ("n", "total", "best", "of_all", "count", "take", "x")
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


@dataclass(frozen=True)
class View:
    """What is known of a named table: its columns' types for the checker, the rough ones, its rows."""

    kinds: dict[str, str]
    rough: frozenset[str]
    table: Table

    def sharp(self, *kinds: str) -> list[str]:
        """The columns (of these types) that a program may decide by."""
        return [n for n, kind in self.kinds.items() if n not in self.rough and (not kinds or kind in kinds)]


class Finished(Exception):
    """The program cannot go on: what there is of it divides by zero."""


def random_program(rng: Random, tables: Mapping[str, Table]) -> Program:
    """A program over some of the tables. Every table needs at least one row and identifiers for columns."""
    maker = _Maker(rng, tables)
    try:
        maker.load()
        for _ in range(rng.choice((0, 1, 1, 2, 2, 3))):
            rng.choice((maker.branch, maker.branch, maker.join, maker.join, maker.join))()
    except Finished:
        pass
    statements = maker.statements
    last = statements[-1].name
    if rng.random() < 0.1:
        rng.shuffle(statements)
    return Program(tuple(statements), Emit(last))


def random_text(rng: Random, program: Program) -> str:
    """A text of the program, in the one layout or with each statement on a line."""
    text = print_program(program)
    return text.replace("\n  |>", " |>") if rng.random() < 0.3 else text


class _Maker:
    def __init__(self, rng: Random, tables: Mapping[str, Table]) -> None:
        self.rng = rng
        self.tables = tables
        self.statements: list[Statement] = []
        self.views: dict[str, View] = {}

    # Statements

    def load(self) -> str:
        table = self.rng.choice(list(self.tables))
        view = View(self.tables[table].types, frozenset(), self.tables[table])
        return self.define(Load(table), view, self.rng.choice((0, 1, 1, 2, 3)))

    def branch(self) -> None:
        name = self.rng.choice(list(self.views))
        self.define(Ref(name), self.views[name], self.rng.choice((1, 2, 3, 4)))

    def join(self) -> None:
        """A join of two named tables, one of them perhaps loaded for it; a branch where none hits."""
        left = self.rng.choice(list(self.views))
        right = self.load() if self.rng.random() < 0.7 else self.rng.choice(list(self.views))
        if self.rng.random() < 0.5:
            left, right = right, left
        keys = joinable(self.views[left], self.views[right])
        if not keys:
            return self.branch()
        a, b = self.rng.choice(keys)
        source = Join(Ref(left), Ref(right), Column(a), Column(b))
        one, other = self.views[left], self.views[right]
        rough = (one.rough - other.kinds.keys()) | other.rough
        self.define(
            source, View(one.kinds | other.kinds, rough, one.table), self.rng.choice((0, 1, 2, 3)), look=True
        )

    def define(self, source: Source, view: View, stages: int, look: bool = False) -> str:
        """Append a statement of at least this many stages, unless its table runs empty."""
        name = self.new_name()
        self.statements.append(Statement(name, source))
        if look:
            view = self.look(view)
        for _ in range(stages):
            made = self.rng.choice(STAGE_MAKERS)(self.rng, view)
            if made is None:
                continue
            new, kinds, rough = made
            last = self.statements[-1]
            self.statements[-1] = replace(last, stages=(*last.stages, *new))
            view = self.look(View(kinds, rough, view.table))
            if not view.table.length:
                break
        self.views[name] = view
        return name

    def new_name(self) -> str:
        base, taken = self.rng.choice(NAMES), {s.name for s in self.statements}
        return next(name for name in (base, *(f"{base}_{i}" for i in range(2, 99))) if name not in taken)

    def look(self, view: View) -> View:
        """The view with the rows that the last statement gives so far."""
        name = self.statements[-1].name
        text = print_program(Program(tuple(self.statements), Emit(name)))
        try:
            return replace(view, table=inspect(text, name, self.tables))
        except DslError as error:
            if error.diagnostics[0].code == "division-by-zero":
                raise Finished from None
            raise AssertionError(f"a random program does not run:\n{text}\n{error}") from error


def joinable(left: View, right: View) -> list[tuple[str, str]]:
    """The pairs of columns by which a join gives some rows, but not too many."""
    ours = [(name, Counter(left.table.columns[name])) for name in left.sharp()]
    theirs = [(name, Counter(right.table.columns[name])) for name in right.sharp()]
    sizes = {
        (a, b): sum(count * many[value] for value, count in few.items() if value in many)
        for a, few in ours
        for b, many in theirs
        if left.kinds[a] == right.kinds[b]
    }
    return [pair for pair, size in sizes.items() if 0 < size <= MAX_JOINED_ROWS]


# Stages: each gives the new stages, the types after them, and the rough columns after them; None if it cannot

Made = tuple[list[Stage], dict[str, str], frozenset[str]] | None


def _filter(rng: Random, view: View) -> Made:
    if not view.sharp():
        return None
    return [Filter(_condition(rng, view, rng.choice((0, 0, 0, 1, 1, 2))))], view.kinds, view.rough


def _condition(rng: Random, view: View, depth: int) -> Condition:
    if depth == 0:
        return _comparison(rng, view)
    if rng.random() < 0.25:
        return Not(_condition(rng, view, depth - 1))
    op, parts = rng.choice(("and", "or", "or")), []
    for _ in range(rng.choice((2, 2, 3))):
        part = _condition(rng, view, depth - 1)
        # The parser merges parts of the same kind.
        parts += part.parts if isinstance(part, Logic) and part.op == op else (part,)
    return Logic(op, tuple(parts))


def _comparison(rng: Random, view: View) -> Compare:
    name = rng.choice(view.sharp())
    kind, op = view.kinds[name], rng.choice(COMPARISONS)
    others = [n for n in view.sharp() if n != name and (op in ("==", "!=") or _ordered(kind, view.kinds[n]))]
    if others and rng.random() < 0.15:
        return Compare(op, Column(name), Column(rng.choice(others)))
    value = _constant(rng, view.table.columns[name], kind)
    sides = (Column(name), Literal(value))
    return Compare(op, *(sides if rng.random() < 0.85 else sides[::-1]))


def _ordered(a: str, b: str) -> bool:
    """Whether columns of these types may be ordered against each other."""
    return a == b or MIXED in (a, b)


def _constant(rng: Random, values: Sequence[Value], kind: str) -> Value:
    """A value of the column, or one close to it."""
    value = rng.choice(values or (("a",) if kind == TEXT else (1,)))
    if rng.random() < 0.8:
        return value
    if isinstance(value, str):
        return rng.choice((value[:-1], value + "a", value.upper(), value.lower()))
    return rng.choice((value + 1, value - 0.5, -value))


def _select(rng: Random, view: View) -> Made:
    names = list(view.kinds)
    chosen = rng.sample(names, rng.randint(min(2, len(names)), len(names)))
    kinds = {name: view.kinds[name] for name in chosen}
    return [Select(tuple(map(Column, chosen)))], kinds, view.rough & kinds.keys()


def _sort_by(rng: Random, view: View) -> Made:
    if not view.sharp():
        return None
    stage = SortBy(Column(rng.choice(view.sharp())), rng.random() < 0.5)
    return [stage], view.kinds, view.rough


def _take(rng: Random, view: View) -> Made:
    return [Take(rng.randint(1 if rng.random() < 0.97 else 0, view.table.length + 2))], view.kinds, view.rough


def _compute(rng: Random, view: View) -> Made:
    assignments: list[Assignment] = []
    kinds, rough = dict(view.kinds), view.rough
    for _ in range(rng.choice((1, 1, 2))):
        taken = [a.name for a in assignments]
        fresh = [n for n in ("value", "x", "share", "größe") if n not in taken]
        old = [n for n in view.kinds if n not in taken]
        name = rng.choice(old) if old and rng.random() < 0.15 else rng.choice(fresh)
        # Only columns whose rows are known, and not replaced by this stage.
        value = _value(rng, replace(view, kinds={n: k for n, k in view.kinds.items() if n not in taken}))
        if assignments and kinds[taken[0]] == NUMBER and taken[0] not in rough and rng.random() < 0.4:
            value = Arithmetic(rng.choice("+-"), Column(taken[0]), Literal(rng.randint(1, 9)))
        used = {c.name for c in columns_of(value)}
        kinds[name] = _kind(value, kinds)
        rough = rough | {name} if used & rough else rough - {name}
        assignments.append(Assignment(name, value))
    return [Compute(tuple(assignments))], kinds, rough


def _kind(value: Expression, kinds: Mapping[str, str]) -> str:
    if isinstance(value, Column):
        return kinds[value.name]
    return TEXT if isinstance(value, Literal) and isinstance(value.value, str) else NUMBER


def _value(rng: Random, view: View) -> Expression:
    rough = [n for n in view.kinds if n in view.rough]
    if rough and rng.random() < 0.3:
        return Arithmetic(rng.choice("*/"), Column(rng.choice(rough)), Literal(rng.randint(2, 9)))
    if view.kinds and rng.random() < 0.1:
        return Column(rng.choice(list(view.kinds)))
    if rng.random() < 0.05:
        return Literal(rng.choice(("north", 'say "hi"', "it's\n", 7, 0.25)))
    return _arithmetic(rng, view, rng.choice((1, 2, 2, 2, 3)))


def _arithmetic(rng: Random, view: View, leaves: int) -> Expression:
    """Arithmetic over columns whose values keep products of three within 53 bits."""
    if leaves == 1:
        small = [n for n in view.sharp(NUMBER) if max(map(abs, view.table.columns[n]), default=0) <= 1e5]
        if not small or rng.random() < 0.25:
            return Literal(rng.choice((2, 3, 10, 100, 0.5, 1.25, -1)))
        leaf: Expression = Column(rng.choice(small))
        return Negate(leaf) if rng.random() < 0.1 else leaf
    split = rng.randint(1, leaves - 1)
    op = rng.choice("+-*/")
    left, right = _arithmetic(rng, view, split), _arithmetic(rng, view, leaves - split)
    if op == "/" and isinstance(right, Column) and 0 in view.table.columns[right.name] and rng.random() < 0.8:
        right = Literal(4)
    return Arithmetic(op, left, right)


def _aggregate(rng: Random, view: View) -> Made:
    usable = [n for n in view.sharp() if n.isidentifier()]
    if not usable:
        return None
    # Mostly keys under which more than one row comes together.
    repeated = [n for n in usable if len(set(view.table.columns[n])) < view.table.length] or usable
    keys = rng.sample(repeated, min(len(repeated), rng.choice((1, 1, 1, 2, 3))))
    kinds = {key: view.kinds[key] for key in keys}
    rough: set[str] = set()
    made: list[Aggregation] = []
    for _ in range(rng.choice((1, 2, 2, 3))):
        item, kind, is_rough = _aggregation(rng, view, rng.choice([n for n in RESULTS if n not in kinds]))
        made.append(item)
        kinds[item.name] = kind
        rough |= {item.name} if is_rough else set()
    return [GroupBy(tuple(map(Column, keys))), Aggregate(tuple(made))], kinds, frozenset(rough)


def _aggregation(rng: Random, view: View, name: str) -> tuple[Aggregation, str, bool]:
    """An aggregation, the type of what it gives, and whether that is rough."""
    function = rng.choice(("sum", "avg", "min", "max", "count", "count_distinct"))
    accepted = {"sum": (NUMBER, MIXED), "avg": (NUMBER, MIXED)}.get(function, (NUMBER, TEXT, MIXED))
    columns = view.sharp(*accepted)
    if function in ("sum", "avg", "min", "max"):
        columns = [n for n, kind in view.kinds.items() if kind in accepted]
    if not columns or (function == "count" and rng.random() < 0.7):
        return Aggregation(name, "count", None), NUMBER, False
    column = rng.choice(columns)
    rough = column in view.rough and function in ("sum", "avg", "min", "max")
    if function in ("sum", "avg"):
        rough = rough or not adds_exactly(view.table.columns[column])
    kind = view.kinds[column] if function in ("min", "max") else NUMBER
    return Aggregation(name, function, Column(column)), kind, rough


def adds_exactly(values: Iterable[Value]) -> bool:
    """Whether sums of these numbers are the same in whatever way they are added."""
    numbers = [v for v in values if not isinstance(v, str)]
    return all(abs(v) < 2**40 and v * 1024 % 1 == 0 for v in numbers)


STAGE_MAKERS: tuple[Callable[[Random, View], Made], ...] = (
    *(_filter, _filter, _filter),
    *(_aggregate, _aggregate),
    *(_compute, _compute),
    *(_sort_by, _sort_by),
    _select,
    _take,
)


def shape(program: Program) -> str:
    """What a program is made of, without its names and constants."""
    return " ; ".join(
        " ".join([type(s.source).__name__, *map(_stage_shape, s.stages)]) for s in program.statements
    )


def _stage_shape(stage: Stage) -> str:
    match stage:
        case Filter(condition):
            return f"filter({_condition_shape(condition)})"
        case GroupBy(columns):
            return f"group_by({len(columns)})"
        case Aggregate(aggregations):
            return f"aggregate({','.join(sorted(a.function for a in aggregations))})"
        case SortBy(_, descending):
            return "sort_by(desc)" if descending else "sort_by(asc)"
    return type(stage).__name__.lower()


def _condition_shape(condition: Condition) -> str:
    match condition:
        case Logic(op, parts):
            return f"{op}({','.join(map(_condition_shape, parts))})"
        case Not(part):
            return f"not({_condition_shape(part)})"
        case Compare(op):
            return op


# Tables


def random_tables(rng: Random) -> dict[str, Table]:
    """Two or three small tables with whole numbers, fractions, texts and mixed columns that share values."""
    return {f"table {i}": _random_table(rng) for i in range(rng.choice((2, 3)))}


_WHOLE = (0, 1, 1, 2, 3, 5, 9, 10, 12, -4, 100)
_FRACTIONS = (0.5, 1.0, 2.0, 2.5, -0.75, 10.0, 0.1, 3.3, 1e-7, 1e16)
_TEXTS = (
    "",
    "1",
    "10",
    "2",
    "1.0",
    "0.5",
    "-4",
    "a",
    "A",
    "b",
    "ab",
    "é",
    "z",
    "日本",
    "it's",
    "x y",
    "5 kg",
)
_POOLS: dict[str, tuple[Value, ...]] = {
    "id": _WHOLE,
    "amount": (*_WHOLE, *_FRACTIONS),
    "price": _FRACTIONS,
    "name": _TEXTS,
    "Name": ("x", "y"),
    "code": (*_WHOLE, *_TEXTS),
    "note": (0, *_TEXTS),
    "any": (*_WHOLE, *_FRACTIONS, *_TEXTS),
}


def _random_table(rng: Random) -> Table:
    length = rng.randint(1, 30)
    names = rng.sample(list(_POOLS), rng.randint(2, len(_POOLS)))
    return Table({name: [rng.choice(_POOLS[name]) for _ in range(length)] for name in names})
