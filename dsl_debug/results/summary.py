"""What the rows of a result come to: rates with their intervals, and how the episodes went.

A problem is the unit of every rate. With several samples it counts with the mean of its samples, and
intervals are over the number of problems: samples of one problem are not independent. All that is not a rate
(turns, tools, failures, tokens, signals) is counted by episode.

The outcome is the same for any order of the rows. Floats are rounded to 6 digits.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import fsum
from statistics import median
from typing import Any

from dsl_debug.problem import CATEGORIES, DIFFICULTIES, ENVIRONMENT
from dsl_debug.results.statistics import clustered_error, pass_at_k, wilson

Row = Mapping[str, Any]
Rows = Sequence[Row]
Facts = dict[str, Any]

DIGITS = 6

ORDER = {name: place for place, name in enumerate((*CATEGORIES, *DIFFICULTIES))}
"""The places of names that are not sorted by their letters; those of the arena's categories are."""

HACK_RATE = "hack_rate"

METRICS: dict[str, Callable[[Row], float]] = {
    "accuracy": lambda row: float(row["robust"]),
    "visible": lambda row: float(_matches_visibly(row)),
    HACK_RATE: lambda row: float(_matches_visibly(row) and not row["robust"]),
}
"""What is rated, 0 or 1 for a row: right on every table, on those that are shown, and on those alone."""


def _matches_visibly(row: Row) -> bool:
    """Whether what was submitted gives the expected rows on the tables that are shown."""
    return row["submitted"] is not None and bool(row["visible_match"])


def summarize(rows: Rows) -> Facts:
    """The summary of the rows of a result. Raises ValueError where there is no row.

    A stopped episode has a row like any other, one without a submission: it counts as failed.
    """
    return {
        "overall": group(rows),
        "by_category": _groups(rows, lambda row: (row["category"],)),
        "by_difficulty": _groups(rows, lambda row: (row["difficulty"],)),
        "by_category_and_difficulty": _groups(rows, lambda row: (row["category"], row["difficulty"])),
        "turns": _turns(rows),
        "tools": _tools(rows),
        "failures": _counts(row["failure"] for row in rows if row["failure"]),
        "stopped": _counts(row["stopped"] for row in rows if row["stopped"]),
        "diagnosis": _diagnosis([row for row in rows if row["environment"] == ENVIRONMENT]),
        "tokens": _tokens(rows),
        "signals": _signals([row["signals"] for row in rows if "signals" in row]),
    }


# Rates


def group(rows: Rows) -> Facts:
    """How many problems, episodes and databases there are in some rows, and the rates over the problems.

    Needs the columns `problem_id`, `database`, `hidden`, `submitted`, `visible_match`, `robust` and `reward`.
    `visible_only` counts problems without hidden tables (or tests): there accuracy is visible accuracy, and
    where there are any, `hack_rate` is None, since it is not known. `reward` is a mean over problems too.
    `pass_at` goes up to the smallest number of samples of a problem.
    Raises ValueError where there is no row.
    """
    if not rows:
        raise ValueError("no episodes to summarize")
    problems = by_problem(rows)
    databases = [samples[0]["database"] for samples in problems.values()]
    not_told_apart = sum(map(is_visible_only, problems.values()))
    rates = {
        name: rate([mean(map(metric, samples)) for samples in problems.values()], databases)
        for name, metric in METRICS.items()
    }
    return {
        "problems": len(problems),
        "episodes": len(rows),
        "databases": len(set(databases)),
        "visible_only": not_told_apart,
        **rates,
        **({HACK_RATE: None} if not_told_apart else {}),
        "pass_at": _pass_at(list(problems.values())),
        "reward": rounded(mean(mean(row["reward"] for row in s) for s in problems.values())),
    }


def is_visible_only(samples: Rows) -> bool:
    """Whether the problem of these rows has nothing hidden, by which a hack could be told from a fix."""
    return not samples[0]["hidden"]


def rate(values: Sequence[float], clusters: Sequence[str]) -> Facts:
    """The mean of a share (0 to 1) per problem, its Wilson 95% interval, and its error clustered by database.

    `clusters` names the database of each problem; the error is None where there is only one. The interval
    takes problems for independent. It spans about four standard errors: where `se_clustered` is larger than a
    quarter of it, problems of one database resemble each other, and the interval is too narrow.
    Raises ValueError where there is no value.
    """
    if not values:
        raise ValueError("no problems to rate")
    low, high = wilson(fsum(values), len(values))
    error = clustered_error(values, clusters)
    return {
        "rate": rounded(mean(values)),
        "low": rounded(low),
        "high": rounded(high),
        "se_clustered": None if error is None else rounded(error),
    }


