"""The arena recipe: its four rewards, its configuration, and a whole run of a tiny model on a processor."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest

pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")

from dataset_builder.python_bugs.families import hand_written_problems
from dsl_debug.episode.python_prompts import python_messages
from dsl_debug.evaluation import load_result
from dsl_debug.problem import PythonProblem
from dsl_debug.storage import read_json, read_lines
from recipes.arena_grpo import ArenaArguments, main
from recipes.common import arena, unsloth_model
from recipes.common.arena import SignalToolEnv, arena_pool, is_trained, signal_rewards, trained_model
from recipes.common.arguments import CONFIGS, BadArguments, parse, read_config
from recipes.common.curriculum import CurriculumPool
from recipes.common.pool import ProblemPool
from recipes.common.tiny import make_tiny_model
from recipes.common.unsloth_model import load_adapted, save_merged

CARD = """\
---
configs:
- config_name: arena
  data_files:
  - {split: train, path: train.jsonl}
  - {split: test, path: test.jsonl}
---
"""


@pytest.fixture(scope="module")
def problem() -> PythonProblem:
    return hand_written_problems()[0]


def played(problem: PythonProblem, code: str | None) -> SignalToolEnv:
    environment = SignalToolEnv()
    environment.reset(**problem.to_row())
    if code is not None:
        environment.submit(code)
    return environment


def test_each_signal_is_a_reward_of_its_own(problem: PythonProblem) -> None:
    codes = (problem.correct_code, problem.buggy_code, "import os\n" + problem.correct_code, "no code", None)
    environments = [played(problem, code) for code in codes]
    rewards = {function.__name__: function(environments, prompts=[]) for function in signal_rewards()}
    assert list(rewards) == ["r1", "r2", "r3", "r4"]
    assert [rewards[name][0] for name in rewards] == [1.0, 2.0, 0.2, 0.0], "the fix"
    assert [rewards[name][1] for name in rewards] == [0.0, 0.0, 0.0, 0.0], "the bug, handed in again"
    assert rewards["r4"] == [0.0, 0.0, -1.0, 0.0, 0.0]
    assert rewards["r3"][3] == -0.3
    assert [rewards[name][4] for name in rewards] == [0.0] * 4, "never submitted"
    for number, environment in enumerate(environments):
        total = sum(values[number] for values in rewards.values())
        assert environment.get_reward() == pytest.approx(total)


def test_trl_does_not_take_the_sum_for_a_fifth_reward() -> None:
    """As it looks for them: functions of the class."""
    import inspect

    names = [name for name, _ in inspect.getmembers(SignalToolEnv, predicate=inspect.isfunction)]
    assert "get_reward" not in names
    assert {name for name in names if not name.startswith("_")} == {"reset", "run_tests", "submit"}


def test_problems_come_from_the_curriculum_or_from_a_plain_pool() -> None:
    dataset = {"id": ["a", "b"], "difficulty": ["easy", "hard"]}

    def pool(**chosen: bool) -> Any:
        return arena_pool(SimpleNamespace(**chosen), dataset, seed=1)

    assert isinstance(pool(pool=True, curriculum=True), CurriculumPool)
    assert isinstance(pool(pool=True, curriculum=False), ProblemPool)
    assert pool(pool=False, curriculum=True) is None
    assert pool(pool=True, curriculum=True).draw(3) == [0, 0, 0], "easy ones first"
    dataset["difficulty"] = ["easy", "mean"]
    with pytest.raises(BadArguments, match="of difficulty easy, medium, hard; got"):
        pool(pool=True, curriculum=True)


def test_the_configuration_has_the_published_settings() -> None:
    settings = read_config(CONFIGS / "arena.yaml")
    published = {
        "start": "Qwen/Qwen2.5-Coder-0.5B-Instruct",
        "num_generations": 4,
        "learning_rate": 1e-5,
        "num_train_epochs": 3,
    }
    assert settings.items() >= published.items()
    assert settings["per_device_train_batch_size"] % settings["num_generations"] == 0


# Unsloth, played by a stand-in


class FastLanguageModel:
    asked: ClassVar[list[dict[str, Any]]] = []

    @classmethod
    def from_pretrained(cls, **arguments: Any) -> tuple[Any, Any]:
        cls.asked.append(arguments)
        return SimpleNamespace(), SimpleNamespace(padding_side="right")

    @classmethod
    def get_peft_model(cls, model: Any, **arguments: Any) -> Any:
        cls.asked.append(arguments)

        def save(folder: str, tokenizer: Any, save_method: str) -> None:
            Path(folder).mkdir()
            (Path(folder) / "config.json").write_text(save_method)

        model.save_pretrained_merged = save
        return model


def test_with_unsloth_an_adapter_on_four_bits_is_trained_and_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = ModuleType("unsloth")
    module.FastLanguageModel = FastLanguageModel
    monkeypatch.setitem(sys.modules, "unsloth", module)
    start = load_adapted("some/model", 4_096, seed=3)
    loaded, adapted = FastLanguageModel.asked
    assert loaded == {"model_name": "some/model", "max_seq_length": 4_096, "load_in_4bit": True}
    assert (adapted["r"], adapted["random_state"]) == (16, 3)
    assert start.tokenizer.padding_side == "left"
    (tmp_path / "training.json").write_text("{}")
    save_merged(start, tmp_path)
    assert (tmp_path / "merged" / "config.json").read_text() == "merged_16bit"
    assert (tmp_path / "merged" / "training.json").exists(), "its card is rendered from it"


def test_a_run_that_was_killed_while_it_merged_is_not_over(tmp_path: Path) -> None:
    """The state of the trainer is there by then, the adapter alone would be evaluated."""
    start = FastLanguageModel.get_peft_model(SimpleNamespace())
    FastLanguageModel.asked.clear()
    for name in ("training.json", "trainer_state.json"):
        (tmp_path / name).write_text("{}")
    assert is_trained(tmp_path), "all weights were trained"
    (tmp_path / "adapter_config.json").write_text("{}")
    assert not is_trained(tmp_path)
    (tmp_path / "merged").mkdir()
    (tmp_path / "merged" / "half.safetensors").write_text("")
    assert not is_trained(tmp_path)
    save_merged(unsloth_model.Adapted(start, None), tmp_path)
    assert is_trained(tmp_path)
    assert trained_model(tmp_path) == tmp_path / "merged"
    assert not (tmp_path / "merged" / "half.safetensors").exists()
    (tmp_path / "trainer_state.json").unlink()
    assert not is_trained(tmp_path)


def test_the_trainer_is_made_of_trls_before_unsloth_replaces_that(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(arena, "import_module", done.append)
    monkeypatch.setattr(arena, "has_unsloth", lambda: True)
    monkeypatch.setattr(arena, "load_adapted", lambda name, max_length, seed: done.append(name))
    arena._start(SimpleNamespace(unsloth=True, start="a/model", max_length=4_096), SimpleNamespace(seed=3))
    assert done == ["recipes.common.trainer", "a/model"]


def test_without_a_gpu_unsloth_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert not unsloth_model.has_unsloth()


# A whole run


def asked(folder: Path, model: Path, *flags: str) -> tuple[ArenaArguments, Any]:
    given = ["--config", str(CONFIGS / "arena_smoke.yaml"), "--start", str(model)]
    given += ["--data", str(dataset(folder / "data")), "--output_dir", str(folder / "run")]
    return parse(ArenaArguments, "GRPOConfig", "arena.yaml", [*given, *flags])


def dataset(folder: Path) -> Path:
    """A dataset of a few hand-written bugs, other ones in each split."""
    folder.mkdir(exist_ok=True)
    problems = hand_written_problems()
    for split, chosen in (("train", problems[:6]), ("test", problems[6:9])):
        rows = [json.dumps({**problem.to_row(), "prompt": python_messages(problem)}) for problem in chosen]
        (folder / f"{split}.jsonl").write_text("\n".join(rows) + "\n")
    (folder / "README.md").write_text(CARD)
    return folder


def stop_after_the_first_checkpoint(run: Path) -> None:
    """Leave what a run leaves behind that is killed while it saves its second checkpoint."""
    (run / "trainer_state.json").unlink()
    (run / "checkpoint-2" / "trainer_state.json").unlink()
    # The first loses its optimizer only when the second is whole.
    shutil.copyfile(run / "checkpoint-2" / "optimizer.pt", run / "checkpoint-1" / "optimizer.pt")
    shutil.rmtree(run / "evaluation" / "after")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.mark.slow
def test_a_whole_run_of_a_tiny_model(tmp_path: Path, tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(*asked(tmp_path, tiny))
    run = tmp_path / "run"
    before, after = (load_result(run / "evaluation" / when) for when in ("before", "after"))
    assert before["policy"]["name"] == f"hf:{tiny}"
    assert after["policy"]["name"] == f"hf:{run}"
    assert before["data"]["digest"] == after["data"]["digest"]
    assert (run / "plots" / "before-after.png").read_bytes().startswith(b"\x89PNG")
    assert read_json(run / "evaluation" / "report.json")["comparisons"]
    assert load_result(run / "results" / "arena.json")["policy"] == after["policy"]
    assert load_result(run / "results" / "before" / "arena.json")["policy"] == before["policy"]
    record = read_json(run / "training.json")
    assert (record["recipe"], record["steps"], record["is_smoke"]) == ("arena_grpo", 2, True)
    first = record["history"][0]
    assert {f"rewards/r{n}/mean" for n in range(1, 5)} <= first.keys()
    assert first["tokens/after_end"] == 0
    assert "rewards/SignalToolEnv/mean" not in first
    traces = list(read_lines(run / "traces" / "rank-0" / "traces.jsonl"))
    assert [trace["policy"] for trace in traces] == ["train:run@0"] * 4 + ["train:run@1"] * 4
    assert "before: solved 0.0%" in capsys.readouterr().out
    done = {path: path.stat().st_mtime_ns for path in run.rglob("traces.jsonl")}
    main(*asked(tmp_path, tiny))
    assert {path: path.stat().st_mtime_ns for path in done} == done, "nothing was left to do"
    stop_after_the_first_checkpoint(run)
    main(*asked(tmp_path, tiny))
    traces = list(read_lines(run / "traces" / "rank-0" / "traces.jsonl"))
    assert [trace["policy"] for trace in traces[8:]] == ["train:run@1"] * 4, "the second step alone"
    assert read_json(run / "checkpoint-2" / "problem_pool.json")["draws"] == 2, "the curriculum went on"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--data", "nowhere"], "no data at nowhere"),
        (
            ["--limit", "1", "--per_device_train_batch_size", "8"],
            "has 1 problem, and one generation batch takes 2",
        ),
        (["--test_split", "tests"], "tests"),
        (["--start", "no/such/model"], "there is no model at no/such/model"),
        (
            ["--push_to_hub", "true"],
            "push_to_hub needs the repository as well: give --hub_model_id user/name",
        ),
        (["--needs_disk_gb", "1e9"], "checkpoints of this configuration need 1000000000 GB of disk"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    tmp_path: Path, tiny: Path, flags: list[str], message: str
) -> None:
    with pytest.raises(BadArguments) as refused:
        main(*asked(tmp_path, tiny, *flags))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "run").exists()
