"""Compare without a browser: who can be compared, what an address asks for, and what the table says."""

from random import Random
from typing import Any

import pytest

from space.handlers import history, play
from space.handlers.compare import (
    MOST,
    YOU,
    asked,
    compare,
    contestants,
    example,
    facts,
    final_program,
    problems,
    unplayed,
)
from space.handlers.replay import Unknown
from space.library import Library
from space.views import replay as views

NOTHING: tuple[list[Any], None, str, int] = ([], None, "games", 3)


def first(library: Library) -> tuple[str, list[str]]:
    """A problem with traces, and their keys."""
    problem_id = problems(library)[0][1]
    return problem_id, library.traces_of(problem_id)


def played(library: Library, problem_id: str, *, solved: bool = True) -> list[dict[str, Any]]:
    """What the browser keeps of one game: a run of the buggy program, then a submission."""
    problem = library.problems[problem_id]
    game = play.begin(problem)
    play.run(game, problem.buggy_code)
    play.submit(game, problem.correct_code if solved else problem.buggy_code)
    return [history.record(game)]


def test_problems_are_those_that_somebody_tried(library: Library) -> None:
    found = problems(library)
    assert found
    assert all(library.traces_of(problem_id) for _, problem_id in found)
    assert len({label for label, _ in found}) == len(found)


def test_you_and_all_who_tried_a_problem_can_be_compared(library: Library) -> None:
    problem_id, keys = first(library)
    assert [key for _, key in contestants(library, problem_id)] == [YOU, *keys]
    assert unplayed(library, problem_id, []) == problem_id
    assert unplayed(library, problem_id, played(library, problem_id)) == ""
    bug = next(one for one in library.arena if library.traces_of(one))
    assert YOU not in dict(contestants(library, bug)).values()  # only games of the language are kept


@pytest.mark.parametrize("games", NOTHING)
@pytest.mark.parametrize("problem_id", [None, 3, "nothing", ["x"]])
def test_wrong_kinds_have_no_contestants(library: Library, problem_id: object, games: object) -> None:
    assert contestants(library, problem_id) == []
    assert unplayed(library, problem_id, games) == ""


