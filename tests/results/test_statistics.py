"""Intervals, errors and paired tests: against figures worked out by hand, published ones, and simulation."""

import time
from itertools import product
from math import comb, sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl_debug.results.statistics import clustered_error, holm, mcnemar, paired_bootstrap, pass_at_k, wilson

# Wilson

# Table I, method 3, of Newcombe, "Two-sided confidence intervals for the single proportion" (1998); the last
# line is what scipy.stats.binomtest(682, 925).proportion_ci(method="wilson") gives.
PUBLISHED_INTERVALS = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0, 0.1611),
    (1, 29, 0.0061, 0.1718),
    (682, 925, 0.7079959876196205, 0.7646358009714889),
]


@pytest.mark.parametrize(("successes", "trials", "low", "high"), PUBLISHED_INTERVALS)
def test_wilson_gives_published_intervals(successes: int, trials: int, low: float, high: float) -> None:
    half_a_digit = 0.51e-4 if trials < 900 else 1e-8
    assert wilson(successes, trials) == pytest.approx((low, high), rel=0, abs=half_a_digit)


def test_wilson_by_hand() -> None:
    # 1 of 2 with z = 2: centre 1/2, half 2 * sqrt(1/8 + 4/16) / (1 + 4/2) = 2 * sqrt(3/8) / 3.
    half = 2 * sqrt(3 / 8) / 3
    assert wilson(1, 2, z=2) == pytest.approx((0.5 - half, 0.5 + half))


def test_wilson_of_nothing_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_wilson_reaches_the_ends_exactly() -> None:
    for trials in range(1, 300):
        assert wilson(0, trials)[0] == 0.0
        assert wilson(trials, trials)[1] == 1.0


@pytest.mark.parametrize(("successes", "trials"), [(-1, 3), (4, 3), (1, 0), (0, -1)])
def test_wilson_refuses_impossible_counts(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="succeed"):
        wilson(successes, trials)


@given(st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.floats(0, n), st.just(n))))
def test_wilson_lies_around_the_share_and_mirrors(pair: tuple[float, int]) -> None:
    successes, trials = pair
    low, high = wilson(successes, trials)
    assert 0 <= low <= successes / trials + 1e-12
    assert successes / trials - 1e-12 <= high <= 1
    assert wilson(trials - successes, trials) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.8])
def test_wilson_covers_the_truth_about_95_times_in_100(share: float) -> None:
    random = Random(7)
    rounds, trials = 2_000, 177
    covered = 0
    for _ in range(rounds):
        low, high = wilson(sum(random.random() < share for _ in range(trials)), trials)
        covered += low <= share <= high
    assert covered / rounds == pytest.approx(0.95, abs=0.025)


# pass@k


def test_pass_at_k_by_hand() -> None:
    assert pass_at_k(5, 2, 1) == pytest.approx(2 / 5)
    assert pass_at_k(5, 2, 3) == pytest.approx(1 - 1 / 10)  # 1 of the 10 draws of three misses both
    assert pass_at_k(5, 2, 4) == 1.0
    assert pass_at_k(5, 0, 5) == 0.0


def test_pass_at_k_agrees_with_the_product_of_the_paper() -> None:
    for samples, correct, k in product((3, 10), (1, 2), (1, 2, 3)):
        missed = 1.0
        for i in range(samples - correct + 1, samples + 1):
            missed *= 1 - k / i
        assert pass_at_k(samples, correct, k) == pytest.approx(1 - missed if samples - correct >= k else 1.0)


def test_pass_at_k_stays_exact_for_many_samples() -> None:
    assert comb(10_000, 5_000) > 1e308  # what a float cannot hold
    assert pass_at_k(10_000, 1, 5_000) == 0.5


@pytest.mark.parametrize(("samples", "correct", "k"), [(3, 1, 4), (3, 1, 0), (3, 4, 1), (3, -1, 1)])
def test_pass_at_k_refuses_what_samples_cannot_tell(samples: int, correct: int, k: int) -> None:
    with pytest.raises(ValueError, match="pass@"):
        pass_at_k(samples, correct, k)


# Clustered errors


def test_clustered_error_by_hand() -> None:
    # Mean 1/2; deviations sum to 1 in a, to -1 in b: sqrt((1 + 1) * 2 / 1) / 4 = 1/2.
    assert clustered_error([1, 1, 0, 0], ["a", "a", "b", "b"]) == pytest.approx(0.5)
    # Mean 1/2; every cluster is balanced.
    assert clustered_error([1, 0, 1, 0], ["a", "a", "b", "b"]) == 0.0


def test_clusters_of_one_give_the_ordinary_error_of_a_mean() -> None:
    values = [1, 0, 0, 1, 1]  # variance (3 * 0.16 + 2 * 0.36) / 4 = 0.3
    assert clustered_error(values, list("abcde")) == pytest.approx(sqrt(0.3 / 5))


