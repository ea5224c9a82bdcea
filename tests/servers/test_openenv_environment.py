"""One session of the OpenEnv environments, without a server: what it takes, what it tells, what it keeps."""

import logging
import threading
from typing import Any

import pytest

pytest.importorskip("openenv", reason="needs openenv: pip install 'dsl-debug[serve]'")

from pydantic import ValidationError

from dsl_debug.episode import TOOLS, schemas
from dsl_debug.episode.base import OVER
from dsl_debug.episode.dsl import DslTools
from dsl_debug.episode.prompts import messages
from dsl_debug.episode.python import PYTHON_TOOLS, PythonTools
from dsl_debug.episode.tools import call_block
from dsl_debug.sandbox import SandboxError
from dsl_debug.visitors import MAX_CODE, Refused
from servers.http_limits import MAX_MESSAGE
from servers.openenv_environments import KINDS, DebugEnvironment
from servers.openenv_gate import Gate, Unavailable
from servers.openenv_models import ARENA_TOOLS, DSL_TOOLS, DebugAction, DebugArenaAction, DSLDebugAction
from servers.problems import Problems
from tests.problems import BUGGY, CORRECT, MARKS, OVERFIT, make_problem
from tests.servers.openenv_serving import all_samples, made_problems, needs_arena

SHOP = make_problem()


def session(
    kind: str = "dsl", problems: Problems | None = None, gate: Gate | None = None
) -> DebugEnvironment:
    return DebugEnvironment(KINDS[kind], problems or made_problems(), gate or Gate(1))


def act(tool: str, **arguments: Any) -> DebugAction:
    return DebugAction(tool=tool, arguments=arguments)


@pytest.fixture
def shop() -> DebugEnvironment:
    """A session in an episode of the shop."""
    env = session()
    env.reset(problem_id=SHOP.id)
    return env


def test_a_reset_gives_the_task_the_prompt_and_the_tools() -> None:
    seen = session().reset(problem_id=SHOP.id, episode_id="mine")
    assert seen.prompt == messages(SHOP)
    assert seen.text == seen.prompt[1]["content"]
    assert seen.tools == schemas(TOOLS)
    assert (seen.problem_id, seen.category, seen.difficulty) == (SHOP.id, "standard", "easy")
    assert (seen.reward, seen.done, seen.turn, seen.turns_left) == (None, False, 0, 8)


@pytest.mark.parametrize(("code", "reward"), [(CORRECT, 1.0), (BUGGY, 0.0), (OVERFIT, 0.0)])
def test_calls_and_messages_are_turns_and_the_last_one_pays(code: str, reward: float) -> None:
    for submit in (act("submit", code=code), DebugAction(message=call_block("submit", {"code": code}))):
        env = session()
        env.reset(problem_id=SHOP.id)
        seen = env.step(act("run", code=BUGGY))
        assert "order" in seen.text
        assert (seen.reward, seen.done, seen.turn, seen.turns_left) == (0.0, False, 1, 7)
        assert (seen.prompt, seen.tools, seen.problem_id) == ([], [], "")
        seen = env.step(submit)
        assert (seen.reward, seen.done, seen.turn, seen.turns_left) == (reward, True, 2, 0)
        assert env.step(act("run", code=BUGGY)).text == OVER


def test_the_turns_of_an_episode_run_out(shop: DebugEnvironment) -> None:
    rewards = [shop.step(DebugAction(message="I do not know.")).reward for _ in range(8)]
    assert rewards == [0.0] * 8
    assert shop.state.done
    assert shop.state.reward == 0.0


def test_a_wrong_call_of_a_model_is_answered_and_costs_a_turn(shop: DebugEnvironment) -> None:
    seen = shop.step(act("ran", code=BUGGY))
    assert "There is no tool 'ran'; did you mean 'run'?" in seen.text
    assert seen.turn == 1


def test_the_state_says_where_a_session_stands() -> None:
    env = session()
    assert env.state.model_dump(exclude_defaults=True) == {"environment": "dsl"}
    env.reset(problem_id=SHOP.id, episode_id="mine")
    env.step(act("run", code=BUGGY))
    state = env.state
    assert (state.episode_id, state.step_count, state.problem_id) == ("mine", 1, SHOP.id)
    assert (state.max_turns, state.turns_left, state.done, state.reward) == (8, 7, False, None)
    env.step(act("submit", code=CORRECT))
    assert (env.state.done, env.state.reward) == (True, 1.0)


def test_episodes_have_ids_of_their_own_unless_one_is_given() -> None:
    env = session()
    ids = []
    for _ in range(3):
        env.reset()
        ids.append(env.state.episode_id)
    assert len(set(ids)) == 3


