"""What the Space shows: problems of both environments, traces of policies, and results.

It comes from the sample in this folder, or from the dataset that `DSL_DEBUG_DATASET` names: a repository
(`user/dsl-debug`) or a folder that the builder made. Whatever is wrong with that dataset, the app starts.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from dsl_debug.data.loading import commit_of, load_data, rows_of
from dsl_debug.evaluation import load_result
from dsl_debug.lang import STANDARD
from dsl_debug.problem import CATEGORIES, DIFFICULTIES, DslProblem, PythonProblem
from dsl_debug.results.columns import COMMON, check_columns
from dsl_debug.results.rows import public_name
from dsl_debug.storage import read_lines

SAMPLE = Path(__file__).with_name("sample")
VARIABLE = "DSL_DEBUG_DATASET"

# What is read of a dataset at most: an app on a small machine holds all of it in memory.
MAX_PROBLEMS = 1_000
MAX_SHIFTED = 200
MAX_ARENA = 500
MAX_TRACES = 2_000
MAX_TRACE_CHARACTERS = 400_000

Trace = Mapping[str, Any]
"""A row of `evaluation.trace_row`, or of the config `traces`."""

Row = Mapping[str, Any]
T = TypeVar("T")

PLAYERS = {
    "unchanged": "Hands the buggy program in as it is: the floor.",
    "random_edit": "Changes a thing or two at random until the program runs, and hands that in.",
    "constant_emitter": "Writes a program that prints the expected rows: the cheat that hidden tables catch.",
    "search": "Tries the programs near the buggy one: the strongest player without a model.",
    "mutation_search": "Tries the functions near the buggy one, within the attempts.",
    "reference": "Knows the fix and hands it in: the ceiling, not a contestant.",
}
"""What each policy does that needs no model."""


@dataclass(frozen=True)
class Library:
    """`problems` and `arena` by id and `traces` by `trace_key`, each in the order in which it is listed;
    `results` are result files; `source` says in a few words where all of it comes from, and `notice` what a
    visitor has to know about that, such as that the dataset could not be reached."""

    problems: Mapping[str, DslProblem]
    arena: Mapping[str, PythonProblem]
    traces: Mapping[str, Trace]
    results: tuple[Mapping[str, Any], ...] = ()
    source: str = "the sample that comes with this app"
    notice: str = ""
    _by_problem: dict[str, list[str]] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        for key, trace in self.traces.items():
            self._by_problem.setdefault(str(trace["problem_id"]), []).append(key)

    def problem(self, problem_id: str) -> DslProblem | PythonProblem | None:
        """The problem of an id, of either environment."""
        return self.problems.get(problem_id) or self.arena.get(problem_id)

    def traces_of(self, problem_id: str) -> list[str]:
        """The keys of the traces of a problem."""
        return self._by_problem.get(problem_id, [])


def trace_key(trace: Trace) -> str:
    """What links call a trace: `<problem id>-<policy>-<sample>`, in letters, digits, dots and dashes."""
    policy = re.sub(r"[^a-z0-9.]+", "-", public_name(str(trace["policy"])).lower()).strip("-")
    return f"{trace['problem_id']}-{policy}-{trace['sample']}"


def open_library(place: str | None) -> Library:
    """The library of a dataset, or of the sample if none is named or it cannot be read.

    Why it cannot be read is told on standard error; visitors are told that it cannot.
    """
    if not place:
        return sample_library()
    try:
        return dataset_library(place)
    # Whatever a client, a parser or a stranger's file raises: the app starts all the same.
    except Exception as error:
        print(f"{VARIABLE}: {type(error).__name__}: {error}", file=sys.stderr)
    words = f"The dataset {public_name(place)} cannot be read at the moment: this is the sample instead."
    return replace(sample_library(), notice=words)


# The sample


def sample_library(folder: Path = SAMPLE) -> Library:
    """The library of the sample. Raises OSError and ValueError for a folder that is none."""
    problems = [DslProblem.from_row(row) for row in read_lines(folder / "problems.jsonl")]
    arena = [PythonProblem.from_row(row) for row in read_lines(folder / "arena.jsonl")]
    return _library(problems, arena, read_lines(folder / "traces.jsonl"), results_in(folder))


def results_in(folder: Path) -> tuple[Mapping[str, Any], ...]:
    """The result files below a folder, in the order of their names; () if there are none."""
    return tuple(load_result(path) for path in sorted((folder / "results").glob("*.json")))


def listed_first(problem: DslProblem | PythonProblem) -> tuple[int, int, bool, int, str]:
    """What lists are sorted by: category, then difficulty, small problems first, other dialects last."""
    is_program = isinstance(problem, DslProblem)
    category = CATEGORIES.index(problem.category) if is_program else 0
    shifted = isinstance(problem, DslProblem) and problem.dialect != STANDARD
    return category, DIFFICULTIES.index(problem.difficulty), shifted, len(problem.buggy_code), problem.id


def _library(
    problems: Iterable[DslProblem],
    arena: Iterable[PythonProblem],
    traces: Iterable[Trace],
    results: tuple[Mapping[str, Any], ...],
) -> Library:
    """A library in its order. Traces of problems that are not in it are left out, and of those with one key
    all but the first."""
    programs = {problem.id: problem for problem in sorted(problems, key=listed_first)}
    functions = {problem.id: problem for problem in sorted(arena, key=listed_first)}
    by_problem: dict[str, dict[str, Trace]] = {name: {} for name in (*programs, *functions)}
    for trace in traces:
        known = by_problem.get(trace["problem_id"])
        if known is not None:
            known.setdefault(trace_key(trace), trace)
    keyed = {key: trace for known in by_problem.values() for key, trace in known.items()}
    return Library(programs, functions, keyed, results)


# Datasets


def dataset_library(place: str) -> Library:
    """The library of a dataset: its test problems, and `dialect_shift`, `arena` and `traces` if it has them.

    Raises whatever reading its problems raises. Of the other configs, what cannot be read is left out, and
    `notice` names it.
    """
    revision = None if Path(place).is_dir() else commit_of(place)
    problems = load_data(place, revision=revision, limit=MAX_PROBLEMS).problems
    present = _configs(place, revision)
    gone: list[str] = []

    def rows(config: str, limit: int, read: Callable[[Row], T | None]) -> list[T]:
        try:
            found = rows_of(place, config, "test", revision, limit) if config in present else ()
            return [made for row in found if (made := read(row)) is not None]
        except (ValueError, OSError) as error:
            print(f"{VARIABLE}: {error}", file=sys.stderr)
            gone.append(config)
            return []

    shifted = rows("dialect_shift", MAX_SHIFTED, DslProblem.from_row)
    arena = rows("arena", MAX_ARENA, PythonProblem.from_row)
    traces = rows("traces", MAX_TRACES, _short_trace)
    results = results_in(_results_folder(place, revision))
    library = _library(
        [*(problem for problem in problems if isinstance(problem, DslProblem)), *shifted],
        arena,
        traces,
        results or results_in(SAMPLE),
    )
    words = f"Of this dataset, {' and '.join(gone)} cannot be read." if gone else ""
    return replace(library, source=_source(place, revision, bool(results)), notice=words)


def _configs(place: str, revision: str | None) -> list[str]:
    from datasets import get_dataset_config_names

    return list(get_dataset_config_names(place, revision=revision))


def _results_folder(place: str, revision: str | None) -> Path:
    """A folder with the `results/*.json` of a dataset, which is empty for most."""
    if Path(place).is_dir():
        return Path(place)
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(place, repo_type="dataset", revision=revision, allow_patterns="results/*.json")
    )


def _source(place: str, revision: str | None, has_results: bool) -> str:
    where = f"{place}, revision {revision[:7]}" if revision else f"the folder {Path(place).resolve().name}"
    return where if has_results else f"{where} (results: the sample that comes with this app)"


def _short_trace(row: Row) -> Trace | None:
    """A trace, unless it is too long to be held in memory."""
    trace = usable_trace(row)
    return trace if len(str(trace["messages"])) <= MAX_TRACE_CHARACTERS else None


def usable_trace(row: Row) -> Trace:
    """A row of the config `traces` as `evaluation.trace_row` makes it: without the columns that are null for
    its environment, and with the keys that messages of a role have. Raises ValueError, in one line, for what
    is no such row."""
    trace = {name: value for name, value in row.items() if value is not None or name in COMMON}
    trace["messages"] = usable_messages(row.get("messages"))
    check_columns(trace)
    return trace


def usable_messages(messages: Any) -> list[dict[str, Any]]:
    """Messages of a dataset as `episode.transcript` makes them. Raises ValueError for what are none."""
    try:
        return [_message(message) for message in messages]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no trace: its messages are none ({error!r})") from None


def _message(message: Row) -> dict[str, Any]:
    known = {"role": message["role"], "content": message["content"] or ""}
    if message["role"] == "assistant":
        known["tool_calls"] = list(message["tool_calls"] or ())
    elif message["role"] == "tool":
        known["name"] = message.get("name") or ""
    return known
