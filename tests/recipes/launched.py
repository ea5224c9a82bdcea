"""The launchers, told by programs on the PATH what they would start, and what a recipe says to that."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from recipes.common import preflight
from recipes.common.arguments import GrpoArguments, SftArguments, parse, read_config

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = ROOT / "recipes" / "launch"
JOBS = LAUNCH / "hf_jobs.sh"
SLURM = LAUNCH / "slurm_multinode.sbatch"
BASH = shutil.which("bash")


def scripted(folder: Path, **programs: str) -> dict[str, str]:
    """An environment in which these programs are Python scripts."""
    for name, text in programs.items():
        (folder / name).write_text(f"#!{sys.executable} -IS\n{text}")
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(folder)}


def bash(script: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(BASH), str(script), *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


def commands(script: Path, start: str) -> list[list[str]]:
    """The examples on top of a script that have this word in them."""
    text = script.read_text(encoding="utf-8").replace("\\\n#", "")
    lines = [shlex.split(line) for line in re.findall(r"^#   (.+)$", text, re.MULTILINE)]
    return [words for words in lines if any(word.endswith(start) for word in words)]


def checked(
    monkeypatch: pytest.MonkeyPatch, recipe: str, flags: Sequence[str], processes: int, here: int
) -> None:
    """That a recipe takes these flags on so many GPUs of 80 GB, and keeps the published batch."""
    pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")
    kind: Any = SftArguments if recipe == "sft" else GrpoArguments
    trainer = "SFTConfig" if recipe == "sft" else "GRPOConfig"
    monkeypatch.setattr(preflight, "gpu_memories", lambda: [80.0] * here)
    there = {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(here)}

    def check(arguments: Any) -> None:
        preflight.check_machine(arguments, there)

    # TRL takes bfloat16 on a machine without a GPU only if it is told so.
    _, config = parse(kind, trainer, f"{recipe}_7b.yaml", [*flags, "--use_cpu", "true"], check=check)
    if kind is GrpoArguments:
        preflight.check_batches(GrpoArguments(), config)
    published = read_config(ROOT / "recipes" / "configs" / f"{recipe}_7b.yaml")
    size = published["per_device_train_batch_size"] * published["gradient_accumulation_steps"] * 2
    assert processes * config.per_device_train_batch_size * config.gradient_accumulation_steps == size


def flags(words: list[str]) -> dict[str, str]:
    """The value of each flag."""
    return {word: value for word, value in pairwise(words) if word.startswith("--")}


def header(recipe: str) -> dict[str, Any]:
    """The table of PEP 723 on top of a recipe; {} for one without."""
    text = (ROOT / "recipes" / f"{recipe}.py").read_text(encoding="utf-8")
    found = re.match(r"# /// script\n(.*?)# ///\n", text, re.DOTALL)
    return tomllib.loads(re.sub(r"^# ?", "", found[1], flags=re.MULTILINE)) if found else {}


def pins(recipe: str) -> dict[str, str]:
    """The versions that a recipe's header asks for."""
    asked = [line.split("==") for line in header(recipe).get("dependencies", [])]
    return {name.partition("[")[0]: version for name, version in asked}
