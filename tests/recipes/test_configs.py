"""The published configurations: what they hold, how they differ, and that the README says the same."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from recipes.common.arguments import (
    BASE_MODEL,
    CONFIGS,
    DATASET,
    SFT_MODEL,
    GrpoArguments,
    SftArguments,
    parse,
    read_config,
)
from recipes.common.preflight import check_batches

pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")

README = Path(__file__).resolve().parents[2] / "recipes" / "README.md"
GRPO = ("grpo_sft_rl", "grpo_rl_only")
HERE = ["--use_cpu", "true", "--needs_gpus", "0"]
"""Flags with which TRL takes a configuration for GPUs on a machine that has none."""


def settings(name: str) -> dict[str, Any]:
    return read_config(CONFIGS / f"{name}.yaml")


def differing(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def test_rl_only_and_sft_rl_differ_in_nothing_but_the_start() -> None:
    assert differing(settings("grpo_rl_only_7b"), settings("grpo_sft_rl_7b")) == {"start"}
    assert settings("grpo_rl_only_7b")["start"] == BASE_MODEL
    assert settings("grpo_sft_rl_7b")["start"] == SFT_MODEL


def test_the_study_of_rewards_differs_in_nothing_but_the_reward() -> None:
    visible, robust = settings("study_reward_visible"), settings("study_reward_robust")
    assert differing(visible, robust) == {"reward"}
    assert (visible["reward"], robust["reward"]) == ("visible", "robust")
    assert robust == settings("grpo_sft_rl_7b")


@pytest.mark.parametrize("name", ["grpo_sft_rl_7b", "grpo_rl_only_7b", "study_reward_visible"])
def test_published_grpo_as_trl_understands_it(name: str) -> None:
    arguments, config = parse(GrpoArguments, "GRPOConfig", f"{name}.yaml", HERE)
    check_batches(arguments, config)
    # This is one process; the configuration is for two.
    assert 2 * config.generation_batch_size == 512 * 8
    assert config.steps_per_generation == config.gradient_accumulation_steps == 512
    # vLLM takes so many sequences of a process at most.
    assert config.generation_batch_size * config.vllm_tensor_parallel_size <= 4_096
    assert (arguments.data, arguments.max_turns, arguments.base_model) == (DATASET, 8, BASE_MODEL)
    assert config.lr_scheduler_type == "cosine_with_min_lr"
    assert config.fsdp_plugin_args["fsdp_version"] == 2
    assert config.accelerator_config.gradient_accumulation_kwargs == {"sync_each_batch": True}
    assert (config.ddp_timeout, arguments.needs_disk_gb) == (14_400, 450)
    assert not config.push_to_hub


def test_published_sft_as_trl_understands_it() -> None:
    arguments, config = parse(SftArguments, "SFTConfig", "sft_7b.yaml", HERE)
    assert 2 * config.per_device_train_batch_size * config.gradient_accumulation_steps == 16
    assert (arguments.start, arguments.data_configs, config.max_length) == (BASE_MODEL, ["sft"], 8_192)
    assert config.assistant_only_loss
    assert config.accelerator_config.gradient_accumulation_kwargs == {"sync_each_batch": True}
    assert (config.ddp_timeout, arguments.needs_disk_gb) == (14_400, 320)


@pytest.mark.parametrize(
    ("name", "kind", "trl"),
    [("smoke_sft", SftArguments, "SFTConfig"), ("smoke_grpo", GrpoArguments, "GRPOConfig")],
)
def test_smoke_configurations_are_known_as_such(name: str, kind: Any, trl: str) -> None:
    arguments, config = parse(kind, trl, f"{name}.yaml", [])
    assert arguments.is_smoke
    assert config.use_cpu


@pytest.mark.parametrize("name", ["sft_7b", "grpo_sft_rl_7b"])
def test_accelerates_file_says_what_the_configurations_say(name: str) -> None:
    ours = settings(name)
    theirs = yaml.safe_load((CONFIGS / "accelerate_fsdp2_2gpu.yaml").read_text())
    assert theirs["num_processes"] == ours["needs_gpus"] == 2
    assert (theirs["mixed_precision"], theirs["distributed_type"]) == ("bf16", "FSDP")
    names = {key: f"fsdp_{key}" for key in ours["fsdp_config"]} | {"cpu_offload": "fsdp_offload_params"}
    for key, value in ours["fsdp_config"].items():
        other = theirs["fsdp_config"][names[key]]
        assert value == ([other] if isinstance(value, list) else other), key


# The table of the README


def table() -> list[tuple[str, str, Any]]:
    """Configuration, field and value of every row of the table of published hyper-parameters."""
    text = README.read_text(encoding="utf-8").split("## The published hyper-parameters")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:1] == "|"]
    return [
        (cells[0].strip("`"), cells[2].strip("`"), yaml.safe_load(cells[3].strip("`") or "false"))
        for cells in rows[2:]
    ]


def test_the_table_says_what_the_configurations_say() -> None:
    rows = table()
    assert len(rows) > 35
    for name, field, value in rows:
        for config in GRPO if name == "grpo" else (name,):
            found = settings(f"{config}_7b").get(field, False)
            assert found == value, f"{config}, {field}: {found!r} in the file, {value!r} in the README"


@pytest.mark.parametrize(
    "published",
    [
        *(
            "learning rate 5e-6",
            "2 epochs",
            "batch 16",
            "8,192",
            "learning rate 1e-5",
            "cosine",
            "down to 0.1",
        ),
        *(
            "2 warm-up steps",
            "40 steps",
            "512 prompts",
            "8 rollouts",
            "no KL",
            "entropy bonus 0.001",
            "clip 0.2",
        ),
        *("8 turns", "12,288 tokens", "bfloat16", "FSDP2", "0.3 of", "tensor parallel 2", "every 5 steps"),
        *("without variance", "binary reward", "validation after training", "step 100"),
    ],
)
def test_every_published_hyper_parameter_is_in_the_table(published: str) -> None:
    rows = re.findall(r"^\| `\w+` \| ([^|]*) \| `\w+` \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert any(published in row for row in rows)


def test_the_readme_names_every_recipe_and_configuration() -> None:
    text = README.read_text(encoding="utf-8")
    scripts = {path.name for path in README.parent.glob("*.py")} - {"__init__.py"}
    assert not sorted(
        name for name in scripts | {path.name for path in CONFIGS.glob("*.yaml")} if f"`{name}`" not in text
    )


def test_commands_of_the_readme_name_files_that_are_there() -> None:
    named = re.findall(r"(?:tests/)?recipes/[\w/]+\.(?:py|yaml)", README.read_text(encoding="utf-8"))
    assert len(named) > 8
    assert not [name for name in named if not (README.parents[1] / name).is_file()]
