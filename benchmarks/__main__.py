"""`python -m benchmarks [--quick]`: measure, write benchmarks/results.json and docs/benchmarks.md."""

import argparse
import json
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

from benchmarks import episodes, growth, published, report, startup
from benchmarks.pages import machine, say

ROOT = Path(__file__).resolve().parent.parent
DATA_VARIABLE = "DSL_DEBUG_TEST_DATA"


def main() -> int:
    """Run every benchmark; with --quick only a part of each, and print the report instead of writing it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a part of each benchmark; print, write nothing")
    quick = parser.parse_args().quick
    folder = Path(os.environ.get(DATA_VARIABLE) or ROOT.parent / "shared") / "published"
    if not folder.is_dir():
        print(f"no published problems in {folder}: set {DATA_VARIABLE}", file=sys.stderr)
        return 2
    results = measure(folder, quick)
    text = report.render(results)
    if quick:
        print(text)
        return 0
    (ROOT / "benchmarks" / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (ROOT / "docs" / "benchmarks.md").write_text(text, encoding="utf-8")
    print("wrote benchmarks/results.json and docs/benchmarks.md")
    return 0


def measure(folder: Path, quick: bool) -> dict[str, Any]:
    results: dict[str, Any] = {"machine": machine({"Polars": "polars", "DuckDB": "duckdb"})}
    results["machine"]["versions"]["sqlite3"] = sqlite3.sqlite_version
    for name, action in (
        ("startup", lambda: startup.measure(quick)),
        ("episodes", lambda: episodes.measure(folder, quick)),
        ("published", lambda: published.measure(folder, quick)),
        ("growth", lambda: growth.measure(quick)),
    ):
        say(name)
        results[name] = action()
    return results


if __name__ == "__main__":
    sys.exit(main())
