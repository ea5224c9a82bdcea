"""The system prompts by name: what all tell, what each is there for, and that a text keeps its version."""

import hashlib
import re
from collections.abc import Callable
from random import Random

import pytest

from dsl_debug.data import sample_problems
from dsl_debug.episode import TOOLS, messages
from dsl_debug.episode.python_prompts import python_system_prompt
from dsl_debug.episode.system_prompts import (
    DEFAULT_PROMPT,
    LANGUAGE,
    SYSTEM_PROMPTS,
    prompt_facts,
    system_prompt,
)
from dsl_debug.lang import Dialect, read_docs
from dsl_debug.lang.dialect import WORDS
from dsl_debug.lang.reference import TOPICS
from dsl_debug.problem import PythonProblem
from tests.problems import make_problem

PROBLEM = make_problem()
IN_DIALECT = make_problem(dialect=Dialect.random(Random(7)))
NAMES = list(SYSTEM_PROMPTS)

ARENA = PythonProblem(
    *("logic", "easy", "numbers", "one", "test", "def one(): return 2", "def one(): return 1", "1"),
    tests=({"args": (), "expected": 1},),
    hidden_tests=(),
)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_five_prompts() -> None:
    assert NAMES == ["expert", "pitfalls", "chain_of_thought", "reference", "bare"]
    assert DEFAULT_PROMPT == "expert"
    assert all(prompt.name == name and prompt.purpose for name, prompt in SYSTEM_PROMPTS.items())
    assert len({system_prompt(PROBLEM, name) for name in NAMES}) == 5


# The bytes of the default prompt stand in datasets; those of the others in what results say of them. A text
# that has to change gets a new version here and in the table.
@pytest.mark.parametrize(
    ("name", "version", "digest"),
    [
        ("expert", 1, "647f7462df74121fa135f6039bf85715be43414ff9d5ec82a8885a03df5e1e3a"),
        ("pitfalls", 1, "23067d5664783f653fffb617ecdfba7e549730ba37408f93042dc9a872550804"),
        ("chain_of_thought", 1, "cc8590dbf5e114ec47894c9c1fe057b4990ca60ff87c81ff0056791501dfd882"),
        ("bare", 1, "6a1b5f8f3788103d174d86403773fbf1972092a7c8c8bc3ac2bdcd7339ce2ef6"),
    ],
)
def test_a_text_keeps_its_version(name: str, version: int, digest: str) -> None:
    assert sha256(system_prompt(PROBLEM, name)) == digest
    assert prompt_facts(name, PROBLEM) == {"name": name, "version": version, "sha256": digest}


def test_the_other_texts_of_the_default_prompt_stay_too() -> None:
    without = system_prompt(make_problem(others=()))
    assert sha256(without) == "0db5ee7952c37f4d51d99b9eeb0fd81384e1eaae45378988b0d0983406df3004"
    shown = system_prompt(IN_DIALECT)
    assert sha256(shown) == "ca21d78eae4e7e2d11f683cde9db2266805e036c38f2d2de19a9fda9815ad420"


# What all of them tell


@pytest.mark.parametrize("name", NAMES)
def test_hidden_tables_are_mentioned_where_there_are_any(name: str) -> None:
    remark = "A submission is also run on other rows"
    assert remark in system_prompt(PROBLEM, name)
    assert remark not in system_prompt(make_problem(others=()), name)


@pytest.mark.parametrize("name", NAMES)
def test_submitting_ends_the_episode_and_is_due_in_time(name: str) -> None:
    text = system_prompt(PROBLEM, name)
    assert re.search(r"submit[^.]* once", text)
    assert "ends the episode" in text
    assert "before your turns are used up" in text


