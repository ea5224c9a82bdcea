"""The environment for verifiers, played by the installed library against a scripted server."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("verifiers", reason="needs verifiers: pip install 'dsl-debug[verifiers]'")

import verifiers as vf

from dataset_builder.export import export_folder
from dataset_builder.python_bugs.families import hand_written_problems
from dsl_debug.data import sample_problems
from dsl_debug.episode import TOOLS, messages, schemas
from dsl_debug.policies.base import Episode, Job, ModelOptions, Problem, Setup
from dsl_debug.policies.openai import OpenAIPolicy
from dsl_debug.policies.qwen_text import tools_in_text
from dsl_debug.problem import save_problems
from tests.dataset_builder.datasets_made import REPORT, RUN, content
from tests.problems import BUGGY, CORRECT, MARKS, OVERFIT, make_problem
from tests.scripted_endpoint import KEY, Reply, Request, Script, endpoint, fails, in_text, problem_of, says

FOLDER = Path(__file__).resolve().parents[2] / "servers" / "verifiers"
ENV = "dsl-debug-env"
PROBLEMS = sample_problems()
SHOP = make_problem()

Model = Callable[[Request], Reply]


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module can be imported by its name, as once the package is installed."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("TQDM_DISABLE", "1")


@pytest.fixture
def shop(tmp_path: Path) -> str:
    """A file with one problem that can be overfitted."""
    save_problems([SHOP], tmp_path / "shop.jsonl")
    return str(tmp_path / "shop.jsonl")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A built dataset with problems of both environments."""
    folder = tmp_path_factory.mktemp("dataset") / "dsl-debug"
    export_folder(folder, content(), REPORT, RUN)
    return str(folder)


def rollouts(
    reply: Model, rollouts_per_example: int = 1, num_examples: int = 1, **arguments: Any
) -> tuple[list[Any], Script]:
    """What the library makes of an evaluation, and what its model was asked."""
    env = vf.load_environment(ENV, **arguments)
    with endpoint(reply) as seen:
        config = vf.types.ClientConfig(
            client_type="openai_chat_completions",
            api_key_var="OPENAI_API_KEY",
            api_base_url=seen.url,
            max_retries=0,
        )
        found = env.evaluate_sync(
            config, "m", num_examples=num_examples, rollouts_per_example=rollouts_per_example
        )
    return found["outputs"], seen


def evaluated(reply: Model, problem: Problem) -> tuple[Episode, Script]:
    """The same episode in our own evaluation."""
    with endpoint(reply) as seen:
        policy = OpenAIPolicy("m", seen.url, ModelOptions(workers=1, timeout=60.0, retries=0))
        try:
            (episode,) = policy.play([Job(problem, 0, 0)], Setup())
        finally:
            policy.close()
    return episode, seen


def conversation(request: Request) -> list[dict[str, Any]]:
    """What a model is told: ids by their order, no difference between nothing and an empty text."""
    ids: dict[str, str] = {}
    told = []
    for message in request.body["messages"]:
        message = {key: value for key, value in message.items() if value is not None}
        if message.get("tool_calls"):
            ids = {}
        for number, call in enumerate(message.get("tool_calls", ())):
            ids[call["id"]] = call["id"] = str(number)
        if "tool_call_id" in message:
            message["tool_call_id"] = ids[message["tool_call_id"]]
        told.append({"content": "", **message})
    return told


def solve(request: Request, problem: Any = SHOP) -> Reply:
    return says("It is the filter.", [("submit", {"code": problem.correct_code})])


# ---- the conversation


def beginning(*replies: Reply) -> Model:
    """A model that says these messages first, and then the solution."""
    return lambda request: replies[request.turn] if request.turn < len(replies) else solve(request)


