"""Checkpoints of a run: which of them are whole, and a callback that publishes each one with its card.

A run may be killed at any moment, also while it writes. The Trainer writes `trainer_state.json` last, so a
folder without it is half-written; what is there before it is looked at as well, since a disk may be full.
"""

import json
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from dsl_debug.hub import NotPublished

PREFIX = "checkpoint-"
STATE = "trainer_state.json"
INDEX = "model.safetensors.index.json"
OPTIMIZERS = ("optimizer.pt", "optimizer.bin")
SHARDED_OPTIMIZER = "optimizer_0/.metadata"
"""What FSDP writes last of an optimizer that is saved in shards."""

ONLY_TO_GO_ON = (*OPTIMIZERS, "optimizer_0", "pytorch_model_fsdp.bin", "pytorch_model_fsdp_0")
"""The optimizer's state, and the weights as FSDP saves them beside those that others read."""


def step_of(folder: Path) -> int:
    """The step of the folder of a checkpoint. Raises ValueError for another folder."""
    number = folder.name.removeprefix(PREFIX)
    if number == folder.name or not number.isdecimal():
        raise ValueError(f"{folder} is no checkpoint: its name is not {PREFIX} and a step")
    return int(number)


def whole_checkpoints(run: Path) -> list[Path]:
    """The checkpoints of a run with all of their weights, by step; [] where there are none."""
    return [folder for folder in _folders(run) if has_weights(folder)]


def latest_checkpoint(run: Path) -> Path | None:
    """The last checkpoint of a run that training can go on from; half-written ones are passed over."""
    return next((folder for folder in reversed(whole_checkpoints(run)) if can_go_on(folder)), None)


def _folders(run: Path) -> list[Path]:
    found = [p for p in run.glob(f"{PREFIX}*") if p.is_dir() and p.name.removeprefix(PREFIX).isdecimal()]
    return sorted(found, key=step_of)


def has_weights(folder: Path) -> bool:
    """Whether a checkpoint has a config and every byte of its weights, or of those of its adapter."""
    try:
        named = set(json.loads((folder / INDEX).read_bytes())["weight_map"].values())
    except FileNotFoundError:
        named = set()
    except (ValueError, KeyError, AttributeError):
        return False
    files = sorted({folder / name for name in named} | set(folder.glob("*.safetensors")))
    configs = [folder / name for name in ("config.json", "adapter_config.json")]
    return bool(files) and any(map(_is_json, configs)) and all(map(_is_whole, files))


def can_go_on(folder: Path) -> bool:
    """Whether a checkpoint has what training needs beside the weights: its state and the optimizer's."""
    try:
        state = json.loads((folder / STATE).read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    is_of_step = isinstance(state, dict) and state.get("global_step") == step_of(folder)
    return is_of_step and any(_optimizers(folder))


def _optimizers(folder: Path) -> Iterator[bool]:
    # torch writes zip files, whose directory comes last: a torn one is none.
    yield from (zipfile.is_zipfile(folder / name) for name in OPTIMIZERS)
    yield (folder / SHARDED_OPTIMIZER).is_file()


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    return True


def _is_whole(path: Path) -> bool:
    """Whether a safetensors file is as long as it says: 8 bytes of length, a header so long, the numbers."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, size)))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return bool(size == 8 + length + max(ends, default=0))


# Disk


def forget_optimizers(run: Path) -> None:
    """Delete what only going on needs from all checkpoints but the last one that is whole, if there is one.

    Of a 7B model that is about 90 GB each. Weights stay, for validation afterwards.
    """
    last = latest_checkpoint(run)
    if last is None:
        return
    for folder in [folder for folder in _folders(run) if step_of(folder) < step_of(last)]:
        for path in [path for pattern in ONLY_TO_GO_ON for path in folder.glob(pattern)]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


class KeepOneOptimizer(TrainerCallback):
    """Keeps the state of the optimizer in the last whole checkpoint only, from the main process."""

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Look at what was just saved, and free what it makes needless."""
        if state.is_world_process_zero:
            forget_optimizers(Path(args.output_dir))


# Publishing

Push = Callable[[Path], Any]
"""Publishes the folder of a checkpoint with its card; what it raises says in one line why it could not."""

Tell = Callable[[str], None]


def to_hub(repository: str, private: bool = False) -> Push:
    """Publishes a checkpoint with its card, as a branch `step-N` that stays, and as what `main` holds."""
    from model_cards.push import push_folder

    def push(folder: Path) -> None:
        # Weights that are on the Hub already are not sent again.
        for revision in (f"step-{step_of(folder)}", None):
            push_folder(folder, repository, private=private, revision=revision)

    return push


def on_standard_error(text: str) -> None:
    """Say a line beside what a run prints."""
    print(text, file=sys.stderr, flush=True)


class PublishCheckpoints(TrainerCallback):
    """Publishes every checkpoint that is saved, from the main process, while training goes on.

    `push` runs in a thread of its own, one checkpoint at a time: an upload may take longer than other
    processes would wait at their next exchange. What cannot be published is told, and tried again with the
    next checkpoint and at the end; training goes on in any case. `finish` is for whoever trains to call.
    """

    def __init__(self, push: Push, tell: Tell = on_standard_error) -> None:
        self._push, self._tell = push, tell
        self._waiting: list[Path] = []
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="publish")
        self._running: Future[None] | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Publish what a run goes on from: it may have been stopped before that was done."""
        if state.global_step:
            self.on_save(args, state, control)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Publish the checkpoint that was just saved, and those that could not be published before."""
        if state.is_world_process_zero:
            self._waiting.append(Path(args.output_dir) / f"{PREFIX}{state.global_step}")
            self._go_on()

    def finish(self) -> None:
        """Wait for what is being published, and try the rest for the last time.

        Nothing may follow that the processes do together: the others do not wait for this one.
        """
        self._wait()
        self._go_on()
        self._wait()
        for folder in self._waiting:
            self._tell(f"{folder} was never published: publish it with `python -m model_cards push`")
        self._thread.shutdown()

    def _go_on(self) -> None:
        if self._waiting and (self._running is None or self._running.done()):
            self._running = self._thread.submit(self._publish_all)

    def _wait(self) -> None:
        if self._running is not None:
            self._running.result()

    def _publish_all(self) -> None:
        """Publish what waits, in its order, up to the first one that cannot be published."""
        while self._waiting:
            folder = self._waiting[0]
            if folder.is_dir() and not self._is_published(folder):
                return
            if not folder.is_dir():
                self._tell(f"{folder} was deleted before it could be published: raise save_total_limit")
            self._waiting.pop(0)

    def _is_published(self, folder: Path) -> bool:
        try:
            self._push(folder)
        except (NotPublished, ValueError, ImportError, OSError) as error:
            self._tell(f"{folder}: {error}; training goes on, and it is tried again with the next checkpoint")
            return False
        # Days of training are worth more than a card: whatever it is, it is told, and nothing else stops.
        except Exception as error:
            self._tell(f"{folder} was not published: {type(error).__name__}: {error}; training goes on")
            return False
        return True
