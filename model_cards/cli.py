"""The commands of `python -m model_cards`. What goes wrong is told in one line, with status 2."""

from collections.abc import Sequence
from pathlib import Path

import click

from dsl_debug.cli.frame import carry_out, group, publish_options
from dsl_debug.hub import NotPublished, publish_told
from dsl_debug.storage import write_atomically
from model_cards.push import prepare
from model_cards.render import metric_card, model_files, space_card

FIXED = {"metric": metric_card, "space": space_card}
"""Cards of this repository itself, by the word that stands for them."""


command_line = group("Render the cards of DSL Debug from what was measured, and publish models.")


def run_command(arguments: Sequence[str]) -> int:
    """Carry out one command line and give the exit status."""
    return carry_out(command_line, "model_cards", arguments, (NotPublished, ImportError, ValueError))


@command_line.command("render")
@click.argument("what", metavar="FOLDER|metric|space")
@click.option("--repo", "repository", metavar="USER/NAME", help="What a model will be called on the Hub.")
@click.option("--out", type=click.Path(path_type=Path), help="Write there: a file, or a folder for a model.")
def render_command(what: str, repository: str | None, out: Path | None) -> None:
    """Print the card of the model in FOLDER, of the metric, or of the Space; with --out, write it."""
    if what in FIXED:
        _deliver({out or Path(): FIXED[what]()}, out)
        return
    texts = model_files(_folder(what), repository)
    _deliver({(out or Path()) / name: text for name, text in texts.items()}, out)


def _folder(name: str) -> Path:
    if not Path(name).is_dir():
        where = "; a dataset's card is in its folder: the builder writes it" if name == "dataset" else ""
        raise ValueError(f"there is no folder {name}: give one, or one of {', '.join(FIXED)}{where}")
    return Path(name)


def _deliver(texts: dict[Path, str], out: Path | None) -> None:
    """Write the files, or print the card, which is the first of them."""
    if out is None:
        click.echo(next(iter(texts.values())), nl=False)
        return
    for path, text in texts.items():
        write_atomically(path, [text], mode=0o644)
        click.echo(f"wrote {path}")


@command_line.command("push")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@publish_options
def push_command(folder: Path, repository: str, private: bool, revision: str | None, dry_run: bool) -> None:
    """Publish the model in FOLDER with its card, in one commit.

    What is not of the model, its records or its card is left out, and listed.
    """
    asked, left_out = prepare(folder, repository, private=private, revision=revision)
    for name in left_out:
        click.echo(f"left out: {name}", err=True)
    publish_told(asked, dry_run=dry_run, loader="AutoModelForCausalLM.from_pretrained")
