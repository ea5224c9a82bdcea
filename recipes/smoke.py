"""The whole chain on a processor, in minutes: a model made on the spot is trained, evaluated and published.

    python -m recipes.smoke [--out runs/smoke] [--data FOLDER] [--seed 0]

    model      tokenizer and tiny model with random weights
    lessons    episodes to learn from: the reference agent plays sample problems (with --data: config `sft`)
    sft        recipes/sft.py; its loss has to fall
    grpo       recipes/grpo_sft_rl.py, from that model
    eval       `dsl-debug eval` with the trained model
    card       `python -m model_cards render`
    push       `python -m model_cards push`, where HF_ENDPOINT names a Hub on this machine

Each stage is a process of its own, as users start it. What is done is not done again: a chain that was killed
goes on where it was.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dsl_debug.data import sample_problems
from dsl_debug.episode import TOOLS, messages, schemas
from dsl_debug.evaluation import RESULT
from dsl_debug.storage import read_json
from recipes.common.arguments import CONFIGS, REFUSED, RUNS, BadArguments
from recipes.common.measures import INFORMATIVE
from recipes.common.run_record import TRAINING, is_finished
from recipes.common.tiny import make_tiny_model, make_tokenizer

ROOT = Path(__file__).resolve().parents[1]
PROBLEMS = 2
"""Sample problems that are learned, trained on and played: so few that a tiny model knows them by heart."""

PROMPT = "bare"
TURNS = 2
"""Of an episode, in lessons and evaluation as in `smoke_grpo.yaml`: prompts say how many there are."""

TOKENS = 100
"""Of one message at most, as there."""

MUST_FALL_TO = 0.5
"""What may be left of the loss of supervised training at its end."""

CARD = "README.md"
REPOSITORY = "dsl-debug-smoke"
DSL_DEBUG = ("-c", "from dsl_debug.cli import main; main()")
"""The console script, whether it is installed or not."""

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Failed(RuntimeError):
    """A stage that did not do what it has to; the text says which one and why, in one line."""


@dataclass(frozen=True)
class Chain:
    """What a run of the chain is told: where it works, the dataset if any, the repository to publish, and the
    seed of the random weights."""

    out: Path
    data: Path | None
    repository: str
    seed: int = 0

    def __truediv__(self, stage: str) -> Path:
        return self.out / stage


# The stages: each knows whether it is done


def model(chain: Chain) -> None:
    """A model with random weights."""
    if not (chain / "model" / "tokenizer.json").exists():
        make_tiny_model(chain / "model", chain.seed, texts=texts())


def texts() -> list[str]:
    """The conversations that are to be learned: a tokenizer made for them has few tokens for each."""
    template = make_tokenizer().apply_chat_template
    problems = sample_problems()[:PROBLEMS]
    prompts = [template(messages(p, TURNS, PROMPT), tools=schemas(TOOLS), tokenize=False) for p in problems]
    return [*map(str, prompts), *(json.dumps({"code": problem.correct_code}) for problem in problems)]


def lessons(chain: Chain) -> None:
    """Episodes of the agent that knows the fix; an evaluation goes on by itself."""
    if chain.data is None and not (chain / "lessons" / RESULT).exists():
        play("reference", chain / "lessons")


def sft(chain: Chain) -> None:
    """Supervised training; raises Failed if the loss does not fall."""
    data = chain.data or chain / "lessons"
    recipe("sft.py", "smoke_sft.yaml", chain, chain / "model", data, chain / "sft")
    before, after = losses(chain / "sft")
    print(f"sft: the loss fell from {before:.2f} to {after:.2f}")
    if not after < before * MUST_FALL_TO:
        raise Failed(f"sft: the loss went from {before:.3f} to {after:.3f}, and should be far lower")


def grpo(chain: Chain) -> None:
    """Reinforcement learning from there."""
    recipe("grpo_sft_rl.py", "smoke_grpo.yaml", chain, chain / "sft", chain.data, chain / "grpo")
    check_rollouts(chain / "grpo")


def evaluate(chain: Chain) -> None:
    """The trained model plays, and the result goes where the card looks for it."""
    played = chain / "eval" / RESULT
    if not played.exists():
        play(f"hf:{chain / 'grpo'}", chain / "eval", "--max-tokens", str(TOKENS))
    place = chain / "grpo" / "results" / "samples.json"
    place.parent.mkdir(exist_ok=True)
    shutil.copyfile(played, place)


def card(chain: Chain) -> None:
    """The card, from the record and the result."""
    run("-m", "model_cards", "render", str(chain / "grpo"))
    if not (chain / "grpo" / CARD).is_file():
        raise Failed("card: there is none")


def push(chain: Chain) -> None:
    """The model with its card, to a Hub on this machine."""
    endpoint = os.environ.get("HF_ENDPOINT", "")
    if urlsplit(endpoint).hostname not in LOOPBACK:
        print("push: left out, for HF_ENDPOINT names no Hub on this machine")
        return
    run("-m", "model_cards", "push", str(chain / "grpo"), "--repo", chain.repository)


STAGES: dict[str, Callable[[Chain], None]] = {
    "model": model,
    "lessons": lessons,
    "sft": sft,
    "grpo": grpo,
    "eval": evaluate,
    "card": card,
    "push": push,
}


# What stages are made of


def recipe(script: str, config: str, chain: Chain, start: Path, data: Path | None, out: Path) -> None:
    """Train, unless that is done."""
    if is_finished(out):
        return
    flags = {"--config": CONFIGS / config, "--start": start, "--output_dir": out}
    flags |= {} if data is None else {"--data": data}
    words = [str(word) for flag in flags.items() for word in flag]
    run(str(ROOT / "recipes" / script), *words, *(["--base_model", str(chain / "model")]))


def play(policy: str, out: Path, *more: str) -> None:
    """Evaluate a policy on the sample problems of the chain."""
    data = ["--data", "samples", "--limit", str(PROBLEMS), "--prompt", PROMPT, "--max-turns", str(TURNS)]
    run(*DSL_DEBUG, "eval", "--policy", policy, *data, "--out", str(out), *more)


def run(*words: str) -> None:
    """Run Python with these words. Raises Failed where it does not end well."""
    print("+ python", *words, flush=True)
    environment = {**os.environ, "PYTHONPATH": path_of(os.environ), "TRL_EXPERIMENTAL_SILENCE": "1"}
    done = subprocess.run([sys.executable, *words], env=environment, check=False)
    if done.returncode:
        raise Failed(f"`python {' '.join(words)}` ended with status {done.returncode}")


def path_of(environment: Mapping[str, str]) -> str:
    """Where modules are looked for: this repository first."""
    return os.pathsep.join(filter(None, [str(ROOT), environment.get("PYTHONPATH")]))


def losses(folder: Path) -> tuple[float, float]:
    """The first and the last loss that a run logged."""
    found = [row["loss"] for row in read_json(folder / TRAINING)["history"] if row.get("loss") is not None]
    if len(found) < 2:
        raise Failed(f"{folder} logged no losses")
    return float(found[0]), float(found[-1])


def check_rollouts(folder: Path) -> None:
    """Raises Failed for a run that taught nothing, wrote what nobody had any use for, or logged nothing."""
    steps: list[dict[str, Any]] = [r for r in read_json(folder / TRAINING)["history"] if "turns" in r]
    if not steps:
        raise Failed("grpo: no rollouts were logged")
    if any(step["tokens/after_end"] for step in steps):
        raise Failed("grpo: tokens were generated behind the end of a message or of an episode")
    if not max(step[INFORMATIVE] for step in steps) > 0:
        raise Failed("grpo: no step had a problem that was solved sometimes only, so nothing was learned")
    if not max(step.get("grad_norm") or 0.0 for step in steps) > 0:
        raise Failed("grpo: no step had a gradient")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the chain; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m recipes.smoke", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--out", type=Path, default=Path(RUNS, "smoke"), help="where it works")
    parser.add_argument("--data", type=Path, help="a built dataset, instead of the sample problems")
    parser.add_argument("--repo", default=f"user/{REPOSITORY}", help="what is published, user/name")
    parser.add_argument("--seed", type=int, default=0, help="of the random weights")
    given = parser.parse_args(argv)
    chain = Chain(given.out, given.data, given.repo, given.seed)
    try:
        if chain.data is not None and not chain.data.is_dir():
            raise BadArguments(f"there is no folder {chain.data}: `make build-data` makes dist/dsl-debug")
        for stage in STAGES.values():
            stage(chain)
    except BadArguments as error:
        print(f"smoke: {error}", file=sys.stderr)
        return REFUSED
    except Failed as error:
        print(f"smoke: {error}", file=sys.stderr)
        return 1
    print(f"smoke: all is done, see {chain / 'grpo' / CARD}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
