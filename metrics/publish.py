"""Publishes the metric: `python -m metrics publish --repo USER/dsl_debug`.

A metric on the Hub is a Space whose main file has the name of the repository. `evaluate` downloads that file
alone; what it needs of us, the package, stands on no index. So the repository holds the package as well: the
metric fetches it from there where it is missing, the page of the Space finds it beside itself, and
`pip install git+https://huggingface.co/spaces/USER/dsl_debug` installs it.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from dsl_debug.evaluation import code_name, code_revision
from dsl_debug.hub import (
    Content,
    NotPublished,
    amount,
    check,
    check_rights,
    listing,
    outcome,
    publish,
    source_files,
)

ROOT = Path(__file__).resolve().parent.parent
NAME = "python -m metrics"
METRIC = "dsl_debug"
BAD_INPUT = 2

CARD = "README.md"
PAGE = ("app.py", "requirements.txt", f"{METRIC}.py")
PROJECT = ("LICENSE", "pyproject.toml")
PACKAGE = "dsl_debug"


def command(arguments: Sequence[str]) -> int:
    """Carry out a command line; the exit status. Bad input is told in one line."""
    try:
        options = _parser().parse_args(arguments)
        publish_metric(options.repo, options.private, options.revision, options.dry_run)
    except (NotPublished, ImportError) as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return BAD_INPUT
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise NotPublished(f"{message} (see {NAME} --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=NAME, description="The metric of DSL Debug.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    sending = commands.add_parser("publish", help="put the metric on the Hugging Face Hub, as a Space")
    sending.add_argument("--repo", required=True, metavar=f"USER/{METRIC}", help="the Space on the Hub")
    sending.add_argument("--private", action="store_true", help="make it private, if it has to be made")
    sending.add_argument("--revision", metavar="BRANCH", help="a branch other than main")
    sending.add_argument("--dry-run", action="store_true", help="check and list, but send nothing")
    return parser


def publish_metric(repository: str, private: bool, revision: str | None, dry_run: bool) -> None:
    """Publish the metric, in one commit, and print where it is. Raises NotPublished."""
    files = files_of(ROOT)
    check(files, repository)
    if repository.partition("/")[2] != METRIC:
        raise NotPublished(
            f"{repository}: evaluate loads the file with the name of the repository, so that the"
            f" repository has to be {repository.partition('/')[0]}/{METRIC}"
        )
    if dry_run:
        print(listing(files))
        return
    check_rights(repository)
    print(f"sending {amount(files)}", file=sys.stderr)
    published = publish(
        files,
        repository,
        "space",
        f"Publish the metric of {code_name(code_revision())}",
        is_ours=is_ours,
        landmark=f"{METRIC}.py",
        private=private,
        revision=revision,
        space_sdk="gradio",
    )
    print(outcome(published))
    print(f'evaluate.load("{repository}"' + (f', revision="{revision}")' if revision else ")"))
    if revision:  # evaluate does not tell a metric which revision it is of
        print(f"its package, or that of main is used: pip install git+{published.url}@{revision}")


def files_of(root: Path) -> dict[str, Content]:
    """All files of the metric's repository, by their path in it. Raises NotPublished."""
    from model_cards.render import metric_card

    try:
        found: dict[str, Content] = {CARD: metric_card().encode()}
    except (OSError, ValueError) as error:
        raise NotPublished(f"the card of the metric cannot be made: {error}") from None
    return (
        found
        | {name: root / "metrics" / METRIC / name for name in PAGE}
        | {name: root / name for name in PROJECT}
        | source_files(root, PACKAGE)
    )


def is_ours(path: str) -> bool:
    """Whether a file of this path may be of an earlier publication."""
    return path in (CARD, *PAGE, *PROJECT) or path.startswith(f"{PACKAGE}/")
