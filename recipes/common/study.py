"""The study of rewards: what runs that differ in nothing but `reward` come to, as figures and as a text.

The rates are those of the rollouts of training, which `measures.rollout_measures` counts. They are about
these runs; how far off another seed would be is known from several seeds only.
"""

from collections.abc import Sequence
from math import fsum
from typing import Any

from dsl_debug.results.markdown import change, escaped, interval, table
from dsl_debug.results.rows import public_name
from dsl_debug.results.statistics import clustered_error, wilson
from dsl_debug.results.summary import rounded
from recipes.common.study_runs import (
    FEWEST_STEPS,
    MEASURES,
    Step,
    StudyRun,
    check_comparable,
    rewards_of,
    warnings_of,
)

SCHEMA = 1

THIRDS = ("first third", "middle third", "last third")

STUDENT_95 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
"""The 97.5% points of Student's t distribution for 1, 2, ... degrees of freedom; the last serves for more."""

Facts = dict[str, Any]


def study(runs: Sequence[StudyRun], validation: Sequence[Facts] = ()) -> Facts:
    """Everything that is reported, as JSON: rates of each run, and the differences of the rewards.

    `validation` is what `validation_of` found. Raises BadArguments for runs that cannot be compared.
    """
    check_comparable(runs)
    steps = [step.step for step in runs[0].steps]
    places = parts(len(steps))
    return {
        "schema_version": SCHEMA,
        "rewards": rewards_of(runs),
        "warnings": warnings_of(runs),
        "parts": [
            {"name": name, "steps": [steps[place][0], steps[place][-1]]} for name, place in places.items()
        ],
        "runs": [_run_facts(run) for run in runs],
        "clusters": "steps" if len(runs) == 2 else "seeds",
        "differences": {
            name: {measure: _difference(runs, place, measure) for measure in MEASURES}
            for name, place in places.items()
        },
        "validation": list(validation),
    }


def parts(number: int) -> dict[str, slice]:
    """The thirds of so many logged steps, and all of them; the later thirds have those that are left over."""
    ends = [number * place // FEWEST_STEPS for place in range(FEWEST_STEPS + 1)]
    thirds = map(slice, ends, ends[1:])
    return {**dict(zip(THIRDS, thirds, strict=True)), "all": slice(0, number)}


def _run_facts(run: StudyRun) -> Facts:
    training = run.training
    return {
        "label": run.label,
        "folder": public_name(str(run.folder)),
        "reward": run.reward,
        "seed": run.seed,
        "start": public_name(training.start),
        "data": public_name(str(training.dataset["place"])),
        "code": dict(training.code),
        "rollouts": sum(step.rollouts for step in run.steps),
        "rates": {
            name: {measure: rate(run, run.steps[place], measure) for measure in MEASURES}
            for name, place in parts(len(run.steps)).items()
        },
        "by_step": [
            {"step": step.step, **{name: rate(run, [step], name) for name in MEASURES}} for step in run.steps
        ],
    }


def rate(run: StudyRun, steps: Sequence[Step], measure: str) -> dict[str, float]:
    """The share of the rollouts of some steps, with a Wilson 95% interval over their problems.

    Each problem is one trial, however often it was played: rollouts of a problem are not independent. A share
    of rollouts varies less than a trial does, so that the interval is rather too wide than too narrow.
    """
    rollouts = sum(step.rollouts for step in steps)
    found = min(1.0, fsum(step.rates[measure] * step.rollouts for step in steps) / rollouts)
    problems = run.problems(rollouts)
    low, high = wilson(found * problems, problems)
    return {"rate": rounded(found), "low": rounded(low), "high": rounded(high)}


def _difference(runs: Sequence[StudyRun], place: slice, measure: str) -> dict[str, float]:
    """The first reward minus the second, from pairs of runs with the same seed."""
    one, other = ({run.seed: run for run in runs if run.reward == name} for name in rewards_of(runs))
    values: list[float] = []
    clusters: list[int] = []
    for seed in sorted(one):
        for step, twin in zip(one[seed].steps[place], other[seed].steps[place], strict=True):
            values.append(step.rates[measure] - twin.rates[measure])
            clusters.append(step.step if len(one) == 1 else seed)
    return mean_difference(values, clusters)


def mean_difference(values: Sequence[float], clusters: Sequence[int]) -> dict[str, float]:
    """The mean of paired differences and its 95% interval, by Student's t over the clusters.

    Takes clusters for independent, and for equally large. Without a second cluster, or where all are the
    same, the interval has no width: it is not known.
    """
    mean = fsum(values) / len(values)
    freedom = len(set(clusters)) - 1
    half = STUDENT_95[min(freedom, len(STUDENT_95)) - 1] * (clustered_error(values, clusters) or 0.0)
    return {
        "difference": rounded(mean),
        "low": rounded(max(-1.0, mean - half)),
        "high": rounded(min(1.0, mean + half)),
    }


# What people read


def markdown(facts: Facts) -> str:
    """The report in Markdown."""
    one, other = map(escaped, facts["rewards"])
    blocks = [f"# Reward {one} against {other}", *(f"- {escaped(text)}" for text in facts["warnings"])]
    blocks.append(f"Rollouts of training, by part of the run, in percent. {_meaning(facts)}")
    for measure, title in MEASURES.items():
        blocks += [f"## {title.capitalize()}", _rates_table(facts, measure)]
    if facts["validation"]:
        blocks += ["## Checkpoints on validation", _validation_table(facts["validation"])]
    blocks += ["## Runs", _runs_table(facts["runs"])]
    return "\n\n".join(blocks) + "\n"


def _meaning(facts: Facts) -> str:
    """What the intervals say, and what they do not."""
    rates = (
        "The intervals of rates are Wilson's, of 95%, with each problem as one trial, however many of the"
        " rollouts were its own. Differences are in percentage points, of runs with the same seed;"
    )
    if facts["clusters"] == "seeds":
        pairs = len(facts["runs"]) // 2
        return f"{rates} their 95% intervals are over the {pairs} seeds (Student's t)."
    return (
        f"{rates} their 95% intervals are clustered by step (Student's t). They are about these two runs: a"
        " single pair does not say how far off another seed would be."
    )


def _rates_table(facts: Facts, measure: str) -> str:
    names = [part["name"] for part in facts["parts"]]
    header = ["reward", *(_part_title(**part) for part in facts["parts"])]
    rows = [
        [escaped(run["label"]), *(interval(run["rates"][name][measure]) for name in names)]
        for run in facts["runs"]
    ]
    differences = [change(facts["differences"][name][measure]) for name in names]
    return table(header, [*rows, [escaped(" minus ".join(facts["rewards"])), *differences]])


def _part_title(name: str, steps: Sequence[int]) -> str:
    first, last = steps
    return f"{name}, steps {first} to {last}" if first < last else f"{name}, step {first}"


def _validation_table(rows: Sequence[Facts]) -> str:
    cells = [
        [escaped(row["label"]), str(row["step"]), *(interval(row[name]) for name in MEASURES)] for row in rows
    ]
    return table(["reward", "step", *MEASURES.values()], cells)


def _runs_table(runs: Sequence[Facts]) -> str:
    cells = [
        [
            escaped(run["label"]),
            escaped(run["folder"]),
            str(run["by_step"][-1]["step"]),
            str(run["rollouts"]),
            escaped(run["start"]),
            escaped(run["data"]),
            escaped(str(run["code"]["revision"] or run["code"]["version"])),
        ]
        for run in runs
    ]
    return table(["reward", "folder", "steps", "rollouts", "start", "data", "code"], cells)
