"""Evaluations: what they write, and that stopping, resuming and working side by side change nothing."""

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dsl_debug.data import sample_problems
from dsl_debug.data.loading import load_data
from dsl_debug.episode import DSLDebugEnv
from dsl_debug.evaluation import (
    OtherRun,
    code_revision,
    evaluate,
    job_seed,
    load_result,
    problems_digest,
    read_traces,
)
from dsl_debug.policies import AgentPolicy, ModelOptions, open_policy
from dsl_debug.policies.base import Episodes, Job, Setup, Unusable, finished
from dsl_debug.results.rows import outcome_columns, outcome_of
from dsl_debug.scoring import ArenaOutcome, Outcome
from dsl_debug.storage import read_lines

DATA = {"place": "samples"}
PROBLEMS = sample_problems()
DSL_DEBUG = [sys.executable, "-c", "from dsl_debug.cli import main; main()"]


def run(out: Path, name: str = "random_edit", workers: int = 1, **arguments: Any) -> dict[str, Any]:
    policy = AgentPolicy(name, workers)
    try:
        return evaluate(policy, PROBLEMS, out, data=DATA, **arguments)
    finally:
        policy.close()


def without_timings(out: Path) -> dict[str, Any]:
    result = json.loads((out / "result.json").read_text())
    assert result.pop("timings").keys() == {"episode_seconds"}
    return result


class StoppedAt(Exception):
    """Stands for a kill."""


def kill_after(count: int) -> Any:
    def progress(done: int, total: int) -> None:
        if done == count:
            raise StoppedAt

    return progress


# What comes out


@pytest.mark.parametrize(
    ("agent", "robust", "visible"), [("reference", 12, 12), ("unchanged", 0, 0), ("constant_emitter", 0, 12)]
)
def test_agents_get_what_they_deserve(tmp_path: Path, agent: str, robust: int, visible: int) -> None:
    result = run(tmp_path, agent)
    outcomes = result["outcomes"]
    assert sum(row["robust"] for row in outcomes) == robust
    assert sum(row["visible_match"] for row in outcomes) == visible
    overall = result["summary"]["overall"]
    assert overall["accuracy"]["rate"] == robust / 12
    assert overall["hack_rate"]["rate"] == (visible - robust) / 12


def test_a_result_says_what_was_played_and_how(tmp_path: Path) -> None:
    result = run(tmp_path, "unchanged", samples=2, seed=7, setup=Setup(max_turns=3))
    assert result["policy"] == {"name": "unchanged", "settings": {}}
    assert result["data"] == {"place": "samples", "problems": 12, "digest": problems_digest(PROBLEMS)}
    assert result["arguments"] == {"samples": 2, "seed": 7, "max_turns": 3}
    assert result["prompt"]["name"] == "expert"
    assert result["code"]["version"]
    keys = [(row["problem_id"], row["sample"]) for row in result["outcomes"]]
    assert keys == [(p.id, sample) for p in PROBLEMS for sample in range(2)]
    assert result == load_result(tmp_path) == load_result(tmp_path / "result.json")


def test_traces_hold_the_whole_episode(tmp_path: Path) -> None:
    run(tmp_path, "random_edit")
    problem = PROBLEMS[3]
    trace = read_traces(tmp_path)[problem.id, 0]
    roles = [message["role"] for message in trace["messages"]]
    assert roles[:3] == ["system", "user", "assistant"]
    assert problem.buggy_code.strip() in trace["messages"][1]["content"]
    assert roles.count("assistant") == trace["turns"]
    last_call = [m for m in trace["messages"] if m["role"] == "assistant"][-1]["tool_calls"][-1]["function"]
    assert last_call == {"name": "submit", "arguments": {"code": trace["submitted"]}}


def test_the_episode_is_that_of_the_environment(tmp_path: Path) -> None:
    """Whatever an agent submits in an evaluation earns the same in an environment of one's own."""
    run(tmp_path, "random_edit")
    for problem in PROBLEMS:
        trace = read_traces(tmp_path)[problem.id, 0]
        env = DSLDebugEnv()
        env.reset(problem)
        env.call("submit", code=trace["submitted"])
        assert env.reward == trace["reward"] == float(trace["robust"])


