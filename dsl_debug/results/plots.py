"""The plots of a report. The same report gives the same bytes.

Needs matplotlib (extra `eval`), whose own fonts are used, so that no font of the machine matters. The colours
are those of Okabe and Ito, "Color universal design" (2008), which people with any colour vision can tell
apart; hatches and markers go on where they end.
"""

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dsl_debug.problem import ENVIRONMENT, PYTHON_ENVIRONMENT
from dsl_debug.results.report import FAILURES, in_table_order, main_groups

Entry = Mapping[str, Any]
Rate = Mapping[str, float]

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#5A5A5A", "#F0E442")
HATCHES = ("", "////", "....", "xxxx")
MARKERS = "osD^vPX*"
SOLVED = "#009E73"
FAILURE_COLOURS = {
    "never_submitted": "#5A5A5A",
    "unchanged": "#B4B4B4",
    "error": "#D55E00",
    "wrong_rows": "#E69F00",
    "overfit": "#CC79A7",
}
INK = "#333333"
_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "hatch.linewidth": 0.6,
}
WIDTH = 8.0
"""Of every plot, in inches."""

MOST_TICKS = 12
MOST_LETTERS = 60
"""Of the name of a policy; the middle of a longer one is left out."""

LETTERS_ACROSS = 120
"""How many fit into the width of a plot."""


def write_plots(report: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write the plots of a report into a folder, as PNG files: their paths.

    Results of the arena have plots of their own, whose names begin with `arena-`. A learning curve is drawn
    where there is one. Raises ImportError, saying what to install, where matplotlib is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for environment, prefix in ((ENVIRONMENT, ""), (PYTHON_ENVIRONMENT, "arena-")):
        entries = [entry for entry in report["results"] if entry["environment"] == environment]
        curves = [curve for curve in report["learning_curves"] if curve["environment"] == environment]
        drawings: tuple[tuple[str, Callable[[Any], Any], Sequence[Any]], ...] = (
            ("accuracy", accuracy, entries),
            ("turns", turns, entries),
            ("failures", failures, entries),
            ("learning-curve", learning_curves, curves),
        )
        for name, figure, data in drawings:
            if data:
                written.append(draw(figure, data, folder / f"{prefix}{name}.png"))
    return written


def draw(figure: Callable[[Any], Any], data: Sequence[Any], path: Path) -> Path:
    """Write one plot; nothing of matplotlib's global state is used or kept."""
    try:
        import matplotlib
    except ImportError:
        raise ImportError("the plots need matplotlib: pip install 'dsl-debug[eval]'") from None
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, "backend": "agg", **_STYLE}):
        figure(data).savefig(path, format="png", metadata={"Software": None})
    return path


