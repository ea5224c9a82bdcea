"""Does the gradient of GRPO teach? A check that a processor can carry out, from data to interval.

    python -m recipes.learning_check --data dist/dsl-debug-paper --out runs/learning-check

A model of two million weights, with random ones and a tokenizer made on the spot, learns to repair programs
by supervised training on (broken, right) pairs with a single mistake. From there GRPO goes on, once per
seed, on an easy slice: standard problems whose broken program raises an error. Both are asked about problems
of that slice which neither has seen, from databases that the training has. One turn, one tool (`submit`),
the broken program as the whole prompt: what is checked is the trainer, not what a small model can do.

What is finished is kept: the same command goes on with a run that was stopped. `--data` is a folder that
`python -m dataset_builder build --preset paper` made, or a dataset on the Hub. Settings:
configs/learning_check.yaml.
"""

import argparse
import gc
import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import yaml

from dsl_debug import DslError, run
from dsl_debug.data.loading import load_data
from dsl_debug.episode import TOOLS, schemas
from dsl_debug.episode.dsl import DSLDebugEnv, DslTools
from dsl_debug.episode.tools import Tool
from dsl_debug.episode.trl import problem_of
from dsl_debug.evaluation import code_revision
from dsl_debug.problem import DslProblem
from dsl_debug.results.statistics import paired_bootstrap, wilson
from dsl_debug.storage import read_json, write_json
from recipes.common.arguments import CONFIGS, BadArguments, refusing
from recipes.common.run_record import versions

CONFIG = CONFIGS / "learning_check.yaml"
ONLY_SUBMIT: dict[str, Tool] = {"submit": TOOLS["submit"]}
DONE = "config.json"
"""What a trainer's last folder has, and an unfinished one has not."""

Settings = Mapping[str, Any]


# The task


class OneShot(DSLDebugEnv):
    """An episode of one turn in which only `submit` can be called."""

    tools: ClassVar[Mapping[str, Tool]] = ONLY_SUBMIT


class OneShotToolEnv:
    """The same as TRL wants it."""

    def __init__(self) -> None:
        self.episode = OneShot(max_turns=1)

    def reset(self, **row: Any) -> None:
        self.episode.reset(problem_of(row))

    def get_reward(self) -> float:
        return self.episode.reward

    def submit(self, code: str):  # type: ignore[no-untyped-def]  # TRL would add it to the schema
        return self.episode.call("submit", code=code).observation

    submit.__doc__ = DslTools.submit.__doc__


def prompt_of(problem: DslProblem) -> list[dict[str, str]]:
    """The messages that an episode starts from."""
    return [
        {"role": "system", "content": "Repair the program."},
        {"role": "user", "content": problem.buggy_code},
    ]


