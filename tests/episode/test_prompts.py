"""The prompts tell the truth: every sample in them is executed, every claim that can be is tried."""

import re
from random import Random

import pytest

from dsl_debug.episode import TOOLS, DSLDebugEnv, messages, system_prompt, user_prompt
from dsl_debug.lang import STANDARD, Dialect, DslError, Table, parse, print_program, read_docs, run
from dsl_debug.lang.dialect import WORDS
from dsl_debug.lang.functions import AGGREGATES
from dsl_debug.lang.reference import EXAMPLE_TABLES
from tests.problems import BUGGY, CORRECT, make_problem, one_row_problem

PROBLEM = make_problem()
SYSTEM = system_prompt(PROBLEM)
DIALECT = Dialect.random(Random(7))
IN_DIALECT = make_problem(dialect=DIALECT)

CODE = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", SYSTEM, flags=re.DOTALL))
STAGES = [
    code for code in CODE if re.match(r"(filter|select|compute|group_by|aggregate|sort_by|take)\(", code)
]
STOCK = Table({"a": [3, 1, 2, 2], "b": [10, 20, 5, 5]})


def rows(stages: str) -> list[dict[str, object]]:
    return run(f'x = load("stock") |> {stages}\nemit x', {"stock": STOCK}).rows()


# The sample program


def sample_program() -> str:
    match = re.search(r"```\n(.*?)```", SYSTEM, re.DOTALL)
    assert match
    return match[1]


def test_the_sample_program_runs_on_the_tables_of_the_reference() -> None:
    result = run(sample_program(), EXAMPLE_TABLES)
    assert result.names == ("name", "revenue", "orders")
    assert 2 <= result.length <= 3


def test_the_sample_program_is_in_the_standard_layout() -> None:
    program = parse(sample_program())
    assert print_program(program).replace("\n\n", "\n").strip() == sample_program().strip()


# Claims about the language


def test_every_word_of_the_language_is_there() -> None:
    for word in WORDS:
        assert re.search(rf"\b{word}\b", SYSTEM), word
    for function in AGGREGATES:
        assert f"`{function}`" in SYSTEM or f"{function}(" in SYSTEM


def test_the_list_names_every_stage_and_nothing_else() -> None:
    listed = [stage.partition("(")[0] for stage in STAGES]
    assert listed == ["filter", "select", "compute", "group_by", "aggregate", "sort_by", "take"]


@pytest.mark.parametrize(
    "stages",
    [
        "select(a, b)",
        "compute(name: a * b)",
        "group_by(a, b) |> aggregate(name: sum(a), n: count())",
        "sort_by(a, desc)",
        "take(2)",
    ],
)
def test_the_forms_of_the_stages(stages: str) -> None:
    for stage in stages.replace("take(2)", "take(n)").split(" |> "):
        assert stage in STAGES
    assert rows(stages)


def test_the_forms_of_the_sources() -> None:
    sources = [code for code in CODE if code.startswith(("load(", "join("))]
    assert sources == ['load("table")', "join(left, right, on: left_column == right_column)"]
    tables = {"table": [{"left_column": 1}], "other": [{"right_column": 1}, {"right_column": 2}]}
    program = f'left = {sources[0]}\nright = load("other")\nboth = {sources[1]}\nsame = both\nemit same'
    assert run(program, tables).rows() == [{"left_column": 1, "right_column": 1}]


@pytest.mark.parametrize("operator", ["==", "!=", "<", "<=", ">", ">="])
def test_comparisons(operator: str) -> None:
    assert f"`{operator}`" in SYSTEM
    rows(f"filter(a {operator} b and not (2 {operator} a or a {operator} 2))")
    with pytest.raises(DslError):
        rows(f"filter(1 {operator} 2)")


@pytest.mark.parametrize("operator", ["+", "-", "*", "/"])
def test_arithmetic(operator: str) -> None:
    assert f"`{operator}`" in SYSTEM
    rows(f"compute(a: a {operator} b)")
    with pytest.raises(DslError):
        rows(f"filter(a {operator} b == 1)")


