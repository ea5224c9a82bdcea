"""Plots of a report: which are drawn, and that they are the same every time."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'dsl-debug[eval]'")

from dsl_debug.results.plots import write_plots
from dsl_debug.results.report import Report, report
from tests.results.made import arena_result, checkpoints, result


@pytest.fixture(scope="module")
def of_agents() -> Report:
    return report([result(agent) for agent in ("unchanged", "reference")])


def test_the_same_report_gives_the_same_bytes(of_agents: Report, tmp_path: Path) -> None:
    first, second = (write_plots(of_agents, tmp_path / name) for name in ("a", "b"))
    assert [path.name for path in first] == ["accuracy.png", "turns.png", "failures.png"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in first)
    other = write_plots(report([result("unchanged"), result("constant_emitter")]), tmp_path / "c")
    assert all(a.read_bytes() != b.read_bytes() for a, b in zip(first, other, strict=True))


def test_checkpoints_are_drawn_as_a_curve(tmp_path: Path) -> None:
    found = report(checkpoints("hf:runs/$rl$", {5: "unchanged", 10: "reference"}))
    assert write_plots(found, tmp_path)[-1].name == "learning-curve.png"


def test_results_of_the_arena_have_plots_of_their_own(tmp_path: Path) -> None:
    found = report([arena_result("reference"), result("reference")])
    names = [path.name for path in write_plots(found, tmp_path)]
    parts = ("accuracy", "turns", "failures")
    assert names == [f"{name}.png" for name in parts] + [f"arena-{name}.png" for name in parts]


def test_many_policies_with_long_names_fit(tmp_path: Path) -> None:
    found = report([result("unchanged")])
    (entry,) = found["results"]
    found["results"] = [{**entry, "label": f"hf:{'a-long-name-' * 6}{number}"} for number in range(12)]
    paths = write_plots(found, tmp_path)
    assert all(path.stat().st_size > 10_000 for path in paths)


def test_without_matplotlib_it_is_said_what_to_install(
    of_agents: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"^the plots need matplotlib: pip install 'dsl-debug\[eval\]'$"):
        write_plots(of_agents, tmp_path)
