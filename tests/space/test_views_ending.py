"""What Play shows at the end of a game, and of earlier ones."""

import pytest

from dsl_debug.problem import DslProblem
from space.handlers import play as rules
from space.handlers.history import record
from space.library import Library
from space.views.common import duration
from space.views.ending import history

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture
def problem(library: Library) -> DslProblem:
    return next(iter(library.problems.values()))


def test_history_lists_games_with_links_to_problems_that_are_here(
    problem: DslProblem, library: Library
) -> None:
    game = rules.begin(problem)
    rules.submit(game, problem.correct_code)
    html = history([record(game)], library)
    for name in ("played", "solved", "best streak"):
        assert f"<dt>{name}</dt><dd>1</dd>" in html
    assert f'href="?problem={problem.id}"' in html
    elsewhere = Library(problems={}, arena={}, traces={})
    assert "href" not in history([record(game)], elsewhere)


@pytest.mark.parametrize("stored", [None, [], "x", 3, {"a": 1}, [1, None, {}], [{"problem": HOSTILE}]])
def test_a_storage_without_good_records_is_an_empty_history(stored: object, library: Library) -> None:
    assert "No finished games yet" in history(stored, library)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (60, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7800, "2 h 10 min"),
        (-1, "0 s"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
