"""Problems as frozen data: what one is, its row in a dataset, and the published benchmark as problems.

A row holds tables as JSON texts; a `DslProblem` holds them as `Table`s, parsed and checked once.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from dsl_debug.lang import STANDARD, Dialect, DslError, Table

SCHEMA_VERSION = 1
ENVIRONMENT = "dsl"
CATEGORIES = ("standard", "nonlocal", "intent_mismatch")
DIFFICULTIES = ("easy", "medium", "hard")

Row = dict[str, Any]
Message = dict[str, str]


class Suite(NamedTuple):
    """Other contents of the same tables, and the rows that the correct program gives on them."""

    tables: dict[str, Table]
    expected: Table


@dataclass(frozen=True, slots=True)
class Bug:
    """One change that broke a program: its kind, the line (from 1; 0 if it has none), and the text of that
    place before and after. `stages_to_emit` counts the stages between it and the result, None if not known.
    """

    kind: str
    line: int
    description: str
    original: str
    mutated: str
    stages_to_emit: int | None = None


@dataclass(frozen=True)
class DslProblem:
    """A buggy program, the tables it reads, the rows it should give, and what only the scoring may see.

    `tables` and `expected_output` are what an agent sees; `hidden` is never shown. `certificate` says what
    was tried to disprove the problem; `prompt` holds the chat messages of its dataset row. Treat all of it as
    immutable. Raises ValueError for an unknown category or difficulty, for a problem without tables, and for
    a hidden suite whose tables have other names or columns than the visible ones.
    """

    category: str
    difficulty: str
    database: str
    source: str
    buggy_code: str
    correct_code: str
    tables: dict[str, Table]
    expected_output: Table
    hidden: tuple[Suite, ...] = ()
    bugs: tuple[Bug, ...] = ()
    intent: str = ""
    dialect: Dialect = STANDARD
    certificate: dict[str, Any] = field(default_factory=dict)
    prompt: tuple[Message, ...] = ()

    def __post_init__(self) -> None:
        if self.category not in CATEGORIES:
            raise ValueError(f"no category {self.category!r}; there is: {', '.join(CATEGORIES)}")
        if self.difficulty not in DIFFICULTIES:
            raise ValueError(f"no difficulty {self.difficulty!r}; there is: {', '.join(DIFFICULTIES)}")
        if not self.tables:
            raise ValueError("a problem needs at least one table")
        shown = _columns(self.tables)
        for number, suite in enumerate(self.hidden, 1):
            if _columns(suite.tables) != shown:
                raise ValueError(
                    f"the tables of hidden suite {number} differ from the visible ones in their columns"
                )

    def __hash__(self) -> int:
        return hash(self.id)

    @cached_property
    def id(self) -> str:
        """The first 16 hex digits of a SHA-256 over the content: all fields but `certificate` and `prompt`.

        It does not depend on the order of the tables, nor on the version of the schema.
        """
        content = {k: v for k, v in self._content().items() if k not in ("certificate", "prompt")}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _content(self) -> Row:
        """The fields as values that JSON can hold, by the names of the columns."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return values | {
            "environment": ENVIRONMENT,
            "tables": _tables_to_json(self.tables),
            "expected_output": self.expected_output.to_json(),
            "hidden": [
                {"tables": _tables_to_json(s.tables), "expected": s.expected.to_json()} for s in self.hidden
            ],
            "bugs": [{f.name: getattr(bug, f.name) for f in fields(bug)} for bug in self.bugs],
            "dialect": self.dialect.to_json() if self.dialect != STANDARD else "",
            "prompt": [dict(message) for message in self.prompt],
        }

    def to_row(self) -> Row:
        """A row of a dataset: `COLUMNS`, in that order, with tables and other nested values as JSON texts."""
        content = self._content() | {"id": self.id, "schema_version": SCHEMA_VERSION}
        for column in _JSON_COLUMNS:
            if content[column] != "":
                content[column] = json.dumps(content[column], ensure_ascii=False, separators=(",", ":"))
        return {column: content[column] for column in COLUMNS}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "DslProblem":
        """The inverse of `to_row`. Raises ValueError, in one line, for anything that is no such row: another
        schema version, missing or unknown columns, broken JSON, tables that are none, or an id that does not
        belong to the content.
        """
        _check_columns(row, COLUMNS, ENVIRONMENT)
        dialect = _json(row, "dialect") if row["dialect"] else {}
        problem = cls(
            **{column: row[column] for column in _TEXT_COLUMNS},
            tables=_tables(_json(row, "tables"), "tables"),
            expected_output=_table(_json(row, "expected_output"), "expected_output"),
            hidden=tuple(_suite(value) for value in _json(row, "hidden", list)),
            bugs=tuple(_bug(value) for value in row["bugs"]),
            dialect=Dialect.from_json(dialect) if dialect else STANDARD,
            certificate=_json(row, "certificate"),
            prompt=tuple(_message(value) for value in row["prompt"]),
        )
        _check_id(row, problem.id)
        return problem