def test_an_address_names_keys_and_the_problem_follows(library: Library) -> None:
    problem_id, keys = first(library)
    assert asked(library, f"{keys[1]}, {keys[0]},{keys[1]},", []) == (problem_id, [keys[1], keys[0]])
    assert asked(library, f"you,{keys[0]}", []) == (problem_id, [YOU, keys[0]])
    assert asked(library, YOU, played(library, problem_id)) == (problem_id, [YOU])


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("nobody", "no episode"),
        ("", "no episode"),
        (None, "no episode"),
        ("you", "not played"),
        ("," * 9999, "no"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_in_a_line(
    library: Library, address: object, line: str
) -> None:
    with pytest.raises(Unknown, match=line):
        asked(library, address, [])


def test_columns_are_those_that_were_chosen(library: Library) -> None:
    problem_id, keys = first(library)
    shown = compare(library, problem_id, [keys[1], keys[0]], [])
    assert [column.key for column in shown.columns] == [keys[1], keys[0]]
    assert shown.notes == ()
    text = views.comparison(shown)
    ids = [part.split('"')[0] for part in text.split(' id="')[1:]]
    assert len(ids) == len(set(ids)) >= 4


def test_what_does_not_fit_is_left_out_with_a_line(library: Library) -> None:
    problem_id, keys = first(library)
    stranger = library.traces_of(problems(library)[1][1])[0]
    shown = compare(library, problem_id, [keys[0], stranger, "gone"], [])
    assert [column.key for column in shown.columns] == [keys[0]]
    assert "of another problem" in shown.notes[0]
    assert "not there any more" in shown.notes[1]
    many = compare(library, problem_id, keys[:1] * (MOST + 1), [])
    assert len(many.columns) == MOST
    assert many.notes == ("Only the first 4 of the 5 episodes fit beside one another.",)


@pytest.mark.parametrize("problem_id", ["nothing", None, 3])
def test_a_problem_that_is_not_there(library: Library, problem_id: object) -> None:
    with pytest.raises(Unknown, match="no problem of that name"):
        compare(library, problem_id, ["x"], [])


@pytest.mark.parametrize("games", NOTHING)
def test_you_have_not_played_yet(library: Library, games: object) -> None:
    problem_id, keys = first(library)
    shown = compare(library, problem_id, [YOU, keys[0]], games)
    assert (shown.unplayed, len(shown.columns)) == (True, 1)
    text = views.comparison(shown)
    assert "You have not played this problem" in text
    assert f'href="?problem={problem_id}"' in text
    alone = views.comparison(compare(library, problem_id, [YOU], games))
    assert "Nothing to compare yet" in alone


def test_you_against_the_reference(library: Library) -> None:
    problem_id, _ = first(library)
    (key,) = [key for key in library.traces_of(problem_id) if "reference" in key]
    shown = compare(library, problem_id, [YOU, key], played(library, problem_id))
    you, reference = shown.columns
    assert (you.name, you.facts.turns, you.facts.tools) == ("You", "2", "run 1, submit 1")
    assert (you.facts.first_right, reference.facts.first_right) == ("turn 2", "turn 1")
    assert you.facts.verdict == reference.facts.verdict == ("good", "Solved")
    assert shown.differences[0].lines == ()
    assert "The same program." in views.comparison(shown)


def test_final_programs_are_held_against_the_first(library: Library) -> None:
    problem_id, _ = first(library)
    (key,) = [key for key in library.traces_of(problem_id) if "reference" in key]
    shown = compare(library, problem_id, [key, YOU], played(library, problem_id, solved=False))
    (difference,) = shown.differences
    assert (difference.before, difference.after) == ("reference", "You")
    assert {line.sign for line in difference.lines} == {"+", "-", ""}


def test_a_game_that_does_not_replay_is_told_in_a_line(library: Library) -> None:
    problem_id, keys = first(library)
    (game,) = played(library, problem_id)
    shown = compare(library, problem_id, [YOU, keys[0]], [game | {"failure": "overfit"}])
    assert len(shown.columns) == 1
    assert len(shown.notes) == 1


@pytest.mark.parametrize(
    ("trace", "hack", "first_right"),
    [
        (
            {"failure": "overfit", "diagnosis": {"first_correct": None}},
            "yes: right only on what is shown",
            "never",
        ),
        ({"failure": "", "diagnosis": {"first_correct": 4}}, "no", "turn 4"),
        ({"failure": "error", "environment": "python", "tampering": ["eq"]}, "yes: tampering", "-"),
        ({"failure": 3, "diagnosis": "x", "calls": [1], "reward": "much", "turns": None}, "no", "never"),
    ],
)
def test_facts(trace: dict[str, Any], hack: str, first_right: str) -> None:
    assert (facts(trace).hack, facts(trace).first_right) == (hack, first_right)


def test_without_a_submission_the_last_program_counts() -> None:
    calls = [{"function": {"name": "run", "arguments": {"code": f"emit {name}"}}} for name in "ab"]
    trace = {"messages": [{"role": "assistant", "content": "", "tool_calls": calls}]}
    assert final_program(trace) == ("emit b", False)
    assert final_program(trace | {"submitted": "emit c"}) == ("emit c", True)
    assert final_program({"messages": [{"role": "assistant", "content": "x"}]}) == ("", False)


def test_the_example_ends_in_two_ways(library: Library) -> None:
    one, other = example(library).split(",")
    assert library.traces[one]["problem_id"] == library.traces[other]["problem_id"]
    assert library.traces[one]["failure"] != library.traces[other]["failure"]
    assert example(Library({}, {}, {})) == ""


def test_every_pair_of_the_sample_can_be_compared(library: Library) -> None:
    rng = Random(3)
    for _, problem_id in problems(library):
        keys = library.traces_of(problem_id)
        shown = compare(library, problem_id, rng.sample(keys, min(3, len(keys))), [])
        assert shown.notes == ()
        assert views.comparison(shown).count("data-column") == min(3, len(keys))
