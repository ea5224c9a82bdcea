"""Diagnosis of episodes: where the mistakes are, whether the agent looked, and when it had the answer."""

from random import Random
from typing import Any

import pytest

import dsl_debug.diagnosis
from dsl_debug import lang
from dsl_debug.agents import AGENTS, play
from dsl_debug.data import sample_problems
from dsl_debug.diagnosis import Diagnosis, diagnose, diagnose_chat, diagnosis_columns, faulty_names
from dsl_debug.episode import DSLDebugEnv, judge
from dsl_debug.episode.tools import call_block
from dsl_debug.episode.transcript import transcript
from dsl_debug.lang import Dialect, Table
from dsl_debug.problem import Bug, DslProblem, PythonProblem
from tests.problems import BUGGY, CORRECT, OVERFIT, make_problem, one_row_problem

PROBLEM = make_problem()

LOOK = ("inspect", {"node_name": "paid"})
ELSEWHERE = ("inspect", {"node_name": "totals"})
DOCS = ("read_docs", {"operation": "filter"})
EMPTY = CORRECT.replace('status == "paid"', 'status == "none"')
NOT_A_CALL = ("run", {"program": CORRECT})

Call = tuple[str, dict[str, Any]]


def run(code: str) -> Call:
    return "run", {"code": code}


def submit(code: str) -> Call:
    return "submit", {"code": code}


def played(*messages: Call | list[Call], problem: DslProblem = PROBLEM, turns: int = 8) -> DSLDebugEnv:
    """An episode in which the agent sends these messages: each a call or several."""
    env = DSLDebugEnv(turns)
    env.reset(problem)
    for message in messages:
        calls = message if isinstance(message, list) else [message]
        env.step("\n".join(call_block(name, arguments) for name, arguments in calls))
    return env


def diagnosis(*messages: Call | list[Call], problem: DslProblem = PROBLEM) -> Diagnosis:
    return diagnose(problem, played(*messages, problem=problem).history)


# When the answer was there


@pytest.mark.parametrize(
    ("messages", "visible", "correct"),
    [
        ([], None, None),
        ([run(BUGGY), submit(BUGGY)], None, None),
        ([submit(CORRECT)], 1, 1),
        ([run(BUGGY), run(OVERFIT), submit(OVERFIT)], 2, None),
        ([run(OVERFIT), run(BUGGY), run(CORRECT), submit(CORRECT)], 1, 3),
        ([run(CORRECT), submit(BUGGY)], 1, 1),
        ([run("paid = "), submit(CORRECT)], 2, 2),
        ([[run(BUGGY), run(CORRECT)]], 1, 1),
        ([NOT_A_CALL, DOCS, run(CORRECT)], 3, 3),
        ([[submit(BUGGY), submit(CORRECT)]], None, None),
    ],
)
def test_the_turns_of_the_first_candidates_that_are_right(
    messages: list[Call | list[Call]], visible: int | None, correct: int | None
) -> None:
    found = diagnosis(*messages)
    assert (found.first_visible, found.first_correct) == (visible, correct)


def test_the_order_of_columns_does_not_matter() -> None:
    code = CORRECT.replace("emit totals", "same = totals |> select(orders, region, revenue)\nemit same")
    assert diagnosis(run(code)).first_correct == 1


def test_columns_with_strange_names_are_told_apart() -> None:
    table = Table({"a | b": [1], " c ": [2]})
    code = 't = load("t")\nemit t'
    problem = make_problem(code, "emit t", {"t": table}, ())
    assert diagnosis(run(code), problem=problem).first_correct == 1


def test_an_answer_that_was_cut_is_judged_by_the_program() -> None:
    table = {"t": Table({"a": [f"{n:04}" + "x" * 90 for n in range(20)]})}
    code = 't = load("t")\nemit t'
    problem = make_problem(code, "emit t", table, ())
    env = played([run(code), run(code + "\n"), run(f"{code} -- once more")], problem=problem)
    assert "[cut here" in env.history[0].step.info["results"][0]["observation"]
    assert diagnose(problem, env.history).first_correct == 1


