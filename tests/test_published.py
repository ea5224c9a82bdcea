"""Every problem of the published benchmark replays: programs, rows, and whole episodes."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from dsl_debug.episode import DSLDebugEnv, DSLDebugToolEnv, messages
from dsl_debug.lang import DslError, run
from dsl_debug.problem import DslProblem, load_published

pytest.importorskip("pyarrow", reason="pyarrow, which reads the published files, is not installed")

# File -> how many problems of which category it holds.
FILES: dict[str, tuple[int, str]] = {
    "rl_val.parquet": (199, "standard"),
    "test_standard_sample.parquet": (246, "standard"),
    "test_nonlocal_sample.parquet": (90, "nonlocal"),
    "test_intent_mismatch_sample.parquet": (99, "intent_mismatch"),
}


@pytest.fixture(scope="module")
def published(published_dir: Path) -> dict[str, list[DslProblem]]:
    return {file: load_published(published_dir / file) for file in FILES}


@pytest.fixture(scope="module")
def problems(published: dict[str, list[DslProblem]]) -> list[tuple[str, DslProblem]]:
    """Every problem with a name to find it by: file and row."""
    return [(f"{file}[{i}]", p) for file, found in published.items() for i, p in enumerate(found)]


def rows_match(code: str, problem: DslProblem) -> bool:
    """Whether a program gives the expected rows; an error gives none."""
    try:
        return run(code, problem.tables).matches(problem.expected_output)
    except DslError:
        return False


def test_there_are_634_problems_of_the_right_categories(published: dict[str, list[DslProblem]]) -> None:
    assert {
        file: (len(found), *sorted({p.category for p in found})) for file, found in published.items()
    } == FILES
    assert sum(map(len, published.values())) == 634


def test_the_folder_holds_the_same_problems(
    published_dir: Path, problems: list[tuple[str, DslProblem]]
) -> None:
    ids = Counter(p.id for p in load_published(published_dir))
    assert ids == Counter(p.id for _, p in problems)
    assert len(ids) == 634


def test_what_is_known_about_a_published_problem(problems: list[tuple[str, DslProblem]]) -> None:
    for name, p in problems:
        assert (p.source, p.hidden) == ("published", ()), name
        assert p.database, name
        assert "__" not in p.database, name
        assert p.bugs, name
    assert Counter(p.difficulty for _, p in problems) == {"easy": 112, "medium": 241, "hard": 281}


def test_correct_programs_give_exactly_the_expected_rows(problems: list[tuple[str, DslProblem]]) -> None:
    assert [name for name, p in problems if not rows_match(p.correct_code, p)] == []


def test_buggy_programs_do_not(problems: list[tuple[str, DslProblem]]) -> None:
    assert [name for name, p in problems if rows_match(p.buggy_code, p)] == []


def test_one_stored_table_differs_in_the_last_bit_of_a_float(
    problems: list[tuple[str, DslProblem]],
) -> None:
    inexact = [name for name, p in problems if not same_values(p)]
    assert len(inexact) == 1
    assert inexact[0].startswith("rl_val.parquet")


def same_values(problem: DslProblem) -> bool:
    given, expected = run(problem.correct_code, problem.tables).columns, problem.expected_output.columns
    return all(given[name] == values for name, values in expected.items())


def wrongly_paid(problems: list[tuple[str, DslProblem]], env: DSLDebugEnv) -> Iterator[str]:
    for name, problem in problems:
        for code, reward in ((problem.correct_code, 1.0), (problem.buggy_code, 0.0)):
            env.reset(problem)
            env.call("run", code=code)
            step = env.call("submit", code=code)
            if (step.reward, step.done) != (reward, True):
                yield f"{name}: {step}"


@pytest.mark.parametrize("kind", ["robust", "visible"])
def test_an_episode_pays_the_correct_program_and_not_the_buggy_one(
    problems: list[tuple[str, DslProblem]], kind: str
) -> None:
    assert list(wrongly_paid(problems, DSLDebugEnv(reward_kind=kind))) == []


def test_rows_of_published_problems_round_trip(problems: list[tuple[str, DslProblem]]) -> None:
    assert [name for name, p in problems if DslProblem.from_row(p.to_row()) != p] == []


def test_every_table_and_node_can_be_inspected(problems: list[tuple[str, DslProblem]]) -> None:
    env = DSLDebugEnv(max_turns=100)
    for name, problem in problems:
        env.reset(problem)
        for table in problem.tables:
            assert (
                env.call("inspect", node_name=table, code="")
                .observation.rpartition("\n\n")[0]
                .endswith((" rows)", "(1 row)", " rows shown)"))
            ), name


def test_prompts_of_published_problems_are_short_enough(problems: list[tuple[str, DslProblem]]) -> None:
    # 12,288 tokens are for the whole episode.
    lengths = sorted(sum(len(m["content"]) for m in messages(p)) for _, p in problems)
    assert lengths[len(lengths) // 2] < 4_500
    assert lengths[-1] < 12_000


def test_rollouts_from_dataset_rows(published: dict[str, list[DslProblem]]) -> None:
    env = DSLDebugToolEnv()
    for found in published.values():
        for problem in found[::10]:
            env.reset(**problem.to_row())
            env.submit(problem.correct_code)
            assert env.get_reward() == 1.0
