"""The learning check: what is dealt out, what is learned, and what the report says."""

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import yaml

pytest.importorskip("yaml", reason="needs PyYAML: pip install 'dsl-debug[train]'")

from dsl_debug.data import sample_problems
from recipes.common.arguments import BadArguments
from recipes.common.one_shot import (
    OneShot,
    OneShotToolEnv,
    is_single,
    lesson_of,
    lessons,
    misspelt,
    raises_error,
    variants,
)
from recipes.learning_check import CONFIG, CONTROL, begin, check, check_start, dealt_out, plot, render, report

DOCS = Path(__file__).resolve().parents[2] / "docs"
SETTINGS = {"max_characters": 10_000, "programs": 2, "slice_repeats": 3}
EASY = next(problem for problem in sample_problems() if (is_single(problem) and raises_error(problem)))


def copies(count: int) -> list:
    """Problems like the easy one, with ids of their own."""
    return [replace(EASY, database=f"copy_{number}") for number in range(count)]


def test_the_slice_is_learned_often_and_all_else_once() -> None:
    problems = [*sample_problems(), *copies(3)]
    learned, easy = lessons(problems, SETTINGS)
    counts = Counter(problem.id for problem in learned)
    assert [counts[problem.id] for problem in easy] == [3, 3]
    assert all(is_single(problem) and raises_error(problem) for problem in easy)
    others = [problem for problem in problems if is_single(problem) and not raises_error(problem)]
    assert {name for name, count in counts.items() if count == 1} == {problem.id for problem in others}
    assert lessons(problems[::-1], SETTINGS) == (learned, easy)


def test_too_few_problems_are_told() -> None:
    with pytest.raises(BadArguments, match="of the easy slice, and 41 are needed: build one with"):
        lessons(sample_problems(), SETTINGS | {"programs": 41})


def test_new_mistakes_are_new_and_raise_errors() -> None:
    twins = [EASY, replace(EASY, database="copy")]  # one program twice
    made = variants(twins, 10, 5, [EASY])
    assert made == variants(twins, 10, 5, [EASY]) != variants(twins, 10, 6, [EASY])
    assert len({problem.buggy_code for problem in made} | {EASY.buggy_code}) == 21
    assert [problem.database for problem in made] == [EASY.database] * 10 + ["copy"] * 10
    assert not {p.buggy_code for p in variants(twins, 10, 5, made)} & {p.buggy_code for p in made}
    for problem in made:
        assert problem.correct_code == EASY.correct_code
        assert raises_error(problem)
        assert abs(len(problem.buggy_code) - len(problem.correct_code)) <= 1
        assert parts(problem.correct_code) - parts(problem.buggy_code), (
            "something is missing that can be told"
        )


def parts(code: str) -> Counter:
    return Counter(re.findall(r"\w+|\|>|==|\S", code))


def test_a_right_program_raises_no_error() -> None:
    assert raises_error(EASY)
    assert not raises_error(replace(EASY, buggy_code=EASY.correct_code))


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
    assert [tool["function"]["name"] for tool in lesson["tools"]] == ["submit"]


def test_a_word_is_misspelt_in_one_place() -> None:
    found = {misspelt("abc", Random(seed)) for seed in range(50)}
    assert found == {"bac", "acb", "aabc", "abbc", "bc", "ac"}
    assert misspelt("aa", Random(0)) != "aa"


