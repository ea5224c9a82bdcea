"""The requests that only look: files, folders, commits, and what is known of a repository."""

from typing import Any

from fastapi import FastAPI, Request, Response

from tests.hub_server.rights import check_reader, named
from tests.hub_server.store import MAIN, USER, Commit, File, Hub, Missing, Repository


def add_reading(app: FastAPI, hub: Hub) -> None:
    """Add the requests that only look."""

    def repository(request: Request, kinds: str, owner: str, name: str) -> Repository:
        return check_reader(request, hub.find(kinds[:-1], f"{owner}/{name}"))

    @app.get("/api/{kinds}/{owner}/{name}/tree/{rest:path}")
    async def tree(request: Request, kinds: str, owner: str, name: str, rest: str) -> Any:
        found = repository(request, kinds, owner, name)
        revision, _, folder = rest.partition("/")
        commit = found.at(revision)
        is_deep = request.query_params.get("recursive", "").lower() in ("true", "1")
        entries = _entries(commit, folder, is_deep)
        if folder and not entries:
            raise Missing("EntryNotFound", f"no folder {folder}", commit.sha)
        return entries

    @app.post("/api/{kinds}/{owner}/{name}/paths-info/{revision:path}")
    async def paths_info(request: Request, kinds: str, owner: str, name: str, revision: str) -> Any:
        commit = repository(request, kinds, owner, name).at(revision)
        asked = await _asked_paths(request)
        return [_file_entry(path, commit.files[path]) for path in asked if path in commit.files]

    @app.get("/api/{kinds}/{owner}/{name}/refs")
    async def refs(request: Request, kinds: str, owner: str, name: str) -> Any:
        found = repository(request, kinds, owner, name)
        branches, tags = (
            [{"name": n, "ref": f"refs/{what}/{n}", "targetCommit": sha} for n, sha in names.items()]
            for what, names in (("heads", found.branches), ("tags", found.tags))
        )
        return {"branches": branches, "tags": tags, "converts": []}

    @app.get("/api/{kinds}/{owner}/{name}/commits/{revision:path}")
    async def commits(request: Request, kinds: str, owner: str, name: str, revision: str) -> Any:
        found = repository(request, kinds, owner, name)
        line, commit = [], found.at(revision)
        while True:
            line.append({"id": commit.sha, "title": commit.title, "message": "", "date": commit.when})
            line[-1]["authors"] = [{"user": USER}]
            if commit.parent is None:
                return line
            commit = found.commits[commit.parent]

    @app.get("/api/{kinds}/{owner}/{name}/revision/{revision:path}")
    async def info_at(request: Request, kinds: str, owner: str, name: str, revision: str) -> Any:
        found = repository(request, kinds, owner, name)
        return _info(found, found.at(revision))

    @app.get("/api/{kinds}/{owner}/{name}")
    async def info(request: Request, kinds: str, owner: str, name: str) -> Any:
        found = repository(request, kinds, owner, name)
        return _info(found, found.at(MAIN))

    @app.api_route("/{place:path}/resolve/{revision}/{path:path}", methods=["GET", "HEAD"])
    async def resolve(request: Request, place: str, revision: str, path: str) -> Response:
        commit, file = check_reader(request, hub.find(*named(place))).file(revision, path)
        return _content(request, commit, file)


async def _asked_paths(request: Request) -> list[str]:
    if request.headers.get("content-type", "").startswith("application/json"):
        paths = (await request.json())["paths"]
        return [paths] if isinstance(paths, str) else list(paths)
    return [str(path) for path in (await request.form()).getlist("paths")]


def _entries(commit: Commit, folder: str, is_deep: bool) -> list[dict[str, Any]]:
    prefix = f"{folder}/" if folder else ""
    found: dict[str, dict[str, Any]] = {}
    for path, file in sorted(commit.files.items()):
        if not path.startswith(prefix):
            continue
        steps = path[len(prefix) :].split("/")
        for depth in range(1, len(steps)):
            if is_deep or depth == 1:
                name = prefix + "/".join(steps[:depth])
                found.setdefault(name, {"type": "directory", "path": name, "oid": "0" * 40, "size": 0})
        if is_deep or len(steps) == 1:
            found[path] = _file_entry(path, file)
    return list(found.values())


def _file_entry(path: str, file: File) -> dict[str, Any]:
    entry = {"type": "file", "path": path, "oid": file.git_oid, "size": len(file.content)}
    if file.is_large:
        return {**entry, "lfs": {"oid": file.sha256, "size": len(file.content), "pointerSize": 134}}
    return entry


def _info(repository: Repository, commit: Commit) -> dict[str, Any]:
    return {
        "_id": "0" * 24,
        "id": repository.name,
        "author": repository.name.partition("/")[0],
        "sha": commit.sha,
        "lastModified": commit.when,
        "createdAt": commit.when,
        "private": repository.private,
        "gated": False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        **({"sdk": repository.sdk} if repository.kind == "space" else {}),
        "siblings": [{"rfilename": path} for path in sorted(commit.files)],
    }


def _content(request: Request, commit: Commit, file: File) -> Response:
    """A file or the part of it that is asked for; for HEAD, what is known of it."""
    size = len(file.content)
    headers = {
        "X-Repo-Commit": commit.sha,
        "ETag": f'"{file.etag}"',
        "X-Linked-Etag": f'"{file.etag}"',
        "X-Linked-Size": str(size),
        "Accept-Ranges": "bytes",
    }
    asked = request.headers.get("range", "")
    if asked.startswith("bytes="):
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start = int(first) if first else size - int(last)
        end = min(int(last) if first and last else size - 1, size - 1)
        if start > end:
            return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        return Response(file.content[start : end + 1], 206, headers, "application/octet-stream")
    return Response(file.content, 200, headers, "application/octet-stream")
