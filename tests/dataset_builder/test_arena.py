"""The arena as a whole: what is in it, how it is split, and that a seed gives the same bytes everywhere."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dataset_builder import arena
from dataset_builder.arena import Arena, build_arena, keep_different, nameless, split_by_family
from dataset_builder.arena_export import export_arena, export_row
from dataset_builder.folders import CARD, REPORT
from dataset_builder.python_bugs import mutate
from dataset_builder.python_bugs.families import hand_written_problems
from dataset_builder.python_bugs.library import library
from dsl_debug.episode.python_prompts import python_messages
from dsl_debug.problem import PythonProblem
from dsl_debug.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
HAND_WRITTEN = hand_written_problems()

# A few of each: to make and to check them all takes minutes.
SOME = [function for function in library() if function.name in ("count_items", "border_sum")]
WRITTEN = HAND_WRITTEN[::9]


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    # All that is run here is our own, so that layers which a machine lacks are no danger.
    with Sandbox(allow_missing_layers=True) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def built(box: Sandbox) -> Iterator[Arena]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutate, "MAX_OF_KIND", 1)
        patch.setattr(mutate, "INPUTS", 20)
        patch.setattr(arena, "library", lambda: SOME)
        patch.setattr(arena, "hand_written_problems", lambda: WRITTEN)
        yield build_arena(3, 2, box, workers=2)


def ids(splits: arena.Splits) -> dict[str, list[str]]:
    return {name: [problem.id for problem in problems] for name, problems in splits.items()}


# ---- what is in it


def test_hand_written_and_generated_problems_are_all_there(built: Arena) -> None:
    found = [problem for problems in built.splits.values() for problem in problems]
    assert {problem.id for problem in WRITTEN} <= {problem.id for problem in found}
    generated = [problem for problem in found if problem.source == "mutation"]
    assert {problem.function for problem in generated} == {function.name for function in SOME}
    assert len(found) == len({problem.id for problem in found}) == sum(built.report["made"].values())


def test_no_family_crosses_splits(built: Arena) -> None:
    families = [{problem.family for problem in problems} for problems in built.splits.values()]
    assert all(families)
    assert len(set.union(*families)) == sum(map(len, families))


def test_the_report_counts_what_is_there(built: Arena) -> None:
    assert built.report["rejected"] == {}
    test = {label for p in built.splits["test"] for label in (p.category, p.difficulty)}
    assert {*test, *built.report["missing_from_test"]} == set(arena.LABELS)
    assert not test & {*built.report["missing_from_test"]}
    for name, problems in built.splits.items():
        summary = built.report["splits"][name]
        assert summary["problems"] == len(problems)
        assert sum(summary["category"].values()) == sum(summary["source"].values()) == len(problems)


@pytest.mark.parametrize("seed", range(5))
def test_any_seed_holds_out_its_share_and_covers_all_labels(seed: int) -> None:
    splits = split_by_family(HAND_WRITTEN, seed)
    test = splits["test"]
    assert {label for p in test for label in (p.category, p.difficulty)} == set(arena.LABELS)
    assert 0.2 <= len(test) / len(HAND_WRITTEN) <= 0.3
    assert 0.1 <= len(splits["validation"]) / len(HAND_WRITTEN) <= 0.2
    assert ids(splits) == ids(split_by_family(HAND_WRITTEN[::-1], seed))


def test_the_split_depends_on_the_seed() -> None:
    assert ids(split_by_family(HAND_WRITTEN, 0)) != ids(split_by_family(HAND_WRITTEN, 1))


# ---- repetitions


def test_names_and_docstrings_make_no_difference() -> None:
    one = 'def f(left, right):\n    """Add."""\n    total = left + right\n    return total\n'
    other = "def add(a, b):\n    c = a + b\n    return c\n"
    assert nameless(one) == nameless(other)
    assert nameless(one) != nameless(other.replace("return c", "return a"))
    assert nameless("def f(x): return min(x)") != nameless("def f(x): return max(x)")


def test_repetitions_and_faults_are_left_out_and_counted() -> None:
    first, second = HAND_WRITTEN[:2]
    renamed = replace(
        first,
        buggy_code=first.buggy_code.replace("values", "numbers"),
        correct_code=first.correct_code.replace("values", "numbers"),
    )
    assert renamed.id != first.id
    moved = replace(first, family="elsewhere")
    checked = [(first, []), (renamed, []), (moved, []), (second, ["the hint is empty", "it is late"])]
    kept, rejected = keep_different(checked)
    assert kept == [first]
    assert rejected == {
        "another family has this function": 1,
        "it is there already": 1,
        "the hint is empty": 1,
    }


# ---- the same bytes everywhere

DIGEST = """
SOME = ("count_items",)
import hashlib, sys
from pathlib import Path
from dataset_builder import arena
from dataset_builder.arena_export import export_arena
from dataset_builder.python_bugs import mutate
from dataset_builder.python_bugs.families import hand_written_problems
from dataset_builder.python_bugs.library import library
from dsl_debug.sandbox import Sandbox
mutate.MAX_OF_KIND, mutate.INPUTS = 1, 20
functions, problems = [f for f in library() if f.name in SOME], hand_written_problems()[::40]
arena.library, arena.hand_written_problems = lambda: functions, lambda: problems
folder = Path(sys.argv[2])
with Sandbox(allow_missing_layers=True) as box:
    built = arena.build_arena(7, 2, box, int(sys.argv[1]))
