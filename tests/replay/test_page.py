"""The page of a trace: whole, right, and deaf to what stands in the trace."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from random import Random
from typing import Any

import pytest

from dsl_debug.data import sample_problems
from dsl_debug.episode.tools import call_block
from dsl_debug.evaluation import trace_row
from dsl_debug.lang import Dialect, parse, print_program
from dsl_debug.policies.agents import play_job
from dsl_debug.policies.base import Job, Problem, Setup, Talk
from dsl_debug.problem import PythonProblem
from dsl_debug.replay import trace_page
from dsl_debug.replay.markup import MAX_TEXT
from tests.problems import BUGGY, CORRECT, OVERFIT, make_problem

VOID = {"meta", "link", "input", "br"}
HOSTILE = (
    "</script></style></pre><script>alert(1)</script><img src=x onerror=alert(1)><!-- \" ' & $title ${style}"
)


class Page(HTMLParser):
    """The elements of a page, whether they nest, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"{name} is not closed" for name in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def handle_data(self, data: str) -> None:
        if self._open[-1:] not in (["script"], ["style"]):
            self.text += data

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == name]

    def of(self, kind: str) -> int:
        return sum(kind in (attributes.get("class") or "").split() for _, attributes in self.elements)


def traced(problem: Problem, *says: str, name: str = "a model") -> dict[str, Any]:
    """The trace of an episode in which a model says this, as it is read from a file."""
    talk = Talk(Job(problem, 0, 7), Setup())
    for text in says:
        talk.say(text)
    row: dict[str, Any] = json.loads(json.dumps(trace_row(problem, talk.episode(), name, "expert")))
    return row


def run(code: str) -> str:
    return call_block("run", {"code": code})


def submit(code: str) -> str:
    return call_block("submit", {"code": code})


PROBLEM = make_problem()


# ---- what is on it


def test_an_episode_is_told_turn_by_turn() -> None:
    says = (f"First I look.\n{run(BUGGY)}", f"Now the cause.\n{run(CORRECT)}", submit(CORRECT))
    page = Page(trace_page(traced(PROBLEM, *says)))
    assert page.faults == []
    assert [a["id"] for a in page.named("article")] == ["turn-1", "turn-2", "turn-3", "outcome"]
    assert [a["href"] for a in page.named("a")] == ["#turn-1", "#turn-2", "#turn-3", "#outcome"]
    for text in ("First I look.", "Turn 2 of 8", "7 turns left", "The same as the buggy program", "Solved"):
        assert text in page.text
    assert "Compared with the program of turn 1:" in page.text
    assert "Answer: 0 of 2 expected rows in their places" in page.text
    assert "Answer: the expected rows" in page.text
    assert (len(page.named("ins")), len(page.named("del"))) == (1, 1)
    assert page.of("wrong") == 2
    assert "[7 turns left]" not in page.text.replace(traced(PROBLEM)["messages"][1]["content"], "")


def test_with_its_problem_it_ends_with_the_fix() -> None:
    trace = traced(PROBLEM, submit(OVERFIT))
    alone, whole = Page(trace_page(trace)), Page(trace_page(trace, PROBLEM))
    assert "Overfit" in alone.text
    assert "What was wrong" not in alone.text
    assert "Line 3: == became !=" in whole.text
    assert "From the submission to the reference" in whole.text
    # Once to the submission, once from the buggy program to the fix, once from the submission to the fix.
    assert (len(whole.named("del")), len(whole.named("ins"))) == (3, 3)


@pytest.mark.parametrize(
    ("say", "verdict"),
    [
        (submit(CORRECT), "Solved"),
        (submit(OVERFIT), "Overfit"),
        (submit(BUGGY), "Unchanged"),
        (submit(CORRECT.replace("desc", "asc")), "Wrong result"),
        (submit("emit nothing"), "Error"),
        (run(BUGGY), "Never submitted"),
    ],
)
def test_every_outcome_has_its_name(say: str, verdict: str) -> None:
    trace = traced(PROBLEM, say)
    assert f">{verdict}</p>" in trace_page(trace)
    assert '<p class="verdict bad">Stopped</p>' in trace_page(trace | {"stopped": "the server was away"})


