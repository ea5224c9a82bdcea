"""Paired comparisons of results, worked out by hand, and names that tell results apart."""

import json
import time
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl_debug.episode.prompts import DEFAULT_PROMPT
from dsl_debug.results.compare import compare, labels


def outcome(problem: str, robust: bool, visible: bool | None = None, **others: Any) -> dict[str, Any]:
    """What a comparison reads of a row; visibly right where nothing else is said and it is right."""
    return {
        "problem_id": problem,
        "sample": 0,
        "environment": "dsl",
        "category": "standard",
        "difficulty": "easy",
        "database": "shop",
        "hidden": 2,
        "submitted": "program",
        "visible_match": robust if visible is None else visible,
        "robust": robust,
        **others,
    }


def result(outcomes: Sequence[dict[str, Any]] = (), policy: str = "search", **facts: Any) -> dict[str, Any]:
    """A result file, as far as it matters here; `facts` take the place of its own."""
    return {
        "policy": {"name": policy, "settings": facts.get("settings", {})},
        "data": {"config": "problems", "split": "test", **facts.get("data", {})},
        "arguments": {"samples": 1, "seed": 0, "max_turns": None, **facts.get("arguments", {})},
        "prompt": {"name": DEFAULT_PROMPT, "version": 1, **facts.get("prompt", {})},
        "code": {"version": "0.1.0", "revision": None, "modified": None, **facts.get("code", {})},
        "outcomes": list(outcomes),
    }


# Comparing


def test_a_comparison_by_hand() -> None:
    # a solves p1 to p4 and p5 visibly; b solves p3 to p10. Two problems lie in one alone each.
    a = [outcome(f"p{i}", i <= 4, i <= 5) for i in range(1, 11)] + [outcome("a1", True), outcome("a2", True)]
    b = [outcome(f"p{i}", i >= 3) for i in range(1, 11)] + [outcome("b1", True)]
    found = compare(result(a), result(b, "beam"))
    assert (found["a"], found["b"], found["problems"], found["left_out"]) == ("search", "beam", 10, [2, 1])
    accuracy = found["metrics"]["accuracy"]
    assert (accuracy["a"], accuracy["b"], accuracy["difference"]) == (0.4, 0.8, 0.4)
    # Heads or tails of 8 coins: 2 * (1 + 8 + 28) / 256.
    assert (accuracy["only_a"], accuracy["only_b"], accuracy["p"]) == (2, 6, 0.289062)
    assert accuracy["low"] < 0 < 0.4 < accuracy["high"] <= 1
    assert found["metrics"]["visible"]["a"] == 0.5
    hacks = found["metrics"]["hack_rate"]
    assert (hacks["a"], hacks["b"], hacks["difference"]) == (0.1, 0, -0.1)
    assert (hacks["only_a"], hacks["only_b"], hacks["p"]) == (1, 0, 1)


def test_categories_are_compared_by_themselves_and_in_order() -> None:
    categories = ["nonlocal", "standard", "standard", "logic"]
    a = [outcome(f"p{i}", False, category=c) for i, c in enumerate(categories)]
    b = [outcome(f"p{i}", i < 2, visible=True, category=c) for i, c in enumerate(categories)]
    found = compare(result(a), result(b))["by_category"]
    assert list(found) == ["standard", "nonlocal", "logic"]
    assert [entry["difference"] for entry in found.values()] == [0.5, 1.0, 0.0]
    assert (found["standard"]["only_b"], found["standard"]["p"]) == (1, 1.0)


def test_a_result_does_not_differ_from_itself() -> None:
    rows = [outcome(f"p{i}", i % 3 == 0) for i in range(9)]
    nothing = {"difference": 0, "low": 0, "high": 0, "only_a": 0, "only_b": 0, "p": 1}
    accuracy = compare(result(rows), result(rows))["metrics"]["accuracy"]
    assert accuracy == {"a": 0.333333, "b": 0.333333, **nothing}


