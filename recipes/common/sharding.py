"""Tells accelerate from a recipe's own configuration that the model is sharded (FSDP).

`accelerate launch --config_file` tells it by variables of the environment, and these are read when processes
are connected, long before the Trainer says the same: for weights in the memory of the machine, or for whole
checkpoints, a connection for processors is needed beside the one for GPUs. A plain `accelerate launch` sets
none of them.
"""

from collections.abc import Mapping, MutableMapping
from typing import Any

USES = "ACCELERATE_USE_FSDP"

VARIABLES = {
    "version": "FSDP_VERSION",
    "cpu_offload": "FSDP_OFFLOAD_PARAMS",
    "cpu_ram_efficient_loading": "FSDP_CPU_RAM_EFFICIENT_LOADING",
    "state_dict_type": "FSDP_STATE_DICT_TYPE",
}
"""The settings of `fsdp_config` that are read from the environment before the Trainer reads them."""


def sharding_variables(settings: Mapping[str, Any]) -> dict[str, str]:
    """What a configuration with `fsdp` means for the environment; {} for one without, or for a processor."""
    config = settings.get("fsdp_config")
    if not settings.get("fsdp") or settings.get("use_cpu") or not isinstance(config, Mapping):
        return {}
    named = {str(name).removeprefix("fsdp_"): value for name, value in config.items()}
    told = {variable: _text(named[name]) for name, variable in VARIABLES.items() if name in named}
    return {USES: "true", **told}


def tell_accelerate(settings: Mapping[str, Any], environment: MutableMapping[str, str]) -> None:
    """Set what is not set: whoever launches with a file of accelerate's own has said it already."""
    for name, value in sharding_variables(settings).items():
        environment.setdefault(name, value)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
