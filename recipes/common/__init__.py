"""What the recipes share: small modules that are tested alone, with tensors or a tiny model.

before a run       arguments (flags and YAML), preflight and checks (what is refused), rows (datasets), tiny
a rollout          episodes (ids and masks), lockstep (processes in step)
what is learned    groups (which of them teach), draws and pool (dynamic sampling), curriculum, batches
the trainer        trainer: TRL's, with all of the above in its places
whole runs         grpo and arena (one run of each), unsloth_model, finish (callbacks, resuming)
what is written    measures, rollout_traces, checkpoints, run_record, plots
after a run        validation and choice (which checkpoint is the best), before_after
"""
