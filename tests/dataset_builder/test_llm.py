"""Programs and conceptual mistakes that a model writes, against a scripted server."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.llm import Candidates, degraded, write_programs
from dataset_builder.llm_prompts import MISTAKES_SCHEMA, PROGRAM_SCHEMA, mistakes_body, program_body
from dataset_builder.llm_requests import Silence, heard, read_object
from dataset_builder.model import Database, ForeignKey, Mutant
from dsl_debug.data import sample_problems
from dsl_debug.lang import Program, Table, parse, print_program, run
from dsl_debug.policies.answers import Usage
from dsl_debug.policies.endpoint import Endpoint, Unavailable
from tests.scripted_endpoint import KEY, Reply, Request, endpoint, fails, says, settings

pytest.importorskip("openai", reason="needs openai: pip install 'dsl-debug[eval]'")

PROBLEM = next(p for p in sample_problems() if p.database == "bakery" and p.category == "intent_mismatch")
TABLES = PROBLEM.tables
BAKERY = Database(
    "bakery",
    "samples",
    TABLES,
    {"products": "product_id", "sales": "sale_id"},
    (ForeignKey("sales", "product_id", "products", "product_id"),),
    "A bakery",
)
CORRECT = parse(PROBLEM.correct_code)
INTENT = "How many pieces of each product were sold, the most first?"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


# ---- programs


def good(least: int = 2) -> dict[str, str]:
    code = (
        f'sold = load("sales") |> filter(quantity >= {least}) |> group_by(product_id)\n'
        "  |> aggregate(pieces: sum(quantity)) -- how many\n  |> sort_by(pieces, desc)\nemit sold\n"
    )
    return {"intent": INTENT, "program": code}


def written(*contents: Any, folder: Path, n: int = 1, **changes: Any) -> Candidates[tuple[Program, str]]:
    """What comes of these contents of answers, the last one for ever."""

    def reply(request: Request) -> Reply:
        content = contents[min(request.number, len(contents) - 1)]
        return content if isinstance(content, Reply) else says(content)

    with endpoint(reply) as seen:
        return write_programs(settings(seen.url, folder, **changes), BAKERY, TABLES, n)


def test_good_programs_are_taken_without_their_comments(tmp_path: Path) -> None:
    candidates = written(good(), good(3), folder=tmp_path, n=2)
    assert [intent for _, intent in candidates] == [INTENT, INTENT]
    assert [print_program(program) for program, _ in candidates] == [
        'sold = load("sales")\n'
        f"  |> filter(quantity >= {least})\n  |> group_by(product_id)\n"
        "  |> aggregate(pieces: sum(quantity))\n  |> sort_by(pieces, desc)\n\nemit sold\n"
        for least in (2, 3)
    ]
    assert candidates.counts["sent"] == 2
    assert (candidates.tokens_in, candidates.tokens_out, candidates.stopped) == (200, 20, "")


def program(code: str, intent: str = INTENT) -> dict[str, str]:
    return {"intent": intent, "program": code}


LOADED = 'a = load("sales")\n'
CROSSED = "".join(f"a{i} = join(a{i - 1}, a{i - 1}, on: k == k)\n" for i in range(1, 12))
REJECTED: dict[str, tuple[Any, str]] = {
    "no JSON": ("I would rather not.", "not the JSON that was asked for"),
    "another form": ({"program": 1, "intent": ""}, "not the JSON that was asked for"),
    "a list": ([good()], ""),
    "no intent": (program(good()["program"], "x"), "the intent is no sentence"),
    "an intent with signs of control": (
        program(good()["program"], "one \x1b[31m two"),
        "the intent is no sentence",
    ),
    "no program": (program("SELECT 1"), "the program does not parse ("),
    "an empty program": (program(""), "the program does not parse (no-emit)"),
    "an unknown table": (program('a = load("x")\nemit a'), "the program fails (unknown-table)"),
    "an unknown column": (program(LOADED + "  |> select(x)\nemit a"), "the program fails (unknown-column)"),
    "a division by zero": (
        program(LOADED + "  |> compute(x: 1 / (quantity - quantity))\nemit a"),
        "the program fails (division-by-zero)",
    ),
    "no rows": (program(LOADED + "  |> filter(quantity > 99)\nemit a"), "the program emits no rows"),
    "many rows": (
        program(LOADED + 'b = load("sales")\nc = join(a, b, on: product_id == product_id)\nemit c'),
        "the program emits more than 20 rows",
    ),
    "many columns": (
        program(LOADED + "|> compute(" + ", ".join(f"c{i}: 1" for i in range(12)) + ")\nemit a"),
        "the program emits more than 12 columns",
    ),
    "a program without end": (program(LOADED * 1000), "the program is too long"),
    "a join that explodes": (
        program(f'a0 = load("sales") |> compute(k: 1)\n{CROSSED}emit a11'),
        "the program fails (limit-",
    ),
    "deep nesting": (program(LOADED + f"|> compute(x: {'(' * 1500}1{')' * 1500})\nemit a"), "the program "),
    "a refusal": (says("", refusal="I cannot."), "refused"),
    "too many requests": (fails(429), "rate limited"),
    "a prompt that is too long": (fails(400, "maximum context length"), "longer than the model's context"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_what_is_no_program_is_counted_by_its_reason(name: str, tmp_path: Path) -> None:
    content, reason = REJECTED[name]
    start = time.monotonic()
    candidates = written(content, good(), folder=tmp_path)
    assert len(candidates) == 1
    if reason:
        counted = [what for what in candidates.counts if what.startswith(reason)]
        assert [candidates.counts[what] for what in counted] == [1], candidates.counts
    assert time.monotonic() - start < 5


def test_a_program_is_taken_once(tmp_path: Path) -> None:
    candidates = written(good(), folder=tmp_path, n=2)
    assert len(candidates) == 1
    assert candidates.counts["written before"] == 9
    assert candidates.stopped == "10 requests gave no more than this"


def test_a_silent_endpoint_is_given_up(tmp_path: Path) -> None:
    candidates = written(good(), fails(500), folder=tmp_path, n=9)
    assert len(candidates) == 1
    assert candidates.stopped == "3 requests in a row got no answer; the last one: failed at the endpoint"
    assert candidates.silent


def test_a_second_run_asks_nothing_and_gives_the_same(tmp_path: Path) -> None:
    with endpoint(lambda request: says(good(request.number + 1))) as seen:
        first, again = (
            write_programs(settings(seen.url, tmp_path, workers=3), BAKERY, TABLES, 3) for _ in range(2)
        )
    assert first.items == again.items
    assert again.counts["sent"] == 0
    assert (again.counts["from the cache"], again.tokens_in) == (3, 300)


def test_nothing_is_asked_for_nothing(tmp_path: Path) -> None:
    assert written(good(), folder=tmp_path, n=0).items == []


def test_the_request_shows_the_schema_and_differs_by_number_and_seed() -> None:
    bodies = [
        program_body(settings("", Path()), BAKERY, TABLES, seed, i) for seed in (0, 1) for i in range(9)
    ]
    assert len({json.dumps(body) for body in bodies}) == 18
    assert len({body["messages"][1]["content"] for body in bodies}) > 12
    text = bodies[0]["messages"][1]["content"]
    assert "sales (15 rows, key sale_id)" in text
    assert '- day (text): "sat", "wed", "thu", "tue", "mon", "fri"' in text
    assert "- quantity (number): 2, 1, 6, 4, 3, 10, ... (9 different, from 1 to 10)" in text
    assert "- sales.product_id -> products.product_id" in text
    assert bodies[0]["response_format"]["json_schema"]["schema"] == PROGRAM_SCHEMA
    assert "`group_by(a, b)`" in bodies[0]["messages"][0]["content"]


def test_hostile_tables_can_be_shown() -> None:
    table = Table({"c": ["x" * 10_000, 'quo"te\n', "\ud800"], "n": [1, 2.5, -(10**300)]})
    body = program_body(settings("", Path()), Database("d", "s", {"t": table}), {"t": table}, 0, 0)
    text = body["messages"][1]["content"]
    text.encode()
    assert len(text) < 1_000


# ---- answers of requests


def test_json_is_found_in_a_text() -> None:
    assert read_object('Here:\n```json\n{"a": {"b": 1}}\n```') == {"a": {"b": 1}}
    assert read_object('{"a": ["\\ud800"]}') == {"a": ["?"]}
    for text in ("", "{", "}{", "[1]", "{'a': 1}", '{"a":' + "[" * 100_000 + "}"):
        assert read_object(text) is None


def test_patience_ends_after_three_requests_in_a_row_without_an_answer(tmp_path: Path) -> None:
    replies = [says("x"), fails(500), fails(429), says("", refusal="no"), *[fails(500)] * 9]
    bodies = [program_body(settings("", Path()), BAKERY, TABLES, 0, number) for number in range(9)]
    usage = Usage()
    told = "3 requests in a row got no answer; the last one: failed at the endpoint"
    with endpoint(lambda request: replies[request.number]) as seen, pytest.raises(Silence, match=told):
        list(heard(Endpoint(settings(seen.url, tmp_path)), bodies, usage))
    assert (usage.counts["sent"], usage.counts["refused"], usage.tokens_in) == (7, 1, 200)


def test_an_endpoint_that_rejects_the_first_request_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"^the endpoint answers with status 400: [^\n]*what\?[^\n]*$"):
        written(fails(400, "what?\n"), good(), folder=tmp_path)
    assert written(good(), fails(400), good(3), folder=tmp_path / "other", n=2).counts["sent"] == 3


# ---- conceptual mistakes

MISTAKES = [
    {
        "description": "Takes Friday for a market day instead of Saturday.",
        "original": '  |> filter(day == "wed" or day == "sat")',
        "mutated": '  |> filter(day == "wed" or day == "fri")',
    },
    {
        "description": "Measures the biggest bag instead of the average one.",
        "original": "aggregate(sales: count(), bag: avg(quantity))",
        "mutated": "aggregate(sales: count(), bag: max(quantity)) -- oops",
    },
]
FORGOTTEN = {
    "description": "Forgets that a product has to be sold twice.",
    "original": "  |> filter(sales >= 2)",
    "mutated": "",
}


def applied(mistakes: list[dict[str, str]]) -> str:
    code = PROBLEM.correct_code
    for mistake in mistakes:
        code = code.replace(mistake["original"], mistake["mutated"])
    return "".join(f"{line}\n" for line in code.split("\n") if line.strip() != "|>")


def mistaken(mistakes: list[dict[str, str]], /, **changes: Any) -> dict[str, Any]:
    return {"mistakes": mistakes, "buggy_program": applied(mistakes), **changes}


def mutants(*contents: Any, folder: Path, n: int = 1) -> Candidates[Mutant]:
    def reply(request: Request) -> Reply:
        return says(contents[min(request.number, len(contents) - 1)])

    with endpoint(reply) as seen:
        return degraded(settings(seen.url, folder), CORRECT, PROBLEM.intent, TABLES, n)


def test_mistakes_become_a_mutant(tmp_path: Path) -> None:
    (mutant,) = mutants(mistaken(MISTAKES), folder=tmp_path)
    assert mutant.category == "intent_mismatch"
    assert mutant.program == parse(mutant.code) == parse(applied(MISTAKES))
    assert "--" not in mutant.code
    lines = mutant.code.splitlines()
    assert [lines[bug.line - 1].strip() for bug in mutant.bugs] == [bug.mutated for bug in mutant.bugs]
    assert mutant.bugs[0].mutated == '|> filter(day == "wed" or day == "fri")'
    assert mutant.bugs[1].original == "|> aggregate(sales: count(), bag: avg(quantity))"
    assert mutant.bugs[1].description == MISTAKES[1]["description"]
    assert mutant.place == ("market", 0)
    expected = run(PROBLEM.correct_code, TABLES)
    for alone in (*mutant.alone, mutant.program):
        assert not run(print_program(alone), TABLES).matches(expected)
    assert [print_program(alone).count("max(quantity)") for alone in mutant.alone] == [0, 1]


def test_a_line_can_be_left_out(tmp_path: Path) -> None:
    candidates = mutants(mistaken([FORGOTTEN, MISTAKES[1]]), folder=tmp_path)
    assert candidates.rejections == []
    (mutant,) = candidates
    lines = mutant.code.splitlines()
    left_out = mutant.bugs[1]
    assert (left_out.original, left_out.mutated) == ("|> filter(sales >= 2)", "")
    assert lines[left_out.line - 1].strip() == mutant.bugs[0].mutated  # it stood below this one, the last
    assert [bug.stages_to_emit for bug in mutant.bugs] == [5, 4]


ONE_LINE = MISTAKES[0]
BAD_MUTANTS: dict[str, tuple[Any, str]] = {
    "no JSON": ("no", "not the JSON that was asked for"),
    "mistakes that are none": (mistaken(MISTAKES, mistakes="two"), "not the JSON that was asked for"),
    "parts that are no texts": (
        mistaken(MISTAKES, mistakes=[{"original": 1}] * 2),
        "not the JSON that was asked for",
    ),
    "one mistake": (mistaken(MISTAKES[:1]), "not two or three mistakes"),
    "four mistakes": (mistaken(MISTAKES * 2), "not two or three mistakes"),
    "one line twice": (mistaken([ONE_LINE, ONE_LINE]), "two mistakes change one line"),
    "a line that is not there": (
        mistaken([{**ONE_LINE, "original": "  |> filter(x)"}, MISTAKES[1]]),
        "the line of a mistake is not one of the program",
    ),
    "an empty line": (
        mistaken([{**ONE_LINE, "original": ""}, MISTAKES[1]], buggy_program="emit x"),
        "the line of a mistake is not one of the program",
    ),
    "two lines for one": (
        mistaken([{**ONE_LINE, "mutated": f"{ONE_LINE['mutated']}\n  |> take(3)"}, MISTAKES[1]]),
        "a mistake is not one line",
    ),
    "two stages for one": (
        mistaken([{**ONE_LINE, "mutated": f"{ONE_LINE['mutated']} |> take(3)"}, MISTAKES[1]]),
        "a mistake is not one line",
    ),
    "no description": (
        mistaken([{**ONE_LINE, "description": " "}, MISTAKES[1]]),
        "a description is no sentence",
    ),
    "another program": (
        mistaken(MISTAKES, buggy_program=PROBLEM.correct_code),
        "the program is not the correct one with these mistakes",
    ),
    "a mistake that does not parse": (
        mistaken([{**ONE_LINE, "mutated": "  |> filter(day ="}, MISTAKES[1]]),
        "the program does not parse (",
    ),
    "a mistake that fails": (
        mistaken([{**ONE_LINE, "mutated": '  |> filter(weekday == "wed")'}, MISTAKES[1]]),
        "a mistake alone gives an error",
    ),
    "a mistake that changes nothing": (
        mistaken([{**ONE_LINE, "mutated": '  |> filter(day == "sat" or day == "wed")'}, MISTAKES[1]]),
        "a mistake alone changes nothing",
    ),
    "another name": (
        mistaken(
            [
                {
                    **ONE_LINE,
                    "original": 'products = load("products")',
                    "mutated": 'wares = load("products")',
                },
                {**MISTAKES[1]},
            ]
        ),
        "a mistake alone gives an error",
    ),
    "nothing left": (
        mistaken([{**ONE_LINE, "mutated": '  |> filter(day == "sun")'}, MISTAKES[1]]),
        "the buggy program emits no rows",
    ),
}


@pytest.mark.parametrize("name", BAD_MUTANTS)
def test_what_is_no_mutant_is_counted_by_its_reason(name: str, tmp_path: Path) -> None:
    content, reason = BAD_MUTANTS[name]
    candidates = mutants(content, mistaken(MISTAKES), folder=tmp_path)
    assert len(candidates) == 1
    counted = [what for what in candidates.counts if what.startswith(reason)]
    assert [candidates.counts[what] for what in counted] == [1], candidates.counts


def test_the_request_shows_the_program_and_what_it_is_for() -> None:
    code = print_program(CORRECT)
    bodies = [mistakes_body(settings("", Path()), code, INTENT, TABLES, 0, number) for number in range(5)]
    assert len({json.dumps(body) for body in bodies}) == 5
    text = bodies[0]["messages"][1]["content"]
    assert code in text
    assert INTENT in text
    assert bodies[0]["response_format"]["json_schema"]["schema"] == MISTAKES_SCHEMA


REQUESTS = """
from pathlib import Path
import hashlib, json
from tests.dataset_builder.test_llm import BAKERY, TABLES, CORRECT, settings, program_body, mistakes_body
from dsl_debug.lang import print_program
s = settings("u", Path())
bodies = [program_body(s, BAKERY, TABLES, 3, n) for n in range(5)]
bodies += [mistakes_body(s, print_program(CORRECT), "x", TABLES, 3, n) for n in range(5)]
print(hashlib.sha256(json.dumps(bodies).encode()).hexdigest())
"""


def test_requests_are_the_same_whatever_the_hash_seed() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", REQUESTS],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
