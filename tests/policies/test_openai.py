"""A model behind a server as a policy, against a scripted server that misbehaves."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from dataset_builder.python_bugs.families import hand_written_problems
from dsl_debug.data import sample_problems
from dsl_debug.episode import TOOLS, messages, schemas
from dsl_debug.evaluation import LET_DOWN, evaluate, job_seed, read_traces
from dsl_debug.policies.base import Episode, Job, ModelOptions, Setup, Unusable
from dsl_debug.policies.openai import OpenAIPolicy
from tests.scripted_endpoint import KEY, Reply, Request, Script, endpoint, fails, in_text, problem_of, says

pytest.importorskip("openai", reason="needs openai: pip install 'dsl-debug[eval]'")

PROBLEMS = sample_problems()
PROBLEM = PROBLEMS[0]
OPTIONS = ModelOptions(workers=4, timeout=20.0, retries=0)
DATA = {"source": "samples"}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def solves(request: Request) -> Reply:
    """What a good model says: it runs the program, and submits the right one."""
    problem = problem_of(request, PROBLEMS)
    if request.turn == 0:
        return says("I run it first.", [("run", {"code": problem.buggy_code})])
    return says(f"My key is {KEY}.", [("submit", {"code": problem.correct_code})])


def solves_in_text(request: Request) -> Reply:
    """The same in a text."""
    problem = problem_of(request, PROBLEMS)
    if request.turn == 0:
        return in_text("I run it first.", ("run", {"code": problem.buggy_code}))
    return in_text(f"My key is {KEY}.", ("submit", {"code": problem.correct_code}))


def played(
    reply: Callable[[Request], Reply], jobs: list[Job] | None = None, **changes: Any
) -> tuple[list[Episode], Script]:
    """The episodes of some jobs (of one), and what was asked for them."""
    with endpoint(reply) as seen:
        policy = OpenAIPolicy("m", seen.url, replace(OPTIONS, **changes))
        try:
            return list(policy.play(jobs or [Job(PROBLEM, 0, 7)], Setup())), seen
        finally:
            policy.close()


# ---- one episode


def test_the_server_reads_the_prompt_and_the_options() -> None:
    (episode,), seen = played(solves, temperature=0.5, top_p=0.9, max_tokens=64)
    assert seen[0].body == {
        "model": "m",
        "messages": messages(PROBLEM),
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 64,
        "seed": 7,
        "tools": schemas(TOOLS),
    }
    assert [request.body["seed"] for request in seen] == [7, 8]
    asked, answer = seen[1].body["messages"][2:]
    assert (asked["role"], asked["content"]) == ("assistant", "I run it first.")
    assert answer["role"] == "tool"
    assert answer["tool_call_id"] == asked["tool_calls"][0]["id"]
    assert (episode.reward, episode.stopped, episode.outcome.turns) == (1.0, "", 2)
    assert (episode.prompt_tokens, episode.outcome.tokens) == (200, 20)


def test_calls_in_a_text_and_calls_of_the_api_give_the_same_episode() -> None:
    (structured,), _ = played(solves)
    (in_texts,), seen = played(solves_in_text)
    assert asdict(replace(structured, seconds=0.0)) == asdict(replace(in_texts, seconds=0.0))
    assert structured.reward == 1.0
    asked, answer = seen[1].body["messages"][2:]
    assert asked["content"].startswith("I run it first.\n<tool_call>\n")
    assert (answer["role"], answer["content"][:16]) == ("user", "<tool_response>\n")


def test_a_text_with_several_calls_gets_several_answers() -> None:
    def reply(request: Request) -> Reply:
        if request.turn:
            return solves_in_text(request)
        return in_text("", ("read_docs", {"operation": "take"}), ("read_docs", {"operation": "sum"}))

    _, seen = played(reply)
    answers = seen[1].body["messages"][3]["content"]
    assert answers.count("<tool_response>\n") == answers.count("\n</tool_response>") == 2
    assert "\n</tool_response>\n<tool_response>\n" in answers


TOLD = """

# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{"type": "function", "function": {"name": "inspect", """
CALLED = """}
</tools>

For each function call, return a json object with function name and arguments within <tool_call></tool_call> \
XML tags:
<tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call>"""


