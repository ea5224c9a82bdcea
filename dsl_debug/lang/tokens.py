"""Text -> tokens. Comments are kept aside, so that the printer can put them back."""

import re
from functools import lru_cache
from typing import NamedTuple

from dsl_debug.lang.dialect import Dialect
from dsl_debug.lang.errors import Diagnostic, DslError

MAX_CHARACTERS = 1_000_000

# kind, text, start, end (offsets; end exclusive). A plain tuple: programs are tokenized by the thousand.
# Kinds: name number text pipe sign (a run of comparison signs, or one other sign) end
#        bad_pipe bad_text bad
Token = tuple[str, str, int, int]


class Tokens(NamedTuple):
    """The tokens of a program, with an `end` token last, and its comments as (start, text with its `--`)."""

    tokens: list[Token]
    comments: list[tuple[int, str]]


def tokenize(code: str, dialect: Dialect) -> Tokens:
    """Split `code`; what is no token becomes one of a `bad` kind, which the parser reports in its place.

    Raises DslError when the text is too long or is no text (lone surrogates).
    """
    _refuse(code)
    tokens: list[Token] = []
    comments: list[tuple[int, str]] = []
    # Blanks at the end would be tried again from each of them.
    for match in _pattern(dialect.pipe).finditer(code.rstrip()):
        kind = match.lastgroup or "bad"
        start, end = match.span(kind)
        if kind == "comment":
            comments.append((start, code[start:end].rstrip()))
        else:
            tokens.append((kind, code[start:end], start, end))
    tokens.append(("end", "", len(code), len(code)))
    return Tokens(tokens, comments)


def _refuse(code: str) -> None:
    if len(code) > MAX_CHARACTERS:
        message = f"the program has {len(code):,} characters; at most {MAX_CHARACTERS:,} are read"
        raise DslError([Diagnostic("too-long", message)])
    if not code.isascii():
        try:
            code.encode()
        except UnicodeEncodeError as error:
            message = (
                f"character {error.start + 1} of the program is half of a surrogate pair, not a character"
            )
            raise DslError([Diagnostic("bad-character", message)]) from None


@lru_cache(maxsize=16)
def _pattern(pipe: str) -> re.Pattern[str]:
    # Possessive quantifiers (`++`) keep every alternative linear in the length of hostile input.
    # A sign that merely begins with the pipe (`|>=`) is a mistyped pipe, not a pipe and a sign.
    alternatives = {
        "comment": r"--[^\n]*+",
        "pipe": re.escape(pipe) + r"(?![<>=!|&])",
        "name": r"[^\W\d]\w*+",
        "number": r"[0-9]++(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?",
        "text": r'"(?:[^"\\\n]++|\\[^\n])*+"',
        "bad_text": r'"[^\n]*+|\'[^\'\n]*+\'?+|“[^”\n]*+”?+|‘[^’\n]*+’?+',
        "bad_pipe": r"\|[<>=!|&]*+|" + re.escape(pipe) + r"[<>=!|&]++",
        "sign": r"[<>=!]++|[()+\-*/:,]",
        "bad": r"\S",
    }
    kinds = "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in alternatives.items())
    # Blanks are part of the pattern: the search would try every alternative at each of them.
    return re.compile(rf"\s*+(?:{kinds})")
