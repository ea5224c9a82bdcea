"""What the command lines of the repository share: a list of commands, one line for what is wrong, a status.

The commands themselves raise; a module of commands has a `run_command`, for `run_module` and for tests.
"""

import signal
from collections.abc import Callable, Sequence
from typing import Any

import click

from dsl_debug.cli import BAD_INPUT, INTERRUPTED

EXPLAINED = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

Refusals = tuple[type[Exception], ...]


def group(about: str, *commands: click.Command) -> click.Group:
    """Commands under one name; called without any, it lists them."""

    @click.group(help=about, context_settings=EXPLAINED, invoke_without_command=True)
    @click.pass_context
    def command_line(context: click.Context) -> None:
        if context.invoked_subcommand is None:
            click.echo(context.get_help())

    for command in commands:
        command_line.add_command(command)
    return command_line


def carry_out(command_line: click.Group, module: str, arguments: Sequence[str], refusals: Refusals) -> int:
    """Carry out one command line of `python -m MODULE` and give the exit status.

    What click and the commands refuse, the latter with any of `refusals`, is told in one line.
    """
    name = f"python -m {module}"
    try:
        with command_line.make_context(name, list(arguments)) as context:
            command_line.invoke(context)
        return 0
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.UsageError as error:
        message = error.format_message()
        why = f"{message[:1].lower()}{message[1:].rstrip('.')} (see {name} --help)"
    except click.ClickException as error:
        why = error.format_message()
    except refusals as error:
        why = str(error)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one must not disturb the end
        click.echo(f"{module}: interrupted", err=True)
        return INTERRUPTED
    click.echo(f"{module}: {why}", err=True)
    return BAD_INPUT


def publish_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that publishes: `repository`, `private`, `revision`, `dry_run`."""
    for option in (
        click.option("--dry-run", is_flag=True, help="Check and list, but send nothing."),
        click.option("--revision", metavar="BRANCH", help="A branch other than main; it is made if needed."),
        click.option("--private", is_flag=True, help="Make it private, if it has to be made."),
        click.option(
            "--repo", "repository", required=True, metavar="USER/NAME", help="The repository on the Hub."
        ),
    ):
        command = option(command)
    return command
