"""Episodes as token ids: prompts, answers, what is kept of a message, and that all policies read the same."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dsl_debug.data import sample_problems
from dsl_debug.episode import TOOLS, messages, schemas
from dsl_debug.episode.tools import call_block
from dsl_debug.policies import tokens
from dsl_debug.policies.answers import TOO_LONG
from dsl_debug.policies.base import Job, ModelOptions, Setup, Unusable
from dsl_debug.policies.hf import HfPolicy
from dsl_debug.policies.openai import OpenAIPolicy
from dsl_debug.policies.qwen_text import with_tools
from dsl_debug.policies.tokens import ChatTokens, TokenTalk, answer_ids, load_chat_tokens, prompt_ids
from dsl_debug.policies.vllm import VllmPolicy
from recipes.common.tiny import END, PAD, make_tiny_model, qwen_template
from tests.policies.tiny_model import by_script, fake_vllm, turn_of, without_padding
from tests.scripted_endpoint import Reply, Request, endpoint, says

NEEDED = "needs torch and transformers: pip install 'dsl-debug[local]'"
pytest.importorskip("torch", reason=NEEDED)
pytest.importorskip("transformers", reason=NEEDED)

Ids = list[list[int]]
"""What a model read, message by message."""

PROBLEMS = sample_problems()
JOB = Job(PROBLEMS[0], 0, 5)
SETUP = Setup()
TEMPLATE = qwen_template()
NO_TOOL_MESSAGES = TEMPLATE.replace(
    'message.role == "tool" %}', "message.role == 'tool' %}{{ raise_exception('Only user and assistant!') }}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def chat(folder: Path) -> ChatTokens:
    return load_chat_tokens(str(folder), "hf:tiny", ModelOptions())


def with_template(folder: Path, to: Path, template: str) -> str:
    """A folder with the same model and another chat template."""
    for file in folder.iterdir():
        (to / file.name).write_bytes(file.read_bytes())
    (to / "chat_template.jinja").write_text(template)
    return str(to)


def told(*texts: str) -> list[dict[str, Any]]:
    return [{"role": "tool", "name": "run", "content": text} for text in texts]


# Rendering


def test_a_prompt_is_what_the_template_gives_up_to_the_models_message(chat: ChatTokens) -> None:
    prompt = messages(PROBLEMS[0])
    text = chat.tokenizer.decode(prompt_ids(chat.tokenizer, prompt, schemas(TOOLS)))
    assert text.startswith(f"<|im_start|>system\n{prompt[0]['content']}\n\n# Tools\n")
    assert text.count('{"type": "function", "function": {"name": "') == len(TOOLS)
    assert text.endswith(f"<|im_start|>user\n{prompt[1]['content']}<|im_end|>\n<|im_start|>assistant\n")


def test_answers_close_the_message_and_open_the_next_one(chat: ChatTokens) -> None:
    text = chat.tokenizer.decode(answer_ids(chat.tokenizer, told("a\nb", "c")))
    assert text == (
        "<|im_end|>\n<|im_start|>user\n<tool_response>\na\nb\n</tool_response>\n"
        "<tool_response>\nc\n</tool_response><|im_end|>\n<|im_start|>assistant\n"
    )


def test_answers_in_a_message_of_the_user_have_the_same_ids(chat: ChatTokens) -> None:
    for texts in (["a"], ["a", "b", ""]):
        as_user = answer_ids(chat.tokenizer, told(*texts), as_user=True)
        assert as_user == answer_ids(chat.tokenizer, told(*texts))


def test_a_template_without_messages_of_tools_gets_them_from_the_user(
    folder: Path, tmp_path: Path, chat: ChatTokens
) -> None:
    other = load_chat_tokens(with_template(folder, tmp_path, NO_TOOL_MESSAGES), "hf:x", ModelOptions())
    assert (other.tools_in_text, other.answers_as_user) == (False, True)
    talks = TokenTalk(JOB, SETUP, chat), TokenTalk(JOB, SETUP, other)
    for talk in talks:
        talk.say(chat.tokenizer("hello" + END).input_ids)
    assert talks[0].ids == talks[1].ids


def test_a_template_without_tools_gets_them_in_the_system_message(
    folder: Path, tmp_path: Path, chat: ChatTokens
) -> None:
    template = TEMPLATE.replace("if tools", "if false")
    other = load_chat_tokens(with_template(folder, tmp_path, template), "hf:x", ModelOptions())
    assert (other.tools_in_text, other.answers_as_user) == (True, False)
    talk, usual = TokenTalk(JOB, SETUP, other), TokenTalk(JOB, SETUP, chat)
    assert talk.ids == usual.ids
    prompt = messages(PROBLEMS[0])
    assert usual.episode().messages == prompt
    assert talk.episode().messages == with_tools(prompt, schemas(TOOLS)), "what the model has read"


@pytest.mark.parametrize(
    "template",
    [
        "{{ raise_exception('No system messages!') }}",
        "{{ messages[0].content }}{{ tools }}",
        "{% for message in messages %}{{ message.content | upper }}{% endfor %}{{ tools }}",
    ],
    ids=["refuses", "first message only", "in capitals"],
)
def test_a_template_that_holds_no_episode_is_told_in_one_line(
    folder: Path, tmp_path: Path, template: str
) -> None:
    with pytest.raises(Unusable, match=r"^the chat template of hf:x cannot be used: [^\n]+$"):
        load_chat_tokens(with_template(folder, tmp_path, template), "hf:x", ModelOptions())


def test_messages_end_where_the_template_ends_them(folder: Path, tmp_path: Path) -> None:
    """Base models come with a template whose end token is not theirs."""
    place = with_template(folder, tmp_path, TEMPLATE)
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings | {"eos_token": PAD}))
    (tmp_path / "generation_config.json").unlink()
    chat = load_chat_tokens(place, "hf:x", ModelOptions())
    assert chat.tokenizer.eos_token == PAD
    assert chat.facts()["end_tokens"] == [PAD, END]


def test_the_facts_tell_one_set_of_weights_from_another(
    folder: Path, tmp_path: Path, chat: ChatTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = with_template(folder, tmp_path, TEMPLATE)
    weights, config = tmp_path / "model.safetensors", tmp_path / "config.json"
    data = weights.read_bytes()

    def told() -> str:
        return str(load_chat_tokens(copy, "hf:x", ModelOptions()).facts()["weights"])

    assert told() == chat.facts()["weights"], "whatever the folder is called"
    assert len(told()) == 16
    middle = len(data) // 2
    weights.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    found = [chat.facts()["weights"], told()]
    # Of large files only the ends are read.
    monkeypatch.setattr(tokens, "WHOLE", len(data) - 1)
    monkeypatch.setattr(tokens, "MEGABYTE", 1_000)
    found += [told()]
    weights.write_bytes(data)
    assert told() == found[-1]
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    found += [told()]
    config.write_text(config.read_text().replace("}", " }"))
    found += [told()]
    assert len(set(found)) == 5


def test_a_name_on_the_hub_is_told_by_its_revision() -> None:
    config = SimpleNamespace(_commit_hash="0123abc")
    assert tokens._identity("someone/a-model", config) == {"revision": "0123abc"}
    assert tokens._identity("someone/a-model", SimpleNamespace()) == {"revision": None}


# Episodes


def test_ids_are_only_ever_added(chat: ChatTokens) -> None:
    talk = TokenTalk(JOB, SETUP, chat)
    start = list(talk.ids)
    # Ids that no tokenizer would give for this text: each letter for itself.
    letters = [token for letter in "filter" for token in chat.tokenizer(letter).input_ids]
    assert letters != chat.tokenizer("filter").input_ids
    talk.say([*letters, chat.end[0]])
    assert talk.ids[: len(start) + len(letters)] == [*start, *letters]
    assert chat.tokenizer.decode(talk.ids[len(start) :]).startswith(
        "filter<|im_end|>\n<|im_start|>user\n<tool"
    )


@pytest.mark.parametrize("end", ["", END, PAD], ids=["cut", "the template's", "another one"])
def test_every_message_ends_as_the_template_ends_it(chat: ChatTokens, end: str) -> None:
    talk, text = TokenTalk(JOB, SETUP, chat), call_block("read_docs", {"operation": "take"})
    start = list(talk.ids)
    talk.say(chat.tokenizer(text + end).input_ids)
    assert chat.tokenizer.decode(talk.ids[len(start) :]).startswith(f"{text}<|im_end|>\n<|im_start|>user\n")
    assert talk.episode().messages[2]["tool_calls"][0]["function"]["name"] == "read_docs"


def test_control_tokens_within_a_message_are_no_end(chat: ChatTokens) -> None:
    talk = TokenTalk(JOB, SETUP, chat)
    talk.say(chat.tokenizer("a<|im_start|>b" + END).input_ids)
    assert talk.episode().messages[2]["content"] == "a<|im_start|>b"


def test_tokens_are_counted(chat: ChatTokens) -> None:
    talk = TokenTalk(JOB, SETUP, chat)
    first = len(talk.ids)
    talk.say([50, 51, chat.end[0]])
    second = len(talk.ids)
    talk.say([52])
    episode = talk.episode()
    assert (episode.outcome.tokens, episode.prompt_tokens) == (4, first + second)


def test_the_seed_depends_on_the_episode_and_the_turn_only(chat: ChatTokens) -> None:
    talk = TokenTalk(Job(PROBLEMS[0], 0, 2**31 - 1), SETUP, chat)
    seeds = [talk.seed]
    talk.say([50])
    assert [*seeds, talk.seed] == [2**31 - 1, 0]


@pytest.mark.parametrize("context", [10, 1_400])
def test_an_episode_that_outgrows_the_context_is_stopped(folder: Path, context: int) -> None:
    chat = load_chat_tokens(str(folder), "hf:tiny", ModelOptions(context=context))
    talk = TokenTalk(JOB, SETUP, chat)
    while not talk.done:
        talk.say(chat.tokenizer("x" * 40).input_ids)
    episode = talk.episode()
    assert episode.stopped == TOO_LONG
    assert episode.outcome.submitted is None
    assert (episode.outcome.turns > 0) == (context > 10)
    assert len(episode.messages) == 2 + 2 * episode.outcome.turns


def test_a_context_beyond_that_of_the_model_is_refused(folder: Path) -> None:
    with pytest.raises(Unusable, match="has a context of 8,192 tokens, less than the 9,000 asked for"):
        load_chat_tokens(str(folder), "hf:tiny", ModelOptions(context=9_000))


# The same ids everywhere


def messages_of(text: str) -> str:
    """What the model of the tests writes: a run, words without a call, two calls at once."""
    program = 'a = load("orders")\nemit a -- "é"'
    run = call_block("run", {"code": program})
    return [run, "hello", f"{run}\n{call_block('read_docs', {'operation': 'take'})}"][turn_of(text)]


def read_by_hf(folder: Path, jobs: list[Job], setup: Setup, monkeypatch: pytest.MonkeyPatch) -> Ids:
    """What a transformers model is given, without padding; what it writes is put in its place."""
    policy = HfPolicy(str(folder), ModelOptions(max_tokens=200))
    writes = by_script(policy._chat.tokenizer, messages_of)
    read: list[list[int]] = []

    def generate(input_ids: Any, attention_mask: Any, **_: Any) -> Any:
        import torch

        rows = without_padding(input_ids, attention_mask)
        read.extend(rows)
        written = [writes(row) for row in rows]
        longest = max(map(len, written))
        padded = torch.tensor([row + [0] * (longest - len(row)) for row in written])
        return torch.cat([input_ids, padded], dim=1)

    monkeypatch.setattr(policy._model, "generate", generate)
    list(policy.play(jobs, setup))
    return read


def read_by_vllm(folder: Path, jobs: list[Job], setup: Setup, monkeypatch: pytest.MonkeyPatch) -> Ids:
    """What vLLM's engine is given. It is a fake: vLLM itself is not run."""
    tokenizer = load_chat_tokens(str(folder), "x", ModelOptions()).tokenizer
    writes = by_script(tokenizer, messages_of)
    monkeypatch.setitem(sys.modules, "vllm", module := fake_vllm(lambda ids, _: writes(ids)))
    policy = VllmPolicy(str(folder), ModelOptions(max_tokens=200))
    list(policy.play(jobs, setup))
    return [ids for ids, _ in module.LLM.made[0].asked]


