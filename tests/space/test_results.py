"""The tab Results: every figure comes from a file, and nothing of a file becomes markup."""

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from space import leaderboard
from space.leaderboard import REPORT, asked_for, chosen, result_sets
from space.library import PLAYERS, Library
from space.views.results import pages, results

EMPTY = Library({}, {}, {})
FIGURES = json.loads(REPORT.read_text(encoding="utf-8"))


def shown(folder: Path, report: dict[str, Any]) -> str:
    """The page of a report, its HTML with blanks for elements."""
    file = folder / "report.json"
    file.write_text(json.dumps(report))
    page = results(result_sets(EMPTY, file)["test"])
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def with_policy(name: str, **renamed: str) -> dict[str, Any]:
    """The report with one result that has other names."""
    report = deepcopy(FIGURES)
    report["results"] = [{**e, **renamed} if e["policy"] == name else e for e in report["results"]]
    return report


@pytest.fixture(autouse=True)
def no_plots(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of tables need no drawing."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(leaderboard, "write_plots", lambda report, folder: [])


@pytest.fixture
def drawn() -> None:
    """For tests that look at plots."""
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'dsl-debug[eval]'")


# Figures


def test_the_leaderboard_has_the_figures_of_the_file_best_first(tmp_path: Path) -> None:
    text = shown(tmp_path, FIGURES)
    assert f"search {PLAYERS['search']} 85.1 [82.5, 87.3] 91.7 [88.9, 93.8]" in text
    table = text[text.index("Leaderboard") : text.index("Hack rate")]
    names = re.findall(r"search|random_edit|constant_emitter|unchanged|reference", table)
    assert names == ["search", "random_edit", "constant_emitter", "unchanged", "reference"]


def test_a_changed_result_changes_the_table(tmp_path: Path) -> None:
    report = deepcopy(FIGURES)
    entry = next(e for e in report["results"] if e["policy"] == "unchanged")
    entry["summary"]["overall"]["accuracy"] |= {"rate": 0.912, "low": 0.876, "high": 0.934}
    text = shown(tmp_path, report)
    assert f"unchanged {PLAYERS['unchanged']} 91.2 [87.6, 93.4]" in text
    assert text.index("unchanged Hands") < text.index("search Tries")


def test_the_hack_rate_is_explained_with_the_figures_of_the_file(tmp_path: Path) -> None:
    assert "pays it on 99.7% of the problems, the reward here on 0.0% ." in shown(tmp_path, FIGURES)
    report = deepcopy(FIGURES)
    entry = next(e for e in report["results"] if e["policy"] == "constant_emitter")
    entry["summary"]["overall"]["visible"]["rate"] = 0.5
    assert "pays it on 50.0% of the problems" in shown(tmp_path, report)


def test_whoever_is_given_the_fix_is_a_ceiling_below_the_others(tmp_path: Path) -> None:
    text = shown(tmp_path, FIGURES)
    assert (
        text.index("unchanged Hands") < text.index("Ceiling: no competitor") < text.index("reference Knows")
    )


def test_turns_are_shares_of_episodes(tmp_path: Path) -> None:
    report = deepcopy(FIGURES)
    entry = next(e for e in report["results"] if e["policy"] == "search")
    entry["summary"]["turns"] = {"mean": 1.25, "mean_when_solved": None, "histogram": {"1": 3, "2": 1}}
    assert "search 75.0 25.0 1.25 -" in shown(tmp_path, report)


def test_failures_are_counted(tmp_path: Path) -> None:
    text = shown(tmp_path, FIGURES)
    assert "search 858 730 36 7 66 19" in text  # 730 + 36 + 7 + 66 + 19 = 858


def test_published_figures_are_marked(tmp_path: Path) -> None:
    text = shown(tmp_path, FIGURES)
    assert "published, not ours Qwen2.5-7B-Instruct on other problems" in text
    assert "SFT-&gt;RL 86.1 70.5 28.2" in text


def test_results_that_share_their_facts_stand_together(tmp_path: Path) -> None:
    report = deepcopy(FIGURES)
    assert "Where the figures come from problems 858" in shown(tmp_path, report)
    next(e for e in report["results"] if e["policy"] == "reference")["arguments"]["seed"] = 7
    text = shown(tmp_path, report)
    first, second = text[text.index("Where the figures") :].split("digest")[1:]
    assert "seed 0" in first
    assert first.endswith("reference problems 858 databases 17 from dist/dsl-debug problems test ")
    assert "seed 7" in second


def test_without_hidden_tables_a_hack_rate_is_not_known(tmp_path: Path) -> None:
    report = deepcopy(FIGURES)
    for entry in report["results"]:
        entry["summary"]["overall"] |= {"visible_only": 858, "hack_rate": None}
    text = shown(tmp_path, report)
    assert "where a problem has any" in text
    assert "prints the rows shown as constants: a reward" not in text


# Learning curves


def test_a_learning_curve_is_a_table_and_none_says_what_makes_one(tmp_path: Path) -> None:
    assert "No training run here yet" in shown(tmp_path, FIGURES)
    rate = {"rate": 0.25, "low": 0.2, "high": 0.3}
    point = {"step": 40, "label": "x", "by_category": {"standard": rate}, "overall": rate, "hack_rate": None}
    curve = {
        "parent": "runs/rl",
        "prompt": "expert",
        "arguments": {},
        "environment": "dsl",
        "points": [point],
    }
    text = shown(tmp_path, {**FIGURES, "learning_curves": [curve]})
    assert (
        "runs/rl, prompt expert step standard all hack rate 40 25.0 [20.0, 30.0] 25.0 [20.0, 30.0] -" in text
    )
    assert "No training run" not in text


# Sets of results


def test_the_results_of_the_library_are_a_set(library: Library) -> None:
    sets = result_sets(library)
    assert list(sets)[:2] == ["test", "here"]
    ours = sets["here"]
    assert {entry["environment"] for entry in ours.entries} == {"dsl"}
    assert len(ours.entries) == sum(r["outcomes"][0]["environment"] == "dsl" for r in library.results)
    assert "reference" in results(ours)


def test_results_of_the_arena_are_a_set_of_their_own(library: Library) -> None:
    played = library.results[0]
    bugs = deepcopy(played)
    for row in bugs["outcomes"]:
        row["environment"] = "python"
    sets = result_sets(Library({}, {}, {}, (played, bugs)))
    assert [entry["environment"] for entry in sets["here-arena"].entries] == ["python"]
    assert "For orientation" not in results(sets["here-arena"])


def test_a_missing_or_broken_report_is_left_out(tmp_path: Path) -> None:
    assert result_sets(EMPTY, tmp_path / "none.json") == {}
    broken = tmp_path / "report.json"
    made = {"made_by": FIGURES["made_by"], "schema_version": FIGURES["schema_version"]}
    for text in ("{", "[]", '{"made_by": "somebody"}', json.dumps({**made, "results": [3]})):
        broken.write_text(text)
        assert result_sets(EMPTY, broken) == {}
    assert "No results yet" in results(None)


def test_files_that_are_not_as_they_should_be_are_one_line(tmp_path: Path) -> None:
    report = deepcopy(FIGURES)
    for broken in ({}, {"overall": 3}, []):
        report["results"][0]["summary"] = broken
        assert shown(tmp_path, report).startswith("These results cannot be shown")


@pytest.mark.parametrize("name", ["nothing", "", None, 3, ["test"], {"a": 1}])
def test_any_other_name_is_the_first_set(name: object) -> None:
    sets = result_sets(EMPTY)
    assert chosen(sets, name) is sets["test"]
    assert chosen({}, name) is None


def test_what_a_browser_posts_may_be_anything() -> None:
    assert asked_for({"set": "here"}) == "here"
    assert [asked_for(posted) for posted in (None, 1, [], "set", {})] == [None] * 5


# Plots and hostile names


def test_plots_are_images_with_a_text(drawn: None) -> None:
    one = result_sets(EMPTY)["test"]
    first = next(pages(one))  # tables do not wait for plots
    assert "Leaderboard" in first
    assert "<img" not in first
    assert one.plots is not None
    assert [plot.name for plot in one.plots] == ["accuracy", "turns", "failures"]
    assert all(plot.image.startswith(b"\x89PNG") for plot in one.plots)
    assert list(pages(one)) == [results(one)]
    images = re.findall(r'<img src="data:image/png;base64,[^"]{1000,}" alt="[^"]{20,}">', results(one))
    assert len(images) == 3
    assert one.plots is one.plots  # drawn once


def test_without_matplotlib_there_are_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(report: Any, folder: Path) -> list[Path]:
        raise ImportError("the plots need matplotlib")

    monkeypatch.setattr(leaderboard, "write_plots", missing)
    text = shown(tmp_path, FIGURES)
    assert "There are no plots here" in text
    assert "85.1 [82.5, 87.3]" in text


def test_hostile_names_are_text(tmp_path: Path, drawn: None) -> None:
    name = '<img src=x onerror="alert(1)">$\\frac{\x00\ud800\u202e' + "x" * 5_000
    report = with_policy("constant_emitter", label=name)
    file = tmp_path / "report.json"
    file.write_text(json.dumps(report))
    one = result_sets(EMPTY, file)["test"]
    page = results(one)
    assert one.plots is not None
    assert len(one.plots) == 3
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=" in page
    page.encode()  # no half of a surrogate pair
