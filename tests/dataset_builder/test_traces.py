"""Evaluations as a dataset of traces: every episode once, the same bytes, and bad input in one line."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dataset_builder import parquet_files, traces
from dataset_builder.cli_traces import traces_command
from dataset_builder.parquet_files import read_rows
from dataset_builder.python_bugs.families import hand_written_problems
from dataset_builder.traces import card, export_traces, run_digest, trace_export
from dsl_debug.data import sample_problems
from dsl_debug.diagnosis import Diagnosis, diagnosis_columns
from dsl_debug.evaluation import RESULT, RUN, TRACES, evaluate
from dsl_debug.policies.agents import AgentPolicy
from dsl_debug.storage import read_json, read_lines

datasets, _ = (
    pytest.importorskip(name, reason=f"needs {name}: pip install 'dsl-debug[build]'")
    for name in ("datasets", "pyarrow")
)
FACTS = {"place": "samples", "config": None, "split": None, "revision": None, "limit": None}


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three evaluations: two agents on four problems, and one on two functions of the arena."""
    place = tmp_path_factory.mktemp("evaluated")
    played = {
        "unchanged": (sample_problems()[:4], FACTS, 2),
        "search": (sample_problems()[:4], FACTS | {"split": "validation", "place": "/home/me/mine"}, 1),
        "reference": (hand_written_problems()[:2], FACTS | {"split": "test", "place": "me/arena"}, 1),
    }
    for name, (problems, facts, samples) in played.items():
        evaluate(AgentPolicy(name), problems, place / name, data=facts, samples=samples)
    return place


def folders(evaluated: Path) -> list[Path]:
    return [evaluated / name for name in ("unchanged", "search", "reference")]


