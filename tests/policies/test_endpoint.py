"""The client of an OpenAI-compatible endpoint, against a scripted server."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.llm_requests import object_schema, structured, text_properties
from dsl_debug.policies.answers import MAX_ANSWER, Answer, kept_answer
from dsl_debug.policies.endpoint import (
    Body,
    Endpoint,
    Settings,
    Unavailable,
    parse_target,
)
from dsl_debug.policies.threads import as_ready, in_order
from tests.scripted_endpoint import KEY, Reply, Request, endpoint, fails, says, settings

pytest.importorskip("openai", reason="needs openai: pip install 'dsl-debug[eval]'")

SCHEMA = object_schema(text_properties({"word": "a word"}))


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def body(number: int = 0) -> Body:
    return structured(Settings("m", "", Path()), "Say a word.", f"Word {number}.", "word", SCHEMA, number)


def asked(reply: Callable[[Request], Reply], folder: Path, count: int = 1, **changes: Any) -> list[Answer]:
    """The answers to some requests."""
    with endpoint(reply) as seen, Endpoint(settings(seen.url, folder, **changes)) as client:
        return list(client.answers(body(number) for number in range(count)))


# ---- targets


@pytest.mark.parametrize("prefix", ["openai:", ""])
def test_a_target_is_a_model_and_an_address(prefix: str) -> None:
    assert parse_target(f"{prefix}qwen3@http://localhost:8000/v1/") == ("qwen3", "http://localhost:8000/v1")
    assert parse_target(f"{prefix}ft:a@b@https://host/v1") == ("ft:a@b", "https://host/v1")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("openai:qwen3", "has no address"),
        ("openai:@http://localhost/v1", "names no model"),
        ("openai:m@https://", "no http or https address"),
        ("openai:m@http://host:port/v1", "cannot be read"),
        ("openai:m@http://me:sk-secret@host/v1", "holds a password"),
        ("", "has no address"),
    ],
)
def test_a_target_that_is_none_is_told_in_one_line(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        parse_target(text)
    assert "\n" not in str(caught.value)
    assert "sk-secret" not in str(caught.value)


# ---- clients


def test_a_client_that_is_handed_in_brings_its_own_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openai

    monkeypatch.delenv("OPENAI_API_KEY")
    with endpoint(lambda request: fails(402, "sk-of-a-visitor has no credit")) as seen:
        client = openai.OpenAI(base_url=seen.url, api_key="sk-of-a-visitor", max_retries=0)
        with Endpoint(settings(seen.url, tmp_path), client) as asking:
            assert asking.status == 0
            with pytest.raises(Unavailable, match="has no credit"):
                asking.answer(body())
            assert asking.status == 402
            assert "sk-of-a-visitor" not in asking.said
    assert client.is_closed()
    assert [request.key for request in seen] == ["Bearer sk-of-a-visitor"]


# ---- answers


def test_an_answer_has_its_text_its_tokens_and_its_calls(tmp_path: Path) -> None:
    reply = says("Hello.", calls=[("run", {"code": "emit a"}), ("run", "{broken")])
    (answer,) = asked(lambda request: reply, tmp_path)
    assert (answer.text, answer.trouble, answer.cached) == ("Hello.", "", False)
    assert answer.calls == (("run", '{"code": "emit a"}'), ("run", "{broken"))
    assert (answer.tokens_in, answer.tokens_out) == (100, 10)


def choice(**message: Any) -> Reply:
    return Reply(content={"choices": [{"index": 0, "finish_reason": "stop", "message": message}]})


TROUBLES: dict[str, tuple[Reply, str]] = {
    "a refusal": (says("", refusal="I cannot."), "refused"),
    "a filter": (says("", end="content_filter"), "refused"),
    "an answer without end": (says("{", end="length"), "cut short"),
    "an answer that is far too long": (says("x" * (MAX_ANSWER + 1)), "cut short"),
    "no choices": (Reply(content={"choices": []}), "without a readable answer"),
    "choices that are none": (Reply(content={"choices": "many"}), "without a readable answer"),
    "a message of another form": (choice(content=[1], tool_calls={"a": 1}), "without a readable answer"),
    "a choice that is none": (Reply(content={"choices": ["a"]}), "without a readable answer"),
    "a message that is a text": (
        Reply(content={"choices": [{"message": "a"}]}),
        "without a readable answer",
    ),
    "no message": (Reply(content={"choices": [{}]}), "without a readable answer"),
    "no JSON": (Reply(content=b"<html>"), "without a readable answer"),
    "deep JSON": (Reply(content=b"[" * 100_000), "without a readable answer"),
    "bytes that are no text": (Reply(content=b'{"choices": "\xff\xfe'), "without a readable answer"),
    "too many requests": (fails(429), "rate limited"),
    "a fault of the server": (fails(500), "failed at the endpoint"),
    "a gateway in between": (fails(502, "<html>"), "failed at the endpoint"),
    "no answer in time": (Reply(delay=1.5), "timed out"),
    "a connection that breaks off": (Reply(content={"choices": ["x" * 9999]}, cut=True), "not connected"),
    "a prompt that is too long for SGLang": (
        fails(400, "The input (12345 tokens) is longer than the model's context length (8192 tokens)."),
        "longer than the model's context",
    ),
    "a prompt that is too long": (
        fails(400, "This model's maximum context length is 4096 tokens, you asked for 9000 (max_tokens)."),
        "longer than the model's context",
    ),
    "a body that is too large": (fails(413), "longer than the model's context"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_what_is_no_answer_is_told_as_trouble(name: str, tmp_path: Path) -> None:
    reply, trouble = TROUBLES[name]
    (answer,) = asked(lambda request: reply, tmp_path, timeout=0.5 if reply.delay else 20.0)
    assert (answer.text if trouble != "cut short" else "", answer.trouble) == ("", trouble)


def test_what_need_not_be_there_is_not_missed(tmp_path: Path) -> None:
    reply = Reply(content={"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": "many"}})
    assert asked(lambda request: reply, tmp_path) == [Answer("x")]


def test_a_message_in_parts_or_without_words_is_one(tmp_path: Path) -> None:
    parts = choice(content=[{"type": "text", "text": "a"}, {"type": "other"}, {"type": "text", "text": "b"}])
    assert asked(lambda request: parts, tmp_path) == [Answer("ab")]
    assert asked(lambda request: choice(content=None), tmp_path, count=2)[1] == Answer("")


def test_what_was_written_before_an_answer_was_cut_short_is_there(tmp_path: Path) -> None:
    reply = says("I look: <tool", calls=[("run", '{"code": "em')], end="length")
    (answer,) = asked(lambda request: reply, tmp_path)
    assert answer[:4] == ("I look: <tool", "cut short", False, (("run", '{"code": "em'),))


def test_half_characters_are_replaced(tmp_path: Path) -> None:
    (answer,) = asked(lambda request: says("a\ud800b", [("run", '{"code": "\ud800"}')]), tmp_path)
    assert (answer.text, answer.calls[0].arguments) == ("a?b", '{"code": "?"}')


# ---- trying again


def test_a_busy_server_is_asked_again_when_it_says(tmp_path: Path) -> None:
    replies = [fails(429, retry_after="0.3"), fails(503, retry_after_ms="10"), says("x")]
    start = time.monotonic()
    (answer,) = asked(lambda request: replies[request.number], tmp_path, retries=2)
    assert answer.text == "x"
    assert time.monotonic() - start > 0.3


def test_retries_come_to_an_end(tmp_path: Path) -> None:
    with endpoint(lambda request: fails(429)) as seen, Endpoint(settings(seen.url, tmp_path, retries=2)) as c:
        assert c.answer(body()).trouble == "rate limited"
    assert len(seen) == 3


def test_an_option_that_the_server_does_not_know_is_left_out(tmp_path: Path) -> None:
    def reply(request: Request) -> Reply:
        for option in ("response_format", "temperature"):
            if option in request.body:
                return fails(400, f"Unsupported parameter: '{option}'")
        return says({"word": "x"})

    with endpoint(reply) as seen, Endpoint(settings(seen.url, tmp_path)) as client:
        assert [a.trouble for a in client.answers(body(number) for number in range(3))] == ["", "", ""]
    assert len(seen) == 5
    system = seen[-1].body["messages"][0]["content"]
    assert system == f"Say a word.\n\nThe schema of the answer: {json.dumps(SCHEMA)}"


def test_a_limit_for_an_answer_has_two_names(tmp_path: Path) -> None:
    def reply(request: Request) -> Reply:
        if "max_tokens" in request.body:
            return fails(400, "'max_tokens' is not supported. Use 'max_completion_tokens' instead.")
        return says("x")

    with endpoint(reply) as seen, Endpoint(settings(seen.url, tmp_path)) as client:
        assert client.answer({**body(), "max_tokens": 7}).text == "x"
    assert seen[-1].body["max_completion_tokens"] == 7


def test_where_the_room_is_less_than_the_limit_the_model_has_what_is_left(tmp_path: Path) -> None:
    def reply(request: Request) -> Reply:
        if "max_tokens" in request.body:
            return fails(400, "maximum context length is 4096, and you asked for 3000 + 2048 (max_tokens)")
        return says("x")

    with endpoint(reply) as seen, Endpoint(settings(seen.url, tmp_path)) as client:
        assert client.answer({**body(0), "max_tokens": 2048}).text == "x"
        assert client.answer({**body(1), "max_tokens": 7}).text == "x"
    assert ["max_tokens" in request.body for request in seen] == [True, False, True, False]


FATAL = {
    "a wrong key": (fails(401, f"Incorrect API key provided: {KEY}"), "is OPENAI_API_KEY right?"),
    "no right": (fails(403, KEY), "is OPENAI_API_KEY right?"),
    "no such model": (fails(404, f"no model\n{KEY}"), "status 404: "),
    "no such address": (fails(405, "what?"), "status 405: what?"),
}


@pytest.mark.parametrize("name", FATAL)
def test_an_endpoint_that_cannot_be_used_is_told_in_one_line(name: str, tmp_path: Path) -> None:
    reply, problem = FATAL[name]
    with pytest.raises(Unavailable, match="the endpoint answers with status") as caught:
        asked(lambda request: reply, tmp_path)
    assert problem in str(caught.value)
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_a_key_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(Unavailable, match="set OPENAI_API_KEY"):
        Endpoint(settings("http://localhost/v1", tmp_path))


@pytest.mark.parametrize("url", ["localhost", "ftp://host/v1", "http://[", "http://u:p@host/v1", ""])
def test_an_address_that_is_none_is_told(url: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="the address of the endpoint"):
        Endpoint(settings(url, tmp_path))


@pytest.mark.parametrize("number", [0, 1])
def test_one_request_that_is_refused_does_not_end_the_run(number: int, tmp_path: Path) -> None:
    answers = asked(lambda request: fails(400) if request.number == number else says("x"), tmp_path, 3)
    wanted = ["", "", ""]
    wanted[number] = "rejected by the endpoint"
    assert [answer.trouble for answer in answers] == wanted


QUOTED = "{'role': 'tool', 'seed': 5, 'temperature': 0.7, 'max_tokens': 9}"
QUOTING = {
    "pydantic": f"Input should be a valid string, input={QUOTED}",
    "pydantic's own words": f"1 validation error\n Input should be a string [type=x, input_value={QUOTED}]",
    "FastAPI": f"[{{'loc': ['body'], 'msg': 'no string', 'input': {QUOTED}}}]",
    "JSON": json.dumps({"msg": "no string", "input": {"role": "tool", "seed": 5}}),
    "parts of words": "the column seedling_temperature of toolbox has no controles",
    "far behind": "x" * 300 + " seed temperature tool",
}


@pytest.mark.parametrize("name", QUOTING)
def test_what_an_endpoint_quotes_is_not_what_it_complains_of(name: str, tmp_path: Path) -> None:
    reply = fails(400, QUOTING[name])
    bodies = [{**body(number), "tools": [{}]} for number in range(2)]
    with endpoint(lambda request: says("x") if request.number else reply) as seen:
        client = Endpoint(settings(seen.url, tmp_path, needed=("temperature",)))
        assert [a.trouble for a in map(client.answer, bodies)] == ["rejected by the endpoint", ""]
    assert len(seen) == 2
    assert seen[1].body == bodies[1]


def test_an_option_is_left_out_from_then_on_only_where_that_helps(tmp_path: Path) -> None:
    def reply(request: Request) -> Reply:
        return fails(400, "no seed, no temperature") if request.body["messages"] == bad else says("x")

    bad = body(0)["messages"]
    with endpoint(reply) as seen:
        client = Endpoint(settings(seen.url, tmp_path, needed=("temperature",)))
        answers = [client.answer(body(number)) for number in (0, 1, 0)]
    assert [a.trouble for a in answers] == ["rejected by the endpoint", "", "rejected by the endpoint"]
    assert [("seed" in r.body, "temperature" in r.body) for r in seen] == [
        *[(True, True), (False, True), (False, False)],  # each is tried
        *[(True, True), (True, True)],  # and not again, once a request with it was answered
    ]


@pytest.mark.parametrize(
    ("param", "left_out"),
    [("seed", "seed"), ("messages[1].content", "top_p"), ("None", "top_p"), (None, "top_p"), (7, "top_p")],
)
def test_an_option_that_is_named_comes_before_the_words(param: Any, left_out: str, tmp_path: Path) -> None:
    refused = Reply(400, {"error": {"message": "this, or top_p", "param": param}})
    with endpoint(lambda request: says("x") if request.number else refused) as seen:
        assert Endpoint(settings(seen.url, tmp_path)).answer({**body(), "top_p": 0.5}).text == "x"
    assert set(seen[0].body) - set(seen[1].body) == {left_out}


def test_a_server_without_tools_is_told_from_one_that_refuses(tmp_path: Path) -> None:
    said = '"auto" tool choice requires --enable-auto-tool-choice'
    replies = [fails(400, said), says("x"), fails(400, said)]
    with endpoint(lambda request: replies[request.number]) as seen:
        client = Endpoint(settings(seen.url, tmp_path))
        answers = [client.answer({**body(number), "tools": [{}]}) for number in range(3)]
    assert [a.trouble for a in answers] == ["no tools at this endpoint", "", "rejected by the endpoint"]


# ---- the cache


def test_answers_are_kept_and_troubles_of_the_endpoint_are_not(tmp_path: Path) -> None:
    replies = [says("x"), fails(500), says("", refusal="no"), says("y")]
    with endpoint(lambda request: replies[request.number]) as seen:
        for wanted in (["", "failed at the endpoint", "refused"], ["", "", "refused"], ["", "", "refused"]):
            with Endpoint(settings(seen.url, tmp_path)) as client:
                assert [a.trouble for a in client.answers(map(body, range(3)))] == wanted
    assert len(seen) == 4


def test_what_is_kept_is_the_whole_answer_and_no_key(tmp_path: Path) -> None:
    reply = says(f"I got {KEY}.", calls=[("run", {"code": f"é{KEY}"})])
    with endpoint(lambda request: reply) as seen, Endpoint(settings(seen.url, tmp_path)) as client:
        first, again = client.answer(body()), client.answer(body())
    assert again == first._replace(cached=True)
    assert first.text == "I got ***."
    (file,) = (tmp_path / "cache").iterdir()
    assert KEY not in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("broken", ["", "[", "{}", "[1]", '{"text": "", "calls": 1}', '"' + "[" * 99_999])
def test_a_broken_file_of_the_cache_is_none(broken: str, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text(broken, encoding="utf-8")
    assert kept_answer(file) is None


def test_another_model_or_endpoint_is_asked_anew(tmp_path: Path) -> None:
    with endpoint(lambda request: says("x")) as seen:
        for url in (seen.url, f"{seen.url}/"):
            with Endpoint(settings(url, tmp_path)) as client:
                assert not client.answer(body()).cached
                assert not client.answer({**body(), "model": "n"}).cached


# ---- order, patience, usage


def test_results_come_in_order_and_not_more_is_begun_than_asked_for() -> None:
    begun: list[int] = []
    first = threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if number == 0:
            first.wait(5)
        elif number == 3:
            first.set()
        return number

    results = in_order(work, iter(range(100)), workers=2, ahead=4)
    assert [next(results), next(results)] == [0, 1]
    results.close()
    assert max(begun) <= 5


def test_results_come_as_they_are_ready_and_no_item_is_begun_too_early() -> None:
    begun: list[int] = []
    last = threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if number == 0:
            last.wait(5)
        return number

    results = as_ready(work, iter(range(100)), workers=2)
    assert [next(results), next(results), next(results)] == [1, 2, 3]
    assert max(begun) <= 4
    last.set()
    assert sorted(results) == [0, *range(4, 100)]


def test_a_reader_that_stops_begins_nothing_more() -> None:
    begun: list[int] = []
    with closing(as_ready(begun.append, iter(range(100)), workers=3)) as results:
        next(results)
    assert len(begun) <= 4


def test_an_exception_is_raised_though_an_earlier_item_is_not_done() -> None:
    def work(number: int) -> None:
        if number == 1:
            raise ValueError("one")
        threading.Event().wait(5)

    start = time.monotonic()
    for function in (in_order, as_ready):
        with pytest.raises(ValueError, match="one"):
            list(function(work, range(2), workers=2))
    assert time.monotonic() - start < 2


LEAVES = """
import sys
from pathlib import Path
from dsl_debug.policies.endpoint import Endpoint, Settings, Unavailable
try:
    with Endpoint(Settings("m", sys.argv[1], Path(sys.argv[2]))) as client:
        list(client.answers({"model": "m", "messages": [], "seed": n} for n in range(4)))
except Unavailable as error:
    print(error)
"""


def test_nobody_waits_for_a_silent_endpoint_at_the_end(tmp_path: Path) -> None:
    silent = Reply(content={}, delay=20)
    with endpoint(lambda request: silent if request.number else fails(404)) as seen:
        command = [sys.executable, "-c", LEAVES, seen.url, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=15)
    assert done.stdout == "the endpoint answers with status 404: no\n", done.stderr
