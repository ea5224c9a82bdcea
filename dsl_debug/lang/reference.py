"""The language reference: one Markdown page per operator, function and concept, served by topic.

The pages lie beside this file, in `docs/`, written in the standard words. In another dialect they are
rendered with its words: programs are parsed and printed, what does not parse is translated word by word, and
diagnostics are produced afresh, so that a page never shows a word that its reader does not have.
"""

import re
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from dsl_debug.lang.dialect import PIPE, STANDARD, WORDS, Dialect
from dsl_debug.lang.errors import DslError, did_you_mean, quoted
from dsl_debug.lang.executor import run
from dsl_debug.lang.nodes import Value
from dsl_debug.lang.parser import parse
from dsl_debug.lang.printer import print_program

FOLDER = Path(__file__).parent / "docs"

# The order of the whole reference.
TOPICS: tuple[str, ...] = (
    *("overview", "program", "comments", "values", "expressions"),
    *("load", "join", "filter", "select", "compute", "group_by", "aggregate", "sort_by", "take", "emit"),
    *("sum", "avg", "min", "max", "count", "count_distinct"),
    *("errors", "limits", "debugging"),
)

# What else people and models ask for.
ALIASES: dict[str, str] = {
    **dict.fromkeys(("help", "index", "intro", "language", "reference", "tables"), "overview"),
    **dict.fromkeys(("operations", "operators", "stages", "keywords"), "overview"),
    **dict.fromkeys((PIPE, "pipe", "pipes", "pipeline", "statement", "statements"), "program"),
    **dict.fromkeys(("name", "names", "programs", "syntax", "="), "program"),
    **dict.fromkeys(("comment", "--", "#", "//"), "comments"),
    **dict.fromkeys(("value", "type", "types", "text", "texts", "string", "strings", "escapes"), "values"),
    **dict.fromkeys(("number", "numbers", "int", "float", "null", "mixed", "equality", "literals"), "values"),
    **dict.fromkeys(("expression", "condition", "conditions", "comparison", "comparisons"), "expressions"),
    **dict.fromkeys(("and", "or", "not", "arithmetic", "parentheses"), "expressions"),
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/"), "expressions"),
    **dict.fromkeys(("read", "from", "source", "sources"), "load"),
    **dict.fromkeys(("joins", "on", "merge", "inner_join"), "join"),
    **dict.fromkeys(("where", "having", "filters"), "filter"),
    **dict.fromkeys(("columns", "column", "project", "projection"), "select"),
    **dict.fromkeys(("calculate", "derive", "extend", "mutate", "rename"), "compute"),
    **dict.fromkeys(("group", "groups", "groupby"), "group_by"),
    **dict.fromkeys(("agg", "aggregates", "aggregation", "summarize", "function", "functions"), "aggregate"),
    **dict.fromkeys(("sort", "order", "order_by", "orderby", "asc", "desc"), "sort_by"),
    **dict.fromkeys(("ascending", "descending"), "sort_by"),
    **dict.fromkeys(("first", "head", "limit", "top"), "take"),
    **dict.fromkeys(("output", "result", "return"), "emit"),
    **dict.fromkeys(("add", "total"), "sum"),
    **dict.fromkeys(("average", "mean"), "avg"),
    **dict.fromkeys(("minimum", "smallest"), "min"),
    **dict.fromkeys(("maximum", "largest"), "max"),
    **dict.fromkeys(("size",), "count"),
    **dict.fromkeys(("distinct", "nunique", "unique"), "count_distinct"),
    **dict.fromkeys(("diagnostic", "diagnostics", "error", "message", "messages"), "errors"),
    **dict.fromkeys(("timeout", "budget"), "limits"),
    **dict.fromkeys(("debug", "bug", "bugs", "tools", "run", "inspect", "submit"), "debugging"),
}

