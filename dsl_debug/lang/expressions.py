"""Conditions of `filter` and expressions of `compute`.

Precedence climbing; a parenthesis, `not` or unary minus costs one level of recursion, and the depth of the
tree is bounded by `MAX_DEPTH`, so that no later pass over it can exhaust the stack.
"""

import math
from typing import NoReturn

from dsl_debug.lang.cursor import Cursor
from dsl_debug.lang.dialect import Dialect
from dsl_debug.lang.errors import did_you_mean, quoted
from dsl_debug.lang.nodes import (
    Arithmetic,
    Column,
    Compare,
    Condition,
    Expression,
    Literal,
    Logic,
    Negate,
    Not,
    Span,
)
from dsl_debug.lang.tokens import Token

MAX_DEPTH = 100
MAX_DIGITS = 300
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}
_MISTAKEN = {
    "=": "==",
    "===": "==",
    "<>": "!=",
    "!==": "!=",
    "=<": "<=",
    "=>": ">=",
    "<==": "<=",
    ">==": ">=",
}


class ExpressionParser(Cursor):
    """The part of the parser that reads conditions and arithmetic."""

    def __init__(self, tokens: list[Token], code: str, dialect: Dialect) -> None:
        super().__init__(tokens, code, dialect)
        self.depth = 0

    # Conditions

    def condition(self) -> Condition:
        """`or` of `and` of comparisons, `not` and parentheses."""
        return self.logic("or")

    def logic(self, op: str) -> Condition:
        start = self.token[2]
        part = self.logic_part(op)
        if self.kind != "name" or self.word() != op:
            return part
        parts = [part]
        while self.word() == op:
            self.advance()
            parts.append(self.logic_part(op))
        merged: list[Condition] = []
        for item in parts:
            # `(a and b) and c` says the same as `a and b and c`, and prints like it.
            merged.extend(item.parts if isinstance(item, Logic) and item.op == op else (item,))
        return Logic(op, tuple(merged), span=(start, self.previous_end))

    def logic_part(self, op: str) -> Condition:
        return self.logic("and") if op == "or" else self.negation()

    def negation(self) -> Condition:
        start = self.token
        if self.word() == "not" and self.peek()[1] not in COMPARISONS:
            self.advance()
            self.deeper(start)
            part = self.negation()
            self.depth -= 1
            return Not(part, span=(start[2], self.previous_end))
        if self.kind == "sign" and start[1] == "(":
            self.advance()
            self.deeper(start)
            inner = self.condition()
            self.depth -= 1
            self.close_group(start)
            return inner
        return self.comparison()

    def comparison(self) -> Compare:
        start = self.token[2]
        left = self.operand()
        kind, op, *_ = token = self.token
        if kind != "sign" or op not in COMPARISONS:
            self.fail_comparison(left, token)
        self.advance()
        right = self.operand()
        if self.kind == "sign" and self.token[1] in "+-*/":
            self.fail_arithmetic_in_filter(self.token)
        if self.kind == "sign" and self.token[1] in COMPARISONS:
            message = (
                f"a comparison has two sides; join two comparisons with {quoted(self.dialect.word('and'))}"
            )
            self.fail("chained-comparison", message, self.token)
        return Compare(op, left, right, span=(start, self.previous_end))

    def operand(self) -> Column | Literal:
        kind, text, start, end = token = self.token
        if kind == "name":
            if self.peek()[1] == "(" and self.peek()[0] == "sign":
                message = f"{quoted(self.dialect.word('filter'))} has no functions: {quoted(text)}"
                help = "make the value a column first, then compare the column"
                self.fail("function-in-filter", message, token, help)
            self.advance()
            return Column(text, span=(start, end))
        if kind == "number":
            return Literal(self.number(self.advance()), span=(start, end))
        if kind == "text":
            return Literal(self.text_literal("a text"), span=(start, end))
        if text == "-" and self.peek()[0] == "number":
            self.advance()
            value = self.number(self.advance())
            return Literal(-value, span=(start, self.previous_end))
        self.fail_bad_token()
        self.fail("syntax", f"expected a column or a value, found {self.shown(token)}", token)

    def fail_comparison(self, left: Column | Literal, token: Token) -> NoReturn:
        self.fail_bad_token()
        op = token[1]
        if token[0] == "sign" and op in "+-*/":
            self.fail_arithmetic_in_filter(token)
        if op == "=":
            message = "values are compared with '=='; a single '=' names a table"
            self.fail("bad-comparison", message, token)
        if token[0] == "sign" and op[0] in "<>=!":
            meant = _MISTAKEN.get(op)
            suggestion = f"; did you mean {quoted(meant)}?" if meant else did_you_mean(op, COMPARISONS)
            help = f"comparisons: {' '.join(COMPARISONS)}"
            self.fail("bad-comparison", f"unknown comparison {quoted(op)}{suggestion}", token, help)
        what = quoted(left.name) if isinstance(left, Column) else "the value"
        message = f"expected a comparison after {what}, found {self.shown(token)}"
        help = f"comparisons: {' '.join(COMPARISONS)}"
        if isinstance(left, Literal) or op.lower() in ("in", "between", "like"):
            help = f"compare a column with each value: a == 1 {self.dialect.word('or')} a == 2"
        self.fail("syntax", message, token, help)

    def fail_arithmetic_in_filter(self, token: Token) -> NoReturn:
        compute, filter_ = self.dialect.word("compute"), self.dialect.word("filter")
        message = f"{quoted(filter_)} compares columns and values; it does no arithmetic"
        help = f"first {self.dialect.pipe} {compute}(x: ...), then {self.dialect.pipe} {filter_}(x > ...)"
        self.fail("arithmetic-in-filter", message, token, help)

    # Arithmetic

    def arithmetic(self) -> Expression:
        """An expression of `compute`."""
        return self.binary(1)[0]

    def binary(self, lowest: int) -> tuple[Expression, int]:
        """An expression whose operators bind at least as tightly as `lowest`, and the depth of its tree."""
        start = self.token[2]
        left, depth = self.unary()
        while self.kind == "sign" and _PRECEDENCE.get(self.token[1], 0) >= lowest:
            op = self.advance()
            right, right_depth = self.binary(_PRECEDENCE[op[1]] + 1)
            depth = max(depth, right_depth) + 1
            if depth > MAX_DEPTH:
                self.fail_too_deep(op)
            left = Arithmetic(op[1], left, right, span=(start, self.previous_end))
        return left, depth

    def unary(self) -> tuple[Expression, int]:
        kind, text, start, end = token = self.token
        if kind == "name":
            following = self.peek()
            if following[0] == "sign" and following[1] == "(":
                self.fail_function_in_compute(token)
            self.advance()
            return Column(text, span=(start, end)), 1
        if kind == "number":
            return Literal(self.number(self.advance()), span=(start, end)), 1
        if kind == "text":
            return Literal(self.text_literal("a text"), span=(start, end)), 1
        if kind == "sign" and text in ("-", "("):
            return self.nested(token)
        self.fail_bad_token()
        self.fail("syntax", f"expected a column, a number or '(', found {self.shown(token)}", token)

    def nested(self, start: Token) -> tuple[Expression, int]:
        """What begins with a minus or a parenthesis."""
        self.advance()
        if start[1] == "-" and self.kind == "number":
            value = self.number(self.advance())
            return Literal(-value, span=(start[2], self.previous_end)), 1
        self.deeper(start)
        if start[1] == "-":
            operand, depth = self.unary()
            self.depth -= 1
            if depth >= MAX_DEPTH:
                self.fail_too_deep(start)
            return Negate(operand, span=(start[2], self.previous_end)), depth + 1
        inner, depth = self.binary(1)
        self.depth -= 1
        self.close_group(start)
        return inner, depth

    def fail_function_in_compute(self, token: Token) -> NoReturn:
        compute, group_by = self.dialect.word("compute"), self.dialect.word("group_by")
        message = f"{quoted(compute)} has no functions: {quoted(token[1])}"
        help = f"it takes columns, numbers and + - * /; aggregate functions follow {group_by}(...)"
        self.fail("function-in-compute", message, token, help)

    # Both

    def number(self, token: Token) -> int | float:
        """The value of a number token; whole numbers stay whole."""
        text = token[1]
        if len(text) <= MAX_DIGITS:
            value: int | float = int(text) if text.isdigit() else float(text)
            if math.isfinite(value):
                return value
        self.fail("number-too-large", "this number is too large", token)

    def deeper(self, token: Token) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail_too_deep(token)

    def fail_too_deep(self, token: Token) -> NoReturn:
        self.depth = 0
        self.fail("too-deep", f"an expression may be nested at most {MAX_DEPTH} levels deep", token)

    def close_group(self, start: Token) -> None:
        """`)` that closes a parenthesis of an expression."""
        if self.take_sign(")"):
            return
        self.fail_bad_token()
        if self.kind in ("end", "pipe", "bad_pipe") or self.first_on_line():
            span: Span = (start[2], start[3])
            self.fail_span("missing-parenthesis", "missing ')' for this '('", span)
        self.fail("syntax", f"expected ')', found {self.shown(self.token)}", self.token)
