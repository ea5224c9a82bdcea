"""What every run on episodes is made of: what comes before its trainer, and what that is given."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")

from recipes.common import finish, grpo, trainer
from recipes.common.arguments import BadArguments, GrpoArguments
from recipes.common.curriculum import CurriculumPool
from recipes.common.grpo import pool_of, train_episodes, train_grpo
from recipes.common.pool import ProblemPool


def run(folder: Path, arguments: GrpoArguments) -> None:
    """A run with stand-ins for all that is large."""
    config = SimpleNamespace(hub_model_id=None)
    record: Any = SimpleNamespace(folder=folder)
    parts = {"environments": {}, "pool": "a pool", "model": "a model", "tokenizer": "a tokenizer"}
    train_episodes(arguments, config, "a dataset", record, **parts)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What happens in a run, in its order; a trainer is what it was given."""
    events: list[Any] = []
    monkeypatch.setattr(trainer, "DebugTrainer", lambda **given: events.append(given) or given)
    monkeypatch.setattr(finish, "run_to_the_end", lambda made, folder: events.append(folder))
    return events


def test_a_trainer_is_made_of_the_arguments_and_run_to_its_end(done: list[Any], tmp_path: Path) -> None:
    asked = GrpoArguments(pool=True, max_rounds=3, informative_groups=2, max_turn_tokens=50)
    run(tmp_path, asked)
    given, folder = done
    assert folder == tmp_path
    assert (given["model"], given["processing_class"]) == ("a model", "a tokenizer")
    assert (given["train_dataset"], given["pool"], given["environment_factory"]) == (
        "a dataset",
        "a pool",
        {},
    )
    assert (given["max_rounds"], given["informative_groups"], given["max_turn_tokens"]) == (3, 2, 50)
    assert given["reward_funcs"] is None
    assert callable(given["on_rollouts"])


def test_rollouts_are_not_kept_where_nobody_wants_them(done: list[Any], tmp_path: Path) -> None:
    run(tmp_path, GrpoArguments(log_traces=False))
    assert done[0]["on_rollouts"] is None


STAGES = (
    "check_batches",
    "check_run",
    "prepare_engine",
    "problem_rows",
    "check_enough",
    "begin",
    "check_chat",
)


@pytest.mark.parametrize("stage", ["prepare_engine", "check_chat"])
def test_what_cannot_be_trained_is_refused_before_data_or_weights_are_loaded(
    done: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """vLLM is looked for before data is loaded, and how the model speaks before its weights are."""
    record = SimpleNamespace(folder=tmp_path)

    def stand_in(name: str) -> Any:
        def come(*_: Any) -> Any:
            done.append(name)
            if name == stage:
                raise BadArguments("it cannot be used here")
            return record if name == "begin" else SimpleNamespace(dataset=[], facts={})

        return come

    for name in STAGES:
        monkeypatch.setattr(grpo, name, stand_in(name))
    with pytest.raises(BadArguments, match=r"^it cannot be used here$"):
        train_grpo("grpo_rl_only", GrpoArguments(), SimpleNamespace(seed=1))
    assert tuple(done) == STAGES[: STAGES.index(stage) + 1]


def test_pools_are_made_of_columns_of_the_dataset() -> None:
    dataset = {"id": ["a", "b"], "difficulty": ["easy", "hard"]}
    assert pool_of(GrpoArguments(), dataset, seed=1) is None
    assert isinstance(pool_of(GrpoArguments(pool=True), dataset, seed=1), ProblemPool)
    columns = ("id", "difficulty")
    assert isinstance(pool_of(GrpoArguments(pool=True), dataset, 1, CurriculumPool, columns), CurriculumPool)
    with pytest.raises(BadArguments, match=r"^a pool needs problems, each once; got 2, 1 different$"):
        pool_of(GrpoArguments(pool=True), {"id": ["a", "a"]}, seed=1)
