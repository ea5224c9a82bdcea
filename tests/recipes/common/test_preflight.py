"""What is looked at before anything is loaded, and what is said about it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dsl_debug.storage import read_json, write_json
from recipes.common import preflight, vllm_cpu
from recipes.common.arguments import BadArguments, GrpoArguments
from recipes.common.preflight import (
    ANOTHER,
    chat_tokenizer,
    check_batches,
    check_chat,
    check_disk,
    check_enough,
    check_machine,
    check_publishing,
    check_start,
    prepare_engine,
)
from recipes.common.tiny import make_tiny_model
from tests.hub_server import loopback_hub

pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")

FOR_TWO = GrpoArguments(needs_gpus=2, needs_gpu_gib=75)
LAUNCHED = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}


def gpus(monkeypatch: pytest.MonkeyPatch, *memories: float) -> None:
    monkeypatch.setattr(preflight, "gpu_memories", lambda: list(memories))


# The machine


@pytest.mark.parametrize(
    ("memories", "environment", "message"),
    [
        ((), {}, r"^this configuration is for 2 GPUs of 75 GiB, and there is none here: run it on such a"),
        ((80,), {}, r"^this configuration is for 2 GPUs of 75 GiB, and there is 1 here: run it on such "),
        ((80, 40), LAUNCHED, r"of 75 GiB, and one here has 40 GiB: run it on such a machine, or give a smal"),
        ((80, 80), {}, r"with a process for each, and this is 1 of 1: start it with `accelerate launch --c"),
        ((80,) * 4, {"WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "4"}, r"this is 1 of 4: start it with .*--needs"),
    ],
)  # fmt: skip
def test_machines_that_do_not_fit(
    monkeypatch: pytest.MonkeyPatch, memories: tuple[float, ...], environment: dict[str, str], message: str
) -> None:
    gpus(monkeypatch, *memories)
    with pytest.raises(BadArguments, match=message):
        check_machine(FOR_TWO, environment)


def test_a_disk_without_room_for_checkpoints_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run has written already counts as room: it goes on."""
    run = tmp_path / "runs" / "mine"
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda place: SimpleNamespace(free=100 * 10**9))
    needs = GrpoArguments(needs_disk_gb=100.5)
    with pytest.raises(BadArguments) as caught:
        check_disk(needs, run)
    assert str(caught.value).startswith(
        "checkpoints of this configuration need 100 GB of disk (one has up to 120 GB), and "
        f"{tmp_path} has 100 GB: give an --output_dir elsewhere"
    )
    check_disk(GrpoArguments(needs_disk_gb=100), run)
    check_disk(GrpoArguments(), run)
    monkeypatch.setattr(preflight, "GB", 100)
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda place: SimpleNamespace(free=10_000))
    (run / "checkpoint-5").mkdir(parents=True)
    (run / "checkpoint-5" / "model.safetensors").write_bytes(b"x" * 50)
    check_disk(needs, run)


def test_machines_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 79.2, 79.2)
    check_machine(FOR_TWO, LAUNCHED)
    # Two machines with a GPU each.
    gpus(monkeypatch, 79.2)
    check_machine(FOR_TWO, {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "1"})
    gpus(monkeypatch)
    check_machine(GrpoArguments(), {})


# The model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def test_a_model_in_a_folder(folder: Path, tmp_path: Path) -> None:
    check_start(GrpoArguments(start=str(folder)))
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(
        BadArguments, match=r"holds no model to start from: it lacks weights; train it first$"
    ):
        check_start(GrpoArguments(start=str(tmp_path)), "train it first")
    (tmp_path / "config.json").unlink()
    with pytest.raises(BadArguments, match=rf"it lacks config\.json and weights; {ANOTHER}$"):
        check_start(GrpoArguments(start=str(tmp_path)))


def test_a_model_that_is_nowhere() -> None:
    with pytest.raises(BadArguments, match=rf"^there is no model at runs/sft/last: {ANOTHER}$"):
        check_start(GrpoArguments(start="runs/sft/last"))
    with pytest.raises(BadArguments, match=r"^there is no model at runs/sft/last: train it first$"):
        check_start(GrpoArguments(start="runs/sft/last"), "train it first")


