"""The rules of Play, without a browser."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Barrier
from time import thread_time, time
from typing import Any

import pytest

from dsl_debug import lang
from dsl_debug.data.loading import load_data
from dsl_debug.episode.base import UNUSED
from dsl_debug.lang import Dialect, DslError, Table, Tables
from dsl_debug.lang.reference import TOPICS
from dsl_debug.problem import DslProblem
from dsl_debug.visitors import LIMITS, MAX_CODE, MAX_WORDS, Refused
from space.handlers import play
from space.handlers.play import Game, Move
from space.library import Library
from tests.problems import BUGGY, CORRECT, MARKS, OVERFIT, make_problem

PROBLEM = make_problem()
DIALECT = Dialect({"filter": "keep", "emit": "show"})


def begun(problem: DslProblem = PROBLEM, **options: Any) -> Game:
    return play.begin(problem, **options)


# Beginning


def library_of(*problems: DslProblem) -> Library:
    return Library({p.id: p for p in problems}, {}, {})


EASY, HARD = make_problem(difficulty="easy"), make_problem(difficulty="hard")
NONLOCAL = make_problem(category="nonlocal", difficulty="hard")
ALL = library_of(EASY, HARD, NONLOCAL)


@pytest.mark.parametrize(
    ("category", "difficulty", "fitting"),
    [
        ("standard", "easy", [EASY]),
        ("standard", None, [EASY, HARD]),
        (None, "hard", [HARD, NONLOCAL]),
        (None, None, [EASY, HARD, NONLOCAL]),
    ],
)
def test_picking_by_category_and_difficulty(
    category: str | None, difficulty: str | None, fitting: list[DslProblem]
) -> None:
    picked = {play.pick(ALL, category, difficulty, [], Random(seed)).id for seed in range(30)}
    assert picked == {problem.id for problem in fitting}


def test_what_was_played_comes_again_last_and_the_longest_ago_first() -> None:
    for seed in range(5):
        assert play.pick(ALL, "standard", None, [EASY.id, "other"], Random(seed)) is HARD
        assert play.pick(ALL, "standard", None, [EASY.id, HARD.id, EASY.id], Random(seed)) is HARD


@pytest.mark.parametrize(("category", "difficulty"), [("nonlocal", "easy"), ("<b>", None), (None, "none")])
def test_nothing_fits(category: str | None, difficulty: str | None) -> None:
    with pytest.raises(Refused, match="There is no such problem"):
        play.pick(ALL, category, difficulty, [], Random(1))


def test_a_new_game() -> None:
    game = begun(now=1_000.0)
    assert (game.code, game.moves, game.begun, game.ended) == (BUGGY, [], 1_000.0, None)
    assert (game.env.turns_left, game.env.limits, game.aided) == (8, LIMITS, True)
    assert play.result(game) is None


# Moves


def test_a_run_with_wrong_rows() -> None:
    game = begun()
    move = play.run(game, BUGGY)
    assert (move.turn, move.tool, move.argument, move.code) == (1, "run", "", BUGGY)
    assert move.answer.endswith("(2 rows)")
    assert move.rows is not None
    assert (move.rows.given, move.rows.wanted, move.rows.right) == (2, 2, 0)
    assert move.diverges is not None
    assert (move.diverges.node, move.diverges.line) == ("paid", 3)
    assert game.moves == [move]
    assert game.env.turns_left == 7


def test_a_run_with_right_rows() -> None:
    move = play.run(begun(), CORRECT)
    assert move.rows is not None
    assert move.rows.complete
    assert move.diverges is None


def test_a_run_that_fails() -> None:
    game = begun()
    move = play.run(game, "emit nothing")
    assert move.answer.startswith("line 1, column 6: unknown name 'nothing'")
    assert (move.rows, move.diverges, game.code) == (None, None, "emit nothing")


def test_without_aid_nothing_is_blamed() -> None:
    move = play.run(begun(aided=False), BUGGY)
    assert move.rows is not None
    assert move.diverges is None


def test_looking_at_a_table_and_at_a_step_of_it() -> None:
    game = begun()
    whole = play.inspect(game, BUGGY, "totals")
    step = play.inspect(game, BUGGY, "totals", 2)
    source = play.inspect(game, BUGGY, "paid", 1)
    assert (whole.argument, whole.code, whole.tool) == ("totals", BUGGY, "inspect")
    assert step.argument == (
        "totals, after group_by(region) |> aggregate(revenue: sum(amount), orders: count())"
    )
    assert (step.code, source.argument) == (BUGGY, 'paid, after load("orders")')
    assert whole.answer.split("\n")[0].split() == ["region", "|", "revenue", "|", "orders"]
    assert source.answer.endswith("(5 rows)")
    assert [move.turn for move in game.moves] == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "stages", "argument"),
    [("paid", 2, "paid"), ("paid", 99, "paid"), ("paid", -5, 'paid, after load("orders")')],
)
def test_steps_that_there_are_not(name: str, stages: int, argument: str) -> None:
    assert play.inspect(begun(), BUGGY, name, stages).argument == argument


def test_stored_and_unknown_tables() -> None:
    game = begun()
    assert play.inspect(game, BUGGY, "regions", 1).answer.endswith("(3 rows)")
    assert play.inspect(game, BUGGY, "<b>").answer.startswith("unknown name '<b>'")


def test_reading_a_page() -> None:
    game = begun()
    move = play.docs(game, "sort_by")
    assert (move.tool, move.argument, move.code) == ("read_docs", "sort_by", None)
    assert move.answer.startswith("# sort_by")
    assert "turns left" not in move.answer
    assert game.code == BUGGY


def test_a_game_that_is_won() -> None:
    game = begun(now=time() - 60)
    play.run(game, CORRECT)
    move = play.submit(game, CORRECT)
    assert (move.turn, move.tool, move.answer) == (2, "submit", "Correct.")
    result = play.result(game)
    assert result is not None
    assert (result.failure, result.reward, result.turns, result.max_turns) == ("", 1.0, 2, 8)
    assert (result.hints, result.submitted) == (0, CORRECT)
    assert 60 <= result.seconds < 90


@pytest.mark.parametrize(
    ("code", "failure"), [(BUGGY, "unchanged"), (OVERFIT, "overfit"), ("emit a", "error")]
)
def test_games_that_are_lost(code: str, failure: str) -> None:
    game = begun()
    move = play.submit(game, code)
    result = play.result(game)
    assert result is not None
    assert (result.failure, result.reward) == (failure, 0.0)
    assert move.answer.endswith("Incorrect.")
    assert not any(mark in move.answer for mark in MARKS)


def test_a_game_that_runs_out_of_turns() -> None:
    game = begun()
    for _ in range(7):
        play.run(game, BUGGY)
        assert play.result(game) is None
    assert play.run(game, BUGGY).answer.endswith(UNUSED)
    result = play.result(game)
    assert result is not None
    assert (result.failure, result.turns, result.submitted) == ("never_submitted", 8, None)


MOVES: dict[str, Callable[[Game], Move]] = {
    "run": lambda game: play.run(game, CORRECT),
    "inspect": lambda game: play.inspect(game, CORRECT, "paid"),
    "docs": lambda game: play.docs(game, "filter"),
    "submit": lambda game: play.submit(game, CORRECT),
    "hint": play.hint,
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_nothing_goes_after_the_end(move: Callable[[Game], Move]) -> None:
    game = begun()
    play.submit(game, BUGGY)
    with pytest.raises(Refused, match="start another one"):
        move(game)
    assert (len(game.moves), game.env.turns, game.code) == (1, 1, BUGGY)


# Hints


def test_hints_take_turns_and_come_to_an_end() -> None:
    game = begun()
    told = [play.hint(game) for _ in range(3)]
    assert [move.turn for move in told] == [1, 2, 3]
    assert told[0].answer == "What the program is for: What each region paid."
    assert {move.tool for move in told} == {"hint"}
    with pytest.raises(Refused, match="no more hints"):
        play.hint(game)
    assert game.env.turns == 3
    play.submit(game, CORRECT)
    result = play.result(game)
    assert result is not None
    assert (result.hints, result.turns, result.failure) == (3, 4, "")


def test_the_last_turn_is_not_for_a_hint() -> None:
    game = begun()
    for _ in range(6):
        play.docs(game, "filter")
    play.hint(game)
    with pytest.raises(Refused, match="last turn"):
        play.hint(game)
    assert (game.env.turns_left, game.ended) == (1, None)


def test_a_game_without_help_has_no_hints() -> None:
    game = play.begin(PROBLEM, aided=False)
    with pytest.raises(Refused, match="without help"):
        play.hint(game)
    assert game.env.turns == 0


# What visitors send

BAD_TEXTS = [None, 7, [CORRECT], "x" * (MAX_CODE + 1), "\ud800"]


@pytest.mark.parametrize("bad", BAD_TEXTS, ids=["none", "number", "list", "long", "half"])
def test_programs_that_are_none_cost_no_turn(bad: Any) -> None:
    game = begun()
    for move in (play.run, play.submit, lambda game, code: play.inspect(game, code, "paid")):
        with pytest.raises(Refused) as refused:
            move(game, bad)
        assert "\n" not in str(refused.value)
    assert (game.env.turns, game.moves, game.code) == (0, [], BUGGY)


@pytest.mark.parametrize("bad", [None, "", "  ", 7, "x" * (MAX_WORDS + 1), "\udfff"])
def test_names_and_topics_that_are_none_cost_no_turn(bad: Any) -> None:
    game = begun()
    for move in (play.docs, lambda game, name: play.inspect(game, BUGGY, name)):
        with pytest.raises(Refused):
            move(game, bad)
    with pytest.raises(Refused, match="whole number"):
        play.inspect(game, BUGGY, "paid", "2")  # type: ignore[arg-type]
    assert game.env.turns == 0


def test_the_longest_program_that_is_taken() -> None:
    game = begun()
    assert play.run(game, "(" * MAX_CODE).rows is None
    with pytest.raises(Refused, match=r"^A program has at most 20,000 characters; 20,001 were sent\.$"):
        play.run(game, "(" * (MAX_CODE + 1))


def test_a_bomb_is_stopped_and_the_game_goes_on() -> None:
    code = 'a = load("orders") |> compute(k: 1)\n'
    code += "".join(f"{new} = join({old}, {old}, on: k == k)\n" for old, new in ("ab", "bc", "cd", "de"))
    game = begun()
    start = thread_time()
    move = play.run(game, f"{code}emit e\n")
    assert thread_time() - start < 3
    assert "at most 20,000 are allowed" in move.answer
    assert play.submit(game, CORRECT).answer == "Correct."


def test_clicks_at_the_same_moment_each_take_a_turn() -> None:
    game = begun()
    gate = Barrier(20)

    def click(number: int) -> bool:
        gate.wait(20)
        try:
            return bool(play.run(game, BUGGY) if number % 2 else play.docs(game, "filter"))
        except Refused:
            return False

    with ThreadPoolExecutor(20) as pool:
        done = list(pool.map(click, range(20)))
    assert sum(done) == 8
    assert [move.turn for move in game.moves] == list(range(1, 9))


# What the editor shows


def test_what_is_wrong_with_a_program() -> None:
    assert play.diagnostics(PROBLEM, CORRECT) == []
    found = play.diagnostics(PROBLEM, CORRECT.replace("status ==", "state =="))
    assert found == [
        {
            "line": 3,
            "column": 13,
            "end": 18,
            "message": "unknown column 'state'",
            "help": "columns here: order_id, region, status, amount",
        }
    ]


def test_programs_are_checked_in_their_dialect() -> None:
    problem = make_problem(dialect=DIALECT)
    assert play.diagnostics(problem, problem.buggy_code) == []
    assert play.diagnostics(problem, CORRECT) != []


@pytest.mark.parametrize("code", [None, 3, ["emit a"], {"code": CORRECT}])
def test_what_is_no_text_has_no_mistakes(code: object) -> None:
    assert play.diagnostics(PROBLEM, code) == []


def test_a_program_that_is_too_long_is_not_looked_at() -> None:
    (found,) = play.diagnostics(PROBLEM, "emit " * 200_000)
    assert found["message"] == "A program has at most 20,000 characters; 1,000,000 were sent."
    assert found["line"] == 0


@pytest.mark.parametrize("code", ["\ud800", "emit \udfff", "\0", "\N{RIGHT-TO-LEFT OVERRIDE}", "", "\r\n"])
def test_strange_letters_can_be_told(code: str) -> None:
    for found in play.diagnostics(PROBLEM, code):
        (found["message"] + found["help"]).encode()


def test_names_that_can_be_looked_at() -> None:
    game = begun()
    assert play.names(game, BUGGY) == ["paid", "totals", "orders", "regions"]
    assert play.names(game, 'orders = load("orders")\nx = ') == ["orders", "x", "regions"]
    assert play.names(game, None) == play.names(game, "a = b\n" * 20_000) == ["orders", "regions"]


def test_topics_are_in_the_words_of_the_problem() -> None:
    assert play.topics(PROBLEM) == list(TOPICS)
    words = play.topics(make_problem(dialect=DIALECT))
    assert ("keep" in words, "filter" in words, "show" in words) == (True, False, True)
    game = begun(make_problem(dialect=DIALECT))
    assert play.docs(game, "keep").answer.startswith("# keep")


def test_hidden_tables_are_never_told() -> None:
    game = begun()
    for move in (*MOVES.values(), play.hint):
        if not game.env.done:
            move(game)
    assert not any(mark in repr(game.moves) for mark in MARKS)


def test_long_cells_and_many_rows_stay_small() -> None:
    rows = {"t": Table({"a": ["x" * 5_000] * 3_000})}
    problem = make_problem('t = load("t")\nemit t', 't = load("t")\nu = t |> take(1)\nemit u', rows, ())
    move = play.run(begun(problem), problem.buggy_code)
    assert move.rows is not None
    assert (move.rows.left_out, len(repr(move)) < 100_000) == (2_950, True)


def test_the_programs_of_a_dataset_keep_to_the_limits(built_sample: Path) -> None:
    for problem in load_data(str(built_sample)).problems:
        for code in (problem.correct_code, problem.buggy_code):
            for tables in (problem.tables, *(suite.tables for suite in problem.hidden)):
                assert stopped_by_limits(code, tables, problem.dialect) is None, problem.id


def stopped_by_limits(code: str, tables: Tables, dialect: Dialect) -> str | None:
    """What the Space says of a program that runs with the limits of training; None if it runs there, too."""
    try:
        lang.run(code, tables, dialect=dialect)
    except DslError:
        return None
    try:
        lang.run(code, tables, LIMITS, dialect)
    except DslError as error:
        return str(error)
    return None
