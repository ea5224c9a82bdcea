"""Statistics of evaluations, on the standard library alone: intervals, errors, paired tests.

What none of them knows of: that problems were picked or tuned against, and that a benchmark is not the world.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from math import comb, fsum, sqrt
from random import Random

Z_95 = 1.959964
"""The 97.5% point of the normal distribution: it bounds intervals of 95%."""

ROUNDS = 10_000
"""How often a bootstrap resamples."""

_TAIL = 0.025


def wilson(successes: float, trials: int, z: float = Z_95) -> tuple[float, float]:
    """The score interval of a share, (low, high) within 0 to 1; (0, 1) where nothing was tried.

    Wilson, "Probable inference, the law of succession, and statistical inference" (1927), without continuity
    correction; recommended by Brown, Cai and DasGupta, "Interval estimation for a binomial proportion"
    (2001). Assumes independent trials. `successes` may be a fraction, as the sum of shares is: a share varies
    less than a yes or no of the same mean, so the interval is then rather too wide than too narrow.
    Raises ValueError for less than 0 or more than `trials` successes.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"of {trials} trials, 0 to {trials} succeed, not {successes}")
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    widened = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / widened
    half = z * sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / widened
    # At the ends the formula gives 0 and 1, but for errors of rounding.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return low, high


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """The chance that at least one of `k` samples is correct, estimated without bias from all `samples`.

    1 - C(samples - correct, k) / C(samples, k), from Chen et al., "Evaluating large language models trained
    on code" (2021). Their product of fractions keeps floats small; whole numbers need no such care, and are
    exact up to the one division. Assumes that samples are drawn independently of each other.
    Raises ValueError unless 0 <= correct <= samples and 1 <= k <= samples.
    """
    if not (0 <= correct <= samples and 1 <= k <= samples):
        raise ValueError(f"no pass@{k} from {correct} correct ones of {samples} samples")
    draws = comb(samples, k)
    return (draws - comb(samples - correct, k)) / draws


def clustered_error(values: Sequence[float], clusters: Sequence[Hashable]) -> float | None:
    """The standard error of the mean of `values`, each in a cluster of values that may vary together.

    The square root of G / (G - 1) times the sum over the G clusters of (sum of its deviations from the
    mean)^2, divided by the number of values: the clustered error of Miller, "Adding error bars to evals"
    (2024), after Liang and Zeger (1986), with the usual factor for few clusters (CR1: Cameron and Miller,
    2015). With one value in each cluster it is the ordinary standard error of a mean.

    Assumes that clusters are independent of each other; within one, anything goes. None with fewer than two.
    With few clusters (below 30, say) it tends to be too small, and where all values are equal it is 0, which
    is no certainty. Raises ValueError where a value has no cluster.
    """
    groups = _by_cluster(values, clusters)
    if len(groups) < 2:
        return None
    mean = fsum(values) / len(values)
    squares = fsum(fsum(value - mean for value in group) ** 2 for group in groups)
    return sqrt(squares * len(groups) / (len(groups) - 1)) / len(values)


def mcnemar(only_a: int, only_b: int) -> float:
    """The exact two-sided p-value that as many problems are solved by A alone as by B alone.

    McNemar, "Note on the sampling error of the difference between correlated proportions or percentages"
    (1947), in its exact form: twice the lower tail of a binomial distribution of `only_a + only_b` fair
    coins, at most 1. Assumes independent problems, each played once by both.
    Raises ValueError for a negative number.
    """
    if only_a < 0 or only_b < 0:
        raise ValueError(f"no number of problems is negative: {only_a}, {only_b}")
    coins = only_a + only_b
    tail, term = 0, 1
    for heads in range(min(only_a, only_b) + 1):
        tail += term
        term = term * (coins - heads) // (heads + 1)
    # Whole numbers: a float would overflow at a thousand coins.
    return 2 * tail / 2**coins if 2 * tail < 2**coins else 1.0


def paired_bootstrap(
    differences: Sequence[float], clusters: Sequence[Hashable], seed: int, rounds: int = ROUNDS
) -> tuple[float, float]:
    """A 95% interval of the mean of paired differences, (low, high), the same for the same seed.

    The percentile interval of Efron (1979; Efron and Tibshirani, "An introduction to the bootstrap", 1993):
    the 2.5% and 97.5% points of the means of `rounds` resamples. Whole clusters are drawn, so that values
    which vary together stay together; single values if there is one cluster only. The order of the values
    does not matter: clusters are drawn in the order of their names.

    Assumes independent clusters (values). With a handful of clusters the interval is too narrow.
    Raises ValueError where there is no difference or no round, and for a difference without a cluster.
    """
    if not differences or rounds < 1:
        raise ValueError("a bootstrap needs at least one difference and one round")
    groups = _by_cluster(differences, clusters)
    if len(groups) < 2:
        groups = [[value] for value in sorted(differences)]
    means = sorted(_resampled_means(groups, Random(seed), rounds))
    tail = int(_TAIL * rounds)
    return means[tail], means[-1 - tail]


def _resampled_means(groups: Sequence[Sequence[float]], random: Random, rounds: int) -> list[float]:
    # Sum and size of a group as the two parts of one number: adding these up is half the work.
    totals = [complex(fsum(group), len(group)) for group in groups]
    drawn = (sum(random.choices(totals, k=len(totals))) for _ in range(rounds))
    return [total.real / total.imag for total in drawn]


def _by_cluster(values: Iterable[float], clusters: Iterable[Hashable]) -> list[list[float]]:
    """The values of each cluster, in the order of the clusters' names."""
    groups: dict[Hashable, list[float]] = defaultdict(list)
    for value, cluster in zip(values, clusters, strict=True):
        groups[cluster].append(value)
    return [groups[cluster] for cluster in sorted(groups, key=str)]


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of several tests, adjusted so that all may be judged at one level, in the given order.

    The step-down procedure of Holm, "A simple sequentially rejective multiple test procedure" (1979): it
    bounds the chance of one or more false rejections, however the tests depend on each other.
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
