"""A visitor's own games: kept in the browser, distrusted when they come back, played again as traces."""

import json
from time import thread_time
from typing import Any

import pytest

from dsl_debug.diagnosis import diagnose_chat
from dsl_debug.replay import trace_parts
from dsl_debug.results.columns import check_columns
from dsl_debug.visitors import MAX_CODE
from space.handlers import history, play
from space.handlers.history import (
    MAX_CHARACTERS,
    MAX_RECORDS,
    added,
    as_trace,
    checked,
    record,
    summary,
)
from space.handlers.play import Game
from tests.problems import BUGGY, CORRECT, OVERFIT, make_problem

PROBLEM = make_problem()
NOW = 1_700_000_000.0  # 2023-11-14, 22:13:20 UTC


def won() -> Game:
    """A game with a move of every kind."""
    game = play.begin(PROBLEM, now=NOW)
    play.run(game, BUGGY)
    play.hint(game)
    play.docs(game, "filter")
    play.inspect(game, BUGGY, "totals", 2)
    play.submit(game, CORRECT)
    game.ended = NOW + 61.26
    return game


def kept(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A record that is good, but for the changes."""
    when = f"2023-11-14T22:{number // 60:02}:{number % 60:02}Z"
    return {**record(won()), "when": when, **changes}


# Records


def test_what_is_kept_of_a_game() -> None:
    cut = BUGGY.replace("\n  |> sort_by(revenue, desc)", "")
    assert record(won()) == {
        "problem": PROBLEM.id,
        "category": "standard",
        "difficulty": "easy",
        "failure": "",
        "turns": 5,
        "hints": 1,
        "seconds": 61.3,
        "when": "2023-11-14T22:14:21Z",
        "aided": True,
        "calls": [
            ["run", {"code": BUGGY}],
            ["hint", {}],
            ["read_docs", {"operation": "filter"}],
            ["inspect", {"node_name": "totals", "code": cut}],
            ["submit", {"code": CORRECT}],
        ],
    }


def test_a_game_that_goes_on_is_not_kept() -> None:
    with pytest.raises(ValueError, match="goes on"):
        record(play.begin(PROBLEM))


def test_a_record_survives_the_browser() -> None:
    mine = record(won())
    assert checked(json.loads(json.dumps([mine]))) == [mine]
    assert added([], mine) == [mine]


@pytest.mark.parametrize("value", [None, 0, "", "[]", {}, {"0": kept()}, [[]], [None, 1, "x", {}, [kept()]]])
def test_storage_that_holds_no_records(value: object) -> None:
    assert checked(value) == []


DEEP: list[Any] = []
for _ in range(50_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "changes",
    [
        {"problem": "x"},
        {"problem": "0" * 15 + "g"},
        {"problem": ["0" * 16]},
        {"category": "<b>"},
        {"category": {}},
        {"difficulty": None},
        {"failure": "won"},
        {"failure": []},
        {"turns": True},
        {"turns": -1},
        {"turns": 10**400},
        {"hints": 1.0},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"seconds": 10**400},
        {"seconds": True},
        {"when": "yesterday"},
        {"when": "2023-13-14T22:13:20Z"},
        {"when": "2023-11-14T22:13:20Z\n"},
        {"aided": 1},
        {"calls": None},
        {"calls": [["run"]]},
        {"calls": [["run", {"code": 1}]]},
        {"calls": [["run", {}]]},
        {"calls": [["run", {"code": "", "more": ""}]]},
        {"calls": [["hint", {"code": ""}]]},
        {"calls": [["__init__", {}]]},
        {"calls": [[["run"], {}]]},
        {"calls": [["run", {"code": "x" * (MAX_CODE + 1)}]]},
        {"calls": [["run", {"code": "\ud800"}]]},
        {"calls": [["hint", {}]] * 101},
        {"calls": [["run", {"code": "x" * MAX_CODE}]] * 11},
        {"calls": DEEP},
        {"calls": [["run", {"code": DEEP}]]},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_records_that_are_none_are_left_out(changes: dict[str, Any]) -> None:
    good = kept(1)
    assert checked([kept(2, **changes), good]) == [good]


def test_what_else_is_in_a_record_is_left_out() -> None:
    assert checked([kept(1, **{"<script>": DEEP})]) == [kept(1)]


def test_the_newest_come_first_and_each_one_once() -> None:
    assert checked([kept(1), kept(3), kept(2), kept(3)]) == [kept(3), kept(2), kept(1)]
    assert added([kept(1), kept(3)], kept(2)) == [kept(3), kept(2), kept(1)]


def test_the_oldest_are_left_out_when_there_are_many() -> None:
    many = [kept(number) for number in range(40)]
    found = checked(many)
    assert len(found) == MAX_RECORDS == 30
    assert (found[0], found[-1]) == (kept(39), kept(10))


def test_the_oldest_are_left_out_when_they_are_large() -> None:
    calls = [["run", {"code": "x" * MAX_CODE}]] * 3
    found = checked([kept(number, calls=calls) for number in range(10)])
    assert len(found) == 3  # of 60,000 characters each
    assert len(json.dumps(found)) <= MAX_CHARACTERS
    assert found[0]["when"].endswith(":09Z")


def test_letters_that_json_spells_out_count_in_full() -> None:
    found = checked([kept(number, calls=[["run", {"code": "\n" * MAX_CODE}]]) for number in range(10)])
    assert len(found) == 4
    assert len(json.dumps(found)) <= MAX_CHARACTERS


def test_a_full_storage_of_a_stranger_is_looked_at_quickly() -> None:
    calls = [["run", {"code": "\N{SNOWMAN}" * MAX_CODE}]] * 9
    bad = kept(calls=[*calls, ["run", {"code": "\ud800"}]])
    start = thread_time()
    assert checked([bad] * 300) == []
    assert thread_time() - start < 0.5


def test_older_records_are_not_looked_at_once_there_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    check = history._FIELDS["calls"]
    monkeypatch.setitem(history._FIELDS, "calls", lambda value: looked.append(value) or check(value))
    checked([kept(number) for number in range(200)])
    assert len(looked) == MAX_RECORDS


# Figures


def test_a_summary() -> None:
    ends = ["", "", "error", "", "", "", "overfit"]
    records = [kept(number, failure=end) for number, end in enumerate(ends)]
    assert summary(checked(records)) == {
        "played": 7,
        "solved": 5,
        "best_streak": 3,
    }


def test_a_summary_of_nothing() -> None:
    assert summary([]) == {"played": 0, "solved": 0, "best_streak": 0}


# As traces


def test_a_game_becomes_a_trace() -> None:
    game = won()
    trace = as_trace(PROBLEM, record(game))
    check_columns(trace)
    assert (trace["policy"], trace["problem_id"], trace["sample"], trace["seconds"]) == (
        *("you", PROBLEM.id, 0),
        61.3,
    )
    assert (trace["failure"], trace["reward"], trace["turns"], trace["submitted"]) == ("", 1.0, 5, CORRECT)
    assert trace["calls"] == {"hint": 1, "inspect": 1, "read_docs": 1, "run": 1, "submit": 1}
    assert trace["diagnosis"] == {
        "faulty": ["paid"],
        "inspected": False,
        "first_visible": 5,
        "first_correct": 5,
    }
    told = [message["content"] for message in trace["messages"] if message["role"] == "tool"]
    assert [text.partition("\n\n[")[0] for text in told] == [move.answer for move in game.moves]
    assert diagnose_chat(PROBLEM, trace["messages"]).first_correct == 5


def test_the_trace_of_a_game_can_be_shown_step_by_step() -> None:
    parts = trace_parts(as_trace(PROBLEM, record(won()), policy="me"), PROBLEM)
    assert [step.label for step in parts.steps] == [*(f"Turn {n}" for n in range(1, 6)), "Outcome"]
    assert "What the program is for: What each region paid." in parts.steps[1].html
    assert parts.policy == "me"


@pytest.mark.parametrize("code", [OVERFIT, BUGGY, "emit nothing"])
def test_lost_games_become_traces_too(code: str) -> None:
    game = play.begin(PROBLEM)
    play.submit(game, code)
    mine = record(game)
    assert as_trace(PROBLEM, mine)["failure"] == mine["failure"] != ""


def test_games_out_of_turns_become_traces_too() -> None:
    game = play.begin(PROBLEM, aided=False)
    for _ in range(8):
        play.docs(game, "take")
    assert as_trace(PROBLEM, record(game))["failure"] == "never_submitted"


SUBMIT = ["submit", {"code": CORRECT}]


@pytest.mark.parametrize(
    "changes",
    [
        {"problem": "0" * 16},
        {"failure": "error"},
        {"turns": 4},
        {"hints": 0},
        {"calls": []},
        {"calls": [["hint", {}]] * 4 + [SUBMIT]},
        {"calls": [SUBMIT, SUBMIT]},
        {"calls": [["run", {"code": CORRECT}]]},
    ],
)
def test_games_that_do_not_come_out_as_they_say(changes: dict[str, Any]) -> None:
    (mine,) = checked([kept(**changes)])
    with pytest.raises(ValueError, match=r"^This game .*\.$"):
        as_trace(PROBLEM, mine)
