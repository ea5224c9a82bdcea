"""Watching agents and models play, without a page: frames, bounds, Stop, and the visitor's key."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from queue import SimpleQueue
from random import Random
from threading import Event, Timer
from typing import Any

import pytest

from dsl_debug.agents import AGENTS
from dsl_debug.policies.base import Job, ModelOptions, Setup
from dsl_debug.results.columns import check_columns
from space.handlers import player_process, watch
from space.handlers.player_model import play_model
from space.handlers.watch import Wish, choices, surprise, watch_agent, wish
from space.handlers.watch_frames import FAILED, OVER, STOPPED, THINKING, WAITING, Frame, Said, begun, frames
from space.library import Library
from space.views import watch as view
from tests.problems import make_problem
from tests.scripted_endpoint import KEY, Reply, Request, Script, endpoint, fails, says

PROBLEM = make_problem()
LIBRARY = Library({PROBLEM.id: PROBLEM}, {}, {})
OPTIONS = ModelOptions(workers=1, timeout=10.0, retries=0)


def seen(frames: Iterable[Frame]) -> list[tuple[str, int]]:
    """States and turns, each once: a frame comes again while nothing happens."""
    return list(dict.fromkeys((frame.state, frame.turns) for frame in frames))


def agent(name: str, seed: int = 0, pace: float = 0.0, stop: Event | None = None) -> Iterator[Frame]:
    return watch_agent(name, PROBLEM, seed, pace, stop or Event())


@pytest.fixture
def asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Agents that think for ever."""
    command = (sys.executable, "-c", "import time; time.sleep(60)")
    monkeypatch.setattr(player_process, "COMMAND", command)


# ---- what there is to choose


def test_every_agent_is_there_with_a_line() -> None:
    assert sorted(name for name, _ in watch.agents()) == sorted(AGENTS)
    assert "knows the fix" in dict(watch.agents())["reference"].lower()


def test_problems_are_chosen_by_kind() -> None:
    easy, hard = make_problem(difficulty="easy"), make_problem(difficulty="hard")
    library = Library({p.id: p for p in (easy, hard)}, {}, {})
    assert [id for _, id in choices(library)] == [easy.id, hard.id]
    assert [id for _, id in choices(library, easy.category, "hard")] == [hard.id]
    assert choices(library, "no such category") == []
    assert surprise(library, "", "", easy.id, Random(0)) == hard.id
    assert surprise(library, "", "easy", easy.id, Random(0)) == easy.id
    assert surprise(library, "", "medium", None, Random(0)) is None


@pytest.mark.parametrize("data", [None, 7, "x", [], {"player": 3, "key": {}, "pace": "1"}, {"pace": True}])
def test_whatever_is_posted_is_a_wish(data: object) -> None:
    asked = wish(data)
    assert (asked.player, asked.key) == ("", "")
    assert 0.0 <= asked.pace <= 5.0


@pytest.mark.parametrize(
    ("pace", "seconds"), [(1, 1.0), (10**400, 5.0), (float("nan"), 0.0), (-1, 0.0), (float("inf"), 5.0)]
)
def test_a_pace_is_bounded(pace: Any, seconds: float) -> None:
    assert wish({"pace": pace}).pace == seconds


def test_a_wish_does_not_show_its_key() -> None:
    assert KEY not in repr(wish({"player": "endpoint", "key": KEY}))


# ---- agents


def test_an_agent_plays_to_its_end() -> None:
    frames = list(agent("reference"))
    assert seen(frames) == [(THINKING, 0), (THINKING, 1), (OVER, 1)]
    row = frames[-1].trace
    check_columns(row)
    assert (row["policy"], row["failure"], row["reward"]) == ("reference", "", 1.0)
    assert row["messages"][:2] == begun(PROBLEM)["messages"]


