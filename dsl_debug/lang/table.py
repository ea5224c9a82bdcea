"""Tables: named columns of numbers and texts, the one data type that flows through a program.

There is no null. What comes in is checked at the door, once, so that no later step has to ask.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dsl_debug.lang.errors import Diagnostic, DslError, listed, quoted
from dsl_debug.lang.nodes import Value
from dsl_debug.lang.printer import print_text

NUMBER, TEXT, MIXED, UNKNOWN = "number", "text", "mixed", "unknown"
TOLERANCE = 1e-9
RENDERED_ROWS = 20
MAX_CELL = 200


class Table:
    """Columns of equal length, in order. Treat it as immutable: tables share their columns.

    `Table(columns)` checks every value; `Table.trusted` is for columns that a program made.
    """

    __slots__ = ("_types", "columns", "length")

    columns: dict[str, list[Value]]
    length: int
    _types: dict[str, str] | None

    def __init__(self, columns: Mapping[str, Sequence[Value]], name: str = "table") -> None:
        copied = {column: list(values) for column, values in columns.items()}
        lengths = {len(values) for values in copied.values()}
        if len(lengths) > 1:
            raise _bad_table("ragged-table", f"table {quoted(name)}: its columns differ in length")
        self.columns = copied
        self.length = lengths.pop() if lengths else 0
        self._types = {column: _checked_type(values, name, column) for column, values in copied.items()}

    @classmethod
    def trusted(
        cls, columns: dict[str, list[Value]], length: int, types: dict[str, str] | None = None
    ) -> "Table":
        """A table of columns that are known to be sound; nothing is copied or checked."""
        table = cls.__new__(cls)
        table.columns = columns
        table.length = length
        table._types = types
        return table

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Value]], name: str = "table") -> "Table":
        """A table of rows that all have the same columns.

        Raises DslError, naming table, row and column, for nulls, booleans, other types, numbers that are not
        finite, and rows whose columns differ.
        """
        if not isinstance(rows, Iterable):
            raise _bad_table("bad-table", f"table {quoted(name)}: a table is a list of rows")
        listed_rows = list(rows)
        if not listed_rows:
            return cls({}, name)
        first = listed_rows[0]
        if not isinstance(first, Mapping):
            raise _bad_table("bad-row", f"table {quoted(name)}: a row is a mapping of column to value")
        try:
            columns = {column: [row[column] for row in listed_rows] for column in first}
        except (KeyError, TypeError):
            columns = {}
        width = len(first)
        are_mappings = all(issubclass(kind, Mapping) for kind in set(map(type, listed_rows)))
        if len(columns) != width or not are_mappings or set(map(len, listed_rows)) != {width}:
            raise _bad_table("ragged-table", _ragged(name, listed_rows))
        types = {column: _checked_type(values, name, column) for column, values in columns.items()}
        return cls.trusted(columns, len(listed_rows) if columns else 0, types)

    @classmethod
    def from_json(cls, value: Mapping[str, Any], name: str = "table") -> "Table":
        """The inverse of `to_json`. Raises DslError for anything else."""
        stored = value if isinstance(value, Mapping) else {}
        columns, rows = stored.get("columns"), stored.get("rows")
        if (
            not isinstance(columns, list)
            or not all(isinstance(column, str) for column in columns)
            or not isinstance(rows, list)
        ):
            message = f"table {quoted(name)}: expected {{'columns': [...], 'rows': [[...], ...]}}"
            raise _bad_table("bad-table", message)
        if len(set(columns)) < len(columns):
            raise _bad_table("bad-table", f"table {quoted(name)}: two columns have one name")
        if any(not isinstance(row, list) or len(row) != len(columns) for row in rows):
            raise _bad_table("ragged-table", f"table {quoted(name)}: every row needs {len(columns)} values")
        transposed = [list(values) for values in zip(*rows, strict=True)] or [[] for _ in columns]
        return cls(dict(zip(columns, transposed, strict=True)), name)

    def to_json(self) -> dict[str, Any]:
        """`{"columns": [...], "rows": [[...], ...]}`, ready for `json.dumps`."""
        return {"columns": list(self.columns), "rows": [list(row) for row in self.tuples()]}

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(self.columns)

    @property
    def types(self) -> dict[str, str]:
        """Column -> number, text, mixed, or unknown where there are no rows."""
        if self._types is None:
            self._types = {
                column: _type_of(set(map(type, values))) for column, values in self.columns.items()
            }
        return self._types

    def __len__(self) -> int:
        return self.length

    def tuples(self) -> Iterator[tuple[Value, ...]]:
        """The rows as tuples, in the order of the columns."""
        return zip(*self.columns.values(), strict=True) if self.columns else iter([()] * self.length)

    def rows(self) -> list[dict[str, Value]]:
        """The rows as dicts."""
        names = tuple(self.columns)
        return [dict(zip(names, row, strict=True)) for row in self.tuples()]

    def matches(self, other: "Table") -> bool:
        """Equality of results: the same set of columns, the same rows in the same order.

        Numbers are equal within 1e-9 relative (1 equals 1.0); texts exactly; a number never equals a text.
        The order of the columns does not count.
        """
        if self.length != other.length or self.columns.keys() != other.columns.keys():
            return False
        return all(_same(values, other.columns[name]) for name, values in self.columns.items())

    def __eq__(self, other: object) -> bool:
        """Exact equality of names, order and values; `matches` is the equality of results."""
        if not isinstance(other, Table):
            return NotImplemented
        return self.length == other.length and list(self.columns.items()) == list(other.columns.items())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Table({self.length} x {len(self.columns)}: {listed(self.columns, 8)})"

    def render(self, limit: int = RENDERED_ROWS) -> str:
        """The table as text: a header, at most `limit` rows, then how many there are."""
        shown = min(limit, self.length)
        cells = [[header(name)] + [cell(v) for v in values[:shown]] for name, values in self.columns.items()]
        widths = [max(map(len, column)) for column in cells]
        lines = [
            " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in zip(*cells, strict=True)
        ]
        if lines:
            lines.insert(1, "-+-".join("-" * width for width in widths))
        if shown < self.length:
            lines.append(f"({shown} of {self.length:,} rows shown)")
        else:
            lines.append("(1 row)" if self.length == 1 else f"({self.length} rows)")
        return "\n".join(lines)


Tables = Mapping[str, Table | Iterable[Mapping[str, Value]]]


def as_tables(tables: Tables) -> dict[str, Table]:
    """Every table as a `Table`. Raises DslError for what is none."""
    if not isinstance(tables, Mapping):
        raise _bad_table("bad-table", "tables are given as a mapping of name to rows")
    if not all(isinstance(name, str) for name in tables):
        raise _bad_table("bad-table", "the name of a table is a text")
    return {n: t if isinstance(t, Table) else Table.from_rows(t, n) for n, t in tables.items()}


def text_form(value: Value) -> str:
    """The text by which a value of a mixed column is ordered."""
    return value if isinstance(value, str) else str(value)


def header(name: str) -> str:
    """A column's name as tables show it."""
    return cell(name) if not name.isprintable() else name


