"""Tokens -> tree, with recovery: after a mistake the parser goes on at the next stage or statement.

Nothing here recurses deeper than `MAX_DEPTH`: pipes and statements are loops, and expressions count their
depth, which bounds every later pass over the tree as well.
"""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NoReturn

from dsl_debug.lang.comments import attach_comments
from dsl_debug.lang.cursor import SyntaxFailure
from dsl_debug.lang.dialect import STANDARD, Dialect
from dsl_debug.lang.errors import Diagnostic, DslError, SourceText, TooManyErrors, quoted
from dsl_debug.lang.mistakes import ELSEWHERE
from dsl_debug.lang.nodes import Broken, Emit, Program, Source, Stage, Statement
from dsl_debug.lang.sources import SourceParser
from dsl_debug.lang.stages import STAGES
from dsl_debug.lang.tokens import Token, tokenize

# Bounds the memory of the caches against agents that submit many long programs.
CACHED_CHARACTERS = 4_000
_NOT_IN_NAMES = re.compile(r"\W+|^(?=\d)")
_NAME_LIKE = ("name", "number", "text")
_PIPE_LIKE = ("sign", "bad", "bad_pipe", "pipe")


@dataclass(frozen=True)
class ParseResult:
    """What `parse_tolerant` gives: a tree with `Broken` where something did not parse, and why.

    `program` is without the `comments` (offset, text), which only the printer looks at.
    """

    program: Program
    diagnostics: tuple[Diagnostic, ...]
    source: SourceText
    comments: list[tuple[int, str]]

    @cached_property
    def commented(self) -> Program:
        """The program with its comments, attached when they are first asked for."""
        if not self.comments:
            return self.program
        statements, emit = list(self.program.statements), self.program.emit
        statements, emits, last = attach_comments(self.source.text, self.comments, statements, [emit])
        return Program(tuple(statements), emits[0], last)


def parse(code: str, dialect: Dialect = STANDARD) -> Program:
    """The tree of a program; raises DslError with every syntax error that was found."""
    result = parse_tolerant(code, dialect)
    if result.diagnostics:
        raise DslError(result.diagnostics)
    return result.commented


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


