"""What a built dataset promises, held against the built sample itself."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from dataset_builder.verify import verify
from dsl_debug.agents import AGENTS, play
from dsl_debug.episode import DSLDebugEnv
from dsl_debug.problem import CATEGORIES, DslProblem
from tests.conftest import ROOT

parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow: pip install 'dsl-debug[build]'")

SPLITS = ("train", "validation", "test")
CONFIGS = {
    "problems": SPLITS,
    **dict.fromkeys(CATEGORIES, SPLITS),
    "dialect_shift": ("test",),
    "sft": ("train", "validation"),
    "sft_problems": ("train", "validation"),
    "arena": SPLITS,
    "traces": ("test",),
}


def rows(folder: Path, config: str, split: str) -> list[dict[str, object]]:
    files = sorted((folder / "data" / config).glob(f"{split}-*.parquet"))
    return [row for file in files for row in parquet.read_table(file).to_pylist()]


@pytest.fixture(scope="module")
def test_split(built_sample: Path) -> list[DslProblem]:
    return [DslProblem.from_row(row) for row in rows(built_sample, "problems", "test")]


def test_verification_finds_nothing(built_sample: Path) -> None:
    assert verify(built_sample) == []


def test_every_config_loads_in_one_line_and_streams(built_sample: Path, tmp_path: Path) -> None:
    code = """
import json, sys
from datasets import get_dataset_config_names, get_dataset_split_names, load_dataset
folder, found = sys.argv[1], {}
assert load_dataset(folder).keys() == {"train", "validation", "test"}
for config in get_dataset_config_names(folder):
    for split in get_dataset_split_names(folder, config):
        loaded = load_dataset(folder, config, split=split)
        streamed = list(load_dataset(folder, config, split=split, streaming=True))
        assert [row for row in loaded] == streamed
        found.setdefault(config, {})[split] = len(streamed)
print(json.dumps(found))
"""
    settings = {"HF_HOME": str(tmp_path), "HF_DATASETS_OFFLINE": "1", "PATH": ""}
    command = [sys.executable, "-c", code, str(built_sample)]
    ran = subprocess.run(command, capture_output=True, text=True, env=settings, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(ran.stdout)
    assert {config: tuple(splits) for config, splits in found.items()} == CONFIGS
    assert all(count > 0 for splits in found.values() for count in splits.values())


@pytest.mark.parametrize(
    ("agent", "robust", "visible"),
    [("unchanged", 0.0, 0.0), ("reference", 1.0, 1.0), ("constant_emitter", 0.0, None)],
)
def test_agents_earn_what_they_deserve(
    test_split: list[DslProblem], agent: str, robust: float, visible: float | None
) -> None:
    from random import Random

    outcomes = [play(AGENTS[agent], DSLDebugEnv(), problem, Random(1)) for problem in test_split]
    paid = [outcome.visible_match and all(outcome.hidden_matches) for outcome in outcomes]
    assert sum(paid) / len(paid) == robust
    shown = sum(outcome.visible_match for outcome in outcomes) / len(outcomes)
    # The emitter prints what it was shown on nearly all problems: that is what hidden tables are for.
    assert shown == visible if visible is not None else shown > 0.9


def test_few_problems_expect_a_single_row(test_split: list[DslProblem]) -> None:
    single = sum(problem.expected_output.length == 1 for problem in test_split)
    assert single / len(test_split) <= 0.15


def test_the_certificates_say_what_was_tried(test_split: list[DslProblem]) -> None:
    assert all(problem.certificate["killed_only_by_hidden_rows"] == 0 for problem in test_split)
    assert min(problem.certificate["neighbours"] for problem in test_split) > 20
    assert all(len(problem.hidden) >= 3 for problem in test_split)


def test_the_splits_have_the_sizes_that_were_asked_for(built_sample: Path) -> None:
    report = json.loads((built_sample / "build_report.json").read_text())
    found = Counter(str(row["category"]) for row in rows(built_sample, "problems", "test"))
    assert dict(found) == report["wanted"]["test"]
    assert not report["shortfall"]


def test_nothing_of_this_machine_is_in_the_folder(built_sample: Path) -> None:
    texts = [path for path in built_sample.rglob("*") if path.suffix in (".md", ".json")]
    assert len(texts) >= 4
    for path in texts:
        assert str(ROOT) not in path.read_text()
        assert str(built_sample) not in path.read_text()
