"""Databases from SQLite files: what is found, what is cleaned, what is refused and why."""

import json
import os
import pickle
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import pytest

from dataset_builder.databases import DatabaseFile, Unusable, discover, read_database
from dataset_builder.model import Database, ForeignKey
from dsl_debug.files import safe_name
from dsl_debug.lang import Table

SHOPS = "CREATE TABLE shops (id INTEGER PRIMARY KEY, city TEXT);"
SHOP_ROWS = [("shops", (n, f"city {n}")) for n in range(1, 9)]


def make(path: Path, script: str, rows: Iterable[tuple[str, tuple[object, ...]]] = ()) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
        for table, row in rows:
            connection.execute(f'INSERT INTO "{table}" VALUES ({",".join("?" * len(row))})', row)
        connection.commit()
    return path


def read(path: Path) -> Database:
    return read_database(discover(path)[0], "own")


def column(path: Path, declared: str, values: list[object]) -> list[object] | None:
    """What becomes of a column of these values beside one that is sound; None if it is dropped."""
    script = f"CREATE TABLE t (sound INTEGER, odd {declared});"
    database = read(make(path, script, [("t", (n, value)) for n, value in enumerate(values)]))
    return list(database.tables["t"].columns.get("odd", ())) or None


# Finding


@pytest.mark.parametrize("layout", ["a.sqlite", "a/a.sqlite", "database/a/a.sqlite", "a.sqlite3", "a.db"])
def test_files_are_found_in_every_layout(tmp_path: Path, layout: str) -> None:
    make(tmp_path / layout, SHOPS, SHOP_ROWS)
    assert [file.id for file in discover(tmp_path)] == ["a"]


def test_the_database_folder_itself_finds_tables_json_beside_it(tmp_path: Path) -> None:
    make(tmp_path / "database/a/a.sqlite", SHOPS, SHOP_ROWS)
    entry = {"db_id": "a", "table_names_original": ["shops"], "primary_keys": [1], "foreign_keys": []}
    entry["column_names_original"] = [[-1, "*"], [0, "id"]]
    (tmp_path / "tables.json").write_text(json.dumps([entry, {"db_id": "odd"}, 7]))
    assert discover(tmp_path / "database") == discover(tmp_path)
    assert discover(tmp_path)[0].keys == (("shops", "id"),)


