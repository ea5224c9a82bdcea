"""The scripts in the documents import what there is."""

import ast
import importlib
import re
from pathlib import Path

import pytest

pytest.importorskip("datasets", reason="needs datasets: pip install 'dsl-debug[build]'")

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCRIPTS = re.findall(
    r"^```python\n(.*?)^```", (DOCS / "building-at-scale.md").read_text(encoding="utf-8"), re.M | re.S
)


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_scripts_for_clusters_name_what_exists(script: str) -> None:
    imports = [node for node in ast.parse(script).body if isinstance(node, ast.ImportFrom)]
    for node in (node for node in imports if str(node.module).startswith("dataset_builder")):
        module = importlib.import_module(str(node.module))
        assert all(hasattr(module, name.name) for name in node.names)


def test_there_is_a_script_for_slurm_and_one_for_ray() -> None:
    assert any("from dataset_builder." in script for script in SCRIPTS)
    assert any("SlurmPipelineExecutor" in script for script in SCRIPTS)
    assert any("RayPipelineExecutor" in script for script in SCRIPTS)
