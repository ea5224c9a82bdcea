"""The workflows of GitHub: what they call exists, and they can do no more than they have to."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="needs PyYAML")

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".github" / "workflows"
NAMES = ("publish", "test")

Workflow = dict[Any, Any]


def workflow(name: str) -> Workflow:
    found: Workflow = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))
    return found


def triggers(name: str) -> dict[str, Any]:
    """What starts it. YAML 1.1 reads the key `on` as true."""
    found: dict[str, Any] = workflow(name)[True]
    return found


def steps(name: str) -> Iterator[dict[str, Any]]:
    for job in workflow(name)["jobs"].values():
        yield from job.get("steps", ())


def scripts(name: str) -> list[str]:
    return [step["run"] for step in steps(name) if "run" in step]


def commands(name: str) -> list[list[str]]:
    """The words of every line that a workflow runs."""
    return [shlex.split(line) for script in scripts(name) for line in script.splitlines() if line.strip()]


def make_targets() -> set[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([\w./-]+):(?!=)", text, re.MULTILINE))


def modules() -> list[tuple[str, str, list[str]]]:
    """Module, subcommand and options of every command of ours."""
    lines = [words for name in NAMES for words in commands(name)]
    return [
        (words[2], words[3], re.findall(r"--[\w-]+", " ".join(words)))
        for words in lines
        if words[1:2] == ["-m"] and words[2] != "pytest"
    ]


def test_these_are_all() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_exists(name: str) -> None:
    asked = {word for words in commands(name) if words[0] == "make" for word in words[1:] if "=" not in word}
    assert asked
    assert asked <= make_targets()


@pytest.mark.parametrize("name", NAMES)
def test_every_other_program_is_installed_by_the_workflow(name: str) -> None:
    programs = {words[0] for words in commands(name)} - {"make"}
    assert programs <= {f".venv/bin/{program}" for program in ("python", "ruff", "mypy")}


@pytest.mark.parametrize(("module", "command", "options"), modules(), ids=lambda value: str(value)[:20])
def test_every_command_exists_and_takes_its_options(module: str, command: str, options: list[str]) -> None:
    asked = [sys.executable, "-m", module, command, "--help"]
    told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert told.returncode == 0, told.stderr[-2000:]
    assert [option for option in options if option not in told.stdout] == []


def test_all_three_publishers_are_called() -> None:
    assert {(module, command) for module, command, _ in modules()} == {
        ("dataset_builder", "build"),
        ("dataset_builder", "publish"),
        ("space", "publish"),
        ("metrics", "publish"),
    }


def test_a_change_has_to_pass_what_make_check_asks_for() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert recipe, "the Makefile has no target 'check'"
    lines = recipe[1].replace("$(BIN)", ".venv/bin").replace("$(FAST_TESTS)", "make test").split("\n\t")
    assert [line.strip() for line in lines if line.strip() not in "\n".join(scripts("test"))] == []
    assert {"push", "pull_request"} <= triggers("test").keys()


def test_the_python_is_one_that_the_package_supports() -> None:
    used = [step for name in NAMES for step in steps(name) if "setup-python" in step.get("uses", "")]
    versions = {step["with"]["python-version"] for step in used}
    assert versions == {"3.11"}


def test_publishing_waits_for_a_tag_and_for_the_tests() -> None:
    assert triggers("publish") == {"push": {"tags": ["v*"]}}
    jobs = workflow("publish")["jobs"]
    assert jobs["test"] == {"uses": "./.github/workflows/test.yml"}
    assert "workflow_call" in triggers("test")
    assert all("test" in job["needs"] for name, job in jobs.items() if name != "test")


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_may_only_read(name: str) -> None:
    assert workflow(name)["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in workflow(name)["jobs"].values())
    assert all("timeout-minutes" in job for job in workflow(name)["jobs"].values() if "steps" in job)
    checkouts = [step for step in steps(name) if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


@pytest.mark.parametrize("name", NAMES)
def test_actions_have_a_major_version_and_come_from_github(name: str) -> None:
    used = [step["uses"] for step in steps(name) if "uses" in step]
    assert used
    assert [action for action in used if not re.fullmatch(r"actions/[\w-]+@v\d+", action)] == []


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_pasted_into_a_script(name: str) -> None:
    """Neither a secret, which the log would show, nor a name that somebody else has chosen."""
    assert [script for script in scripts(name) if "${{" in script or "set -x" in script] == []


def test_the_token_is_given_to_the_steps_that_publish_only() -> None:
    for name in NAMES:
        text = (FOLDER / f"{name}.yml").read_text(encoding="utf-8")
        given = [step for step in steps(name) if "HF_TOKEN" in step.get("env", {})]
        assert all(" publish " in step["run"] for step in given)
        assert text.count("${{ secrets.") == len(given)


@pytest.mark.parametrize("name", NAMES)
def test_the_scripts_are_right_for_bash(name: str) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    for script in scripts(name):
        checked = subprocess.run([bash, "-n"], input=script, capture_output=True, text=True, timeout=60)
        assert checked.returncode == 0, checked.stderr