class _Parser(SourceParser):
    def __init__(self, code: str, dialect: Dialect) -> None:
        tokens, self.comments = tokenize(code, dialect)
        super().__init__(tokens, code, dialect)
        self.saw_emit = False

    # Statements

    def program(self) -> ParseResult:
        statements: list[Statement] = []
        emits: list[Emit] = []
        try:
            while self.kind != "end":
                self.statement(statements, emits)
            self.check_emits(statements, emits)
        except TooManyErrors:
            pass
        program = Program(tuple(statements), emits[0] if emits else Emit(""))
        return ParseResult(program, tuple(self.diagnostics), self.source, self.comments)

    def statement(self, statements: list[Statement], emits: list[Emit]) -> None:
        start = self.token[2]
        blank = self.after_blank_line()
        try:
            if self.kind == "name" and self.peek()[1] == "=":
                statements.append(self.definition(self.advance(), blank))
            elif self.word() == "emit":
                emits += self.emit(blank)
            elif self.is_misspelled_emit():
                self.report_unknown_word(self.token, "emit")
                emits += self.emit(blank)
            else:
                statements.append(self.definition(self.odd_name(), blank))
        except SyntaxFailure as failure:
            self.report(failure)
            self.skip_to_statement(start)

    def definition(self, name: Token, blank: bool) -> Statement:
        sign = self.advance()
        if sign[1] != "=":
            written = sign[1] + (self.advance()[1] if self.token[1] in ("=", "-") else "")
            message = f"a table is defined with '=', not {quoted(written)}"
            self.report(SyntaxFailure("syntax", message, (sign[2], self.previous_end)))
        if name[1] == self.dialect.word("emit"):
            self.saw_emit = True
            is_name = self.kind == "name" and self.peek()[1] != "("
            help = f"write {name[1]} {self.token[1]}" if is_name else ""
            message = f"{quoted(name[1])} cannot be the name of a table"
            self.report(self.failure("reserved", message, name, help))
        source: Source
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

    def odd_name(self) -> Token:
        """The name of a table that is defined in another way than `name = ...`, after reporting how; moves to
        the sign behind it. Raises SyntaxFailure where there is none."""
        name, following = self.token, self.peek()
        if name[0] == "name" and (following[1] in ("==", ":") or following[1] + self.peek(2)[1] == "<-"):
            return self.advance()
        if name[0] == following[0] == "name" and self.peek(2)[1] == "=":
            help = f"a table is defined by: {following[1]} = ..."
            self.report(self.failure("syntax", f"unexpected {quoted(name[1])}", name, help))
            self.advance()
            return self.advance()
        length = self.run_together()
        if name[0] in _NAME_LIKE and self.peek(length)[1] == "=":
            return self.bad_name(length)
        self.fail_statement()

    def run_together(self) -> int:
        """How many tokens follow each other without a blank, as in `top-orders`, from the current one."""
        length = 1
        while (
            self.adjacent(length)
            and length < 20
            and (self.peek(length)[0] in _NAME_LIKE or self.peek(length)[1] in ("-", "."))
        ):
            length += 1
        return length

    def bad_name(self, length: int) -> Token:
        """Report that these tokens make no name, and give a name in their place."""
        start, is_text = self.token[2], self.kind == "text"
        for _ in range(length):
            self.advance()
        text = self.code[start : self.previous_end]
        what = "is written without quotes" if is_text else "is made of letters, digits and _"
        rule = f"a name {what}{' and does not begin with a digit' if text[0].isdigit() else ''}"
        self.report(
            SyntaxFailure("bad-name", f"{quoted(text)} is no name: {rule}", (start, self.previous_end))
        )
        return ("name", _NOT_IN_NAMES.sub("_", text), start, self.previous_end)

    def after_blank_line(self) -> bool:
        """Whether an empty line stands before the current token; a line with a comment is not empty."""
        lines = self.code[self.previous_end : self.token[2]].split("\n")
        return not all(map(str.strip, lines[1:-1]))

    # Emit

    def emit(self, blank: bool) -> list[Emit]:
        """`emit name`; empty where there is no name to be emitted."""
        start = self.advance()
        self.saw_emit = True
        word = self.dialect.word("emit")
        if self.token[1] == "(":
            if start[1] == word:
                help = f"write {word} {self.peek()[1] if self.peek()[0] == 'name' else 'name'}"
                self.fail("syntax", f"{quoted(word)} has no parentheses", self.token, help)
            self.skip_to_statement(start[2])
            return []
        if self.first_on_line() and self.starts_statement():
            self.fail("syntax", f"{quoted(word)} needs the name of a table", start)
        length = self.run_together()
        if self.kind == "number" or (self.kind == "name" and length > 1):
            self.bad_name(length)
            return []
        name = self.expect_name(f"the name of a table after {quoted(word)}")
        emits = [Emit(name[1], span=(start[2], name[3]), blank_before=blank)]
        if self.kind == "pipe" or not (self.first_on_line() or self.kind == "end" or self.starts_statement()):
            emits = emits if self.report_after_emit(name) else []
            self.skip_to_statement(start[2])
        return emits

    def report_after_emit(self, name: Token) -> bool:
        """Report what follows `emit name`; whether it is a mere slip, as a semicolon is."""
        try:
            if self.kind == "bad" and self.token[1] != ".":
                self.fail_bad_token()
        except SyntaxFailure as slip:
            self.report(slip)
            return True
        word, result = self.dialect.word("emit"), ""
        if self.kind == "pipe":
            result = f"{name[1]} {self.token[1]} ..."
        elif self.token[1] == "(":
            result = f"{name[1]}(...)"
        help = f"give the result a name: result = {result}, then {word} result" if result else ""
        message = f"{quoted(word)} takes the name of one table and nothing else"
        self.report(self.failure("syntax", message, self.token, help))
        return False

    def is_misspelled_emit(self) -> bool:
        """Whether a line begins like `emti name`, `return name` or `print(name)`."""
        if self.kind != "name" or self.word() is not None:
            return False
        text, following = self.token[1], self.peek()
        if following[0] == "name" and self.peek(2)[1] != "=":
            return bool(self.suggestion(text, ["emit"]))
        return following[1] == "(" and ELSEWHERE.get(text.lower()) == "emit"

    def report_unknown_word(self, token: Token, meant: str) -> None:
        message = f"unknown word {quoted(token[1])}; did you mean {self.quoted_word(meant)}?"
        self.report(self.failure("unknown-word", message, token))

    def check_emits(self, statements: list[Statement], emits: list[Emit]) -> None:
        emit = self.dialect.word("emit")
        if not self.saw_emit:
            end = len(self.code.rstrip())
            help = f'for example: result = {self.dialect.word("load")}("table"), then {emit} result'
            if statements:
                help = f"end the program with: {emit} {statements[-1].name}"
            message = f"the program has no {quoted(emit)}" if end else "the program is empty"
            self.report(SyntaxFailure("no-emit", message, (max(0, end - 1), end), help))
        for extra in emits[1:]:
            message = f"a second {quoted(emit)}: a program emits exactly one table"
            line = self.source.line_number(emits[0].span[0])
            self.report(SyntaxFailure("two-emits", message, extra.span, f"the first is in line {line}"))

    def fail_statement(self) -> NoReturn:
        kind, text, *_ = token = self.token
        pipe, emit = self.dialect.pipe, self.dialect.word("emit")
        if kind in ("pipe", "bad_pipe"):
            help = f'a table is defined by: name = {self.dialect.word("load")}("table") {pipe} ...'
            self.fail("syntax", f"{quoted(text)} has no table before it", token, help)
        if self.word() in ("load", "join") and self.peek()[1] == "(":
            help = f"for example: name = {text}(...)"
            self.fail("unnamed-table", f"the table of {quoted(text)} needs a name", token, help)
        self.fail_foreign_comment()
        self.fail_bad_token()
        help = f"a line is 'name = ...', '{pipe} stage(...)' or '{emit} name'"
        self.fail("syntax", f"expected a statement, found {self.shown(token)}", token, help)

    def fail_foreign_comment(self) -> None:
        """`//` and `/*`, where they cannot be a division."""
        if self.token[1] == "/" and self.peek()[1] in ("/", "*") and self.adjacent():
            start = self.token[2]
            self.fail_span("bad-character", "a comment starts with --", (start, start + 2))

    # Stages

    def stages(self) -> list[Stage]:
        found: list[Stage] = []
        while True:
            kind, text, *_ = token = self.token
            if kind == "pipe":
                self.advance()
                if (self.peek()[1] != "(" or self.word() == "emit") and self.leads_to_no_stage():
                    self.report_no_stage(token)
                    continue
            elif kind == "end" or self.starts_statement() or self.starts_odd_definition():
                return found
            elif self.mistyped_pipe():
                self.report_mistyped_pipe()
            elif kind == "name" and self.peek()[1] == "(":
                message = f"missing {quoted(self.dialect.pipe)} before {quoted(text)}"
                self.report(self.failure("missing-pipe", message, token))
            else:
                self.report_after_stage(token)
                self.skip_to_stage()
                continue
            found.append(self.stage())

    def leads_to_no_stage(self) -> bool:
        return self.kind == "end" or self.word() == "emit" or self.starts_statement()

    def report_no_stage(self, pipe: Token) -> None:
        """After a pipe that ends the statement, or leads to `emit`."""
        if self.word() == "emit" and not self.first_on_line():
            message = f"{quoted(self.token[1])} is no stage"
            help = f"write it on a line of its own: {self.token[1]} name"
            self.report(self.failure("syntax", message, self.token, help))
            self.saw_emit = True
            self.advance()
            if self.token[1] == "(":
                self.advance()
                self.skip_call()
            elif self.kind == "name" and not self.first_on_line():
                self.advance()
            return
        self.report(self.failure("syntax", f"no stage follows {quoted(pipe[1])}", pipe))

    def mistyped_pipe(self) -> int:
        """How many tokens make up a mistyped pipe that begins here; 0 if none does."""
        length = 0
        while length < 4 and self.peek(length)[0] in _PIPE_LIKE and self.peek(length)[1] not in ("(", ")"):
            if length and not self.adjacent(length):
                break
            length += 1
        following = self.peek(length)
        is_stage = self.peek(length + 1)[1] == "(" or self.dialect.canonical(following[1]) in STAGES
        return length if following[0] == "name" and is_stage else int(self.kind == "bad_pipe")

    def report_mistyped_pipe(self) -> None:
        start = self.token[2]
        for _ in range(self.mistyped_pipe()):
            self.advance()
        written = quoted(self.code[start : self.previous_end])
        message = f"the pipe is written {quoted(self.dialect.pipe)}, not {written}"
        self.report(SyntaxFailure("bad-pipe", message, (start, self.previous_end)))

    def report_after_stage(self, token: Token) -> None:
        try:
            self.fail_foreign_comment()
            self.fail_bad_token()
            if token[1] == ")":
                self.fail("unmatched", "')' closes nothing", token)
            help = f"a stage follows a table or a stage after {quoted(self.dialect.pipe)}"
            if self.word() in ("and", "or"):
                help = "the ')' before it closes the stage"
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

    # Recovery

    def starts_statement(self) -> bool:
        """Whether the current token begins a statement: `name =` or `emit name`, at the start of a line or
        after a complete statement."""
        if self.kind != "name":
            return False
        if self.peek()[1] == "=":
            return True
        if self.word() == "emit":
            return self.peek()[0] == "name" or self.first_on_line()
        return self.first_on_line() and self.is_misspelled_emit()

    def starts_odd_definition(self) -> bool:
        """Whether a line begins with a definition that is not written `name = ...`."""
        if not self.first_on_line() or self.kind not in _NAME_LIKE:
            return False
        following = self.peek()
        if self.kind == "name" and (following[1] in ("==", ":") or following[1] + self.peek(2)[1] == "<-"):
            return True
        if self.kind == following[0] == "name" and self.peek(2)[1] == "=":
            return True
        return self.peek(self.run_together())[1] == "="

    def skip_to_stage(self) -> None:
        """Skip to a pipe, to what looks like a stage at the start of a line, or to a statement."""
        while self.kind != "end":
            if self.kind == "pipe" or (self.kind == "bad_pipe" and self.is_pipe()):
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
