"""The command line of the builder, as processes: what it writes, and how it says no."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dsl_debug.episode.python_prompts import python_messages
from dsl_debug.problem import PythonProblem

ROOT = Path(__file__).resolve().parents[2]
pytest.importorskip("click", reason="needs click: pip install 'dsl-debug[cli]'")

ADD = {
    "name": "add",
    "buggy_code": "def add(a, b):\n    return a - b\n",
    "correct_code": "def add(a, b):\n    return a + b\n",
    "tests": [[[1, 2], 3], [[5, 5], 10], [[0, 0], 0]],
}
COMMAND = (sys.executable, "-m", "dataset_builder")


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def builder(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in done.stderr
    return done


def written(folder: Path, entries: Any) -> str:
    (folder / "bugs.json").write_text(json.dumps(entries), encoding="utf-8")
    return "bugs.json"


def test_without_a_command_it_lists_them(tmp_path: Path) -> None:
    done = builder(tmp_path)
    assert done.returncode == 0
    assert all(f"  {name} " in done.stdout for name in ("arena", "arena-import", "arena-write"))


# ---- arena-import


def test_an_import_writes_rows_and_says_what_it_left_out(tmp_path: Path) -> None:
    entries = [ADD, {**ADD, "name": "a\x1b[2Jdd", "tests": []}, 5]
    arguments = ("arena-import", written(tmp_path, entries), "--out", "rows.jsonl", "--allow-missing-layers")
    done = builder(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines() == [
        "rejected a [2Jdd: tests has to be a list that is not empty",
        "rejected entry 3: it is not a JSON object",
        "accepted 1, written to rows.jsonl",
    ]
    (line,) = (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    problem = PythonProblem.from_row(json.loads(line))
    assert problem.function == "add"
    assert list(problem.prompt) == python_messages(problem)
    assert sorted(os.listdir(tmp_path)) == ["bugs.json", "rows.jsonl"]
    again = builder(tmp_path, *arguments)
    assert again.returncode == 0, "its own file is written over"


def test_without_a_file_the_rows_go_to_standard_output(tmp_path: Path) -> None:
    done = builder(tmp_path, "arena-import", written(tmp_path, [ADD]), "--allow-missing-layers")
    assert PythonProblem.from_row(json.loads(done.stdout)).function == "add"
    assert done.stderr == "accepted 1\n"


def test_nothing_accepted_is_an_error(tmp_path: Path) -> None:
    done = builder(tmp_path, "arena-import", written(tmp_path, [5]), "--out", "rows.jsonl")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "rejected entry 1: it is not a JSON object",
        "dataset_builder: nothing was accepted, so nothing was written",
    ]
    assert not (tmp_path / "rows.jsonl").exists()


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "no file": (("arena-import", "none.json"), "none.json: no such file or directory"),
    "a folder": (("arena-import", "folder"), "folder: is a directory"),
    "no JSON": (
        ("arena-import", "text"),
        "text is not JSON: Expecting value: line 1 column 1 (char 0)",
    ),
    "no list": (("arena-import", "object.json"), "object.json does not hold a JSON list of bugs"),
    "no UTF-8": (
        ("arena-import", "bytes"),
        "bytes is not JSON: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
    ),
    "rows over another file": (
        ("arena-import", "object.json", "--out", "text"),
        "text is there already, and holds something else than problems",
    ),
    "rows over the list itself": (
        ("arena-import", "list.json", "--out", "list.json"),
        "list.json is there already, and holds something else than problems",
    ),
    "rows over a folder": (
        ("arena-import", "object.json", "--out", "folder"),
        "folder is there already, and is no file",
    ),
    "rows into nowhere": (("arena-import", "object.json", "--out", "none/rows"), "none is no folder"),
    "a folder below a file": (
        ("arena", "--out", "text/out"),
        "text/out cannot be made: {folder}/text is no folder that can be written to",
    ),
    "a folder of something else": (
        ("arena", "--out", "folder"),
        "folder is there already, and holds something else than an earlier build",
    ),
    "a file for a folder": (("arena", "--out", "text"), "text is there already, and is no folder"),
    "a seed that is none": (
        ("arena", "--seed", "x"),
        "invalid value for '--seed': 'x' is not a valid integer (see python -m dataset_builder --help)",
    ),
    "no workers": (
        ("arena", "--workers", "0"),
        "invalid value for '--workers': 0 is not in the range 1<=x<=256"
        " (see python -m dataset_builder --help)",
    ),
    "no such command": (
        ("areena",),
        "no such command 'areena'. Did you mean 'arena'? (see python -m dataset_builder --help)",
    ),
    "no key": (
        ("arena-write", "--model", "m", "--base-url", "http://127.0.0.1:9/v1", "--n", "1", "--out", "o"),
        "set OPENAI_API_KEY; for an endpoint that asks for no key any text will do",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_told_in_one_line(name: str, tmp_path: Path) -> None:
    arguments, problem = REFUSED[name]
    if arguments[0] == "arena":
        pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'dsl-debug[build]'")
    if arguments[0] == "arena-write":
        pytest.importorskip("openai", reason="needs openai: pip install 'dsl-debug[eval]'")
    (tmp_path / "text").write_text("hello", encoding="utf-8")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "object.json").write_text("{}", encoding="utf-8")
    (tmp_path / "list.json").write_text("[]", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").write_text("mine", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    done = builder(tmp_path, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        f"dataset_builder: {problem.format(folder=tmp_path)}\n",
    )
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "text").read_text(encoding="utf-8") == "hello"


def test_an_interrupted_build_leaves_nothing(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'dsl-debug[build]'")
    process = subprocess.Popen(
        [*COMMAND, "arena", "--workers", "2"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (130, "", "dataset_builder: interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_without_click_it_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['click'] = None; from dataset_builder.__main__ import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr == ("dataset_builder: the command line needs click: pip install 'dsl-debug[cli]'\n")
