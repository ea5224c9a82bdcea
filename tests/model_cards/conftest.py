"""Results that take a moment to play are played once."""

from pathlib import Path
from typing import Any

import pytest

from tests.model_cards.made import model_folder, played, record


@pytest.fixture(scope="session")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a model did on four test problems: it solves all of them."""
    return played(tmp_path_factory.mktemp("result"))


@pytest.fixture(scope="session")
def result_before(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What another one did on the same problems: it prints the rows shown."""
    return played(tmp_path_factory.mktemp("before"), "constant_emitter", "hf:user/dsl-debug-sft-7b")


@pytest.fixture
def folder(tmp_path: Path, result: dict[str, Any]) -> Path:
    """The folder of a model with one result."""
    return model_folder(tmp_path / "dsl-debug-rl-7b", record(), test=result)
