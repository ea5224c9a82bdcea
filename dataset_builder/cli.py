"""The commands of `python -m dataset_builder`. What goes wrong is told in one line."""

import io
import os
import signal
import sys
from collections.abc import Sequence

import click

from dataset_builder.cli_arena import arena_command, import_command, write_command
from dataset_builder.cli_build import build_command, stats_command, verify_command
from dataset_builder.cli_publish import publish_command
from dataset_builder.cli_traces import traces_command
from dsl_debug.cli import BAD_INPUT, BROKEN_PIPE, INTERRUPTED
from dsl_debug.sandbox import SandboxError

NAME = "python -m dataset_builder"
EXPLAINED = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def run_command(arguments: Sequence[str]) -> int:
    """Carry out one command line and give the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character is no reason to stop
    try:
        with command_line.make_context(NAME, list(arguments)) as context:
            command_line.invoke(context)
        sys.stdout.flush()
        return 0
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.UsageError as error:
        message = error.format_message()
        _complain(f"{message[:1].lower()}{message[1:].rstrip('.')} (see {NAME} --help)")
    except click.ClickException as error:
        _complain(error.format_message())
    except (SandboxError, ImportError) as error:
        _complain(str(error))
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one must not disturb the end
        _complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered has nowhere to go
        return BROKEN_PIPE
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _complain(f"{place}{(error.strerror or str(error)).lower()}")
    return BAD_INPUT


def _complain(message: str) -> None:
    click.echo(f"dataset_builder: {message}", err=True)


@click.group(context_settings=EXPLAINED, invoke_without_command=True)
@click.pass_context
def command_line(context: click.Context) -> None:
    """Build the datasets of DSL Debug."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _command in (
    build_command,
    verify_command,
    stats_command,
    arena_command,
    import_command,
    write_command,
    traces_command,
    publish_command,
):
    command_line.add_command(_command)
