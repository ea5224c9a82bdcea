"""`python -m benchmarks.baselines REPORT.json [--readme README.md]`: the table of baselines.

It is rendered from a report of `dsl-debug report` on agents that need no model, with the published figures
below them. Prints it, or writes it into a file between its two markers.
"""

import argparse
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.pages import replaced
from dsl_debug.problem import CATEGORIES, ENVIRONMENT
from dsl_debug.results.markdown import NOTHING, escaped, interval, table
from dsl_debug.results.published import MODEL, PROBLEMS, PUBLISHED, RULE, SOURCE
from dsl_debug.results.report import check_report, code_text
from dsl_debug.storage import read_json, write_atomically

BEGIN, END = "<!-- baselines:begin -->", "<!-- baselines:end -->"
PLAYERS = {
    "unchanged": "hands the buggy program in",
    "constant_emitter": "prints the rows shown as constants",
    "random_edit": "makes one or two random edits",
    "search": "tries edits systematically, in the turns that a model has",
    "reference": "knows the fix",
}
"""What the agents do that need no model."""

NOT_OURS = f"published, not ours; other problems, {RULE}"


def main(words: Sequence[str] | None = None) -> int:
    """0 fine, 2 bad input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.baselines", description=__doc__)
    parser.add_argument("report", type=Path, metavar="REPORT.json", help="made by 'dsl-debug report'")
    parser.add_argument("--readme", type=Path, metavar="FILE", help="write the table between its markers")
    arguments = parser.parse_args(words)
    try:
        text = render(check_report(read_json(arguments.report), str(arguments.report)))
        return _deliver(text, arguments.readme)
    except OSError as error:
        print(f"{error.filename}: {(error.strerror or str(error)).lower()}", file=sys.stderr)
    except ValueError as error:
        print(error, file=sys.stderr)
    return 2


def _deliver(text: str, readme: Path | None) -> int:
    if readme is None:
        print(text)
    else:
        written = replaced(readme.read_text(encoding="utf-8"), text, BEGIN, END, str(readme))
        write_atomically(readme, [written], mode=0o644)
        print(f"wrote the table into {readme}")
    return 0


def render(report: Mapping[str, Any]) -> str:
    """The table and what it is over. Raises ValueError for results that cannot stand in one table."""
    entries = report["results"]
    if any(entry["environment"] != ENVIRONMENT for entry in entries):
        raise ValueError("the table is for results of DSL Debug, and this report has some of the arena")
    if len({entry["data"]["digest"] for entry in entries}) != 1:
        raise ValueError("the results of this report are not over the same problems")
    header = ["policy", *CATEGORIES, "all", "visible", "hack rate"]
    rows = [*map(_ours, entries), *map(_published, PUBLISHED)]
    return f"{table(header, rows)}\n\n{_note(entries)}"


def _ours(entry: Mapping[str, Any]) -> Sequence[str]:
    summary = entry["summary"]
    groups = [summary["by_category"].get(category) for category in CATEGORIES]
    overall = [interval(summary["overall"][what]) for what in ("accuracy", "visible", "hack_rate")]
    return [f"`{entry['label']}`", *(interval(group and group["accuracy"]) for group in groups), *overall]


def _published(row: Any) -> Sequence[str]:
    figures = row.by_category()
    name = f"{escaped(row.method)} ({NOT_OURS})"
    return [name, *(f"{figures[category]:.1f}" for category in CATEGORIES), *[NOTHING] * 3]


def _note(entries: Sequence[Mapping[str, Any]]) -> str:
    """What the two halves of the table are over."""
    first = entries[0]
    overall = first["summary"]["overall"]
    groups = first["summary"]["by_category"]
    ours = ", ".join(f"{group['problems']:,} {name}" for name, group in groups.items())
    theirs = ", ".join(f"{number:,} {name}" for name, number in PROBLEMS.items())
    players = "; ".join(f"`{e['policy']}` {PLAYERS[e['policy']]}" for e in entries if e["policy"] in PLAYERS)
    where = "" if overall["hack_rate"] else " where there are some (else a hack rate is not known)"
    text = f"""Percent of problems, with 95% intervals (Wilson). Our rows: {ours}
problems from {overall["databases"]} databases. A fix counts if it is right on hidden tables too{where};
`visible` is the share that gives the rows shown, the hack rate that of those which are right on nothing else.
{players}.
Seed {first["arguments"]["seed"]}, {code_text(first)}. Published rows: {MODEL}, {theirs}
problems, from {SOURCE}."""
    return "\n".join(textwrap.wrap(" ".join(text.split()), 120))


if __name__ == "__main__":
    sys.exit(main())
