"""What the Space shows: problems of both environments, traces of policies, and results.

It comes from the sample in this folder, or from the dataset repository that `DSL_DEBUG_DATASET` names.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsl_debug.evaluation import load_result
from dsl_debug.problem import DslProblem, PythonProblem
from dsl_debug.results.rows import public_name
from dsl_debug.storage import read_lines

SAMPLE = Path(__file__).with_name("sample")
VARIABLE = "DSL_DEBUG_DATASET"

Trace = Mapping[str, Any]
"""A row of `evaluation.trace_row`, or of the config `traces`."""


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
    _by_problem: dict[str, list[str]] = field(default_factory=dict)

    def problem(self, problem_id: str) -> DslProblem | PythonProblem | None:
        """The problem of an id, of either environment."""
        return self.problems.get(problem_id) or self.arena.get(problem_id)

    def traces_of(self, problem_id: str) -> list[str]:
        """The keys of the traces of a problem."""
        if not self._by_problem:
            for key, trace in self.traces.items():
                self._by_problem.setdefault(str(trace["problem_id"]), []).append(key)
        return self._by_problem.get(problem_id, [])


def trace_key(trace: Trace) -> str:
    """What links call a trace: `<problem id>-<policy>-<sample>`, in letters, digits, dots and dashes."""
    policy = re.sub(r"[^a-z0-9.]+", "-", public_name(str(trace["policy"])).lower()).strip("-")
    return f"{trace['problem_id']}-{policy}-{trace['sample']}"


def sample_library(folder: Path = SAMPLE) -> Library:
    """The library of the sample. Raises OSError and ValueError for a folder that is none."""
    traces = list(read_lines(folder / "traces.jsonl"))
    return Library(
        problems={p.id: p for p in map(DslProblem.from_row, read_lines(folder / "problems.jsonl"))},
        arena={p.id: p for p in map(PythonProblem.from_row, read_lines(folder / "arena.jsonl"))},
        traces={trace_key(trace): trace for trace in traces},
        results=tuple(load_result(path) for path in sorted((folder / "results").glob("*.json"))),
    )