def test_calls_that_cannot_be_read_stand_as_they_were_written() -> None:
    broken = 'Now <tool_call>\n{"name": "run", "arguments": {oops}}\n</tool_call>'
    page = Page(trace_page(traced(PROBLEM, f"{broken}\n{run(CORRECT)}", "no call at all")))
    assert page.of("unread") == 2
    assert "{oops}" in page.text
    assert "is not valid JSON" in page.text
    assert "Answer: the expected rows" in page.text


def test_a_thought_is_folded_away() -> None:
    page = trace_page(traced(PROBLEM, f"<think>\nHm, upstream?\n</think>\nI see.\n{run(BUGGY)}"))
    assert "<summary>Thought</summary>" in page
    assert page.index("Hm, upstream?") < page.index('<p class="said">I see.</p>')


def test_the_words_of_a_dialect_are_known_with_the_problem() -> None:
    dialect = Dialect.random(Random(3))
    problem = make_problem(dialect=dialect)
    trace = traced(problem, submit(print_program(parse(CORRECT), dialect)))
    word = f'<span class="word">{dialect.word("load")}</span>'
    assert word in trace_page(trace, problem)
    assert word not in trace_page(trace)


def test_an_episode_of_the_arena_is_shown() -> None:
    code = "def double(x):\n    return x * 3\n"
    tests = ({"args": [2], "expected": 4}, {"args": [0], "expected": 0})
    problem = PythonProblem(
        category="logic",
        difficulty="easy",
        family="doubling",
        function="double",
        source="test",
        buggy_code=code,
        correct_code=code.replace("3", "2"),
        description="Twice x.",
        tests=tests,
        hidden_tests=tests,
        bugs=(),
    )
    fixed = problem.correct_code
    says = (call_block("run_tests", {"code": code}), submit(fixed))
    page = Page(trace_page(traced(problem, *says), problem))
    assert page.faults == []
    for text in ("Visible tests", "double(2) -> 4", "4 attempts left", "signal r2", "hidden tests passed"):
        assert text in page.text
    assert '<span class="word">def</span>' in trace_page(traced(problem, *says))


@pytest.mark.parametrize("agent", ["search", "random_edit", "constant_emitter"])
def test_agents_give_whole_pages(agent: str) -> None:
    for problem in sample_problems()[:4]:
        row = trace_row(problem, play_job(agent, Setup(), Job(problem, 0, 1)), agent, "expert")
        assert Page(trace_page(row, problem)).faults == []


def test_a_row_of_a_dataset_gives_the_page_of_the_trace() -> None:
    trace = traced(PROBLEM, f"Look.\n{run(BUGGY)}", submit(CORRECT))
    stored = json.loads(json.dumps(trace))
    for message in stored["messages"]:
        message.setdefault("name", None)
        for call in message.setdefault("tool_calls", []):
            call["function"]["arguments"] = json.dumps(call["function"]["arguments"])
    assert trace_page(stored, PROBLEM) == trace_page(trace, PROBLEM)


def test_a_program_is_compared_with_the_nearer_of_the_last_one_and_the_buggy_one() -> None:
    look = call_block("inspect", {"node_name": "x", "code": 'x = load("orders")\nemit x'})
    other = CORRECT.replace("emit totals", "few = totals |> take(1)\nemit few")
    page = Page(trace_page(traced(PROBLEM, look, run(CORRECT), run(other), run("emit x"))))
    assert page.text.count("Nothing is left of the buggy program:") == 2
    assert page.text.count("Compared with the buggy program:") == 1
    assert page.text.count("Compared with the program of turn 2:") == 1


# ---- what is not on it


