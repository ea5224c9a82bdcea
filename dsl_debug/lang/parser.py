"""Tokens -> tree, with recovery: after a mistake the parser goes on at the next stage or statement.

Nothing here recurses deeper than `MAX_DEPTH`: pipes and statements are loops, and expressions count their
depth, which bounds every later pass over the tree as well.
"""

from functools import lru_cache
from typing import NoReturn

from dsl_debug.lang import nodes
from dsl_debug.lang.comments import attach_comments
from dsl_debug.lang.cursor import SyntaxFailure
from dsl_debug.lang.dialect import STANDARD, Dialect
from dsl_debug.lang.errors import Diagnostic, DslError, SourceText, did_you_mean, quoted
from dsl_debug.lang.nodes import Broken, Column, Emit, Join, Load, Program, Ref, Stage, Statement
from dsl_debug.lang.stages import STAGES, StageParser
from dsl_debug.lang.tokens import Token, tokenize

MAX_ERRORS = 50
# Bounds the memory of the caches against agents that submit many long programs.
CACHED_CHARACTERS = 4_000


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


@lru_cache(maxsize=1024)
def _parse_cached(code: str, dialect: Dialect) -> ParseResult:
    return _Parser(code, dialect).program()


class _TooManyErrors(Exception):
    """Stops a parse that has found `MAX_ERRORS` mistakes."""


class _Parser(StageParser):
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
            if kind == "name" and self.peek()[1] in ("=", "==", ":"):
                statements.append(self.definition(blank))
            elif self.word() == "emit":
                self.saw_emit = True
                self.advance()
                if self.token[1] == "(":
                    self.fail(
                        "syntax", f"{quoted(text)} has no parentheses", self.token, f"write {text} name"
                    )
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
        sign = self.advance()
        if sign[1] != "=":
            written = ":=" if self.take_sign("=") else sign[1]
            message = f"a table is defined with '=', not {quoted(written)}"
            self.report(self.failure("syntax", message, sign))
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
        hint = self.suggestion(text, ["emit"])
        if kind == "name" and following[0] == "name" and hint:
            self.saw_emit = True
            self.fail("unknown-word", f"unknown word {quoted(text)}{hint}", token)
        if self.word() in ("load", "join") and following[1] == "(":
            help = f"for example: name = {text}(...)"
            self.fail("unnamed-table", f"the table of {quoted(text)} needs a name", token, help)
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
            self.fail("syntax", "the table's name is a text in double quotes here", token, help)
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
            self.fail_bad_token()
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
            return self.stage_call()
        except SyntaxFailure as failure:
            self.report(failure)
            if self.token is start and self.kind == "name":
                self.advance()
            self.skip_to_stage()
            return Broken(span=(start[2], self.previous_end))

    def span_of_call(self, name: Token) -> nodes.Span:
        """From a stage's word to the parenthesis that should close it, which is the current token."""
        return (name[2], self.token[3])

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
        if self.token[1] == emit:
            return following[0] == "name" or self.first_on_line()
        return (
            following[0] == "name" and self.first_on_line() and bool(self.suggestion(self.token[1], ["emit"]))
        )

    def skip_to_stage(self) -> None:
        """Skip to a pipe, to what looks like a stage at the start of a line, or to a statement."""
        while self.kind != "end":
            if self.kind == "pipe" or (
                self.kind == "bad_pipe" and (self.token[1] != "||" or self.first_on_line())
            ):
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