@pytest.mark.parametrize("function", list(AGGREGATES))
def test_aggregate_functions(function: str) -> None:
    rows(f"group_by(a) |> aggregate(x: {function}(b))")
    if function != "count":
        with pytest.raises(DslError):
            rows(f"group_by(a) |> aggregate(x: {function}())")


@pytest.mark.parametrize(
    "wrong",
    [
        "group_by(a) |> filter(a > 1) |> aggregate(n: count())",
        "aggregate(n: count())",
        "sort_by(a, b)",
        "select(A)",
        "filter(a == x)",
        "filter(a == 'x')",
        "Take(1)",
    ],
)
def test_what_is_said_to_be_wrong_is(wrong: str) -> None:
    with pytest.raises(DslError):
        rows(wrong)


def test_one_row_per_group_sorting_and_taking() -> None:
    assert rows("group_by(a) |> aggregate(n: count())") == [
        {"a": 3, "n": 1},
        {"a": 1, "n": 1},
        {"a": 2, "n": 2},
    ]
    assert [row["a"] for row in rows("sort_by(a, asc)")] == [1, 2, 2, 3]
    assert [row["a"] for row in rows("sort_by(a, desc) |> take(2)")] == [3, 2]


def test_join_takes_named_tables_only_and_is_inner() -> None:
    with pytest.raises(DslError):
        run('x = join(load("stock"), load("stock"), on: a == a)\nemit x', {"stock": STOCK})


def test_comments() -> None:
    assert rows("take(1) -- the first\n  -- and no more")


def test_rows_have_an_order_and_columns_have_none() -> None:
    env = DSLDebugEnv()
    sorted_up = CORRECT.replace("desc", "asc")
    reordered = CORRECT.replace("emit totals", "same = totals |> select(orders, revenue, region)\nemit same")
    for code, reward in ((sorted_up, 0.0), (reordered, 1.0)):
        env.reset(PROBLEM)
        assert env.call("submit", code=code).reward == reward


# Claims about tools and turns


def test_the_tools_are_those_that_there_are() -> None:
    named = re.findall(r"^- `(\w+)\(([\w, ]+)\)`", SYSTEM.partition("# Tools")[2], re.MULTILINE)
    assert {name for name, _ in named} == set(TOOLS)
    for name, arguments in named:
        assert arguments.split(", ") == [p.name for p in TOOLS[name].parameters]


def test_every_argument_of_every_tool_works_as_said() -> None:
    env = DSLDebugEnv(max_turns=20)
    env.reset(PROBLEM)
    assert env.call("run", code="x").observation != env.call("run", code=CORRECT).observation
    in_buggy = env.call("inspect", node_name="paid").observation
    assert in_buggy.splitlines()[2].startswith("3 ")
    assert env.call("inspect", node_name="paid", code=CORRECT).observation.splitlines()[2].startswith("1 ")
    assert env.call("inspect", node_name="regions").observation.startswith("code  | manager")
    for topic in ("filter", "sum", "values"):  # an operation, a function, a concept
        assert env.call("read_docs", operation=topic).observation.startswith(f"# {topic}")
    assert env.call("submit", code=CORRECT).done


def test_at_most_twenty_rows_are_shown() -> None:
    assert "at most 20 rows" in SYSTEM
    long = {"t": Table({"a": list(range(30))})}
    problem = make_problem('t = load("t")\nemit t', 't = load("t") |> take(1)\nemit t', long, ())
    env = DSLDebugEnv()
    env.reset(problem)
    for step in (
        env.call("run", code=problem.correct_code),
        env.call("inspect", node_name="t", code=CORRECT),
    ):
        assert "\n19\n(20 of 30 rows shown)" in step.observation


def test_hidden_rows_are_mentioned_where_there_are_any() -> None:
    sentence = "A submission is also run on other rows"
    assert sentence in SYSTEM
    assert sentence not in system_prompt(make_problem(others=()))


