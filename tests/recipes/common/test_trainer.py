"""The trainer on a tiny model: what is trained on, word for word, a gradient by hand, and what is logged."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

NEEDED = "needs torch and trl: pip install 'dsl-debug[train]'"
torch = pytest.importorskip("torch", reason=NEEDED)
pytest.importorskip("trl", reason=NEEDED)

from dsl_debug.episode import TOOLS, schemas  # noqa: E402
from dsl_debug.episode.tools import call_block  # noqa: E402
from dsl_debug.policies.base import prompt_messages  # noqa: E402
from dsl_debug.policies.tokens import answer_ids, prompt_ids  # noqa: E402
from recipes.common.episodes import Rollout, TokenEpisode  # noqa: E402
from recipes.common.pool import ProblemPool  # noqa: E402
from recipes.common.rows import environments  # noqa: E402
from recipes.common.tiny import END, PAD, make_tiny_model  # noqa: E402
from recipes.common.trainer import POOL_FILE, DebugTrainer  # noqa: E402
from tests.problems import CORRECT, OVERFIT, make_problem  # noqa: E402
from tests.recipes.common.trained import (  # noqa: E402
    SHORT,
    Gradients,
    largest_difference,
    make_trainer,
    trained,
)

MIXED, SOLVED, UNSOLVED = (make_problem(intent=text) for text in ("mixed", "solved", "unsolved"))
PLAIN = "It must be the filter."
SUBMIT, WRONG = (call_block("submit", {"code": code}) for code in (CORRECT, OVERFIT))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def says(episode: TokenEpisode, sample: int) -> str:
    """Of a mixed problem sample 0 is solved after a message without a call and one that is cut; the other
    submits what is right by chance. Both samples of the other problems end alike."""
    kind = episode.env.problem.intent  # type: ignore[attr-defined]
    if kind == "unsolved" or (kind == "mixed" and sample):
        return WRONG + END
    if kind == "mixed" and len(episode.env.history) < 2:
        return PLAIN + (PAD if episode.env.history else END)
    return SUBMIT + END


# What is trained on


class Trained:
    """A step on a group that teaches and one that does not, with all that can be looked at."""

    def __init__(self, folder: Path, out: Path) -> None:
        self.rollouts: list[Rollout] = []
        self.steps: list[int] = []

        def keep(step: int, rollouts: Sequence[Rollout]) -> None:
            self.steps.append(step)
            self.rollouts += rollouts

        self.trainer, self.gradients = trained(
            folder,
            out,
            [MIXED, SOLVED],
            says,
            options={"on_rollouts": keep},
            entropy_coef=0.1,
            per_device_train_batch_size=2,
            gradient_accumulation_steps=2,
        )
        self.log = self.trainer.state.log_history[0]


@pytest.fixture(scope="module")
def step(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(folder, tmp_path_factory.mktemp("step"))


def test_the_model_is_trained_on_its_own_words_alone(step: Trained) -> None:
    tokenizer = step.trainer._tokenizer
    kept, dropped = step.trainer._buffered_inputs
    texts = []
    for row in range(2):
        read = kept["completion_mask"][row].bool()
        ids, mask = kept["completion_ids"][row][read], kept["tool_mask"][row][read].bool()
        prompt = kept["prompt_ids"][row][kept["prompt_mask"][row].bool()]
        assert prompt.tolist() == prompt_ids(tokenizer, SHORT, schemas(TOOLS))
        texts.append((tokenizer.decode(ids), tokenizer.decode(ids[mask]), tokenizer.decode(ids[~mask])))
    chat = step.rollouts[0].messages
    first, second = (
        f"\n<|im_start|>user\n<tool_response>\n{chat[place]['content']}\n</tool_response>{END}\n"
        "<|im_start|>assistant\n"
        for place in (3, 5)
    )
    assert "There is no tool call in this message." in first
    assert "[7 turns left]" in first
    # The second message ended with another token than the template's, which takes its place unlearned.
    assert texts[0] == (
        PLAIN + END + first + PLAIN + END + second + SUBMIT + END,
        PLAIN + END + PLAIN + SUBMIT + END,
        first + END + second,
    )
    assert texts[1] == (WRONG + END, WRONG + END, "")
    assert (dropped["completion_mask"] * dropped["tool_mask"]).sum() == 0
    assert (dropped["completion_ids"].shape, dropped["prompt_ids"].shape) == ((2, 1), (2, 1))


def test_the_gradient_is_the_one_by_hand(step: Trained, folder: Path) -> None:
    """-(1/2) sum over rows of A x mean log p, and the bonus: 0.1 x (1/2) sum over rows of mean H."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    kept = step.trainer._buffered_inputs[0]
    advantage = 0.5 / (0.5**0.5 + 1e-4)  # rewards 1 and 0: half from the mean, and their deviation
    loss = torch.zeros(())
    for row, sign in enumerate((1, -1)):
        read = kept["prompt_mask"][row].bool(), kept["completion_mask"][row].bool()
        prompt, ids = kept["prompt_ids"][row][read[0]], kept["completion_ids"][row][read[1]]
        logits = model(torch.cat([prompt, ids]).unsqueeze(0)).logits[0, len(prompt) - 1 : -1]
        logs = logits.log_softmax(-1)
        own = kept["tool_mask"][row][read[1]].bool()
        said = logs.gather(1, ids.unsqueeze(1)).squeeze(1)[own]
        entropy = -(logs.exp() * logs).sum(-1)[own]
        loss = loss - (sign * advantage * said.mean() + 0.1 * entropy.mean()) / 2
    loss.backward()
    for name, weight in model.named_parameters():
        expected, found = weight.grad, step.gradients[name]
        assert (expected - found).abs().max() < 1e-4 * max(1e-3, expected.abs().max()), name


