"""The neighbours of small programs, listed by hand."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dsl_debug.agents.edits import EDITS, described, neighbours
from dsl_debug.agents.rewrite import surroundings
from dsl_debug.lang import Table, parse, print_program

TABLES = {
    "sales": Table.from_rows(
        [
            {"id": 1, "region": "north", "amount": 10},
            {"id": 2, "region": "south", "amount": 20},
            {"id": 3, "region": "north", "amount": 5},
        ]
    ),
    "regions": Table.from_rows([{"region": "north", "chief": "Ann"}, {"region": "south", "chief": "Bo"}]),
}


def lines_made(code: str, kind: str) -> list[str]:
    """What each edit of a kind makes of a program, in words and without the kind."""
    program = parse(code)
    edits = neighbours(program, surroundings(program, TABLES), [kind])
    return [edit.description.removeprefix(f"{kind.replace('_', ' ')}: ") for edit in edits]


def pipe(stages: str) -> str:
    return f'a = load("sales")\n  {stages}\nemit a'


CASES = [
    (
        "column",
        "|> filter(amount > 7)",
        ["'|> filter(amount > 7)' becomes '|> filter(id > 7)'", "... '|> filter(region > 7)'"],
    ),
    (
        "column",
        "|> select(id, amount)",
        [
            "'|> select(id, amount)' becomes '|> select(region, amount)'",
            "... '|> select(id, region)'",
        ],
    ),
    (
        "column",
        "|> compute(x: id + amount)",
        [
            "'|> compute(x: id + amount)' becomes '|> compute(x: region + amount)'",
            "... '|> compute(x: amount + amount)'",
            "... '|> compute(x: id + id)'",
            "... '|> compute(x: id + region)'",
        ],
    ),
    (
        "column",
        "|> group_by(region) |> aggregate(n: count(), s: sum(id))",
        [
            "'|> group_by(region)' becomes '|> group_by(id)'",
            "... '|> group_by(amount)'",
            "'|> aggregate(n: count(), s: sum(id))' becomes '|> aggregate(n: count(), s: sum(region))'",
            "... '|> aggregate(n: count(), s: sum(amount))'",
        ],
    ),
    (
        "column",
        "|> sort_by(id)",
        [
            "'|> sort_by(id, asc)' becomes '|> sort_by(region, asc)'",
            "... '|> sort_by(amount, asc)'",
        ],
    ),
    (
        "comparison",
        "|> filter(not amount >= 7)",
        [
            "'|> filter(not amount >= 7)' becomes '|> filter(not amount == 7)'",
            "... '|> filter(not amount != 7)'",
            "... '|> filter(not amount < 7)'",
            "... '|> filter(not amount <= 7)'",
            "... '|> filter(not amount > 7)'",
        ],
    ),
    (
        "literal",
        '|> filter(region == "north" and 5 < amount)',
        [
            """'|> filter(region == "north" and 5 < amount)' becomes """
            """'|> filter(region == "south" and 5 < amount)'""",
            """... '|> filter(region == "north" and 10 < amount)'""",
            """... '|> filter(region == "north" and 20 < amount)'""",
        ],
    ),
    # What a filter let through before is all that the second one can compare with.
    (
        "literal",
        '|> filter(region == "north") |> filter(id == 1)',
        [
            """'|> filter(region == "north")' becomes '|> filter(region == "south")'""",
            """'|> filter(id == 1)' becomes '|> filter(id == 3)'""",
        ],
    ),
    (
        "number",
        "|> filter(amount > 7)",
        [
            "'|> filter(amount > 7)' becomes '|> filter(amount > 8)'",
            "... '|> filter(amount > 6)'",
            "... '|> filter(amount > 9)'",
            "... '|> filter(amount > 5)'",
        ],
    ),
    ("number", "|> take(1)", ["'|> take(1)' becomes '|> take(2)'", "... '|> take(0)'", "... '|> take(3)'"]),
    (
        "number",
        "|> compute(x: 0.5 * id)",
        [
            "'|> compute(x: 0.5 * id)' becomes '|> compute(x: 1.5 * id)'",
            "... '|> compute(x: -0.5 * id)'",
            "... '|> compute(x: 2.5 * id)'",
            "... '|> compute(x: -1.5 * id)'",
        ],
    ),
    (
        "function",
        "|> group_by(region) |> aggregate(s: sum(id))",
        [
            "'|> aggregate(s: sum(id))' becomes '|> aggregate(s: avg(id))'",
            "... '|> aggregate(s: min(id))'",
            "... '|> aggregate(s: max(id))'",
            "... '|> aggregate(s: count(id))'",
            "... '|> aggregate(s: count_distinct(id))'",
        ],
    ),
    (
        "function",
        "|> group_by(region) |> aggregate(n: count())",
        [
            "'|> aggregate(n: count())' becomes '|> aggregate(n: count_distinct(id))'",
            "... '|> aggregate(n: count_distinct(region))'",
            "... '|> aggregate(n: count_distinct(amount))'",
        ],
    ),
    ("direction", "|> sort_by(id)", ["'|> sort_by(id, asc)' becomes '|> sort_by(id, desc)'"]),
    ("direction", "|> sort_by(id, desc)", ["'|> sort_by(id, desc)' becomes '|> sort_by(id, asc)'"]),
    (
        "arithmetic",
        "|> compute(x: -(id - amount) * 2)",
        [
            "'|> compute(x: -(id - amount) * 2)' becomes '|> compute(x: -(id - amount) + 2)'",
            "... '|> compute(x: -(id - amount) - 2)'",
            "... '|> compute(x: -(id - amount) / 2)'",
            "... '|> compute(x: -(id + amount) * 2)'",
            "... '|> compute(x: -(id * amount) * 2)'",
            "... '|> compute(x: -(id / amount) * 2)'",
            "... '|> compute(x: -(amount - id) * 2)'",
        ],
    ),
    (
        "grouping",
        "|> compute(x: id - amount * 2 / id)",
        [
            "'|> compute(x: id - amount * 2 / id)' becomes '|> compute(x: id - amount * (2 / id))'",
            "... '|> compute(x: (id - amount) * (2 / id))'",
            "... '|> compute(x: (id - amount * 2) / id)'",
            "... '|> compute(x: (id - amount) * 2 / id)'",
        ],
    ),
    ("grouping", "|> compute(x: id - amount)", []),
    (
        "logic",
        "|> filter(id > 1 and (amount > 5 or not id == 2))",
        [
            "'|> filter(id > 1 and (amount > 5 or not id == 2))' becomes "
            "'|> filter(id > 1 or amount > 5 or not id == 2)'",
            "... '|> filter(amount > 5 or not id == 2)'",
            "... '|> filter(id > 1)'",
            "... '|> filter(id > 1 and amount > 5 and not id == 2)'",
            "... '|> filter(id > 1 and not id == 2)'",
            "... '|> filter(id > 1 and amount > 5)'",
            "... '|> filter(id > 1 and (amount > 5 or id == 2))'",
        ],
    ),
    (
        "drop_stage",
        "|> take(2) |> group_by(region) |> aggregate(n: count()) |> sort_by(n)",
        [
            "without '|> take(2)'",
            "without '|> group_by(region); |> aggregate(n: count())'",
            "without '|> sort_by(n, asc)'",
        ],
    ),
    (
        "duplicate_stage",
        "|> take(2) |> compute(id: id + 1)",
        ["with '|> take(2)' added", "with '|> compute(id: id + 1)' added"],
    ),
    (
        "swap_stages",
        "|> take(2) |> group_by(region) |> aggregate(n: count()) |> sort_by(n)",
        [
            "'|> take(2); |> group_by(region); |> aggregate(n: count())' becomes "
            "'|> group_by(region); |> aggregate(n: count()); |> take(2)'",
            "'|> group_by(region); |> aggregate(n: count()); |> sort_by(n, asc)' becomes "
            "'|> sort_by(n, asc); |> group_by(region); |> aggregate(n: count())'",
        ],
    ),
]


@pytest.mark.parametrize(("kind", "stages", "expected"), CASES, ids=[f"{k} {s[3:]}" for k, s, _ in CASES])
def test_edits_of_stages(kind: str, stages: str, expected: list[str]) -> None:
    start = ""
    full = []
    for line in expected:
        start = line.split(" becomes ")[0] if " becomes " in line else start
        full.append(line.replace("...", f"{start} becomes"))
    assert lines_made(pipe(stages), kind) == full


JOINED = """
s = load("sales")
r = load("regions")
j = join(s, r, on: region == region)
emit j
"""


def test_join_keys() -> None:
    start = "'j = join(s, r, on: region == region)' becomes 'j = join(s, r, on: "
    assert lines_made(JOINED, "join_key") == [
        f"{start}id == region)'",
        f"{start}amount == region)'",
        f"{start}region == chief)'",
    ]


def test_swapped_join_keys() -> None:
    made = lines_made(JOINED.replace("region == region", "region == chief"), "join_key")
    assert made[-1].endswith("becomes 'j = join(s, r, on: chief == region)'")


def test_sources() -> None:
    assert lines_made(JOINED, "source") == [
        """'s = load("sales")' becomes 's = load("regions")'""",
        """'r = load("regions")' becomes 'r = load("sales")'""",
        "'j = join(s, r, on: region == region)' becomes 'j = join(r, r, on: region == region)'",
        "'j = join(s, r, on: region == region)' becomes 'j = join(j, r, on: region == region)'",
        "'j = join(s, r, on: region == region)' becomes 'j = join(s, s, on: region == region)'",
        "'j = join(s, r, on: region == region)' becomes 'j = join(s, j, on: region == region)'",
        "'j = join(s, r, on: region == region)' becomes 'j = join(r, s, on: region == region)'",
        "'emit j' becomes 'emit s'",
        "'emit j' becomes 'emit r'",
    ]


def test_values_of_what_the_program_computes() -> None:
    code = pipe("|> group_by(region) |> aggregate(n: count()) |> filter(n == 5)")
    assert lines_made(code, "literal") == [
        "'|> filter(n == 5)' becomes '|> filter(n == 2)'",
        "'|> filter(n == 5)' becomes '|> filter(n == 1)'",
    ]


def test_nothing_is_drawn_from_what_does_not_check() -> None:
    code = pipe("|> filter(missing == 5) |> sort_by(id)")
    assert lines_made(code, "column") == [
        "'|> filter(missing == 5)' becomes '|> filter(id == 5)'",
        "'|> filter(missing == 5)' becomes '|> filter(region == 5)'",
        "'|> filter(missing == 5)' becomes '|> filter(amount == 5)'",
        "'|> sort_by(id, asc)' becomes '|> sort_by(region, asc)'",
        "'|> sort_by(id, asc)' becomes '|> sort_by(amount, asc)'",
    ]
    assert lines_made(code, "literal") == []


def test_a_kind_appears_in_the_description() -> None:
    program = parse(pipe("|> take(1)"))
    edit = next(neighbours(program, surroundings(program, TABLES), ["drop_stage"]))
    assert edit.description == "drop stage: without '|> take(1)'"
    assert edit.kind == "drop_stage"
    assert described(program, program) == "nothing changes"


EVERYTHING = """
s = load("sales") |> filter(id > 1 and not region == "south") |> select(id, region, amount)
r = load("regions")
j = join(s, r, on: region == region) |> compute(x: amount - id) |> group_by(chief) |> aggregate(t: sum(x))
emit j
"""


def test_neighbours_are_distinct_and_survive_printing() -> None:
    program = parse(EVERYTHING)
    found = [edit.program for edit in neighbours(program, surroundings(program, TABLES))]
    assert len(found) == len(set(found)) > 60
    assert program not in found
    assert all(parse(print_program(p)) == p for p in found)


def test_kinds_come_in_the_order_of_the_table() -> None:
    program = parse(EVERYTHING)
    kinds = [edit.kind for edit in neighbours(program, surroundings(program, TABLES))]
    assert list(dict.fromkeys(kinds)) == [kind for kind in EDITS if kind in kinds]
    assert set(EDITS) - set(kinds) == {"direction", "grouping"}


LIST_ALL = """
from tests.agents.test_edits import EVERYTHING, TABLES
from dsl_debug.agents.edits import neighbours
from dsl_debug.agents.rewrite import surroundings
from dsl_debug.lang import parse
program = parse(EVERYTHING)
print([edit.description for edit in neighbours(program, surroundings(program, TABLES))])
"""


def test_the_order_does_not_depend_on_the_hash_seed() -> None:
    root = Path(__file__).resolve().parent.parent.parent
    outputs = {
        subprocess.run(
            [sys.executable, "-c", LIST_ALL],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(outputs) == 1