# The columns of a row, in order, and the Python type of each.
COLUMNS: dict[str, type] = {
    "id": str,
    "schema_version": int,
    "environment": str,
    "category": str,
    "difficulty": str,
    "database": str,
    "source": str,
    "buggy_code": str,
    "correct_code": str,
    "tables": str,
    "expected_output": str,
    "hidden": str,
    "bugs": list,
    "intent": str,
    "dialect": str,
    "certificate": str,
    "prompt": list,
}
_JSON_COLUMNS = ("tables", "expected_output", "hidden", "dialect", "certificate")
_TEXT_COLUMNS = ("category", "difficulty", "database", "source", "buggy_code", "correct_code", "intent")


def _columns(tables: Mapping[str, Table]) -> dict[str, tuple[str, ...]]:
    return {name: table.names for name, table in tables.items()}


def _tables_to_json(tables: Mapping[str, Table]) -> dict[str, Any]:
    return {name: table.to_json() for name, table in tables.items()}


# Reading rows


def _check_columns(row: Mapping[str, Any], columns: Mapping[str, type], environment: str) -> None:
    version = row.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise ValueError(
            f"this row has schema version {version!r}; this package reads version {SCHEMA_VERSION}"
        )
    missing = [column for column in columns if column not in row]
    if missing:
        raise ValueError(f"the row lacks the columns: {', '.join(missing)}")
    unknown = sorted(str(column) for column in row if column not in columns)
    if unknown:
        raise ValueError(f"the row has unknown columns: {', '.join(unknown)}")
    for column, kind in columns.items():
        if not isinstance(row[column], kind):
            message = f"the column {column!r} holds {type(row[column]).__name__}, not {kind.__name__}"
            raise ValueError(message)
    if row["environment"] != environment:
        raise ValueError(f"this row is of the environment {row['environment']!r}, not {environment!r}")


def _check_id(row: Mapping[str, Any], content_id: str) -> None:
    if row["id"] != content_id:
        raise ValueError(f"the id {row['id']} does not belong to this content, whose id is {content_id}")


def _json(row: Mapping[str, Any], column: str, kind: type = dict) -> Any:
    try:
        value = json.loads(row[column])
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the column {column!r} is not JSON: {error}") from None
    if not isinstance(value, kind):
        what = "an object" if kind is dict else "a list"
        raise ValueError(f"the column {column!r} is a JSON text of {what}")
    return value


def _tables(value: Any, where: str) -> dict[str, Table]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: tables are an object of name to columns and rows")
    return {name: _table(table, f"{where}, table {name!r}") for name, table in value.items()}


def _table(value: Any, where: str) -> Table:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: a table is an object of columns and rows")
    try:
        return Table.from_json(value)
    except (DslError, TypeError) as error:
        raise ValueError(f"{where}: {error}") from None


def _suite(value: Any) -> Suite:
    if not isinstance(value, dict) or set(value) != {"tables", "expected"}:
        raise ValueError("a hidden suite is an object of 'tables' and 'expected'")
    return Suite(_tables(value["tables"], "hidden"), _table(value["expected"], "hidden, expected"))


def _bug(value: Any) -> Bug:
    names = [f.name for f in fields(Bug)]
    if not isinstance(value, Mapping) or set(value) != set(names):
        raise ValueError(f"a bug is an object of {', '.join(names)}")
    return Bug(**value)


def _message(value: Any) -> Message:
    if not isinstance(value, Mapping) or not {"role", "content"} <= set(value):
        raise ValueError("a message of the prompt is an object of role and content")
    return {"role": value["role"], "content": value["content"]}


# Files of problems


