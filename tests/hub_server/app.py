"""The requests of the Hub's client, answered from a `Hub`."""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from tests.hub_server.store import (
    MAIN,
    READ_ONLY_TOKEN,
    TOKEN,
    USER,
    Commit,
    Conflict,
    File,
    Hub,
    Missing,
    Repository,
)

LARGE_ENDINGS = (".parquet", ".safetensors", ".bin", ".png", ".gz")
LARGE_BYTES = 1_000_000
PREFIXES = {"datasets": "dataset", "spaces": "space"}


def make_app(hub: Hub, url: str) -> FastAPI:
    """The application; `url` is where it will be found."""
    app = FastAPI(openapi_url=None)
    _add_errors(app, hub)
    _add_repositories(app, hub, url)
    _add_uploads(app, hub, url)
    _add_reading(app, hub)
    return app


# Who asks, and what goes wrong


def _add_errors(app: FastAPI, hub: Hub) -> None:
    @app.middleware("http")
    async def remember(request: Request, answer: Any) -> Response:
        asked = f"{request.method} {request.url.path}"
        hub.requests.append(asked)
        for beginning, status in hub.faults.items():
            if asked.startswith(beginning):
                if not status:
                    raise ConnectionResetError("told to break off")
                return JSONResponse({"error": f"told to answer {status}"}, status)
        response: Response = await answer(request)
        return response

    @app.exception_handler(Missing)
    async def missing(request: Request, error: Missing) -> Response:
        headers = {"X-Error-Code": error.code, "X-Error-Message": str(error)}
        if error.commit:
            headers["X-Repo-Commit"] = error.commit
        return JSONResponse({"error": str(error)}, 404, headers)


def _token(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def _writer(request: Request, name: str) -> None:
    """Raises where the token of a request may not write to a repository."""
    token = _token(request)
    if token not in (TOKEN, READ_ONLY_TOKEN):
        raise HTTPException(401, "Invalid username or password.")
    if token == READ_ONLY_TOKEN or name.partition("/")[0] != USER:
        raise HTTPException(403, "You don't have the rights to write to this repository.")


def _reader(request: Request, repository: Repository) -> Repository:
    """The repository, if the token may see it: a private one that it may not see is not there."""
    if repository.private and _token(request) not in (TOKEN, READ_ONLY_TOKEN):
        raise Missing("RepoNotFound", "Repository not found")
    return repository


# Repositories


def _add_repositories(app: FastAPI, hub: Hub, url: str) -> None:
    @app.get("/api/whoami-v2")
    async def whoami(request: Request) -> Any:
        if _token(request) not in (TOKEN, READ_ONLY_TOKEN):
            raise HTTPException(401, "Invalid username or password.")
        role = "write" if _token(request) == TOKEN else "read"
        return {"type": "user", "name": USER, "orgs": [], "auth": {"accessToken": {"role": role}}}

    @app.post("/api/repos/create")
    async def create(request: Request) -> Any:
        asked = await request.json()
        kind = asked.get("type") or "model"
        name = f"{asked.get('organization') or USER}/{asked['name']}"
        _writer(request, name)
        place = f"{url}/{'' if kind == 'model' else kind + 's/'}{name}"
        private = bool(asked.get("private")) or asked.get("visibility") == "private"
        try:
            hub.create(kind, name, private)
        except Conflict as error:
            return JSONResponse({"error": str(error), "url": place}, 409)
        return {"url": place, "name": name, "id": name}

    @app.delete("/api/repos/delete")
    async def delete(request: Request) -> Any:
        asked = await request.json()
        name = f"{asked.get('organization') or USER}/{asked['name']}"
        _writer(request, name)
        hub.find(asked.get("type") or "model", name)
        del hub.repositories[asked.get("type") or "model", name]
        return {}

    @app.put("/api/{kinds}/{owner}/{name}/settings")
    async def settings(request: Request, kinds: str, owner: str, name: str) -> Any:
        _writer(request, f"{owner}/{name}")
        asked = await request.json()
        repository = hub.find(kinds[:-1], f"{owner}/{name}")
        repository.private = bool(asked.get("private")) or asked.get("visibility") == "private"
        return {}

    @app.post("/api/validate-yaml")
    async def validate(request: Request) -> Any:
        return {"errors": [], "warnings": []}

    @app.post("/api/{kinds}/{owner}/{name}/branch/{branch:path}")
    async def branch(request: Request, kinds: str, owner: str, name: str, branch: str) -> Any:
        _writer(request, f"{owner}/{name}")
        repository = hub.find(kinds[:-1], f"{owner}/{name}")
        if branch in repository.branches:
            return JSONResponse({"error": f"Reference already exists: refs/heads/{branch}"}, 409)
        asked = await request.json() if await request.body() else {}
        repository.branches[branch] = repository.at(asked.get("startingPoint") or MAIN).sha
        return {}

    @app.post("/api/{kinds}/{owner}/{name}/tag/{revision:path}")
    async def tag(request: Request, kinds: str, owner: str, name: str, revision: str) -> Any:
        _writer(request, f"{owner}/{name}")
        repository = hub.find(kinds[:-1], f"{owner}/{name}")
        asked = await request.json()
        if asked["tag"] in repository.tags:
            return JSONResponse({"error": f"Tag {asked['tag']} exists"}, 409)
        repository.tags[asked["tag"]] = repository.at(revision).sha
        return {}


# Writing


def _add_uploads(app: FastAPI, hub: Hub, url: str) -> None:
    @app.post("/api/{kinds}/{owner}/{name}/preupload/{revision:path}")
    async def preupload(request: Request, kinds: str, owner: str, name: str, revision: str) -> Any:
        _writer(request, f"{owner}/{name}")
        files = hub.find(kinds[:-1], f"{owner}/{name}").at(revision).files
        asked = (await request.json())["files"]
        return {"files": [_advice(file, files.get(file["path"])) for file in asked]}

    @app.post("/{place:path}.git/info/lfs/objects/batch")
    async def batch(request: Request, place: str) -> Any:
        _writer(request, _named(place)[1])
        asked = await request.json()
        return {"transfer": "basic", "objects": [_large(hub, url, one) for one in asked["objects"]]}

    @app.put("/lfs/{oid}")
    async def upload(request: Request, oid: str) -> Any:
        file = File(await request.body(), is_large=True)
        if file.sha256 != oid:
            raise HTTPException(422, "the content is not what was announced")
        hub.uploads[oid] = file.content
        return {}

    @app.post("/lfs/{oid}/verify")
    async def verify(oid: str) -> Any:
        if oid not in hub.uploads:
            raise HTTPException(404, "not uploaded")
        return {}

    @app.post("/api/{kinds}/{owner}/{name}/commit/{revision:path}")
    async def commit(request: Request, kinds: str, owner: str, name: str, revision: str) -> Any:
        _writer(request, f"{owner}/{name}")
        repository = hub.find(kinds[:-1], f"{owner}/{name}")
        lines = [json.loads(line) for line in (await request.body()).splitlines() if line.strip()]
        head = next(line["value"] for line in lines if line["key"] == "header")
        now = repository.at(revision)
        if head.get("parentCommit") not in (None, now.sha):
            return JSONResponse({"error": "The repository has changed since."}, 412)
        files = _changed(hub, now, lines)
        made = repository.add(revision, head.get("summary", ""), files)
        place = f"{url}/{'' if kinds == 'models' else kinds + '/'}{owner}/{name}"
        return {"success": True, "commitOid": made.sha, "commitUrl": f"{place}/commit/{made.sha}"}


def _advice(file: Mapping[str, Any], there: File | None) -> dict[str, Any]:
    """How the client is to send a file, and what is there under its name."""
    is_large = file["path"].endswith(LARGE_ENDINGS) or file["size"] >= LARGE_BYTES
    mode = "lfs" if is_large else "regular"
    oid = there.etag if there else None
    return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid}


