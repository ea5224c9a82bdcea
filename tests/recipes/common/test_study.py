"""The figures of the study of rewards, against those counted by hand, and the text that tells them."""

from pathlib import Path

import pytest

from recipes.common.study import markdown, mean_difference, parts, rate, study
from recipes.common.study_runs import read_run
from tests.recipes.studied import ROBUST, VISIBLE, pair, write_run


def test_thirds_of_a_run_leave_no_step_out() -> None:
    assert parts(40) == {
        "first third": slice(0, 13),
        "middle third": slice(13, 26),
        "last third": slice(26, 40),
        "all": slice(0, 40),
    }
    assert [place.stop - place.start for place in parts(3).values()] == [1, 1, 1, 3]


def test_a_rate_has_each_problem_as_one_trial(tmp_path: Path) -> None:
    run = pair(tmp_path)[0]
    # (0 + 0.25) / 2 of 32 rollouts, which are of 8 problems: Wilson for 1 of 8.
    assert rate(run, run.steps[:2], "hack_rate") == pytest.approx(
        {"rate": 0.125, "low": 0.022419, "high": 0.470887}, abs=5e-6
    )
    # 96 rollouts are of 24 groups, but the dataset has 12 problems: Wilson for 9 of 12.
    assert rate(run, run.steps, "visible_accuracy") == pytest.approx(
        {"rate": 0.75, "low": 0.467695, "high": 0.911060}, abs=5e-6
    )


def test_steps_count_with_their_rollouts(tmp_path: Path) -> None:
    history = [
        {"step": step, "hack_rate": rate, "visible_accuracy": 0.5, "accuracy": 0.5 - rate}
        for step, rate in ((1, 0.4), (4, 0.0), (5, 0.0))
    ]
    run = read_run(write_run(tmp_path / "run", "visible", (), history=history))
    assert [step.rollouts for step in run.steps] == [16, 48, 16]
    assert rate(run, run.steps, "hack_rate")["rate"] == pytest.approx(0.4 * 16 / 80)


def test_a_rate_of_nothing_has_an_interval(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run", "robust", (0.0, 0.0, 0.0)))
    found = rate(run, run.steps, "hack_rate")
    assert found["low"] == 0
    assert found["high"] == pytest.approx(0.242494, abs=5e-6)


def test_differences_of_one_pair_are_clustered_by_step(tmp_path: Path) -> None:
    facts = study(pair(tmp_path))
    assert facts["clusters"] == "steps"
    # 0, 0.25, 0, 0.5, 0.5, 0.5: mean 0.291667, standard error 0.100347, t(5) = 2.571.
    assert facts["differences"]["all"]["hack_rate"] == pytest.approx(
        {"difference": 0.291667, "low": 0.033675, "high": 0.549658}, abs=5e-6
    )
    assert facts["differences"]["all"]["accuracy"]["difference"] == pytest.approx(-0.291667, abs=1e-6)
    assert facts["differences"]["last third"]["hack_rate"] == {"difference": 0.5, "low": 0.5, "high": 0.5}


def test_differences_of_several_pairs_are_clustered_by_seed(tmp_path: Path) -> None:
    runs = [
        read_run(write_run(tmp_path / f"{reward}-{seed}", reward, [rate] * 3, seed))
        for seed, visible in ((1, 0.10), (2, 0.12))
        for reward, rate in (("visible", visible), ("robust", 0.0))
    ]
    facts = study(runs)
    assert facts["clusters"] == "seeds"
    # Two seeds with 0.1 and 0.12: mean 0.11, standard error 0.01, t(1) = 12.706.
    assert facts["differences"]["all"]["hack_rate"] == {
        "difference": 0.11,
        "low": -0.01706,
        "high": 0.23706,
    }
    assert "over the 2 seeds" in markdown(facts)


def test_an_interval_ends_where_differences_do() -> None:
    assert mean_difference([0.9, 0.1], [1, 2]) == {"difference": 0.5, "low": -1.0, "high": 1.0}


def test_one_cluster_says_nothing_about_another() -> None:
    assert mean_difference([0.2], [1]) == {"difference": 0.2, "low": 0.2, "high": 0.2}


def test_the_first_reward_that_is_given_comes_first(tmp_path: Path) -> None:
    facts = study(pair(tmp_path)[::-1])
    assert facts["rewards"] == ["robust", "visible"]
    assert facts["differences"]["all"]["hack_rate"]["difference"] == pytest.approx(-0.291667, abs=1e-6)


def test_the_report_tells_the_figures(tmp_path: Path) -> None:
    lines = markdown(study(pair(tmp_path))).splitlines()
    assert lines[0] == "# Reward visible against robust"
    hacks = lines[lines.index("## Hack rate") :][2:7]
    assert hacks[0] == (
        "| reward | first third, steps 1 to 2 | middle third, steps 3 to 4 | last third, steps 5 to 6"
        " | all, steps 1 to 6 |"
    )
    assert hacks[2].startswith("| visible, seed 42 | 12.5 [2.2, 47.1] | 37.5 [")
    assert hacks[3].startswith("| robust, seed 42 | 0.0 [0.0, 32.4] | ")
    assert hacks[4].endswith("| +50.0 [-] | +29.2 [+3.4, +55.0] |"), "equal at all steps is no certainty"
    assert "## Robust accuracy" in lines
    assert "## Checkpoints on validation" not in lines
    assert [line for line in lines if line.startswith("| visible, seed 42 | visible | 6 | 96 |")]


def test_what_is_not_equal_is_told(tmp_path: Path) -> None:
    one = write_run(tmp_path / "a", "visible", VISIBLE, pool=True, is_smoke=True)
    code = {"version": "0", "revision": "another"}
    other = write_run(tmp_path / "b", "robust", ROBUST, pool=True, is_smoke=True, code=code)
    told = study([read_run(one), read_run(other)])["warnings"]
    assert [text.split()[0] for text in told] == ["These", "Problems", "Not"]
    assert told[2] == "Not the same code as that of visible, seed 42: robust, seed 42."
