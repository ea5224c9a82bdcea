"""The OpenEnv servers asked over plain HTTP for what their own description allows and does not: never a fault
of ours. The same requests in every run."""

from typing import Any

import pytest

pytest.importorskip("openenv", reason="needs openenv: pip install 'dsl-debug[serve]'")
pytest.importorskip("schemathesis", reason="needs schemathesis: pip install 'dsl-debug[dev]'")

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks

from servers.openenv_app import openenv_app
from tests.servers.openenv_serving import made_problems

SAME = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=20,
    suppress_health_check=list(HealthCheck),
)

load_all_checks()
NO_FAULT = [CHECKS.get_one("not_a_server_error")]

dsl = schemathesis.openapi.from_asgi("/openapi.json", openenv_app(made_problems(), "dsl"))
# A closed arena answers with 503, rightly; what is asked of an open one has the same form as of the other.


@dsl.parametrize()
@SAME
def test_no_request_is_a_fault_of_the_server(case: Any) -> None:
    case.call_and_validate(checks=NO_FAULT)


def test_what_never_works_here_is_not_described() -> None:
    paths = {operation.ok().path for operation in dsl.get_all_operations()}
    assert {"/reset", "/step", "/state", "/metadata"} <= paths
    assert not [path for path in paths if path.startswith("/{env_name}")]
