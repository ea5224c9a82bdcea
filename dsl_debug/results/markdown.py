"""A report as a page of GitHub Markdown. Every figure on it is in the report."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dsl_debug.problem import ENVIRONMENT, PYTHON_ENVIRONMENT
from dsl_debug.results.report import (
    FAILURES,
    categories,
    code_text,
    difficulties,
    in_arena,
    in_table_order,
    main_groups,
    problems_text,
)

Entry = Mapping[str, Any]
Cells = Sequence[str]

NOTHING = "-"
"""What a cell shows that has no value."""

METRICS = {"accuracy": "accuracy", "visible": "visible", "hack_rate": "hack rate"}
ENVIRONMENTS = {ENVIRONMENT: "DSL Debug", PYTHON_ENVIRONMENT: "DebugArena"}
_SPECIAL = re.compile(r"([\\|`*<\[\]])")


def markdown(report: Mapping[str, Any]) -> str:
    """The page. A section that has nothing to say is left out."""
    entries = report["results"]
    parts = ["# Evaluation report", warnings(report["warnings"])]
    for name, title in ENVIRONMENTS.items():
        parts += _environment(title, [entry for entry in entries if entry["environment"] == name])
    parts += [
        comparisons(report["comparisons"]),
        *map(learning_curve, report["learning_curves"]),
        *map(prompt_study, report["prompt_study"]),
        provenance(entries),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _environment(title: str, entries: Sequence[Entry]) -> list[str]:
    """The sections on the results of one environment."""
    if not entries:
        return []
    sections = (accuracy, groups, shown_only, pass_at, counts, failures, turns, tools, diagnosis, tokens)
    return [f"## {title}", *(section(entries) for section in sections)]


# Tables and cells


def table(header: Cells, rows: Iterable[Cells]) -> str:
    """A Markdown table; the columns after the first are set to the right."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def escaped(text: str) -> str:
    """A name as it is, whatever it means in Markdown, in one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def percent(value: float) -> str:
    """A share of 1, in percent without the sign."""
    return f"{100 * value:.1f}"


def interval(rate: Mapping[str, Any] | None) -> str:
    """A rate in percent with its 95% interval, or the sign for none where it is not known."""
    if rate is None:
        return NOTHING
    return f"{percent(rate['rate'])} [{percent(rate['low'])}, {percent(rate['high'])}]"


def number(value: float | None, digits: int = 2) -> str:
    """A number, or the sign for none."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def change(values: Mapping[str, Any]) -> str:
    """A difference of two rates in percentage points with its interval.

    One without any width is not shown: all databases differ by the same, which is no certainty.
    """
    difference, low, high = (f"{100 * values[name]:+.1f}" for name in ("difference", "low", "high"))
    return f"{difference} [{NOTHING}]" if values["low"] == values["high"] else f"{difference} [{low}, {high}]"


