"""Attacks: programs that print the expected rows without computing what was asked for.

`constant_program` writes the rows into the program; `key_filters` picks them out of a table by the values
that the player was shown. A sound problem pays for neither: on other rows they give something else.

What the constant emitter cannot write: a text that differs from row to row and stands in no column that was
seen (the language cannot make texts), more than 60 rows (a player is shown 20), and rows where no two columns
have enough values to number them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from dsl_debug.lang import Program, Table, parse
from dsl_debug.lang.nodes import (
    Column,
    Compare,
    Condition,
    Filter,
    Literal,
    Load,
    Logic,
    Ref,
    Select,
    SortBy,
    Source,
    Stage,
    Statement,
    Take,
    Value,
)
from dsl_debug.lang.printer import print_text, print_value
from dsl_debug.lang.table import MIXED, NUMBER, text_form

MAX_ROWS = 60


def constant_program(expected: Table, tables: Mapping[str, Table]) -> Program | None:
    """The shortest program found that prints `expected` whatever the tables mean, or None.

    `tables` hold the rows that are known; it may be fewer than there are. Rows that all agree, a single row
    among them, take one pipe. Otherwise rows are numbered by the rank of a column's values; numbers are
    polynomials of the row number, and texts are looked up by their rank among a column's values.
    """
    if not expected.names or not all(map(str.isidentifier, expected.names)):
        return None  # no program can make such columns
    varying = [name for name, values in expected.columns.items() if len(set(values)) > 1]
    if not varying:
        return _one_pipe(expected, tables)
    return _Writer(expected, tables).program(varying) if expected.length <= MAX_ROWS else None


def _one_pipe(expected: Table, tables: Mapping[str, Table]) -> Program | None:
    table = next((name for name, table in tables.items() if table.length >= expected.length), None)
    if table is None:
        return None
    values = (column[0] if column else 0 for column in expected.columns.values())
    constants = ", ".join(f"{n}: {print_value(v)}" for n, v in zip(expected.names, values, strict=True))
    code = f"""
        result = load({print_text(table)}) |> take({expected.length}) |> compute({constants})
          |> select({", ".join(expected.names)})
        emit result
    """
    return parse(code)


@dataclass(frozen=True, slots=True)
class _Place:
    """A column of a table."""

    table: str
    column: str


@dataclass(frozen=True, slots=True)
class _Index:
    """A column and how many different values of it are known."""

    place: _Place
    size: int


class _Writer:
    """Writes the statements for rows that differ."""

    def __init__(self, expected: Table, tables: Mapping[str, Table]) -> None:
        self.expected = expected
        self.tables = tables
        self.lines: list[str] = []
        self.taken = {*expected.names, *chain.from_iterable(table.names for table in tables.values())}

    def fresh(self, name: str) -> str:
        """A name that neither a column nor a statement has."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def program(self, varying: Sequence[str]) -> Program | None:
        lookups = {name: self.lookup(name) for name in varying if self.holds_text(name)}
        numbered = self.numbered_rows()
        if numbered is None or None in lookups.values():
            return None
        rows, marks = numbered
        keys = {name: self.fresh("key") for name in lookups}
        values = {n: self.numbers(n) for n in varying if n not in lookups}
        values |= {keys[name]: lookup.ranks for name, lookup in lookups.items() if lookup}
        computed = [f"{name}: {_weighted(marks, numbers)}" for name, numbers in values.items()]
        computed += [
            f"{n}: {print_value(v[0])}" for n, v in self.expected.columns.items() if n not in varying
        ]
        result = self.define("rows", f"{rows} |> compute({', '.join(computed)})")
        for name, lookup in lookups.items():
            if lookup:
                result = self.define(
                    "rows", f"join({result}, {lookup.table}, on: {keys[name]} == {lookup.rank})"
                )
        result = self.define("result", f"{result} |> select({', '.join(self.expected.names)})")
        return parse("\n".join([*self.lines, f"emit {result}"]))

    def define(self, name: str, source: str) -> str:
        name = self.fresh(name)
        self.lines.append(f"{name} = {source}")
        return name

    def holds_text(self, name: str) -> bool:
        return any(isinstance(value, str) for value in self.expected.columns[name])

    def numbers(self, name: str) -> list[int | float]:
        return [value for value in self.expected.columns[name] if not isinstance(value, str)]

    # Row numbers

    def numbered_rows(self) -> tuple[str, list[str]] | None:
        """A table of as many rows as expected, and its columns that are 1 in one row and 0 in the others."""
        count = self.expected.length
        places = self.index_columns(count)
        if places is None:
            return None
        numbered, number = self.numbered(*places)
        marks = [self.fresh(f"row{i}") for i in range(1, count + 1)]
        computed = ", ".join(f"{mark}: {_indicator(number, i, count)}" for i, mark in enumerate(marks, 1))
        pipe = f"{numbered} |> filter({number} <= {count}) |> sort_by({number}, asc) |> compute({computed})"
        return self.define("marked", pipe), marks

    def numbered(self, first: "_Index", second: "_Index | None" = None) -> tuple[str, str]:
        """A table whose rows are numbered from 1 by the rank of a column, or of the pairs of two columns."""
        table, rank = self.ranked(first.place, "")
        if second is None:
            return table, rank
        other, low = self.ranked(second.place, "")
        one, number = self.fresh("one"), self.fresh("number")
        left = self.define("left", f"{table} |> compute({one}: 1)")
        right = self.define("right", f"{other} |> filter({low} <= {second.size}) |> compute({one}: 1)")
        pairs = f"join({left}, {right}, on: {one} == {one})"
        return self.define(
            "pairs", f"{pairs} |> compute({number}: ({rank} - 1) * {second.size} + {low})"
        ), number

    def index_columns(self, count: int) -> "tuple[_Index] | tuple[_Index, _Index] | None":
        """One column with at least `count` different values, or the two with most that make as many pairs."""
        found = [
            _Index(_Place(name, column), len(set(values)))
            for name, table in self.tables.items()
            for column, values in table.columns.items()
            if table.types[column] != MIXED
        ]
        enough = next((index for index in found if index.size >= count), None)
        if enough:
            return (enough,)
        first, second, *_ = [*sorted(found, key=lambda index: -index.size), None, None]
        return (first, second) if first and second and first.size * second.size >= count else None

    def ranked(self, place: _Place, condition: str) -> tuple[str, str]:
        """A table of the different values of a column, and the name of the column with their ranks from 1."""
        one, other, rank = self.fresh("one"), self.fresh("other"), self.fresh("rank")
        column = place.column
        pipe = (
            f"load({print_text(place.table)}){condition} |> group_by({column}) |> aggregate({one}: count())"
        )
        values = self.define("values", f"{pipe} |> compute({one}: 1)")
        others = self.define("others", f"{values} |> compute({other}: {column}) |> select({one}, {other})")
        pairs = f"join({values}, {others}, on: {one} == {one}) |> filter({other} <= {column})"
        return self.define("ranked", f"{pairs} |> group_by({column}) |> aggregate({rank}: count())"), rank

    # Texts

    def lookup(self, name: str) -> "_Lookup | None":
        """A table that maps ranks to the values of an expected column that holds texts."""
        values = self.expected.columns[name]
        place = self.home(name, values)
        rank_of = _ranks(values)
        if place is None or rank_of is None:
            return None
        wanted = " or ".join(f"{place.column} == {print_value(value)}" for value in rank_of)
        ranked, rank = self.ranked(place, f" |> filter({wanted})")
        copied = f"{ranked} |> compute({name}: {place.column}) |> select({rank}, {name})"
        return _Lookup(self.define("texts", copied), rank, [rank_of[value] for value in values])

    def home(self, name: str, values: Sequence[Value]) -> _Place | None:
        """A column in which all values were seen, else the first of that name that may hold texts."""
        places = [_Place(table, column) for table, t in self.tables.items() for column in t.columns]
        same_name_first = sorted(places, key=lambda place: place.column != name)
        for place in same_name_first:
            if set(values) <= set(self.tables[place.table].columns[place.column]):
                return place
        for place in same_name_first:
            if place.column == name and self.tables[place.table].types[name] != NUMBER:
                return place
        return None


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A table of ranks and texts, its column of ranks, and the rank for each expected row."""

    table: str
    rank: str
    ranks: list[int | float]


def _ranks(values: Sequence[Value]) -> dict[Value, int] | None:
    """Rank from 1 by the order of `filter`, which need not be one where numbers and texts mix."""
    distinct = list(dict.fromkeys(values))
    ranks = {v: sum(_at_most(other, v) for other in distinct) for v in distinct}
    return ranks if len(set(ranks.values())) == len(distinct) else None


def _at_most(a: Value, b: Value) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return text_form(a) <= text_form(b)
    return a <= b


def _indicator(rank: str, row: int, count: int) -> str:
    """Lagrange's polynomial: exactly 1 where rank is `row`, exactly 0 at the other numbers up to `count`."""
    others = [i for i in range(1, count + 1) if i != row]
    factors = [f"({rank} - {i})" for i in others]
    divisor = 1
    for i in others:
        divisor *= row - i
    return f"{' * '.join(factors)} / {divisor}"


