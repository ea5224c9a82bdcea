"""DSL Debug as a metric: what submitted programs are worth on the tables shown, and on those that were not.

`evaluate` copies this file into a package of its own, so that the name `dsl_debug` stays that of the package
that judges. It is imported inside functions: one that is missing would be reported in misleading words. A
metric from the Hub brings it along: its repository holds the package, and `evaluate` fetches this file alone.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import datasets
import evaluate

if TYPE_CHECKING:
    from dsl_debug.problem import DslProblem

DESCRIPTION = """\
Judges programs that were submitted for debugging problems of DSL Debug. Each one is run on the tables that
its problem shows, and on other contents of the same tables, which the problem does not show. Accuracy counts
the programs that are right on all of them, visible accuracy those that are right on the tables shown, and the
hack rate those that are right on the tables shown only.
"""

INPUTS = """
Args:
    predictions (`list` of `str`): the programs submitted. None and "" mean that nothing was submitted.
    references (`list` of `dict`): the problems, as rows of a DSL Debug dataset, one for each prediction.
        Other columns are ignored; `certificate` and `prompt` may be missing. Several predictions for one
        problem are samples of it.
    by (`str` or `list` of `str`, defaults to `"category"`): what the figures are broken down by:
        `category`, `difficulty`, `database`, `source`.

Returns:
    `accuracy`, `visible_accuracy` and `hack_rate` (0 to 1), each with `_low` and `_high`, the 95% Wilson
    interval over the problems, and `_se`, the standard error clustered by database; `pass_at`, the share of
    problems that one of so many samples solves; `n` (predictions), `problems`, `databases` and `visible_only`
    (problems without hidden tables); `failures`, how many predictions failed for which reason; `note`; and
    `by_<name>`, the same figures for each value, for each name in `by`.

Examples:

    >>> import evaluate
    >>> from dsl_debug.data import sample_problems
    >>> problems = sample_problems()
    >>> metric = evaluate.load("metrics/dsl_debug")
    >>> result = metric.compute(
    ...     predictions=[problem.correct_code for problem in problems],
    ...     references=[problem.to_row() for problem in problems],
    ... )
    >>> result["accuracy"], result["hack_rate"]
    (1.0, 0.0)
"""

CITATION = """\
@software{dsl_debug,
  title = {DSL Debug: certified debugging problems, and an environment to solve them in},
  author = {{DSL Debug contributors}},
  year = {2026}
}
"""

BY = ("category", "difficulty", "database", "source")
"""What figures can be broken down by."""

RATES = {"accuracy": "accuracy", "visible_accuracy": "visible", "hack_rate": "hack_rate"}
"""The rates, and what the summaries of result files call them."""

ENDS = {"": "rate", "_low": "low", "_high": "high", "_se": "se_clustered"}
"""What is told of a rate, and what summaries call it."""

HUB_NAME = "--"
"""What `evaluate` writes for the slash in the name of a repository."""

NOT_NEEDED = {"certificate": "{}", "prompt": []}
"""Columns that judging does without, and what stands in for them; the ids of problems leave them out."""


class DslDebug(evaluate.Metric):
    """Accuracy, visible accuracy and hack rate of submitted programs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._known: dict[str, tuple[dict[str, Any], DslProblem]] = {}

    def _info(self) -> evaluate.MetricInfo:
        _require_package()
        features = {"predictions": datasets.Value("string"), "references": datasets.Json()}
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation=CITATION,
            inputs_description=INPUTS,
            features=datasets.Features(features),
        )

    # All that is given is checked before anything is stored: what fails later leaves locked files behind.

    def compute(self, *, by: str | Iterable[str] = "category", **given: Any) -> dict[str, Any] | None:
        """Judge what is given, and what has been added before."""
        return super().compute(by=_columns(by), **given)

    def add_batch(self, *, predictions: Any = None, references: Any = None, **others: Any) -> None:
        """Add predictions and the rows of their problems; a prediction may be None."""
        programs = _each(predictions, "predictions", _program)
        rows = _each(references, "references", self._row)
        if len(programs) != len(rows):
            raise ValueError(f"{len(programs)} predictions and {len(rows)} references: give one for each")
        super().add_batch(predictions=programs, references=rows, **others)

    def add(self, *, prediction: Any = None, reference: Any = None, **others: Any) -> None:
        """Add one prediction and the row of its problem; the prediction may be None."""
        # `evaluate.combine` calls the two by their names in a batch.
        prediction = _program(others.pop("predictions", prediction), "prediction")
        reference = self._row(others.pop("references", reference), "reference")
        super().add(prediction=prediction, reference=reference, **others)

    def _compute(
        self, *, predictions: list[str], references: list[dict[str, Any]], by: list[str]
    ) -> dict[str, Any]:
        if not predictions:
            raise ValueError("there is nothing to judge: give at least one prediction and its reference")
        problems = (self._problem(row) for row in references)
        rows = [_judged(*pair) for pair in zip(predictions, problems, strict=True)]
        self._known.clear()
        result = _figures(rows)
        result |= {"failures": _failures(rows), "note": _note(result)}
        return result | {f"by_{column}": _breakdown(rows, column) for column in by}

    def _row(self, value: Any, where: str) -> dict[str, Any]:
        """The columns of a row that are needed. Raises ValueError for what makes no problem."""
        row = _needed(value, where)
        try:
            self._problem(row)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        return row

    def _problem(self, row: dict[str, Any]) -> "DslProblem":
        """The problem of a row, read once for all its samples."""
        from dsl_debug.problem import DslProblem

        name = str(row.get("id"))
        if name not in self._known or self._known[name][0] != row:
            self._known[name] = row, DslProblem.from_row(row)
        return self._known[name][1]