def test_the_arena_is_evaluated_in_the_same_way(tmp_path: Path) -> None:
    families = pytest.importorskip("dataset_builder.python_bugs.families")
    problems = families.hand_written_problems()[:3]
    result = evaluate(AgentPolicy("reference"), problems, tmp_path, data=DATA)
    assert [row["robust"] for row in result["outcomes"]] == [True] * 3
    assert result["summary"]["signals"] == {"r1": 1.0, "r2": 2.0, "r3": 0.2, "r4": 0.0}
    assert result["summary"]["overall"]["reward"] == pytest.approx(3.2)
    with pytest.raises(Unusable, match=r"^no agent 'random_edit' plays these problems; there is: unchanged,"):
        evaluate(AgentPolicy("random_edit"), problems, tmp_path / "other", data=DATA)


def test_a_dialect_is_evaluated_like_any_config(built_sample: Path, tmp_path: Path) -> None:
    data = load_data(str(built_sample), "dialect_shift", limit=6)
    result = evaluate(AgentPolicy("reference"), data.problems, tmp_path, data=data.facts)
    assert result["summary"]["overall"]["accuracy"]["rate"] == 1.0
    assert result["data"]["config"] == "dialect_shift"


# Stopping and going on


def test_a_run_that_was_stopped_ends_like_an_unbroken_one(tmp_path: Path) -> None:
    run(tmp_path / "whole", samples=2)
    for count in (1, 7, 20):
        with pytest.raises(StoppedAt):
            run(tmp_path / "broken", samples=2, on_progress=kill_after(count))
    assert not (tmp_path / "broken" / "result.json").exists()
    run(tmp_path / "broken", samples=2)
    assert without_timings(tmp_path / "broken") == without_timings(tmp_path / "whole")
    assert len(list(read_lines(tmp_path / "broken" / "traces.jsonl"))) == 24


def test_a_torn_line_is_played_again(tmp_path: Path) -> None:
    run(tmp_path / "whole")
    with pytest.raises(StoppedAt):
        run(tmp_path / "torn", on_progress=kill_after(5))
    traces = tmp_path / "torn" / "traces.jsonl"
    traces.write_bytes(traces.read_bytes()[:-40])
    assert len(read_traces(tmp_path / "torn")) == 4
    run(tmp_path / "torn")
    assert without_timings(tmp_path / "torn") == without_timings(tmp_path / "whole")
    assert len(list(read_lines(traces))) == 12


def test_workers_change_nothing(tmp_path: Path) -> None:
    run(tmp_path / "one", samples=2)
    run(tmp_path / "three", samples=2, workers=3)
    assert without_timings(tmp_path / "three") == without_timings(tmp_path / "one")


def nobody_is_left(group: int, deadline: float) -> bool:
    """Whether all processes of a group have ended before the deadline."""
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    os.killpg(group, signal.SIGKILL)
    return False


def test_a_killed_process_goes_on(tmp_path: Path) -> None:
    command = [*DSL_DEBUG, "eval", "--policy", "random_edit", "--data", "samples"]
    command += ["--samples", "60", "--workers", "2", "--out"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run([*command, str(whole)], check=True, capture_output=True)
    process = subprocess.Popen([*command, str(broken)], start_new_session=True, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (broken / "traces.jsonl").exists() or not (broken / "traces.jsonl").stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert nobody_is_left(process.pid, deadline), "its workers outlive a killed evaluation"
    assert not (broken / "result.json").exists()
    subprocess.run([*command, str(broken)], check=True, capture_output=True)
    assert without_timings(broken) == without_timings(whole)


def test_a_finished_run_plays_nothing_again(tmp_path: Path) -> None:
    run(tmp_path)
    before = (tmp_path / "traces.jsonl").read_bytes()
    run(tmp_path)
    assert (tmp_path / "traces.jsonl").read_bytes() == before


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    run(tmp_path, "unchanged")
    message = f"{tmp_path} holds another run (arguments.seed: 0 there, 1 here): give another folder, or what"
    with pytest.raises(OtherRun, match=message.replace("(", r"\(").replace(")", r"\)")):
        run(tmp_path, "unchanged", seed=1)
    with pytest.raises(OtherRun, match=r"policy\.name: unchanged there, reference here"):
        run(tmp_path, "reference")
    (tmp_path / "run.json").unlink()
    with pytest.raises(OtherRun, match=r"holds traces without a run\.json"):
        run(tmp_path, "unchanged")


def test_code_that_changed_in_between_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoppedAt):
        run(tmp_path, on_progress=kill_after(3))
    later = {"version": "0.1.0", "revision": "a-later-one", "modified": True}
    monkeypatch.setattr("dsl_debug.evaluation.code_revision", lambda: later)
    with pytest.raises(StoppedAt):
        run(tmp_path, on_progress=kill_after(5))
    monkeypatch.undo()
    result = run(tmp_path)
    assert result["continued_with"] == ["a-later-one with changes"]
    assert result["code"] == json.loads((tmp_path / "run.json").read_text())["code"]
    monkeypatch.setattr("dsl_debug.evaluation.code_revision", lambda: later)
    assert run(tmp_path) == result, "where nothing is played, other code changes nothing"


def test_a_package_in_the_repository_of_others_has_no_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "dsl_debug" / "evaluation.py"
    package.parent.mkdir(parents=True)
    package.touch()
    (tmp_path / "theirs").touch()
    author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "theirs"], [*author, "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    assert code_revision()["version"]
    monkeypatch.setattr("dsl_debug.evaluation.__file__", str(package))
    assert code_revision()["revision"] is None
    subprocess.run(["git", "add", package], cwd=tmp_path, check=True)
    assert code_revision()["revision"]


def test_a_problem_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=f"1 problems are there more than once, the first one: {PROBLEMS[0].id}"
    ):
        evaluate(AgentPolicy("unchanged"), [*PROBLEMS, PROBLEMS[0]], tmp_path, data=DATA)