def test_a_model_on_the_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub

    with loopback_hub() as hub:
        api = huggingface_hub.HfApi(endpoint=hub.url, token="hf_x")
        monkeypatch.setattr(huggingface_hub, "HfApi", lambda: api)
        message = r"^there is no model user/none on the Hub, or the token may not see it: train it first$"
        with pytest.raises(BadArguments, match=message):
            check_start(GrpoArguments(start="user/none"), "train it first")
        with pytest.raises(BadArguments, match=rf"may not see it: {ANOTHER}$"):
            check_start(GrpoArguments(start="user/none"))
    unknown = r"^the Hub cannot say whether there is a model user/none: .*; try again, or train it first$"
    with pytest.raises(BadArguments, match=unknown):
        check_start(GrpoArguments(start="user/none"), "train it first")


def test_a_gated_model_on_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError

    def refuse(name: str, file: str) -> bool:
        raise GatedRepoError("403", response=SimpleNamespace(headers={}, request=None))

    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: SimpleNamespace(file_exists=refuse))
    with pytest.raises(BadArguments) as caught:
        check_start(GrpoArguments(start="user/closed"), "train it first")
    assert str(caught.value) == (
        "the model user/closed on the Hub is gated: ask for access on its page and log in with"
        " `hf auth login`, or train it first"
    )


# How the model speaks


@pytest.fixture
def other(folder: Path, tmp_path: Path) -> Callable[..., str]:
    """A model whose settings are those of the tiny one but for some, and which has no weights."""

    def make(template: str | None = None, **changes: dict[str, Any]) -> str:
        made = tmp_path / "other"
        shutil.copytree(
            folder, made, ignore=lambda _, names: [n for n in names if n.endswith(".safetensors")]
        )
        for name, values in changes.items():
            write_json(made / f"{name}.json", {**read_json(made / f"{name}.json"), **values})
        if template is not None:
            (made / "chat_template.jinja").write_text(template)
        return str(made)

    return make


def test_a_model_that_ends_its_messages_where_generation_stops(
    folder: Path, other: Callable[..., str]
) -> None:
    check_chat(str(folder))
    named = read_json(folder / "generation_config.json")["eos_token_id"]
    start = other(tokenizer_config={"eos_token": "<|endoftext|>"}, generation_config={"eos_token_id": named})
    check_chat(start)


def test_without_a_generation_config_its_config_says_where_it_stops(
    folder: Path, other: Callable[..., str]
) -> None:
    end = read_json(folder / "config.json")["eos_token_id"]
    start = other(tokenizer_config={"eos_token": "<|endoftext|>"}, config={"eos_token_id": end})
    (Path(start) / "generation_config.json").unlink()
    check_chat(start)
    write_json(Path(start) / "config.json", {**read_json(Path(start) / "config.json"), "eos_token_id": 0})
    with pytest.raises(BadArguments, match=r"ends messages with '<.im_end.>', at which"):
        check_chat(start)


def test_a_base_model_that_would_not_stop_is_refused(other: Callable[..., str]) -> None:
    """As the base models of Qwen2.5: their template is that of the chat models, their end is not."""
    start = other(tokenizer_config={"eos_token": "<|endoftext|>"}, generation_config={"eos_token_id": 0})
    with pytest.raises(BadArguments) as caught:
        check_chat(start)
    assert str(caught.value) == (
        f"{start} cannot be trained on episodes: the chat template ends messages with '<|im_end|>', at which"
        " generation would not stop: add it to eos_token_id in generation_config.json of the model"
    )
    chat_tokenizer(start)  # it may learn to stop there by supervised training


def test_a_tokenizer_without_a_chat_template_is_refused(other: Callable[..., str]) -> None:
    start = other()
    (Path(start) / "chat_template.jinja").unlink()
    with pytest.raises(BadArguments) as caught:
        check_chat(start)
    assert str(caught.value).startswith(f"the chat template of {start} cannot be used: ")
    assert "\n" not in str(caught.value)


