"""The pool of dynamic sampling: what it draws, what rests, that none starves, and that it is worth it."""

import json
from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from recipes.common.pool import ProblemPool

ROLLOUTS = 8


def pool_of(size: int, **settings: float) -> ProblemPool:
    return ProblemPool([f"p{n}" for n in range(size)], seed=7, **settings)


def test_the_first_deck_holds_every_problem_once() -> None:
    pool = pool_of(20)
    drawn = pool.draw(12) + pool.draw(8)
    assert sorted(drawn) == list(range(20))
    assert drawn != sorted(drawn), "a deck is shuffled"


def test_no_problem_comes_twice_in_one_draw_while_others_wait() -> None:
    pool = pool_of(10)
    pool.draw(7)
    assert sorted(pool.draw(10)) == list(range(10)), "3 of the first deck, and the 7 others of the second"


def test_more_than_all_are_drawn_by_going_round_again() -> None:
    assert Counter(pool_of(3).draw(9)) == {0: 3, 1: 3, 2: 3}
    assert pool_of(3).draw(0) == []


def test_solve_rates_and_weights_by_hand() -> None:
    pool = pool_of(3, memory=10**9)
    assert pool.solve_rate(0) == 0.5
    assert pool.weight(0) == pytest.approx(0.125)  # 0.5 * 0.5 / (1 * 2)
    pool.update(0, 4, 8)
    assert pool.solve_rate(0) == pytest.approx(0.5)
    assert pool.weight(0) == pytest.approx(4.5 * 4.5 / (9 * 10))
    pool.update(1, 0, 8)
    assert pool.solve_rate(1) == pytest.approx(0.5 / 9)
    assert pool.weight(1) == pytest.approx(0.5 * 8.5 / (9 * 10))
    assert pool.shares() == pytest.approx([1.0, 0.5 * 8.5 / 4.5**2, 0.125 / 0.225])


def test_the_estimate_follows_a_policy_that_learns() -> None:
    pool = pool_of(1, memory=16.0)
    for _ in range(10):
        pool.update(0, 0, ROLLOUTS)
    assert pool.solve_rate(0) < 0.05
    for _ in range(4):
        pool.update(0, 6, ROLLOUTS)
    assert 0.55 < pool.solve_rate(0) < 0.75


def test_what_is_always_solved_rests_and_comes_back_for_a_look() -> None:
    pool = pool_of(4, rest_for=3)
    pool.draw(4)
    pool.update(0, ROLLOUTS, ROLLOUTS)
    for position in (1, 2, 3):
        pool.update(position, 4, ROLLOUTS)
    assert pool.is_resting(0)
    assert pool.resting() == 1
    decks = [pool.draw(3), pool.draw(3), pool.draw(4), pool.draw(3)]
    assert [0 in deck for deck in decks] == [False, False, True, False]


def test_seven_of_eight_do_not_rest() -> None:
    pool = pool_of(1)
    pool.update(0, 7, ROLLOUTS)
    assert not pool.is_resting(0)


def test_what_is_no_longer_solved_wakes_up() -> None:
    pool = pool_of(2)
    pool.update(0, ROLLOUTS, ROLLOUTS)
    assert pool.is_resting(0)
    pool.update(0, 2, ROLLOUTS)
    assert not pool.is_resting(0)
    assert pool.shares()[0] == 1.0


def test_a_pool_in_which_everything_rests_still_gives_problems() -> None:
    pool = pool_of(3)
    for position in pool.draw(3):
        pool.update(position, ROLLOUTS, ROLLOUTS)
    assert pool.resting() == 3
    assert sorted(pool.draw(3)) == [0, 1, 2]


