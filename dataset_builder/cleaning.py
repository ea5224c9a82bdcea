"""Raw tables of SQLite -> tables of the language: no nulls, one type a column, names to write in programs.

SQLite stores any value in any column. Here a column becomes numbers if all of its values are (a text of
digits counts where the column is declared numeric), else texts; a column with blobs, long texts or many
nulls goes, then every row that still has a null.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dataset_builder.model import Contents, ForeignKey
from dsl_debug.files import unique_names
from dsl_debug.lang import Table
from dsl_debug.lang.nodes import Value

Link = tuple[str, str, str, str]
"""Table, column, the table and the column that it refers to."""

MAX_TEXT = 200
MAX_NULLS = 0.2
MIN_KEPT = 0.6
"""Share of the rows that a table keeps; below it the column with most nulls goes first."""
MAX_ODD = 0.1
"""Share of texts such as `N/A` or `trace` among numbers that are taken for nulls."""
NULLS = ("\\N", "NULL", "null", "None")
MIN_INFERRED = 3
"""Distinct values from which inclusion says that a column refers to another."""

_NUMERIC = re.compile(r"INT|REAL|FLOA|DOUB|NUM|DEC", re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_FLOAT = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{0,18})?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
_KEY_NAME = re.compile(r"(?:.*_)?(?:id|code|key|no|number)|.+id", re.ASCII)
_GENERIC = ("id", "name", "code", "key", "no", "number", "title", "year", "date")


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table as SQLite gives it: values of any type, None for null, in the file's own names.

    `declared` holds the declared types, `key` the column of a primary key of one column or nothing, `links`
    its foreign keys.
    """

    name: str
    columns: dict[str, list[Any]]
    declared: dict[str, str] = field(default_factory=dict)
    key: str = ""
    links: tuple[Link, ...] = ()


Names = dict[tuple[str, str], tuple[str, str]]
"""(table, column) in the file, in lower case -> in the cleaned database. A column "" stands for its table."""


def clean_tables(raws: Sequence[RawTable]) -> tuple[Contents, Names]:
    """The tables that are left with at least two rows and one column, and what became of the names."""
    cleaned = [(raw, clean_columns(raw)) for raw in raws]
    kept = [(raw, columns) for raw, columns in cleaned if columns and len(next(iter(columns.values()))) >= 2]
    tables: Contents = {}
    names: Names = {}
    for name, (raw, columns) in zip(unique_names(raw.name for raw, _ in kept), kept, strict=True):
        safe = unique_names(columns)
        names.setdefault((raw.name.lower(), ""), (name, ""))
        for column, new in zip(columns, safe, strict=True):
            names.setdefault((raw.name.lower(), column.lower()), (name, new))
        length = len(next(iter(columns.values())))
        tables[name] = Table.trusted(dict(zip(safe, columns.values(), strict=True)), length)
    return tables, names


# Columns and rows


def clean_columns(raw: RawTable) -> dict[str, list[Value]]:
    """The columns that can be used, without the rows that have a null in one of them."""
    columns: dict[str, list[Value | None]] = {}
    for name, values in raw.columns.items():
        column = _whole_key(name, clean_column(values, raw.declared.get(name, "")))
        if column is not None and column.count(None) <= MAX_NULLS * len(column):
            columns[name] = column
    while True:
        keep = _full_rows(list(columns.values()))
        gaps = {name: values.count(None) for name, values in columns.items()}
        worst = max(gaps, key=lambda name: gaps[name], default="")
        if not worst or len(keep) >= MIN_KEPT * len(columns[worst]):
            break
        del columns[worst]
    # A row without nulls holds values only.
    return {name: [values[row] for row in keep] for name, values in columns.items()}  # type: ignore[misc]


def _full_rows(columns: list[list[Value | None]]) -> list[int]:
    return [row for row, values in enumerate(zip(*columns, strict=True)) if None not in values]