def load_problems(path: str | Path) -> "list[DslProblem | PythonProblem]":
    """The problems of a JSON-lines file of rows, of either environment. Raises ValueError, naming file and
    line, for a bad row."""
    problems: list[DslProblem | PythonProblem] = []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = _object(line)
                kind = PythonProblem if row.get("environment") == PYTHON_ENVIRONMENT else DslProblem
                problems.append(kind.from_row(row))
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}") from None
    return problems


def save_problems(problems: "Iterable[DslProblem | PythonProblem]", path: str | Path) -> None:
    """Write problems as a JSON-lines file of rows, which `load_problems` reads back."""
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for problem in problems:
            file.write(json.dumps(problem.to_row()) + "\n")


def _object(line: str) -> Row:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError("a row is a JSON object")
    return value


# The published benchmark


def load_published(path: str | Path) -> list[DslProblem]:
    """The problems of the published benchmark: of a verl-style parquet file, or of all of them in a folder.

    They have no hidden tables. Raises ValueError for a file (or a folder) without problems, OSError for one
    that cannot be read, and ImportError, saying what to install, where pyarrow is missing.
    """
    place = Path(path)
    files = sorted(place.glob("*.parquet")) if place.is_dir() else [place]
    problems = [problem for file in files for problem in _published_file(file)]
    if not problems:
        raise ValueError(f"{place}: no published problems in it")
    return problems


