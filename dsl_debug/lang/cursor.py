"""A cursor over tokens: what every part of the parser uses to look, to move and to fail."""

from typing import NoReturn

from dsl_debug.lang.dialect import Dialect
from dsl_debug.lang.errors import MAX_ERRORS, Diagnostic, SourceText, TooManyErrors, quoted
from dsl_debug.lang.mistakes import SHAPES, SIGNS
from dsl_debug.lang.nodes import Column, Span
from dsl_debug.lang.printer import print_text
from dsl_debug.lang.tokens import Token

_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t", "r": "\r"}

_LISTS = ("select", "compute", "group_by", "aggregate")


class SyntaxFailure(Exception):
    """A syntax error at a span; the parser reports it and recovers."""

    def __init__(self, code: str, message: str, span: Span, help: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.span = span
        self.help = help


class Cursor:
    """The current token, the one before it, and expectations about what comes."""

    def __init__(self, tokens: list[Token], code: str, dialect: Dialect) -> None:
        self.tokens = tokens
        self.code = code
        self.dialect = dialect
        self.source = SourceText(code)
        self.diagnostics: list[Diagnostic] = []
        self.index = 0
        self.token = tokens[0]
        self.kind = self.token[0]
        self.previous_end = 0

    def advance(self) -> Token:
        """Move on (never past the end); the token that was current."""
        token = self.token
        if token[0] != "end":
            self.index += 1
            self.previous_end = token[3]
            self.token = self.tokens[self.index]
            self.kind = self.token[0]
        return token

    def peek(self, ahead: int = 1) -> Token:
        """The token `ahead` of the current one, or the end."""
        return self.tokens[min(self.index + ahead, len(self.tokens) - 1)]

    def word(self) -> str | None:
        """The standard word that the current token stands for, if it is a word of the language."""
        return self.dialect.canonical(self.token[1]) if self.kind == "name" else None

    def first_on_line(self) -> bool:
        """Whether only blanks stand before the current token on its line."""
        return self.index == 0 or "\n" in self.code[self.previous_end : self.token[2]]

    def on_next_statement(self) -> bool:
        """Whether the current token begins a line that can only be another statement."""
        if self.kind != "name" or not self.index or not self.first_on_line():
            return False
        return self.peek()[1] == "=" or self.word() == "emit"

    def adjacent(self, ahead: int = 1) -> bool:
        """Whether nothing stands between the token `ahead` of the current one and the one before that."""
        return self.peek(ahead - 1)[3] == self.peek(ahead)[2]

    def take_sign(self, sign: str) -> bool:
        """Move past `sign` if it is there."""
        if self.token[1] == sign and self.kind == "sign":
            self.advance()
            return True
        return False

    # Expectations

    def open(self, name: Token) -> None:
        """`(` after a word."""
        if not self.take_sign("("):
            found = f", found {self.shown(self.token)}" if self.kind == "bad" else ""
            self.fail("missing-parenthesis", f"missing '(' after {quoted(name[1])}{found}", name)

    def close(self, name: Token, word: str) -> None:
        """`)` that closes the call of `name`, which stands for the standard `word`."""
        if self.take_sign(")"):
            return
        self.fail_missing_comma(word)
        if self.kind != "bad_pipe":
            self.fail_bad_token()
        self.fail_missing_close(f"to close {quoted(name[1] + '(')}", (name[2], self.previous_end))
        expected = "',' or ')'" if word in _LISTS else "')'"
        message = f"expected {expected} in {name[1]}(...), found {self.shown(self.token)}"
        self.fail("syntax", message, self.token, self.shape(word))

    def fail_missing_close(self, what: str, span: Span) -> None:
        """If the text goes on outside of the parentheses, `)` is missing there."""
        if self.kind in ("end", "pipe", "bad_pipe") or self.first_on_line():
            # Only blanks and comments stand between two tokens.
            line = self.code[self.previous_end : self.token[2]].partition("\n")[0]
            help = "the rest of the line is a comment: it begins with --" if "--" in line else ""
            self.fail_span("missing-parenthesis", f"missing ')' {what}", span, help)

    def fail_missing_comma(self, word: str) -> None:
        """If what follows can only be the next item of a list, say that a comma is missing."""
        if self.kind != "name" or word not in _LISTS:
            return
        following = self.peek()[1]
        if word in ("compute", "aggregate"):
            missing = following == ":"
        else:
            missing = not self.first_on_line() or following in (",", ")")
        if missing:
            self.fail("syntax", f"missing ',' before {quoted(self.token[1])}", self.token)

    def quoted_word(self, word: str) -> str:
        """The dialect's word for a standard one, in quotes."""
        return quoted(self.dialect.word(word))

    def shape(self, word: str) -> str:
        """How a stage, a source or a function is written."""
        return SHAPES[word].format(**self.dialect.words())

    def expect_name(self, what: str, help: str = "") -> Token:
        """An identifier; `what` says what it would be."""
        if self.kind == "name":
            return self.advance()
        self.fail_bad_token()
        if self.kind == "text":
            message = f"expected {what}, found the text {quoted(self.token[1][1:-1])}"
            self.fail("syntax", message, self.token, "names are written without quotes")
        self.fail("syntax", f"expected {what}, found {self.shown(self.token)}", self.token, help)

    def expect_sign(self, sign: str, what: str, help: str = "") -> None:
        """The sign, described by `what` in the message."""
        if not self.take_sign(sign):
            self.fail_bad_token()
            self.fail("syntax", f"expected {what}, found {self.shown(self.token)}", self.token, help)

    def expect_colon(self, name: Token, help: str) -> None:
        """`:` after the name of a new column."""
        if self.take_sign(":"):
            return
        if self.token[1] == "=":
            self.fail("syntax", f"write ':' after {quoted(name[1])}, not '='", self.token, help)
        self.expect_sign(":", f"':' after {quoted(name[1])}", help)

    def column(self, what: str) -> Column:
        """A column's name."""
        token = self.expect_name(what)
        return Column(token[1], span=(token[2], token[3]))

    def text_literal(self, what: str) -> str:
        """A text in double quotes, its escapes resolved."""
        if self.kind != "text":
            self.fail_bad_token()
            self.fail("syntax", f"expected {what}, found {self.shown(self.token)}", self.token)
        return self.unescape(self.advance())

    def unescape(self, token: Token) -> str:
        """The value of a text token."""
        text = token[1][1:-1]
        if "\\" not in text:
            return text
        parts: list[str] = []
        index = 0
        while index < len(text):
            if text[index] != "\\":
                end = text.find("\\", index)
                end = len(text) if end < 0 else end
                parts.append(text[index:end])
                index = end
                continue
            follows = text[index + 1]
            place = token[2] + 1 + index
            if follows in _ESCAPES:
                parts.append(_ESCAPES[follows])
                index += 2
            elif follows == "u":
                parts.append(self.code_point(text[index + 2 : index + 6], place))
                index += 6
            else:
                message = f"unknown escape '\\{follows}' in a text"
                help = r"escapes: \" \\ \n \t \r \uXXXX"
                self.fail_span("bad-escape", message, (place, place + 2), help)
        return "".join(parts)

    def code_point(self, digits: str, place: int) -> str:
        """The character of `\\uXXXX`; surrogates are not characters."""
        if len(digits) == 4 and all(d in "0123456789abcdefABCDEF" for d in digits):
            value = int(digits, 16)
            if not 0xD800 <= value <= 0xDFFF:
                return chr(value)
        message = "'\\u' takes four hexadecimal digits of a character"
        help = r"for example \u00e9; or write the character itself"
        self.fail_span("bad-escape", message, (place, place + 2 + len(digits)), help)

    # Failures

    def report(self, failure: SyntaxFailure) -> None:
        """Keep what is wrong, and go on."""
        found = self.source.diagnostic(failure.code, failure.message, failure.span, failure.help)
        self.diagnostics.append(found)
        if len(self.diagnostics) >= MAX_ERRORS:
            raise TooManyErrors

    def fail(self, code: str, message: str, token: Token, help: str = "") -> NoReturn:
        """Raise a SyntaxFailure at a token; where something is missing at the end, at what stands last."""
        raise self.failure(code, message, token, help)

    def failure(self, code: str, message: str, token: Token, help: str = "") -> SyntaxFailure:
        """A SyntaxFailure at a token."""
        if token[0] == "end" or (token is self.token and self.on_next_statement()):
            return SyntaxFailure(code, message, (max(0, self.previous_end - 1), self.previous_end), help)
        return SyntaxFailure(code, message, (token[2], token[3]), help)

    def fail_span(self, code: str, message: str, span: Span, help: str = "") -> NoReturn:
        """Raise a SyntaxFailure at a span."""
        raise SyntaxFailure(code, message, span, help)

    def fail_bad_token(self) -> None:
        """If the current token is no token of the language at all, say so rather than what was expected."""
        kind, text, *_ = token = self.token
        if kind == "bad_text" and text[0] == '"':
            self.fail("unterminated-text", "this text has no closing double quote", token)
        if kind == "bad_text":
            closed = len(text) > 1 and text[-1] in "'’”"
            example = f": {print_text(text[1:-1])}" if closed and len(text) <= 60 else ""
            self.fail("bad-quotes", f"text is written in double quotes{example}", token)
        if kind == "bad":
            self.fail_bad_character(token)
        if kind == "bad_pipe":
            message = f"the pipe is written {quoted(self.dialect.pipe)}, not {quoted(text)}"
            self.fail("bad-pipe", message, token)

    def fail_bad_character(self, token: Token) -> NoReturn:
        """A character that begins no token."""
        text = token[1]
        if not text.isprintable():
            message = f"unexpected character U+{ord(text):04X}, which cannot be seen; delete it"
            self.fail("bad-character", message, token)
        if text == "`" and self.peek()[1] == self.peek(2)[1] == "`":
            message = "a program is written without Markdown fences"
            self.fail_span("bad-character", message, (token[2], token[2] + 3))
        hint = self.dot_hint() if text == "." else SIGNS.get(text, "")
        if text == "[" and self.adjacent(0) and self.tokens[self.index - 1][0] == "name":
            hint = "a column is written by its name alone"
        hint = f"; {hint.format(**self.dialect.words())}" if hint else ""
        self.fail("bad-character", f"unexpected character {quoted(text)}{hint}", token)

    def dot_hint(self) -> str:
        """What a `.` was probably meant to be."""
        if self.peek()[0] == "number":
            return f"write 0.{self.peek()[1]}"
        if self.index and self.tokens[self.index - 1][0] == "number":
            return "a number ends in a digit"
        if self.peek(2)[1] == "(":
            return f"a stage follows after {quoted(self.dialect.pipe)}"
        return "a column is written without its table"

    def shown(self, token: Token) -> str:
        """A token as messages show it."""
        if token[0] == "end":
            return "the end of the program"
        if token is self.token and self.on_next_statement():
            return "the next line"
        return quoted(token[1], 30)