def test_what_is_logged(step: Trained) -> None:
    log = step.log
    assert log["groups/informative"] == 0.5
    assert (log["accuracy"], log["visible_accuracy"], log["hack_rate"]) == (0.75, 1.0, 0.25)
    assert (log["tokens/after_end"], log["tokens/cut"], log["tokens/filler"]) == (0, 0, 0)
    assert log["turns"] == (3 + 1 + 1 + 1) / 4
    assert log["loss"] == pytest.approx(log["policy_loss"] - 0.1 * log["entropy"], abs=2e-2)
    assert log["policy_loss"] == pytest.approx(0, abs=1e-6)
    # A model with random weights is nearly as unsure as can be, and nothing dilutes that.
    assert log["entropy"] == pytest.approx(torch.tensor(1_500.0).log().item(), rel=0.02)
    tokens = [rollout.generated_tokens for rollout in step.rollouts]
    assert log["completions/mean_length"] == sum(tokens) / 4
    assert log["completions/max_length"] == max(tokens)
    assert log["num_tokens"] == sum(tokens) + sum(rollout.prompt_tokens for rollout in step.rollouts)
    assert all(log[f"seconds/{phase}"] > 0 for phase in ("generate", "environment", "score", "train"))


def test_rollouts_are_handed_on(step: Trained) -> None:
    assert step.steps == [0]
    assert [(r.group, r.sample, r.solved, r.reward) for r in step.rollouts] == [
        (0, 0, True, 1.0),
        (0, 1, False, 0.0),
        (1, 0, True, 1.0),
        (1, 1, True, 1.0),
    ]
    assert [r.problem.id for r in step.rollouts if r.problem] == [MIXED.id] * 2 + [SOLVED.id] * 2
    assert step.rollouts[0].messages[:2] == SHORT


def test_prompts_and_answers_are_those_of_trl(step: Trained) -> None:
    """The ids of ours, which are those of evaluation, against the ones that TRL would have made."""
    trainer, tokenizer = step.trainer, step.trainer._tokenizer
    prompt = prompt_messages(MIXED, 8)
    trainer._batch_environments = ["dsl"]
    (ids,), _, _ = trainer._tokenize_prompts([prompt])
    assert list(ids) == prompt_ids(tokenizer, prompt, schemas(TOOLS))
    told = [
        {"role": "tool", "name": "run", "content": "one"},
        {"role": "tool", "name": "run", "content": "2"},
    ]
    ours = answer_ids(tokenizer, told)
    assert ours[1:] == trainer._get_tool_suffix_ids(told)
    assert ours[0] == tokenizer.eos_token_id


# What is not done twice, or not at all


