"""Fixtures that every test may use: the published data, the Spider databases, a dataset built here, a Hub."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.hub_server import LoopbackHub

ROOT = Path(__file__).resolve().parent.parent
DATA_VARIABLE = "DSL_DEBUG_TEST_DATA"

# A time limit for each example would measure how busy the machine is.
settings.register_profile("dsl-debug", deadline=None)
settings.load_profile("dsl-debug")


def data_folder(name: str) -> Path:
    """The folder `name` of the data that is not in the repository; skips the test where it is missing."""
    base = Path(os.environ.get(DATA_VARIABLE) or ROOT.parent / "shared")
    if not (base / name).is_dir():
        pytest.skip(f"no folder '{name}' in {base}: set {DATA_VARIABLE} to a folder that has it")
    return base / name


@pytest.fixture(scope="session")
def published_dir() -> Path:
    """The parquet files of the published benchmark."""
    return data_folder("published")


@pytest.fixture(scope="session")
def spider_dir() -> Path:
    """Spider: `tables.json` and `database/<id>/<id>.sqlite`."""
    return data_folder("spider")


@pytest.fixture
def hub() -> Iterator["LoopbackHub"]:
    """A Hub on the loopback interface that holds nothing yet."""
    pytest.importorskip("uvicorn", reason="needs uvicorn: pip install 'dsl-debug[serve]'")
    from tests.hub_server import loopback_hub

    with loopback_hub() as running:
        yield running


@pytest.fixture(scope="session")
def built_sample(pytestconfig: pytest.Config) -> Path:
    """The folder that `python -m dataset_builder build --preset sample` makes, read only.

    It is built when the first test asks for it, and again when the code that makes it has changed; between
    runs it lies in pytest's cache. Processes that run tests side by side share it.
    """
    pytest.importorskip("datasets", reason="needs datasets: pip install 'dsl-debug[build]'")
    base = Path(pytestconfig.cache.mkdir("built-sample"))
    made = base / code_digest() / "dsl-debug"
    with (base / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.is_dir():
            for old in base.iterdir():
                shutil.rmtree(old, ignore_errors=True)
            command = [sys.executable, "-m", "dataset_builder", "build", "--preset", "sample"]
            built = subprocess.run([*command, "--out", str(made)], cwd=ROOT, capture_output=True, text=True)
            assert built.returncode == 0, built.stderr[-2000:]
    return made


# Parts of the package that no dataset depends on.
NOT_IN_DATASETS = (
    *("cli", "replay", "rescoring.py", "policies/hf.py", "policies/vllm.py", "policies/tokens.py"),
    *(f"results/{name}.py" for name in ("compare", "markdown", "plots", "published", "report", "statistics")),
)


def code_digest() -> str:
    """Of all that the built sample depends on, as far as it is in the repository."""
    files = [
        path for top in ("dsl_debug", "dataset_builder", "model_cards") for path in (ROOT / top).rglob("*")
    ]
    left_out = [ROOT / "dsl_debug" / name for name in NOT_IN_DATASETS]
    texts = sorted(
        path
        for path in files
        if path.suffix in (".py", ".md") and not any(path.is_relative_to(other) for other in left_out)
    )
    return hashlib.sha256(b"".join(path.read_bytes() for path in texts)).hexdigest()[:16]
