"""The arena without a page: rules of a round, what refuses a visitor, and what is shown."""

import threading
from random import Random
from typing import Any

import pytest

from dsl_debug.problem import Bug, PythonProblem
from dsl_debug.sandbox import LAYERS, Sandbox, SandboxError, TestReport
from dsl_debug.visitors import ARENA_SWITCH, Refused, why_arena_closed
from space.handlers import arena as rules
from space.handlers.arena import ANY, Arena, Result, Round
from space.views import arena as views

PRESENT = dict.fromkeys(LAYERS, "present")


def problem(function: str = "double", category: str = "logic", difficulty: str = "easy") -> PythonProblem:
    """Twice a number: the buggy function is right for 2 only."""
    return PythonProblem(
        category=category,
        difficulty=difficulty,
        family="numbers",
        function=function,
        source="hand_written",
        buggy_code=f"def {function}(n):\n    return n + 2\n",
        correct_code=f"def {function}(n):\n    return n * 2\n",
        description="Return twice n.",
        tests=({"args": (2,), "expected": 4}, {"args": (3,), "expected": 6}),
        hidden_tests=({"args": (0,), "expected": 0}, {"args": (5,), "expected": 10}),
        bugs=(Bug("logic", 2, "Line 2 adds.", "return n * 2", "return n + 2"),),
        hint="What is n + n?",
    )


def arena_of(*problems: PythonProblem, **given: Any) -> Arena:
    return Arena({p.id: p for p in problems or (problem(),)}, given.pop("box", Sandbox()), **given)


@pytest.fixture
def arena():
    with Sandbox() as box:
        yield arena_of(box=box)


def start(arena: Arena) -> Round:
    return rules.begin(arena, next(iter(arena.problems.values())), now=0.0)


def end_of(game: Round) -> Result:
    found = rules.result(game)
    assert found is not None
    return found


def of(code: str) -> dict[str, object]:
    return {"code": code}


def test_a_fix_earns_all_that_there_is(arena: Arena) -> None:
    game = start(arena)
    move = rules.attempt(arena, game, "run_tests", game.problem.buggy_code)
    assert [check.passed for check in move.checks] == [True, False]
    assert (move.checks[1].call, move.checks[1].gave, move.checks[1].expected) == ("double(3)", "5", "6")
    assert rules.result(game) is None
    rules.attempt(arena, game, "submit", game.problem.correct_code)
    found = end_of(game)
    assert (found.failure, found.attempts, found.visible, found.hidden) == ("", 2, 2, 2)
    assert found.signals == {"r1": 1.0, "r2": 2.0, "r3": 0.2, "r4": 0.0}
    assert found.reward == pytest.approx(3.2)


def test_a_coincidence_is_told_from_a_fix(arena: Arena) -> None:
    game = start(arena)
    rules.attempt(arena, game, "submit", "def double(n):\n    return 6 if n == 3 else n + 2\n")
    found = end_of(game)
    assert (found.failure, found.visible, found.hidden, found.signals["r1"]) == ("overfit", 2, 0, 0.5)
    shown = views.board(arena, game)
    assert "Overfit" in shown.answer
    assert "0 of 2" in shown.answer
    assert shown.editor is not None
    assert shown.editor["locked"]
    assert not shown.can_act


def test_attempts_run_out(arena: Arena) -> None:
    game = start(arena)
    for number in range(1, 6):
        assert rules.attempt(arena, game, "run_tests", game.code).attempt == number
    found = end_of(game)
    assert found.failure == "never_submitted"
    assert found.reward == 0.0
    with pytest.raises(Refused, match="over"):
        rules.attempt(arena, game, "submit", game.problem.correct_code)
    assert "Never submitted" in views.board(arena, game).answer


def test_a_hint_takes_an_attempt_and_never_the_last(arena: Arena) -> None:
    game = start(arena)
    assert "What is n + n?" not in views.board(arena, game).tests
    rules.hint(game)
    assert game.env.turns_left == 4
    assert "What is n + n?" in views.board(arena, game).tests
    with pytest.raises(Refused, match="no further"):
        rules.hint(game)
    other = start(arena)
    for _ in range(4):
        rules.attempt(arena, other, "run_tests", other.code)
    with pytest.raises(Refused, match="last attempt"):
        rules.hint(other)
    assert other.env.turns_left == 1


# What refuses


class Failing(Sandbox):
    """A sandbox that cannot do its work."""

    def run_tests(self, *_: object, **__: object) -> TestReport:
        raise SandboxError("broken")


def test_a_failing_sandbox_takes_no_attempt() -> None:
    arena = arena_of(box=Failing())
    game = start(arena)
    for tool in ("run_tests", "submit"):
        assert "nothing was counted" in rules.act(arena, game, tool, of(game.code))
    assert (game.env.turns_left, game.moves, rules.result(game)) == (5, [], None)
    assert game.env.outcome.calls == {}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "reload"),
        ([], "reload"),
        ({"code": 1}, "reload"),
        ({"code": "x" * 1_000_000}, "1,000,000"),
        ({"code": "# \ud800"}, "not valid Unicode"),
    ],
)
def test_what_is_no_function_is_refused(arena: Arena, value: object, words: str) -> None:
    game = start(arena)
    assert words in rules.act(arena, game, "run_tests", value)
    assert (game.env.turns_left, game.code) == (5, game.problem.buggy_code)


def test_text_that_is_nested_too_deeply_is_told_so(arena: Arena) -> None:
    game = start(arena)
    rules.act(arena, game, "submit", of(f"def double(n):\n    return {'-' * 600}n\n"))
    assert game.env.done or game.env.turns_left == 5


