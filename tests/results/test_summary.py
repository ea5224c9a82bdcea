"""Summaries of result rows: figures worked out by hand, samples, order, the arena, and what is left out."""

import json
from random import Random
from typing import Any

import pytest

from dsl_debug.results.rows import outcome_columns
from dsl_debug.results.summary import group, mean, rate, summarize
from dsl_debug.scoring import ArenaOutcome, Outcome, reward, signals

RAN_ONCE = {"run": 1, "submit": 1}
SOLVED = Outcome("right", visible_match=True, hidden_matches=(True, True), turns=2, calls=RAN_ONCE)
OVERFIT = Outcome("fits", visible_match=True, hidden_matches=(True, False), turns=4, calls={"submit": 1})
WRONG = Outcome("wrong", hidden_matches=(False, False), turns=8, calls={"run": 6, "inspect": 1, "submit": 1})
SILENT = Outcome(turns=8, calls={"run": 8})


def row(problem: str, outcome: Outcome, sample: int = 0, **others: Any) -> dict[str, Any]:
    """A row of a result file."""
    return {
        "problem_id": problem,
        "sample": sample,
        "environment": "dsl",
        "category": "standard",
        "difficulty": "easy",
        "database": "shop",
        "hidden": 2,
        **outcome_columns(outcome),
        "reward": reward(outcome),
        "stopped": "",
        "prompt_tokens": None,
        "diagnosis": diagnosis(False, None),
        **others,
    }


def diagnosis(inspected: bool, first_correct: int | None) -> dict[str, Any]:
    return {"faulty": ["t"], "inspected": inspected, "first_visible": None, "first_correct": first_correct}


FOUR = [
    row("p1", SOLVED, diagnosis=diagnosis(True, 1)),
    row("p2", OVERFIT, database="school", difficulty="hard"),
    row("p3", WRONG, category="nonlocal", difficulty="hard", diagnosis=diagnosis(True, 3)),
    row("p4", SILENT, category="nonlocal", difficulty="hard", database="school", stopped="timed out"),
]


# Rates


def test_rates_of_four_problems_by_hand() -> None:
    overall = summarize(FOUR)["overall"]
    assert (overall["problems"], overall["episodes"], overall["databases"]) == (4, 4, 2)
    # Wilson for 1 of 4: [0.046, 0.699]; 2 of 4: [0.150, 0.850]. In shop 1 of 2 is solved, in school none:
    # deviations of 1/2 and -1/2 in all, sqrt((1/4 + 1/4) * 2 / 1) / 4 = 1/4.
    assert overall["accuracy"] == {"rate": 0.25, "low": 0.045587, "high": 0.699358, "se_clustered": 0.25}
    assert overall["visible"] == {"rate": 0.5, "low": 0.150039, "high": 0.849961, "se_clustered": 0.0}
    assert overall["hack_rate"]["rate"] == 0.25
    assert overall["reward"] == 0.25
    assert overall["pass_at"] == {"1": 0.25}


def test_one_database_has_no_clustered_error() -> None:
    assert group(FOUR[:1])["accuracy"]["se_clustered"] is None


def test_a_match_without_a_submission_is_none() -> None:
    tampered = {**row("p1", SOLVED), "submitted": None, "robust": False}
    assert group([tampered])["visible"]["rate"] == 0


def test_without_hidden_tables_a_hack_rate_is_not_known() -> None:
    shown_only = [row("p1", SOLVED), *(row("p2", SOLVED, sample, hidden=0) for sample in range(2))]
    summary = summarize(shown_only)
    assert (summary["overall"]["visible_only"], summary["overall"]["hack_rate"]) == (1, None)
    assert summary["overall"]["accuracy"]["rate"] == summary["overall"]["visible"]["rate"] == 1
    assert group(shown_only[:1])["visible_only"] == 0
    assert group(shown_only[:1])["hack_rate"]["rate"] == 0


