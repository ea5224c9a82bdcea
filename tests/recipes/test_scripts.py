"""The scripts as texts: their headers, their launch lines, and what they import."""

import ast
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "recipes"
BEGIN, END = "# /// script", "# ///"

TRAINED = ("sft", "grpo_sft_rl", "grpo_rl_only", "arena_grpo")
PLAYED = ("arena_grpo", "evaluate_checkpoints", "grpo_rl_only", "grpo_sft_rl")
"""Scripts that run what a model writes: in the arena that is Python."""


def header(script: str) -> dict[str, Any]:
    """The table of PEP 723 on top of a script."""
    lines = (RECIPES / f"{script}.py").read_text(encoding="utf-8").splitlines()
    assert lines[0] == BEGIN
    return tomllib.loads(
        "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines[1 : lines.index(END)])
    )


def pins(script: str) -> dict[str, str]:
    """The version of each package that a header names, without extras."""
    found = dict(line.split("==") for line in header(script)["dependencies"])
    return {name.partition("[")[0]: version for name, version in found.items()}


SCRIPTS = sorted(
    path.stem for path in RECIPES.glob("*.py") if path.read_text(encoding="utf-8").startswith(BEGIN)
)
ON_JOBS = [script for script in SCRIPTS if "hf-jobs" in header(script).get("tool", {})]


# Headers


def test_every_script_that_is_meant_to_be_started_alone_has_a_header() -> None:
    assert sorted({*TRAINED, "alignment_tax", "evaluate_checkpoints", "reward_study"}) == SCRIPTS


@pytest.mark.parametrize("script", SCRIPTS)
def test_headers_pin_what_is_installed_or_what_vllm_takes(script: str) -> None:
    """vLLM 0.31 wants an earlier transformers than the newest, which the tests have."""
    found = pins(script)
    elsewhere = {"vllm": "0.31.0", "transformers": "5.17.0"} if "vllm" in found else {}
    assert found == {name: elsewhere.get(name) or installed(name) for name in found}
    assert found.keys() >= elsewhere.keys(), "vLLM alone would take another transformers"


def installed(name: str) -> str:
    return metadata.version(name).split("+")[0]


def test_trl_takes_the_vllm_of_the_headers() -> None:
    from packaging.requirements import Requirement

    known = [Requirement(line) for line in metadata.requires("trl") or ()]
    (vllm,) = [one for one in known if one.name == "vllm"]
    assert pins("grpo_sft_rl")["vllm"] in vllm.specifier


def test_scripts_that_run_what_models_write_have_the_sandbox_of_the_arena() -> None:
    assert [script for script in SCRIPTS if "pyseccomp" in pins(script)] == sorted(PLAYED)


@pytest.mark.parametrize("script", ON_JOBS)
def test_hf_jobs_reads_the_header(script: str) -> None:
    parse = pytest.importorskip("huggingface_hub.cli._uv_script_header").parse_uv_script_header
    jobs = pytest.importorskip("huggingface_hub._jobs_api")
    found = parse((RECIPES / f"{script}.py").read_text(encoding="utf-8"))
    assert found.secrets == ["HF_TOKEN"]
    assert found.timeout.endswith("h")
    flavors = {
        item.value for kind in vars(jobs).values() if isinstance(kind, type) for item in _members(kind)
    }
    assert found.flavor in flavors


def _members(kind: type) -> list[Any]:
    return list(getattr(kind, "__members__", {}).values())


def test_jobs_are_of_scripts_that_need_no_folder_of_an_earlier_one() -> None:
    """What a job writes is gone with it, so that checkpoints on the disk are none of its business."""
    assert sorted({*TRAINED, "alignment_tax"}) == ON_JOBS


# Texts


@pytest.mark.parametrize("script", [*SCRIPTS, "learning_check", "smoke"])
def test_nothing_heavy_is_imported_at_the_top(script: str) -> None:
    tree = ast.parse((RECIPES / f"{script}.py").read_text(encoding="utf-8"))
    names = {n.module or "" for n in tree.body if isinstance(n, ast.ImportFrom)}
    names |= {alias.name for n in tree.body if isinstance(n, ast.Import) for alias in n.names}
    assert not {name.split(".")[0] for name in names} & {"torch", "trl", "transformers", "datasets", "vllm"}


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_say_how_they_are_launched(script: str) -> None:
    doc = ast.get_docstring(ast.parse((RECIPES / f"{script}.py").read_text(encoding="utf-8"))) or ""
    assert f"recipes/{script}.py" in doc
    assert ("accelerate launch" in doc) == (script in TRAINED)


@pytest.mark.parametrize("script", ["sft", "grpo_sft_rl", "grpo_rl_only"])
def test_scripts_that_train_are_short(script: str) -> None:
    assert len((RECIPES / f"{script}.py").read_text(encoding="utf-8").splitlines()) <= 100