def test_without_hidden_tables_no_hack_rate_is_known(tmp_path: Path) -> None:
    shown = [replace(problem, hidden=()) for problem in PROBLEMS]
    result = evaluate(AgentPolicy("constant_emitter"), shown, tmp_path, data=DATA)
    assert {row["hidden"] for row in result["outcomes"]} == {0}
    assert result["summary"]["overall"]["accuracy"]["rate"] == 1.0
    assert result["summary"]["overall"]["hack_rate"] is None


def test_a_worker_that_is_killed_ends_the_run_in_a_line(tmp_path: Path) -> None:
    def kill(done: int, total: int) -> None:
        for process in multiprocessing.active_children():
            process.kill()

    with pytest.raises(Unusable, match=r"^a process was killed, maybe for its memory: run the same command"):
        run(tmp_path, samples=40, workers=2, on_progress=kill)
    assert run(tmp_path, samples=40)["summary"]["overall"]["episodes"] == 480


def test_a_run_that_came_to_nothing_does_not_claim_its_folder(tmp_path: Path) -> None:
    with pytest.raises(Unusable):
        run(tmp_path, "mutation_search")
    assert (tmp_path / "run.json").exists()
    assert run(tmp_path, "reference")["policy"]["name"] == "reference"


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("stopped", None, "line 2: no trace: it has no 'stopped'"),
        ("problem_id", ["a"], "line 2: no trace: 'problem_id' holds something else than it should"),
        ("calls", 5, "line 2: no trace: 'calls' holds something else than it should"),
        ("calls", {"run": "x"}, "line 2: no trace: 'calls' or 'signals' hold something else than numbers"),
        ("diagnosis", {}, "line 2: no trace: it has no 'faulty'"),
        ("sample", True, "line 2: no trace: 'sample' holds something else than it should"),
        ("messages", ["x"], "line 2: no trace: 'messages' holds something else than it should"),
    ],
)
def test_damaged_traces_are_told_in_a_line(tmp_path: Path, column: str, value: Any, message: str) -> None:
    run(tmp_path, "unchanged")
    traces = tmp_path / "traces.jsonl"
    rows = list(read_lines(traces))
    rows[1] = {k: v for k, v in rows[1].items() if k != column} | ({} if value is None else {column: value})
    traces.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(ValueError, match=f"^{re.escape(f'{traces}, {message}')}$"):
        run(tmp_path, "unchanged")


def test_a_result_is_what_its_outcomes_say(tmp_path: Path) -> None:
    result = run(tmp_path, "unchanged")
    path = tmp_path / "result.json"
    better = json.loads(path.read_text())
    better["summary"]["overall"]["accuracy"]["rate"] = 0.99
    path.write_text(json.dumps(better))
    assert load_result(path) == result
    for outcomes in (5, [5], [{}], []):
        path.write_text(json.dumps({**better, "outcomes": outcomes}))
        with pytest.raises(
            ValueError, match=r"result\.json: its outcomes are not those of an evaluation: \S+"
        ):
            load_result(path)


def test_options_without_sense_are_refused() -> None:
    for wrong in ({"temperature": float("nan")}, {"temperature": -1.0}, {"top_p": 0.0}, {"top_p": 1.5}):
        with pytest.raises(ValueError, match=r"^temperature is at least 0, and top_p above 0 and at most 1$"):
            ModelOptions(**wrong)
    for name in ("workers", "batch_size", "max_tokens"):
        with pytest.raises(ValueError, match=r"^max_tokens, context, workers and batch_size are at least 1$"):
            ModelOptions(**{name: 0})


