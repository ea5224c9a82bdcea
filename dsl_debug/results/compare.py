"""Two results on the same problems, paired problem by problem; and names that tell results apart."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dsl_debug.episode.prompts import DEFAULT_PROMPT
from dsl_debug.results.rows import public_name
from dsl_debug.results.statistics import mcnemar, paired_bootstrap
from dsl_debug.results.summary import (
    HACK_RATE,
    METRICS,
    Facts,
    Rows,
    by_problem,
    in_order,
    is_visible_only,
    mean,
    rounded,
)

Result = Mapping[str, Any]
Words = tuple[str, ...]
Pair = tuple[Rows, Rows]
"""The rows of one problem in two results."""

SAME_FACTS = ("environment", "category", "difficulty", "database")
"""What has to be equal in the rows of one problem."""

DIGITS_OF_P = 6


def compare(a: Result, b: Result, seed: int = 0) -> Facts:
    """How `b` does on the problems that both results have, against the baseline `a`.

    Differences are b - a of the means per problem, with a 95% bootstrap interval over databases (seeded by
    `seed`). `only_a` and `only_b` count the problems of which the metric holds in one result alone, and `p`
    is McNemar's test of them: these take the first sample of each problem only, as the test needs one yes or
    no per problem. `left_out` says how many problems each result has that the other one lacks. Hack rates are
    not known, and None, where a problem has nothing hidden.

    Raises ValueError, in one line, where no problem is common, or one is not the same in both.
    """
    name_a, name_b = labels([a, b])
    problems_a, problems_b = by_problem(a["outcomes"]), by_problem(b["outcomes"])
    pairs = [(rows, problems_b[key]) for key, rows in problems_a.items() if key in problems_b]
    if not pairs:
        raise ValueError(f"{name_a} and {name_b} have no problem in common: they were played on other data")
    for pair in pairs:
        _check_same(pair, name_a, name_b)
    unknown = any(is_visible_only(rows) for rows, _ in pairs)
    return {
        "a": name_a,
        "b": name_b,
        "problems": len(pairs),
        "left_out": [len(problems_a) - len(pairs), len(problems_b) - len(pairs)],
        "metrics": {
            metric: None if metric == HACK_RATE and unknown else _compared(pairs, metric, seed)
            for metric in METRICS
        },
        "by_category": {
            category: _compared(part, "accuracy", seed) for category, part in _by_category(pairs).items()
        },
    }


def _check_same(pair: Pair, name_a: str, name_b: str) -> None:
    """Raise ValueError if two results say different things of one problem: its id stands for its content."""
    a, b = pair[0][0], pair[1][0]
    for fact in SAME_FACTS:
        if a[fact] != b[fact]:
            raise ValueError(
                f"problem {a['problem_id']} has {fact} {a[fact]!r} in {name_a} and {b[fact]!r} in {name_b}: "
                "evaluate both on the same data"
            )


def _by_category(pairs: Iterable[Pair]) -> dict[str, list[Pair]]:
    found: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        found[pair[0][0]["category"]].append(pair)
    return {category: found[category] for category in sorted(found, key=in_order)}


def _compared(pairs: Sequence[Pair], metric: str, seed: int) -> Facts:
    holds = METRICS[metric]
    means = [(mean(map(holds, a)), mean(map(holds, b))) for a, b in pairs]
    differences = [b - a for a, b in means]
    low, high = paired_bootstrap(differences, [a[0]["database"] for a, _ in pairs], seed)
    firsts = Counter((holds(a[0]), holds(b[0])) for a, b in pairs)
    only_a, only_b = firsts[1.0, 0.0], firsts[0.0, 1.0]
    return {
        "a": rounded(mean(a for a, _ in means)),
        "b": rounded(mean(b for _, b in means)),
        "difference": rounded(mean(differences)),
        "low": rounded(low),
        "high": rounded(high),
        "only_a": only_a,
        "only_b": only_b,
        # Not rounded to decimals: a small p-value is not 0.
        "p": float(f"{mcnemar(only_a, only_b):.{DIGITS_OF_P}g}"),
    }


# Names


def labels(results: Sequence[Result]) -> list[str]:
    """Names of results, in their order, no two the same.

    A name is the policy, a path in it cut to its last folders, and the prompt if that is not the usual one.
    Where names would be equal, the first facts (settings, arguments, data, code) in which these results
    differ are added. Results that differ in nothing are numbered.
    """
    policies = _short([str(result["policy"]["name"]) for result in results])
    said = [(policy, *_prompt(result)) for policy, result in zip(policies, results, strict=True)]
    return _numbered([_named(*words) for words in _told_apart(said, [_facts(result) for result in results])])


def _named(policy: str, *details: str) -> str:
    return f"{policy} ({', '.join(details)})" if details else policy


def _prompt(result: Result) -> list[str]:
    name = result["prompt"]["name"]
    return [] if name == DEFAULT_PROMPT else [f"prompt {name}"]


def _short(policies: Sequence[str]) -> list[str]:
    """Policies with paths cut to two folders, as long as names on the Hub are, or to as many as it takes.

    Folders of a machine (`public_name`) are left out, but of policies that are told apart by them alone.
    """
    owners = Counter(map(public_name, dict.fromkeys(policies)))
    names = [public if owners[public := public_name(policy)] == 1 else policy for policy in policies]
    depth = 2
    while len({_tail(name, depth) for name in names}) < len(set(names)):
        depth += 1
    return [_tail(name, depth) for name in names]


def _tail(policy: str, depth: int) -> str:
    kind, colon, path = policy.partition(":")
    return kind + colon + "/".join(path.split("/")[-depth:])


def _facts(result: Result) -> dict[str, Any]:
    """The facts of a run by which it can be told from another one, the most telling ones first."""
    return {
        "prompt version": result["prompt"].get("version"),
        **result["policy"]["settings"],
        **result["arguments"],
        **{**result["data"], "place": public_name(str(result["data"].get("place")))},
        "rescored": bool(result.get("rescored")),
        **{f"code {name}": value for name, value in result["code"].items()},
    }


def _told_apart(said: Sequence[Words], facts: Sequence[Mapping[str, Any]]) -> list[Words]:
    """What is said of each result, with further facts where the same is said of several that differ."""
    told = list(said)
    by_words: dict[Words, list[int]] = defaultdict(list)
    for index, words in enumerate(said):
        by_words[words].append(index)
    for words, equal in by_words.items():
        theirs = [facts[index] for index in equal]
        name = _first_difference(theirs)
        if name is not None:
            longer = [(*words, _said(name, each.get(name))) for each in theirs]
            for index, apart in zip(equal, _told_apart(longer, theirs), strict=True):
                told[index] = apart
    return told


def _first_difference(facts: Sequence[Mapping[str, Any]]) -> str | None:
    names = dict.fromkeys(name for each in facts for name in each)
    return next((name for name in names if len({_text(each.get(name)) for each in facts}) > 1), None)


def _said(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return name if value else f"not {name}"
    return f"no {name}" if value is None else f"{name} {_text(value)}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _numbered(names: Sequence[str]) -> list[str]:
    """The names, with a number behind those that came before."""
    given: list[str] = []
    for name in names:
        number, unique = 1, name
        while unique in given:
            number += 1
            unique = f"{name} #{number}"
        given.append(unique)
    return given
