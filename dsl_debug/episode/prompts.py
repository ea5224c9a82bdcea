"""What an agent is told at the start: a system prompt (see `system_prompts`) and the problem.

How a call is written is not said here: chat templates and servers add that, with the schemas of the tools.
"""

from functools import lru_cache

from dsl_debug.episode.system_prompts import DEFAULT_PROMPT, LANGUAGE, system_prompt
from dsl_debug.lang import Table, node_names
from dsl_debug.problem import DslProblem, Message

__all__ = ["DEFAULT_PROMPT", "LANGUAGE", "MAX_TURNS", "messages", "system_prompt", "user_prompt"]

MAX_TURNS = 8


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


def messages(problem: DslProblem, max_turns: int = MAX_TURNS, prompt: str = DEFAULT_PROMPT) -> list[Message]:
    """System and user message, for the column `prompt` of a dataset row or for a chat.

    Raises ValueError for a system prompt that there is not.
    """
    return [
        {"role": "system", "content": system_prompt(problem, prompt)},
        {"role": "user", "content": user_prompt(problem, max_turns)},
    ]


def _described(name: str, table: Table) -> str:
    columns = ", ".join(f"{column}: {kind}" for column, kind in table.types.items())
    return f"- {name} ({table.length:,} {'row' if table.length == 1 else 'rows'}): {columns}"
