"""The console script `dsl-debug`, and how every command line of the repository begins and ends.

Command lines need the extra `cli`; this file does not, so that it can say so.
"""

import io
import os
import signal
import sys
from contextlib import suppress
from importlib import import_module

# What shells report for a program that was ended by Ctrl-C, and for one whose reader went away.
INTERRUPTED = 128 + signal.SIGINT
BROKEN_PIPE = 128 + 13
BAD_INPUT = 2


def main() -> None:
    """Run the command line and end the process: 0 fine, 1 `fmt --check` found something, 2 bad input."""
    sys.exit(run_module("dsl-debug", "dsl_debug.cli.commands"))


def run_module(name: str, commands: str) -> int:
    """Run `run_command` of the module `commands` over the arguments of this process; the exit status.

    A package that is missing and an error of the system are told in one line, which begins with `name`; a
    reader that went away, and Ctrl-C, end it quietly.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character is no reason to stop
    try:
        status = _status(name, commands)
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
        print(f"{name}: {place}{(error.strerror or str(error)).lower()}", file=sys.stderr)
        status = BAD_INPUT
        _drop_output()
    return status


def _status(name: str, commands: str) -> int:
    try:
        status: int = import_module(commands).run_command(sys.argv[1:])
        return status
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        message = f"{name}: the command line needs {error.name}: pip install 'dsl-debug[cli]'"
        print(message, file=sys.stderr)
        return BAD_INPUT


def _flush() -> None:
    """Meet a full disk or a closed pipe here, where it can be told, and not while the interpreter ends."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _drop_output() -> None:
    """What cannot be written has nowhere to go; without this, Python would complain about it at its end."""
    with suppress(OSError):
        _flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