def test_long_tables_are_counted() -> None:
    table = {"t": Table({"a": list(range(1_234))})}
    code = 't = load("t")\nemit t'
    problem = make_problem(code, "emit t", table, ())
    found = diagnosis(run(f"{code[:-6]}s = t |> take(1233)\nemit s"), run(code), problem=problem)
    assert found.first_correct == 2


def candidates(problem: DslProblem) -> list[str]:
    """Programs that agents try: right ones, wrong ones, and some that go wrong."""
    correct = problem.correct_code
    backwards = correct.replace("desc", "asc")
    return [problem.buggy_code, correct, f"-- a try\n{correct}", backwards, "emit nothing"]


@pytest.mark.parametrize("problem", [*sample_problems(), one_row_problem()], ids=lambda p: p.id)
def test_sparing_work_changes_nothing(problem: DslProblem) -> None:
    for code in candidates(problem):
        found = diagnosis(run(code), problem=problem)
        outcome = judge(problem, code)
        assert (found.first_visible == 1) == outcome.visible_match
        assert (found.first_correct == 1) == (outcome.visible_match and all(outcome.hidden_matches))


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The programs that diagnoses run, as they do."""
    codes: list[str] = []

    def noted(code: str, *arguments: Any, **named: Any) -> Table:
        codes.append(code)
        return lang.run(code, *arguments, **named)

    monkeypatch.setattr(dsl_debug.diagnosis, "run", noted)
    return codes


def test_each_program_is_tried_once_and_most_are_not(tried: list[str]) -> None:
    other_rows = CORRECT.replace("totals = paid", "totals = paid |> take(1)")
    other_columns = CORRECT.replace("revenue", "income")
    env = played(
        *map(run, (other_rows, other_columns, "emit", OVERFIT, OVERFIT)), [run(OVERFIT), submit(OVERFIT)]
    )
    assert diagnose(PROBLEM, env.history).first_visible == 4
    assert tried == [OVERFIT]


def test_a_submission_whose_outcome_is_known_is_not_tried(tried: list[str]) -> None:
    env = played(submit(CORRECT))
    assert diagnose(PROBLEM, env.history, env.outcome) == diagnosis(submit(CORRECT))
    assert tried == [CORRECT]  # by the second of them


# Whether the agent looked


@pytest.mark.parametrize(
    ("messages", "looked"),
    [
        ([], False),
        ([LOOK, run(CORRECT)], True),
        ([ELSEWHERE, run(CORRECT)], False),
        ([run(CORRECT), LOOK], False),
        ([[LOOK, run(CORRECT)]], False),
        ([run(OVERFIT), LOOK, submit(CORRECT)], True),
        ([run(OVERFIT), LOOK, submit(OVERFIT)], True),
        ([("inspect", {"node_name": "paid", "code": CORRECT}), submit(CORRECT)], True),
        ([("inspect", {"name": "paid"}), submit(CORRECT)], False),
        ([("inspect", {"node_name": "paid", "code": "this is no program"}), submit(CORRECT)], False),
        ([("inspect", {"node_name": "paid", "code": 'paid = load("no")\nemit paid'})], False),
        ([("inspect", {"node_name": "paid", "code": EMPTY}), submit(CORRECT)], True),
    ],
)
def test_looking_at_what_is_faulty_before_there_is_an_answer(
    messages: list[Call | list[Call]], looked: bool
) -> None:
    assert diagnosis(*messages).inspected == looked


# Where the mistakes are


def faulty(correct: str, buggy: str, lines: tuple[int, ...] = ()) -> tuple[str, ...]:
    bugs = tuple(Bug("other", line, "", "", "") for line in lines)
    return faulty_names(make_problem(correct, buggy, others=(), bugs=bugs))


@pytest.mark.parametrize(
    ("buggy", "names"),
    [
        (BUGGY, ("paid",)),
        (BUGGY.replace("sum(amount)", "avg(amount)"), ("paid", "totals")),
        (CORRECT.replace("emit totals", "emit paid"), ("paid",)),  # the wrong table is given out
        (CORRECT.replace("emit totals", "emit total"), ()),  # there is no such table
        (CORRECT.replace("totals =", "totls ="), ("totls",)),
        (CORRECT.replace("= paid", "= piad"), ("totals",)),
        (CORRECT.replace('"paid")', '"paid"'), ("paid",)),
        (CORRECT.replace("emit totals", "more = totals\nemit more"), ("more",)),
    ],
)
def test_the_tables_whose_statements_differ(buggy: str, names: tuple[str, ...]) -> None:
    assert faulty(CORRECT, buggy) == names


def test_lines_tell_where_trees_do_not_differ() -> None:
    assert faulty(CORRECT, CORRECT, (3,)) == ("paid",)
    assert faulty(CORRECT, CORRECT, (2, 7)) == ("paid", "totals")
    assert faulty(CORRECT, CORRECT, (0, 8)) == ()
    # A pipe that is missing is an error, after which the rest is read as if it were there.
    assert faulty(CORRECT, CORRECT.replace("  |> filter(", "  filter("), (3,)) == ("paid",)


def test_programs_in_a_dialect_are_compared() -> None:
    assert faulty_names(make_problem(dialect=Dialect.random(Random(7)))) == ("paid",)


def test_sample_problems_name_a_table_that_is_there() -> None:
    for problem in sample_problems():
        names = faulty_names(problem)
        assert names
        assert all(f"{name} = " in problem.buggy_code for name in names)


# From messages


@pytest.mark.parametrize("agent", ["random_edit", "reference"])
def test_messages_tell_the_same_as_the_history(agent: str) -> None:
    for problem in sample_problems():
        env = DSLDebugEnv()
        play(AGENTS[agent], env, problem, Random(3))
        assert diagnose_chat(problem, transcript([], env.history)) == diagnose(problem, env.history)


def test_malformed_calls_in_messages_are_passed_over() -> None:
    env = played([NOT_A_CALL, LOOK, ("look", {})], NOT_A_CALL, [run(OVERFIT), NOT_A_CALL], submit(CORRECT))
    found = diagnose_chat(PROBLEM, transcript([{"role": "user", "content": "?"}], env.history))
    assert found == diagnose(PROBLEM, env.history) == Diagnosis(("paid",), True, 3, 4)


def saying(**call: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "run", **call}}]}


ANSWER = {"role": "tool", "name": "run", "content": "1"}


@pytest.mark.parametrize(
    ("messages", "wrong"),
    [
        (["text"], "not those of an episode"),
        ([{"content": "no role"}], "not those of an episode: KeyError\\('role'\\)"),
        ([saying(), ANSWER], "not those of an episode: KeyError\\('arguments'\\)"),
        ([saying(arguments={}), ANSWER], "not those of an episode: KeyError\\('code'\\)"),
        ([saying(arguments="{}"), ANSWER], "not those of an episode"),
        ([saying(arguments={"code": "x"})], "turn 1 of a trace has 1 calls and 0 answers"),
        ([saying(arguments={"code": "x"}), ANSWER, ANSWER], "turn 1 of a trace has 1 calls and 2 answers"),
    ],
)
def test_messages_that_are_no_episode(messages: list[Any], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        diagnose_chat(PROBLEM, messages)


def test_the_arena_has_no_diagnosis() -> None:
    problem = PythonProblem(
        *("logic", "easy", "numbers", "one", "test", "def one(): return 2", "def one(): return 1", "1"),
        tests=({"args": (), "expected": 1},),
        hidden_tests=(),
    )
    assert diagnose(problem, []) == diagnose_chat(problem, []) == Diagnosis()


def test_columns() -> None:
    assert diagnosis_columns(diagnosis(LOOK, submit(OVERFIT))) == {
        "faulty": ["paid"],
        "inspected": True,
        "first_visible": 2,
        "first_correct": None,
    }
