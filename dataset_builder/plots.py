"""Plots of a build report. The same figures give the same bytes.

Needs matplotlib (extra `build`), whose own fonts are used, so that no font of the machine matters.
"""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dsl_debug.problem import CATEGORIES

COLOURS = {
    "standard": "#4c78a8",
    "nonlocal": "#f58518",
    "intent_mismatch": "#54a24b",
    "all": "#4c78a8",
}
_OTHER = "#9d9da1"
_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "dsl-debug",
}


def problems(contents: Mapping[str, Any], path: Path) -> Path | None:
    """Problems of each config and split, by category; None if there are none."""
    bars = {
        f"{config}: {split}": found["category"]
        for config in ("problems", "dialect_shift", "sft_problems")
        for split, found in contents.get(config, {}).items()
    }
    return _stacked(bars, CATEGORIES, "problems", path) if bars else None


def databases(found: Sequence[Mapping[str, int]], path: Path) -> Path | None:
    """Problems of each database, by category; the databases with most problems first, without their names."""
    ordered = sorted(found, key=lambda counts: -sum(counts.values()))
    figure, axes = _axes(3.0)
    bottom = [0] * len(ordered)
    for category in CATEGORIES:
        heights = [counts.get(category, 0) for counts in ordered]
        places = range(1, len(ordered) + 1)
        axes.bar(places, heights, bottom=bottom, width=1.0, color=COLOURS[category], label=category)
        bottom = [a + b for a, b in zip(bottom, heights, strict=True)]
    axes.set_xlabel("databases")
    axes.set_ylabel("problems")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(CATEGORIES), frameon=False)
    return _saved(figure, path)


def gates(found: Mapping[str, Mapping[str, int]], order: Sequence[str], path: Path) -> Path | None:
    """Candidates by the gate that refused them, and those that none refused."""
    bars = {reason: {c: counts.get(reason, 0) for c, counts in found.items()} for reason in order}
    return _stacked(bars, tuple(found), "candidates", path) if bars else None


def turns(found: Mapping[int, int], path: Path) -> Path | None:
    """How many trajectories have how many turns."""
    figure, axes = _axes(3.0)
    numbers = sorted(found)
    axes.bar([str(n) for n in numbers], [found[n] for n in numbers], color=COLOURS["standard"])
    axes.set_xlabel("turns")
    axes.set_ylabel("trajectories")
    return _saved(figure, path)


def _stacked(bars: Mapping[str, Mapping[str, int]], parts: Sequence[str], unit: str, path: Path) -> Path:
    """Horizontal bars, the first one on top."""
    figure, axes = _axes(1.2 + 0.34 * len(bars))
    names = [_label(name) for name in bars]
    places = range(len(bars))
    left = [0] * len(bars)
    for part in parts:
        widths = [counts.get(part, 0) for counts in bars.values()]
        axes.barh(places, widths, left=left, color=COLOURS.get(part, _OTHER), label=part)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if len(parts) > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(parts), frameon=False)
    return _saved(figure, path)


def _label(name: str) -> str:
    """A long name on several lines."""
    return "\n".join(textwrap.wrap(name.replace("$", "\\$"), 45))  # a dollar would begin a formula


def _axes(height: float) -> tuple[Any, Any]:
    """A figure without a screen, and its axes; nothing of matplotlib's global state is used."""
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("the plots need matplotlib: pip install 'dsl-debug[build]'") from None
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, "backend": "agg", **_STYLE}):
        figure = Figure(figsize=(8, height), dpi=110, layout="tight")
        FigureCanvasAgg(figure)
        return figure, figure.subplots()


def _saved(figure: Any, path: Path) -> Path:
    import matplotlib

    with matplotlib.rc_context({**matplotlib.rcParamsDefault, "backend": "agg", **_STYLE}):
        figure.savefig(path, format="png", metadata={"Software": None})
    return path
