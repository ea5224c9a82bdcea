"""The console script `dsl-debug`. It needs the extra `cli`; everything else in the package does without."""

import os
import signal
import sys

# What shells report for a program that was ended by Ctrl-C, and for one whose reader went away.
INTERRUPTED = 128 + signal.SIGINT
BROKEN_PIPE = 128 + 13
BAD_INPUT = 2


def main() -> None:
    """Run the command line and end the process: 0 fine, 1 `fmt --check` found something, 2 bad input."""
    try:
        status = _status(sys.argv[1:])
        _flush()
    except BrokenPipeError:
        status = BROKEN_PIPE
        _drop_output()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one must not disturb the end
        status = INTERRUPTED
        if sys.stderr is not None and sys.stderr.isatty():
            print(file=sys.stderr)  # the terminal has written ^C into the line
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"dsl-debug: {place}{(error.strerror or str(error)).lower()}", file=sys.stderr)
        status = BAD_INPUT
        _drop_output()
    sys.exit(status)


def _status(arguments: list[str]) -> int:
    try:
        from dsl_debug.cli.commands import run_command

        return run_command(arguments)
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        message = f"dsl-debug: the command line needs {error.name}: pip install 'dsl-debug[cli]'"
        print(message, file=sys.stderr)
        return BAD_INPUT


def _flush() -> None:
    """Meet a full disk or a closed pipe here, where it can be told, and not while the interpreter ends."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _drop_output() -> None:
    """What is still buffered has nowhere to go; without this, Python would complain about it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
