"""Every gate lets a sound problem pass, and refuses the fault that it is there for."""

import pytest

from dataset_builder.certify import BUG_GATES, PROGRAM_GATES, Case, certified, first_refusal
from dataset_builder.model import Mutant
from dataset_builder.trials import Stock, Trial, exploits
from dsl_debug.agents.emitter import constant_program
from dsl_debug.episode import DSLDebugEnv
from dsl_debug.lang import Table, parse, print_program
from dsl_debug.problem import Bug, DslProblem
from tests.dataset_builder.shop import shop, shop_database

SOUND = """
sold = load("orders")
  |> filter(quantity > 5)
  |> group_by(city)
  |> aggregate(revenue: sum(price))
  |> sort_by(revenue, desc)
emit sold
"""


def trial(code: str, shown: int = 1, pool: range = range(2, 10), **rows: int) -> Trial:
    return Trial(parse(code), Stock(shop(shown, **rows)), [Stock(shop(seed)) for seed in pool])


def mutant(code: str, category: str = "standard", place: tuple[str, int] = ("sold", 2)) -> Mutant:
    bug = Bug("test", 1, "made for a test", "", "")
    return Mutant(category, code, parse(code), (bug,), place)


def case(old: str, new: str, category: str = "standard") -> Case:
    return Case(trial(SOUND), mutant(SOUND.replace(old, new), category))


def test_a_sound_problem_passes_and_says_what_was_tried() -> None:
    problem = certified(case("sum(price)", "avg(price)"), shop_database(), "Revenue by city.")
    assert isinstance(problem, DslProblem)
    certificate = problem.certificate
    assert certificate["neighbours"] > 80
    assert certificate["killed_only_by_hidden_rows"] == 0
    tried = (certificate[name] for name in ("failing", "equivalent", "killed_by_shown_rows"))
    assert sum(tried) == certificate["neighbours"]
    assert certificate["exploits_rejected"]["constant_emitter"] == 1
    assert 3 <= len(problem.hidden) <= 6
    assert problem.prompt[0]["role"] == "system"
    assert problem == DslProblem.from_row(problem.to_row())


def test_a_constant_emitter_is_right_on_the_rows_shown_and_is_paid_nothing() -> None:
    problem = certified(case("sum(price)", "avg(price)"), shop_database(), "")
    assert isinstance(problem, DslProblem)
    attack = constant_program(problem.expected_output, problem.tables)
    assert attack is not None
    for kind, wanted in (("visible", 1.0), ("robust", 0.0)):
        env = DSLDebugEnv(reward_kind=kind)
        env.reset(problem)
        assert env.call("submit", code=print_program(attack)).reward == wanted


REFUSED_PROGRAMS = {
    "fails": ("(price)", "(prize)", "the correct program fails"),
    "too many rows": (
        "  |> group_by(city)\n  |> aggregate(revenue: sum(price))\n  |> sort_by(revenue, desc)\n",
        "",
        "more than 20 expected rows",
    ),
    "one row": ("(quantity > 5)", '(city == "Bonn")', "fewer than 2 expected rows"),
    "a tie": ("sum(price)", "max(quantity)", "a tie decides the order of the expected rows"),
}


@pytest.mark.parametrize(("old", "new", "reason"), REFUSED_PROGRAMS.values(), ids=REFUSED_PROGRAMS)
def test_programs_that_are_refused(old: str, new: str, reason: str) -> None:
    assert old in SOUND
    assert first_refusal(PROGRAM_GATES, trial(SOUND)) is None
    assert first_refusal(PROGRAM_GATES, trial(SOUND.replace(old, new))) == reason


def test_few_rows_leave_room_for_coincidences() -> None:
    assert first_refusal(PROGRAM_GATES, trial(SOUND, orders=9)) == (
        "a neighbour of the correct program gives the rows shown by coincidence"
    )


def test_a_program_without_rows_on_other_contents_is_refused() -> None:
    empty = Stock({name: Table({c: [0] for c in t.names}) for name, t in shop(1).items()})
    only_here = Trial(parse(SOUND), Stock(shop(1)), [empty] * 8)
    assert first_refusal(PROGRAM_GATES, only_here) == (
        "too few other contents on which the correct program gives rows"
    )


def test_the_same_rows_everywhere_are_no_other_contents() -> None:
    same = Trial(parse(SOUND), Stock(shop(1)), [Stock(shop(1))] * 8)
    assert same.others == []


REFUSED_BUGS = {
    "no change": (case("desc", "desc"), "the buggy program gives the expected rows"),
    "fails": (case("city", "town", category="nonlocal"), "the buggy program fails"),
    "near": (case("sum", "avg", category="nonlocal"), "the root cause is too near to the result"),
    "one mistake": (case("sum", "avg", category="intent_mismatch"), "not two or three mistakes"),
}


@pytest.mark.parametrize(("refused", "reason"), REFUSED_BUGS.values(), ids=REFUSED_BUGS)
def test_bugs_that_are_refused(refused: Case, reason: str) -> None:
    assert first_refusal(BUG_GATES, refused) == reason


def test_a_column_that_is_the_same_here_only_makes_a_coincidence() -> None:
    """`town` gives the same groups as `city` on the rows shown, and other ones elsewhere."""
    code = """
joined = load("orders")
  |> group_by(city)
  |> aggregate(revenue: sum(price), least: min(price))
  |> sort_by(revenue, desc)
  |> select(revenue, least)
emit joined
"""
    shown = shop(1)
    twins = {**shown["orders"].columns, "town": list(shown["orders"].columns["city"])}
    there = Stock({"orders": Table(twins)})
    pool = []
    for seed in range(2, 10):
        orders = shop(seed)["orders"].columns
        pool.append(Stock({"orders": Table({**orders, "town": orders["city"][::-1]})}))
    found = Trial(parse(code), there, pool)
    assert first_refusal(PROGRAM_GATES, found) == (
        "a neighbour of the correct program gives the rows shown by coincidence"
    )


def test_exploits_are_made_and_fail_elsewhere() -> None:
    made = trial(SOUND)
    attacks = exploits(made, parse(SOUND.replace("desc", "asc")))
    assert len(attacks["constant_emitter"]) == 1
    right_here = made.look_alikes(attacks["constant_emitter"] + attacks["key_filter"])
    assert right_here.coincidence is not None
    chosen, left = made.distilled([p for programs in attacks.values() for p in programs])
    assert left == []
    assert len(chosen) >= 3


def test_what_no_contents_tell_apart_is_left_over() -> None:
    made = trial(SOUND)
    chosen, left = made.distilled([made.correct])
    assert left == [made.correct]
    assert len(chosen) == 3