def _figure(height: float, columns: int = 1) -> tuple[Any, list[Any]]:
    """A figure without a screen, and its axes side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, columns, sharey=True, squeeze=False)[0])


def accuracy(entries: Sequence[Entry]) -> Any:
    """Bars of accuracy with their intervals, by category (in the arena by difficulty)."""
    grouping, names = main_groups(entries)
    figure, (axes,) = _figure(3.4 + 0.2 * _legend_rows(entries))
    width = 0.8 / len(entries)
    for number, entry in enumerate(entries):
        groups = [entry["summary"][grouping].get(name) for name in names] + [entry["summary"]["overall"]]
        found = [(place, group["accuracy"]) for place, group in enumerate(groups) if group]
        places = [place + width * (number - (len(entries) - 1) / 2) for place, _ in found]
        heights, errors = _heights([rate for _, rate in found])
        look = {"color": _colour(number), "hatch": _hatch(number), "edgecolor": "white", "linewidth": 0.5}
        axes.bar(places, heights, 0.92 * width, label=_short(entry["label"]), **look)
        axes.errorbar(places, heights, errors, fmt="none", ecolor=INK, elinewidth=0.9, capsize=2)
    axes.set_xticks(range(len(names) + 1), [*names, "all"])
    axes.grid(axis="x", visible=False)
    axes.tick_params(axis="x", length=0)
    _percent_axis(axes)
    _legend(figure)
    return figure


def turns(entries: Sequence[Entry]) -> Any:
    """The mean number of turns against accuracy, a point for each policy."""
    figure, (axes,) = _figure(3.4 + 0.2 * _legend_rows(entries))
    for number, entry in enumerate(entries):
        summary = entry["summary"]
        heights, errors = _heights([summary["overall"]["accuracy"]])
        axes.errorbar(
            [summary["turns"]["mean"]],
            heights,
            errors,
            fmt=MARKERS[number % len(MARKERS)],
            color=_colour(number),
            markersize=7,
            markeredgecolor="white",
            elinewidth=1.2,
            capsize=3,
            clip_on=False,
            label=_short(entry["label"]),
        )
    axes.set_xlim(0, 1.08 * max(entry["summary"]["turns"]["mean"] for entry in entries))
    axes.set_xlabel("turns per episode, mean")
    _percent_axis(axes)
    _legend(figure)
    return figure


def failures(entries: Sequence[Entry]) -> Any:
    """What came of the episodes, a bar for each policy."""
    figure, (axes,) = _figure(1.3 + 0.36 * len(entries))
    found = [entry["summary"]["failures"] for entry in entries]
    totals = [entry["summary"]["overall"]["episodes"] for entry in entries]
    counts = {"solved": [n - sum(one.values()) for n, one in zip(totals, found, strict=True)]}
    counts |= {reason: [one.get(reason, 0) for one in found] for reason in reversed(FAILURES)}
    left = [0.0] * len(entries)
    for part, numbers in counts.items():
        if any(numbers):
            widths = [100 * n / total for n, total in zip(numbers, totals, strict=True)]
            colour = FAILURE_COLOURS.get(part, SOLVED)
            axes.barh(range(len(entries)), widths, 0.72, left, color=colour, label=part.replace("_", " "))
            left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.set_yticks(range(len(entries)), [_wrapped(entry["label"]) for entry in entries])
    axes.set_ylim(len(entries) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of episodes")
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    _legend(figure)
    return figure


def learning_curves(curves: Sequence[Mapping[str, Any]]) -> Any:
    """Accuracy over the checkpoints of training runs, a panel for each run."""
    names = in_table_order(name for curve in curves for p in curve["points"] for name in p["by_category"])
    figure, panels = _figure(3.8, len(curves))
    for curve, axes in zip(curves, panels, strict=True):
        for number, name in enumerate([*names, "all"] if len(names) > 1 else names):
            _line(axes, curve["points"], name, number)
        axes.set_xlabel("step")
        axes.set_title(_wrapped(curve["parent"]), fontsize=9)
        steps = sorted({point["step"] for point in curve["points"]})
        axes.set_xticks(steps[:: -(-len(steps) // MOST_TICKS)])
    _percent_axis(panels[0])
    _legend(figure)
    return figure


def _line(axes: Any, points: Sequence[Mapping[str, Any]], name: str, number: int) -> None:
    """One line of a learning curve, with a band for the intervals."""
    rates = [(p["step"], p["overall"] if name == "all" else p["by_category"].get(name)) for p in points]
    known = [(step, rate) for step, rate in rates if rate]
    steps = [step for step, _ in known]
    colour = INK if name == "all" else _colour(number)
    low, high = ([100 * rate[end] for _, rate in known] for end in ("low", "high"))
    axes.fill_between(steps, low, high, color=colour, alpha=0.12, linewidth=0)
    look = {"color": colour, "marker": MARKERS[number % len(MARKERS)], "markersize": 5, "clip_on": False}
    look |= {"linestyle": "--" if name == "all" else "-"}
    axes.plot(steps, [100 * rate["rate"] for _, rate in known], label=name, **look)


# What they share


def _heights(rates: Sequence[Rate]) -> tuple[list[float], list[list[float]]]:
    """Rates in percent, and how far their intervals reach below and above them."""
    below = [100 * max(0.0, rate["rate"] - rate["low"]) for rate in rates]
    above = [100 * max(0.0, rate["high"] - rate["rate"]) for rate in rates]
    return [100 * rate["rate"] for rate in rates], [below, above]


def _percent_axis(axes: Any) -> None:
    axes.set_ylim(0, 100)
    axes.set_ylabel("accuracy, %")


def _legend_columns(names: Iterable[str]) -> int:
    """How many names fit side by side."""
    return max(1, LETTERS_ACROSS // (max(map(len, names)) + 8))


def _legend_rows(entries: Sequence[Entry]) -> int:
    return -(-len(entries) // _legend_columns(_short(entry["label"]) for entry in entries))


def _legend(figure: Any) -> None:
    """One legend for all axes, above them; each name once."""
    named: dict[str, Any] = {}
    for axes in figure.axes:
        handles, names = axes.get_legend_handles_labels()
        named = {**dict(zip(names, handles, strict=True)), **named}
    place = {"loc": "outside upper left", "ncols": _legend_columns(named), "frameon": False}
    figure.legend(list(named.values()), list(named), **place)


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _hatch(number: int) -> str:
    return HATCHES[number // len(COLOURS) % len(HATCHES)]


def _short(name: str) -> str:
    """A name as the legend shows it; a dollar would begin a formula."""
    if len(name) > MOST_LETTERS:
        name = f"{name[: MOST_LETTERS // 2 - 2]}...{name[-MOST_LETTERS // 2 + 1 :]}"
    return name.replace("$", "\\$")


def _wrapped(name: str) -> str:
    """A name on two lines at most."""
    return "\n".join(textwrap.wrap(_short(name), MOST_LETTERS // 2 + 8, break_on_hyphens=False)) or name
