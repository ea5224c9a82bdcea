"""Puts comments back where they belong in the tree.

A comment behind a statement's head, a stage or `emit` on the same line stays behind it; any other goes
before the next of those, and what follows the last one ends the program.
"""

from bisect import bisect_right
from dataclasses import replace

from dsl_debug.lang.nodes import Comments, Emit, Span, Statement

# (statement, 0) is a statement's head, (statement, n) its n-th stage; emits come after the statements.
_Key = tuple[int, int]


def attach_comments(
    code: str, comments: list[tuple[int, str]], statements: list[Statement], emits: list[Emit]
) -> tuple[list[Statement], list[Emit], tuple[str, ...]]:
    """The statements and emits with `comments` (offset, text) on them, and those at the end."""
    pieces = _pieces(statements, emits)
    starts = [span[0] for span, _ in pieces]
    before: dict[_Key, list[str]] = {}
    after: dict[_Key, str] = {}
    last: list[str] = []
    for offset, text in comments:
        index = bisect_right(starts, offset) - 1
        if index >= 0:
            (_, end), key = pieces[index]
            if offset < end:
                before.setdefault(key, []).append(text)
                continue
            if code.find("\n", end, offset) < 0:
                after[key] = text
                continue
        if index + 1 < len(pieces):
            before.setdefault(pieces[index + 1][1], []).append(text)
        else:
            last.append(text)

    def found(key: _Key) -> Comments:
        return Comments(tuple(before.get(key, ())), after.get(key))

    changed = [
        replace(
            statement,
            comments=found((number, 0)),
            stages=tuple(
                replace(stage, comments=found((number, place)))
                for place, stage in enumerate(statement.stages, 1)
            ),
        )
        for number, statement in enumerate(statements)
    ]
    new_emits = [replace(e, comments=found((len(statements) + i, 0))) for i, e in enumerate(emits)]
    return changed, new_emits, tuple(last)


def _pieces(statements: list[Statement], emits: list[Emit]) -> list[tuple[Span, _Key]]:
    """What a comment can belong to, in the order of the text."""
    pieces: list[tuple[Span, _Key]] = []
    for number, statement in enumerate(statements):
        pieces.append(((statement.span[0], statement.source.span[1]), (number, 0)))
        pieces.extend((stage.span, (number, place)) for place, stage in enumerate(statement.stages, 1))
    pieces.extend((emit.span, (len(statements) + i, 0)) for i, emit in enumerate(emits))
    return sorted(pieces)