@pytest.fixture(scope="module")
def made(evaluated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made") / "traces"
    export_traces(folders(evaluated), place)
    return place


def rows(folder: Path, split: str) -> list[dict[str, Any]]:
    return list(read_rows(sorted((folder / "data" / "traces").glob(f"{split}-*.parquet"))))


def test_every_episode_is_there_with_all_that_was_recorded(
    evaluated: Path, made: Path, tmp_path: Path
) -> None:
    loaded = datasets.load_dataset(str(made), "traces", cache_dir=str(tmp_path))
    assert {split: len(found) for split, found in loaded.items()} == {"validation": 4, "test": 10}
    back = {
        (row["policy"], row["problem_id"], row["sample"]): row for found in loaded.values() for row in found
    }
    for folder in folders(evaluated):
        digest = run_digest(read_json(folder / RUN))
        for trace in read_lines(folder / TRACES):
            row = back.pop((trace["policy"], trace["problem_id"], trace["sample"]))
            assert row["run"] == digest
            columns = [name for name in trace if name not in ("messages", "code")]
            assert {name: row[name] for name in columns} == {name: trace[name] for name in columns}
            given = [{k: v for k, v in m.items() if v not in (None, [])} for m in row["messages"]]
            assert given == [{k: v for k, v in m.items() if v != []} for m in trace["messages"]]
    assert back == {}


def test_what_only_the_arena_has_is_null_elsewhere(made: Path) -> None:
    for row in [*rows(made, "test"), *rows(made, "validation")]:
        arena = [row[name] for name in ("passed", "improved", "well_formed", "tampering", "signals")]
        assert [value is None for value in arena] == [row["environment"] == "dsl"] * 5


def test_the_order_of_episodes_and_folders_does_not_matter(
    evaluated: Path, made: Path, tmp_path: Path
) -> None:
    for folder in folders(evaluated):
        other = tmp_path / folder.name
        other.mkdir()
        for name in (RUN, RESULT):
            (other / name).write_bytes((folder / name).read_bytes())
        lines = (folder / TRACES).read_bytes().splitlines(keepends=True)
        (other / TRACES).write_bytes(b"".join(reversed(lines)) + b'{"torn')
    export_traces(folders(tmp_path)[::-1], tmp_path / "out")
    files = {path.relative_to(made) for path in made.rglob("*") if path.is_file()}
    assert len(files) == 4
    assert {f: (tmp_path / "out" / f).read_bytes() for f in files} == {
        f: (made / f).read_bytes() for f in files
    }


def test_an_episode_that_was_played_again_counts_once(evaluated: Path, tmp_path: Path) -> None:
    (tmp_path / RUN).write_bytes((evaluated / "unchanged" / RUN).read_bytes())
    first, *others = read_lines(evaluated / "unchanged" / TRACES)
    again = [first | {"stopped": "the server was away"}, *others, first]
    (tmp_path / TRACES).write_text("".join(json.dumps(row) + "\n" for row in again))
    report = export_traces([tmp_path], tmp_path / "out")
    assert report["rows"] == {"test": 8}
    assert {row["stopped"] for row in rows(tmp_path / "out", "test")} == {""}


def test_a_sample_has_so_many_of_each_policy_and_depends_on_its_seed(evaluated: Path, tmp_path: Path) -> None:
    kept = []
    for number, seed in enumerate((1, 1, 2)):
        out = tmp_path / str(number)
        export_traces(folders(evaluated), out, 3, seed)
        kept.append(
            [
                (r["policy"], r["problem_id"], r["sample"])
                for s in ("validation", "test")
                for r in rows(out, s)
            ]
        )
    assert [policy for policy, *_ in sorted(kept[0])] == ["reference"] * 2 + ["search"] * 3 + [
        "unchanged"
    ] * 3
    assert kept[0] == kept[1] != kept[2]


def test_the_card_and_the_report_say_where_rows_come_from_and_name_no_path(
    evaluated: Path, made: Path
) -> None:
    text = (made / "README.md").read_text(encoding="utf-8")
    digest = run_digest(read_json(evaluated / "search" / RUN))
    solved = sum(row["robust"] for row in read_lines(evaluated / "search" / TRACES))
    assert f"| {digest} | search | expert | mine |  | validation | 4 | {25 * solved}.0% |" in text
    assert "| me/arena |" in text
    report = (made / "build_report.json").read_text(encoding="utf-8")
    assert "/home" not in text + report
    assert [run["finished"] for run in json.loads(report)["runs"]] == [True] * 3
    assert "{" not in text
    assert re.findall(r"path: (.+)", text) == [
        "data/traces/validation-*.parquet",
        "data/traces/test-*.parquet",
    ]


def test_a_policy_with_odd_signs_in_its_name_does_not_break_the_table(made: Path) -> None:
    report = read_json(made / "build_report.json")
    odd = {**report["runs"][0], "run": "0123456789ab", "policy": "a|b\n| c {x}"}
    text = card({**report, "runs": [odd]})
    assert "\n| a" not in text
    assert "\n| c {x}" not in text
    assert "a\\|b \\| c {x}" in text


def test_files_are_cut_and_hold_all_rows(
    evaluated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_files, "SHARD_BYTES", 1_000)
    monkeypatch.setattr(parquet_files, "GROUP_ROWS", 2)
    export_traces([evaluated / "unchanged"], tmp_path / "out")
    assert len(list((tmp_path / "out" / "data" / "traces").iterdir())) == 4
    assert len(rows(tmp_path / "out", "test")) == 8


# ---- one row


def a_trace() -> dict[str, Any]:
    """A line of `traces.jsonl`, in a few words."""
    outcome = {"submitted": None, "error": None, "visible_match": False, "hidden_matches": [False]}
    return {
        **dict.fromkeys(("problem_id", "policy", "prompt", "category", "difficulty", "database"), "x"),
        **outcome,
        "environment": "dsl",
        **dict.fromkeys(("sample", "seed", "turns", "hidden"), 0),
        **dict.fromkeys(("robust", "unchanged"), False),
        **dict.fromkeys(("row_share", "reward"), 0.0),
        **dict.fromkeys(("tokens", "prompt_tokens")),
        **dict.fromkeys(("failure", "stopped"), ""),
        "diagnosis": diagnosis_columns(Diagnosis()),
        **{"calls": {}, "seconds": 1.5},
        "messages": [{"role": "user", "content": "hello"}],
    }


def test_seconds_are_left_out_unless_asked_for() -> None:
    assert trace_export(a_trace())["seconds"] is None
    assert trace_export(a_trace(), "r", timed=True)["seconds"] == 1.5


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("search", "search"),
        ("openai:Qwen2.5-7B-Instruct", "openai:Qwen2.5-7B-Instruct"),
        ("hf:Qwen/Qwen2.5-7B", "hf:Qwen/Qwen2.5-7B"),
        ("hf:/home/me/runs/sft/checkpoint-40", "hf:sft/checkpoint-40"),
        ("vllm:../runs/sft/checkpoint-40/", "vllm:sft/checkpoint-40"),
        ("hf:runs/sft/checkpoint-40", "hf:runs/sft/checkpoint-40"),
    ],
)
def test_policies_are_named_without_the_folders_of_a_machine(name: str, public: str) -> None:
    assert trace_export(a_trace() | {"policy": name})["policy"] == public


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"turns": "three"}, "'turns'"),
        ({"turns": True}, "'turns'"),
        ({"submitted": 7}, "'submitted'"),
        ({"hidden_matches": ["yes"]}, "'hidden_matches'"),
        ({"messages": ["hello"]}, "'messages'"),
        ({"messages": [{"role": "user", "content": {}, "tool_calls": [1]}]}, "one of its messages"),
        ({"messages": [{"content": "hello"}]}, "one of its messages"),
        ({"messages": [{"role": "tool", "name": 3, "content": "x"}]}, "something else than text"),
        ({"environment": "python"}, "'passed'"),
    ],
)
def test_what_is_no_trace_is_told(change: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=f"^no trace: .*{what}"):
        trace_export(a_trace() | change)


