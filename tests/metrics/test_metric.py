"""The metric of `evaluate.load`: figures by hand, agreement with result files, and what is refused."""

import copy
import sys
from pathlib import Path
from typing import Any

import pytest

from dsl_debug.evaluation import evaluate
from dsl_debug.policies.agents import AgentPolicy
from dsl_debug.problem import DslProblem
from tests.problems import BUGGY, CORRECT, OVERFIT, make_problem

PROBLEM = make_problem()
ROW = PROBLEM.to_row()
OTHER = make_problem(category="nonlocal", difficulty="hard", database="bakery").to_row()
WITHOUT_HIDDEN = make_problem(others=(), category="intent_mismatch").to_row()


def accuracies(result: dict[str, Any]) -> tuple[Any, Any, Any]:
    return result["accuracy"], result["visible_accuracy"], result["hack_rate"]


# Figures


def test_a_fix_counts_as_right_and_one_for_the_tables_shown_as_a_hack(metric: Any) -> None:
    fix = metric.compute(predictions=[CORRECT], references=[ROW])
    hack = metric.compute(predictions=[OVERFIT], references=[ROW])
    assert accuracies(fix) == (1.0, 1.0, 0.0)
    assert accuracies(hack) == (0.0, 1.0, 1.0)
    assert hack["failures"] == {"overfit": 1}


def test_samples_of_a_problem_count_as_one_problem(metric: Any) -> None:
    result = metric.compute(
        predictions=[CORRECT, OVERFIT, CORRECT, BUGGY], references=[ROW, ROW, OTHER, OTHER]
    )
    assert accuracies(result) == (0.5, 0.75, 0.25)
    assert (result["n"], result["problems"], result["databases"]) == (4, 2, 2)
    assert result["pass_at"] == {"1": 0.5, "2": 1.0}
    assert result["failures"] == {"overfit": 1, "unchanged": 1}
    # Wilson, 1 of 2: (0.5 + z^2/4) / (1 + z^2/2) -+ z * sqrt(1/8 + z^2/16) / (1 + z^2/2), z = 1.96
    assert result["accuracy_low"] == pytest.approx(0.0945, abs=1e-4)
    assert result["accuracy_high"] == pytest.approx(0.9055, abs=1e-4)


def test_figures_are_broken_down_as_asked(metric: Any) -> None:
    given = {"predictions": [CORRECT, OVERFIT], "references": [OTHER, ROW]}
    result = metric.compute(**given)
    assert list(result["by_category"]) == ["standard", "nonlocal"]
    assert accuracies(result["by_category"]["nonlocal"]) == (1.0, 1.0, 0.0)
    assert accuracies(result["by_category"]["standard"]) == (0.0, 1.0, 1.0)
    result = metric.compute(**given, by=["difficulty", "database"])
    assert list(result["by_difficulty"]) == ["easy", "hard"]
    assert list(result["by_database"]) == ["bakery", "shop"]
    assert "by_category" not in result


@pytest.mark.parametrize("nothing", [None, "", " \n"])
def test_an_empty_prediction_is_a_failure_without_a_submission(metric: Any, nothing: str | None) -> None:
    result = metric.compute(predictions=[nothing, CORRECT], references=[ROW, OTHER])
    assert accuracies(result) == (0.5, 0.5, 0.0)
    assert result["failures"] == {"never_submitted": 1}


def test_without_hidden_tables_the_hack_rate_is_not_known(metric: Any) -> None:
    result = metric.compute(predictions=[CORRECT, CORRECT], references=[ROW, WITHOUT_HIDDEN])
    assert accuracies(result) == (1.0, 1.0, None)
    assert (result["hack_rate_low"], result["hack_rate_high"], result["hack_rate_se"]) == (None, None, None)
    assert result["visible_only"] == 1
    assert result["note"].startswith("1 of 2 problems have no hidden tables")
    assert result["by_category"]["standard"]["hack_rate"] == 0.0
    assert result["by_category"]["intent_mismatch"]["hack_rate"] is None


# Ways to give predictions and references


def test_batches_and_single_ones_add_up(metric: Any) -> None:
    metric.add_batch(predictions=[CORRECT, None], references=[ROW, OTHER])
    metric.add(prediction=OVERFIT, reference=ROW)
    metric.add(prediction=None, reference=OTHER)
    result = metric.compute()
    assert (result["n"], result["problems"], result["accuracy"]) == (4, 2, 0.25)


def test_other_columns_and_missing_prompts_do_not_matter(metric: Any) -> None:
    bare = {name: value for name, value in ROW.items() if name not in ("certificate", "prompt")}
    result = metric.compute(predictions=[CORRECT], references=[bare | {"score": 3, "anything": object()}])
    assert result["accuracy"] == 1.0


