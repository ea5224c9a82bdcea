"""What Play shows of a game."""

import re
from pathlib import Path

import pytest

from dsl_debug.lang import STANDARD, Table
from dsl_debug.problem import Bug, DslProblem
from dsl_debug.visitors import MAX_CODE
from space.handlers import play as rules
from space.handlers.play import Game
from space.handlers.rows import row_diff
from space.library import Library
from space.views import play as views
from space.views.ending import MAX_COMPARED

CORRECT = 'a = load("t")\n  |> filter(n > 1)\n\nemit a\n'
BUGGY = 'a = load("t")\n  |> filter(n > 2)\n\nemit a\n'
HOSTILE = '<img src=x onerror="alert(1)">'


def tiny(**changes: object) -> DslProblem:
    """A problem with three rows, two of which are right."""
    fields: dict[str, object] = {
        "category": "standard",
        "difficulty": "easy",
        "database": "shop",
        "source": "catalog",
        "buggy_code": BUGGY,
        "correct_code": CORRECT,
        "tables": {"t": Table({"n": [1, 2, 3], "name": ["a", "b", "c"]})},
        "expected_output": Table({"n": [2, 3], "name": ["b", "c"]}),
        "bugs": (Bug("filter_value", 2, "keeps `n > 2`", "n > 1", "n > 2"),),
        "intent": "The rows above one.",
    }
    return DslProblem(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.fixture
def game() -> Game:
    return rules.begin(tiny())


@pytest.fixture
def shelf() -> Library:
    return Library(problems={tiny().id: tiny()}, arena={}, traces={})


def words(html: str) -> str:
    """The text of HTML, on one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_a_new_game_shows_the_task_the_turns_and_the_expected_rows(game: Game, shelf: Library) -> None:
    view = views.board(game, BUGGY, shelf)
    assert "8 of 8 turns left" in view.head
    assert view.head.count("<i>") == 8
    assert f'data-problem="{game.problem.id}"' in view.head
    assert words(view.goal) == "Expected rows 2 rows, 2 columns; the order counts n name 2 b 3 c"
    assert words(view.tables) == "Stored tables t 3 rows n number name text"
    assert view.card == ""
    assert view.names == ["a", "t"]
    assert not view.locked


def test_a_wrong_run_is_set_beside_the_expected_rows(game: Game, shelf: Library) -> None:
    rules.run(game, BUGGY)
    view = views.board(game, BUGGY, shelf)
    assert "7 of 8 turns left" in view.head
    assert view.head.count('<i class="spent">') == 1
    assert "1 of 2 expected rows are right; the program gives 1 row." in words(view.answer)
    assert '<tr class="missing">' in view.answer
    assert 'class="diverges"' in view.flow
    assert "Turn 1" in view.log


def test_the_mark_in_the_picture_goes_with_the_program_that_was_run(game: Game) -> None:
    rules.run(game, BUGGY)
    assert 'class="diverges"' in views.flow(game, BUGGY)
    assert 'class="diverges"' not in views.flow(game, BUGGY + "-- other")


@pytest.mark.parametrize("code", [BUGGY, CORRECT])
def test_without_help_a_run_says_what_a_model_is_told(shelf: Library, code: str) -> None:
    game = rules.begin(tiny(), aided=False)
    move = rules.run(game, code)
    view = views.board(game, code, shelf)
    shown = words(view.answer)
    assert shown == f"Run turn 1 {' '.join(move.answer.split())}"
    for part in (view.answer, view.log):
        assert not re.search("right|wrong|expected|missing|extra|differs|diverges", part)
    assert "diverges" not in view.flow
    assert (view.hint, view.may_hint) == ("No hints", False)
    assert views.document(game, BUGGY)["key"] == ""
    assert "One thing" not in view.head


def test_hints_count_down_and_are_not_offered_on_the_last_turn(game: Game, shelf: Library) -> None:
    assert views.board(game, BUGGY, shelf).hint == "Hint (costs a turn, 3 left)"
    rules.hint(game)
    assert views.board(game, BUGGY, shelf).hint == "Hint (costs a turn, 2 left)"
    for _ in range(6):
        rules.docs(game, "filter")
    view = views.board(game, BUGGY, shelf)
    assert "Last turn" in view.head
    assert not view.may_hint


def test_a_changed_row_shows_both_values(game: Game) -> None:
    found = row_diff(Table({"n": [2, 4], "name": ["b", "c"]}), game.problem.expected_output)
    html = views.diff(found, game.problem)
    assert "<del>4</del><ins>3</ins>" in html
    assert words(html) == "row n name 1 2 b 2 differs 4 3 c In rows that differ: given expected"


def test_columns_that_lack_or_are_too_many_are_marked(game: Game) -> None:
    found = row_diff(Table({"n": [2, 3], "more": [1, 1]}), game.problem.expected_output)
    html = views.diff(found, game.problem)
    assert re.search(r'<th class="missing"[^>]*>name</th>', html)
    assert re.search(r'<th class="extra"[^>]*>more</th>', html)


def test_the_end_shows_the_mistake_the_fix_and_where_to_go(game: Game, shelf: Library) -> None:
    rules.run(game, BUGGY)
    rules.submit(game, CORRECT)
    view = views.board(game, CORRECT, shelf)
    assert view.locked
    assert "Solved!" in view.card
    assert "2 of 8" in view.card
    assert "Line 2: keeps n &gt; 2" in words(view.card)
    assert view.card.count("<del") == view.card.count("<ins") == 1  # theirs is the reference fix
    assert f'data-link="?problem={game.problem.id}"' in view.card
    assert "?trace=" not in view.card  # nobody else played it
    assert 'data-over="true"' in view.head
    assert "disabled" in view.flow


def test_a_wrong_end_shows_the_way_to_the_reference(game: Game, shelf: Library) -> None:
    rules.submit(game, CORRECT.replace("1", "0"))
    card = views.board(game, "", shelf).card
    assert "Not solved" in card
    assert "Wrong result" in card
    assert "From your program to the reference" in card


def test_another_fix_than_the_reference_is_shown_as_one() -> None:
    game = rules.begin(tiny())
    rules.submit(game, CORRECT.replace("n > 1", "n >= 2"))
    end = rules.result(game)
    assert end is not None
    assert "Your fix" in views.card(game, end, [])


def test_a_long_program_is_not_drawn_in_the_log(game: Game) -> None:
    rules.run(game, BUGGY + "-- " + "x" * MAX_COMPARED)
    assert "characters is not shown here" in views.log(game)
    assert len(views.log(game)) < MAX_COMPARED


def test_pages_of_the_reference_are_not_shown_as_markdown(game: Game) -> None:
    rules.docs(game, "filter")
    assert "<h2>Rules</h2>" in views.answer(game)


def test_the_editor_and_the_rules_agree_on_how_long_a_program_may_be() -> None:
    script = (Path(views.__file__).parents[1] / "assets" / "editor.js").read_text(encoding="utf-8")
    assert f"const MAX_COLOURED = {MAX_CODE};" in script


def test_the_card_links_to_what_policies_did(library: Library) -> None:
    problem = next(problem for problem in library.problems.values() if library.traces_of(problem.id))
    keys = library.traces_of(problem.id)
    played = rules.begin(problem)
    rules.submit(played, problem.correct_code)
    card = views.board(played, problem.correct_code, library).card
    assert f'href="?trace={keys[0]}"' in card
    assert f'href="?compare={keys[0]},you"' in card


def test_a_note_is_a_line_for_the_visitor(game: Game) -> None:
    html = views.answer(game, f"No {HOSTILE}")
    assert 'role="alert"' in html
    assert "<img" not in html


@pytest.mark.parametrize("code", [None, 7, {"a": 1}, HOSTILE, "x" * 100_000, "\ud800"])
def test_whatever_the_editor_holds_the_board_can_be_drawn(game: Game, shelf: Library, code: object) -> None:
    view = views.board(game, code, shelf)
    assert "<img" not in "".join([view.head, view.answer, view.flow, view.log])


def test_markup_in_data_and_programs_stays_text() -> None:
    table = Table({"n": [1], HOSTILE: [HOSTILE]}, "t")
    problem = tiny(tables={"t": table}, expected_output=table, database=HOSTILE, intent=HOSTILE)
    game = rules.begin(problem)
    code = f"-- {HOSTILE}\na = load({HOSTILE!r})\nemit a"
    rules.run(game, code)
    rules.inspect(game, code, HOSTILE)
    rules.docs(game, HOSTILE)
    rules.hint(game)
    rules.submit(game, code)
    view = views.board(game, code, Library(problems={}, arena={}, traces={}))
    shown = (view.head, view.answer, view.goal, view.tables, view.flow, view.log, view.card)
    assert "<img" not in "".join(shown)


def test_the_editor_gets_the_words_of_the_problem(game: Game) -> None:
    document = views.document(game, BUGGY)
    assert (document["code"], document["pipe"], document["locked"]) == (BUGGY, STANDARD.pipe, False)
    assert "filter" in document["words"]
    rules.submit(game, CORRECT)
    assert views.document(game, CORRECT)["locked"]
