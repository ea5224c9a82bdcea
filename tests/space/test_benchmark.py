"""What measures the Space: small amounts of it, and its figures by hand."""

from random import Random
from typing import Any

import pytest

from benchmarks.pages import Measured
from benchmarks.space import MEASURED, render
from benchmarks.space_agents import Agent, Visit, heavy_program, join_bomb, latencies, visitors
from dsl_debug import lang
from dsl_debug.lang import STANDARD, DslError
from dsl_debug.problem import DslProblem
from dsl_debug.visitors import LIMITS, MAX_CODE
from space.library import Library


@pytest.fixture
def problems(library: Library) -> list[DslProblem]:
    return list(library.problems.values())


def test_five_agents_at_once_meet_no_error_and_get_what_they_earned(
    space_url: str, problems: list[DslProblem]
) -> None:
    pytest.importorskip("gradio_client", reason="needs gradio: pip install 'dsl-debug[space]'")
    found = visitors(space_url, problems, number=5, episodes=1, seed=3)
    assert {name: found[name] for name in ("first_error", "errors", "wrong_rewards", "calls")} == {
        "first_error": "",
        "errors": 0,
        "wrong_rewards": 0,
        "calls": 25,
    }


class Scripted:
    """A client whose app answers every call in the same way."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer

    def predict(self, **arguments: Any) -> dict[str, Any]:
        return self.answer


def visit(problems: list[DslProblem], answer: dict[str, Any]) -> Visit:
    return Agent(Scripted(answer), Random(4), think=(0.0, 0.0)).play(problems, episodes=4)


def test_wrong_rewards_are_counted(problems: list[DslProblem]) -> None:
    assert visit(problems, {"reward": 0.5}).wrong_rewards == 4
    # Four programs are handed in, each of them right or wrong.
    told = [visit(problems, {"reward": reward}).wrong_rewards for reward in (0.0, 1.0)]
    assert sum(told) == 4
    assert min(told) > 0


def test_errors_are_counted(problems: list[DslProblem]) -> None:
    found = visit(problems, {"error": "no"})
    assert (len(found.times), len(found.errors), found.wrong_rewards) == (20, 20, 4)


def test_latencies_by_hand() -> None:
    found = latencies([float(n) for n in range(20, 0, -1)])
    assert found == {"calls": 20, "p50_ms": 10.5, "p95_ms": 19.0, "max_ms": 20.0}
    assert latencies([7.0])["p95_ms"] == 7.0


def test_bombs_are_programs_that_a_limit_stops(problems: list[DslProblem]) -> None:
    plain = [problem for problem in problems if problem.dialect == STANDARD]
    problem = next(p for p in plain if 100 <= p.tables[min(p.tables)].length <= 141)
    for bomb in (heavy_program, join_bomb):
        code = bomb(problem)
        assert len(code) <= MAX_CODE
        assert lang.check(code, problem.tables) == []
        with pytest.raises(DslError) as caught:
            lang.run(code, problem.tables, LIMITS)
        assert caught.value.diagnostics[0].code.startswith("limit-")


TIMES = {"calls": 20, "p50_ms": 40.0, "p95_ms": 60.0, "max_ms": 70.0}
AGENTS = {"visitors": 50, "episodes": 100, "errors": 0, "wrong_rewards": 0, "calls_per_s": 31.5, **TIMES}
FIGURES = {
    "machine": {"date": "2026-01-02", "cores": 2, "processor": "some", "versions": {"Gradio": "6.31.0"}},
    "start": {
        "ours": {"paint_s": 6.0, "ready_s": 8.0},
        "bare": {"paint_s": 3.0, "ready_s": 5.0},
        "ratio": {"paint_s": 2.0, "ready_s": 1.6},
    },
    "click": {"ours": TIMES, "bare": {**TIMES, "p50_ms": 20.0}, "ratio": {"p50_ms": 2.0, "p95_ms": 1.0}},
    "visitors": AGENTS,
    "bombs": {"bombers": 50, "agents": {**AGENTS, "visitors": 10}, "person": TIMES},
}


def test_the_tables_hold_the_figures() -> None:
    text = render(FIGURES)
    assert "2026-01-02 with 2 cores (some), Gradio 6.31.0." in text
    assert "| start of the process to the first paint | 6 s | 3 s | 2 |" in text
    assert "| click on Run to the answer, median | 40 ms | 20 ms | 2 |" in text
    assert "| 50 agents, 100 episodes | 20 | 0 | 0 | 31.5 | 40 ms | 60 ms |" in text
    assert "| 10 agents beside 50 with bombs |" in text
    assert "| a person who clicks Run beside 50 with bombs | 20 |  |  |  | 40 ms | 60 ms |" in text


def test_a_table_goes_between_its_markers_and_nowhere_else() -> None:
    begin, end = "<!-- thing:begin -->", "<!-- thing:end -->"
    thing = Measured("thing", "", lambda _: {}, lambda found: found["new"], lambda _: "")
    assert thing.with_table(f"a\n{begin}\nold\n{end}\nb", {"new": "x"}) == f"a\n{begin}\nx\n{end}\nb"
    with pytest.raises(ValueError, match=r"^thing\.md has no place for the table"):
        thing.with_table("no markers", {"new": "x"})


def test_the_page_shows_the_results_that_were_measured() -> None:
    assert MEASURED.main(["--check"]) == 0


@pytest.mark.parametrize(
    ("measured", "status", "said"),
    [({}, 0, ""), ({"wrong": 3}, 1, "3 wrong\n"), (RuntimeError("no browser"), 2, "no browser\n")],
)
def test_the_status_tells_what_came_of_measuring(
    measured: Any, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(quick: bool) -> dict[str, Any]:
        if isinstance(measured, Exception):
            raise measured
        return dict(measured)

    def fault(found: dict[str, Any]) -> str:
        return f"{found['wrong']} wrong" if "wrong" in found else ""

    assert Measured("thing", "", measure, lambda _: "a table", fault).main(["--quick"]) == status
    assert capsys.readouterr().err == said