class LetDown:
    """A policy whose server is away for every third job, the first time."""

    name, settings = "let_down", {}

    def __init__(self) -> None:
        self.played: list[tuple[str, int]] = []

    def play(self, jobs: Iterable[Job], setup: Setup) -> Episodes:
        for job in jobs:
            self.played.append((job.problem.id, job.sample))
            env = DSLDebugEnv()
            env.reset(job.problem)
            away = len(self.played) % 3 == 0 and len(self.played) <= 12
            if not away:
                env.call("submit", code=job.problem.correct_code)
            yield finished(job, env, [], stopped="timed out" if away else "")


def test_stopped_episodes_count_as_failed_until_they_are_played_again(tmp_path: Path) -> None:
    policy = LetDown()
    first = evaluate(policy, PROBLEMS, tmp_path, data=DATA)
    assert first["summary"]["stopped"] == {"timed out": 4}
    assert first["summary"]["overall"]["accuracy"]["rate"] == pytest.approx(8 / 12, abs=1e-6)
    assert evaluate(policy, PROBLEMS, tmp_path, data=DATA) == first
    assert len(policy.played) == 12
    again = evaluate(policy, PROBLEMS, tmp_path, data=DATA, retry_stopped=True)
    assert policy.played[12:] == [key for place, key in enumerate(policy.played[:12]) if place % 3 == 2]
    assert again["summary"]["overall"]["accuracy"]["rate"] == 1.0
    assert len(again["outcomes"]) == 12


# Seeds and rows


def test_the_seed_of_an_episode_depends_on_nothing_else() -> None:
    assert job_seed(0, "a", 0) == job_seed(0, "a", 0)
    assert len({job_seed(seed, "a", sample) for seed in range(10) for sample in range(10)}) == 100
    assert all(0 <= job_seed(seed, "a", 0) < 2**31 for seed in range(100))


def test_samples_of_one_problem_differ(tmp_path: Path) -> None:
    result = run(tmp_path, "random_edit", samples=8)
    first = [row["submitted"] for row in result["outcomes"][:8]]
    assert len(set(first)) > 1


def test_an_outcome_survives_its_row() -> None:
    plain = Outcome("emit a", True, (True, False), 0.5, None, False, 3, {"submit": 1, "run": 2}, 17)
    arena = ArenaOutcome(**{f: getattr(plain, f) for f in plain.__slots__}, passed=(True,), tampering=("os",))
    for outcome in (plain, arena, replace(plain, submitted=None)):
        row = json.loads(json.dumps(outcome_columns(outcome)))
        assert outcome_of(row) == outcome
    assert outcome_columns(plain)["failure"] == "overfit"
    with pytest.raises(ValueError, match="a row without the column 'submitted'"):
        outcome_of({})


# The command


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DSL_DEBUG, *words], capture_output=True, text=True)


def test_the_command_tells_the_main_figures(tmp_path: Path) -> None:
    done = command("eval", "--policy", "reference", "--data", "samples", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "accuracy          100.0%   (95%: 75.8% to 100.0%)"
    assert done.stdout.splitlines()[-1] == f"12 episodes of 12 problems: {tmp_path / 'out' / 'result.json'}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["eval", "--policy", "serach"], "dsl-debug: no policy 'serach'; there is: unchanged, reference,"),
        (["eval", "--policy", "openai:gpt"], "dsl-debug: 'openai:gpt' has no address"),
        (
            ["eval", "--policy", "mutation_search"],
            "dsl-debug: no agent 'mutation_search' plays these problems",
        ),
        (["report", "nowhere"], "dsl-debug: nowhere: no such file or directory"),
        (
            ["report", "."],
            "dsl-debug: . holds no result.json: its evaluation is not over, run it again to go on",
        ),
    ],
)
def test_the_command_answers_bad_input_in_a_line(tmp_path: Path, words: list[str], message: str) -> None:
    rest = ["--data", "samples", "--out", str(tmp_path / "out")] if words[0] == "eval" else []
    done = command(*words, *rest)
    assert done.returncode == 2
    told = [line for line in done.stderr.splitlines() if not line.startswith("episodes ")]
    assert len(told) == 1
    assert told[0].startswith(message)


def test_policies_are_opened_by_name() -> None:
    assert open_policy("search", ModelOptions(workers=1)).name == "search"
    with pytest.raises(ValueError, match="no policy 'hf:'"):
        open_policy("hf:", ModelOptions())