def test_a_seed_chooses_the_problem() -> None:
    problems = all_samples()
    chosen = [[session("dsl", problems).reset(seed=n).problem_id for n in range(40)] for _ in range(2)]
    assert chosen[0] == chosen[1]
    assert len(set(chosen[0])) > 10


def test_a_category_and_a_difficulty_choose_among_the_problems() -> None:
    seen = session("dsl", all_samples()).reset(category="nonlocal", difficulty="medium", seed=3)
    assert (seen.category, seen.difficulty) == ("nonlocal", "medium")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"problem_id": "nothing"}, "There is no problem 'nothing' here; leave problem_id out for any."),
        ({"category": "nonlocall"}, "There is no category 'nonlocall'"),
        ({"difficulty": 3}, "difficulty is a text; something else was sent."),
        ({"seed": "7"}, "seed is a whole number from 0 on, or null."),
        ({"seed": True}, "seed is a whole number from 0 on, or null."),
        ({"seed": -1}, "seed is a whole number from 0 on, or null."),
        ({"episode_id": "x" * 501}, "episode_id has at most 500 characters; 501 were sent."),
        ({"\ud800": 1}, "The name of an argument is not valid Unicode"),
        (
            {"problemid": "x"},
            "reset takes no 'problemid'; did you mean 'problem_id'? it takes: seed, episode_id",
        ),
    ],
)
def test_a_wrong_reset_is_told_and_the_episode_goes_on(
    shop: DebugEnvironment, arguments: dict[str, Any], told: str
) -> None:
    with pytest.raises(Refused) as caught:
        shop.reset(**arguments)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert shop.step(act("submit", code=CORRECT)).reward == 1.0


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (act("run", code="x" * (MAX_CODE + 1)), "code has at most 20,000 characters; 20,001 were sent."),
        (act("inspect", node_name="x" * 501), "node_name has at most 500 characters; 501 were sent."),
        (act("x" * 501), "tool has at most 500 characters; 501 were sent."),
        (act("run", **{"x" * 501: 1}), "The name of an argument has at most 500 characters; 501 were sent."),
        (act("run", **{f"a{n}": 1 for n in range(17)}), "A call has at most 16 arguments; 17 were sent."),
        (act("run", code="\ud800"), "code is not valid Unicode: it holds half of a surrogate pair."),
        (
            DebugAction(message="x" * (MAX_MESSAGE + 1)),
            f"message has at most {MAX_MESSAGE:,} characters; {MAX_MESSAGE + 1:,} were sent.",
        ),
    ],
)
def test_what_is_too_long_or_no_text_costs_no_turn(
    shop: DebugEnvironment, action: DebugAction, told: str
) -> None:
    with pytest.raises(Refused) as caught:
        shop.step(action)
    assert str(caught.value) == told
    assert shop.state.step_count == 0


def test_an_action_is_a_call_or_a_message() -> None:
    for wrong in ({}, {"tool": "run", "message": "x"}, {"arguments": {"code": "x"}}):
        with pytest.raises(ValidationError, match=r"give either 'tool' .* or 'message', and not both"):
            DSLDebugAction(**wrong)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        DSLDebugAction(tool="run", code="x")


def test_schemas_name_the_tools_that_there_are() -> None:
    assert {"enum": sorted(TOOLS)} == DSL_TOOLS
    assert {"enum": sorted(PYTHON_TOOLS)} == ARENA_TOOLS
    for action, tools in ((DSLDebugAction, TOOLS), (DebugArenaAction, PYTHON_TOOLS)):
        assert action.model_json_schema()["properties"]["tool"]["enum"] == list(tools)


def test_a_step_before_the_first_reset_is_told() -> None:
    with pytest.raises(Refused, match="There is no episode yet: call reset first"):
        session().step(act("run", code=BUGGY))


def test_a_session_that_was_closed_says_so(shop: DebugEnvironment) -> None:
    shop.close()
    for use in (lambda: shop.step(act("run", code=BUGGY)), shop.reset):
        with pytest.raises(Refused, match="closed because nothing came for too long: connect again"):
            use()
    assert shop.state.problem_id == ""


def test_a_closed_arena_says_why_and_a_session_there_can_be_asked() -> None:
    env = session("python", made_problems(closed=("seccomp is missing.",)))
    with pytest.raises(Unavailable, match=r"No function can be run here: seccomp is missing\."):
        env.reset()
    assert env.state.environment == "python"


