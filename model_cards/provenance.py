"""Where databases and base models come from, under which licence, and which names are on the Hub."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dsl_debug.results.rows import STEP

CATALOG, SPIDER = "catalog", "spider"


class Provenance(NamedTuple):
    """A source of databases: its licence as the Hub names it, and what is to be said about it."""

    licence: str
    text: str


PROVENANCE: dict[str, Provenance] = {
    CATALOG: Provenance(
        "mit", "synthetic databases, generated together with this dataset; no real person or company. MIT."
    ),
    SPIDER: Provenance(
        "cc-by-sa-4.0",
        "databases of [Spider](https://yale-lily.github.io/spider) (Yu et al., 2018), sampled and cleaned. "
        "CC BY-SA 4.0: problems over them, which hold rows of their tables, are under the same licence.",
    ),
}
UNKNOWN = Provenance(
    "other", "databases that whoever built this dataset supplied; ask them for the licence of the rows."
)
STRICTEST_FIRST = ("other", "cc-by-sa-4.0", "mit")


def licence_of(sources: Iterable[str]) -> str:
    """The licence of a whole, as the Hub names it: that of the source with the most conditions."""
    found = {PROVENANCE.get(source, UNKNOWN).licence for source in sources} | {"mit"}
    return next(name for name in STRICTEST_FIRST if name in found)


SPIDER_CITATION = """\
```bibtex
@inproceedings{yu2018spider,
  title = {Spider: A Large-Scale Human-Labeled Dataset for Complex and Cross-Domain Semantic Parsing and Text-to-SQL Task},
  author = {Yu, Tao and Zhang, Rui and Yang, Kai and Yasunaga, Michihiro and Wang, Dongxu and Li, Zifan and Ma, James and Li, Irene and Yao, Qingning and Roman, Shanelle and Zhang, Zilin and Radev, Dragomir},
  booktitle = {Proceedings of the 2018 Conference on Empirical Methods in Natural Language Processing},
  year = {2018}
}
```"""  # noqa: E501


# Licences of base models


class Licence(NamedTuple):
    """A licence as the front matter of a card has it: `license_name` and `license_link` only for "other"."""

    license: str
    license_name: str | None = None
    license_link: str | None = None

    def front_matter(self) -> dict[str, str]:
        """The fields that are set."""
        return {name: value for name, value in self._asdict().items() if value}


APACHE = Licence("apache-2.0")
_QWEN = re.compile(r"Qwen/Qwen2\.5-(?:Coder-|Math-)?(\d+(?:\.\d+)?B)(?:-Instruct)?", re.IGNORECASE)
_QWEN_OF_THEIR_OWN = {"3b": "qwen-research", "72b": "qwen"}
_UNSLOTH = re.compile(r"unsloth/(qwen2\.5-.*?)(-unsloth)?(-bnb-4bit)?", re.IGNORECASE)


def base_licence(base: str) -> Licence | None:
    """The licence of a base model, None where it is not known here.

    Of the Qwen2.5 models those with 3B and 72B weights have licences of their own; all others are under
    Apache 2.0. Copies by unsloth are under that of the original.
    """
    copied = _UNSLOTH.fullmatch(base)
    found = _QWEN.fullmatch(f"Qwen/{copied[1]}" if copied else base)
    if found is None:
        return None
    own = _QWEN_OF_THEIR_OWN.get(found[1].lower())
    if own is None:
        return APACHE
    return Licence("other", own, f"https://huggingface.co/{base}/blob/main/LICENSE")


# Names on the Hub

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
# What people call folders for what they make here.
_FOLDERS_HERE = {
    *("checkpoints", "data", "dist", "models", "out", "output", "outputs", "results", "runs", "tmp")
}


def hub_model(name: str) -> str | None:
    """A name if it is one of a model on the Hub, as far as can be told: None for a folder of this machine."""
    looks_like = _NAME.fullmatch(name) is not None and name.partition("/")[0] not in _FOLDERS_HERE
    return name if looks_like and not re.search(f"{STEP}$", name) and not Path(name).exists() else None


def hub_dataset(data: Mapping[str, Any]) -> str | None:
    """The name of the dataset on the Hub that some data came from; None where it came from elsewhere.

    What is loaded from the Hub keeps its commit: without one, `dist/dsl-debug` is a folder.
    """
    place, revision = str(data.get("place") or ""), str(data.get("revision") or "")
    return place if _NAME.fullmatch(place) and _COMMIT.fullmatch(revision) else None
