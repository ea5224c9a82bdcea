"""`python -m dataset_builder`: needs the extra `cli`."""

import os
import sys

from dsl_debug.cli import INTERRUPTED, run_module


def main() -> None:
    """Run the command line and end the process: 0 fine, 2 bad input, 130 interrupted."""
    status = run_module("dataset_builder", "dataset_builder.cli")
    if status == INTERRUPTED:
        os._exit(status)  # threads that wait for an answer would hold us up until their time is over
    sys.exit(status)


if __name__ == "__main__":
    main()
