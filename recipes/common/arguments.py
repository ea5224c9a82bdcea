"""What a recipe is told: one dataclass on top of TRL's, from a YAML file (`--config`) and flags over it.

Light to import: TRL and torch are loaded by `parse`.
"""

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from dsl_debug.episode.prompts import DEFAULT_PROMPT
from dsl_debug.lang.errors import did_you_mean
from recipes.common.sharding import tell_accelerate

HUB_USER = "dsl-debug"
"""Whose dataset and models the published configurations take from the Hub."""

DATASET = f"{HUB_USER}/dsl-debug"
BASE_MODEL = "Qwen/Qwen2.5-7B-Instruct"
SFT_MODEL = f"{HUB_USER}/dsl-debug-sft-7b"

RECIPES = Path(__file__).resolve().parents[1]
CONFIGS = RECIPES / "configs"
RUNS = "runs"
"""Where a run is kept that was not told where: in a folder with the name of its configuration."""

REFUSED = 2
"""The exit status for arguments that cannot be used."""


class BadArguments(ValueError):
    """Arguments that cannot be used; the text says in one line what is wrong, where, and what to do."""


_CONFIGS = {"help": "Its configs; several are put together."}


def _told(default: Any, help: str) -> Any:
    return field(default=default, metadata={"help": help})


@dataclass
class RecipeArguments:
    """What all recipes are told beside TRL's own arguments."""

    start: str = _told(BASE_MODEL, "The model to start from: a folder, or user/name on the Hub.")
    base_model: str | None = _told(None, "What the start was made from, for the card; the start if left out.")
    data: str = _told(DATASET, "The dataset: user/name on the Hub, a built folder, or a file.")
    data_configs: list[str] = field(default_factory=lambda: ["problems"], metadata=_CONFIGS)
    data_split: str = _told("train", "Its split.")
    data_revision: str | None = _told(None, "A commit, branch or tag of a dataset on the Hub.")
    limit: int | None = _told(None, "Take the first so many rows of each config only.")
    needs_gpus: int = _told(0, "GPUs, and as many processes, that this configuration is for; 0: none.")
    needs_gpu_gib: float = _told(0.0, "Memory in GiB that each of them needs.")
    needs_disk_gb: float = _told(0.0, "Free disk, in GB, where the output folder is; 0: whatever is there.")
    is_smoke: bool = _told(False, "A run that shows that everything works, and nothing else.")

    def __post_init__(self) -> None:
        if isinstance(self.data_configs, str):  # a single one in YAML
            self.data_configs = [self.data_configs]
        if self.limit is not None and self.limit < 1:
            raise BadArguments(f"limit is at least 1, not {self.limit}")


@dataclass
class SftArguments(RecipeArguments):
    """What `sft.py` is told; `data` may also be the traces of an evaluation."""

    data_configs: list[str] = field(default_factory=lambda: ["sft"], metadata=_CONFIGS)


