"""Dialects: the same language with other words."""

import pickle
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from dsl_debug.lang import STANDARD, Dialect, DslError, check, format_code, parse, print_program, run
from dsl_debug.lang.dialect import _PIPES, _SYNONYMS, PIPE, WORDS

TABLES = {"t": [{"k": 1, "v": 3}, {"k": 2, "v": 4}, {"k": 1, "v": 5}]}
CODE = """a = load("t")
  |> filter(not k == 2 and v > 3 or v == 3)
  |> group_by(k)
  |> aggregate(total: sum(v), n: count())
  |> compute(mean: total / n)
  |> select(k, mean)
  |> sort_by(mean, desc)
  |> take(3)
b = join(a, a, on: k == k)
emit b
"""


def test_the_standard_dialect_says_what_it_says() -> None:
    assert [STANDARD.word(word) for word in WORDS] == list(WORDS)
    assert (STANDARD.pipe, STANDARD.canonical("filter"), STANDARD.canonical("keep")) == (PIPE, "filter", None)
    assert Dialect() == STANDARD == Dialect({"filter": "filter"})
    assert repr(STANDARD) == "STANDARD"


def test_a_dialect_may_rename_some_words_only() -> None:
    dialect = Dialect({"filter": "keep"}, ">>")
    assert (dialect.word("filter"), dialect.word("select")) == ("keep", "select")
    assert (dialect.canonical("keep"), dialect.canonical("filter")) == ("filter", None)
    assert dialect.words() == {**{word: word for word in WORDS}, "filter": "keep"}
    assert repr(dialect) == "Dialect({'words': {'filter': 'keep'}, 'pipe': '>>'})"


def test_a_program_is_printed_in_the_words_of_the_dialect() -> None:
    dialect = Dialect(
        {"load": "fetch", "filter": "keep", "not": "never", "desc": "down", "emit": "show"}, "~>"
    )
    code = 'a = load("t") |> filter(not v == 3) |> sort_by(v, desc) emit a'
    assert print_program(parse(code), dialect) == (
        'a = fetch("t")\n  ~> keep(never v == 3)\n  ~> sort_by(v, down)\nshow a\n'
    )


@pytest.mark.parametrize("pipe", [PIPE, *_PIPES])
def test_every_pipe_sign_works(pipe: str) -> None:
    dialect = Dialect({"filter": "keep"}, pipe)
    code = print_program(parse(CODE), dialect)
    assert pipe == PIPE or PIPE not in code
    assert parse(code, dialect) == parse(CODE)
    crowded = f'a = load("t"){pipe}keep(v > -4){pipe}compute(x: v - -3 - v){pipe}take(2) emit a'
    assert run(crowded, TABLES, dialect=dialect).rows() == [
        {"k": 1, "v": 3, "x": 3},
        {"k": 2, "v": 4, "x": 3},
    ]


def test_words_may_change_places() -> None:
    dialect = Dialect({"filter": "select", "select": "filter", "and": "or", "or": "and"})
    code = print_program(parse(CODE), dialect)
    assert "|> select(not k == 2 or v > 3 and v == 3)" in code
    assert "|> filter(k, mean)" in code
    assert parse(code, dialect) == parse(CODE)
    assert run(code, TABLES, dialect=dialect) == run(CODE, TABLES)


def test_the_standard_words_mean_nothing_in_another_dialect() -> None:
    dialect = Dialect({"filter": "keep"})
    assert [d.code for d in check('a = load("t") |> filter(v > 3)\nemit a', TABLES, dialect)] == [
        "unknown-stage"
    ]


def test_a_standard_word_is_free_as_a_name_in_another_dialect() -> None:
    dialect = Dialect({"emit": "show"})
    assert run('emit = load("t") |> take(1)\nshow emit', TABLES, dialect=dialect).length == 1
    with pytest.raises(DslError, match="'show' cannot be the name of a table"):
        parse('show = load("t")\nshow show', dialect)


# Random dialects


@pytest.mark.parametrize("seed", range(25))
def test_a_random_dialect_leaves_no_standard_word(seed: int) -> None:
    dialect = Dialect.random(Random(seed))
    assert not {dialect.word(word) for word in WORDS} & set(WORDS)
    assert dialect.pipe != PIPE
    code = print_program(parse(CODE), dialect)
    assert format_code(code, dialect) == code
    assert run(code, TABLES, dialect=dialect) == run(CODE, TABLES)


def test_a_seed_gives_one_dialect() -> None:
    assert Dialect.random(Random(5)) == Dialect.random(Random(5))
    assert len({Dialect.random(Random(seed)) for seed in range(50)}) == 50


def test_what_random_dialects_draw_from_is_sound() -> None:
    drawn = [word for words in _SYNONYMS.values() for word in words]
    assert set(_SYNONYMS) == set(WORDS)
    assert len(set(drawn)) == len(drawn)
    assert not set(drawn) & set(WORDS)
    assert all(word.isidentifier() for word in drawn)


# Refused


@pytest.mark.parametrize(
    ("words", "pipe", "message"),
    [
        ({"filtre": "keep", "a": "b"}, PIPE, "a dialect renames words of the language; unknown: a, filtre"),
        ({"filter": "two words"}, PIPE, "a word of a dialect is an identifier; not one: two words"),
        ({"filter": ""}, PIPE, "a word of a dialect is an identifier; not one: "),
        ({"filter": "2nd"}, PIPE, "a word of a dialect is an identifier; not one: 2nd"),
        ({}, "--", "the pipe sign of a dialect is one of |> >> -> ~> => :: | % &, not '--'"),
        ({}, "", "the pipe sign of a dialect is one of |> >> -> ~> => :: | % &, not ''"),
        (
            {"filter": "keep", "select": "keep"},
            PIPE,
            "a dialect gives every word of the language a word of its own; one is used twice",
        ),
        (
            {"filter": "select"},
            PIPE,
            "a dialect gives every word of the language a word of its own; one is used twice",
        ),
    ],
)
def test_a_dialect_that_could_not_be_read_is_refused(
    words: Mapping[str, str], pipe: str, message: str
) -> None:
    with pytest.raises(ValueError, match="dialect") as caught:
        Dialect(words, pipe)
    assert str(caught.value) == message


@pytest.mark.parametrize("word", ["a\u00b7b", "\u2118", "x\u0387"])
def test_an_identifier_that_is_no_name_of_the_language_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=r"^a word of a dialect is an identifier; not one: "):
        Dialect({"filter": word})


# Stored


def test_only_the_difference_is_stored() -> None:
    dialect = Dialect({"filter": "keep", "take": "take"}, ">>")
    assert dialect.to_json() == {"words": {"filter": "keep"}, "pipe": ">>"}
    assert Dialect.from_json(dialect.to_json()) == dialect
    assert Dialect.from_json({}) == STANDARD == Dialect.from_json(STANDARD.to_json())
    assert pickle.loads(pickle.dumps(dialect)) == dialect
    assert hash(Dialect.from_json(dialect.to_json())) == hash(dialect)
    assert dialect != STANDARD


@pytest.mark.parametrize("stored", [{"words": ["filter"]}, {"pipe": 3}, {"words": {"filter": 3}}])
def test_what_is_no_dialect_is_refused(stored: Any) -> None:
    with pytest.raises(ValueError, match=r"^a (dialect is stored as|word of a dialect is)"):
        Dialect.from_json(stored)


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a dialect is stored as"):
        Dialect.from_json(["filter"])  # type: ignore[arg-type]
