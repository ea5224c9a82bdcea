"""Does the gradient of GRPO teach? A check that a processor can carry out, from data to interval.

    python -m recipes.learning_check --data dist/dsl-debug-paper --out runs/learning-check

A model of two million weights, with random ones and a tokenizer made on the spot, learns by supervised
training to repair programs with a single mistake. An easy slice of them it sees often: standard problems
whose broken program raises an error. It learns the right programs of that slice by heart. From there GRPO
goes on, once per seed, on new mistakes in some of these programs. All are asked about still other mistakes in
the same programs, so what is held out is the mistake and not the program. One turn, one tool (`submit`), the
broken program as the whole prompt: what is checked is the trainer, not what a small model can do.

What counts is the robust accuracy of sampled answers, as training samples them; that of the surest answer
stands beside it. One more run is the control: the same in everything, but the rewards of a group are dealt to
its rollouts at random. What GRPO gains must come from which rollout earned what, so the control must not
gain. All runs share one SFT start: their interval says nothing about other starts.

Writes `result.json`, the table of it in `report.md`, and `learning-check.png`. What is finished is kept: the
same command goes on with a run that was stopped. `--data` is a folder that
`python -m dataset_builder build --preset paper` made, or a dataset on the Hub. Settings:
configs/learning_check.yaml.
"""

import argparse
import gc
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean as mean
from typing import Any

import yaml

from dsl_debug.data.loading import load_data
from dsl_debug.episode import schemas
from dsl_debug.evaluation import code_revision, problems_digest
from dsl_debug.problem import DslProblem
from dsl_debug.results.markdown import table
from dsl_debug.results.plots import COLOURS, INK
from dsl_debug.results.rows import public_name
from dsl_debug.results.statistics import paired_bootstrap, wilson
from dsl_debug.storage import read_json, write_atomically, write_json
from recipes.common.arguments import CONFIGS, BadArguments, refusing
from recipes.common.one_shot import (
    ONLY_SUBMIT,
    OneShot,
    OneShotToolEnv,
    answer_of,
    lesson_of,
    lessons,
    prompt_of,
    variants,
)
from recipes.common.run_record import FINISHED, versions

CONFIG = CONFIGS / "learning_check.yaml"
CONTROL = "control"
"""The run whose rewards are dealt out at random."""

KINDS = ("greedy", "sampled")
"""The surest answer, and what is drawn as in training: the second is what counts."""

Settings = Mapping[str, Any]


# Training


def make_start(lessons: Sequence[DslProblem], settings: Settings, folder: Path) -> Path:
    """The model with random weights and its tokenizer."""
    from recipes.common.tiny import TinySize, make_tiny_model, make_tokenizer

    if not (folder / "config.json").is_file():
        some = lessons[: settings["tokenizer_problems"]]
        frame = make_tokenizer().apply_chat_template(
            prompt_of(some[0]), tools=schemas(ONLY_SUBMIT), tokenize=False
        )
        # As often as models see it: else half of a prompt would be the words around it.
        texts = [text for p in some for text in (p.buggy_code, json.dumps(answer_of(p)), frame)]
        make_tiny_model(folder, settings["seed"], TinySize(**settings["model"]), texts)
    return folder


def train_sft(start: Path, lessons: Sequence[DslProblem], settings: Settings, folder: Path) -> Path:
    """Supervised training; the folder of the model."""
    if (folder / FINISHED).is_file():
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
    start: Path, problems: Sequence[DslProblem], settings: Settings, run: str, folder: Path
) -> Path:
    """GRPO from a start with the seed that a run is called by, or its control; the folder of the model."""
    if (folder / FINISHED).is_file():
        return folder
    from datasets import Dataset
    from transformers import AutoTokenizer
    from trl.trainer.grpo_config import GRPOConfig

    from recipes.common.rows import problem_columns

    seed = settings["control_seed"] if run == CONTROL else int(run)
    rows = [{**problem.to_row(), "prompt": prompt_of(problem)} for problem in problems]
    trainer = trainer_class(run)(
        model=str(start),
        args=GRPOConfig(output_dir=str(folder), seed=seed, **settings["grpo"]),
        train_dataset=Dataset.from_list(rows, features=problem_columns(rows)),
        processing_class=AutoTokenizer.from_pretrained(start, padding_side="left"),
        environment_factory={"dsl": OneShotToolEnv},
    )
    return _trained(trainer, folder)


