"""Whether the weights of a model are all there: looked at from outside, without loading them.

It finds files that are missing or cut short. It does not look at the numbers in them.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from dsl_debug.storage import read_json

CONFIG, ADAPTER = "config.json", "adapter_config.json"
INDEX = "model.safetensors.index.json"
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")


def check_weights(folder: Path) -> None:
    """Raises ValueError, in one line, for a folder that does not hold a whole model with its tokenizer."""
    if not (folder / CONFIG).is_file() and not (folder / ADAPTER).is_file():
        raise ValueError(f"{folder} holds no model: there is no {CONFIG}")
    if not any((folder / name).is_file() for name in TOKENIZERS):
        raise ValueError(f"{folder} holds no tokenizer: save it beside the model")
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ValueError(f"{folder} holds no weights: there is no *.safetensors")
    for name in _asked_for(folder):
        if not (folder / name).is_file():
            raise ValueError(f"{folder} lacks {name}, which {INDEX} names: save the model again")
    for path in files:
        _check_whole(path)
    _check_base(folder)


def _asked_for(folder: Path) -> Iterable[str]:
    """The files that an index says the weights are in."""
    path = folder / INDEX
    if not path.exists():
        return []
    found = read_json(path).get("weight_map")
    if not isinstance(found, dict):
        raise ValueError(f"{path} lacks 'weight_map'")
    return sorted(set(map(str, found.values())))


def _check_whole(path: Path) -> None:
    """A safetensors file begins with the length of its header, and the header says where the last byte is."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= size - 8:
            raise ValueError(f"{path} is no whole safetensors file: save the model again")
        try:
            header = json.loads(file.read(length))
            ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            raise ValueError(f"{path} is no whole safetensors file: save the model again") from None
    if 8 + length + max(ends, default=0) != size:
        raise ValueError(f"{path} is cut short, or holds too much: save the model again")


def _check_base(folder: Path) -> None:
    """An adapter is of use only with its base, which has to be where others can get it."""
    path = folder / ADAPTER
    if not path.exists():
        return
    base = str(read_json(path).get("base_model_name_or_path") or "")
    if not base or Path(base).is_absolute() or base.startswith((".", "~")) or Path(base).exists():
        raise ValueError(
            f"{path}: the base is {base!r}, which nobody else has: merge the adapter, or name it on the Hub"
        )
