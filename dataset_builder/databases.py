"""Databases from folders of SQLite files, Spider's layout included: found, read, cleaned.

`discover` looks at names only; `read_database` opens one file, read-only, and never writes beside it. What
cannot be used raises `Unusable` with the reason: a build counts the reasons and goes on.
"""

import json
import logging
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.cleaning import (
    MAX_TEXT,
    Link,
    RawTable,
    align_types,
    clean_tables,
    find_foreign_keys,
    find_keys,
)
from dataset_builder.model import Database
from dsl_debug.files import SQLITE_HEADER, unique_names

SUFFIXES = (".sqlite", ".sqlite3", ".db")
MAX_BYTES = 500 * 2**20
MAX_READ = 20_000
"""Rows of a table that are read, the first by rowid."""
MAX_CELLS = 4_000_000
"""Values that are read of one database, its first tables first: what bounds the memory that it takes."""
MAX_TABLES, MAX_COLUMNS, MAX_NAME = 60, 60, 80
MIN_ROWS, MIN_COLUMNS = 6, 2
"""What at least one table of a usable database has."""

_VIRTUAL = re.compile(r"\s*CREATE\s+VIRTUAL\b", re.IGNORECASE)
_log = logging.getLogger(__name__)


class Unusable(Exception):
    """A database that nothing can be built from.

    `reason` is one of a few, for reports to count; the message may say more.
    """

    def __init__(self, reason: str, detail: object = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason

    def __reduce__(self) -> tuple[type[Exception], tuple[str], dict[str, object]]:
        return type(self), (self.reason,), {"args": self.args}


@dataclass(frozen=True, slots=True)
class DatabaseFile:
    """A file that may be a database, and what a `tables.json` beside it declares, in the file's own names.

    `keys` holds (table, column), `links` a column and the one that it refers to.
    """

    id: str
    path: Path
    keys: tuple[tuple[str, str], ...] = ()
    links: tuple[Link, ...] = ()


# Finding files


def discover(folder: Path) -> list[DatabaseFile]:
    """The SQLite files of a folder, sorted by id; nothing is opened but `tables.json`.

    They lie flat in the folder, or as `<id>/<id>.sqlite` in it or in its `database/`. The path of one file
    will do as well. Raises Unusable if there is no such folder.
    """
    if folder.is_file():
        return [DatabaseFile(unique_names([folder.stem])[0], folder)]
    if not folder.is_dir():
        raise Unusable("no folder", repr(str(folder)))
    nested = folder / "database"
    base = nested if nested.is_dir() else folder
    try:
        paths = list(_files(base)) + (list(_flat(folder)) if base != folder else [])
    except OSError as error:
        raise Unusable("cannot be read", error.strerror or error) from None
    declared = _declared(folder / "tables.json") or _declared(base.parent / "tables.json")
    names = unique_names(path.stem for path in paths)
    found = (
        DatabaseFile(name, path, *declared.get(path.stem, ((), ())))
        for name, path in zip(names, paths, strict=True)
    )
    return sorted(found, key=lambda file: file.id)


def _files(folder: Path) -> Iterator[Path]:
    """The files directly in a folder, then those of its subfolders."""
    yield from _flat(folder)
    for place in sorted(folder.iterdir()):
        if place.is_dir() and not place.name.startswith("."):
            inside = list(_flat(place))
            yield from [path for path in inside if path.stem == place.name] or inside


def _flat(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file():
            yield path


_Declared = tuple[tuple[tuple[str, str], ...], tuple[Link, ...]]


def _declared(file: Path) -> dict[str, _Declared]:
    """Keys and links of every database that a `tables.json` describes; entries that are odd are left out."""
    if not file.is_file():
        return {}
    try:
        entries = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        _log.warning("%s is left aside: %s", file, error)
        return {}
    made = {}
    for entry in entries if isinstance(entries, list) else []:
        try:
            made[str(entry["db_id"])] = _declared_in(entry)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            _log.warning("%s: an odd entry is left aside: %r", file, error)
    return made


def _declared_in(entry: dict[str, Any]) -> _Declared:
    tables = [str(name) for name in entry["table_names_original"]]
    columns = [
        (tables[table] if table >= 0 else "", str(name)) for table, name in entry["column_names_original"]
    ]
    keys = tuple(columns[place] for place in entry.get("primary_keys", ()) if isinstance(place, int))
    links = tuple((*columns[child], *columns[parent]) for child, parent in entry.get("foreign_keys", ()))
    return keys, links


# Reading one


def read_database(file: DatabaseFile, source: str) -> Database:
    """The cleaned database of a file. `source` is kept in it. Raises Unusable."""
    _check_file(file.path)
    with _connection(file.path) as connection:
        raws = list(_raw_tables(connection))
    raws = [_with_key(raw, file.keys) for raw in raws if raw.columns]
    tables, names = clean_tables(raws)
    if not any(table.length >= MIN_ROWS and len(table.columns) >= MIN_COLUMNS for table in tables.values()):
        raise Unusable(_why_none(raws))
    links = [_with_target(link, raws) for raw in raws for link in raw.links] + list(file.links)
    align_types(links, tables, names)
    keys = find_keys(raws, tables, names)
    return Database(
        id=file.id,
        source=source,
        tables=tables,
        keys=keys,
        foreign_keys=find_foreign_keys(links, tables, names, keys),
        title=re.sub(r"[\W_]+", " ", file.id).strip(),
    )


def _why_none(raws: list[RawTable]) -> str:
    if not raws:
        return "no tables"
    filled = any(values for raw in raws for values in raw.columns.values())
    return f"no table with {MIN_ROWS} rows and {MIN_COLUMNS} columns" if filled else "all tables are empty"


def _check_file(path: Path) -> None:
    try:
        if not path.is_file():
            raise Unusable("no such file")
        size = path.stat().st_size
        with path.open("rb") as opened:
            header = opened.read(len(SQLITE_HEADER))
    except OSError as error:
        raise Unusable("cannot be read", error.strerror or error) from None
    if not size:
        raise Unusable("empty file")
    if size > MAX_BYTES:
        raise Unusable(f"larger than {MAX_BYTES // 2**20} MB")
    if header != SQLITE_HEADER:
        raise Unusable("not an SQLite database, or an encrypted one")


@contextmanager
def _connection(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that takes the file as it is: no locks, no journal, nothing written beside it."""
    try:
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            connection.execute("PRAGMA trusted_schema = OFF")
            yield connection
    except (sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeError) as error:
        raise Unusable("corrupt", error) from None


def _table_names(connection: sqlite3.Connection) -> list[str]:
    """Ordinary tables; no views, virtual tables, and none that belong to one or to SQLite itself."""
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY rowid"
    found = connection.execute(query).fetchall()
    virtual = [name.lower() for name, sql in found if _VIRTUAL.match(sql or "")]
    shadows = tuple(f"{name}_" for name in virtual)
    usual = [
        name for name, _ in found if name.lower() not in virtual and not name.lower().startswith(shadows)
    ]
    return [name for name in usual if not name.lower().startswith("sqlite_") and _is_sane(name)][:MAX_TABLES]


def _is_sane(name: str) -> bool:
    return 0 < len(name) <= MAX_NAME and "\0" not in name and "\N{REPLACEMENT CHARACTER}" not in name


def _raw_tables(connection: sqlite3.Connection) -> Iterator[RawTable]:
    left = MAX_CELLS
    for name in _table_names(connection):
        raw = _raw_table(connection, name, left)
        left -= sum(map(len, raw.columns.values()))
        yield raw


def _raw_table(connection: sqlite3.Connection, name: str, most: int) -> RawTable:
    """The first rows of a table, at most `most` values; blobs come empty, texts cut past the longest kept."""
    table = _quoted(name)
    info = connection.execute(f"PRAGMA table_info({table})").fetchall()
    infos = [row for row in info if _is_sane(row[1])][:MAX_COLUMNS]
    columns = [row[1] for row in infos]
    if not columns:
        return RawTable(name, {})
    cells = ", ".join(map(_cell, columns))
    # An index could hand the rows over in another order.
    query = f"SELECT {cells} FROM {table} NOT INDEXED LIMIT {min(MAX_READ, most // len(columns))}"
    rows = connection.execute(query).fetchall()
    primary = [row[1] for row in info if row[5]]
    return RawTable(
        name=name,
        columns={column: [row[place] for row in rows] for place, column in enumerate(columns)},
        declared={row[1]: str(row[2]) for row in infos},
        key=primary[0] if len(primary) == 1 and primary[0] in columns else "",
        links=tuple(_links(connection, name)),
    )


def _cell(column: str) -> str:
    cell = _quoted(column)
    short = f"substr({cell}, 1, {MAX_TEXT + 1})"
    return f"CASE typeof({cell}) WHEN 'blob' THEN x'' WHEN 'text' THEN {short} ELSE {cell} END"


def _links(connection: sqlite3.Connection, name: str) -> Iterable[Link]:
    """Declared foreign keys; an empty target column stands for the key of the target."""
    rows = connection.execute(f"PRAGMA foreign_key_list({_quoted(name)})").fetchall()
    for _, _, target, column, target_column, *_ in sorted(rows, key=lambda row: (row[0], row[1])):
        yield name, column or "", target or "", target_column or ""


def _with_key(raw: RawTable, keys: tuple[tuple[str, str], ...]) -> RawTable:
    """The table with the key that `tables.json` declares, where the file declares none."""
    if raw.key:
        return raw
    named = [column for table, column in keys if table.lower() == raw.name.lower()]
    key = next((column for column in raw.columns if [column.lower()] == [n.lower() for n in named]), "")
    return RawTable(raw.name, raw.columns, raw.declared, key, raw.links)


def _with_target(link: Link, raws: list[RawTable]) -> Link:
    """The link with the column that it refers to: where none is declared, the key of the other table."""
    table, column, target, target_column = link
    key = next((raw.key for raw in raws if raw.name.lower() == target.lower()), "")
    return table, column, target, target_column or key


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