# The tables that the examples run on; the overview page shows them.
EXAMPLE_TABLES: dict[str, list[dict[str, Value]]] = {
    "orders": [
        {"order_id": 101, "customer": 1, "city": "Oslo", "status": "paid", "quantity": 2, "price": 9.5},
        {"order_id": 102, "customer": 2, "city": "Bergen", "status": "paid", "quantity": 1, "price": 40},
        {"order_id": 103, "customer": 1, "city": "Oslo", "status": "open", "quantity": 5, "price": 3},
        {"order_id": 104, "customer": 3, "city": "Bergen", "status": "paid", "quantity": 4, "price": 9.5},
        {"order_id": 105, "customer": 9, "city": "Oslo", "status": "canceled", "quantity": 1, "price": 40},
        {"order_id": 106, "customer": 2, "city": "Bodo", "status": "open", "quantity": 3, "price": 12},
        {"order_id": 107, "customer": 3, "city": "Bergen", "status": "paid", "quantity": 2, "price": 12},
    ],
    "customers": [
        {"id": 1, "name": "Ada", "city": "Oslo"},
        {"id": 2, "name": "Ben", "city": "Bergen"},
        {"id": 3, "name": "Cleo", "city": "Oslo"},
        {"id": 4, "name": "Dan", "city": "Bodo"},
    ],
    "readings": [
        {"sensor": "a", "value": 12},
        {"sensor": "a", "value": 9},
        {"sensor": "b", "value": "n/a"},
        {"sensor": "b", "value": 7.5},
        {"sensor": "a", "value": "9"},
    ],
}

