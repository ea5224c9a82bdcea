"""A built folder goes to a Hub and comes back: the real client, and a server on the loopback interface."""

import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs uvicorn: pip install 'dsl-debug[serve]'")
pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install 'dsl-debug[build]'")

from tests.hub_server import LoopbackHub
from tests.hub_server.store import TOKEN, File

NAME = "user/dsl-debug"

# Prints how many rows every config and split has, loaded whole and as a stream.
LOAD_ALL = f"""
from datasets import get_dataset_config_names, load_dataset
print("default", {{name: len(rows) for name, rows in load_dataset("{NAME}").items()}})
for config in get_dataset_config_names("{NAME}"):
    whole = load_dataset("{NAME}", config)
    for split in whole:
        streamed = sum(1 for _ in load_dataset("{NAME}", config, split=split, streaming=True))
        print(config, split, len(whole[split]), streamed)
"""


def publish(
    hub: LoopbackHub, home: Path, folder: Path, *more: str, token: str | None = TOKEN
) -> subprocess.CompletedProcess[str]:
    command = ["-m", "dataset_builder", "publish", str(folder), "--repo", NAME, *more]
    return hub.python(home, command, token)


def test_what_is_published_loads_as_the_folder_does(
    hub: LoopbackHub, built_sample: Path, tmp_path: Path
) -> None:
    first = publish(hub, tmp_path / "a", built_sample)
    assert first.returncode == 0, first.stderr
    assert f'load_dataset("{NAME}")' in first.stdout
    repository = hub.hub.find("dataset", NAME)
    assert len(repository.commits) == 2  # the empty one that the Hub makes, and ours

    loaded = hub.python(tmp_path / "b", ["-c", LOAD_ALL])
    assert loaded.returncode == 0, loaded.stderr
    here = hub.python(tmp_path / "c", ["-c", LOAD_ALL.replace(NAME, str(built_sample))])
    assert loaded.stdout == here.stdout
    assert all(line.split()[-1] == line.split()[-2] for line in loaded.stdout.splitlines()[1:])

    again = publish(hub, tmp_path / "d", built_sample)
    assert again.returncode == 0, again.stderr
    assert "unchanged" in again.stdout
    assert len(repository.commits) == 2


def test_whoever_was_cut_off_sends_no_large_file_again(
    hub: LoopbackHub, built_sample: Path, tmp_path: Path
) -> None:
    hub.hub.faults[f"POST /api/datasets/{NAME}/commit"] = 400
    assert publish(hub, tmp_path / "a", built_sample).returncode == 2
    hub.hub.faults.clear()
    sent = len(hub.hub.uploads)
    hub.hub.requests.clear()
    assert publish(hub, tmp_path / "b", built_sample).returncode == 0
    assert len(hub.hub.uploads) == sent > 0
    assert not any(asked.startswith("PUT /lfs/") for asked in hub.hub.requests)


def test_files_of_an_earlier_build_go_and_branches_are_made(
    hub: LoopbackHub, built_sample: Path, tmp_path: Path
) -> None:
    there = hub.hub.create("dataset", NAME, private=False)
    old = "data/problems/train-00000-of-00009.parquet"
    there.add("main", "an earlier build", {old: File(b"old", is_large=True)})
    done = publish(hub, tmp_path, built_sample, "--revision", "v2")
    assert done.returncode == 0, done.stderr
    assert f'load_dataset("{NAME}", revision="v2")' in done.stdout
    assert old in there.at("main").files
    assert old not in there.at("v2").files
    assert "data/problems/train-00000-of-00001.parquet" in there.at("v2").files


def test_what_is_to_be_private_does_not_go_to_a_public_repository(
    hub: LoopbackHub, built_sample: Path, tmp_path: Path
) -> None:
    there = hub.hub.create("dataset", NAME, private=False)
    told = publish(hub, tmp_path, built_sample, "--private")
    assert told.returncode == 2
    assert f"{NAME} is there already, and is public: make it private first" in told.stderr
    assert there.at("main").files == {}


def test_a_broken_folder_and_one_with_strange_files_send_nothing(
    hub: LoopbackHub, built_sample: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(built_sample, broken)
    (broken / "data/problems/test-00000-of-00001.parquet").write_bytes(b"PAR1")
    told = publish(hub, tmp_path / "a", broken, token=None)
    assert "there is no token" in told.stderr  # verification takes longer, and comes after that
    told = publish(hub, tmp_path / "b", broken)
    assert told.returncode == 2
    assert "test-00000-of-00001.parquet" in told.stderr
    strange = tmp_path / "strange"
    shutil.copytree(built_sample, strange)
    (strange / ".env").write_text("SECRET=1")
    told = publish(hub, tmp_path / "c", strange)
    assert "holds .env, which no build makes" in told.stderr
    assert not hub.hub.repositories