def test_the_report_is_what_one_counts_by_hand(tmp_path: Path) -> None:
    problems = copies(4)
    before = {"greedy": [0.0, 0.0, 1.0, 0.0], "sampled": [0.0, 0.5, 0.5, 0.0]}
    after = {
        "1": {"greedy": [1.0, 0.0, 1.0, 0.0], "sampled": [0.5, 0.5, 1.0, 0.0]},
        "2": {"greedy": [1.0, 1.0, 1.0, 0.0], "sampled": [1.0, 0.5, 1.0, 0.5]},
        CONTROL: {"greedy": [0.0, 0.0, 1.0, 0.0], "sampled": [0.0, 0.0, 0.5, 0.0]},
    }
    made = report(before, after, problems)
    assert made["greedy"]["sft"] == 0.25
    assert made["greedy"]["grpo"] == {"1": 0.5, "2": 0.75, CONTROL: 0.25}
    assert made["greedy"]["gain"]["gain"] == pytest.approx(0.375)
    assert made["greedy"]["control_gain"] == {"gain": 0.0, "low": 0.0, "high": 0.0}
    assert made["sampled"]["gain"]["gain"] == pytest.approx(0.375)
    assert 0.0 <= made["sampled"]["gain"]["low"] < 0.375 < made["sampled"]["gain"]["high"]
    assert made["sampled"]["control_gain"]["gain"] == pytest.approx(-0.125)
    rows = render({"settings": {"grpo_seeds": [1, 2]}, "held_out": made}).splitlines()[2:]
    assert [row.split(" | ")[1] for row in rows] == ["25.0", "50.0, 75.0", "12.5"]
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'dsl-debug[train]'")
    rewards = [{"step": 1, "reward": 0.1}, {"step": 2, "reward": 0.4}, {"step": 2, "loss": 0.0}]
    plot(made, {"1": rewards, CONTROL: rewards}, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5_000


def test_the_control_keeps_what_a_group_earned_and_not_who_earned_it() -> None:
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'dsl-debug[train]'")
    rewards = torch.arange(32.0).view(16, 2)  # two groups of eight, two reward functions

    def shuffled(seed: int) -> list[list[float]]:
        return dealt_out(rewards, 8, torch.Generator().manual_seed(seed)).tolist()

    found, whole = shuffled(1), rewards.tolist()
    assert sorted(found[:8]) == whole[:8]
    assert sorted(found[8:]) == whole[8:]
    assert found[:8] != whole[:8]
    assert [row[0] for row in found[:8]] != [row[0] - 16 for row in found[8:]], "each group by itself"
    assert found == shuffled(1) != shuffled(2)


@pytest.mark.parametrize(("rate", "advice"), [(0.01, "train it more"), (0.9, "train it less")])
def test_a_start_that_leaves_nothing_to_learn_is_refused(tmp_path: Path, rate: float, advice: str) -> None:
    settings = {"start_problems": 2, "start_solves": [0.05, 0.8]}
    (tmp_path / "grpo_problems.json").write_text(json.dumps({"greedy": [rate], "sampled": [rate]}))
    with pytest.raises(BadArguments, match=rf"solves {rate:.1%} of what .* should 5% to 80%: {advice}"):
        check_start(tmp_path, copies(2), settings)


def test_the_lab_log_shows_the_results_that_were_measured() -> None:
    made = json.loads((DOCS / "learning-check" / "result.json").read_text(encoding="utf-8"))
    assert render(made) in (DOCS / "lab-log.md").read_text(encoding="utf-8")


def test_a_folder_with_another_check_is_refused(tmp_path: Path) -> None:
    begin(tmp_path, {"samples": 4}, [EASY])
    begin(tmp_path, {"samples": 4}, [EASY])
    for settings, problems in (({"samples": 8}, [EASY]), ({"samples": 4}, copies(1))):
        with pytest.raises(BadArguments, match=r"holds a check with other settings or other data: give an"):
            begin(tmp_path, settings, problems)


@pytest.mark.slow
def test_the_whole_check_in_small_goes_on_where_it_was(built_sample: Path, tmp_path: Path) -> None:
    pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")
    settings = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    settings |= {"grpo_seeds": [1, 2], "samples": 1}
    settings["start_solves"] = [0.0, 1.0]
    settings |= {"programs": 4, "asked": 4, "asked_characters": 1_000, "variants": 1}
    settings["sft"] |= {"max_steps": 2, "save_steps": 1}
    settings["grpo"] |= {"max_steps": 1, "per_device_train_batch_size": 8, "max_completion_length": 30}
    made = check(str(built_sample), tmp_path, settings)
    assert made["held_out"]["greedy"]["grpo"].keys() == {"1", "2", CONTROL}
    assert (tmp_path / "learning-check.png").is_file()
    weights = tmp_path / "grpo-1" / "model.safetensors"
    first = weights.stat().st_mtime_ns
    assert check(str(built_sample), tmp_path, settings)["held_out"] == made["held_out"]
    assert weights.stat().st_mtime_ns == first