def test_a_server_without_tools_is_asked_once_and_then_told_in_the_text() -> None:
    def reply(request: Request) -> Reply:
        if "tools" in request.body:
            return fails(400, '"auto" tool choice requires --enable-auto-tool-choice')
        return solves_in_text(request)

    jobs = [Job(problem, 0, 7) for problem in PROBLEMS[:4]]
    episodes, seen = played(reply, jobs, workers=1)
    assert [episode.reward for episode in episodes] == [1.0] * 4
    assert len(seen) == 1 + 4 * 2
    system = seen[1].body["messages"][0]["content"]
    assert {episode.messages[0]["content"] for episode in episodes} == {system}, "what the model has read"
    told = system.removeprefix(messages(PROBLEM)[0]["content"])
    assert told.startswith(TOLD)
    assert told.endswith(CALLED)


def test_a_server_that_takes_no_answers_of_tools_gets_them_in_texts() -> None:
    def reply(request: Request) -> Reply:
        if any(message["role"] == "tool" for message in request.body["messages"]):
            return fails(400, "Conversation roles must alternate user/assistant/user/assistant")
        return solves(request)

    jobs = [Job(PROBLEM, sample, sample) for sample in range(2)]
    episodes, seen = played(reply, jobs, workers=1)
    assert [episode.reward for episode in episodes] == [1.0, 1.0]
    assert ["tools" in request.body for request in seen] == [True, True, False] * 2
    call = json.dumps({"name": "run", "arguments": {"code": PROBLEM.buggy_code}}, ensure_ascii=False)
    assert seen[2].body["messages"][2] == {
        "role": "assistant",
        "content": f"I run it first.\n<tool_call>\n{call}\n</tool_call>",
    }


@pytest.mark.parametrize("after", [0, 1])
def test_one_complaint_about_tools_is_not_that_of_the_whole_run(after: int) -> None:
    """A request that is rejected either way says nothing; and where one with tools was answered, they are
    taken."""

    def reply(request: Request) -> Reply:
        return fails(400, "a tool?") if problem_of(request, PROBLEMS) == bad else solves(request)

    bad = PROBLEMS[after]
    jobs = [Job(problem, 0, 7) for problem in PROBLEMS[:3]]
    episodes, seen = played(reply, jobs, workers=1)
    assert sorted(episode.reward for episode in episodes) == [0.0, 1.0, 1.0]
    in_texts = [request for request in seen if "tools" not in request.body]
    assert [problem_of(request, PROBLEMS) for request in in_texts] == ([bad] if after == 0 else [])
    assert all(e.messages[0] == messages(PROBLEM)[0] for e in episodes if not e.stopped)


def test_a_request_that_is_quoted_spoils_its_own_episode_only() -> None:
    """An endpoint that cannot read one message says so by quoting the whole request."""

    def reply(request: Request) -> Reply:
        if request.turn and problem_of(request, PROBLEMS) == PROBLEMS[1]:
            return fails(400, f"Input should be a valid string, input={request.body}")
        return solves(request)

    jobs = [Job(problem, 0, 7) for problem in PROBLEMS[:4]]
    episodes, seen = played(reply, jobs, workers=1, temperature=0.7)
    assert [episode.stopped for episode in episodes] == ["", "rejected by the endpoint", "", ""]
    assert len(seen) == 8
    assert all(request.body.keys() >= {"tools", "seed", "temperature", "top_p"} for request in seen)


def test_a_message_that_was_cut_short_counts_as_it_is() -> None:
    def reply(request: Request) -> Reply:
        if request.turn == 0:
            return says('I run it.\n<tool_call>\n{"name": "run", "argu', end="length")
        if request.turn == 1:
            return says("", [("run", '{"code": "em')], end="length")
        return solves(request)

    (episode,), seen = played(reply)
    assert (episode.stopped, episode.reward, episode.outcome.turns) == ("", 1.0, 3)
    assert seen[1].body["messages"][2]["content"].endswith('{"name": "run", "argu')
    assert "not valid JSON" in seen[1].body["messages"][3]["content"]
    assert "not valid JSON" in seen[2].body["messages"][5]["content"]


def test_thoughts_are_not_told_again() -> None:
    def reply(request: Request) -> Reply:
        if request.turn == 0:
            return in_text("<think>Hm, <tool_call>?</think>\n\nI run it.", ("run", {"code": "emit"}))
        return solves(request) if request.turn > 1 else says("<think>And so on", end="length")

    (episode,), seen = played(reply)
    told = [m["content"] for m in seen[2].body["messages"] if m["role"] == "assistant"]
    assert told[0].startswith("I run it.\n<tool_call>")
    assert told[1] == ""
    assert (episode.outcome.turns, episode.outcome.calls) == (3, {"run": 1, "submit": 1})
    assert "<think>And so on" in episode.messages[4]["content"]


