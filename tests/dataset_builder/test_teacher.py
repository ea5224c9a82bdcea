"""A model as a teacher, against a scripted server."""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.teacher import Prices, Taught, model_trajectories
from dsl_debug.data import sample_problems
from dsl_debug.episode import TOOLS, DSLDebugEnv, messages, schemas
from dsl_debug.policies.endpoint import Unavailable
from dsl_debug.problem import DslProblem
from tests.scripted_endpoint import KEY, Reply, Request, endpoint, fails, in_text, problem_of, says, settings

pytest.importorskip("openai", reason="needs openai: pip install 'dsl-debug[eval]'")

PROBLEMS = sample_problems()[:4]
PROBLEM = PROBLEMS[0]
NODE = "products"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def taught(
    reply: Callable[[Request], Reply],
    folder: Path,
    problems: list[DslProblem] = PROBLEMS[:1],
    samples: int = 1,
    max_turns: int = 8,
    prices: Prices | None = None,
) -> Taught:
    with endpoint(reply) as seen:
        return model_trajectories(settings(seen.url, folder), problems, max_turns, samples, prices)


def solves(request: Request) -> Reply:
    """What a good model says: it runs, looks, and submits the right program."""
    problem = problem_of(request, PROBLEMS)
    turns = (
        says("I run it first.", [("run", {"code": problem.buggy_code})]),
        says(None, [("inspect", {"node_name": "x"}), ("read_docs", {"operation": "filter"})]),
        says("That is it.", [("submit", {"code": problem.correct_code})]),
    )
    return turns[request.turn]


# ---- what is kept


def check_replays(problem: DslProblem, recorded: tuple[dict[str, Any], ...]) -> None:
    """A trajectory is what an episode really gives."""
    assert list(recorded[:2]) == messages(problem)
    env = DSLDebugEnv()
    env.reset(problem)
    answers = [message for message in recorded if message["role"] == "tool"]
    for message in recorded[2:]:
        if message["role"] == "assistant":
            calls = [
                {"name": c["function"]["name"], "arguments": c["function"]["arguments"]}
                for c in message["tool_calls"]
            ]
            blocks = [f"<tool_call>{json.dumps(call)}</tool_call>" for call in calls]
            for result in env.step("".join(blocks)).info["results"]:
                answer = answers.pop(0)
                assert (answer["name"], answer["content"]) == (result["tool"], result["observation"])
    assert not answers
    assert env.reward == 1.0


def test_a_success_is_recorded_as_the_episode_went(tmp_path: Path) -> None:
    result = taught(solves, tmp_path)
    (trajectory,) = result.trajectories
    assert (trajectory.problem_id, trajectory.teacher) == (PROBLEM.id, "openai:m")
    assert (trajectory.turns, trajectory.reward) == (3, 1.0)
    check_replays(PROBLEM, trajectory.messages)
    roles = [message["role"] for message in trajectory.messages]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "tool", "tool", "assistant", "tool"]
    assert trajectory.messages[2] == {
        "role": "assistant",
        "content": "I run it first.",
        "tool_calls": [
            {"type": "function", "function": {"name": "run", "arguments": {"code": PROBLEM.buggy_code}}}
        ],
    }
    assert trajectory.messages[4]["content"] == ""
    assert result.counts == {
        "episodes": 1,
        "solved": 1,
        "kept": 1,
        "requests": 3,
    }
    assert (result.tokens_in, result.tokens_out, result.solve_rate) == (300, 30, 1.0)


def test_the_endpoint_reads_what_the_api_wants(tmp_path: Path) -> None:
    with endpoint(solves) as seen:
        model_trajectories(settings(seen.url, tmp_path), [PROBLEM])
    assert seen[0].body["tools"] == schemas(TOOLS)
    assert seen[0].body["messages"] == messages(PROBLEM)
    asked, *answers = seen[2].body["messages"][-3:]
    assert [call["id"] for call in asked["tool_calls"]] == [answer["tool_call_id"] for answer in answers]
    assert asked["tool_calls"][0]["function"]["arguments"] == '{"node_name": "x"}'
    assert "[6 turns left]" in answers[1]["content"]


def test_only_successes_are_kept_and_the_rest_is_counted(tmp_path: Path) -> None:
    def reply(request: Request) -> Reply:
        problem = problem_of(request, PROBLEMS)
        if problem == PROBLEMS[0]:
            return says("", [("submit", {"code": problem.buggy_code})])
        if problem == PROBLEMS[1]:
            return says("", [("submit", {"code": "emit"})])
        return says("I wonder.") if problem == PROBLEMS[2] else solves(request)

    result = taught(reply, tmp_path, PROBLEMS, max_turns=8)
    assert [trajectory.problem_id for trajectory in result.trajectories] == [PROBLEMS[3].id]
    ends = {what: n for what, n in result.counts.items() if what != "requests"}
    assert ends.pop("episodes") == 4
    assert ends.pop("wrong rows submitted", 0) + ends.pop("an error submitted", 0) == 2
    assert ends == {"nothing submitted": 1, "solved": 1, "kept": 1}
    assert result.solve_rate == 0.25


