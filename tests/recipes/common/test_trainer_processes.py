"""The trainer on two processes: one of them has nothing but a group that teaches nothing."""

from pathlib import Path
from typing import Any

import pytest

NEEDED = "needs torch and trl: pip install 'dsl-debug[train]'"
torch = pytest.importorskip("torch", reason=NEEDED)
pytest.importorskip("trl", reason=NEEDED)

from recipes.common.tiny import make_tiny_model  # noqa: E402
from tests.recipes.common.processes import run_together  # noqa: E402
from tests.recipes.common.trained import largest_difference, trained  # noqa: E402
from tests.recipes.common.trainer_job import MIXED, SETTINGS, says  # noqa: E402


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("processes")
    make_tiny_model(folder / "tiny")
    return folder


@pytest.fixture(scope="module")
def together(place: Path) -> list[dict[str, Any]]:
    return run_together("tests.recipes.common.trainer_job:train", place)


def test_the_step_is_that_of_the_informative_group_alone(
    place: Path, together: list[dict[str, Any]], tmp_path: Path
) -> None:
    assert [made["kept"] for made in together] == [[True, True], [False, False]]
    assert [made["scale"] for made in together] == [2.0, 2.0]
    alone, expected = trained(place / "tiny", tmp_path, [MIXED], says, **SETTINGS)
    for rank in range(2):
        assert largest_difference(expected, torch.load(place / f"gradients-{rank}.pt")) < 1e-4
    log, of_one = together[0]["log"], alone.state.log_history[0]
    for name in ("loss", "entropy", "policy_loss", "grad_norm"):
        assert log[name] == pytest.approx(of_one[name], rel=1e-4, abs=1e-6), name
    assert log["groups/informative"] == 0.5
    assert log["accuracy"] == 0.75


def test_processes_draw_and_replace_in_the_same_way(together: list[dict[str, Any]]) -> None:
    assert together[0]["pool"] == together[1]["pool"]
    assert [made["drawn"] for made in together] == [[True, True]] * 2
    log = together[0]["drawn_log"]
    assert log["tokens/wasted"] == 0
    assert 0 < log["groups/informative"] < 1, "those that were replaced are measured, too"
