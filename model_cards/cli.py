"""The commands of `python -m model_cards`. What goes wrong is told in one line, with status 2."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from dsl_debug.cli import BAD_INPUT, INTERRUPTED
from dsl_debug.hub import NotPublished, amount, check_rights, listing, outcome
from dsl_debug.storage import write_atomically
from model_cards.push import prepare, send
from model_cards.render import metric_card, model_files, space_card

NAME = "python -m model_cards"
FIXED = {"metric": metric_card, "space": space_card}
"""Cards of this repository itself, by the word that stands for them."""


def run_command(arguments: Sequence[str]) -> int:
    """Carry out one command line and give the exit status."""
    try:
        with command_line.make_context(NAME, list(arguments)) as context:
            command_line.invoke(context)
        return 0
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.UsageError as error:
        message = error.format_message()
        _complain(f"{message[:1].lower()}{message[1:].rstrip('.')} (see {NAME} --help)")
    except (NotPublished, ImportError, ValueError) as error:
        _complain(str(error))
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _complain(f"{place}{(error.strerror or str(error)).lower()}")
    return BAD_INPUT


def _complain(message: str) -> None:
    click.echo(f"model_cards: {message}", err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True)
@click.pass_context
def command_line(context: click.Context) -> None:
    """Render the cards of DSL Debug from what was measured, and publish models."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


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
@click.option("--repo", "repository", required=True, metavar="USER/NAME", help="The repository on the Hub.")
@click.option("--private", is_flag=True, help="Make it private, if it has to be made.")
@click.option("--revision", metavar="BRANCH", help="A branch other than main; it is made if needed.")
@click.option("--dry-run", is_flag=True, help="Check, render and list, but send nothing.")
def push_command(folder: Path, repository: str, private: bool, revision: str | None, dry_run: bool) -> None:
    """Publish the model in FOLDER with its card, in one commit.

    What is not of the model, its records or its card is left out, and listed.
    """
    found = prepare(folder, repository)
    for name in found.left_out:
        click.echo(f"left out: {name}", err=True)
    if dry_run:
        click.echo(listing(found.files))
        return
    check_rights(repository)
    click.echo(f"sending {amount(found.files)}", err=True)
    message = f"Publish {folder.resolve().name}"
    published = send(found, repository, message, private=private, revision=revision)
    at = f', revision="{revision}"' if revision else ""
    click.echo(f'{outcome(published)}\nAutoModelForCausalLM.from_pretrained("{repository}"{at})')


def main() -> None:
    """Run the command line and end the process: 0 fine, 2 bad input, 130 interrupted."""
    sys.exit(run_command(sys.argv[1:]))