@pytest.mark.parametrize("text", ["{", "[1, null]", '{"a": 1}', "\udcff", "[" * 100_000])
def test_an_odd_tables_json_is_left_aside(tmp_path: Path, text: str) -> None:
    make(tmp_path / "a.sqlite", SHOPS, SHOP_ROWS)
    (tmp_path / "tables.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert discover(tmp_path)[0].keys == ()


def test_ids_are_sorted_safe_and_unique(tmp_path: Path) -> None:
    for name in ("b.sqlite", "My Shop.db", "b.db", ".hidden.db"):
        make(tmp_path / name, SHOPS)
    (tmp_path / "folder.db").mkdir()
    os.mkfifo(tmp_path / "pipe.db")
    assert [file.id for file in discover(tmp_path)] == ["b", "b_2", "my_shop"]


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no folder"):
        discover(tmp_path / "none")


# Refusing


def _encrypted(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 16)


def _corrupt(path: Path) -> None:
    make(path, SHOPS, [("shops", (n, "x" * 150)) for n in range(200)])
    data = bytearray(path.read_bytes())
    data[2048:] = b"\xff" * (len(data) - 2048)
    path.write_bytes(data)


def _cut(path: Path) -> None:
    make(path, SHOPS, [("shops", (n, "x" * 150)) for n in range(200)])
    path.write_bytes(path.read_bytes()[:4096])


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(501 * 2**20)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.touch(), "empty file"),
    "text": (lambda path: path.write_text("id,city\n"), "not an SQLite database"),
    "encrypted": (_encrypted, "not an SQLite database, or an encrypted one"),
    "corrupt": (_corrupt, "corrupt"),
    "cut short": (_cut, "corrupt"),
    "huge": (_huge, "larger than 500 MB"),
    "only a header": (lambda path: path.write_bytes(b"SQLite format 3\0"), "corrupt|no tables"),
    "no tables": (lambda path: make(path, "CREATE VIEW v AS SELECT 1"), "no tables"),
    "no rows": (lambda path: make(path, SHOPS), "all tables are empty"),
    "few rows": (lambda path: make(path, SHOPS, SHOP_ROWS[:5]), "no table with 6 rows"),
    "one column": (
        lambda path: make(path, "CREATE TABLE t (a)", [("t", (n,)) for n in range(9)]),
        "and 2 columns",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_used_says_why(tmp_path: Path, what: str) -> None:
    path = tmp_path / "a.sqlite"
    spoil, reason = REFUSED[what]
    spoil(path)
    with pytest.raises(Unusable, match=reason):
        read_database(DatabaseFile("a", path), "own")


def test_reasons_can_be_counted_and_leave_a_process(tmp_path: Path) -> None:
    _cut(tmp_path / "a.sqlite")
    with pytest.raises(Unusable) as raised:
        read(tmp_path)
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (copy.reason, str(copy)) == ("corrupt", str(raised.value))
    assert str(copy).startswith("corrupt: ")


def test_a_missing_file_is_refused_and_not_created(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no such file"):
        read_database(DatabaseFile("a", tmp_path / "a.sqlite"), "own")
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_beside_a_database_in_wal_mode(tmp_path: Path) -> None:
    path = make(tmp_path / "a #1?.sqlite", "PRAGMA journal_mode = WAL;" + SHOPS, SHOP_ROWS)
    before = path.read_bytes()
    assert read(path).tables["shops"].length == 8
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == before


# Cleaning

DATES = [f"2024-01-0{n}" for n in range(1, 8)]
COLUMNS: dict[str, tuple[str, list[object], list[object] | None]] = {
    "digits in a number column": ("INT", ["1", 2, " 3 ", 4, 5, 6, 7], [1, 2, 3, 4, 5, 6, 7]),
    "fractions make floats": ("NUMERIC", [1, 2.5, 3, 4, 5, 6, 7], [1.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0]),
    "digits in a text column": (
        "TEXT",
        ["1", "2", "3", "4", "5", "6", "7"],
        ["1", "2", "3", "4", "5", "6", "7"],
    ),
    "numbers and texts": ("", [1, 2.5, "x", "y", "z", "u", "v"], ["1", "2.5", "x", "y", "z", "u", "v"]),
    "dates stay texts": ("DATE", [*DATES], [*DATES]),
    "booleans stay texts": ("BOOL", ["T", "F"] * 4, ["T", "F"] * 4),
    "blobs go": ("BLOB", [b"x", "a", "b", "c", "d", "e", "f"], None),
    "long texts go": ("TEXT", ["x" * 201, "a", "b", "c", "d", "e", "f"], None),
    "many nulls go": ("TEXT", [None, "", " ", "a", "b", "c", "d"], None),
    "only nulls go": ("TEXT", [None] * 7, None),
    "spaces are single": ("TEXT", [" a\n b\t", *"bcdefg"], ["a b", *"bcdefg"]),
    "zeros of a code stay": ("TEXT", ["007", *"bcdefg"], ["007", *"bcdefg"]),
}


@pytest.mark.parametrize("what", COLUMNS)
def test_columns_are_cleaned(tmp_path: Path, what: str) -> None:
    declared, values, expected = COLUMNS[what]
    # Two plain columns of their own keep the database usable where the odd one goes.
    script = f"CREATE TABLE t (a INTEGER, b TEXT, odd {declared});"
    rows = [("t", (n, "x", value)) for n, value in enumerate(values)]
    table = read(make(tmp_path / "a.db", script, rows)).tables["t"]
    found = table.columns.get("odd")
    assert found == expected
    assert list(map(type, found or ())) == list(map(type, expected or ()))


@pytest.mark.parametrize("gap", [None, "", "  ", float("inf"), float("-inf")])
def test_a_few_nulls_take_their_rows_with_them(tmp_path: Path, gap: object) -> None:
    values: list[object] = [float(n) for n in range(9)]
    assert column(tmp_path / "a.db", "REAL", [*values, gap]) == values


def test_texts_that_are_not_utf8_are_mended(tmp_path: Path) -> None:
    path = make(tmp_path / "a.db", SHOPS, SHOP_ROWS)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE shops SET city = CAST(x'4dfc6c' AS TEXT) WHERE id = 1")
        connection.commit()
    assert read(path).tables["shops"].columns["city"][0] == "M\ufffdl"


def test_names_are_safe_and_tables_that_are_none_are_skipped(tmp_path: Path) -> None:
    script = """
        CREATE TABLE "and" ("not" INTEGER, "Total Price; DROP" TEXT, "a""b" TEXT, "2nd" TEXT);
        CREATE TABLE "x"";--" (a INTEGER, b INTEGER);
        CREATE TABLE "select" (a INTEGER GENERATED ALWAYS AS (b + 1) STORED, b INTEGER, c INTEGER);
        CREATE VIEW v AS SELECT * FROM "and";
        CREATE VIRTUAL TABLE words USING fts5(body);
        CREATE TABLE single (a INTEGER);
    """
    rows: list[tuple[str, tuple[object, ...]]] = [("and", (n, "a", "b", "c")) for n in range(9)]
    path = make(tmp_path / "a.db", script, [*rows, ("single", (1,))])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute('INSERT INTO "x"";--" VALUES (1, 2), (3, 4)')
        connection.execute("INSERT INTO words VALUES ('a'), ('b')")
        connection.commit()
    tables = read(path).tables
    assert list(tables) == ["and_", "x"]
    assert tables["and_"].names == ("not_", "total_price_drop", "a_b", "_2nd")


def test_long_tables_are_cut_in_the_order_of_their_rows(tmp_path: Path) -> None:
    script = "CREATE TABLE t (id INTEGER PRIMARY KEY, x INTEGER); CREATE INDEX i ON t (x, id);"
    script += "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20050)"
    script += "INSERT INTO t SELECT i, -i FROM n;"
    table = read(make(tmp_path / "a.db", script)).tables["t"]
    assert table.length == 20_000
    assert table.columns["id"][:3] == [1, 2, 3]


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataset_builder.databases.MAX_CELLS", 20)
    script = SHOPS + "CREATE TABLE sales (a INTEGER, b INTEGER);"
    rows = [*SHOP_ROWS, *[("sales", (n, n)) for n in range(8)]]
    assert [table.length for table in read(make(tmp_path / "a.db", script, rows)).tables.values()] == [8, 2]


# Keys


def test_declared_keys_and_foreign_keys(tmp_path: Path) -> None:
    script = SHOPS + "CREATE TABLE sales (shop INTEGER REFERENCES shops, other INTEGER REFERENCES shops(id));"
    rows = [("sales", (n % 8 + 1, 900 + n)) for n in range(20)]
    database = read(make(tmp_path / "a.db", script, [*SHOP_ROWS, *rows]))
    assert database.keys == {"shops": "id"}
    # The column `other` never hits.
    assert database.foreign_keys == (ForeignKey("sales", "shop", "shops", "id"),)


def test_dangling_rows_are_kept(tmp_path: Path) -> None:
    script = SHOPS + "CREATE TABLE sales (n INTEGER, shop INTEGER REFERENCES shops(id));"
    rows = [("sales", (n, n)) for n in range(20)]
    database = read(make(tmp_path / "a.db", script, [*SHOP_ROWS, *rows]))
    assert database.tables["sales"].length == 20
    assert len(database.foreign_keys) == 1


def test_keys_are_inferred_from_names_and_values(tmp_path: Path) -> None:
    script = "CREATE TABLE shops (id INTEGER, city TEXT);"
    script += (
        "CREATE TABLE sales (shop_id INTEGER, best_shop_id INTEGER, amount INTEGER, far_shop_id INTEGER);"
    )
    rows = [("sales", (n % 8 + 1, n % 3 + 1, n % 8 + 1, n)) for n in range(20)]
    database = read(make(tmp_path / "a.db", script, [*SHOP_ROWS, *rows]))
    assert database.keys["shops"] == "id"
    assert [(key.column, key.target) for key in database.foreign_keys] == [
        ("shop_id", "shops"),
        ("best_shop_id", "shops"),
    ]


def test_a_text_of_digits_meets_the_number_that_it_refers_to(tmp_path: Path) -> None:
    script = SHOPS + "CREATE TABLE sales (n REAL, shop TEXT REFERENCES shops(id));"
    rows = [("sales", (n, str(n % 8 + 1))) for n in range(20)]
    database = read(make(tmp_path / "a.db", script, [*SHOP_ROWS, *rows]))
    assert len(database.foreign_keys) == 1
    assert database.tables["sales"].types["shop"] == "number"


def test_keys_of_tables_json(tmp_path: Path) -> None:
    script = "CREATE TABLE Shops (Code TEXT, City TEXT); CREATE TABLE Sales (Place TEXT, Amount INTEGER);"
    rows: list[tuple[str, tuple[object, ...]]] = [("Shops", (f"S{n}", f"city {n % 3}")) for n in range(8)]
    rows += [("Sales", (f"S{n % 5}", n)) for n in range(20)]
    make(tmp_path / "database/a/a.sqlite", script, rows)
    entry = {
        "db_id": "a",
        "table_names_original": ["shops", "sales"],
        "column_names_original": [[-1, "*"], [0, "code"], [0, "city"], [1, "place"], [1, "amount"]],
        "primary_keys": [1],
        "foreign_keys": [[3, 1]],
    }
    (tmp_path / "tables.json").write_text(json.dumps([entry]))
    database = read(tmp_path)
    assert database.keys["shops"] == "code"
    assert database.foreign_keys == (ForeignKey("sales", "place", "shops", "code"),)


def test_foreign_keys_form_no_circle(tmp_path: Path) -> None:
    script = "CREATE TABLE a (id INTEGER PRIMARY KEY REFERENCES b(id), x INTEGER);"
    script += "CREATE TABLE b (id INTEGER PRIMARY KEY REFERENCES a(id), x INTEGER);"
    database = read(make(tmp_path / "a.db", script, [(t, (n, n)) for n in range(9) for t in "ab"]))
    assert len(database.foreign_keys) == 1


# Spider


def test_spider_is_read_with_keys_that_hit(spider_dir: Path) -> None:
    files = discover(spider_dir)
    assert len(files) == 130
    reasons: list[str] = []
    for file in files[::4]:
        try:
            check_database(read_database(file, "spider"))
        except Unusable as error:
            reasons.append(error.reason)
    assert len(reasons) <= 5
    assert all("empty" in reason or "no table" in reason for reason in reasons)


def check_database(database: Database) -> None:
    for name, table in database.tables.items():
        assert safe_name(name) == name
        assert [safe_name(column) for column in table.names] == list(table.names)
        assert set(Table(table.columns).types.values()) <= {"number", "text"}
        if name in database.keys:
            assert len(set(table.columns[database.keys[name]])) == table.length
    for key in database.foreign_keys:
        targets = database.tables[key.target].columns[key.target_column]
        assert len(set(targets)) == len(targets)
        assert set(database.tables[key.table].columns[key.column]) & set(targets)
