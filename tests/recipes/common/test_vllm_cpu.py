"""What is done to vLLM before it is trained with on a processor, with stand-ins for its modules.

That it works with vLLM itself: tests/recipes/test_vllm_cpu.py.
"""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from recipes.common.arguments import BadArguments
from recipes.common.vllm_cpu import prepare

LAYERS = "vllm.model_executor.layers.utils"
GENERATION = "trl.generation.vllm_generation"


def engine(**settings: Any) -> dict[str, Any]:
    """In the place of vLLM's: what it is told."""
    return settings


def packed(layer: Any, remove_weight: bool) -> None:
    """In the place of vLLM's choice of a kernel."""
    layer.cpu_linear = None


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A build of vLLM for processors, and what of TRL uses it."""
    parts: dict[str, dict[str, Any]] = {
        "vllm": {"LLM": engine},
        "vllm.platforms": {"current_platform": SimpleNamespace(is_cpu=lambda: True)},
        LAYERS: {"dispatch_cpu_unquantized_gemm": packed},
        GENERATION: {"LLM": engine},
    }
    made: dict[str, Any] = {name: ModuleType(name) for name in parts}
    for name, values in parts.items():
        vars(made[name]).update(values)
        monkeypatch.setitem(sys.modules, name, made[name])
    return made


@pytest.mark.parametrize("times", [1, 2])
def test_the_engine_is_told_what_trl_leaves_out(modules: dict[str, Any], times: int) -> None:
    for _ in range(times):
        prepare()
    told = modules[GENERATION].LLM(model="tiny", seed=3)
    assert told == {
        **{"model": "tiny", "seed": 3},
        **{"dtype": "float32", "enforce_eager": True, "kv_cache_memory_bytes": 2**30},
    }
    assert modules["vllm"].LLM is engine, "evaluation with vLLM keeps its own choices"


def test_layers_multiply_with_the_weights_that_they_have(modules: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'dsl-debug[train]'")
    prepare()
    layer = SimpleNamespace(weight=torch.tensor([[1.0, 2.0]]))
    modules[LAYERS].dispatch_cpu_unquantized_gemm(layer, remove_weight=True)
    x, bias = torch.tensor([[3.0, 4.0]]), torch.tensor([0.5])
    assert layer.cpu_linear(x, layer.weight, bias).tolist() == [[11.5]]
    layer.weight[0, 0] = 10.0
    assert layer.cpu_linear(x, layer.weight, bias).tolist() == [[38.5]]


def test_vllm_that_is_missing_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(
        BadArguments, match=r"^vLLM cannot be imported \(.*vllm.*\): see recipes/README\.md "
    ) as told:
        prepare()
    assert str(told.value).endswith("for what to install, or set --use_vllm false")


def test_a_build_for_gpus_is_refused_and_left_as_it_is(
    modules: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modules["vllm.platforms"], "current_platform", SimpleNamespace(is_cpu=lambda: False))
    with pytest.raises(BadArguments, match=r"^use_cpu is set, and the vLLM .* built for GPUs: see recipes/"):
        prepare()
    assert modules[GENERATION].LLM is engine
    assert modules[LAYERS].dispatch_cpu_unquantized_gemm is packed