def test_trajectories_come_in_the_order_of_the_problems(tmp_path: Path) -> None:
    rng = random.Random(0)

    def reply(request: Request) -> Reply:
        late = 0.3 if problem_of(request, PROBLEMS) == PROBLEMS[0] else rng.random() / 30
        return Reply(**{**vars(solves(request)), "delay": late})

    seen: list[tuple[int, int]] = []
    with endpoint(reply) as script:
        chosen = settings(script.url, tmp_path, workers=4)
        result = model_trajectories(chosen, PROBLEMS, on_progress=lambda *done: seen.append(done))
    assert [t.problem_id for t in result.trajectories] == [problem.id for problem in PROBLEMS]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_samples_of_one_problem_differ_and_repetitions_are_dropped(tmp_path: Path) -> None:
    with endpoint(solves) as seen:
        result = model_trajectories(settings(seen.url, tmp_path), [PROBLEM], samples=3)
    assert len({request.body["seed"] for request in seen}) == 3
    assert len(result.trajectories) == 1
    assert result.counts["solved as in an earlier sample"] == 2
    assert result.solve_rate == 1.0


# ---- calls in texts


def test_calls_are_read_from_the_text_where_there_are_no_others(tmp_path: Path) -> None:
    def reply(request: Request) -> Reply:
        if request.turn == 0:
            return in_text(
                "<think>Let me {see}: <tool_call>{}</tool_call></think>I look.",
                ("inspect", {"node_name": NODE}),
            )
        return in_text(
            "Done.", ("run", {"code": PROBLEM.correct_code}), ("submit", {"code": PROBLEM.correct_code})
        )

    with endpoint(reply) as seen:
        (trajectory,) = model_trajectories(settings(seen.url, tmp_path), [PROBLEM]).trajectories
    check_replays(PROBLEM, trajectory.messages)
    assert [m["content"] for m in trajectory.messages if m["role"] == "assistant"] == ["I look.", "Done."]
    asked, answer = seen[1].body["messages"][-2:]
    assert asked["content"].startswith("I look.\n<tool_call>")
    assert answer["role"] == "user"
    assert answer["content"].startswith("<tool_response>\n")


def test_tools_are_explained_in_the_text_where_the_server_takes_none(tmp_path: Path) -> None:
    def reply(request: Request) -> Reply:
        if "tools" in request.body:
            return fails(400, '"auto" tool choice requires --enable-auto-tool-choice')
        return in_text("Fixed.", ("submit", {"code": problem_of(request, PROBLEMS).correct_code}))

    with endpoint(reply) as seen:
        result = model_trajectories(settings(seen.url, tmp_path), PROBLEMS[:2])
        count = len(seen)
        again = model_trajectories(settings(seen.url, tmp_path), PROBLEMS[:2])
        assert len(seen) == count == 4
    assert again.trajectories == result.trajectories
    assert "<tools>" in seen[1].body["messages"][0]["content"]
    for problem, trajectory in zip(PROBLEMS[:2], result.trajectories, strict=True):
        check_replays(problem, trajectory.messages)
        assert "<tools>" not in trajectory.messages[0]["content"]


# ---- what goes wrong

