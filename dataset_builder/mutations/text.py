"""Slips of the pen: mistakes in the text of a program, which then does not parse or names what is not there.

Each function gives the typos of a kind in the printed text of a program, in a random order.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from itertools import pairwise
from random import Random

from dataset_builder.mutations.places import Place, line_at
from dsl_debug.agents.rewrite import Surroundings
from dsl_debug.lang import STANDARD, Program, parse, print_program
from dsl_debug.lang.functions import AGGREGATES
from dsl_debug.lang.nodes import Column, Load, Node, Ref
from dsl_debug.lang.tokens import Token, tokenize

KEYWORDS = ("load", "join", "filter", "select", "compute", "group_by", "aggregate", "sort_by", "take")
CALLED = (*KEYWORDS, *AGGREGATES)
LEAST_LETTERS = 3
"""A shorter word is hardly misspelt, and what comes out is no longer recognised."""


@dataclass(frozen=True, slots=True)
class Typo:
    """A text with a typo in it. `line` (from 1) is where; `original` and `mutated` are what stood there."""

    place: Place
    code: str
    line: int
    description: str
    original: str
    mutated: str


Slip = tuple[int, int, str, str]
"""What is replaced (two offsets), by what, and what is wrong with that."""

Slips = Callable[[str, Program, Random], Iterator[Slip]]


def typos(slips: Slips) -> Callable[[Program, Surroundings, Random], Iterator[Typo]]:
    """The slips of a kind as typos, in a random order."""

    def make(program: Program, around: Surroundings, rng: Random) -> Iterator[Typo]:
        code = print_program(program)
        printed = parse(code)
        found = list(slips(code, printed, rng))
        rng.shuffle(found)
        for slip in found:
            yield _typo(code, printed, slip)

    return make


def _typo(code: str, program: Program, slip: Slip) -> Typo:
    start, end, new, description = slip
    changed = code[:start] + new + code[end:]
    line = line_at(code, start)
    before, after = (text.split("\n")[line - 1].strip() for text in (code, changed))
    return Typo(_place_at(program, start), changed, line, description, before, after)


def _place_at(program: Program, offset: int) -> Place:
    """The stage or source that an offset is in; for `emit`, the last stage of what is emitted."""
    if offset >= program.emit.span[0]:
        emitted = program.find(program.emit.name)
        return program.emit.name, len(emitted.stages) - 1 if emitted else -1
    statement = [s for s in program.statements if s.span[0] <= offset][-1]
    # A slip in the pipe belongs to the stage behind it.
    ends = [i for i, stage in enumerate(statement.stages) if stage.span[1] > offset]
    before_stages = offset < _source_end(statement.source)
    return statement.name, -1 if before_stages or not ends else ends[0]


def _source_end(source: Node) -> int:
    return source.span[1]


def misspelt(word: str, rng: Random) -> str:
    """A word with two neighbouring letters swapped, or one left out, or one doubled."""
    way = rng.randrange(3)
    # The first letter is nearly always right.
    i = rng.randrange(1, len(word) - 1)
    if way == 0:
        return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    return word[:i] + word[i + 1 :] if way == 1 else word[: i + 1] + word[i:]


def _respelt(word: str, start: int, rng: Random, what: str) -> Iterator[Slip]:
    if len(word) >= LEAST_LETTERS:
        new = misspelt(word, rng)
        if new != word:
            yield start, start + len(word), new, f"misspells {what} `{word}` as `{new}`"


def _tokens(code: str) -> list[Token]:
    return tokenize(code, STANDARD).tokens


def keyword_typos(code: str, program: Program, rng: Random) -> Iterator[Slip]:
    """`fliter` for `filter`, and the like."""
    tokens = _tokens(code)
    for (_, word, start, _), (_, after, _, _) in pairwise(tokens):
        if after == "(" and word in CALLED:
            yield from _respelt(word, start, rng, "the word")
    yield from _respelt("emit", program.emit.span[0], rng, "the word")


def missing_pipes(code: str, program: Program, rng: Random) -> Iterator[Slip]:
    """A stage without its pipe, or with half of it."""
    for kind, _, start, end in _tokens(code):
        if kind == "pipe":
            new = rng.choice(("", "", "| ", "> "))
            wrong = f"writes `{new.strip()}` for the pipe" if new else "leaves out the pipe before a stage"
            yield start, end + 1, new, wrong


def missing_parentheses(code: str, program: Program, rng: Random) -> Iterator[Slip]:
    """An opening or a closing parenthesis that is not there."""
    for _, sign, start, end in _tokens(code):
        if sign in "()" and sign:
            which = "an opening" if sign == "(" else "a closing"
            yield start, end, "", f"leaves out {which} parenthesis"


def missing_quotes(code: str, program: Program, rng: Random) -> Iterator[Slip]:
    """A text without one of its quotes, or without both."""
    for kind, text, start, end in _tokens(code):
        if kind == "text":
            new = rng.choice((text[1:], text[:-1], text[1:-1]))
            which = "the quotes of" if len(new) == len(text) - 2 else "a quote of"
            yield start, end, new, f"leaves out {which} {text}"


def single_equals(code: str, program: Program, rng: Random) -> Iterator[Slip]:
    """`=` for `==`."""
    for _, sign, start, end in _tokens(code):
        if sign == "==":
            yield start, end, "=", "writes `=` for `==`"


def misspelt_columns(code: str, program: Program, rng: Random) -> Iterator[Slip]:
    """A column under a name that no table has."""
    for node in _nodes(program):
        if isinstance(node, Column):
            yield from _respelt(node.name, node.span[0], rng, "the column")


def misspelt_names(code: str, program: Program, rng: Random) -> Iterator[Slip]:
    """A table under a name that neither the program nor the database has."""
    for node in _nodes(program):
        if isinstance(node, Ref):
            yield from _respelt(node.name, node.span[0], rng, "the name")
        elif isinstance(node, Load):
            start = code.index(node.table, node.span[0]) if node.table in code[slice(*node.span)] else -1
            yield from _respelt(node.table, start, rng, "the table") if start >= 0 else ()
    emitted = program.emit.name
    yield from _respelt(emitted, program.emit.span[1] - len(emitted), rng, "the name")


def _nodes(program: Program) -> Iterator[Node]:
    """Every node of the statements, from the first to the last. Without recursion: programs may be deep."""
    waiting: list[object] = [program.statements]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple):
            waiting += reversed(node)
        elif isinstance(node, Node):
            yield node
            waiting += reversed([getattr(node, f.name) for f in fields(node) if f.compare])
