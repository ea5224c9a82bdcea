"""What accelerate is told of sharding, and that it connects processes as offloaded weights need it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recipes.common.arguments import CONFIGS, read_config
from recipes.common.sharding import sharding_variables, tell_accelerate

ROOT = Path(__file__).resolve().parents[3]
TOLD = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_OFFLOAD_PARAMS": "true",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "true",
    "FSDP_STATE_DICT_TYPE": "FULL_STATE_DICT",
}
CONNECTED = """
import sys
import torch
from accelerate.state import DistributedType, PartialState
from recipes.common.arguments import GrpoArguments, SftArguments, parse

def connect(backend, **_):
    print("connected by", backend)
    sys.exit()

# As on a machine with a GPU, up to the moment when processes are connected.
PartialState._prepare_backend = lambda *_, **__: ("nccl", DistributedType.MULTI_GPU)
torch.distributed.init_process_group = connect
kind, trl, name = sys.argv[1:]
parse(globals()[kind], trl, name, ["--bf16", "false"])
"""
"""Parses a configuration, and says how accelerate would connect the processes."""


@pytest.mark.parametrize("name", ["sft_7b", "grpo_sft_rl_7b", "grpo_rl_only_7b"])
def test_the_7b_configurations_tell_what_accelerates_file_tells(name: str) -> None:
    assert sharding_variables(read_config(CONFIGS / f"{name}.yaml")) == TOLD


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"fsdp": False, "fsdp_config": {"version": 2}},
        {"fsdp": True},
        {"fsdp": True, "use_cpu": True, "fsdp_config": {"version": 2}},
    ],
)
def test_without_sharding_nothing_is_told(settings: dict[str, Any]) -> None:
    assert sharding_variables(settings) == {}


def test_what_is_set_already_stays() -> None:
    environment = {"FSDP_OFFLOAD_PARAMS": "false", "OTHER": "x"}
    settings = {
        "fsdp": True,
        "fsdp_config": {"fsdp_cpu_offload": True, "state_dict_type": "SHARDED_STATE_DICT"},
    }
    tell_accelerate(settings, environment)
    assert environment == {
        "FSDP_OFFLOAD_PARAMS": "false",
        "OTHER": "x",
        "ACCELERATE_USE_FSDP": "true",
        "FSDP_STATE_DICT_TYPE": "SHARDED_STATE_DICT",
    }


@pytest.mark.parametrize(
    ("kind", "trl", "name"),
    [
        ("GrpoArguments", "GRPOConfig", "grpo_sft_rl_7b.yaml"),
        ("SftArguments", "SFTConfig", "sft_7b.yaml"),
    ],
)
def test_a_plain_launch_connects_processors_too(kind: str, trl: str, name: str) -> None:
    pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")
    clean = {key: value for key, value in os.environ.items() if key not in TOLD}
    launched = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", CONNECTED, kind, trl, name],
        env={**clean, **launched, **where},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.stdout.splitlines()[-1:] == ["connected by cuda:nccl,cpu:gloo"], done.stderr[-2000:]
