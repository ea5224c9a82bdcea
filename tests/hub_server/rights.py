"""Who asks, what for, and whether they may."""

from fastapi import HTTPException, Request

from tests.hub_server.store import READ_ONLY_TOKEN, TOKEN, USER, Missing, Repository

PREFIXES = {"datasets": "dataset", "spaces": "space"}


def named(place: str) -> tuple[str, str]:
    """Kind and name of a repository as a path has them: `user/name`, `datasets/user/name`."""
    first, _, rest = place.partition("/")
    return (PREFIXES[first], rest) if first in PREFIXES else ("model", place)


def token_of(request: Request) -> str:
    """The token of a request, "" if it has none."""
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def check_writer(request: Request, name: str) -> None:
    """Raises where the token of a request may not write to a repository."""
    token = token_of(request)
    if token not in (TOKEN, READ_ONLY_TOKEN):
        raise HTTPException(401, "Invalid username or password.")
    if token == READ_ONLY_TOKEN or name.partition("/")[0] != USER:
        raise HTTPException(403, "You don't have the rights to write to this repository.")


def check_reader(request: Request, repository: Repository) -> Repository:
    """The repository, if the token may see it: a private one that it may not see is not there."""
    if repository.private and token_of(request) not in (TOKEN, READ_ONLY_TOKEN):
        raise Missing("RepoNotFound", "Repository not found")
    return repository
