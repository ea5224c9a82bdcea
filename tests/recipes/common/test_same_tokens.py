"""The same episode in supervised training, GRPO, local and served evaluation: the same ids before every turn.

What a server would read is made of the bodies that the policy for servers really sends.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")
pytest.importorskip("openai", reason="needs openai: pip install 'dsl-debug[eval]'")

from dataset_builder.python_bugs.families import hand_written_problems
from dsl_debug.data import sample_problems
from dsl_debug.episode import TOOLS, schemas
from dsl_debug.episode.python import PYTHON_TOOLS
from dsl_debug.episode.tools import call_block
from dsl_debug.policies.base import Job, ModelOptions, Problem, Setup
from dsl_debug.policies.openai import OpenAIPolicy
from dsl_debug.policies.tokens import ChatTokens, TokenTalk, load_chat_tokens, prompt_ids
from dsl_debug.problem import DslProblem
from recipes.common.episodes import TokenEpisode, chat_format
from recipes.common.rows import environments, lesson_dataset, problem_dataset
from recipes.common.tiny import END, make_tiny_model
from tests.recipes.lessons import REMARK, lesson
from tests.scripted_endpoint import KEY, Reply, Request, endpoint, in_text, says

PROBLEMS: dict[str, Problem] = {"dsl": sample_problems()[0], "python": hand_written_problems()[0]}
FIRST_TOOL = {"dsl": "run", "python": "run_tests"}

Turns = list[list[int]]
"""All ids that a model reads before its first message, and before its second one."""


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> ChatTokens:
    folder = make_tiny_model(tmp_path_factory.mktemp("tiny"))
    return load_chat_tokens(str(folder), "hf:tiny", ModelOptions())


def said(kind: str) -> list[str]:
    """What the model says: it runs the broken code and remarks on it, then it submits the right one."""
    problem = PROBLEMS[kind]
    first = call_block(FIRST_TOOL[kind], {"code": problem.buggy_code})
    return [f"{REMARK}\n{first}", call_block("submit", {"code": problem.correct_code})]


def methods_of(environment: Any) -> list[Any]:
    """The tools of an environment as TRL collects them: its public methods by name."""
    names = [name for name in sorted(dir(type(environment))) if not name.startswith("_")]
    return [getattr(environment, name) for name in names if name not in ("reset", "get_reward", "episode")]


# The four ways


def locally(kind: str, chat: ChatTokens) -> Turns:
    """Evaluation of a model in this process."""
    talk = TokenTalk(Job(PROBLEMS[kind], 0, 0), Setup(), chat)
    first = list(talk.ids)
    talk.say(chat.tokenizer(said(kind)[0] + END).input_ids)
    return [first, list(talk.ids)]


def in_grpo(kind: str, chat: ChatTokens) -> Turns:
    """The prompt as TRL renders it from a row and an environment's methods, and our trainer's episode."""
    (row,) = problem_dataset([PROBLEMS[kind]])
    environment = environments()[row["environment"]]()
    environment.reset(**{name: value for name, value in row.items() if name != "environment"})
    tokenizer: Any = chat.tokenizer
    prompt = tokenizer.apply_chat_template(
        row["prompt"],
        tools=methods_of(environment),
        add_generation_prompt=True,
        tokenize=True,
        return_dict=False,
    )
    episode = TokenEpisode(environment.episode, prompt, chat_format(tokenizer, chat.end), chat.context)
    episode.say(tokenizer(said(kind)[0] + END).input_ids)
    return [prompt, prompt + episode.ids]


def served(kind: str, chat: ChatTokens, answer: Callable[..., Reply]) -> Turns:
    """What a server renders of the requests that it gets."""
    problem = PROBLEMS[kind]
    calls = [(FIRST_TOOL[kind], {"code": problem.buggy_code}), ("submit", {"code": problem.correct_code})]

    def reply(request: Request) -> Reply:
        return answer(REMARK if request.turn == 0 else "", calls[request.turn])

    with endpoint(reply) as seen:
        policy = OpenAIPolicy("m", seen.url, ModelOptions(workers=1, retries=0))
        try:
            (episode,) = policy.play([Job(problem, 0, 7)], Setup())
        finally:
            policy.close()
    assert (episode.outcome.submitted, len(seen)) == (problem.correct_code, 2)
    return [prompt_ids(chat.tokenizer, read(request.body), request.body["tools"]) for request in seen]


def read(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of a request as vLLM gives them to the template: arguments, sent as texts, are read."""
    found: list[dict[str, Any]] = json.loads(json.dumps(body["messages"]))
    for message in found:
        for call in message.get("tool_calls", ()):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    return found


def in_lesson(problem: DslProblem, texts: Sequence[str], tokenizer: Any) -> list[int]:
    """The whole conversation, as supervised training renders it."""
    (row,) = lesson_dataset([lesson(problem, texts)])
    whole: list[int] = tokenizer.apply_chat_template(
        row["messages"], tools=row["tools"], tokenize=True, return_dict=False
    )
    return whole


# What they have in common


@pytest.mark.parametrize(("name", "tools"), [("dsl", TOOLS), ("python", PYTHON_TOOLS)])
def test_trl_makes_the_same_schemas_of_the_methods(name: str, tools: Any) -> None:
    from transformers.utils import get_json_schema

    made = [get_json_schema(method) for method in methods_of(environments()[name]())]
    assert made == schemas(tools)


def structured(remark: str, call: tuple[str, dict[str, str]]) -> Reply:
    """A server that reads calls out of the text."""
    return says(remark, [call])


@pytest.mark.parametrize("answer", [structured, in_text])
@pytest.mark.parametrize("kind", PROBLEMS)
def test_two_turns_have_the_same_ids_wherever_they_are_played(
    kind: str, answer: Callable[..., Reply], chat: ChatTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    first, second = locally(kind, chat)
    assert second[: len(first)] == first
    assert in_grpo(kind, chat) == [first, second]
    assert served(kind, chat, answer) == [first, second]


def test_a_lesson_is_that_episode_and_its_last_message(chat: ChatTokens) -> None:
    problem, tokenizer = PROBLEMS["dsl"], chat.tokenizer
    assert isinstance(problem, DslProblem)
    whole = in_lesson(problem, said("dsl"), tokenizer)
    for ids in locally("dsl", chat):
        assert whole[: len(ids)] == ids
    rest = tokenizer.decode(whole[len(ids) :])
    assert rest.startswith(said("dsl")[1] + END)


def test_every_sample_problem_has_one_prompt(chat: ChatTokens) -> None:
    """In a row for GRPO, in a lesson and in evaluation."""
    problems = sample_problems()
    for problem, row in zip(problems, problem_dataset(problems), strict=True):
        local = TokenTalk(Job(problem, 0, 0), Setup(), chat).ids
        assert prompt_ids(chat.tokenizer, row["prompt"], schemas(TOOLS)) == local
        submitted = [call_block("submit", {"code": problem.correct_code})]
        assert in_lesson(problem, submitted, chat.tokenizer)[: len(local)] == local
