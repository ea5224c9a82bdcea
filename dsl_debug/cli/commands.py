"""The commands of `dsl-debug`. What goes wrong is told in one line, or in the diagnostics of a program."""

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import click

from dsl_debug import __version__
from dsl_debug.cli import BAD_INPUT
from dsl_debug.cli.evaluating import COMMANDS
from dsl_debug.cli.frame import group
from dsl_debug.data import sample_problems
from dsl_debug.files import load_tables
from dsl_debug.lang import DslError, Table, check, format_code, run
from dsl_debug.lang.nodes import Load
from dsl_debug.lang.parser import parse_tolerant
from dsl_debug.lang.reference import read_docs
from dsl_debug.problem import CATEGORIES, DIFFICULTIES, DslProblem, load_problems

# More bytes than the longest program that the language accepts can have.
MAX_BYTES = 4_000_000

command_line = click.version_option(__version__, prog_name="dsl-debug", message="%(prog)s %(version)s")(
    group(
        "Run, check and format programs of the dataflow language, debug some, or evaluate who does.",
        *COMMANDS,
    )
)


def run_command(arguments: list[str]) -> int:
    """Carry out one command line and give the exit status."""
    try:
        with command_line.make_context("dsl-debug", arguments) as context:
            status = command_line.invoke(context)
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "dsl-debug"
        _complain(f"{_phrase(error.format_message())} (see {path} --help)")
    except click.ClickException as error:
        _complain(error.format_message())
    except DslError as error:
        click.echo(str(error), err=True)
    return BAD_INPUT


def _phrase(message: str) -> str:
    """What click says in sentences, as one phrase."""
    return message[:1].lower() + message[1:].rstrip(".").replace(". Did you mean", "; did you mean")


def _complain(message: str) -> None:
    click.echo(f"dsl-debug: {message}", err=True)


def _write(text: str) -> None:
    """Print data as they are; `click.echo` would take what looks like a colour out of them.

    In pieces, because without buffers (PYTHONUNBUFFERED) Python overlooks that a long write was cut short.
    """
    if sys.stdout is not None:
        for start in range(0, len(text), 8192):
            sys.stdout.write(text[start : start + 8192])


# Programs and tables


def _program(path: str) -> str:
    """The text of a program file, or of standard input for `-`; complains about what is none."""
    raw = _bytes(path)
    shown = _shown(path)
    if len(raw) > MAX_BYTES:
        raise click.ClickException(f"{shown} is too long for a program: more than {MAX_BYTES:,} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise click.ClickException(f"{shown} is not a program: it is not text in UTF-8")
    if not text.strip():
        raise click.ClickException(f"{shown} is empty: a program has at least a table and an emit")
    return text.replace("\r\n", "\n")


def _bytes(path: str) -> bytes:
    try:
        if path != "-":
            with open(path, "rb") as file:
                return file.read(MAX_BYTES + 1)
        if sys.stdin is None:
            raise click.ClickException("cannot read standard input: it is closed")
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    except OSError as error:
        raise click.ClickException(f"cannot read {_shown(path)}: {_reason(error)}") from None


def _shown(path: str) -> str:
    return "standard input" if path == "-" else f"'{path}'"


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _tables(place: str, code: str) -> dict[str, Table]:
    """The tables at a place; those that the program does not load come empty, and may be broken."""
    statements = parse_tolerant(code).program.statements
    wanted = {s.source.table for s in statements if isinstance(s.source, Load)}
    try:
        return load_tables(place, wanted)
    except DslError as error:
        raise click.ClickException(str(error)) from None


# run, check, fmt


def _as_json(table: Table) -> str:
    rows = [json.dumps(row, ensure_ascii=False) for row in table.rows()]
    return "[" + ",\n ".join(rows) + "]\n"


def _as_csv(table: Table) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.names)
    writer.writerows(table.tuples())
    return text.getvalue()


def _as_text(table: Table) -> str:
    return table.render() + "\n"


FORMATS: dict[str, Callable[[Table], str]] = {"table": _as_text, "json": _as_json, "csv": _as_csv}

_file = click.argument("file")
_tables_help = "A folder of CSV, JSON and SQLite files, or one such file."


@command_line.command("run")
@_file
@click.option("--tables", "place", metavar="PATH", required=True, help=_tables_help)
@click.option(
    "--format",
    "style",
    type=click.Choice(list(FORMATS)),
    default="table",
    show_default=True,
    help="A table of the first 20 rows, or all of them as JSON or CSV.",
)
def run_program(file: str, place: str, style: str) -> None:
    """Run a program and print the rows that it emits.

    FILE is the program; - stands for standard input.
    """
    code = _program(file)
    _write(FORMATS[style](run(code, _tables(place, code))))