# ---- the command


def command(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(traces_command, [str(a) for a in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_the_command_says_what_it_made(evaluated: Path, tmp_path: Path) -> None:
    status, said = command(evaluated / "unchanged", evaluated / "search", "--out", tmp_path / "out")
    assert (status, said) == (0, f"{tmp_path / 'out'}: 4 in validation, 8 in test\n")


def broken(evaluated: Path, place: Path, text: str) -> Path:
    place.mkdir()
    (place / RUN).write_bytes((evaluated / "search" / RUN).read_bytes())
    (place / TRACES).write_text(text)
    return place


def test_bad_input_is_told_in_one_line(evaluated: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    good = evaluated / "search"
    no_run = broken(evaluated, tmp_path / "f", "")
    (no_run / RUN).write_text('{"data": "here", "policy": [], "prompt": "none"}')
    surrogate = json.dumps(a_trace() | {"policy": "\ud800"}) + "\n"
    cases: list[tuple[list[str | Path], str]] = [
        ([mine, "--out", tmp_path / "a"], "holds no evaluation"),
        ([tmp_path / "nothing", "--out", tmp_path / "a"], "holds no evaluation"),
        ([good, good, "--out", tmp_path / "a"], "that was given before"),
        ([good, "--out", mine], "holds something else"),
        ([broken(evaluated, tmp_path / "b", ""), "--out", tmp_path / "a"], "no traces yet"),
        ([broken(evaluated, tmp_path / "c", "{}\n"), "--out", tmp_path / "a"], "line 1: no trace: it has no"),
        ([broken(evaluated, tmp_path / "d", "no\n"), "--out", tmp_path / "a"], "line 1: not JSON"),
        ([no_run, "--out", tmp_path / "a"], "says nothing of data and policy"),
        ([broken(evaluated, tmp_path / "e", surrogate), "--out", tmp_path / "a"], "cannot be stored"),
    ]
    for arguments, expected in cases:
        status, said = command(*arguments)
        assert status == 1
        assert expected in said
        assert said.count("\n") == 1, said
    assert not (tmp_path / "a").exists()
    assert (mine / "notes.txt").read_text() == "mine"


def test_an_earlier_one_is_replaced(evaluated: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_traces([evaluated / "search"], out)
    export_traces([evaluated / "unchanged"], out)
    assert [path.name for path in (out / "data" / "traces").iterdir()] == ["test-00000-of-00001.parquet"]
    with pytest.raises(ValueError, match="holds no evaluation"):
        export_traces([out], out)
    assert (out / "README.md").exists()


def test_traces_are_not_all_held_in_memory(
    evaluated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept of a trace before it is written is its place: seven short values."""
    seen: list[traces.Place] = []
    real = traces.sampled
    monkeypatch.setattr(traces, "sampled", lambda places, *rest: seen.extend(places) or real(places, *rest))
    export_traces([evaluated / "search"], tmp_path / "out")
    assert len(seen) == 4
    assert all(isinstance(value, (str, int)) and len(str(value)) < 100 for place in seen for value in place)
