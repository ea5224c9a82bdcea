"""The curriculum sampler: levels open as they are solved, shares follow the variance of the reward."""

import json
from random import Random

import pytest

from recipes.common.curriculum import Curriculum, CurriculumPool

PROBLEMS = ["easy"] * 4 + ["medium"] * 3 + ["hard"] * 2


def practise(curriculum: Curriculum, level: str, results: list[bool]) -> None:
    position = list(curriculum.difficulties).index(level)
    for solved in results:
        curriculum.update(position, solved)


def test_starts_with_easy_problems_only() -> None:
    chosen = Curriculum(PROBLEMS).sample(100, Random(0))
    assert {PROBLEMS[i] for i in chosen} == {"easy"}


def test_no_problem_is_drawn_twice_before_all_were_drawn() -> None:
    chosen = Curriculum(PROBLEMS).sample(8, Random(1))
    assert sorted(chosen[:4]) == sorted(chosen[4:]) == [0, 1, 2, 3]


def test_a_level_opens_only_after_enough_solved_episodes() -> None:
    curriculum = Curriculum(PROBLEMS, min_episodes=10)
    practise(curriculum, "easy", [True] * 9)
    assert curriculum.open_levels() == ["easy"]
    practise(curriculum, "easy", [True])
    assert curriculum.open_levels() == ["easy", "medium"]


def test_a_level_that_is_not_solved_does_not_open_the_next() -> None:
    curriculum = Curriculum(PROBLEMS, min_episodes=10)
    practise(curriculum, "easy", [True, False] * 50)
    assert curriculum.open_levels() == ["easy"]


def test_an_open_level_stays_open_when_the_one_below_is_forgotten() -> None:
    curriculum = Curriculum(PROBLEMS, min_episodes=10)
    practise(curriculum, "easy", [True] * 20)
    practise(curriculum, "medium", [False] * 3)
    practise(curriculum, "easy", [False] * 200)
    assert curriculum.solve_rate("easy") < 0.1
    assert curriculum.open_levels() == ["easy", "medium"]


def test_missing_levels_are_passed_over() -> None:
    curriculum = Curriculum(["hard", "easy"], min_episodes=1)
    assert curriculum.open_levels() == ["easy"]
    practise(curriculum, "easy", [True] * 5)
    assert curriculum.open_levels() == ["easy", "hard"]


def test_shares_are_proportional_to_the_variance_of_the_reward() -> None:
    curriculum = Curriculum(PROBLEMS, min_episodes=1, decay=1.0, floor=0.01)
    practise(curriculum, "easy", [True] * 8)  # (8 + 1) / (8 + 2) = 0.9, variance 0.09
    # medium: no episode yet, prior 0.5, variance 0.25
    assert curriculum.shares() == pytest.approx({"easy": 0.09 / 0.34, "medium": 0.25 / 0.34})


def test_a_mastered_level_keeps_its_floor() -> None:
    curriculum = Curriculum(PROBLEMS, min_episodes=1, decay=1.0, floor=0.05)
    practise(curriculum, "easy", [True] * 10_000)
    assert curriculum.shares()["easy"] == pytest.approx(0.05 / 0.30)


def test_same_seed_same_draws_and_a_restored_state_goes_on() -> None:
    first = Curriculum(PROBLEMS, min_episodes=2)
    practise(first, "easy", [True] * 7)
    second = Curriculum(PROBLEMS, min_episodes=2)
    second.restore(json.loads(json.dumps(first.state())))
    assert first.shares() == second.shares()
    assert first.sample(50, Random(3)) == second.sample(50, Random(3))


def test_no_problem_comes_again_in_later_draws_before_all_were_drawn() -> None:
    curriculum = Curriculum(PROBLEMS)
    chosen = [position for seed in range(4) for position in curriculum.sample(1, Random(seed))]
    assert sorted(chosen) == [0, 1, 2, 3]


def pool() -> CurriculumPool:
    return CurriculumPool([f"p{n}" for n in range(len(PROBLEMS))], PROBLEMS, seed=3, min_episodes=8)


def test_as_a_pool_it_opens_levels_by_the_outcomes_of_groups() -> None:
    drawn = pool()
    assert {PROBLEMS[n] for n in drawn.draw(40)} == {"easy"}
    drawn.update(0, solved=7, tries=8)
    assert drawn.curriculum.open_levels() == ["easy", "medium"]
    assert {PROBLEMS[n] for n in drawn.draw(40)} == {"easy", "medium"}


def test_a_group_counts_as_its_mean_in_any_order() -> None:
    drawn = pool()
    drawn.update(0, solved=3, tries=4)
    weight = sum(0.98**n for n in range(4))
    assert drawn.curriculum.weight["easy"] == pytest.approx(weight)
    assert drawn.curriculum.solved["easy"] == pytest.approx(0.75 * weight)


def test_a_restored_pool_goes_on() -> None:
    first, second = pool(), pool()
    first.draw(5)
    first.update(1, 8, 8)
    second.restore(json.loads(json.dumps(first.state())))
    assert first.draw(30) == second.draw(30)


def test_a_pool_of_other_problems_is_refused() -> None:
    other = CurriculumPool(["a"], ["easy"], seed=3)
    with pytest.raises(ValueError, match=r"^the curriculum that was saved is of other problems"):
        pool().restore(other.state())
    with pytest.raises(ValueError, match=r"^2 problems have 1 difficulties$"):
        CurriculumPool(["a", "b"], ["easy"], seed=3)


@pytest.mark.parametrize("difficulties", [[], ["easy", "impossible"]])
def test_refuses_what_is_no_curriculum(difficulties: list[str]) -> None:
    with pytest.raises(ValueError, match="easy, medium, hard"):
        Curriculum(difficulties)


def test_a_learner_is_led_from_easy_to_hard() -> None:
    """A simulated learner whose skill grows with practice at the edge of what it can do."""
    rng, skill = Random(5), 0.0
    difficulty = {"easy": 0.0, "medium": 0.5, "hard": 1.0}
    curriculum = Curriculum(PROBLEMS)
    first_seen: dict[str, int] = {}
    for episode in range(3000):
        position = curriculum.sample(1, rng)[0]
        level = PROBLEMS[position]
        first_seen.setdefault(level, episode)
        chance = min(0.95, max(0.05, 0.5 + skill - difficulty[level]))
        curriculum.update(position, rng.random() < chance)
        skill += 0.002 * chance * (1 - chance)
    assert list(first_seen) == ["easy", "medium", "hard"]
    assert curriculum.solve_rate("easy") > 0.85
