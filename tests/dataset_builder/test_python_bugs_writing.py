"""Bugs of the arena that a model writes, against a scripted server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.python_bugs import writing
from dataset_builder.python_bugs.cases import Runner
from dataset_builder.python_bugs.checks import verify
from dataset_builder.python_bugs.writing import SCHEMA, Written, has_comment, read_entry, write_bugs
from dsl_debug.policies.endpoint import Settings, Unavailable
from tests.dataset_builder.test_builder_cli import builder
from tests.dataset_builder.test_python_bugs_runner import fast_runner
from tests.scripted_endpoint import KEY, Reply, endpoint, fails, says

pytest.importorskip("openai", reason="needs openai: pip install 'dsl-debug[eval]'")


@pytest.fixture(scope="module")
def run() -> Iterator[Runner]:
    # All that is run here is written in this file.
    with fast_runner() as runner:
        yield runner


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


# ---- what the server says


def bug(step: int = 2, **changes: Any) -> dict[str, Any]:
    """What a good model writes: a function for each step, so that they are different problems."""
    correct = (
        f'def grow(n):\n    """Return n and {step} more, at least 0."""\n    return max(0, n + {step})\n'
    )
    return {
        "name": "grow",
        "description": f"Return n and {step} more, at least 0.",
        "hint": "What about small numbers?",
        "correct_code": correct,
        "buggy_code": correct.replace("max(0, n", "abs(n"),
        "tests": [{"args": f"[{n}]", "expected": f"{max(0, n + step)}", "raises": ""} for n in range(-12, 2)],
        **changes,
    }


SLOW = Reply(delay=1.5)


def write(url: str, folder: Path, run: Runner, n: int = 1, **changes: Any) -> Written:
    settings = {"workers": 1, "timeout": 20.0, "retries": 0, **changes}
    return write_bugs(Settings("m", url, folder / "cache", **settings), n, run)


def counted(written: Written) -> dict[str, int]:
    return {what: number for what, number in written.counts.items() if number}


# ---- what becomes of it


def test_good_answers_become_problems(tmp_path: Path, run: Runner) -> None:
    with endpoint(lambda asked: says(bug(asked.number + 2))) as seen:
        written = write(seen.url, tmp_path, run, 3, workers=2)
    assert written.rejections == []
    assert written.stopped == ""
    assert [problem.source for problem in written.problems] == ["llm"] * 3
    for problem in written.problems:
        assert verify(problem, run) == []
        assert (problem.family, problem.function) == ("llm:grow", "grow")
    assert {request.path for request in seen} == {"/v1/chat/completions"}
    assert {request.key for request in seen} == {f"Bearer {KEY}"}
    assert seen[0].body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert len({json.dumps([r.body["messages"], r.body["seed"]]) for r in seen}) == len(seen)


def test_the_label_is_the_one_that_was_asked_for(tmp_path: Path, run: Runner) -> None:
    with endpoint(lambda asked: says(bug(asked.number + 2))) as seen:
        (problem,) = write(seen.url, tmp_path, run).problems
    asked = seen[0].body["messages"][1]["content"]
    assert f"Kind of mistake: {problem.category.replace('_', ' ')}." in asked
    assert f"Difficulty: {problem.difficulty}." in asked


SKIPPED: dict[str, tuple[Reply, str]] = {
    "no JSON": (says("I would rather not."), "not the JSON that was asked for"),
    "broken JSON": (says('{"name": "grow", '), "not the JSON that was asked for"),
    "another form": (says({"name": "grow"}), "not the JSON that was asked for"),
    "tests that are no literals": (
        says(bug(tests=[{"args": "[open('x')]", "expected": "1", "raises": ""}])),
        "not the JSON that was asked for",
    ),
    "a refusal": (says("", refusal="I cannot."), "refused"),
    "a filter": (says("", end="content_filter"), "refused"),
    "an answer without end": (says('{"name"', end="length"), "cut short"),
    "an answer without choices": (Reply(content={"choices": []}), "without a readable answer"),
    "no completion at all": (Reply(content=b"<html>"), "without a readable answer"),
    "too many requests": (fails(429), "rate limited"),
    "a fault of the server": (fails(500), "failed at the endpoint"),
    "no answer in time": (SLOW, "timed out"),
}


@pytest.mark.parametrize("name", SKIPPED)
def test_what_is_no_answer_is_counted_and_the_next_request_sent(
    name: str, tmp_path: Path, run: Runner
) -> None:
    reply, count = SKIPPED[name]
    timeout = 0.5 if reply == SLOW else 20.0
    with endpoint(lambda asked: says(bug()) if asked.number else reply) as seen:
        written = write(seen.url, tmp_path, run, timeout=timeout)
    assert len(written.problems) == 1
    assert counted(written) == {"sent": 2, count: 1}


def test_the_client_asks_again_where_the_server_is_busy(tmp_path: Path, run: Runner) -> None:
    replies = [fails(429), fails(503), says(bug())]
    with endpoint(lambda asked: replies[asked.number]) as seen:
        written = write(seen.url, tmp_path, run, retries=2)
    assert len(written.problems) == 1
    assert counted(written) == {"sent": 1}
    assert len(seen) == 3


def test_a_text_around_the_json_does_no_harm() -> None:
    entry = read_entry(f"Here it is:\n```json\n{json.dumps(bug())}\n```\n")
    assert entry is not None
    assert entry["tests"][0] == {"args": [-12], "expected": 0}
    raising = read_entry(
        json.dumps(bug(tests=[{"args": "[(1, {2})]", "expected": "", "raises": "KeyError"}]))
    )
    assert raising is not None
    assert raising["tests"] == [{"args": [(1, {2})], "raises": "KeyError"}]


REJECTED: dict[str, tuple[dict[str, Any], str]] = {
    "a wrong expectation": (
        bug(tests=[*bug()["tests"], {"args": "[50]", "expected": "53", "raises": ""}]),
        "the correct code fails test 15: wrong value",
    ),
    "no mistake": (
        bug(buggy_code=bug()["correct_code"]),
        "of 14 different tests the buggy code fails 0; it takes 3 tests and 2 that fail, to show one and to"
        " hide one",
    ),
    "few tests": (bug(tests=bug()["tests"][:5]), "3 visible tests, at least 6 are wanted"),
    "a comment": (
        bug(buggy_code=bug()["buggy_code"].replace(" + 2)", " + 2)  # oops")),
        "the buggy code has a comment",
    ),
    "other code": (bug(correct_code="import os\n"), "the correct code does not define 'grow' as a function"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_a_bug_that_fails_a_check_is_left_out_with_its_reason(name: str, tmp_path: Path, run: Runner) -> None:
    content, reason = REJECTED[name]
    with endpoint(lambda asked: says(bug(3) if asked.number else content)) as seen:
        written = write(seen.url, tmp_path, run)
    assert [problem.description for problem in written.problems] == ["Return n and 3 more, at least 0."]
    assert [(name, reasons[0]) for name, reasons in written.rejections] == [("grow", reason)]


def test_a_model_that_repeats_itself_is_given_up(tmp_path: Path, run: Runner) -> None:
    with endpoint(lambda asked: says(bug())) as seen:
        written = write(seen.url, tmp_path, run, 2)
    assert len(written.problems) == 1
    assert written.stopped == "16 requests gave no more than this"
    assert {reasons for _, reasons in written.rejections} == {("it was written before",)}


def test_an_endpoint_that_is_silent_is_given_up(tmp_path: Path, run: Runner) -> None:
    with endpoint(lambda asked: fails(500)) as seen:
        written = write(seen.url, tmp_path, run)
    assert written.problems == []
    assert written.stopped == "3 requests in a row got no answer; the last one: failed at the endpoint"


def test_where_nobody_listens_it_is_given_up(tmp_path: Path, run: Runner) -> None:
    with endpoint(lambda asked: fails(500)) as seen:
        pass
    assert counted(write(seen.url, tmp_path, run)) == {"sent": 3, "not connected": 3}


FATAL = {
    "a wrong key": (
        fails(401, f"Incorrect API key provided: {KEY}"),
        "the endpoint answers with status 401: is OPENAI_API_KEY right?",
    ),
    "no such model": (fails(404, "no model\nm"), "the endpoint answers with status 404: "),
    "no such option": (fails(400, f"response_format, {KEY}"), "the endpoint answers with status 400: "),
}


@pytest.mark.parametrize("name", FATAL)
def test_an_endpoint_that_cannot_be_used_is_told_in_one_line(name: str, tmp_path: Path, run: Runner) -> None:
    reply, problem = FATAL[name]
    with endpoint(lambda asked: reply) as seen, pytest.raises(Unavailable) as caught:
        write(seen.url, tmp_path, run)
    assert str(caught.value).startswith(problem)
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_answers_are_kept_and_a_second_run_goes_on(tmp_path: Path, run: Runner) -> None:
    replies: list[Reply] = [says(bug(2)), says("no JSON"), fails(500), says(bug(3)), says(bug(4))]
    with endpoint(lambda asked: replies[asked.number]) as seen:
        first = write(seen.url, tmp_path, run, 2)
        again = write(seen.url, tmp_path, run, 3)
    assert counted(first) == {"sent": 4, "not the JSON that was asked for": 1, "failed at the endpoint": 1}
    assert counted(again) == {"sent": 1, "from the cache": 3, "not the JSON that was asked for": 1}
    assert [problem.id for problem in again.problems[:1]] == [problem.id for problem in first.problems[:1]]
    kept = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "cache").iterdir())
    assert KEY not in kept


def test_a_broken_file_of_the_cache_is_asked_for_again(tmp_path: Path, run: Runner) -> None:
    with endpoint(lambda asked: says(bug())) as seen:
        write(seen.url, tmp_path, run)
        for path in (tmp_path / "cache").iterdir():
            path.write_text("[", encoding="utf-8")
        assert counted(write(seen.url, tmp_path, run)) == {"sent": 1}


def test_comments_are_told_from_texts() -> None:
    assert has_comment("x = 1  # why\n")
    assert not has_comment("x = '# why'\n")


def test_nothing_is_asked_for_twice() -> None:
    requests = [writing._request(0, number) for number in range(200)]
    assert len({request["seed"] for request in requests}) == 200
    assert {request["category"] for request in requests} == set(writing.PYTHON_CATEGORIES)
    assert requests[:5] == [writing._request(0, number) for number in range(5)]


def test_the_command_writes_the_rows(tmp_path: Path) -> None:
    with endpoint(lambda asked: says(bug(asked.number + 2) if asked.number else "no")) as seen:
        arguments = ("--model", "m", "--base-url", seen.url, "--n", "1", "--out", "o.jsonl", "--workers", "1")
        done = builder(tmp_path, "arena-write", *arguments, "--allow-missing-layers", OPENAI_API_KEY=KEY)
    assert done.stderr.splitlines() == [
        "requests: 2 sent, 1 not the JSON that was asked for",
        "accepted 1, written to o.jsonl",
    ]
    (line,) = (tmp_path / "o.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["source"] == "llm"
    assert KEY not in done.stdout + done.stderr
