# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "datasets==5.2.0",
#     "evaluate==0.4.6",
#     "lm-eval[hf]==0.4.13",
#     "torch==2.13.0",
#     "transformers==5.17.0",
#     "trl==1.16.0",
#     "vllm==0.31.0",
# ]
#
# [tool.hf-jobs]
# flavor = "a100-large"
# timeout = "12h"
# secrets = ["HF_TOKEN"]
# ///
"""What training on debugging costs elsewhere: MMLU 5-shot, GSM8K 8-shot and HumanEval 0-shot, by lm-eval.

    python recipes/alignment_tax.py --allow_code true                # the published four, by vLLM on one GPU
    python recipes/alignment_tax.py --models base=Qwen/Qwen2.5-7B-Instruct SFT=runs/sft_7b --tasks mmlu gsm8k
    python recipes/alignment_tax.py --backend hf --device cpu --limit 8 --models base=MODEL --tasks mmlu

Writes `alignment_tax.json` and, from it, the table `alignment_tax.md` into `--out`. A model that is finished
is kept: the same command goes on after it.

HumanEval runs what the models write, on this machine and as its user; lm-eval puts nothing around it but a
time limit. So it takes `--allow_code true`, and wants a container that holds nothing of worth: a job, a
rented machine, the image of the Dockerfile.
"""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a script sees its own folder only

from dsl_debug.evaluation import code_revision
from dsl_debug.storage import read_json, write_atomically, write_json
from model_cards.tax import TAX, TAX_VERSION, models_of, tax_table
from recipes.common.arguments import BadArguments, one_line, parse_alone, refusing

TABLE = "alignment_tax.md"


class Benchmark(NamedTuple):
    """A task of lm-eval: the examples that are shown first, the metric as `name,filter`, and whether it runs
    code of the model. None: as the task itself says."""

    task: str
    shots: int | None = None
    metric: str | None = None
    runs_code: bool = False


# GSM8K is asked for with the eight worked examples that the literature uses.
BENCHMARKS = {
    "mmlu": Benchmark("mmlu", 5, "acc,none"),
    "gsm8k": Benchmark("gsm8k_cot", 8, "exact_match,strict-match"),
    "humaneval": Benchmark("humaneval", 0, "pass@1,create_test", runs_code=True),
}

_MODEL = re.compile(r"([^=]+)=([^=@]+)(?:@([^=@]+))?")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


@dataclass
class TaxArguments:
    """What is measured, and how."""

    models: list[str] = field(
        default_factory=list, metadata={"help": "NAME=MODEL[@REVISION]; one is called base."}
    )
    tasks: list[str] = field(
        default_factory=lambda: list(BENCHMARKS), metadata={"help": "Benchmarks, or tasks of --task_folder."}
    )
    out: str = field(default="results/alignment_tax", metadata={"help": "The folder to write."})
    backend: str = field(default="vllm", metadata={"help": "What runs the models: vllm or hf."})
    allow_code: bool = field(
        default=False, metadata={"help": "Run the code that models write for HumanEval."}
    )
    limit: int | None = field(
        default=None, metadata={"help": "Only the first so many questions of each task: no result to report."}
    )
    batch_size: str = field(default="auto", metadata={"help": "Questions at a time."})
    device: str | None = field(default=None, metadata={"help": "For hf: cpu, cuda, ..."})
    model_args: str = field(
        default="dtype=auto", metadata={"help": "Further settings of the backend: a=1,b=2."}
    )
    chat_template: bool = field(
        default=False, metadata={"help": "Ask in the chat format; the published figures do not."}
    )
    task_folder: str | None = field(
        default=None, metadata={"help": "A folder with further tasks of lm-eval, as YAML files."}
    )


class Model(NamedTuple):
    """A model by the name that it has in the table; `revision` is a commit on the Hub, None for a folder."""

    name: str
    place: str
    revision: str | None


