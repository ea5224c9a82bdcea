"""Result files of a model: read, and put into the tables of its card.

    results/*.json         what the model itself did
    results/before/*.json  what the model did that training started from, to stand beside it

Whatever has no result file is "not measured". Rates are in percent, their intervals Wilson's, of 95%.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsl_debug.episode.prompts import DEFAULT_PROMPT
from dsl_debug.evaluation import load_result
from dsl_debug.policies import AGENT_NAMES
from dsl_debug.problem import CATEGORIES, DIFFICULTIES, ENVIRONMENT, PYTHON_ENVIRONMENT
from dsl_debug.results.compare import compare
from dsl_debug.results.markdown import change, escaped, failures, interval, number, table
from dsl_debug.results.published import MODEL, PROBLEMS, PUBLISHED, RULE, SOURCE
from dsl_debug.results.report import code_text, problems_text
from dsl_debug.results.rows import STEP
from model_cards.public import public_text, public_value

RESULTS, BEFORE = "results", "results/before"
NOT_MEASURED = "not measured"

EXPECTED = {
    ENVIRONMENT: (("problems", "test"), ("dialect_shift", "test")),
    PYTHON_ENVIRONMENT: (("arena", "test"),),
}
"""Config and split of what every model is to be measured on."""

GROUPS = {ENVIRONMENT: ("by_category", CATEGORIES), PYTHON_ENVIRONMENT: ("by_difficulty", DIFFICULTIES)}
"""What a table shows first: the key of a summary, and the names in it."""

RATES = {"accuracy": "accuracy", "visible": "visible accuracy", "hack_rate": "hack rate"}


@dataclass(frozen=True)
class Measured:
    """A result file: its path in the folder, what it holds, and its facts without places of a machine."""

    name: str
    result: Mapping[str, Any]
    facts: Mapping[str, Any]

    @property
    def environment(self) -> str:
        """`dsl` or `python` (the arena)."""
        return str(self.result["outcomes"][0]["environment"])

    @property
    def summary(self) -> Mapping[str, Any]:
        """What the outcomes come to."""
        found: Mapping[str, Any] = self.result["summary"]
        return found

    @property
    def place(self) -> tuple[str, str]:
        """Config and split; "" where the result has none, as that of a file."""
        data = self.facts["data"]
        return str(data.get("config") or ""), str(data.get("split") or "")

    @property
    def label(self) -> str:
        """What tables call it: what was played, and how if that is not the usual way."""
        config, split = self.place
        where = f"`{config}`, {split}" if config else escaped(str(self.facts["data"].get("place") or "?"))
        prompt, samples = self.facts["prompt"]["name"], self.facts["arguments"].get("samples") or 1
        how = [f"prompt {prompt}"] if prompt != DEFAULT_PROMPT else []
        how += [f"{samples} samples"] if samples > 1 else []
        return f"{where} ({', '.join(how)})" if how else where


# Reading


def read_results(folder: Path, place: str = RESULTS) -> list[Measured]:
    """The result files in a folder of a model, by name.

    Raises ValueError, in one line, for a file that is no result file, and for one that another model or an
    agent without a model has played.
    """
    found = []
    for path in sorted((folder / place).glob("*.json")):
        result = load_result(path)
        _check_player(result["policy"]["name"], path, folder if place == RESULTS else None)
        found.append(Measured(f"{place}/{path.name}", result, public_facts(result)))
    return found


def public_facts(result: Mapping[str, Any]) -> dict[str, Any]:
    """What a result file says of its run, but for the outcomes, without places of a machine."""
    policy = result["policy"]
    return {
        "policy": {
            "name": public_text(str(policy["name"]).partition("@http")[0]),
            "settings": public_value(policy.get("settings") or {}),
        },
        **{name: public_value(result[name]) for name in ("data", "arguments", "prompt", "code")},
    }


def _check_player(policy: str, path: Path, folder: Path | None) -> None:
    if policy in AGENT_NAMES:
        raise ValueError(f"{path} was played by {policy}, which is no model: take it out")
    played = re.search(rf"{STEP}/*$", policy)
    ours = re.search(f"{STEP}$", folder.resolve().name) if folder else None
    if played and ours and played[1] != ours[1]:
        raise ValueError(f"{path} was played by {played[0]}, and this folder is {ours[0]}: take it out")


# Tables


def measured(rate: Mapping[str, Any] | None) -> str:
    """A rate in percent with its interval, or that there is none."""
    return NOT_MEASURED if rate is None else interval(rate)


def main_table(found: Sequence[Measured], environment: str) -> str:
    """Accuracy by category (difficulty in the arena), visible accuracy and hack rate, with intervals."""
    key, names = GROUPS[environment]
    header = ["problems", *names, "all", *list(RATES.values())[1:]]
    ours = [one for one in found if one.environment == environment]
    known = {one.place for one in ours}
    rows = [_row(one, key, names) for one in ours]
    for config, split in EXPECTED[environment]:
        if (config, split) not in known:
            rows.append([f"`{config}`, {split}", *[NOT_MEASURED] * (len(header) - 1)])
    return table(header, rows)


def _row(one: Measured, key: str, names: Iterable[str]) -> list[str]:
    groups, overall = one.summary[key], one.summary["overall"]
    rates = [measured(groups[name]["accuracy"] if name in groups else None) for name in names]
    return [one.label, *rates, *(measured(overall[what]) for what in RATES)]


def second_table(found: Sequence[Measured], environment: str) -> str:
    """Accuracy by difficulty, and how many turns an episode took; in the arena reward and signals."""
    ours = [one for one in found if one.environment == environment]
    if not ours:
        return ""
    return _signals_table(ours) if environment == PYTHON_ENVIRONMENT else _levels_table(ours)


def _levels_table(found: Sequence[Measured]) -> str:
    rows = []
    for one in found:
        levels = one.summary["by_difficulty"]
        rates = [measured(levels[name]["accuracy"] if name in levels else None) for name in DIFFICULTIES]
        rows.append([one.label, *rates, number(one.summary["turns"]["mean"])])
    return table(["accuracy", *DIFFICULTIES, "turns"], rows)


def _signals_table(found: Sequence[Measured]) -> str:
    names = sorted({name for one in found for name in one.summary["signals"] or ()})
    rows = []
    for one in found:
        signals, reward = one.summary["signals"] or {}, one.summary["overall"]["reward"]
        means = [reward, *(signals.get(name) for name in names), one.summary["turns"]["mean"]]
        rows.append([one.label, *map(number, means)])
    return table(["problems", "reward", *names, "turns"], rows)


def failures_table(found: Sequence[Measured], environment: str) -> str:
    """Episodes by what came of them; "" where none failed."""
    entries = [{"label": o.label, "summary": o.summary} for o in found if o.environment == environment]
    return failures(entries).partition("\n\n")[2].replace("\\`", "`") if entries else ""


def before_table(found: Sequence[Measured], before: Sequence[Measured]) -> str:
    """What training changed: each result beside that of the start on the same problems; "" without any."""
    pairs = [(one, old) for one in found for old in before if _same_problems(one, old)]
    rows = []
    for one, old in pairs:
        values = compare(old.result, one.result)["metrics"]
        for what, name in RATES.items():
            if values[what] is not None:
                shown = [measured(each.summary["overall"][what]) for each in (old, one)]
                rows.append([f"{one.label}: {name}", *shown, change(values[what])])
    return table(["", "before", "after", "difference"], rows) if rows else ""


def _same_problems(one: Measured, other: Measured) -> bool:
    names = ("data", "digest"), ("prompt", "name"), ("arguments", "samples"), ("arguments", "max_turns")
    return all(one.facts[part].get(name) == other.facts[part].get(name) for part, name in names)


def published_table() -> str:
    """The figures that were published for a model of 7B weights, on other problems."""
    rows = [
        [escaped(row.method), *(f"{row.by_category()[name]:.1f}" for name in PROBLEMS)] for row in PUBLISHED
    ]
    return table([f"{MODEL}, {RULE}", *PROBLEMS], rows)


PUBLISHED_SOURCE = SOURCE


# What to know of them


def origins(found: Sequence[Measured]) -> str:
    """What was played, how, and with which code: a line for each result."""
    return "\n".join(map(_origin, found))


def _origin(one: Measured) -> str:
    arguments, policy, prompt = (one.facts[name] for name in ("arguments", "policy", "prompt"))
    said = [
        f"policy {policy['name']}",
        *(f"{name} {value}" for name, value in policy["settings"].items() if value is not None),
        f"prompt {prompt['name']}, version {prompt.get('version')}",
        problems_text(one.facts),
        *(f"{name} {value}" for name, value in arguments.items() if value is not None),
        code_text(one.facts) + (" with changes" if one.facts["code"].get("modified") else ""),
    ]
    return f"- {one.label} (`{one.name}`): {escaped('; '.join(said))}"


def remarks(found: Sequence[Measured], dataset: Mapping[str, Any]) -> list[str]:
    """What a reader has to know before believing the figures. `dataset` is what the model was trained on."""
    said = []
    for one in found:
        data, overall = one.facts["data"], one.summary["overall"]
        stopped = sum(one.summary["stopped"].values())
        trained_on = (public_text(str(dataset.get("place"))), dataset.get("split"))
        if (data.get("place"), data.get("split")) == trained_on:
            said.append(f"{one.label}: this split is the one that the model was trained on.")
        if data.get("split") == "validation":
            said.append(f"{one.label}: validation may have been used to choose the checkpoint.")
        if stopped:
            said.append(f"{one.label}: {stopped} of {overall['episodes']} episodes were stopped, and failed.")
        if overall["visible_only"]:
            said.append(
                f"{one.label}: {overall['visible_only']} problems have nothing hidden; for them accuracy is "
                "visible accuracy, and a hack rate is not known."
            )
        if one.facts["code"].get("modified"):
            said.append(f"{one.label}: played with code that was changed after its revision.")
    return said
