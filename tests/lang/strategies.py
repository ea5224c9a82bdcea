"""Hypothesis strategies: names, tables, trees, programs over tables, and texts that are nearly programs."""

import re
from collections.abc import Sequence
from itertools import cycle
from typing import TypeVar

from hypothesis import strategies as st

from dsl_debug.lang import Dialect, Program, Table
from dsl_debug.lang.dialect import _PIPES, PIPE, WORDS
from dsl_debug.lang.functions import AGGREGATES
from dsl_debug.lang.nodes import (
    Aggregate,
    Aggregation,
    Arithmetic,
    Assignment,
    Column,
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
    Ref,
    Select,
    SortBy,
    Source,
    Stage,
    Statement,
    Take,
    Value,
)
from dsl_debug.lang.printer import print_program, print_value

T = TypeVar("T")
Kinds = dict[str, str]
Draw = st.DrawFn
ORDERINGS = ("<", "<=", ">", ">=")
COMPARISONS = ("==", "!=", *ORDERINGS)

# Values

short_texts = st.sampled_from(
    ["", "a", "b", "ab", "B", "1", "12", "x y", 'say "hi"', "a\\b", "é", "|>", "--"]
)
texts = short_texts | st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
small_numbers = st.integers(-5, 20) | st.sampled_from([0.0, 0.5, 1.0, -2.25, 1e6, 0.1, 1e-7])
numbers = small_numbers | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
values = numbers | texts

# Names: plain ones, the words of the language, and letters of all the world.
plain_names = st.sampled_from(["a", "b", "c", "total", "order_id", "x1", "_"])
names = plain_names | st.sampled_from(WORDS) | st.from_regex(r"[^\W\d]\w{0,4}", fullmatch=True)
names_of_tables = names.filter(lambda name: name != "emit")


@st.composite
def tables(draw: Draw) -> dict[str, Table]:
    """One to three tables of up to six rows; a column holds numbers, texts or both."""
    made = {}
    for name in draw(st.lists(texts, min_size=1, max_size=3, unique=True)):
        length = draw(st.sampled_from([0, 1, 2, 4, 6]))
        columns = {}
        for column in draw(st.lists(names, min_size=1, max_size=5, unique=True)):
            kind = draw(st.sampled_from([small_numbers, numbers, short_texts, small_numbers | short_texts]))
            columns[column] = draw(st.lists(kind, min_size=length, max_size=length))
        made[name] = Table(columns)
    return made


# Trees: anything that can be printed, whether it makes sense or not

columns = st.builds(Column, names)
literals = st.builds(Literal, values)