def test_a_rate_is_at_most_rounded() -> None:
    assert rate([1, 0, 0], ["a", "b", "c"])["rate"] == 0.333333


def test_a_mean_does_not_depend_on_the_order_of_its_values() -> None:
    assert mean([1e16, 1.0, 1.0, -1e16]) == mean([1.0, 1e16, -1e16, 1.0]) == 0.5


def test_nothing_has_no_summary() -> None:
    for summarized in (summarize, group):
        with pytest.raises(ValueError, match="no episodes"):
            summarized([])


# Samples


SAMPLES = [
    *(row("p1", outcome, sample) for sample, outcome in enumerate([SOLVED, SOLVED, WRONG, WRONG])),
    *(row("p2", outcome, sample) for sample, outcome in enumerate([SOLVED, WRONG, WRONG, WRONG])),
]


def test_samples_count_as_one_problem() -> None:
    overall = group(SAMPLES)
    assert (overall["problems"], overall["episodes"]) == (2, 8)
    # (1/2 + 1/4) / 2 = 0.375, with the interval of 0.75 successes in 2 trials; with z^2 = 3.841459:
    # (0.375 + z^2/4 +- z * sqrt(0.375 * 0.625 / 2 + z^2/16)) / (1 + z^2/2) = 0.457203 +- 0.401108.
    assert overall["accuracy"] == {"rate": 0.375, "low": 0.056095, "high": 0.85831, "se_clustered": None}


def test_pass_at_k_by_hand() -> None:
    # p1: 2 of 4 right, 1 - C(2, k) / C(4, k) = 1/2, 5/6, 1, 1; p2: 1 of 4 right: k/4.
    assert group(SAMPLES)["pass_at"] == {"1": 0.375, "2": 0.666667, "3": 0.875, "4": 1.0}


def test_pass_at_k_goes_as_far_as_every_problem_has_samples() -> None:
    assert list(group([*SAMPLES, row("p3", WRONG)])["pass_at"]) == ["1"]


def test_every_problem_weighs_the_same_whatever_its_samples() -> None:
    rows = [row("p1", SOLVED), *(row("p2", WRONG, sample) for sample in range(9))]
    assert group(rows)["accuracy"]["rate"] == group(rows)["reward"] == 0.5


# Groups


def test_groups_come_in_the_order_of_the_design_and_others_after_them() -> None:
    places = [
        ("standard", "medium"),
        ("logic", "easy"),
        ("intent_mismatch", "easy"),
        ("standard", "easy"),
        ("edge_case", "hard"),
        ("nonlocal", "hard"),
    ]
    rows = [row(f"p{i}", SOLVED, category=c, difficulty=d) for i, (c, d) in enumerate(places)]
    summary = summarize(rows)
    assert list(summary["by_category"]) == ["standard", "nonlocal", "intent_mismatch", "edge_case", "logic"]
    assert list(summary["by_difficulty"]) == ["easy", "medium", "hard"]
    both = list(summary["by_category_and_difficulty"])
    assert both[:3] == ["standard/easy", "standard/medium", "nonlocal/hard"]


def test_a_group_is_the_summary_of_its_rows() -> None:
    summary = summarize(FOUR)
    assert summary["by_category"]["nonlocal"] == group(FOUR[2:])
    assert summary["by_difficulty"]["hard"] == group(FOUR[1:])
    assert summary["by_category_and_difficulty"]["standard/hard"] == group(FOUR[1:2])


# How the episodes went


def test_turns_and_tools_by_hand() -> None:
    summary = summarize(FOUR)
    assert summary["turns"] == {
        "mean": 5.5,
        "mean_when_solved": 2.0,
        "histogram": {"2": 1, "4": 1, "8": 2},
    }
    assert summary["tools"] == {
        "inspect": {"calls_per_episode": 0.25, "episodes": 0.25},
        "run": {"calls_per_episode": 3.75, "episodes": 0.75},
        "submit": {"calls_per_episode": 0.75, "episodes": 0.75},
    }


