"""Tables from files: what every format gives, and the one line that is said about what cannot be read."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from dsl_debug.files import load_tables, safe_name, table_from_csv, unique_names
from dsl_debug.lang import DslError, run

Columns = dict[str, list[Any]]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def database(file: Path, *statements: str) -> Path:
    connection = sqlite3.connect(file)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return file


def columns(place: Path, wanted: Iterable[str] | None = None) -> dict[str, Columns]:
    tables = load_tables(place, None if wanted is None else set(wanted))
    return {name: table.columns for name, table in tables.items()}


def complaint(place: Path, wanted: Iterable[str] | None = None) -> str:
    """What is said about a file, with the folder cut out of its path."""
    with pytest.raises(DslError) as caught:
        columns(place, wanted)
    text = str(caught.value)
    assert "\n" not in text
    return text.replace(f"{place.parent}/", "")


# What is read

READ: list[tuple[str, str | bytes, dict[str, Columns]]] = [
    (
        "t.csv",
        "Id,Name,Price\n1,x,2\n2,y,3.5\n",
        {"t": {"id": [1, 2], "name": ["x", "y"], "price": [2.0, 3.5]}},
    ),
    ("t.csv", "a,b\r\n1,2\r\n3,4", {"t": {"a": [1, 3], "b": [2, 4]}}),
    ("t.csv", '\ufeffa,b\n1,"two\nlines, ""quoted"""\n', {"t": {"a": [1], "b": ['two\nlines, "quoted"']}}),
    ("t.csv", "a\n1\n\n2\n\n", {"t": {"a": [1, 2]}}),
    ("t.csv", "a,b\n", {"t": {"a": [], "b": []}}),
    ("t.csv", "n\n -1\n+2 \n0\n", {"t": {"n": [-1, 2, 0]}}),
    ("t.csv", "n\n1e3\n.5\n-2.\n", {"t": {"n": [1000.0, 0.5, -2.0]}}),
    ("t.csv", "zip\n07302\n10001\n", {"t": {"zip": ["07302", "10001"]}}),
    ("t.csv", "v\nnan\n1\n", {"t": {"v": ["nan", "1"]}}),
    ("t.csv", "v\n1_000\n1\n", {"t": {"v": ["1_000", "1"]}}),
    ("t.csv", "a,note\n1,\n2,x\n", {"t": {"a": [1, 2], "note": ["", "x"]}}),
    ("t.csv", "a,b\n1,\n2,\n", {"t": {"a": [1, 2], "b": ["", ""]}}),
    ("t.csv", "a,b\n1,x\u2028y\n", {"t": {"a": [1], "b": ["x\u2028y"]}}),
    ("My Sales.CSV", "Order Id,and,2x\n1,2,3\n", {"my_sales": {"order_id": [1], "and_": [2], "_2x": [3]}}),
    ("t.json", '[{"a": 1, "B b": "x"}, {"B b": "y", "a": 2.5}]', {"t": {"a": [1, 2.5], "b_b": ["x", "y"]}}),
    ("t.json", "[]", {"t": {}}),
    ("t.json", '{"columns": ["A", "a"], "rows": [[1, 2], [3, 4]]}', {"t": {"a": [1, 3], "a_2": [2, 4]}}),
    (
        "t.json",
        '{"Sales 1": [{"a": 1}], "empty": {"columns": ["q"], "rows": []}}',
        {"sales_1": {"a": [1]}, "empty": {"q": []}},
    ),
    ("t.jsonl", '{"a": 1}\n\n{"a": "x"}\r\n', {"t": {"a": [1, "x"]}}),
]


@pytest.mark.parametrize(("name", "content", "expected"), READ, ids=[repr(c)[:40] for _, c, _ in READ])
def test_reads(tmp_path: Path, name: str, content: str | bytes, expected: dict[str, Columns]) -> None:
    found = columns(write(tmp_path, name, content))
    assert found == expected
    assert repr(found) == repr(expected)  # 1 is not 1.0 here


# What is refused

