"""The command `publish`: a finished folder becomes a dataset repository on the Hub."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import click

from dataset_builder.cli_common import need_pyarrow, progress
from dsl_debug.cli.frame import publish_options
from dsl_debug.evaluation import code_name, code_revision
from dsl_debug.hub import Publication, publish_told
from dsl_debug.storage import read_json, write_json

# What builds write, whichever made the folder.
_OURS = re.compile(
    r"README\.md|BUILD_REPORT\.md|build_report\.json|assets/[\w-]+\.png|"
    r"data/\w+/(train|validation|test)-\d{5}-of-\d{5}\.parquet"
)

# How long the build took, and on what: nobody else's business, and different every time.
_KEPT_HERE = {"build_run.json"}


@click.command("publish")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@publish_options
@click.option("--workers", type=click.IntRange(1), help="Processes that verify.")
def publish_command(
    folder: Path, repository: str, private: bool, revision: str | None, dry_run: bool, workers: int | None
) -> None:
    """Verify a finished FOLDER and publish it, in one commit."""
    need_pyarrow()
    files = files_of(folder)
    publish_told(
        Publication(
            files,
            repository,
            "dataset",
            f"Publish {folder.resolve().name}",
            is_ours=is_ours,
            private=private,
            revision=revision,
        ),
        dry_run=dry_run,
        verify=lambda: _verify_once(folder, files, workers),
        loader="load_dataset",
    )


def files_of(folder: Path) -> dict[str, Path]:
    """The files of a finished folder by their path in the repository; nothing that a build does not write.

    Raises click.ClickException for a folder that holds anything else.
    """
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    strange = sorted(path for path in found.keys() - _KEPT_HERE if not is_ours(path))
    if strange:
        raise click.ClickException(f"{folder} holds {strange[0]}, which no build makes: take it out first")
    return {path: found[path] for path in sorted(found.keys() - _KEPT_HERE)}


def is_ours(path: str) -> bool:
    """Whether a build writes a file of this path."""
    return _OURS.fullmatch(path) is not None


def _verify_once(folder: Path, files: Mapping[str, Path], workers: int | None) -> None:
    """Verify a folder, unless this code did so before and found the same files sound: whoever was cut off
    while sending need not wait again. The note of it lies beside the folder, where builds keep theirs."""
    note = folder.resolve().with_name(f"{folder.resolve().name}.work") / "verified.json"
    facts = {"code": code_name(code_revision()), "digest": _digest(files)}
    try:
        if read_json(note) == facts:
            return
    except (OSError, ValueError):
        pass  # there is no note yet
    _verify(folder, workers)
    write_json(note, facts)


def _digest(files: Mapping[str, Path]) -> str:
    """Of the names and contents of files."""
    whole = hashlib.sha256()
    for path, file in files.items():
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        whole.update(f"{path}\0{digest}\0".encode())
    return whole.hexdigest()


def _verify(folder: Path, workers: int | None) -> None:
    from dataset_builder.verify import verify

    try:
        with progress("verifying") as follow:
            problems = verify(folder, follow, workers)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    if problems:
        raise click.ClickException(
            f"{folder}: {len(problems)} problems found, nothing was sent; the first: {problems[0]}"
        )
