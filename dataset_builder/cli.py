"""The commands of `python -m dataset_builder`. What goes wrong is told in one line."""

from collections.abc import Sequence

from dataset_builder.cli_arena import arena_command, import_command, write_command
from dataset_builder.cli_build import build_command, stats_command, verify_command
from dataset_builder.cli_publish import publish_command
from dataset_builder.cli_traces import traces_command
from dsl_debug.cli.frame import carry_out, group
from dsl_debug.hub import NotPublished
from dsl_debug.sandbox import SandboxError

command_line = group(
    "Build the datasets of DSL Debug.",
    build_command,
    verify_command,
    stats_command,
    arena_command,
    import_command,
    write_command,
    traces_command,
    publish_command,
)


def run_command(arguments: Sequence[str]) -> int:
    """Carry out one command line and give the exit status."""
    return carry_out(command_line, "dataset_builder", arguments, (NotPublished, SandboxError, ImportError))
