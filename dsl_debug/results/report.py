"""A report: what result files say, and how they compare, as one JSON object that holds no outcomes.

`markdown` and `plots` render from it, and every figure in them is in it. The same results in the same order
give the same report.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dsl_debug.problem import PYTHON_ENVIRONMENT
from dsl_debug.results.compare import compare, labels
from dsl_debug.results.rows import RESULT_PARTS, STEP, public_name
from dsl_debug.results.statistics import holm
from dsl_debug.results.summary import in_order

REPORT_VERSION = 1
MADE_BY = "dsl-debug report"
FEW_DATABASES = 10
"""With fewer, errors that are clustered by database are too small by far, and so are bootstrap intervals."""

CHECKPOINT = re.compile(rf"(.*?)[/\\:_-]?{STEP}(?:[/\\].*)?")
"""The name of a policy that is a checkpoint of a training run: what comes before it, and its step."""

FAILURES = ("never_submitted", "unchanged", "error", "wrong_rows", "overfit")
"""The failure taxonomy (`scoring.failure`), from the farthest to the nearest miss."""

Result = Mapping[str, Any]
Report = dict[str, Any]
Text = Callable[[Result], str]


def report(results: Sequence[Result], seed: int = 0) -> Report:
    """The report on some result files; `seed` is that of the bootstrap. The first result is the baseline.

    Raises ValueError, in one line, for no results and for something that is no result file.
    """
    if not results:
        raise ValueError("a report needs at least one result")
    for number, result in enumerate(results, 1):
        _check(result, number)
    entries = [_entry(name, result) for name, result in zip(labels(results), results, strict=True)]
    comparisons, not_compared = _comparisons(entries, results, seed)
    policies = [result["policy"]["name"] for result in results]
    return {
        "schema_version": REPORT_VERSION,
        "made_by": MADE_BY,
        "results": entries,
        "comparisons": comparisons,
        "learning_curves": _learning_curves(entries, policies),
        "prompt_study": _prompt_studies(entries, policies),
        "warnings": [*not_compared, *_warnings(entries)],
    }


def check_report(value: Mapping[str, Any], name: str) -> Report:
    """A report that was read from a file called `name`. Raises ValueError, in one line, for anything else."""
    known = value.get("made_by") == MADE_BY and value.get("schema_version") == REPORT_VERSION
    if not known or not value.get("results"):
        raise ValueError(f"{name} is no report of version {REPORT_VERSION}: make it with '{MADE_BY}'")
    return dict(value)


def in_table_order(names: Iterable[str]) -> list[str]:
    """Names of categories or difficulties, each once, in the order of tables."""
    return sorted(dict.fromkeys(names), key=in_order)


def categories(entries: Iterable[Result]) -> list[str]:
    """The categories that the results have problems of, in the order of tables."""
    return in_table_order(name for entry in entries for name in entry["summary"]["by_category"])


def difficulties(entries: Iterable[Result]) -> list[str]:
    """The difficulties that the results have problems of, in the order of tables."""
    return in_table_order(name for entry in entries for name in entry["summary"]["by_difficulty"])


def in_arena(entries: Sequence[Result]) -> bool:
    """Whether results of one environment are of the arena."""
    return bool(entries[0]["environment"] == PYTHON_ENVIRONMENT)


def main_groups(entries: Sequence[Result]) -> tuple[str, list[str]]:
    """What tables and plots show first: the key of a summary, and the names in it.

    The arena has ten categories with few problems in each, so its difficulties come first.
    """
    if in_arena(entries):
        return "by_difficulty", difficulties(entries)
    return "by_category", categories(entries)


def _check(result: Result, number: int) -> None:
    missing = [name for name in RESULT_PARTS if not result.get(name)]
    if missing:
        raise ValueError(f"result {number} is no finished result file: it lacks {', '.join(missing)}")


def _entry(label: str, result: Result) -> dict[str, Any]:
    """What the report keeps of a result: all but its outcomes and timings, and the folders of a machine."""
    policy, data = result["policy"], result["data"]
    place = {"place": public_name(data["place"])} if data.get("place") else {}
    return {
        "label": label,
        "environment": result["outcomes"][0]["environment"],
        "policy": public_name(policy["name"]),
        "settings": dict(policy["settings"]),
        "prompt": dict(result["prompt"]),
        "data": {**data, **place},
        **{name: dict(result[name]) for name in ("arguments", "code", "summary")},
        **{name: result[name] for name in ("rescored", "continued_with") if result.get(name)},
    }


def _comparisons(
    entries: Sequence[Result], results: Sequence[Result], seed: int
) -> tuple[list[dict[str, Any]], list[str]]:
    """Each later result against the first one, and why some could not be compared.

    `p_holm` is the p of the accuracy, adjusted by Holm's method for as many comparisons as there are.
    """
    found, refused = [], []
    baseline = entries[0]["label"]
    for entry, result in zip(entries[1:], results[1:], strict=True):
        try:
            found.append({**compare(results[0], result, seed), "a": baseline, "b": entry["label"]})
        except ValueError as error:
            refused.append(f"not compared: {error}")
    adjusted = holm([one["metrics"]["accuracy"]["p"] for one in found])
    return [{**one, "p_holm": float(f"{p:.6g}")} for one, p in zip(found, adjusted, strict=True)], refused


# Learning curves


def _learning_curves(entries: Sequence[Result], policies: Sequence[str]) -> list[dict[str, Any]]:
    """One curve for all checkpoints of one training run that were played in the same way, from two on.

    `policies` are the whole names of the policies: what an entry keeps of them may not tell runs apart.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for entry, policy in zip(entries, policies, strict=True):
        if match := CHECKPOINT.fullmatch(entry["policy"]):
            run = CHECKPOINT.sub(r"\1", policy)
            way = _key(run, entry["settings"], entry["prompt"], _digest(entry), entry["arguments"])
            found.setdefault(way, []).append({"step": int(match[2]), "parent": match[1], "entry": entry})
    return [_curve(points) for points in found.values() if len({point["step"] for point in points}) > 1]