def p_value(p: float) -> str:
    """A p-value to three digits; one below 0.001 is not told exactly."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _label(entry: Entry) -> str:
    return escaped(entry["label"])


def _rates(entry: Entry, grouping: str, names: Iterable[str], what: str = "accuracy") -> list[str]:
    """The rates of some groups of a result, with their intervals."""
    found = entry["summary"][grouping]
    return [interval(found[name][what] if name in found else None) for name in names]


# Sections


def warnings(texts: Sequence[str]) -> str:
    """What to know before reading on."""
    return "\n".join(["**Before you read on:**", "", *(f"- {escaped(t)}" for t in texts)]) if texts else ""


def accuracy(entries: Sequence[Entry]) -> str:
    """The main table; in the arena with the mean of the reward and of its signals."""
    grouping, names = main_groups(entries)
    signals = sorted({name: 0 for entry in entries for name in entry["summary"]["signals"] or ()})
    extra = ["reward", *signals] if signals else []
    header = ["policy", *names, "all", *list(METRICS.values())[1:], *extra, "turns"]
    rows = []
    for entry in entries:
        summary = entry["summary"]
        overall, found = summary["overall"], summary["signals"] or {}
        rates = [*_rates(entry, grouping, names), *(interval(overall[what]) for what in METRICS)]
        means = [{"reward": overall["reward"], **found}.get(name) for name in extra]
        rows.append([_label(entry), *rates, *map(number, means), number(summary["turns"]["mean"])])
    return f"Percent of problems, with 95% intervals. {_meaning(entries)}\n\n{table(header, rows)}"


def _meaning(entries: Sequence[Entry]) -> str:
    """What accuracy stands for in these results."""
    hidden = "hidden tests" if in_arena(entries) else "hidden tables"
    unknown = [entry["summary"]["overall"]["visible_only"] for entry in entries]
    if not any(unknown):
        return f"Accuracy is robust: right on {hidden} too."
    problems = [entry["summary"]["overall"]["problems"] for entry in entries]
    if unknown == problems:
        return f"Accuracy is visible accuracy: there are no {hidden}."
    return f"Accuracy is robust (right on {hidden} too) where a problem has {hidden}, else visible accuracy."


def groups(entries: Sequence[Entry]) -> str:
    """Accuracy by what the main table does not show: difficulty, or category in the arena."""
    if in_arena(entries):
        names = categories(entries)
        rows = [[_label(entry), *_rates(entry, "by_category", names)] for entry in entries]
        return f"### By category\n\n{table(['policy', *names], rows)}" if len(names) > 1 else ""
    levels = difficulties(entries)
    rows = [[_label(entry), "all", *_rates(entry, "by_difficulty", levels)] for entry in entries]
    present = categories(entries)
    for category in present if len(present) > 1 else ():
        keys = [f"{category}/{level}" for level in levels]
        rows += [[_label(e), category, *_rates(e, "by_category_and_difficulty", keys)] for e in entries]
    return f"### By difficulty\n\n{table(['policy', 'category', *levels], rows)}"


def shown_only(entries: Sequence[Entry]) -> str:
    """Visible accuracy and hack rate, by category (the arena has too many) and difficulty."""
    names = [] if in_arena(entries) else categories(entries)
    levels = difficulties(entries)
    rows = [
        [
            f"{_label(entry)}, {METRICS[what]}",
            *_rates(entry, "by_category", names, what),
            *_rates(entry, "by_difficulty", levels, what),
        ]
        for entry in entries
        for what in METRICS
        if what != "accuracy"
    ]
    return f"### Right on what was shown\n\n{table(['policy', *names, *levels], rows)}"


def pass_at(entries: Sequence[Entry]) -> str:
    """The share of problems that k samples solve at least once, where there are several samples."""
    found = [entry["summary"]["overall"]["pass_at"] for entry in entries]
    most = max((int(k) for values in found for k in values), default=1)
    if most < 2:
        return ""
    shown = sorted({k for k in (1, 2, 4, 8, 16, 32, 64, 128) if k < most} | {most})
    rows = [
        [_label(e), *(percent(values[str(k)]) if str(k) in values else NOTHING for k in shown)]
        for e, values in zip(entries, found, strict=True)
    ]
    return f"### pass@k\n\n{table(['policy', *(f'pass@{k}' for k in shown)], rows)}"


def counts(entries: Sequence[Entry]) -> str:
    """How much the rates are over, and the error of accuracy when problems of a database go together."""
    families = "families" if in_arena(entries) else "databases"
    rows = []
    for entry in entries:
        overall = entry["summary"]["overall"]
        error = overall["accuracy"]["se_clustered"]
        sizes = [str(overall[name]) for name in ("problems", "episodes", "databases")]
        rows.append([_label(entry), *sizes, NOTHING if error is None else percent(error)])
    header = ["policy", "problems", "episodes", families, "error of accuracy, clustered"]
    note = f"The standard error, in percentage points, lets problems of one of the {families} be alike."
    return f"### How many\n\n{note}\n\n{table(header, rows)}"


def failures(entries: Sequence[Entry]) -> str:
    """Episodes by what came of them."""
    found = [entry["summary"]["failures"] for entry in entries]
    reasons = [reason for reason in FAILURES if any(reason in one for one in found)]
    if not reasons:
        return ""
    rows = [
        [_label(e), str(_solved(e)), *(str(failed.get(reason, 0)) for reason in reasons)]
        for e, failed in zip(entries, found, strict=True)
    ]
    note = "Episodes; `overfit` is right on what was shown and wrong on hidden contents."
    return f"### Failures\n\n{note}\n\n{table(['policy', 'solved', *reasons], rows)}"


def _solved(entry: Entry) -> int:
    """Episodes that did not fail."""
    summary = entry["summary"]
    return int(summary["overall"]["episodes"] - sum(summary["failures"].values()))


def turns(entries: Sequence[Entry]) -> str:
    """How many turns episodes took."""
    found = [entry["summary"]["turns"] for entry in entries]
    shown = sorted({int(n) for one in found for n in one["histogram"]})
    rows = [
        [
            _label(e),
            number(one["mean"]),
            number(one["mean_when_solved"]),
            *(str(one["histogram"].get(str(n), 0)) for n in shown),
        ]
        for e, one in zip(entries, found, strict=True)
    ]
    note = "Mean, mean of solved episodes, and how many episodes took 1, 2, ... turns."
    return f"### Turns\n\n{note}\n\n{table(['policy', 'mean', 'solved', *map(str, shown)], rows)}"


def tools(entries: Sequence[Entry]) -> str:
    """Which tools were used."""
    found = [entry["summary"]["tools"] for entry in entries]
    names = sorted({name: 0 for one in found for name in one})
    if not names:
        return ""
    rows = [
        [_label(e), *(_use(one.get(name)) for name in names)] for e, one in zip(entries, found, strict=True)
    ]
    note = "Calls per episode, and the percentage of episodes with at least one."
    return f"### Tools\n\n{note}\n\n{table(['policy', *names], rows)}"


def _use(tool: Mapping[str, float] | None) -> str:
    if tool is None:
        return NOTHING
    return f"{number(tool['calls_per_episode'])} ({percent(tool['episodes'])})"


def diagnosis(entries: Sequence[Entry]) -> str:
    """How policies came to their fix."""
    rows = []
    for entry in entries:
        if found := entry["summary"]["diagnosis"]:
            first = found["turns_to_first_correct"]
            rates = [interval(found["inspected"]), interval(found["found"])]
            rest = [str(found["found_not_submitted"]), number(first["mean"]), number(first["median"], 1)]
            rows.append([_label(entry), *rates, *rest])
    if not rows:
        return ""
    header = ["policy", "inspected", "found", "found, not submitted", "turn, mean", "turn, median"]
    note = (
        "`inspected`: a faulty table was looked at before the first right program. `found`: a right program "
        "was run or submitted; the turns are those of the first one. Without one, any turn is before it."
    )
    return f"### Diagnosis\n\n{note}\n\n{table(header, rows)}"


def tokens(entries: Sequence[Entry]) -> str:
    """What models wrote and read."""
    rows = [
        [_label(entry), number(found["generated"], 0), number(found["prompt"], 0)]
        for entry in entries
        if (found := entry["summary"]["tokens"])
    ]
    header = ["policy", "written per episode", "read per episode"]
    return f"### Tokens\n\n{table(header, rows)}" if rows else ""


def comparisons(found: Sequence[Mapping[str, Any]]) -> str:
    """Every result against the first one, over the problems of both."""
    if not found:
        return ""
    note = (
        f"Each result minus {escaped(found[0]['a'])}, in percentage points, with the 95% interval of a "
        "bootstrap over databases. p is of McNemar's exact test on the problems that only one of the two is "
        f"right on, in the first sample of each; adjusted by Holm's method for {len(found)} comparisons. "
        "`left out` are the problems that only the first result has, and only the other one. The p-values of "
        "the second table are not adjusted; all of them take problems for independent, which problems of one "
        "database are not."
    )
    header = ["accuracy", "problems", "left out", "difference", "only first", "only it", "p", "p, adjusted"]
    parts = ["## Comparisons", note, table(header, map(_compared, found))]
    names = in_table_order(name for one in found for name in one["by_category"])
    rest = [name for name in METRICS if name != "accuracy"]
    header = ["difference, p", *(METRICS[name] for name in rest), *(f"accuracy, {name}" for name in names)]
    rows = [
        [
            escaped(one["b"]),
            *(_difference(one["metrics"][name]) for name in rest),
            *(_difference(one["by_category"].get(name)) for name in names),
        ]
        for one in found
    ]
    return "\n\n".join([*parts, table(header, rows)])


def _compared(one: Mapping[str, Any]) -> Cells:
    """The accuracy of one result against that of the first one."""
    values = one["metrics"]["accuracy"]
    return [
        escaped(one["b"]),
        str(one["problems"]),
        " + ".join(map(str, one["left_out"])),
        change(values),
        str(values["only_a"]),
        str(values["only_b"]),
        p_value(values["p"]),
        p_value(one["p_holm"]),
    ]


def _difference(values: Mapping[str, Any] | None) -> str:
    return NOTHING if values is None else f"{change(values)}, {p_value(values['p'])}"


def learning_curve(curve: Mapping[str, Any]) -> str:
    """Accuracy over the checkpoints of a training run."""
    points = curve["points"]
    names = in_table_order(name for point in points for name in point["by_category"])
    rows = [
        [
            str(point["step"]),
            *(interval(point["by_category"].get(name)) for name in names),
            interval(point["overall"]),
            interval(point["hack_rate"]),
        ]
        for point in points
    ]
    title = f"## Checkpoints of {escaped(curve['parent'])}, prompt {escaped(curve['prompt'])}"
    return f"{title}\n\n{table(['step', *names, 'all', 'hack rate'], rows)}"


def prompt_study(study: Mapping[str, Any]) -> str:
    """One policy under several system prompts."""
    rows = study["rows"]
    names = in_table_order(name for row in rows for name in row["by_category"])
    lines = [
        [
            escaped(row["prompt"]) + (" (best)" if row["best"] else ""),
            *(interval(row["by_category"].get(name)) for name in names),
            interval(row["overall"]),
            interval(row["hack_rate"]),
            number(row["turns"]),
        ]
        for row in rows
    ]
    title = f"## Prompt study of {escaped(study['policy'])}"
    note = f"{study['problems']} problems, seed {study['seed']}."
    if any(row["best"] for row in rows):
        note += " The best prompt was chosen on these problems: on others it may well do worse."
    return f"{title}\n\n{note}\n\n{table(['prompt', *names, 'all', 'hack rate', 'turns'], lines)}"


def provenance(entries: Sequence[Entry]) -> str:
    """What was run, on what, and with which code."""
    return "\n".join(["## Where the figures come from", "", *map(_origin, entries)])


def _origin(entry: Entry) -> str:
    arguments, prompt = entry["arguments"], entry["prompt"]
    facts = [
        f"policy {entry['policy']}",
        *(f"{name} {value}" for name, value in entry["settings"].items()),
        f"prompt {prompt['name']}, version {prompt['version']}",
        problems_text(entry),
        *(f"{name} {value}" for name, value in arguments.items() if value is not None),
        code_text(entry) + (" with changes" if entry["code"].get("modified") else ""),
        *(f"went on with code {name}" for name in entry.get("continued_with", ())),
        *(["rescored"] if "rescored" in entry else []),
    ]
    return f"- **{_label(entry)}**: {escaped('; '.join(facts))}"
