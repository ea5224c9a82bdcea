"""The picture of a program: what is drawn where, and that nothing in a program breaks it."""

import re

import pytest

from dsl_debug.lang import STANDARD, Table
from dsl_debug.replay.programs import dsl_grammar
from space.flow import flow_of
from space.views.flow import MAX_NODES, MAX_STAGES, picture

TABLES = {"orders": Table({"city": ["Oslo"] * 3}), "cities": Table({"name": ["Oslo"]})}

JOINED = """\
o = load("orders")
  |> filter(city == "Oslo")
c = load("cities")
both = join(o, c, on: city == name)
  |> take(2)
spare = c |> take(1)
emit both
"""


def drawn(code: str, **more: object) -> str:
    return picture(flow_of(code, STANDARD), TABLES, dsl_grammar(), **more)  # type: ignore[arg-type]


def sections(html: str) -> list[tuple[str, int, int]]:
    """Class, left and upper edge of every card."""
    found = re.findall(r'<section class="([^"]*)" style="left:(\d+)px;top:(\d+)px', html)
    return [(kind, int(left), int(top)) for kind, left, top in found]


def test_a_table_stands_right_of_what_it_reads() -> None:
    cards = sections(drawn(JOINED))
    assert [kind for kind, _, _ in cards] == [
        *("stored", "stored", "node", "node", "node emitted", "node unused")
    ]
    lefts = [left for _, left, _ in cards]
    assert lefts[0] == lefts[1] == 0
    assert lefts[2] == lefts[3] > 0
    assert lefts[4] == lefts[5] > lefts[2]


def test_a_line_goes_from_every_source_to_its_reader() -> None:
    # orders -> o, cities -> c, o -> both, c -> both, c -> spare
    assert drawn(JOINED).count('class="edge"') == 5


def test_every_step_is_a_button_with_its_table_and_the_number_of_stages() -> None:
    steps = re.findall(r'data-node="(\w+)" data-stages="(\d+)"', drawn(JOINED))
    assert steps == [
        *(("o", "1"), ("o", "2"), ("c", "1"), ("both", "1"), ("both", "2"), ("spare", "1"), ("spare", "2"))
    ]


def test_the_step_of_the_first_wrong_rows_is_marked() -> None:
    html = drawn(JOINED, diverges=("both", 2))
    marked = re.findall(r'<li class="diverges">.*?data-node="(\w+)" data-stages="(\d+)"', html)
    assert marked == [("both", "2")]
    assert "diverges" not in drawn(JOINED)


def test_steps_of_a_finished_game_cannot_be_pressed() -> None:
    assert drawn(JOINED, locked=True).count("disabled") == 14  # name and value, seven times
    assert "disabled" not in drawn(JOINED)


def test_cards_of_a_column_do_not_overlap() -> None:
    boxes = re.findall(r"left:(\d+)px;top:(\d+)px;width:(\d+)px;height:(\d+)px", drawn(JOINED))
    for n, one in enumerate(boxes):
        for other in boxes[n + 1 :]:
            left, top, _, height = map(int, one)
            if int(other[0]) == left:
                assert int(other[1]) >= top + height or int(other[1]) + int(other[3]) <= top


@pytest.mark.parametrize("code", ["", "   ", "((((", "emit x", "\x00", "x" * 30_000])
def test_what_cannot_be_read_leaves_an_empty_state(code: str) -> None:
    assert "Nothing to draw" in drawn(code)


def test_a_circle_is_drawn() -> None:
    cards = sections(drawn("a = b |> take(1)\nb = a\nc = a\nemit c\n"))
    assert [kind for kind, _, _ in cards] == ["node", "node", "node emitted"]


def test_of_a_name_that_is_defined_twice_the_first_counts() -> None:
    html = drawn('a = load("orders")\na = load("cities")\nemit a\n')
    assert [kind for kind, _, _ in sections(html)] == [
        "stored",
        "stored",
        "node emitted",
        "node unused again",
    ]
    assert "defined again" in html


def test_a_table_that_is_not_stored_is_said_to_be_missing() -> None:
    assert "no such table" in drawn('a = load("nowhere")\nemit a\n')


def test_a_large_program_is_cut() -> None:
    many = "".join(f'n{n} = load("orders")\n' for n in range(MAX_NODES + 7))
    assert f"and {7} more tables" in drawn(many)
    long = 'a = load("orders")\n' + "  |> take(1)\n" * (MAX_STAGES + 4)
    assert f"and {5} more stages" in drawn(long)


def test_markup_in_a_program_stays_text() -> None:
    html = drawn('a = load("<img src=x onerror=alert(1)>") |> filter(x == "<script>")\nemit a\n')
    assert "<img" not in html
    assert "<script" not in html
