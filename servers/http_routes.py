"""The routes of the HTTP API: a table of what each takes, gives and may answer instead."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from servers.http_errors import ErrorAnswer

if TYPE_CHECKING:
    from servers.http_api import HttpApi

PROBLEMS, EPISODES, SERVER = "problems", "episodes", "server"
TAGS = [
    {"name": EPISODES, "description": "Start one, take turns, look at it, end it."},
    {"name": PROBLEMS, "description": "What there is to play."},
    {"name": SERVER, "description": "About this server."},
]

_ERRORS: dict[int, str] = {
    400: "The body is not JSON.",
    404: "There is no such thing, or no longer.",
    408: "The request took too long to arrive.",
    409: "The episode has another turn under way.",
    413: "The request is too large.",
    422: "The request is not as described, or asks for what there is not.",
    503: "No room, a closed arena, or a failing sandbox. `Retry-After` says if trying again helps.",
}

_STEP_ERRORS = (400, 404, 409, 422, 503)


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors that a route declares. A body may be too large or too slow wherever it is sent."""
    every = sorted({408, 413, *statuses})
    return {status: {"model": ErrorAnswer, "description": _ERRORS[status]} for status in every}


_START = {
    "operationId": "start_episode",
    "requestBody": {"environment": "$response.body#/environment", "problem_id": "$response.body#/id"},
}


def _links() -> dict[str, Any]:
    """What can be done with an episode that was started, for clients that read it."""
    by_id = {"parameters": {"episode_id": "$response.body#/episode_id"}}
    return {name: {"operationId": name, **by_id} for name in ("step", "get_episode", "end_episode")}


def routes(api: "HttpApi") -> list[Mapping[str, Any]]:
    """The arguments of `add_api_route`, a route each."""
    problem, episode = "/problems/{problem_id}", "/episodes/{episode_id}"
    unlisted = {"include_in_schema": False}
    known = {200: {"description": "The problem.", "links": {"start_episode": _START}}}
    begun = {201: {"description": "The episode has begun.", "links": _links()}}
    return [
        _route("GET", "/", api.index, "get_index", SERVER, "What this server is"),
        _route("GET", "/health", api.health, "get_health", SERVER, "Whether it answers"),
        _route("HEAD", "/", api.index, "head_index", SERVER, "What this server is") | unlisted,
        _route("HEAD", "/health", api.health, "head_health", SERVER, "Whether it answers") | unlisted,
        _route("GET", "/problems", api.list_problems, "list_problems", PROBLEMS, "List problems", 422),
        _route("GET", problem, api.get_problem, "get_problem", PROBLEMS, "Get one", 404, 422)
        | {"responses": _errors(404, 422) | known},
        _route("POST", "/episodes", api.start, "start_episode", EPISODES, "Start one", status_code=201)
        | {"responses": _errors(400, 422, 503) | begun},
        _route("POST", f"{episode}/step", api.step, "step", EPISODES, "Take a turn", *_STEP_ERRORS),
        _route("GET", episode, api.state, "get_episode", EPISODES, "How it stands", 404, 422),
        _route("DELETE", episode, api.end, "end_episode", EPISODES, "End it", 404, 422, status_code=204),
    ]


def _route(
    method: str,
    path: str,
    endpoint: Any,
    operation_id: str,
    tag: str,
    summary: str,
    *errors: int,
    status_code: int = 200,
) -> dict[str, Any]:
    return {
        "path": path,
        "endpoint": endpoint,
        "methods": [method],
        "operation_id": operation_id,
        "tags": [tag],
        "summary": summary,
        "responses": _errors(*errors),
        "status_code": status_code,
    }
