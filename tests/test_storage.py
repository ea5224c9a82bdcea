"""Files of lines that survive a kill."""

from pathlib import Path

import pytest

from dsl_debug.storage import Appender, read_lines


def test_an_appender_cuts_a_torn_line_off(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": ' + b"2" * 100_000)
    assert list(read_lines(path)) == [{"a": 1}]
    with Appender(path) as lines:
        lines.add({"a": 3})
    assert list(read_lines(path)) == [{"a": 1}, {"a": 3}]
    path.write_bytes(b'{"a": 1}\nnot\n')
    with pytest.raises(ValueError, match=r"lines\.jsonl, line 2: not JSON"):
        list(read_lines(path))


def test_two_processes_do_not_write_to_one_folder(tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="locks are those of Unix")
    with (
        Appender(tmp_path / "traces.jsonl"),
        pytest.raises(
            ValueError, match=r"traces\.jsonl is being written by another process: wait for it, or"
        ),
    ):
        Appender(tmp_path / "traces.jsonl")
    Appender(tmp_path / "traces.jsonl").__exit__()
