"""What an agent is told at the start: the task, the language, the tools, and the problem.

How a call is written is not said here: chat templates and servers add that, with the schemas of the tools.
"""

from functools import lru_cache

from dsl_debug.lang import STANDARD, Table, node_names
from dsl_debug.problem import DslProblem, Message

MAX_TURNS = 8

_TASK = """\
You debug programs in a small dataflow language over tables. You get a program with one or more mistakes, \
the tables it reads and the rows it should give. Find what is wrong and submit a corrected program."""

_HIDDEN = """\
A submission is also run on other rows in the same tables, which you never see, and must be right there too. \
Repair the cause; do not write expected values into the program."""

LANGUAGE = """\
# Language

```
paid = load("orders")
  |> filter(status == "paid" and quantity >= 1)
  |> compute(value: quantity * price)
customers = load("customers")
joined = join(paid, customers, on: customer == id)
best = joined
  |> group_by(name)
  |> aggregate(revenue: sum(value), orders: count())
  |> sort_by(revenue, desc)
  |> take(3)
emit best
```

A program names tables and emits one. A table comes from `load("table")`, from \
`join(left, right, on: left_column == right_column)` (inner join of two named tables) or from a name. Stages \
follow, each after `|>`:

- `filter(condition)`: keep rows; `==` `!=` `<` `<=` `>` `>=` between two columns or a column and a value, \
with `and` `or` `not` and parentheses
- `select(a, b)`: keep these columns
- `compute(name: a * b)`: add or replace a column; `+` `-` `*` `/`
- `group_by(a, b)` and right after it `aggregate(name: sum(a), n: count())`: one row per group; `sum` `avg` \
`min` `max` `count` `count_distinct`
- `sort_by(a, desc)`: by one column, `asc` or `desc`
- `take(n)`: the first n rows

Text stands in double quotes, `--` starts a comment, upper and lower case differ, and unknown names are \
errors. The order of rows counts, the order of columns does not."""

_DIALECT = """\
# Language

The program is written in a dialect, whose words and signs may be unlike any that you know. Only \
`read_docs` explains it; the page "overview" is the place to begin."""

_TOOLS = """\
# Tools

- `run(code)`: run a whole program and see its rows, or what is wrong with it
- `inspect(node_name, code)`: see a table that a program names, in `code` or, without it, in the buggy \
program; the name of a stored table shows that table
- `read_docs(operation)`: read about an operation, a function or a concept
- `submit(code)`: hand in the whole corrected program, once; this ends the episode

Each message of yours is one turn, even with several calls. Without a submission nothing is earned, so \
submit before your turns are used up. Tools show at most 20 rows of a table."""


def system_prompt(problem: DslProblem) -> str:
    """The system message. A dialect other than the standard one is not described: `read_docs` does that."""
    hidden = [_HIDDEN] if problem.hidden else []
    language = LANGUAGE if problem.dialect == STANDARD else _DIALECT
    return "\n\n".join([_TASK, *hidden, language, _TOOLS])


@lru_cache(maxsize=256)
def user_prompt(problem: DslProblem, max_turns: int = MAX_TURNS) -> str:
    """The user message: program, expected rows (as `run` shows them), tables, names, and the number of turns.

    Tables come with the names and types of their columns and their number of rows: whoever is asked to repair
    a program knows its schema, and an agent that had to look it up would spend its first turns on nothing
    else. Their values are left to `inspect`.
    """
    tables = "\n".join(_described(name, table) for name, table in problem.tables.items())
    names = ", ".join(node_names(problem.buggy_code, problem.dialect)) or "none"
    turns = "1 turn" if max_turns == 1 else f"{max_turns} turns"
    return f"""\
This program does not give the expected rows.

# Program

```
{problem.buggy_code.rstrip()}
```

# Expected rows

```
{problem.expected_output.render()}
```

# Tables

{tables}

Tables that the program names: {names}
You have {turns}."""


def messages(problem: DslProblem, max_turns: int = MAX_TURNS) -> list[Message]:
    """System and user message, for the column `prompt` of a dataset row or for a chat."""
    return [
        {"role": "system", "content": system_prompt(problem)},
        {"role": "user", "content": user_prompt(problem, max_turns)},
    ]


def _described(name: str, table: Table) -> str:
    columns = ", ".join(f"{column}: {kind}" for column, kind in table.types.items())
    return f"- {name} ({table.length:,} {'row' if table.length == 1 else 'rows'}): {columns}"