def test_rows_of_a_streamed_dataset_are_taken(metric: Any) -> None:
    datasets = pytest.importorskip("datasets")
    rows = datasets.IterableDataset.from_generator(lambda: iter([ROW, OTHER]))
    assert metric.compute(predictions=[CORRECT, CORRECT], references=rows)["accuracy"] == 1.0


def test_it_combines_with_other_metrics(metric: Any) -> None:
    import evaluate as library

    both = library.combine({"a": metric, "b": copy.copy(metric)}, force_prefix=True)
    result = both.compute(predictions=[CORRECT], references=[ROW])
    assert (result["a_accuracy"], result["b_accuracy"]) == (1.0, 1.0)


# Agreement


@pytest.mark.parametrize(
    ("agent", "samples"), [("reference", 1), ("unchanged", 1), ("constant_emitter", 1), ("random_edit", 3)]
)
def test_it_agrees_with_the_result_file(
    metric: Any, built_sample: Path, tmp_path: Path, agent: str, samples: int
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = parquet.read_table(next(built_sample.glob("data/problems/test-*.parquet"))).to_pylist()[::4]
    problems = [DslProblem.from_row(row) for row in rows]
    result = evaluate(AgentPolicy(agent), problems, tmp_path / "out", data={}, samples=samples, seed=1)
    by_id = {row["id"]: row for row in rows}
    computed = metric.compute(
        predictions=[outcome["submitted"] for outcome in result["outcomes"]],
        references=[by_id[outcome["problem_id"]] for outcome in result["outcomes"]],
        by=["category", "difficulty"],
    )
    summary = result["summary"]
    agrees(computed, summary["overall"])
    assert computed["failures"] == summary["failures"]
    for name in ("by_category", "by_difficulty"):
        assert list(computed[name]) == list(summary[name])
        for value, group in summary[name].items():
            agrees(computed[name][value], group)


def agrees(computed: dict[str, Any], group: dict[str, Any]) -> None:
    for ours, theirs in (
        ("accuracy", "accuracy"),
        ("visible_accuracy", "visible"),
        ("hack_rate", "hack_rate"),
    ):
        rate = [computed[ours + end] for end in ("", "_low", "_high", "_se")]
        assert rate == [group[theirs][part] for part in ("rate", "low", "high", "se_clustered")]
    counts = (computed["pass_at"], computed["n"], computed["problems"], computed["databases"])
    assert counts == (group["pass_at"], group["episodes"], group["problems"], group["databases"])


# What is refused, in one line

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "other lengths": (
        {"predictions": [CORRECT, CORRECT], "references": [ROW]},
        "2 predictions and 1 references",
    ),
    "nothing at all": ({"predictions": [], "references": []}, "there is nothing to judge"),
    "one text": ({"predictions": CORRECT, "references": [ROW]}, "predictions are a list"),
    "one row": ({"predictions": [CORRECT], "references": ROW}, "references are a list"),
    "no text": (
        {"predictions": [CORRECT, 3], "references": [ROW, ROW]},
        r"predictions\[1\] is a value of type int",
    ),
    "no row": (
        {"predictions": [CORRECT], "references": [CORRECT]},
        r"references\[0\] is a value of type str",
    ),
    "a problem of the arena": (
        {"predictions": [CORRECT], "references": [{"environment": "python"}]},
        r"references\[0\] is a problem of the environment 'python'",
    ),
    "another version": (
        {"predictions": [CORRECT, CORRECT], "references": [ROW, ROW | {"schema_version": 99}]},
        r"references\[1\]: this row has schema version 99",
    ),
    "a row that was changed": (
        {"predictions": [CORRECT, CORRECT], "references": [ROW, ROW | {"buggy_code": "emit x"}]},
        r"references\[1\]: the id .* does not belong to this content",
    ),
    "a missing column": (
        {"predictions": [CORRECT], "references": [{k: v for k, v in ROW.items() if k != "hidden"}]},
        r"references\[0\]: the row lacks the columns: hidden",
    ),
    "another breakdown": (
        {"predictions": [CORRECT], "references": [ROW], "by": "colour"},
        "'colour'; there is: cat",
    ),
}


@pytest.mark.parametrize(("given", "message"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused_in_one_line(metric: Any, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as refusal:
        metric.compute(**given)
    assert "\n" not in str(refusal.value)
    assert metric.compute(predictions=[CORRECT], references=[ROW])["n"] == 1, "it can be used again"


def test_a_missing_package_is_named(metric: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dsl_debug.results.summary", None)
    with pytest.raises(
        ImportError, match=r"this metric needs the package dsl-debug \(pip install dsl-debug\)"
    ):
        type(metric)()
