"""What several commands of the builder share: progress, options, and what has to be installed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from dataset_builder.model import Progress

seed_option = click.option(
    "--seed", type=int, default=0, show_default=True, help="Another seed, other problems."
)


@contextmanager
def progress(label: str) -> Iterator[Progress]:
    """Hears how many of how many are done, and draws a bar where stderr is a terminal."""
    with click.progressbar(length=1, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

        def follow(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield follow


def need_pyarrow() -> None:
    """To be told at once, and not after some minutes of work."""
    try:
        import jinja2  # noqa: F401
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise click.ClickException(
            f"writing datasets needs {error.name}: pip install 'dsl-debug[build]'"
        ) from None
