"""Programs and tables as lines: nothing is lost, and marks stand where something differs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl_debug.replay.programs import changes, compared, dsl_grammar, lines_of, python_grammar
from dsl_debug.replay.reading import read_trace

DSL = dsl_grammar()
TEXTS = st.text(alphabet="ab1 .\"\\-|>=<!#'\t", max_size=40)


@given(st.lists(TEXTS, max_size=5).map("\n".join))
def test_the_parts_of_a_line_are_the_line(code: str) -> None:
    for grammar in (DSL, python_grammar()):
        shown = ["".join(piece.text for piece in line.pieces) for line in lines_of(code, grammar)]
        assert shown == code.rstrip().split("\n")


@given(st.lists(TEXTS, max_size=5).map("\n".join), st.lists(TEXTS, max_size=5).map("\n".join))
def test_what_is_not_gone_is_the_new_program_and_what_is_not_new_the_old_one(old: str, new: str) -> None:
    lines = [(line.sign, "".join(piece.text for piece in line.pieces)) for line in changes(old, new, DSL)]
    assert [text for sign, text in lines if sign != "-"] == new.rstrip().split("\n")
    assert [text for sign, text in lines if sign != "+"] == old.rstrip().split("\n")


def test_the_part_of_a_line_that_changed_is_marked() -> None:
    gone, new, _ = changes("x |> take(3)\nemit x", "x |> take(12)\nemit x", DSL)
    assert (gone.sign, gone.number, [p.text for p in gone.pieces if p.changed]) == ("-", 1, ["3"])
    assert (new.sign, new.number, [p.text for p in new.pieces if p.changed]) == ("+", 1, ["12"])


def test_words_are_told_apart() -> None:
    (line,) = lines_of('a = load("x") |> take(3) -- filter', DSL)
    assert [(p.kind, p.text) for p in line.pieces if p.kind] == [
        ("word", "load"),
        ("text", '"x"'),
        ("pipe", "|>"),
        ("word", "take"),
        ("number", "3"),
        ("comment", "-- filter"),
    ]


GOAL = "name | n\n-----+----\na    | 1\nb    | 2.5\n(2 rows)"


@pytest.mark.parametrize(
    ("answer", "right", "complete"),
    [
        (GOAL, 2, True),
        ("n   | name\n----+-----\n1.0 | a\n2.5 | b\n(2 rows)", 2, True),
        ("name | n\n-----+--\na    | 1\n(1 row)", 1, False),
        ("name | n\n-----+--\nb    | 2.5\na    | 1\n(2 rows)", 0, False),
        (GOAL.replace("(2", "c    | 3\n(3"), 2, False),
    ],
)
def test_rows_are_held_against_the_expected_ones(answer: str, right: int, complete: bool) -> None:
    found = compared(answer, GOAL)
    assert (found.right, found.wanted, found.complete) == (right, 2, complete)
    assert "\n".join(text for text, _ in found.lines) == answer


@pytest.mark.parametrize("answer", ["", "no table", "name | m\n-----+--\na | 1\n(1 row)", "a\nb\nc"])
def test_what_is_no_table_of_these_columns_has_no_marks(answer: str) -> None:
    found = compared(answer, GOAL)
    assert (found.wanted, found.complete) == (0, False)
    assert [mark for _, mark in found.lines if mark is not None] == []


def test_answers_find_their_calls() -> None:
    def call(name: str) -> dict[str, object]:
        return {"function": {"name": name, "arguments": {}}}

    messages = [
        {"role": "assistant", "content": "", "tool_calls": [call("run"), call("submit")]},
        {"role": "tool", "name": "run", "content": "one"},
        {"role": "tool", "name": "", "content": "two"},
        {"role": "tool", "name": "submit", "content": "three\n\n[1 turn left]"},
    ]
    (turn,) = read_trace({"messages": messages})[1]
    assert [(c.tool, c.answer) for c in turn.calls] == [("run", "one"), ("", "two"), ("submit", "three")]
    assert turn.left == "1 turn left"