def main(arguments: TaxArguments) -> None:
    """Measure the models that are not measured yet, and write file and table. Raises BadArguments."""
    check(arguments)
    models = [found(text) for text in arguments.models]
    out = Path(arguments.out)
    record = begun(out, arguments)
    for model in models:
        entry = {"name": model.name, "model": model.place, "revision": model.revision}
        if any(kept.items() >= entry.items() for kept in record["models"]):
            print(f"{model.name} is measured already")
            continue
        tasks = apart(model, arguments)
        others = [kept for kept in record["models"] if kept["name"] != model.name]
        record["models"] = in_order([*others, {**entry, "tasks": tasks}], models)
        write_json(out / TAX, record)
    table = tax_table(record["models"])
    write_atomically(out / TABLE, [table, "\n"])
    print(f"{table}\n\n{out / TAX}\n{out / TABLE}")


# Before anything is loaded


def check(arguments: TaxArguments) -> None:
    """That these arguments make sense. Raises BadArguments."""
    if not arguments.models:
        raise BadArguments("give models: --models base=Qwen/Qwen2.5-7B-Instruct SFT=runs/sft_7b")
    if arguments.backend not in ("vllm", "hf"):
        raise BadArguments(f"there is no backend {arguments.backend!r}: give vllm or hf")
    if arguments.limit is not None and arguments.limit < 1:
        raise BadArguments(f"limit is at least 1, not {arguments.limit}")
    if arguments.task_folder is not None and not Path(arguments.task_folder).is_dir():
        raise BadArguments(f"there is no folder {arguments.task_folder} with tasks")
    unknown = [task for task in arguments.tasks if task not in BENCHMARKS and arguments.task_folder is None]
    if unknown or not arguments.tasks:
        what = f"there is no benchmark {unknown[0]!r}" if unknown else "give benchmarks"
        raise BadArguments(f"{what}; there is: {', '.join(BENCHMARKS)}")
    running = [task for task in arguments.tasks if benchmark(task).runs_code]
    if running and not arguments.allow_code:
        raise BadArguments(
            f"{running[0]} runs code that the models write, on this machine and as its user: in a container"
            " that holds nothing of worth give --allow_code true, elsewhere leave it out of --tasks"
        )
    _check_installed("lm_eval", "lm-eval[hf]")
    if arguments.backend == "vllm":
        _check_installed("vllm", "vllm")


