"""The metric's card: the Hub reads its front matter, its examples run, and what it says of limits is true."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.metrics.conftest import METRIC

CARD = (METRIC / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```\n", CARD, re.MULTILINE | re.DOTALL)


def test_the_hub_can_read_the_front_matter() -> None:
    hub = pytest.importorskip("huggingface_hub")
    data = hub.SpaceCard(CARD).data.to_dict()
    assert (data["sdk"], data["app_file"], data["tags"]) == ("gradio", "app.py", ["evaluate", "metric"])
    assert len(data["short_description"]) <= 60
    assert f"gradio>={data['sdk_version'].rpartition('.')[0]}" in (METRIC / "requirements.txt").read_text()


def test_the_examples_run_offline_and_print_what_is_shown(tmp_path: Path, built_sample: Path) -> None:
    pytest.importorskip("evaluate", reason="needs evaluate: pip install 'dsl-debug[eval]'")
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "dsl-debug").symlink_to(built_sample)
    (tmp_path / "metrics").symlink_to(METRIC.parent)
    code, outputs = "\n".join(code for code, _ in EXAMPLES), "".join(output for _, output in EXAMPLES)
    environment = os.environ | {
        "PYTHONPATH": str(METRIC.parents[1]),
        "HF_HOME": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": "1",
        "HF_EVALUATE_OFFLINE": "1",
    }
    command = [sys.executable, "-c", code]
    result = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    assert len(EXAMPLES) == 2
    assert result.stdout == outputs