def _weighted(marks: Sequence[str], numbers: Sequence[int | float]) -> str:
    terms = [f"{mark} * {print_value(n)}" for mark, n in zip(marks, numbers, strict=True) if n != 0]
    return " + ".join(terms)


# Special-casing


def key_filters(expected: Table, program: Program, tables: Mapping[str, Table]) -> Iterator[Program]:
    """Programs that pick the expected rows by the values shown, out of each table that there is.

    `tables`: name of a statement of `program`, or of a table to load -> its rows, as far as they are known.
    Sorted as it comes, then by each column in which the expected rows are sorted.
    """
    condition = _any_of(expected)
    if condition is None:
        return
    columns = tuple(Column(name) for name in expected.names)
    for name, table in tables.items():
        if set(expected.names) <= set(table.names):
            source: Source = Ref(name) if program.find(name) else Load(name)
            for order in _orders(expected):
                stages: tuple[Stage, ...] = (
                    Filter(condition),
                    *order,
                    Take(expected.length),
                    Select(columns),
                )
                yield emitting(program, source, stages)


def emitting(program: Program, source: Source, stages: tuple[Stage, ...]) -> Program:
    """The program with one more statement, of a name that is free, which is emitted."""
    name = "picked"
    while program.find(name):
        name += "_"
    statements = (*program.statements, Statement(name, source, stages))
    return replace(program, statements=statements, emit=replace(program.emit, name=name))


def _any_of(expected: Table) -> Condition | None:
    """`key == 3 or key == 7`: by one column that tells the rows apart, or else by all columns."""
    key = next((n for n, values in expected.columns.items() if len(set(values)) == expected.length), None)
    names = [key] if key else list(expected.names)
    rows = list(dict.fromkeys(zip(*(expected.columns[name] for name in names), strict=True)))
    parts = [_all_of(names, row) for row in rows]
    return Logic("or", tuple(parts)) if len(parts) > 1 else parts[0] if parts else None


def _all_of(names: Sequence[str], row: Sequence[Value]) -> Condition:
    equal = [Compare("==", Column(n), Literal(v)) for n, v in zip(names, row, strict=True)]
    return Logic("and", tuple(equal)) if len(equal) > 1 else equal[0]


def _orders(expected: Table) -> Iterator[tuple[SortBy, ...]]:
    yield ()
    for name, values in expected.columns.items():
        if expected.types[name] != MIXED:
            for descending in (False, True):
                if values == sorted(values, reverse=descending):
                    yield (SortBy(Column(name), descending),)