def test_none_starves() -> None:
    """Hopeless and mastered problems among better ones: the gaps between their turns are bounded."""
    pool = pool_of(30, floor=0.2, rest_for=8)
    rates = [0.0] * 10 + [1.0] * 10 + [0.5] * 10
    seen: dict[int, list[int]] = {n: [] for n in range(30)}
    for deck in range(100):
        # A deck at a time: all that the pool would give before it makes the next one.
        positions = pool.draw(1)
        positions += pool.draw(len(pool.state()["deck"]))
        for position in positions:
            seen[position].append(deck)
            pool.update(position, round(rates[position] * ROLLOUTS), ROLLOUTS)
    longest = [max(b - a for a, b in pairwise([*turns, 100])) for turns in seen.values()]
    assert max(longest[:10]) == 5, "1 / floor"
    assert max(longest[10:20]) <= 9, "rest_for, and one deck for the step of the estimate"
    assert max(longest[20:]) == 1


def informative_share(rates: list[float], *, with_pool: bool, rounds: int = 150, size: int = 64) -> float:
    """The share of groups with both outcomes, after every problem could be seen about once."""
    rng = Random(3)
    pool = ProblemPool([str(n) for n in range(len(rates))], seed=0)
    found: list[bool] = []
    for _ in range(rounds):
        for position in pool.draw(size) if with_pool else rng.sample(range(len(rates)), size):
            solved = sum(rng.random() < rates[position] for _ in range(ROLLOUTS))
            found.append(0 < solved < ROLLOUTS)
            pool.update(position, solved, ROLLOUTS)
    late = found[len(rates) :]
    return sum(late) / len(late)


def test_the_pool_finds_more_informative_groups_than_uniform_draws() -> None:
    """Half of the problems hopeless, a fifth mastered, three tenths in between: as training begins."""
    rates = [0.0] * 500 + [1.0] * 200 + [(n + 0.5) / 300 for n in range(300)]
    uniform = informative_share(rates, with_pool=False)
    weighted = informative_share(rates, with_pool=True)
    assert 0.2 < uniform < 0.3
    assert weighted > 2 * uniform


def test_a_problem_that_becomes_solvable_is_found_again() -> None:
    pool = pool_of(50)
    rng = Random(1)
    for rate in (0.0, 0.5):
        for _ in range(30):
            for position in pool.draw(25):
                learns = rate if position == 0 else 0.5
                pool.update(position, sum(rng.random() < learns for _ in range(ROLLOUTS)), ROLLOUTS)
        if not rate:
            assert pool.shares()[0] == 0.2, "the floor"
    assert pool.shares()[0] > 0.8


def test_the_same_seed_gives_the_same_draws_and_another_one_others() -> None:
    first, second, other = pool_of(30), pool_of(30), ProblemPool([f"p{n}" for n in range(30)], seed=8)
    assert first.draw(45) == second.draw(45)
    assert first.draw(30) != other.draw(30)


def test_a_restored_pool_goes_on_as_if_nothing_had_happened() -> None:
    first = pool_of(30)
    for position in first.draw(20):
        first.update(position, position % 9, ROLLOUTS)
    second = pool_of(30)
    second.restore(json.loads(json.dumps(first.state())))
    assert first.draw(100) == second.draw(100)
    assert first.state() == second.state()


def test_the_state_of_other_problems_is_refused() -> None:
    message = r"^the pool that was saved is of other problems \(3 of them, 1 not here\), or of these in"
    with pytest.raises(ValueError, match=message):
        pool_of(2).restore(pool_of(3).state())


@pytest.mark.parametrize("ids", [[], ["a", "b", "a"]])
def test_ids_that_make_no_pool_are_refused(ids: list[str]) -> None:
    with pytest.raises(ValueError, match=r"^a pool needs problems, each once; got \d, \d different$"):
        ProblemPool(ids, seed=0)


@pytest.mark.parametrize("settings", [{"rest_at": 0}, {"rest_for": 0}, {"floor": 0}, {"memory": 1}])
def test_settings_without_sense_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"^a pool needs rest_at and floor above 0 up to 1"):
        pool_of(3, **settings)


@pytest.mark.parametrize(("solved", "tries"), [(-1, 8), (9, 8)])
def test_outcomes_that_cannot_be_are_refused(solved: int, tries: int) -> None:
    with pytest.raises(ValueError, match=rf"^of 8 rollouts, 0 to 8 are solved, not {solved}$"):
        pool_of(1).update(0, solved, tries)
