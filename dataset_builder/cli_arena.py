"""The commands about the arena: build it, read other people's bugs, have a model write further ones."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from dataset_builder.arena import Report, build_arena
from dataset_builder.arena_export import check_target, export_arena, export_row
from dataset_builder.cli_common import need_pyarrow, progress, seed_option
from dataset_builder.python_bugs.cases import sandboxed
from dataset_builder.python_bugs.importing import Rejection, import_bugs
from dataset_builder.python_bugs.writing import write_bugs
from dsl_debug.policies.endpoint import MODEL_TIMEOUT, Settings, Unavailable
from dsl_debug.problem import PythonProblem
from dsl_debug.sandbox import Sandbox
from dsl_debug.storage import write_atomically

_out_file = click.option(
    "--out", type=click.Path(path_type=Path), help="A file of JSON lines.  [default: standard output]"
)
_allow_missing = click.option(
    "--allow-missing-layers",
    is_flag=True,
    help="Run the code of strangers even if this machine lacks layers of the sandbox.",
)


@click.command("arena")
@click.option("--out", type=click.Path(path_type=Path), default="arena", show_default=True, help="A folder.")
@seed_option
@click.option(
    "--per-function",
    type=click.IntRange(0, 1000),
    default=8,
    show_default=True,
    help="How many problems to generate from a function, where it has so many.",
)
@click.option("--workers", type=click.IntRange(1, 256), help="Threads.  [default: one for each processor]")
def arena_command(out: Path, seed: int, per_function: int, workers: int | None) -> None:
    """Build the arena: buggy Python functions, as a folder that load_dataset reads."""
    need_pyarrow()
    try:
        check_target(out)
        # All that is run here is our own, so that layers which a machine lacks are no danger.
        with Sandbox(allow_missing_layers=True) as box, progress("building") as follow:
            workers = workers or os.cpu_count() or 1
            splits, report = build_arena(seed, per_function, box, workers, follow)
        export_arena(splits, out, report)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(_arena_summary(out, report))


def _arena_summary(out: Path, report: Report) -> str:
    lines = [f"{out}"]
    for name, split in report["splits"].items():
        lines.append(f"  {name:<11} {split['problems']:>5} problems of {len(split['families'])} families")
    lines += [f"  left out: {count} ({reason})" for reason, count in report["rejected"].items()]
    if report["missing_from_test"]:
        lines.append(f"  the test split has none of: {', '.join(report['missing_from_test'])}")
    return "\n".join(lines)


# Other people's bugs


@click.command("arena-import")
@click.argument("file", type=click.Path(path_type=Path))
@_out_file
@seed_option
@_allow_missing
def import_command(file: Path, out: Path | None, seed: int, allow_missing_layers: bool) -> None:
    """Turn a JSON list of {name, buggy_code, correct_code, tests} into problems."""
    _check_out(out)
    try:
        with Sandbox(allow_missing_layers) as box, progress("checking") as follow:
            problems, rejections = import_bugs(file, sandboxed(box), seed, follow)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    _hand_over(problems, rejections, out)


def _hand_over(problems: Sequence[PythonProblem], rejections: Iterable[Rejection], out: Path | None) -> None:
    """Write the rows, and tell what was accepted and why the rest was not."""
    for rejection in rejections:
        click.echo(_one_line(f"rejected {rejection.name}: {'; '.join(rejection.reasons)}"), err=True)
    if not problems:
        raise click.ClickException("nothing was accepted, so nothing was written")
    _write_rows(problems, out)
    click.echo(f"accepted {len(problems)}{f', written to {out}' if out else ''}", err=True)


def _one_line(text: str, most: int = 300) -> str:
    """A text of strangers for the terminal: nothing in it moves the cursor."""
    text = "".join(char if char.isprintable() else " " for char in text)
    return text if len(text) <= most else f"{text[:most]}..."


def _check_out(out: Path | None) -> None:
    """An existing file is written over only if it holds problems of the arena."""
    if out is None:
        return
    if not out.parent.is_dir():
        raise click.ClickException(f"{out.parent} is no folder")
    if not out.exists():
        return
    if not out.is_file():
        raise click.ClickException(f"{out} is there already, and is no file")
    with out.open(encoding="utf-8", errors="replace") as lines:
        first = lines.readline(10_000_000)
    try:
        row = json.loads(first) if first else {"environment": "python"}
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict) or row.get("environment") != "python":
        raise click.ClickException(f"{out} is there already, and holds something else than problems")


def _write_rows(problems: Iterable[PythonProblem], out: Path | None) -> None:
    """JSON lines; a file appears whole or not at all."""
    lines = (json.dumps(export_row(problem)) + "\n" for problem in problems)
    if out is None:
        sys.stdout.writelines(lines)
    else:
        write_atomically(out, lines, mode=0o644)


# Bugs that a model writes


@click.command("arena-write")
@click.option("--model", required=True, help="The model, as the endpoint calls it.")
@click.option(
    "--base-url", required=True, help="An OpenAI-compatible endpoint, such as http://localhost:8000/v1."
)
@click.option("--n", "count", type=click.IntRange(1, 100_000), required=True, help="How many problems.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A file of JSON lines.")
@seed_option
@click.option(
    "--workers", type=click.IntRange(1, 64), default=4, show_default=True, help="Requests at a time."
)
@click.option(
    "--timeout", type=click.FloatRange(0.1), default=MODEL_TIMEOUT, show_default=True, help="Seconds."
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where answers are kept, so that a second run goes on.  [default: OUT.cache]",
)
@_allow_missing
def write_command(
    model: str,
    base_url: str,
    count: int,
    out: Path,
    seed: int,
    workers: int,
    timeout: float,
    cache: Path | None,
    allow_missing_layers: bool,
) -> None:
    """Have a model write further bugs. The API key is read from OPENAI_API_KEY."""
    _check_out(out)
    settings = Settings(model, base_url, cache or out.with_name(f"{out.name}.cache"), workers, timeout)
    try:
        with Sandbox(allow_missing_layers) as box, progress("writing") as follow:
            written = write_bugs(settings, count, sandboxed(box), seed, follow)
    except Unavailable as error:
        raise click.ClickException(str(error)) from None
    figures = ", ".join(f"{number} {what}" for what, number in written.counts.items() if number)
    click.echo(f"requests: {figures}", err=True)
    if written.stopped:
        click.echo(f"stopped early: {written.stopped}", err=True)
    _hand_over(written.problems, written.rejections, out)
