"""The typed clients, against a real server; what the server does is tested in test_openenv_server.py."""

import asyncio
from collections.abc import Iterator

import pytest

pytest.importorskip("openenv", reason="needs openenv: pip install 'dsl-debug[serve]'")

from servers.client import DebugArenaClient, DSLDebugClient, call, message
from servers.openenv_app import openenv_app
from servers.openenv_models import DebugObservation, DebugState, DSLDebugAction
from tests.problems import BUGGY, CORRECT, make_problem
from tests.servers.openenv_serving import made_problems, run_async, serving

SHOP = make_problem()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(openenv_app(made_problems(), "dsl")) as address:
        yield address


def test_an_episode_without_a_loop(url: str) -> None:
    with DSLDebugClient(base_url=url).sync() as env:
        result = env.reset(problem_id=SHOP.id, episode_id="mine")
        assert isinstance(result.observation, DebugObservation)
        assert (result.reward, result.done) == (None, False)
        assert [message["role"] for message in result.observation.prompt] == ["system", "user"]
        result = env.step(call("run", code=BUGGY))
        assert (result.reward, result.observation.reward, result.observation.turns_left) == (0.0, 0.0, 7)
        state = env.state()
        assert isinstance(state, DebugState)
        assert (state.episode_id, state.step_count, state.max_turns) == ("mine", 1, 8)
        result = env.step(DSLDebugAction(tool="submit", arguments={"code": CORRECT}))
        assert (result.reward, result.done, result.observation.done) == (1.0, True, True)


def test_an_episode_in_a_loop(url: str) -> None:
    async def play() -> float:
        async with DSLDebugClient(base_url=url) as env:
            await env.reset(problem_id=SHOP.id)
            result = await env.step(message("Let me think. I do not call anything."))
            assert "There is no tool call in this message" in result.observation.text
            return (await env.step(call("submit", code=CORRECT))).reward

    assert run_async(play()) == 1.0


def test_one_client_opens_further_sessions(url: str) -> None:
    async def play() -> list[str]:
        async with DSLDebugClient(base_url=url) as env:
            others = [await env.new_session() for _ in range(3)]
            await asyncio.gather(*(other.reset() for other in others))
            return [(await client.state()).episode_id for client in (env, *others)]

    ids = run_async(play())
    assert ids[0] is None
    assert len(set(ids)) == 4


def test_actions_are_sent_without_what_is_not_said() -> None:
    for client in (DSLDebugClient, DebugArenaClient):
        env = client(base_url="http://127.0.0.1:1")
        assert env._step_payload(call("run", code="x")) == {"tool": "run", "arguments": {"code": "x"}}
        assert env._step_payload(call("submit")) == {"tool": "submit"}
        assert env._step_payload(message("")) == {"message": ""}


def test_no_server_is_told_with_its_address() -> None:
    with (
        pytest.raises(ConnectionError, match=r"Failed to connect to ws://127\.0\.0\.1:1/ws"),
        DSLDebugClient(base_url="http://127.0.0.1:1").sync(),
    ):
        pass
