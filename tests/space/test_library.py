"""What there is to show: the sample, a dataset in a folder or on the Hub, and datasets that are broken."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dsl_debug.problem import CATEGORIES, DIFFICULTIES
from dsl_debug.replay.page import trace_page
from dsl_debug.visitors import fitting
from space import library as module
from space.library import (
    SAMPLE,
    Library,
    dataset_library,
    listed_first,
    open_library,
    sample_library,
    trace_key,
    usable_messages,
    usable_trace,
)

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def built(built_sample: Path) -> Library:
    return dataset_library(str(built_sample))


def test_the_traces_of_a_problem_are_known_from_the_start(library: Library) -> None:
    again = replace(library, notice="again")
    for problem_id in (*library.problems, *library.arena):
        keys = [key for key, trace in library.traces.items() if trace["problem_id"] == problem_id]
        assert library.traces_of(problem_id) == again.traces_of(problem_id) == keys
    empty = replace(library, traces={})
    assert not any(map(empty.traces_of, library.problems))
    assert dict(replace(library)._by_problem) == library._by_problem != {}


def test_problems_of_a_kind(library: Library) -> None:
    problems = library.problems.values()
    assert fitting(problems, None, None) == list(problems)
    found = fitting(problems, "standard", "easy")
    assert {(p.category, p.difficulty) for p in found} == {("standard", "easy")}
    assert len(fitting(problems, "standard", None)) >= len(found)
    assert fitting(problems, None, "no such") == []


def test_without_a_dataset_it_is_the_sample(library: Library) -> None:
    assert open_library(None) == open_library("") == library
    assert library.source == "the sample that comes with this app"
    assert not library.notice


@pytest.mark.parametrize("place", ["sample", "built"])
def test_all_is_in_order_and_belongs_together(place: str, request: pytest.FixtureRequest) -> None:
    found = request.getfixturevalue({"sample": "library"}.get(place, place))
    programs = list(found.problems.values())
    assert [problem.id for problem in programs] == list(found.problems)
    assert programs == sorted(programs, key=listed_first)
    cells = [(CATEGORIES.index(p.category), DIFFICULTIES.index(p.difficulty)) for p in programs]
    assert cells == sorted(cells)
    for key, trace in found.traces.items():
        assert trace_key(trace) == key
        assert found.problem(trace["problem_id"]) is not None
        assert key in found.traces_of(trace["problem_id"])
    assert found.problem("") is None
    assert found.traces_of("") == []


@pytest.mark.parametrize("place", ["sample", "built"])
def test_every_trace_can_be_replayed(place: str, request: pytest.FixtureRequest) -> None:
    found = request.getfixturevalue({"sample": "library"}.get(place, place))
    for trace in list(found.traces.values())[::7]:
        shown = trace_page(trace, found.problem(trace["problem_id"]))
        assert "Turn 1 of" in shown
        assert "None" not in shown.partition('<article class="card outcome"')[2].partition("</dl>")[0]


def test_a_built_folder_brings_all_that_it_has(built: Library, built_sample: Path) -> None:
    assert len(built.problems) == 132 + 24
    assert len(built.arena) == 24
    assert len(built.traces) == 4 * 132
    assert built.source == f"the folder {built_sample.name} (results: the sample that comes with this app)"
    assert built.notice == ""
    assert [r["policy"] for r in built.results] == [r["policy"] for r in sample_library().results]


def some_of(built_sample: Path, folder: Path, *configs: str) -> Path:
    """A copy of a built folder that has some configs only; its card names them all."""
    for name in ("problems", *configs):
        shutil.copytree(built_sample / "data" / name, folder / "data" / name)
    card = (built_sample / "README.md").read_text(encoding="utf-8")
    (folder / "README.md").write_text(card, encoding="utf-8")
    return folder


def without_card(folder: Path) -> Path:
    """The folder with a card that names the config `problems` alone."""
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: problems\n  data_files:\n"
        "  - {split: test, path: data/problems/test-*.parquet}\n---\n",
        encoding="utf-8",
    )
    return folder


def test_arena_and_traces_may_be_missing(built_sample: Path, tmp_path: Path) -> None:
    found = open_library(str(without_card(some_of(built_sample, tmp_path / "mine"))))
    assert (len(found.problems), len(found.arena), len(found.traces)) == (132, 0, 0)
    assert found.source.startswith("the folder mine")
    assert not found.notice


def test_what_cannot_be_read_is_named_and_the_rest_is_there(
    built_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = some_of(built_sample, tmp_path / "mine", "dialect_shift", "arena", "traces")
    for broken in (folder / "data" / "traces").iterdir():
        broken.write_bytes(b"PAR1 this is none PAR1")
    found = open_library(str(folder))
    assert (len(found.problems), len(found.arena), len(found.traces)) == (156, 24, 0)
    assert found.notice == "Of this dataset, traces cannot be read."
    assert "DSL_DEBUG_DATASET: " in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["missing", "empty", "broken", "file", "name"])
def test_a_dataset_that_cannot_be_read_is_replaced_by_the_sample(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "a folder"
    if kind in ("empty", "broken"):
        place.mkdir()
    if kind == "broken":
        (place / "README.md").write_text("---\nconfigs: [{]\n---\n", encoding="utf-8")
    if kind == "file":
        place.write_text("{}\n", encoding="utf-8")
    found = open_library("<b>nobody</b>" if kind == "name" else str(place))
    assert replace(found, notice="") == sample_library()
    name = "<b>nobody</b>" if kind == "name" else "a folder"
    assert found.notice == f"The dataset {name} cannot be read at the moment: this is the sample instead."
    told = capsys.readouterr().err
    assert told.startswith("DSL_DEBUG_DATASET: ")
    assert "Traceback" not in told


def test_results_of_the_dataset_come_before_those_of_the_sample(built_sample: Path, tmp_path: Path) -> None:
    folder = some_of(built_sample, tmp_path / "mine")
    (folder / "results").mkdir()
    shutil.copy(SAMPLE / "results" / "unchanged.json", folder / "results" / "mine.json")
    found = open_library(str(without_card(folder)))
    assert [result["policy"]["name"] for result in found.results] == ["unchanged"]
    assert found.source == "the folder mine"


def test_memory_is_bounded(built_sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PROBLEMS", 3)
    monkeypatch.setattr(module, "MAX_SHIFTED", 2)
    monkeypatch.setattr(module, "MAX_ARENA", 1)
    monkeypatch.setattr(module, "MAX_TRACES", 10)
    monkeypatch.setattr(module, "MAX_TRACE_CHARACTERS", 8_000)
    found = dataset_library(str(built_sample))
    assert (len(found.problems), len(found.arena)) == (5, 1)
    assert 0 < len(found.traces) < 10
    assert all(len(str(trace["messages"])) <= 8_000 for trace in found.traces.values())


# Opens datasets of the Hub as an app does, and prints what came of it.
OPEN = """
from space.library import open_library
for name in ("user/dsl-debug", "user/none"):
    found = open_library(name)
    sizes = [len(part) for part in (found.problems, found.arena, found.traces, found.results)]
    print(name, sizes, found.source, found.notice, sep="|")