@command_line.command("check")
@_file
@click.option("--tables", "place", metavar="PATH", help=_tables_help)
def check_program(file: str, place: str | None) -> None:
    """List all that is wrong with a program, without running it.

    FILE is the program; - stands for standard input. Without tables, their columns are taken on trust.
    """
    code = _program(file)
    if place is None:
        found = [d for d in check(code, {}) if d.code != "unknown-table"]
    else:
        found = check(code, _tables(place, code))
    if found:
        raise DslError(found)
    click.echo(f"no errors in {_shown(file)}" + ("" if place else " (the tables were not looked at)"))


@command_line.command("fmt")
@click.argument("files", nargs=-1, required=True)
@click.option("--check", "only_check", is_flag=True, help="Change nothing; end with status 1 if it would.")
@click.option("--write", is_flag=True, help="Write the result back to the files.")
def format_programs(files: tuple[str, ...], only_check: bool, write: bool) -> int:
    """Print programs in the standard layout; comments stay.

    FILES are the programs; - stands for standard input.
    """
    if only_check and write:
        raise click.UsageError("--check and --write exclude each other")
    if write and "-" in files:
        raise click.UsageError("standard input cannot be written back")
    return max(_format(file, only_check, write) for file in files)


def _format(file: str, only_check: bool, write: bool) -> int:
    """Format one file and give its status; a program that does not parse is told of, and others follow."""
    code = _program(file)
    try:
        formatted = format_code(code)
    except DslError as error:
        click.echo(f"{_shown(file)}:\n{error}", err=True)
        return BAD_INPUT
    if not (only_check or write):
        _write(formatted)
        return 0
    if formatted == code:
        return 0
    if write:
        try:
            Path(file).write_text(formatted, encoding="utf-8", newline="\n")
        except OSError as error:
            raise click.ClickException(f"cannot write {_shown(file)}: {_reason(error)}") from None
    click.echo(f"{'formatted' if write else 'would change'} {_shown(file)}")
    return int(only_check)


# docs, doctor, play


@command_line.command("docs")
@click.argument("topic", default="overview")
def show_docs(topic: str) -> None:
    """Show a page of the language reference.

    TOPIC is an operation, a function or a concept; "all" shows every page.
    """
    text = read_docs(topic)
    if not text.startswith("# "):
        raise click.ClickException(text)
    if sys.stdout is not None and sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(text))
    else:
        _write(text + "\n")


@command_line.command("doctor")
def doctor() -> None:
    """Tell versions, optional packages and layers of isolation."""
    from dsl_debug.cli.doctor import report

    click.echo(report())


@command_line.command("play")
@click.option(
    "--problems", "file", metavar="FILE", help="A JSON-lines file of problems instead of the samples."
)
@click.option("--category", type=click.Choice(CATEGORIES), help="Only problems of this category.")
@click.option("--difficulty", type=click.Choice(DIFFICULTIES), help="Only problems of this difficulty.")
@click.option("--seed", type=int, help="Shuffle the problems, in the same way for the same number.")
def play(file: str | None, category: str | None, difficulty: str | None, seed: int | None) -> None:
    """Debug programs yourself: the tools and turns of an agent.

    The sample problems come from the easy to the hard ones of each category.
    """
    from dsl_debug.cli.game import play_problems

    problems = [
        problem
        for problem in (_problems(file) if file is not None else sample_problems())
        if category in (None, problem.category) and difficulty in (None, problem.difficulty)
    ]
    if not problems:
        raise click.ClickException("no problem is of this category and difficulty")
    if sys.stdin is None:
        raise click.ClickException("cannot read commands from standard input: it is closed")
    if seed is not None:
        Random(seed).shuffle(problems)
    play_problems(problems)


def _problems(file: str) -> list[DslProblem]:
    try:
        problems = load_problems(file)
    except OSError as error:
        raise click.ClickException(f"cannot read {_shown(file)}: {_reason(error)}") from None
    except UnicodeDecodeError:
        raise click.ClickException(f"{_shown(file)} is not a file of problems: it is not text") from None
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    programs = [problem for problem in problems if isinstance(problem, DslProblem)]
    if not programs:
        kind = "Python functions only: `make play` has them in its arena" if problems else "no problems"
        raise click.ClickException(f"{_shown(file)} holds {kind}")
    return programs
