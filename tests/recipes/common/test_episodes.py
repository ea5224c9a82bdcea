"""Episodes as ids: where they end, every mask against what was said, and the ids of evaluation."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dataset_builder.python_bugs.families import hand_written_problems
from dsl_debug.episode import DSLDebugEnv, Environment, schemas
from dsl_debug.episode.python import PythonDebugEnv
from dsl_debug.policies.base import Job, Setup, prompt_messages
from dsl_debug.policies.tokens import ChatTokens, TokenTalk, prompt_ids
from recipes.common.episodes import (
    SUBMITTED,
    TOKENS,
    TURNS,
    ChatFormat,
    Rollout,
    TokenEpisode,
    chat_format,
    play,
    rollout,
    solved,
)
from recipes.common.tiny import END, PAD, make_tokenizer
from tests.problems import BUGGY, CORRECT, OVERFIT, make_problem
from tests.recipes.played import call

pytest.importorskip("transformers", reason="needs transformers: pip install 'dsl-debug[train]'")

PROBLEM = make_problem()
SUBMIT, WRONG, LOOK = call("submit", code=CORRECT), call("submit", code=BUGGY), call("run", code=BUGGY)
PLAIN = "It must be the filter."
BROKEN = '<tool_call>\n{"name": "run", "arguments": {"code": '


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer()


@pytest.fixture(scope="module")
def chat(tokenizer: Any) -> ChatFormat:
    return chat_format(tokenizer, [tokenizer.eos_token_id, tokenizer.pad_token_id])


def started(
    tokenizer: Any,
    chat: ChatFormat,
    budget: int = 100_000,
    env: Environment | None = None,
    made: Any = PROBLEM,
) -> TokenEpisode:
    env = env or DSLDebugEnv()
    env.reset(made)
    ids = prompt_ids(tokenizer, prompt_messages(made, env.max_turns), schemas(env.tools))
    return TokenEpisode(env, ids, chat, budget)


def runs(episode: TokenEpisode, tokenizer: Any) -> list[tuple[int, str]]:
    """What follows the prompt, as texts of one mask each."""
    parts: list[tuple[int, list[int]]] = []
    for token, mask in zip(episode.ids, episode.mask, strict=True):
        if not parts or parts[-1][0] != mask:
            parts.append((mask, []))
        parts[-1][1].append(token)
    return [(mask, tokenizer.decode(ids)) for mask, ids in parts]


def told(episode: TokenEpisode, turn: int) -> str:
    """What stands between two messages, in the words of the template, without the end of the first."""
    said = episode.env.history[turn].step.observation
    return f"\n<|im_start|>user\n<tool_response>\n{said}\n</tool_response>{END}\n<|im_start|>assistant\n"


def script(tokenizer: Any, *texts: Sequence[str]) -> Callable[[list[list[int]]], Any]:
    """Writes the messages of each episode in turn: the first list of texts is for the first round, and so on.

    The log-probability of a token is minus its place in the message, from 1.
    """
    rounds = iter(texts)

    def write(prompts: list[list[int]]) -> Any:
        if not prompts:
            return None
        ids = [tokenizer(text).input_ids for text in next(rounds)]
        return ids, [[-float(place) for place in range(1, len(row) + 1)] for row in ids]

    return write


# Ends


def test_nothing_is_generated_or_told_behind_a_submission(tokenizer: Any, chat: ChatFormat) -> None:
    one, other = started(tokenizer, chat), started(tokenizer, chat)
    asked: list[int] = []
    write = script(tokenizer, [SUBMIT + END, LOOK + END], [PLAIN + END], [WRONG + END])

    def counted(prompts: list[list[int]]) -> Any:
        asked.append(len(prompts))
        return write(prompts)

    play([one, other], counted)
    assert asked == [2, 1, 1, 0]
    assert runs(one, tokenizer) == [(1, SUBMIT + END)]
    assert runs(other, tokenizer) == [
        (1, LOOK + END),
        (0, told(other, 0)),
        (1, PLAIN + END),
        (0, told(other, 1)),
        (1, WRONG + END),
    ]
    assert (one.ended, other.ended) == (SUBMITTED, SUBMITTED)
    assert (solved(one.env), solved(other.env)) == (True, False)
    assert (one.after_end, other.after_end, one.cut, other.cut) == (0, 0, 0, 0)


def test_an_episode_ends_with_its_last_turn(tokenizer: Any, chat: ChatFormat) -> None:
    episode = started(tokenizer, chat, env=DSLDebugEnv(max_turns=2))
    play([episode], script(tokenizer, [PLAIN + END], [LOOK + END]))
    assert runs(episode, tokenizer) == [(1, PLAIN + END), (0, told(episode, 0)), (1, LOOK + END)]
    assert (episode.ended, episode.env.turns) == (TURNS, 2)


def test_malformed_calls_and_plain_text_are_answered_and_cost_a_turn(
    tokenizer: Any, chat: ChatFormat
) -> None:
    episode = started(tokenizer, chat)
    play([episode], script(tokenizer, [PLAIN + END], [BROKEN + END], [SUBMIT + END]))
    texts = [text for mask, text in runs(episode, tokenizer) if not mask]
    assert "There is no tool call in this message." in texts[0]
    assert "[7 turns left]" in texts[0]
    assert "The call is not" in texts[1]
    assert "[6 turns left]" in texts[1]
    made = facts(tokenizer, episode)
    assert (made.turns, made.malformed, made.calls, made.ended) == (3, 2, {"submit": 1}, SUBMITTED)


def test_what_is_generated_behind_an_end_is_cut_and_counted(tokenizer: Any, chat: ChatFormat) -> None:
    episode = started(tokenizer, chat)
    tail = tokenizer("and so on").input_ids
    play([episode], script(tokenizer, [SUBMIT + END + "and so on"]))
    assert runs(episode, tokenizer) == [(1, SUBMIT + END)]
    assert episode.after_end == len(tail)
    episode.say(tail)
    assert (episode.after_end, episode.cut, len(episode.env.history)) == (2 * len(tail), 0, 1)


# Budget


def test_a_message_is_cut_at_the_budget_and_the_episode_ends(tokenizer: Any, chat: ChatFormat) -> None:
    written = tokenizer(LOOK + END).input_ids
    episode = started(tokenizer, chat, budget=10)
    assert episode.room == 10
    play([episode], script(tokenizer, [LOOK + END]))
    assert (episode.ids, episode.mask) == (written[:10], [1] * 10)
    assert episode.logprobs == [-float(n) for n in range(1, 11)]
    assert (episode.ended, episode.env.turns, episode.env.outcome.submitted) == (TOKENS, 1, None)
    assert (episode.cut, episode.after_end) == (len(written) - 10, 0), "what was generated is counted"


def test_what_is_cut_and_what_comes_behind_an_end_are_told_apart(tokenizer: Any, chat: ChatFormat) -> None:
    written, tail = tokenizer(LOOK + END).input_ids, tokenizer("and so on").input_ids
    episode = started(tokenizer, chat, budget=10)
    episode.say(written + tail)
    assert (episode.cut, episode.after_end) == (len(written) - 10, len(tail))
    made = facts(tokenizer, episode)
    assert (made.cut_tokens, made.after_end_tokens) == (len(written) - 10, len(tail))


def test_an_answer_needs_room_for_another_message(tokenizer: Any, chat: ChatFormat) -> None:
    first = started(tokenizer, chat)
    play([first], script(tokenizer, [LOOK + END], [SUBMIT + END]))
    written, answer = len(tokenizer(LOOK + END).input_ids), first.mask.count(0)
    full = started(tokenizer, chat, budget=written + answer)
    play([full], script(tokenizer, [LOOK + END]))
    assert runs(full, tokenizer) == [(1, LOOK + END)], "no answer, and the end that was written stays"
    assert (full.ended, full.env.reward) == (TOKENS, 0.0)
    one_more = started(tokenizer, chat, budget=written + answer + 1)
    play([one_more], script(tokenizer, [LOOK + END], [SUBMIT + END]))
    assert one_more.ids == first.ids[: written + answer + 1]
    assert one_more.mask == [1] * written + [0] * answer + [1]
    assert (one_more.ended, one_more.env.turns) == (TOKENS, 2)


def test_a_submission_counts_though_its_end_is_cut(tokenizer: Any, chat: ChatFormat) -> None:
    episode = started(tokenizer, chat, budget=len(tokenizer(SUBMIT).input_ids))
    play([episode], script(tokenizer, [SUBMIT + END]))
    assert (episode.ended, solved(episode.env)) == (SUBMITTED, True)


def test_a_prompt_without_room_is_not_played(tokenizer: Any, chat: ChatFormat) -> None:
    episode = started(tokenizer, chat, budget=0)
    play([episode], script(tokenizer))
    assert (episode.done, episode.ended, episode.ids, episode.env.turns) == (True, TOKENS, [], 0)


# Ends of messages


@pytest.mark.parametrize("end", ["", PAD])
def test_a_message_is_closed_by_the_end_of_the_template(end: str, tokenizer: Any, chat: ChatFormat) -> None:
    """What the model did not write is not trained on: neither the end that was missing nor the right one."""
    episode = started(tokenizer, chat)
    play([episode], script(tokenizer, [LOOK + end], [SUBMIT + END]))
    assert runs(episode, tokenizer) == [
        (1, LOOK),
        (0, END + told(episode, 0)),
        (1, SUBMIT + END),
    ]
    look, submit = len(tokenizer(LOOK).input_ids), len(tokenizer(SUBMIT + END).input_ids)
    zeros = episode.mask.count(0)
    places = [-float(n) for n in range(1, look + 1)], [-float(n) for n in range(1, submit + 1)]
    assert episode.logprobs == [*places[0], *[0.0] * zeros, *places[1]]


def test_another_end_stays_where_the_episode_is_over(tokenizer: Any, chat: ChatFormat) -> None:
    episode = started(tokenizer, chat)
    play([episode], script(tokenizer, [SUBMIT + PAD]))
    assert runs(episode, tokenizer) == [(1, SUBMIT + PAD)]


def test_an_end_at_which_generation_would_not_stop_is_refused(tokenizer: Any) -> None:
    with pytest.raises(ValueError, match=r"ends messages with '<\|im_end\|>', at which generation would not"):
        chat_format(tokenizer, [tokenizer.pad_token_id])


# Agreement


@pytest.mark.parametrize("ends", [END, "", PAD])
def test_the_ids_are_those_of_evaluation(ends: str, tokenizer: Any, chat: ChatFormat) -> None:
    says = [PLAIN, LOOK, BROKEN, LOOK + "\n" + call("read_docs", operation="filter")]
    evaluated = TokenTalk(
        Job(PROBLEM, 0, 1),
        Setup(),
        ChatTokens(tokenizer, (tokenizer.eos_token_id, tokenizer.pad_token_id), 100_000, {}),
    )
    trained = started(tokenizer, chat)
    for text in says:
        ids = tokenizer(text + ends).input_ids
        evaluated.say(ids)
        trained.say(ids)
        assert trained.prompt + trained.ids == evaluated.ids
    ids = tokenizer(SUBMIT + END).input_ids
    evaluated.say(ids)
    trained.say(ids)
    assert trained.messages() == evaluated.episode().messages[2:]
    assert trained.env.outcome.calls == evaluated.episode().outcome.calls


def test_the_arena_is_played_in_the_same_way(tokenizer: Any, chat: ChatFormat) -> None:
    bug = hand_written_problems()[0]
    episode = started(tokenizer, chat, env=PythonDebugEnv(), made=bug)
    first = call("run_tests", code=bug.buggy_code)
    play([episode], script(tokenizer, [first + END], [call("submit", code=bug.correct_code) + END]))
    assert [mask for mask, _ in runs(episode, tokenizer)] == [1, 0, 1]
    made = rollout(episode, prompt_messages(bug, 5), 0, 0, 3.2)
    assert (made.environment, made.solved, made.calls) == ("python", True, {"run_tests": 1, "submit": 1})


# Facts


def facts(tokenizer: Any, episode: TokenEpisode) -> Rollout:
    return rollout(episode, prompt_messages(PROBLEM, 8), group=3, sample=1, paid=episode.env.reward)


def test_the_tokens_of_a_rollout_add_up(tokenizer: Any, chat: ChatFormat) -> None:
    episode = started(tokenizer, chat)
    play([episode], script(tokenizer, [PLAIN + END], [LOOK], [SUBMIT + END]))
    made = facts(tokenizer, episode)
    written = sum(len(tokenizer(text).input_ids) for text in (PLAIN + END, LOOK, SUBMIT + END))
    assert (made.generated_tokens, made.outcome.tokens) == (written, written)
    assert (made.after_end_tokens, made.cut_tokens) == (0, 0)
    assert made.generated_tokens + made.answer_tokens == len(episode.ids)
    assert made.prompt_tokens == len(episode.prompt)
    whole = tokenizer.decode(episode.prompt + episode.ids)
    assert whole.startswith("<|im_start|>system")
    assert [m["role"] for m in made.messages] == [
        *("system", "user", "assistant", "tool", "assistant", "tool", "assistant", "tool")
    ]
    assert (made.group, made.sample, made.reward, made.solved) == (3, 1, 1.0, True)
    assert made.facts().messages == []
    assert made.facts().problem is None


def test_log_probabilities_that_are_not_known_stay_so(tokenizer: Any, chat: ChatFormat) -> None:
    episode = started(tokenizer, chat)
    episode.say(tokenizer(LOOK + END).input_ids)
    assert episode.logprobs is None


@pytest.mark.parametrize(("kind", "code", "expected"), [
    ("robust", CORRECT, True),
    ("robust", OVERFIT, False),
    ("partial", OVERFIT, False),
    ("visible", OVERFIT, True),
    ("visible", BUGGY, False),
])  # fmt: skip
def test_the_binary_outcome(kind: str, code: str, expected: bool) -> None:
    """A shaped reward of up to 0.9 is no solution; where the visible tables pay, they are what counts."""
    env = DSLDebugEnv(reward_kind=kind)
    env.reset(PROBLEM)
    assert solved(env) is False
    env.step(call("submit", code=code))
    assert solved(env) is expected


def test_an_engine_that_loses_a_message_is_noticed(tokenizer: Any, chat: ChatFormat) -> None:
    episodes = [started(tokenizer, chat), started(tokenizer, chat)]
    with pytest.raises(ValueError, match="shorter"):
        play(episodes, script(tokenizer, [SUBMIT + END]))