def lesson_of(problem: DslProblem) -> dict[str, Any]:
    """The conversation of supervised training."""
    call = {"name": "submit", "arguments": {"code": problem.correct_code}}
    told = [{**message, "tool_calls": []} for message in prompt_of(problem)]
    answer = {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": call}]}
    return {"messages": [*told, answer], "tools": schemas(ONLY_SUBMIT)}


def is_single(problem: DslProblem) -> bool:
    """Whether a problem is a standard one with a single mistake."""
    return problem.category == "standard" and len(problem.bugs) == 1


def is_in_slice(problem: DslProblem) -> bool:
    """Whether a problem is easy in that its single mistake raises an error."""
    if not is_single(problem):
        return False
    try:
        run(problem.buggy_code, problem.tables)
    except DslError:
        return True
    return False


def dealt(
    problems: Iterable[DslProblem], settings: Settings
) -> tuple[list[DslProblem], list[DslProblem], list[DslProblem]]:
    """Problems for supervised training, for GRPO, and held out, in an order that only their ids decide.

    Raises BadArguments where there are too few.
    """
    short = [p for p in problems if len(p.correct_code) <= settings["max_characters"]]
    ordered = sorted(short, key=lambda p: hashlib.sha256(p.id.encode()).hexdigest())
    easy = [p for p in ordered if is_in_slice(p)]
    names = {p.id for p in easy}
    held_out, trained = settings["held_out"], settings["grpo_problems"]
    if len(easy) < held_out + trained:
        raise BadArguments(
            f"the dataset has {len(easy)} problems of the easy slice, and {held_out + trained} are needed: "
            "build one with --preset paper"
        )
    aside = {p.id for p in easy[: held_out + trained]}
    others = [p for p in ordered if is_single(p) and p.id not in names]
    lessons = others + [p for p in easy if p.id not in aside] * settings["slice_repeats"]
    return lessons, easy[held_out : held_out + trained], easy[:held_out]


# Training


def make_start(lessons: Sequence[DslProblem], settings: Settings, folder: Path) -> Path:
    """The model with random weights and its tokenizer."""
    from recipes.common.tiny import TinySize, make_tiny_model, make_tokenizer

    if not (folder / DONE).is_file():
        some = lessons[: settings["tokenizer_problems"]]
        frame = make_tokenizer().apply_chat_template(
            prompt_of(some[0]), tools=schemas(ONLY_SUBMIT), tokenize=False
        )
        # As often as models see it: else half of a prompt would be the words around it.
        texts = [text for p in some for text in (p.buggy_code, _as_call(p), frame)]
        make_tiny_model(folder, settings["seed"], TinySize(**settings["model"]), texts)
    return folder


def _as_call(problem: DslProblem) -> str:
    import json

    return json.dumps({"name": "submit", "arguments": {"code": problem.correct_code}})


def train_sft(start: Path, lessons: Sequence[DslProblem], settings: Settings, folder: Path) -> Path:
    """Supervised training; the folder of the model."""
    if (folder / DONE).is_file():
        return folder
    from transformers import AutoTokenizer
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from recipes.common.rows import lesson_dataset

    trainer = SFTTrainer(
        model=str(start),
        args=SFTConfig(output_dir=str(folder), seed=settings["seed"], **settings["sft"]),
        train_dataset=lesson_dataset([lesson_of(problem) for problem in lessons]),
        processing_class=AutoTokenizer.from_pretrained(start),
    )
    return _trained(trainer, folder)


def train_grpo(
    start: Path, problems: Sequence[DslProblem], settings: Settings, seed: int, folder: Path
) -> Path:
    """GRPO from a start with one seed; the folder of the model."""
    if (folder / DONE).is_file():
        return folder
    from datasets import Dataset
    from transformers import AutoTokenizer
    from trl.trainer.grpo_config import GRPOConfig

    from recipes.common.rows import problem_columns
    from recipes.common.trainer import DebugTrainer

    rows = [{**problem.to_row(), "prompt": prompt_of(problem)} for problem in problems]
    trainer = DebugTrainer(
        model=str(start),
        args=GRPOConfig(output_dir=str(folder), seed=seed, **settings["grpo"]),
        train_dataset=Dataset.from_list(rows, features=problem_columns(rows)),
        processing_class=AutoTokenizer.from_pretrained(start, padding_side="left"),
        environment_factory={"dsl": OneShotToolEnv},
    )
    return _trained(trainer, folder)


def _trained(trainer: Any, folder: Path) -> Path:
    from recipes.common.checkpoints import latest_checkpoint

    trainer.train(resume_from_checkpoint=latest_checkpoint(folder))
    write_json(folder / "history.json", {"history": trainer.state.log_history})
    trainer.save_model(str(folder))
    gc.collect()
    return folder


# Evaluation


def scores(folder: Path, problems: Sequence[DslProblem], settings: Settings) -> dict[str, list[float]]:
    """Robust accuracy on each problem: of the surest answer, and the mean of sampled ones."""
    kept = folder / "held_out.json"
    if kept.is_file():
        found: dict[str, list[float]] = read_json(kept)
        return found
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    model.eval()
    torch.manual_seed(settings["seed"])
    samples = settings["samples"]
    greedy = _played(model, tokenizer, problems, settings, temperature=0.0)
    drawn = [
        _played(model, tokenizer, problems, settings, settings["grpo"]["temperature"]) for _ in range(samples)
    ]
    made = {"greedy": greedy, "sampled": [sum(values) / samples for values in zip(*drawn, strict=True)]}
    write_json(kept, made)
    return made


def _played(
    model: Any, tokenizer: Any, problems: Sequence[DslProblem], settings: Settings, temperature: float
) -> list[float]:
    from dsl_debug.policies.tokens import prompt_ids
    from recipes.common.episodes import TokenEpisode, chat_format, play

    chat = chat_format(tokenizer, [tokenizer.eos_token_id])
    rewards: list[float] = []
    for first in range(0, len(problems), settings["eval_batch"]):
        episodes = []
        for problem in problems[first : first + settings["eval_batch"]]:
            env = OneShot(max_turns=1)
            env.reset(problem)
            ids = prompt_ids(tokenizer, prompt_of(problem), schemas(ONLY_SUBMIT))
            episodes.append(TokenEpisode(env, ids, chat, settings["grpo"]["max_completion_length"]))
        play(episodes, _writer(model, tokenizer, settings["grpo"]["max_completion_length"], temperature))
        rewards += [episode.env.reward for episode in episodes]
    return rewards


def _writer(model: Any, tokenizer: Any, most: int, temperature: float) -> Callable[..., Any]:
    import torch
    from transformers import GenerationConfig

    draw = (
        {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
        if temperature
        else {"do_sample": False}
    )
    # Whatever is left out is taken from the model's own file, which asks for a penalty on repetition.
    ends = {
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "repetition_penalty": 1.0,
    }
    how = GenerationConfig(max_new_tokens=most, **ends, **draw)  # type: ignore[no-untyped-call]

    def write(prompts: list[list[int]]) -> tuple[list[list[int]], None] | None:
        if not prompts:
            return None
        batch = tokenizer.pad({"input_ids": prompts}, return_tensors="pt")
        with torch.inference_mode():
            made = model.generate(**batch, generation_config=how)
        return made[:, batch["input_ids"].shape[1] :].tolist(), None

    return write


def report(
    before: Mapping[str, Sequence[float]],
    after: Mapping[int, Mapping[str, Sequence[float]]],
    problems: Sequence[DslProblem],
) -> dict[str, Any]:
    """What the held-out problems say: each run, and the mean gain of all seeds with its interval over
    problems (a bootstrap of whole databases)."""
    databases = [problem.database for problem in problems]
    made: dict[str, Any] = {}
    for kind in ("greedy", "sampled"):
        start = before[kind]
        runs = {str(seed): found[kind] for seed, found in after.items()}
        mean = [sum(values) / len(runs) for values in zip(*runs.values(), strict=True)]
        gains = [now - was for now, was in zip(mean, start, strict=True)]
        low, high = paired_bootstrap(gains, databases, seed=0)
        made[kind] = {
            "sft": _mean(start),
            "sft_interval": wilson(sum(start), len(start)),
            "grpo": {seed: _mean(values) for seed, values in runs.items()},
            "gain": _mean(gains),
            "gain_interval": [low, high],
        }
    return made


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def plot(made: Mapping[str, Any], histories: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """The reward over the steps of each seed, and accuracy on held-out problems before and after."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(8, 3), layout="constrained")
    for seed, history in histories.items():
        points = [(row["step"], row["reward"]) for row in history if "reward" in row]
        left.plot(*zip(*points, strict=True), label=f"seed {seed}", linewidth=1.2)
    left.set(xlabel="step", title="reward on training problems", ylim=(0, 1))
    left.legend(frameon=False)
    for place, kind in enumerate(("greedy", "sampled")):
        found = made[kind]
        low, high = found["sft_interval"]
        right.errorbar(
            place - 0.1,
            found["sft"],
            yerr=[[found["sft"] - low], [high - found["sft"]]],
            fmt="o",
            color="tab:gray",
            label="SFT" if not place else None,
        )
        values = list(found["grpo"].values())
        right.plot(
            [place + 0.1] * len(values), values, "s", color="tab:blue", label=None if place else "SFT->RL"
        )
    right.set(xticks=[0, 1], xticklabels=["greedy", "sampled"], ylim=(0, 1), xlim=(-0.6, 1.6))
    right.set_title("robust accuracy, held-out problems")
    right.legend(frameon=False)
    figure.savefig(path, dpi=120, metadata={"Software": None})
    pyplot.close(figure)


# The whole


def main(argv: Sequence[str] | None = None) -> None:
    """Carry out the check, or what is left of it. Raises BadArguments."""
    parser = argparse.ArgumentParser(prog="python -m recipes.learning_check", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--data", required=True, help="a built dataset")
    parser.add_argument("--out", type=Path, default=Path("runs/learning-check"), help="%(default)s")
    parser.add_argument("--config", type=Path, default=CONFIG, help="settings (%(default)s)")
    given = parser.parse_args(argv)
    settings = yaml.safe_load(given.config.read_text(encoding="utf-8"))
    check(given.data, given.out, settings)


def check(place: str, out: Path, settings: Settings) -> dict[str, Any]:
    """The result, which `out/result.json` keeps."""
    try:
        problems = [
            p for split in ("train", "validation", "test") for p in load_data(place, split=split).problems
        ]
    except (ValueError, ImportError) as error:
        raise BadArguments(str(error)) from None
    lessons, trained, held_out = dealt([p for p in problems if isinstance(p, DslProblem)], settings)
    print(f"{len(lessons)} problems for SFT, {len(trained)} for GRPO, {len(held_out)} held out", flush=True)
    start = make_start(lessons, settings, out / "start")
    sft = train_sft(start, lessons, settings, out / "sft")
    before = scores(sft, held_out, settings)
    print(f"SFT: greedy {_mean(before['greedy']):.3f}, sampled {_mean(before['sampled']):.3f}", flush=True)
    after: dict[int, dict[str, list[float]]] = {}
    for seed in settings["grpo_seeds"]:
        folder = train_grpo(sft, trained, settings, seed, out / f"grpo-{seed}")
        after[seed] = found = scores(folder, held_out, settings)
        print(
            f"seed {seed}: greedy {_mean(found['greedy']):.3f}, sampled {_mean(found['sampled']):.3f}",
            flush=True,
        )
    held = report(before, after, held_out)
    made: dict[str, Any] = {
        "settings": dict(settings),
        "data": place,
        "problems": {"sft": len(lessons), "grpo": len(trained), "held_out": len(held_out)},
        "held_out": held,
        "code": code_revision(),
        "libraries": versions(),
    }
    write_json(out / "result.json", made)
    histories = {str(seed): read_json(out / f"grpo-{seed}" / "history.json")["history"] for seed in after}
    plot(held, histories, out / "learning-check.png")
    return made


if __name__ == "__main__":
    with refusing("learning_check"):
        main()
        sys.exit(0)