def test_the_same_seed_gives_the_same_episode() -> None:
    first, again, other = (list(agent("random_edit", seed))[-1].trace["messages"] for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_turns_come_at_their_pace() -> None:
    start = time.monotonic()
    frames = list(agent("constant_emitter", pace=0.3))
    assert frames[-1].turns >= 3
    assert time.monotonic() - start >= 0.3 * (frames[-1].turns - 1)


@pytest.mark.parametrize("name", ["", "nobody", "__class__", "hosted "])
def test_an_agent_that_there_is_not_is_told(name: str) -> None:
    assert seen(agent(name)) == [(FAILED, 0)]


@pytest.mark.usefixtures("asleep")
def test_stop_ends_an_agent_that_thinks() -> None:
    stop = Event()
    Timer(0.3, stop.set).start()
    start = time.monotonic()
    frames = list(agent("search", stop=stop))
    assert seen(frames) == [(THINKING, 0), (STOPPED, 0)]
    assert time.monotonic() - start < 1.5


@pytest.mark.usefixtures("asleep")
def test_an_agent_that_thinks_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "AGENT_SECONDS", 0.3)
    last = list(agent("search"))[-1]
    assert (last.state, last.words) == (STOPPED, "Nobody may play for longer than 0.3 seconds here.")


def test_an_agent_that_breaks_off_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player_process, "COMMAND", (sys.executable, "-c", "print('{\"turn\": [')"))
    last = list(agent("search"))[-1]
    assert (last.state, last.turns) == (FAILED, 0)
    assert "broke off" in last.words


@pytest.mark.usefixtures("asleep")
def test_a_visitor_who_leaves_ends_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    popen = player_process.subprocess.Popen
    monkeypatch.setattr(
        player_process.subprocess, "Popen", lambda *a, **k: made.append(popen(*a, **k)) or made[-1]
    )
    with closing(agent("search")) as frames:
        assert [next(frames).state for _ in range(3)] == [THINKING] * 3  # a sign of life every second
        assert made[0].poll() is None
    assert made[0].poll() is not None


def test_a_player_does_not_outlive_the_app() -> None:
    asked = {"agent": "search", "problem": PROBLEM.to_row(), "seed": 0}
    slow = "import time; from space.handlers import player; player.play_agent = lambda *_: time.sleep(60)"
    command = (sys.executable, "-c", f"{slow}; player.main()")
    process = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=player_process.ROOT)
    process.stdin.write(f"{json.dumps(asked)}\n".encode())
    process.stdin.flush()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    process.stdin.close()
    assert process.wait(20) == 1


