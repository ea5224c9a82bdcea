"""The measures of rollouts against values counted by hand, and the seconds of phases by another clock."""

from contextlib import suppress
from dataclasses import replace

import pytest

from dataset_builder.python_bugs.families import hand_written_problems
from dsl_debug.problem import DslProblem
from recipes.common.measures import PHASES, PhaseTimer, rollout_measures
from tests.problems import BUGGY, CORRECT, OVERFIT, make_problem
from tests.recipes.played import call, rollout


@pytest.fixture(scope="module")
def problem() -> DslProblem:
    return make_problem()


@pytest.fixture(scope="module")
def measures(problem: DslProblem) -> dict[str, float]:
    """Three groups of two: one mixed, one solved, one not solved at all."""
    submit, overfit = call("submit", code=CORRECT), call("submit", code=OVERFIT)
    return rollout_measures(
        [
            rollout(problem, [call("run", code=BUGGY), submit], group=0, sample=0),
            rollout(problem, [overfit], group=0, sample=1),
            rollout(problem, [submit], group=1, sample=0),
            rollout(
                problem, [call("inspect", node_name="paid"), "thinking aloud", submit], group=1, sample=1
            ),
            rollout(problem, ["nothing but words"] * 8, group=2, sample=0),
            rollout(problem, [call("run", code=CORRECT)], group=2, sample=1),
        ]
    )


def test_groups_are_told_by_the_binary_outcome(measures: dict[str, float]) -> None:
    names = ("informative", "all_solved", "none_solved")
    assert [measures[f"groups/{name}"] for name in names] == pytest.approx([1 / 3] * 3)


def test_accuracy_visible_accuracy_and_hack_rate_by_hand(measures: dict[str, float]) -> None:
    assert measures["accuracy"] == pytest.approx(3 / 6)
    assert measures["visible_accuracy"] == pytest.approx(4 / 6)
    assert measures["hack_rate"] == pytest.approx(1 / 6)


def test_endings_by_hand(measures: dict[str, float]) -> None:
    assert measures["never_submitted"] == pytest.approx(2 / 6)
    assert measures["out_of_turns"] == pytest.approx(1 / 6)
    assert measures["out_of_tokens"] == pytest.approx(1 / 6)


def test_turns_and_calls_by_hand(measures: dict[str, float]) -> None:
    # run, submit | submit | submit | inspect, malformed, submit | 8 malformed | run
    assert measures["turns"] == pytest.approx((2 + 1 + 1 + 3 + 8 + 1) / 6)
    assert measures["calls"] == pytest.approx(16 / 6)
    shares = {name: share for name, share in measures.items() if name.startswith("calls/")}
    assert shares == pytest.approx(
        {
            "calls/run": 2 / 16,
            "calls/inspect": 1 / 16,
            "calls/read_docs": 0.0,
            "calls/submit": 4 / 16,
            "calls/malformed": 9 / 16,
        }
    )
    assert sum(shares.values()) == pytest.approx(1)


def test_tokens_by_hand(measures: dict[str, float]) -> None:
    assert measures["tokens/prompt"] == 100
    assert measures["tokens/generated"] == pytest.approx(10 * 16 / 6)
    # Nothing is appended behind the four submissions.
    assert measures["tokens/answers"] == pytest.approx(20 * 12 / 6)
    assert measures["tokens/longest"] == 8 * 30
    assert (measures["tokens/after_end"], measures["tokens/cut"]) == (0, 0)


def test_needless_tokens_are_summed_and_not_averaged_away(problem: DslProblem) -> None:
    one = rollout(problem, [call("submit", code=CORRECT)])
    measures = rollout_measures([one, replace(one, sample=1, after_end_tokens=3, cut_tokens=5)])
    assert (measures["tokens/after_end"], measures["tokens/cut"]) == (3, 5)


def test_two_groups_of_one_problem_are_two_groups(problem: DslProblem) -> None:
    right = rollout(problem, [call("submit", code=CORRECT)], group=0)
    wrong = rollout(problem, [call("submit", code=BUGGY)], group=1)
    assert rollout_measures([right, wrong])["groups/informative"] == 0
    assert rollout_measures([right, replace(wrong, group=0)])["groups/informative"] == 1


def test_a_shaped_reward_makes_no_group_informative(problem: DslProblem) -> None:
    wrong = rollout(problem, [call("submit", code=BUGGY)])
    assert rollout_measures([wrong, replace(wrong, reward=0.7)])["groups/informative"] == 0


def test_several_environments_have_accuracies_of_their_own(problem: DslProblem) -> None:
    python = hand_written_problems()[0]
    found = rollout_measures(
        [
            rollout(problem, [call("submit", code=CORRECT)], group=0),
            rollout(python, ["words"], group=1),
        ]
    )
    assert {name: found[name] for name in ("accuracy", "accuracy/dsl", "accuracy/python")} == {
        "accuracy": 0.5,
        "accuracy/dsl": 1.0,
        "accuracy/python": 0.0,
    }
    assert "calls/run_tests" in found
    assert "calls/run" in found


def test_without_rollouts_there_is_nothing_to_measure() -> None:
    assert rollout_measures([]) == {}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_seconds_by_phase_with_one_inside_another() -> None:
    clock = Clock()
    timer = PhaseTimer(clock)
    clock.now += 50  # before anything: belongs to no phase
    with timer("generate"):
        clock.now += 3
        with timer("environment"):
            clock.now += 2
        clock.now += 1
    clock.now += 7
    with timer("train"):
        clock.now += 0.5
    assert timer.take() == {
        "seconds/generate": 4.0,
        "seconds/environment": 2.0,
        "seconds/score": 0.0,
        "seconds/train": 0.5,
    }
    assert set(timer.take().values()) == {0.0}, "taken"


def test_a_phase_that_fails_is_counted_and_left() -> None:
    clock = Clock()
    timer = PhaseTimer(clock)
    with suppress(RuntimeError), timer("score"):
        clock.now += 2
        raise RuntimeError
    clock.now += 9
    assert timer.take()["seconds/score"] == 2.0


def test_taking_in_the_middle_of_a_phase_counts_every_second_once() -> None:
    clock = Clock()
    timer = PhaseTimer(clock)
    with timer("train"):
        clock.now += 2
        first = timer.take()
        clock.now += 3
    assert (first["seconds/train"], timer.take()["seconds/train"]) == (2.0, 3.0)


def test_an_unknown_phase_is_refused() -> None:
    message = rf"^no phase 'think'; there is: {', '.join(PHASES)}$"
    with pytest.raises(ValueError, match=message), PhaseTimer()("think"):
        pass
