"""Rows as parquet files that `datasets` and the Hub's viewer read with exact types.

Needs pyarrow and datasets (extra `build`). The same rows give the same bytes.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsl_debug.problem import Row

if TYPE_CHECKING:
    import pyarrow as pa

SHARD_BYTES = 90_000_000
"""A file that has grown to this size is closed; the next row begins another one."""

GROUP_ROWS = 100
GROUP_BYTES = 8_000_000
"""A row group holds at most so many rows, and is closed by the row that fills it with so much text.

Rows are wide: the viewer reads a whole group to show one of them, and `verify` hands groups to workers.
"""

LEVEL = 6

Features = Callable[[], dict[str, Any]]


def _types() -> tuple[Any, Any, Any, Any]:
    """Features, Value, List and Json of `datasets`. Raises ImportError that says what to install."""
    try:
        from datasets import Features, Json, List, Value
    except ImportError:
        message = "writing parquet files needs datasets and pyarrow: pip install 'dsl-debug[build]'"
        raise ImportError(message) from None
    return Features, Value, List, Json


def problem_features() -> dict[str, Any]:
    """The columns of `DslProblem.to_row`."""
    _, value, many, _ = _types()
    bug = {name: value("string") for name in ("kind", "description", "original", "mutated")}
    numbers = {name: value("int64") for name in ("line", "stages_to_emit")}
    return {
        "id": value("string"),
        "schema_version": value("int64"),
        **{name: value("string") for name in ("environment", "category", "difficulty", "database")},
        **{name: value("string") for name in ("source", "buggy_code", "correct_code", "tables")},
        **{name: value("string") for name in ("expected_output", "hidden")},
        "bugs": many(bug | numbers),
        **{name: value("string") for name in ("intent", "dialect", "certificate")},
        "prompt": many({"role": value("string"), "content": value("string")}),
    }


def arena_features() -> dict[str, Any]:
    """The columns of `PythonProblem.to_row`."""
    _, value, _, _ = _types()
    features = problem_features()
    return {
        "id": value("string"),
        "schema_version": value("int64"),
        **{name: value("string") for name in ("environment", "category", "difficulty", "family")},
        **{name: value("string") for name in ("function", "source", "buggy_code", "correct_code")},
        **{name: value("string") for name in ("description", "tests", "hidden_tests")},
        "bugs": features["bugs"],
        "hint": value("string"),
        "prompt": features["prompt"],
    }


def _messages(**more: Any) -> Any:
    """Chat messages as trainers take them; `Json` keeps the arguments of different tools apart."""
    _, value, many, anything = _types()
    function = {"name": value("string"), "arguments": anything()}
    call = {"type": value("string"), "function": function}
    return many({"role": value("string"), **more, "content": value("string"), "tool_calls": many(call)})


def trajectory_features() -> dict[str, Any]:
    """The columns of the config `sft`."""
    _, value, _, anything = _types()
    return {
        "messages": _messages(),
        "tools": anything(),
        **{name: value("string") for name in ("problem_id", "teacher", "category", "difficulty")},
        "turns": value("int64"),
    }


def trace_features() -> dict[str, Any]:
    """The columns of the config `traces`, filled by `traces.trace_export`."""
    _, value, many, anything = _types()
    text, whole, real, yes = (value(kind) for kind in ("string", "int64", "float64", "bool"))
    return {
        **dict.fromkeys(("problem_id", "run", "policy", "prompt"), text),
        **dict.fromkeys(("sample", "seed"), whole),
        **dict.fromkeys(("environment", "category", "difficulty", "database"), text),
        "hidden": whole,
        **dict.fromkeys(("submitted", "error"), text),
        "visible_match": yes,
        "hidden_matches": many(yes),
        "row_share": real,
        "unchanged": yes,
        "robust": yes,
        "failure": text,
        "reward": real,
        "stopped": text,
        "turns": whole,
        "calls": anything(),
        **dict.fromkeys(("tokens", "prompt_tokens"), whole),
        "diagnosis": anything(),
        "passed": many(yes),
        **dict.fromkeys(("improved", "well_formed"), yes),
        "tampering": many(text),
        "signals": anything(),
        "messages": _messages(name=text),
        "seconds": real,
    }


class Writer:
    """Writes the rows of one split to `<folder>/<split>-00000-of-0000N.parquet`, the last step being `close`.

    A split without a row gets no file. Columns of type `Json` are given as any value that JSON can hold.
    """

    def __init__(self, folder: Path, split: str, features: Features) -> None:
        make = _types()[0]
        self.folder, self.split = folder, split
        self.schema: pa.Schema = make(features()).arrow_schema
        self.rows = 0
        self._made: list[Path] = []
        self._open: Any = None
        self._file: Any = None
        self._group: list[Row] = []
        self._size = 0

    def add(self, row: Row) -> None:
        """Take one row, with the columns of the schema."""
        self.rows += 1
        self._group.append(row)
        self._size += _characters(row)
        if len(self._group) >= GROUP_ROWS or self._size >= GROUP_BYTES:
            self._flush()

    def close(self) -> list[Path]:
        """Finish, and give the files their names."""
        self._flush()
        self._end_shard()
        named = []
        for number, path in enumerate(self._made):
            name = f"{self.split}-{number:05d}-of-{len(self._made):05d}.parquet"
            named.append(path.rename(path.with_name(name)))
        return named

    def _flush(self) -> None:
        if not self._group:
            return
        from datasets.table import table_cast

        if self._open is None:
            self._begin_shard()
        self._open.write_table(table_cast(stored(self._group, self.schema), self.schema))
        self._group, self._size = [], 0
        if self._file.tell() >= SHARD_BYTES:
            self._end_shard()

    def _begin_shard(self) -> None:
        import pyarrow.parquet as parquet

        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{self.split}-{len(self._made):05d}.part"
        self._made.append(path)
        self._file = path.open("wb")
        self._open = parquet.ParquetWriter(
            self._file, self.schema, compression="zstd", compression_level=LEVEL
        )

    def _end_shard(self) -> None:
        if self._open is not None:
            self._open.close()
            self._file.close()
        self._open = self._file = None


def _characters(value: Any) -> int:
    """About how much text a value holds."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        value = value.values()
    return sum(map(_characters, value)) if isinstance(value, Iterable) else 8


