"""What programs may do: the five functions without the app around them, and the texts of their tab."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from dsl_debug.episode.base import OVER
from dsl_debug.episode.system_prompts import system_prompt
from dsl_debug.lang import Table
from dsl_debug.problem import DslProblem
from dsl_debug.sessions import Sessions
from dsl_debug.visitors import MAX_CODE, MAX_WORDS
from space.handlers.agents import AgentApi, Answer, limits
from space.library import Library
from space.views.agents import TOOLS, agents_page, examples


@pytest.fixture
def api(library: Library) -> AgentApi:
    return AgentApi(library, Sessions(), Random(7))


@pytest.fixture
def problem(library: Library) -> DslProblem:
    return next(iter(library.problems.values()))


def test_an_episode_begins_with_all_that_a_model_reads(api: AgentApi, problem: DslProblem) -> None:
    episode = api.start_episode(problem_id=problem.id)
    assert {k: v for k, v in episode.items() if k not in ("episode_id", "prompt")} == {
        "problem_id": problem.id,
        "category": problem.category,
        "difficulty": problem.difficulty,
        "max_turns": 8,
        "expires_in_seconds": 1_800,
    }
    assert episode["prompt"].startswith("You debug programs in a small dataflow language")
    assert problem.buggy_code.strip() in episode["prompt"]


def test_a_program_that_is_right_everywhere_earns_one(api: AgentApi, problem: DslProblem) -> None:
    episode_id = api.start_episode(problem_id=problem.id)["episode_id"]
    answer = api.run(episode_id, problem.buggy_code)
    assert {k: v for k, v in answer.items() if k != "observation"} == {
        "turns_left": 7,
        "done": False,
        "reward": None,
    }
    assert api.submit(episode_id, problem.correct_code) == {
        "observation": "Correct.",
        "turns_left": 0,
        "done": True,
        "reward": 1.0,
    }
    assert api.run(episode_id, problem.buggy_code)["observation"] == OVER


def test_a_wrong_program_and_no_program_earn_nothing(api: AgentApi, problem: DslProblem) -> None:
    episode_id = api.start_episode(problem_id=problem.id)["episode_id"]
    assert api.submit(episode_id, problem.buggy_code)["reward"] == 0.0
    episode_id = api.start_episode(problem_id=problem.id)["episode_id"]
    answers = [api.read_docs(episode_id, "take") for _ in range(8)]
    assert [answer["turns_left"] for answer in answers] == [7, 6, 5, 4, 3, 2, 1, 0]
    assert [answer["reward"] for answer in answers] == [None] * 7 + [0.0]


def test_inspect_looks_into_the_buggy_program_unless_it_gets_another(
    api: AgentApi, problem: DslProblem
) -> None:
    table = next(iter(problem.tables))
    episode_id = api.start_episode(problem_id=problem.id)["episode_id"]
    code = f'mine = load("{table}") |> take(1)\nemit mine\n'
    assert "unknown" in api.inspect(episode_id, "mine")["observation"].lower()
    assert "(1 row)" in api.inspect(episode_id, "mine", code)["observation"]


@pytest.mark.parametrize("category", ["standard", "nonlocal", "intent_mismatch"])
def test_a_category_is_kept_to(api: AgentApi, library: Library, category: str) -> None:
    chosen = [api.start_episode(category=category) for _ in range(5)]
    assert {episode["category"] for episode in chosen} == {category}
    hard = api.start_episode(category=category, difficulty="hard")
    assert (hard["category"], hard["difficulty"]) == (category, "hard")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"category": "standart"}, "There is no category 'standart'; did you mean 'standard'?"),
        ({"difficulty": "brutal"}, "There is no difficulty 'brutal'; there is: easy, medium, hard."),
        ({"problem_id": "<b>\nx"}, "There is no problem '<b> x' here"),
        ({"category": ["standard"]}, "category is a text"),
        ({"problem_id": None}, "problem_id is a text"),
        ({"problem_id": "x" * (MAX_WORDS + 1)}, "problem_id has at most 500 characters; 501 were sent."),
        ({"category": "\ud800"}, "category is not valid Unicode"),
    ],
)
def test_a_wrong_start_is_told_in_one_line(api: AgentApi, arguments: Any, words: str) -> None:
    error = api.start_episode(**arguments)["error"]
    assert words in error
    assert "\n" not in error


def test_a_wrong_call_is_told_in_one_line_and_costs_no_turn(api: AgentApi, problem: DslProblem) -> None:
    episode_id = api.start_episode(problem_id=problem.id)["episode_id"]
    wrong: list[tuple[Answer, str]] = [
        (api.run("nobody", "emit a"), "There is no episode with this id"),
        (api.run(None, "emit a"), "episode_id is a text"),  # type: ignore[arg-type]
        (api.run(episode_id, 7), "code is a text"),  # type: ignore[arg-type]
        (api.submit(episode_id, "x" * (MAX_CODE + 1)), "code has at most 20,000 characters"),
        (api.run(episode_id, "\udfff"), "code is not valid Unicode"),
        (api.inspect(episode_id, {}), "node_name is a text"),  # type: ignore[arg-type]
        (api.inspect(episode_id, "a", None), "code is a text"),  # type: ignore[arg-type]
        (api.read_docs(episode_id, "x" * 501), "operation has at most 500 characters"),
    ]
    for answer, words in wrong:
        assert list(answer) == ["error"]
        assert words in answer["error"]
        assert "\n" not in answer["error"]
    assert api.read_docs(episode_id, "take")["turns_left"] == 7


def test_a_full_house_is_told_so(library: Library) -> None:
    api = AgentApi(library, Sessions(capacity=1), Random(1))
    api.start_episode()
    assert "There is no room for another episode" in api.start_episode()["error"]


def test_a_join_bomb_is_stopped_and_told_so(api: AgentApi, problem: DslProblem) -> None:
    name = next(iter(problem.tables))
    lines = [f'a0 = load("{name}") |> compute(one: 1)']
    lines += [f"a{n} = join(a{n - 1}, a{n - 1}, on: one == one)" for n in range(1, 8)]
    episode_id = api.start_episode(problem_id=problem.id)["episode_id"]
    answer = api.run(episode_id, "\n".join([*lines, "emit a7"]))
    assert "at most 20,000 are allowed" in answer["observation"]
    assert answer["turns_left"] == 7


# What never leaves


def hidden_rows(problem: DslProblem) -> list[str]:
    """The rows of hidden tables as a table shows them, but those that visible tables hold as well."""
    seen = set(_rows([*problem.tables.values(), problem.expected_output]))
    hidden = [table for suite in problem.hidden for table in [*suite.tables.values(), suite.expected]]
    return [row for row in _rows(hidden) if row not in seen]


def _rows(tables: list[Table]) -> list[str]:
    """Rows of three columns and more: pairs of small numbers are alike by chance."""
    lines = [line for table in tables for line in table.render(table.length).splitlines()[2:]]
    return [squeezed(line) for line in lines if line.count("|") >= 2]


def squeezed(line: str) -> str:
    """A line whatever the width of its columns."""
    return " ".join(line.split())


def all_answers(api: AgentApi, problem: DslProblem) -> list[Answer]:
    """What the tools say about anything that a program can name, and about a wrong submission."""
    names = list(problem.tables)
    names += [line.split(" =")[0] for line in problem.buggy_code.splitlines() if " = " in line]
    names += ["hidden", "correct_code", "expected", "__dict__", "self"]
    found = []
    for begin in range(0, len(names), 6):
        episode = api.start_episode(problem_id=problem.id)
        episode_id = episode["episode_id"]
        looked = [api.inspect(episode_id, name) for name in names[begin : begin + 6]]
        found += [episode, *looked, api.run(episode_id, problem.buggy_code)]
        found.append(api.submit(episode_id, problem.buggy_code))
    return found


def test_no_answer_holds_the_correct_program_or_a_hidden_row(api: AgentApi, library: Library) -> None:
    scanned = 0
    for problem in library.problems.values():
        said = "\n".join(str(value) for answer in all_answers(api, problem) for value in answer.values())
        lines = {squeezed(line) for line in said.splitlines()}
        assert set(_rows(list(problem.tables.values()))) & lines  # what may be seen is found this way
        hidden = hidden_rows(problem)
        known = problem.buggy_code + system_prompt(problem)
        repaired = [line for line in problem.correct_code.splitlines() if line not in known]
        assert [row for row in hidden if row in lines] == []
        assert [line for line in repaired if line.strip() in said] == []
        scanned += len(hidden)
    assert scanned > 1_000


# The tab


def test_the_tab_names_the_five_functions_and_shows_every_example() -> None:
    html = agents_page({"A program": "20,000 characters"})
    assert [name for name, _, _ in TOOLS] == ["start_episode", "run", "inspect", "read_docs", "submit"]
    for example in examples():
        assert f'id="example-{example.name}"' in html
    assert "20,000 characters" in html


def test_the_tools_of_the_tab_take_what_the_functions_take() -> None:
    for name, arguments, _ in TOOLS:
        code = getattr(AgentApi, name).__code__
        assert arguments.split(", ") == list(code.co_varnames[1 : code.co_argcount])


def test_examples_name_the_address_that_they_are_for() -> None:
    for example in examples("https://someone-dsl-debug.hf.space"):
        assert "https://someone-dsl-debug.hf.space" in example.text
        assert "127.0.0.1" not in example.text


def test_the_page_of_the_space_tells_the_limits() -> None:
    page = (Path(__file__).resolve().parent.parent.parent / "docs" / "space.md").read_text(encoding="utf-8")
    rows = [f"| {name} | {value} |" for name, value in limits(Sessions()).items()]
    assert [row for row in rows if row not in page] == []


def test_the_limits_are_those_that_hold() -> None:
    told = limits(Sessions(capacity=3, idle_seconds=60))
    assert told["A program"] == "20,000 characters"
    assert told["Rows of any one step of a run"] == "20,000"
    assert told["Episodes at the same time"] == "3, of all callers together"
    assert told["An episode expires"].startswith("1 minute after its last call, 120 minutes after its start")
