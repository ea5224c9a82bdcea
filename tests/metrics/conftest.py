"""The metric as `evaluate.load` gives it, with all that it writes in a temporary folder and no network."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

METRIC = Path(__file__).resolve().parents[2] / "metrics" / "dsl_debug"


@pytest.fixture(scope="session")
def metric(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    evaluate = pytest.importorskip("evaluate", reason="needs evaluate: pip install 'dsl-debug[eval]'")
    cache = tmp_path_factory.mktemp("evaluate")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate.config, "HF_MODULES_CACHE", str(cache / "modules"))
        patch.setattr(evaluate.config, "HF_EVALUATE_OFFLINE", True)
        patch.setattr(sys, "path", list(sys.path))  # evaluate adds the folder of its copies
        yield evaluate.load(str(METRIC), cache_dir=str(cache / "metrics"))
        for name in [name for name in sys.modules if name.partition(".")[0] == "evaluate_modules"]:
            del sys.modules[name]
