"""Publishing to the Hugging Face Hub: all files of a repository in one commit, errors in one line.

Large files are uploaded before the commit and are kept by the Hub under the hash of their content: whoever
was cut off runs the same command again, and only what is missing is sent. Until the commit nothing of it can
be seen. The token comes from where `huggingface_hub` looks for it (`hf auth login`, or `HF_TOKEN`).
"""

import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The Hub's documentation of storage limits gives this as the most for one file.
LARGEST = 50_000_000_000

_NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
# What the Hub puts into a new repository by itself: the second one into Spaces.
_HUBS_OWN = {".gitattributes", "README.md"}
_HTTP_CLIENTS = {"httpx", "httpx2", "httpcore", "httpcore2"}

# What files of sources end with, those beside the programs included: texts, styles, scripts, samples.
_SOURCES = (".py", ".typed", ".md", ".css", ".html", ".js", ".svg", ".json", ".jsonl")

Content = Path | bytes
"""What goes into a file of a repository: a file here, or what was made for it."""


class NotPublished(RuntimeError):
    """Nothing was published; the text says in one line why, and what to do."""


@dataclass(frozen=True)
class Publication:
    """All that a repository is to hold (path -> content), and which one it is; it is made if needed.

    `kind` is "model", "dataset" or "space". Files of an earlier publication, those that `is_ours` says so of,
    are deleted; a repository that holds others is left alone, and so is one that holds files, but not the
    `landmark` that all of ours have. `revision` is a branch, which is made if needed; `space_sdk` says what
    runs a Space. Raises NotPublished for what cannot be published whatever the Hub says.
    """

    files: Mapping[str, Content]
    repository: str
    kind: str
    message: str
    is_ours: Callable[[str], bool]
    landmark: str | None = None
    private: bool = False
    revision: str | None = None
    space_sdk: str | None = None

    def __post_init__(self) -> None:
        check_name(self.repository)
        if not self.files:
            raise NotPublished("there is nothing to publish")
        for path, content in self.files.items():
            size = _size(content)
            if size > LARGEST:
                raise NotPublished(
                    f"{path} has {size / 1e9:.1f} GB, and the Hub takes at most {LARGEST / 1e9:.0f} GB in one"
                    " file: cut it into several"
                )


@dataclass(frozen=True)
class Published:
    """Where it is now, the commit, and whether anything was new."""

    url: str
    commit: str
    is_new: bool


def publish(publication: Publication) -> Published:
    """Make the files of a publication all that its repository holds, in one commit. Raises NotPublished."""
    check_rights(publication.repository)
    return _send(publication)


def publish_told(
    publication: Publication,
    *,
    dry_run: bool,
    verify: Callable[[], None] | None = None,
    loader: str | None = None,
) -> Published | None:
    """Publish as every command does, and print what is done; None after a dry run, which only lists.

    `verify` is what takes too long to be done for somebody who may not write there; `loader` is the function
    that loads what was published. Raises NotPublished, and what `verify` raises.
    """
    if not dry_run:
        check_rights(publication.repository)
    if verify:
        verify()
    files = publication.files
    amount = f"{len(files)} files, {sum(map(_size, files.values())) / 1e6:.1f} MB"
    if dry_run:
        print("\n".join([*sorted(files), f"{amount}: nothing was sent"]), flush=True)
        return None
    print(f"sending {amount}", file=sys.stderr)
    published = _send(publication)
    state = "published" if published.is_new else "unchanged: this is there already"
    lines = [published.url, f"{state}, commit {published.commit}"]
    if loader:
        at = f', revision="{publication.revision}"' if publication.revision else ""
        lines.append(f'{loader}("{publication.repository}"{at})')
    print("\n".join(lines), flush=True)
    return published


def set_variable(space: str, name: str, value: str) -> None:
    """Set a variable of a Space, which starts it anew. Raises NotPublished."""
    api = _client()
    with _told(f"the variable {name} of {space} was not set"):
        api.add_space_variable(space, name, value)


def source_files(root: Path, folder: str) -> dict[str, Path]:
    """The files of a folder of sources by their path below `root`, without caches and hidden files.

    Raises NotPublished for a file of a kind that sources do not have: it may be private.
    """
    found = {path.relative_to(root): path for path in sorted((root / folder).rglob("*")) if path.is_file()}
    shown = {
        place.as_posix(): path
        for place, path in found.items()
        if not any(part.startswith((".", "__pycache__")) for part in place.parts)
    }
    for place, path in shown.items():
        if path.is_symlink():
            raise NotPublished(f"{place} is a link, to what nobody has looked at: take it out first")
        if path.suffix not in _SOURCES:
            raise NotPublished(f"{place} is no file of the sources: take it out first")
    return shown


