"""Publishing to the Hugging Face Hub: all files of a repository in one commit, errors in one line.

Large files are uploaded before the commit and are kept by the Hub under the hash of their content: whoever
was cut off runs the same command again, and only what is missing is sent. Until the commit nothing of it can
be seen. The token comes from where `huggingface_hub` looks for it (`hf auth login`, or `HF_TOKEN`).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The Hub's documentation of storage limits gives this as the most for one file.
LARGEST = 50_000_000_000

_NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
# What the Hub puts into a new repository by itself.
_HUBS_OWN = {".gitattributes"}
_HTTP_CLIENTS = {"httpx", "httpx2", "httpcore", "httpcore2"}


class NotPublished(RuntimeError):
    """Nothing was published; the text says in one line why, and what to do."""


@dataclass(frozen=True)
class Published:
    """Where it is now, the commit, and whether anything was new."""

    url: str
    commit: str
    is_new: bool


def publish(
    files: Mapping[str, Path],
    repository: str,
    kind: str,
    message: str,
    *,
    is_ours: Callable[[str], bool],
    private: bool = False,
    revision: str | None = None,
    space_sdk: str | None = None,
) -> Published:
    """Make `files` (path in the repository -> file here) all that a repository holds; it is made if needed.

    Files of an earlier publication, those that `is_ours` says so of, are deleted; a repository that holds
    others is left alone. `revision` is a branch, which is made if needed; `space_sdk` says what runs a Space.
    Raises NotPublished.
    """
    check(files, repository)
    api = _client()
    with _told(repository):
        url = str(
            api.create_repo(repository, repo_type=kind, private=private, exist_ok=True, space_sdk=space_sdk)
        )
        if revision:
            api.create_branch(repository, branch=revision, repo_type=kind, exist_ok=True)
        before = api.repo_info(repository, repo_type=kind, revision=revision).sha
        there = set(api.list_repo_files(repository, repo_type=kind, revision=revision))
        stale = _stale(there - files.keys() - _HUBS_OWN, is_ours, repository)
        made = api.create_commit(
            repository,
            _operations(files, stale),
            commit_message=message,
            repo_type=kind,
            revision=revision,
            parent_commit=before,
        )
    return Published(url, made.oid, made.oid != before)


def check(files: Mapping[str, Path], repository: str) -> None:
    """Raises NotPublished for what cannot be published whatever the Hub says."""
    if not _NAME.fullmatch(repository):
        raise NotPublished(f"no name of a repository: {repository!r}; it is user/name")
    if not files:
        raise NotPublished("there is nothing to publish")
    for path, file in files.items():
        size = file.stat().st_size
        if size > LARGEST:
            raise NotPublished(
                f"{path} has {size / 1e9:.1f} GB, and the Hub takes at most {LARGEST / 1e9:.0f} GB in one"
                " file: cut it into several"
            )


def check_rights(repository: str) -> None:
    """Raises NotPublished where the token may not write there, as far as can be known before it is tried."""
    api = _client()
    with _told(repository):
        me = api.whoami()
    owner = repository.partition("/")[0]
    name = me["name"]
    if owner not in [name, *(one["name"] for one in me.get("orgs", ()))]:
        raise NotPublished(f"the token is of {name}, who cannot write to {repository}: use {name}/...")
    if me.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise NotPublished("the token can only read: make one that can write, at hf.co/settings/tokens")


def _client() -> Any:
    try:
        from huggingface_hub import HfApi
    except ImportError:
        raise NotPublished("publishing needs huggingface_hub: pip install 'dsl-debug[build]'") from None
    return HfApi(library_name="dsl-debug")


def _stale(others: set[str], is_ours: Callable[[str], bool], repository: str) -> list[str]:
    """Files of an earlier publication. Raises NotPublished where any is of somebody else."""
    strangers = sorted(path for path in others if not is_ours(path))
    if strangers:
        raise NotPublished(
            f"{repository} is there already, and holds something else, such as {strangers[0]}:"
            " give another name, or delete what is there"
        )
    return sorted(others)


def _operations(files: Mapping[str, Path], stale: Sequence[str]) -> list[Any]:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    return [
        *(CommitOperationAdd(path, str(file)) for path, file in sorted(files.items())),
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
def _told(repository: str) -> Iterator[None]:
    """Turns errors of the client, and of whatever it speaks HTTP with, into one line."""
    from huggingface_hub.errors import LocalTokenNotFoundError

    try:
        yield
    except LocalTokenNotFoundError:
        raise NotPublished("there is no token: run `hf auth login`, or set HF_TOKEN") from None
    except Exception as error:
        words = _words(error)
        if words is None:
            raise
        raise NotPublished(f"{repository} was not published: {words}") from None


def _words(error: Exception) -> str | None:
    """What an error of the client means; None for any other error."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in _STATUS:
        return _STATUS[status]
    if status is not None:
        return f"the Hub answered with status {status}: run the same command again later"
    roots = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    if roots & _HTTP_CLIENTS or isinstance(error, (ConnectionError, TimeoutError)):
        return (
            "the connection to the Hub broke off: run the same command again, what is there is not sent twice"
        )
    return None
