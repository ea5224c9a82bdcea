"""The policy for vLLM's offline engine, with a fake engine: vLLM itself is not run here.

The fake writes what the tiny model writes through transformers, with the same draws.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dsl_debug.data import sample_problems
from dsl_debug.policies import open_policy
from dsl_debug.policies.answers import TOO_LONG
from dsl_debug.policies.base import Job, ModelOptions, Setup, Unusable
from dsl_debug.policies.hf import Draw, HfPolicy
from dsl_debug.policies.vllm import VllmPolicy
from recipes.common.tiny import make_tiny_model
from tests.policies.tiny_model import SamplingParams, fake_vllm

NEEDED = "needs torch and transformers: pip install 'dsl-debug[local]'"
torch = pytest.importorskip("torch", reason=NEEDED)
transformers = pytest.importorskip("transformers", reason=NEEDED)

PROBLEMS = sample_problems()[:2]
JOBS = [Job(problem, 0, 2**31 - 1 - n) for n, problem in enumerate(PROBLEMS)]
SETUP = Setup(max_turns=2)
OPTIONS = ModelOptions(temperature=0.8, top_p=0.9, max_tokens=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def vllm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A fake of the package, in its place."""
    module = fake_vllm(written_by(folder))
    monkeypatch.setitem(sys.modules, "vllm", module)
    return module


def written_by(folder: Path) -> Callable[[list[int], SamplingParams], list[int]]:
    """What the tiny model writes."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    model.generation_config = transformers.GenerationConfig()

    def writes(ids: list[int], params: SamplingParams) -> list[int]:
        made = model.generate(
            input_ids=torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            max_new_tokens=params.max_tokens,
            eos_token_id=params.stop_token_ids,
            pad_token_id=0,
            logits_processor=[Draw(torch, params.temperature, params.top_p, [params.seed])],
        )
        written: list[int] = made[0, len(ids) :].tolist()
        return written

    return writes


def test_episodes_are_those_of_the_same_model_through_transformers(folder: Path, vllm: Any) -> None:
    ours = list(VllmPolicy(str(folder), OPTIONS).play(JOBS, SETUP))
    theirs = list(HfPolicy(str(folder), OPTIONS).play(JOBS, SETUP))
    assert [replace(e, seconds=0.0) for e in ours] == [replace(e, seconds=0.0) for e in theirs]
    assert [e.outcome.turns for e in ours] == [2, 2]


def test_every_message_is_asked_for_by_itself(folder: Path, vllm: Any) -> None:
    list(VllmPolicy(str(folder), OPTIONS).play(JOBS, SETUP))
    (engine,) = vllm.LLM.made
    assert [params.seed for _, params in engine.asked] == [2**31 - 1, 2**31 - 2, 0, 2**31 - 1]
    shared = SamplingParams(0.8, 0.9, 5, 0, stop_token_ids=[2, 0], detokenize=False)
    assert {repr(replace(params, seed=0)) for _, params in engine.asked} == {repr(shared)}
    first, second = engine.asked[0][0], engine.asked[2][0]
    assert second[: len(first)] == first


def test_the_engine_gets_the_model_and_its_context(folder: Path, vllm: Any) -> None:
    policy = open_policy(f"vllm:{folder}", replace(OPTIONS, context=4_000, dtype="bfloat16"))
    (engine,) = vllm.LLM.made
    assert engine.arguments == {
        "model": str(folder),
        "dtype": "bfloat16",
        "max_model_len": 4_000,
        "generation_config": "vllm",
    }
    assert policy.name == f"vllm:{folder}"
    assert policy.settings["context"] == 4_000


def test_a_full_context_ends_the_episode_with_its_reason(folder: Path, vllm: Any) -> None:
    policy = VllmPolicy(str(folder), replace(OPTIONS, context=50))
    (episode,) = policy.play(JOBS[:1], SETUP)
    assert (episode.stopped, episode.outcome.turns) == (TOO_LONG, 0)
    assert vllm.LLM.made[0].asked == []


def test_an_engine_that_does_not_start_is_told_in_one_line(
    folder: Path, vllm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any, **_: Any) -> None:
        raise RuntimeError("no memory\nfor the cache")

    monkeypatch.setattr(vllm.LLM, "__init__", fail)
    with pytest.raises(Unusable, match=r"^vllm:\S+ cannot be loaded: no memory for the cache$"):
        VllmPolicy(str(folder), OPTIONS)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(Unusable, match=r"^vllm:m needs vllm: pip install vllm$"):
        VllmPolicy("m", OPTIONS)
