"""The plots of training runs: how a run went, and what it changed. The same files give the same bytes.

Everything drawn comes from files that programs wrote: the history in `training.json`, and result files of
evaluations. Learning curves are those of a report, see `dsl_debug.results.plots`. Needs matplotlib.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dsl_debug.results.plots import COLOURS, HATCHES, INK, MARKERS, WIDTH, draw
from dsl_debug.results.statistics import paired_bootstrap

History = Sequence[Mapping[str, Any]]
Result = Mapping[str, Any]

DYNAMICS = "training-dynamics.png"
BEFORE_AFTER = "before-after.png"
HACK_RATE = "hack-rate.png"

PANELS = {
    "reward": "reward",
    "entropy": "entropy, nats per token",
    "groups/informative": "informative groups",
    "hack_rate": "hack rate",
    "accuracy": "accuracy of rollouts",
    "completions/mean_length": "tokens of an episode",
    "loss": "loss",
    "mean_token_accuracy": "accuracy of tokens",
}
"""What is drawn of a history: the name of a figure, and what its axis says."""

MOST_PANELS = 4
"""The first ones of `PANELS` that a history has."""

MOST_MARKERS = 60
"""Points of a line that get a marker; longer ones are drawn without."""


# How runs went


def training_dynamics(histories: Mapping[str, History], folder: Path) -> Path:
    """Draw the first figures of `PANELS` that are in the histories, by the name of the run; the file.

    Raises ValueError where there is nothing to draw, ImportError where matplotlib is missing.
    """
    shown = [name for name in PANELS if any(series(history, name)[0] for history in histories.values())]
    if not shown:
        raise ValueError("these runs have logged nothing that could be drawn")
    folder.mkdir(parents=True, exist_ok=True)
    panels = shown[:MOST_PANELS]
    return draw(lambda _: _dynamics(histories, panels), panels, folder / DYNAMICS)


def series(history: History, name: str) -> tuple[list[int], list[float]]:
    """The steps at which a figure was logged, and its values there; what is not finite was not logged."""
    rows = [(row["step"], row[name]) for row in history if "step" in row and is_number(row.get(name))]
    return [int(step) for step, _ in rows], [float(value) for _, value in rows]


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _dynamics(histories: Mapping[str, History], panels: Sequence[str]) -> Any:
    rows = -(-len(panels) // 2)
    figure, axes = _grid(rows, min(2, len(panels)), height=0.5 + 2.3 * rows)
    for place, panel in zip(axes, panels, strict=False):  # an odd number leaves a place
        for number, (run, history) in enumerate(histories.items()):
            steps, values = series(history, panel)
            marker = MARKERS[number % len(MARKERS)] if len(steps) <= MOST_MARKERS else ""
            look = {"color": COLOURS[number % len(COLOURS)], "marker": marker, "markersize": 3}
            place.plot(steps, values, label=_plain(run), linewidth=1.2, **look)
        place.set_xlabel("step")
        place.set_title(PANELS[panel], fontsize=9)
        place.margins(x=0.02)
    for place in axes[len(panels) :]:
        place.set_visible(False)
    _legend(figure, axes[0])
    return figure


def hack_rates(study: Mapping[str, Any], folder: Path) -> Path:
    """Draw the hack rates of a study of rewards that `study.study` has made: over the steps of training, and
    on validation where checkpoints were played.

    A reward has a colour, its runs have markers; bands are 95% intervals. Raises ImportError without
    matplotlib.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = [{run["label"]: run["by_step"] for run in study["runs"]}]
    if study["validation"]:
        lines.append({name: [p for p in study["validation"] if p["label"] == name] for name in lines[0]})
    looks = {run["label"]: _look_of_run(run, study) for run in study["runs"]}
    return draw(lambda _: _hack_rates(lines, looks), lines, folder / HACK_RATE)


def _look_of_run(run: Mapping[str, Any], study: Mapping[str, Any]) -> dict[str, Any]:
    """The colour of its reward, and a marker for which of the runs with that reward it is."""
    alike = [other["label"] for other in study["runs"] if other["reward"] == run["reward"]]
    colour = COLOURS[study["rewards"].index(run["reward"]) % len(COLOURS)]
    return {"color": colour, "marker": MARKERS[alike.index(run["label"]) % len(MARKERS)], "markersize": 3}


def _hack_rates(panels: Sequence[Mapping[str, Sequence[Any]]], looks: Mapping[str, Any]) -> Any:
    figure, axes = _grid(1, len(panels), height=3.4)
    titles = ("hack rate of rollouts, %", "hack rate on validation, %")
    for place, lines, title in zip(axes, panels, titles, strict=False):
        for name, points in lines.items():
            known = [point for point in points if point["hack_rate"] is not None]
            steps = [point["step"] for point in known]
            middle, low, high = (
                [100 * point["hack_rate"][end] for point in known] for end in ("rate", "low", "high")
            )
            place.plot(steps, middle, label=_plain(name), linewidth=1.2, **looks[name])
            place.fill_between(steps, low, high, color=looks[name]["color"], alpha=0.15, linewidth=0)
        place.set_xlabel("step")
        place.set_title(title, fontsize=9)
        place.margins(x=0.02)
        place.set_ylim(bottom=0)
    _legend(figure, axes[0])
    return figure


