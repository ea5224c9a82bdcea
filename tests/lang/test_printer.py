"""The one layout, and parentheses exactly where they are needed."""

import pytest

from dsl_debug.lang import DslError, Program, format_code, parse, print_program
from dsl_debug.lang.nodes import (
    Aggregate,
    Aggregation,
    Arithmetic,
    Broken,
    Column,
    Compare,
    Emit,
    Expression,
    Filter,
    Join,
    Literal,
    Load,
    Logic,
    Negate,
    Not,
    Ref,
    Statement,
    Take,
)
from dsl_debug.lang.printer import (
    print_condition,
    print_expression,
    print_source,
    print_stage,
    print_text,
    print_value,
)

A, B, C = Column("a"), Column("b"), Column("c")


def plus(left: Expression, right: Expression) -> Arithmetic:
    return Arithmetic("+", left, right)


def minus(left: Expression, right: Expression) -> Arithmetic:
    return Arithmetic("-", left, right)


def times(left: Expression, right: Expression) -> Arithmetic:
    return Arithmetic("*", left, right)


def over(left: Expression, right: Expression) -> Arithmetic:
    return Arithmetic("/", left, right)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (plus(plus(A, B), C), "a + b + c"),
        (plus(A, plus(B, C)), "a + (b + c)"),
        (minus(minus(A, B), C), "a - b - c"),
        (minus(A, minus(B, C)), "a - (b - c)"),
        (minus(A, plus(B, C)), "a - (b + c)"),
        (plus(A, times(B, C)), "a + b * c"),
        (times(plus(A, B), C), "(a + b) * c"),
        (times(A, plus(B, C)), "a * (b + c)"),
        (times(times(A, B), C), "a * b * c"),
        (times(A, times(B, C)), "a * (b * c)"),
        (over(over(A, B), C), "a / b / c"),
        (over(A, over(B, C)), "a / (b / c)"),
        (over(A, times(B, C)), "a / (b * c)"),
        (times(over(A, B), C), "a / b * c"),
        (plus(times(A, B), over(C, A)), "a * b + c / a"),
        (Negate(A), "-a"),
        (Negate(plus(A, B)), "-(a + b)"),
        (Negate(times(A, B)), "-(a * b)"),
        (times(Negate(A), B), "-a * b"),
        (times(A, Negate(B)), "a * -b"),
        (minus(A, Negate(B)), "a - -b"),
        (Negate(Negate(A)), "-(-a)"),
        (Negate(Literal(5)), "-(5)"),
        (Negate(Literal(-5)), "-(-5)"),
        (minus(A, Literal(-5)), "a - -5"),
        (times(Literal(-5), A), "-5 * a"),
        (Literal("x"), '"x"'),
    ],
)
def test_an_expression_has_the_parentheses_that_it_needs(expression: Expression, text: str) -> None:
    assert print_expression(expression) == text
    (statement,) = parse(f'p = load("t") |> compute(x: {text}) emit p').statements
    assert print_stage(statement.stages[0]) == f"compute(x: {text})"
    assert statement.stages[0].assignments[0].value == expression  # type: ignore[union-attr]


X, Y, Z = (Compare("==", column, Literal(1)) for column in (A, B, C))


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Logic("and", (X, Y, Z)), "a == 1 and b == 1 and c == 1"),
        (Logic("or", (X, Logic("and", (Y, Z)))), "a == 1 or b == 1 and c == 1"),
        (Logic("and", (X, Logic("or", (Y, Z)))), "a == 1 and (b == 1 or c == 1)"),
        (Logic("and", (Logic("or", (X, Y)), Z)), "(a == 1 or b == 1) and c == 1"),
        (Logic("or", (Logic("and", (X, Y)), Logic("and", (Y, Z)))), "a == 1 and b == 1 or b == 1 and c == 1"),
        (Not(X), "not a == 1"),
        (Not(Not(X)), "not not a == 1"),
        (Not(Logic("and", (X, Y))), "not (a == 1 and b == 1)"),
        (Logic("and", (Not(X), Y)), "not a == 1 and b == 1"),
        (Not(Logic("or", (Not(X), Y))), "not (not a == 1 or b == 1)"),
        (Compare("<=", Literal(-2.5), A), "-2.5 <= a"),
        (Compare("!=", A, Literal('x"y')), 'a != "x\\"y"'),
        (Compare("<", Column("not"), Column("and")), "not < and"),
    ],
)
def test_a_condition_has_the_parentheses_that_it_needs(condition: Compare | Logic | Not, text: str) -> None:
    assert print_condition(condition) == text
    (statement,) = parse(f'p = load("t") |> filter({text}) emit p').statements
    assert statement.stages == (Filter(condition),)