def test_a_conversation_keeps_to_the_context_that_is_asked_for() -> None:
    (episode,), seen = played(solves, context=150)  # the server counts 110 tokens in every turn
    assert [request.body["max_tokens"] for request in seen] == [150, 40]
    assert episode.reward == 1.0
    (episode,), seen = played(solves, context=110)
    assert (episode.stopped, episode.outcome.turns) == ("longer than the model's context", 1)
    assert (len(seen), episode.outcome.submitted) == (1, None)


def test_a_bug_of_the_arena_is_played_as_well() -> None:
    bug = hand_written_problems()[0]

    def reply(request: Request) -> Reply:
        code = bug.correct_code if request.turn else bug.buggy_code
        return says("", [("submit" if request.turn else "run_tests", {"code": code})])

    (episode,), seen = played(reply, [Job(bug, 0, 0)])
    assert [tool["function"]["name"] for tool in seen[0].body["tools"]] == ["run_tests", "submit"]
    assert episode.outcome.visible_match
    assert (episode.reward, episode.stopped) == (3.2, "")


# ---- an evaluation with a server that misbehaves


class Misbehaving:
    """A server that treats the first sample of each problem badly, each in its way, until it is `healed`."""

    def __init__(self) -> None:
        self.healed = False
        self._asked: Counter[int] = Counter()
        self._lock = Lock()

    def __call__(self, request: Request) -> Reply:
        number = PROBLEMS.index(problem_of(request, PROBLEMS))
        seed = request.body["seed"] - request.turn
        with self._lock:
            first = not self._asked[seed]
            self._asked[seed] += 1
        if self.healed or seed != job_seed(0, PROBLEMS[number].id, 0):
            return solves(request)
        return self._bad(number, first, request) or solves(request)

    def _bad(self, number: int, first: bool, request: Request) -> Reply | None:
        """What the problem number `number` meets, in its first turn or in all."""
        match number:
            case 0:
                return fails(500) if first else None
            case 1:
                return Reply(delay=1.0) if request.turn else None
            case 2:
                return None if request.turn else says("", [("run", '{"code": 1'), ("fix it!", "")])
            case 3:
                return Reply(content=b'{"choices": [{"message": {"content": "I ru')
            case 4:
                return Reply(content={"choices": []})
            case 5:
                return Reply(content={"choices": ["x" * 9999]}, cut=True) if request.turn else None
            case 6:
                return fails(429)
            case 7:
                return (
                    fails(400, "This model's maximum context length is 4096 tokens.")
                    if request.turn
                    else None
                )
            case 8:
                return None if request.turn else says("I think that", end="length")
            case 9:
                return fails(503)
            case 10:
                return fails(400, f"no such thing, {KEY}") if request.turn else None
            case _:
                return says("", refusal="I cannot.") if request.turn else None


STOPPED = {
    "timed out": 1,
    "without a readable answer": 2,
    "not connected": 1,
    "rate limited": 1,
    "longer than the model's context": 1,
    "failed at the endpoint": 1,
    "rejected by the endpoint": 1,
    "refused": 1,
}
KEYS = [(problem.id, sample) for problem in PROBLEMS for sample in range(2)]


class Killed(Exception):
    """Stands for the end of a process."""


def evaluated(url: str, folder: Path, kill_at: int = 0, workers: int = 4, **arguments: Any) -> dict[str, Any]:
    """Two samples of every problem."""

    def on_progress(done: int, total: int) -> None:
        if done == kill_at:
            raise Killed

    options = replace(OPTIONS, timeout=0.6, retries=1, workers=workers)
    policy = OpenAIPolicy("m", url, options)
    try:
        return evaluate(
            policy,
            PROBLEMS,
            folder,
            data=DATA,
            samples=2,
            on_progress=on_progress if kill_at else lambda done, total: None,
            **arguments,
        )
    finally:
        policy.close()


def check_outcomes(result: dict[str, Any], folder: Path) -> None:
    """Every episode has one outcome, and no file holds the key."""
    assert [(row["problem_id"], row["sample"]) for row in result["outcomes"]] == KEYS
    assert result == json.loads((folder / "result.json").read_text(encoding="utf-8"))
    for path in folder.rglob("*"):
        assert path.is_dir() or KEY not in path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Any], Path]]:
    """The result of a run that nobody stopped, and its folder."""
    folder = tmp_path_factory.mktemp("unbroken")
    with pytest.MonkeyPatch.context() as patch, endpoint(Misbehaving()) as seen:
        patch.setenv("OPENAI_API_KEY", KEY)
        yield evaluated(seen.url, folder), folder


