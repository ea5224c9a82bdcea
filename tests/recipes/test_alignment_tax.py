"""The alignment tax: what is refused before anything is loaded, what is kept, and tiny models measured."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lm_eval", reason="needs lm-eval: pip install 'lm-eval[hf]'")
pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")

from recipes import alignment_tax
from recipes.alignment_tax import BENCHMARKS, Model, TaxArguments, figure, main, measure
from recipes.common.arguments import BadArguments

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "recipes" / "alignment_tax.py"

# Two tasks and a group of them, in files beside these.
SUMS = """\
task: NAME
dataset_path: json
dataset_kwargs: {data_files: {test: FILE}}
test_split: test
fewshot_split: test
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: "{{choices}}"
doc_to_target: label
num_fewshot: 1
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
"""
GROUP = """\
group: both
task: [plus, minus]
aggregate_metric_list: [{metric: acc, weight_by_size: true}]
"""


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    folder = tmp_path / "tasks"
    folder.mkdir()
    for name, sign, count in (("plus", 1, 6), ("minus", -1, 4)):
        rows = [
            {"question": f"{a} {name} 1 =", "choices": [str(a + sign), str(a)], "label": 0}
            for a in range(count)
        ]
        file = folder / f"{name}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / f"{name}.yaml").write_text(SUMS.replace("NAME", name).replace("FILE", str(file)))
    (folder / "both.yaml").write_text(GROUP)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """What looks like a model as long as nobody loads it."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    return tmp_path / "model"


@pytest.fixture
def arguments(tmp_path: Path, model: Path) -> TaxArguments:
    return TaxArguments(
        models=[f"base={model}"], tasks=["mmlu"], out=str(tmp_path / "out"), backend="hf", device="cpu"
    )


def refused(arguments: TaxArguments) -> str:
    with pytest.raises(BadArguments, match=r"\A.+\Z") as raised:
        main(arguments)
    return str(raised.value)


# ---- really measured

HF = {"backend": "hf", "device": "cpu", "model_args": "dtype=float32", "batch_size": "4"}


def test_a_model_is_measured(tmp_path: Path, tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from recipes.common.tiny import make_tiny_model

    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    model = Model("base", str(make_tiny_model(tmp_path / "base")), None)
    found = measure(model, TaxArguments(tasks=["both", "plus"], task_folder=str(tasks), **HF))
    assert list(found) == ["both", "plus"]
    both, plus = found["both"], found["plus"]
    assert (both["n"], plus["n"]) == (10, 6)
    assert (both["metric"], both["shots"]) == ("acc,none", 1)
    assert plus["value"] * 6 == pytest.approx(round(plus["value"] * 6))
    assert both["value"] * 10 == pytest.approx(round(both["value"] * 10)), "questions count alike"
    assert plus["stderr"] >= 0


@pytest.mark.slow
def test_two_models_are_measured_by_the_command(tmp_path: Path, tasks: Path) -> None:
    from recipes.common.tiny import make_tiny_model

    names = ("base", "SFT")
    models = [f"{name}={make_tiny_model(tmp_path / name, seed)}" for seed, name in enumerate(names)]
    settings = [word for name, value in HF.items() for word in (f"--{name}", value)]
    where = ["--task_folder", str(tasks), "--tasks", "plus", "--out", str(tmp_path / "out")]
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf"), "TQDM_DISABLE": "1"}

    def run(*models: str) -> str:
        command = [sys.executable, str(SCRIPT), *settings, *where, "--models", *models]
        environment = {**os.environ, **offline}
        told = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900
        )
        assert told.returncode == 0, told.stderr[-2000:]
        return told.stdout

    run(models[0])
    shown = run(*models)
    assert "base is measured already" in shown
    record = json.loads((tmp_path / "out" / "alignment_tax.json").read_text())
    assert [entry["name"] for entry in record["models"]] == ["base", "SFT"]
    assert record["libraries"].keys() == {"lm_eval", "torch", "transformers"}
    table = (tmp_path / "out" / "alignment_tax.md").read_text()
    assert table.strip() in shown
    assert "| plus (1-shot) |" in table


# ---- what is kept