REFUSED: list[tuple[str, str | bytes, str]] = [
    (
        "t.csv",
        "id,amount\n1,5\n2,\n",
        "'t.csv', line 3, column 'amount': an empty cell among numbers; "
        "there is no null: fill it in or drop the line",
    ),
    ("t.csv", 'a,b\n"x\ny",1\n3\n', "'t.csv', line 4 has 1 cell, but the header names 2 columns"),
    ("t.csv", "a\n1,2\n", "'t.csv', line 2 has 2 cells, but the header names 1 column"),
    ("t.csv", "", "'t.csv' is empty; its first line has to name the columns"),
    ("t.csv", 'a,b\n"x,2\n', "'t.csv', line 2: a cell that begins with a quote has no end"),
    ("t.csv", 'a,b\n"x"y,2\n', "'t.csv', line 2: ',' expected after '\"'"),
    ("t.csv", b"a,b\n\xff,2\n", "'t.csv' is not text in UTF-8 (see byte 5)"),
    ("t.csv", b"a\x00b\n", "'t.csv' is a binary file, not text"),
    (
        "t.json",
        '[{"a": 1}, {"a": null}]',
        "'t.json', table 't', row 2, column 'a': null is no value of the language; fill it or drop the row",
    ),
    (
        "t.json",
        '[{"a": true}]',
        "'t.json', table 't', row 1, column 'a': True is a boolean; use 1 and 0, or texts",
    ),
    (
        "t.json",
        '[{"a": NaN}]',
        "'t.json', table 't', row 1, column 'a': nan is out of range; numbers are finite, up to 1.8e308",
    ),
    ("t.json", '[{"a": 1}, {"b": 2}]', "'t.json', table 't', row 2 has no column 'a', which row 1 has"),
    ("t.json", '[{"a":\n 1},\n {"a" 2}]', "'t.json', line 3, column 7: not JSON: expecting ':' delimiter"),
    (
        "t.json",
        "[" * 100_000,
        "'t.json', line 1: cannot read the JSON here: a number is too long, or brackets are nested too deep",
    ),
    ("t.json", "[{}, 1]", "'t.json', table 't': a table is a list of row objects, [{...}, ...]"),
    ("t.json", '"text"', "'t.json', table 't': a table is a list of row objects, [{...}, ...]"),
    ("t.json", '{"a": 1}', "'t.json', table 'a': a table is a list of row objects, [{...}, ...]"),
    ("t.json", "{}", "'t.json' holds no tables"),
    ("t.json", '{"columns": ["a", "b"], "rows": [[1]]}', "'t.json', table 't': every row needs 2 values"),
    ("t.jsonl", '{"a": 1}\n\n{"a":\n', "'t.jsonl', line 3, column 6: not JSON: expecting value"),
    ("t.jsonl", '{"a": 1}\n[2]\n', "'t.jsonl', line 2: a line is one row object, {...}"),
    ("t.txt", "a\n", "'t.txt' is no file of tables (.csv, .json, .jsonl, .sqlite, .sqlite3, .db)"),
    ("t.db", "", "'t.db' is not an SQLite database"),
    ("t.sqlite", "a,b\n1,2\n", "'t.sqlite' is not an SQLite database"),
    ("t.db", "SQLite format 3\0" + "x" * 200, "cannot read the database 't.db': file is not a database"),
]


@pytest.mark.parametrize(("name", "content", "expected"), REFUSED, ids=[repr(c)[:40] for _, c, _ in REFUSED])
def test_refuses(tmp_path: Path, name: str, content: str | bytes, expected: str) -> None:
    assert complaint(write(tmp_path, name, content)) == expected


def test_refuses_what_is_not_there(tmp_path: Path) -> None:
    assert complaint(tmp_path / "nothing.csv") == "no file or folder 'nothing.csv'"
    with pytest.raises(DslError, match=r"^the path of the tables is empty$"):
        load_tables("")
    with pytest.raises(DslError, match=r"^cannot read 'x{300}': file name too long$"):
        load_tables("x" * 300)


# Folders


def test_a_folder_gives_the_tables_of_all_its_files(tmp_path: Path) -> None:
    write(tmp_path, "b.csv", "x\n1\n")
    write(tmp_path, "a.jsonl", '{"x": 2}\n')
    write(tmp_path, "A.json", '[{"x": 3}]')
    database(tmp_path / "c.db", "CREATE TABLE orders (x)", "INSERT INTO orders VALUES (4)")
    write(tmp_path, "README.md", "not a table")
    write(tmp_path, ".hidden.csv", "x\n5\n")
    (tmp_path / "folder.csv").mkdir()
    expected = {"a": {"x": [3]}, "a_2": {"x": [2]}, "b": {"x": [1]}, "orders": {"x": [4]}}
    assert columns(tmp_path) == expected
    assert list(columns(tmp_path)) == list(expected)


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    expected = "the folder 'empty' holds no files of tables (.csv, .json, .jsonl, .sqlite, .sqlite3, .db)"
    assert complaint(tmp_path / "empty") == expected


