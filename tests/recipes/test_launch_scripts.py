"""Hugging Face Jobs and the image: what they would start, told by scripted programs on the PATH."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.recipes.launched import (
    BASH,
    JOBS,
    LAUNCH,
    ROOT,
    SLURM,
    bash,
    checked,
    commands,
    flags,
    header,
    pins,
    scripted,
)

IMAGE = ROOT / "Dockerfile"

pytestmark = pytest.mark.skipif(BASH is None, reason="no bash here")


@pytest.mark.parametrize("script", [JOBS, SLURM], ids=lambda path: path.name)
def test_the_script_is_right_for_bash(script: Path) -> None:
    checked = subprocess.run([str(BASH), "-n", str(script)], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stderr
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")


@pytest.mark.parametrize("script", [JOBS, SLURM], ids=lambda path: path.name)
def test_the_script_has_no_lint(script: Path) -> None:
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("no shellcheck here")
    checked = subprocess.run([shellcheck, str(script)], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout


# ---- Hugging Face Jobs

# Keeps its words, and what it would have mounted and run.
HF = """\
import json, shutil, sys
from pathlib import Path
here = Path(sys.argv[0]).parent
words = sys.argv[1:]
mounted, _, _ = words[words.index("--volume") + 1].rpartition(":")
shutil.copytree(mounted, here / "repo")
script = next(word for word in words if word.endswith(".py") and not word.startswith("DSL_DEBUG"))
shutil.copy(script, here / "script.py")
(here / "words.json").write_text(json.dumps(words))
"""


def test_a_job_gets_the_recipe_with_its_header_and_the_code(tmp_path: Path) -> None:
    environment = scripted(tmp_path, hf=HF)
    run = bash(JOBS, "recipes/sft.py", "--flavor", "a100x4", "--", "--start", "a b", **environment)
    assert run.returncode == 0, run.stderr
    words = json.loads((tmp_path / "words.json").read_text())
    assert words[:3] == ["jobs", "uv", "run"]
    script = next(word for word in words if word.endswith("/sft.py") and "=" not in word)
    assert words[words.index(script) - 2 :] == ["--flavor", "a100x4", script, "--start", "a b"]
    assert {"PYTHONPATH=/repo", "DSL_DEBUG_RECIPE=/repo/recipes/sft.py"} <= set(words)
    recipe = (ROOT / "recipes" / "sft.py").read_text(encoding="utf-8")
    header = recipe[: recipe.index("# ///\n")]
    assert (tmp_path / "script.py").read_text(encoding="utf-8").startswith(header)
    there = {path.name for path in (tmp_path / "repo").iterdir()}
    assert there == {"pyproject.toml", "dsl_debug", "model_cards", "recipes"}
    assert not list((tmp_path / "repo").rglob("__pycache__"))
    assert not Path(script).exists(), "nothing is left behind"


def test_recipes_that_train_get_a_process_for_each_gpu(tmp_path: Path) -> None:
    environment = scripted(tmp_path, hf=HF)
    for recipe, launch in {"sft.py": "accelerate", "alignment_tax.py": "python"}.items():
        shutil.rmtree(tmp_path / "repo", ignore_errors=True)
        assert bash(JOBS, f"recipes/{recipe}", **environment).returncode == 0
        words = json.loads((tmp_path / "words.json").read_text())
        assert f"DSL_DEBUG_LAUNCH={launch}" in words, recipe


@pytest.mark.parametrize("example", commands(JOBS, "hf_jobs.sh"), ids=lambda words: " ".join(words[1:4]))
def test_the_recipe_takes_what_the_examples_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, example: list[str]
) -> None:
    assert bash(JOBS, *example[1:], **scripted(tmp_path, hf=HF)).returncode == 0
    words = json.loads((tmp_path / "words.json").read_text())
    place = next(n for n, word in enumerate(words) if word.endswith(".py") and "=" not in word)
    recipe = Path(words[place]).stem
    flavor = flags(words[:place]).get("--flavor") or header(recipe)["tool"]["hf-jobs"]["flavor"]
    gpus = int(re.findall(r"x(\d)$", flavor)[0])
    checked(monkeypatch, recipe, words[place + 1 :], gpus, gpus)


def test_there_are_examples_for_jobs() -> None:
    told = [" ".join(words) for words in commands(JOBS, "hf_jobs.sh")]
    assert len(told) == 3
    assert any("--flavor" in text for text in told)
    assert not any("vllm" in text for text in told if "sft.py" in text), "nothing generates there"


def test_the_real_client_reads_the_header(tmp_path: Path) -> None:
    client = Path(sys.executable).with_name("hf")
    if not client.exists():
        pytest.skip("needs the hf of huggingface_hub")
    environment = {**os.environ, "PATH": f"{client.parent}:{os.environ['PATH']}", "HF_TOKEN": "hf_x"}
    offline = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_TELEMETRY": "1"}
    run = bash(JOBS, "recipes/sft.py", "--dry-run", "--", "--max_steps", "1", **{**environment, **offline})
    assert run.returncode == 0, run.stderr
    told = run.stdout + run.stderr
    assert re.search(r"flavor +\S+ \(from script\)", told)
    assert re.search(r"args +--max_steps 1", told)
    assert "HF_TOKEN=***" in told
    assert "not submitted" in told


def test_the_entry_starts_the_recipe(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.py"
    recipe.write_text("import sys; print('started with', sys.argv[1:]); sys.exit(4)\n")
    command = [sys.executable, str(LAUNCH / "entry.py"), "--steps", "1"]
    environment = {**os.environ, "DSL_DEBUG_RECIPE": str(recipe), "DSL_DEBUG_LAUNCH": "python"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (run.stdout, run.returncode) == ("started with ['--steps', '1']\n", 4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give a recipe, such as recipes/sft.py"),
        (("recipes/no.py",), "there is no recipe recipes/no.py"),
        (("app.py",), f"app.py is no recipe of {ROOT}/recipes"),
        (("recipes/__init__.py",), "recipes/__init__.py has no header (PEP 723) that says what it needs"),
        *(
            (("recipes/sft.py", *secret), "a secret stands on the command line")
            for secret in [
                ("--token", "x"),
                ("--secrets", "HF_TOKEN=abc"),
                ("--env", "WANDB_API_KEY=abc"),
                ("--", "--hub_token", "hf_" + "a" * 34),
            ]
        ),
    ],
)
def test_what_a_job_refuses(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    run = bash(JOBS, *words, **scripted(tmp_path, hf=HF))
    (line,) = run.stderr.splitlines()
    assert line.startswith(f"hf_jobs.sh: {message}")
    assert run.returncode == 2
    assert not (tmp_path / "words.json").exists()


def test_without_the_client_the_line_says_what_to_install(tmp_path: Path) -> None:
    run = bash(JOBS, "recipes/sft.py", **scripted(tmp_path))
    assert (run.returncode, run.stderr) == (
        2,
        "hf_jobs.sh: there is no hf here: pip install huggingface_hub\n",
    )


# ---- the image


def test_the_image_copies_what_is_there_and_lets_it_in() -> None:
    text = IMAGE.read_text(encoding="utf-8")
    copied = [name for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE) for name in line.split()[:-1]]
    let_in = (ROOT / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert sorted(set(copied)) == sorted(line[1:] for line in let_in if line.startswith("!"))


def test_the_image_installs_extras_that_exist() -> None:
    text = IMAGE.read_text(encoding="utf-8")
    (asked,) = re.findall(r'pip install "\.\[([\w,]+)\]"', text)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(asked.split(",")) <= extras.keys()
    assert re.search(r"^FROM python:3\.\d+-\w+$", text, re.MULTILINE)
    assert not re.search(r"TOKEN=|KEY=", text)


def test_the_image_has_the_versions_that_the_recipes_ask_for() -> None:
    installed = dict(re.findall(r"([\w-]+)(?:\[\w+\])?==([\d.]+)", IMAGE.read_text(encoding="utf-8")))
    asked = {path.stem: pins(path.stem) for path in sorted((ROOT / "recipes").glob("*.py"))}
    assert {name for found in asked.values() for name in found} == installed.keys()
    for recipe, found in asked.items():
        # vLLM wants an earlier transformers than recipes without it ask for.
        free = set() if "vllm" in found else {"transformers"}
        wrong = {name: version for name, version in found.items() if installed[name] != version}
        assert wrong.keys() <= free, recipe