def trainer_class(run: str) -> Any:
    """What trains a run: the trainer of the recipes, for the control with rewards dealt out at random."""
    import torch

    from recipes.common.trainer import DebugTrainer

    class ControlTrainer(DebugTrainer):
        """Each group keeps its rewards, but not which of its rollouts earned which."""

        def _calculate_rewards(self, *args: Any, **kwargs: Any) -> Any:
            rewards = super()._calculate_rewards(*args, **kwargs)
            draw = torch.Generator().manual_seed(self.args.seed * 100_003 + self.state.global_step)
            return dealt_out(rewards, self.num_generations, draw)

    return ControlTrainer if run == CONTROL else DebugTrainer


def dealt_out(rewards: Any, size: int, draw: Any) -> Any:
    """Rewards (rollouts x functions) of groups of `size` that follow one another, shuffled in each group."""
    import torch

    order = torch.rand((len(rewards) // size, size), generator=draw).argsort(dim=1)
    first = torch.arange(0, len(rewards), size)[:, None]
    return rewards[(first + order).flatten().to(rewards.device)]


def _trained(trainer: Any, folder: Path) -> Path:
    from recipes.common.finish import run_to_the_end

    run_to_the_end(trainer, folder)
    gc.collect()
    return folder


def check_start(folder: Path, problems: Sequence[DslProblem], settings: Settings) -> float:
    """How often the SFT start solves what GRPO is to train on. Raises BadArguments where that leaves GRPO
    nothing to learn from: groups teach where some rollouts are right and others are not."""
    rate = mean(
        scores(folder, problems[: settings["start_problems"]], settings, "grpo_problems.json")["sampled"]
    )
    low, high = settings["start_solves"]
    if not low <= rate <= high:
        more = "more" if rate < low else "less"
        raise BadArguments(
            f"the SFT start solves {rate:.1%} of what GRPO trains on, and should {low:.0%} to {high:.0%}: "
            f"train it {more} (sft.max_steps), in another --out"
        )
    return rate


# Evaluation


def scores(
    folder: Path, problems: Sequence[DslProblem], settings: Settings, file: str = "held_out.json"
) -> dict[str, list[float]]:
    """Robust accuracy on each problem: of the surest answer, and the mean of sampled ones. `file` keeps it in
    the folder of the model."""
    kept = folder / file
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
    after: Mapping[str, Mapping[str, Sequence[float]]],
    problems: Sequence[DslProblem],
) -> dict[str, Any]:
    """What the held-out problems say: each run, the mean gain of all seeds, and that of the control, each
    with a 95% interval over problems (a bootstrap of whole databases)."""
    databases = [problem.database for problem in problems]
    made: dict[str, Any] = {}
    for kind in KINDS:
        start = before[kind]
        runs = {run: found[kind] for run, found in after.items()}
        seeds = [values for run, values in runs.items() if run != CONTROL]
        made[kind] = {
            "sft": mean(start),
            "sft_interval": wilson(sum(start), len(start)),
            "grpo": {run: mean(values) for run, values in runs.items()},
            "gain": gain(start, seeds, databases),
            "control_gain": gain(start, [runs[CONTROL]], databases),
        }
    return made


def gain(
    start: Sequence[float], runs: Sequence[Sequence[float]], databases: Sequence[str]
) -> dict[str, float]:
    """How much higher the mean of some runs is than their start, problem by problem, with its interval."""
    means = [mean(values) for values in zip(*runs, strict=True)]
    gains = [now - was for now, was in zip(means, start, strict=True)]
    low, high = paired_bootstrap(gains, databases, seed=0)
    return {"gain": mean(gains), "low": low, "high": high}


def render(made: Mapping[str, Any]) -> str:
    """The table of a result: percent, and gains over SFT in percentage points with their 95% intervals."""
    seeds = [str(seed) for seed in made["settings"]["grpo_seeds"]]
    rows = [["SFT"], [f"SFT->RL, seeds {', '.join(seeds)}"], ["control: rewards shuffled within groups"]]
    for kind in KINDS[::-1]:
        held = made["held_out"][kind]
        rows[0] += [f"{100 * held['sft']:.1f}", ""]
        rows[1] += [", ".join(f"{100 * held['grpo'][seed]:.1f}" for seed in seeds), _points(held["gain"])]
        rows[2] += [f"{100 * held['grpo'][CONTROL]:.1f}", _points(held["control_gain"])]
    return table(["", "sampled", "gain", "greedy", "gain"], rows)


def _points(found: Mapping[str, float]) -> str:
    return f"{100 * found['gain']:+.1f} ({100 * found['low']:.1f} to {100 * found['high']:.1f})"


def plot(made: Mapping[str, Any], histories: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """The reward over the steps of each seed, and accuracy on held-out problems before and after."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(8, 3), layout="constrained")
    for number, (run, history) in enumerate(histories.items()):
        points = [(row["step"], row["reward"]) for row in history if "reward" in row]
        colour = "tab:gray" if run == CONTROL else COLOURS[number]
        left.plot(*zip(*points, strict=True), label=name_of(run), linewidth=1.2, color=colour)
    left.set(xlabel="step", title="reward on training problems", ylim=(0, 1))
    left.legend(frameon=False)
    for place, kind in enumerate(KINDS):
        found = made[kind]
        low, high = found["sft_interval"]
        right.errorbar(
            place - 0.1,
            found["sft"],
            yerr=[[found["sft"] - low], [high - found["sft"]]],
            fmt="o",
            color=INK,
            label=None if place else "SFT",
        )
        for number, (run, value) in enumerate(found["grpo"].items()):
            look = ("x", "tab:gray") if run == CONTROL else ("s", COLOURS[number])
            right.plot(place + 0.1, value, look[0], color=look[1], label=None if place else name_of(run))
    right.set(xticks=[0, 1], xticklabels=["greedy", "sampled"], ylim=(0, 1), xlim=(-0.6, 1.6))
    right.set_title("robust accuracy, held-out problems")
    right.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=120, metadata={"Software": None})
    pyplot.close(figure)


def name_of(run: str) -> str:
    """What a run is called in the plot."""
    return "control" if run == CONTROL else f"seed {run}"


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
    learned, easy = lessons([p for p in problems if isinstance(p, DslProblem)], settings)
    asked = [p for p in easy if len(p.correct_code) <= settings["asked_characters"]][: settings["asked"]]
    if len(asked) < settings["asked"]:
        raise BadArguments(
            f"{len(asked)} programs of the slice have at most {settings['asked_characters']} characters, and "
            f"{settings['asked']} are needed: build a dataset with --preset paper"
        )
    made_anew = variants(asked, 2 * settings["variants"], settings["seed"], learned)
    trained, held_out = made_anew[::2], made_anew[1::2]
    print(f"{len(learned)} problems for SFT, {len(trained)} for GRPO, {len(held_out)} held out", flush=True)
    begin(out, settings, trained + held_out)
    start = make_start(learned, settings, out / "start")
    sft = train_sft(start, learned, settings, out / "sft")
    solves = check_start(sft, trained, settings)
    before = scores(sft, held_out, settings)
    tell("SFT", before)
    after: dict[str, dict[str, list[float]]] = {}
    for run in [*map(str, settings["grpo_seeds"]), CONTROL]:
        folder = train_grpo(sft, trained, settings, run, out / f"grpo-{run}")
        after[run] = scores(folder, held_out, settings)
        tell(name_of(run), after[run])
    held = report(before, after, held_out)
    made: dict[str, Any] = {
        "settings": dict(settings),
        "data": public_name(place),
        "problems": {"sft": len(learned), "grpo": len(trained), "held_out": len(held_out)},
        "start_solves": solves,
        "held_out": held,
        "code": code_revision(),
        "libraries": versions(),
    }
    write_json(out / "result.json", made)
    write_atomically(out / "report.md", [render(made), "\n"], 0o644)
    histories = {run: read_json(out / f"grpo-{run}" / FINISHED)["log_history"] for run in after}
    plot(held, histories, out / "learning-check.png")
    return made


def begin(out: Path, settings: Settings, problems: Sequence[DslProblem]) -> None:
    """Note what the check in a folder is made with. Raises BadArguments where it was begun with something
    else: what is finished there would be taken for its own."""
    asked = {"settings": dict(settings), "problems": problems_digest(problems)}
    kept = out / "begun.json"
    if kept.is_file() and read_json(kept) != asked:
        raise BadArguments(f"{out} holds a check with other settings or other data: give another --out")
    write_json(kept, asked)


def tell(name: str, found: Mapping[str, Sequence[float]]) -> None:
    """Print how a model does on the held-out problems."""
    print(f"{name}: " + ", ".join(f"{kind} {mean(found[kind]):.3f}" for kind in KINDS), flush=True)


if __name__ == "__main__":
    with refusing("learning_check"):
        main()
        sys.exit(0)