def test_the_length_of_the_system_prompt() -> None:
    assert len(SYSTEM.split()) < 400


# The user prompt


def test_the_user_prompt_word_for_word() -> None:
    assert user_prompt(PROBLEM) == (
        "This program does not give the expected rows.\n"
        "\n"
        "# Program\n"
        "\n"
        "```\n"
        f"{BUGGY}"
        "```\n"
        "\n"
        "# Expected rows\n"
        "\n"
        "```\n"
        "region | revenue | orders\n"
        "-------+---------+-------\n"
        "south  | 140.5   | 2\n"
        "north  | 120     | 1\n"
        "(2 rows)\n"
        "```\n"
        "\n"
        "# Tables\n"
        "\n"
        "- orders (5 rows): order_id: number, region: text, status: text, amount: number\n"
        "- regions (3 rows): code: text, manager: text\n"
        "\n"
        "Tables that the program names: paid, totals\n"
        "You have 8 turns."
    )


def test_turns_rows_and_names_in_the_user_prompt() -> None:
    assert user_prompt(PROBLEM, 1).endswith("You have 1 turn.")
    assert user_prompt(PROBLEM, 12).endswith("You have 12 turns.")
    assert "(1 row)\n```" in user_prompt(one_row_problem())
    one_row = make_problem('t = load("t")\nemit t', "emit t", {"t": Table({"a": [1]})}, ())
    assert "- t (1 row): a: number\n" in user_prompt(one_row)
    assert "Tables that the program names: none\n" in user_prompt(one_row)
    many = make_problem('t = load("t")\nemit t', "emit t", {"t": Table({"a": list(range(1_234))})}, ())
    assert "- t (1,234 rows): a: number\n" in user_prompt(many)
    assert "\n19\n(20 of 1,234 rows shown)\n" in user_prompt(many)


def test_an_episode_starts_with_the_user_prompt() -> None:
    assert DSLDebugEnv(max_turns=5).reset(PROBLEM) == user_prompt(PROBLEM, 5)


def test_the_expected_rows_look_as_run_shows_them() -> None:
    env = DSLDebugEnv()
    prompt = env.reset(PROBLEM)
    shown = env.call("run", code=CORRECT).observation.partition("\n\n")[0]
    assert f"# Expected rows\n\n```\n{shown}\n```" in prompt


def test_messages() -> None:
    assert messages(PROBLEM, 4) == [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": user_prompt(PROBLEM, 4)},
    ]


def test_nothing_but_the_visible_part_of_a_problem_is_in_the_prompt() -> None:
    shown = f"{SYSTEM}\n{user_prompt(PROBLEM)}"
    assert PROBLEM.correct_code not in shown
    assert PROBLEM.intent not in shown
    assert all(bug.description not in shown for bug in PROBLEM.bugs)


# Dialects


def test_a_dialect_is_not_explained() -> None:
    shown = system_prompt(IN_DIALECT)
    assert "The program is written in a dialect" in shown
    assert "|>" not in shown
    assert "```" not in shown
    # Neither standard words (as code) nor the dialect's own.
    in_code = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", shown))))
    tools = {word for tool in TOOLS.values() for word in (tool.name, *(p.name for p in tool.parameters))}
    assert in_code <= tools
    assert system_prompt(make_problem(dialect=Dialect.random(Random(8)))) == shown


def test_the_page_that_a_dialect_begins_with_exists() -> None:
    assert 'the page "overview"' in system_prompt(IN_DIALECT)
    assert read_docs("overview", DIALECT).startswith("# overview")
    assert "|>" not in read_docs("overview", DIALECT)


def test_the_program_of_a_dialect_is_shown_in_it() -> None:
    assert IN_DIALECT.dialect != STANDARD
    assert f"```\n{IN_DIALECT.buggy_code}```" in user_prompt(IN_DIALECT)
    assert "|>" not in user_prompt(IN_DIALECT)
