"""Tables from files: CSV, JSON, JSON lines and SQLite, or a folder of such files.

A CSV or JSON-lines file holds one table, named after the file. A JSON file holds one too, as a list of row
objects or as `{"columns": [...], "rows": [[...], ...]}`; an object of such tables holds several. Names of
tables and columns become names that a program can write: see `safe_name`.
"""

import csv
import io
import json
import os
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from dsl_debug.lang import Diagnostic, DslError, Table
from dsl_debug.lang.errors import quoted

# A table that was found: its name as the file has it, and how to read it.
Found = tuple[str, Callable[[], Table]]

RESERVED = ("and", "or", "not")
SQLITE_HEADER = b"SQLite format 3\0"

# A leading zero means something (07302, a postcode) and a number would lose it. Texts of more digits than a
# float holds are left alone as well.
_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,299})", re.ASCII)
_FLOAT = re.compile(
    r"[+-]?(?:(?:0|[1-9][0-9]{0,299})(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII
)


def load_tables(path: str | os.PathLike[str], wanted: Collection[str] | None = None) -> dict[str, Table]:
    """The tables of a file, or of the files directly in a folder, under safe names.

    `wanted` names the tables whose rows are needed. The others come without columns: a table that nobody
    reads may be broken, and messages can still name it. Raises DslError, with a message of one line, for
    whatever cannot be read as tables.
    """
    if not os.fspath(path):
        raise _refused("the path of the tables is empty")
    place = Path(path)
    with _os_errors(place):
        found = _in_folder(place) if place.is_dir() else _in_file(place)
    names = unique_names(name for name, _ in found)
    return {
        name: read() if wanted is None or name in wanted else Table({})
        for name, (_, read) in zip(names, found, strict=True)
    }


def safe_name(name: str) -> str:
    """A name that programs can write, made from any text.

    Lower case; every run of characters that are no letter, digit or `_` becomes one `_`, with none left at
    the ends; a leading digit gets a `_` before it; `and`, `or`, `not` get one behind; nothing is `unnamed`.
    """
    text = unicodedata.normalize("NFC", name.strip().lower())
    if not re.fullmatch(r"\w+", text):
        text = re.sub(r"[\W_]+", "_", text).strip("_") or "unnamed"
    if re.match(r"\d", text):
        text = f"_{text}"
    return f"{text}_" if text in RESERVED else text


def unique_names(names: Iterable[str]) -> list[str]:
    """The safe names of several things; one that is taken gets a number: `total`, `total_2`, `total_3`."""
    made: dict[str, None] = {}
    for name in map(safe_name, names):
        unique, number = name, 2
        while unique in made:
            unique, number = f"{name}_{number}", number + 1
        made[unique] = None
    return list(made)


# Finding tables


def _in_folder(folder: Path) -> list[Found]:
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in READERS and not p.name.startswith("."))
    found = [table for file in files if file.is_file() for table in _in_file(file)]
    if not found:
        raise _refused(f"the folder {_shown(folder)} holds no files of tables ({_SUFFIXES})")
    return found


def _in_file(file: Path) -> list[Found]:
    if not file.exists():
        raise _refused(f"no file or folder {_shown(file)}")
    reader = READERS.get(file.suffix.lower())
    if reader is None:
        raise _refused(f"{_shown(file)} is no file of tables ({_SUFFIXES})")
    return reader(file)


def _refused(message: str) -> DslError:
    return DslError([Diagnostic("bad-table-file", message)])


def _shown(path: Path) -> str:
    """A path as messages show it: whole, on one line."""
    return "'" + "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(path)) + "'"


@contextmanager
def _os_errors(path: Path) -> Iterator[None]:
    """What the system refuses becomes a message like any other."""
    try:
        yield
    except OSError as error:
        raise _refused(f"cannot read {_shown(path)}: {(error.strerror or str(error)).lower()}") from None


@contextmanager
def _door(file: Path) -> Iterator[None]:
    """Names the file in what `Table` says about values that the language does not have."""
    try:
        yield
    except DslError as error:
        found = [replace(d, message=f"{_shown(file)}, {d.message}") for d in error.diagnostics]
        raise DslError(found) from None


def _text(file: Path) -> str:
    with _os_errors(file):
        raw = file.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(f"{_shown(file)} is not text in UTF-8 (see byte {error.start + 1})") from None
    if "\0" in text:
        raise _refused(f"{_shown(file)} is a binary file, not text")
    return text


# CSV


def _csv(file: Path) -> list[Found]:
    return [(file.stem, lambda: table_from_csv(_text(file), _shown(file)))]


def table_from_csv(text: str, where: str = "the table") -> Table:
    """A table of comma-separated lines, the first of which names the columns.

    A column whose every cell reads as a whole number is one of ints, else of floats if every cell reads as a
    number, else of texts. Raises DslError, naming `where`, line and column, for lines of different length and
    for an empty cell among numbers.
    """
    lines = _csv_lines(text, where)
    if not lines:
        raise _refused(f"{where} is empty; its first line has to name the columns")
    header = [cell.strip() for cell in lines[0][1]]
    for number, cells in lines:
        if len(cells) != len(header):
            counts = f"{_counted(len(cells), 'cell')}, but the header names {_counted(len(header), 'column')}"
            raise _refused(f"{where}, line {number} has {counts}")
    columns = {
        name: _csv_column([(number, cells[place]) for number, cells in lines[1:]], where, header[place])
        for place, name in enumerate(unique_names(header))
    }
    return Table(columns)