def test_needless_parentheses_go() -> None:
    code = (
        'p = load("t") |> filter(((a == 1)) or ((b == 1 and ((c == 1))))) |> compute(x: ((a)) + ((2 * (b))))'
    )
    assert format_code(f"{code}\nemit p") == (
        'p = load("t")\n  |> filter(a == 1 or b == 1 and c == 1)\n  |> compute(x: a + 2 * b)\nemit p\n'
    )


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("", '""'),
        ("plain", '"plain"'),
        ("it's", '"it\'s"'),
        ('say "hi"', '"say \\"hi\\""'),
        ("a\\b", '"a\\\\b"'),
        ("two\nlines\ttab\r", '"two\\nlines\\ttab\\r"'),
        ("\x00\x1b\x7f", '"\\u0000\\u001b\\u007f"'),
        ("\u00a0\u200b\u2028", '"\\u00a0\\u200b\\u2028"'),
        ("café ☕ 東京", '"café ☕ 東京"'),
        ("\U0001f600", '"\U0001f600"'),
        ("-- |> )", '"-- |> )"'),
    ],
)
def test_a_text_is_printed_so_that_it_can_be_read_back(text: str, printed: str) -> None:
    assert print_text(text) == printed
    (statement,) = parse(f"p = load({printed}) emit p").statements
    assert statement.source == Load(text)


@pytest.mark.parametrize(
    ("value", "printed"),
    [(12, "12"), (-3, "-3"), (1.0, "1.0"), (0.1, "0.1"), (1e22, "1e+22"), (1e-7, "1e-07"), ("1", '"1"')],
)
def test_a_value_is_printed_as_it_is_written(value: int | float | str, printed: str) -> None:
    assert print_value(value) == printed


def test_sources_and_stages() -> None:
    assert print_source(Load("t")) == 'load("t")'
    assert print_source(Ref("a")) == "a"
    assert print_source(Join(Ref("l"), Ref("r"), A, B)) == "join(l, r, on: a == b)"
    assert print_stage(Take(5)) == "take(5)"
    aggregations = (Aggregation("n", "count"), Aggregation("s", "sum", A))
    assert print_stage(Aggregate(aggregations)) == "aggregate(n: count(), s: sum(a))"


def test_a_direction_is_always_written() -> None:
    assert (
        format_code('p = load("t") |> sort_by(a) emit p') == 'p = load("t")\n  |> sort_by(a, asc)\nemit p\n'
    )


def test_blank_lines_are_kept_single_and_emit_goes_last() -> None:
    code = '\nemit b\n\n\na = load("t")\nb = a\n\n\n\nc = b\n'
    assert format_code(code) == 'a = load("t")\nb = a\n\nc = b\nemit b\n'


def test_a_line_of_comment_is_no_blank_line() -> None:
    code = 'a = load("t")\n-- one\n-- two\nb = a\n\n-- three\nemit b\n'
    assert format_code(code) == code


def test_comments_stay_where_they_were() -> None:
    code = (
        '-- top\na = load("t")  -- source\n  -- before\n  |> take(2)  -- stage\nemit a  -- result\n-- last\n'
    )
    assert format_code(code) == code


def test_a_comment_inside_of_a_stage_goes_before_it() -> None:
    code = 'a = load("t")\n  |> take(  -- how many\n    2\n  )\nemit a\n'
    assert format_code(code) == 'a = load("t")\n  -- how many\n  |> take(2)\nemit a\n'


def test_only_what_parses_is_formatted() -> None:
    with pytest.raises(DslError):
        format_code("a = load(")


def test_a_tree_with_broken_parts_cannot_be_printed() -> None:
    with pytest.raises(ValueError, match=r"^a source that did not parse cannot be printed$"):
        print_program(Program((Statement("a", Broken()),), Emit("a")))
    with pytest.raises(ValueError, match=r"^a stage that did not parse cannot be printed$"):
        print_program(Program((Statement("a", Load("t"), (Broken(),)),), Emit("a")))
