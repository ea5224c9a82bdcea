"""results.json -> docs/benchmarks.md: one table per benchmark, and what it says in a sentence or two."""

from collections.abc import Sequence
from typing import Any

from benchmarks.published import AGAIN, FIRST, PEER, PREPARED
from dsl_debug.results.markdown import table

Results = dict[str, Any]


def render(results: Results) -> str:
    """The page, in Markdown. Every figure and every comparison in it comes from `results`."""
    parts = [introduction(results["machine"]), published(results["published"])]
    parts += [growth(results["growth"]), episodes(results["episodes"]), startup(results["startup"])]
    return "\n\n".join(parts) + "\n"


def introduction(machine: Results) -> str:
    facts = [f"{name} {value}" for name, value in machine["versions"].items()]
    return f"""# Benchmarks

Written by `make bench`; do not edit. Measured on {machine["date"]} with {machine["cores"]} cores
({machine["processor"]}), {", ".join(facts)}.

A time is the best of several runs, which leaves out what else the machine was doing; medians and 90th
percentiles are over programs. DSL Debug and sqlite3 use one core, Polars and DuckDB as many as they like."""


def published(results: Results) -> str:
    loaded, rows = results["loaded"], results["rows"]
    covered = min(entry["programs"] for entry in loaded.values())
    return f"""## The published programs

{results["programs"]} programs over tables of {results["median_rows"]:g} rows at the median. The same programs
were translated to SQL and to Polars; all results agree in every row. Polars and DuckDB have no columns of
numbers and texts together and run {covered} of them.

**Rows in, rows out**: lists of dicts go in and come out. Parsing and checking are included, and so are making
a database and filling it, as a single run has it.

{engines(rows)}

{verdict(rows, FIRST)} {verdict(rows, AGAIN)}

**Tables loaded before**: each engine starts with the tables in its own form and ends with tuples. "First
time" parses, checks, compiles and runs; "seen before" finds the compiled program in the cache, as rollouts of
one problem do. sqlite3 prepares its statement in every run; "prepared before" is with the statement kept.

{engines(loaded)}

{verdict(loaded, FIRST)} {verdict(loaded, AGAIN)} Beside the statement that was prepared before, it is
{loaded[AGAIN]["median_us"]:.0f} µs against {loaded[PREPARED]["median_us"]:.0f} µs."""


def engines(entries: Results) -> str:
    lines = [
        (name, f"{e['median_us']:,.0f}", f"{e['p90_us']:,.0f}", f"{e['ratio']:.2f}")
        for name, e in entries.items()
    ]
    return table(("engine", "median, µs", "90th percentile, µs", f"times {PEER}, median of ratios"), lines)


def verdict(entries: Results, name: str) -> str:
    ratio = entries[name]["ratio"]
    if ratio <= 1:
        return f"{name}: the median program takes {ratio:.2f} of the time of {PEER}."
    return f"{name}: **slower than {PEER}**, {ratio:.2f} times its time at the median program."


def growth(rows: list[Results]) -> str:
    lines = [
        (
            row["stage"],
            f"{row['rows']:,}",
            f"{row['ms']:,.2f}",
            factor(row["factor"]),
            f"{row['sqlite3_ms']:,.2f}",
            factor(row["sqlite3_factor"]),
            f"{row['ms'] / row['sqlite3_ms']:.2f}",
        )
        for row in rows
    ]
    header = ("stage", "rows", "ms", "factor", "sqlite3, ms", "factor", "times sqlite3")
    return f"""## Growth

One stage over ever more rows, tables loaded before, in processor time. The factor is what ten times the rows
cost in time; 10 would be proportional. There are a tenth as many customers as orders, so that groups and keys
of the join grow as well.

{table(header, lines)}

{steep(rows)} {slower(rows)}"""


def factor(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def steep(rows: list[Results]) -> str:
    over = [
        f"{r['stage']} at {r['rows']:,} rows ({r['factor']:.1f})" for r in rows if (r["factor"] or 0) > 12
    ]
    if not over:
        return "Ten times the rows never cost more than twelve times the time."
    return (
        f"Ten times the rows cost more than twelve times the time in: {listed(over)}. Group, join and sort "
        "jump about in memory from value to value; beyond the caches of the processor, every jump waits."
    )


def slower(rows: list[Results]) -> str:
    found = [f"{r['stage']} at {r['rows']:,} rows" for r in rows if r["ms"] > r["sqlite3_ms"]]
    return (
        f"Slower than sqlite3: {listed(found)}." if found else "No stage is slower than sqlite3 at any size."
    )


def listed(items: Sequence[str]) -> str:
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else items[0]


def episodes(results: Results) -> str:
    lines = [
        ("distinct problems, each played once", f"{results['distinct_per_second']:,}"),
        (f"{results['rollouts']} rollouts of each problem in a row", f"{results['rollouts_per_second']:,}"),
    ]
    return f"""## Episodes

Whole episodes over {results["problems"]} published problems, per second of processor time of one process:
reset, run, inspect, run, submit, each call read from the text of a model's message, and the submission judged
on {results["suites"]} hidden suites.

{table(("episodes", "per second"), lines)}"""


def startup(results: Results) -> str:
    bare, package = results["python_ms"], results["with_package_ms"]
    lines = [("`pass`", f"{bare:.0f}"), ("`import dsl_debug`", f"{package:.0f}")]
    return f"""## Import

A process of `python -S -c ...` from start to end. The package costs {package - bare:.0f} ms of it.

{table(("program", "ms"), lines)}"""
