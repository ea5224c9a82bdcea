"""The stages: what stands between the parentheses of each, as `STAGES` lists them."""

from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn

from dsl_debug.lang.errors import did_you_mean, quoted
from dsl_debug.lang.expressions import ExpressionParser
from dsl_debug.lang.functions import AGGREGATES
from dsl_debug.lang.mistakes import ELSEWHERE, FUNCTIONS_ELSEWHERE
from dsl_debug.lang.nodes import (
    Aggregate,
    Aggregation,
    Assignment,
    Column,
    Compute,
    Filter,
    GroupBy,
    Select,
    SortBy,
    Span,
    Stage,
    Take,
)
from dsl_debug.lang.tokens import Token

_MAX_COUNT_DIGITS = 18


class StageParser(ExpressionParser):
    """The part of the parser that reads a stage: its word and what stands in its parentheses."""

    def suggestion(self, text: str, words: Iterable[str]) -> str:
        """`; did you mean 'x'?` with the one of these standard words that `text` may stand for."""
        candidates = list(words)
        for table in (ELSEWHERE, FUNCTIONS_ELSEWHERE):
            meant = table.get(text.lower())
            if meant in candidates:
                return f"; did you mean {quoted(self.dialect.word(meant))}?"
        return did_you_mean(text, [self.dialect.word(word) for word in candidates])

    def stage_call(self) -> Stage:
        """A stage with its parentheses; raises SyntaxFailure."""
        word = self.stage_word()
        name = self.advance()
        self.open(name)
        self.depth = 0
        stage = STAGES[word](self, name)
        self.close(name, word)
        return stage

    def stage_word(self) -> str:
        """The standard word of the stage at the current token."""
        word = self.word()
        if word and word in STAGES:
            return word
        kind, text, *_ = token = self.token
        names = ", ".join(self.dialect.word(w) for w in STAGES)
        if kind != "name":
            self.fail_bad_token()
            self.fail("syntax", f"expected a stage, found {self.shown(token)}", token, f"stages: {names}")
        if word in ("join", "load"):
            self.fail_source_as_stage(token, word)
        if word in AGGREGATES:
            help = f"use it in {self.dialect.word('aggregate')}(name: {text}(...))"
            message = f"{quoted(text)} is an aggregate function, not a stage"
            self.fail("function-as-stage", message, token, help)
        message = f"unknown stage {quoted(text)}{self.suggestion(text, STAGES)}"
        self.fail("unknown-stage", message, token, f"stages: {names}")

    def fail_source_as_stage(self, token: Token, word: str) -> NoReturn:
        """`load` or `join` after a pipe."""
        on = self.dialect.word("on")
        shape = f"{token[1]}(left, right, {on}: key == key)" if word == "join" else f'{token[1]}("table")'
        message = f"{quoted(token[1])} is where a table comes from, not a stage"
        self.fail("source-as-stage", message, token, f"give it a name of its own: name = {shape}")

    def span_of_call(self, name: Token) -> Span:
        """From a stage's word to the parenthesis that should close it, which is the current token."""
        return (name[2], self.token[3])

    # One method per stage

    def filter(self, name: Token) -> Filter:
        """`filter(condition)`."""
        condition = self.condition()
        self.end_condition()
        return Filter(condition, span=self.span_of_call(name))

    def select(self, name: Token) -> Select:
        """`select(column, ...)`."""
        return Select(self.column_list(name), span=self.span_of_call(name))

    def group_by(self, name: Token) -> GroupBy:
        """`group_by(column, ...)`."""
        return GroupBy(self.column_list(name), span=self.span_of_call(name))

    def column_list(self, name: Token) -> tuple[Column, ...]:
        what = f"a column in {name[1]}(...)"
        if self.token[1] == "*" and self.dialect.canonical(name[1]) == "select":
            message = f"{quoted(name[1])} takes names of columns"
            self.fail("only-columns", message, self.token, f"without {name[1]}, every column is kept")
        columns = [self.column(what)]
        while self.take_sign(","):
            columns.append(self.column(what))
        if self.token[1] in ("+", "-", "*", "/", "(", ":", "=") or self.token[1].lower() == "as":
            compute = self.dialect.word("compute")
            help = f"make it a column first: {self.dialect.pipe} {compute}(new_column: ...)"
            if self.dialect.canonical(columns[-1].name) in AGGREGATES and self.token[1] == "(":
                help = f"{columns[-1].name}(...) stands in {self.dialect.word('aggregate')}(...)"
            self.fail("only-columns", f"{quoted(name[1])} takes names of columns only", self.token, help)
        return tuple(columns)

    def compute(self, name: Token) -> Compute:
        """`compute(new_column: expression, ...)`."""
        shape = f"{name[1]}(new_column: expression, ...)"
        assignments = [self.assignment(shape)]
        while self.take_sign(","):
            assignments.append(self.assignment(shape))
        return Compute(tuple(assignments), span=self.span_of_call(name))

    def assignment(self, shape: str) -> Assignment:
        name = self.expect_name("the name of a new column", shape)
        if self.kind == "sign" and self.token[1] in ("+", "-", "*", "/"):
            self.fail("unnamed-column", "the value needs a name", self.token, shape)
        self.expect_colon(name, shape)
        value = self.arithmetic()
        if self.kind != "pipe" and (
            self.token[1][:1] in ("<", ">", "!", "=") or self.word() in ("and", "or")
        ):
            message = f"{self.quoted_word('compute')} does arithmetic; conditions go into "
            self.fail("condition-in-compute", f"{message}{self.quoted_word('filter')}", self.token)
        return Assignment(name[1], value, span=(name[2], self.previous_end))

    def aggregate(self, name: Token) -> Aggregate:
        """`aggregate(new_column: function(column), ...)`."""
        shape = f"{name[1]}(new_column: {self.dialect.word('sum')}(column), ...)"
        aggregations = [self.aggregation(shape)]
        while self.take_sign(","):
            aggregations.append(self.aggregation(shape))
        return Aggregate(tuple(aggregations), span=self.span_of_call(name))

    def aggregation(self, shape: str) -> Aggregation:
        name = self.expect_name("the name of a new column", shape)
        called = self.dialect.canonical(name[1])
        if self.token[1] == "(" and called and called in AGGREGATES:
            message = f"the result of {quoted(name[1])} needs a name"
            self.fail("unnamed-aggregate", message, name, f"for example: n: {self.shape(called)}")
        self.expect_colon(name, shape)
        function = self.expect_name("an aggregate function", shape)
        word = self.dialect.canonical(function[1])
        if not word or word not in AGGREGATES:
            self.fail_function(function, shape)
        self.open(function)
        column = None if self.token[1] == ")" else self.aggregated_column(function)
        self.close(function, word)
        self.no_arithmetic(function, "stands alone here; do the arithmetic afterwards")
        span = (name[2], self.previous_end)
        return Aggregation(name[1], word, column, span=span, function_span=(function[2], function[3]))

    def fail_function(self, function: Token, shape: str) -> NoReturn:
        """A word that is no aggregate function where one should stand."""
        if self.token[1] != "(":
            self.fail(
                "syntax", f"expected an aggregate function, found {quoted(function[1])}", function, shape
            )
        suggestion = self.suggestion(function[1], AGGREGATES)
        help = f"functions: {', '.join(map(self.dialect.word, AGGREGATES))}"
        self.fail(
            "unknown-function",
            f"unknown aggregate function {quoted(function[1])}{suggestion}",
            function,
            help,
        )

    def aggregated_column(self, function: Token) -> Column:
        if self.token[1] == "*" and self.dialect.canonical(function[1]) == "count":
            message = f"{quoted(function[1])} counts rows without '*'"
            self.fail("syntax", message, self.token, f"write {function[1]}()")
        column = self.column(f"a column in {function[1]}(...)")
        self.no_arithmetic(function, "takes one column; do the arithmetic before")
        if self.kind == "name" and column.name.lower() == "distinct":
            help = f"write {self.dialect.word('count_distinct')}({self.token[1]})"
            self.fail("syntax", f"{quoted(function[1])} takes one column", self.token, help)
        if self.token[1] == ",":
            span = (function[2], self.previous_end)
            if self.peek(2)[1] == ":":
                self.fail_span("missing-parenthesis", f"missing ')' to close '{function[1]}('", span)
            self.fail("syntax", f"{quoted(function[1])} takes one column", self.token)
        return column

    def no_arithmetic(self, function: Token, rule: str) -> None:
        """Aggregates are made of single columns; arithmetic belongs to compute."""
        if self.kind == "sign" and self.token[1] in ("+", "-", "*", "/"):
            help = f"with {self.dialect.pipe} {self.dialect.word('compute')}(new_column: ...)"
            self.fail("arithmetic-in-aggregate", f"{quoted(function[1])} {rule}", self.token, help)

    def sort_by(self, name: Token) -> SortBy:
        """`sort_by(column, direction)`, the direction being asc where it is left out."""
        asc, desc = self.dialect.word("asc"), self.dialect.word("desc")
        if self.token[1] == "-" and self.peek()[0] == "name":
            help = f"write {name[1]}({self.peek()[1]}, {desc})"
            self.fail("bad-direction", f"{quoted(name[1])} takes a column and a direction", self.token, help)
        column = self.column(f"a column in {name[1]}(...)")
        if self.word() in ("asc", "desc"):
            message = f"missing ',' before {quoted(self.token[1])}"
            self.fail("syntax", message, self.token, f"write {name[1]}({column.name}, {self.token[1]})")
        if not self.take_sign(","):
            return SortBy(column, span=self.span_of_call(name))
        direction = self.expect_name(f"{asc} or {desc}")
        word = self.dialect.canonical(direction[1])
        if word not in ("asc", "desc"):
            message = f"the direction is {asc} or {desc}, not {quoted(direction[1])}"
            message += self.suggestion(direction[1], ("asc", "desc"))
            self.fail("bad-direction", message, direction, f"{name[1]} takes one column and a direction")
        if self.token[1] == ",":
            message = f"{quoted(name[1])} takes one column and a direction"
            help = "the sort is stable: sort by the least important column first, then by the next"
            self.fail("syntax", message, self.token, help)
        return SortBy(column, word == "desc", span=self.span_of_call(name))

    def take(self, name: Token) -> Take:
        """`take(count)`."""
        kind, text, *_ = token = self.token
        if kind == "number" and text.isdigit() and len(text) <= _MAX_COUNT_DIGITS:
            self.advance()
            return Take(int(text), span=self.span_of_call(name))
        message = f"{quoted(name[1])} needs a whole number, 0 or more"
        if text.isdigit():
            message = f"{quoted(name[1])} takes numbers of at most {_MAX_COUNT_DIGITS} digits"
        self.fail("bad-count", message, token)


STAGES: Mapping[str, Callable[[StageParser, Token], Stage]] = {
    "filter": StageParser.filter,
    "select": StageParser.select,
    "compute": StageParser.compute,
    "group_by": StageParser.group_by,
    "aggregate": StageParser.aggregate,
    "sort_by": StageParser.sort_by,
    "take": StageParser.take,
}