def test_every_episode_has_one_outcome_whatever_the_server_does(
    unbroken: tuple[dict[str, Any], Path],
) -> None:
    result, folder = unbroken
    check_outcomes(result, folder)
    assert len((folder / "traces.jsonl").read_text(encoding="utf-8").splitlines()) == 24
    assert Counter(row["stopped"] for row in result["outcomes"] if row["stopped"]) == STOPPED
    assert result["summary"]["stopped"] == STOPPED
    solved = [number for number, row in enumerate(result["outcomes"]) if row["robust"]]
    assert solved == sorted([*range(1, 24, 2), 0, 4, 16])
    assert [result["outcomes"][number]["turns"] for number in (0, 4, 16)] == [2, 2, 2]


def test_a_second_run_plays_nothing_and_a_retry_what_was_stopped(tmp_path: Path) -> None:
    server = Misbehaving()
    with endpoint(server) as seen:
        first = evaluated(seen.url, tmp_path)
        asked = len(seen)
        assert evaluated(seen.url, tmp_path) == first
        assert len(seen) == asked
        server.healed = True
        again = evaluated(seen.url, tmp_path, retry_stopped=True)
    check_outcomes(again, tmp_path)
    let_down = [row["problem_id"] for row in first["outcomes"] if row["stopped"] in LET_DOWN]
    assert {problem_of(request, PROBLEMS).id for request in seen[asked:]} == set(let_down)
    assert len(seen) - asked == 2 * len(let_down)
    lasting = {reason: n for reason, n in STOPPED.items() if reason not in LET_DOWN}
    assert again["summary"]["stopped"] == lasting
    assert sum(row["robust"] for row in again["outcomes"]) == 24 - sum(lasting.values())


