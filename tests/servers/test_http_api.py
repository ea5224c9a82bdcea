"""The HTTP API: every route, both environments, and what an episode is worth."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dsl_debug.episode import TOOLS, messages, schemas
from dsl_debug.episode.base import OVER
from dsl_debug.episode.python import PYTHON_TOOLS
from dsl_debug.episode.python_prompts import python_messages
from dsl_debug.episode.tools import call_block
from dsl_debug.problem import PythonProblem
from dsl_debug.sandbox import Sandbox, SandboxError
from dsl_debug.sessions import Sessions
from servers.problems import Problems
from tests.problems import BUGGY, CONSTANT_EMITTER, CORRECT, OVERFIT, make_problem, one_row_problem
from tests.servers.conftest import Clock, call, error_of, start

ENTRY = {"id", "environment", "category", "difficulty", "database", "family"}


def test_the_index_says_what_there_is(client: TestClient, problems: Problems) -> None:
    index = client.get("/").json()
    assert index["openapi"] == "/openapi.json"
    assert index["source"] == "problems of the tests"
    programs, functions = index["environments"]["dsl"], index["environments"]["python"]
    assert (programs["problems"], functions["problems"]) == (3, len(problems.python))
    assert (programs["categories"], programs["open"]) == (["standard", "nonlocal"], True)
    assert index["limits"]["episodes_at_once"] == 50


def test_the_server_says_how_full_it_is(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok", "episodes": 0, "capacity": 50}
    start(client)
    assert client.get("/health").json()["episodes"] == 1


@pytest.mark.parametrize("path", ["/", "/health"])
def test_who_only_asks_whether_it_answers_is_answered(client: TestClient, path: str) -> None:
    assert client.head(path).status_code == 200


# Problems


def test_problems_are_listed_without_what_gives_them_away(client: TestClient, problems: Problems) -> None:
    listed = client.get("/problems", params={"limit": 200}).json()
    assert listed["total"] == len(listed["problems"]) == len(problems.dsl) + len(problems.python)
    assert all(entry.keys() == ENTRY for entry in listed["problems"])
    assert [entry["id"] for entry in listed["problems"]] == [*problems.dsl, *problems.python]


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ({"environment": "dsl"}, 3),
        ({"environment": "python"}, 12),
        ({"environment": "dsl", "category": "nonlocal"}, 1),
        ({"category": "recursion"}, 2),
        ({"environment": "dsl", "category": "recursion"}, 0),
        ({"environment": "dsl", "difficulty": "hard"}, 1),
        ({"category": "", "difficulty": ""}, 15),
        ({"category": "no such thing"}, 0),
    ],
)
def test_the_list_is_narrowed(client: TestClient, query: dict[str, str], total: int) -> None:
    listed = client.get("/problems", params=query).json()
    assert listed["total"] == len(listed["problems"]) == total


def test_the_list_comes_in_pages(client: TestClient, problems: Problems) -> None:
    pages = [client.get("/problems", params={"offset": at, "limit": 4}).json() for at in (0, 4, 8, 12, 16)]
    assert [len(page["problems"]) for page in pages] == [4, 4, 4, 3, 0]
    assert {page["total"] for page in pages} == {15}
    ids = [entry["id"] for page in pages for entry in page["problems"]]
    assert ids == [*problems.dsl, *problems.python]


def test_one_problem_has_the_entry_of_the_list(client: TestClient, problems: Problems) -> None:
    for listed in client.get("/problems", params={"limit": 200}).json()["problems"]:
        assert client.get(f"/problems/{listed['id']}").json() == listed
    error = error_of(client.get("/problems/nothing"), 404)
    assert error["code"] == "unknown_problem"
    assert "GET /problems lists them" in error["message"]


# Starting


def test_an_episode_starts_with_what_a_model_is_told_in_training(client: TestClient) -> None:
    problem = make_problem()
    answer = client.post("/episodes", json={"problem_id": problem.id})
    started = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/episodes/{started['episode_id']}")
    assert started["prompt"] == messages(problem)
    assert started["tools"] == schemas(TOOLS)
    assert (started["environment"], started["problem_id"]) == ("dsl", problem.id)
    assert (started["max_turns"], started["expires_in_seconds"]) == (8, 60)


def test_an_episode_of_the_arena_does_as_well(client: TestClient, arena: list[PythonProblem]) -> None:
    started = start(client, environment="python", problem_id=arena[0].id)
    assert started["prompt"] == python_messages(arena[0])
    assert started["tools"] == schemas(PYTHON_TOOLS)
    assert (started["environment"], started["category"]) == ("python", arena[0].category)
    assert started["max_turns"] == 5


def test_problems_are_chosen_by_category_and_difficulty(client: TestClient) -> None:
    for _ in range(5):
        assert start(client, category="nonlocal")["category"] == "nonlocal"
        assert start(client, environment="python", difficulty="hard")["difficulty"] == "hard"
    chosen = {start(client, environment="python")["problem_id"] for _ in range(30)}
    assert len(chosen) > 3


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"category": "nonlokal"}, "There is no category 'nonlokal'; did you mean 'nonlocal'?"),
        ({"difficulty": "insane"}, "There is no difficulty 'insane'"),
        ({"problem_id": "nothing"}, "There is no problem 'nothing' here"),
        ({"category": "nonlocal", "difficulty": "easy"}, "choose another category or difficulty"),
        ({"environment": "python", "category": "nonlocal"}, "There is no category 'nonlocal'"),
    ],
)
def test_what_there_is_not_cannot_be_started(client: TestClient, wanted: dict[str, str], told: str) -> None:
    error = error_of(client.post("/episodes", json=wanted), 422)
    assert error["code"] == "refused"
    assert told in error["message"]


def test_a_problem_of_the_other_environment_is_not_found(client: TestClient) -> None:
    wanted = {"environment": "python", "problem_id": make_problem().id}
    assert "There is no problem" in error_of(client.post("/episodes", json=wanted), 422)["message"]


# Playing


@pytest.mark.parametrize(
    ("code", "reward"), [(CORRECT, 1.0), (BUGGY, 0.0), (OVERFIT, 0.0), ("emit nothing", 0.0)]
)
def test_a_submission_is_worth_what_it_is_in_any_episode(
    client: TestClient, code: str, reward: float
) -> None:
    episode_id = start(client, problem_id=make_problem().id)["episode_id"]
    answer = call(client, episode_id, "submit", code=code)
    assert (answer["reward"], answer["done"], answer["turns_left"]) == (reward, True, 0)
    assert ("Correct." in answer["observation"]) == (reward == 1.0)


def test_a_constant_emitter_earns_nothing(client: TestClient) -> None:
    episode_id = start(client, problem_id=one_row_problem().id)["episode_id"]
    assert call(client, episode_id, "submit", code=CONSTANT_EMITTER)["reward"] == 0.0


def test_turns_are_counted_and_the_reward_comes_at_the_end(client: TestClient) -> None:
    episode_id = start(client, problem_id=make_problem().id)["episode_id"]
    first = call(client, episode_id, "run", code=BUGGY)
    assert (first["turn"], first["turns_left"], first["done"], first["reward"]) == (1, 7, False, None)
    (result,) = first["results"]
    assert (result["tool"], result["arguments"]) == ("run", {"code": BUGGY})
    assert result["observation"] == first["observation"]
    second = call(client, episode_id, "inspect", node_name="orders", code=None)
    assert "north" in second["observation"]
    for _ in range(6):
        last = call(client, episode_id, "read_docs", operation="take")
    assert (last["turn"], last["done"], last["reward"]) == (8, True, 0.0)
    assert "nothing was submitted" in last["observation"]
    over = call(client, episode_id, "submit", code=CORRECT)
    assert (over["observation"], over["reward"], over["turn"]) == (OVER, 0.0, 8)


def test_messages_of_models_are_read(client: TestClient) -> None:
    episode_id = start(client, problem_id=make_problem().id)["episode_id"]
    text = (
        "I look twice.\n" + call_block("run", {"code": BUGGY}) + call_block("read_docs", {"operation": "x"})
    )
    answer = client.post(f"/episodes/{episode_id}/step", json={"message": text}).json()
    assert [result["tool"] for result in answer["results"]] == ["run", "read_docs"]
    assert (answer["turn"], answer["turns_left"]) == (1, 7)
    answer = client.post(f"/episodes/{episode_id}/step", json={"message": "I give up."}).json()
    assert answer["results"][0]["tool"] is None
    assert "no tool call in this message" in answer["observation"]
    text = call_block("submit", {"code": CORRECT})
    answer = client.post(f"/episodes/{episode_id}/step", json={"message": text}).json()
    assert (answer["reward"], answer["done"]) == (1.0, True)


def test_a_wrong_call_is_answered_and_costs_the_turn(client: TestClient) -> None:
    episode_id = start(client)["episode_id"]
    assert "There is no tool 'destroy'" in call(client, episode_id, "destroy")["observation"]
    assert "'code' of run is missing" in call(client, episode_id, "run")["observation"]
    answer = call(client, episode_id, "run", code=[7])
    assert "'code' of run is a text, not a list" in answer["observation"]
    assert answer["results"] == [{"tool": None, "arguments": None, "observation": answer["observation"]}]
    assert answer["turns_left"] == 5


@pytest.mark.parametrize("escape", [r"\ud800", r"\udfff x \ud800"])
def test_halves_of_surrogate_pairs_in_a_model_s_json_can_be_answered(client: TestClient, escape: str) -> None:
    episode_id = start(client)["episode_id"]
    for text in (f'{{"name": "run", "arguments": {{"code": "{escape}"}}}}', f'{{"name": "{escape}"}}'):
        answer = client.post(f"/episodes/{episode_id}/step", json={"message": text})
        assert answer.status_code == 200
        answer.content.decode("utf-8")
    assert "\N{REPLACEMENT CHARACTER}" in client.get(f"/episodes/{episode_id}").text


def test_a_function_is_tested_and_submitted(client: TestClient, arena: list[PythonProblem]) -> None:
    problem = arena[0]
    right = start(client, environment="python", problem_id=problem.id)["episode_id"]
    tested = call(client, right, "run_tests", code=problem.buggy_code)
    assert "FAILED" in tested["observation"]
    assert tested["turns_left"] == 4
    fixed = call(client, right, "submit", code=problem.correct_code)
    assert (fixed["observation"], fixed["done"]) == ("Correct.", True)
    wrong = start(client, environment="python", problem_id=problem.id)["episode_id"]
    unchanged = call(client, wrong, "submit", code=problem.buggy_code)
    assert (unchanged["observation"], unchanged["done"]) == ("Incorrect.", True)
    assert fixed["reward"] > 3.0 > 0.0 >= unchanged["reward"]
    for answer in (fixed, unchanged):
        assert list(answer["signals"]) == ["r1", "r2", "r3", "r4"]
        assert sum(answer["signals"].values()) == pytest.approx(answer["reward"])
    assert tested["signals"] == {}


# State and end


def test_the_state_holds_calls_and_answers(client: TestClient) -> None:
    started = start(client, problem_id=make_problem().id)
    episode_id = started["episode_id"]
    fresh = client.get(f"/episodes/{episode_id}").json()
    assert (fresh["turn"], fresh["turns_left"], fresh["reward"], fresh["history"]) == (0, 8, None, [])
    first = call(client, episode_id, "run", code=BUGGY)
    state = client.get(f"/episodes/{episode_id}").json()
    assert (state["turn"], state["turns_left"], state["done"], state["reward"]) == (1, 7, False, None)
    turn = {name: first[name] for name in ("turn", "observation", "results")}
    assert state["history"] == [turn]
    call(client, episode_id, "submit", code=CORRECT)
    state = client.get(f"/episodes/{episode_id}").json()
    assert (state["turn"], state["turns_left"], state["done"], state["reward"]) == (2, 0, True, 1.0)
    assert {name: state[name] for name in ("problem_id", "category", "difficulty", "max_turns")} == {
        name: started[name] for name in ("problem_id", "category", "difficulty", "max_turns")
    }


def test_an_episode_that_is_ended_is_gone(client: TestClient) -> None:
    episode_id = start(client)["episode_id"]
    ended = client.delete(f"/episodes/{episode_id}")
    assert (ended.status_code, ended.content) == (204, b"")
    for answer in (
        client.get(f"/episodes/{episode_id}"),
        client.delete(f"/episodes/{episode_id}"),
        client.post(f"/episodes/{episode_id}/step", json={"message": ""}),
    ):
        error = error_of(answer, 404)
        assert error["code"] == "unknown_episode"
        assert "Start a new episode." in error["message"]


def test_episodes_do_not_see_each_other(client: TestClient) -> None:
    one, other = (start(client, problem_id=make_problem().id)["episode_id"] for _ in range(2))
    call(client, one, "run", code="-- only here\n" + BUGGY)
    assert client.get(f"/episodes/{other}").json()["history"] == []
    assert "only here" not in json.dumps(call(client, other, "inspect", node_name="paid"))
    assert call(client, one, "submit", code=CORRECT)["reward"] == 1.0
    assert client.get(f"/episodes/{other}").json()["done"] is False


def test_an_episode_expires(client: TestClient, clock: Clock) -> None:
    episode_id = start(client)["episode_id"]
    clock.now += 59
    call(client, episode_id, "read_docs", operation="take")
    clock.now += 59
    assert client.get(f"/episodes/{episode_id}").status_code == 200
    clock.now += 1  # to look is not to play
    error = error_of(client.get(f"/episodes/{episode_id}"), 404)
    assert "has expired (after 1 minute without a call, 10 minutes in all, sooner" in error["message"]
    assert client.get("/health").json()["episodes"] == 0


# Faults of the sandbox


def test_a_fault_of_the_sandbox_costs_no_turn(
    client: TestClient, arena: list[PythonProblem], box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = arena[0]
    episode_id = start(client, environment="python", problem_id=problem.id)["episode_id"]

    def broken(*_: Any) -> Any:
        raise SandboxError("secret path /opt/sandbox is gone")

    with monkeypatch.context() as patch:
        patch.setattr(box, "run_tests", broken)
        for turn in (
            {"tool": "run_tests", "arguments": {"code": problem.buggy_code}},
            {"message": call_block("submit", {"code": problem.correct_code})},
        ):
            answer = client.post(f"/episodes/{episode_id}/step", json=turn)
            error = error_of(answer, 503)
            assert (error["code"], answer.headers["retry-after"]) == ("sandbox_failed", "5")
            assert "the turn was not counted" in error["message"]
            assert "secret" not in answer.text
    state = client.get(f"/episodes/{episode_id}").json()
    assert (state["turn"], state["turns_left"], state["history"]) == (0, 5, [])
    assert call(client, episode_id, "submit", code=problem.correct_code)["observation"] == "Correct."


def test_sessions_are_those_that_the_app_was_given(client: TestClient, sessions: Sessions) -> None:
    start(client)
    assert len(sessions) == 1
