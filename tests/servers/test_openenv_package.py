"""What a container is made of: it exists, fits together, and its commands serve, all and one environment."""

import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("openenv", reason="needs openenv: pip install 'dsl-debug[serve]'")

import httpx
from openenv.validation import Level, Verdict, run_validation

from benchmarks.serving import free_port
from benchmarks.serving import serving as served
from dsl_debug import __version__
from dsl_debug.episode import TOOLS
from dsl_debug.episode.python import PYTHON_TOOLS
from servers.http_limits import MAX_BODY
from servers.openenv_app import ENVIRONMENT_VARIABLE, app
from servers.openenv_environments import KINDS
from servers.problems import VARIABLE
from tests.servers.openenv_serving import serving

ROOT = Path(__file__).resolve().parents[2]
SERVERS = ROOT / "servers"
DOCKERFILE = (SERVERS / "Dockerfile").read_text(encoding="utf-8")


def manifest(folder: Path = SERVERS) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((folder / "openenv.yaml").read_text(encoding="utf-8"))
    return found


def instruction(name: str) -> str:
    """What stands after the last instruction of that name."""
    return re.findall(rf"^\s*{name} (.+)$", DOCKERFILE, re.MULTILINE)[-1]


COMMAND: list[str] = json.loads(instruction("CMD"))
ALONE = re.findall(r"^#\s+(uvicorn .+)$", DOCKERFILE, re.MULTILINE)[0].split()
"""The command that serves one environment, as the comment and the page give it."""


def test_everything_that_is_copied_exists() -> None:
    copied = [line.split()[:-1] for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE)]
    sources = [source for line in copied for source in line]
    assert {"pyproject.toml", "dsl_debug", "servers"} <= set(sources)
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_what_is_installed_is_an_extra_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert 'pip install --no-cache-dir ".[serve]"' in DOCKERFILE
    assert "serve" in project["optional-dependencies"]
    assert f"FROM python:{project['requires-python'].removeprefix('>=')}" in DOCKERFILE


def test_the_commands_and_the_manifests_name_the_same_app_and_port() -> None:
    module, _, name = ALONE[1].partition(":")
    assert getattr(import_module(module), name) is app
    assert COMMAND[:3] == ["python", "-m", "servers"]
    for found in (manifest(), manifest(SERVERS / "arena")):
        assert found["app"] == ALONE[1]
        for command in (COMMAND, ALONE):
            assert str(found["port"]) == command[command.index("--port") + 1] == instruction("EXPOSE")
            assert command[command.index("--host") + 1] == "0.0.0.0"
        assert found["version"] == __version__
    assert int(ALONE[ALONE.index("--ws-max-size") + 1]) == MAX_BODY
    assert " ".join(ALONE) in (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")


def test_it_does_not_run_as_root_and_its_health_is_asked_for() -> None:
    assert instruction("USER") == "user"
    assert DOCKERFILE.index("\nUSER user") < DOCKERFILE.index("\nCMD")
    check = json.loads(re.findall(r"HEALTHCHECK .*\\\n\s+CMD (\[.+\])", DOCKERFILE)[0])
    assert f"127.0.0.1:{manifest()['port']}/health" in check[-1]
    compile(check[-1], "the health check", "exec")


@pytest.mark.parametrize(
    ("folder", "environment", "tools", "reward"),
    [(SERVERS, "dsl", TOOLS, [0.0, 1.0]), (SERVERS / "arena", "python", PYTHON_TOOLS, [-1.3, 3.2])],
)
def test_openenv_accepts_the_manifests(
    folder: Path, environment: str, tools: tuple[str, ...], reward: list[float]
) -> None:
    report = run_validation(folder, max_level=Level.STATIC, skip_build=True)
    assert report.verdict is Verdict.PASS
    found = manifest(folder)
    assert found["name"] == KINDS[environment].title
    assert found["validation"]["capabilities"]["declared_tools"] == sorted(tools)
    assert found["validation"]["reward"]["range"] == reward
    assert found.get("variables", {}).get(ENVIRONMENT_VARIABLE, "dsl") == environment


@contextmanager
def commanded(command: list[str], log: Path, **given: str) -> Iterator[str]:
    """The address of what a command serves, on a free port of this machine."""
    port = free_port()
    words = [str(port) if word == "8000" else word for word in command]
    words[words.index("--host") + 1] = "127.0.0.1"
    environment = {**os.environ, **given}
    with served([sys.executable, "-m", *words], port, environment, log=log):
        yield f"http://127.0.0.1:{port}"


def test_the_command_serves_everything_in_one_process(tmp_path: Path) -> None:
    with commanded(COMMAND[2:], tmp_path / "log", **{VARIABLE: ""}) as url:
        assert httpx.get(f"{url}/", timeout=60).json()["name"]
        for name, kind in KINDS.items():
            facts = httpx.get(f"{url}/openenv/{name}/metadata", timeout=60).json()
            assert facts["name"] == kind.title


def test_the_other_command_serves_the_environment_that_the_variable_names(tmp_path: Path) -> None:
    with commanded(ALONE, tmp_path / "log", **{ENVIRONMENT_VARIABLE: "python", VARIABLE: ""}) as url:
        assert httpx.get(f"{url}/metadata", timeout=60).json()["name"] == "debug_arena"
        too_much = httpx.post(f"{url}/reset", content=b" " * (MAX_BODY + 1), timeout=60)
        assert too_much.status_code == 413


def test_the_samples_are_played_unless_a_dataset_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.delenv(VARIABLE, raising=False)
    with serving(app()) as url:
        assert httpx.get(f"{url}/metadata", timeout=60).json()["name"] == "dsl_debug"
        assert httpx.post(f"{url}/reset", timeout=60).json()["observation"]["problem_id"]


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        (ENVIRONMENT_VARIABLE, "java", "DSL_DEBUG_ENVIRONMENT is one of dsl, python, not 'java'"),
        (VARIABLE, "nowhere at all", "there is no folder nowhere at all"),
    ],
)
def test_wrong_variables_are_told(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=told):
        app()