RUN_IT = ("run", {"code": BUGGY})
ODD = {
    "solves": beginning(says("I run it first.", [RUN_IT])),
    "says nothing beside its calls": beginning(says(None, [RUN_IT])),
    "overfits": lambda request: says("", [("submit", {"code": OVERFIT})]),
    "never submits": lambda request: says("Hm.", [RUN_IT]),
    "only talks": beginning(says("The filter is wrong, I think.")),
    "writes calls into its text": beginning(in_text("I run it.", RUN_IT)),
    "sends arguments that are no JSON": beginning(says("", [("run", '{"code": "em')])),
    "sends arguments that are no object": beginning(says("", [("run", '["emit x"]')])),
    "calls what is no tool": beginning(says("", [("fix me!", {}), RUN_IT])),
    "makes several calls": beginning(says("", [RUN_IT, ("inspect", {"node_name": "paid"})])),
    "makes too many calls": beginning(says("", [RUN_IT] * 20)),
    "thinks": beginning(in_text("<think>Hm, <tool_call>?</think>\n\nI run it.", RUN_IT)),
    "is cut short": beginning(says('I run it.\n<tool_call>\n{"name": "run", "argu', end="length")),
    "writes half a character": beginning(says("", [("run", '{"code": "emit \\ud83d"}')])),
    "runs, then submits in the same message": lambda request: says(
        "", [("submit", {"code": CORRECT}), RUN_IT, ("submit", {"code": BUGGY})]
    ),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_model_is_told_what_it_is_told_in_our_own_evaluation(odd: str, shop: str) -> None:
    (output,), seen = rollouts(ODD[odd], dataset=shop)
    episode, expected = evaluated(ODD[odd], SHOP)
    assert [conversation(request) for request in seen] == [conversation(request) for request in expected]
    assert all(request.body["tools"] == schemas(TOOLS) for request in seen)
    assert output["error"] is None
    assert output["reward"] == episode.reward
    assert output["metrics"]["turns"] == episode.outcome.turns == len(seen)


def test_a_model_begins_with_our_prompt() -> None:
    outputs, seen = rollouts(
        lambda request: solve(request, problem_of(request, PROBLEMS)), num_examples=len(PROBLEMS)
    )
    assert sorted((r.body["messages"] for r in seen), key=str) == sorted(map(messages, PROBLEMS), key=str)
    assert [output["reward"] for output in outputs] == [1.0] * len(PROBLEMS)


def test_messages_that_can_be_told_again_keep_their_ids(shop: str) -> None:
    """A trainer goes on with the tokens of the last turn only if its messages are the same."""
    _, seen = rollouts(beginning(says("a", [RUN_IT]), says("b", [("run", "{")])), dataset=shop)
    ids = [[call["id"] for call in m.get("tool_calls") or ()] for m in seen[2].body["messages"]]
    assert ids == [[], [], ["x0"], [], ["turn02000"], []]
    assert [m.get("tool_call_id") for m in seen[2].body["messages"]][3::2] == ["x0", "turn02000"]


def test_what_a_server_calls_reasoning_is_not_told_again(shop: str) -> None:
    def reply(request: Request) -> Reply:
        answer = says("I run it.", [RUN_IT]) if request.turn == 0 else solve(request)
        answer.content["choices"][0]["message"]["reasoning_content"] = "A secret plan."
        return answer

    (output,), seen = rollouts(reply, dataset=shop)
    assert output["reward"] == 1.0
    assert "secret plan" not in json.dumps(seen[1].body)
    assert conversation(seen[1]) == conversation(evaluated(reply, SHOP)[1][1])


def test_tools_can_be_told_in_the_text(shop: str) -> None:
    def reply(request: Request) -> Reply:
        if "tools" in request.body:
            return fails(400, "this server takes no tools")
        if request.turn == 0:
            return in_text("I run it.", RUN_IT)
        return in_text("", ("submit", {"code": CORRECT}))

    (output,), seen = rollouts(reply, dataset=shop, calls="text")
    _, expected = evaluated(reply, SHOP)
    assert output["reward"] == 1.0
    assert seen[0].body["messages"][0]["content"].endswith(tools_in_text(schemas(TOOLS)))
    assert [conversation(r) for r in seen] == [conversation(r) for r in expected if "tools" not in r.body]


# ---- reward and metrics


@pytest.mark.parametrize(
    ("reward", "code", "paid", "robust", "visible", "hack"),
    [
        (None, CORRECT, 1.0, 1.0, 1.0, 0.0),
        (None, OVERFIT, 0.0, 0.0, 1.0, 1.0),
        ("robust", OVERFIT, 0.0, 0.0, 1.0, 1.0),
        ("visible", OVERFIT, 1.0, 0.0, 1.0, 1.0),
        ("partial", OVERFIT, 0.9, 0.0, 1.0, 1.0),
        (None, BUGGY, 0.0, 0.0, 0.0, 0.0),
    ],
)
def test_what_is_paid(
    shop: str, reward: str | None, code: str, paid: float, robust: float, visible: float, hack: float
) -> None:
    (output,), _ = rollouts(
        lambda _: says("Correct.", [("submit", {"code": code})]), dataset=shop, reward=reward
    )
    assert output["reward"] == paid
    expected = {"paid": paid, "robust": robust, "visible": visible, "hack": hack, "turns": 1.0}
    assert output["metrics"].items() >= expected.items()


def test_a_model_that_never_submits_is_asked_as_often_as_it_has_turns(shop: str) -> None:
    (output,), seen = rollouts(lambda _: says("Correct.", [RUN_IT]), dataset=shop, max_turns=3)
    assert len(seen) == 3
    assert "You have 3 turns." in seen[0].body["messages"][1]["content"]
    assert (output["reward"], output["metrics"]["turns"]) == (0.0, 3.0)
    assert "nothing was submitted" in output["completion"][-1]["content"]


def test_the_last_message_counts(shop: str) -> None:
    (output,), seen = rollouts(beginning(*[says("", [RUN_IT])] * 2), dataset=shop, max_turns=3)
    assert (len(seen), output["reward"]) == (3, 1.0)


def test_nothing_is_asked_after_a_submission(shop: str) -> None:
    (output,), seen = rollouts(solve, dataset=shop)
    assert len(seen) == 1
    assert [m["role"] for m in output["completion"]] == ["assistant", "tool"]
    assert output["completion"][-1]["content"] == "Correct."


def test_samples_of_one_problem_do_not_mix(shop: str) -> None:
    """Each is told apart by what it says first; half of them solve the problem, half overfit it."""

    def reply(request: Request) -> Reply:
        if request.turn == 0:
            return Reply(**{**vars(says(f"sample {request.number}", [RUN_IT])), "delay": 0.2})
        told = request.body["messages"][2]["content"]
        number = int(told.removeprefix("sample "))
        return says(told, [("submit", {"code": OVERFIT if number % 2 else CORRECT})])

    outputs, seen = rollouts(reply, rollouts_per_example=8, dataset=shop)
    assert len(seen) == 16
    told = [[m["content"] for m in o["completion"] if m["role"] == "assistant"] for o in outputs]
    assert len({texts[0] for texts in told}) == 8  # a slow machine mixes first and second turns
    assert all(first == last for first, last in told)
    for output, (first, _) in zip(outputs, told, strict=True):
        assert output["reward"] == (0.0 if int(first[-1]) % 2 else 1.0)


def test_results_hold_nothing_that_is_hidden(shop: str) -> None:
    (output,), seen = rollouts(ODD["overfits"], dataset=shop)
    written = json.dumps([output, [request.body for request in seen]], default=str)
    assert not [mark for mark in (*MARKS, 'status == \\"paid\\"\\n') if mark in written]
    assert output["info"]["problem_id"] == SHOP.id


def test_a_server_that_fails_makes_an_error_and_no_result(shop: str) -> None:
    (output,), _ = rollouts(lambda _: fails(500), dataset=shop)
    assert output["error"]["error"] == "ModelError"
    assert (output["reward"], output["stop_condition"]) == (0.0, "has_error")


# ---- datasets and the arena


def test_splits_of_a_dataset(dataset: str) -> None:
    env = vf.load_environment(ENV, dataset=dataset)
    problems = content().problems
    evaluated_ids = {row["info"]["problem_id"] for row in env.get_eval_dataset()}
    trained_ids = {row["info"]["problem_id"] for row in env.get_dataset()}
    assert evaluated_ids == {problem.id for problem in problems["test"]}
    assert trained_ids == {problem.id for problem in problems["train"]}
    one = vf.load_environment(ENV, dataset=dataset, split="validation", limit=1)
    (row,) = one.get_eval_dataset()
    assert row["info"]["problem_id"] in {problem.id for problem in problems["validation"]}


def test_the_arena_pays_its_signals(dataset: str) -> None:
    bugs = {bug.buggy_code.strip(): bug for bug in hand_written_problems()}

    def reply(request: Request) -> Reply:
        prompt = request.body["messages"][1]["content"]
        bug = next(bug for code, bug in bugs.items() if code in prompt)
        if request.turn == 0:
            return says("", [("run_tests", {"code": bug.buggy_code})])
        return says("", [("submit", {"code": bug.correct_code})])

    (output,), seen = rollouts(reply, dataset=dataset, environment="python")
    assert [tool["function"]["name"] for tool in seen[0].body["tools"]] == ["run_tests", "submit"]
    assert output["error"] is None
    assert output["reward"] == pytest.approx(3.2)
    signals = {"r1": 1.0, "r2": 2.0, "r3": 0.2, "r4": 0.0}
    assert {name: output["metrics"][name] for name in signals} == pytest.approx(signals)
    bug = next(b for b in bugs.values() if b.id == output["info"]["problem_id"])
    _, expected = evaluated(reply, bug)
    assert [conversation(request) for request in seen] == [conversation(request) for request in expected]


def test_a_sandbox_that_fails_is_an_error_that_may_be_tried_again(
    dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dsl_debug.sandbox import Sandbox, SandboxError

    def broken(*_: object) -> None:
        raise SandboxError("the sandbox is away")

    vf.load_environment(ENV, dataset=dataset, environment="python")  # where it is not refused at once
    monkeypatch.setattr(Sandbox, "run_tests", broken)
    reply = lambda _: says("", [("submit", {"code": "def f(): pass"})])  # noqa: E731
    (output,), _ = rollouts(reply, dataset=dataset, environment="python")
    assert output["error"]["error"] == "SandboxError"
    assert "InfraError" in [base.__name__ for base in vf.SandboxError.__mro__]


# ---- wrong arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"environment": "perl"}, "no environment 'perl'; there is: dsl, python"),
        ({"calls": "xml"}, "calls 'xml' is not known; there is: api, text"),
        ({"reward": "nice"}, "no reward 'nice'; there is: visible, robust, partial"),
        (
            {"environment": "python", "reward": "visible"},
            "the arena pays the sum of its four signals: leave reward='visible' out",
        ),
    ],
)
def test_arguments_without_sense_are_told_at_once(arguments: dict[str, Any], message: str) -> None:
    import dsl_debug_env  # type: ignore[import-not-found]

    with pytest.raises(ValueError, match=r"\A.+\Z") as raised:
        dsl_debug_env.load_environment(**arguments)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset": "nowhere"}, "no data at nowhere: give a folder"),
        ({"max_turns": 0}, "an episode needs at least 1 turn, not 0"),
        ({"prompt": "rude"}, "'rude'"),
        (
            {"environment": "python"},
            "samples holds no problems of the environment 'python': give dataset a place that has them, in "
            "the config 'arena'",
        ),
    ],
)
def test_problems_that_cannot_be_played_are_told_when_they_are_asked_for(
    arguments: dict[str, Any], message: str
) -> None:
    env = vf.load_environment(ENV, **arguments)
    with pytest.raises(ValueError, match=r"\A.+\Z") as raised:
        env.get_eval_dataset()
    assert message in str(raised.value)


