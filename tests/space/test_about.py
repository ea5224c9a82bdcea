"""The tab About: every page is there, its examples run, and what it says of the package is so."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dsl_debug
from dsl_debug.episode.dsl import TOOLS
from dsl_debug.episode.prompts import MAX_TURNS
from dsl_debug.lang.reference import TOPICS, read_docs
from dsl_debug.policies.agents import AGENTS
from dsl_debug.scoring import REWARDS
from space.handlers.about import FOLDER, GROUPS, OURS, Page, page_asked, page_of
from space.views.about import about, markdown

ROOT = Path(__file__).resolve().parent.parent.parent
TEXTS = {name: (FOLDER / f"{name}.md").read_text(encoding="utf-8") for name in OURS}

EXAMPLE = re.compile(r"^```python\n(.*?)^```\n```text\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
EXAMPLES = [(name, code, output) for name, text in TEXTS.items() for code, output in EXAMPLE.findall(text)]

# Stands in for `datasets`: the rows of the sample, by the name that the page uses.
DATASETS = f"""
from pathlib import Path
from dsl_debug.storage import read_lines
def load_dataset(place, config, split):
    assert (place, config, split) == ("<user>/dsl-debug", "problems", "test")
    return list(read_lines(Path({str(ROOT / "space" / "sample" / "problems.jsonl")!r})))
"""


def command_lines(text: str) -> list[list[str]]:
    """The words of each `dsl-debug` command in the shell blocks of a text."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").split("\n")
    return [line.split()[1:] for line in lines if line.strip().startswith("dsl-debug ")]


# Our own texts


def test_every_python_block_is_an_example_with_its_output() -> None:
    assert sum(text.count("```python") for text in TEXTS.values()) == len(EXAMPLES) == 5


@pytest.mark.parametrize(("name", "code", "output"), EXAMPLES, ids=[name for name, _, _ in EXAMPLES])
def test_examples_print_what_is_shown(name: str, code: str, output: str, tmp_path: Path) -> None:
    (tmp_path / "datasets.py").write_text(DATASETS)
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == output


def test_commands_have_the_options_that_are_shown() -> None:
    pytest.importorskip("click", reason="needs click: pip install 'dsl-debug[cli]'")
    from dsl_debug.cli.commands import command_line

    lines = command_lines(TEXTS["evaluation"])
    assert len(lines) == 9
    for words in lines:
        command = command_line.commands[words[0]]
        known = {option for parameter in command.params for option in parameter.opts}
        unknown = [word for word in words if word.startswith("--") and word not in known]
        assert not unknown, words


def test_the_page_of_the_environment_knows_its_tools_and_turns() -> None:
    text = TEXTS["environment"]
    assert sorted(re.findall(r"^\| `(\w+)\(", text, re.MULTILINE)) == sorted(TOOLS)
    assert (MAX_TURNS, "eight turns" in text) == (8, True)


def test_the_page_of_the_dataset_knows_its_configs() -> None:
    from dataset_builder.export import CONFIGS

    cells = re.findall(r"^\| (`.*?) \|", TEXTS["dataset"], re.MULTILINE)
    assert re.findall(r"`(\w+)`", " ".join(cells)) == list(CONFIGS)


def test_policies_and_rewards_are_those_of_the_package() -> None:
    cell = re.search(r"^\| (`unchanged`.*?) \|", TEXTS["evaluation"], re.MULTILINE)
    assert cell
    assert sorted(re.findall(r"`(\w+)`", cell[1])) == sorted(AGENTS)
    names = re.findall(r"^\| `(\w+)` \|", TEXTS["training"], re.MULTILINE)
    assert sorted(names) == sorted(["reward_kind", *REWARDS])


def test_the_citation_names_this_version() -> None:
    assert f"version = {{{dsl_debug.__version__}}}" in TEXTS["citation"]


