"""Which checkpoint of a run is the best on validation, and that test problems are played for one only.

`choice.json` keeps the accuracy of every checkpoint, the choice, and every time that a checkpoint was played
on the test problems: whoever reads a test result finds there whether it was the only one.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dsl_debug.storage import read_json, write_json
from recipes.common.arguments import BadArguments

CHOICE = "choice.json"

Result = Mapping[str, Any]


def choose(results: Mapping[int, Result]) -> int:
    """The step whose checkpoint solves the largest share of the validation problems, the earlier one of
    several. Raises ValueError without any."""
    if not results:
        raise ValueError("there is no checkpoint to choose from")
    return max(sorted(results), key=lambda step: accuracy(results[step])["rate"])


def accuracy(result: Result) -> Mapping[str, float]:
    """The robust accuracy of a result, with its interval."""
    found: Mapping[str, float] = result["summary"]["overall"]["accuracy"]
    return found


def write_choice(out: Path, results: Mapping[int, Result]) -> int:
    """Write down the validation of every checkpoint and the best of them: its step."""
    best = choose(results)
    choice = {
        "schema_version": 1,
        "chosen_by": "accuracy on validation, the earlier checkpoint where it is equal",
        "validation": dict(results[best]["data"]),
        "checkpoints": [
            {"step": step, "accuracy": dict(accuracy(results[step]))} for step in sorted(results)
        ],
        "best": best,
        "tests": played_tests(out),
    }
    write_json(out / CHOICE, choice)
    return best


def played_tests(out: Path) -> list[dict[str, Any]]:
    """The checkpoints that were played on the test problems, each with `step`, `forced` and `at` (UTC)."""
    path = out / CHOICE
    return list(read_json(path)["tests"]) if path.exists() else []


def begin_test(out: Path, step: int, force: bool) -> None:
    """Write down that a checkpoint is about to be played on the test problems; it may be begun again.

    Raises BadArguments where another one was, unless `force`.
    """
    before = played_tests(out)
    others = sorted({test["step"] for test in before} - {step})
    if others and not force:
        raise BadArguments(
            f"{out}: checkpoint-{others[0]} was tested already, and checkpoint-{step} would be another one: a"
            " choice among test results is no test; --force tests it all the same, and choice.json tells so"
        )
    if step not in {test["step"] for test in before}:
        test = {"step": step, "forced": bool(others), "at": datetime.now(UTC).isoformat(timespec="seconds")}
        write_json(out / CHOICE, {**read_json(out / CHOICE), "tests": [*before, test]})