@pytest.mark.parametrize(
    "played",
    [lambda: agent("search"), lambda: watch.watch_model("http://127.0.0.1:1", "m", "", PROBLEM, Event())],
)
def test_a_player_that_cannot_be_started_is_told(
    played: Callable[[], Iterator[Frame]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(player_process, "COMMAND", ("/nonexistent",))
    for _ in range(2 * watch.MODELS_AT_ONCE):  # each gives its place back
        last = list(played())[-1]
        assert (last.state, last.words) == (FAILED, "No player can be started now: please try again.")


def test_models_have_places_of_their_own() -> None:
    assert all(watch._MODEL_PLACES.acquire(blocking=False) for _ in range(watch.MODELS_AT_ONCE))
    try:
        (frame,) = watch.watch_model("http://127.0.0.1:1/v1", "m", KEY, PROBLEM, Event())
        assert frame.state == FAILED
        assert frame.words.startswith("4 models are playing")
        assert seen(agent("unchanged"))[-1] == (OVER, 1)
    finally:
        watch._MODEL_PLACES.release(watch.MODELS_AT_ONCE)


def test_agents_wait_for_a_place() -> None:
    for _ in range(watch.AGENTS_AT_ONCE):
        assert watch._PLACES.acquire(timeout=5)
    try:
        frames = agent("unchanged")
        assert [next(frames).state, next(frames).state] == [THINKING, WAITING]
    finally:
        watch._PLACES.release()
    assert seen(frames)[-1] == (OVER, 1)  # and gives its place back
    watch._PLACES.release()
    assert all(watch._PLACES.acquire(blocking=False) for _ in range(watch.AGENTS_AT_ONCE))
    stop = Event()
    stop.set()
    assert seen(agent("unchanged", stop=stop))[-1] == (STOPPED, 0)
    for _ in range(watch.AGENTS_AT_ONCE):
        watch._PLACES.release()


# ---- models


@pytest.fixture(autouse=True)
def _of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPACE_ID", "DSL_DEBUG_PUBLIC"):
        monkeypatch.delenv(name, raising=False)


def solves(request: Request) -> Reply:
    """A model that tells everybody its key."""
    if request.turn == 0:
        return says(f"My key is {KEY}.", [("run", {"code": f"-- {KEY}\n{PROBLEM.buggy_code}"})])
    escaped = KEY.replace("s", "\\u0073", 1)  # as JSON may write it
    return says("", [("submit", f'{{"code": {json.dumps(PROBLEM.correct_code)[:-1]} -- {escaped}"}}')])


openai = pytest.mark.usefixtures("_openai")


@pytest.fixture
def _openai() -> None:
    pytest.importorskip("openai", reason="needs openai: pip install 'dsl-debug[eval]'")


def model(reply: Callable[[Request], Reply], key: str = KEY) -> tuple[list[Frame], Script]:
    """The frames of a model's episode, played in a process, and what was asked for it."""
    with endpoint(reply) as asked:
        return list(watch.watch_model(asked.url, "m", key, PROBLEM, Event(), OPTIONS)), asked


def said(address: str, key: str = KEY) -> list[Said]:
    """What the player of a model says, played here: a process takes a second to begin."""
    heard: list[Said] = []
    asked = {"address": address, "model": "m", "key": key, "options": asdict(OPTIONS)}
    play_model(asked, PROBLEM, 0, heard.append)
    return heard


@openai
def test_a_model_plays_to_its_end_and_its_key_is_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    frames, asked = model(solves)
    assert seen(frames) == [(THINKING, 0), (THINKING, 1), (THINKING, 2), (OVER, 2)]
    assert {request.key for request in asked} == {f"Bearer {KEY}"}
    row = frames[-1].trace
    check_columns(row)
    assert (row["policy"], row["failure"]) == ("openai:m", "")
    shown = [view.turns(frame, PROBLEM) + view.status(frame, 8) for frame in frames]
    rows = json.dumps([dict(frame.trace) for frame in frames])
    for text in (repr(frames), rows, *shown, *capfd.readouterr()):
        assert KEY not in text
    assert "My key is ***." in shown[-1]


@openai
def test_without_a_key_none_is_sent_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-this-machine")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-of-this-machine")
    _, asked = model(solves, key="")
    assert {request.key for request in asked} == {"Bearer none"}


@openai
def test_the_episode_is_that_of_an_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    from dsl_debug.policies.openai import OpenAIPolicy

    def honest(request: Request) -> Reply:
        code = PROBLEM.correct_code if request.turn else PROBLEM.buggy_code
        return says("So.", [("submit" if request.turn else "run", {"code": code})])

    with endpoint(honest) as asked:
        heard = said(asked.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with endpoint(honest) as others:
        policy = OpenAIPolicy("m", others.url, OPTIONS)
        (episode,) = policy.play([Job(PROBLEM, 0, 0)], Setup())
        policy.close()
    assert heard[-1]["trace"]["messages"] == episode.messages
    assert [request.body for request in asked] == [request.body for request in others]


@openai
@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (fails(401, f"no key {KEY}"), "The endpoint does not accept this key."),
        (fails(402), "The endpoint asks for payment: the key has no credit left."),
        (fails(404, "no model m"), "The endpoint knows no model m, or its address is another one"),
        (fails(302, location="http://127.0.0.1:1/"), "The endpoint sends on to another address"),
        (fails(429), "The endpoint takes no more requests now"),
        (fails(500, f"lost\n{KEY}"), "The endpoint answers with status 500: lost ***."),
        (fails(400, "m is no model"), "The endpoint answers with status 400: m is no model."),
        (Reply(200, b"<html>hello"), "What the endpoint answers is no chat completion"),
        (Reply(200, {"choices": []}), "What the endpoint answers is no chat completion"),
        (Reply(200, b"x" * 2_500_000), "The endpoint's answer is longer than 2,000,000 bytes."),
        (Reply(cut=True, content={"a": "b" * 100}), "No answer comes from this address"),
        (says("", refusal="no"), "The model refused to answer."),
    ],
)
def test_what_goes_wrong_is_told_in_one_line(
    reply: Reply, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with endpoint(lambda request: reply) as asked:
        (heard,) = said(asked.url)
    assert heard["failed"].startswith(words)
    assert "\n" not in heard["failed"]
    assert KEY not in json.dumps(heard) + "".join(capfd.readouterr())


@openai
def test_without_a_key_an_endpoint_asks_for_one() -> None:
    with endpoint(lambda request: fails(401)) as asked:
        assert said(asked.url, key="")[-1]["failed"] == "The endpoint asks for a key."


@openai
def test_a_server_that_is_not_there_is_told() -> None:
    assert said("http://127.0.0.1:1/v1")[-1]["failed"].startswith("No answer comes from this address")


@openai
def test_a_hosted_app_does_not_ask_the_machine_it_runs_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "me/dsl-debug")
    assert "not public" in said("https://localhost/v1")[-1]["failed"]
    last = list(watch.watch_model("http://127.0.0.1:8000/v1", "m", KEY, PROBLEM, Event()))[-1]
    assert last.words.startswith("Here only https addresses can be reached")


