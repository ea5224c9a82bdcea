"""A model goes to a Hub and comes back: the real client, and a server on the loopback interface."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="needs uvicorn: pip install 'dsl-debug[serve]'")
pytest.importorskip("jinja2", reason="needs jinja2: pip install 'dsl-debug[build]'")
pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install 'dsl-debug[build]'")

from model_cards.push import prepare
from tests.hub_server import LoopbackHub
from tests.hub_server.store import File
from tests.model_cards.made import model_folder, record

NAME = "user/dsl-debug-rl-7b"
CARDS = {"README.md", ".eval_results/user--dsl-debug.yaml"}
MODEL = {"config.json", "model.safetensors", "tokenizer.json"}
RECORDS = {"training.json", "results/test.json"}

# What a recipe leaves in a folder of a run, and what people do.
STRANGERS = {
    ".env": "SECRET=1",
    "optimizer.pt": "states",
    "scheduler.pt": "states",
    "training_args.bin": "pickle",
    "trainer_state.json": "{}",
    "rng_state_0.pth": "states",
    "notes.txt": "mine",
    "checkpoint-20/model.safetensors": "old",
    "checkpoint-20/optimizer.pt": "old",
    "traces/rank-0/traces.jsonl": "{}",
    "results/run/result.json": "{}",
}

# Behind the code of a card: what its model says to a text.
ASK = """
ids = tokenizer("emit result", return_tensors="pt")
print("model", ids["input_ids"].tolist(), model.num_parameters(), round(float(model(**ids).logits.sum()), 2))
"""


def push(hub: LoopbackHub, home: Path, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return hub.python(home, ["-m", "model_cards", "push", str(folder), "--repo", NAME, *more])


def test_what_is_pushed_is_the_model_its_records_and_its_card(
    hub: LoopbackHub, folder: Path, tmp_path: Path
) -> None:
    for path, text in STRANGERS.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    first = push(hub, tmp_path / "a", folder)
    assert first.returncode == 0, first.stderr
    assert f'AutoModelForCausalLM.from_pretrained("{NAME}")' in first.stdout
    repository = hub.hub.find("model", NAME)
    assert set(repository.at("main").files) == CARDS | MODEL | RECORDS
    assert len(repository.commits) == 2  # the empty one that the Hub makes, and ours
    left_out = {line.removeprefix("left out: ") for line in first.stderr.splitlines() if "left out" in line}
    assert left_out == {
        *(path for path in STRANGERS if "/" not in path),
        *("checkpoint-20/", "traces/", "results/run/result.json"),
    }
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before

    again = push(hub, tmp_path / "b", folder)
    assert again.returncode == 0, again.stderr
    assert "unchanged" in again.stdout
    assert len(repository.commits) == 2


def test_a_pushed_model_loads_with_the_code_of_its_card_in_a_fresh_process_with_an_empty_cache(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from recipes.common.tiny import TinySize, make_tiny_model

    # The context is short, so that its nonsense ends soon.
    folder = make_tiny_model(model_folder(tmp_path / "tiny"), size=TinySize(context=1_600))
    pushed = push(hub, tmp_path / "a", folder)
    assert pushed.returncode == 0, pushed.stderr
    files = hub.hub.find("model", NAME).at("main").files
    assert {"chat_template.jinja", "generation_config.json", "tokenizer_config.json"} <= set(files)
    blocks = re.findall(
        r"^```python\n(.*?)^```$", files["README.md"].content.decode(), re.MULTILINE | re.DOTALL
    )
    assert len(blocks) == 2
    ran = hub.python(tmp_path / "b", ["-c", "\n".join([*blocks, ASK])])
    assert ran.returncode == 0, ran.stderr
    *episodes, said = ran.stdout.splitlines()
    assert [line.split()[1] for line in episodes] == ["0.0", "0.0"]

    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("emit result", return_tensors="pt")
    model = AutoModelForCausalLM.from_pretrained(folder)
    logits = round(float(model(**ids).logits.sum().detach()), 2)
    assert said == f"model {ids['input_ids'].tolist()} {model.num_parameters()} {logits}"


def test_files_of_an_earlier_push_go_and_branches_are_made(
    hub: LoopbackHub, folder: Path, tmp_path: Path
) -> None:
    there = hub.hub.create("model", NAME, private=False)
    old = "model-00001-of-00002.safetensors"
    earlier = {old: File(b"old", is_large=True), "training.json": File(b"{}", is_large=False)}
    there.add("main", "an earlier push", earlier)
    done = push(hub, tmp_path, folder, "--revision", "v2")
    assert done.returncode == 0, done.stderr
    assert f'from_pretrained("{NAME}", revision="v2")' in done.stdout
    assert old in there.at("main").files
    assert set(there.at("v2").files) == CARDS | MODEL | RECORDS


def test_a_private_model_is_made_private(hub: LoopbackHub, folder: Path, tmp_path: Path) -> None:
    assert push(hub, tmp_path, folder, "--private").returncode == 0
    assert hub.hub.find("model", NAME).private


def test_a_checkpoint_is_pushed_with_the_record_of_its_run(hub: LoopbackHub, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "run" / "checkpoint-20")
    (folder / "training.json").rename(tmp_path / "run" / "training.json")
    done = push(hub, tmp_path / "home", folder)
    assert done.returncode == 0, done.stderr
    files = hub.hub.find("model", NAME).at("main").files
    sent = json.loads(files["training.json"].content)
    assert (sent["steps"], [row["step"] for row in sent["history"]]) == (20, [1])
    assert "| steps | 20 |" in files["README.md"].content.decode()


# ---- what goes wrong


def test_somebody_elses_model_is_left_alone(hub: LoopbackHub, folder: Path, tmp_path: Path) -> None:
    there = hub.hub.create("model", NAME, private=False)
    there.add("main", "mine", {"model.safetensors": File(b"weights", is_large=True)})
    told = push(hub, tmp_path, folder)
    assert told.returncode == 2
    assert "holds something else, such as model.safetensors" in told.stderr
    assert there.at("main").files["model.safetensors"].content == b"weights"


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("model.safetensors", "torn", "model.safetensors is no whole safetensors file: save the model again"),
        ("training.json", "{}", "training.json has schema None, and what is read here is 1"),
        ("results/other.json", "[]", "results/other.json holds no JSON object"),
        ("alignment_tax.json", "{}", "alignment_tax.json has schema None"),
    ],
)
def test_a_broken_folder_sends_nothing(
    hub: LoopbackHub, folder: Path, tmp_path: Path, path: str, text: str, words: str
) -> None:
    (folder / path).write_text(text)
    told = push(hub, tmp_path, folder)
    assert told.returncode == 2
    assert words in told.stderr
    assert told.stderr.count("\n") == 1
    assert not hub.hub.requests


# ---- nothing private


def test_records_and_configs_are_published_without_places_of_this_machine(
    tmp_path: Path, result: dict[str, Any]
) -> None:
    private = json.loads(json.dumps(result))
    private["policy"]["name"] = "hf:/home/andrea/rl/checkpoint-40"
    private["data"]["place"] = "/home/andrea/built"
    arguments = {"learning_rate": 1e-5, "output_dir": "/home/andrea/runs", "hub_token": "hf_andreas_secret"}
    history = [{"step": 1, "loss": 0.5, "note": "/home/andrea"}]
    training = record(start="/home/andrea/sft", arguments=arguments, history=history)
    folder = model_folder(tmp_path / "m", training, test=private)
    (folder / "config.json").write_text('{"model_type": "qwen2", "_name_or_path": "/home/andrea/sft"}')
    tax = {"schema": 1, "models": [{"name": "base", "model": "/home/andrea/base", "tasks": {}}]}
    (folder / "alignment_tax.json").write_text(json.dumps(tax))
    contents = prepare(folder, NAME)[0].files
    texts = {
        name: (content if isinstance(content, bytes) else content.read_bytes()).decode(errors="replace")
        for name, content in contents.items()
    }
    assert {"README.md", "config.json", "training.json", "alignment_tax.json"} <= texts.keys()
    assert [name for name, text in texts.items() if "andrea" in text or str(tmp_path) in text] == []
    assert json.loads(texts["config.json"]) == {"model_type": "qwen2"}
    sent = json.loads(texts["training.json"])
    assert sent["arguments"] == {"learning_rate": 1e-5}
    assert (sent["start"], sent["history"]) == ("sft", [{"step": 1, "loss": 0.5}])
    published = json.loads(texts["results/test.json"])
    assert published["policy"]["name"] == "hf:rl/checkpoint-40"
    assert published["outcomes"] == result["outcomes"]