def clean_column(values: list[Any], declared: str) -> list[Value | None] | None:
    """Values of one type, None for nulls; None instead of a column that cannot be used."""
    column = list(map(clean_value, values))
    kinds = set(map(type, column))
    if bytes in kinds or not kinds & {int, float, str}:
        return None
    if str in kinds and _NUMERIC.search(declared):
        column = _as_numbers(column)
        kinds = set(map(type, column))
    if str in kinds:
        column = [value if value is None or isinstance(value, str) else repr(value) for value in column]
        return None if any(value is not None and len(value) > MAX_TEXT for value in column) else column
    if float in kinds:
        column = [None if value is None else float(value) for value in column]
    return column


def _whole_key(name: str, column: list[Value | None] | None) -> list[Value | None] | None:
    """Ids that are stored as 7.0 become 7; other numbers keep their form."""
    numbers = [value for value in column or () if isinstance(value, float) and value.is_integer()]
    gaps = column.count(None) if column else 0
    if not column or not _KEY_NAME.fullmatch(name.lower()) or len(numbers) + gaps < len(column):
        return column
    return [None if value is None else int(value) for value in column]


def clean_value(value: Any) -> Any:
    """A value with its odd forms removed: what is empty or not finite is None, texts have single spaces."""
    if isinstance(value, str):
        is_clean = value.isprintable() and value == value.strip() and value not in NULLS
        return value if is_clean and value else _clean_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _clean_text(text: str) -> str | None:
    shown = "".join(c if c.isprintable() else " " for c in text)
    text = " ".join(shown.split())
    return None if text in NULLS else text or None


def _as_numbers(column: list[Any]) -> list[Any]:
    """The column with its texts as numbers if they read so; a few that do not are nulls, more are kept."""
    texts = [value for value in column if isinstance(value, str)]
    if all(map(_INTEGER.fullmatch, texts)):
        return [int(value) if isinstance(value, str) else value for value in column]
    if sum(not _FLOAT.fullmatch(text) for text in texts) > MAX_ODD * len(column):
        return column
    return [_number(value) if isinstance(value, str) else value for value in column]


def _number(text: str) -> float | None:
    return float(text) if _FLOAT.fullmatch(text) else None


# Keys


def align_types(links: Iterable[Link], tables: Contents, names: Names) -> None:
    """Make texts of digits numbers, in place, where a foreign key joins them to a column of numbers."""
    for table, column, target, target_column in links:
        here = names.get((table.lower(), column.lower()), ("", ""))
        there = names.get((target.lower(), target_column.lower()), ("", ""))
        for (name, end), (other, other_end) in ((here, there), (there, here)):
            if not end or not other_end or isinstance(tables[other].columns[other_end][0], str):
                continue
            texts = tables[name].columns[end]
            if all(isinstance(text, str) and _INTEGER.fullmatch(text) for text in texts):
                numbers: list[Value] = [int(text) for text in texts]
                tables[name] = Table.trusted({**tables[name].columns, end: numbers}, len(numbers))


def find_keys(raws: Iterable[RawTable], tables: Contents, names: Names) -> dict[str, str]:
    """Table -> the column that its rows are identified by: declared, else one that is named like a key."""
    declared: dict[str, str] = {}
    for raw in raws:
        table, column = names.get((raw.name.lower(), raw.key.lower()), ("", ""))
        if column:
            declared.setdefault(table, column)
    found = {name: _key_of(name, table, declared.get(name, "")) for name, table in tables.items()}
    return {name: key for name, key in found.items() if key}


def _key_of(name: str, table: Table, declared: str) -> str:
    if declared and is_unique(table.columns[declared]):
        return declared
    candidates = [column for column in table.columns if _KEY_NAME.fullmatch(column)]
    forms = [f"{form}_id" for form in _forms(name)]
    candidates.sort(key=lambda column: (column != "id", column not in forms, not column.endswith("id")))
    return next((c for c in candidates if table.types[c] and is_unique(table.columns[c], whole=True)), "")