def test_a_server_without_problems_of_a_kind_says_so() -> None:
    with pytest.raises(Unavailable, match="There are no problems of this environment here: nowhere"):
        session("python", Problems({}, {}, "nowhere")).reset()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SandboxError(f"no processes left, {MARKS[0]}"), "The sandbox failed. This cost no turn; try again."),
        (KeyError(MARKS[0]), "The server failed. This cost no turn; try again."),
    ],
)
def test_a_failure_of_ours_costs_no_turn_and_tells_nothing(
    shop: DebugEnvironment,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    told: str,
) -> None:
    def fail(self: DslTools, code: str) -> str:
        raise error

    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR):
        broken.setattr(DslTools, "run", fail)
        with pytest.raises(Unavailable) as caught:
            shop.step(act("run", code=BUGGY))
    assert str(caught.value) == told
    assert MARKS[0] in caplog.text  # whoever runs the server finds it
    assert shop.state.step_count == 0
    assert shop.step(act("submit", code=CORRECT)).reward == 1.0


def test_a_step_that_finds_no_place_in_time_costs_no_turn() -> None:
    gate = Gate(at_once=1)
    env = session(gate=gate)
    env.reset(problem_id=SHOP.id)
    with (
        gate.place(),
        pytest.raises(Unavailable, match=r"this one waited 0\.01 s and was not taken. It cost no"),
    ):
        env.step(act("submit", code=CORRECT), timeout_s=0.01)
    assert env.state.step_count == 0
    assert env.step(act("submit", code=CORRECT)).reward == 1.0


def test_a_gate_lets_so_many_in_and_no_more() -> None:
    gate, inside, most = Gate(at_once=2, wait_seconds=60), [], []

    def work() -> None:
        with gate.place():
            inside.append(1)
            most.append(len(inside))
            threading.Event().wait(0.005)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 12
    assert max(most) <= 2


def test_a_gate_shares_the_places_of_the_process() -> None:
    places = threading.Semaphore(1)
    gates = [Gate(1, places), Gate(1, places)]
    with gates[0].place(), pytest.raises(Unavailable, match="Too many steps at once"), gates[1].place(0.01):
        pass
    with gates[1].place(0.01):
        assert not places.acquire(blocking=False)
    assert places.acquire(blocking=False)


def test_a_closed_gate_takes_no_step_and_costs_no_turn(shop: DebugEnvironment) -> None:
    shop._gate.close()
    with pytest.raises(Unavailable, match=r"The server is being stopped\. This cost no turn\."):
        shop.step(act("submit", code=CORRECT))
    assert shop.state.step_count == 0


def test_a_message_with_many_calls_is_refused_before_anything_is_run(shop: DebugEnvironment) -> None:
    with pytest.raises(Refused, match="A message has at most 4 calls here"):
        shop.step(DebugAction(message=call_block("run", {"code": BUGGY}) * 5))
    assert shop.state.step_count == 0


@needs_arena
def test_the_arena_pays_the_sum_of_its_signals() -> None:
    problems = made_problems()
    problem = next(iter(problems.python.values()))
    env = session("python", problems)
    seen = env.reset(problem_id=problem.id)
    assert seen.tools == schemas(PYTHON_TOOLS)
    assert problem.buggy_code.strip() in seen.text
    assert "FAILED" in env.step(act("run_tests", code=problem.buggy_code)).text
    seen = env.step(act("submit", code=problem.correct_code))
    assert seen.done
    assert seen.reward == pytest.approx(sum(seen.signals.values()))
    assert set(seen.signals) == {"r1", "r2", "r3", "r4"}
    assert seen.signals["r1"] == 1.0


def test_a_failing_sandbox_leaves_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: PythonTools, code: str) -> str:
        raise SandboxError("cannot fork")

    env = session("python")
    env.reset()
    monkeypatch.setattr(PythonTools, "run_tests", fail)
    with pytest.raises(Unavailable, match="The sandbox failed"):
        env.step(act("run_tests", code="def f(): pass"))
    assert env.state.turns_left == env.state.max_turns


def test_nothing_hidden_is_in_what_a_session_tells() -> None:
    env = session()
    told = [env.reset(problem_id=SHOP.id).model_dump_json(), env.get_metadata().model_dump_json()]
    for tool, arguments in (
        ("run", {"code": CORRECT}),
        ("inspect", {"node_name": "orders"}),
        ("read_docs", {"operation": "all"}),
        ("submit", {"code": OVERFIT}),
    ):
        told += [env.step(act(tool, **arguments)).model_dump_json(), env.state.model_dump_json()]
    assert not [mark for mark in (*MARKS, SHOP.intent, SHOP.bugs[0].description) if mark in "".join(told)]


def test_the_page_shows_a_text_as_text() -> None:
    assert session().render_web({"text": "<b> & x"}).endswith(">&lt;b&gt; &amp; x</pre>")
