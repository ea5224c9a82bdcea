"""No byte that leaves the OpenEnv servers tells what is hidden: right programs, hidden tables and tests."""

import json
from typing import Any

import pytest

pytest.importorskip("openenv", reason="needs openenv: pip install 'dsl-debug[serve]'")

from dsl_debug.episode.prompts import system_prompt
from dsl_debug.episode.python_prompts import call_text, python_user_prompt
from dsl_debug.episode.tools import call_block
from dsl_debug.problem import DslProblem, PythonProblem
from servers import openenv_environments
from servers.openenv_app import openenv_app
from tests.problems import make_problem, one_row_problem
from tests.servers.openenv_serving import (
    all_samples,
    ask,
    made_problems,
    needs_arena,
    run_async,
    sample_functions,
    serving,
    socket_of,
)

SHOP, TOP = make_problem(), one_row_problem()


def secrets_of(problem: DslProblem, shown: str) -> set[str]:
    """What only the server may know: lines of the correct program, hidden values, what the mistakes are.

    `shown` is what the agent is told rightly; whatever stands in it is no secret.
    """
    lines = {line.strip() for line in problem.correct_code.splitlines()}
    cells = {
        str(value)
        for suite in problem.hidden
        for table in (*suite.tables.values(), suite.expected)
        for column in table.columns.values()
        for value in column
    }
    words = {bug.description for bug in problem.bugs} | {problem.intent}
    visible = {
        str(value)
        for table in (*problem.tables.values(), problem.expected_output)
        for column in table.columns.values()
        for value in column
    }
    # Short numbers stand in many texts by chance.
    found = {cell for cell in cells - visible if len(cell) >= 7}
    return {secret for secret in found | lines | words if len(secret) >= 7 and secret not in shown}


async def provoke(socket: Any, problem: DslProblem) -> str:
    """All bytes that leave the server over an episode in which everything is tried."""
    seen: list[str] = []

    async def send(kind: str, data: Any = None) -> None:
        await socket.send(json.dumps({"type": kind} | ({} if data is None else {"data": data})))
        seen.append(await socket.recv())

    def step(tool: str, **arguments: str) -> Any:
        return send("step", {"tool": tool, "arguments": arguments})

    for code in (problem.buggy_code, problem.correct_code):
        await send("reset", {"problem_id": problem.id})
        await send("state")
        await step("run", code=problem.buggy_code)
        await step("inspect", node_name="expected_output")
        for name in problem.tables:
            await step("inspect", node_name=name)
        await send("step", {"message": call_block("run", "{")})
        await send("step", {"tool": "submit", "message": "both"})
        await step("submit", code=code)
        await send("state")
        await step("submit", code=problem.buggy_code)
        await send("reset", {"problem_id": "correct_code"})
        await send("mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    return "\n".join(seen)


def plain(text: str) -> str:
    """JSON with its line breaks and quotes as they are, so that a line is found in it."""
    return text.replace("\\n", "\n").replace('\\"', '"')


def test_nothing_hidden_leaves_the_server() -> None:
    async def everything(url: str) -> list[str]:
        found = []
        async with socket_of(url) as socket:
            for problem in [*all_samples().dsl.values(), SHOP, TOP]:
                told = plain(await provoke(socket, problem))
                rows = [table.rows() for table in problem.tables.values()]
                rightly = [problem.buggy_code, system_prompt(problem), json.dumps(rows, ensure_ascii=False)]
                secrets = secrets_of(problem, "\n".join(rightly))
                assert secrets, problem.id
                found += [f"{problem.id}: {secret}" for secret in secrets if secret in told]
        return found

    problems = all_samples()
    both = type(problems)({**problems.dsl, SHOP.id: SHOP, TOP.id: TOP}, {}, "all")
    with serving(openenv_app(both, "dsl")) as url:
        assert run_async(everything(url)) == []


@pytest.mark.parametrize("leak", ["correct_code", "intent", "hidden"])
def test_the_scan_finds_a_leak(leak: str, monkeypatch: pytest.MonkeyPatch) -> None:
    leaked = {
        "correct_code": SHOP.correct_code,
        "intent": SHOP.intent,
        "hidden": str(SHOP.hidden[0].tables["orders"].rows()),
    }[leak]
    plain_state = openenv_environments.DebugEnvironment.state.fget

    def state(self: Any) -> Any:
        found = plain_state(self)
        return found.model_copy(update={"category": leaked})

    monkeypatch.setattr(openenv_environments.DebugEnvironment, "state", property(state))

    async def everything(url: str) -> str:
        async with socket_of(url) as socket:
            return plain(await provoke(socket, SHOP))

    with serving(openenv_app(made_problems(), "dsl")) as url:
        told = run_async(everything(url))
    assert any(secret in told for secret in secrets_of(SHOP, SHOP.buggy_code))


def arena_secrets(problem: PythonProblem) -> set[str]:
    """Lines of the right function, and arguments of hidden tests as they would stand in a call."""
    shown = problem.buggy_code + python_user_prompt(problem, problem.tests)
    lines = {line.strip() for line in problem.correct_code.splitlines()}
    calls = {call_text(problem.function, test) for test in problem.hidden_tests}
    return {secret for secret in lines | calls if len(secret) >= 7 and secret not in shown}


@needs_arena
def test_nothing_hidden_leaves_the_arena() -> None:
    async def everything(url: str) -> list[str]:
        found = []
        async with socket_of(url) as socket:
            for problem in sample_functions().values():
                seen = [await ask(socket, "reset", {"problem_id": problem.id})]
                for tool in ("run_tests", "submit"):
                    data = {"tool": tool, "arguments": {"code": problem.buggy_code}}
                    seen += [await ask(socket, "step", data), await ask(socket, "state")]
                told = plain(json.dumps(seen, ensure_ascii=False))
                secrets = arena_secrets(problem)
                assert secrets, problem.id
                found += [f"{problem.id}: {secret}" for secret in secrets if secret in told]
        return found

    with serving(openenv_app(made_problems(), "python")) as url:
        assert run_async(everything(url)) == []
