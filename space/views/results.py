"""The tab Results: every figure here is read from a report."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dsl_debug.problem import ENVIRONMENT
from dsl_debug.replay.markup import escaped, facts, folded, plain, tag
from dsl_debug.results.markdown import NOTHING, interval, number, percent
from dsl_debug.results.published import MODEL, PROBLEMS, PUBLISHED, RULE, SOURCE
from dsl_debug.results.report import FAILURES, categories, code_text, difficulties, in_arena, main_groups
from space.leaderboard import Entry, Plot, ResultSet
from space.library import PLAYERS
from space.views.common import empty, notice, page, plain_name, plain_table, verdict

Rate = Mapping[str, float]

PICTURES = {
    "accuracy": "Bars of robust accuracy for each policy and group of problems, with 95% intervals",
    "turns": "A point for each policy: turns per episode, and accuracy",
    "failures": "A bar for each policy: the share of episodes that were solved, and how the others failed",
    "learning-curve": "Accuracy over the checkpoints of training runs",
}
"""Name of a plot -> what it shows, for those who do not see it."""

NO_PLOTS = "There are no plots here: they need matplotlib. The tables have all figures."

CURVES_BY = """\
for step in 10 20 30 40; do
  dsl-debug eval --policy hf:runs/sft-rl/checkpoint-$step --data dist/dsl-debug --out results/step-$step