@pytest.mark.parametrize("parts", [2, 8])
def test_each_problem_is_looked_up_once_for_a_generation(
    folder: Path, tmp_path: Path, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Trainer asks for the batch of a generation once for every micro-batch of it."""
    from datasets import Dataset

    read: list[Any] = []
    for name in ("__getitem__", "__getitems__"):
        found = getattr(Dataset, name)
        monkeypatch.setattr(Dataset, name, lambda self, key, get=found: read.append(key) or get(self, key))
    sizes = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": parts}
    trainer = make_trainer(folder, tmp_path, many(2 * parts), says_one_of_two, max_steps=2, **sizes)
    read.clear()
    trainer.train()
    assert sorted(read) == list(range(2 * parts)), "two generations of so many problems"


def test_micro_batches_without_a_row_that_counts_are_left_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one that counts and three that do not, the last is computed as well: it ends the optimizer step."""
    computed: list[bool] = []
    compute = DebugTrainer._compute_loss

    def counting(self: DebugTrainer, model: Any, inputs: Any) -> Any:
        computed.append(inputs["counts"])
        return compute(self, model, inputs)

    monkeypatch.setattr(DebugTrainer, "_compute_loss", counting)
    problems = [MIXED, SOLVED, UNSOLVED, make_problem(intent="solved as well")]
    settings = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4, "entropy_coef": 0.1}
    short, gradients = trained(folder, tmp_path, problems, says, **settings)
    assert computed == [True, False]
    assert short.state.log_history[0]["groups/kept"] == 0.25
    monkeypatch.setattr(DebugTrainer, "_is_idle", lambda self: False)
    whole, expected = trained(folder, tmp_path, problems, says, **settings)
    assert computed == [True, False, True, False, False, False]
    assert largest_difference(gradients, expected) < 1e-6
    assert short.state.log_history[0]["loss"] == pytest.approx(whole.state.log_history[0]["loss"])


# Batches without a group that teaches, and validation


def test_a_batch_that_teaches_nothing_changes_nothing(folder: Path, tmp_path: Path) -> None:
    settings = {"per_device_train_batch_size": 4, "entropy_coef": 0.1, "learning_rate": 1e-2}
    kept = Gradients()
    trainer = make_trainer(folder, tmp_path, [UNSOLVED, SOLVED], says, [kept], **settings)
    before = {name: weight.clone() for name, weight in trainer.model.named_parameters()}
    trainer.train()
    assert trainer.state.log_history[0]["loss"] == 0.0
    assert "entropy" not in trainer.state.log_history[0]
    assert all(not gradient.any() for gradient in kept.steps[0].values())
    assert all(torch.equal(before[name], weight) for name, weight in trainer.model.named_parameters())


def test_validation_counts_all_groups(folder: Path, tmp_path: Path) -> None:
    handed_on: list[int] = []
    options = {"on_rollouts": lambda step, made: handed_on.append(step)}
    sizes = {"num_generations_eval": 1, "per_device_eval_batch_size": 2}
    trainer = make_trainer(folder, tmp_path, [MIXED], says, options=options, **sizes)
    found = trainer.evaluate(trainer.train_dataset.select([0, 0]))
    assert found["eval_accuracy"] == 1.0
    assert found["eval_groups/informative"] == 0.0
    assert found["eval_tokens/after_end"] == 0
    assert handed_on == []


# An engine that knows log-probabilities


class Engine:
    """What TRL asks of vLLM. What it says has log-probabilities of -7.3, near those of random weights over
    1,500 tokens; that of the second token of a message is unknown."""

    def __init__(self, trainer: Any, context: int) -> None:
        config = SimpleNamespace(max_model_len=context)
        self.llm = SimpleNamespace(llm_engine=SimpleNamespace(model_config=config))
        self.synced = 0
        self.asked: list[tuple[int, int]] = []
        self._trainer = trainer

    def sync_weights(self) -> None:
        self.synced += 1

    def generate(self, prompts: Any, images: None, num_generations: int, profiler: Any) -> tuple[Any, ...]:
        trainer = self._trainer
        self.asked.append((len(prompts), num_generations))
        talking = [(n, episode) for n, episode in enumerate(trainer._played) if not episode.done]
        texts = [says(episode, n % trainer.num_generations) for n, episode in talking]
        ids = [tuple(trainer._tokenizer(text).input_ids) for text in texts]
        known = [[[None] if n == 1 else [-7.3] for n in range(len(row))] for row in ids]
        return prompts, ids, known, None


