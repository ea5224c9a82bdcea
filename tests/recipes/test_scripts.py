"""The scripts as users start them: headers, launch lines, and one line for what cannot be done."""

import ast
import os
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from dsl_debug.data import sample_problems
from dsl_debug.problem import save_problems
from recipes.common.tiny import make_tiny_model

pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ("sft", "grpo_sft_rl", "grpo_rl_only")
SMOKE = {"sft": "smoke_sft", "grpo_sft_rl": "smoke_grpo", "grpo_rl_only": "smoke_grpo"}
OTHERS = ("sft", "grpo_rl_only")
TIMEOUT = 600


def started(script: str, *flags: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A script, started as a file from another folder, without any network."""
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "",
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HOME": str(folder / "home"),
        "RANK": "0",
        "WORLD_SIZE": "1",
    }
    # Nothing distributed is to be set up for one process.
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "PYTHONPATH"):
        environment.pop(name, None)
    command = [sys.executable, str(ROOT / "recipes" / f"{script}.py"), *flags]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT
    )


def smoke(script: str, *flags: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return started(
        script, "--config", str(ROOT / "recipes" / "configs" / f"{SMOKE[script]}.yaml"), *flags, folder=folder
    )


def told(done: subprocess.CompletedProcess[str]) -> str:
    """The last line on standard error of a script that refused; it made no fuss before it."""
    assert done.returncode == 2, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


# Headers


def header(script: str) -> dict[str, object]:
    """The table of PEP 723 on top of a script."""
    lines = (ROOT / "recipes" / f"{script}.py").read_text().splitlines()
    end = lines.index("# ///", 1)
    assert lines[0] == "# /// script"
    return tomllib.loads("\n".join(line.removeprefix("#").removeprefix(" ") for line in lines[1:end]))


@pytest.mark.parametrize("script", SCRIPTS)
def test_headers_pin_what_is_installed_or_what_vllm_takes(script: str) -> None:
    found = header(script)
    dependencies = found["dependencies"]
    assert isinstance(dependencies, list)
    pins = dict(line.split("==") for line in dependencies)
    # vLLM 0.31 wants an earlier transformers than the newest.
    elsewhere = {"vllm", "transformers"} if "vllm" in pins else set()
    for name in pins.keys() - elsewhere:
        assert pins[name] == metadata.version(name).split("+")[0], name


@pytest.mark.parametrize("script", SCRIPTS)
def test_hf_jobs_reads_the_header(script: str) -> None:
    parse = pytest.importorskip("huggingface_hub.cli._uv_script_header").parse_uv_script_header
    jobs = pytest.importorskip("huggingface_hub._jobs_api")
    found = parse((ROOT / "recipes" / f"{script}.py").read_text())
    assert found.secrets == ["HF_TOKEN"]
    assert found.timeout.endswith("h")
    flavors = {
        item.value for kind in vars(jobs).values() if isinstance(kind, type) for item in _members(kind)
    }
    assert found.flavor in flavors


def _members(kind: type) -> list[object]:
    return list(getattr(kind, "__members__", {}).values())


@pytest.mark.parametrize("script", [*SCRIPTS, "smoke"])
def test_nothing_heavy_is_imported_at_the_top(script: str) -> None:
    tree = ast.parse((ROOT / "recipes" / f"{script}.py").read_text())
    names = {n.module or "" for n in tree.body if isinstance(n, ast.ImportFrom)}
    names |= {alias.name for n in tree.body if isinstance(n, ast.Import) for alias in n.names}
    assert not {name.split(".")[0] for name in names} & {"torch", "trl", "transformers", "datasets", "vllm"}


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_short_and_say_how_they_are_launched(script: str) -> None:
    text = (ROOT / "recipes" / f"{script}.py").read_text()
    assert f"accelerate launch recipes/{script}.py" in text
    assert len(text.splitlines()) <= 100


# What is refused


@pytest.mark.parametrize(
    "script", ["grpo_sft_rl", *(pytest.param(s, marks=pytest.mark.slow) for s in OTHERS)]
)
def test_without_gpus_the_published_configuration_is_refused(script: str, tmp_path: Path) -> None:
    assert told(started(script, folder=tmp_path)) == (
        f"{script}: this configuration is for 2 GPUs of 75 GiB, and there is none here: run it on such a"
        " machine, or give a smaller one with --config (see recipes/README.md)"
    )
    assert not list(tmp_path.iterdir()), "nothing was written, nothing was loaded"


@pytest.mark.slow
def test_without_an_sft_checkpoint_it_says_how_to_train_one(tmp_path: Path, model: Path) -> None:
    line = told(smoke("grpo_sft_rl", "--start", "runs/sft/none", folder=tmp_path))
    assert line == (
        "grpo_sft_rl: there is no model at runs/sft/none: give --start a folder, or user/name on the Hub"
    )
    line = told(smoke("grpo_sft_rl", "--start", "user/none", folder=tmp_path))
    assert line.startswith("grpo_sft_rl: the Hub cannot say whether there is a model user/none: ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "flags", "line"),
    [
        (
            "sft",
            ["--learning_rat", "1"],
            "there is no argument --learning_rat; did you mean 'learning_rate'?",
        ),
        (
            "sft",
            ["--data", "nowhere"],
            "no data at nowhere: give a folder, traces.jsonl, or user/name on the Hub",
        ),
        (
            "grpo_sft_rl",
            ["--data", "few.jsonl"],
            "few.jsonl has 1 problem, and one generation batch takes 2 (8 rollouts, 4 of each): take more"
            " data, or a smaller --gradient_accumulation_steps",
        ),
        (
            "grpo_rl_only",
            ["--num_generations", "3"],
            "generation_batch_size (8) must be divisible by num_generations (3).",
        ),
    ],
)
def test_mistakes_end_with_one_line(
    script: str, flags: list[str], line: str, tmp_path: Path, model: Path
) -> None:
    save_problems(sample_problems()[:1], tmp_path / "few.jsonl")
    assert told(smoke(script, "--start", str(model), *flags, folder=tmp_path)) == f"{script}: {line}"


@pytest.mark.slow
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, model: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    line = told(smoke("grpo_rl_only", "--start", str(model), "--output_dir", "mine", folder=tmp_path))
    assert line == "grpo_rl_only: mine is no folder of a run: give another --output_dir, or empty it"
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]
