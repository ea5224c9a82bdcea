"""Watching in a real browser: an agent, a model behind an address with a key, Stop, and what goes wrong."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dsl_debug.problem import DslProblem
from space.library import Library
from tests.scripted_endpoint import KEY, Reply, Request, Script, endpoint, fails, problem_of, says


@pytest.fixture
def watching(visitor: Any) -> Any:
    """The tab, with an empty stage."""
    page = visitor("?tab=watch")
    page.locator("#watch-form .go").wait_for()
    return page


@pytest.fixture
def space_log(space_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the app has printed."""
    return tmp_path_factory.getbasetemp() / "space0" / "app.log"


def begin(page: Any, player: str, **fields: str) -> None:
    page.locator(f"#watch-form input[value={player}]").check()
    for name, text in fields.items():
        page.locator(f"#watch-form input[name={name}]").fill(text)
    page.locator("#watch-form .go").click()


def outcome(page: Any) -> str:
    page.locator("#watch-turns .outcome").wait_for(timeout=60_000)
    return str(page.locator("#watch-status").inner_text())


def test_an_agent_is_watched_to_its_end(watching: Any) -> None:
    begin(watching, "reference")
    assert "Solved" in outcome(watching)
    assert watching.locator("#watch-turns .card").count() == 2  # a turn and the outcome
    watching.locator("#watch-form .go").wait_for()  # and one may watch another
    watching.get_by_role("link", name="Play it yourself").click()
    watching.wait_for_url("**/?problem=*")


def test_another_problem_is_shown_before_anybody_plays(watching: Any) -> None:
    before = watching.locator("#watch-shown pre.code").inner_text()
    watching.locator("#watch-surprise").click()
    watching.wait_for_function(
        "before => document.querySelector('#watch-shown pre.code').innerText !== before", arg=before
    )


@pytest.fixture
def solver(library: Library) -> Iterator[Script]:
    """A model that solves every problem in two turns, and repeats its key."""
    pytest.importorskip("openai", reason="needs openai: pip install 'dsl-debug[eval]'")
    problems: list[DslProblem] = list(library.problems.values())

    def reply(request: Request) -> Reply:
        problem = problem_of(request, problems)
        if request.turn == 0:
            return says(f"My key is {KEY}.", [("run", {"code": problem.buggy_code})])
        return says("", [("submit", {"code": problem.correct_code})])

    with endpoint(reply) as asked:
        yield asked


def test_a_model_is_watched_and_its_key_stays_where_it_was_typed(
    watching: Any, solver: Script, space_log: Path
) -> None:
    begin(watching, "endpoint", address=solver.url, model="m", key=KEY)
    assert "Solved" in outcome(watching)
    assert {request.key for request in solver} == {f"Bearer {KEY}"}
    assert "My key is ***." in watching.locator("#watch-turns").inner_text()
    kept = watching.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    for place in (watching.content(), watching.url, kept, space_log.read_text()):
        assert KEY not in place


def test_what_goes_wrong_is_told(watching: Any) -> None:
    pytest.importorskip("openai", reason="needs openai: pip install 'dsl-debug[eval]'")
    begin(watching, "endpoint", address="http://127.0.0.1:1/v1", model="m", key=KEY)
    watching.locator("#watch-turns .notice.bad", has_text="No answer comes").wait_for(timeout=60_000)
    with endpoint(lambda request: fails(401, f"wrong {KEY}")) as asked:
        begin(watching, "endpoint", address=asked.url, model="m", key=KEY)
        watching.locator("#watch-turns .notice.bad", has_text="does not accept").wait_for(timeout=60_000)
    assert KEY not in watching.content()


def test_the_form_comes_back_after_an_event_that_failed(watching: Any) -> None:
    watching.route("**/queue/join*", lambda asked: asked.fulfill(status=503, json={"detail": "full"}))
    for _ in range(2):
        watching.locator("#watch-form .go").click()
        watching.locator("#watch-status").get_by_text("please try again").wait_for()
        watching.locator("#watch-form .go").wait_for()
        watching.locator("#watch-turns").get_by_text("Nobody plays yet").wait_for()
    watching.unroute("**/queue/join*")
    begin(watching, "reference")
    assert "Solved" in outcome(watching)


def test_stop_ends_the_wait(watching: Any) -> None:
    pytest.importorskip("openai", reason="needs openai: pip install 'dsl-debug[eval]'")
    with endpoint(lambda request: Reply(delay=30.0)) as asked:
        begin(watching, "endpoint", address=asked.url, model="m")
        watching.locator("#watch-turns .to-come").wait_for()
        start = time.monotonic()
        watching.locator("#watch-form .halt").click()
        watching.locator("#watch-turns .notice", has_text="You stopped the episode").wait_for()
        assert time.monotonic() - start < 10
        watching.locator("#watch-form .go").wait_for()
