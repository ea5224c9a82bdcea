"""No place, account or secret of a machine gets through."""

from typing import Any

import pytest

from model_cards.public import LEFT_OUT, public_arguments, public_text, public_value

PRIVATE: dict[str, Any] = {
    "output_dir": "/home/andrea/runs/rl",
    "logging_dir": "/home/andrea/runs/rl/runs/Nov21_21-00-00_andreas-box",
    "cache_dir": "relative/cache",
    "hub_token": "secret",
    "push_to_hub_token": "secret",
    "hub_model_id": "andrea/private-model",
    "run_name": "andreas-box",
    "wandb_project": "andrea",
    "report_to": ["wandb"],
    "vllm_server_host": "10.1.2.3",
    "vllm_server_base_url": "http://andrea:secret@10.1.2.3",
    "api_key": "secret",
    "resume_from_checkpoint": "/home/andrea/runs/rl/checkpoint-5",
    "local_rank": 0,
}


def test_arguments_of_a_machine_are_left_out() -> None:
    assert public_arguments({**PRIVATE, "learning_rate": 1e-5}) == {"learning_rate": 1e-5}


def test_arguments_of_training_stay() -> None:
    kept = {
        "beta": 0.0,
        "bf16": True,
        "loss_type": "grpo",
        "importance_sampling_level": "token",
        "include_num_input_tokens_seen": "no",
        "max_turn_tokens": 2048,
        "use_cache": False,
        "eos_token": "<|im_end|>",
        "lr_scheduler_kwargs": {"min_lr_rate": 0.1},
        "data_configs": ["problems"],
        "start": "user/dsl-debug-sft-7b",
    }
    assert public_arguments(kept) == kept


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-7B-Instruct"),
        ("/home/andrea/models/sft", "sft"),
        ("~/runs/sft", "sft"),
        ("../runs/sft", "sft"),
        (r"C:\Users\andrea\sft", "sft"),
        ("hf:/home/andrea/rl/checkpoint-40", "hf:rl/checkpoint-40"),
        ("/home/andrea/checkpoint-40", "checkpoint-40"),
        ("hf:/home/andrea", LEFT_OUT),
        ("/home/andrea", LEFT_OUT),
        ("/home/ann", LEFT_OUT),
        ("", ""),
        ("loaded from /home/andrea/sft", LEFT_OUT),
        ("--out=/home/ann/x", LEFT_OUT),
        ("file:///home/andrea", LEFT_OUT),
        ("hf_abcdefghijklmnop", LEFT_OUT),
        ("use sk-abcdefghijklmnop1234 here", LEFT_OUT),
        ("http://andrea:secret@host/v1", LEFT_OUT),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", LEFT_OUT),
        ("1/2 and/or 3/4", "1/2 and/or 3/4"),
        ("2026-11-20T08:00:00+00:00", "2026-11-20T08:00:00+00:00"),
    ],
)
def test_a_text_shows_no_place_and_no_secret(text: str, shown: str) -> None:
    assert public_text(text) == shown


def test_texts_within_values_are_looked_at_too() -> None:
    value = {"a": ["/home/ann/x", {"b": "hf_abcdefghijklmnop", "token": "x"}], "n": 1, "none": None}
    assert public_value(value) == {"a": ["x", {"b": LEFT_OUT}], "n": 1, "none": None}


def test_what_is_left_out_and_what_is_null_is_no_argument() -> None:
    assert public_arguments({"a": "hf_abcdefghijklmnop", "b": None, "c": 1}) == {"c": 1}
