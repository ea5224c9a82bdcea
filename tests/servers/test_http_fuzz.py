"""The HTTP API asked for whatever its own description allows, and for what it does not: never a fault of
ours, and every answer as it is described. The same requests in every run."""

from collections import Counter
from random import Random
from typing import Any

import pytest

pytest.importorskip("schemathesis", reason="needs schemathesis: pip install 'dsl-debug[dev]'")

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks
from starlette.types import Message, Receive, Scope, Send

from dsl_debug.sessions import Sessions
from servers.app import make_app
from tests.problems import make_problem
from tests.servers.conftest import arena_problems, problems_of

FUZZED = make_app(problems_of(make_problem(), *arena_problems()), Sessions(capacity=2_000), Random(1))

EXAMPLES = 40
STATEFUL_EXAMPLES, STATEFUL_STEPS = 30, 10
SAME = settings(derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))

load_all_checks()
# What is not looked for: rights, which nobody has more of than others; and whether everything is accepted
# that fits the description: there, a category may be any text.
LEFT_OUT = {"ignored_auth", "object_level_authorization", "positive_data_acceptance"}
CHECKED = [CHECKS.get_one(name) for name in sorted(CHECKS.get_all_names()) if name not in LEFT_OUT]


ANSWERED: Counter[tuple[str, str, int]] = Counter()
"""How often what was answered: the method, the part of the path that is a word, the status."""


async def asked_often(scope: Scope, receive: Receive, send: Send) -> None:
    """The app, which may be started once, for a client that starts it for every request."""

    async def noted(message: Message) -> None:
        if message["type"] == "http.response.start":
            word = "step" if scope["path"].endswith("/step") else scope["path"].split("/")[1]
            ANSWERED[scope["method"], word, message["status"]] += 1
        await send(message)

    if scope["type"] == "lifespan":
        for event in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{event}.complete"})
    else:
        await FUZZED(scope, receive, noted)


schema = schemathesis.openapi.from_asgi("/openapi.json", asked_often)


@pytest.fixture(autouse=True)
def _in_the_sandbox(sandboxed: None) -> None:
    """Functions run, whatever layers this machine offers."""


def test_what_matters_is_checked() -> None:
    names = {check.__name__ for check in CHECKED}
    assert {"not_a_server_error", "response_schema_conformance", "status_code_conformance"} <= names
    assert {"negative_data_rejection", "unsupported_method", "use_after_free"} <= names


@schema.parametrize()
@settings(SAME, max_examples=EXAMPLES)
def test_every_operation(case: Any) -> None:
    case.call_and_validate(checks=CHECKED)


def test_episodes_from_start_to_end() -> None:
    """Sequences of requests, in which the ids of episodes that were started are used."""
    ANSWERED.clear()

    class Episodes(schema.as_state_machine()):  # type: ignore[misc]
        def validate_response(self, response: Any, case: Any, *_: Any, **given: Any) -> None:
            case.validate_response(response, checks=CHECKED)

    Episodes.run(settings=settings(SAME, max_examples=STATEFUL_EXAMPLES, stateful_step_count=STATEFUL_STEPS))
    # Or nothing was played: an id that nobody was given is answered with 404.
    assert {("POST", "step", 200), ("DELETE", "episodes", 204)} <= ANSWERED.keys()