def test_a_chat_template_without_tools_is_refused(other: Callable[..., str]) -> None:
    plain = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    start = other(plain + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
    with pytest.raises(BadArguments) as caught:
        check_chat(start)
    assert str(caught.value).startswith(f"the chat template of {start} leaves out tools, calls or answers: ")


# vLLM


def test_vllm_is_prepared_on_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(vllm_cpu, "prepare", lambda: done.append("prepared"))
    prepare_engine(config())
    assert done == []
    prepare_engine(config(use_vllm=True, vllm_mode="colocate"))
    assert done == ["prepared"]


def test_without_vllm_it_is_told_before_data_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """In front of a server, too: TRL's client comes with it."""
    monkeypatch.setattr(preflight, "find_spec", lambda name: None)
    message = r"^use_vllm is set, and vLLM is not installed: `pip install vllm==0\.31\.0`, or give --use"
    with pytest.raises(BadArguments, match=message):
        prepare_engine(config(use_vllm=True, vllm_mode="server"))
    on_gpu = SimpleNamespace(use_vllm=True, use_cpu=False, vllm_mode="colocate")
    with pytest.raises(BadArguments, match=message):
        prepare_engine(on_gpu)
    monkeypatch.setattr(preflight, "find_spec", lambda name: object())
    prepare_engine(on_gpu)


# Publishing


def test_publishing_needs_a_repository_and_the_right_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    from dsl_debug.hub import NotPublished

    with pytest.raises(
        BadArguments, match=r"^push_to_hub needs the repository as well: give --hub_model_id "
    ):
        check_publishing(SimpleNamespace(push_to_hub=True, hub_model_id=None))

    def refuse(repository: str) -> None:
        raise NotPublished(f"the token may not write to {repository}")

    monkeypatch.setattr(preflight, "check_rights", refuse)
    with pytest.raises(BadArguments, match=r"^the token may not write to user/x$"):
        check_publishing(SimpleNamespace(push_to_hub=False, hub_model_id="user/x"))


def test_trl_does_not_publish_beside_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "check_rights", lambda repository: None)
    config = SimpleNamespace(push_to_hub=True, hub_model_id="user/x")
    check_publishing(config)
    assert (config.push_to_hub, config.hub_model_id) == (False, "user/x")


# Sizes


def config(**changes: Any) -> Any:
    from trl import GRPOConfig

    values: dict[str, Any] = {
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 4,
        "num_generations": 8,
        "loss_type": "grpo",
        "max_completion_length": 4_096,
    }
    return GRPOConfig("x", use_cpu=True, bf16=False, **{**values, **changes})


def test_vllm_on_a_processor_is_not_refused() -> None:
    """Whether vLLM itself can be used there is for `prepare_engine` to say."""
    arguments = GrpoArguments(needs_gpus=0)
    check_machine(arguments, {})
    check_batches(arguments, config(use_vllm=True, vllm_mode="colocate"))


def test_batches_that_do_not_fit() -> None:
    check_batches(GrpoArguments(), config())
    with pytest.raises(BadArguments, match=r"^informative_groups is 1 to 2, the groups of a batch, not 3$"):
        check_batches(GrpoArguments(pool=True, informative_groups=3), config())
    message = (
        r"^a message may have 2048 tokens \(max_turn_tokens\), and a whole episode only 512 \(max_comple"
    )
    with pytest.raises(BadArguments, match=message):
        check_batches(GrpoArguments(), config(max_completion_length=512))
    with pytest.raises(BadArguments, match=r"^loss_type 'vespo' cannot leave groups out: set it to one of "):
        check_batches(GrpoArguments(), config(loss_type="vespo"))


def test_too_few_problems_for_one_batch() -> None:
    check_enough(2, config(), "data")
    message = (
        r"^data has 1 problem, and one generation batch takes 2 \(16 rollouts, 8 of each\): take more data,"
        r" or a smaller --gradient_accumulation_steps$"
    )
    with pytest.raises(BadArguments, match=message):
        check_enough(1, config(), "data")
