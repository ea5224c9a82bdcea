"""What is looked at before anything is loaded, and what is said about it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from recipes.common import preflight
from recipes.common.arguments import BadArguments, GrpoArguments
from recipes.common.preflight import (
    check_batches,
    check_disk,
    check_enough,
    check_machine,
    check_publishing,
    check_start,
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
    with pytest.raises(BadArguments, match=r"holds no model to start from: it lacks weights$"):
        check_start(GrpoArguments(start=str(tmp_path)))
    (tmp_path / "config.json").unlink()
    with pytest.raises(BadArguments, match=r"it lacks config\.json and weights$"):
        check_start(GrpoArguments(start=str(tmp_path)))


def test_a_model_that_is_nowhere() -> None:
    message = r"^there is no model at runs/sft/last: give --start a folder, or user/name on the Hub$"
    with pytest.raises(BadArguments, match=message):
        check_start(GrpoArguments(start="runs/sft/last"))


def test_a_model_on_the_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub

    with loopback_hub() as hub:
        api = huggingface_hub.HfApi(endpoint=hub.url, token="hf_x")
        monkeypatch.setattr(huggingface_hub, "HfApi", lambda: api)
        message = r"^there is no model user/none on the Hub, or the token may not see it: train it first$"
        with pytest.raises(BadArguments, match=message):
            check_start(GrpoArguments(start="user/none"), "train it first")
        with pytest.raises(BadArguments, match=r"may not see it: give another one with --start$"):
            check_start(GrpoArguments(start="user/none"))
    with pytest.raises(BadArguments, match=r"^the Hub cannot say whether there is a model user/none: "):
        check_start(GrpoArguments(start="user/none"))


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
