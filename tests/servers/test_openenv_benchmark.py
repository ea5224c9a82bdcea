"""What measures the servers: small amounts of it, and its figures by hand."""

from typing import Any

import pytest

pytest.importorskip("openenv", reason="needs openenv: pip install 'dsl-debug[serve]'")

from benchmarks.servers import BARE, MEASURED, QUICK, Visit, render, served, summary, visitors
from servers.openenv_app import openenv_app
from servers.problems import Problems
from tests.problems import make_problem
from tests.servers.openenv_serving import made_problems, run_async, serving

SHOP = make_problem()


def test_sessions_at_once_meet_no_error_and_get_what_they_earned() -> None:
    with serving(openenv_app(made_problems(), "dsl")) as url:
        found = run_async(visitors(url, [SHOP], sessions=3, episodes=4, paid=True))
    assert {name: found[name] for name in ("first_error", "errors", "wrong_rewards", "episodes")} == {
        "first_error": "",
        "errors": 0,
        "wrong_rewards": 0,
        "episodes": 12,
    }
    assert (found["steps"]["calls"], found["resets"]["calls"]) == (60, 12)


def test_wrong_rewards_are_counted() -> None:
    with serving(openenv_app(made_problems(), "dsl")) as url:
        found = run_async(visitors(url, [SHOP], sessions=1, episodes=10, paid=False))
    assert 0 < found["wrong_rewards"] < 10  # half of the programs are right, and nothing was to be paid


def test_errors_are_counted() -> None:
    with serving(openenv_app(Problems({}, {}, "nowhere"), "dsl")) as url:
        found = run_async(visitors(url, [SHOP], sessions=2, episodes=3, paid=True))
    assert found["errors"] == 2
    assert "There are no problems of this environment here" in found["first_error"]


def test_the_bare_server_repeats_what_it_gets() -> None:
    with served(BARE) as url:
        found = run_async(visitors(url, [SHOP], sessions=2, episodes=2, paid=False))
    assert (found["first_error"], found["errors"], found["wrong_rewards"]) == ("", 0, 0)
    assert found["steps"]["calls"] == 20


def test_figures_by_hand() -> None:
    visits = [Visit([10.0, 30.0], [5.0]), Visit([20.0, 40.0], [7.0], ["no"], 1)]
    assert summary(visits, episodes=1, seconds=2.0) == {
        "sessions": 2,
        "episodes": 2,
        "errors": 1,
        "first_error": "no",
        "wrong_rewards": 1,
        "steps_per_s": 2.0,
        "steps": {"calls": 4, "p50_ms": 25.0, "p95_ms": 40.0, "max_ms": 40.0},
        "resets": {"calls": 2, "p50_ms": 6.0, "p95_ms": 7.0, "max_ms": 7.0},
    }
    assert QUICK.sessions < 32


def figures() -> dict[str, Any]:
    times = {"calls": 4, "p50_ms": 25.0, "p95_ms": 40.0, "max_ms": 40.0}
    group = {
        **{"sessions": 32, "episodes": 640, "errors": 0, "first_error": "", "wrong_rewards": 0},
        **{"steps_per_s": 1234.5, "steps": times, "resets": times},
    }
    facts = {"date": "2026-01-02", "cores": 2, "processor": "some", "versions": {"openenv": "0.10.0"}}
    alone = {"ours": {**group, "sessions": 1}, "bare": {**group, "sessions": 1}}
    return {"machine": facts, "alone": alone, "at_once": {"ours": group, "bare": group}}


def test_the_table_holds_the_figures() -> None:
    text = render(figures())
    assert "2026-01-02 with 2 cores (some), openenv 0.10.0." in text
    assert "| 1 | DSL Debug | 640 | 0 | 0 | 1,234.5 | 25 ms | 40 ms | 40 ms |" in text
    assert "| 32 | a bare OpenEnv echo | 640 | 0 | 0 | 1,234.5 | 25 ms | 40 ms | 40 ms |" in text
    assert MEASURED.with_table(MEASURED.page.read_text(encoding="utf-8"), figures()).count(text) == 1


def test_the_page_shows_the_results_that_were_measured() -> None:
    assert MEASURED.main(["--check"]) == 0