def test_nothing_is_asked_for_from_anywhere_and_nothing_else_may_run() -> None:
    text = trace_page(traced(PROBLEM, submit(CORRECT)), PROBLEM)
    page = Page(text)
    policy = next(a["content"] or "" for a in page.named("meta") if "http-equiv" in a)
    for kind, name in (("style", "style"), ("script", "script")):
        (inline,) = re.findall(rf"<{name}>(.*?)</{name}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
        assert "$" not in inline
        assert "http" not in inline
        assert "url(" not in inline
    assert policy.startswith("default-src 'none';")
    addresses = [
        a[name] for _, a in page.elements for name in ("src", "href", "action", "srcset") if a.get(name)
    ]
    assert {address for address in addresses if address and not address.startswith("#")} == {"data:,"}
    assert not any(name.startswith("on") or name == "style" for _, a in page.elements for name in a)


def test_texts_of_a_trace_are_texts_on_the_page() -> None:
    clean = traced(PROBLEM, f"Look.\n{run(BUGGY)}", submit(CORRECT), name="x")
    hostile = _poisoned(clean)
    page = Page(trace_page(hostile))
    assert page.faults == []
    assert len(page.named("script")) == 1
    assert page.named("img") == []
    assert page.text.count("<script>alert(1)</script>") >= 8
    assert "${style}" in page.text


def _poisoned(value: Any, name: str = "") -> Any:
    """The same trace with every text in it replaced, but for the roles."""
    if isinstance(value, dict):
        keyed = {(f"{k}{HOSTILE}" if name in ("calls", "arguments") else k): v for k, v in value.items()}
        return {k: _poisoned(v, k) for k, v in keyed.items()}
    if isinstance(value, list):
        return [_poisoned(v, name) for v in value]
    return HOSTILE if isinstance(value, str) and name not in ("role", "failure") else value


def test_programs_and_answers_are_texts_too() -> None:
    program = f'x = load("{HOSTILE}") -- {HOSTILE}\nemit x'
    says = (call_block("inspect", {"node_name": HOSTILE, "code": program}), submit(program))
    page = Page(trace_page(traced(PROBLEM, *says), PROBLEM))
    assert page.faults == []
    assert len(page.named("script")) == 1
    assert page.named("img") == []


def test_letters_that_are_not_seen_are_shown_as_such() -> None:
    text = trace_page(traced(PROBLEM, "\x00\x1b[2J \u202eevil\u2066 \r\n" + run(BUGGY)))
    assert "\\u0000\\u001b[2J \\u202eevil\\u2066" in text
    assert re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", text) is None
    lone = trace_page(traced(PROBLEM, submit(CORRECT)) | {"policy": "a\ud800b"})
    assert "a\\ud800b" in lone.encode().decode()


def test_long_texts_are_cut_and_large_programs_take_no_time() -> None:
    trace = traced(
        PROBLEM, "x" * 500_000, call_block("run", {"code": "a\n" * 400_000}), submit("b" * 300_000)
    )
    text = trace_page(trace, PROBLEM)
    assert "more characters]" in text
    assert "Too long to compare with the buggy program:" in text
    assert len(text) < 60 * MAX_TEXT


# ---- what is no trace


@pytest.mark.parametrize(
    ("trace", "what"),
    [
        ({}, "without messages"),
        ({"messages": []}, "without messages"),
        ({"messages": "hello"}, "without messages"),
        ({"messages": ["hello"]}, "messages are no objects"),
    ],
)
def test_what_is_no_trace_is_told_in_a_line(trace: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what) as caught:
        trace_page(trace)
    assert "\n" not in str(caught.value)


def test_the_problem_of_another_trace_is_refused() -> None:
    trace = traced(PROBLEM, submit(CORRECT))
    other = sample_problems()[0]
    with pytest.raises(ValueError, match=f"of problem {PROBLEM.id}, not of {other.id}"):
        trace_page(trace, other)


def test_values_of_another_kind_are_left_out() -> None:
    odd: dict[str, Any] = {
        "policy": 7,
        "failure": 3,
        "calls": "many",
        "signals": [1],
        "diagnosis": "none",
        "hidden_matches": "yes",
        "seconds": "long",
        "messages": [
            {"role": "assistant", "content": None, "tool_calls": [1, {"function": 2}, {"function": {}}]},
            {"role": "tool", "content": 5},
            {"content": "who?"},
            {"role": "assistant", "content": ["a"], "tool_calls": {"x": 1}},
        ],
    }
    page = Page(trace_page(odd))
    assert page.faults == []
    assert "Outcome unknown" in page.text
    assert [a["id"] for a in page.named("article")] == ["turn-1", "turn-2", "outcome"]