# What a run changed


def before_after(before: Result, after: Result, folder: Path) -> Path:
    """Draw the solve rate, the mean reward and how rewards are distributed, before training and after it.

    Both are results on the same problems. Rates have their Wilson intervals, mean rewards bootstrap intervals
    over what databases are in the arena: families of functions. Raises ImportError without matplotlib.
    """
    folder.mkdir(parents=True, exist_ok=True)
    results = {"before": before, "after": after}
    return draw(lambda _: _before_after(results), list(results), folder / BEFORE_AFTER)


def mean_reward(result: Result, seed: int = 0) -> dict[str, float]:
    """The mean reward over problems, and its 95% bootstrap interval over databases or families."""
    by_problem: dict[str, list[float]] = {}
    databases: dict[str, str] = {}
    for row in result["outcomes"]:
        by_problem.setdefault(row["problem_id"], []).append(float(row["reward"]))
        databases[row["problem_id"]] = row["database"]
    means = {name: sum(values) / len(values) for name, values in sorted(by_problem.items())}
    low, high = paired_bootstrap(list(means.values()), [databases[name] for name in means], seed)
    return {"mean": sum(means.values()) / len(means), "low": low, "high": high}


def _before_after(results: Mapping[str, Result]) -> Any:
    figure, (solved, paid, spread) = _grid(1, 3, height=3.2)
    rates = [result["summary"]["overall"]["accuracy"] for result in results.values()]
    _bars(solved, list(results), [{name: 100 * value for name, value in _ends(r, "rate")} for r in rates])
    solved.set_title("solved, % of problems", fontsize=9)
    solved.set_ylim(0, 112)  # room for the figure above the bar
    solved.set_yticks(range(0, 101, 20))
    means = [mean_reward(result) for result in results.values()]
    _bars(paid, list(results), [dict(_ends(mean, "mean")) for mean in means])
    paid.set_title("reward, mean", fontsize=9)
    _histogram(spread, results)
    return figure


def _ends(rate: Mapping[str, float], middle: str) -> Iterable[tuple[str, float]]:
    return (("middle", rate[middle]), ("low", rate["low"]), ("high", rate["high"]))


def _bars(axes: Any, names: Sequence[str], rates: Sequence[Mapping[str, float]]) -> None:
    """One bar for each name, with the ends of its interval and its figure above."""
    for number, rate in enumerate(rates):
        below, above = rate["middle"] - rate["low"], rate["high"] - rate["middle"]
        axes.bar([number], [rate["middle"]], 0.62, **_look(number))
        # A mean of rounded outcomes may lie a hair outside of its interval.
        errors = [[max(0.0, below)], [max(0.0, above)]]
        axes.errorbar([number], [rate["middle"]], errors, fmt="none", ecolor=INK, elinewidth=1, capsize=3)
        axes.annotate(
            f"{rate['middle']:.3g}", (number, rate["high"]), (0, 3), textcoords="offset points", ha="center"
        )
    axes.set_xticks(range(len(names)), names)
    axes.margins(y=0.15)
    axes.grid(axis="x", visible=False)
    axes.tick_params(axis="x", length=0)


def _histogram(axes: Any, results: Mapping[str, Result]) -> None:
    """Shares of episodes by reward, in the same bins before and after."""
    rewards = [[float(row["reward"]) for row in result["outcomes"]] for result in results.values()]
    low, high = min(map(min, rewards)), max(map(max, rewards))
    weights = [[100 / len(values)] * len(values) for values in rewards]
    looks = [_look(number) for number in range(len(rewards))]
    _, _, bars = axes.hist(
        rewards, bins=10, range=(low, high if high > low else low + 1), weights=weights, label=list(results)
    )
    for container, look in zip(bars, looks, strict=True):
        for bar in container:
            bar.set(facecolor=look["color"], hatch=look["hatch"], edgecolor="white")
    axes.set_title("episodes by reward, %", fontsize=9)
    axes.set_xlabel("reward")
    axes.legend(frameon=False, fontsize=8)
    axes.grid(axis="x", visible=False)


# What they share


def _grid(rows: int, columns: int, height: float) -> tuple[Any, list[Any]]:
    """A figure without a screen, and its axes, row by row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def _look(number: int) -> dict[str, Any]:
    return {"color": COLOURS[number], "hatch": HATCHES[number], "edgecolor": "white", "linewidth": 0.5}


def _legend(figure: Any, axes: Any) -> None:
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=min(4, len(names)), frameon=False)


def _plain(name: str) -> str:
    """A name as a legend shows it; a dollar would begin a formula."""
    return name.replace("$", "\\$")
