"""Models through transformers: batches that do not show, resuming, what is drawn, and a solved episode."""

import json
import math
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dsl_debug.data import sample_problems
from dsl_debug.episode import TOOLS, schemas
from dsl_debug.episode.tools import call_block
from dsl_debug.evaluation import RESULT, evaluate
from dsl_debug.policies import open_policy
from dsl_debug.policies.answers import TOO_LONG
from dsl_debug.policies.base import Episode, Job, ModelOptions, Setup, Unusable
from dsl_debug.policies.hf import Draw, HfPolicy
from dsl_debug.policies.tokens import TokenTalk, load_chat_tokens, prompt_ids
from recipes.common.tiny import END, make_tiny_model
from tests.policies.tiny_model import by_script, scripted_model, turn_of

NEEDED = "needs torch and transformers: pip install 'dsl-debug[local]'"
torch = pytest.importorskip("torch", reason=NEEDED)
transformers = pytest.importorskip("transformers", reason=NEEDED)

PROBLEMS = sample_problems()[:3]
JOBS = [Job(problem, sample, 100 * n + sample) for n, problem in enumerate(PROBLEMS) for sample in range(2)]
SETUP = Setup(max_turns=2)
SAMPLING = ModelOptions(temperature=1.0, top_p=0.9, max_tokens=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def played(folder: Path, jobs: list[Job], options: ModelOptions) -> dict[tuple[str, int], Episode]:
    """The episodes of jobs, by problem and sample, without the time that they took."""
    policy = HfPolicy(str(folder), options)
    episodes = list(policy.play(jobs, SETUP))
    policy.close()
    assert len(episodes) == len(jobs)
    return {(e.problem_id, e.sample): replace(e, seconds=0.0) for e in episodes}


# Batches


def test_an_episode_does_not_depend_on_what_is_played_beside_it(folder: Path) -> None:
    alone = played(folder, JOBS, replace(SAMPLING, batch_size=1))
    together = played(folder, JOBS, replace(SAMPLING, batch_size=4))
    assert together == alone
    assert played(folder, JOBS[::-1], replace(SAMPLING, batch_size=5)) == alone
    texts = [[m["content"] for m in e.messages if m["role"] == "assistant"] for e in alone.values()]
    assert len(set(map(tuple, texts))) == len(JOBS), "every episode draws for itself"


def test_greedy_messages_are_the_most_probable_tokens(folder: Path) -> None:
    """The generation config of the model asks for sampling and for a penalty: neither counts."""
    (episode,) = played(folder, JOBS[:1], ModelOptions(max_tokens=4)).values()
    policy = HfPolicy(str(folder), ModelOptions())
    ids = prompt_ids(policy._chat.tokenizer, episode.messages[:2], schemas(TOOLS))
    written: list[int] = []
    for _ in range(4):
        with torch.inference_mode():
            logits = policy._model(torch.tensor([ids + written])).logits
        written.append(int(logits[0, -1].argmax()))
    assert episode.messages[2]["content"] == policy._chat.tokenizer.decode(written)


class Killed(RuntimeError):
    """What stands for a kill in the middle of a run."""


def test_a_killed_evaluation_ends_with_the_same_result(folder: Path, tmp_path: Path) -> None:
    def kill(done: int, total: int) -> None:
        if done == 2:
            raise Killed

    def run(out: Path, batch_size: int, **arguments: Any) -> dict[str, Any]:
        policy = HfPolicy(str(folder), replace(SAMPLING, batch_size=batch_size))
        evaluate(policy, PROBLEMS, out, data={}, samples=2, seed=3, setup=SETUP, **arguments)
        result: dict[str, Any] = json.loads((out / RESULT).read_text())
        assert result.pop("timings")
        return result

    whole = run(tmp_path / "whole", 4)
    with pytest.raises(Killed):
        run(tmp_path / "killed", 1, on_progress=kill)
    assert run(tmp_path / "killed", 3) == whole
    assert [row["stopped"] for row in whole["outcomes"]] == [""] * 6


# Drawing


def drawn(shares: list[float], numbers: int, temperature: float = 1.0, top_p: float = 1.0) -> list[int]:
    """What is drawn with each of the seeds 0, 1, ... from the same shares."""
    scores = torch.tensor([[math.log(share) for share in shares]] * numbers)
    made = Draw(torch, temperature, top_p, range(numbers))(None, scores)
    assert (made > float("-inf")).sum(dim=-1).tolist() == [1] * numbers
    tokens: list[int] = made.argmax(dim=-1).tolist()
    return tokens


def test_a_token_is_the_one_at_which_the_sum_of_shares_passes_the_number() -> None:
    numbers = [Random(seed).random() for seed in range(200)]
    assert drawn([0.5, 0.3, 0.2], 200) == [0 if n < 0.5 else 1 if n < 0.8 else 2 for n in numbers]


def test_temperature_sharpens_and_flattens() -> None:
    # The square of the shares 0.6 and 0.3 and 0.1 is 0.36, 0.09 and 0.01: the first one gets 36/46.
    numbers = [Random(seed).random() for seed in range(200)]
    expected = [0 if n < 36 / 46 else 1 if n < 45 / 46 else 2 for n in numbers]
    assert drawn([0.6, 0.3, 0.1], 200, temperature=0.5) == expected


def test_top_p_keeps_the_smallest_set_that_is_large_enough() -> None:
    # 0.25 + 0.5 reaches 0.7, so the two others go; of what is left, a third is the second token's.
    numbers = [Random(seed).random() for seed in range(200)]
    assert drawn([0.15, 0.25, 0.5, 0.1], 200, top_p=0.7) == [1 if n < 1 / 3 else 2 for n in numbers]
    assert set(drawn([0.15, 0.25, 0.5, 0.1], 200, top_p=0.01)) == {2}


def test_every_row_draws_for_itself_and_again_for_every_token() -> None:
    draw, scores = Draw(torch, 1.0, 1.0, [7, 8, 7]), torch.zeros(3, 50)
    rows = [draw(None, scores).argmax(dim=-1).tolist() for _ in range(4)]
    first, second, third = zip(*rows, strict=True)
    assert first == third != second
    assert len(set(first)) > 1
    assert max(Counter(first).values()) < 4


# Episodes that come to something


def solves(text: str) -> str:
    """Runs the correct program of the problem that is asked about, then submits it."""
    problem = next(p for p in sample_problems() if p.buggy_code.rstrip() in text)
    return call_block(["run", "submit"][turn_of(text)], {"code": problem.correct_code})


def scripted(folder: Path, says: Any, options: ModelOptions, monkeypatch: pytest.MonkeyPatch) -> HfPolicy:
    """A policy whose model says what a script tells it to."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = scripted_model(folder, by_script(tokenizer, says))
    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", lambda *_, **__: model)
    return HfPolicy(str(folder), options)


def test_a_model_that_knows_the_answer_solves_every_problem(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ModelOptions(temperature=1.0, max_tokens=300, batch_size=2)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    policy = scripted(folder, solves, options, monkeypatch)
    episodes = list(policy.play(JOBS[::2], SETUP))
    assert [e.reward for e in episodes] == [1.0] * 3
    assert [e.outcome.calls for e in episodes] == [{"run": 1, "submit": 1}] * 3
    assert [e.stopped for e in episodes] == [""] * 3
    for job, episode in zip(JOBS[::2], sorted(episodes, key=lambda e: e.seed), strict=True):
        wrote = [call_block(tool, {"code": job.problem.correct_code}) + END for tool in ("run", "submit")]
        # What a shorter message of a batch is filled up with is not its model's.
        assert episode.outcome.tokens == sum(len(ids) for ids in tokenizer(wrote).input_ids)


def test_a_message_that_is_cut_counts_as_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = scripted(folder, solves, ModelOptions(max_tokens=8), monkeypatch)
    (episode,) = policy.play(JOBS[:1], SETUP)
    assert episode.outcome.tokens == 16
    assert [message["role"] for message in episode.messages[2:]] == ["assistant", "tool"] * 2
    assert "not valid JSON" in episode.messages[3]["content"]
    assert episode.stopped == ""


def test_a_full_context_ends_the_episode_with_its_reason(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fits is written; a longer one in the same batch does not get more than there is."""
    jobs = JOBS[::2]
    chat = load_chat_tokens(str(folder), "x", ModelOptions())
    longest = max(len(TokenTalk(job, SETUP, chat).ids) for job in jobs)
    options = ModelOptions(max_tokens=20, context=longest + 12)
    episodes = list(scripted(folder, solves, options, monkeypatch).play(jobs, SETUP))
    assert [e.stopped for e in episodes] == [TOO_LONG] * 3
    assert [e.outcome.turns for e in episodes] == [1, 1, 1]
    assert sorted(e.outcome.tokens or 0 for e in episodes)[0] == 12


# What is no model


def test_settings_hold_what_shapes_the_play(folder: Path) -> None:
    policy = open_policy(f"hf:{folder}", replace(SAMPLING, batch_size=3))
    assert policy.name == f"hf:{folder}"
    assert json.loads(json.dumps(dict(policy.settings))) == {
        "temperature": 1.0,
        "top_p": 0.9,
        "max_tokens": 5,
        "weights": policy.settings["weights"],
        "dtype": "float32",
        "context": 8_192,
        "end_tokens": ["<|im_end|>", "<|endoftext|>"],
        "chat_template": policy.settings["chat_template"],
        "tools_in_text": False,
        "answers_as_user": False,
    }


@pytest.mark.parametrize("what", ["missing", "empty", "config only"])
def test_what_is_no_model_is_told_in_one_line(folder: Path, tmp_path: Path, what: str) -> None:
    place = tmp_path / "model"
    if what != "missing":
        place.mkdir()
    if what == "config only":
        for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            (place / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(Unusable, match=r"^hf:\S+ cannot be loaded: [^\n]+$") as caught:
        HfPolicy(str(place), ModelOptions())
    assert (f"there is no folder {place}" in str(caught.value)) == (what == "missing")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ModelOptions(dtype="float3"), "no dtype 'float3'; there is: float32, bfloat16, float16"),
        (ModelOptions(device="abacus"), "abacus"),
    ],
)
def test_devices_and_types_that_there_are_not(folder: Path, options: ModelOptions, message: str) -> None:
    with pytest.raises(Unusable, match=message):
        HfPolicy(str(folder), options)


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_a_missing_package_is_named(folder: Path, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(Unusable, match=rf"^hf:m needs {package}: pip install 'dsl-debug\[local\]'$"):
        HfPolicy("m", ModelOptions())