def test_a_full_arena_says_so() -> None:
    arena = arena_of(wait_seconds=0.01)
    game = start(arena)
    for _ in range(rules.PLACES):
        arena.places.acquire()
    assert "busy" in rules.act(arena, game, "run_tests", of(game.code))
    assert game.env.turns_left == 5


def test_two_clicks_are_one_attempt() -> None:
    entered, leave = threading.Event(), threading.Event()

    class Slow(Failing):
        def run_tests(self, *_: object, **__: object) -> TestReport:
            entered.set()
            leave.wait(10)
            raise SandboxError("enough")

    arena = arena_of(box=Slow())
    game = start(arena)
    first = threading.Thread(target=rules.act, args=(arena, game, "run_tests", of(game.code)))
    first.start()
    assert entered.wait(10)
    assert "still running" in rules.act(arena, game, "run_tests", of(game.code))
    leave.set()
    first.join(10)


# Whether functions may run here


@pytest.mark.parametrize(
    ("found", "closed"),
    [
        (PRESENT, ()),
        (PRESENT | {"namespaces": "missing: no"}, ()),
        (PRESENT | {"rlimits": "missing: no"}, ("rlimits",)),
        (PRESENT | {"seccomp": "missing: no", "landlock": "missing: old"}, ("seccomp", "landlock")),
    ],
)
def test_the_arena_is_closed_where_a_layer_is_missing(found: dict[str, str], closed: tuple[str, ...]) -> None:
    why = why_arena_closed({}, lambda: found)
    assert tuple(line.split()[0] for line in why) == closed


def test_a_closed_arena_can_be_read_and_runs_nothing() -> None:
    why = why_arena_closed({}, lambda: PRESENT | {"seccomp": "missing: no", "landlock": "missing: old"})
    arena = arena_of(box=Failing(), closed=why)
    game = start(arena)
    assert "cannot run" in rules.act(arena, game, "run_tests", of(game.code))
    shown = views.board(arena, game, fresh=True)
    assert "landlock" in shown.task
    assert "missing: old" in shown.task
    assert "What is n + n?" in shown.tests
    assert "Line 2 adds." in shown.tests
    assert not shown.can_act
    assert not shown.can_hint
    assert shown.editor is not None
    assert shown.editor["locked"]


@pytest.mark.parametrize("word", ["off", "OFF", " 0 ", "no"])
def test_an_operator_switches_it_off(word: str) -> None:
    def asked() -> dict[str, str]:
        raise AssertionError("the kernel is not asked")

    (line,) = why_arena_closed({ARENA_SWITCH: word}, asked)
    assert ARENA_SWITCH in line


# Choosing


def test_the_next_bug_is_new_and_fits() -> None:
    easy, other, hard = problem("a"), problem("b"), problem("c", "recursion", "hard")
    problems = {p.id: p for p in (easy, other, hard)}
    for seed in range(5):
        assert rules.pick(problems, ANY, "easy", (easy.id,), Random(seed)) == other
        assert rules.pick(problems, "recursion", ANY, (), Random(seed)) == hard
        assert rules.pick(problems, ANY, ANY, (easy.id, hard.id, other.id), Random(seed)) != other
        assert rules.pick(problems, "recursion", ANY, (hard.id,), Random(seed)) == hard
    with pytest.raises(Refused):
        rules.pick(problems, "recursion", "easy", (), Random(0))


def test_an_address_opens_its_bug() -> None:
    one, two = problem("a"), problem("b")
    arena = arena_of(one, two)
    game, remark = rules.open_by(arena, two.id, Random(0))
    assert game is not None
    assert game.problem == two
    assert not remark
    game, remark = rules.open_by(arena, "<script>", Random(0))
    assert game is not None
    assert "no bug at this address" in remark
    game, remark = rules.open_by(arena_of(), None, Random(0))
    assert game is not None
    assert not remark
    nothing = Arena({}, Sandbox())
    assert rules.open_by(nothing, "x", Random(0)) == (None, "")
    assert "No bug here" in views.board(nothing, None).task
    assert "reload" in rules.act(nothing, None, "submit", of(""))


# Hostile functions


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("while True: pass", "longer than it may"),
        ("while True: __import__('os').fork()", "not permitted"),
        ("while True: print('<b>loud</b>' * 99)", "&lt;b&gt;loud"),
        ("raise ValueError('<img src=x onerror=alert(1)>')", "&lt;img"),
        ("return type('E', (dict,), {'__eq__': lambda *_: True})()", "not plain data"),
        ("return '<script>' * 9", "&lt;script&gt;"),
        ("return ('x' * 10 ** 12)", "MemoryError"),
    ],
)
def test_hostile_functions_are_bounded_and_escaped(arena: Arena, body: str, words: str) -> None:
    game = start(arena)
    assert not rules.act(arena, game, "run_tests", of(f"def double(n):\n    {body}\n"))
    answer = views.board(arena, game).answer
    assert words in answer
    assert not any(mark in answer for mark in ("<b>loud", "<img", "<script"))
    assert len(answer) < 20_000


def test_tampering_costs_and_is_named(arena: Arena) -> None:
    game = start(arena)
    rules.attempt(arena, game, "submit", "import os\n\ndef double(n):\n    return n * 2\n")
    found = end_of(game)
    assert found.signals["r4"] == -1.0
    assert "Found: import os" in views.board(arena, game).answer


def test_every_bug_of_the_sample_fails_and_its_fix_passes(library) -> None:
    with Sandbox() as box:
        arena = Arena(library.arena, box)
        for task in library.arena.values():
            game = rules.begin(arena, task)
            before = rules.attempt(arena, game, "run_tests", task.buggy_code)
            rules.attempt(arena, game, "submit", task.correct_code)
            assert before.passed < len(task.tests), task.id
            assert end_of(game).failure == "", task.id
