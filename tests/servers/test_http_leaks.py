"""Nothing that nobody may see leaves the server: every byte of many episodes is searched for the reference,
for what only hidden tables and tests hold, and for what is known of the bugs."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from dsl_debug import lang
from dsl_debug.episode import messages
from dsl_debug.episode.python_prompts import call_text, expectation_text, python_messages, value_text
from dsl_debug.episode.tools import call_block
from dsl_debug.lang import Table
from dsl_debug.problem import DslProblem, PythonProblem
from servers.app import make_app
from servers.problems import Problems
from tests.problems import CORRECT, MARKS, make_problem
from tests.servers.conftest import JSON, problems_of, start

SHORTEST = 6
"""Characters of what is looked for: shorter texts stand anywhere by chance."""

WORDS = json.dumps(make_app(problems_of(make_problem())).openapi())
"""The words of the API itself, such as the names of its fields."""

SECRET_KEYS = {
    *("correct_code", "hidden", "hidden_tests", "bugs", "intent", "certificate", "hint", "expected"),
    *("mutated", "original", "visible_match", "hidden_matches", "reference"),
}
"""Names of fields that no answer has."""


class Recorder:
    """ASGI: passes everything on, and keeps every byte that leaves, headers included."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.left: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def recorded(message: Message) -> None:
            for name, value in message.get("headers", ()):
                self.left.append(name + b": " + value)
            for part in ("body", "bytes"):
                self.left.append(message.get(part) or b"")
            self.left.append((message.get("text") or "").encode())
            await send(message)

        await self._app(scope, receive, recorded)

    def texts(self) -> Iterator[str]:
        """What left: as it was, and every text of its JSON, in which escapes hide nothing."""
        for part in filter(None, self.left):
            yield part.decode("utf-8", "replace")
            try:
                yield from texts_of(json.loads(part))
            except ValueError:
                continue


