"""What cannot be published is told before anything is sent, and a connection that breaks off in one line."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from dsl_debug import hub
from dsl_debug.hub import (
    Content,
    NotPublished,
    Publication,
    check_rights,
    publish_told,
    set_variable,
)

pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install 'dsl-debug[build]'")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"12345")
    return path


def asked(files: Mapping[str, Content], repository: str = "user/name") -> Publication:
    return Publication(files, repository, "dataset", "Publish it", is_ours=lambda path: True, revision="v2")


def test_what_no_hub_takes_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked({"a.parquet": file})
    with pytest.raises(NotPublished, match="no name of a repository: 'name'; it is user/name"):
        asked({"a.parquet": file}, "name")
    with pytest.raises(NotPublished, match="there is nothing to publish"):
        asked({})
    monkeypatch.setattr(hub, "LARGEST", 4)
    with pytest.raises(NotPublished, match=r"a\.parquet has 0\.0 GB.*cut it into several"):
        asked({"a.parquet": file})
    with pytest.raises(NotPublished, match=r"README\.md has 0\.0 GB"):
        asked({"README.md": b"12345"})


def test_a_dry_run_verifies_and_lists(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publication = asked({"b.parquet": file, "a.md": b"x" * 2_000_000})
    done = publish_told(publication, dry_run=True, verify=lambda: print("verified"), loader="load_dataset")
    assert done is None
    said = "verified\na.md\nb.parquet\n2 files, 2.0 MB: nothing was sent\n"
    assert capsys.readouterr() == (said, "")


def test_a_connection_that_cannot_be_made_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi

    nobody = HfApi(endpoint="http://127.0.0.1:9", token="hf_x")
    monkeypatch.setattr(hub, "_client", lambda: nobody)
    with pytest.raises(
        NotPublished, match="user/name was not published: the connection to the Hub broke off"
    ):
        check_rights("user/name")
    with pytest.raises(NotPublished, match="the variable A of user/name was not set: the connection"):
        set_variable("user/name", "A", "b")
