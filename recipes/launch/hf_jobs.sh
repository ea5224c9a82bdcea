#!/usr/bin/env bash
# Run a recipe on Hugging Face Jobs, on the hardware that its header asks for.
#
#   recipes/launch/hf_jobs.sh recipes/grpo_sft_rl.py --dry-run
#   recipes/launch/hf_jobs.sh recipes/grpo_sft_rl.py --detach -- --hub_model_id USER/NAME
#   recipes/launch/hf_jobs.sh recipes/sft.py --flavor a100x4 --timeout 8h -- \
#       --needs_gpus 4 --gradient_accumulation_steps 4 --hub_model_id USER/NAME
#
# What stands before `--` goes to `hf jobs uv run` (see its --help), what follows to the recipe. The code of this
# checkout is mounted at /repo, because a job gets a single script; a recipe that needs accelerate starts with one
# process for each GPU: other hardware than the header's takes other --needs_gpus and --gradient_accumulation_steps.
#
# What a job writes is gone with it: have the recipe push to the Hub (--hub_model_id). And a job that is killed, by
# its --timeout or with its machine, begins anew when it is started again: a run goes on from checkpoints in its own
# folder only, not from those on the Hub. So give a --timeout that is long enough.
#
# Tokens come from the environment (`secrets` in the header, or --secrets NAME): never from the command line, which
# shells and jobs keep.
set -euo pipefail

stop() {
    echo "hf_jobs.sh: $*" >&2
    exit 2
}

[[ $# -ge 1 ]] || stop "give a recipe, such as recipes/sft.py"
recipe=$1
shift
[[ -f $recipe ]] || stop "there is no recipe $recipe"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
path=$(cd "$(dirname "$recipe")" && pwd)/$(basename "$recipe")
[[ $path == "$root"/recipes/*.py ]] || stop "$recipe is no recipe of $root/recipes"
header=$(sed -n '/^# \/\/\/ script$/,/^# \/\/\/$/p' "$path")
[[ -n $header ]] || stop "$recipe has no header (PEP 723) that says what it needs"
command -v hf >/dev/null || stop "there is no hf here: pip install huggingface_hub"

options=()
while [[ $# -gt 0 && $1 != -- ]]; do
    options+=("$1")
    shift
done
[[ $# -eq 0 ]] || shift
for word in ${options[@]+"${options[@]}"} "$@"; do
    if [[ $word == --token* || $word =~ hf_[A-Za-z0-9]{16,} || $word =~ (TOKEN|KEY|SECRET)[A-Z_]*=. ]]; then
        stop "a secret stands on the command line: export it, and name it with --secrets NAME"
    fi
done

staged=$(mktemp -d)
trap 'rm -rf "$staged"' EXIT
name=$(basename "$path" .py)
mkdir "$staged/repo"
(cd "$root" && tar --exclude='__pycache__' -cf - pyproject.toml dsl_debug model_cards recipes) |
    tar -xf - -C "$staged/repo"
{
    echo "$header"
    cat "$root/recipes/launch/entry.py"
} >"$staged/$name.py"

launch=python
if grep -q '^# *"accelerate' <<<"$header"; then
    launch=accelerate
fi
hf jobs uv run \
    --volume "$staged/repo:/repo" \
    --env PYTHONPATH=/repo \
    --env "DSL_DEBUG_RECIPE=/repo/recipes/$name.py" \
    --env "DSL_DEBUG_LAUNCH=$launch" \
    ${options[@]+"${options[@]}"} "$staged/$name.py" "$@"