def test_a_tool_that_was_not_called_has_no_user() -> None:
    tools = summarize([row("p1", Outcome(calls={"run": 0}))])["tools"]
    assert tools == {"run": {"calls_per_episode": 0.0, "episodes": 0.0}}


def test_turns_are_in_the_order_of_numbers() -> None:
    rows = [row(f"p{turns}", Outcome(turns=turns)) for turns in (10, 2, 1)]
    assert list(summarize(rows)["turns"]["histogram"]) == ["1", "2", "10"]
    assert summarize(rows)["turns"]["mean_when_solved"] is None


def test_failures_and_stopped_episodes_are_counted_by_reason() -> None:
    summary = summarize(FOUR)
    assert summary["failures"] == {"never_submitted": 1, "overfit": 1, "wrong_rows": 1}
    assert summary["stopped"] == {"timed out": 1}


def test_diagnosis_by_hand() -> None:
    found = summarize(FOUR)["diagnosis"]
    assert found["episodes"] == 4
    assert found["inspected"]["rate"] == 0.5
    assert found["found"]["rate"] == 0.5
    assert found["found_not_submitted"] == 1
    assert found["turns_to_first_correct"] == {"mean": 2.0, "median": 2.0, "histogram": {"1": 1, "3": 1}}


def test_where_no_table_is_faulty_nothing_could_be_inspected() -> None:
    nowhere = row("p5", SOLVED, diagnosis=diagnosis(False, 1) | {"faulty": []})
    assert summarize([*FOUR, nowhere])["diagnosis"]["inspected"]["rate"] == 0.5
    assert summarize([nowhere])["diagnosis"]["inspected"] is None


def test_tokens_are_means_over_the_episodes_that_know_them() -> None:
    assert summarize(FOUR)["tokens"] is None
    rows = [
        row("p1", SOLVED, tokens=100),
        row("p2", SOLVED, tokens=200, prompt_tokens=3_000),
        row("p3", SOLVED),
    ]
    assert summarize(rows)["tokens"] == {"generated": 150.0, "prompt": 3_000.0}
    assert summarize(rows[:1])["tokens"] == {"generated": 100.0, "prompt": None}


# The arena


def arena_row(problem: str, outcome: ArenaOutcome) -> dict[str, Any]:
    facts = {"environment": "python", "category": "logic", "database": "lists"}
    return row(problem, outcome, **facts) | {"reward": sum(signals(outcome).values())}


def test_arena_rows_have_signals_and_no_diagnosis() -> None:
    solved = ArenaOutcome(
        "f", visible_match=True, hidden_matches=(True,), passed=(True, True), improved=True, well_formed=True
    )
    half = ArenaOutcome("g", hidden_matches=(False,), passed=(True, False), improved=True, well_formed=True)
    summary = summarize([arena_row("p1", solved), arena_row("p2", half)])
    assert summary["diagnosis"] is None
    assert summary["signals"] == {"r1": 0.75, "r2": 1.0, "r3": 0.2, "r4": 0.0}
    assert summary["overall"]["accuracy"]["rate"] == 0.5
    assert summary["overall"]["reward"] == 1.95


def test_rows_of_the_language_have_no_signals() -> None:
    assert summarize(FOUR)["signals"] is None


# The whole


def test_the_order_of_rows_does_not_matter() -> None:
    random = Random(0)
    rows = [
        row(
            f"p{problem}",
            random.choice([SOLVED, OVERFIT, WRONG, SILENT]),
            sample,
            database=f"db{problem % 7}",
            category=("standard", "nonlocal")[problem % 2],
            tokens=random.randrange(1_000),
            reward=random.random(),
        )
        for problem in range(60)
        for sample in range(3)
    ]
    expected = json.dumps(summarize(rows), allow_nan=False)
    for _ in range(5):
        random.shuffle(rows)
        assert json.dumps(summarize(rows)) == expected
