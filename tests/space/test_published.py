"""The Space and the metric go to a Hub on the loopback interface, come back, and run without the checkout."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="needs uvicorn: pip install 'dsl-debug[serve]'")
pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install 'dsl-debug[build]'")
pytest.importorskip("jinja2", reason="needs jinja2: pip install 'dsl-debug[build]'")
pytest.importorskip("gradio_client", reason="needs gradio: pip install 'dsl-debug[space]'")
pytest.importorskip("evaluate", reason="needs evaluate: pip install 'dsl-debug[eval]'")

from benchmarks.serving import free_port, serving
from dsl_debug.data import sample_problems
from space.library import sample_library
from tests.hub_server import LoopbackHub, loopback_hub

SPACE = "user/dsl-debug-space"
METRIC = "user/dsl_debug"

# Nothing is compiled yet when an app is started for the first time, and the machine may be busy.
PATIENCE = 600.0

DOWNLOAD = """
import sys
from huggingface_hub import snapshot_download
snapshot_download(sys.argv[1], repo_type="space", local_dir=sys.argv[2])
"""

JUDGE = f"""
import evaluate
metric = evaluate.load("{METRIC}")
import dsl_debug, json
from dsl_debug.data import sample_problems
problem = sample_problems()[0]
result = metric.compute(
    predictions=[problem.correct_code, problem.buggy_code], references=[problem.to_row()] * 2
)
print(json.dumps([dsl_debug.__file__, result["accuracy"], result["failures"]]))
"""

# What the Hub's builder adds to the requirements of a Space with this SDK, and resolves together with them.
BUILDER = ("uvicorn>=0.14", "websockets>=10.4", "spaces")


def pip(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """pip with the configuration of this machine, for the Python of another environment."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=3 * PATIENCE)


def environment_of(space: Path, folder: Path) -> str:
    """The Python of a fresh environment with what a Space asks for, as the Hub's builder makes one."""
    if pip("download", "--no-deps", "--dest", str(folder / "probe"), "packaging", folder=folder).returncode:
        missing = "no package index can be reached, which the environment of the Space comes from"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True, timeout=PATIENCE
    )
    python = str(folder / "venv" / "bin" / "python")
    wanted = ["-r", str(space / "requirements.txt"), f"gradio[oauth,mcp]=={version('gradio')}", *BUILDER]
    # For the metric, which is not the Space's.
    wanted.append(f"evaluate=={version('evaluate')}")
    installed = pip("--python", python, "install", "--no-compile", *wanted, folder=folder)
    assert installed.returncode == 0, installed.stderr[-3000:]
    return python


@contextmanager
def started(python: str, folder: Path, home: Path) -> Iterator[str]:
    """The address of the `app.py` in a folder, which runs for the time of the block as it does on the Hub."""
    port = free_port()
    home.mkdir(exist_ok=True)
    given = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "PYTHONUNBUFFERED": "1",
    }
    log = home / f"{folder.name}.log"
    with serving([python, "app.py"], port, given, folder=folder, log=log, seconds=PATIENCE):
        yield f"http://127.0.0.1:{port}/"


def asked(url: str, *given: Any, name: str, **named: Any) -> Any:
    """What a named function of an app answers."""
    from gradio_client import Client

    client = Client(url, verbose=False, httpx_kwargs={"timeout": PATIENCE})
    return client.predict(*given, **named, api_name=f"/{name}")


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that is gone after the test: an environment is large."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made).resolve()


def test_what_was_published_runs_in_an_environment_of_its_own(folder: Path) -> None:
    """The Space, the page of the metric, and the metric itself: one environment is made for all of them."""
    with loopback_hub() as hub:
        space, metric = published(hub, "space", SPACE, folder), published(hub, "metrics", METRIC, folder)
        python = environment_of(space, folder)
        plays_an_episode(python, space, folder / "at-work")
        judges_a_program(python, metric, folder / "at-work")
        loads_the_metric(hub, python, folder)
        says_that_it_is_a_part(hub, python, space)
    can_be_installed(python, metric, folder)


def published(hub: LoopbackHub, what: str, name: str, folder: Path) -> Path:
    """A folder with what came back of what was sent."""
    place = folder / what
    succeeded(hub.python(folder / "home", ["-m", what, "publish", "--repo", name]))
    succeeded(hub.python(folder / "home", ["-c", DOWNLOAD, name, str(place)]))
    return place


def plays_an_episode(python: str, space: Path, home: Path) -> None:
    problem = next(iter(sample_library().problems.values()))
    with started(python, space, home) as url:
        episode = asked(url, name="start_episode", problem_id=problem.id)
        episode_id = episode["episode_id"]
        assert asked(url, episode_id, problem.buggy_code, name="run")["reward"] is None
        end = asked(url, episode_id, problem.correct_code, name="submit")
    assert (end["done"], end["reward"]) == (True, 1.0)


def judges_a_program(python: str, metric: Path, home: Path) -> None:
    problem = sample_problems()[0]
    name = f"{problem.category}, {problem.difficulty} ({problem.database})"
    with started(python, metric, home) as url:
        headline, figures, message = asked(url, name, "", problem.correct_code, name="judge")
    assert headline.startswith("Correct")
    assert (figures, message) == ({"accuracy": 1, "visible_accuracy": 1, "hack": 0}, "")


def loads_the_metric(hub: LoopbackHub, python: str, folder: Path) -> None:
    done = hub.python(folder / "fresh", ["-c", JUDGE], python=python, folder=folder / "probe")
    place, accuracy, failures = json.loads(succeeded(done).splitlines()[-1])
    assert Path(place).is_relative_to(folder / "fresh")  # not installed, but fetched
    assert (accuracy, failures) == (0.5, {"unchanged": 1})


def says_that_it_is_a_part(hub: LoopbackHub, python: str, space: Path) -> None:
    command = ["-m", "space", "publish", "--repo", SPACE]
    told = hub.python(space.parent / "home", command, python=python, folder=space)
    words = "publishing needs the whole repository: this is what a Space has of it"
    assert (told.returncode, told.stderr) == (2, f"python -m space: {words}\n")


def can_be_installed(python: str, metric: Path, folder: Path) -> None:
    """As by `pip install git+URL`, which does the same to a clone."""
    installed = pip("--python", python, "install", "--no-deps", "--no-compile", str(metric), folder=folder)
    assert installed.returncode == 0, installed.stderr[-3000:]
    code = "import dsl_debug.lang as l; print(l.__file__, len(l.read_docs('filter')))"
    command = [python, "-c", code]
    done = subprocess.run(command, cwd=folder / "probe", capture_output=True, text=True, timeout=PATIENCE)
    place, length = succeeded(done).split()
    assert "site-packages" in place
    assert int(length) > 500
