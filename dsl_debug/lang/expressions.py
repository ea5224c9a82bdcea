"""Conditions of `filter` and expressions of `compute`.

Precedence climbing; a parenthesis, `not` or unary minus costs one level of recursion, and the depth of the
tree is bounded by `MAX_DEPTH`, so that no later pass over it can exhaust the stack.
"""

import math
from typing import NoReturn

from dsl_debug.lang.cursor import Cursor
from dsl_debug.lang.dialect import Dialect
from dsl_debug.lang.errors import did_you_mean, nearest, quoted
from dsl_debug.lang.mistakes import COMPARISON_SIGNS, COMPARISON_WORDS
from dsl_debug.lang.nodes import (
    PRECEDENCE,
    Arithmetic,
    Column,
    Compare,
    Condition,
    Expression,
    Literal,
    Logic,
    Negate,
    Not,
)
from dsl_debug.lang.tokens import Token

MAX_DEPTH = 100
MAX_DIGITS = 300
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_JOINING_SIGNS = ("|", "||", "&", "&&")


class ExpressionParser(Cursor):
    """The part of the parser that reads conditions and arithmetic."""

    def __init__(self, tokens: list[Token], code: str, dialect: Dialect) -> None:
        super().__init__(tokens, code, dialect)
        self.depth = 0

    # Conditions

    def condition(self) -> Condition:
        """`or` of `and` of comparisons, `not` and parentheses."""
        start = group_start = self.token[2]
        groups: list[Condition] = []
        parts = [self.negation()]
        while self.kind == "name":
            word = self.word()
            if word == "or":
                groups.append(self.joined("and", parts, group_start))
                parts = []
                group_start = self.peek()[2]
            elif word != "and":
                break
            self.advance()
            parts.append(self.negation())
        groups.append(self.joined("and", parts, group_start))
        return self.joined("or", groups, start)

    def joined(self, op: str, parts: list[Condition], start: int) -> Condition:
        """One condition of several that end before the current token."""
        if len(parts) == 1:
            return parts[0]
        merged: list[Condition] = []
        for part in parts:
            # `(a and b) and c` says the same as `a and b and c`, and prints like it.
            merged.extend(part.parts if isinstance(part, Logic) and part.op == op else (part,))
        return Logic(op, tuple(merged), span=(start, self.previous_end))

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
            self.end_condition()
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
            message = f"a comparison has two sides; join two comparisons with {self.quoted_word('and')}"
            self.fail("chained-comparison", message, self.token)
        return Compare(op, left, right, span=(start, self.previous_end))

    def operand(self) -> Column | Literal:
        kind, text, start, end = token = self.token
        if kind == "name":
            following = self.peek()
            if following[1] == "(" and following[0] == "sign":
                message = f"{self.quoted_word('filter')} has no functions: {quoted(text)}"
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
        if text == "!":
            message = f"a condition is negated with {self.quoted_word('not')}, not '!'"
            self.fail("syntax", message, token)
        self.fail_bad_token()
        help = "a positive number has no sign" if text == "+" and self.peek()[0] == "number" else ""
        self.fail("syntax", f"expected a column or a value, found {self.shown(token)}", token, help)

    def fail_comparison(self, left: Column | Literal, token: Token) -> NoReturn:
        self.fail_bad_token()
        op = token[1]
        if token[0] == "sign" and op in "+-*/":
            self.fail_arithmetic_in_filter(token)
        if op == "=":
            message = "values are compared with '=='; a single '=' names a table"
            self.fail("bad-comparison", message, token)
        if token[0] == "sign" and op[0] in "<>=!":
            meant = COMPARISON_SIGNS.get(op)
            suggestion = f"; did you mean {quoted(meant)}?" if meant else did_you_mean(op, COMPARISONS)
            help = f"comparisons: {' '.join(COMPARISONS)}"
            self.fail("bad-comparison", f"unknown comparison {quoted(op)}{suggestion}", token, help)
        self.fail_misspelled_not(left)
        what = quoted(left.name) if isinstance(left, Column) else "the value"
        message = f"expected a comparison after {what}, found {self.shown(token)}"
        self.fail("syntax", message, token, self.comparison_help(left, op))

    def comparison_help(self, left: Column | Literal, found: str) -> str:
        """What to write where a comparison was expected and something else was found."""
        if isinstance(left, Literal):
            return f"write every comparison in full: column == 1 {self.dialect.word('or')} column == 2"
        word = self.peek()[1] if self.dialect.canonical(found) == "not" else found
        help = COMPARISON_WORDS.get(word.lower(), f"comparisons: {' '.join(COMPARISONS)}")
        return help.format(column=left.name, **self.dialect.words())

    def fail_misspelled_not(self, left: Column | Literal) -> None:
        """`nto a == 1` and `NOT a == 1`."""
        no = self.dialect.word("not")
        goes_on = self.kind == "name" and self.peek()[0] == "sign"
        if goes_on and isinstance(left, Column) and nearest(left.name, [no]):
            message = f"unknown word {quoted(left.name)}; did you mean {quoted(no)}?"
            self.fail_span("unknown-word", message, left.span)

    def end_condition(self) -> None:
        """If what follows a condition is neither `)` nor outside of the parentheses, say what it may be."""
        kind, text, *_ = token = self.token
        if text == ")":
            return
        self.fail_joining_sign()
        both = [self.dialect.word("and"), self.dialect.word("or")]
        if self.adjacent(0) and self.tokens[self.index - 1][0] == "number" and text[:1] in (",", "_"):
            self.fail("syntax", "a number is written without separators", token)
        if text == ",":
            message = f"conditions are joined with {quoted(both[0])} or {quoted(both[1])}, not ','"
            self.fail("syntax", message, token)
        meant = nearest(text, both) if kind == "name" and self.peek()[1] not in ("=", "(") else None
        if meant:
            self.fail("unknown-word", f"unknown word {quoted(text)}; did you mean {quoted(meant)}?", token)
        if kind in ("name", "text", "number") and not self.first_on_line():
            help = r"a quote inside a text is written \"" if kind == "text" and self.adjacent(0) else ""
            message = f"expected {quoted(both[0])}, {quoted(both[1])} or ')', found {self.shown(token)}"
            self.fail("syntax", message, token, help)

    def fail_joining_sign(self) -> None:
        """`&&` and the like in place of a word."""
        _, text, start, end = self.token
        if text == "&" and self.peek()[1] == "&" and self.adjacent():
            text, end = "&&", end + 1
        if text in _JOINING_SIGNS and not self.is_pipe():
            word = "and" if "&" in text else "or"
            message = f"conditions are joined with {self.quoted_word(word)}, not {quoted(text)}"
            self.fail_span("bad-character", message, (start, end))

    def is_pipe(self) -> bool:
        """Whether a stage seems to follow the current token."""
        return self.peek()[0] == "name" and self.peek(2)[1] == "("

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
        while self.kind == "sign" and PRECEDENCE.get(self.token[1], 0) >= lowest:
            op = self.advance()
            right, right_depth = self.binary(PRECEDENCE[op[1]] + 1)
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
        before = self.tokens[self.index - 1][1]
        if text == before and text in ("*", "/") and self.adjacent(0):
            self.fail("syntax", f"there is no operator {quoted(text * 2)}", token, "operators: + - * /")
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
        message = f"an expression may be nested at most {MAX_DEPTH} levels deep"
        self.fail(
            "too-deep",
            message,
            token,
            "make a part of it a column of its own" if token[1] in PRECEDENCE else "",
        )

    def close_group(self, start: Token) -> None:
        """`)` that closes a parenthesis of an expression."""
        if self.take_sign(")"):
            return
        if self.kind != "bad_pipe":
            self.fail_bad_token()
        self.fail_missing_close("for this '('", (start[2], start[3]))
        self.fail("syntax", f"expected ')', found {self.shown(self.token)}", self.token)