def with_engine(trainer: DebugTrainer, context: int) -> Engine:
    """Put a fake vLLM into a trainer that was made without one."""
    engine = Engine(trainer, context)
    trainer.use_vllm, trainer.vllm_mode, trainer._last_loaded_step = True, "colocate", -1
    trainer.vllm_generation = engine
    return engine


def test_log_probabilities_of_the_engine_stand_beside_its_words(folder: Path, tmp_path: Path) -> None:
    settings = {"per_device_train_batch_size": 2, "max_steps": 2, "num_train_epochs": 2}
    trainer = make_trainer(folder, tmp_path, [MIXED], says, **settings)
    engine = with_engine(trainer, 4_000)
    type(trainer)._generate_single_turn = DebugTrainer._generate_single_turn
    trainer.train()
    assert engine.synced == 2, "once for each change of the weights, and not for each turn"
    assert engine.asked == [(2, 1), (1, 1), (1, 1)] * 2
    (part,) = trainer._buffered_inputs
    said = part["tool_mask"].bool() & part["completion_mask"].bool()
    engines = part["sampling_per_token_logps"]
    assert set(engines[~said].tolist()) == {0.0}
    assert engines.isnan().sum() == 4, "one for each message"
    assert torch.allclose(engines[said & ~engines.isnan()], torch.tensor(-7.3))
    # TRL weighs a whole episode by how far the engine was off, in the words of the model alone.
    off = ((part["old_per_token_logps"] - engines) * said).nan_to_num(nan=0.0).sum(1, keepdim=True).exp()
    expected = off.masked_fill(off > trainer.vllm_importance_sampling_clip_max, 0.0)
    assert torch.allclose(part["importance_sampling_ratio"], expected, rtol=1e-3)
    assert expected.max() > 1e-3


def test_an_episode_keeps_to_the_context_of_the_engine(folder: Path, tmp_path: Path) -> None:
    trainer = make_trainer(folder, tmp_path, [MIXED], says, per_device_train_batch_size=2)
    prompt = len(prompt_ids(trainer._tokenizer, SHORT, schemas(TOOLS)))
    with_engine(trainer, prompt)
    type(trainer)._generate_single_turn = DebugTrainer._generate_single_turn
    trainer.train()
    assert [episode.ended for episode in trainer._played] == ["tokens", "tokens"]
    (part,) = trainer._buffered_inputs
    assert trainer.vllm_generation.asked == [], "a prompt without room is not asked about"
    assert part["completion_ids"].tolist() == [[trainer._tokenizer.eos_token_id]] * 2
    assert not part["tool_mask"].any()


# A model that writes itself, drawing, and going on


def many(count: int) -> list[Any]:
    return [make_problem(intent=f"{('mixed', 'solved')[n % 2]} {n}") for n in range(count)]


def says_one_of_two(episode: TokenEpisode, sample: int) -> str:
    mixed = episode.env.problem.intent.startswith("mixed")  # type: ignore[attr-defined]
    return (WRONG if mixed and sample else SUBMIT) + END


def test_a_model_writes_for_itself_within_its_bounds(folder: Path, tmp_path: Path) -> None:
    """Random weights write nonsense: each message is cut, answered as malformed, and costs a turn."""
    rollouts: list[Rollout] = []
    trainer = make_trainer(
        folder,
        tmp_path,
        [MIXED],
        None,
        options={"max_turn_tokens": 5, "on_rollouts": lambda step, made: rollouts.extend(made)},
        per_device_train_batch_size=2,
        max_completion_length=250,
        max_steps=2,
    )
    trainer.train()
    assert len(rollouts) == 4
    for made in rollouts:
        assert made.generated_tokens <= 5 * made.turns
        assert made.generated_tokens + made.answer_tokens <= 250
        assert (made.ended, made.malformed) == ("tokens", made.turns)
        assert (made.after_end_tokens, made.cut_tokens) == (0, 0)
        assert made.turns >= 2
    assert trainer.state.log_history[1]["groups/none_solved"] == 1.0


