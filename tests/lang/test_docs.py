"""The reference says what the language does: every example runs, in the standard words and in others."""

import re
from dataclasses import fields
from itertools import pairwise
from random import Random

import pytest

from dsl_debug.lang import STANDARD, Dialect, DslError, Limits, check, run
from dsl_debug.lang.dialect import PIPE, WORDS
from dsl_debug.lang.expressions import MAX_DEPTH
from dsl_debug.lang.functions import AGGREGATES
from dsl_debug.lang.operators import OPERATORS
from dsl_debug.lang.parser import STAGES
from dsl_debug.lang.reference import ALIASES, EXAMPLE_TABLES, FOLDER, TOPICS, Example, examples, read_docs
from dsl_debug.lang.table import RENDERED_ROWS, Table
from dsl_debug.lang.tokens import MAX_CHARACTERS

STATEMENT_WORDS = {"load", "join", "emit"}
WORD_TOPICS = [topic for topic in TOPICS if topic in WORDS]
ALL_EXAMPLES = [(topic, number, e) for topic in TOPICS for number, e in enumerate(examples(topic), 1)]
FENCE = re.compile(r"^```(\w+)\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
DIALECTS = [Dialect.random(Random(seed)) for seed in range(25)]
# Every word stands for another one: the words are the standard ones, shifted by one.
SHIFTED = Dialect(dict(zip(WORDS, [*WORDS[1:], WORDS[0]], strict=True)))


def outcome(code: str, dialect: Dialect = STANDARD) -> tuple[str, str]:
    try:
        return "output", run(code, EXAMPLE_TABLES, dialect=dialect).render()
    except DslError as error:
        return "error", str(error)


def pairs(page: str) -> list[Example]:
    """The programs of a rendered page, each with the fence that follows."""
    blocks = FENCE.findall(page)
    return [Example(code, kind, text) for (first, code), (kind, text) in pairwise(blocks) if first == "dsl"]


def identifiers(code: str) -> set[str]:
    without_texts = re.sub(r'"(?:[^"\\\n]|\\.)*"|--[^\n]*', " ", code)
    return set(re.findall(r"[^\W\d]\w*", without_texts))


# Pages


@pytest.mark.parametrize(
    ("topic", "example"), [pytest.param(t, e, id=f"{t}-{n}") for t, n, e in ALL_EXAMPLES]
)
def test_an_example_gives_exactly_what_its_page_says(topic: str, example: Example) -> None:
    assert outcome(example.code) == (example.kind, example.expected)


def test_there_is_one_page_per_topic_and_none_besides() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(f"{topic}.md" for topic in TOPICS)
    assert len(set(TOPICS)) == len(TOPICS)


def test_every_operator_and_function_has_a_page_of_its_own() -> None:
    implemented = {re.sub(r"(?<!^)(?=[A-Z])", "_", node.__name__).lower() for node in OPERATORS}
    assert implemented | {"group_by"} == set(STAGES)
    assert set(WORD_TOPICS) == STATEMENT_WORDS | set(STAGES) | set(AGGREGATES)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_page_has_its_title_one_sentence_and_a_result_below_every_program(topic: str) -> None:
    page = read_docs(topic)
    title, blank, sentence, blank_too = page.splitlines()[:4]
    assert (title, blank, blank_too) == (f"# {topic}", "", "")
    assert sentence.endswith(".")
    assert 20 <= len(page.splitlines()) <= 90
    kinds = [kind for kind, _ in FENCE.findall(page)]
    assert set(kinds) <= {"syntax", "dsl", "output", "error"}
    assert kinds.count("dsl") == len(examples(topic)) == kinds.count("output") + kinds.count("error")
    assert page.count("```") == 2 * len(kinds)


@pytest.mark.parametrize("topic", WORD_TOPICS)
def test_the_page_of_a_word_shows_syntax_rules_an_example_and_a_mistake(topic: str) -> None:
    headings = re.findall(r"^## (.*)$", read_docs(topic), re.MULTILINE)
    assert headings == ["Syntax", "Rules", "Examples", "Mistakes"]
    assert {e.kind for e in examples(topic)} == {"output", "error"}
    assert any(topic in identifiers(e.code) for e in examples(topic) if e.kind == "output")


@pytest.mark.parametrize("topic", TOPICS)
def test_words_of_the_language_stand_in_code_only(topic: str) -> None:
    """Or a page in another dialect would show words that its reader does not have."""
    prose = re.sub(r"`[^`\n]+`", "", FENCE.sub("", read_docs(topic)))
    prose = prose.removeprefix(f"# {topic}\n")
    assert set(re.findall(r"\w+", prose.lower())) & set(WORDS) <= {"and", "or", "not", "on"}


def test_the_overview_shows_every_example_table_whole() -> None:
    shown = {e.expected for e in examples("overview")}
    assert {Table.from_rows(rows).render() for rows in EXAMPLE_TABLES.values()} <= shown


def test_the_overview_names_every_word_and_every_page() -> None:
    code = " ".join(re.findall(r"`([^`\n]+)`", read_docs("overview")))
    assert identifiers(code) >= set(TOPICS) - {"overview"}


def test_the_limits_page_gives_the_limits() -> None:
    numbers = re.findall(r"[\d,]+\d", read_docs("limits").split("## Examples")[0])
    limits = {f"{getattr(Limits(), f.name):,.0f}" for f in fields(Limits)}
    others = {f"{MAX_CHARACTERS:,}", str(MAX_DEPTH), str(RENDERED_ROWS)}
    assert limits | others <= set(numbers)


def test_examples_are_for_topics_only() -> None:
    with pytest.raises(ValueError, match="no page 'sort'"):
        examples("sort")


# Topics


@pytest.mark.parametrize(
    ("asked", "topic"),
    [
        *(("FILTER", "filter"), ("filter()", "filter"), ("`filter`", "filter"), (" filter ", "filter")),
        *(("filter(status == 1)", "filter"), ("|> filter", "filter"), ("filter:", "filter")),
        *(("group by", "group_by"), ("Group-By", "group_by"), ("sort_by(price, desc)", "sort_by")),
        *(("filter stage", "filter"), ("aggregate functions", "aggregate"), ('"count"', "count")),
        *(("sort", "sort_by"), ("limit", "take"), ("where", "filter"), ("mean", "avg"), ("average", "avg")),
        *(("group", "group_by"), ("pipe", "program"), ("|>", "program"), ("`|>`", "program")),
        *(("types", "values"), ("--", "comments"), ("==", "expressions"), ("-", "expressions")),
        *(("desc", "sort_by"), ("on", "join"), ("not", "expressions"), ("inspect", "debugging")),
    ],
)
def test_a_topic_is_found_however_it_is_written(asked: str, topic: str) -> None:
    assert read_docs(asked).splitlines()[0] == f"# {topic}"


def test_aliases_lead_to_pages_and_hide_none() -> None:
    assert set(ALIASES.values()) <= set(TOPICS)
    assert not set(ALIASES) & set(TOPICS)
    for alias, topic in ALIASES.items():
        assert read_docs(alias) == read_docs(topic)


@pytest.mark.parametrize("word", WORDS)
def test_every_word_of_the_language_has_a_page(word: str) -> None:
    assert f"`{word}`" in read_docs(word) or f"# {word}" in read_docs(word) or f"{word}:" in read_docs(word)


@pytest.mark.parametrize("asked", ["", "  ", "all", "ALL"])
def test_no_topic_gives_the_whole_reference_in_order(asked: str) -> None:
    whole = read_docs(asked)
    assert re.findall(r"^# (\w+)$", FENCE.sub("", whole), re.MULTILINE) == list(TOPICS)
    rules = [
        read_docs(topic).split("\n\n## Example")[0] for topic in TOPICS if topic not in ("errors", "overview")
    ]
    assert all(page in whole for page in rules)
    assert "```output" not in whole
    assert "## Mistakes" not in whole


@pytest.mark.parametrize(
    ("asked", "beginning"),
    [
        ("fliter", "no page 'fliter'; did you mean 'filter'? Topics: overview, program, "),
        ("foo", "no page 'foo'. Topics: overview, program, "),
        ("(", "no page '('. Topics: "),
        ("...", "no page '...'. Topics: "),
        ("../../secret", "no page '../../secret'. Topics: "),
        ("x\ny", "no page 'x y'. Topics: "),
        ("q" * 1000, f"no page '{'q' * 59}…'. Topics: "),
    ],
)
def test_an_unknown_topic_is_answered_with_the_topics(asked: str, beginning: str) -> None:
    answer = read_docs(asked)
    assert answer.startswith(beginning)
    assert answer.endswith(", errors, limits, debugging")
    assert "\n" not in answer


# Dialects


@pytest.mark.parametrize("number", range(len(DIALECTS)))
def test_a_page_in_a_dialect_shows_no_standard_word_in_code(number: int) -> None:
    dialect = DIALECTS[number]
    quoted_word = re.compile(rf"'({'|'.join(WORDS)})'|\b({'|'.join(WORDS)})\(")
    for topic in TOPICS:
        page = read_docs(dialect.word(topic) if topic in WORDS else topic, dialect)
        inline = re.findall(r"`([^`\n]+)`", FENCE.sub("", page))
        code = [*inline, *(text for kind, text in FENCE.findall(page) if kind in ("syntax", "dsl"))]
        assert not identifiers("\n".join(code)) & set(WORDS), topic
        assert not any(quoted_word.search(text) for kind, text in FENCE.findall(page) if kind == "error")
        assert PIPE not in page
        assert page.splitlines()[0] == f"# {dialect.word(topic) if topic in WORDS else topic}"


@pytest.mark.parametrize("dialect", [*DIALECTS, SHIFTED], ids=str)
def test_examples_in_a_dialect_run_and_give_what_the_page_says(dialect: Dialect) -> None:
    for topic in TOPICS:
        shown = pairs(read_docs(dialect.word(topic) if topic in WORDS else topic, dialect))
        assert [e for e in shown if outcome(e.code, dialect) != (e.kind, e.expected)] == []
        results = [e.expected for e in examples(topic) if e.kind == "output"]
        assert [e.expected for e in shown if e.kind == "output"] == results


@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
def test_a_mistake_that_is_none_in_the_dialect_is_left_out(dialect: Dialect) -> None:
    """`where(...)` is a mistake unless the dialect's filter is called so; then its sentence goes as well."""
    called_where = dialect.word("filter") == "where"
    page = read_docs("errors", dialect)
    assert ("A word of another language:" in page) is not called_where
    codes = [d.code for e in pairs(page) for d in check(e.code, EXAMPLE_TABLES, dialect)]
    assert ("unknown-stage" in codes) is not called_where


def test_the_draw_of_dialects_meets_both_cases_of_the_test_above() -> None:
    assert {d.word("filter") == "where" for d in DIALECTS} == {True, False}


def test_a_section_that_has_lost_all_its_examples_goes_too() -> None:
    dialect = Dialect({"avg": "mean"})
    assert "## Mistakes" in read_docs("avg")
    assert "## Mistakes" not in read_docs("avg", dialect)
    assert read_docs("avg", dialect).startswith("# mean\n\nThe mean of a column in each group.\n")


def test_the_words_of_the_dialect_go_before_standard_words_and_aliases() -> None:
    dialect = Dialect({"filter": "select", "select": "pick", "take": "sort", "sum": "COUNTING"})
    assert read_docs("select", dialect).startswith("# select\n\nKeeps the rows")
    assert read_docs("filter", dialect).startswith("# select\n\nKeeps the rows")
    assert read_docs("pick", dialect).startswith("# pick\n\nKeeps the named columns")
    assert read_docs("sort", dialect).startswith("# sort\n\nKeeps the first rows")
    assert read_docs("counting()", dialect).startswith("# COUNTING\n\nAdds up")


def test_a_dialect_translates_pipes_texts_and_mistakes() -> None:
    dialect = Dialect({"load": "read", "filter": "keep", "emit": "show"}, "~>")
    page = read_docs("keep", dialect)
    assert 'paid = read("orders") ~> keep(status = "paid")\nshow paid' in page
    assert "line 1, column 38: values are compared with '=='" in page
    assert read_docs("~>", dialect).startswith("# program\n")
    assert read_docs("~> keep(x)", dialect) == page
    assert read_docs("keeep", dialect).startswith("no page 'keeep'; did you mean 'keep'? Topics: overview, ")
    assert "filter" not in read_docs("nothing", dialect)


@pytest.mark.parametrize("pipe", ["::", "->", "|", "%"])
def test_any_pipe_leads_to_the_page_about_programs(pipe: str) -> None:
    assert read_docs(pipe, Dialect({}, pipe)).startswith("# program\n")


def test_the_whole_reference_in_a_dialect_has_every_page() -> None:
    dialect = DIALECTS[0]
    titles = [dialect.word(topic) if topic in WORDS else topic for topic in TOPICS]
    assert re.findall(r"^# (\w+)$", FENCE.sub("", read_docs("all", dialect)), re.MULTILINE) == titles
