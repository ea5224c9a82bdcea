"""Debugging episodes: turns, tools, observations and rewards."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl_debug.episode import DSLDebugEnv, Step, judge
from dsl_debug.episode.base import MAX_OBSERVATION, OVER, UNUSED, cut
from dsl_debug.episode.dsl import row_share, table_text
from dsl_debug.lang import Dialect, Limits, Table, print_program, read_docs
from dsl_debug.lang.parser import parse
from dsl_debug.problem import DslProblem
from dsl_debug.scoring import failure
from tests.problems import (
    BUGGY,
    CORRECT,
    OTHERS,
    OVERFIT,
    TOP_CORRECT,
    VISIBLE,
    make_problem,
    one_row_problem,
)

PROBLEM = make_problem()


def started(problem: DslProblem = PROBLEM, **options: Any) -> DSLDebugEnv:
    env = DSLDebugEnv(**options)
    env.reset(problem)
    return env


def call(name: str, **arguments: Any) -> str:
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


def observed(name: str, problem: DslProblem = PROBLEM, **arguments: Any) -> str:
    """What a call on a fresh episode shows, without the line about the turns."""
    observation = started(problem).call(name, **arguments).observation
    return observation.removesuffix("\n\n[7 turns left]")


# Whole episodes


@pytest.mark.parametrize(
    ("code", "visible", "robust", "says", "why"),
    [
        (CORRECT, 1.0, 1.0, "Correct.", ""),
        (CORRECT.replace("paid", "settled").replace('"settled"', '"paid"'), 1.0, 1.0, "Correct.", ""),
        (OVERFIT, 1.0, 0.0, "Incorrect.", "overfit"),
        (BUGGY, 0.0, 0.0, "Incorrect.", "unchanged"),
        (f"-- the same\n\n{BUGGY}", 0.0, 0.0, "Incorrect.", "unchanged"),
        (CORRECT.replace("desc", "asc"), 0.0, 0.0, "Incorrect.", "wrong_rows"),
    ],
)
def test_submissions(code: str, visible: float, robust: float, says: str, why: str) -> None:
    for kind, earned in (("visible", visible), ("robust", robust)):
        env = started(reward_kind=kind)
        step = env.call("submit", code=code)
        assert (step.observation, step.reward, step.done, env.reward) == (says, earned, True, earned)
        assert failure(env.outcome) == why


def test_an_error_in_a_submission_ends_the_episode() -> None:
    env = started()
    step = env.call("submit", code=CORRECT.replace("amount", "amuont"))
    assert step.observation == (
        "line 6, column 29: unknown column 'amuont'; did you mean 'amount'?\n"
        "    |> aggregate(revenue: sum(amuont), orders: count())\n"
        "                              ^^^^^^\n"
        "  columns here: order_id, region, status, amount\n\n"
        "Incorrect."
    )
    assert (step.reward, step.done) == (0.0, True)
    assert failure(env.outcome) == "error"


def test_a_submission_that_fails_on_hidden_tables_only() -> None:
    tables = {"t": Table({"a": [4, 2], "b": [1, 2]})}
    others = [{"t": Table({"a": [4, 2], "b": [2, 0]})}]
    correct = 't = load("t") |> compute(x: a * 2)\nemit t'
    problem = make_problem(correct, correct.replace("2", "3"), tables, others)
    wrong = 't = load("t") |> compute(x: a * 2, y: a / b) |> select(a, b, x)\nemit t'
    env = started(problem)
    assert env.call("submit", code=wrong).observation == "Incorrect."
    assert env.outcome.error is None
    assert env.outcome.hidden_matches == (False,)
    assert failure(env.outcome) == "overfit"


def test_the_outcome_of_an_episode() -> None:
    env = started()
    env.step("Hm.")
    env.step(call("run", code=BUGGY) + call("run", code="x") + call("read_docs", operation="filter"))
    env.step(call("run"))
    assert env.outcome.submitted is None
    assert (env.outcome.turns, env.outcome.calls) == (3, {"run": 2, "read_docs": 1})
    assert failure(env.outcome) == "never_submitted"
    env.step(call("submit", code=OVERFIT))
    outcome = env.outcome
    assert (outcome.submitted, outcome.visible_match, outcome.hidden_matches) == (
        OVERFIT,
        True,
        (False, False),
    )
    assert (outcome.row_share, outcome.error, outcome.unchanged) == (1.0, None, False)
    assert (outcome.turns, outcome.calls) == (4, {"run": 2, "read_docs": 1, "submit": 1})
    assert outcome.tokens is None


def test_an_environment_plays_one_episode_after_the_other() -> None:
    env = DSLDebugEnv(max_turns=2)
    for problem, reward in ((PROBLEM, 1.0), (one_row_problem(), 0.0), (PROBLEM, 1.0)):
        env.reset(problem)
        assert (env.turns_left, env.done, env.reward, env.history, env.problem) == (
            2,
            False,
            0.0,
            [],
            problem,
        )
        assert env.outcome.submitted is None
        env.call("run", code=CORRECT)
        assert env.call("submit", code=CORRECT).reward == reward
        assert env.outcome.calls == {"run": 1, "submit": 1}


def test_what_was_run_before_does_not_change_the_judgement() -> None:
    env = started()
    env.call("run", code=env.problem.correct_code)
    assert env.call("submit", code=env.problem.buggy_code).reward == 0.0
    env.reset(make_problem(TOP_CORRECT, BUGGY))
    env.call("run", code=CORRECT)
    assert env.call("submit", code=CORRECT).reward == 0.0


# Turns


def test_each_message_is_a_turn() -> None:
    env = started(max_turns=4)
    steps = [
        env.call("inspect", node_name="paid"),
        env.step("The filter is wrong."),
        env.step(call("run", code=BUGGY) + call("run", code=CORRECT)),
    ]
    assert [s.observation.splitlines()[-1] for s in steps] == [
        "[3 turns left]",
        "[2 turns left]",
        "[1 turn left]",
    ]
    assert [(s.info["turn"], s.info["turns_left"]) for s in steps] == [(1, 3), (2, 2), (3, 1)]
    assert [(s.reward, s.done) for s in steps] == [(0.0, False)] * 3
    assert env.call("submit", code=CORRECT).observation == "Correct."
    assert (env.turns, env.turns_left) == (4, 0)


@pytest.mark.parametrize("last", ["Correct!", call("run", code=CORRECT), call("submit"), ""])
def test_the_last_turn_without_a_submission_ends_the_episode(last: str) -> None:
    env = started(max_turns=2)
    env.step("Hm.")
    step = env.step(last)
    assert (step.reward, step.done, env.turns_left) == (0.0, True, 0)
    assert step.observation.endswith(f"\n\n{UNUSED}")
    assert "left]" not in step.observation
    assert failure(env.outcome) == "never_submitted"


@pytest.mark.parametrize("code", [CORRECT, BUGGY])
def test_nothing_happens_after_the_end(code: str) -> None:
    env = started()
    earned = env.call("submit", code=code).reward
    before = env.outcome
    for step in (
        env.call("submit", code=CORRECT if code == BUGGY else BUGGY),
        env.call("run", code=CORRECT),
        env.call("nothing"),
        env.step(call("submit", code=CORRECT)),
        env.step("Hm."),
    ):
        assert step == Step(OVER, earned, True, {"turn": 1, "turns_left": 0, "results": []})
    assert env.outcome == before
    assert len(env.history) == 1


def test_plain_text_is_told_how_a_call_looks() -> None:
    assert started().step("The filter is wrong.").observation == (
        "There is no tool call in this message.\n"
        "A call looks like this:\n"
        '<tool_call>\n{"name": "inspect", "arguments": {"node_name": "..."}}\n</tool_call>\n\n'
        "[7 turns left]"
    )


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("rnu", {"code": CORRECT}),
        ("run", {}),
        ("run", {"code": 5}),
        ("submit", {"program": CORRECT}),
        ("reset", {}),
    ],
)
def test_a_malformed_call_costs_a_turn_either_way(tool: str, arguments: dict[str, Any]) -> None:
    structured, raw = started(), started()
    step = structured.call(tool, **arguments)
    assert step == raw.step(call(tool, **arguments))
    assert "A call looks like this:" in step.observation
    assert (step.done, structured.turns_left, structured.outcome.calls) == (False, 7, {})


def test_arguments_may_have_any_name() -> None:
    step = started().call("run", **{"self": 1, "tool": 2, "code": CORRECT})
    assert step.observation.startswith("There is no argument 'self', 'tool'; run takes: code.")


def test_before_the_first_reset() -> None:
    env = DSLDebugEnv()
    for use in (lambda: env.step("x"), lambda: env.call("run", code="x"), lambda: env.problem):
        with pytest.raises(RuntimeError, match=r"^call reset"):
            use()
    assert env.turns_left == 0


def test_bad_options() -> None:
    with pytest.raises(ValueError, match=r"^an episode needs at least 1 turn, not 0$"):
        DSLDebugEnv(max_turns=0)
    with pytest.raises(ValueError, match=r"^no reward 'kind'; there is: visible, robust, partial$"):
        DSLDebugEnv(reward_kind="kind")


# Several calls in a message


def test_several_calls_are_answered_in_order() -> None:
    env = started()
    step = env.step(
        call("inspect", node_name="nope") + " and " + call("run") + call("inspect", node_name="regions")
    )
    first, second, third = (result["observation"] for result in step.info["results"])
    assert step.observation == f"Call 1:\n{first}\n\nCall 2:\n{second}\n\nCall 3:\n{third}"
    assert first.startswith("unknown name 'nope'")
    assert second.startswith("The argument 'code' of run is missing")
    assert third.endswith("north | Ada\nsouth | Ben\nwest  | Cleo\n(3 rows)\n\n[7 turns left]")
    assert [(r["tool"], r["arguments"]) for r in step.info["results"]] == [
        ("inspect", {"node_name": "nope"}),
        (None, None),
        ("inspect", {"node_name": "regions"}),
    ]


def test_submit_is_handled_last() -> None:
    env = started()
    step = env.step(call("submit", code=CORRECT) + call("run", code=CORRECT) + call("rnu"))
    assert step.observation.startswith("Call 1:\nCorrect.\n\nCall 2:\nregion | revenue | orders\n")
    assert (step.reward, step.done, env.turns) == (1.0, True, 1)
    assert env.outcome.calls == {"run": 1, "submit": 1}


def test_a_single_call_is_the_whole_observation() -> None:
    step = started().call("run", code=CORRECT)
    assert step.info["results"] == [
        {"tool": "run", "arguments": {"code": CORRECT}, "observation": step.observation}
    ]


def test_the_history_keeps_messages_calls_and_steps() -> None:
    env = started()
    steps = [env.step("Hm."), env.call("run", code=CORRECT), env.step(call("submit", code=CORRECT))]
    assert [turn.step for turn in env.history] == steps
    assert [turn.message for turn in env.history] == ["Hm.", None, call("submit", code=CORRECT)]
    assert [len(turn.calls) for turn in env.history] == [1, 1, 1]


# run


def test_run_shows_the_table() -> None:
    assert observed("run", code=CORRECT) == (
        "region | revenue | orders\n"
        "-------+---------+-------\n"
        "south  | 140.5   | 2\n"
        "north  | 120     | 1\n"
        "(2 rows)"
    )


def test_run_shows_what_is_wrong() -> None:
    assert observed("run", code="a = lod(x)\nemit b") == str_of_error("a = lod(x)\nemit b")


def str_of_error(code: str) -> str:
    outcome = judge(PROBLEM, code)
    assert outcome.error
    return outcome.error


def test_run_never_says_whether_the_rows_match() -> None:
    same = make_problem(BUGGY, CORRECT)  # here the other program is the right one
    assert observed("run", code=CORRECT) == observed("run", same, code=CORRECT)


def test_run_does_not_end_the_episode() -> None:
    env = started()
    step = env.call("run", code=CORRECT)
    assert (step.done, step.reward, env.outcome.submitted) == (False, 0.0, None)


# inspect

PAID = "order_id | region | status | amount\n---------+--------+--------+-------\n"


def test_inspect_shows_a_table_of_the_buggy_program() -> None:
    assert observed("inspect", node_name="paid") == (
        f"{PAID}3        | north  | open   | 40\n5        | west   | open   | 15\n(2 rows)"
    )


def test_inspect_shows_a_table_of_the_given_program() -> None:
    shown = observed("inspect", node_name="paid", code=CORRECT)
    assert shown.splitlines()[2:] == [
        "1        | north  | paid   | 120",
        "2        | south  | paid   | 80.5",
        "4        | south  | paid   | 60",
        "(3 rows)",
    ]


def test_inspect_without_code_may_be_written_as_null() -> None:
    env = started()
    step = env.step('{"name": "inspect", "arguments": {"node_name": "paid", "code": null}}')
    assert step.observation.startswith(PAID)


@pytest.mark.parametrize(
    "rest",
    [
        "totals = paid |> fliter(a)\nemit totals",
        "totals = paid |> select(nothing)\nemit totals",
        "totals = paid |> compute(x: 1 / 0)\nemit totals",
        "totals = nothing",
        "",
    ],
)
def test_inspect_works_although_a_later_part_fails(rest: str) -> None:
    code = f'paid = load("orders") |> filter(status == "paid")\n{rest}'
    assert observed("inspect", node_name="paid", code=code) == observed(
        "inspect", node_name="paid", code=CORRECT
    )


def test_inspect_tells_what_is_wrong_with_the_table_itself() -> None:
    code = 'paid = load("orders") |> select(nothing)\nemit paid'
    assert observed("inspect", node_name="paid", code=code).startswith(
        "line 1, column 33: unknown column 'nothing'"
    )


def test_inspect_shows_a_stored_table() -> None:
    assert observed("inspect", node_name="regions") == VISIBLE["regions"].render()
    assert observed("inspect", node_name="regions", code="no program") == VISIBLE["regions"].render()


def test_a_name_of_the_program_goes_before_a_stored_table() -> None:
    code = 'regions = load("orders") |> take(1)\nemit regions'
    assert (
        observed("inspect", node_name="regions", code=code)
        == f"{PAID}1        | north  | paid   | 120\n(1 row)"
    )


def test_inspect_lists_what_there_is() -> None:
    assert observed("inspect", node_name="piad") == (
        "unknown name 'piad'; did you mean 'paid'?\n"
        "  names of the program: paid, totals\n"
        "  stored tables: orders, regions"
    )
    assert observed("inspect", node_name="", code="") == (
        "unknown name ''\n  names of the program: none\n  stored tables: orders, regions"
    )


# read_docs


@pytest.mark.parametrize("topic", ["filter", "overview", "no such page"])
def test_read_docs(topic: str) -> None:
    assert observed("read_docs", operation=topic) == read_docs(topic)


def test_the_whole_reference_is_cut() -> None:
    shown = observed("read_docs", operation="all")
    assert len(shown) < MAX_OBSERVATION + 100
    assert shown.splitlines()[-1].startswith("[cut here: ")


# Dialects


def test_a_problem_in_a_dialect() -> None:
    dialect = Dialect({"filter": "keep", "load": "open_table", "emit": "show", "sum": "add_up"}, "->")
    problem = make_problem(dialect=dialect)
    env = started(problem)
    assert 'paid = open_table("orders")\n  -> keep(status != "paid")' in problem.buggy_code
    assert env.call("run", code=problem.correct_code).observation.startswith("region | revenue | orders\n")
    assert env.call("run", code=CORRECT).observation.startswith("line 2, column 8: ")
    assert env.call("inspect", node_name="paid").observation.startswith(PAID)
    assert env.call("read_docs", operation="keep").observation.startswith("# keep")
    assert "|>" not in env.call("read_docs", operation="keep").observation
    assert env.call("submit", code=problem.correct_code).reward == 1.0
    env.reset(problem)
    assert env.call("submit", code=CORRECT).reward == 0.0
    env.reset(problem)
    env.call("submit", code=f"-- the same\n{problem.buggy_code}")
    assert failure(env.outcome) == "unchanged"


def test_a_program_in_a_dialect_is_printed_back() -> None:
    dialect = Dialect({"filter": "keep"}, "->")
    problem = make_problem(dialect=dialect)
    assert print_program(parse(problem.correct_code, dialect)) == CORRECT


# Limits


def test_limits_hold_for_every_run() -> None:
    limits = Limits(rows=2)
    assert (
        started(limits=limits)
        .call("run", code=CORRECT)
        .observation.startswith("line 3, column 6: this step gives 3 rows; at most 2 are allowed")
    )
    assert failure(judge(PROBLEM, CORRECT, limits)) == "error"
    # Three rows are right on the visible tables; the second hidden suite has four.
    three, four = ({"t": Table({"a": list(range(n))})} for n in (3, 4))
    problem = make_problem('t = load("t") |> compute(b: a)\nemit t', "emit t", three, [three, four])
    outcome = judge(problem, problem.correct_code, Limits(rows=3))
    assert (outcome.visible_match, outcome.hidden_matches) == (True, (True, False))


# Shares of rows


@pytest.mark.parametrize(
    ("given", "share"),
    [
        ({"a": [1, 2, 3, 4], "b": ["w", "x", "y", "z"]}, 1.0),
        ({"b": ["w", "x", "y", "z"], "a": [1.0, 2, 3 + 1e-12, 4]}, 1.0),
        ({"a": [1, 2, 0, 4], "b": ["w", "x", "y", "z"]}, 0.75),
        ({"a": [1, 2, 0, 4], "b": ["w", "-", "y", "z"]}, 0.5),
        ({"a": [1, 2], "b": ["w", "x"]}, 0.5),
        ({"a": [1, 2, 3, 4, 5, 6, 7, 8], "b": list("wxyzwxyz")}, 0.5),
        ({"a": [2, 3, 4, 1], "b": ["x", "y", "z", "w"]}, 0.0),
        ({"a": ["1", "2", "3", "4"], "b": ["w", "x", "y", "z"]}, 0.0),
        ({"a": [1, 2, 3, 4]}, 0.0),
        ({"a": [1, 2, 3, 4], "c": ["w", "x", "y", "z"]}, 0.0),
        ({"a": [], "b": []}, 0.0),
    ],
)
def test_the_share_of_right_rows(given: dict[str, list[Any]], share: float) -> None:
    expected = Table({"a": [1, 2, 3, 4], "b": ["w", "x", "y", "z"]})
    assert row_share(Table(given), expected) == share


def test_no_rows_are_all_right() -> None:
    assert row_share(Table({"a": []}), Table({"a": []})) == 1.0


def test_partial_pays_the_share_of_right_rows() -> None:
    env = started(reward_kind="partial")
    # The same first row; the second one is missing.
    assert env.call("submit", code=TOP_CORRECT).reward == 0.5
    env.reset(PROBLEM)
    assert env.call("submit", code=OVERFIT).reward == 0.9
    env.reset(PROBLEM)
    assert env.call("submit", code=CORRECT).reward == 1.0


# Long observations

WIDE = Table({f"column_{n}": [f"value {n} of row {row}" for row in range(30)] for n in range(12)})
VERY_WIDE = Table({f"column_{n}": [n] for n in range(1_000)})


def test_a_wide_table_shows_fewer_rows() -> None:
    shown = table_text(WIDE)
    rows = len(shown.splitlines()) - 3
    assert 5 < rows < 20
    assert shown == WIDE.render(rows)
    assert shown.endswith(f"\n({rows} of 30 rows shown)")
    assert len(shown) <= MAX_OBSERVATION < len(WIDE.render(rows + 1)) + 50


def test_a_table_that_fits_is_shown_in_full() -> None:
    assert table_text(Table({"a": list(range(30))})) == Table({"a": list(range(30))}).render(20)


def test_a_table_too_wide_for_its_first_row_is_cut() -> None:
    problem = make_problem('t = load("t") |> compute(x: 1)\nemit t', "emit t", {"t": VERY_WIDE}, ())
    shown = observed("inspect", problem, node_name="t")
    assert MAX_OBSERVATION <= len(shown) < MAX_OBSERVATION + 60
    assert shown.endswith(" more characters]")


def test_several_long_answers_share_the_room() -> None:
    problem = make_problem('t = load("t") |> compute(x: 1)\nemit t', "emit t", {"t": WIDE}, ())
    step = started(problem).step(
        call("inspect", node_name="t") * 2 + call("inspect", node_name="?") + call("inspect", node_name="t")
    )
    lengths = [len(result["observation"]) for result in step.info["results"]]
    assert lengths[2] < 100
    assert all(1_000 < n < 1_500 for i, n in enumerate(lengths) if i != 2)
    assert len(step.observation) < MAX_OBSERVATION + 400


def test_cutting() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("ab\ncd\nef\ngh", 8) == "ab\ncd\n[cut here: 6 more characters]"
    assert cut("abcdefgh", 4) == "abcd\n[cut here: 4 more characters]"


# Anything at all

WORDS = ["<tool_call>", "</tool_call>", "{", "}", '"', "\n", '"name": "run", ', '"arguments": ', '{"code": "']
WORDS += [
    call("run", code=CORRECT),
    call("submit", code=BUGGY),
    call("inspect", node_name="paid"),
    "[",
    "]",
    "\\",
]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=5,
)


@given(st.lists(st.text() | st.lists(st.sampled_from(WORDS)).map("".join), min_size=1, max_size=5))
def test_any_messages_are_turns(messages: list[str]) -> None:
    env = started(max_turns=4)
    for number, message in enumerate(messages, 1):
        before = env.done
        step = env.step(message)
        assert step.done == env.done
        assert step.reward == 0.0
        assert env.turns == (env.turns if before else number)
        assert len(step.observation) < MAX_OBSERVATION + 1_500
    assert env.done or env.turns_left == 4 - len(messages)


@given(st.sampled_from(["run", "inspect", "read_docs"]), st.dictionaries(st.text(), JSON_VALUES), JSON_VALUES)
def test_any_arguments_are_answered(tool: str, arguments: dict[str, Any], value: Any) -> None:
    env = started()
    for more in ({}, {"code": value}, {"node_name": value}, {"node_name": "paid", "code": value}):
        step = env.call(tool, **arguments | more)
        assert step.observation
        assert not step.done


@given(st.text(), st.text())
def test_any_text_is_a_program_and_a_topic(code: str, name: str) -> None:
    env = started()
    env.call("run", code=code)
    env.call("inspect", node_name=name, code=code)
    env.call("read_docs", operation=name)
    step = env.call("submit", code=code)
    assert (step.done, step.reward) == (True, 0.0)
    assert step.observation.endswith("Incorrect.")


def test_hidden_suites_take_no_part_in_the_observations() -> None:
    bare = make_problem(others=())
    for name, arguments in (
        ("run", {"code": OVERFIT}),
        ("inspect", {"node_name": "paid"}),
        ("inspect", {"node_name": "zanzibar"}),
    ):
        assert observed(name, PROBLEM, **arguments) == observed(name, bare, **arguments)
    assert len(PROBLEM.hidden) == len(OTHERS)