"""


def test_a_dataset_of_the_hub_comes_with_its_revision(built_sample: Path, tmp_path: Path) -> None:
    pytest.importorskip("uvicorn", reason="needs uvicorn: pip install 'dsl-debug[serve]'")
    from tests.hub_server import loopback_hub
    from tests.hub_server.store import File

    files = {"README.md": built_sample / "README.md", "results/a.json": SAMPLE / "results" / "search.json"}
    files |= {str(path.relative_to(built_sample)): path for path in built_sample.glob("data/*/*.parquet")}
    content = {name: File(path.read_bytes(), path.suffix == ".parquet") for name, path in files.items()}
    with loopback_hub() as server:
        commit = server.hub.create("dataset", "user/dsl-debug", False).add("main", "data", content)
        outside = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        environment = {**outside, **server.environment(tmp_path, None)}
        command = [sys.executable, "-c", OPEN]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    there, missing = done.stdout.splitlines()
    assert there == f"user/dsl-debug|[156, 24, 528, 1]|user/dsl-debug, revision {commit.sha[:7]}|"
    assert missing.startswith("user/none|[30, 12, ")
    assert missing.endswith(
        "|The dataset user/none cannot be read at the moment: this is the sample instead."
    )
    assert "DSL_DEBUG_DATASET: ValueError: there is no folder user/none" in done.stderr


# A row of the config `traces`, as `datasets` gives it.
ROW = {
    **{
        "problem_id": "a1",
        "run": None,
        "policy": "hf:/home/me/Model X",
        "prompt": "expert",
        "sample": 2,
        "seed": 7,
    },
    **{"environment": "dsl", "category": "standard", "difficulty": "easy", "database": "d", "hidden": 1},
    **{"submitted": None, "error": None, "visible_match": False, "hidden_matches": [], "row_share": 0.0},
    **{"unchanged": False, "robust": False, "failure": "never_submitted", "reward": 0.0, "stopped": ""},
    **{"turns": 1, "calls": {"run": 1}, "tokens": None, "prompt_tokens": None, "seconds": None},
    "diagnosis": {"faulty": [], "inspected": False, "first_visible": None, "first_correct": None},
    **{"passed": None, "improved": None, "well_formed": None, "tampering": None, "signals": None},
    "messages": [
        {"role": "user", "name": None, "content": "go", "tool_calls": []},
        {
            **{"role": "assistant", "name": None, "content": ""},
            "tool_calls": [
                {"type": "function", "function": {"name": "run", "arguments": {"code": "emit a"}}}
            ],
        },
        {"role": "tool", "name": "run", "content": "no", "tool_calls": []},
    ],
}


def test_a_published_trace_becomes_one_of_an_evaluation() -> None:
    trace = usable_trace(ROW)
    assert trace["messages"] == [
        {"role": "user", "content": "go"},
        {
            **{"role": "assistant", "content": ""},
            "tool_calls": [
                {"type": "function", "function": {"name": "run", "arguments": {"code": "emit a"}}}
            ],
        },
        {"role": "tool", "content": "no", "name": "run"},
    ]
    assert not trace.keys() & {"passed", "signals", "tampering", "run", "seconds"}
    assert (trace["submitted"], trace["tokens"]) == (None, None)
    assert trace_key(trace) == "a1-hf-model-x-2"


@pytest.mark.parametrize(
    "change",
    [
        {"messages": None},
        {"messages": [None]},
        {"messages": [{"role": "user"}]},
        {"policy": 3},
        {"calls": None},
    ],
    ids=json.dumps,
)
def test_what_is_no_trace_is_refused_in_a_line(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"^no trace: [^\n]*$"):
        usable_trace({**ROW, **change})


def test_messages_without_tools_of_answers_are_taken() -> None:
    assert usable_messages([{"role": "tool", "content": None}]) == [
        {"role": "tool", "content": "", "name": ""}
    ]
    assert usable_messages([]) == []
