"""What a player reads: the prompt and the tables in it, and tables in observations, back as data.

Only what is shown is known. A table is cut to 20 rows and says how many it has; a text of more than 200
characters is known by its beginning and its length.
"""

import json
import re
from dataclasses import dataclass

from dsl_debug.episode import DSLDebugEnv
from dsl_debug.lang import Program, Table, print_program
from dsl_debug.lang.nodes import Emit, Load, Statement, Value

_RULE = re.compile(r"-+(\+-+)*")
_COUNT = re.compile(r"\((?:(\d+) of )?([\d,]+) rows?(?: shown)?\)")
_TABLE = re.compile(r"- (.+?) \(([\d,]+) rows?\): ?(.*)")


@dataclass(frozen=True, slots=True)
class Seen:
    """The rows of a table that were shown, and how many rows it has."""

    table: Table
    rows: int

    @property
    def complete(self) -> bool:
        """Whether all rows were shown."""
        return self.rows == self.table.length

    def matches(self, goal: "Seen") -> bool:
        """Whether this could be the table of which `goal` was shown."""
        return self.rows == goal.rows and self.table.matches(goal.table)


@dataclass(frozen=True, slots=True)
class Task:
    """What the prompt tells: the buggy program, the rows wanted, and each table's columns, types and rows."""

    code: str
    goal: Seen
    types: dict[str, dict[str, str]]
    rows: dict[str, int]


def read_prompt(text: str) -> Task:
    """The task that an episode starts with. Raises ValueError for a text that is no such prompt."""
    head, program, rest = text.partition("\n# Program\n\n```\n")
    code, expected, rest = rest.partition("\n```\n\n# Expected rows\n\n```\n")
    shown, _, tables = rest.partition("\n```\n\n# Tables\n\n")
    goal = read_table(shown)
    if not (head and program and expected) or goal is None:
        raise ValueError("this is no prompt of a debugging episode")
    types: dict[str, dict[str, str]] = {}
    rows: dict[str, int] = {}
    for line in tables.partition("\n\n")[0].splitlines():
        if found := _TABLE.fullmatch(line):
            name, count, columns = found.groups()
            rows[name] = int(count.replace(",", ""))
            types[name] = dict(_typed(column) for column in columns.split(", ") if column)
    return Task(code, goal, types, rows)


def inspect_table(env: DSLDebugEnv, name: str) -> Seen | None:
    """Spend a turn on a stored table, whatever the buggy program means by its name."""
    code = print_program(Program((Statement(name, Load(name)),), Emit(name)), env.problem.dialect)
    return read_table(env.call("inspect", node_name=name, code=code).observation)


def _typed(column: str) -> tuple[str, str]:
    name, _, kind = column.rpartition(": ")
    return name, kind


def read_table(text: str) -> Seen | None:
    """The first table in an observation, or None where there is none, as when a program failed."""
    lines = text.split("\n")
    rule = next((i for i, line in enumerate(lines) if i and _RULE.fullmatch(line)), None)
    if rule is None:
        return None
    end = next((i for i in range(rule + 1, len(lines)) if _COUNT.fullmatch(lines[i])), None)
    if end is None:
        return None
    spans = _spans(lines[rule])
    names = [_cell(lines[rule - 1], span) for span in spans]
    rows = [[_value(_cell(line, span)) for span in spans] for line in lines[rule + 1 : end]]
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    count = _COUNT.fullmatch(lines[end])
    return Seen(Table(columns), int(count[2].replace(",", "")) if count else len(rows))


def _spans(rule: str) -> list[tuple[int, int]]:
    """Where each column's cells stand; between two of them there is ` | `."""
    spans, start = [], 0
    for part in rule.split("+"):
        spans.append((start, start + len(part)))
        start += len(part) + 1
    return spans


def _cell(line: str, span: tuple[int, int]) -> str:
    return line[slice(*span)].strip(" ")


def _value(cell: str) -> Value:
    """The value that a cell shows; texts that could be taken for numbers stand in quotes."""
    if cell.startswith('"'):
        return str(json.loads(cell, strict=False))
    for number in (int, float):
        try:
            return number(cell)
        except ValueError:
            continue
    return cell
