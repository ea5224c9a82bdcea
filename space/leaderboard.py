"""What the tab Results shows: sets of results, each a report with its plots.

A set is of one environment. Its figures come from a report: one that was made before and lies in a file, or
one that is made here of the result files of a library. Nothing is made before somebody looks at it.
"""

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, NamedTuple

from dsl_debug.problem import ENVIRONMENT, PYTHON_ENVIRONMENT
from dsl_debug.results.plots import write_plots
from dsl_debug.results.report import check_report, report
from dsl_debug.storage import read_json
from space.library import Library

REPORT = Path(__file__).parent.parent / "docs" / "baselines" / "report.json"
"""A report on agents over the test problems of the preset `paper`; it travels with the app."""

KNOWS_THE_FIX = "reference"
"""The policy that is given the answer: a ceiling, no competitor."""

PRINTS_CONSTANTS = "constant_emitter"
"""The policy that shows best what a hack is."""

_DRAWING = Lock()  # matplotlib's settings belong to the process

Entry = Mapping[str, Any]
"""What a report holds of one result."""


class Plot(NamedTuple):
    """A picture: what it is called (accuracy, turns, failures or learning-curve), and its bytes, a PNG."""

    name: str
    image: bytes

    @property
    def address(self) -> str:
        """The picture as the address of an image that holds it."""
        return f"data:image/png;base64,{base64.b64encode(self.image).decode()}"


@dataclass(frozen=True)
class ResultSet:
    """Results that can be looked at: `name` stands in addresses, `label` is for people."""

    name: str
    label: str
    environment: str
    make: Callable[[], Mapping[str, Any]]

    @cached_property
    def report(self) -> Mapping[str, Any]:
        """Its report, results of the other environment left out."""
        whole = self.make()
        ours = {
            part: [one for one in whole[part] if one["environment"] == self.environment]
            for part in ("results", "learning_curves")
        }
        return {**whole, **ours}

    @cached_property
    def competitors(self) -> list[Entry]:
        """Whoever has to find the fix, the highest robust accuracy first."""
        return ranked(entry for entry in self.report["results"] if entry["policy"] != KNOWS_THE_FIX)

    @cached_property
    def ceilings(self) -> list[Entry]:
        """Whoever is given the fix."""
        return ranked(entry for entry in self.report["results"] if entry["policy"] == KNOWS_THE_FIX)

    @property
    def entries(self) -> list[Entry]:
        """All of them, in the order of the table."""
        return [*self.competitors, *self.ceilings]

    @property
    def hack(self) -> Entry | None:
        """The result of the policy that prints constants, if it is there and was seen to hack."""
        mine = (entry for entry in self.competitors if entry["policy"] == PRINTS_CONSTANTS)
        return next((entry for entry in mine if entry["summary"]["overall"]["hack_rate"]), None)

    @property
    def is_drawn(self) -> bool:
        """Whether `plots` have been made, which takes a second or more."""
        return "plots" in self.__dict__

    @cached_property
    def plots(self) -> tuple[Plot, ...] | None:
        """Its plots; None where matplotlib is missing."""
        shown = {
            "results": [{**entry, "label": _drawable(entry["label"])} for entry in self.entries],
            "learning_curves": [
                {**curve, "parent": _drawable(curve["parent"])} for curve in self.report["learning_curves"]
            ],
        }
        with _DRAWING, TemporaryDirectory() as folder:
            try:
                paths = write_plots(shown, Path(folder))
            except ImportError:
                return None
            return tuple(Plot(path.stem.removeprefix("arena-"), path.read_bytes()) for path in paths)


def ranked(entries: Iterable[Entry]) -> list[Entry]:
    """Results by robust accuracy, the highest first, then by name."""
    return sorted(entries, key=lambda e: (-e["summary"]["overall"]["accuracy"]["rate"], e["label"]))


def _drawable(name: str) -> str:
    """A name without what a font has no picture of: controls and halves of surrogate pairs."""
    return "".join(letter if letter.isprintable() else "?" for letter in name) or "?"


def result_sets(library: Library, file: Path = REPORT) -> dict[str, ResultSet]:
    """What there is to look at, by name: the report in `file` (left out where there is none) and the results
    of the library, those of each environment by themselves."""
    found = [*_of_file(file), *_of_library(library)]
    return {one.name: one for one in found}


def chosen(sets: Mapping[str, ResultSet], name: object) -> ResultSet | None:
    """The set of a name, the first one for any other name, None where there is none at all."""
    first = next(iter(sets.values()), None)
    return sets.get(name, first) if isinstance(name, str) else first


def asked_for(posted: object) -> object:
    """The name of a set in what the page posts when the tab is opened."""
    return posted.get("set") if isinstance(posted, Mapping) else None


def _of_file(file: Path) -> list[ResultSet]:
    try:
        made = check_report(read_json(file), file.name)
        problems = made["results"][0]["data"]["problems"]
    except (OSError, ValueError, LookupError, TypeError):
        return []
    return [
        ResultSet("test", f"The {problems:,} test problems of the preset paper", ENVIRONMENT, lambda: made)
    ]


def _of_library(library: Library) -> list[ResultSet]:
    kinds = ((ENVIRONMENT, "here", "problems"), (PYTHON_ENVIRONMENT, "here-arena", "Python bugs"))
    found = []
    for environment, name, word in kinds:
        results = [r for r in library.results if r["outcomes"][0]["environment"] == environment]
        if results:
            problems = results[0]["summary"]["overall"]["problems"]
            label = f"The {problems:,} {word} here"
            found.append(ResultSet(name, label, environment, partial(report, results)))
    return found
