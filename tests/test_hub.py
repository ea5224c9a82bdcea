"""What cannot be published is told before anything is sent, and a connection that breaks off in one line."""

from pathlib import Path

import pytest

from dsl_debug import hub
from dsl_debug.hub import NotPublished, Published, amount, check, check_rights, listing, outcome, set_variable

pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install 'dsl-debug[build]'")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"12345")
    return path


def test_what_no_hub_takes_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check({"a.parquet": file}, "user/name")
    with pytest.raises(NotPublished, match="no name of a repository: 'name'; it is user/name"):
        check({"a.parquet": file}, "name")
    with pytest.raises(NotPublished, match="there is nothing to publish"):
        check({}, "user/name")
    monkeypatch.setattr(hub, "LARGEST", 4)
    with pytest.raises(NotPublished, match=r"a\.parquet has 0\.0 GB.*cut it into several"):
        check({"a.parquet": file}, "user/name")
    with pytest.raises(NotPublished, match=r"README\.md has 0\.0 GB"):
        check({"README.md": b"12345"}, "user/name")


def test_what_commands_say_of_files_and_of_what_happened(file: Path) -> None:
    files = {"b.parquet": file, "a.md": b"x" * 2_000_000}
    assert amount(files) == "2 files, 2.0 MB"
    assert listing(files) == "a.md\nb.parquet\n2 files, 2.0 MB: nothing was sent"
    assert (
        outcome(Published("https://hub/a/b", "c0ffee", True)) == "https://hub/a/b\npublished, commit c0ffee"
    )
    assert "unchanged: this is there already" in outcome(Published("https://hub/a/b", "c0ffee", False))


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
