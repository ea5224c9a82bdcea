"""Problems from the Hub, folders and files."""

from pathlib import Path

import pytest

from dsl_debug.data import sample_problems
from dsl_debug.data.loading import load_data
from dsl_debug.lang import STANDARD
from dsl_debug.problem import PythonProblem, save_problems
from dsl_debug.storage import read_lines
from space.library import SAMPLE

PROBLEMS = sample_problems()


def test_problems_are_read_from_a_built_folder(built_sample: Path) -> None:
    data = load_data(str(built_sample), limit=5)
    assert len(data.problems) == 5
    assert data.facts == {
        **{"place": str(built_sample), "config": "problems", "split": "test"},
        **{"revision": None, "limit": 5},
    }
    shifted = load_data(str(built_sample), "dialect_shift").problems
    assert all(problem.dialect != STANDARD for problem in shifted)
    assert load_data(str(built_sample), "arena", limit=1).problems[0].function


def test_problems_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    save_problems(PROBLEMS[:2], path)
    assert load_data(str(path)).problems == PROBLEMS[:2]
    arena = [PythonProblem.from_row(next(read_lines(SAMPLE / "arena.jsonl")))]
    save_problems(arena, path)
    assert load_data(str(path)).problems == arena


def test_published_problems_can_be_played(published_dir: Path) -> None:
    path = next(path for path in sorted(published_dir.glob("*.parquet")) if "test" in path.name)
    data = load_data(str(path), limit=3)
    assert [problem.hidden for problem in data.problems] == [(), (), ()]


@pytest.mark.parametrize(
    ("place", "config", "split", "message"),
    [
        ("nowhere", "problems", "test", "no data at nowhere: give a folder, a file, user/name on the Hub"),
        (
            "no/where",
            "problems",
            "test",
            "there is no folder no/where, and as a dataset on the Hub it cannot be",
        ),
        (
            "FOLDER",
            "standrad",
            "test",
            "FOLDER, config standrad, split test: BuilderConfig 'standrad' not found",
        ),
        ("FOLDER", "standard", "tset", "FOLDER, config standard, split tset: Bad split: tset"),
        ("FOLDER", "sft", "train", "FOLDER, config sft, train: these rows are no problems"),
    ],
)
def test_what_is_no_data_is_told_in_a_line(
    built_sample: Path, place: str, config: str, split: str, message: str
) -> None:
    with pytest.raises(ValueError, match=r"^\S") as raised:
        load_data(place.replace("FOLDER", str(built_sample)), config, split)
    assert str(raised.value).startswith(message.replace("FOLDER", str(built_sample)))
    assert "\n" not in str(raised.value)