BROKEN: dict[str, tuple[str, Any]] = {
    "arguments that break off": ("run", '{"code": "emit'),
    "arguments that are a list": ("run", "[1]"),
    "arguments of another type": ("run", {"code": 1}),
    "arguments that are missing": ("run", ""),
    "deep arguments": ("run", '{"code": ' + "[" * 50_000),
    "an unknown tool": ("fix it!", {"code": ""}),
    "a tool without a name": ("", {"code": ""}),
    "a program that is no text of Unicode": ("run", '{"code": "emit \\ud800"}'),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_call_costs_a_turn_and_is_no_example(name: str, tmp_path: Path) -> None:
    def reply(request: Request) -> Reply:
        if request.turn == 0:
            return says("", [BROKEN[name]])
        return says("", [("submit", {"code": PROBLEM.correct_code})])

    with endpoint(reply) as seen:
        result = model_trajectories(settings(seen.url, tmp_path), [PROBLEM])
    assert result.trajectories == []
    assert result.counts["solved with a malformed message"] == result.counts["solved"] == 1
    asked, answer = seen[1].body["messages"][-2:]
    function = asked["tool_calls"][0]["function"]
    assert isinstance(json.loads(function["arguments"]), dict)
    assert function["name"].replace("_", "").isalnum()
    assert answer["content"]


def test_more_calls_than_are_read_do_no_harm(tmp_path: Path) -> None:
    calls = [("read_docs", {"operation": "take"})] * 40

    def reply(request: Request) -> Reply:
        return (
            says("", calls) if request.turn == 0 else says("", [("submit", {"code": PROBLEM.correct_code})])
        )

    with endpoint(reply) as seen:
        result = model_trajectories(settings(seen.url, tmp_path), [PROBLEM])
    assert result.counts["solved"] == 1
    asked = seen[1].body["messages"][2]
    assert len(asked["tool_calls"]) == 17 == len(seen[1].body["messages"]) - 3


HOSTILE = {
    "a program that is far too long": "x" * 60_000,
    "a join that explodes": 'a0 = load("T") |> compute(k: 1)\n'
    + "".join(f"a{i} = join(a{i - 1}, a{i - 1}, on: k == k)\n" for i in range(1, 40))
    + "emit a39",
    "deep nesting": 'a = load("T") |> compute(x: ' + "(" * 1500 + "1" + ")" * 1500 + ")\nemit a",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_programs_meet_the_limits(name: str, tmp_path: Path) -> None:
    code = HOSTILE[name].replace("T", next(iter(PROBLEM.tables)))
    start = time.monotonic()
    result = taught(lambda request: says("", [("run", {"code": code}), ("submit", {"code": code})]), tmp_path)
    assert result.counts["an error submitted"] == 1
    assert time.monotonic() - start < 3


LOST: dict[str, tuple[Reply, str]] = {
    "a refusal": (says("", refusal="I cannot."), "refused"),
    "an answer without end": (says("", end="length"), "cut short"),
    "a conversation that is too long": (
        fails(400, "maximum context length is 4096"),
        "longer than the model's context",
    ),
}


@pytest.mark.parametrize("name", LOST)
def test_an_episode_that_breaks_off_is_not_solved(name: str, tmp_path: Path) -> None:
    reply, end = LOST[name]
    result = taught(lambda request: reply if request.turn else solves(request), tmp_path, PROBLEMS[:2])
    assert (result.trajectories, result.counts[end], result.solve_rate) == ([], 2, 0.0)
    assert result.counts["episodes"] == 2


def test_a_silent_endpoint_is_given_up_and_does_not_count_as_failing(tmp_path: Path) -> None:
    def reply(request: Request) -> Reply:
        return solves(request) if problem_of(request, PROBLEMS) == PROBLEM else fails(500)

    result = taught(reply, tmp_path, [PROBLEM, *PROBLEMS[1:] * 3])
    assert result.stopped == "3 episodes in a row got no answer; the last one: failed at the endpoint"
    assert result.counts["episodes"] == 4
    assert (len(result.trajectories), result.solve_rate) == (1, 1.0)


def test_a_wrong_key_is_told_in_one_line_at_once(tmp_path: Path) -> None:
    with endpoint(lambda request: fails(401, f"no {KEY}")) as seen, pytest.raises(Unavailable) as caught:
        model_trajectories(settings(seen.url, tmp_path, workers=3), PROBLEMS * 20)
    assert str(caught.value) == "the endpoint answers with status 401: is OPENAI_API_KEY right?"
    assert len(seen) < 20


def test_an_endpoint_that_rejects_the_first_request_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"^the endpoint answers with status 400: [^\n]*what\?[^\n]*$"):
        taught(lambda request: fails(400, "what?"), tmp_path, PROBLEMS)


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    failing = True

    def reply(request: Request) -> Reply:
        late = problem_of(request, PROBLEMS) in PROBLEMS[2:] and request.turn > 0
        return fails(503) if failing and late else solves(request)

    with endpoint(reply) as seen:
        first = model_trajectories(settings(seen.url, tmp_path), PROBLEMS)
        failing = False
        asked = len(seen)
        second = model_trajectories(settings(seen.url, tmp_path), PROBLEMS)
        assert len(seen) - asked == 4  # two turns of two episodes
        third = model_trajectories(settings(seen.url, tmp_path, workers=4), PROBLEMS)
    assert (len(first.trajectories), len(second.trajectories)) == (2, 4)
    assert second.trajectories == third.trajectories
    assert third.counts == second.counts
    assert (second.sent, third.sent) == (4, 0)
    assert (second.tokens_in, third.tokens_in) == (1200, 1200)


def test_the_cost_is_told_where_prices_are_known(tmp_path: Path) -> None:
    assert taught(solves, tmp_path).cost is None
    assert taught(solves, tmp_path, prices=(1.0, 10.0)).cost == pytest.approx(300e-6 + 300e-6)
