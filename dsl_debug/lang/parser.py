"""Tokens -> tree, with recovery: after a mistake the parser goes on at the next stage or statement.

Nothing here recurses deeper than `MAX_DEPTH`: pipes and statements are loops, and expressions count their
depth, which bounds every later pass over the tree as well.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NoReturn

from dsl_debug.lang import nodes
from dsl_debug.lang.comments import attach_comments
from dsl_debug.lang.cursor import SyntaxFailure
from dsl_debug.lang.dialect import STANDARD, Dialect
from dsl_debug.lang.errors import Diagnostic, DslError, SourceText, did_you_mean, nearest, quoted
from dsl_debug.lang.expressions import ExpressionParser
from dsl_debug.lang.functions import AGGREGATES
from dsl_debug.lang.nodes import (
    Aggregate,
    Aggregation,
    Assignment,
    Broken,
    Column,
    Compute,
    Emit,
    Filter,
    GroupBy,
    Join,
    Load,
    Program,
    Ref,
    Select,
    SortBy,
    Stage,
    Statement,
    Take,
)
from dsl_debug.lang.tokens import Token, tokenize

MAX_ERRORS = 50
CACHED_CHARACTERS = 20_000

# What other languages call the same thing.
_ELSEWHERE = {
    **{"where": "filter", "project": "select", "mutate": "compute", "derive": "compute", "extend": "compute"},
    **{"order_by": "sort_by", "orderby": "sort_by", "sort": "sort_by", "arrange": "sort_by"},
    **{
        "limit": "take",
        "head": "take",
        "top": "take",
        "first": "take",
        "summarize": "aggregate",
        "agg": "aggregate",
    },
    **{"mean": "avg", "average": "avg", "total": "sum", "minimum": "min", "maximum": "max"},
    **{"nunique": "count_distinct", "n_distinct": "count_distinct", "distinct_count": "count_distinct"},
}


class ParseResult:
    """What `parse_tolerant` gives: a tree with `Broken` where something did not parse, and why."""

    __slots__ = ("diagnostics", "program", "source")

    def __init__(self, program: Program, diagnostics: tuple[Diagnostic, ...], source: SourceText) -> None:
        self.program = program
        self.diagnostics = diagnostics
        self.source = source


def parse(code: str, dialect: Dialect = STANDARD) -> Program:
    """The tree of a program; raises DslError with every syntax error that was found."""
    result = parse_tolerant(code, dialect)
    if result.diagnostics:
        raise DslError(result.diagnostics)
    return result.program


def parse_tolerant(code: str, dialect: Dialect = STANDARD) -> ParseResult:
    """The tree of whatever could be read, and the syntax errors.

    Results of short programs are cached: episodes, searches and rollouts parse the same texts many times.
    Raises DslError only when the text is too long or no text at all.
    """
    return (
        _parse_cached(code, dialect) if len(code) <= CACHED_CHARACTERS else _Parser(code, dialect).program()
    )


@lru_cache(maxsize=4096)
def _parse_cached(code: str, dialect: Dialect) -> ParseResult:
    return _Parser(code, dialect).program()


class _TooManyErrors(Exception):
    """Stops a parse that has found `MAX_ERRORS` mistakes."""


class _Parser(ExpressionParser):
    def __init__(self, code: str, dialect: Dialect) -> None:
        self.source = SourceText(code)
        tokens, self.comments = tokenize(code, dialect)
        super().__init__(tokens, code, dialect)
        self.diagnostics: list[Diagnostic] = []
        self.saw_emit = False

    # Statements

    def program(self) -> ParseResult:
        statements: list[Statement] = []
        emits: list[Emit] = []
        try:
            while self.kind != "end":
                self.statement(statements, emits)
            self.check_emits(statements, emits)
        except _TooManyErrors:
            pass
        last: tuple[str, ...] = ()
        if self.comments:
            statements, emits, last = attach_comments(self.code, self.comments, statements, emits)
        program = Program(tuple(statements), emits[0] if emits else Emit(""), last)
        return ParseResult(program, tuple(self.diagnostics), self.source)

    def statement(self, statements: list[Statement], emits: list[Emit]) -> None:
        kind, text, start, _ = self.token
        blank = self.code.count("\n", self.previous_end, start) > 1
        try:
            if kind == "name" and self.peek()[1] == "=":
                statements.append(self.definition(blank))
            elif self.word() == "emit":
                self.saw_emit = True
                self.advance()
                name = self.expect_name(f"the name of a table after {quoted(text)}")
                if self.kind == "sign" and self.token[1] == "(":
                    self.fail("syntax", f"{quoted(text)} takes the name of a table, not a call", self.token)
                emits.append(Emit(name[1], span=(start, name[3]), blank_before=blank))
            else:
                self.fail_statement()
        except SyntaxFailure as failure:
            self.report(failure)
            self.skip_to_statement(start)

    def definition(self, blank: bool) -> Statement:
        name = self.advance()
        self.advance()
        if name[1] == self.dialect.word("emit"):
            self.report(self.failure("reserved", f"{quoted(name[1])} cannot be the name of a table", name))
        source: nodes.Source
        try:
            source = self.table_source()
        except SyntaxFailure as failure:
            self.report(failure)
            self.skip_to_stage()
            source = Broken(span=(name[2], self.previous_end))
        stages = self.stages()
        return Statement(
            name[1], source, tuple(stages), span=(name[2], self.previous_end), blank_before=blank
        )

    def check_emits(self, statements: list[Statement], emits: list[Emit]) -> None:
        emit = self.dialect.word("emit")
        if not self.saw_emit:
            end = len(self.code.rstrip())
            help = f"end the program with: {emit} {statements[-1].name if statements else 'result'}"
            message = f"the program has no {quoted(emit)}"
            if not self.code.strip():
                message = "the program is empty"
            self.report(SyntaxFailure("no-emit", message, (max(0, end - 1), end), help))
        for extra in emits[1:]:
            message = f"a second {quoted(emit)}: a program emits exactly one table"
            line = self.code.count("\n", 0, emits[0].span[0]) + 1
            self.report(SyntaxFailure("two-emits", message, extra.span, f"the first is in line {line}"))

    def fail_statement(self) -> NoReturn:
        kind, text, *_ = token = self.token
        pipe, emit = self.dialect.pipe, self.dialect.word("emit")
        if kind in ("pipe", "bad_pipe"):
            help = f'a table is defined by: name = {self.dialect.word("load")}("table") {pipe} ...'
            self.fail("syntax", f"{quoted(text)} has no table before it", token, help)
        following = self.peek()
        if kind == "name" and following[0] == "name" and nearest(text, [emit]):
            self.fail("unknown-word", f"unknown word {quoted(text)}; did you mean {quoted(emit)}?", token)
        if kind == "name" and following[1] == "==":
            message = "a table is defined with '=', not '=='"
            self.fail("syntax", message, following)
        self.fail_bad_token()
        help = f"a line is 'name = ...', '{pipe} stage(...)' or '{emit} name'"
        self.fail("syntax", f"expected a statement, found {self.shown(token)}", token, help)

    # Sources

    def table_source(self) -> nodes.Source:
        first = self.token
        word = self.word()
        if self.kind == "name" and self.peek()[1] == "(":
            if word == "load":
                return self.load()
            if word == "join":
                return self.join()
            self.fail_source(first)
        if self.kind == "name":
            self.advance()
            return Ref(first[1], span=first[2:])
        self.fail_bad_token()
        load, join = self.dialect.word("load"), self.dialect.word("join")
        help = f'it is {load}("table"), {join}(a, b, {self.dialect.word("on")}: key == key), or a name'
        self.fail("syntax", f"expected where the table comes from, found {self.shown(first)}", first, help)

    def fail_source(self, token: Token) -> NoReturn:
        word = self.dialect.canonical(token[1])
        sources = [self.dialect.word("load"), self.dialect.word("join")]
        if word in STAGES:
            message = f"{quoted(token[1])} needs a table before it"
            help = f"for example: name = other {self.dialect.pipe} {token[1]}(...)"
            self.fail("stage-as-source", message, token, help)
        message = f"unknown source {quoted(token[1])}{did_you_mean(token[1], sources)}"
        self.fail("unknown-word", message, token, f"sources: {', '.join(sources)}, or a name")

    def load(self) -> Load:
        start = self.advance()
        self.open(start)
        kind, text, *_ = token = self.token
        if kind == "name":
            help = f'write {start[1]}("{text}")'
            self.fail("syntax", "the name of a table to load is a text in double quotes", token, help)
        value = self.text_literal("the name of a table in double quotes")
        self.close(start)
        return Load(value, span=(start[2], self.previous_end))

    def join(self) -> Join:
        start = self.advance()
        on = self.dialect.word("on")
        shape = f"{start[1]}(left, right, {on}: left_column == right_column)"
        self.open(start)
        left = self.joined_name(shape)
        self.expect_sign(",", f"',' after {quoted(left.name)}", shape)
        right = self.joined_name(shape)
        self.expect_sign(",", f"', {on}: ...' after {quoted(right.name)}", shape)
        if self.word() != "on":
            self.fail("syntax", f"expected '{on}: ...', found {self.shown(self.token)}", self.token, shape)
        self.advance()
        self.expect_sign(":", f"':' after {quoted(on)}", shape)
        left_key = self.key_column("left")
        if self.token[1] == ")":
            help = f"write {on}: {left_key.name} == {left_key.name} where both tables have that column"
            message = f"{quoted(on)} compares a column of each table"
            self.fail("syntax", message, self.token, help)
        if self.token[1] != "==":
            message = (
                f"rows are joined where two columns are equal: expected '==', found {self.shown(self.token)}"
            )
            self.fail("join-comparison", message, self.token, shape)
        self.advance()
        right_key = self.key_column("right")
        self.close(start)
        return Join(left, right, left_key, right_key, span=(start[2], self.previous_end))

    def joined_name(self, shape: str) -> Ref:
        token = self.expect_name("the name of a table", shape)
        if self.token[1] == "(" and self.kind == "sign":
            message = f"{quoted(self.dialect.word('join'))} takes the names of two tables, not a call"
            load = self.dialect.word("load")
            help = f'give it a name first: other = {load}("table")'
            self.fail("nested-source", message, token, help)
        return Ref(token[1], span=token[2:])

    def key_column(self, side: str) -> Column:
        token = self.expect_name(f"a column of the {side} table")
        return Column(token[1], span=token[2:])

    # Stages

    def stages(self) -> list[Stage]:
        found: list[Stage] = []
        while True:
            kind, text, *_ = token = self.token
            if kind == "pipe":
                self.advance()
            elif kind == "bad_pipe" or (self.is_pipe_like(token) and self.peek()[0] == "name"):
                message = f"the pipe is written {quoted(self.dialect.pipe)}, not {quoted(text)}"
                self.report(self.failure("bad-pipe", message, token))
                self.advance()
            elif kind == "name" and self.peek()[1] == "(" and self.word() != "emit":
                message = f"missing {quoted(self.dialect.pipe)} before {quoted(text)}"
                self.report(self.failure("missing-pipe", message, token))
            elif kind == "end" or self.starts_statement():
                return found
            else:
                self.report_after_stage(token)
                self.skip_to_stage()
                continue
            found.append(self.stage())

    def is_pipe_like(self, token: Token) -> bool:
        return token[0] == "sign" and token[1] in (">", ">=", "<", "-", "=>", ">>") and self.peek(2)[1] == "("

    def report_after_stage(self, token: Token) -> None:
        try:
            self.fail_bad_token()
            if token[1] == ")":
                self.fail("unmatched", "')' closes nothing", token)
            help = f"a stage follows a table or a stage after {quoted(self.dialect.pipe)}"
            self.fail("syntax", f"unexpected {self.shown(token)}", token, help)
        except SyntaxFailure as failure:
            self.report(failure)

    def stage(self) -> Stage:
        start = self.token
        try:
            word = self.stage_word()
            name = self.advance()
            self.open(name)
            self.depth = 0
            node = STAGES[word](self, name)
            self.close(name)
            return node
        except SyntaxFailure as failure:
            self.report(failure)
            if self.token is start and self.kind == "name":
                self.advance()
            self.skip_to_stage()
            return Broken(span=(start[2], self.previous_end))

    def span_of_call(self, name: Token) -> nodes.Span:
        """From a stage's word to the parenthesis that should close it, which is the current token."""
        return (name[2], self.token[3])

    def stage_word(self) -> str:
        kind, text, *_ = token = self.token
        names = [self.dialect.word(w) for w in STAGES]
        if kind != "name":
            self.fail_bad_token()
            found = self.shown(token)
            self.fail("syntax", f"expected a stage, found {found}", token, f"stages: {', '.join(names)}")
        word = self.word()
        if word and word in STAGES:
            return word
        if word in ("join", "load"):
            kind_of = f"{quoted(text)} is where a table comes from, not a stage"
            on = self.dialect.word("on")
            shape = f"{text}(left, right, {on}: key == key)" if word == "join" else f'{text}("table")'
            self.fail("source-as-stage", kind_of, token, f"give it a name of its own: name = {shape}")
        if word in AGGREGATES:
            help = f"use it in {self.dialect.word('aggregate')}(name: {text}(...))"
            self.fail(
                "function-as-stage", f"{quoted(text)} is an aggregate function, not a stage", token, help
            )
        meant = _ELSEWHERE.get(text.lower())
        hint = f"; did you mean {quoted(self.dialect.word(meant))}?" if meant else did_you_mean(text, names)
        message = f"unknown stage {quoted(text)}{hint}"
        self.fail("unknown-stage", message, token, f"stages: {', '.join(names)}")

    def filter(self, name: Token) -> Filter:
        return Filter(self.condition(), span=self.span_of_call(name))

    def select(self, name: Token) -> Select:
        return Select(self.column_list(name), span=self.span_of_call(name))

    def group_by(self, name: Token) -> GroupBy:
        return GroupBy(self.column_list(name), span=self.span_of_call(name))

    def column_list(self, name: Token) -> tuple[Column, ...]:
        columns = [self.column(f"a column in {name[1]}(...)")]
        while self.take_sign(","):
            columns.append(self.column(f"a column in {name[1]}(...)"))
        return tuple(columns)

    def compute(self, name: Token) -> Compute:
        shape = f"{name[1]}(new_column: expression, ...)"
        assignments = [self.assignment(shape)]
        while self.take_sign(","):
            assignments.append(self.assignment(shape))
        return Compute(tuple(assignments), span=self.span_of_call(name))

    def assignment(self, shape: str) -> Assignment:
        name = self.expect_name("the name of a new column", shape)
        self.expect_colon(name, shape)
        value = self.arithmetic()
        return Assignment(name[1], value, span=(name[2], self.previous_end))

    def aggregate(self, name: Token) -> Aggregate:
        shape = f"{name[1]}(new_column: {self.dialect.word('sum')}(column), ...)"
        aggregations = [self.aggregation(shape)]
        while self.take_sign(","):
            aggregations.append(self.aggregation(shape))
        return Aggregate(tuple(aggregations), span=self.span_of_call(name))

    def aggregation(self, shape: str) -> Aggregation:
        name = self.expect_name("the name of a new column", shape)
        self.expect_colon(name, shape)
        function = self.expect_name("an aggregate function", shape)
        word = self.dialect.canonical(function[1])
        if not word or word not in AGGREGATES:
            names = [self.dialect.word(w) for w in AGGREGATES]
            message = f"unknown aggregate function {quoted(function[1])}"
            meant = _ELSEWHERE.get(function[1].lower())
            message += (
                f"; did you mean {quoted(self.dialect.word(meant))}?"
                if meant
                else did_you_mean(function[1], names)
            )
            self.fail("unknown-function", message, function, f"functions: {', '.join(names)}")
        self.open(function)
        column = None
        if not (self.kind == "sign" and self.token[1] == ")"):
            column = self.column(f"a column in {function[1]}(...)")
        self.close(function)
        return Aggregation(
            name[1], word, column, span=(name[2], self.previous_end), function_span=function[2:]
        )

    def sort_by(self, name: Token) -> SortBy:
        asc, desc = self.dialect.word("asc"), self.dialect.word("desc")
        column = self.column(f"a column in {name[1]}(...)")
        if not self.take_sign(","):
            return SortBy(column, span=self.span_of_call(name))
        direction = self.expect_name(f"{asc} or {desc}")
        word = self.dialect.canonical(direction[1])
        if word not in ("asc", "desc"):
            message = f"the direction is {asc} or {desc}, not {quoted(direction[1])}"
            message += did_you_mean(direction[1], [asc, desc])
            self.fail("bad-direction", message, direction, f"{name[1]} takes one column and a direction")
        if self.take_sign(","):
            message = f"{quoted(name[1])} takes one column and a direction"
            help = "the sort is stable: sort by the least important column first, then by the next"
            self.fail("syntax", message, self.token, help)
        return SortBy(column, word == "desc", span=self.span_of_call(name))

    def take(self, name: Token) -> Take:
        kind, text, *_ = token = self.token
        if kind == "number" and text.isdigit() and len(text) <= 18:
            self.advance()
            return Take(int(text), span=self.span_of_call(name))
        self.fail("bad-count", f"{quoted(name[1])} needs a whole number, 0 or more", token)

    # Recovery

    def report(self, failure: SyntaxFailure) -> None:
        found = self.source.diagnostic(failure.code, failure.message, failure.span, failure.help)
        self.diagnostics.append(found)
        if len(self.diagnostics) >= MAX_ERRORS:
            raise _TooManyErrors

    def starts_statement(self) -> bool:
        """Whether the current token begins a statement: `name =` or `emit name`, at the start of a line or
        after a complete statement."""
        if self.kind != "name":
            return False
        following = self.peek()
        if following[1] == "=":
            return True
        emit = self.dialect.word("emit")
        if following[0] != "name" or not self.first_on_line():
            return self.token[1] == emit and self.first_on_line()
        return self.token[1] == emit or bool(nearest(self.token[1], [emit]))

    def skip_to_stage(self) -> None:
        """Skip to a pipe, to what looks like a stage at the start of a line, or to a statement."""
        while self.kind != "end":
            if self.kind in ("pipe", "bad_pipe"):
                return
            if self.kind == "name" and self.first_on_line():
                following = self.peek()[1]
                if following in ("=", "(") or self.starts_statement():
                    return
            self.advance()

    def skip_to_statement(self, start: int) -> None:
        if self.token[2] == start:
            self.advance()
        while self.kind != "end":
            if self.kind == "name" and self.first_on_line() and self.starts_statement():
                return
            self.advance()


STAGES: Mapping[str, Callable[[_Parser, Token], Stage]] = {
    "filter": _Parser.filter,
    "select": _Parser.select,
    "compute": _Parser.compute,
    "group_by": _Parser.group_by,
    "aggregate": _Parser.aggregate,
    "sort_by": _Parser.sort_by,
    "take": _Parser.take,
}