@openai
def test_a_failure_in_the_middle_keeps_the_turns() -> None:
    with endpoint(lambda request: solves(request) if request.turn == 0 else fails(500)) as asked:
        heard: SimpleQueue[Said] = SimpleQueue()
        for one in said(asked.url):
            heard.put(one)
    played = list(frames(begun(PROBLEM), heard, Event(), 5.0))
    assert seen(played) == [(THINKING, 1), (FAILED, 1)]
    assert played[-1].trace["stopped"] == "failed at the endpoint"
    assert "could not go on" in view.status(played[-1], 8)
    assert "Turn 1" in view.turns(played[-1], PROBLEM)


@pytest.mark.parametrize(
    ("address", "name", "key", "words"),
    [
        (f"http://me:{KEY}@127.0.0.1/v1", "m", KEY, "Leave passwords out"),
        ("gopher://x", "m", KEY, "An address begins with"),
        ("", "m", KEY, "An address begins with"),
        ("http://127.0.0.1:1/v1", "", KEY, "Name the model"),
        ("http://127.0.0.1:1/v1", "m\nm", KEY, "Name the model"),
        ("http://127.0.0.1:1/v1", f"{KEY} m", KEY, "Name the model"),
        ("http://127.0.0.1:1/v1", "m", "a\r\nb: c", "A key is one word"),
        ("http://127.0.0.1:1/v1", "m", "schlüssel", "A key is one word"),
    ],
)
def test_what_cannot_be_asked_is_told_at_once(address: str, name: str, key: str, words: str) -> None:
    (frame,) = watch.watch_model(address, name, key, PROBLEM, Event(), OPTIONS)
    assert frame.state == FAILED
    assert frame.words.startswith(words)
    assert KEY not in repr(frame)


@pytest.mark.usefixtures("asleep")
def test_stop_and_the_clock_end_a_model_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ("http://127.0.0.1:1/v1", "m", KEY, PROBLEM)
    stop = Event()
    Timer(0.3, stop.set).start()
    assert list(watch.watch_model(*asked, stop))[-1].words == "You stopped the episode."
    monkeypatch.setattr(watch, "MODEL_SECONDS", 0.3)
    last = list(watch.watch_model(*asked, Event()))[-1]
    assert last.words == "Nobody may play for longer than 0.3 seconds here."


@pytest.mark.parametrize(
    ("player", "address"),
    [("hosted", watch.HUGGING_FACE), ("endpoint", "http://127.0.0.1:1/v1")],
)
def test_a_model_is_asked_where_it_is(monkeypatch: pytest.MonkeyPatch, player: str, address: str) -> None:
    monkeypatch.setattr(watch, "watch_model", lambda *asked, seed: iter(asked))
    wanted = Wish(player, "http://127.0.0.1:1/v1", "m", KEY)
    assert next(watch.watch(wanted, PROBLEM, 0, Event())) == address


# ---- what is drawn


def test_texts_of_strangers_stay_texts() -> None:
    message = {"role": "assistant", "content": "<img src=x onerror=alert(1)>", "tool_calls": []}
    trace = begun(PROBLEM, "<b>")
    frame = Frame(FAILED, {**trace, "messages": [*trace["messages"], message]}, "<script>")
    html = view.turns(frame, PROBLEM) + view.status(frame, 8)
    for text in ("<img", "<b><b>", "<script"):
        assert text not in html
    assert "&lt;img" in html


def test_nothing_yet_says_what_to_do() -> None:
    assert "press Watch" in view.turns(None, PROBLEM)
    assert "No problem" in view.problem(None)
    assert "buggy program" in view.problem(PROBLEM)


def test_the_end_leads_on() -> None:
    frame = list(agent("reference"))[-1]
    html = view.turns(frame, PROBLEM, ["a-1", "b-2", "c-3"])
    assert f'href="?problem={PROBLEM.id}"' in html
    assert 'href="?compare=a-1,b-2"' in html
    assert "?compare" not in view.turns(frame, PROBLEM, ["a-1"])
    assert "Solved" in view.status(frame, 8)
