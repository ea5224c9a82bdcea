"""The Space goes to a Hub on the loopback interface, by the real client; what would not run there is told."""

import argparse
import subprocess
from collections.abc import Callable, Mapping
from importlib.metadata import requires, version
from pathlib import Path
from unittest.mock import Mock

import pytest

pytest.importorskip("uvicorn", reason="needs uvicorn: pip install 'dsl-debug[serve]'")
pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install 'dsl-debug[build]'")
pytest.importorskip("jinja2", reason="needs jinja2: pip install 'dsl-debug[build]'")

from dsl_debug import hub as publishing
from dsl_debug.hub import Content, NotPublished, source_files
from space.publish import (
    CARD,
    HERE_ONLY,
    LONGEST_DESCRIPTION,
    NOT_PINNED,
    ROOT,
    _imports,
    faults_of,
    files_of,
    publish_space,
)
from tests.hub_server import LoopbackHub
from tests.hub_server.store import File

NAME = "user/dsl-debug-space"


@pytest.fixture(scope="module")
def files() -> dict[str, Content]:
    return files_of(ROOT)


def publish(hub: LoopbackHub, home: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return hub.python(home, ["-m", "space", "publish", "--repo", NAME, *more])


# Publishing


def test_it_is_published_in_one_commit_and_a_second_time_in_none(hub: LoopbackHub, tmp_path: Path) -> None:
    first = publish(hub, tmp_path / "a", "--dataset", "user/dsl-debug")
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith(f"{hub.url}/spaces/{NAME}\npublished, commit ")
    assert first.stdout.endswith("\nit shows user/dsl-debug\n")
    there = hub.hub.find("space", NAME)
    assert (there.sdk, len(there.commits)) == ("gradio", 2)  # the one that the Hub makes, and ours
    assert there.variables == {"DSL_DEBUG_DATASET": "user/dsl-debug"}
    again = publish(hub, tmp_path / "b")
    assert again.returncode == 0, again.stderr
    assert "unchanged: this is there already" in again.stdout
    assert len(there.commits) == 2


def test_what_the_app_needs_is_there_and_nothing_else(files: Mapping[str, Content]) -> None:
    tops = {path.partition("/")[0] for path in files}
    assert tops == {CARD, "LICENSE", "app.py", "dsl_debug", "packages.txt", "requirements.txt", "space"}
    assert {
        "space/sample/problems.jsonl",
        "space/about/environment.md",
        "space/assets/style.css",
        "dsl_debug/lang/docs/filter.md",
    } <= files.keys()
    assert not any("__pycache__" in path or "/." in path or "test" in path for path in files)
    assert not set(HERE_ONLY) & files.keys()
    assert files[CARD] != (ROOT / CARD).read_bytes()


def test_caches_and_hidden_files_stay_here_and_a_strange_file_stops_it(tmp_path: Path) -> None:
    for name in ("a.py", "b/c.md", "b/.env", "b/.git/config", "__pycache__/a.pyc", "b/__pycache__/d.pyc"):
        path = tmp_path / "app" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    assert list(source_files(tmp_path, "app")) == ["app/a.py", "app/b/c.md"]
    (tmp_path / "app" / "b" / "notes.docx").write_text("private")
    with pytest.raises(NotPublished, match=r"app/b/notes\.docx is no file of the sources: take it out first"):
        source_files(tmp_path, "app")
    (tmp_path / "app" / "b" / "notes.docx").unlink()
    (tmp_path / "app" / "b" / "d.md").symlink_to("/etc/hostname")
    with pytest.raises(NotPublished, match=r"app/b/d\.md is a link, to what nobody has looked at"):
        source_files(tmp_path, "app")


def test_files_of_an_earlier_publication_go_and_branches_are_made(hub: LoopbackHub, tmp_path: Path) -> None:
    there = hub.hub.create("space", NAME, private=False, sdk="gradio")
    old = {path: File(b"old", is_large=False) for path in ("space/launch.py", "space/gone.py")}
    there.add("main", "an earlier one", old)
    done = publish(hub, tmp_path, "--revision", "next")
    assert done.returncode == 0, done.stderr
    assert list(there.at("main").files) == list(old)
    assert "space/gone.py" not in there.at("next").files
    assert there.at("next").files["space/launch.py"].content == (ROOT / "space/launch.py").read_bytes()


# What cannot be published


def test_somebody_elses_space_is_left_alone(hub: LoopbackHub, tmp_path: Path) -> None:
    there = hub.hub.create("space", NAME, private=False, sdk="gradio")
    there.add("main", "mine", {"app.py": File(b"do not lose me", is_large=False)})
    told = publish(hub, tmp_path)
    assert told.returncode == 2
    assert f"{NAME} is there already, and holds something else, such as app.py" in told.stderr
    assert list(there.at("main").files) == ["app.py"]


def test_a_connection_that_breaks_off_leaves_nothing_half_published(hub: LoopbackHub, tmp_path: Path) -> None:
    cases = {
        403: "the token has no right to write there",
        0: "the Hub answered with status 500: run the same command again later",
    }
    for status, words in cases.items():
        hub.hub.faults[f"POST /api/spaces/{NAME}/commit"] = status
        told = publish(hub, tmp_path / str(status), "--dataset", "user/dsl-debug")
        assert told.returncode == 2
        assert f"{NAME} was not published: " in told.stderr
        assert words in told.stderr
        assert "Traceback" not in told.stderr
    there = hub.hub.find("space", NAME)
    assert list(there.at("main").files) == [CARD]
    assert there.variables == {}
    hub.hub.faults.clear()
    assert publish(hub, tmp_path / "c").returncode == 0


def test_a_variable_that_is_not_set_is_told_after_the_link(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.hub.faults[f"POST /api/spaces/{NAME}/variables"] = 403
    told = publish(hub, tmp_path, "--dataset", "user/dsl-debug")
    assert told.returncode == 2
    assert f"{hub.url}/spaces/{NAME}\npublished" in told.stdout
    assert f"the variable DSL_DEBUG_DATASET of {NAME} was not set: the token has no right" in told.stderr
    assert "app.py" in hub.hub.find("space", NAME).at("main").files


def test_a_file_too_large_and_a_dataset_without_a_name_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = argparse.Namespace(repo=NAME, dataset="dsl-debug", dry_run=True, private=False, revision=None)
    with pytest.raises(NotPublished, match="no name of a repository: 'dsl-debug'; it is user/name"):
        publish_space(asked)
    monkeypatch.setattr(publishing, "LARGEST", 100)
    with pytest.raises(NotPublished, match=r" has 0\.0 GB, and the Hub takes at most .*cut it into several"):
        publish_space(asked)


# Requirements and card


def test_nothing_is_wrong_with_what_is_published(files: dict[str, Content]) -> None:
    assert faults_of(files) == []


def with_text(name: str, change: Callable[[str], str]) -> Callable[[dict[str, Content]], dict[str, Content]]:
    """A change of the text of one file."""

    def changed(files: dict[str, Content]) -> dict[str, Content]:
        content = files[name]
        text = content.decode() if isinstance(content, bytes) else content.read_text(encoding="utf-8")
        return files | {name: change(text).encode()}

    return changed


def with_line(line: str) -> Callable[[dict[str, Content]], dict[str, Content]]:
    return with_text("requirements.txt", lambda text: f"{text}{line}\n")


def without(name: str) -> Callable[[dict[str, Content]], dict[str, Content]]:
    def changed(files: dict[str, Content]) -> dict[str, Content]:
        return {path: content for path, content in files.items() if path != name}

    return changed


def in_card(old: str, new: str) -> Callable[[dict[str, Content]], dict[str, Content]]:
    return with_text(CARD, lambda text: text.replace(old, new, 1))


FAULTS: dict[str, tuple[Callable[[dict[str, Content]], dict[str, Content]], str]] = {
    "a module that nothing brings": (
        lambda files: files | {"space/new.py": b"def f():\n    import yaml\n"},
        "requirements.txt lacks pyyaml, which space/new.py, line 2 imports: add it, pinned",
    ),
    "a module that is not installed here": (
        lambda files: (
            files | {"space/new.py": b"from importlib import import_module\nimport_module('ufo.a')"}
        ),
        "requirements.txt lacks ufo, which space/new.py, line 2 imports: add it, pinned",
    ),
    "a package that nothing imports": (
        with_line("tqdm==4.67.1"),
        "requirements.txt asks for tqdm, which nothing imports: take it out",
    ),
    "an open version": (
        with_text("requirements.txt", lambda text: text.replace("openai==", "openai>=")),
        f"requirements.txt, line 7: openai>={version('openai')} is not pinned: give name==version",
    ),
    "no version": (
        with_text("requirements.txt", lambda text: text.replace("datasets==5.2.0", "datasets")),
        "requirements.txt, line 3: datasets is not pinned: give name==version",
    ),
    "no requirement": (
        with_line("-e ."),
        "requirements.txt, line 9: '-e .' is no requirement",
    ),
    "another gradio": (
        in_card(f"sdk_version: {version('gradio')}", "sdk_version: 6.30.0"),
        f"README.md: its sdk_version 6.30.0 is not the gradio=={version('gradio')} of requirements.txt",
    ),
    "another sdk": (
        in_card("sdk: gradio", "sdk: docker"),
        "README.md: the sdk is docker, and it has to be gradio",
    ),
    "a long description": (
        in_card("short_description: ", f"short_description: {'x' * LONGEST_DESCRIPTION}"),
        "and the Hub takes 60",
    ),
    "no app": (without("app.py"), "README.md: its app_file app.py is not published"),
    "no front matter": (
        in_card("---\n", "--- {\n"),
        "README.md has no front matter that the Hub could read",
    ),
    "a front matter that is no YAML": (
        in_card("sdk: gradio", "sdk: [gradio"),
        "README.md has no front matter that the Hub could read: while parsing",
    ),
}


@pytest.mark.parametrize(("change", "words"), FAULTS.values(), ids=FAULTS)
def test_what_would_not_run_is_told_in_one_line(
    files: dict[str, Content], change: Callable[[dict[str, Content]], dict[str, Content]], words: str
) -> None:
    (fault,) = faults_of(change(files))
    assert words in fault
    assert "\n" not in fault


def test_what_need_not_be_pinned_is_imported_and_brought_by_what_is(files: dict[str, Content]) -> None:
    assert not NOT_PINNED.keys() - _imports(files).keys()
    for module, reason in NOT_PINNED.items():
        for bringer in ("openai", "huggingface_hub", "datasets"):
            if bringer in reason:
                assert any(line.startswith(module) for line in requires(bringer) or ())


def test_several_faults_are_told_in_a_line_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from space import launch, publish

    monkeypatch.setattr(publish, "faults_of", lambda files: ["the first", "the second"])
    assert launch.command(["publish", "--repo", NAME, "--dry-run"]) == 2
    assert capsys.readouterr().err == "python -m space: the first\npython -m space: the second\n"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            ModuleNotFoundError("No module named 'yaml'", name="yaml"),
            "publishing needs yaml: pip install 'dsl-",
        ),
        (
            ImportError("rendering cards needs jinja2: pip install it"),
            "rendering cards needs jinja2: pip inst",
        ),
    ],
)
def test_what_is_not_installed_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: ImportError, words: str
) -> None:
    from space import launch, publish

    monkeypatch.setattr(publish, "files_of", Mock(side_effect=error))
    assert launch.command(["publish", "--repo", NAME]) == 2
    assert capsys.readouterr().err.startswith(f"python -m space: {words}")


def test_the_hub_reads_the_card(files: dict[str, Content]) -> None:
    from huggingface_hub import SpaceCard

    content = files[CARD]
    assert isinstance(content, bytes)
    facts = SpaceCard(content.decode()).data
    assert (facts.get("sdk"), facts.get("app_file")) == ("gradio", "app.py")
    assert 0 < len(facts.get("short_description")) <= LONGEST_DESCRIPTION
    assert facts.get("sdk_version") == version("gradio")
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {facts.get("colorFrom"), facts.get("colorTo")} <= colours