export_arena(built.splits, folder, built.report)
for path in sorted(folder.rglob("*.*")):
    print(path.relative_to(folder), hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
"""


def test_workers_and_hash_seed_do_not_change_a_byte(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'dsl-debug[build]'")
    answers = set()
    for workers, hash_seed in (("1", "0"), ("4", "77")):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", DIGEST, workers, str(tmp_path / workers)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        answers.add(done.stdout)
    assert len(answers) == 1
    assert len(answers.pop().splitlines()) == 5


# ---- the folder

PROBLEMS = {"train": HAND_WRITTEN[:9], "validation": HAND_WRITTEN[9:12], "test": HAND_WRITTEN[12:15]}


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_row_has_its_prompt() -> None:
    row = export_row(HAND_WRITTEN[0])
    assert row["prompt"] == python_messages(HAND_WRITTEN[0])
    assert PythonProblem.from_row(json.loads(json.dumps(row))).id == HAND_WRITTEN[0].id


def test_datasets_loads_the_folder_and_the_problems_are_the_same(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="needs datasets: pip install 'dsl-debug[build]'")
    folder = tmp_path / "out"
    export_arena(PROBLEMS, folder, {})
    for arguments in ((str(folder), "arena"), (str(folder),)):
        loaded = datasets.load_dataset(*arguments, cache_dir=str(tmp_path / "cache"))
        assert set(loaded) == set(PROBLEMS)
        for split, problems in PROBLEMS.items():
            back = [PythonProblem.from_row(row) for row in loaded[split]]
            assert [replace(problem, prompt=()) for problem in back] == problems
            assert [list(problem.prompt) for problem in back] == [*map(python_messages, problems)]


def test_the_card_counts_what_is_there(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'dsl-debug[build]'")
    export_arena(PROBLEMS, tmp_path / "out", {})
    text = (tmp_path / "out" / CARD).read_text(encoding="utf-8")
    assert "Of the 15 problems, 15 are hand-written and 0 generated." in text
    assert "| validation | 3 | " in text
    assert "{" not in text


def test_an_earlier_build_is_replaced_and_nothing_is_left_behind(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'dsl-debug[build]'")
    folder = tmp_path / "out"
    folder.mkdir()
    export_arena(PROBLEMS, folder, {"seed": 1})
    export_arena(PROBLEMS, folder, {"seed": 2})
    assert json.loads((folder / REPORT).read_text(encoding="utf-8"))["seed"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert files(folder) == {
        CARD,
        REPORT,
        *(f"data/arena/{split}-00000-of-00001.parquet" for split in PROBLEMS),
    }


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / CARD).write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="is there already, and holds something else than an earlier build"):
        export_arena(PROBLEMS, folder, {})
    assert files(tmp_path) == {"out/README.md"}
    plain = tmp_path / "file"
    plain.write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="is there already, and is no folder"):
        export_arena(PROBLEMS, plain, {})


def test_a_build_that_fails_leaves_the_earlier_one(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'dsl-debug[build]'")
    folder = tmp_path / "out"
    export_arena(PROBLEMS, folder, {"seed": 1})
    with pytest.raises(TypeError):
        export_arena(PROBLEMS, folder, {"seed": object()})
    assert json.loads((folder / REPORT).read_text(encoding="utf-8"))["seed"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