def test_samples_make_means_and_the_first_one_is_tested() -> None:
    a = [outcome("p1", False, sample=1), outcome("p1", True, sample=0), outcome("p2", False)]
    b = [outcome("p1", False, sample=0), outcome("p1", True, sample=1), outcome("p2", True)]
    accuracy = compare(result(a), result(b))["metrics"]["accuracy"]
    assert (accuracy["a"], accuracy["b"], accuracy["difference"]) == (0.25, 0.75, 0.5)
    assert (accuracy["only_a"], accuracy["only_b"]) == (1, 1)


def test_whole_databases_are_drawn() -> None:
    # b gains everything in one database and nothing in the other: the difference may be 0 or 1.
    a = [outcome(f"p{i}", False, database=f"db{i % 2}") for i in range(40)]
    b = [outcome(f"p{i}", i % 2 == 0, database=f"db{i % 2}") for i in range(40)]
    accuracy = compare(result(a), result(b))["metrics"]["accuracy"]
    assert (accuracy["low"], accuracy["difference"], accuracy["high"]) == (0.0, 0.5, 1.0)


def test_small_p_values_are_not_rounded_to_nothing() -> None:
    a = [outcome(f"p{i}", False, database=f"db{i % 2}") for i in range(60)]
    b = [outcome(f"p{i}", True, database=f"db{i % 2}") for i in range(60)]
    p = compare(result(a), result(b))["metrics"]["accuracy"]["p"]
    assert p == pytest.approx(2 / 2**60, rel=1e-5, abs=0)


def test_hack_rates_are_not_compared_where_a_problem_has_nothing_hidden() -> None:
    rows = [outcome("p1", True), outcome("p2", True, hidden=0)]
    found = compare(result(rows), result(rows))["metrics"]
    assert found["hack_rate"] is None
    assert found["accuracy"]["difference"] == found["visible"]["difference"] == 0
    assert compare(result(rows[:1]), result(rows))["metrics"]["hack_rate"]["difference"] == 0


def test_without_a_common_problem_nothing_is_compared() -> None:
    with pytest.raises(ValueError, match="search and beam have no problem in common"):
        compare(result([outcome("p1", True)]), result([outcome("p2", True)], "beam"))


@pytest.mark.parametrize("fact", ["category", "difficulty", "database", "environment"])
def test_a_problem_that_is_another_one_there_is_refused(fact: str) -> None:
    other = outcome("p1", True, **{fact: "other"})
    with pytest.raises(ValueError, match=rf"^problem p1 has {fact} '\w+' in .*'other' in .*$"):
        compare(result([outcome("p1", True)]), result([other]))


