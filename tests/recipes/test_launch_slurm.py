"""The script for a cluster: what each machine would start, told by scripted programs on the PATH."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from recipes.common.arguments import BASE_MODEL, SFT_MODEL, GrpoArguments
from tests.recipes.launched import BASH, ROOT, SLURM, bash, checked, commands, flags, pins, scripted

pytestmark = pytest.mark.skipif(BASH is None, reason="no bash here")

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
import json, os, sys
place = os.environ["HOME"] + "/server.json"
with open(place + ".part", "w") as file:
    json.dump([os.environ["NODE"], *sys.argv[1:]], file)
os.replace(place + ".part", place)
""",
    # As training does: it waits for the server, which is ended with the script.
    "accelerate": """\
import json, os, sys, time
while not os.path.exists(os.environ["HOME"] + "/server.json"):
    time.sleep(0.01)
with open(os.environ["HOME"] + "/trainers.jsonl", "a") as file:
    file.write(json.dumps([os.environ["NODE"], *sys.argv[1:]]) + chr(10))
""",
}


@pytest.fixture
def cluster(tmp_path: Path) -> dict[str, str]:
    nodes = {"SLURM_JOB_NODELIST": "node[1-3]", "SLURM_GPUS_ON_NODE": "8"}
    return {**scripted(tmp_path, **CLUSTER), **nodes, "VENV": str(tmp_path / "none")}


def trainers_of(folder: Path) -> list[list[str]]:
    """For each machine that trains, its name and what accelerate was told there."""
    return [json.loads(line) for line in (folder / "trainers.jsonl").read_text().splitlines()]


def test_the_last_machine_generates_and_the_others_train(tmp_path: Path, cluster: dict[str, str]) -> None:
    run = bash(SLURM, "--output_dir", "runs/a b", **cluster, MODEL="runs/sft")
    assert run.returncode == 0, run.stderr
    node, *server = json.loads((tmp_path / "server.json").read_text())
    assert (node, server[0]) == ("node3", "vllm-serve")
    assert flags(server)["--model"] == "runs/sft" == flags(trainers_of(tmp_path)[0])["--start"]
    trainers = trainers_of(tmp_path)
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


QUOTED = "# mine\nstart: 'runs/mine' # the best\nbase_model: x\n"


@pytest.mark.parametrize(
    ("recipe", "told", "model"),
    [
        (None, [], SFT_MODEL),
        ("recipes/grpo_sft_rl.py", [], SFT_MODEL),
        ("recipes/grpo_rl_only.py", [], BASE_MODEL),
        ("recipes/grpo_sft_rl.py", ["--config", "recipes/configs/grpo_rl_only_7b.yaml"], BASE_MODEL),
        ("recipes/grpo_rl_only.py", ["--max_steps", "1", "--config=MINE"], "runs/mine"),
    ],
)
def test_the_start_is_that_of_the_recipe(
    tmp_path: Path, cluster: dict[str, str], recipe: str | None, told: list[str], model: str
) -> None:
    (tmp_path / "mine.yaml").write_text(QUOTED)
    told = [word.replace("MINE", str(tmp_path / "mine.yaml")) for word in told]
    run = bash(SLURM, *told, **cluster, **({"RECIPE": recipe} if recipe else {}))
    assert run.returncode == 0, run.stderr
    assert flags(json.loads((tmp_path / "server.json").read_text()))["--model"] == model
    for words in trainers_of(tmp_path):
        assert flags(words)["--start"] == model
        assert (recipe or "recipes/grpo_sft_rl.py") in words


@pytest.mark.parametrize(
    ("recipe", "told", "message"),
    [
        (
            "recipes/sft.py",
            [],
            "RECIPE is recipes/grpo_sft_rl.py or recipes/grpo_rl_only.py, not recipes/sft.py",
        ),
        (
            "elsewhere/grpo_rl_only.py",
            [],
            "there is no elsewhere/grpo_rl_only.py here: start it from the top",
        ),
        *(
            ("recipes/grpo_rl_only.py", told, "give the model as MODEL=..., not with --start")
            for told in (["--start", "runs/sft"], ["--max_steps", "1", "--start=runs/sft"])
        ),
        ("recipes/grpo_rl_only.py", ["--config", "none.yaml"], "there is no configuration 'none.yaml'"),
        ("recipes/grpo_rl_only.py", ["--config"], "there is no configuration ''"),
        ("recipes/grpo_rl_only.py", ["--config=Makefile"], "Makefile has no start: give MODEL=..."),
    ],
)
def test_a_start_that_the_server_would_not_know_is_refused(
    tmp_path: Path, cluster: dict[str, str], recipe: str, told: list[str], message: str
) -> None:
    run = bash(SLURM, *told, **cluster, RECIPE=recipe)
    (line,) = run.stderr.splitlines()
    assert line.startswith(f"slurm_multinode: {message}")
    assert run.returncode == 2
    assert not (tmp_path / "server.json").exists()


@pytest.mark.parametrize("example", commands(SLURM, ".sbatch"), ids=" ".join)
def test_the_recipe_takes_what_the_examples_of_the_cluster_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: dict[str, str], example: list[str]
) -> None:
    given = dict(word.split("=") for word in example[: example.index("sbatch")])
    told = example[example.index(str(SLURM.relative_to(ROOT))) + 1 :]
    run = bash(SLURM, *told, **cluster, **given)
    assert run.returncode == 0, run.stderr
    words = trainers_of(tmp_path)[0]
    recipe = next(n for n, word in enumerate(words) if word.startswith("recipes/grpo"))
    checked(monkeypatch, Path(words[recipe]).stem, words[recipe + 1 :], processes=16, here=8)


def test_the_cluster_installs_the_vllm_of_the_recipes() -> None:
    versions = re.findall(r"pip install .* vllm(\S*)`", SLURM.read_text(encoding="utf-8"))
    assert versions == ["==" + pins("grpo_sft_rl")["vllm"]]


def test_every_flag_of_the_cluster_is_one(tmp_path: Path, cluster: dict[str, str]) -> None:
    trl = pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")
    from accelerate.commands.launch import launch_command_parser
    from trl.scripts.vllm_serve import ScriptArguments

    assert bash(SLURM, **cluster).returncode == 0
    _, _, *server = json.loads((tmp_path / "server.json").read_text())
    known = {f"--{field.name}" for field in fields(ScriptArguments)}
    assert [word for word in server if word.startswith("--") and word not in known] == []
    words = trainers_of(tmp_path)[0][2:]
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