def write_split(rows: Iterable[Row], folder: Path, split: str, features: Features) -> list[Path]:
    """Write all rows of a split."""
    writer = Writer(folder, split, features)
    for row in rows:
        writer.add(row)
    return writer.close()


def stored(rows: list[Row], schema: "pa.Schema") -> "pa.Table":
    """Rows as a table in which JSON is text; `datasets` turns that into its own type."""
    import pyarrow as pa

    plain = pa.schema([(field.name, _plain(field.type)) for field in schema])
    columns = {field.name: [_texts(row[field.name], field.type) for row in rows] for field in schema}
    return pa.table(columns, schema=plain)


def _plain(kind: Any) -> Any:
    """The type with texts where it has JSON."""
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):
        return kind.storage_type
    if pa.types.is_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _plain(field.type)) for field in kind])
    return kind


def _texts(value: Any, kind: Any) -> Any:
    """The value with JSON texts where its type has JSON."""
    import pyarrow as pa

    if value is None:
        return None
    if isinstance(kind, pa.BaseExtensionType):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if pa.types.is_list(kind):
        return [_texts(item, kind.value_type) for item in value]
    if pa.types.is_struct(kind):
        return {field.name: _texts(value[field.name], field.type) for field in kind}
    return value


# Reading, with pyarrow alone


def row_groups(path: Path) -> int:
    """How many row groups a file has. Raises ValueError for a file that is no parquet."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(path) as file:
            return int(file.num_row_groups)
    except pa.ArrowException as error:
        raise ValueError(f"no parquet file: {str(error).splitlines()[0]}") from None


def read_group(path: Path, group: int, columns: list[str] | None = None) -> list[Row]:
    """The rows of one row group; JSON columns come as texts. Raises ValueError for a broken file."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(path) as file:
            rows: list[Row] = file.read_row_group(group, columns=columns).to_pylist()
            return rows
    except pa.ArrowException as error:
        raise ValueError(f"cannot be read: {str(error).splitlines()[0]}") from None


def read_rows(paths: Iterable[Path], columns: list[str] | None = None) -> Iterator[Row]:
    """All rows of some files, in order."""
    for path in paths:
        for group in range(row_groups(path)):
            yield from read_group(path, group, columns)
