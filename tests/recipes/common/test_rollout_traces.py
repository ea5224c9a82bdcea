"""Rollouts of training, written as traces, are read by whatever reads traces."""

from dataclasses import replace
from pathlib import Path

import pytest

from dataset_builder.python_bugs.families import hand_written_problems
from dsl_debug.cli.commands import run_command
from dsl_debug.evaluation import read_traces
from dsl_debug.problem import DslProblem
from dsl_debug.results.rows import outcome_of, result_row
from dsl_debug.results.summary import summarize
from dsl_debug.storage import read_lines
from recipes.common.arguments import BadArguments
from recipes.common.episodes import Rollout
from recipes.common.rollout_traces import OUT_OF_TOKENS, RolloutTraces, kept_rollouts
from space.library import trace_key, usable_trace
from tests.problems import CORRECT, OVERFIT, make_problem
from tests.recipes.played import call, rollout


@pytest.fixture(scope="module")
def problem() -> DslProblem:
    return make_problem()


@pytest.fixture(scope="module")
def rollouts(problem: DslProblem) -> list[Rollout]:
    """Three groups of two."""
    run, submit, overfit = (
        call("run", code=OVERFIT),
        call("submit", code=CORRECT),
        call("submit", code=OVERFIT),
    )
    return [
        rollout(problem, [run, submit], group=0, sample=0),
        rollout(problem, ["words", overfit], group=0, sample=1),
        rollout(problem, [run], group=1, sample=0),
        rollout(problem, ["words"] * 8, group=1, sample=1),
        rollout(hand_written_problems()[0], [call("run_tests", code="def")], group=2, sample=0),
        rollout(hand_written_problems()[0], ["words"], group=2, sample=1),
    ]


def write(folder: Path, rollouts: list[Rollout], step: int = 5, **settings: int) -> list[dict]:
    traces = RolloutTraces(folder, "grpo", **settings)
    traces.add(step, rollouts)
    traces.close()
    return list(read_lines(traces.path))


def test_the_space_and_evaluations_read_them(tmp_path: Path, rollouts: list[Rollout]) -> None:
    rows = write(tmp_path, rollouts)
    usable = [usable_trace(row) for row in rows]
    assert [trace["policy"] for trace in usable] == ["train:grpo@5"] * 6
    assert len({trace_key(trace) for trace in usable}) == 6
    assert list(read_traces(tmp_path / "rank-0")) == [
        *((rollouts[0].problem_id, n) for n in range(4)),
        *((rollouts[4].problem_id, n) for n in range(2)),
    ]
    kept = [outcome_of(row) for row in rows]
    assert kept == [replace(r.outcome, tokens=r.generated_tokens) for r in rollouts]
    summary = summarize([result_row(row) for row in rows])
    assert summary["stopped"] == {OUT_OF_TOKENS: 3}
    assert summary["failures"] == {"never_submitted": 4, "overfit": 1}


def test_the_command_makes_a_page_of_one(tmp_path: Path, rollouts: list[Rollout]) -> None:
    write(tmp_path, rollouts)
    page = tmp_path / "page.html"
    command = ["trace", str(tmp_path / "rank-0"), "--problem", rollouts[0].problem_id, "--sample", "1"]
    assert run_command([*command, "--out", str(page)]) == 0
    assert "train:grpo@5" in page.read_text()
    assert "There is no tool call in this message" in page.read_text()


def test_whole_groups_are_kept_of_a_step(tmp_path: Path, rollouts: list[Rollout]) -> None:
    assert len(write(tmp_path / "a", rollouts, per_step=1)) == 2
    assert len(write(tmp_path / "b", rollouts, per_step=3)) == 4
    assert len(write(tmp_path / "c", rollouts, per_step=0)) == 0


def test_a_resumed_run_goes_on_behind_a_torn_line(tmp_path: Path, rollouts: list[Rollout]) -> None:
    write(tmp_path, rollouts[:2], step=1)
    path = tmp_path / "rank-0" / "traces.jsonl"
    with path.open("a") as file:
        file.write('{"problem_id": "torn')
    rows = write(tmp_path, rollouts[:2], step=2)
    assert [(row["policy"], row["sample"]) for row in rows] == [
        ("train:grpo@1", 0),
        ("train:grpo@1", 1),
        ("train:grpo@2", 2),
        ("train:grpo@2", 3),
    ]


def test_ranks_write_files_of_their_own(tmp_path: Path, rollouts: list[Rollout]) -> None:
    first, second = RolloutTraces(tmp_path, "grpo", rank=0), RolloutTraces(tmp_path, "grpo", rank=1)
    assert first.path != second.path
    with pytest.raises(ValueError, match=r"rank-1/traces\.jsonl is being written by another process"):
        RolloutTraces(tmp_path, "grpo", rank=1)
    first.close()
    second.close()


def test_rollouts_of_other_processes_are_passed_over(tmp_path: Path, rollouts: list[Rollout]) -> None:
    facts = [replace(rollout, messages=[], problem=None) for rollout in rollouts[:2]]
    assert len(write(tmp_path, [*facts, *rollouts[2:4]])) == 2


# Of a whole run


def test_a_run_has_a_file_for_each_process_from_its_first_rollout_on(
    tmp_path: Path, rollouts: list[Rollout], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    run = tmp_path / "grpo"
    with kept_rollouts(run) as keep:
        assert not run.exists()
        keep(4, rollouts[:2])
        keep(5, rollouts[:2])
    rows = list(read_lines(run / "traces" / "rank-1" / "traces.jsonl"))
    assert [row["policy"] for row in rows] == ["train:grpo@4"] * 2 + ["train:grpo@5"] * 2
    assert [path.name for path in (run / "traces").iterdir()] == ["rank-1"]
    RolloutTraces(run / "traces", "grpo", rank=1).close()  # nobody holds it any more


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path, rollouts: list[Rollout]) -> None:
    with kept_rollouts(tmp_path) as keep, kept_rollouts(tmp_path) as keep_as_well:
        keep(1, rollouts)
        with pytest.raises(BadArguments, match=r"rank-0/traces\.jsonl is being written by another process"):
            keep_as_well(1, rollouts)