def cell(value: Value) -> str:
    """A value as tables show it: text in quotes where it could be taken for a number or cannot be seen."""
    if not isinstance(value, str):
        return repr(value)
    if len(value) > MAX_CELL:
        value = f"{value[:MAX_CELL]}… ({len(value):,} characters)"
    plain = value.isprintable() and value == value.strip() and value[:1] != '"' and " | " not in value
    if plain and not _reads_like_a_number(value):
        return value
    return print_text(value)


def _reads_like_a_number(text: str) -> bool:
    if (
        text[:1].isalpha() and text[0] not in "iInN"
    ):  # spares most texts the exception; `inf` and `nan` are numbers
        return False
    try:
        float(text)
    except ValueError:
        return not text
    return True


def _checked_type(values: list[Any], name: str, column: str) -> str:
    if not isinstance(column, str):
        raise _bad_table("bad-table", f"table {quoted(name)}: the name of a column is a text, not {column!r}")
    types = set(map(type, values))
    if types == {str}:
        return TEXT
    numbers = [v for v in values if type(v) is not str] if str in types else values
    if not types <= {int, float, str} or not _all_finite(numbers):
        raise _bad_value(values, name, column)
    return _type_of(types)


def _all_finite(numbers: list[Any]) -> bool:
    """Whether numbers are finite and, if whole, within the range of a float."""
    try:
        return all(map(math.isfinite, numbers))
    except OverflowError:
        return False


def _type_of(types: set[type]) -> str:
    if str in types:
        return TEXT if len(types) == 1 else MIXED
    return NUMBER if types else UNKNOWN


def _bad_value(values: list[Any], name: str, column: str) -> DslError:
    row, value = next(
        (i, v) for i, v in enumerate(values, 1) if type(v) not in (int, float, str) or not _is_sound(v)
    )
    place = f"table {quoted(name)}, row {row}, column {quoted(column)}"
    if value is None:
        return _bad_table("null", f"{place}: null is no value of the language; fill it or drop the row")
    if isinstance(value, bool):
        return _bad_table("bad-value", f"{place}: {value} is a boolean; use 1 and 0, or texts")
    if isinstance(value, (int, float)):
        what = repr(value) if isinstance(value, float) else "this number"
        return _bad_table("bad-value", f"{place}: {what} is out of range; numbers are finite, up to 1.8e308")
    message = f"{place}: a value is a number or a text, not {type(value).__name__}"
    return _bad_table("bad-value", message)


def _is_sound(value: Value) -> bool:
    return isinstance(value, str) or _all_finite([value])


def _ragged(name: str, rows: list[Any]) -> str:
    names = set(rows[0])
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            return f"table {quoted(name)}, row {number}: a row is a mapping of column to value"
        if set(row) != names:
            missing, extra = sorted(names - set(row)), sorted(set(row) - names)
            what = f"no column {quoted(missing[0])}, which row 1 has" if missing else ""
            what = what or f"a column {quoted(extra[0])}, which row 1 lacks"
            return f"table {quoted(name)}, row {number} has {what}"
    return f"table {quoted(name)}: its rows differ"


def _bad_table(code: str, message: str) -> DslError:
    return DslError([Diagnostic(code, message)])


def _same(left: list[Value], right: list[Value]) -> bool:
    if left == right:  # the common case, and the fast one
        return True
    return all(map(same_value, left, right))


def same_value(a: Value, b: Value) -> bool:
    """Equality of values in results: numbers within 1e-9 relative, texts exactly."""
    if a == b:
        return True
    if isinstance(a, str) or isinstance(b, str):
        return False
    return math.isclose(a, b, rel_tol=TOLERANCE)