def arithmetic(leaves: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.recursive(
        leaves,
        lambda parts: st.builds(Negate, parts) | st.builds(Arithmetic, st.sampled_from("+-*/"), parts, parts),
        max_leaves=6,
    )


def conditions(leaves: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    return st.recursive(
        leaves,
        lambda parts: (
            st.builds(Not, parts)
            | st.builds(joined, st.sampled_from(("and", "or")), st.lists(parts, min_size=2, max_size=3))
        ),
        max_leaves=6,
    )


def joined(op: str, parts: Sequence[Condition]) -> Condition:
    """The parser merges `(a and b) and c`, so that no tree has it."""
    merged: list[Condition] = []
    for part in parts:
        merged.extend(part.parts if isinstance(part, Logic) and part.op == op else (part,))
    return Logic(op, tuple(merged))


any_compare = st.builds(Compare, st.sampled_from(COMPARISONS), columns | literals, columns | literals)
any_aggregation = st.builds(Aggregation, names, st.sampled_from(sorted(AGGREGATES)), st.none() | columns)


def several(items: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(items, min_size=1, max_size=3).map(tuple)


any_stage: st.SearchStrategy[Stage] = st.one_of(
    st.builds(Filter, conditions(any_compare)),
    st.builds(Select, several(columns)),
    st.builds(Compute, several(st.builds(Assignment, names, arithmetic(columns | literals)))),
    st.builds(GroupBy, several(columns)),
    st.builds(Aggregate, several(any_aggregation)),
    st.builds(SortBy, columns, st.booleans()),
    st.builds(Take, st.integers(0, 10**18 - 1)),
)
any_source: st.SearchStrategy[Source] = st.one_of(
    st.builds(Load, texts),
    st.builds(Ref, names_of_tables),
    st.builds(Join, st.builds(Ref, names), st.builds(Ref, names), columns, columns),
)
any_statement = st.builds(
    Statement,
    names_of_tables,
    any_source,
    st.lists(any_stage, max_size=4).map(tuple),
    blank_before=st.booleans(),
)
any_program = st.builds(
    Program,
    st.lists(any_statement, max_size=4).map(tuple),
    st.builds(Emit, names_of_tables, blank_before=st.booleans()),
)


# Programs over tables


@st.composite
def sound_programs(draw: Draw, given: dict[str, Table]) -> Program:
    """A program that checks: every name is there, and every type fits."""
    made: dict[str, Kinds] = {}
    statements = []
    for name in draw(st.lists(names_of_tables, min_size=1, max_size=4, unique=True)):
        source, kinds = _sound_source(draw, given, made)
        stages: list[Stage] = []
        for _ in range(draw(st.integers(0, 4))):
            added, kinds = _sound_stages(draw, kinds)
            stages += added
        made[name] = kinds
        statements.append(Statement(name, source, tuple(stages)))
    return Program(tuple(draw(st.permutations(statements))), Emit(draw(st.sampled_from(sorted(made)))))


def _sound_source(draw: Draw, given: dict[str, Table], made: dict[str, Kinds]) -> tuple[Source, Kinds]:
    what = draw(st.sampled_from(("load", "ref", "join"))) if made else "load"
    if what == "load":
        name = draw(st.sampled_from(sorted(given)))
        return Load(name), dict(given[name].types)
    left = draw(st.sampled_from(sorted(made)))
    if what == "ref":
        return Ref(left), made[left]
    right = draw(st.sampled_from(sorted(made)))
    keys = [Column(draw(st.sampled_from(sorted(made[side])))) for side in (left, right)]
    return Join(Ref(left), Ref(right), keys[0], keys[1]), made[left] | made[right]


def _sound_stages(draw: Draw, kinds: Kinds) -> tuple[list[Stage], Kinds]:
    """A stage, or group_by and aggregate, and the columns after it."""
    some = st.lists(st.sampled_from(sorted(kinds)), min_size=1, max_size=3, unique=True)
    match draw(st.sampled_from(("filter", "select", "compute", "group", "sort", "take"))):
        case "filter":
            return [Filter(draw(conditions(_sound_compare(kinds))))], kinds
        case "select":
            kept = draw(some)
            return [Select(tuple(map(Column, kept)))], {name: kinds[name] for name in kept}
        case "compute":
            assignments = []
            for name in draw(st.lists(names, min_size=1, max_size=3, unique=True)):
                value, kind = _sound_value(draw, kinds)
                assignments.append(Assignment(name, value))
                kinds = {**kinds, name: kind}
            return [Compute(tuple(assignments))], kinds
        case "group":
            return _sound_group(draw, kinds, draw(some))
        case "sort":
            return [SortBy(Column(draw(st.sampled_from(sorted(kinds)))), draw(st.booleans()))], kinds
    return [Take(draw(st.integers(0, 7)))], kinds


def _sound_compare(kinds: Kinds) -> st.SearchStrategy[Condition]:
    @st.composite
    def compare(draw: Draw) -> Condition:
        name = draw(st.sampled_from(sorted(kinds)))
        other = draw(st.sampled_from(sorted(kinds)) | st.none())
        operand: Column | Literal = Column(other) if other is not None else Literal(draw(values))
        kind = kinds[other] if other is not None else _kind_of(operand.value)  # type: ignore[union-attr]
        operators = ("==", "!=") if {kind, kinds[name]} == {"number", "text"} else COMPARISONS
        sides: tuple[Column | Literal, ...] = (Column(name), operand)
        return Compare(draw(st.sampled_from(operators)), *draw(st.permutations(sides)))

    return compare()


def _kind_of(value: Value) -> str:
    return "text" if isinstance(value, str) else "number"


def _sound_value(draw: Draw, kinds: Kinds) -> tuple[Expression, str]:
    if draw(st.integers(0, 2)) == 0:
        name = draw(st.sampled_from(sorted(kinds)) | st.none())
        if name is not None:
            return Column(name), kinds[name]
        value = draw(values)
        return Literal(value), _kind_of(value)
    usable = sorted(name for name, kind in kinds.items() if kind in ("number", "unknown"))
    leaves: st.SearchStrategy[Expression] = st.builds(Literal, numbers)
    expression = draw(arithmetic(leaves | st.builds(Column, st.sampled_from(usable)) if usable else leaves))
    # A column alone is a copy, and keeps its type.
    return expression, kinds[expression.name] if isinstance(expression, Column) else "number"


def _sound_group(draw: Draw, kinds: Kinds, keys: list[str]) -> tuple[list[Stage], Kinds]:
    after = {key: kinds[key] for key in keys}
    made = []
    for name in draw(st.lists(names.filter(lambda n: n not in after), min_size=1, max_size=3, unique=True)):
        function = draw(st.sampled_from(sorted(AGGREGATES)))
        accepted = (*AGGREGATES[function].accepts, "unknown")
        usable = sorted(column for column, kind in kinds.items() if kind in accepted)
        column = draw(st.sampled_from(usable)) if usable else None
        if column is None or (function == "count" and draw(st.booleans())):
            function, column = "count", None
        made.append(Aggregation(name, function, Column(column) if column is not None else None))
        after[name] = AGGREGATES[function].result or kinds[str(column)]
    return [GroupBy(tuple(map(Column, keys))), Aggregate(tuple(made))], after


@st.composite
def sloppy_codes(draw: Draw, given: dict[str, Table]) -> str:
    """The text of a sound program in which up to three names, values or signs were changed for others."""
    pieces = _TOKEN.findall(print_program(draw(sound_programs(given))))
    known = sorted({column for table in given.values() for column in table.names})
    others = st.sampled_from(known) | values.map(print_value)
    changes = {
        i: found for i, piece in enumerate(pieces) if (found := _alternatives(piece, others)) is not None
    }
    for place in draw(st.lists(st.sampled_from(sorted(changes)), max_size=3)):
        pieces[place] = draw(changes[place])
    return "".join(pieces)


def _alternatives(piece: str, others: st.SearchStrategy[str]) -> st.SearchStrategy[str] | None:
    """What could stand in the place of a token, and would still parse in most places; `others` for a name."""
    for group in (sorted(AGGREGATES), COMPARISONS, "+-*/", ("asc", "desc"), ("and", "or")):
        if piece in group:
            return st.sampled_from(group)
    is_operand = piece not in WORDS and (piece[0].isalnum() or piece[0] in '_"')
    return others if is_operand else None


# Texts

_TOKEN = re.compile(
    r'"(?:[^"\\\n]|\\.)*"|[^\W\d]\w*|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|\|>|[<>=!]+|--[^\n]*|\s+|.',
    re.DOTALL,
)
_FRAGMENTS = (
    *(
        "(",
        ")",
        ",",
        ":",
        "=",
        "==",
        "|>",
        "|",
        "||",
        "&&",
        "&",
        "-",
        "--",
        "*",
        "/",
        "<",
        "!",
        ">=",
        ".",
        ";",
    ),
    *(
        '"',
        "'",
        "`",
        "\\",
        "\n",
        "\t",
        "\r",
        " ",
        "[",
        "{",
        "#",
        "\u201c",
        "\u00a0",
        "\u200b",
        "\x00",
        "\ud800",
    ),
    *(
        "1",
        "1.",
        ".5",
        "1e999",
        "9" * 400,
        '"x"',
        '"\\q"',
        '"\\u12"',
        "'x'",
        "emit",
        "emit a",
        "a = ",
        "load",
    ),
    *WORDS,
)


@st.composite
def broken(draw: Draw, programs: st.SearchStrategy[str]) -> str:
    """A program with up to four tokens or characters deleted, doubled, swapped, or put in."""
    text = draw(programs)
    for _ in range(draw(st.integers(1, 4))):
        pieces = _TOKEN.findall(text) if draw(st.integers(0, 3)) else list(text)
        place = draw(st.integers(0, max(0, len(pieces) - 1)))
        match draw(st.sampled_from(("delete", "double", "swap", "insert"))):
            case "delete":
                del pieces[place : place + 1]
            case "double":
                pieces[place:place] = pieces[place : place + 1]
            case "swap" if pieces:
                other = draw(st.integers(0, len(pieces) - 1))
                pieces[place], pieces[other] = pieces[other], pieces[place]
            case _:
                pieces.insert(place, draw(st.sampled_from(_FRAGMENTS)))
        text = "".join(pieces)
    return text


any_text = st.text(max_size=200) | st.lists(st.sampled_from(_FRAGMENTS), max_size=40).map(" ".join)
layouts = st.lists(
    st.sampled_from(["", " ", "  ", "\n", "\n\n\n", "\t", "\r\n", " -- note\n", "\n--\n", " --x -- y\n  "]),
    min_size=1,
    max_size=12,
)


def laid_out(code: str, spaces: Sequence[str]) -> str:
    """The program with other blanks, line breaks and comments between its tokens, which stay apart."""
    following = cycle(spaces)
    made = [""]
    for piece in _TOKEN.findall(code):
        if piece.isspace():
            continue
        space = next(following)
        glued = made[-1][-1:] + piece[:1]
        if not space and not any(sign in glued for sign in "(),:"):
            space = " "
        made += [space, piece]
    return "".join(made) + next(following)


# Dialects

_words = st.lists(
    st.from_regex(r"[a-z]{2,5}", fullmatch=True), min_size=len(WORDS), max_size=len(WORDS), unique=True
)
dialects = st.builds(
    lambda words, pipe: Dialect(dict(zip(WORDS, words, strict=True)), pipe),
    _words | st.permutations(WORDS),
    st.sampled_from((PIPE, *_PIPES)),
)
