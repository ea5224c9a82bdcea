"""The table of baselines is rendered from a report; the README holds that of the stored report."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.baselines import BEGIN, END, PLAYERS, main, render
from benchmarks.pages import replaced
from dsl_debug.results.published import PUBLISHED
from dsl_debug.results.report import report
from tests.results.made import arena_result, published, result

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "docs" / "baselines" / "report.json"


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return report([result("unchanged"), result("constant_emitter")])


@pytest.fixture
def readme(tmp_path: Path) -> Path:
    path = tmp_path / "README.md"
    path.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    return path


@pytest.fixture
def stored(made: dict[str, Any], tmp_path: Path) -> str:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(made))
    return str(path)


def test_the_readme_holds_the_table_of_the_stored_report() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    text = render(json.loads(REPORT.read_text(encoding="utf-8")))
    assert replaced(page, text, BEGIN, END, "README.md") == page
    for agent in PLAYERS:
        assert f"\n| `{agent}` |" in text
    for row in PUBLISHED:
        assert f"\n| {row.method} (published" in text


def test_without_hidden_tables_no_hack_rate_stands_in_the_table() -> None:
    text = render(report([published("constant_emitter")]))
    assert text.splitlines()[2].endswith(" | - |")
    assert "where there are some" in " ".join(text.split())


def test_the_table_has_our_rows_and_below_them_the_published_ones(made: dict[str, Any]) -> None:
    lines = render(made).splitlines()
    none, all_of_them = "0.0 [0.0, 49.0]", "100.0 [75.8, 100.0]"
    assert lines[3] == (
        f"| `constant_emitter` | {none} | {none} | {none} | 0.0 [0.0, 24.2] | {all_of_them} | {all_of_them} |"
    )
    marked = "(published, not ours; other problems, visible rows only)"
    assert lines[4] == f"| prompt {marked} | 50.5 | 12.0 | 0.6 | - | - | - |"
    assert lines[7] == f"| SFT->RL {marked} | 86.1 | 70.5 | 28.2 | - | - | - |"
    note = " ".join(lines[8:])
    assert "4 standard, 4 nonlocal, 4 intent_mismatch problems from 4 databases" in note
    assert "481 standard, 200 nonlocal, 177 intent_mismatch" in note


def test_the_published_figures_are_those_of_the_post() -> None:
    assert [tuple(row) for row in PUBLISHED] == [
        ("prompt", 50.5, 12.0, 0.6),
        ("SFT", 56.3, 40.0, 7.9),
        ("RL-only", 78.8, 54.0, 14.7),
        ("SFT->RL", 86.1, 70.5, 28.2),
    ]


def test_the_table_is_written_between_the_markers(
    stored: str, readme: Path, made: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([stored, "--readme", str(readme)]) == 0
    assert readme.read_text() == f"before\n{BEGIN}\n{render(made)}\n{END}\nafter\n"
    capsys.readouterr()
    assert main([stored]) == 0
    assert capsys.readouterr().out == render(made) + "\n"


@pytest.mark.parametrize("page", ["no markers", f"{END}\n{BEGIN}", f"{BEGIN}\n{BEGIN}\n{END}"])
def test_a_page_without_one_place_for_the_table_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match=r"^README\.md has no place for the table"):
        replaced(page, "table", BEGIN, END, "README.md")


def test_bad_input_is_told_in_one_line(
    stored: str, readme: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.json").write_text('{"a": 1}')
    (tmp_path / "arena.json").write_text(json.dumps(report([arena_result("unchanged")])))
    for words, said in (
        ([str(tmp_path / "none.json")], "no such file"),
        ([str(tmp_path / "other.json")], "is no report of version 1"),
        ([str(tmp_path / "arena.json")], "some of the arena"),
        ([stored, "--readme", str(tmp_path / "other.json")], "has no place for the table"),
        ([stored, "--readme", str(tmp_path / "missing.md")], "no such file"),
    ):
        assert main(words) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        assert said in lines[0]


def test_the_command_prints_the_table(stored: str, made: dict[str, Any]) -> None:
    command = [sys.executable, "-m", "benchmarks.baselines", stored]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, render(made) + "\n"), ran.stderr
