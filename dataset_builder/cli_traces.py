"""The command that turns evaluations into a dataset of traces."""

from pathlib import Path

import click

from dataset_builder.cli_common import need_pyarrow


@click.command("traces")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RESULT...")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder that is made.")
@click.option(
    "--max-per-policy",
    type=click.IntRange(min=1),
    metavar="N",
    help="A sample of so many episodes of each policy.  [default: all]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed, another sample.")
def traces_command(results: tuple[Path, ...], out: Path, max_per_policy: int | None, seed: int) -> None:
    """Turn evaluations into a dataset of what was played, which load_dataset reads.

    RESULT is a folder that dsl-debug eval wrote; several make one dataset.
    """
    need_pyarrow()
    from dataset_builder.traces import export_traces

    try:
        report = export_traces(results, out, max_per_policy, seed)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    counted = ", ".join(f"{rows:,} in {split}" for split, rows in report["rows"].items())
    click.echo(f"{out}: {counted}")