def random_results(problems: int, databases: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    random = Random(0)
    places = [
        {"database": f"db{i % databases}", "category": ("standard", "nonlocal", "intent_mismatch")[i % 3]}
        for i in range(problems)
    ]
    first, second = (
        [outcome(f"p{i}", random.random() < share, **place) for i, place in enumerate(places)]
        for share in (0.5, 0.6)
    )
    return first, second


def test_the_order_of_rows_does_not_matter_and_the_seed_does() -> None:
    a, b = random_results(90, databases=13)
    expected = json.dumps(compare(result(a), result(b), seed=1), allow_nan=False)
    Random(3).shuffle(a)
    Random(4).shuffle(b)
    assert json.dumps(compare(result(a), result(b), seed=1)) == expected
    assert json.dumps(compare(result(a), result(b), seed=2)) != expected


def test_the_published_number_of_problems_is_compared_in_seconds() -> None:
    a, b = random_results(858, databases=26)
    start = time.process_time()
    compare(result(a), result(b))
    assert time.process_time() - start < 5


# Names


def test_a_name_is_the_policy_with_an_unusual_prompt() -> None:
    assert labels([result()]) == ["search"]
    assert labels([result(policy="openai:m", prompt={"name": "bare"})]) == ["openai:m (prompt bare)"]


def test_policies_need_no_more_to_be_told_apart() -> None:
    other = result(policy="beam", arguments={"seed": 3}, prompt={"name": "bare"})
    assert labels([result(), other]) == ["search", "beam (prompt bare)"]


def test_paths_are_cut_as_far_as_they_stay_different() -> None:
    paths = ["hf:/home/a/runs/one/checkpoint-40", "hf:/home/a/runs/one/checkpoint-80", "vllm:Qwen/Qwen2.5-7B"]
    assert labels([result(policy=p) for p in paths]) == [
        "hf:one/checkpoint-40",
        "hf:one/checkpoint-80",
        "vllm:Qwen/Qwen2.5-7B",
    ]
    assert labels([result(policy=f"hf:/{x}/run/step/") for x in "ab"]) == ["hf:a/run/step/", "hf:b/run/step/"]


def test_folders_of_a_machine_are_in_no_name_that_does_without() -> None:
    paths = ["hf:/home/alice/model", "hf:~/other", "/home/alice/third"]
    assert labels([result(policy=p) for p in paths]) == ["hf:model", "hf:other", "third"]
    paths = ["hf:/home/alice/one", "hf:/home/alice/a/two", "hf:/home/alice/b/two"]
    assert labels([result(policy=p) for p in paths]) == ["hf:one", "hf:a/two", "hf:b/two"]
    places = [result(data={"place": f"/home/alice/{name}.jsonl"}) for name in "ab"]
    assert labels(places) == ["search (place a.jsonl)", "search (place b.jsonl)"]


def test_the_first_fact_that_differs_is_added_and_only_where_it_is_needed() -> None:
    results = [
        result(policy="openai:m", settings={"top_p": 1.0, "temperature": 0.0}, arguments={"seed": 1}),
        result(policy="openai:m", settings={"top_p": 1.0, "temperature": 0.7}, arguments={"seed": 2}),
        result(policy="openai:m", prompt={"name": "bare"}, settings={"temperature": 0.7}),
        result(),
    ]
    assert labels(results) == [
        "openai:m (temperature 0.0)",
        "openai:m (temperature 0.7)",
        "openai:m (prompt bare)",
        "search",
    ]


def test_further_facts_are_added_until_names_differ() -> None:
    facts: list[dict[str, Any]] = [
        {"max_turns": None, "seed": 1},
        {"max_turns": None, "seed": 2},
        {"max_turns": 4, "seed": 1},
    ]
    assert labels([result(arguments=each) for each in facts]) == [
        "search (seed 1, no max_turns)",
        "search (seed 2)",
        "search (seed 1, max_turns 4)",
    ]


def test_data_and_code_tell_results_apart_too() -> None:
    results = [result(), result(data={"config": "dialect_shift"}), result(code={"revision": "abc"})]
    assert labels(results) == [
        "search (config problems, no code revision)",
        "search (config dialect_shift)",
        "search (config problems, code revision abc)",
    ]


def test_a_rescored_result_says_so() -> None:
    assert labels([result(), {**result(), "rescored": {"changed": 3}}]) == [
        "search (not rescored)",
        "search (rescored)",
    ]


def test_equal_results_are_numbered() -> None:
    assert labels([result(), result(), result(policy="search #2")]) == ["search", "search #2", "search #2 #2"]


def test_no_results_have_no_names() -> None:
    assert labels([]) == []


SOME_RESULTS = st.builds(
    lambda policy, prompt, temperature, seed: result(
        policy=policy,
        prompt={"name": prompt},
        settings={} if temperature is None else {"temperature": temperature},
        arguments={"seed": seed},
    ),
    st.sampled_from(["search", "hf:a/b/c", "hf:d/b/c", "search #2", "search (seed 1)"]),
    st.sampled_from([DEFAULT_PROMPT, "bare"]),
    st.sampled_from([None, 0.0, 0.7]),
    st.integers(0, 1),
)


@given(st.lists(SOME_RESULTS, max_size=8))
def test_no_two_names_are_ever_equal(results: list[dict[str, Any]]) -> None:
    assert len(set(labels(results))) == len(results)
