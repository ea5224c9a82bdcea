"""The requests that change something, and who may ask: answered from a `Hub`."""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from tests.hub_server.reading import add_reading
from tests.hub_server.rights import check_writer, named, token_of
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
)

LARGE_ENDINGS = (".parquet", ".safetensors", ".bin", ".png", ".gz")
LARGE_BYTES = 1_000_000


def make_app(hub: Hub, url: str) -> FastAPI:
    """The application; `url` is where it will be found."""
    app = FastAPI(openapi_url=None)
    _add_errors(app, hub)
    _add_repositories(app, hub, url)
    _add_names(app, hub)
    _add_uploads(app, hub, url)
    add_reading(app, hub)
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


# Repositories


def _add_repositories(app: FastAPI, hub: Hub, url: str) -> None:
    @app.get("/api/whoami-v2")
    async def whoami(request: Request) -> Any:
        if token_of(request) not in (TOKEN, READ_ONLY_TOKEN):
            raise HTTPException(401, "Invalid username or password.")
        role = "write" if token_of(request) == TOKEN else "read"
        return {"type": "user", "name": USER, "orgs": [], "auth": {"accessToken": {"role": role}}}

    @app.post("/api/repos/create")
    async def create(request: Request) -> Any:
        asked = await request.json()
        kind = asked.get("type") or "model"
        name = f"{asked.get('organization') or USER}/{asked['name']}"
        check_writer(request, name)
        place = f"{url}/{'' if kind == 'model' else kind + 's/'}{name}"
        private = bool(asked.get("private")) or asked.get("visibility") == "private"
        if kind == "space" and not asked.get("sdk"):
            return JSONResponse({"error": "a Space needs an sdk"}, 400)
        try:
            hub.create(kind, name, private, asked.get("sdk"))
        except Conflict as error:
            return JSONResponse({"error": str(error), "url": place}, 409)
        return {"url": place, "name": name, "id": name}

    @app.delete("/api/repos/delete")
    async def delete(request: Request) -> Any:
        asked = await request.json()
        name = f"{asked.get('organization') or USER}/{asked['name']}"
        check_writer(request, name)
        hub.find(asked.get("type") or "model", name)
        del hub.repositories[asked.get("type") or "model", name]
        return {}

    @app.put("/api/{kinds}/{owner}/{name}/settings")
    async def settings(request: Request, kinds: str, owner: str, name: str) -> Any:
        check_writer(request, f"{owner}/{name}")
        asked = await request.json()
        repository = hub.find(kinds[:-1], f"{owner}/{name}")
        repository.private = bool(asked.get("private")) or asked.get("visibility") == "private"
        return {}

    @app.post("/api/spaces/{owner}/{name}/variables")
    async def variable(request: Request, owner: str, name: str) -> Any:
        check_writer(request, f"{owner}/{name}")
        asked = await request.json()
        variables = hub.find("space", f"{owner}/{name}").variables
        variables[asked["key"]] = asked["value"]
        return {key: {"value": value} for key, value in variables.items()}

    @app.post("/api/validate-yaml")
    async def validate(request: Request) -> Any:
        return {"errors": [], "warnings": []}


def _add_names(app: FastAPI, hub: Hub) -> None:
    """Branches and tags."""

    @app.post("/api/{kinds}/{owner}/{name}/branch/{branch:path}")
    async def branch(request: Request, kinds: str, owner: str, name: str, branch: str) -> Any:
        check_writer(request, f"{owner}/{name}")
        repository = hub.find(kinds[:-1], f"{owner}/{name}")
        if branch in repository.branches:
            return JSONResponse({"error": f"Reference already exists: refs/heads/{branch}"}, 409)
        asked = await request.json() if await request.body() else {}
        repository.branches[branch] = repository.at(asked.get("startingPoint") or MAIN).sha
        return {}

    @app.post("/api/{kinds}/{owner}/{name}/tag/{revision:path}")
    async def tag(request: Request, kinds: str, owner: str, name: str, revision: str) -> Any:
        check_writer(request, f"{owner}/{name}")
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
        check_writer(request, f"{owner}/{name}")
        files = hub.find(kinds[:-1], f"{owner}/{name}").at(revision).files
        asked = (await request.json())["files"]
        return {"files": [_advice(file, files.get(file["path"])) for file in asked]}

    @app.post("/{place:path}.git/info/lfs/objects/batch")
    async def batch(request: Request, place: str) -> Any:
        check_writer(request, named(place)[1])
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
        check_writer(request, f"{owner}/{name}")
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