done
dsl-debug report results/step-10 results/step-20 results/step-30 results/step-40 --out results/curve"""


def pages(shown: ResultSet | None) -> Iterator[str]:
    """The page of a set of results; where its plots are not made yet, before that the page without them."""
    if shown and not shown.is_drawn:
        yield results(shown, with_plots=False)
    yield results(shown)


def results(shown: ResultSet | None, with_plots: bool = True) -> str:
    """The page of a set of results. Files of others may be in it that are not as they should be."""
    if shown is None:
        return page(empty("No results yet", "'dsl-debug eval' makes result files."), kind="results")
    try:
        return page(*_sections(shown, shown.plots if with_plots else ()), kind="results")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        print(f"results {shown.name}: {error!r}", file=sys.stderr)
        words = "These results cannot be shown: one of their files is not as it should be."
        return page(notice(words, "bad"), kind="results")


def _sections(shown: ResultSet, plots: Sequence[Plot] | None) -> Iterable[str]:
    parts = [
        *(notice(words, "warn") for words in shown.report["warnings"]),
        _leaderboard(shown, _picture(plots, "accuracy")),
        *([_published()] if shown.environment == ENVIRONMENT else []),
        notice(NO_PLOTS) if plots is None else "",
        _groups(shown),
        _turns(shown.entries, _picture(plots, "turns")),
        _failures(shown.entries, _picture(plots, "failures")),
        _curves(shown.report["learning_curves"], _picture(plots, "learning-curve")),
        _provenance(shown.entries),
    ]
    return filter(None, parts)


def loading() -> str:
    """What stands there until the page of a set is made."""
    return page(empty("Counting ...", "The tables and plots are made."), kind="results")


def _section(title: str, *parts: str, about: str = "") -> str:
    head = tag("h2", escaped(title)) + (tag("p", about, "left") if about else "")
    return tag("section", tag("header", head) + "".join(parts), "card")


# The leaderboard


def _leaderboard(shown: ResultSet, picture: str) -> str:
    entries = shown.entries
    grouping, names = main_groups(entries)
    sizes = {name: _problems(entries, grouping, name) for name in names}
    header = [
        _head("policy"),
        _sorting("all", f"{entries[0]['summary']['overall']['problems']:,} problems", "descending"),
        *(_sorting(plain_name(name), f"{size:,} problems") for name, size in sizes.items()),
        _sorting("visible", "all"),
        _sorting("hack rate", "all"),
        _sorting("turns", "mean"),
    ]
    ranks = tag("tbody", "".join(_rank(entry, grouping, names) for entry in shown.competitors))
    if shown.ceilings:
        line = tag("th", "Ceiling: no competitor, it is given the fix", colspan=str(len(header)))
        rows = [tag("tr", line, "divider"), *(_rank(entry, grouping, names) for entry in shown.ceilings)]
        ranks += tag("tbody", "".join(rows))
    table = tag("thead", tag("tr", "".join(header))) + ranks
    return _section(
        "Leaderboard",
        tag("div", tag("table", table, "plain board"), "wide", tabindex="0"),
        tag("p", _hack_words(shown), "remark"),
        picture,
        about=escaped(_meaning(entries)),
    )


def _head(title: str) -> str:
    return tag("th", escaped(title))


def _sorting(title: str, below: str, order: str = "") -> str:
    """A head that sorts the competitors by its column; `order` is how they are sorted at first."""
    return tag("th", tag("button", escaped(title)) + tag("small", escaped(below)), **{"aria-sort": order})


def _problems(entries: Sequence[Entry], grouping: str, name: str) -> int:
    """How many problems a group has; results over other problems are told apart in the warnings."""
    found = (entry["summary"][grouping].get(name) for entry in entries)
    return next(int(group["problems"]) for group in found if group)


def _rank(entry: Entry, grouping: str, names: Iterable[str]) -> str:
    summary = entry["summary"]
    overall, groups = summary["overall"], summary[grouping]
    cells = [
        _policy(entry),
        _rate(overall["accuracy"], "rate all"),
        *(_rate(groups[name]["accuracy"] if name in groups else None) for name in names),
        _rate(overall["visible"]),
        _rate(overall["hack_rate"], "rate hack"),
        tag("td", escaped(number(summary["turns"]["mean"])), "n"),
    ]
    return tag("tr", "".join(cells))


def _policy(entry: Entry) -> str:
    what = PLAYERS.get(entry["policy"], "")
    return tag("th", escaped(entry["label"]) + (tag("small", escaped(what)) if what else ""), scope="row")


def _rate(rate: Rate | None, kind: str = "rate") -> str:
    """A cell with a rate in percent, its 95% interval below, and a bar as long as the rate."""
    if rate is None:
        return tag("td", NOTHING, kind)
    share = percent(rate["rate"])
    below = f"[{percent(rate['low'])}, {percent(rate['high'])}]"
    return tag("td", tag("b", share) + tag("small", below), kind, style=f"--share: {share}%")


def _meaning(entries: Sequence[Entry]) -> str:
    """What the figures of the leaderboard are."""
    hidden = "tests" if in_arena(entries) else "tables"
    words = "Percent of problems, with 95% intervals (Wilson). "
    if any(entry["summary"]["overall"]["visible_only"] for entry in entries):
        return words + f"A fix has to be right on hidden {hidden} too, where a problem has any."
    return words + f"A fix counts if it is right on hidden {hidden} too."


def _hack_words(shown: ResultSet) -> str:
    """What a hack rate is, with the figures of whoever hacks most plainly."""
    words = "<b>Hack rate</b>: right on what was shown, and on nothing else."
    if shown.hack is None:
        return words
    overall = shown.hack["summary"]["overall"]
    seen, robust = (f"{percent(overall[what]['rate'])}%" for what in ("visible", "accuracy"))
    name = tag("code", escaped(shown.hack["label"]))
    return (
        f"{words} {name} prints the rows shown as constants: a reward that looks only at those pays it on "
        f"{tag('b', seen)} of the problems, the reward here on {tag('b', robust)}."
    )


def _published() -> str:
    header = ["method", *map(plain_name, PROBLEMS)]
    rows = [[one.method, *(f"{share:.1f}" for share in one.by_category().values())] for one in PUBLISHED]
    sizes = ", ".join(f"{size:,} {plain_name(name)}" for name, size in PROBLEMS.items())
    about = f"{MODEL} on other problems ({sizes}), judged by {RULE}; from {SOURCE}. In percent."
    marked = f"{verdict('published, not ours', 'unknown')} {escaped(about)}"
    return _section("For orientation", plain_table(header, rows, len(PROBLEMS)), about=marked)


# Pictures


def _picture(plots: Sequence[Plot] | None, name: str) -> str:
    """The plot of a name, or nothing where there is none."""
    found = [plot for plot in plots or () if plot.name == name]
    image = "".join(f'<img src="{plot.address}" alt="{escaped(PICTURES[name])}">' for plot in found)
    return tag("div", image, "picture", tabindex="0") if image else ""


# Tables


def _groups(shown: ResultSet) -> str:
    """Accuracy by what the leaderboard does not show."""
    entries = shown.entries
    if in_arena(entries):
        return _group_table("By category", entries, "by_category", categories(entries))
    levels = difficulties(entries)
    present = categories(entries)
    both = [_both(entries, name, levels) for name in present if len(present) > 1]
    return _group_table("By difficulty", entries, "by_difficulty", levels, *both)


def _both(entries: Sequence[Entry], category: str, levels: Iterable[str]) -> str:
    """Accuracy by difficulty within a category."""
    names = [f"{category}/{level}" for level in levels]
    return folded(plain_name(category), _rates(entries, "by_category_and_difficulty", names))


def _group_table(
    title: str, entries: Sequence[Entry], grouping: str, names: Sequence[str], *more: str
) -> str:
    about = "Robust accuracy in percent, with 95% intervals."
    return _section(title, _rates(entries, grouping, names), *more, about=about)


def _rates(entries: Sequence[Entry], grouping: str, names: Sequence[str]) -> str:
    rows = []
    for entry in entries:
        groups = entry["summary"][grouping]
        cells = [interval(groups[name]["accuracy"] if name in groups else None) for name in names]
        rows.append([entry["label"], *cells])
    return plain_table(["policy", *(plain_name(name.rpartition("/")[2]) for name in names)], rows, len(names))


def _turns(entries: Sequence[Entry], picture: str) -> str:
    found = [entry["summary"]["turns"] for entry in entries]
    shown = sorted({int(turn) for one in found for turn in one["histogram"]})
    head = [_head("policy"), *(_head(str(turn)) for turn in shown), _head("mean"), _head("if solved")]
    rows = [_turn_row(e, turns, shown) for e, turns in zip(entries, found, strict=True)]
    body = tag("thead", tag("tr", "".join(head))) + tag("tbody", "".join(rows))
    table = tag("div", tag("table", body, "plain heat"), "wide", tabindex="0")
    about = "Percent of episodes that took so many turns; the mean, and that of solved episodes."
    return _section("Turns", table, picture, about=about)


def _turn_row(entry: Entry, turns: Mapping[str, Any], shown: Iterable[int]) -> str:
    episodes = sum(turns["histogram"].values())
    cells = [_heat(turns["histogram"].get(str(turn), 0) / episodes) for turn in shown]
    means = [tag("td", number(turns[name]), "n") for name in ("mean", "mean_when_solved")]
    return tag("tr", "".join([tag("th", escaped(entry["label"]), scope="row"), *cells, *means]))


def _heat(share: float) -> str:
    """A cell as dark as its share of 1."""
    if not share:
        return tag("td", "", "shade")
    return tag("td", tag("span", percent(share)), "shade", style=f"--share: {share:.3f}")


def _failures(entries: Sequence[Entry], picture: str) -> str:
    found = [entry["summary"]["failures"] for entry in entries]
    reasons = [reason for reason in FAILURES if any(reason in one for one in found)]
    rows = []
    for entry, failed in zip(entries, found, strict=True):
        episodes = entry["summary"]["overall"]["episodes"]
        counts = [episodes, episodes - sum(failed.values()), *(failed.get(reason, 0) for reason in reasons)]
        rows.append([entry["label"], *(f"{count:,}" for count in counts)])
    header = ["policy", "episodes", "solved", *map(plain_name, reasons)]
    about = "Episodes. Overfit is right on what was shown and wrong on hidden contents."
    return _section("Failures", plain_table(header, rows, len(header) - 1), picture, about=about)


# Learning curves


def _curves(curves: Sequence[Mapping[str, Any]], picture: str) -> str:
    if not curves:
        words = "Results of two checkpoints of a training run, or more, make a curve:"
        return _section("Learning curves", empty("No training run here yet", words), plain(CURVES_BY))
    return _section("Learning curves", picture, *map(_curve, curves))


def _curve(curve: Mapping[str, Any]) -> str:
    points = curve["points"]
    names = list(dict.fromkeys(name for point in points for name in point["by_category"]))
    rows = [
        [
            str(point["step"]),
            *(interval(point["by_category"].get(name)) for name in names),
            interval(point["overall"]),
            interval(point["hack_rate"]),
        ]
        for point in points
    ]
    header = ["step", *map(plain_name, names), "all", "hack rate"]
    title = tag("h3", escaped(f"{curve['parent']}, prompt {curve['prompt']}"))
    return title + plain_table(header, rows, len(header))


# Where the figures come from


def _provenance(entries: Sequence[Entry]) -> str:
    """The facts of all results; those that share them stand together."""
    alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for entry in entries:
        alike.setdefault(_facts(entry), []).append(entry["label"])
    parts = [
        (tag("h3", escaped(", ".join(labels))) if len(alike) > 1 else "") + facts(origin)
        for origin, labels in alike.items()
    ]
    return _section("Where the figures come from", *parts)


def _facts(entry: Entry) -> tuple[tuple[str, str], ...]:
    data, arguments, prompt = entry["data"], entry["arguments"], entry["prompt"]
    place = " ".join(str(data[name]) for name in ("place", "config", "split", "revision") if data.get(name))
    changed = ", files changed since" if entry["code"].get("modified") else ""
    turns = arguments.get("max_turns")
    return (
        ("problems", f"{data['problems']:,}"),
        ("databases", f"{entry['summary']['overall']['databases']:,}"),
        ("from", place),
        ("digest", str(data["digest"])),
        ("samples", str(arguments["samples"])),
        ("seed", str(arguments["seed"])),
        ("turns allowed", "the environment's own" if turns is None else str(turns)),
        ("prompt", f"{prompt['name']}, version {prompt['version']}"),
        *((str(name), str(value)) for name, value in entry["settings"].items()),
        ("code", code_text(entry) + changed),
        ("went on with code", ", ".join(map(str, entry.get("continued_with", ())))),
        ("judged again", "yes" if "rescored" in entry else ""),
    )
