"""Execution: a checked stage -> a closure over whole columns.

`OPERATORS` maps each stage to the function that compiles it. Types are known from the checker, so that the
closures ask nothing per value; hot loops run inside `map`, `compress` and `sorted`.
"""

import operator
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import compress, repeat

from dsl_debug.lang.dialect import Dialect
from dsl_debug.lang.errors import quoted
from dsl_debug.lang.functions import AGGREGATES
from dsl_debug.lang.nodes import (
    Aggregate,
    Aggregation,
    Arithmetic,
    Column,
    Compare,
    Compute,
    Condition,
    Expression,
    Filter,
    GroupBy,
    Join,
    Literal,
    Logic,
    Negate,
    Not,
    Select,
    SortBy,
    Span,
    Stage,
    Take,
    Value,
)
from dsl_debug.lang.table import MIXED, NUMBER, TEXT, Table, text_form

MAX_NUMBER = sys.float_info.max

Types = dict[str, str]
Step = Callable[[Table], Table]
ColumnOf = Callable[[Table], list[Value]]
Number = int | float


class RunError(Exception):
    """A run that failed at a place of the program: a division by zero or a limit."""

    def __init__(self, code: str, message: str, span: Span, help: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.span = span
        self.help = help


class Words:
    """What run-time messages need to speak the program's dialect."""

    def __init__(self, dialect: Dialect, table: str) -> None:
        self.filter = dialect.word("filter")
        self.table = table


# Filter

_COMPARE: dict[str, Callable[[Value, Value], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _filter(stage: Filter, types: Types, words: Words) -> Step:
    mask = _mask(stage.condition, types)

    def run(table: Table) -> Table:
        keep = mask(table)
        length = sum(keep)
        if length == table.length:
            return table
        columns = {name: list(compress(values, keep)) for name, values in table.columns.items()}
        return Table.trusted(columns, length)

    return run


def _mask(condition: Condition, types: Types) -> Callable[[Table], list[bool]]:
    """One truth value per row."""
    match condition:
        case Compare():
            return _comparison(condition, types)
        case Not(part):
            inner = _mask(part, types)
            return lambda table: list(map(operator.not_, inner(table)))
        case Logic(op, parts):
            combine = operator.and_ if op == "and" else operator.or_
            masks = [_mask(part, types) for part in parts]

            def all_parts(table: Table) -> list[bool]:
                result = masks[0](table)
                for mask in masks[1:]:
                    result = list(map(combine, result, mask(table)))
                return result

            return all_parts


def _comparison(compare: Compare, types: Types) -> Callable[[Table], list[bool]]:
    left, right = compare.left, compare.right
    test = _COMPARE[compare.op]
    if compare.op not in ("==", "!=") and MIXED in (_type(left, types), _type(right, types)):
        test = _ordering_by_text(test)
    if isinstance(left, Column) and isinstance(right, Column):
        a, b = left.name, right.name
        return lambda table: list(map(test, table.columns[a], table.columns[b]))
    if isinstance(left, Column) and isinstance(right, Literal):
        a, value = left.name, right.value
        return lambda table: list(map(test, table.columns[a], repeat(value)))
    if isinstance(left, Literal) and isinstance(right, Column):
        value, b = left.value, right.name
        return lambda table: list(map(test, repeat(value), table.columns[b]))
    raise ValueError("the checker lets no comparison of two constants pass")


def _type(operand: Column | Literal, types: Types) -> str:
    if isinstance(operand, Column):
        return types[operand.name]
    return TEXT if isinstance(operand.value, str) else NUMBER


def _ordering_by_text(test: Callable[[Value, Value], bool]) -> Callable[[Value, Value], bool]:
    """Ordering where a column is mixed: two numbers as numbers, anything else by text forms."""

    def compare(a: Value, b: Value) -> bool:
        if isinstance(a, str) or isinstance(b, str):
            return test(text_form(a), text_form(b))
        return test(a, b)

    return compare


# Select, take, sort


def _select(stage: Select, types: Types, words: Words) -> Step:
    names = [c.name for c in stage.columns]
    return lambda table: Table.trusted({n: table.columns[n] for n in names}, table.length)


def _take(stage: Take, types: Types, words: Words) -> Step:
    count = stage.count

    def run(table: Table) -> Table:
        if table.length <= count:
            return table
        return Table.trusted({name: values[:count] for name, values in table.columns.items()}, count)

    return run


def _sort_by(stage: SortBy, types: Types, words: Words) -> Step:
    name, descending = stage.column.name, stage.descending
    by_text = types[name] == MIXED

    def run(table: Table) -> Table:
        keys: list[Value] = table.columns[name]
        if by_text:
            keys = [text_form(v) for v in keys]
        # Both directions are stable: `reverse` keeps the order of equal keys. The checker has seen to it
        # that keys can be ordered.
        order = sorted(range(table.length), key=keys.__getitem__, reverse=descending)
        return Table.trusted(_gather(table, order), table.length)

    return run


def _gather(table: Table, rows: list[int]) -> dict[str, list[Value]]:
    if len(rows) < 2:  # itemgetter gives a bare value for one index, and takes no fewer
        return {name: [values[row] for row in rows] for name, values in table.columns.items()}
    pick = operator.itemgetter(*rows)  # twice as fast as a loop over the rows
    return {name: list(pick(values)) for name, values in table.columns.items()}


# Compute


def _compute(stage: Compute, types: Types, words: Words) -> Step:
    made = [(a.name, _expression(a.value, words)) for a in stage.assignments]

    def run(table: Table) -> Table:
        columns = dict(table.columns)
        current = Table.trusted(columns, table.length)
        for name, values in made:
            columns[name] = values(current)
        return current

    return run


def _expression(expression: Expression, words: Words) -> ColumnOf:
    match expression:
        case Column(name):
            return lambda table: table.columns[name]
        case Literal(value):
            return lambda table: [value] * table.length
        case Negate(operand):
            inner = _expression(operand, words)
            return lambda table: [-v for v in inner(table)]  # type: ignore[operator]
        case Arithmetic(op, left, right):
            return _arithmetic(op, expression, _expression(left, words), _expression(right, words), words)


_ARITHMETIC: dict[str, Callable[[Number, Number], Number]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def _arithmetic(op: str, node: Arithmetic, left: ColumnOf, right: ColumnOf, words: Words) -> ColumnOf:
    function = _ARITHMETIC[op]

    def run(table: Table) -> list[Value]:
        divisors = right(table)
        try:
            result = list(map(function, left(table), divisors))  # type: ignore[arg-type]
        except ZeroDivisionError:
            raise _division_by_zero(node, divisors, words) from None
        _check_range(result, node.span)
        return result  # type: ignore[return-value]

    return run


def _division_by_zero(node: Arithmetic, divisors: list[Value], words: Words) -> RunError:
    row = divisors.index(0) + 1
    message = f"division by zero in row {row} of {quoted(words.table)}"
    help = ""
    if isinstance(node.right, Column):
        name = node.right.name
        message += f": {quoted(name)} is 0"
        help = f"leave such rows out first: {words.filter}({name} != 0)"
    return RunError("division-by-zero", message, node.span, help)


def _check_range(values: list[Number], span: Span) -> None:
    # Without this an endless `x * x` would grow whole numbers without bound; it also keeps infinities, and
    # hence NaN, out of every table.
    if values and not (min(values) >= -MAX_NUMBER and max(values) <= MAX_NUMBER):
        raise RunError("number-too-large", "a result is too large: numbers go up to 1.8e308", span)


# Group and aggregate


def _aggregate(stage: Aggregate, types: Types, words: Words, keys: tuple[str, ...]) -> Step:
    made = [(item.name, _aggregation(item, types)) for item in stage.aggregations]

    def run(table: Table) -> Table:
        groups = _groups(table, keys)
        if len(keys) == 1:
            columns: dict[str, list[Value]] = {keys[0]: [table.columns[keys[0]][g[0]] for g in groups]}
        else:
            columns = {key: [table.columns[key][g[0]] for g in groups] for key in keys}
        for name, values in made:
            columns[name] = values(table, groups)
        return Table.trusted(columns, len(groups))

    return run


def _groups(table: Table, keys: tuple[str, ...]) -> list[list[int]]:
    """The row numbers of each group, groups in order of first appearance."""
    groups: defaultdict[object, list[int]] = defaultdict(list)
    key_values: Iterable[object] = table.columns[keys[0]]
    if len(keys) > 1:
        key_values = zip(*(table.columns[key] for key in keys), strict=True)
    for row, key in enumerate(key_values):
        groups[key].append(row)
    return list(groups.values())


def _aggregation(item: Aggregation, types: Types) -> Callable[[Table, list[list[int]]], list[Value]]:
    if item.column is None:
        return lambda table, groups: list(map(len, groups))
    name, function = item.column.name, AGGREGATES[item.function]
    kind, span = types[name], item.span

    def run(table: Table, groups: list[list[int]]) -> list[Value]:
        values = table.columns[name]
        try:
            result = [function.compute([values[row] for row in rows], kind) for rows in groups]
        except OverflowError:
            result = [2 * MAX_NUMBER]
        if function.result == NUMBER or kind == NUMBER:
            _check_range(result, span)  # type: ignore[arg-type]
        return result

    return run


# Join


def join(source: Join, max_rows: int) -> Callable[[Table, Table], Table]:
    """Inner equi-join: left order, then right order; on a shared name the right value wins.

    The size of the result is counted before any of it is made, so that a join that would explode stops
    within milliseconds.
    """
    left_key, right_key = source.left_key.name, source.right_key.name

    def run(left: Table, right: Table) -> Table:
        rows_of: defaultdict[Value, list[int]] = defaultdict(list)
        for row, key in enumerate(right.columns[right_key]):
            rows_of[key].append(row)
        matches = [rows_of.get(key, ()) for key in left.columns[left_key]]
        length = sum(map(len, matches))
        if length > max_rows:
            message = f"this join would give {length:,} rows; at most {max_rows:,} are allowed"
            raise RunError("limit-rows", message, source.span, "check the columns that it compares")
        left_rows = [row for row, found in enumerate(matches) for _ in found]
        right_rows = [row for found in matches for row in found]
        columns = _gather(left, left_rows)
        columns.update(_gather(right, right_rows))
        return Table.trusted(columns, length)

    return run


def work(stage: Stage) -> int:
    """How many columns a stage makes on the way to its result: one for every comparison, operator, constant
    and aggregate."""
    if isinstance(stage, Aggregate):
        return len(stage.aggregations)
    waiting: list[Condition | Expression] = []
    if isinstance(stage, Filter):
        waiting.append(stage.condition)
    elif isinstance(stage, Compute):
        waiting += [assignment.value for assignment in stage.assignments]
    made = 0
    while waiting:
        node = waiting.pop()
        made += not isinstance(node, Column)
        if isinstance(node, Arithmetic):
            waiting += (node.left, node.right)
        elif isinstance(node, Logic):
            waiting += node.parts
        elif isinstance(node, Negate):
            waiting.append(node.operand)
        elif isinstance(node, Not):
            waiting.append(node.part)
    return made


def compile_stage(stage: Stage, before: Stage | None, types: Types, words: Words) -> Step | None:
    """The closure of a checked stage; None for `group_by`, which the aggregate after it carries out."""
    if isinstance(stage, GroupBy):
        return None
    if isinstance(stage, Aggregate) and isinstance(before, GroupBy):
        return _aggregate(stage, types, words, tuple(k.name for k in before.keys))
    return OPERATORS[type(stage)](stage, types, words)


# mypy cannot see that each compiler gets the type of stage that it is filed under.
OPERATORS: dict[type, Callable[..., Step]] = {
    Filter: _filter,
    Select: _select,
    Compute: _compute,
    Aggregate: _aggregate,
    SortBy: _sort_by,
    Take: _take,
}
