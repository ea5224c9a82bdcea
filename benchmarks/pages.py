"""A page in `docs/` whose table is rendered from a file of results, and the command that measures them."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dsl_debug.storage import read_json, write_atomically

DOCS = Path(__file__).resolve().parent.parent / "docs"

Results = dict[str, Any]


@dataclass(frozen=True)
class Measured:
    """What is measured and shown: `docs/NAME.json` holds the results, `docs/NAME.md` the table of them.

    `measure` is told whether to measure little; `fault` says what went wrong in what was measured, "" if
    nothing did.
    """

    name: str
    about: str
    measure: Callable[[bool], Results]
    render: Callable[[Results], str]
    fault: Callable[[Results], str]

    @property
    def results(self) -> Path:
        """The file of the results."""
        return DOCS / f"{self.name}.json"

    @property
    def page(self) -> Path:
        """The page with the table."""
        return DOCS / f"{self.name}.md"

    def main(self, words: Sequence[str] | None = None) -> int:
        """The command: 0 fine, 1 a stale table or a fault, 2 no way to measure."""
        parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{self.name}", description=self.about)
        parser.add_argument("--quick", action="store_true", help="measure little; print, write nothing")
        parser.add_argument("--check", action="store_true", help="compare the table with the results")
        options = parser.parse_args(words)
        try:
            if options.check:
                return _told("" if self.is_current() else f"{self.page.name} is not of {self.results.name}")
            results = self.measure(options.quick)
            if options.quick:
                print(self.render(results))
            else:
                self.write(results)
            return _told(self.fault(results))
        except (OSError, ValueError, RuntimeError) as error:
            print(error, file=sys.stderr)
            return 2

    def is_current(self) -> bool:
        """Whether the table of the page is the one of the results."""
        text = self.page.read_text(encoding="utf-8")
        return self.with_table(text, read_json(self.results)) == text

    def write(self, results: Results) -> None:
        """Keep results, and put their table into the page."""
        text = self.with_table(self.page.read_text(encoding="utf-8"), results)
        write_atomically(self.results, [json.dumps(results, indent=1), "\n"], mode=0o644)
        write_atomically(self.page, [text], mode=0o644)
        print(f"wrote {self.results.name} and the table of {self.page.name}")

    def with_table(self, text: str, results: Results) -> str:
        """A page with the table of some results. Raises ValueError where it has no place for it."""
        begin, end = f"<!-- {self.name}:begin -->", f"<!-- {self.name}:end -->"
        return replaced(text, self.render(results), begin, end, self.page.name)


def _told(fault: str) -> int:
    if fault:
        print(fault, file=sys.stderr)
    return int(bool(fault))


def say(what: str) -> None:
    """Tell whoever waits what is being measured."""
    print(f"measuring {what} ...", file=sys.stderr, flush=True)


def replaced(page: str, text: str, begin: str, end: str, place: str) -> str:
    """A page with this text between the lines `begin` and `end`; `place` is what an error calls the page.

    Raises ValueError where they are not there once each.
    """
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
        raise ValueError(
            f"{place} has no place for the table: it needs a line {begin} and after it one {end}"
        )
    before, rest = page.split(begin)
    return f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}"


def machine(packages: Mapping[str, str]) -> Results:
    """What figures depend on, without anything that names the machine: `packages` maps the names that people
    know to those of the distributions."""
    versions = {"Python": platform.python_version()}
    versions |= {name: version(distribution) for name, distribution in packages.items()}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"date": date.today().isoformat(), "cores": cores, "processor": processor(), "versions": versions}


def measured_on(facts: Mapping[str, Any]) -> str:
    """The sentence about the machine above a table."""
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    return f"Measured on {facts['date']} with {facts['cores']} cores ({facts['processor']}), {versions}."


def processor() -> str:
    """The model of the processor, where the system tells."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()