def _require_package() -> None:
    """Make sure that the package can be imported; one that is missing comes from where this file came from.

    Raises ImportError, in one line, where there is none, or where something else of its name hides it.
    """
    repository, failure = _repository(__name__), ""
    if repository and find_spec("dsl_debug") is None:
        failure = _fetch(repository)
    try:
        import dsl_debug.results.summary  # noqa: F401
    except ImportError as error:
        found = find_spec("dsl_debug")
        place = found and (found.origin or next(iter(found.submodule_search_locations or ()), None))
        why = f"; {place} is not it ({error}): start Python in another folder" if place else failure
        source = f"git+{evaluate.config.HF_ENDPOINT}/spaces/{repository}" if repository else "dsl-debug"
        raise ImportError(f"this metric needs the package dsl-debug (pip install {source}){why}") from None


def _repository(module: str) -> str:
    """The repository on the Hub that `evaluate` took a module from; "" for a folder of this machine."""
    place = module.split(".")[2:3]
    return place[0].replace(HUB_NAME, "/", 1) if place and HUB_NAME in place[0] else ""


def _fetch(repository: str) -> str:
    """Put the package of a metric's repository at the end of the path; why that failed, "" if it did not."""
    from huggingface_hub import snapshot_download

    try:
        sys.path.append(snapshot_download(repository, repo_type="space", allow_patterns="dsl_debug/*"))
    except (OSError, ValueError) as error:
        return f"; it could not be fetched: {' '.join(str(error).split())[:200]}"
    return ""


# What comes in


def _each(values: Any, what: str, read: Callable[[Any, str], Any]) -> list[Any]:
    """A list of what was given, each value read; anything that can be iterated over but a text or one row."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise ValueError(f"{what} are a list, not {_kind(values)}")
    return [read(value, f"{what}[{place}]") for place, value in enumerate(values)]


def _program(value: Any, where: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{where} is {_kind(value)}, not the text of a program")
    return value.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be stored


def _needed(value: Any, where: str) -> dict[str, Any]:
    """The columns of a row that judging needs, as far as they are there."""
    from dsl_debug.problem import COLUMNS, ENVIRONMENT

    if not isinstance(value, Mapping):
        raise ValueError(f"{where} is {_kind(value)}, not a row of a dataset of problems")
    if value.get("environment", ENVIRONMENT) != ENVIRONMENT:
        what = f"is a problem of the environment {str(value['environment'])[:40]!r}"
        raise ValueError(f"{where} {what}; this metric judges those of {ENVIRONMENT!r} only")
    return {name: value[name] for name in COLUMNS if name in value} | NOT_NEEDED


def _kind(value: Any) -> str:
    return f"a value of type {type(value).__name__}"


def _columns(by: str | Iterable[str]) -> list[str]:
    columns = [by] if isinstance(by, str) else list(by)
    for column in columns:
        if column not in BY:
            raise ValueError(f"figures cannot be broken down by {column!r}; there is: {', '.join(BY)}")
    return columns


# What comes out


def _judged(program: str, problem: "DslProblem") -> dict[str, Any]:
    """A prediction as a row, with the columns that result files have."""
    from dsl_debug.episode import judge
    from dsl_debug.evaluation import problem_columns
    from dsl_debug.results.rows import outcome_columns
    from dsl_debug.scoring import Outcome, reward

    outcome = judge(problem, program) if program.strip() else Outcome()
    row = problem_columns(problem) | {"source": problem.source}
    return row | outcome_columns(outcome) | {"reward": reward(outcome)}


def _figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of some rows, under their names in the result."""
    from dsl_debug.results.summary import group

    found = group(rows)
    unknown = dict.fromkeys(ENDS.values())
    rates = {
        name + end: (found[key] or unknown)[part] for name, key in RATES.items() for end, part in ENDS.items()
    }
    return rates | {
        "pass_at": found["pass_at"],
        "n": found["episodes"],
        "problems": found["problems"],
        "databases": found["databases"],
        "visible_only": found["visible_only"],
    }


def _failures(rows: list[dict[str, Any]]) -> dict[str, int]:
    return dict(sorted(Counter(row["failure"] for row in rows if row["failure"]).items()))


def _note(figures: Mapping[str, Any]) -> str:
    if not figures["visible_only"]:
        return ""
    return (
        f"{figures['visible_only']} of {figures['problems']} problems have no hidden tables: "
        "there accuracy is visible accuracy, and a hack rate is not known"
    )


def _breakdown(rows: list[dict[str, Any]], column: str) -> dict[str, dict[str, Any]]:
    """The figures for each value of a column, in the order of result files."""
    from dsl_debug.results.summary import in_order

    parts = defaultdict(list)
    for row in rows:
        parts[row[column]].append(row)
    return {name: _figures(parts[name]) for name in sorted(parts, key=in_order)}
