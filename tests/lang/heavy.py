"""Programs that try to take all the time or memory there is, and the process that runs one of them.

    python -m tests.lang.heavy NAME

prints, as JSON, what came of it: CPU seconds of a run and of the slowest other use (inspect, format), peak
memory in MiB, the code of the first diagnostic or the number of rows, and the rows of a small program that is
run afterwards. The process has a limit on its address space.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from dsl_debug.lang import DslError, Table, format_code, inspect, run

ADDRESS_SPACE = 450 * 2**20
MEGABYTE = 1_000_000


class Heavy(NamedTuple):
    """A program, its tables, and the code of what has to come of it ("" for a result)."""

    code: str
    tables: dict[str, Table]
    expected: str


def few(rows: int = 5) -> dict[str, Table]:
    return {"t": Table({"k": [1] * rows, "v": list(range(rows))})}


def full(piece: str, head: str = "", tail: str = "") -> str:
    """As many pieces as fit into the longest program."""
    return head + piece * ((MEGABYTE - len(head) - len(tail)) // len(piece)) + tail


def numbered(template: str, count: int, separator: str = "") -> str:
    return separator.join(template.format(i, i - 1, i + 1) for i in range(count))


def pipe(*stages: str) -> str:
    return 'a = load("t")' + "".join(f"\n  |> {stage}" for stage in stages) + "\nemit a"


BIG_JOIN = 'b = load("t")\na = join(b, b, on: k == k)'

HEAVY: dict[str, Callable[[], Heavy]] = {
    # Joins
    "join_bomb": lambda: Heavy(
        f"{BIG_JOIN}\nc = join(a, b, on: k == k)\nd = join(c, c, on: k == k)\nemit d", few(200), "limit-rows"
    ),
    "join_too_large": lambda: Heavy(f"{BIG_JOIN}\nemit a", few(1001), "limit-rows"),
    "join_as_large_as_may_be": lambda: Heavy(f"{BIG_JOIN}\nemit a", few(1000), ""),
    "join_repeated": lambda: Heavy(
        'a0 = load("t")\n' + numbered("b{0} = join(a0, a0, on: k == k)\n", 200) + "emit b0", few(200), ""
    ),
    "join_read_again_and_again": lambda: Heavy(
        f"{BIG_JOIN}\nc0 = a\n" + numbered("c{2} = c{0} |> sort_by(v)\n", 200) + "emit c200",
        few(200),
        "limit-cells",
    ),
    # Text
    "one_megabyte_of_one_text": lambda: Heavy(full("x", pipe()[:10], '") emit a'), few(), "unknown-table"),
    "one_megabyte_of_quotes": lambda: Heavy(full('"'), few(), "syntax"),
    "one_megabyte_of_curly_quotes": lambda: Heavy(full("\u201c"), few(), "bad-quotes"),
    "one_megabyte_of_escapes": lambda: Heavy(full("\\n", 'a = load("', '")\nemit a'), few(), "unknown-table"),
    "one_megabyte_of_one_name": lambda: Heavy(full("x"), few(), "syntax"),
    "one_megabyte_of_digits": lambda: Heavy(
        full("7", 'a = load("t") |> take(', ")\nemit a"), few(), "bad-count"
    ),
    "one_megabyte_of_garbage": lambda: Heavy(full("}~$ \u00a7?"), few(), "bad-character"),
    "one_megabyte_of_garbage_lines": lambda: Heavy(full("$ foo bar\n"), few(), "bad-character"),
    "one_megabyte_of_words": lambda: Heavy(full("emti x\nretrun y\n"), few(), "unknown-word"),
    "one_megabyte_of_blanks": lambda: Heavy(full(" \n"), few(), "no-emit"),
    "one_megabyte_of_comments": lambda: Heavy(full("--\n", 'a = load("t") emit a\n'), few(), ""),
    "one_megabyte_of_comments_before": lambda: Heavy(full("-- x\n", "", 'a = load("t") emit a\n'), few(), ""),
    "one_megabyte_of_parentheses": lambda: Heavy(full("("), few(), "syntax"),
    "one_megabyte_of_closed_parentheses": lambda: Heavy(full(")", 'a = load("t") '), few(), "unmatched"),
    "one_megabyte_of_pipes": lambda: Heavy(full("|>", 'a = load("t")'), few(), "bad-pipe"),
    "one_megabyte_of_bars": lambda: Heavy(full("| ", 'a = load("t")'), few(), "bad-pipe"),
    "one_megabyte_of_dots": lambda: Heavy(full("a.", 'a = load("t")\n'), few(), "syntax"),
    "one_megabyte_of_minus_signs": lambda: Heavy(full("- ", pipe("compute(x:")[:-7]), few(), "too-deep"),
    "one_megabyte_and_one_character": lambda: Heavy(" " * (MEGABYTE + 1), few(), "too-long"),
    # Expressions
    "a_sum_without_end": lambda: Heavy(
        full("v+", 'a = load("t") |> compute(x: ', "v) emit a"), few(), "too-deep"
    ),
    "nested_parentheses_in_filter": lambda: Heavy(
        pipe(f"filter({'(' * 10_000}v > 1{')' * 10_000})"), few(), "too-deep"
    ),
    "nested_parentheses_in_compute": lambda: Heavy(
        pipe(f"compute(x: {'(' * 10_000}v{')' * 10_000})"), few(), "too-deep"
    ),
    "many_nots": lambda: Heavy(pipe(f"filter({'not ' * 10_000}v > 1)"), few(), "too-deep"),
    "many_conditions": lambda: Heavy(full(" or v == 1", pipe("filter(v == 1")[:-7], ")\nemit a"), few(), ""),
    "many_grouped_conditions": lambda: Heavy(
        pipe(f"filter(v >= 0{' and (v > 1 or k == 1)' * 15_000})"), few(), ""
    ),
    "many_columns_selected": lambda: Heavy(
        full(",v", pipe("select(v")[:-7], ")\nemit a"), few(), "duplicate-column"
    ),
    "many_columns_computed": lambda: Heavy(pipe(f"compute({numbered('c{0}: v', 70_000, ', ')})"), few(), ""),
    "many_unknown_columns": lambda: Heavy(
        pipe(f"compute({numbered('c{0}: v', 2_000, ', ')})", f"select({numbered('d{0}', 90_000, ', ')})"),
        few(),
        "unknown-column",
    ),
    "many_long_unknown_columns": lambda: Heavy(
        pipe(
            f"compute({numbered('x' * 60 + '{0}: v', 3_000, ', ')})",
            f"select({numbered('x' * 60 + '{0}yyyy', 10_000, ', ')})",
        ),
        few(),
        "unknown-column",
    ),
    "many_aggregates": lambda: Heavy(
        pipe("group_by(k)", f"aggregate({numbered('c{0}: sum(v)', 50_000, ', ')})"), few(), ""
    ),
    "endless_squaring": lambda: Heavy(
        pipe("compute(v: v + 2)", *["compute(v: v * v)"] * 9_000), few(), "number-too-large"
    ),
    "endless_negation": lambda: Heavy(pipe(*["compute(v: -v)"] * 9_000), few(), ""),
    # Statements and stages
    "many_stages": lambda: Heavy(pipe(*["filter(v >= 0)"] * 10_000), few(), ""),
    "many_more_stages": lambda: Heavy(full("|>take(1)", 'a = load("t")', " emit a"), few(), "limit-steps"),
    "many_stages_that_widen": lambda: Heavy(
        pipe(*(f"compute(c{i}: v)" for i in range(10_000))), few(), "limit-columns"
    ),
    "many_stages_that_drop": lambda: Heavy(
        pipe(f"compute({numbered('c{0}: v', 3_000, ', ')})", *["select(v, k)"] * 10_000),
        few(),
        "limit-columns",
    ),
    "a_chain": lambda: Heavy(
        'a0 = load("t")\n' + numbered("a{2} = a{0}\n", 10_000) + "emit a10000", few(), ""
    ),
    "a_chain_in_reverse": lambda: Heavy(
        "emit a10000\n"
        + "\n".join(f"a{i + 1} = a{i} |> take(9)" for i in reversed(range(9_999)))
        + '\na0 = load("t")\na10000 = a9999',
        few(),
        "",
    ),
    "a_circle": lambda: Heavy(numbered("a{2} = a{0}\n", 10_000) + "a0 = a10000\nemit a0", few(), "cycle"),
    "many_circles": lambda: Heavy(numbered("a{0} = a{0}\n", 30_000) + "emit a0", few(), "cycle"),
    "many_redefinitions": lambda: Heavy(full('a = load("t")\n', "", "emit a"), few(), "redefinition"),
    "many_emits": lambda: Heavy(full("emit a\n", 'a = load("t")\n'), few(), "two-emits"),
    "many_unknown_names": lambda: Heavy(numbered("a{0} = b{0}\n", 60_000) + "emit a0", few(), "unknown-name"),
    "many_joins": lambda: Heavy(
        'a0 = load("t")\n' + numbered("a{2} = join(a{0}, a{0}, on: v == v)\n", 10_000) + "emit a10000",
        few(),
        "",
    ),
    # Wide and long tables
    "wide_table": lambda: Heavy(
        pipe(*["compute(x: 1)"] * 5_000), {"t": Table({f"c{i}": [] for i in range(5_000)})}, "limit-columns"
    ),
    "wide_table_run_once": lambda: Heavy(
        pipe("compute(x: 1)", "sort_by(c7)"), {"t": Table({f"c{i}": [1.5] * 20 for i in range(10_000)})}, ""
    ),
    "long_table_sorted": lambda: Heavy(
        f"{BIG_JOIN} |> compute(w: v * 3) |> sort_by(w, desc)\nemit a", few(1000), ""
    ),
    "long_table_grouped": lambda: Heavy(
        f"{BIG_JOIN} |> compute(w: v * 1.5) |> group_by(v, w) |> aggregate(n: count())\nemit a", few(1000), ""
    ),
    "long_table_with_many_columns": lambda: Heavy(
        f"{BIG_JOIN} |> compute({numbered('c{0}: v * 1.5', 200, ', ')})\nemit a", few(1000), "limit-cells"
    ),
    "long_table_with_a_long_sum": lambda: Heavy(
        f"{BIG_JOIN} |> compute(x: {numbered('v * 1.{0}', 90, ' + ')})\nemit a", few(1000), "limit-cells"
    ),
    "long_table_with_many_conditions": lambda: Heavy(
        f"{BIG_JOIN} |> filter(v == 1{' or v == 1' * 500})\nemit a", few(1000), "limit-cells"
    ),
}


def seconds_of(action: Callable[[], object]) -> tuple[float, object]:
    """CPU seconds that an action took, and what it gave, or the code of the first diagnostic."""
    start = time.process_time()
    try:
        found = action()
    except DslError as error:
        str(error)
        found = error.diagnostics[0].code
    return time.process_time() - start, found


def peak_mebibytes() -> float:
    """The most memory that this process has had.

    On Linux not `ru_maxrss`, which a process takes over from the one that started it, tests and all.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(name: str) -> None:
    """Run a program, then do with it what else can be done, and say how that went."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    code, tables, _ = HEAVY[name]()
    seconds, found = seconds_of(lambda: run(code, tables).length)
    others = (
        lambda: inspect(code, "a", tables),
        lambda: format_code(code),
    )
    slowest = max(seconds_of(action)[0] for action in others)
    peak = peak_mebibytes()
    after = run('a = load("t") |> filter(v > 2)\nemit a', few()).length
    result = {
        "seconds": seconds,
        "slowest_other": slowest,
        "mebibytes": peak,
        "found": found,
        "rows_after": after,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1])