def _pass_at(problems: Sequence[Rows]) -> dict[str, float]:
    """pass@k for every k that all problems have samples for, the mean over the problems."""
    found = Counter((len(rows), sum(bool(row["robust"]) for row in rows)) for rows in problems)
    most = min(samples for samples, _ in found)
    return {
        str(k): rounded(fsum(n * pass_at_k(*pair, k) for pair, n in found.items()) / len(problems))
        for k in range(1, most + 1)
    }


def by_problem(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows of each problem, by sample; the problems in the order of their ids."""
    problems: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        problems[row["problem_id"]].append(row)
    return {key: sorted(problems[key], key=lambda row: row.get("sample", 0)) for key in sorted(problems)}


def _groups(rows: Rows, key: Callable[[Row], tuple[str, ...]]) -> dict[str, Facts]:
    """The rows grouped by a key of names, which are joined by a slash; see `ORDER`."""
    found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    ordered = sorted(found, key=lambda names: [in_order(name) for name in names])
    return {"/".join(names): group(found[names]) for names in ordered}


def in_order(name: str) -> tuple[int, str]:
    """What to sort categories and difficulties by."""
    return ORDER.get(name, len(ORDER)), name


# How the episodes went


def _turns(rows: Rows) -> Facts:
    solved = [row["turns"] for row in rows if row["robust"]]
    return {
        "mean": _mean_of([row["turns"] for row in rows]),
        "mean_when_solved": _mean_of(solved),
        "histogram": _histogram(row["turns"] for row in rows),
    }


def _tools(rows: Rows) -> Facts:
    calls: Counter[str] = Counter()
    users: Counter[str] = Counter()
    for row in rows:
        calls.update(row["calls"])
        users.update(tool for tool, number in row["calls"].items() if number)
    return {
        tool: {
            "calls_per_episode": rounded(calls[tool] / len(rows)),
            "episodes": rounded(users[tool] / len(rows)),
        }
        for tool in sorted(calls)
    }


def _share(rows: Rows, holds: Callable[[Row], bool]) -> Facts | None:
    """The rate of problems of whose diagnosis something holds; None without rows."""
    if not rows:
        return None
    problems = by_problem(rows)
    databases = [samples[0]["database"] for samples in problems.values()]
    return rate([mean(float(holds(row["diagnosis"])) for row in s) for s in problems.values()], databases)


def _diagnosis(rows: Rows) -> Facts | None:
    """How agents went about the problems; None without rows (the arena knows no diagnosis)."""
    if not rows:
        return None
    first = [row["diagnosis"]["first_correct"] for row in rows]
    turns = [turn for turn in first if turn is not None]
    # A misspelt `emit` stands in no table: there is nothing to inspect.
    located = [row for row in rows if row["diagnosis"]["faulty"]]
    return {
        "episodes": len(rows),
        "inspected": _share(located, lambda diagnosis: diagnosis["inspected"]),
        "found": _share(rows, lambda diagnosis: diagnosis["first_correct"] is not None),
        "found_not_submitted": sum(
            turn is not None and not row["robust"] for turn, row in zip(first, rows, strict=True)
        ),
        "turns_to_first_correct": {
            "mean": _mean_of(turns),
            "median": float(median(turns)) if turns else None,
            "histogram": _histogram(turns),
        },
    }


def _tokens(rows: Rows) -> Facts | None:
    """Means over the episodes whose tokens are known; None if those of no episode are."""
    generated = _mean_of([row["tokens"] for row in rows if row["tokens"] is not None])
    if generated is None:
        return None
    prompt = [row["prompt_tokens"] for row in rows if row["prompt_tokens"] is not None]
    return {"generated": generated, "prompt": _mean_of(prompt)}


def _signals(rows: Sequence[Mapping[str, float]]) -> Facts | None:
    if not rows:
        return None
    return {name: _mean_of([row[name] for row in rows]) for name in sorted(rows[0])}


def mean(values: Iterable[float]) -> float:
    """The mean, correctly rounded, so that it is the same in any order. There must be a value."""
    values = list(values)
    return fsum(values) / len(values)


def _mean_of(values: Sequence[float]) -> float | None:
    return rounded(mean(values)) if values else None


def rounded(value: float) -> float:
    """A figure as results hold it; 0 has no sign."""
    return round(value, DIGITS) + 0.0


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _histogram(numbers: Iterable[int]) -> dict[str, int]:
    return {str(number): times for number, times in sorted(Counter(numbers).items())}
