"""The plots of training runs: the same files give the same bytes, and figures are those counted by hand."""

from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'dsl-debug[eval]'")

from recipes.common.plots import before_after, mean_reward, series, training_dynamics
from tests.results.made import arena_result, result

HISTORY = [
    {"step": 1, "reward": 0.1, "entropy": 0.9, "groups/informative": 0.2, "hack_rate": 0.0},
    {"step": 2, "reward": 0.3, "entropy": None, "groups/informative": 0.5, "hack_rate": 0.1},
    {"step": 3, "reward": 0.4, "entropy": 0.7, "groups/informative": 0.4, "hack_rate": True},
    {"train_runtime": 12.0, "step": 3},
    {"reward": 0.5},
]


def test_a_series_holds_the_numbers_that_were_logged() -> None:
    assert series(HISTORY, "reward") == ([1, 2, 3], [0.1, 0.3, 0.4])
    assert series(HISTORY, "entropy") == ([1, 3], [0.9, 0.7])
    assert series(HISTORY, "hack_rate") == ([1, 2], [0.0, 0.1])
    assert series(HISTORY, "loss") == ([], [])


def test_the_same_histories_give_the_same_bytes(tmp_path: Path) -> None:
    runs = {"rl-only": HISTORY, "sft-$rl$": HISTORY[:2]}
    first, second = (training_dynamics(runs, tmp_path / name) for name in ("a", "b"))
    assert first.name == "training-dynamics.png"
    assert first.read_bytes() == second.read_bytes()
    other = training_dynamics({"rl-only": HISTORY[1:]}, tmp_path / "c")
    assert other.read_bytes() != first.read_bytes()


def test_supervised_training_has_panels_of_its_own(tmp_path: Path) -> None:
    history = [{"step": n, "loss": 3 / n, "mean_token_accuracy": 1 - 1 / n} for n in range(1, 9)]
    assert training_dynamics({"sft": history}, tmp_path).stat().st_size > 5_000


@pytest.mark.parametrize("history", [[], [{"step": 1, "reward": float("nan") > 0}]])
def test_a_run_that_logged_nothing_cannot_be_drawn(history: list[dict], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^these runs have logged nothing that could be drawn$"):
        training_dynamics({"run": history}, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_the_mean_reward_is_over_problems_and_not_over_episodes() -> None:
    rows = [("a", 3.0), ("a", 1.0), ("b", 0.0), ("c", -1.0)]
    outcomes = [{"problem_id": p, "database": p, "reward": reward} for p, reward in rows]
    found = mean_reward({"outcomes": outcomes})
    assert found["mean"] == pytest.approx((2.0 + 0.0 - 1.0) / 3)
    assert -1 <= found["low"] < found["mean"] < found["high"] <= 2


def test_families_are_drawn_whole_for_the_interval() -> None:
    rows = [{"problem_id": str(n), "database": "one", "reward": n % 2} for n in range(50)]
    alone = [{**row, "database": row["problem_id"]} for row in rows]
    together = [{**row, "database": str(row["reward"])} for row in rows]
    width = {
        name: (found := mean_reward({"outcomes": outcomes}))["high"] - found["low"]
        for name, outcomes in {"alone": alone, "together": together}.items()
    }
    assert width["together"] == 1.0, "two families, one of 0 and one of 1"
    assert width["alone"] < 0.4


def test_before_and_after_are_drawn_the_same_every_time(tmp_path: Path) -> None:
    before, after = arena_result("unchanged"), arena_result("reference")
    first, second = (before_after(before, after, tmp_path / name) for name in ("a", "b"))
    assert first.name == "before-after.png"
    assert first.read_bytes() == second.read_bytes()
    assert before_after(before, before, tmp_path / "c").read_bytes() != first.read_bytes()


def test_programs_are_drawn_as_well(tmp_path: Path) -> None:
    path = before_after(result("constant_emitter"), result("search"), tmp_path)
    assert path.read_bytes().startswith(b"\x89PNG")