_FENCED = re.compile(r"^```(\w+)\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
_INLINE_CODE = re.compile(r"`([^`\n]+)`")
# Texts and comments are matched so that they can be left alone.
_TOKEN = re.compile(rf'"(?:[^"\\\n]|\\.)*"|--[^\n]*|{re.escape(PIPE)}|[^\W\d]\w*')
_CALL = re.compile(r"(?<=\w)\s*\(.*", re.DOTALL)
_FILLER = re.compile(r"_(?:functions?|operations?|operators?|stages?|statements?|syntax)$")

_EXAMPLE_SECTIONS = ("Example", "Examples", "Mistakes", "Tables of the examples")


class Example(NamedTuple):
    """A program over `EXAMPLE_TABLES` and what comes of it; `kind` is `output` or `error`."""

    code: str
    kind: str
    expected: str


class _Block(NamedTuple):
    """A paragraph, list or heading of a page (kind ""), or what a fence of that kind holds."""

    kind: str
    text: str


def read_docs(topic: str, dialect: Dialect = STANDARD) -> str:
    """The page about an operator, a function or a concept, in the words of `dialect`.

    A topic may be written as in a program (`filter(...)`) or be called as other languages call it. Empty or
    "all" gives every page without its examples, which would fill a model's context; an unknown topic gives
    the list of topics and the nearest one.
    """
    name = _find(topic, dialect)
    if name is not None:
        return _page(name, dialect)
    if topic.strip().lower() in ("", "all"):
        return "\n\n".join(_rules(t, dialect) for t in TOPICS)
    names = [dialect.word(t) if t in WORDS else t for t in TOPICS]
    hint = did_you_mean(_key(topic, dialect), names) or "."
    return f"no page {quoted(topic.strip())}{hint} Topics: {', '.join(names)}"


@lru_cache(maxsize=64)
def examples(topic: str) -> tuple[Example, ...]:
    """The examples on the page of one of `TOPICS`, in order; raises ValueError for another topic."""
    if topic not in TOPICS:
        raise ValueError(f"no page {quoted(topic)}")
    blocks = _blocks(topic)
    return tuple(
        Example(code.text, result.kind, result.text)
        for code, result in pairwise(blocks)
        if code.kind == "dsl"
    )


# Topics


def _find(topic: str, dialect: Dialect) -> str | None:
    """The page that a topic means; a word of the dialect goes before everything else."""
    if topic.strip().strip("`") == dialect.pipe:
        return "program"
    words = {surface.lower(): word for word, surface in dialect.words().items()}
    key = _key(topic, dialect)
    for name in (key, _FILLER.sub("", key)):
        name = words.get(name, name)
        name = name if name in TOPICS else ALIASES.get(name, "")
        if name:
            return name
    return None


def _key(topic: str, dialect: Dialect) -> str:
    """`|> Sort by(price)` -> `sort_by`."""
    text = topic.strip().strip("`'\"").removeprefix(dialect.pipe).strip().lower()
    text = re.sub(r"(?<=\w)[\s-]+(?=\w)", "_", _CALL.sub("", text))
    return text.rstrip(":?.,") or text


# Pages


@lru_cache(maxsize=1024)
def _page(topic: str, dialect: Dialect) -> str:
    if dialect == STANDARD:
        return _text(topic)
    parts: list[str] = []
    for kind, text in _without_empty_sections(_translated(_blocks(topic), dialect)):
        part = f"```{kind}\n{text}\n```" if kind else text
        if kind in ("output", "error"):  # right below its program
            part = f"{parts.pop()}\n{part}"
        parts.append(part)
    return "\n\n".join(parts)


def _rules(topic: str, dialect: Dialect) -> str:
    """A page without the sections that only show examples."""
    head, *sections = _page(topic, dialect).split("\n\n## ")
    kept = [section for section in sections if section.partition("\n")[0] not in _EXAMPLE_SECTIONS]
    return "\n\n## ".join([head, *kept])


def _text(topic: str) -> str:
    return (FOLDER / f"{topic}.md").read_text(encoding="utf-8").strip()


@lru_cache(maxsize=64)
def _blocks(topic: str) -> tuple[_Block, ...]:
    """A page, cut at its fences and at its blank lines."""
    blocks: list[_Block] = []
    pieces = _FENCED.split(_text(topic))  # prose, kind, text, prose, kind, text, ..., prose
    for index in range(0, len(pieces), 3):
        blocks += [_Block("", part.strip()) for part in pieces[index].split("\n\n") if part.strip()]
        if index + 2 < len(pieces):
            blocks.append(_Block(pieces[index + 1], pieces[index + 2]))
    return tuple(blocks)


def _translated(blocks: tuple[_Block, ...], dialect: Dialect) -> list[_Block]:
    made: list[_Block] = []
    for index, block in enumerate(blocks):
        if block.kind == "dsl":
            result = blocks[index + 1]
            example = _translated_example(Example(block.text, result.kind, result.text), dialect)
            if example:
                made += [_Block("dsl", example.code), _Block(example.kind, example.expected)]
            elif made and made[-1].text.endswith(":"):
                made.pop()  # the sentence that leads to the example
        elif block.kind == "syntax":
            made.append(_Block("syntax", _translated_words(block.text, dialect)))
        elif not block.kind:
            made.append(_Block("", _translated_prose(block.text, dialect)))
    return made


def _translated_example(example: Example, dialect: Dialect) -> Example | None:
    """The example in the dialect; None for a mistake that is another one, or none at all, there."""
    try:
        code = print_program(parse(example.code), dialect).rstrip()
    except DslError:
        code = _translated_words(example.code, dialect)
    if example.kind == "output":
        return Example(code, "output", example.expected)
    error = _error(code, dialect)
    if error is None or _codes(error) != _codes(_error(example.code, STANDARD)):
        return None
    return Example(code, "error", str(error))


def _error(code: str, dialect: Dialect) -> DslError | None:
    try:
        run(code, EXAMPLE_TABLES, dialect=dialect)
    except DslError as error:
        return error
    return None


def _codes(error: DslError | None) -> list[str]:
    return [d.code for d in error.diagnostics] if error else []


def _translated_prose(text: str, dialect: Dialect) -> str:
    """Inline code is translated, and a title that is a word of the language."""
    if text.removeprefix("# ") in WORDS:
        return f"# {dialect.word(text.removeprefix('# '))}"
    return _INLINE_CODE.sub(lambda match: f"`{_translated_words(match[1], dialect)}`", text)


def _translated_words(code: str, dialect: Dialect) -> str:
    """Code that need not parse, with every word of the language and every pipe replaced."""
    words = {**dialect.words(), PIPE: dialect.pipe}
    return _TOKEN.sub(lambda match: words.get(match[0], match[0]), code)


def _without_empty_sections(blocks: list[_Block]) -> list[_Block]:
    following = [*blocks[1:], _Block("", "## end")]
    return [
        block
        for block, after in zip(blocks, following, strict=True)
        if block.kind or not block.text.startswith("## ") or not after.text.startswith("## ")
    ]