def check_name(repository: str) -> None:
    """Raises NotPublished for what no repository can be called."""
    if not _NAME.fullmatch(repository):
        raise NotPublished(f"no name of a repository: {repository!r}; it is user/name")


def check_rights(repository: str) -> None:
    """Raises NotPublished where the token may not write there, as far as can be known before it is tried."""
    api = _client()
    with _told(f"{repository} was not published"):
        me = api.whoami()
    owner = repository.partition("/")[0]
    name = me["name"]
    if owner not in [name, *(one["name"] for one in me.get("orgs", ()))]:
        raise NotPublished(f"the token is of {name}, who cannot write to {repository}: use {name}/...")
    if me.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise NotPublished("the token can only read: make one that can write, at hf.co/settings/tokens")


def _size(content: Content) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _client() -> Any:
    try:
        from huggingface_hub import HfApi
    except ImportError:
        raise NotPublished("publishing needs huggingface_hub: pip install 'dsl-debug[build]'") from None
    return HfApi(library_name="dsl-debug")


def _send(asked: Publication) -> Published:
    """Make the repository and the branch, if they are not there, and the commit."""
    repository, kind, revision = asked.repository, asked.kind, asked.revision
    api = _client()
    with _told(f"{repository} was not published"):
        url = str(
            api.create_repo(
                repository, repo_type=kind, private=asked.private, exist_ok=True, space_sdk=asked.space_sdk
            )
        )
        if revision:
            api.create_branch(repository, branch=revision, repo_type=kind, exist_ok=True)
        info = api.repo_info(repository, repo_type=kind, revision=revision)
        if asked.private and not info.private:
            raise NotPublished(
                f"{repository} is there already, and is public: make it private first, or another"
            )
        there = set(api.list_repo_files(repository, repo_type=kind, revision=revision))
        made = api.create_commit(
            repository,
            _operations(asked.files, _stale(there, asked)),
            commit_message=asked.message,
            repo_type=kind,
            revision=revision,
            parent_commit=info.sha,
        )
    return Published(url, made.oid, made.oid != info.sha)


def _stale(there: Collection[str], asked: Publication) -> list[str]:
    """Files of an earlier publication. Raises NotPublished where any is of somebody else."""
    is_another = asked.landmark is not None and asked.landmark not in there
    found = sorted(path for path in there if path not in _HUBS_OWN)
    strangers = [path for path in found if is_another or not asked.is_ours(path)]
    if strangers:
        raise NotPublished(
            f"{asked.repository} is there already, and holds something else, such as {strangers[0]}:"
            " give another name, or delete what is there"
        )
    return [path for path in found if path not in asked.files]


def _operations(files: Mapping[str, Content], stale: Sequence[str]) -> list[Any]:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    return [
        *(CommitOperationAdd(path, content) for path, content in sorted(files.items())),
        *(CommitOperationDelete(path) for path in stale),
    ]


# What goes wrong

_STATUS = {
    401: "the Hub does not know the token: run `hf auth login`, or set HF_TOKEN",
    403: "the token has no right to write there: it needs the permission, or another name",
    404: "there is no such repository, or the token may not see it",
    409: "it has been changed by somebody else meanwhile: run the same command again",
    412: "it has been changed by somebody else meanwhile: run the same command again",
    413: "a file is larger than the Hub takes",
    429: "the Hub asks to slow down: run the same command again later",
}


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turns errors of the client, and of whatever it speaks HTTP with, into one line: `what` has happened."""
    from huggingface_hub.errors import LocalTokenNotFoundError

    try:
        yield
    except LocalTokenNotFoundError:
        raise NotPublished("there is no token: run `hf auth login`, or set HF_TOKEN") from None
    except Exception as error:
        # The client wraps what goes wrong in an upload.
        words = next((said for one in (error, error.__cause__) if one and (said := _words(one))), None)
        if words is None:
            raise
        raise NotPublished(f"{what}: {words}") from None


def _words(error: BaseException) -> str | None:
    """What an error of the client means; None for any other error."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in _STATUS:
        return _STATUS[status]
    if status is not None:
        said = " ".join(str(getattr(error, "server_message", None) or "").split())
        advice = "run the same command again later" if status >= 500 or not said else f"it says: {said}"
        return f"the Hub answered with status {status}: {advice}"
    roots = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    if roots & _HTTP_CLIENTS or isinstance(error, (ConnectionError, TimeoutError)):
        return (
            "the connection to the Hub broke off: run the same command again, what is there is not sent twice"
        )
    return None
