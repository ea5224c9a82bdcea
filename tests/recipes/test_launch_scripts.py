"""The launchers' scripts and the image: what they would start, told by scripted programs on the PATH."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = ROOT / "recipes" / "launch"
JOBS = LAUNCH / "hf_jobs.sh"
SLURM = LAUNCH / "slurm_multinode.sbatch"
IMAGE = ROOT / "Dockerfile"
BASH = shutil.which("bash")

pytestmark = pytest.mark.skipif(BASH is None, reason="no bash here")


def scripted(folder: Path, **programs: str) -> dict[str, str]:
    """An environment in which these programs are Python scripts."""
    for name, text in programs.items():
        (folder / name).write_text(f"#!{sys.executable}\n{text}")
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(folder)}


def bash(script: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(BASH), str(script), *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


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


# ---- Slurm

CLUSTER = {
    "scontrol": "print('node1\\nnode2\\nnode3')",
    # As Slurm does: the same command on every machine, each with its own rank.
    "srun": """\
import os, subprocess, sys
words = sys.argv[1:]
count = int(next(w for w in words if w.startswith("--ntasks=")).split("=")[1])
nodes = next(w for w in words if w.startswith("--nodelist=")).split("=")[1].split(",")
assert len(nodes) == count
command = [w for w in words if not w.startswith(("--nodes=", "--ntasks=", "--nodelist="))]
for rank in range(count):
    subprocess.run(command, env={**os.environ, "SLURM_PROCID": str(rank), "NODE": nodes[rank]}, check=True)
""",
    "trl": """\
import json, os, sys, time
with open(os.environ["HOME"] + "/server.json", "w") as file:
    json.dump([os.environ["NODE"], *sys.argv[1:]], file)
""",
    "accelerate": """\
import json, os, sys
with open(os.environ["HOME"] + "/trainers.jsonl", "a") as file:
    file.write(json.dumps([os.environ["NODE"], *sys.argv[1:]]) + chr(10))
""",
}


def flags(words: list[str]) -> dict[str, str]:
    """The value of each flag."""
    return {word: value for word, value in pairwise(words) if word.startswith("--")}


@pytest.fixture
def cluster(tmp_path: Path) -> dict[str, str]:
    nodes = {"SLURM_JOB_NODELIST": "node[1-3]", "SLURM_GPUS_ON_NODE": "8"}
    return {**scripted(tmp_path, **CLUSTER), **nodes, "VENV": str(tmp_path / "none")}


def test_the_last_machine_generates_and_the_others_train(tmp_path: Path, cluster: dict[str, str]) -> None:
    run = bash(SLURM, "--output_dir", "runs/a b", **cluster, MODEL="runs/sft")
    assert run.returncode == 0, run.stderr
    node, *server = json.loads((tmp_path / "server.json").read_text())
    assert (node, server[0]) == ("node3", "vllm-serve")
    assert flags(server)["--model"] == "runs/sft"
    trainers = [json.loads(line) for line in (tmp_path / "trainers.jsonl").read_text().splitlines()]
    assert [(words[0], flags(words)["--machine_rank"]) for words in trainers] == [
        ("node1", "0"),
        ("node2", "1"),
    ]
    told = flags(trainers[0])
    assert told["--num_machines"] == "2"
    assert told["--num_processes"] == told["--needs_gpus"] == "16"
    assert 16 * 4 * int(told["--gradient_accumulation_steps"]) == 4096
    assert told["--main_process_ip"] == "node1"
    assert (told["--vllm_mode"], told["--vllm_server_host"]) == ("server", "node3")
    assert trainers[0][-2:] == ["--output_dir", "runs/a b"]


def test_every_flag_of_the_cluster_is_one(tmp_path: Path, cluster: dict[str, str]) -> None:
    trl = pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")
    from accelerate.commands.launch import launch_command_parser
    from trl.scripts.vllm_serve import ScriptArguments

    from recipes.common.arguments import GrpoArguments

    assert bash(SLURM, **cluster).returncode == 0
    _, _, *server = json.loads((tmp_path / "server.json").read_text())
    known = {f"--{field.name}" for field in fields(ScriptArguments)}
    assert [word for word in server if word.startswith("--") and word not in known] == []
    words = json.loads((tmp_path / "trainers.jsonl").read_text().splitlines()[0])[2:]
    place = words.index("recipes/grpo_sft_rl.py")
    launch, recipe = words[:place], words[place + 1 :]
    known = {option for action in launch_command_parser()._actions for option in action.option_strings}
    assert [word for word in launch if word.startswith("--") and word not in known] == []
    known = {f"--{field.name}" for kind in (GrpoArguments, trl.GRPOConfig) for field in fields(kind)}
    assert [word for word in recipe if word.startswith("--") and word not in known] == []
    assert (ROOT / flags(launch)["--config_file"]).is_file()


def test_machines_that_cannot_share_the_batch_are_refused(cluster: dict[str, str]) -> None:
    run = bash(SLURM, **{**cluster, "SLURM_GPUS_ON_NODE": "3"})
    assert run.returncode == 2
    assert "4,096 rollouts cannot be shared out to 6 processes of 4: change --nodes" in run.stderr


def test_one_machine_is_refused(tmp_path: Path, cluster: dict[str, str]) -> None:
    alone = scripted(tmp_path, scontrol="print('node1')")
    run = bash(SLURM, **{**cluster, **alone})
    assert run.returncode == 2
    assert "it takes two machines or more, and this job has 1: sbatch --nodes 2" in run.stderr


# ---- the image


def test_the_image_copies_what_is_there_and_lets_it_in() -> None:
    text = IMAGE.read_text(encoding="utf-8")
    copied = [name for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE) for name in line.split()[:-1]]
    let_in = (ROOT / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert sorted(set(copied)) == sorted(line[1:] for line in let_in if line.startswith("!"))


def test_the_image_installs_extras_that_exist_in_pinned_versions() -> None:
    text = IMAGE.read_text(encoding="utf-8")
    (asked,) = re.findall(r'pip install "\.\[([\w,]+)\]"', text)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(asked.split(",")) <= extras.keys()
    assert re.search(r"^FROM python:3\.\d+-\w+$", text, re.MULTILINE)
    assert set(re.findall(r"^ARG (\w+)=[\d.]+$", text, re.MULTILINE)) == {"VLLM", "LM_EVAL"}
    assert not re.search(r"TOKEN=|KEY=", text)
