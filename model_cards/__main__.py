"""`python -m model_cards`: needs the extras `cli` and `build`."""

import sys

from dsl_debug.cli import run_module

if __name__ == "__main__":
    sys.exit(run_module("model_cards", "model_cards.cli"))
