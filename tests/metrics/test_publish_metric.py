"""The metric goes to a Hub on the loopback interface, and `evaluate` loads it from there."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="needs uvicorn: pip install 'dsl-debug[serve]'")
pytest.importorskip("evaluate", reason="needs evaluate: pip install 'dsl-debug[eval]'")
pytest.importorskip("jinja2", reason="needs jinja2: pip install 'dsl-debug[build]'")

from metrics.publish import PAGE, ROOT, files_of
from tests.hub_server import LoopbackHub
from tests.hub_server.store import File
from tests.metrics.conftest import METRIC

NAME = "user/dsl_debug"

# A process for which the package of this checkout is not installed.
LOAD = f"""
import json, sys
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
import evaluate
metric = evaluate.load("{NAME}")
import dsl_debug
from dsl_debug.data import sample_problems
problem = sample_problems()[0]
result = metric.compute(
    predictions=[problem.correct_code, problem.buggy_code, None], references=[problem.to_row()] * 3
)
print(json.dumps([dsl_debug.__file__, result["accuracy"], result["failures"]]))
"""


def publish(hub: LoopbackHub, home: Path, *more: str, name: str = NAME) -> subprocess.CompletedProcess[str]:
    return hub.python(home, ["-m", "metrics", "publish", "--repo", name, *more])


def test_evaluate_loads_what_was_published_and_the_package_with_it(hub: LoopbackHub, tmp_path: Path) -> None:
    first = publish(hub, tmp_path / "a")
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith(f"{hub.url}/spaces/{NAME}\npublished, commit ")
    assert first.stdout.endswith(f'\nevaluate.load("{NAME}")\n')
    loaded = hub.python(tmp_path / "b", ["-c", LOAD], folder=tmp_path)
    assert loaded.returncode == 0, loaded.stderr
    place, accuracy, failures = json.loads(loaded.stdout.splitlines()[-1])
    assert Path(place).is_relative_to(tmp_path / "b")
    assert accuracy == pytest.approx(1 / 3)
    assert failures == {"never_submitted": 1, "unchanged": 1}
    again = publish(hub, tmp_path / "c")
    assert "unchanged: this is there already" in again.stdout
    assert len(hub.hub.find("space", NAME).commits) == 2


def test_a_metric_without_its_package_says_what_to_install(hub: LoopbackHub, tmp_path: Path) -> None:
    there = hub.hub.create("space", NAME, private=False, sdk="gradio")
    file = File((METRIC / "dsl_debug.py").read_bytes(), is_large=False)
    there.add("main", "the metric alone", {"dsl_debug.py": file})
    told = hub.python(tmp_path, ["-c", LOAD], folder=tmp_path)
    assert told.returncode == 1
    words = f"this metric needs the package dsl-debug (pip install git+{hub.url}/spaces/{NAME})"
    assert told.stderr.splitlines()[-1].startswith(f"ImportError: {words}")


def test_it_knows_where_it_came_from(metric: Any) -> None:
    repository = sys.modules[type(metric).__module__]._repository
    assert repository("evaluate_modules.metrics.user--dsl_debug.0123abcd.dsl_debug") == NAME
    assert repository(type(metric).__module__) == ""  # from a folder
    assert repository("dsl_debug") == ""


def test_a_branch_is_told_with_the_package_of_it(hub: LoopbackHub, tmp_path: Path) -> None:
    done = publish(hub, tmp_path, "--revision", "v2")
    assert done.returncode == 0, done.stderr
    assert f'evaluate.load("{NAME}", revision="v2")' in done.stdout
    assert f"pip install git+{hub.url}/spaces/{NAME}@v2" in done.stdout
    there = hub.hub.find("space", NAME)
    assert "dsl_debug.py" not in there.at("main").files
    assert "dsl_debug/lang/docs/filter.md" in there.at("v2").files


def test_the_repository_holds_the_page_and_a_package_that_can_be_installed() -> None:
    files = files_of(ROOT)
    own = {path for path in files if not path.startswith("dsl_debug/")}
    assert own == {"README.md", "LICENSE", "pyproject.toml", *PAGE}
    assert {"dsl_debug/__init__.py", "dsl_debug/py.typed", "dsl_debug/lang/docs/filter.md"} <= files.keys()
    card = files["README.md"]
    assert isinstance(card, bytes)
    assert card.startswith(b"---\n")
    requirements = (METRIC / "requirements.txt").read_text(encoding="utf-8")
    asked = [line for line in requirements.splitlines() if not line.startswith("#")]
    assert asked == ["gradio>=6.31,<7"]  # the page imports nothing else, and the package is on no index


def test_another_name_than_the_one_of_the_file_is_refused(hub: LoopbackHub, tmp_path: Path) -> None:
    told = publish(hub, tmp_path, name="user/my-metric")
    assert told.returncode == 2
    assert told.stderr == (
        "metrics: user/my-metric: evaluate loads the file with the name of the repository, so that the"
        " repository has to be user/dsl_debug\n"
    )
    assert not hub.hub.requests


def test_a_space_with_something_else_in_it_is_left_alone(hub: LoopbackHub, tmp_path: Path) -> None:
    there = hub.hub.create("space", NAME, private=False, sdk="gradio")
    there.add("main", "mine", {"app.py": File(b"print()", is_large=False)})
    told = publish(hub, tmp_path)
    assert told.returncode == 2
    assert f"{NAME} is there already, and holds something else, such as app.py" in told.stderr
    assert list(there.at("main").files) == ["app.py"]
