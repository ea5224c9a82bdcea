# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "accelerate==1.15.0",
#     "datasets==5.2.0",
#     "jinja2==3.1.6",
#     "pyseccomp==0.1.2",
#     "torch==2.13.0",
#     "transformers==5.17.0",
#     "trl==1.16.0",
#     "vllm==0.31.0",
# ]
#
# [tool.hf-jobs]
# flavor = "h200x2"
# timeout = "24h"
# secrets = ["HF_TOKEN"]
# ///
"""GRPO from the base model: the published RL-only run. It differs from SFT->RL in its start and nothing else.

    accelerate launch recipes/grpo_rl_only.py                                  # 7B, on 2xA100
    accelerate launch recipes/grpo_rl_only.py --config recipes/configs/smoke_grpo.yaml --start MODEL

The same command again goes on with a run that was stopped. Settings: recipes/README.md.
"""

import sys
from pathlib import Path
from typing import Any

# Started as a file, Python looks for modules in recipes/ only.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from recipes.common.arguments import GrpoArguments, parse, refusing
from recipes.common.grpo import train_grpo
from recipes.common.preflight import check_machine


def main(arguments: GrpoArguments, config: Any) -> None:
    """Train, or go on training. Raises BadArguments."""
    train_grpo("grpo_rl_only", arguments, config)


if __name__ == "__main__":
    with refusing("grpo_rl_only"):
        main(*parse(GrpoArguments, "GRPOConfig", "grpo_rl_only_7b.yaml", check=check_machine))
