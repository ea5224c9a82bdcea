"""What no command publishes, told in one line: the real client, and a Hub on the loopback interface."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install 'dsl-debug[build]'")
pytest.importorskip("jinja2", reason="needs jinja2: pip install 'dsl-debug[build]'")
pytest.importorskip("uvicorn", reason="needs uvicorn: pip install 'dsl-debug[serve]'")

from tests.hub_server import LoopbackHub
from tests.hub_server.store import READ_ONLY_TOKEN, TOKEN, File
from tests.model_cards.made import model_folder

NAME = "user/dsl_debug"  # a metric can have no other name

# Program -> the command of it that publishes, the kind of its repositories, and how its complaints begin.
COMMANDS = {
    "dataset_builder": ("publish", "dataset", "dataset_builder"),
    "metrics": ("publish", "space", "metrics"),
    "model_cards": ("push", "model", "model_cards"),
    "space": ("publish", "space", "python -m space"),
}


@dataclass(frozen=True)
class Publisher:
    """A command, with what it publishes."""

    hub: LoopbackHub
    home: Path
    words: tuple[str, ...]
    kind: str
    prefix: str

    def publish(
        self, name: str = NAME, token: str | None = TOKEN, *more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the command, and wait for its end."""
        return self.hub.python(self.home, [*self.words, "--repo", name, *more], token)


@pytest.fixture(params=COMMANDS)
def publisher(request: pytest.FixtureRequest, hub: LoopbackHub, tmp_path: Path) -> Publisher:
    command, kind, prefix = COMMANDS[request.param]
    words = ["-m", request.param, command]
    if kind == "dataset":
        words.append(str(request.getfixturevalue("built_sample")))
    if kind == "model":
        words.append(str(model_folder(tmp_path / "model")))
    return Publisher(hub, tmp_path / "home", tuple(words), kind, prefix)


def check_refused(told: subprocess.CompletedProcess[str], publisher: Publisher, words: str) -> None:
    """That a command ended with status 2, and that what it said last is one line with these words."""
    assert (told.returncode, told.stdout) == (2, "")
    *before, last = told.stderr.splitlines()
    assert [line for line in before if not line.startswith("sending ")] == []
    assert last.startswith(f"{publisher.prefix}: ")
    assert words in last


def test_every_command_says_that_there_is_no_token(publisher: Publisher) -> None:
    words = "there is no token: run `hf auth login`, or set HF_TOKEN"
    check_refused(publisher.publish(token=None), publisher, words)
    assert not publisher.hub.hub.requests


@pytest.mark.parametrize("publisher", ["metrics"], indirect=True)
@pytest.mark.parametrize(
    ("token", "name", "words"),
    [
        ("hf_wrong", NAME, "the Hub does not know the token"),
        (READ_ONLY_TOKEN, NAME, "the token can only read"),
        (TOKEN, "you/dsl_debug", "the token is of user, who cannot write to you/dsl_debug: use user/..."),
        (TOKEN, "no-slash", "no name of a repository: 'no-slash'; it is user/name"),
    ],
)
def test_whoever_may_not_write_there_is_told(publisher: Publisher, token: str, name: str, words: str) -> None:
    check_refused(publisher.publish(name, token), publisher, words)
    assert not publisher.hub.hub.repositories


def test_a_dry_run_needs_no_token_and_asks_the_hub_for_nothing(publisher: Publisher) -> None:
    dry = publisher.publish(NAME, None, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    *listed, last = dry.stdout.splitlines()
    assert "README.md" in listed
    assert listed == sorted(listed)
    assert last.startswith(f"{len(listed)} files, ")
    assert last.endswith(" MB: nothing was sent")
    assert not publisher.hub.hub.requests


def test_a_repository_with_something_else_in_it_is_left_alone(publisher: Publisher) -> None:
    there = publisher.hub.hub.create(publisher.kind, NAME, private=False)
    there.add("main", "mine", {"my-notes.txt": File(b"do not lose me", is_large=False)})
    words = f"{NAME} is there already, and holds something else, such as my-notes.txt"
    check_refused(publisher.publish(), publisher, words)
    assert list(there.at("main").files) == ["my-notes.txt"]


def test_a_commit_that_the_hub_refuses_leaves_nothing_half_published(publisher: Publisher) -> None:
    faults = publisher.hub.hub.faults
    faults[f"POST /api/{publisher.kind}s/{NAME}/commit"] = 400
    words = f"{NAME} was not published: the Hub answered with status 400: it says: told to answer 400"
    check_refused(publisher.publish(), publisher, words)
    there = publisher.hub.hub.find(publisher.kind, NAME)
    assert len(there.commits) == 1  # the one that the Hub makes
    faults.clear()
    assert publisher.publish().returncode == 0
    assert len(there.commits) == 2