def is_unique(values: list[Value], whole: bool = False) -> bool:
    """Whether no value occurs twice; with `whole`, columns of fractions are said not to be unique."""
    if whole and any(isinstance(value, float) for value in values[:1]):
        return False
    return len(set(values)) == len(values)


def _forms(table: str) -> list[str]:
    """What columns may call a table: `customers` and `shop_customers` are `customer` too."""
    singular = re.sub(r"ies$", "y", table) if table.endswith("ies") else re.sub(r"s$", "", table)
    last = singular.rsplit("_", 1)[-1]
    return list(dict.fromkeys([table, singular, last, re.sub(r"e$", "", singular)]))


# Foreign keys


def find_foreign_keys(
    links: Iterable[Link], tables: Contents, names: Names, keys: dict[str, str]
) -> tuple[ForeignKey, ...]:
    """Those that are declared and hit, then those that names and values suggest; one for a column.

    The target is always a column of unique values. A declared key that points the wrong way round is turned.
    """
    found: dict[tuple[str, str], ForeignKey] = {}
    for link in links:
        candidate = _translated(link, tables, names, keys)
        if candidate and _hits(candidate, tables):
            _add(found, candidate)
    for candidate in _inferred(tables, keys, found):
        _add(found, candidate)
    order = {(name, column): None for name, table in tables.items() for column in table.columns}
    return tuple(found[place] for place in order if place in found)


def _add(found: dict[tuple[str, str], ForeignKey], new: ForeignKey) -> None:
    """Keep a key unless its column has one, or its target would refer back to it in the end."""
    place, target = (new.table, new.column), (new.target, new.target_column)
    if place in found:
        return
    while target in found and target != place:
        target = (found[target].target, found[target].target_column)
    if target != place:
        found[place] = new


def _translated(link: Link, tables: Contents, names: Names, keys: dict[str, str]) -> ForeignKey | None:
    """A declared key in cleaned names; None without its columns, within one table, or with no unique side."""
    table, column, target, target_column = (part.lower() for part in link)
    name, found = names.get((table, column), ("", ""))
    other, _ = names.get((target, ""), ("", ""))
    end = names.get((target, target_column), ("", ""))[1] or ("" if target_column else keys.get(other, ""))
    if not found or not end or name == other:
        return None
    if is_unique(tables[other].columns[end]):
        return ForeignKey(name, found, other, end)
    turned = ForeignKey(other, end, name, found)
    return turned if is_unique(tables[name].columns[found]) and _hits(turned, tables, all) else None


def _hits(key: ForeignKey, tables: Contents, how_many: Callable[[Iterable[bool]], bool] = any) -> bool:
    values = set(tables[key.target].columns[key.target_column])
    return how_many(value in values for value in tables[key.table].columns[key.column])


def _inferred(
    tables: Contents, keys: dict[str, str], found: dict[tuple[str, str], ForeignKey]
) -> Iterator[ForeignKey]:
    """Columns named after the key of another table all of whose values occur there."""
    ends = {name: set(tables[name].columns[key]) for name, key in keys.items()}
    for name, table in tables.items():
        for column, values in table.columns.items():
            if (name, column) in found:
                continue
            distinct = set(values)
            for target, key in keys.items():
                fits = target != name and _is_named_after(column, target, key)
                if fits and len(distinct) >= MIN_INFERRED and distinct <= ends[target]:
                    yield ForeignKey(name, column, target, key)
                    break


def _is_named_after(column: str, target: str, key: str) -> bool:
    """`customer_id` is named after `customers.id` and `customers.customer_id`; `id` after nothing."""
    forms = _forms(target)
    if column in _GENERIC:
        return False
    if key in _GENERIC:
        wanted = [name for form in forms for name in (form, f"{form}_{key}", f"{form}{key}")]
    else:
        wanted = [key] if key.startswith(tuple(forms)) else []
    return any(column == name or column.endswith(f"_{name}") for name in wanted)