@pytest.mark.parametrize("name", NAMES)
def test_a_problem_shows_in_no_other_way(name: str) -> None:
    assert len({system_prompt(problem, name) for problem in sample_problems()}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_dialect_is_explained_by_none(name: str) -> None:
    text = system_prompt(IN_DIALECT, name)
    assert "|>" not in text
    assert "```" not in text
    in_code = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", text))))
    tools = {word for tool in TOOLS.values() for word in (tool.name, *(p.name for p in tool.parameters))}
    assert in_code <= tools
    assert "`read_docs`" in text
    other = make_problem(dialect=Dialect.random(Random(8)))
    assert system_prompt(other, name) == text


@pytest.mark.parametrize("name", NAMES)
def test_messages_begin_with_the_prompt_that_was_asked_for(name: str) -> None:
    system, user = messages(PROBLEM, 4, name)
    assert system == {"role": "system", "content": system_prompt(PROBLEM, name)}
    assert user == messages(PROBLEM, 4)[1]


# What each is there for


def test_the_default_prompt_is_the_one_that_is_not_named() -> None:
    assert system_prompt(PROBLEM) == system_prompt(PROBLEM, "expert")
    assert messages(PROBLEM) == messages(PROBLEM, prompt="expert")


@pytest.mark.parametrize(
    ("name", "heading"), [("pitfalls", "Common mistakes"), ("chain_of_thought", "How to work")]
)
def test_prompts_that_add_a_part_to_the_default_one(name: str, heading: str) -> None:
    before, _, rest = system_prompt(PROBLEM, name).partition(f"\n\n# {heading}\n\n")
    after = rest.partition("\n\n# ")
    without = before + "".join(after[1:])
    assert without.removeprefix("You are an expert in debugging. ") == system_prompt(PROBLEM)
    assert len(system_prompt(PROBLEM, name).split()) < 600


def test_common_mistakes_are_told_in_plain_words() -> None:
    part = system_prompt(PROBLEM, "pitfalls").partition("# Common mistakes")[2].partition("\n# ")[0]
    assert "`" not in part
    assert not {word for word in WORDS if "_" in word and word in part}


def test_the_reference_holds_the_whole_reference_in_place_of_the_summary() -> None:
    text = system_prompt(PROBLEM, "reference")
    assert read_docs("all") in text
    assert all(f"\n# {topic}\n" in text for topic in TOPICS)
    assert LANGUAGE not in text
    assert text.replace(f"# Language reference\n\n{read_docs('all')}", LANGUAGE) == system_prompt(PROBLEM)
    assert len(text) < 20_000
    assert system_prompt(IN_DIALECT, "reference") == system_prompt(IN_DIALECT)


def test_the_bare_prompt_is_two_sentences_and_the_remark() -> None:
    task, remark = system_prompt(PROBLEM, "bare").split("\n\n")
    assert task.count(". ") == 1
    assert remark.startswith("A submission is also run on other rows")


# Facts about them


def test_facts_do_not_depend_on_the_problem() -> None:
    for name in NAMES:
        facts = prompt_facts(name, PROBLEM)
        assert facts["sha256"] == sha256(system_prompt(PROBLEM, name))
        assert facts == prompt_facts(name, make_problem(others=())) == prompt_facts(name, IN_DIALECT)


def test_facts_about_the_arena() -> None:
    facts = {"name": "expert", "version": 1, "sha256": sha256(python_system_prompt())}
    assert prompt_facts("expert", ARENA) == facts
    with pytest.raises(ValueError, match="the arena has one system prompt: leave 'bare' out"):
        prompt_facts("bare", ARENA)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: system_prompt(PROBLEM, "verbose"),
        lambda: messages(PROBLEM, prompt="verbose"),
        lambda: prompt_facts("verbose", PROBLEM),
        lambda: prompt_facts("verbose", ARENA),
    ],
)
def test_an_unknown_prompt_is_answered_by_the_names(ask: Callable[[], object]) -> None:
    names = "expert, pitfalls, chain_of_thought, reference, bare"
    with pytest.raises(ValueError, match=f"no prompt 'verbose'; there is: {names}"):
        ask()