def read_by_server(
    tokenizer: Any, jobs: list[Job], setup: Setup, structured: bool, monkeypatch: pytest.MonkeyPatch
) -> Ids:
    """What a server gives its model for the requests that it gets."""
    monkeypatch.setenv("OPENAI_API_KEY", "none-is-needed")

    def reply(request: Request) -> Reply:
        text = messages_of("<|im_start|>assistant" * (request.turn + 1))
        return answer_with_calls(text) if structured else says(text)

    with endpoint(reply) as script:
        policy = OpenAIPolicy("m", script.url, ModelOptions(workers=1))
        list(policy.play(jobs, setup))
        policy.close()
    return [rendered(tokenizer, request.body) for request in script]


def answer_with_calls(text: str) -> Reply:
    """A message as servers give it that read the calls out of it."""
    remark, *blocks = text.split("<tool_call>\n")
    calls = [json.loads(block.removesuffix("\n").removesuffix("\n</tool_call>")) for block in blocks]
    return says(remark, [(call["name"], json.dumps(call["arguments"])) for call in calls])


def rendered(tokenizer: Any, body: dict[str, Any]) -> list[int]:
    """The prompt of a request, as servers make it: arguments of calls are objects for the template."""
    chat = json.loads(json.dumps(body["messages"]))
    for call in (call for message in chat for call in message.get("tool_calls", [])):
        call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    ids: list[int] = tokenizer.apply_chat_template(
        chat, tools=body["tools"], add_generation_prompt=True, return_dict=False
    )
    return ids


def test_all_policies_read_the_same_ids(
    folder: Path, chat: ChatTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openai", reason="needs openai: pip install 'dsl-debug[eval]'")
    problems, setup = PROBLEMS[::4], Setup(max_turns=3)
    # What the column `prompt` of a dataset row holds, as a trainer renders it.
    trained: Ids = [
        chat.tokenizer.apply_chat_template(
            messages(problem, max_turns=3),
            tools=schemas(TOOLS),
            add_generation_prompt=True,
            return_dict=False,
        )
        for problem in problems
    ]
    jobs = [Job(problem, 0, 1) for problem in problems]
    local = read_by_hf(folder, jobs, setup, monkeypatch)
    assert local[:3] == trained
    assert len(local) == 9
    for before, after in zip(local[:6], local[3:], strict=True):
        assert after[: len(before)] == before
    assert read_by_vllm(folder, jobs, setup, monkeypatch) == local
    for structured in (False, True):
        served = read_by_server(chat.tokenizer, jobs, setup, structured, monkeypatch)
        assert sorted(served) == sorted(local), "one episode after the other, and the same messages"