# ---- the package


def test_the_command_of_the_library_plays_it(tmp_path: Path, shop: str) -> None:
    """`vf-eval` serves the environment from other processes, which read the problems themselves."""
    command = [str(Path(sys.executable).with_name("vf-eval")), ENV, "-m", "m", "-k", "OPENAI_API_KEY"]
    counts = ["-n", "1", "-r", "2", "-a", json.dumps({"dataset": shop}), "-s", "-o", str(tmp_path)]
    with endpoint(beginning(says("I run it.", [RUN_IT]))) as seen:
        played = subprocess.run(
            [*command, "-b", seen.url, *counts],
            env={**os.environ, "PYTHONPATH": str(FOLDER)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert played.returncode == 0, played.stderr[-2000:]
    (results,) = tmp_path.rglob("results.jsonl")
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    assert [row["reward"] for row in rows] == [1.0, 1.0]
    assert len(seen) == 4


def test_the_package_is_what_the_hub_wants() -> None:
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
    assert project["name"].replace("-", "_") == "dsl_debug_env"
    assert (FOLDER / "dsl_debug_env.py").is_file()
    wanted = tomllib.loads((FOLDER.parents[1] / "pyproject.toml").read_text())["project"]
    assert any(need in project["dependencies"] for need in wanted["optional-dependencies"]["verifiers"])
