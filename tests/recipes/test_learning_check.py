"""The learning check: what is dealt out, what is learned, and what the report says."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

pytest.importorskip("yaml", reason="needs PyYAML: pip install 'dsl-debug[train]'")

from dsl_debug.data import sample_problems
from recipes.common.arguments import BadArguments
from recipes.learning_check import (
    CONFIG,
    OneShot,
    OneShotToolEnv,
    check,
    dealt,
    is_in_slice,
    lesson_of,
    plot,
    report,
)

SETTINGS = {"max_characters": 10_000, "held_out": 1, "grpo_problems": 1, "slice_repeats": 2}
EASY = next(problem for problem in sample_problems() if is_in_slice(problem))


def copies(count: int) -> list:
    """Problems like the easy one, with ids of their own."""
    return [replace(EASY, database=f"copy_{number}") for number in range(count)]


def test_problems_are_dealt_out_once() -> None:
    problems = [*sample_problems(), *copies(3)]
    lessons, trained, held_out = dealt(problems, SETTINGS)
    assert (len(trained), len(held_out)) == (1, 1)
    aside = {problem.id for problem in trained + held_out}
    assert len(aside) == 2
    assert not aside & {problem.id for problem in lessons}
    assert all(is_in_slice(problem) for problem in trained + held_out)
    rest = [problem.id for problem in lessons if is_in_slice(problem)]
    assert all(rest.count(name) == 2 for name in rest)
    assert dealt(problems[::-1], SETTINGS) == (lessons, trained, held_out)


def test_too_few_problems_are_told() -> None:
    with pytest.raises(BadArguments, match="of the easy slice, and 41 are needed: build one with"):
        dealt(sample_problems(), SETTINGS | {"held_out": 40})


def test_the_slice_raises_errors_and_nothing_else_is_in_it() -> None:
    assert not any(is_in_slice(problem) for problem in sample_problems() if problem.category != "standard")
    assert not is_in_slice(replace(EASY, buggy_code=EASY.correct_code))


def test_an_episode_is_one_submission() -> None:
    env = OneShotToolEnv()
    env.reset(**{k: v for k, v in EASY.to_row().items() if k != "environment"})
    assert env.submit(EASY.correct_code) == "Correct."
    assert env.get_reward() == 1.0
    env.reset(**EASY.to_row())
    message = {"name": "submit", "arguments": {"code": EASY.buggy_code}}
    assert env.episode.step(f"<tool_call>{json.dumps(message)}</tool_call>").done
    assert env.get_reward() == 0.0
    assert list(OneShot.tools) == ["submit"]


def test_a_lesson_hands_in_the_right_program() -> None:
    lesson = lesson_of(EASY)
    (call,) = lesson["messages"][-1]["tool_calls"]
    assert call["function"] == {"name": "submit", "arguments": {"code": EASY.correct_code}}
    assert EASY.correct_code not in str(lesson["messages"][:-1])


def test_the_report_is_what_one_counts_by_hand(tmp_path: Path) -> None:
    problems = copies(4)
    before = {"greedy": [0.0, 0.0, 1.0, 0.0], "sampled": [0.0, 0.5, 0.5, 0.0]}
    after = {
        1: {"greedy": [1.0, 0.0, 1.0, 0.0], "sampled": [0.5, 0.5, 1.0, 0.0]},
        2: {"greedy": [1.0, 1.0, 1.0, 0.0], "sampled": [1.0, 0.5, 1.0, 0.5]},
    }
    made = report(before, after, problems)
    assert made["greedy"]["sft"] == 0.25
    assert made["greedy"]["grpo"] == {"1": 0.5, "2": 0.75}
    assert made["greedy"]["gain"] == pytest.approx(0.375)
    assert made["sampled"]["gain"] == pytest.approx(0.375)
    low, high = made["sampled"]["gain_interval"]
    assert 0.0 <= low < 0.375 < high
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'dsl-debug[train]'")
    histories = {"1": [{"step": 1, "reward": 0.1}, {"step": 2, "reward": 0.4}, {"step": 2, "loss": 0.0}]}
    plot(made, histories, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5_000


@pytest.mark.slow
def test_the_whole_check_in_small_goes_on_where_it_was(built_sample: Path, tmp_path: Path) -> None:
    pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")
    settings = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    settings |= {"held_out": 2, "grpo_problems": 4, "grpo_seeds": [1, 2], "samples": 1}
    settings["sft"] |= {"max_steps": 2, "save_steps": 1}
    settings["grpo"] |= {"max_steps": 1, "per_device_train_batch_size": 8, "max_completion_length": 30}
    made = check(str(built_sample), tmp_path, settings)
    assert made["held_out"]["greedy"]["grpo"].keys() == {"1", "2"}
    assert (tmp_path / "learning-check.png").is_file()
    weights = tmp_path / "grpo-1" / "model.safetensors"
    first = weights.stat().st_mtime_ns
    assert check(str(built_sample), tmp_path, settings)["held_out"] == made["held_out"]
    assert weights.stat().st_mtime_ns == first
