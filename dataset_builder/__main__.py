"""`python -m dataset_builder`: needs the extra `cli`."""

import os
import sys

from dsl_debug.cli import BAD_INPUT, INTERRUPTED


def main() -> None:
    """Run the command line and end the process: 0 fine, 2 bad input, 130 interrupted."""
    try:
        from dataset_builder.cli import run_command

        status = run_command(sys.argv[1:])
    except KeyboardInterrupt:  # while it was starting
        status = INTERRUPTED
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        print("dataset_builder: the command line needs click: pip install 'dsl-debug[cli]'", file=sys.stderr)
        status = BAD_INPUT
    if status == INTERRUPTED:
        os._exit(status)  # threads that wait for an answer would hold us up until their time is over
    sys.exit(status)


if __name__ == "__main__":
    main()
