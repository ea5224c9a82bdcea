"""Fixtures that every test may use: where the published data and the Spider databases lie."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

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
