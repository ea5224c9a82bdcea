"""Tree -> text, in one layout: `format_code` of formatted code changes nothing.

A statement's head stands on a line, each stage on one of its own, indented by two. Comments and single
blank lines between statements are kept; `emit` goes last. Parentheses are printed where they are needed.
"""

from collections.abc import Callable

from dsl_debug.lang.dialect import STANDARD, Dialect
from dsl_debug.lang.nodes import (
    PRECEDENCE,
    Aggregate,
    Aggregation,
    Arithmetic,
    Column,
    Comments,
    Compare,
    Compute,
    Condition,
    Emit,
    Expression,
    Filter,
    GroupBy,
    Join,
    Literal,
    Load,
    Logic,
    Negate,
    Not,
    Program,
    Ref,
    Select,
    SortBy,
    Source,
    Stage,
    Statement,
    Take,
    Value,
)

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def print_program(program: Program, dialect: Dialect = STANDARD) -> str:
    """The text of a program, ending in a newline. Raises ValueError for a tree with `Broken` parts."""
    lines: list[str] = []
    for statement in program.statements:
        _separate(lines, statement)
        lines += print_statement(statement, dialect)
    _separate(lines, program.emit)
    lines += _commented(f"{dialect.word('emit')} {program.emit.name}", program.emit.comments)
    lines += program.last_comments
    return "\n".join(lines) + "\n"


def print_statement(statement: Statement, dialect: Dialect = STANDARD) -> list[str]:
    """The lines of one statement, its comments included."""
    lines = _commented(f"{statement.name} = {print_source(statement.source, dialect)}", statement.comments)
    for stage in statement.stages:
        lines += _commented(f"{dialect.pipe} {print_stage(stage, dialect)}", stage.comments, "  ")
    return lines


def _separate(lines: list[str], line: Statement | Emit) -> None:
    if lines and line.blank_before:
        lines.append("")


def _commented(text: str, comments: Comments, indent: str = "") -> list[str]:
    behind = f"  {comments.after}" if comments.after else ""
    return [indent + comment for comment in comments.before] + [indent + text + behind]


def print_source(source: Source, dialect: Dialect = STANDARD) -> str:
    """`load("t")`, `join(...)` or a name."""
    match source:
        case Load(table):
            return f"{dialect.word('load')}({print_value(table)})"
        case Join(left, right, left_key, right_key):
            keys = f"{dialect.word('on')}: {left_key.name} == {right_key.name}"
            return f"{dialect.word('join')}({left.name}, {right.name}, {keys})"
        case Ref(name):
            return name
    raise ValueError("a source that did not parse cannot be printed")


def print_stage(stage: Stage, dialect: Dialect = STANDARD) -> str:
    """A stage without its pipe, for example `take(5)`."""
    printer = STAGE_PRINTERS.get(type(stage))
    if printer is None:
        raise ValueError("a stage that did not parse cannot be printed")
    return printer(stage, dialect)


def _filter(stage: Filter, dialect: Dialect) -> str:
    return f"{dialect.word('filter')}({print_condition(stage.condition, dialect)})"


def _select(stage: Select, dialect: Dialect) -> str:
    return f"{dialect.word('select')}({_names(stage.columns)})"


def _compute(stage: Compute, dialect: Dialect) -> str:
    parts = ", ".join(f"{a.name}: {print_expression(a.value)}" for a in stage.assignments)
    return f"{dialect.word('compute')}({parts})"


def _group_by(stage: GroupBy, dialect: Dialect) -> str:
    return f"{dialect.word('group_by')}({_names(stage.keys)})"


def _aggregate(stage: Aggregate, dialect: Dialect) -> str:
    parts = ", ".join(_aggregation(a, dialect) for a in stage.aggregations)
    return f"{dialect.word('aggregate')}({parts})"


def _aggregation(item: Aggregation, dialect: Dialect) -> str:
    return f"{item.name}: {dialect.word(item.function)}({item.column.name if item.column else ''})"


def _sort_by(stage: SortBy, dialect: Dialect) -> str:
    direction = dialect.word("desc" if stage.descending else "asc")
    return f"{dialect.word('sort_by')}({stage.column.name}, {direction})"


def _take(stage: Take, dialect: Dialect) -> str:
    return f"{dialect.word('take')}({stage.count})"


# mypy cannot see that each printer gets the type that it is filed under.
STAGE_PRINTERS: dict[type, Callable[..., str]] = {
    Filter: _filter,
    Select: _select,
    Compute: _compute,
    GroupBy: _group_by,
    Aggregate: _aggregate,
    SortBy: _sort_by,
    Take: _take,
}


def _names(columns: tuple[Column, ...]) -> str:
    return ", ".join(c.name for c in columns)


def print_condition(condition: Condition, dialect: Dialect = STANDARD) -> str:
    """The text of a filter's condition."""
    match condition:
        case Compare(op, left, right):
            return f"{print_expression(left)} {op} {print_expression(right)}"
        case Not(part):
            inner = print_condition(part, dialect)
            return f"{dialect.word('not')} {f'({inner})' if isinstance(part, Logic) else inner}"
        case Logic(op, parts):
            # `or` inside `and` needs parentheses; the same operator inside itself keeps a tree built by hand.
            bare = {"and": (Compare, Not), "or": (Compare, Not, Logic)}[op]
            texts = [
                print_condition(p, dialect)
                if isinstance(p, bare) and not (isinstance(p, Logic) and p.op == op)
                else f"({print_condition(p, dialect)})"
                for p in parts
            ]
            return f" {dialect.word(op)} ".join(texts)


def print_expression(expression: Expression, lowest: int = 0) -> str:
    """The text of an expression, in parentheses if it binds less tightly than `lowest`."""
    match expression:
        case Column(name):
            return name
        case Literal(value):
            return print_value(value)
        case Negate(operand):
            inner = print_expression(operand, 3)
            # `--` would begin a comment, and `-5` would be read as a negative number.
            return f"-({inner})" if inner.startswith("-") or isinstance(operand, Literal) else f"-{inner}"
        case Arithmetic(op, left, right):
            level = PRECEDENCE[op]
            text = f"{print_expression(left, level)} {op} {print_expression(right, level + 1)}"
            return f"({text})" if level < lowest else text


def print_value(value: Value) -> str:
    """A literal as programs write it."""
    return print_text(value) if isinstance(value, str) else repr(value)


def print_text(text: str) -> str:
    """A text in double quotes, with escapes for quotes, backslashes and what cannot be seen."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_ESCAPES.get(c) or _escape(c) for c in text) + '"'


def _escape(character: str) -> str:
    return character if character.isprintable() or ord(character) > 0xFFFF else f"\\u{ord(character):04x}"
