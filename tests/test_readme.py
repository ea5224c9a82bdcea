"""The README is executed: its Python examples run and print what it shows, and its file map is true."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

# A Python block and, where one follows at once, the text block that shows what it prints.
EXAMPLES = re.findall(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", README, re.MULTILINE | re.DOTALL)
FILE_MAP = re.search(r"^## File map\n.*?^```text\n(.*?)^```\n", README, re.MULTILINE | re.DOTALL)


def test_there_are_examples() -> None:
    assert EXAMPLES


@pytest.mark.parametrize(("code", "output"), EXAMPLES, ids=[str(n) for n in range(1, len(EXAMPLES) + 1)])
def test_examples_run_and_print_what_is_shown(
    code: str, output: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if "dist/dsl-debug" in code:  # what `make build-data` makes
        (tmp_path / "dist").mkdir()
        (tmp_path / "dist" / "dsl-debug").symlink_to(request.getfixturevalue("built_sample"))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-c", code]
    result = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    if output:
        assert result.stdout == output


def test_the_front_matter_is_that_of_a_space() -> None:
    assert README.startswith("---\n")
    card = yaml.safe_load(README.split("---\n")[1])
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert f"gradio[mcp]=={card['sdk_version']}" in pins
    assert (card["sdk"], card["python_version"], card["license"]) == ("gradio", "3.11", "mit")
    assert (ROOT / card["app_file"]).is_file()
    assert 0 < len(card["short_description"]) <= 60
    colors = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {card["colorFrom"], card["colorTo"]} <= colors
    assert card["title"] == "DSL Debug"
    assert card["suggested_hardware"] == "cpu-basic"


def test_every_path_of_the_file_map_exists() -> None:
    assert FILE_MAP, "the README has no '## File map' with a text block"
    paths = [line.split()[0] for line in FILE_MAP[1].splitlines() if line.strip()]
    missing = [
        path for path in paths if not (ROOT / path).exists() or path.endswith("/") != (ROOT / path).is_dir()
    ]
    assert paths
    assert not missing, f"in the file map, but not in the repository: {missing}"


def test_every_command_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)`", README))
    assert named
    assert named <= targets, f"in the README, but not in the Makefile: {sorted(named - targets)}"


def paragraph(start: str) -> str:
    """The words of the README from `start` to the next empty line or list item."""
    return " ".join(re.split(r"\n\n|\n- ", README[README.index(start) :], maxsplit=1)[0].split())


def test_the_figures_of_the_audit_are_those_of_its_page() -> None:
    said = re.findall(r"(\d+\.\d) %", paragraph("Paying for the expected rows"))
    page = (ROOT / "docs" / "audit-published.md").read_text(encoding="utf-8")
    summary = page.partition("\n## ")[0]
    assert len(said) == 4
    assert [figure for figure in said if f"({figure}%)" not in summary] == []


def test_the_figures_of_the_constant_emitter_are_those_of_the_baselines() -> None:
    report = json.loads((ROOT / "docs" / "baselines" / "report.json").read_text(encoding="utf-8"))
    (emitter,) = [r["summary"]["overall"] for r in report["results"] if r["policy"] == "constant_emitter"]
    said = paragraph("problems are **certified**")
    assert f"On {emitter['problems']} test problems" in said
    assert f"on {emitter['visible']['rate']:.1%} and is paid on none".replace("%", " %") in said
    assert emitter["accuracy"]["rate"] == 0.0


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert len(pictures) >= 3
    assert [name for name in pictures if not (ROOT / name).is_file()] == []


def test_the_addresses_of_the_space_are_told() -> None:
    pytest.importorskip("gradio", reason="needs gradio: pip install 'dsl-debug[space]'")
    from space.ui import PARAMETERS, TABS

    told = (ROOT / "docs" / "space.md").read_text(encoding="utf-8")
    addresses = told.partition("## Addresses")[2].partition("\n## ")[0]
    assert [name for name in PARAMETERS if f"`?{name}=" not in addresses] == []
    assert [name for name in TABS if f"`{name}`" not in addresses] == []
