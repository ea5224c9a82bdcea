"""TRL's GRPO trainer with our episodes, groups and batches in the places where it leaves its own path.

What TRL does as ever: data, environments and their rewards, advantages, the engines that generate, weights in
step with them, the loss, optimizer, checkpoints. What is done here instead:

- `_generate` plays episodes as evaluation does (`episodes`), all processes in step (`lockstep`);
- `_generate_and_score_completions` draws further problems for groups that teach nothing (`draws`), and masks
  those that are left (`groups`);
- `get_train_dataloader` gives positions, and rows are looked up when they are played: the Trainer asks for
  the whole batch of a generation once for every micro-batch of it; in a resumed run, too, they come in the
  order of their epoch (`EpochOrder`);
- `_prepare_inputs` cuts the batch into micro-batches without needless padding (`batches`), and says of each
  by how much its loss is to be scaled for the groups that were left out;
- `_compute_loss` scales, and adds the bonus for entropy as a mean over rows of means over tokens, like the
  loss itself (TRL's own is a mean over whatever tokens share a micro-batch);
- `training_step` leaves out micro-batches in which no row counts on any process;
- an optimizer step in which no row counts leaves the weights alone (`OnlyTaughtSteps`).

Groups are left out in training only; validation counts all. A run that is resumed between two optimizer steps
of one generation generates for the same problems anew: half-used batches are not saved.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object  # type: ignore[import-untyped]
from transformers import TrainerCallback, set_seed
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.utils import RepeatSampler, shuffle_sequence_dict

from dsl_debug.episode import schemas
from dsl_debug.policies.tokens import Messages, prompt_ids
from dsl_debug.storage import read_json, write_json
from recipes.common.batches import Batch, counted_tokens, micro_batches
from recipes.common.checks import check_arguments
from recipes.common.draws import Draws, Round, informative_round
from recipes.common.episodes import (
    TOKENS,
    ChatFormat,
    Ids,
    Logprobs,
    Rollout,
    TokenEpisode,
    Write,
    chat_format,
    play,
    rollout,
)
from recipes.common.groups import BY_ROWS, by_rows, keep, mean_of_means, row_scale
from recipes.common.lockstep import alone, in_step, shares_engine
from recipes.common.measures import PhaseTimer, rollout_measures
from recipes.common.pool import ProblemPool

POOL_FILE = "problem_pool.json"

FILLER = [{"role": "user", "content": "Say yes."}]
"""The prompt of messages that nobody needs."""

OnRollouts = Callable[[int, Sequence[Rollout]], None]
"""Is given the number of the step and the rollouts of this process."""


class DebugTrainer(GRPOTrainer):
    """Trains a model on episodes; `environment_factory` must be given, and its environments have `.episode`.

    `max_turn_tokens` bounds one message (by default only `max_completion_length` does, which holds for all
    messages and answers of an episode together). With a `pool`, whose positions are those of `train_dataset`,
    problems are drawn from it instead of by turns; where fewer than `informative_groups` (by default all) of
    the groups of a step over all processes are informative, others are drawn in their place, in up to
    `max_rounds` rounds of generation. `on_rollouts` is called on each process with its rollouts of training.

    Raises ValueError, in one line, for arguments that cannot be honoured.
    """

    # What TRL and transformers leave without a type, or with one that is too wide.
    args: Any
    environments: Any
    max_completion_length: int
    model: Any
    num_generations: int
    num_generations_eval: int
    train_dataset: Any
    _buffered_inputs: Any

    def __init__(
        self,
        *,
        args: GRPOConfig,
        pool: ProblemPool | None = None,
        informative_groups: int | None = None,
        max_rounds: int = 1,
        max_turn_tokens: int | None = None,
        on_rollouts: OnRollouts | None = None,
        **others: Any,
    ) -> None:
        check_arguments(args)
        if max_rounds < 1 or (max_rounds > 1 and pool is None):
            raise ValueError("max_rounds is at least 1, and more than 1 only with a pool to draw from")
        if others.get("environment_factory") is None or others.get("tools") or others.get("rollout_func"):
            raise ValueError("episodes need environment_factory, and neither tools nor rollout_func")
        super().__init__(args=args, **others)
        if self.use_vllm and self.vllm_mode == "colocate":
            # The engine seeds this process with a number of its own; those that share one have to draw alike.
            set_seed(args.seed + self.accelerator.process_index // self.vllm_tensor_parallel_size)
        if not hasattr(self.train_dataset, "__len__"):
            raise ValueError("problems are looked up by their position: give a Dataset, and not a stream")
        if pool is not None and len(pool.ids) != len(self.train_dataset):
            raise ValueError(
                f"the pool has {len(pool.ids)} problems and the dataset {len(self.train_dataset)} rows"
            )
        self._pool = pool
        self._target = informative_groups
        self._max_rounds = max_rounds
        self._on_rollouts = on_rollouts
        self._timer = PhaseTimer()
        self._chat: ChatFormat = chat_format(self._tokenizer, self.eos_token_ids)
        self._filler = prompt_ids(self._tokenizer, FILLER, [])
        self._played: list[TokenEpisode] = []
        self._groups_played = 0
        self._filler_tokens = 0
        self._entropies: torch.Tensor | None = None
        # The bonus is added here, so TRL must not add its own.
        self._has_bonus = bool(self._entropy_bonus_enabled)
        self._entropy_bonus_enabled = False
        self._turn_tokens = min(max_turn_tokens or self.max_completion_length, self.max_completion_length)
        self.add_callback(OnlyTaughtSteps(self._is_taught))

    @property
    def _mode(self) -> str:
        return "train" if self.model.training else "eval"

    # Problems

    def get_train_dataloader(self) -> Any:
        """Positions of problems, each as often as it is played."""
        positions: Any = range(len(self.train_dataset))
        return self._get_dataloader(
            dataset=positions,
            description="Training",
            batch_size=self._train_batch_size * self.args.steps_per_generation,
            sampler_fn=self._get_train_sampler,
            is_training=True,
        )

    def _get_train_sampler(self, dataset: Any = None) -> "EpochOrder":
        trls: Any = super()._get_train_sampler(dataset)
        return EpochOrder(trls, self.args.seed, lambda: int(self.state.epoch or 0))

    def _rows_at(self, positions: Sequence[int]) -> list[dict[str, Any]]:
        rows = [self.train_dataset[position] for position in positions]
        return [row for row in rows for _ in range(self.num_generations)]

    # Generation

    def _bound_messages(self, tokens: int) -> None:
        if self.use_vllm:
            self.vllm_generation.max_completion_length = tokens
        else:
            self.generation_config.max_new_tokens = tokens
            self.generation_kwargs["max_new_tokens"] = tokens

    def _generate(self, prompts: list[Messages]) -> tuple[Any, ...]:
        """Play the episodes of a batch: ids, masks and messages, as TRL goes on from them."""
        self._sync_weights()
        self._played = self._begin(prompts)
        with self._timer("environment"):
            play(self._played, self._writer())
        self._log_lengths()
        rows = [_row(episode, self.eos_token_ids[0]) for episode in self._played]
        ids, masks, logprobs = (list(column) for column in zip(*rows, strict=True))
        texts = [episode.messages() for episode in self._played]
        # A round in which nobody had room holds what other rounds hold, or they could not be joined.
        known = logprobs if self.use_vllm and all(values is not None for values in logprobs) else None
        return [episode.prompt for episode in self._played], ids, masks, texts, known, {}, None, []

    def _sync_weights(self) -> None:
        """Give new weights to vLLM. All processes do this together, so it may not wait for a first message,
        which a process without any room for one would never ask for."""
        if self.use_vllm and self.state.global_step != self._last_loaded_step:
            with self._timer("generate"):
                self.vllm_generation.sync_weights()  # type: ignore[no-untyped-call]
            self._last_loaded_step = self.state.global_step

    def _begin(self, prompts: Sequence[Messages]) -> list[TokenEpisode]:
        context, episodes = self._context(), []
        last: tuple[Any, Ids] = (None, [])
        for prompt, environment in zip(prompts, self.environments, strict=True):
            env = environment.episode
            key = (prompt, type(env))
            if key != last[0]:  # the rollouts of a group follow one another
                last = key, prompt_ids(self._tokenizer, prompt, schemas(env.tools))
            budget = min(self.max_completion_length, context - len(last[1]))
            episodes.append(TokenEpisode(env, last[1], self._chat, budget))
        return episodes

    def _context(self) -> int:
        """How many ids the engine can hold. A server does not say: what it was started with is to be given as
        `vllm_max_model_length`."""
        if self.use_vllm and self.vllm_mode == "colocate":
            return int(self.vllm_generation.llm.llm_engine.model_config.max_model_len)
        known = int(self.model.config.get_text_config().max_position_embeddings)
        return min(known, self.args.vllm_max_model_length or known) if self.use_vllm else known

    def _writer(self) -> Write:
        return in_step(self._write, self._largest, self._filler) if self._shares() else alone(self._write)

    def _shares(self) -> bool:
        return shares_engine(
            self.accelerator.num_processes,
            self.vllm_mode if self.use_vllm else None,
            self.vllm_tensor_parallel_size,
            sleeps=self.args.vllm_enable_sleep_mode,
            sharded=self.is_fsdp_enabled or self.is_deepspeed_enabled,
        )

    def _largest(self, number: int) -> int:
        return int(self._gathered([number]).max())

    def _write(self, prompts: list[Ids]) -> tuple[list[Ids], list[Logprobs] | None]:
        rooms = [episode.room for episode in self._played if not episode.done]
        room = max(rooms, default=1)
        # An engine that works for several processes must be told the same by all of them.
        self._bound_messages(min(self._turn_tokens, self._largest(room) if self._shares() else room))
        with self._timer("generate"):
            ids, logprobs = self._generate_single_turn(  # type: ignore[no-untyped-call]
                prompts, None, {}, num_generations=1
            )
        # Fillers come last. TRL gives an engine one bound for all messages, so theirs is that of the others.
        self._filler_tokens += sum(len(message) for message in ids[len(rooms) :])
        return [list(message) for message in ids], logprobs

    def _log_lengths(self) -> None:
        """The figures that TRL's own generation logs, as far as they make sense for episodes."""
        read = sum(len(episode.prompt) for episode in self._played)
        lengths = self._gathered([sum(episode.mask) for episode in self._played])
        cut = self._gathered([episode.ended == TOKENS for episode in self._played])
        total = int(self._gathered([read]).sum()) + int(lengths.sum())
        metrics = self._metrics[self._mode]
        if self._mode == "train":
            self.state.num_input_tokens_seen += total
        metrics["num_tokens"] = [self.state.num_input_tokens_seen]
        metrics["completions/mean_length"].append(lengths.float().mean().item())
        metrics["completions/max_length"].append(lengths.max().item())
        metrics["completions/clipped_ratio"].append(cut.float().mean().item())

    def _gathered(self, numbers: Sequence[int]) -> torch.Tensor:
        """The numbers of all processes, of which each gives as many as the others."""
        local = torch.tensor([int(number) for number in numbers], device=self.accelerator.device)
        everywhere: torch.Tensor = self.accelerator.gather(local)
        return everywhere

    # Groups

    def _generate_and_score_completions(self, inputs: list[Any]) -> Batch:
        """A batch of rollouts: in training for positions, in validation for rows."""
        with self._timer("score"):
            if self._mode == "eval":
                made = self._play_round(inputs, self.num_generations_eval)
                self._log_rollouts(made.rollouts)
                return made.batch
            made = self._informative_round(inputs)
            self._log_rollouts(made.played)
            kept = self._gathered(made.informative).float().mean().item()
            self._metrics["train"]["groups/kept"].append(kept)
            return keep(made.batch, by_rows(made.informative, self.num_generations))

    def _informative_round(self, inputs: Sequence[int]) -> Round:
        size, world = self.num_generations, self.accelerator.num_processes
        if self._pool is None:
            return self._play_round(self._rows_at(inputs[::size]), size)

        def play_at(positions: Sequence[int]) -> Round:
            return self._play_round(self._rows_at(positions), size)

        groups = len(inputs) // size
        target = groups * world if self._target is None else self._target
        draws = Draws(self._pool, self.accelerator.process_index, world, gather_object)
        pad = self._tokenizer.pad_token_id
        return informative_round(draws, play_at, groups, target, self._max_rounds, pad)

    def _play_round(self, inputs: list[dict[str, Any]], size: int) -> Round:
        batch = super()._generate_and_score_completions(inputs)
        first = self._groups_played * size + self.accelerator.process_index * len(inputs)
        self._groups_played += -(-len(inputs) * self.accelerator.num_processes // size)
        rollouts = [
            rollout(
                episode,
                inputs[number]["prompt"],
                group=(first + number) // size,
                sample=(first + number) % size,
                paid=float(self.environments[number].get_reward()),
            )
            for number, episode in enumerate(self._played)
        ]
        return Round(batch, rollouts, size)

    def _log_rollouts(self, rollouts: Sequence[Rollout]) -> None:
        if self._on_rollouts is not None and self._mode == "train":
            self._on_rollouts(self.state.global_step, rollouts)
        everywhere = gather_object([one.facts() for one in rollouts])
        filler = float(self._gathered([self._filler_tokens]).sum())
        self._filler_tokens = 0
        for name, value in {**rollout_measures(everywhere), "tokens/filler": filler}.items():
            self._metrics[self._mode][name].append(value)

    # Micro-batches and loss

    def _prepare_inputs(self, generation_batch: Any) -> Batch:
        if self._mode == "eval":
            return self._generate_and_score_completions(generation_batch)
        steps = self.args.steps_per_generation
        if self._step % (steps * self.num_iterations) == 0 or self._buffered_inputs is None:
            # None: a run that was resumed begins between two generations.
            batch = shuffle_sequence_dict(self._generate_and_score_completions(generation_batch))
            self._buffered_inputs = self._cut(batch)
        part: Batch = self._buffered_inputs[self._step % steps]
        return part

    def _cut(self, batch: Batch) -> list[Batch]:
        """Micro-batches, with the scale of their optimizer step and whether any row of them counts."""
        each = self.args.gradient_accumulation_steps
        steps = self.args.steps_per_generation
        cut = micro_batches(batch, steps, steps // each)
        processes = self.accelerator.num_processes
        kept = self._gathered([int(part["kept"].sum()) for part in cut]).view(processes, steps).sum(0)
        tokens = self._gathered([counted_tokens([part]) for part in cut]).view(processes, steps).sum(0)
        rows = each * self.args.per_device_train_batch_size * processes
        for number, part in enumerate(cut):
            window = slice(number // each * each, (number // each + 1) * each)
            part["row_scale"] = row_scale(rows, int(kept[window].sum()))
            part["counts"] = bool(kept[number])
            # TRL takes this for the tokens of all optimizer steps of a generation.
            part["num_items_in_batch"] = tokens[window].sum() * (steps // each)
        return cut

    def _get_per_token_logps_and_entropies(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        made: tuple[Any, ...] = super()._get_per_token_logps_and_entropies(*args, **kwargs)
        self._entropies = made[1] if self._has_bonus else None
        return made

    def _compute_loss(self, model: Any, inputs: Batch) -> torch.Tensor:
        scale = inputs.get("row_scale", 1.0)
        logged = self._metrics[self._mode]
        self._metrics[self._mode] = defaultdict(list)
        try:
            loss: torch.Tensor = super()._compute_loss(model, inputs)  # type: ignore[no-untyped-call]
        finally:
            found, self._metrics[self._mode] = self._metrics[self._mode], logged
        # A micro-batch without a row that counts would be logged as zeros.
        if inputs.get("counts", True):
            for name, values in found.items():
                logged[name] += values
        if self.loss_type in BY_ROWS:
            loss = loss * scale
        return self._with_bonus(loss, inputs, scale) if self._has_bonus else loss

    def _with_bonus(self, loss: torch.Tensor, inputs: Batch, scale: float) -> torch.Tensor:
        parts = self.current_gradient_accumulation_steps if self._mode == "train" else 1
        mask = inputs["completion_mask"] * inputs["tool_mask"]
        bonus = mean_of_means(self._entropies, mask) * scale / parts
        self._entropies = None
        whole = self.accelerator.gather(loss.detach() * parts).mean().item()
        self._metrics[self._mode]["policy_loss"].append(whole)
        rewarded: torch.Tensor = loss - self.entropy_coef * bonus
        return rewarded

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        if self._is_idle():
            self._step += 1
            if self._has_bonus:  # one of the micro-batches of a step, whose mean is logged
                self._metrics["train"]["policy_loss"].append(0.0)
            return torch.zeros((), device=self.accelerator.device)
        with self._timer("train"):
            loss: torch.Tensor = super().training_step(  # type: ignore[no-untyped-call]
                model, inputs, num_items_in_batch
            )
        if self._step % self.current_gradient_accumulation_steps == 0:
            for name, seconds in self._timer.take().items():
                self._metrics["train"][name].append(seconds)
        return loss

    def _is_idle(self) -> bool:
        """Whether no row of the next micro-batch counts on any process, and nothing else needs it.

        The first of a generation makes that generation, and gradients are exchanged with the last of an
        optimizer step. DeepSpeed counts micro-batches itself.
        """
        steps, ahead = self.args.steps_per_generation, self._step + 1
        is_first = self._buffered_inputs is None or self._step % (steps * self.num_iterations) == 0
        is_last = ahead % self.args.gradient_accumulation_steps == 0
        if is_first or is_last or self.is_deepspeed_enabled:
            return False
        return not self._buffered_inputs[self._step % steps]["counts"]

    def _is_taught(self) -> bool:
        """Whether any row counts, on any process, in the optimizer step that the last micro-batch ends."""
        last: Batch = self._buffered_inputs[(self._step - 1) % self.args.steps_per_generation]
        return bool(last["row_scale"])

    # Checkpoints

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        super()._save_optimizer_and_scheduler(output_dir)
        if self._pool is not None and self.args.should_save:
            write_json(Path(output_dir, POOL_FILE), self._pool.state())

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[no-untyped-call]
        if checkpoint is None or self._pool is None:
            return
        if not Path(checkpoint, POOL_FILE).exists():
            raise ValueError(f"{checkpoint} was saved without a pool of problems: go on without one, too")
        self._pool.restore(read_json(Path(checkpoint, POOL_FILE)))


def _row(episode: TokenEpisode, end: int) -> tuple[Ids, list[int], Any]:
    """What is trained on. A row needs a token: an episode without any gets one that does not count."""
    if episode.ids:
        return episode.ids, episode.mask, episode.logprobs
    return [end], [0], [0.0]


class OnlyTaughtSteps(TrainerCallback):
    """Takes the gradient away from an optimizer step in which no row counts.

    It is zero, but optimizers would still move the weights by what they remember of other steps, and shrink
    them by `weight_decay`; weights without a gradient are passed over. Not under DeepSpeed, which has stepped
    by then. The step is counted, and the learning rate goes on, all the same.
    """

    def __init__(self, is_taught: Callable[[], bool]) -> None:
        self._is_taught = is_taught

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        """Look at what was learned, after gradients were clipped and their norm was taken."""
        if not self._is_taught():
            named["model"].zero_grad(set_to_none=True)


class EpochOrder(RepeatSampler):
    """The order of TRL's sampler in whichever epoch it is asked for.

    TRL's own counts epochs by how often it was asked, so that a run which is resumed in its third epoch would
    go on in the order of the first: some problems would come twice in that epoch, and others not at all.
    """

    def __init__(self, trls: Any, seed: int, epoch: Callable[[], int]) -> None:
        repeats = trls.mini_repeat_count, trls.batch_size, trls.repeat_count
        super().__init__(trls.data_source, *repeats, trls.shuffle, seed)
        self._own_seed, self._epoch = seed, epoch

    def __iter__(self) -> Iterator[int]:
        if self.shuffle:
            self.generator.manual_seed(self._own_seed)
            for _ in range(self._epoch()):
                torch.randperm(self.num_samples, generator=self.generator)
        order: Iterator[int] = super().__iter__()  # type: ignore[no-untyped-call]
        return order