def test_tables_that_nobody_wants_are_named_but_not_read(tmp_path: Path) -> None:
    write(tmp_path, "good.csv", "x\n1\n")
    write(tmp_path, "broken.csv", "x,y\n1\n")
    assert columns(tmp_path, {"good"}) == {"broken": {}, "good": {"x": [1]}}
    assert complaint(tmp_path, {"broken"}).endswith("line 2 has 1 cell, but the header names 2 columns")


# SQLite


def test_sqlite(tmp_path: Path) -> None:
    file = database(
        tmp_path / "shop #1?.sqlite",
        'CREATE TABLE "My ""Orders""" (id INTEGER PRIMARY KEY AUTOINCREMENT, "Home Town", v)',
        "INSERT INTO \"My \"\"Orders\"\"\" VALUES (1, CAST(x'ff41' AS TEXT), 2.5), (2, 'Oslo', 'n/a')",
        "CREATE TABLE none (a, b)",
        "CREATE VIEW seen AS SELECT 1 AS one",
    )
    before = file.read_bytes()
    expected = {
        "my_orders": {"id": [1, 2], "home_town": ["\ufffdA", "Oslo"], "v": [2.5, "n/a"]},
        "none": {"a": [], "b": []},
    }
    assert columns(file) == expected
    assert file.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [file.name]


def test_sqlite_nulls_and_blobs_are_told_of(tmp_path: Path) -> None:
    file = database(
        tmp_path / "s.db",
        "CREATE TABLE people (name, age)",
        "INSERT INTO people VALUES ('Ada', 36), ('Ben', NULL)",
        "CREATE TABLE photos (id, image)",
        "INSERT INTO photos VALUES (1, x'00ff')",
        "CREATE TABLE good (x)",
    )
    assert complaint(file, {"people"}) == (
        "'s.db', table 'people', row 2, column 'age': "
        "null is no value of the language; fill it or drop the row"
    )
    assert complaint(file, {"photos"}) == (
        "'s.db', table 'photos', row 1, column 'image': "
        "a blob is no value of the language; leave the column out"
    )
    assert columns(file, {"good"}) == {"people": {}, "photos": {}, "good": {"x": []}}


def test_sqlite_without_tables_is_refused_and_a_missing_file_is_not_made(tmp_path: Path) -> None:
    file = database(tmp_path / "s.db", "CREATE TABLE t (x)", "DROP TABLE t")
    assert complaint(file) == "the database 's.db' has no tables"
    assert complaint(tmp_path / "new.db") == "no file or folder 'new.db'"
    assert not (tmp_path / "new.db").exists()


def test_spider_databases_load_or_say_why_not(spider_dir: Path) -> None:
    """Each table of the first databases is read, or refused for a null, in one line."""
    read, refused = 0, []
    for file in sorted(spider_dir.glob("database/*/*.sqlite"))[:40]:
        for name in load_tables(file, ()):
            try:
                read += bool(load_tables(file, {name})[name].names)
            except DslError as error:
                refused.append(str(error))
    assert read > 200
    assert refused
    assert [r for r in refused if "null is no value of the language" not in r or "\n" in r] == []


# Names

SAFE = {
    "Order Id": "order_id",
    "order_id": "order_id",
    "_id": "_id",
    "a__b": "a__b",
    "Official_ratings_(millions)": "official_ratings_millions",
    "%_Change_2007": "change_2007",
    "18_49_Rating_Share": "_18_49_rating_share",
    "2x": "_2x",
    "AND": "and_",
    "not": "not_",
    "count": "count",
    "Größe": "größe",
    "Gro\u0308ße": "größe",
    "\u0130x": "i_x",
    "": "unnamed",
    " % ": "unnamed",
}


@pytest.mark.parametrize(("name", "expected"), SAFE.items(), ids=map(repr, SAFE))
def test_safe_names(name: str, expected: str) -> None:
    assert safe_name(name) == expected
    rows = run(f't = load("t") |> sort_by({expected})\nemit t', {"t": [{expected: 1}]})
    assert rows.columns == {expected: [1]}


def test_names_that_collide_are_numbered() -> None:
    assert unique_names(["A b", "a_b", "a_b_2", "", "A-B"]) == ["a_b", "a_b_2", "a_b_2_2", "unnamed", "a_b_3"]


def test_csv_from_a_text() -> None:
    assert table_from_csv("a,b\n1,x\n").columns == {"a": [1], "b": ["x"]}
    with pytest.raises(DslError, match=r"^prices, line 2 has 1 cell, but the header names 2 columns$"):
        table_from_csv("a,b\n1\n", "prices")
