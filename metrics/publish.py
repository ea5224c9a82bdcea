"""Publishes the metric: `python -m metrics publish --repo USER/dsl_debug`.

A metric on the Hub is a Space whose main file has the name of the repository. `evaluate` downloads that file
alone; what it needs of us, the package, stands on no index. So the repository holds the package as well: the
metric fetches it from there where it is missing, the page of the Space finds it beside itself, and
`pip install git+https://huggingface.co/spaces/USER/dsl_debug` installs it.
"""

from collections.abc import Sequence
from pathlib import Path

from dsl_debug.cli.frame import carry_out, group, publish_options
from dsl_debug.evaluation import code_name, code_revision
from dsl_debug.hub import Content, NotPublished, Publication, publish_told, source_files

ROOT = Path(__file__).resolve().parent.parent
METRIC = "dsl_debug"

CARD = "README.md"
PAGE = ("app.py", "requirements.txt", f"{METRIC}.py")
PROJECT = ("LICENSE", "pyproject.toml")
PACKAGE = "dsl_debug"


command_line = group("Publish the metric of DSL Debug.")


def run_command(arguments: Sequence[str]) -> int:
    """Carry out one command line and give the exit status."""
    return carry_out(command_line, "metrics", arguments, (NotPublished, ImportError))


@command_line.command("publish")
@publish_options
def publish_command(repository: str, private: bool, revision: str | None, dry_run: bool) -> None:
    """Put the metric on the Hugging Face Hub, as the Space USER/dsl_debug, in one commit."""
    asked = Publication(
        files_of(ROOT),
        repository,
        "space",
        f"Publish the metric of {code_name(code_revision())}",
        is_ours=is_ours,
        landmark=f"{METRIC}.py",
        private=private,
        revision=revision,
        space_sdk="gradio",
    )
    if repository.partition("/")[2] != METRIC:
        raise NotPublished(
            f"{repository}: evaluate loads the file with the name of the repository, so that the"
            f" repository has to be {repository.partition('/')[0]}/{METRIC}"
        )
    published = publish_told(asked, dry_run=dry_run, loader="evaluate.load")
    if published and revision:  # evaluate does not tell a metric which revision it is of
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
