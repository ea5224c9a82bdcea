"""The commands about the dataset: build it, check a finished folder, count what is in it."""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from dataset_builder.cli_common import need_pyarrow, progress, seed_option
from dataset_builder.pipeline.shards import InUse, LocalRunner, Runner, WorkersLost
from dataset_builder.presets import PRESETS

EXECUTORS = ("local", "datatrove")

_workers = click.option(
    "--workers", type=click.IntRange(1, 256), help="Processes.  [default: one for each processor]"
)
_folder = click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))


class Bars:
    """One line for each stage: a bar where stderr is a terminal, else a line when the stage is over."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._began: dict[str, float] = {}

    def __call__(self, label: str, done: int, total: int) -> None:
        began = self._began.setdefault(label, time.monotonic())
        over = done == total
        text = f"{label}: {done:,} of {total:,}, {time.monotonic() - began:.0f} s"
        if self._live:
            click.echo(f"\r\x1b[K{text}", err=True, nl=over)
        elif over:
            click.echo(text, err=True)


@click.command("build")
@click.option("--preset", type=click.Choice(list(PRESETS)), default="sample", show_default=True)
@click.option(
    "--databases",
    "sources",
    multiple=True,
    metavar="[NAME=]PATH",
    help="A folder of SQLite files, or 'catalog' for the built-in one. Repeatable.  [default: catalog]",
)
@seed_option
@_workers
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("dist/dsl-debug"),
    show_default=True,
    help="The folder that is made; an earlier build in it is replaced.",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    help="What is done is kept here, so that a stopped build goes on.  [default: OUT.work]",
)
@click.option("--executor", type=click.Choice(EXECUTORS), default="local", show_default=True)
@click.option("--teacher", metavar="openai:MODEL@URL", help="A model that plays the SFT problems.")
@click.option("--writer", metavar="MODEL@URL", help="A model that writes further programs and bugs.")
@click.option("--no-arena", is_flag=True, help="Leave out the arena.")
@click.option("--strict", is_flag=True, help="Fail if fewer problems can be made than the preset asks for.")
def build_command(
    preset: str,
    sources: tuple[str, ...],
    seed: int,
    workers: int | None,
    out: Path,
    work: Path | None,
    executor: str,
    teacher: str | None,
    writer: str | None,
    no_arena: bool,
    strict: bool,
) -> None:
    """Build the dataset: a folder that load_dataset reads."""
    need_pyarrow()
    from dataset_builder.build import Failed, Settings, build
    from dataset_builder.model import CATALOG, REFERENCE
    from dataset_builder.pipeline.sources import parse_source
    from dsl_debug.policies.endpoint import Unavailable

    workers = workers or os.cpu_count() or 1
    try:
        settings = Settings(
            preset=PRESETS[preset],
            out=out,
            work=work or out.with_name(f"{out.name}.work"),
            sources=tuple(parse_source(text) for text in sources or (CATALOG,)),
            seed=seed,
            arena=not no_arena,
            strict=strict,
            teacher=teacher or REFERENCE,
            writer=writer,
            workers=workers,
        )
        with _runner(executor, workers) as runner:
            built = build(settings, runner, Bars())
    except (Failed, InUse, WorkersLost, Unavailable, ValueError) as error:
        raise click.ClickException(" ".join(str(error).split())) from None
    click.echo(summary(out, built.report, built.run))


@contextmanager
def _runner(executor: str, workers: int) -> Iterator[Runner]:
    if executor == "local":
        with LocalRunner(workers) as runner:
            yield runner
        return
    from dataset_builder.pipeline.scale import local_datatrove

    yield local_datatrove(workers)


def summary(out: Path, report: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """What was built, for the terminal."""
    lines = [f"{out}: built in {run['seconds_in_all']} s"]
    for stage, sizes in report["made"].items():
        counts = ", ".join(f"{count:,} {category}" for category, count in sizes.items())
        lines.append(f"  {stage:<15} {sum(sizes.values()):>7,} problems: {counts}")
    accepted, attempts = report["gates"].get("accepted", 0), report["candidates"]["attempts"]
    rate = f", {run['problems_per_second']} a second" if run["problems_per_second"] else ""
    lines.append(f"  {accepted:,} certified of {attempts:,} attempts{rate}")
    if memory := run["peak_memory_mb"]:
        lines.append(
            f"  memory: {memory['this_process']:,} MB, and {memory['largest_worker']:,} MB for the largest of"
            f" {run['workers']} workers"
        )
    for stage, sizes in report["shortfall"].items():
        lines += [f"  missing from {stage}: {count:,} {category}" for category, count in sizes.items()]
    if failed := report.get("failed_jobs"):
        lines.append(f"  jobs that failed: {len(failed)}, the first: {'; '.join(*list(failed.items())[:1])}")
    return "\n".join(lines)


@click.command("verify")
@_folder
@_workers
def verify_command(folder: Path, workers: int | None) -> None:
    """Check a finished folder from its files alone."""
    need_pyarrow()
    from dataset_builder.verify import verify

    try:
        with progress("verifying") as follow:
            problems = verify(folder, follow, workers)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    for problem in problems:
        click.echo(problem)
    if problems:
        raise click.ClickException(f"{folder}: {len(problems)} problems found")
    click.echo(f"{folder}: all checks passed")


@click.command("stats")
@_folder
def stats_command(folder: Path) -> None:
    """Count what is in a finished folder."""
    need_pyarrow()
    from dataset_builder.stats import stats

    try:
        click.echo(stats(folder))
    except ValueError as error:
        raise click.ClickException(str(error)) from None