def texts_of(value: Any) -> Iterator[str]:
    """All texts of a JSON value; keys in the form `key: NAME`."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield f"key: {key}"
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)


# What nobody may see


def secrets_of(problem: DslProblem | PythonProblem) -> set[str]:
    """Texts that tell something of a problem and cannot be known from what everybody is shown."""
    is_program = isinstance(problem, DslProblem)
    told = _of_program(problem) if is_program else _of_function(problem)
    lines = {line.strip() for line in problem.correct_code.splitlines()}
    bugs = {text for bug in problem.bugs for text in (bug.description, bug.original.strip())}
    public = _public(problem)
    found = {problem.correct_code.strip(), *lines, *bugs, *told}
    return {text for text in found if len(text) >= SHORTEST and not seen(text, public)}


def _public(problem: DslProblem | PythonProblem) -> str:
    """All that everybody is shown of a problem, whatever they do."""
    if isinstance(problem, PythonProblem):
        shown = [f"{call_text(problem.function, t)} {expectation_text(t)}" for t in problem.tests]
        prompt = python_messages(problem)
    else:
        tables = [*problem.tables.values(), problem.expected_output]
        pages = [lang.read_docs(page, problem.dialect) for page in ("all", "overview")]
        shown = [*(table.render(table.length) for table in tables), *pages]
        prompt = messages(problem)
    return "\n".join([WORDS, problem.buggy_code, *shown, *(message["content"] for message in prompt)])


def _of_program(problem: DslProblem) -> set[str]:
    tables = [table for suite in problem.hidden for table in (*suite.tables.values(), suite.expected)]
    certificate = [text for text in texts_of(problem.certificate) if not text.startswith("key: ")]
    return {problem.intent, *certificate, *(text for table in tables for text in _of_table(table))}


def _of_table(table: Table) -> Iterator[str]:
    """The rows of a table as they are shown and as they are stored, and each value."""
    yield from (line.strip() for line in table.render(table.length).splitlines()[2:-1])
    for row in zip(*table.columns.values(), strict=True):
        yield json.dumps(row, ensure_ascii=False)
        yield from map(str, row)


def _of_function(problem: PythonProblem) -> set[str]:
    hidden = problem.hidden_tests
    values = {value_text(arg) for test in hidden for arg in test["args"]}
    calls = {call_text(problem.function, test) for test in hidden}
    results = {value_text(test["expected"]) for test in hidden if "expected" in test}
    return {problem.hint, *values, *calls, *results}


def seen(text: str, where: str) -> bool:
    """Whether a text stands somewhere, and not merely inside of a longer word or number."""
    if text not in where:
        return False
    return re.search(rf"(?<![\w.-]){re.escape(text)}(?![\w-]|\.\d)", where) is not None


def leaks(left: Iterable[str], secrets: Iterable[str], sent: Iterable[str] = ()) -> set[str]:
    """What leaked, but for what the caller sent first, which the history gives back."""
    texts = list(dict.fromkeys(left))
    everything = "\n\n".join(texts)
    said = "\n\n".join(sent)
    found = {text for text in secrets if not seen(text, said) and seen(text, everything)}
    keys = {text.removeprefix("key: ") for text in texts if text.startswith("key: ")}
    return found | (keys & SECRET_KEYS)


# What is played


def test_there_is_something_to_look_for(every_problem: Problems) -> None:
    for problem in (*every_problem.dsl.values(), *every_problem.python.values()):
        secrets = secrets_of(problem)
        assert len(secrets) >= 10, problem.id
        assert problem.correct_code.strip() in secrets
    assert set(MARKS) <= secrets_of(make_problem())


def test_the_description_of_the_api_knows_no_problem(every_problem: Problems) -> None:
    assert json.dumps(make_app(every_problem).openapi()) == WORDS


@contextmanager
def recorded(app: FastAPI) -> Iterator[tuple[TestClient, Recorder]]:
    recorder = Recorder(app)
    with TestClient(recorder, raise_server_exceptions=False) as client:
        yield client, recorder


def turns_of(problem: DslProblem | PythonProblem) -> list[list[dict[str, Any]]]:
    """Episodes that make the server say as much as it can: all tools, wrong submissions, malformed calls."""
    if isinstance(problem, PythonProblem):
        return _function_turns(problem)
    code, names = problem.buggy_code, lang.node_names(problem.buggy_code, problem.dialect)
    looks = [_call("inspect", node_name=name) for name in [*names, *problem.tables]]
    shown = [_call("run", code=code), *looks[:6], _call("submit", code=code)]
    pages = [_call("read_docs", operation=page) for page in ("all", "overview", "hidden", "correct_code", "")]
    broken = ["emit", code.replace("emit", "emit no_"), f'x = load("hidden")\n{code}', code[: len(code) // 2]]
    odd = [_call("run", code=text) for text in broken]
    wrong = [
        _call("solve"),
        _call("submit"),
        _call("run", code=code, hidden=True),
        {"message": "Show me correct_code."},
        {"message": call_block("inspect", {"node_name": "expected", "code": code})},
        {"message": call_block("run", {"code": code}) + call_block("submit", {"code": broken[3]})},
    ]
    constant = _call("submit", code=broken[1])
    return [shown, [*pages, constant], [*odd, _call("submit", code=broken[0])], wrong, []]


def _function_turns(problem: PythonProblem) -> list[list[dict[str, Any]]]:
    code, name = problem.buggy_code, problem.function
    # They show whatever they are given: right in a run of visible tests, and to be kept back of hidden ones.
    prints = f"def {name}(*args, **named):\n    print(args, named)\n    return args\n"
    raises = f"def {name}(*args, **named):\n    raise ValueError(repr(args))\n"
    return [
        [_call("run_tests", code=code), _call("run_tests", code=prints), _call("submit", code=prints)],
        [_call("run_tests", code=raises), _call("submit", code=raises)],
        [
            _call("inspect", code=code),
            {"message": "hint"},
            _call("run_tests", code="def"),
            _call("submit", code=code),
        ],
    ]


def _call(tool: str, **arguments: Any) -> dict[str, Any]:
    return {"tool": tool, "arguments": arguments}


def play(client: TestClient, problem: DslProblem | PythonProblem, turns: list[dict[str, Any]]) -> None:
    """One episode; it is looked at after every turn."""
    environment = "dsl" if isinstance(problem, DslProblem) else "python"
    path = f"/episodes/{start(client, environment=environment, problem_id=problem.id)['episode_id']}"
    for turn in turns:
        assert client.post(f"{path}/step", json=turn).status_code in (200, 422)
        assert client.get(path).status_code == 200
    assert client.delete(path).status_code == 204


def ask_around(client: TestClient) -> None:
    """All the rest: the lists, the description, and requests that are none."""
    for path in ("/", "/health", "/openapi.json", "/problems?limit=200", "/nothing", "/problems/hidden"):
        client.get(path)
    for body in (b"{", b"[]", b'{"correct_code": 1}', b'{"problem_id": "hidden"}', b"\xff"):
        client.post("/episodes", content=body, headers=JSON)
        client.post("/episodes/none/step", content=body, headers=JSON)


def problem_ids() -> list[tuple[str, int]]:
    return [(kind, number) for kind, count in (("dsl", 13), ("python", 12)) for number in range(count)]


@pytest.mark.parametrize(("kind", "number"), problem_ids())
def test_no_byte_of_an_episode_tells_what_is_hidden(
    every_problem: Problems, sandboxed: None, kind: str, number: int
) -> None:
    problem = list(getattr(every_problem, kind).values())[number]
    with recorded(make_app(problems_of(problem), rng=Random(1))) as (client, recorder):
        ask_around(client)
        for entry in client.get("/problems").json()["problems"]:
            client.get(f"/problems/{entry['id']}")
        for turns in turns_of(problem):
            play(client, problem, turns)
    assert sum(map(len, recorder.left)) > 10_000
    assert leaks(recorder.texts(), secrets_of(problem)) == set()


@pytest.mark.parametrize(
    ("kind", "number"), [("dsl", 0), ("dsl", 5), ("dsl", 9), ("python", 0), ("python", 7)]
)
def test_whoever_knows_the_fix_learns_nothing_else(
    every_problem: Problems, sandboxed: None, kind: str, number: int
) -> None:
    problem = list(getattr(every_problem, kind).values())[number]
    with recorded(make_app(problems_of(problem))) as (client, recorder):
        play(client, problem, [_call("submit", code=problem.correct_code)])
    assert "Correct." in "".join(recorder.texts())
    assert leaks(recorder.texts(), secrets_of(problem), [problem.correct_code]) == set()


# The search finds what it looks for


LEAKS = {
    "the reference": lambda p: {"text": p.correct_code},
    "a line of the reference": lambda p: {"text": "look: " + p.correct_code.splitlines()[2]},
    "a hidden row": lambda p: {"rows": p.hidden[0].tables["orders"].to_json()},
    "a hidden value in a sentence": lambda p: {"text": "There are rows of zanzibar, too."},
    "a hidden number": lambda p: {"text": "The sum is 6543.25."},
    "what the bug is": lambda p: {"text": p.bugs[0].description},
    "the intent": lambda p: {"text": p.intent},
    "a field of that name": lambda p: {"hidden": 2},
    "an empty field of that name": lambda p: {"correct_code": None},
}


@pytest.mark.parametrize("what", LEAKS)
def test_a_leaky_route_is_caught(what: str) -> None:
    problem = make_problem(CORRECT.replace('"paid")', '"paid" and amount > 1)'))
    app = make_app(problems_of(problem))
    app.add_api_route("/leaky", lambda: LEAKS[what](problem))
    with recorded(app) as (client, recorder):
        play(client, problem, turns_of(problem)[0])
        assert leaks(recorder.texts(), secrets_of(problem)) == set()
        assert client.get("/leaky").status_code == 200
    assert leaks(recorder.texts(), secrets_of(problem))


def test_a_leak_in_a_header_is_caught() -> None:
    problem = make_problem()
    app = make_app(problems_of(problem))

    @app.middleware("http")
    async def leaky(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["X-Debug"] = "zanzibar"
        return response

    with recorded(app) as (client, recorder):
        client.get("/health")
    assert leaks(recorder.texts(), secrets_of(problem)) == {"zanzibar"}


def test_a_hidden_call_of_a_function_is_caught(arena: list[PythonProblem]) -> None:
    problem = arena[0]
    secrets = secrets_of(problem)
    hidden = call_text(problem.function, problem.hidden_tests[0])
    assert leaks([f"FAILED {hidden}: gave 3"], secrets)
    assert leaks([problem.hint], secrets)
    assert leaks([problem.correct_code], secrets)
