"""Search over programs: one edit after the other, keeping the best few. Nothing here touches an episode."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TypeVar

from dsl_debug.agents.aims import LIKELY, UNLIKELY, aimed
from dsl_debug.agents.edits import neighbours
from dsl_debug.agents.rewrite import Surroundings
from dsl_debug.agents.seen import Seen
from dsl_debug.lang import Program

Worth = tuple[float, ...]
S = TypeVar("S", bound=Worth)


def changes(program: Program, around: Surroundings, goal: Seen) -> Iterator[Program]:
    """What one edit makes of a program, the likelier ones first."""
    yield from aimed(program, around, goal, LIKELY)
    yield from (edit.program for edit in neighbours(program, around))
    yield from aimed(program, around, goal, UNLIKELY)


def explore(
    starts: Iterable[Program],
    expand: Callable[[Program], Iterable[Program]],
    score: Callable[[Program], S],
    width: int,
    depth: int,
    limit: int,
) -> Iterator[tuple[S, Program]]:
    """Beam search: every program met with its score, breadth first, until the caller has seen enough.

    Of each layer the `width` best programs are expanded, earlier ones first among equals, `depth` times at
    most; the search ends when `limit` programs were scored.
    """
    met: set[Program] = set()
    layer = starts
    for _ in range(depth + 1):
        scored: list[tuple[S, Program]] = []
        for program in layer:
            if program in met:
                continue
            if len(met) >= limit:
                return
            met.add(program)
            scored.append((score(program), program))
            yield scored[-1]
        scored.sort(key=lambda item: item[0], reverse=True)
        layer = chain.from_iterable(expand(program) for _, program in scored[:width])
