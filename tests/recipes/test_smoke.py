"""The whole chain from nothing to a published model, killed in the middle and started again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dsl_debug.data import sample_problems
from dsl_debug.episode import TOOLS, messages, schemas
from dsl_debug.evaluation import load_result
from dsl_debug.policies.tokens import prompt_ids
from dsl_debug.storage import read_json
from recipes import smoke
from recipes.common.arguments import CONFIGS, read_config
from recipes.common.run_record import TRAINING, is_finished
from recipes.common.tiny import make_tokenizer
from tests.hub_server import loopback_hub

pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")

ROOT = Path(__file__).resolve().parents[2]
LONG = 3_000
"""Seconds: far more than it takes, on a machine that does much else."""


def kill_after(command: list[str], file: Path, environment: Mapping[str, str]) -> None:
    """Run a command until a file is there, then kill it with all its children."""
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    end = time.monotonic() + LONG
    try:
        while not file.exists():
            assert process.poll() is None, f"it ended with status {process.returncode} before {file.name}"
            assert time.monotonic() < end, f"no {file} after {LONG} seconds"
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_the_chain_is_killed_goes_on_and_is_published(tmp_path: Path) -> None:
    out = tmp_path / "smoke"
    command = [sys.executable, "-m", "recipes.smoke", "--out", str(out), "--repo", "user/dsl-debug-smoke"]
    with loopback_hub() as hub:
        # Other tests run beside this one: more threads than cores only wait for each other.
        environment = {**os.environ, **hub.environment(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
        kill_after(command, out / "grpo" / "checkpoint-1" / TRAINING, environment)
        assert not is_finished(out / "grpo")
        before = read_json(out / "grpo" / TRAINING)
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LONG
        )
        assert done.returncode == 0, done.stderr[-3000:]
        _, readme = hub.hub.find("model", "user/dsl-debug-smoke").file("main", "README.md")
    assert "recipes/sft.py" not in done.stdout, "what is done is not done again"
    check_training(out, before)
    assert "smoke" in readme.content.decode()
    assert load_result(out / "eval")["policy"]["name"].startswith("hf:")


def check_training(out: Path, before: dict[str, Any]) -> None:
    """The loss of supervised training fell; GRPO has every step once, and was begun when it was begun."""
    first, last = smoke.losses(out / "sft")
    assert last < first / 2
    record = read_json(out / "grpo" / TRAINING)
    assert max(row.get("groups/informative", 0) for row in record["history"]) > 0
    assert max(row.get("grad_norm") or 0 for row in record["history"]) > 0
    assert (record["steps"], record["is_smoke"], record["recipe"]) == (3, True, "grpo_sft_rl")
    assert [row["step"] for row in record["history"] if "turns" in row] == [1, 2, 3]
    assert record["history"][: len(before["history"])] == before["history"]
    assert record["started"] == before["started"]
    assert record["seconds"] > before["seconds"]
    traces = (out / "grpo" / "traces" / "rank-0" / "traces.jsonl").read_text().splitlines()
    assert {json.loads(line)["policy"] for line in traces} == {f"train:grpo@{step}" for step in range(3)}


# What the chain refuses

QUIET = {"turns": 2.0, "tokens/after_end": 0.0}
"""A step whose rollouts were of use."""


def test_a_loss_that_does_not_fall_ends_the_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = smoke.Chain(tmp_path, None, "user/x")

    def train(*_: Any) -> None:
        (tmp_path / "sft").mkdir()
        history = [{"step": 1, "loss": 4.0}, {"step": 2, "loss": 2.5}, {"step": 2, "train_loss": 3.2}]
        (tmp_path / "sft" / TRAINING).write_text(json.dumps({"history": history}))

    monkeypatch.setattr(smoke, "recipe", train)
    with pytest.raises(smoke.Failed, match=r"^sft: the loss went from 4\.000 to 2\.500, and should be far "):
        smoke.sft(chain)


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ([{"step": 1, "loss": 0.0}], r"^grpo: no rollouts were logged$"),
        (
            [{"turns": 2.0, "tokens/after_end": 3.0}],
            r"^grpo: tokens were generated behind the end of a message or of an episode$",
        ),
        (
            [{**QUIET, "groups/informative": 0.0, "grad_norm": 1.0}] * 2,
            r"^grpo: no step had a problem that was solved sometimes only, so nothing was learned$",
        ),
        (
            [{**QUIET, "groups/informative": 1.0, "grad_norm": 0.0}, {**QUIET, "groups/informative": 0.0}],
            r"^grpo: no step had a gradient$",
        ),
    ],
)
def test_rollouts_are_looked_at(tmp_path: Path, history: list[dict[str, float]], message: str) -> None:
    (tmp_path / TRAINING).write_text(json.dumps({"history": history}))
    with pytest.raises(smoke.Failed, match=message):
        smoke.check_rollouts(tmp_path)


def test_one_step_that_teaches_is_enough(tmp_path: Path) -> None:
    taught = {**QUIET, "groups/informative": 1.0, "grad_norm": 0.2}
    history = [{**QUIET, "groups/informative": 0.0, "grad_norm": 0.0}, taught]
    (tmp_path / TRAINING).write_text(json.dumps({"history": history}))
    smoke.check_rollouts(tmp_path)


def test_the_whole_chain_plays_the_same_episodes() -> None:
    trained = read_config(CONFIGS / "smoke_grpo.yaml")
    told = (trained["limit"], trained["prompt"], trained["max_turns"], trained["max_turn_tokens"])
    assert told == (smoke.PROBLEMS, smoke.PROMPT, smoke.TURNS, smoke.TOKENS)


@pytest.mark.parametrize("endpoint", ["", "https://huggingface.co", "http://10.0.0.1:80"])
def test_only_a_hub_on_this_machine_gets_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    monkeypatch.setattr(smoke, "run", lambda *words: pytest.fail(f"ran {words}"))
    smoke.push(smoke.Chain(tmp_path, None, "user/x"))
    assert "left out" in capsys.readouterr().out


def test_the_tokenizer_is_made_for_what_is_learned() -> None:
    made, plain = (make_tokenizer(texts) for texts in (smoke.texts(), None))
    for problem in sample_problems()[: smoke.PROBLEMS]:
        told = messages(problem, smoke.TURNS, smoke.PROMPT)
        lengths = [len(prompt_ids(tokenizer, told, schemas(TOOLS))) for tokenizer in (made, plain)]
        assert lengths[0] < 0.9 * lengths[1]


def test_a_dataset_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert smoke.main(["--out", str(tmp_path), "--data", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.endswith("`make build-data` makes dist/dsl-debug\n")


def test_a_stage_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(smoke.Failed, match=r"^`python -c raise SystemExit\(3\)` ended with status 3$"):
        smoke.run("-c", "raise SystemExit(3)")
