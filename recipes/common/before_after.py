"""A model on the test problems before training and after it, and what is written of that."""

from pathlib import Path
from typing import Any

from dsl_debug.data.loading import Data
from dsl_debug.policies.base import Setup
from recipes.common.plots import before_after, mean_reward
from recipes.common.validation import Player, Result, keep_in, load_split, write_report

EVALUATION, PLOTS = "evaluation", "plots"


def held_out_problems(arguments: Any) -> Data:
    """The problems of the test split. Raises BadArguments."""
    config, split = arguments.data_configs[0], arguments.test_split
    return load_split(arguments.data, config, split, arguments.data_revision, arguments.test_limit)


def play_test(arguments: Any, config: Any, model: Path | str, data: Data, when: str) -> Result:
    """The result of a model on them, "before" or "after" training, kept in its run. Raises BadArguments."""
    options = {
        # Several samples are drawn as in training, a single one is the most probable.
        "temperature": config.temperature if arguments.test_samples > 1 else 0.0,
        "max_tokens": arguments.max_turn_tokens,
        "batch_size": arguments.test_batch_size,
        "device": "cpu" if config.use_cpu else "auto",
        # A T4 does not know bfloat16.
        "dtype": "float32" if config.use_cpu else "float16",
    }
    setup = Setup(arguments.max_turns, arguments.prompt)
    player = Player("hf", options, setup, arguments.test_samples, config.seed)
    return player.play(model, data, Path(config.output_dir) / EVALUATION / when)


def write_before_after(before: Result, after: Result, run: Path, model: Path) -> list[str]:
    """Write the report, the plots and what the card of the model needs: what came out, in lines.

    Everything is rendered from the two results.
    """
    keep_in(model, "before/arena", before)
    keep_in(model, "arena", after)
    written = write_report([before, after], [run], run / EVALUATION)
    written.append(before_after(before, after, model / PLOTS))
    return [_line("before", before), _line("after", after), *map(str, written)]


def _line(when: str, result: Result) -> str:
    rate, paid = result["summary"]["overall"]["accuracy"], mean_reward(result)
    return (
        f"{when}: solved {rate['rate']:.1%} ({rate['low']:.1%} to {rate['high']:.1%}), "
        f"reward {paid['mean']:.3f} ({paid['low']:.3f} to {paid['high']:.3f})"
    )