def test_the_last_message_is_not_longer_than_the_room_that_is_left(folder: Path, tmp_path: Path) -> None:
    """Two rollouts of equal length: what either has room for, both have."""
    rollouts: list[Rollout] = []
    options = {"max_turn_tokens": 60, "on_rollouts": lambda step, made: rollouts.extend(made)}
    sizes = {"per_device_train_batch_size": 2, "max_completion_length": 180}
    make_trainer(folder, tmp_path, [MIXED], None, options=options, **sizes).train()
    assert [(one.ended, one.turns, one.cut_tokens) for one in rollouts] == [("tokens", 2, 0)] * 2
    assert all(one.generated_tokens + one.answer_tokens <= 180 for one in rollouts)


def test_a_round_without_any_room_can_be_joined_with_others(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts = iter([1, 4_000])
    monkeypatch.setattr(DebugTrainer, "_context", lambda self: next(contexts))
    options = {"pool": ProblemPool(["mixed"], seed=1), "max_rounds": 2}
    trainer = make_trainer(folder, tmp_path, [MIXED], says, options=options, per_device_train_batch_size=2)
    trainer.train()
    (part,) = trainer._buffered_inputs
    assert part["kept"].tolist() == [True, True]
    assert "sampling_per_token_logps" not in part
    log = trainer.state.log_history[0]
    assert (log["groups/kept"], log["groups/informative"], log["reward/played"]) == (1.0, 0.5, 0.25)


def test_drawing_fills_the_batch_and_a_resumed_run_knows_what_was_drawn(folder: Path, tmp_path: Path) -> None:
    problems = many(12)
    settings = {"per_device_train_batch_size": 4, "save_strategy": "steps", "save_steps": 1}

    def drawing(out: Path, **more: Any) -> DebugTrainer:
        pool = ProblemPool([problem.id for problem in problems], seed=5)
        options = {"pool": pool, "max_rounds": 5}
        return make_trainer(
            folder, out, problems, says_one_of_two, options=options, **settings | {"max_steps": 2} | more
        )

    whole = drawing(tmp_path / "whole")
    whole.train()
    assert whole._buffered_inputs[0]["kept"].tolist() == [True] * 4
    assert whole._buffered_inputs[0]["row_scale"] == 1.0
    saved = json.loads((tmp_path / "whole" / "checkpoint-1" / POOL_FILE).read_text())
    assert saved != whole._pool.state()
    resumed = drawing(tmp_path / "resumed")
    resumed.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-1"))
    assert resumed._pool.state() == whole._pool.state()
    (tmp_path / "whole" / "checkpoint-1" / POOL_FILE).unlink()
    with pytest.raises(ValueError, match="was saved without a pool of problems: go on without one, too"):
        drawing(tmp_path / "other").train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-1"))


# Arguments


def test_a_stream_of_problems_is_refused(folder: Path, tmp_path: Path) -> None:
    trainer = make_trainer(folder, tmp_path, [MIXED], says, per_device_train_batch_size=2)
    given = {"environment_factory": environments("robust"), "processing_class": trainer.processing_class}
    stream = trainer.train_dataset.to_iterable_dataset()
    with pytest.raises(ValueError, match=r"by their position: give a Dataset, and not a stream$"):
        DebugTrainer(model=trainer.model, args=trainer.args, train_dataset=stream, **given)


def test_arguments_that_make_no_sense_are_told(folder: Path, tmp_path: Path) -> None:
    pool = ProblemPool(["a", "b"], seed=1)
    for options, settings, told in [
        ({}, {"loss_type": "bnpo"}, "loss_type 'bnpo' cannot leave groups out"),
        ({"max_rounds": 2}, {}, "max_rounds is at least 1, and more than 1 only with a pool"),
        ({"max_rounds": 0, "pool": pool}, {}, "max_rounds is at least 1"),
        ({"pool": pool}, {}, "the pool has 2 problems and the dataset 1 rows"),
        ({"tools": [print]}, {}, "episodes need environment_factory, and neither tools nor rollout_func"),
    ]:
        with pytest.raises(ValueError, match=told):
            make_trainer(
                folder, tmp_path, [MIXED], says, options=options, per_device_train_batch_size=2, **settings
            )