def _large(hub: Hub, url: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Where a large file goes; nowhere if it is there already."""
    oid = asked["oid"]
    if oid in hub.uploads:
        return dict(asked)
    actions = {
        "upload": {"href": f"{url}/lfs/{oid}", "header": {}},
        "verify": {"href": f"{url}/lfs/{oid}/verify"},
    }
    return {**asked, "actions": actions}


def _changed(hub: Hub, now: Commit, lines: Iterable[Mapping[str, Any]]) -> dict[str, File]:
    """The files after a commit."""
    files = dict(now.files)
    for line in lines:
        value = line["value"]
        if line["key"] == "file":
            files[value["path"]] = File(base64.b64decode(value["content"]), is_large=False)
        elif line["key"] == "lfsFile":
            if value["oid"] not in hub.uploads:
                raise HTTPException(400, f"{value['path']} was not uploaded")
            files[value["path"]] = File(hub.uploads[value["oid"]], is_large=True)
        elif line["key"] == "deletedFile":
            files.pop(value["path"], None)
        elif line["key"] == "deletedFolder":
            files = {path: file for path, file in files.items() if not path.startswith(value["path"])}
    return files


# Reading


def _named(place: str) -> tuple[str, str]:
    """Kind and name of a repository as a path has them: `user/name`, `datasets/user/name`."""
    first, _, rest = place.partition("/")
    return (PREFIXES[first], rest) if first in PREFIXES else ("model", place)


def _add_reading(app: FastAPI, hub: Hub) -> None:
    def repository(request: Request, kinds: str, owner: str, name: str) -> Repository:
        return _reader(request, hub.find(kinds[:-1], f"{owner}/{name}"))

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
        commit, file = _reader(request, hub.find(*_named(place))).file(revision, path)
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
