"""The trainer on two processes: one of them has nothing but groups that teach nothing, or is done earlier."""

from pathlib import Path
from typing import Any

import pytest

NEEDED = "needs torch and trl: pip install 'dsl-debug[train]'"
torch = pytest.importorskip("torch", reason=NEEDED)
pytest.importorskip("trl", reason=NEEDED)

from recipes.common.tiny import make_tiny_model  # noqa: E402
from tests.recipes.common.processes import run_together  # noqa: E402
from tests.recipes.common.trained import largest_difference, trained  # noqa: E402
from tests.recipes.common.trainer_job import MIXED, NAMES, SETTINGS, says  # noqa: E402


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
    """In three micro-batches each, of which the second is left out by both."""
    nothing = [False, False]
    assert [made["kept"] for made in together] == [[[True, True], nothing, nothing], [nothing] * 3]
    assert [made["counts"] for made in together] == [[True, False, False]] * 2
    assert [made["scale"] for made in together] == [[6.0] * 3] * 2
    alone, expected = trained(place / "tiny", tmp_path, [MIXED], says, **SETTINGS)
    for rank in range(2):
        assert largest_difference(expected, torch.load(place / f"gradients-{rank}.pt")) < 1e-4
    log, of_one = together[0]["log"], alone.state.log_history[0]
    for name in ("loss", "entropy", "policy_loss", "grad_norm"):
        assert log[name] == pytest.approx(of_one[name], rel=1e-4, abs=1e-6), name
    assert log["groups/informative"] == pytest.approx(1 / 6)
    assert log["accuracy"] == pytest.approx(11 / 12)


def test_processes_draw_and_replace_in_the_same_way(together: list[dict[str, Any]]) -> None:
    assert together[0]["pool"] == together[1]["pool"]
    assert [made["drawn"] for made in together] == [[True, True]] * 2
    log = together[0]["drawn_log"]
    assert log["tokens/after_end"] == 0
    assert 0 < log["groups/informative"] < 1, "those that were replaced are measured, too"


# An engine that works for both


@pytest.fixture(scope="module")
def in_step(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("in-step")
    make_tiny_model(folder / "tiny")
    return run_together("tests.recipes.common.trainer_job:train_in_step", folder)


def test_both_ask_for_as_many_messages_as_the_busier_one_needs(in_step: list[dict[str, Any]]) -> None:
    """Four episodes of three turns; beside them two of one turn and two of two."""
    first, second = ([tuple(asked) for asked in made["rounds"]] for made in in_step)
    assert [messages for messages, _ in first] == [4, 4, 4]
    assert second == first, "also in the tokens of a message: the episode with the most room counts"


def test_no_message_of_one_process_is_given_to_the_other(in_step: list[dict[str, Any]]) -> None:
    for made, names in zip(in_step, NAMES, strict=True):
        each = [name for name in names for _ in range(2)]
        assert made["prompts"] == [f"It is {name}." for name in each]
        for name, said, calls in zip(each, made["said"], made["calls"], strict=True):
            assert len(said) == int(name.split()[1])
            assert all(text.startswith(f"{name}, ") for text in said)
            assert calls == {"submit": 1}
        assert all(count > 0 for count in made["masks"])


def test_what_nobody_needs_is_measured(in_step: list[dict[str, Any]]) -> None:
    """Of the second process: two messages in the second round, and four in the third."""
    log = in_step[0]["log"]
    assert log["tokens/filler"] == 6 * in_step[0]["yes"]
    assert (log["tokens/after_end"], log["tokens/cut"]) == (0, 0)
    assert (log["accuracy"], log["turns"]) == (1.0, (4 * 3 + 2 * 1 + 2 * 2) / 8)