@dataclass
class GrpoArguments(RecipeArguments):
    """What the GRPO recipes are told."""

    prompt: str = _told(DEFAULT_PROMPT, "The system prompt, by its name in `dsl-debug eval --help`.")
    max_turns: int | None = _told(None, "Turns of an episode, instead of 8, or 5 in the arena.")
    reward: str = _told("robust", "What is paid: robust, visible or partial.")
    max_turn_tokens: int = _told(2_048, "Tokens of one message at most.")
    pool: bool = _told(False, "Draw problems by their solve rates so far, instead of by turns.")
    informative_groups: int | None = _told(
        None, "With the pool: groups of a batch that have to tell solved from unsolved; all, if left out."
    )
    max_rounds: int = _told(1, "With the pool: how often to generate for one batch until it has them.")
    log_traces: bool = _told(True, "Keep rollouts as traces that the Space replays.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_turn_tokens < 1 or self.max_rounds < 1:
            raise BadArguments("max_turn_tokens and max_rounds are at least 1")
        if not self.pool and (self.max_rounds > 1 or self.informative_groups is not None):
            raise BadArguments("max_rounds and informative_groups are about the pool: set pool: true as well")
        if self.max_turns is not None and self.max_turns < 1:
            raise BadArguments(f"max_turns is at least 1, not {self.max_turns}")


R = TypeVar("R", bound=RecipeArguments)
T = TypeVar("T")


def parse(
    recipe: type[R],
    trainer_config: str,
    default: str,
    argv: Sequence[str] | None = None,
    *,
    check: Callable[[R], None] = lambda arguments: None,
) -> tuple[R, Any]:
    """The recipe's arguments and TRL's, of the class that `trainer_config` names.

    Without `--config`, `default` is taken, a file in `configs`. `check` sees the first before the second are
    made, because TRL's refuse a machine in words of their own. Raises BadArguments.
    """
    config = getattr(importlib.import_module("trl"), trainer_config)
    path, told = _told_in((recipe, config), default, argv)
    arguments = recipe(**_values(recipe, told))
    check(arguments)
    values = _values(config, told)
    values["output_dir"] = values["output_dir"] or f"{RUNS}/{path.stem}"
    tell_accelerate(values, os.environ)
    try:
        return arguments, config(**values)
    except (ValueError, TypeError, KeyError) as error:
        raise BadArguments(one_line(error)) from None


def parse_alone(kind: type[T], default: str, argv: Sequence[str] | None = None) -> T:
    """The arguments of a script that trains nothing, told in the same way. Raises BadArguments."""
    return kind(**_values(kind, _told_in((kind,), default, argv)[1]))


def _told_in(kinds: tuple[type, ...], default: str, argv: Sequence[str] | None) -> tuple[Path, Any]:
    """The configuration file, and what it and the flags over it say about the fields of these classes."""
    path, flags = _split(sys.argv[1:] if argv is None else argv, default)
    settings = read_config(path)
    make: Any = importlib.import_module("trl").TrlParser
    parser = make(kinds, prog=default.removesuffix(".yaml"), allow_abbrev=False)
    parser.error = _refuse
    known = {action.dest for action in parser._actions}
    for unknown in [key for key in settings if key not in known]:
        raise BadArguments(f"{path}: there is no setting {unknown!r}{_hint(unknown, known)}")
    parser.set_defaults_with_config(**settings)
    told, rest = parser.parse_known_args(flags)
    for unknown in rest[:1]:
        flag = unknown.split("=")[0]
        raise BadArguments(f"there is no argument {flag}{_hint(flag.lstrip('-').replace('-', '_'), known)}")
    return path, told


def _split(argv: Sequence[str], default: str) -> tuple[Path, list[str]]:
    """The configuration file, and the flags without it."""
    flags, path = list(argv), CONFIGS / default
    for place, flag in enumerate(flags):
        if flag == "--config":
            if place + 1 == len(flags):
                raise BadArguments("--config needs the name of a file")
            path = Path(flags[place + 1])
            return path, flags[:place] + flags[place + 2 :]
        if flag.startswith("--config="):
            return Path(flag.partition("=")[2]), flags[:place] + flags[place + 1 :]
    return path, flags


def read_config(path: Path) -> dict[str, Any]:
    """The settings of a YAML file. Raises BadArguments."""
    import yaml

    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        there = ", ".join(sorted(file.name for file in CONFIGS.glob("*.yaml")))
        raise BadArguments(f"there is no configuration {path}; recipes/configs has {there}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadArguments(f"{path} cannot be read: {one_line(error)}") from None
    if not isinstance(settings, dict):
        raise BadArguments(f"{path} holds no settings: a line of it is `name: value`")
    return {str(name): value for name, value in settings.items()}


def _values(kind: type, found: Any) -> dict[str, Any]:
    return {f.name: getattr(found, f.name) for f in fields(kind) if f.init}


def _hint(name: str, known: set[str]) -> str:
    return did_you_mean(name, sorted(known)) or "; --help lists all"


def _refuse(message: str) -> None:
    raise BadArguments(message)


def one_line(error: BaseException) -> str:
    """What an error says, in one line that is not too long."""
    return " ".join(str(error).split())[:400] or type(error).__name__


@contextmanager
def refusing(recipe: str) -> Iterator[None]:
    """Ends the process with one line and status 2 where arguments, data or a model cannot be used.

    Of several processes only the first one speaks.
    """
    try:
        yield
    except BadArguments as error:
        if is_main_process():
            print(f"{recipe}: {error}", file=sys.stderr)
        sys.exit(REFUSED)


def is_main_process(environment: Mapping[str, str] | None = None) -> bool:
    """Whether this is the first process of a launch, before anything distributed is set up."""
    return (os.environ if environment is None else environment).get("RANK", "0") == "0"