def test_one_cluster_has_no_error() -> None:
    assert clustered_error([1, 0, 1], ["a", "a", "a"]) is None
    assert clustered_error([], []) is None


def test_clustered_error_tells_how_far_means_scatter() -> None:
    random = Random(3)
    clusters = [f"db{i % 40}" for i in range(400)]
    means, errors = [], []
    for _ in range(300):
        easy = {name: random.choice((0.2, 0.8)) for name in sorted(set(clusters))}
        values = [float(random.random() < easy[name]) for name in clusters]
        means.append(sum(values) / len(values))
        error = clustered_error(values, clusters)
        assert error is not None
        errors.append(error)
    scatter = sqrt(sum((m - 0.5) ** 2 for m in means) / len(means))
    assert sum(errors) / len(errors) == pytest.approx(scatter, rel=0.1)
    assert scatter > 1.7 * sqrt(0.25 / 400)  # taking problems for independent would be far too sure


def test_a_value_without_a_cluster_is_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        clustered_error([1, 0], ["a"])


# McNemar


def test_mcnemar_by_hand() -> None:
    assert mcnemar(2, 8) == pytest.approx(2 * (1 + 10 + 45) / 1024)
    assert mcnemar(8, 2) == mcnemar(2, 8)
    assert mcnemar(0, 5) == 2 / 32
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(1, 0) == 1.0
    assert mcnemar(4, 4) == 1.0


def test_mcnemar_of_thousands_neither_overflows_nor_is_it_slow() -> None:
    start = time.perf_counter()
    assert 0 < mcnemar(4_000, 4_200) < 0.05
    assert mcnemar(0, 3_000) == 0.0
    assert time.perf_counter() - start < 2


def test_mcnemar_refuses_negative_numbers() -> None:
    with pytest.raises(ValueError, match="negative"):
        mcnemar(-1, 2)


# Bootstrap


def test_bootstrap_draws_whole_clusters() -> None:
    # Two clusters, means 0 and 1: one resample in four has the mean 0, and one in four the mean 1.
    assert paired_bootstrap([0, 0, 1, 1] * 10, ["a", "a", "b", "b"] * 10, seed=0) == (0.0, 1.0)


def test_bootstrap_draws_single_values_where_there_is_one_cluster() -> None:
    # 40 fair coins: 1/2 +- 1.96 * sqrt(1/4 / 40) = 1/2 +- 0.155
    interval = paired_bootstrap([0, 0, 1, 1] * 10, ["a"] * 40, seed=0)
    assert interval == pytest.approx((0.345, 0.655), abs=0.03)


def test_bootstrap_weighs_clusters_by_their_size() -> None:
    # 50 clusters of one value 1, 50 of three values 0: the mean is 1/4; of the means of clusters it is 1/2.
    clusters = [f"{letter}{i}" for i in range(50) for letter in "abbb"]
    low, high = paired_bootstrap([1, 0, 0, 0] * 50, clusters, seed=5)
    assert low < 0.25 < high < 0.4


def test_bootstrap_depends_on_the_seed_and_not_on_the_order() -> None:
    random = Random(1)
    pairs = [(random.choice((-1.0, 0.0, 1.0, 1 / 3)), f"db{random.randrange(12)}") for _ in range(200)]
    shuffled = random.sample(pairs, len(pairs))
    there = paired_bootstrap(*zip(*pairs, strict=True), seed=4, rounds=500)
    assert paired_bootstrap(*zip(*shuffled, strict=True), seed=4, rounds=500) == there
    assert paired_bootstrap(*zip(*pairs, strict=True), seed=5, rounds=500) != there


def test_bootstrap_agrees_with_the_clustered_error() -> None:
    random = Random(2)
    clusters = [f"db{i % 50}" for i in range(1_000)]
    values = [random.choice((-1.0, 0.0, 0.0, 1.0)) for _ in clusters]
    low, high = paired_bootstrap(values, clusters, seed=0)
    error = clustered_error(values, clusters)
    assert error is not None
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.08)


def test_bootstrap_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        paired_bootstrap([], [], seed=0)


# Holm


def test_holm_by_hand() -> None:
    # Sorted 0.01, 0.03, 0.04 times 3, 2, 1 is 0.03, 0.06, 0.04; the last may not be less than the one before.
    assert holm([0.04, 0.01, 0.03]) == [pytest.approx(0.06), pytest.approx(0.03), pytest.approx(0.06)]
    assert holm([0.7, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_lies_between_the_p_value_and_bonferroni(p_values: list[float]) -> None:
    for p, adjusted in zip(p_values, holm(p_values), strict=True):
        assert p <= adjusted <= min(1.0, p * len(p_values))
