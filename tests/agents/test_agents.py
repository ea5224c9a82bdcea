"""Whole episodes of every agent, on problems made by hand and on the published ones."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from dsl_debug.agents import AGENTS, play
from dsl_debug.data import sample_problems
from dsl_debug.episode import DSLDebugEnv
from dsl_debug.lang import Dialect, Table
from dsl_debug.problem import DslProblem, load_published
from dsl_debug.scoring import Outcome, failure, reward
from tests.problems import CORRECT, TOP_BUGGY, TOP_CORRECT, make_problem

LONG_CORRECT = """
big = load("events")
  |> filter(kind == "sale")
  |> filter(day <= 40)
totals = big
  |> group_by(shop)
  |> aggregate(total_amount: sum(amount), count: count())
  |> sort_by(total_amount, desc)
  |> take(4)
emit totals
"""


def events(seed: int) -> dict[str, Table]:
    """A table that is too long to be seen whole."""
    rng = Random(seed)
    rows = [
        {
            "day": rng.randrange(90),
            "kind": rng.choice(("sale", "refund", "gift")),
            "shop": rng.choice("abcdefg"),
            "amount": rng.randrange(1, 100),
        }
        for _ in range(150)
    ]
    return {"events": Table.from_rows(rows)}


def long_problem(right: str, wrong: str) -> DslProblem:
    buggy = LONG_CORRECT.replace(right, wrong)
    assert buggy != LONG_CORRECT
    return make_problem(LONG_CORRECT, buggy, events(0), [events(1), events(2)])


SMALL = {
    "filter": make_problem(),
    "direction": make_problem(TOP_CORRECT, TOP_BUGGY),
    "missing pipe": make_problem(buggy=CORRECT.replace("|> sort_by", "sort_by")),
    "typo": make_problem(buggy=CORRECT.replace("group_by", "gruop_by")),
    "unknown column": make_problem(buggy=CORRECT.replace("sum(amount)", "sum(amuont)")),
    "three mistakes": make_problem(
        buggy=CORRECT.replace("revenue: sum", "largest: max").replace("revenue, desc", "largest, asc")
    ),
}
LONG = {
    "comparison": long_problem("<= 40", ">= 40"),
    "value": long_problem('"sale"', '"gift"'),
    "threshold": long_problem("<= 40", "<= 45"),
    "function": long_problem("sum(amount)", "max(amount)"),
    "key": long_problem("group_by(shop)", "group_by(kind)"),
    "take": long_problem("take(4)", "take(2)"),
    "two mistakes": long_problem("desc)\n  |> take(4)", "asc)\n  |> take(3)"),
    "syntax and value": long_problem('|> filter(kind == "sale")', 'filter(kind == "gift")'),
}


def outcome_of(agent: str, problem: DslProblem, max_turns: int = 8) -> Outcome:
    return play(AGENTS[agent], DSLDebugEnv(max_turns), problem, Random(0))


@pytest.mark.parametrize("problem", [*SMALL.values(), *LONG.values()], ids=[*SMALL, *LONG])
def test_the_floor_and_the_ceiling(problem: DslProblem) -> None:
    floor, ceiling = outcome_of("unchanged", problem), outcome_of("reference", problem)
    assert (reward(floor), floor.turns, failure(floor)) == (0.0, 1, "unchanged")
    assert (reward(ceiling), ceiling.turns) == (1.0, 1)


@pytest.mark.parametrize("problem", [*SMALL.values(), *LONG.values()], ids=[*SMALL, *LONG])
def test_search_finds_the_fix(problem: DslProblem) -> None:
    outcome = outcome_of("search", problem)
    assert failure(outcome) == ""
    assert outcome.turns <= 8


@pytest.mark.parametrize("problem", [*SMALL.values(), *LONG.values()], ids=[*SMALL, *LONG])
def test_constants_fool_the_visible_rows_only(problem: DslProblem) -> None:
    outcome = outcome_of("constant_emitter", problem)
    assert outcome.visible_match
    assert failure(outcome) == "overfit"


def test_the_sample_problems_resist_constants_and_not_search() -> None:
    problems = sample_problems()
    constants = [outcome_of("constant_emitter", p) for p in problems]
    assert [o.visible_match for o in constants] == [True] * len(problems)
    assert [reward(o) for o in constants] == [0.0] * len(problems)
    assert sum(reward(outcome_of("search", p)) for p in problems) >= len(problems) - 2


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("max_turns", [1, 2, 3])
@pytest.mark.parametrize(
    "problem", [SMALL["filter"], SMALL["typo"], LONG["value"]], ids=["small", "typo", "long"]
)
def test_every_agent_submits_in_time(agent: str, max_turns: int, problem: DslProblem) -> None:
    outcome = outcome_of(agent, problem, max_turns)
    assert outcome.submitted is not None
    assert outcome.turns <= max_turns
    assert set(outcome.calls) <= {"run", "inspect", "read_docs", "submit"}


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("code", ["", "hello", "emit", "a = load(\n" * 50, "|> take(3)"])
def test_every_agent_takes_any_program(agent: str, code: str) -> None:
    assert outcome_of(agent, replace(SMALL["filter"], buggy_code=code)).submitted is not None


@pytest.mark.parametrize("agent", AGENTS)
def test_every_agent_takes_any_rows(agent: str) -> None:
    none = make_problem(correct=CORRECT.replace('"paid"', '"lost"'))
    long_text = {"notes": Table({"id": [1, 2], "text": ["x" * 300, "y" * 300]})}
    cut = make_problem(
        'a = load("notes") |> sort_by(id, desc)\nemit a', 'a = load("notes")\nemit a', long_text, []
    )
    for problem in (none, cut):
        assert outcome_of(agent, problem).submitted is not None


def history(agent: str, problem: DslProblem, env: DSLDebugEnv) -> list[tuple[Any, str]]:
    """The calls of an episode and what each was answered, the verdict left out."""
    play(AGENTS[agent], env, problem, Random(3))
    return [(turn.calls, turn.step.observation) for turn in env.history[:-1]] + [(env.history[-1].calls, "")]


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("problem", [SMALL["three mistakes"], LONG["value"]], ids=["small", "long"])
def test_the_same_seed_gives_the_same_episode(agent: str, problem: DslProblem) -> None:
    assert history(agent, problem, DSLDebugEnv()) == history(agent, problem, DSLDebugEnv())


class BlindEnv(DSLDebugEnv):
    """An environment that shows of its problem no more than the dialect."""

    @property
    def problem(self) -> Any:
        return SimpleNamespace(dialect=super().problem.dialect)


@pytest.mark.parametrize("agent", ["random_edit", "constant_emitter", "search"])
@pytest.mark.parametrize("problem", [SMALL["three mistakes"], LONG["value"]], ids=["small", "long"])
def test_players_see_no_more_than_they_are_shown(agent: str, problem: DslProblem) -> None:
    other = replace(problem, correct_code="emit nothing", hidden=())
    assert history(agent, problem, BlindEnv()) == history(agent, other, BlindEnv())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("agent", ["constant_emitter", "search"])
def test_dialects(agent: str, seed: int) -> None:
    dialect = Dialect.random(Random(seed))
    wrong = LONG_CORRECT.replace("<= 40", ">= 40")
    problem = make_problem(LONG_CORRECT, wrong, events(0), [], dialect)
    sort_by = dialect.word("sort_by")
    unpiped = problem.correct_code.replace(f"{dialect.pipe} {sort_by}", sort_by)
    assert unpiped != problem.correct_code
    assert outcome_of(agent, problem).visible_match
    assert outcome_of(agent, replace(problem, buggy_code=unpiped)).visible_match


def test_random_edits_differ_by_seed() -> None:
    codes = {
        play(AGENTS["random_edit"], DSLDebugEnv(), SMALL["filter"], Random(s)).submitted for s in range(10)
    }
    assert len(codes) > 5


# The least visible solve rates that are accepted on a twelfth of the published problems. Measured on all of
# them, standard / nonlocal / intent_mismatch: constant_emitter 99 / 99 / 95 %, random_edit 9 / 0 / 0 %,
# search 99 / 98 / 75 % (0.3 s an episode). In the sample one nonlocal problem is an eighth of them.
BOUNDS = {
    "unchanged": (0.0, 0.0, 0.0),
    "reference": (1.0, 1.0, 1.0),
    "constant_emitter": (0.93, 0.7, 0.7),
    "random_edit": (0.02, 0.0, 0.0),
    "search": (0.9, 0.7, 0.4),
}
CATEGORIES = ("standard", "nonlocal", "intent_mismatch")


@pytest.fixture(scope="module")
def published(published_dir: Path) -> list[DslProblem]:
    pytest.importorskip("pyarrow", reason="pyarrow, which reads the published files, is not installed")
    return load_published(published_dir)[::12]


@pytest.mark.parametrize("agent", AGENTS)
def test_solve_rates_on_published_problems(agent: str, published: list[DslProblem]) -> None:
    played = Counter(problem.category for problem in published)
    solved = Counter(
        problem.category
        for number, problem in enumerate(published)
        if play(AGENTS[agent], DSLDebugEnv(), problem, Random(number)).visible_match
    )
    rates = [solved[category] / played[category] for category in CATEGORIES]
    assert all(rate >= bound for rate, bound in zip(rates, BOUNDS[agent], strict=True)), rates
    if agent == "unchanged":
        assert rates == [0.0, 0.0, 0.0]
