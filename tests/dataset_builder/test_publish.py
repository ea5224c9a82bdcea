"""A built folder goes to a Hub and comes back: the real client, and a server on the loopback interface."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs uvicorn: pip install 'dsl-debug[serve]'")
pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install 'dsl-debug[build]'")

from tests.hub_server import LoopbackHub, loopback_hub
from tests.hub_server.store import READ_ONLY_TOKEN, TOKEN

ROOT = Path(__file__).resolve().parent.parent.parent
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


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    with loopback_hub() as running:
        yield running


def python(
    hub: LoopbackHub, home: Path, arguments: Sequence[str], token: str | None = TOKEN
) -> subprocess.CompletedProcess[str]:
    """A fresh Python that speaks to this Hub alone."""
    outside = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**outside, **hub.environment(home, token)},
        capture_output=True,
        text=True,
        timeout=300,
    )


def publish(
    hub: LoopbackHub, home: Path, folder: Path, *more: str, name: str = NAME, token: str | None = TOKEN
) -> subprocess.CompletedProcess[str]:
    command = ["-m", "dataset_builder", "publish", str(folder), "--repo", name, *more]
    return python(hub, home, command, token)


def test_what_is_published_loads_as_the_folder_does(
    hub: LoopbackHub, built_sample: Path, tmp_path: Path
) -> None:
    first = publish(hub, tmp_path / "a", built_sample)
    assert first.returncode == 0, first.stderr
    assert f'load_dataset("{NAME}")' in first.stdout
    repository = hub.hub.find("dataset", NAME)
    assert len(repository.commits) == 2  # the empty one that the Hub makes, and ours

    loaded = python(hub, tmp_path / "b", ["-c", LOAD_ALL])
    assert loaded.returncode == 0, loaded.stderr
    here = python(hub, tmp_path / "c", ["-c", LOAD_ALL.replace(NAME, str(built_sample))])
    assert loaded.stdout == here.stdout
    assert all(line.split()[-1] == line.split()[-2] for line in loaded.stdout.splitlines()[1:])

    again = publish(hub, tmp_path / "d", built_sample)
    assert again.returncode == 0, again.stderr
    assert "unchanged" in again.stdout
    assert len(repository.commits) == 2


@pytest.mark.parametrize(
    ("token", "name", "words"),
    [
        (None, NAME, "there is no token: run `hf auth login`, or set HF_TOKEN"),
        ("hf_wrong", NAME, "the Hub does not know the token"),
        (READ_ONLY_TOKEN, NAME, "the token can only read"),
        (TOKEN, "somebody/else", "the token is of user, who cannot write to somebody/else: use user/..."),
        (TOKEN, "no-slash", "no name of a repository: 'no-slash'; it is user/name"),
    ],
)
def test_what_cannot_be_published_is_told_in_one_line(
    hub: LoopbackHub, built_sample: Path, tmp_path: Path, token: str | None, name: str, words: str
) -> None:
    told = publish(hub, tmp_path, built_sample, name=name, token=token)
    assert told.returncode == 2
    assert words in told.stderr
    assert "Traceback" not in told.stderr
    assert not hub.hub.repositories


def test_a_repository_with_something_else_in_it_is_left_alone(
    hub: LoopbackHub, built_sample: Path, tmp_path: Path
) -> None:
    from tests.hub_server.store import File

    there = hub.hub.create("dataset", NAME, private=False)
    there.add("main", "mine", {"my-notes.txt": File(b"do not lose me", is_large=False)})
    told = publish(hub, tmp_path, built_sample)
    assert told.returncode == 2
    assert f"{NAME} is there already, and holds something else, such as my-notes.txt" in told.stderr
    assert list(there.at("main").files) == ["my-notes.txt"]


def test_a_connection_that_breaks_off_leaves_nothing_half_published(
    hub: LoopbackHub, built_sample: Path, tmp_path: Path
) -> None:
    hub.hub.faults[f"POST /api/datasets/{NAME}/commit"] = 400
    told = publish(hub, tmp_path / "a", built_sample)
    assert told.returncode == 2
    assert "was not published: the Hub answered with status 400" in told.stderr
    assert hub.hub.find("dataset", NAME).at("main").files == {}
    hub.hub.faults.clear()
    sent = len(hub.hub.uploads)
    hub.hub.requests.clear()
    assert publish(hub, tmp_path / "b", built_sample).returncode == 0
    assert len(hub.hub.uploads) == sent
    assert not any(asked.startswith("PUT /lfs/") for asked in hub.hub.requests)  # nothing is sent twice


def test_files_of_an_earlier_build_go_and_branches_are_made(
    hub: LoopbackHub, built_sample: Path, tmp_path: Path
) -> None:
    from tests.hub_server.store import File

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


def test_a_dry_run_and_a_broken_folder_send_nothing(
    hub: LoopbackHub, built_sample: Path, tmp_path: Path
) -> None:
    dry = publish(hub, tmp_path / "a", built_sample, "--dry-run", token=None)
    assert dry.returncode == 0, dry.stderr
    assert "README.md" in dry.stdout
    assert "nothing was sent" in dry.stdout
    assert not hub.hub.requests
    broken = tmp_path / "broken"
    shutil.copytree(built_sample, broken)
    (broken / "data/problems/test-00000-of-00001.parquet").write_bytes(b"PAR1")
    told = publish(hub, tmp_path / "b", broken)
    assert told.returncode == 2
    assert "test-00000-of-00001.parquet" in told.stderr
    strange = tmp_path / "strange"
    shutil.copytree(built_sample, strange)
    (strange / ".env").write_text("SECRET=1")
    told = publish(hub, tmp_path / "c", strange)
    assert "holds .env, which no build makes" in told.stderr
    assert not hub.hub.repositories
