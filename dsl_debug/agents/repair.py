"""From a text that does not parse to programs that do, by what its diagnostics say.

Only mistakes of syntax are repaired here; a program with wrong names has a tree, which edits can mend.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from dsl_debug.lang import STANDARD, Diagnostic, Dialect, DslError, Program, node_names, parse

MAX_REPAIRS = 4
MAX_TEXTS = 100
_MEANT = re.compile(r"; did you mean '(.+)'\?")


def repaired(code: str, columns: Iterable[str], dialect: Dialect = STANDARD) -> list[Program]:
    """The programs that mend `code` with the fewest repairs; `code` itself if it parses, [] if none is found.

    `columns` are the names to try where a column is wanted and something else stands.
    """
    names = tuple(dict.fromkeys(columns))
    texts = [code]
    for _ in range(MAX_REPAIRS + 1):
        programs: list[Program] = []
        broken: list[tuple[str, Diagnostic]] = []
        for text in texts:
            try:
                programs.append(parse(text, dialect))
            except DslError as error:
                broken.append((text, error.diagnostics[0]))
        if programs:
            return list(dict.fromkeys(programs))
        fixed = (fix for text, diagnostic in broken for fix in _fixes(text, diagnostic, names, dialect))
        texts = list(dict.fromkeys(fixed))[:MAX_TEXTS]
    return []


def _fixes(text: str, found: Diagnostic, columns: Sequence[str], dialect: Dialect) -> list[str]:
    """Texts without the mistake that a diagnostic names; without its line where nothing better is known."""
    if meant := _MEANT.search(found.message):
        return [_spliced(text, found, meant[1])]
    match found.code:
        case "missing-pipe":
            return [_on_line(text, found, lambda line: _inserted(line, found.column - 1, f"{dialect.pipe} "))]
        case "bad-pipe":
            return [_spliced(text, found, dialect.pipe)]
        case "bad-comparison":
            return [_spliced(text, found, "==")]
        case "missing-parenthesis":
            return [_on_line(text, found, lambda line: f"{line.rstrip()})")]
        case "nested-source":
            return [_named_first(text, found, dialect)]
        case "syntax" if "column" in found.message:
            return [_spliced(text, found, column) for column in columns]
    return [_on_line(text, found, lambda line: "")]


def _on_line(text: str, found: Diagnostic, change: Callable[[str], str]) -> str:
    """The text with the line that a diagnostic names changed."""
    lines = text.split("\n")
    lines[found.line - 1] = change(lines[found.line - 1])
    return "\n".join(lines)


def _spliced(text: str, found: Diagnostic, new: str) -> str:
    """The text with what a diagnostic marks replaced."""
    start, end = found.column - 1, found.end_column - 1
    return _on_line(text, found, lambda line: line[:start] + new + line[end:])


def _inserted(line: str, place: int, new: str) -> str:
    return line[:place] + new + line[place:]


def _named_first(text: str, found: Diagnostic, dialect: Dialect) -> str:
    """`join(a, load("b"), ...)` with `b = load("b")` as a statement before it, where there is none yet."""
    call = re.compile(re.escape(dialect.word("load")) + r'\("(\w+)"\)')
    match = call.search(text.split("\n")[found.line - 1], found.column - 1)
    if match is None:
        return _on_line(text, found, lambda line: "")
    name = match[1]
    mended = _on_line(text, found, lambda line: line[: match.start()] + name + line[match.end() :])
    return mended if name in node_names(text, dialect) else f"{name} = {match[0]}\n{mended}"