def _published_file(file: Path) -> Iterator[DslProblem]:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        message = "reading parquet files needs pyarrow: pip install 'dsl-debug[build]'"
        raise ImportError(message) from None
    with parquet.ParquetFile(file) as source:
        if "extra_info" not in source.schema_arrow.names:  # a file of trajectories
            return
        # Every tool has its own copy of the problem.
        rows = source.read(columns=["extra_info.tools_kwargs.run"]).to_pylist()
    for number, row in enumerate(rows):
        try:
            yield _published_problem(row["extra_info"]["tools_kwargs"]["run"]["create_kwargs"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{file}, row {number}: no published problem: {error}") from None


def _published_problem(row: Mapping[str, str]) -> DslProblem:
    bugs = tuple(_published_bug(bug) for bug in json.loads(row["bug_info"]))
    tables = json.loads(row["datasets"])
    return DslProblem(
        category=_published_category(bugs),
        difficulty=row["difficulty"],
        database=row["domain"].partition("__")[0],
        source="published",
        buggy_code=row["buggy_code"],
        correct_code=row["correct_code"],
        tables={name: Table.from_rows(rows, name) for name, rows in tables.items()},
        expected_output=Table.from_rows(json.loads(row["expected_output"])),
        bugs=bugs,
    )


def _published_bug(bug: Mapping[str, Any]) -> Bug:
    return Bug(
        kind=bug["category"],
        line=bug["line_num"],
        description=bug["description"],
        original=bug["original"],
        mutated=bug["mutated"],
        stages_to_emit=bug.get("distance_to_output"),
    )


def _published_category(bugs: tuple[Bug, ...]) -> str:
    kinds = {bug.kind for bug in bugs}
    if "intent_mismatch" in kinds:
        return "intent_mismatch"
    return "nonlocal" if any(kind.startswith("nonlocal") for kind in kinds) else "standard"


# Problems of the arena: buggy Python functions

PYTHON_ENVIRONMENT = "python"
PYTHON_CATEGORIES = (
    *("logic", "off_by_one", "type", "edge_case", "none_handling", "argument_mutation", "recursion"),
    *("algorithm", "data_structure", "string_handling"),
)

# A test as the sandbox takes it: {"args": ..., "kwargs": {...} (may be left out)} with one of "expected" (a
# value of plain data), "yields" (the list that a generator gives) and "raises" (a built-in exception's name).
Case = dict[str, Any]


@dataclass(frozen=True)
class PythonProblem:
    """A buggy Python function and the tests that tell it from its reference.

    `tests` are shown to whoever debugs the function, `hidden_tests` never are. `family` groups functions that
    are alike: no family crosses splits. `hint` is shown on demand only. Raises ValueError for an unknown
    category or difficulty, and for a problem without visible tests.
    """

    category: str
    difficulty: str
    family: str
    function: str
    source: str
    buggy_code: str
    correct_code: str
    description: str
    tests: tuple[Case, ...]
    hidden_tests: tuple[Case, ...]
    bugs: tuple[Bug, ...] = ()
    hint: str = ""
    prompt: tuple[Message, ...] = ()

    def __post_init__(self) -> None:
        if self.category not in PYTHON_CATEGORIES:
            raise ValueError(f"no category {self.category!r}; there is: {', '.join(PYTHON_CATEGORIES)}")
        if self.difficulty not in DIFFICULTIES:
            raise ValueError(f"no difficulty {self.difficulty!r}; there is: {', '.join(DIFFICULTIES)}")
        if not self.tests:
            raise ValueError("a problem needs at least one visible test")

    def __hash__(self) -> int:
        return hash(self.id)

    @cached_property
    def id(self) -> str:
        """The first 16 hex digits of a SHA-256 over the content: all fields but `prompt`."""
        content = {k: v for k, v in self._content().items() if k != "prompt"}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _content(self) -> Row:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return values | {
            "environment": PYTHON_ENVIRONMENT,
            "tests": [to_tagged(test) for test in self.tests],
            "hidden_tests": [to_tagged(test) for test in self.hidden_tests],
            "bugs": [{f.name: getattr(bug, f.name) for f in fields(bug)} for bug in self.bugs],
            "prompt": [dict(message) for message in self.prompt],
        }

    def to_row(self) -> Row:
        """A row of a dataset: `PYTHON_COLUMNS`, in that order, with the tests as JSON texts."""
        content = self._content() | {"id": self.id, "schema_version": SCHEMA_VERSION}
        for column in ("tests", "hidden_tests"):
            content[column] = json.dumps(content[column], ensure_ascii=False, separators=(",", ":"))
        return {column: content[column] for column in PYTHON_COLUMNS}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "PythonProblem":
        """The inverse of `to_row`. Raises ValueError, in one line, for anything that is no such row."""
        _check_columns(row, PYTHON_COLUMNS, PYTHON_ENVIRONMENT)
        problem = cls(
            **{column: row[column] for column in _PYTHON_TEXT_COLUMNS},
            tests=tuple(_case(value) for value in _json(row, "tests", list)),
            hidden_tests=tuple(_case(value) for value in _json(row, "hidden_tests", list)),
            bugs=tuple(_bug(value) for value in row["bugs"]),
            prompt=tuple(_message(value) for value in row["prompt"]),
        )
        _check_id(row, problem.id)
        return problem


PYTHON_COLUMNS: dict[str, type] = {
    "id": str,
    "schema_version": int,
    "environment": str,
    "category": str,
    "difficulty": str,
    "family": str,
    "function": str,
    "source": str,
    "buggy_code": str,
    "correct_code": str,
    "description": str,
    "tests": str,
    "hidden_tests": str,
    "bugs": list,
    "hint": str,
    "prompt": list,
}
_PYTHON_TEXT_COLUMNS = (
    *("category", "difficulty", "family", "function", "source", "buggy_code", "correct_code"),
    *("description", "hint"),
)


def _case(value: Any) -> Case:
    case = from_tagged(value)
    if not isinstance(case, dict) or "args" not in case:
        raise ValueError("a test is an object with 'args'")
    return case


def to_tagged(value: Any) -> Any:
    """Plain Python data as JSON that keeps types apart; sets in a fixed order, dicts in their own.

    None, truth values, whole numbers and texts stand for themselves, and lists for lists; everything else is
    an object of one key: `float` (its repr), `tuple`, `set`, `dict` (pairs). Raises TypeError for others.
    """
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return {"float": repr(value)}
    if kind is list:
        return [to_tagged(item) for item in value]
    if kind is tuple:
        return {"tuple": [to_tagged(item) for item in value]}
    if kind is set:
        return {"set": sorted((to_tagged(item) for item in value), key=json.dumps)}
    if kind is dict:
        return {"dict": [[to_tagged(k), to_tagged(v)] for k, v in value.items()]}
    raise TypeError(f"a test holds plain data; {kind.__name__} is none")


def from_tagged(value: Any) -> Any:
    """The inverse of `to_tagged`. Raises ValueError for anything else."""
    if not isinstance(value, dict):
        return [from_tagged(item) for item in value] if isinstance(value, list) else value
    if len(value) != 1:
        raise ValueError("a tagged value is an object of one key")
    ((tag, inner),) = value.items()
    try:
        if tag == "float":
            return float(inner)
        if tag == "dict":
            return {from_tagged(k): from_tagged(v) for k, v in inner}
        return {"tuple": tuple, "set": set}[tag](from_tagged(item) for item in inner)
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"no tagged value: {tag!r}") from None