def _check_installed(module: str, package: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise BadArguments(f"{package} is not installed: pip install '{package}'")


def benchmark(task: str) -> Benchmark:
    """A benchmark by its name; another name stands for the task of lm-eval, as it is."""
    return BENCHMARKS.get(task, Benchmark(task))


def found(text: str) -> Model:
    """A model that is there: a folder, or a repository at its present commit. Raises BadArguments."""
    match = _MODEL.fullmatch(text)
    if match is None:
        raise BadArguments(f"{text!r} is no NAME=MODEL, such as base=Qwen/Qwen2.5-7B-Instruct")
    name, place, revision = match.groups()
    if Path(place).is_dir():
        if revision or not (Path(place) / "config.json").exists():
            why = "has no revisions" if revision else "holds no model: it lacks config.json"
            raise BadArguments(f"{name}: the folder {place} {why}")
        return Model(name, place, None)
    if not _REPOSITORY.fullmatch(place):
        raise BadArguments(f"{name}: there is no model at {place}: give a folder, or user/name on the Hub")
    from huggingface_hub import HfApi

    try:
        return Model(name, place, HfApi().model_info(place, revision=revision).sha)
    except Exception as error:  # the client's own errors, and those of whatever it speaks HTTP with
        raise BadArguments(f"{name}: {place} cannot be read on the Hub: {one_line(error)}") from None


def begun(out: Path, arguments: TaxArguments) -> dict[str, Any]:
    """The file as it is to go on; figures of other arguments or libraries cannot be compared with new ones.

    Raises BadArguments for a folder that holds such ones.
    """
    told = {k: v for k, v in asdict(arguments).items() if k not in ("models", "out", "allow_code")}
    record: dict[str, Any] = {"schema": TAX_VERSION, "models": [], "code": code_revision()}
    record |= {"libraries": versions(arguments.backend), "arguments": told}
    path = out / TAX
    if not path.exists():
        return record
    try:
        kept = read_json(path)
        models = models_of(kept, str(path))
    except ValueError as error:
        raise BadArguments(f"{one_line(error)}: give another --out") from None
    for part in ("arguments", "libraries"):
        before, now = kept.get(part) or {}, record[part]
        for name in [name for name in now if before.get(name) != now[name]]:
            was = f"{name} {before.get(name)} there, {now[name]} here"
            raise BadArguments(f"{path} holds figures of other {part} ({was}): give another --out")
    return {**record, "models": list(models)}


def versions(backend: str) -> dict[str, str]:
    """The libraries that figures depend on."""
    from importlib.metadata import version

    names = ["lm_eval", "torch", "transformers", *(["vllm"] if backend == "vllm" else [])]
    return {name: version(name) for name in names}


def in_order(entries: Sequence[dict[str, Any]], models: Sequence[Model]) -> list[dict[str, Any]]:
    """The models of this command in its order, and then those of earlier ones."""
    names = [model.name for model in models]
    return sorted(entries, key=lambda e: names.index(e["name"]) if e["name"] in names else len(names))


# Measuring


def apart(model: Model, arguments: TaxArguments) -> dict[str, Any]:
    """What `measure` gives, in a process of its own, with which all memory of the GPU goes.

    Raises BadArguments.
    """
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        try:
            return pool.submit(measure, model, arguments).result()
        except BrokenProcessPool:
            raise BadArguments(
                f"{model.name}: its process was ended from outside: too little memory?"
            ) from None
        except (ValueError, OSError) as error:
            raise BadArguments(f"{model.name} cannot be measured: {one_line(error)}") from None


def measure(model: Model, arguments: TaxArguments) -> dict[str, Any]:
    """Every task: its metric, the value from 0 to 1, its standard error, the questions and examples shown."""
    from lm_eval import simple_evaluate  # type: ignore[import-untyped]
    from lm_eval.tasks import TaskManager  # type: ignore[import-untyped]

    lm = loaded(model, arguments)
    ours = any(name in BENCHMARKS for name in arguments.tasks)
    tasks = TaskManager(include_path=arguments.task_folder, include_defaults=ours)  # thousands of files
    figures = {}
    # What runs code comes last, and finds no token in its environment.
    for name in sorted(arguments.tasks, key=lambda task: benchmark(task).runs_code):
        asked = benchmark(name)
        if arguments.allow_code and asked.runs_code:
            os.environ.pop("HF_TOKEN", None)
            os.environ["HF_ALLOW_CODE_EVAL"] = "1"  # what the metric of HumanEval asks for
        results: Any = simple_evaluate(
            model=lm,
            tasks=[asked.task],
            num_fewshot=asked.shots,
            limit=arguments.limit,
            task_manager=tasks,
            apply_chat_template=arguments.chat_template,
            log_samples=False,
            confirm_run_unsafe_code=arguments.allow_code,
        )
        figures[name] = figure(results, asked)
    return {name: figures[name] for name in arguments.tasks}


def loaded(model: Model, arguments: TaxArguments) -> Any:
    """The model in its backend."""
    from lm_eval.api.registry import get_model  # type: ignore[import-untyped]
    from lm_eval.utils import simple_parse_args_string  # type: ignore[import-untyped]

    settings = {"pretrained": model.place, **simple_parse_args_string(arguments.model_args)}
    if model.revision:
        settings["revision"] = model.revision
    return get_model(arguments.backend).create_from_arg_obj(
        settings, {"batch_size": arguments.batch_size, "device": arguments.device}
    )


def figure(results: Mapping[str, Any], asked: Benchmark) -> dict[str, Any]:
    """What lm-eval has found for a task or a group of tasks, as it stands in the file."""
    values = results["results"][asked.task]
    given = [key for key, value in values.items() if "," in key and isinstance(value, int | float)]
    metric = asked.metric or next((key for key in given if "_stderr," not in key), "")
    if metric not in given:
        raise ValueError(f"lm-eval gives no {metric or 'metric'} for {asked.task}, but {', '.join(given)}")
    name, _, picked = metric.partition(",")
    error = values.get(f"{name}_stderr,{picked}")
    shots = {results["n-shot"][task] for task in results["n-samples"]}
    return {
        "metric": metric,
        "value": float(values[metric]),
        "stderr": float(error) if isinstance(error, int | float) else None,
        "n": sum(count["effective"] for count in results["n-samples"].values()),
        "shots": shots.pop() if len(shots) == 1 else asked.shots,
    }


if __name__ == "__main__":
    with refusing("alignment_tax"):
        main(parse_alone(TaxArguments, "alignment_tax.yaml"))
