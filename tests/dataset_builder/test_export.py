"""The finished folder: what `load_dataset` makes of it, that its bytes depend on its content only."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataset_builder import parquet_files
from dataset_builder.export import CONFIGS, Content, check_target, export_folder
from dataset_builder.parquet_files import Writer, problem_features, read_group, row_groups, trace_features
from dsl_debug.episode import TOOLS, schemas
from dsl_debug.episode.prompts import messages
from dsl_debug.problem import CATEGORIES, COLUMNS, PYTHON_COLUMNS, DslProblem, PythonProblem
from model_cards.provenance import licence_of
from tests.dataset_builder.datasets_made import POLICIES, REPORT, RUN, content

ROOT = Path(__file__).resolve().parents[2]
datasets, _, _ = (
    pytest.importorskip(name, reason=f"needs {name}: pip install 'dsl-debug[build]'")
    for name in ("datasets", "pyarrow", "matplotlib")
)


@pytest.fixture(scope="module")
def made() -> Content:
    return content()


@pytest.fixture(scope="module")
def folder(made: Content, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("export") / "dsl-debug"
    export_folder(place, made, REPORT, RUN)
    return place


@pytest.fixture(scope="module")
def loaded(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    cache = str(tmp_path_factory.mktemp("cache"))
    return {c: datasets.load_dataset(str(folder), c, cache_dir=cache) for c in CONFIGS}


# ---- loading


def test_every_config_and_split_loads(folder: Path, loaded: dict[str, Any], made: Content) -> None:
    assert datasets.get_dataset_config_names(str(folder)) == list(CONFIGS)
    assert {s: len(rows) for s, rows in loaded["problems"].items()} == {
        split: len(problems) for split, problems in made.problems.items()
    }
    assert {config: list(splits) for config, splits in loaded.items()} == {
        "problems": ["train", "validation", "test"],
        "standard": ["validation", "test"],
        "nonlocal": ["train", "validation"],
        "intent_mismatch": ["train", "validation", "test"],
        "dialect_shift": ["test"],
        "sft": ["train"],
        "sft_problems": ["train"],
        "arena": ["train", "validation", "test"],
        "traces": ["test"],
    }


def test_problems_is_the_default(folder: Path, loaded: dict[str, Any], tmp_path: Path) -> None:
    default = datasets.load_dataset(str(folder), cache_dir=str(tmp_path))
    assert default["test"]["id"] == loaded["problems"]["test"]["id"]


def test_streaming_gives_the_same_rows(folder: Path, loaded: dict[str, Any], tmp_path: Path) -> None:
    for config, splits in loaded.items():
        for split, rows in splits.items():
            stream = datasets.load_dataset(
                str(folder), config, split=split, streaming=True, cache_dir=str(tmp_path)
            )
            assert list(stream) == list(rows), (config, split)


def test_problems_come_back_as_they_were(loaded: dict[str, Any], made: Content) -> None:
    for split, problems in made.problems.items():
        back = [DslProblem.from_row(row) for row in loaded["problems"][split]]
        assert [replace(p, prompt=()) for p in back] == sorted(problems, key=lambda p: p.id)
        assert [list(p.prompt) for p in back] == [messages(p) for p in back]
    assert list(loaded["problems"]["test"].features) == list(COLUMNS)


def test_the_configs_of_the_categories_are_parts_of_problems(loaded: dict[str, Any]) -> None:
    for split, rows in loaded["problems"].items():
        for category in CATEGORIES:
            part = [row for row in rows if row["category"] == category]
            assert list(loaded[category].get(split, ())) == part


def test_the_rows_are_mixed(loaded: dict[str, Any]) -> None:
    assert all(rows["id"] == sorted(rows["id"]) for rows in loaded["problems"].values())


def test_arguments_of_tools_are_not_mixed_with_those_of_others(loaded: dict[str, Any]) -> None:
    (first, *_) = loaded["sft"]["train"]
    assert first["tools"] == schemas(TOOLS)
    calls = [call for message in first["messages"] for call in message["tool_calls"]]
    assert [list(call["function"]["arguments"]) for call in calls] == [["code"]]
    assert [m["tool_calls"] for m in first["messages"] if m["role"] != "assistant"] == [[], [], []]
    traces = [row for row in loaded["traces"]["test"] if row["policy"] == "constant_emitter"]
    used = {
        tuple(call["function"]["arguments"])
        for row in traces
        for message in row["messages"]
        for call in message["tool_calls"]
    }
    assert used == {("node_name", "code"), ("code",)}


def test_a_trajectory_belongs_to_a_problem_of_its_split(loaded: dict[str, Any]) -> None:
    assert loaded["sft"]["train"]["problem_id"] == loaded["sft_problems"]["train"]["id"]


def test_traces_hold_what_came_of_them(loaded: dict[str, Any]) -> None:
    rows = list(loaded["traces"]["test"])
    assert sorted({row["policy"] for row in rows}) == list(POLICIES)
    assert rows[0].keys() == trace_features().keys()
    found = {row["policy"]: (row["reward"], row["failure"], row["calls"]) for row in rows}
    assert found["reference"] == (1.0, "", {"submit": 1})
    assert found["unchanged"] == (0.0, "unchanged", {"submit": 1})
    assert all(len(row["hidden_matches"]) == 2 for row in rows)
    assert {(row["environment"], row["prompt"], row["sample"], row["stopped"]) for row in rows} == {
        ("dsl", "expert", 0, "")
    }
    assert {type(row["diagnosis"]) for row in rows} == {dict}
    assert [row[name] for row in rows for name in ("run", "signals", "passed", "seconds") if row[name]] == []
    assert {(m["role"], m["name"]) for m in rows[0]["messages"] if m["role"] != "tool"} == {
        (role, None) for role in ("system", "user", "assistant")
    }
    assert {m["name"] for row in rows for m in row["messages"] if m["role"] == "tool"} >= {"run", "submit"}


def test_functions_come_back_as_they_were(loaded: dict[str, Any], made: Content) -> None:
    assert made.arena
    for split, problems in made.arena.items():
        back = [PythonProblem.from_row(row) for row in loaded["arena"][split]]
        assert sorted(p.id for p in problems) == [p.id for p in back]
    assert list(loaded["arena"]["test"].features) == list(PYTHON_COLUMNS)


# ---- the card


def test_the_card_shows_how_to_load_every_config(folder: Path) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert all(f'load_dataset("path/to/this/folder", "{config}")' in text for config in CONFIGS)
    assert "{" not in text.replace("@inproceedings{", "")
    assert "\n\n\n" not in text
    assert "python -m dataset_builder build --preset sample --seed 0" in text


def test_the_figures_of_the_card_are_those_of_the_report(folder: Path) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "| a tie decides the order | 30 | 75.0% |" in text
    assert "| constant_emitter | 2 | 0.0% | 100.0% | overfit 2 |" in text
    assert "39%" in text


def test_the_licence_is_that_of_the_strictest_source() -> None:
    assert licence_of({"catalog": 5}) == "mit"
    assert licence_of({"catalog": 5, "spider": 1}) == "cc-by-sa-4.0"
    assert licence_of({"spider": 1, "mine": 1}) == "other"


# ---- bytes

SAME_BYTES = """
import sys
from pathlib import Path
from dataset_builder.export import export_folder
from tests.dataset_builder.datasets_made import REPORT, RUN, content
export_folder(Path(sys.argv[1]), content(), REPORT, RUN)
"""


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_the_same_content_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "99", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SAME_BYTES, str(tmp_path / "other")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "other") == files(folder)
    assert len(files(folder)) > 20


def test_what_a_run_took_is_in_the_last_section_alone(made: Content, folder: Path, tmp_path: Path) -> None:
    export_folder(tmp_path / "other", made, REPORT, {"workers": 7})
    other = files(tmp_path / "other")
    differing = sorted(name for name, there in files(folder).items() if other[name] != there)
    assert differing == ["BUILD_REPORT.md", "build_run.json"]
    texts = ((f / "BUILD_REPORT.md").read_text(encoding="utf-8") for f in (folder, tmp_path / "other"))
    assert len({text.partition("## This run")[0] for text in texts}) == 1


# ---- files


def test_large_splits_are_cut_into_files_and_wide_rows_into_groups(
    made: Content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_files, "SHARD_BYTES", 1_000)
    monkeypatch.setattr(parquet_files, "GROUP_ROWS", 1)
    writer = Writer(tmp_path, "train", problem_features)
    rows = [p.to_row() for p in made.problems["validation"]]
    for row in rows:
        writer.add(row)
    paths = writer.close()
    count = len(paths)
    assert count > 1
    assert [p.name for p in paths] == [f"train-{n:05}-of-{count:05}.parquet" for n in range(count)]
    assert sorted(tmp_path.iterdir()) == paths
    assert [row for p in paths for g in range(row_groups(p)) for row in read_group(p, g)] == rows


def test_an_earlier_build_is_replaced_and_other_folders_are_left_alone(made: Content, tmp_path: Path) -> None:
    small = Content({"test": made.problems["test"]})
    out = tmp_path / "out"
    export_folder(out, replace(small, dialect_shift=made.dialect_shift), {"seed": 1}, {})
    export_folder(out, small, {"seed": 2}, {})
    assert json.loads((out / "build_report.json").read_text())["seed"] == 2
    assert not (out / "data" / "dialect_shift").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    (out / "data" / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds something else than an earlier build"):
        export_folder(out, small, {"seed": 3}, {})
    with pytest.raises(ValueError, match="holds something else"):
        check_target(out)


def test_a_build_that_fails_leaves_the_earlier_one(made: Content, tmp_path: Path) -> None:
    small = Content({"test": made.problems["test"]})
    export_folder(tmp_path / "out", small, {"seed": 1}, {})
    with pytest.raises(ValueError, match="which is not there"):
        export_folder(tmp_path / "out", replace(small, sft=made.sft), {"seed": 2}, {})
    assert json.loads((tmp_path / "out" / "build_report.json").read_text())["seed"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
