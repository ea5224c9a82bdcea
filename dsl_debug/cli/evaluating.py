"""The commands about evaluations: eval, report, rescore, trace."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from dsl_debug.data.loading import Data, load_data
from dsl_debug.episode.prompts import DEFAULT_PROMPT
from dsl_debug.episode.system_prompts import SYSTEM_PROMPTS
from dsl_debug.evaluation import RESULT, evaluate, load_result, read_traces
from dsl_debug.policies import AGENT_NAMES, FORMS, ModelOptions, Unusable, is_agent, open_policy
from dsl_debug.policies.base import Setup
from dsl_debug.sandbox import SandboxError
from dsl_debug.storage import write_atomically, write_json

DEFAULTS = ModelOptions()
SAMPLING_TEMPERATURE = 0.7

RATES = {"accuracy": "accuracy", "visible": "visible accuracy", "hack_rate": "hack rate"}
PLACE = "user/name on the Hub, a built folder, a file of problems, or 'samples'."
AT_LEAST_ONE = click.IntRange(min=1)
FOLDER = click.Path(file_okay=False, path_type=Path)

EPILOG = f"Policies: {', '.join(AGENT_NAMES)}, {FORMS}.\n\nPrompts: " + "; ".join(
    f"{prompt.name} ({prompt.purpose})" for prompt in SYSTEM_PROMPTS.values()
)

Command = Callable[..., Any]


def _option(name: str, help: str, kind: Any, default: Any = None) -> Command:
    return click.option(name, type=kind, default=default, show_default=default is not None, help=help)


def _data_options(command: Command) -> Command:
    """Where problems come from, for every command that plays or judges them."""
    for option in (
        _option("--limit", "Only the first so many problems.", AT_LEAST_ONE),
        _option("--revision", "A commit, branch or tag of a dataset on the Hub.", str),
        _option("--split", "Which split of it.", str, "test"),
        _option("--config", "Which config of the dataset.", str, "problems"),
        click.option("--data", "place", required=True, metavar="PLACE", help=PLACE),
    ):
        command = option(command)
    return command


_out = click.option("--out", type=FOLDER, required=True, help="The folder to write.")


@click.command("eval", epilog=EPILOG)
@click.option("--policy", "name", required=True, metavar="POLICY", help="Who plays; see below.")
@_data_options
@_out
@_option("--samples", "Episodes a problem.", AT_LEAST_ONE, 1)
@_option("--seed", "Of all that is random.", int, 0)
@_option("--prompt", "The system prompt.", click.Choice(list(SYSTEM_PROMPTS)), DEFAULT_PROMPT)
@_option("--max-turns", "Instead of 8, or 5 in the arena.", AT_LEAST_ONE)
@_option("--temperature", "0 by default, 0.7 for several samples.", click.FloatRange(min=0))
@_option("--top-p", "Nucleus sampling.", click.FloatRange(0, 1, min_open=True), DEFAULTS.top_p)
@_option("--max-tokens", "Tokens of a message at most.", AT_LEAST_ONE, DEFAULTS.max_tokens)
@_option("--context", "Tokens of a whole episode at most.", AT_LEAST_ONE)
@_option("--workers", "Episodes at a time, with agents or a server.", AT_LEAST_ONE)
@_option("--batch-size", "Episodes at a time, with hf: models.", AT_LEAST_ONE, DEFAULTS.batch_size)
@_option("--timeout", "Seconds for a request.", click.FloatRange(min=0, min_open=True), DEFAULTS.timeout)
@_option("--retries", "Times to ask a server again.", click.IntRange(min=0), DEFAULTS.retries)
@_option("--device", "For hf: models: cpu, cuda, ...", str, DEFAULTS.device)
@_option("--dtype", "For local models: float32, bfloat16, ...", str, DEFAULTS.dtype)
@click.option("--retry-stopped", is_flag=True, help="Play those again that a server let down.")
def evaluate_policy(
    name: str,
    place: str,
    config: str,
    split: str,
    revision: str | None,
    limit: int | None,
    out: Path,
    samples: int,
    seed: int,
    prompt: str,
    max_turns: int | None,
    retry_stopped: bool,
    **asking: Any,
) -> None:
    """Have a policy play the problems of a split.

    What comes of it is written to a folder: traces and a result file. A run that was stopped goes on where it
    was when the same command is given again.
    """
    with _told(), _progress() as on_progress:
        data = load_data(place, config, split, revision, limit)
        policy = open_policy(name, _model_options(name, samples, **asking))
        try:
            result = evaluate(
                policy,
                data.problems,
                out,
                data=data.facts,
                samples=samples,
                seed=seed,
                setup=Setup(max_turns, prompt),
                retry_stopped=retry_stopped,
                on_progress=on_progress,
            )
        except KeyboardInterrupt:
            click.echo(f"stopped; {out} keeps what is done: give the same command to go on", err=True)
            raise
        finally:
            policy.close()
    _tell(result, out)


def _model_options(
    name: str, samples: int, temperature: float | None, workers: int | None, **others: Any
) -> ModelOptions:
    """The options as given; several samples of a greedy model would all be the same."""
    if temperature is None:
        temperature = SAMPLING_TEMPERATURE if samples > 1 else DEFAULTS.temperature
    if workers is None:
        workers = (os.cpu_count() or 1) if is_agent(name) else DEFAULTS.workers
    return ModelOptions(temperature=temperature, workers=workers, **others)


def _tell(result: Mapping[str, Any], out: Path) -> None:
    """The main figures of a result, and where it is."""
    overall = result["summary"]["overall"]
    for name, label in RATES.items():
        rate = overall[name]
        if rate is None:
            click.echo(f"{label:<17}not known: there are problems without hidden tables")
        else:
            click.echo(f"{label:<17}{rate['rate']:>7.1%}   (95%: {rate['low']:.1%} to {rate['high']:.1%})")
    click.echo(f"{overall['episodes']} episodes of {overall['problems']} problems: {out / RESULT}")
    for reason, count in result["summary"]["stopped"].items():
        click.echo(f"{count} episodes were stopped ({reason}) and count as failed", err=True)


@click.command("report")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RESULT...")
@click.option("--out", type=FOLDER, help="A folder for all of it, with plots.")
def report_results(results: tuple[Path, ...], out: Path | None) -> None:
    """Compare evaluations, with intervals and plots.

    RESULT is the folder of an evaluation or its result file; the others are compared with the first one.
    """
    from dsl_debug.results.markdown import markdown
    from dsl_debug.results.plots import write_plots
    from dsl_debug.results.report import report

    with _told():
        facts = report([load_result(place) for place in results])
        text = markdown(facts)
        if out is None:
            click.echo(text)
            return
        write_json(out / "report.json", facts)
        write_atomically(out / "report.md", [text], 0o644)
        plots = write_plots(facts, out)
    click.echo(f"{out}: report.md, report.json, {', '.join(path.name for path in plots)}")


@click.command("rescore")
@click.argument("traces", type=click.Path(exists=True, path_type=Path))
@_data_options
@_out
def rescore_traces(
    traces: Path, place: str, config: str, split: str, revision: str | None, limit: int | None, out: Path
) -> None:
    """Judge the submissions of an evaluation again.

    That is for when the scorer or the problems have changed. TRACES is the folder of the evaluation, or its
    traces; the new folder holds them with new outcomes.
    """
    from dsl_debug.rescoring import rescore

    with _told(), _progress() as on_progress:
        data = load_data(place, config, split, revision, limit)
        result = rescore(traces, data.problems, out, data.facts, on_progress)
    click.echo(f"{result['rescored']['changed']} of {len(result['outcomes'])} outcomes changed")
    _tell(result, out)


@click.command("trace")
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--problem", metavar="ID", required=True, help="The problem, or how its id begins.")
@_option("--sample", "Which episode of it.", click.IntRange(min=0), 0)
@click.option("--data", "place", metavar="PLACE", help="Where the problem is, to show its fix as well.")
@_option("--config", "Which config of the dataset.", str, "problems")
@_option("--split", "Which split of it.", str, "test")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The HTML file.")
def show_trace(
    folder: Path, problem: str, sample: int, place: str | None, config: str, split: str, out: Path
) -> None:
    """Write one episode as an HTML page.

    The page needs nothing else: it is for a mail, an article, a bug report. FOLDER is the folder of an
    evaluation, or its traces.
    """
    from dsl_debug.replay import trace_page

    with _told():
        trace = _trace(folder, problem, sample)
        data = load_data(place, config, split) if place else Data([], {})
        played = next((p for p in data.problems if p.id == trace["problem_id"]), None)
        if place and played is None:
            raise ValueError(f"{place} does not hold the problem {trace['problem_id']}")
        write_atomically(out, [trace_page(trace, played)], 0o644)
    click.echo(str(out))


def _trace(folder: Path, problem: str, sample: int) -> dict[str, Any]:
    """The trace that is meant. Raises ValueError, saying what there is, if it is none or several."""
    traces = read_traces(folder)
    found = [row for (name, number), row in traces.items() if name.startswith(problem) and number == sample]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"{len(found)} problems begin with {problem}: give more of the id")
    if not traces:
        raise ValueError(f"{folder} holds no traces")
    some = ", ".join(list(dict.fromkeys(name for name, _ in traces))[:3])
    raise ValueError(f"{folder} holds no sample {sample} of a problem {problem}; its problems: {some}, ...")


COMMANDS = (evaluate_policy, report_results, rescore_traces, show_trace)


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong, told in one line."""
    try:
        yield
    except (ValueError, ImportError, SandboxError, Unusable) as error:
        raise click.ClickException(str(error)) from None


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error while episodes are played."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("episodes"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("episodes", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
