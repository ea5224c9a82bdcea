"""The report of a build: its figures are counted from the rows, its page and plots show them."""

import json
from pathlib import Path
from typing import Any

import pytest

from dataset_builder import report
from dataset_builder.export import export_folder
from dataset_builder.figures import facts_of, heads_of
from dataset_builder.report import gate_counts, markdown, percent, reasons
from dataset_builder.stats import operators, outline, stats
from dsl_debug.lang import parse
from tests.dataset_builder.datasets_made import REPORT, RUN, content

for name in ("datasets", "pyarrow", "matplotlib"):
    pytest.importorskip(name, reason=f"needs {name}: pip install 'dsl-debug[build]'")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("report") / "out"
    export_folder(place, content(), REPORT, RUN)
    return place


@pytest.fixture(scope="module")
def written(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "build_report.json").read_text(encoding="utf-8"))
    return read


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "BUILD_REPORT.md").read_text(encoding="utf-8")


# ---- the facts


def test_the_report_keeps_what_the_pipeline_says_and_adds_what_the_rows_say(written: dict[str, Any]) -> None:
    assert written["made_by"] == "python -m dataset_builder build"
    assert {name: written[name] for name in REPORT} == REPORT
    test = written["contents"]["problems"]["test"]
    assert test["category"] == {"standard": 1, "intent_mismatch": 1}
    assert (test["rows"], test["databases"], test["hidden_suites"], test["single_row"]) == (2, 1, 4, 0)
    assert written["contents"]["sft"]["train"] == {"rows": 3, "turns": {"1": 3}, "teacher": {"reference": 3}}
    databases = {database["id"]: database["problems"] for database in written["databases"]}
    assert list(databases) == ["bakery", "library", "trains", "vet"]
    assert databases["bakery"] == {"standard": 1, "intent_mismatch": 1}


def test_agents_are_counted_under_both_rules(written: dict[str, Any]) -> None:
    assert written["agents"]["constant_emitter"] == {
        "episodes": 2,
        "robust": 0,
        "visible": 2,
        "failure": {"overfit": 2},
    }
    assert written["agents"]["reference"]["robust"] == 2


def test_the_facts_do_not_depend_on_the_order_of_the_rows() -> None:
    def facts(backwards: bool) -> report.Facts:
        made = content()
        step = -1 if backwards else 1
        heads = {
            "problems": {split: heads_of(problems[::step]) for split, problems in made.problems.items()},
            "dialect_shift": {"test": heads_of(made.dialect_shift)},
            "sft_problems": {split: heads_of(ps[::step]) for split, ps in made.sft_problems.items()},
        }
        return facts_of(made, heads)

    assert json.dumps(facts(True)) == json.dumps(facts(False))


def test_nothing_of_the_run_is_in_the_report(folder: Path, written: dict[str, Any]) -> None:
    assert json.loads((folder / "build_run.json").read_text(encoding="utf-8")) == RUN
    assert not {"seconds", "workers"} & set(written)


def test_gates_may_be_given_by_category_or_not() -> None:
    assert gate_counts({"gates": {"accepted": 3, "dull": 1}}) == {"all": {"accepted": 3, "dull": 1}}
    by_category = {"standard": {"accepted": 3}, "nonlocal": {"dull": 1, "far": 2}}
    assert gate_counts({"gates": by_category}) == by_category
    assert reasons(by_category) == ["far", "dull", "accepted"]
    assert gate_counts({}) == gate_counts({"gates": {}}) == gate_counts({"gates": 5}) == {}


# ---- the page


def test_the_page_shows_every_section(page: str) -> None:
    sections = [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]
    assert sections == [
        "Rows",
        "Acceptance",
        "Rounds",
        "Shared between stages",
        "Databases",
        "Expert trajectories",
        "Agents without a model, on the test split",
        "This run",
    ]
    assert "| a tie decides the order | 30 | 75.0% |" in page
    assert "| seconds, problems | 1.5 |" in page


def test_every_plot_of_the_page_is_there(folder: Path, page: str) -> None:
    names = {line.rpartition("(")[2].rstrip(")") for line in page.splitlines() if line.startswith("![")}
    assert names == {f"assets/{name}.png" for name in ("databases", "gates", "problems", "turns")}
    for name in names:
        data = (folder / name).read_bytes()
        assert data.startswith(b"\x89PNG")
        assert b"Software" not in data
        assert b"tIME" not in data


def test_a_build_without_figures_has_a_page_too(tmp_path: Path) -> None:
    made = content()
    export_folder(tmp_path / "out", type(made)({"test": made.problems["test"]}), {}, {})
    page = (tmp_path / "out" / "BUILD_REPORT.md").read_text(encoding="utf-8")
    assert page.startswith("# Build report\n\n## Rows\n")
    assert list((tmp_path / "out" / "assets").iterdir()) == [tmp_path / "out" / "assets" / "problems.png"]


def test_tables_align_figures_and_escape_signs() -> None:
    table = markdown(("what", "figure"), [("a|b", 1), ("c", 1234.5), ("d", "")])
    assert table.splitlines() == [
        "| what | figure |",
        "| --- | ---: |",
        "| a\\|b | 1 |",
        "| c | 1,234 |",
        "| d |  |",
    ]
    assert (percent(1, 3), percent(0, 0)) == ("33.3%", "0.0%")


# ---- stats


def test_stats_count_what_is_in_the_folder(folder: Path) -> None:
    lines = stats(folder).splitlines()
    assert ["problems", "test", "2", "1"] in [line.split()[:4] for line in lines]
    assert ["problems/test", "standard", "1", "0", "0", "1"] in [line.split() for line in lines]
    assert ["problems/test", "2", "2", "1"] in [line.split() for line in lines]
    assert ["train", "1.0", "1", "1", "1", "1", "1"] in [line.split() for line in lines]
    assert ["constant_emitter", "2", "0.0%", "100.0%", "3.0"] in [line.split() for line in lines]


def test_shapes_leave_out_names_and_values() -> None:
    one = parse('a = load("x") |> filter(n > 3) |> take(2)\nb = join(a, a, on: k == k)\nemit b')
    other = parse('q = load("y") |> filter(m == "z") |> take(5)\nr = join(q, q, on: i == i)\nemit r')
    assert outline(one) == outline(other) == "load filter take; join"
    assert operators(one) == ["filter", "take", "join"]


def test_a_folder_without_data_has_no_stats(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no data in it"):
        stats(tmp_path)
