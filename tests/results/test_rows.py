"""Names of policies and places of data, as far as everybody may see them."""

import pytest

from dsl_debug.results.rows import public_name


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("hf:/home/alice/model", "hf:model"),
        ("hf:/home/alice/model/", "hf:model"),
        ("hf:~/m", "hf:m"),
        ("vllm:~alice/runs/m", "vllm:m"),
        ("hf:../alice/m", "hf:m"),
        ("openai:/models/m", "openai:m"),
        (r"hf:C:\Users\alice\m", "hf:m"),
        (r"C:\Users\alice\m", "m"),
        (r"hf:\\server\alice\m", "hf:m"),
        (r"hf:~\m", "hf:m"),
        ("/data/alice/test.jsonl", "test.jsonl"),
        ("hf:/home/alice/rl/checkpoint-40", "hf:rl/checkpoint-40"),
        (r"hf:C:\alice\rl\checkpoint-40", "hf:rl/checkpoint-40"),
        ("hf:~/rl/global_step_5/actor/huggingface", "hf:rl/global_step_5/actor/huggingface"),
    ],
)
def test_folders_of_a_machine_are_left_out(text: str, public: str) -> None:
    assert public_name(text) == public


@pytest.mark.parametrize(
    "text",
    [
        "search",
        "samples",
        "dist/dsl-debug",
        "alice/dsl-debug",
        "hf:runs/sft-rl/checkpoint-40",
        "vllm:Qwen/Qwen2.5-7B-Instruct",
        "openai:meta-llama/Llama-3:8b",
    ],
)
def test_other_names_stay(text: str) -> None:
    assert public_name(text) == text