def _curve(points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    first = points[0]["entry"]
    return {
        "parent": points[0]["parent"],
        "prompt": first["prompt"]["name"],
        "arguments": first["arguments"],
        "environment": first["environment"],
        "points": [_point(p["step"], p["entry"]) for p in sorted(points, key=lambda point: point["step"])],
    }


def _point(step: int, entry: Result) -> dict[str, Any]:
    summary = entry["summary"]
    return {
        "step": step,
        "label": entry["label"],
        "by_category": {name: group["accuracy"] for name, group in summary["by_category"].items()},
        "overall": summary["overall"]["accuracy"],
        "hack_rate": summary["overall"]["hack_rate"],
    }


# Prompt studies


def _prompt_studies(entries: Sequence[Result], policies: Sequence[str]) -> list[dict[str, Any]]:
    """One study for each policy that played the same problems in the same way with several prompts."""
    found: dict[str, list[Result]] = {}
    for entry, policy in zip(entries, policies, strict=True):
        way = _key(policy, entry["settings"], _digest(entry), entry["arguments"])
        found.setdefault(way, []).append(entry)
    return [_study(group) for group in found.values() if len({e["prompt"]["name"] for e in group}) > 1]


def _study(entries: Sequence[Result]) -> dict[str, Any]:
    rates = [entry["summary"]["overall"]["accuracy"]["rate"] for entry in entries]
    return {
        "policy": entries[0]["policy"],
        "problems": entries[0]["summary"]["overall"]["problems"],
        "samples": entries[0]["arguments"]["samples"],
        "seed": entries[0]["arguments"]["seed"],
        "rows": [
            _prompt_row(entry, best=rate == max(rates) > min(rates))
            for entry, rate in zip(entries, rates, strict=True)
        ],
    }


def _prompt_row(entry: Result, best: bool) -> dict[str, Any]:
    summary = entry["summary"]
    return {
        "prompt": entry["prompt"]["name"],
        "version": entry["prompt"]["version"],
        "label": entry["label"],
        "by_category": {name: group["accuracy"] for name, group in summary["by_category"].items()},
        "overall": summary["overall"]["accuracy"],
        "hack_rate": summary["overall"]["hack_rate"],
        "turns": summary["turns"]["mean"],
        "best": best,
    }


# Warnings


def _warnings(entries: Sequence[Result]) -> list[str]:
    """What a reader should know before believing the tables."""
    found = []
    for what, value, described in (
        ("problems", _digest, problems_text),
        ("code", code_text, code_text),
        ("numbers of turns allowed", _max_turns, _max_turns),
        ("numbers of samples", _samples, _samples),
    ):
        groups = _alike(entries, value, described)
        if len(groups) > 1:
            found.append(f"the results are of different {what}: {'; '.join(groups)}")
    changed = [entry["label"] for entry in entries if entry["code"].get("modified")]
    if changed:
        found.append(f"files had been changed since the revision of the code: {', '.join(changed)}")
    return found + [text for entry in entries for text in _own_warnings(entry)]


def _alike(entries: Sequence[Result], value: Text, described: Text) -> list[str]:
    """Which results share a value, `label, label (value)`, in the order of the results."""
    groups: dict[str, list[Result]] = {}
    for entry in entries:
        groups.setdefault(value(entry), []).append(entry)
    return [f"{', '.join(e['label'] for e in group)} ({described(group[0])})" for group in groups.values()]


def _own_warnings(entry: Result) -> list[str]:
    """What to know about one result."""
    found, label = [], entry["label"]
    stopped, samples = entry["summary"]["stopped"], entry["arguments"]["samples"]
    if stopped:
        why = ", ".join(f"{number} {reason}" for reason, number in stopped.items())
        episodes = entry["summary"]["overall"]["episodes"]
        found.append(
            f"{label}: {sum(stopped.values())} of {episodes} episodes were stopped and count as failed "
            f"({why}); evaluate again with --retry-stopped to play them to their end"
        )
    found += [f"{label}: {text}" for text in _limits(entry)]
    if samples > 1 and entry["settings"].get("temperature") == 0:
        found.append(
            f"{label}: {samples} samples of a greedy policy (temperature 0) are nearly the same: "
            "pass@k says little"
        )
    return found


def _limits(entry: Result) -> list[str]:
    """What the problems and the code of a result leave unknown."""
    hidden, names = "tables", ("database", "databases")
    if entry["environment"] == PYTHON_ENVIRONMENT:
        hidden, names = "tests", ("family", "families")
    overall, found = entry["summary"]["overall"], []
    if number := overall["visible_only"]:
        found.append(
            f"{number} of {overall['problems']} problems have no hidden {hidden}: "
            "accuracy is visible accuracy there, and a hack rate is not known"
        )
    if (number := overall["databases"]) < FEW_DATABASES:
        only = f"{number} {names[number != 1]} only"
        found.append(f"{only}: clustered errors and intervals of differences are too small")
    if entry.get("continued_with"):
        found.append(
            f"played by more than one revision of the code: also {', '.join(entry['continued_with'])}"
        )
    return found


def problems_text(entry: Result) -> str:
    """Which problems a result is over: where they are from, how many, and a digest of their ids."""
    data = entry["data"]
    named = [str(data[name]) for name in ("place", "config", "split", "revision") if data.get(name)]
    where = f"{' '.join(named)}, " if named else ""
    return f"{where}{data['problems']} problems, digest {data['digest']}"


def code_text(entry: Result) -> str:
    """Which code made a result."""
    code = entry["code"]
    revision = f", revision {code['revision'][:12]}" if code.get("revision") else ""
    return f"version {code['version']}{revision}"


def _digest(entry: Result) -> str:
    return str(entry["data"]["digest"])


def _max_turns(entry: Result) -> str:
    turns = entry["arguments"].get("max_turns")
    return "the environment's own" if turns is None else str(turns)


def _samples(entry: Result) -> str:
    return str(entry["arguments"]["samples"])


def _key(*values: Any) -> str:
    return json.dumps(values, sort_keys=True)
