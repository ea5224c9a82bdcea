"""System prompts by name: five ways to open the same episode, for studies of what a prompt alone achieves.

All of them tell what a fair episode needs: the task, that hidden tables count, and that one submission ends
the episode, to be made while there are turns. They differ in what they add or leave out beside that. None of
them explains a dialect other than the standard one: problems in a dialect measure whether an agent looks up
what it does not know. There, `reference` says the same as `expert`.

A text that changes gets a new version, so that results can be told apart; `prompt_facts` goes into each.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dsl_debug.episode.python_prompts import python_system_prompt
from dsl_debug.lang import STANDARD, Table, read_docs
from dsl_debug.problem import DslProblem, PythonProblem, Suite

DEFAULT_PROMPT = "expert"

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

_PERSONA = "You are an expert in debugging."

# The kinds of mistakes that there are, in plain words: these hold in a dialect, too, and give none away.
_PITFALLS = """\
# Common mistakes

- Slips: a misspelt word, column or table; a quote, a parenthesis or the sign between two steps left out; a \
comparison written with one equals sign
- Kept rows: the wrong column, comparison or value in a condition, "and" for "or", a forgotten condition
- Computed values: the wrong column, number or operator, a ratio upside down, missing parentheses
- Groups: a key too many, too few or a wrong one; another function than is meant; a figure about the wrong \
column
- Order and size: the wrong column or direction to sort by, the wrong number of rows taken
- Tables: joined on the wrong columns or the wrong way round, read from the wrong table or name, the wrong \
one given out at the end
- Steps: one left out, or two in the wrong order

A mistake may stand far above the place where the rows go wrong, and it may not be the only one."""

_STEPS = """\
# How to work

Reason step by step, in words, before every call:

1. Compare the rows that you got with the expected ones: their number, their order, then each column. Say \
exactly what differs.
2. Say which steps of the program can cause that difference.
3. Trace it upstream: look at the tables that the program names, from the result back to the stored tables, \
until you find the first one whose rows are wrong.
4. State the mistake and the smallest change that repairs it, and run the whole changed program.
5. Compare again, row by row. If anything still differs, there is another mistake: begin again at 1.
6. Ask yourself whether the change would be right on other rows as well, and only then submit."""

_BARE = """\
Correct a program in a small dataflow language over tables, which `read_docs` explains, so that it gives the \
expected rows. Use the tools, and submit the corrected program once, before your turns are used up: this \
ends the episode."""


@dataclass(frozen=True, slots=True)
class SystemPrompt:
    """A system prompt: its name, the version of its text, what it is for, and its text for a problem."""

    name: str
    version: int
    purpose: str
    text: Callable[[DslProblem], str]


def _expert(problem: DslProblem) -> str:
    return _put_together(problem, _TASK, _language(problem, LANGUAGE), _TOOLS)


def _pitfalls(problem: DslProblem) -> str:
    return _put_together(problem, f"{_PERSONA} {_TASK}", _language(problem, LANGUAGE), _PITFALLS, _TOOLS)


def _chain_of_thought(problem: DslProblem) -> str:
    return _put_together(problem, _TASK, _language(problem, LANGUAGE), _TOOLS, _STEPS)


def _reference(problem: DslProblem) -> str:
    whole = f"# Language reference\n\n{read_docs('all')}"
    return _put_together(problem, _TASK, _language(problem, whole), _TOOLS)


def _bare(problem: DslProblem) -> str:
    return _put_together(problem, _BARE)


def _put_together(problem: DslProblem, task: str, *parts: str) -> str:
    """The task, the remark about hidden tables where there are any, and the other parts."""
    hidden = [_HIDDEN] if problem.hidden else []
    return "\n\n".join([task, *hidden, *parts])


def _language(problem: DslProblem, standard: str) -> str:
    return standard if problem.dialect == STANDARD else _DIALECT


SYSTEM_PROMPTS: dict[str, SystemPrompt] = {
    "expert": SystemPrompt("expert", 1, "task, language and tools in few words; datasets hold it", _expert),
    "pitfalls": SystemPrompt(
        "pitfalls", 1, "an expert persona, and the kinds of mistakes that are common", _pitfalls
    ),
    "chain_of_thought": SystemPrompt(
        "chain_of_thought", 1, "expert, told to reason step by step before each call", _chain_of_thought
    ),
    "reference": SystemPrompt(
        "reference", 1, "expert, with the whole language reference instead of a summary", _reference
    ),
    "bare": SystemPrompt("bare", 1, "the task only; tools are known by their schemas", _bare),
}


def system_prompt(problem: DslProblem, name: str = DEFAULT_PROMPT) -> str:
    """The system message of a problem. Raises ValueError, naming the prompts, for one that there is not."""
    return _named(name).text(problem)


def prompt_facts(name: str, problem: DslProblem | PythonProblem) -> dict[str, Any]:
    """What a result file says about a system prompt: its `name`, `version` and the `sha256` of its text.

    The text is that for a standard problem with hidden tables, whatever `problem` is; the arena has a text of
    its own, and only that one. Raises ValueError for a prompt that there is not.
    """
    prompt = _named(name)
    if isinstance(problem, DslProblem):
        return {"name": name, "version": prompt.version, "sha256": _sha256(prompt.text(_any_problem()))}
    if name != DEFAULT_PROMPT:
        raise ValueError(f"the arena has one system prompt: leave {name!r} out")
    return {"name": name, "version": 1, "sha256": _sha256(python_system_prompt())}


def _named(name: str) -> SystemPrompt:
    try:
        return SYSTEM_PROMPTS[name]
    except KeyError:
        raise ValueError(f"no prompt {name!r}; there is: {', '.join(SYSTEM_PROMPTS)}") from None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=1)
def _any_problem() -> DslProblem:
    """A standard problem with hidden tables; of a problem, texts depend on these two facts only."""
    table = Table({"a": [1]})
    code = 'a = load("t")\nemit a\n'
    suite = Suite({"t": table}, table)
    return DslProblem("standard", "easy", "", "", code, code, {"t": table}, table, (suite,))