def test_a_killed_run_ends_as_an_unbroken_one(unbroken: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    with endpoint(Misbehaving()) as seen:
        with pytest.raises(Killed):
            evaluated(seen.url, tmp_path, kill_at=9)
        assert len(read_traces(tmp_path)) == 9
        result = evaluated(seen.url, tmp_path)
    check_outcomes(result, tmp_path)
    assert {**result, "timings": 0} == {**unbroken[0], "timings": 0}


# ---- a server that cannot be used


def test_a_server_that_falls_silent_is_given_up_and_its_episodes_are_played_later(tmp_path: Path) -> None:
    failing = True

    def reply(request: Request) -> Reply:
        late = PROBLEMS.index(problem_of(request, PROBLEMS)) >= 3
        return fails(503, f"no {KEY}") if failing and late else solves(request)

    with endpoint(reply) as seen:
        with pytest.raises(Unusable) as caught:
            evaluated(seen.url, tmp_path, workers=1)
        failing = False
        assert len(read_traces(tmp_path)) == 6
        result = evaluated(seen.url, tmp_path)
    assert str(caught.value) == (
        "the endpoint has stopped to answer (failed at the endpoint, 3 episodes in a row; "
        "the endpoint answers with status 503: no ***): "
        "run the same command again to go on"
    )
    check_outcomes(result, tmp_path)
    assert [row["robust"] for row in result["outcomes"]] == [True] * 24


def rejects(*bad: int) -> Callable[[Request], Reply]:
    """A server that rejects these problems, always, and is good otherwise."""

    def reply(request: Request) -> Reply:
        if "# Program" not in request.body["messages"][1]["content"]:
            return says("Hello.")
        problem = problem_of(request, PROBLEMS)
        return fails(400, "what?") if PROBLEMS.index(problem) in bad else solves(request)

    return reply


@pytest.mark.parametrize(
    ("bad", "kill_at"),
    [
        ((0,), 0),  # the first one
        ((0,), 22),  # killed when two were left
        ((11,), 22),
        (tuple(range(6, 12)), 12),  # nothing else left, and many of them
        (tuple(range(12)), 1),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_problems_that_are_always_rejected_end_with_that_also_in_a_run_that_goes_on(
    bad: tuple[int, ...], kill_at: int, workers: int, tmp_path: Path
) -> None:
    with endpoint(rejects(*bad)) as seen:
        if kill_at:
            with pytest.raises(Killed):
                evaluated(seen.url, tmp_path, kill_at, workers)
        result = evaluated(seen.url, tmp_path, workers=workers)
    check_outcomes(result, tmp_path)
    assert result["summary"]["stopped"] == {"rejected by the endpoint": 2 * len(bad)}
    assert [row["robust"] for row in result["outcomes"]] == [n // 2 not in bad for n in range(24)]


@pytest.mark.parametrize("workers", [1, 4])
def test_only_the_rejected_problem_is_left(workers: int, tmp_path: Path) -> None:
    """The traces of all others are there: in this process, the endpoint never answers."""
    with endpoint(rejects(5)) as seen:
        first = evaluated(seen.url, tmp_path, workers=workers)
        lines = (tmp_path / "traces.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if PROBLEMS[5].id not in line]
        assert len(kept) == 22
        (tmp_path / "traces.jsonl").write_text("".join(kept), encoding="utf-8")
        asked = len(seen)
        again = evaluated(seen.url, tmp_path, workers=workers)
        assert len(seen) == asked + 2
    assert again["outcomes"] == first["outcomes"]
    assert again["summary"]["stopped"] == {"rejected by the endpoint": 2}


@pytest.mark.parametrize("count", [2, 3, 99])
def test_a_server_that_rejects_everything_is_told_where_there_are_enough_episodes(count: int) -> None:
    jobs = [Job(PROBLEM, sample, sample) for sample in range(count)]
    if count < 3:
        episodes, _ = played(lambda request: fails(400, "what?"), jobs, workers=1)
        assert [episode.stopped for episode in episodes] == ["rejected by the endpoint"] * count
    else:
        with pytest.raises(Unusable, match=r"^the endpoint answers with status 400: [^\n]*what"):
            played(lambda request: fails(400, "what?"), jobs, workers=1)


def test_a_burst_of_failures_is_none_of_a_silent_server() -> None:
    def reply(request: Request) -> Reply:
        return fails(500) if 4 <= request.number < 12 else says("", [("submit", {"code": "emit"})])

    jobs = [Job(PROBLEM, sample, sample) for sample in range(24)]
    episodes, _ = played(reply, jobs)
    assert sorted(episode.sample for episode in episodes) == list(range(24))
    assert Counter(episode.stopped for episode in episodes) == {"failed at the endpoint": 8, "": 16}


FATAL = {
    "a wrong key": (fails(401, f"Incorrect key {KEY}"), "status 401: is OPENAI_API_KEY right?"),
    "no such model": (fails(404, f"The model `m` does not exist\n{KEY}"), "The model `m` does not exist"),
    "nothing behind the address": (fails(405, "Method Not Allowed"), "status 405"),
}


@pytest.mark.parametrize("name", FATAL)
def test_a_server_that_refuses_everything_is_told_in_one_line_at_once(name: str) -> None:
    reply, told = FATAL[name]
    jobs = [Job(PROBLEM, sample, sample) for sample in range(99)]
    with pytest.raises(Unusable) as caught:
        played(lambda request: reply, jobs)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("count", [1, 99])
def test_a_server_that_is_not_there_is_told(count: int) -> None:
    with endpoint(solves) as seen:
        pass
    policy = OpenAIPolicy("m", seen.url, OPTIONS)
    with pytest.raises(Unusable, match=f"no server answers at {seen.url}: is it running"):
        list(policy.play([Job(PROBLEM, sample, sample) for sample in range(count)], Setup()))
    policy.close()


def test_without_a_key_there_is_no_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(Unusable, match="set OPENAI_API_KEY"):
        OpenAIPolicy("m", "http://localhost/v1", OPTIONS)


def takes_no(option: str) -> Callable[[Request], Reply]:
    def reply(request: Request) -> Reply:
        known = option not in request.body
        return solves(request) if known else fails(400, f"Unsupported value: '{option}' is fixed")

    return reply


def test_an_option_that_shapes_the_play_is_not_left_out_in_silence() -> None:
    message = "the endpoint does not take temperature 0, give another: the endpoint answers with status 400"
    with pytest.raises(Unusable, match=f"^{message}"):
        played(takes_no("temperature"))
    with pytest.raises(Unusable, match=r"^the endpoint does not take top_p 0\.9, give another"):
        played(takes_no("top_p"), top_p=0.9)
    for option, changes in (("temperature", {"temperature": 1.0}), ("top_p", {}), ("seed", {})):
        (episode,), _ = played(takes_no(option), **changes)
        assert episode.reward == 1.0


def test_settings_are_what_shapes_the_play() -> None:
    policy = OpenAIPolicy("m", "http://localhost/v1", ModelOptions(temperature=0.3, workers=3, timeout=5))
    assert policy.name == "openai:m"
    assert policy.settings == {"temperature": 0.3, "top_p": 1.0, "max_tokens": 2048, "context": None}
    policy.close()