def test_files_of_the_repository_that_are_named_are_there() -> None:
    named = re.findall(r"`((?:docs|recipes)/[\w/.]+)`", "".join(TEXTS.values()))
    assert len(named) == 2
    assert [path for path in named if not (ROOT / path).exists()] == []


# Pages by topic


def test_all_pages_are_listed_once() -> None:
    listed = [topic for topics in GROUPS.values() for topic in topics]
    assert listed == [*OURS, *TOPICS]
    assert len(TOPICS) == 24


@pytest.mark.parametrize("topic", [*OURS, *TOPICS])
def test_every_page_opens_and_is_marked_in_the_list(topic: str) -> None:
    shown = page_of(topic)
    assert (shown.topic, shown.remark) == (topic, "")
    html = about(shown)
    assert html.count('aria-current="page"') == 1
    assert f'data-topic="{topic}" aria-current="page"' in html
    assert "```" not in html


@pytest.mark.parametrize(
    ("asked", "topic"),
    [("GROUP BY", "group_by"), ("where", "filter"), ("|>", "program"), (" Environment ", "environment")],
)
def test_a_topic_may_be_called_as_elsewhere(asked: str, topic: str) -> None:
    assert page_of(asked).topic == topic


def test_an_unknown_topic_names_the_nearest() -> None:
    shown = page_of("jion")
    assert (shown.topic, shown.remark) == ("overview", "no page 'jion'; did you mean 'join'?")


def test_the_whole_reference_is_one_page() -> None:
    assert page_of("all").text == read_docs("all")
    assert markdown(page_of("all").text).count('<h2 class="title">') == 24


@pytest.mark.parametrize("topic", [None, "", "  ", 3, [], {}, b"join"])
def test_anything_else_is_the_first_page(topic: object) -> None:
    assert page_of(topic).topic == "environment"


def test_what_a_browser_posts_may_be_anything() -> None:
    assert page_asked({"topic": "join"}).topic == "join"
    assert [page_asked(x).topic for x in (None, 1, [], "join", {"topic": []})] == ["environment"] * 5


def test_hostile_topics_are_text() -> None:
    shown = page_of("<img src=x onerror=alert(1)>" + "x" * 1_000_000)
    assert len(shown.remark) < 200
    assert "<img" not in about(shown)
    assert "&lt;img src=x" in about(shown)


# Markdown


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# a <b>", '<h2 class="title">a &lt;b&gt;</h2>'),
        ("one\ntwo `x < y` **very** so", "<p>one two <code>x &lt; y</code> <b>very</b> so</p>"),
        ("- a\n  b\n- c", "<ul><li>a b</li><li>c</li></ul>"),
        ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
        (
            "[in](?tab=play) [bad](javascript:x)",
            '<p><a href="?tab=play" target="_self">in</a> [bad](javascript:x)</p>',
        ),
        ("[page](?topic=join)", '<p><a href="?topic=join" target="_self" data-topic="join">page</a></p>'),
        ("**`a`** and *b*", "<p><b><code>a</code></b> and *b*</p>"),
    ],
)
def test_markdown(text: str, html: str) -> None:
    assert markdown(text) == html


def test_a_table_has_a_head() -> None:
    html = markdown("| a | b |\n|---|---|\n| `x` | <i> |")
    assert "<thead><tr><th>a</th><th>b</th></tr></thead>" in html
    assert "<tbody><tr><td><code>x</code></td><td>&lt;i&gt;</td></tr></tbody>" in html


def test_programs_have_the_colours_of_the_language() -> None:
    html = markdown("```dsl\nemit x\n```\n```output\n<a>\n```")
    assert '<span class="word">emit</span>' in html
    assert '<p class="gives">What it gives</p>' in html
    assert "&lt;a&gt;" in html


def test_a_remark_stands_above_the_page() -> None:
    html = about(Page("overview", "# overview", remark="no page <x>"))
    assert html.index("no page &lt;x&gt;") < html.index('<h2 class="title">overview')
