"""What a Hub holds: repositories of three kinds, each a line of commits that know all of their files."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

TOKEN = "hf_loopback"
READ_ONLY_TOKEN = "hf_loopback_read_only"
USER = "user"

MAIN = "main"
KINDS = ("model", "dataset", "space")


class Missing(LookupError):
    """There is no such thing; `code` is what the Hub calls it in `X-Error-Code`, `commit` where it looked."""

    def __init__(self, code: str, words: str, commit: str = "") -> None:
        super().__init__(words)
        self.code = code
        self.commit = commit


class Conflict(Exception):
    """It is there already, or it has changed since the client looked."""


@dataclass(frozen=True)
class File:
    """The content of a file, and whether it was sent as a large one."""

    content: bytes
    is_large: bool

    @cached_property
    def sha256(self) -> str:
        """What large files are called by."""
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def git_oid(self) -> str:
        """What git calls the file by: a large one is a pointer there."""
        content = self.content
        if self.is_large:
            words = "version https://git-lfs.github.com/spec/v1"
            content = f"{words}\noid sha256:{self.sha256}\nsize {len(self.content)}\n".encode()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    @property
    def etag(self) -> str:
        """What the client calls the content by in its cache."""
        return self.sha256 if self.is_large else self.git_oid


@dataclass(frozen=True)
class Commit:
    """All files of a repository at one moment."""

    sha: str
    title: str
    files: Mapping[str, File]
    parent: str | None
    when: str


@dataclass
class Repository:
    """A repository with one line of commits, and the names that stand for some of them.

    `sdk` and `variables` are of Spaces: what runs one, and what it finds in its environment.
    """

    kind: str
    name: str
    private: bool
    sdk: str | None = None
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        greeting = File(f"---\nsdk: {self.sdk}\n---\n".encode(), is_large=False)
        self.add(MAIN, "initial commit", {"README.md": greeting} if self.sdk else {})

    def add(self, branch: str, title: str, files: Mapping[str, File]) -> Commit:
        """A commit on top of a branch."""
        parent = self.branches.get(branch)
        number = len(self.commits)
        digest = hashlib.sha1(f"{self.kind}|{self.name}|{number}|{parent}|{title}".encode())
        for path, file in sorted(files.items()):
            digest.update(f"{path}|{file.git_oid}".encode())
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        commit = Commit(digest.hexdigest(), title, dict(files), parent, now)
        self.commits[commit.sha] = commit
        self.branches[branch] = commit.sha
        return commit

    def at(self, revision: str) -> Commit:
        """The commit that a branch, a tag or a sha (its beginning is enough) stands for."""
        sha = self.branches.get(revision) or self.tags.get(revision)
        found = [sha] if sha else [known for known in self.commits if known.startswith(revision)]
        if len(found) != 1 or (not sha and len(revision) < 7):
            raise Missing("RevisionNotFound", f"no revision {revision}")
        return self.commits[found[0]]

    def file(self, revision: str, path: str) -> tuple[Commit, File]:
        """A file at a revision, and the commit."""
        commit = self.at(revision)
        if path not in commit.files:
            raise Missing("EntryNotFound", f"no file {path} at {revision}", commit.sha)
        return commit, commit.files[path]


@dataclass
class Hub:
    """All repositories, the large files that were uploaded, and what was asked for.

    `faults` maps the beginning of "METHOD /path" to the status that is answered instead; 0 breaks the
    connection off.
    """

    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)

    def create(self, kind: str, name: str, private: bool, sdk: str | None = None) -> Repository:
        """A new repository with a first commit, which is empty but in a Space.

        Raises Conflict where it is there already.
        """
        if (kind, name) in self.repositories:
            raise Conflict(f"You already created this {kind} repo: {name}")
        self.repositories[kind, name] = Repository(kind, name, private, sdk)
        return self.repositories[kind, name]

    def find(self, kind: str, name: str) -> Repository:
        """A repository; Missing if there is none."""
        if (kind, name) not in self.repositories:
            raise Missing("RepoNotFound", "Repository not found")
        return self.repositories[kind, name]