def _csv_lines(text: str, where: str) -> list[tuple[int, list[str]]]:
    """(the line that it begins on, its cells) of every record that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines = []
    begin = 1
    try:
        for cells in reader:
            if cells:
                lines.append((begin, cells))
            begin = reader.line_num + 1
    except csv.Error as error:
        what = "a cell that begins with a quote has no end" if "end of data" in str(error) else error
        raise _refused(f"{where}, line {begin}: {what}") from None
    return lines


def _csv_column(cells: list[tuple[int, str]], where: str, column: str) -> list[Any]:
    texts = [text for _, text in cells]
    numbers = [text.strip() for text in texts if text.strip()]
    if not numbers or not all(map(_FLOAT.fullmatch, numbers)):
        return texts
    if len(numbers) < len(texts):
        line = next(number for number, text in cells if not text.strip())
        message = f"{where}, line {line}, column {quoted(column)}: an empty cell among numbers"
        raise _refused(f"{message}; there is no null: fill it in or drop the line")
    return list(map(int if all(map(_INTEGER.fullmatch, numbers)) else float, numbers))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


# JSON


def _json(file: Path) -> list[Found]:
    value = _parsed(_text(file), file)
    tables = value if _is_several_tables(value) else {file.stem: value}
    if not tables:
        raise _refused(f"{_shown(file)} holds no tables")

    def reader(name: str, rows: Any) -> Found:
        return name, lambda: _json_table(rows, name, file)

    return [reader(name, rows) for name, rows in tables.items()]


def _is_several_tables(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() != {"columns", "rows"}


def _json_table(value: Any, name: str, file: Path) -> Table:
    columns = value.get("columns") if isinstance(value, dict) else None
    with _door(file):
        if isinstance(value, list) and all(isinstance(row, dict) for row in value):
            return _renamed(Table.from_rows(value, name))
        if isinstance(columns, list) and all(isinstance(column, str) for column in columns):
            # Two columns of one name would become one.
            return Table.from_json({**value, "columns": unique_names(columns)}, name)
        raise _refused(f"table {quoted(name)}: a table is a list of row objects, [{{...}}, ...]")


def _jsonl(file: Path) -> list[Found]:
    def read() -> Table:
        lines = [(n, line) for n, line in enumerate(_text(file).split("\n"), 1) if line.strip()]
        rows = [_parsed(line, file, number) for number, line in lines]
        for (number, _), row in zip(lines, rows, strict=True):
            if not isinstance(row, dict):
                raise _refused(f"{_shown(file)}, line {number}: a line is one row object, {{...}}")
        return _json_table(rows, file.stem, file)

    return [(file.stem, read)]


def _parsed(text: str, file: Path, line: int = 1) -> Any:
    """The JSON value that a text which begins on `line` of a file stands for."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {line + error.lineno - 1}, column {error.colno}"
        raise _refused(f"{_shown(file)}, {place}: not JSON: {error.msg.lower()}") from None
    except (ValueError, RecursionError):
        message = "a number is too long, or brackets are nested too deep"
        raise _refused(f"{_shown(file)}, line {line}: cannot read the JSON here: {message}") from None


def _renamed(table: Table) -> Table:
    columns = dict(zip(unique_names(table.names), table.columns.values(), strict=True))
    return Table.trusted(columns, table.length)


# SQLite


def _sqlite(file: Path) -> list[Found]:
    with _os_errors(file), file.open("rb") as opened:
        header = opened.read(len(SQLITE_HEADER))
    if header != SQLITE_HEADER:
        raise _refused(f"{_shown(file)} is not an SQLite database")
    query = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid"
    with _sqlite_connection(file) as connection:
        names = [name for (name,) in connection.execute(query) if not name.lower().startswith("sqlite_")]
    if not names:
        raise _refused(f"the database {_shown(file)} has no tables")

    def reader(name: str) -> Found:
        return name, lambda: _sqlite_table(file, name)

    return [reader(name) for name in names]


@contextmanager
def _sqlite_connection(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write and never creates the file; texts that are not UTF-8 are mended."""
    uri = f"{file.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            yield connection
    except sqlite3.Error as error:
        raise _refused(f"cannot read the database {_shown(file)}: {error}") from None


def _sqlite_table(file: Path, name: str) -> Table:
    with _sqlite_connection(file) as connection:
        cursor = connection.execute('SELECT * FROM "{}"'.format(name.replace('"', '""')))
        names = [column[0] for column in cursor.description]
        rows = cursor.fetchall()
    columns = [list(values) for values in zip(*rows, strict=True)] or [[] for _ in names]
    for column, values in zip(names, columns, strict=True):
        row = next((n for n, value in enumerate(values, 1) if isinstance(value, bytes)), None)
        if row:
            place = f"{_shown(file)}, table {quoted(name)}, row {row}, column {quoted(column)}"
            raise _refused(f"{place}: a blob is no value of the language; leave the column out")
    with _door(file):
        return Table(dict(zip(unique_names(names), columns, strict=True)), name)


READERS: dict[str, Callable[[Path], list[Found]]] = {
    ".csv": _csv,
    ".json": _json,
    ".jsonl": _jsonl,
    ".sqlite": _sqlite,
    ".sqlite3": _sqlite,
    ".db": _sqlite,
}
_SUFFIXES = ", ".join(READERS)
