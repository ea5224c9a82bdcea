"""A cursor over tokens: what every part of the parser uses to look, to move and to fail."""

from typing import NoReturn

from dsl_debug.lang.dialect import Dialect
from dsl_debug.lang.errors import quoted
from dsl_debug.lang.nodes import Column, Span
from dsl_debug.lang.tokens import Token

_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t", "r": "\r"}

_HINTS = {
    ";": "; a line ends without a sign",
    "[": "; lists are written without brackets",
    "{": "; there are no braces in this language",
    "&": "; conditions are joined with '{and}'",
    "#": "; a comment starts with --",
    "`": "; names are written without quotes",
    "%": "; there is no remainder operator",
}


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
            message = f"missing '(' after {quoted(name[1])}"
            self.fail("missing-parenthesis", message, name)

    def close(self, name: Token) -> None:
        """`)` that closes the call of `name`."""
        if self.take_sign(")"):
            return
        self.fail_bad_token()
        if self.kind in ("end", "pipe", "bad_pipe") or self.first_on_line():
            span = (name[2], self.previous_end)
            self.fail_span("missing-parenthesis", f"missing ')' to close '{name[1]}('", span)
        message = f"expected ',' or ')' in {name[1]}(...), found {self.shown(self.token)}"
        self.fail("syntax", message, self.token)

    def expect_name(self, what: str, help: str = "") -> Token:
        """An identifier; `what` says what it would be."""
        if self.kind == "name":
            return self.advance()
        self.fail_bad_token()
        if self.kind == "text":
            message = f"expected {what}, found the text {quoted(self.token[1][1:-1])}"
            self.fail("syntax", message, self.token, help or "names are written without quotes")
        self.fail("syntax", f"expected {what}, found {self.shown(self.token)}", self.token, help)

    def expect_sign(self, sign: str, what: str, help: str = "") -> None:
        """The sign, described by `what` in the message."""
        if not self.take_sign(sign):
            self.fail_bad_token()
            self.fail("syntax", f"expected {what}, found {self.shown(self.token)}", self.token, help)

    def expect_colon(self, name: Token, help: str) -> None:
        """`:` after the name of a new column."""
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
        self.fail_span("bad-escape", message, (place, place + 2 + len(digits)))

    # Failures

    def fail(self, code: str, message: str, token: Token, help: str = "") -> NoReturn:
        """Raise a SyntaxFailure at a token (at the end of the program: at its last character)."""
        raise self.failure(code, message, token, help)

    def failure(self, code: str, message: str, token: Token, help: str = "") -> SyntaxFailure:
        """A SyntaxFailure at a token."""
        if token[0] == "end":
            return SyntaxFailure(code, message, (max(0, self.previous_end - 1), self.previous_end), help)
        return SyntaxFailure(code, message, (token[2], token[3]), help)

    def fail_span(self, code: str, message: str, span: Span, help: str = "") -> NoReturn:
        """Raise a SyntaxFailure at a span."""
        raise SyntaxFailure(code, message, span, help)

    def fail_bad_token(self) -> None:
        """If the current token is no token of the language at all, say so rather than what was expected."""
        kind, text, *_ = token = self.token
        if kind == "bad_text":
            if text[0] == '"':
                self.fail("unterminated-text", "this text has no closing double quote", token)
            inner = text[1:-1] if text[-1] in "'’”" and len(text) > 1 else text[1:]
            self.fail(
                "bad-quotes", f"text is written in double quotes: {quoted(inner)}".replace("'", '"'), token
            )
        if kind == "bad":
            hint = self.dot_hint() if text == "." else _HINTS.get(text, "")
            hint = hint.format(**{"and": self.dialect.word("and")})
            self.fail("bad-character", f"unexpected character {quoted(text)}{hint}", token)
        if kind == "bad_pipe":
            if text == "||" and not self.first_on_line():
                message = f"conditions are joined with {quoted(self.dialect.word('or'))}, not {quoted(text)}"
                self.fail("bad-character", message, token)
            message = f"the pipe is written {quoted(self.dialect.pipe)}, not {quoted(text)}"
            self.fail("bad-pipe", message, token)

    def dot_hint(self) -> str:
        """What a `.` was probably meant to be."""
        if self.peek()[0] == "number":
            return f"; write 0.{self.peek()[1]}"
        if self.peek(2)[1] == "(":
            return f"; a stage follows after {quoted(self.dialect.pipe)}"
        return "; a column is written without its table"

    def shown(self, token: Token) -> str:
        """A token as messages show it."""
        if token[0] == "end":
            return "the end of the program"
        return quoted(token[1], 30)
