"""What is wrong with a request is told in one form, in one line, without repeating what was sent."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dsl_debug.episode.tools import call_block
from servers.app import make_app
from servers.http_errors import MAX_SHOWN, ApiError, answer
from servers.http_views import NOTHING
from servers.problems import Problems
from tests.problems import make_problem
from tests.servers.conftest import JSON, error_of, problems_of, start

DEEP = b"[" * 50_000


@pytest.mark.parametrize(
    ("body", "status", "code", "told"),
    [
        (b"{", 400, "not_json", "The body is not JSON: Expecting property name"),
        (b"", 422, "invalid", "The body has to be a JSON object"),
        (b"[]", 422, "invalid", "The body has to be a JSON object"),
        (b'"text"', 422, "invalid", "The body has to be a JSON object"),
        (b"\xff\xfe{", 400, "bad_request", "send JSON in UTF-8"),
        (DEEP, 400, "bad_request", "not nested deeply"),
        (b'{"difficulty": ' + b"1" * 5_000 + b"}", 400, "bad_request", "cannot be read"),
        (b'{"difficulty": NaN}', 422, "invalid", "difficulty: Input should be a valid string"),
        (b'{"difficulty": "\\ud800"}', 422, "invalid", "difficulty: "),
        (b'{"\\ud800": 1}', 422, "invalid", "A key is not valid Unicode"),
        (b'{"difficulty": null}', 422, "invalid", "difficulty: Input should be a valid string"),
        (b'{"environment": "sql"}', 422, "invalid", "environment: Input should be 'dsl' or 'python'"),
        (b'{"dificulty": "easy"}', 422, "invalid", "dificulty: there is no such field here"),
    ],
)
def test_broken_bodies(client: TestClient, body: bytes, status: int, code: str, told: str) -> None:
    error = error_of(client.post("/episodes", content=body, headers=JSON), status)
    assert error["code"] == code
    assert told in error["message"]


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/xml"}])
def test_a_body_that_is_not_called_json(client: TestClient, headers: dict[str, str]) -> None:
    error = error_of(client.post("/episodes", content=b"{}", headers=headers), 422)
    assert "Content-Type: application/json" in error["message"]


@pytest.mark.parametrize(
    "turn", [{}, {"tool": "run", "message": "x"}, {"arguments": {}}, [], "run", 7, None, {"Tool": "run"}]
)
def test_a_turn_has_one_of_two_forms(client: TestClient, turn: Any) -> None:
    path = f"/episodes/{start(client)['episode_id']}"
    error = error_of(client.post(f"{path}/step", json=turn), 422)
    assert error["code"] == "invalid"
    assert client.get(path).json()["turn"] == 0
    if turn is not None:
        assert "with either tool and arguments, or message" in error["message"]


@pytest.mark.parametrize(
    ("turn", "field", "told"),
    [
        ({"tool": 7}, "tool", "a valid string"),
        ({"tool": "x" * 501}, "tool", "at most 500 characters"),
        ({"tool": "run", "arguments": None}, "arguments", "a valid dictionary"),
        ({"tool": "run", "arguments": {str(n): 1 for n in range(17)}}, "arguments", "at most 16"),
        ({"tool": "run", "arguments": {"code": "x" * 20_001}}, "arguments.code", "at most 20,000 characters"),
        ({"tool": "inspect", "arguments": {"node_name": "x" * 501}}, "arguments.node_name", "at most 500"),
        ({"tool": "run", "also": 1}, "also", "there is no such field here"),
        ({"message": ["x"]}, "message", "a valid string"),
        ({"message": "x" * 100_001}, "message", "at most 100000 characters"),
    ],
)
def test_a_wrong_turn_names_the_field_and_costs_nothing(
    client: TestClient, turn: dict[str, Any], field: str, told: str
) -> None:
    path = f"/episodes/{start(client)['episode_id']}"
    error = error_of(client.post(f"{path}/step", json=turn), 422)
    assert error["field"] == field
    assert told in error["message"]
    assert client.get(path).json()["turn"] == 0


def test_half_of_a_surrogate_pair_as_an_argument(client: TestClient) -> None:
    path = f"/episodes/{start(client)['episode_id']}/step"
    for body in (
        b'{"tool": "run", "arguments": {"code": "\\ud800"}}',
        b'{"tool": "run", "arguments": {"\\ud800": 1}}',
        b'{"tool": "run", "\\ud800": 1}',
        b'{"tool": "\\ud800"}',
        b'{"message": "\\ud800"}',
    ):
        error_of(client.post(path, content=body, headers=JSON), 422)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (call_block("run", {"code": "x"}) * 5, "A message has at most 4 calls here"),
        (call_block("run", {"code": "x" * 20_001}), "at most 20,000 characters together; 20,001 were sent."),
    ],
)
def test_a_message_that_would_cost_too_much_is_refused_and_costs_nothing(
    client: TestClient, message: str, told: str
) -> None:
    path = f"/episodes/{start(client)['episode_id']}"
    error = error_of(client.post(f"{path}/step", json={"message": message}), 422)
    assert error["code"] == "refused"
    assert told in error["message"]
    assert client.get(path).json()["turn"] == 0


def test_what_was_sent_is_not_repeated_at_length(client: TestClient) -> None:
    path = f"/episodes/{start(client)['episode_id']}/step"
    name = "n" * 400
    for turn in (
        {"tool": "run", "arguments": {name: "x" * 501}},
        {"tool": "run", name: 1},
        {"tool": "run", "arguments": {"n" * 2_000: 1}},
    ):
        error = error_of(client.post(path, json=turn), 422)
        assert len(error["field"]) <= MAX_SHOWN + len("arguments.") + 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"offset": -1}, "offset"),
        ({"offset": 10**30}, "offset"),
        ({"environment": "sql"}, "environment"),
        ({"category": "x" * 501}, "category"),
    ],
)
def test_wrong_queries(client: TestClient, query: dict[str, Any], field: str) -> None:
    error = error_of(client.get("/problems", params=query), 422)
    assert (error["code"], error["field"]) == ("invalid", field)


@pytest.mark.parametrize(
    "path", ["/nothing", "/docs", "/redoc", "/episodes/x/steps", "/../etc/passwd", "/%00"]
)
def test_unknown_paths(client: TestClient, path: str) -> None:
    error = error_of(client.get(path), 404)
    assert (error["code"], "GET / says" in error["message"]) == ("not_found", True)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/episodes", "POST"),
        ("GET", "/episodes", "POST"),
        ("DELETE", "/", "GET, HEAD"),
        ("GET", "/episodes/x/step", "POST"),
        ("PATCH", "/episodes/x", "GET, DELETE"),
        ("TRACE", "/problems", "GET"),
    ],
)
def test_wrong_methods(client: TestClient, method: str, path: str, allowed: str) -> None:
    response = client.request(method, path)
    error = error_of(response, 405)
    assert (error["code"], response.headers["allow"]) == ("method_not_allowed", allowed)


@pytest.mark.parametrize("episode_id", ["x", "%F0%28", "%ED%A0%80", "x" * 5_000, "..%2f..", "%00", "null"])
def test_ids_that_are_none(client: TestClient, episode_id: str) -> None:
    error_of(client.get(f"/episodes/{episode_id}"), 404)
    error_of(client.delete(f"/episodes/{episode_id}"), 404)
    error_of(client.get(f"/problems/{episode_id}"), 404)
    error_of(client.post(f"/episodes/{episode_id}/step", json={"message": "x"}), 404)


# The arena


def test_a_closed_arena_says_why(problems: Problems) -> None:
    why = ("system calls (seccomp) is missing.", "files (landlock) is missing.")
    closed = problems_of(*problems.dsl.values(), *problems.python.values(), closed=why)
    with TestClient(make_app(closed)) as client:
        error = error_of(client.post("/episodes", json={"environment": "python"}), 503)
        assert error["code"] == "arena_closed"
        assert "system calls (seccomp) is missing; files (landlock) is missing." in error["message"]
        offer = client.get("/").json()["environments"]["python"]
        assert (offer["open"], offer["closed_because"]) == (False, list(why))
        start(client, environment="dsl")


def test_a_server_without_functions_says_so() -> None:
    with TestClient(make_app(problems_of(make_problem()))) as client:
        error = error_of(client.post("/episodes", json={"environment": "python"}), 422)
        assert (error["code"], error["field"]) == ("no_problems", "environment")
        assert "started with a dataset without them" in error["message"]
        offer = client.get("/").json()["environments"]["python"]
        assert (offer["problems"], offer["open"]) == (0, False)
        assert offer["closed_because"] == [NOTHING]


# Faults of ours


def test_a_fault_of_ours_is_told_without_its_text(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("the secret of the fault")

    monkeypatch.setattr("servers.http_api.started", broken)
    with TestClient(app, raise_server_exceptions=False) as client:
        response = client.post("/episodes", json={})
    assert error_of(response, 500)["code"] == "fault"
    assert "secret" not in response.text


def test_an_error_says_when_to_try_again() -> None:
    made = answer(ApiError(503, "full", "No room.", retry_after=60))
    assert made.headers["retry-after"] == "60"
    assert "retry-after" not in answer(ApiError(404, "gone", "Gone.")).headers
