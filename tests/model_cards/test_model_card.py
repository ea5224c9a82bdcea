"""The card of a model: every figure from a file, "not measured" for all that has none, nothing private."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2", reason="needs jinja2: pip install 'dsl-debug[build]'")
pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install 'dsl-debug[build]'")

from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results

from dsl_debug.results.statistics import wilson
from model_cards.record import RECIPES
from model_cards.render import model_files
from tests.model_cards.made import COMMIT, DATASET, arena_problems, model_folder, played, record
from tests.model_cards.test_public import PRIVATE

NAME = "user/dsl-debug-rl-7b"
MAIN = "| `problems`, test |"


def card(folder: Path, repository: str | None = NAME) -> str:
    return model_files(folder, repository)["README.md"]


def row(text: str, start: str) -> list[str]:
    """The cells of the first row of a table that begins so."""
    line = next(line for line in text.splitlines() if line.startswith(start))
    return [cell.strip() for cell in line.strip("|").split("|")]


def section(text: str, title: str) -> str:
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


# ---- results


def test_figures_are_those_of_the_result_file_with_their_intervals(
    folder: Path, result: dict[str, Any]
) -> None:
    overall = result["summary"]["overall"]
    assert (overall["problems"], overall["accuracy"]["rate"]) == (4, 1.0)
    low, high = wilson(4, 4)
    cells = row(card(folder), MAIN)
    assert cells[4] == f"{100:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
    assert cells[-1] == f"0.0 [0.0, {100 * wilson(0, 4)[1]:.1f}]"


def test_what_has_no_result_is_not_measured(folder: Path, tmp_path: Path) -> None:
    assert set(row(card(folder), "| `dialect_shift`, test |")[1:]) == {"not measured"}
    bare = card(model_folder(tmp_path / "bare"))
    assert set(row(bare, MAIN)[1:]) == {"not measured"}
    assert set(row(bare, "| MMLU (5-shot) |")[1:]) == {"not measured"}
    assert "model-index" not in bare
    assert "Where the figures come from" not in bare


def test_arguments_that_were_not_recorded_say_so(folder: Path) -> None:
    text = section(card(folder), "Training")
    assert row(text, "| learning rate |")[2] == "1e-05"
    assert row(text, "| weight of the KL penalty |")[2] == "0"
    assert row(text, "| weight of the entropy bonus |")[2] == "not recorded"
    assert row(text, "| rows of one update")[2] == "4 x 512 x 2 = 4096"
    assert row(text, "| loss |")[1:] == ["0.5000 (step 1)", "0.2500 (step 40)"]


def test_published_figures_stand_in_a_table_of_their_own(folder: Path) -> None:
    text = card(folder)
    assert text.count("86.1") == 1
    assert "### Published figures, not of this model" in text.split("86.1")[0]
    assert "the DSL Debug post of March 2026" in text


def test_what_training_changed_stands_beside_the_start(folder: Path, result_before: dict[str, Any]) -> None:
    (folder / "results" / "before").mkdir()
    (folder / "results" / "before" / "test.json").write_text(json.dumps(result_before))
    text = card(folder)
    cells = row(text, "| `problems`, test: accuracy |")
    assert (cells[1].split()[0], cells[2].split()[0], cells[3].split()[0]) == ("0.0", "100.0", "+100.0")
    cells = row(text, "| `problems`, test: hack rate |")
    assert float(cells[1].split()[0]) > 0
    first = ModelCard(text).data.eval_results[0]
    assert (first.metric_type, first.metric_value) == ("accuracy", 1.0)


def test_several_results_are_told_apart(folder: Path, result: dict[str, Any], tmp_path: Path) -> None:
    other = {**result, "data": {**result["data"], "config": "dialect_shift", "split": "validation"}}
    (folder / "results" / "shift.json").write_text(json.dumps(other))
    text = card(folder)
    assert row(text, "| `dialect_shift`, validation |")[4].startswith("100.0")
    assert set(row(text, "| `dialect_shift`, test |")[1:]) == {"not measured"}
    assert "validation may have been used to choose the checkpoint" in text


# ---- what the Hub reads


def test_the_front_matter_is_read_by_the_real_library(folder: Path) -> None:
    data = ModelCard(card(folder)).data
    assert (data.license, data.library_name, data.pipeline_tag) == (
        "apache-2.0",
        "transformers",
        "text-generation",
    )
    assert (data.base_model, data.datasets) == ("user/dsl-debug-sft-7b", [DATASET])
    assert data.model_name == "dsl-debug-rl-7b"


def test_the_model_index_loads_as_eval_results(folder: Path, result: dict[str, Any]) -> None:
    data = ModelCard(card(folder)).data.to_dict()
    name, found = model_index_to_eval_results(data["model-index"])
    assert name == "dsl-debug-rl-7b"
    assert {one.dataset_config for one in found} == {"problems", *result["summary"]["by_category"]}
    overall = {one.metric_type: one for one in found if one.dataset_config == "problems"}
    accuracy = overall["accuracy"]
    assert (accuracy.dataset_type, accuracy.dataset_split, accuracy.dataset_revision) == (
        DATASET,
        "test",
        COMMIT,
    )
    expected = result["summary"]["overall"]["accuracy"]
    assert accuracy.metric_value == expected["rate"]
    assert accuracy.metric_args["low"] == expected["low"]
    assert set(overall) == {"accuracy", "visible_accuracy", "hack_rate"}


def test_eval_results_are_for_the_test_split_of_a_published_dataset(
    folder: Path, result: dict[str, Any]
) -> None:
    import yaml

    files = model_files(folder, NAME)
    (path,) = [name for name in files if name != "README.md"]
    assert path == ".eval_results/user--dsl-debug.yaml"
    entries = yaml.safe_load(files[path])
    assert entries[0]["dataset"] == {"id": DATASET, "task_id": "problems", "revision": COMMIT}
    assert entries[0]["value"] == result["summary"]["overall"]["accuracy"]["rate"]
    assert "4 problems, 1 sample each, prompt expert; hack rate 0.0%" in entries[0]["notes"]


@pytest.mark.parametrize(
    "data", [{"place": "dist/dsl-debug", "revision": None}, {"split": "validation"}], ids=["folder", "split"]
)
def test_other_data_has_no_eval_results(tmp_path: Path, result: dict[str, Any], data: dict[str, Any]) -> None:
    other = {**result, "data": {**result["data"], **data}}
    assert list(model_files(model_folder(tmp_path / "m", test=other))) == ["README.md"]


def test_the_hub_takes_the_card(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("uvicorn", reason="needs uvicorn: pip install 'dsl-debug[serve]'")
    from huggingface_hub import constants

    from tests.hub_server import loopback_hub

    with loopback_hub() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        ModelCard(card(folder)).validate()
        assert hub.hub.requests == ["POST /api/validate-yaml"]


# ---- kinds of models


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_has_a_card_with_all_parts(tmp_path: Path, recipe: str) -> None:
    text = card(model_folder(tmp_path / "m", record(recipe=recipe)))
    titles = [
        *("Intended use", "How to use", "Training", "Results", "Alignment tax", "Limitations"),
        *("Licence and provenance", "How to reproduce", "Citation"),
    ]
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == titles
    assert all(section(text, title).strip() for title in titles)
    script = {"arena_grpo": "arena_grpo.py"}.get(recipe, f"{recipe}.py")
    assert f"accelerate launch --num_processes 2 recipes/{script} --config config.yaml" in text
    assert "{{" not in text.replace("{{DSL Debug contributors}}", "")
    assert not re.search(r"\n{4,}", text)


def test_a_model_of_the_arena_is_measured_there(tmp_path: Path) -> None:
    result = played(
        tmp_path / "run", "unchanged", "hf:user/arena", arena_problems(), config="arena", split="test"
    )
    text = card(model_folder(tmp_path / "m", record(recipe="arena_grpo"), arena=result))
    cells = row(text, "| `arena`, test |")
    assert cells[4].startswith("0.0 [0.0, ")
    assert "| problems | reward | r1 | r2 | r3 | r4 | turns |" in text
    bare = card(model_folder(tmp_path / "bare", record(recipe="arena_grpo")))
    assert set(row(bare, "| `arena`, test |")[1:]) == {"not measured"}
    assert "Published figures" not in bare


def test_a_smoke_model_says_so_first_and_stays_off_the_leaderboard(
    tmp_path: Path, result: dict[str, Any]
) -> None:
    training = record(is_smoke=True, base_model="tiny", start="tiny")
    files = model_files(model_folder(tmp_path / "m", training, test=result), NAME)
    text = files["README.md"]
    assert text.index("**This is a smoke-test model.") < text.index("# dsl-debug-rl-7b")
    assert ModelCard(text).data.tags[-1] == "smoke-test"
    assert ModelCard(text).data.license == "mit"
    assert ModelCard(text).data.base_model is None
    assert list(files) == ["README.md"]
    assert "smoke-test model" not in card(model_folder(tmp_path / "other", test=result))


def test_a_model_paid_for_visible_rows_carries_a_warning(tmp_path: Path) -> None:
    training = record(arguments={"reward": "visible"})
    assert "It was rewarded for the rows shown alone" in card(model_folder(tmp_path / "m", training))
    assert "It was rewarded for the rows shown alone" not in card(model_folder(tmp_path / "n"))


def test_an_adapter_says_what_it_needs(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "Qwen/Qwen2.5-7B-Instruct"}')
    text = card(folder)
    assert "pip install peft" in text
    assert ModelCard(text).data.library_name == "peft"


@pytest.mark.parametrize(
    ("sources", "words", "others"),
    [
        ({"spider": 6420}, "**spider**: databases of [Spider]", "**catalog**"),
        ({"catalog": 5}, "**catalog**: synthetic databases", "yu2018spider"),
        (None, "were not recorded", "**catalog**"),
    ],
)
def test_where_the_rows_come_from(tmp_path: Path, sources: Any, words: str, others: str) -> None:
    dataset = {**record()["dataset"], **({"sources": sources} if sources else {})}
    text = card(model_folder(tmp_path / "m", record(dataset=dataset)))
    assert words in text
    assert others not in text
    assert ("yu2018spider" in text) == (sources is None or "spider" in sources)


# ---- what to believe


def test_doubts_are_told(tmp_path: Path, result: dict[str, Any]) -> None:
    doubtful = json.loads(json.dumps(result))
    doubtful["data"]["split"] = "train"
    doubtful["code"]["modified"] = True
    doubtful["outcomes"][0]["stopped"] = "timeout"
    doubtful["outcomes"][1]["hidden"] = 0
    text = card(model_folder(tmp_path / "m", test=doubtful))
    assert "this split is the one that the model was trained on" in text
    assert "played with code that was changed after its revision" in text
    assert "1 of 4 episodes were stopped, and failed" in text
    assert "1 problems have nothing hidden" in text
    assert row(text, "| `problems`, train |")[-1] == "not measured"


def test_results_of_an_agent_or_another_checkpoint_are_refused(
    tmp_path: Path, result: dict[str, Any]
) -> None:
    agent = {**result, "policy": {"name": "search", "settings": {}}}
    with pytest.raises(ValueError, match=r"results/test\.json was played by search, which is no model"):
        model_files(model_folder(tmp_path / "m", test=agent))
    other = {**result, "policy": {"name": "hf:runs/rl/checkpoint-20", "settings": {}}}
    with pytest.raises(ValueError, match=r"by checkpoint-20, and this folder is checkpoint-40: take it out"):
        model_files(model_folder(tmp_path / "checkpoint-40", test=other))


def test_something_else_among_the_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"results/test\.json is no result file of version 1"):
        model_files(model_folder(tmp_path / "m", test={"a": 1}))


# ---- nothing private


def test_no_place_account_or_secret_gets_into_the_card(tmp_path: Path, result: dict[str, Any]) -> None:
    arguments = {**record()["arguments"], **PRIVATE, "start": "/home/andrea/models/sft"}
    training = record(
        arguments=arguments,
        start="/home/andrea/models/sft",
        base_model="/home/andrea/models/base",
        dataset={**record()["dataset"], "place": "/home/andrea/data/built", "revision": None},
        hardware={"devices": ["A100 at /home/andrea/dev"], "processes": 1},
    )
    private = json.loads(json.dumps(result))
    private["policy"]["name"] = "openai:/home/andrea/models/sft@http://andrea:secret@10.1.2.3/v1"
    private["policy"]["settings"]["cache"] = "/home/andrea/answers"
    private["data"]["place"] = "/home/andrea/data/built"
    text = card(model_folder(tmp_path / "m", training, test=private))
    for word in ("andrea", "/home", "secret", "10.1.2.3", "wandb", str(tmp_path)):
        assert word not in text, word
    assert "`sft`" in text
    assert "built" in text


def test_a_card_is_the_same_every_time(folder: Path) -> None:
    assert card(folder) == card(folder)