def entry(name: str, value: float) -> dict[str, Any]:
    return {"metric": "acc,none", "value": value, "stderr": 0.01, "n": 100, "shots": 5}


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of models that would have been measured; the one called bad fails."""
    names: list[str] = []

    def apart(model: alignment_tax.Model, arguments: TaxArguments) -> dict[str, Any]:
        names.append(model.name)
        if model.name == "bad":
            raise BadArguments("bad cannot be measured: no memory")
        return {task: entry(task, 0.7 + len(names) / 100) for task in arguments.tasks}

    monkeypatch.setattr(alignment_tax, "apart", apart)
    return names


def test_a_run_that_was_stopped_goes_on(arguments: TaxArguments, model: Path, measured: list[str]) -> None:
    arguments = replace(arguments, models=[f"base={model}", f"bad={model}", f"SFT={model}"])
    assert refused(arguments) == "bad cannot be measured: no memory"
    main(replace(arguments, models=[f"base={model}", f"SFT={model}"]))
    assert measured == ["base", "bad", "SFT"]
    record = json.loads((Path(arguments.out) / "alignment_tax.json").read_text())
    assert [kept["name"] for kept in record["models"]] == ["base", "SFT"]
    assert record["schema"] == 1
    assert record["models"][0] == {
        **{"name": "base", "model": str(model), "revision": None},
        "tasks": {"mmlu": entry("mmlu", 0.71)},
    }


def test_the_table_shows_the_difference_to_the_base(
    arguments: TaxArguments, model: Path, measured: list[str]
) -> None:
    main(replace(arguments, models=[f"base={model}", f"SFT->RL={model}"]))
    table = (Path(arguments.out) / "alignment_tax.md").read_text()
    assert "71.0 ± 1.0" in table
    assert "72.0 ± 1.0 (+1.0)" in table


def test_a_model_of_another_place_is_measured_again(
    arguments: TaxArguments, model: Path, tmp_path: Path, measured: list[str]
) -> None:
    main(arguments)
    other = model.rename(tmp_path / "other")
    main(replace(arguments, models=[f"base={other}"]))
    assert measured == ["base", "base"]
    record = json.loads((Path(arguments.out) / "alignment_tax.json").read_text())
    assert [kept["model"] for kept in record["models"]] == [str(other)]


def test_figures_of_other_arguments_or_libraries_are_not_mixed(
    arguments: TaxArguments, measured: list[str]
) -> None:
    main(arguments)
    path = Path(arguments.out) / "alignment_tax.json"
    line = refused(replace(arguments, limit=10))
    assert line == f"{path} holds figures of other arguments (limit None there, 10 here): give another --out"
    record = json.loads(path.read_text())
    here = record["libraries"]["lm_eval"]
    record["libraries"]["lm_eval"] = "0.1"
    path.write_text(json.dumps(record))
    line = refused(arguments)
    assert (
        line
        == f"{path} holds figures of other libraries (lm_eval 0.1 there, {here} here): give another --out"
    )
    path.write_text("{}")
    assert refused(arguments).endswith("has schema None, and what is read here is 1: give another --out")


# ---- what is refused


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": []}, "give models: --models base=Qwen/Qwen2.5-7B-Instruct SFT=runs/sft_7b"),
        ({"models": ["MODEL"]}, "'MODEL' is no NAME=MODEL, such as base=Qwen/Qwen2.5-7B-Instruct"),
        (
            {"models": ["base=nowhere"]},
            "base: there is no model at nowhere: give a folder, or user/name on the Hub",
        ),
        ({"models": ["base=MODEL@main"]}, "base: the folder MODEL has no revisions"),
        ({"models": ["base=MODEL/.."]}, "base: the folder MODEL/.. holds no model: it lacks config.json"),
        ({"backend": "jax"}, "there is no backend 'jax': give vllm or hf"),
        ({"limit": 0}, "limit is at least 1, not 0"),
        ({"tasks": ["mnlu"]}, "there is no benchmark 'mnlu'; there is: mmlu, gsm8k, humaneval"),
        ({"tasks": []}, "give benchmarks; there is: mmlu, gsm8k, humaneval"),
        ({"task_folder": "nowhere"}, "there is no folder nowhere with tasks"),
        (
            {"tasks": ["mmlu", "humaneval"]},
            "humaneval runs code that the models write, on this machine and as its user: in a container that "
            "holds nothing of worth give --allow_code true, elsewhere leave it out of --tasks",
        ),
    ],
)
def test_what_makes_no_sense_stops_at_once(
    arguments: TaxArguments, model: Path, measured: list[str], changes: dict[str, Any], message: str
) -> None:
    if "models" in changes:
        changes = {"models": [text.replace("=MODEL", f"={model}") for text in changes["models"]]}
    assert refused(replace(arguments, **changes)) == message.replace("folder MODEL", f"folder {model}")
    assert measured == []


def test_a_backend_that_is_not_installed_is_told(
    arguments: TaxArguments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "vllm" else object())
    assert refused(replace(arguments, backend="vllm")) == "vllm is not installed: pip install 'vllm'"


def test_the_command_ends_with_one_line(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(SCRIPT), "--tasks", "mnlu"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1] == (
        "alignment_tax: there is no benchmark 'mnlu'; there is: mmlu, gsm8k, humaneval"
    )
    assert "Traceback" not in run.stderr


# ---- the benchmarks of lm-eval


def test_the_published_benchmarks_are_tasks_of_the_installed_lm_eval() -> None:
    import lm_eval

    folder = Path(lm_eval.__file__).parent / "tasks"
    files = {name: folder / name.partition("_")[0] for name in (asked.task for asked in BENCHMARKS.values())}
    for name, place in files.items():
        texts = [file.read_text(encoding="utf-8") for file in place.rglob("*.yaml")]
        assert [text for text in texts if re.search(rf"^(task|group): {name}$", text, re.MULTILINE)], name
    shots = {name: asked.shots for name, asked in BENCHMARKS.items()}
    assert shots == {"mmlu": 5, "gsm8k": 8, "humaneval": 0}
    assert [name for name, asked in BENCHMARKS.items() if asked.runs_code] == ["humaneval"]


def test_figures_are_read_from_what_lm_eval_gives() -> None:
    results = {
        "results": {"gsm8k_cot": {"exact_match,strict-match": 0.8, "exact_match_stderr,strict-match": "N/A"}},
        "n-samples": {"gsm8k_cot": {"original": 1319, "effective": 20}},
        "n-shot": {"gsm8k_cot": 8},
    }
    assert figure(results, BENCHMARKS["gsm8k"]) == {
        **{"metric": "exact_match,strict-match", "value": 0.8, "stderr": None},
        **{"n": 20, "shots": 8},
    }
    with pytest.raises(
        ValueError, match=r"lm-eval gives no acc,none for gsm8k_cot, but exact_match,strict-match"
    ):
        figure(results, alignment_tax.Benchmark("gsm8k_cot", 8, "acc,none"))
