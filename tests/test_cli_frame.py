"""What all command lines of the repository have in common: one line for what is wrong, and a status."""

import signal
import sys
from types import ModuleType

import pytest

pytest.importorskip("click", reason="needs click: pip install 'dsl-debug[cli]'")

import click

from dsl_debug.cli import run_module
from dsl_debug.cli.frame import carry_out, group


def command_that(error: BaseException | None) -> click.Command:
    """A command that fails, or prints that it was carried out."""

    @click.command("do")
    @click.option("--times", type=int)
    def command(times: int | None) -> None:
        """Do it."""
        if error:
            raise error
        click.echo("done")

    return command


TOLD = {
    "what the commands refuse": (["do"], KeyError("no"), 2, "tool: 'no'\n"),
    "what click raises": (["do"], click.ClickException("no such folder"), 2, "tool: no such folder\n"),
    "an option that is none": (
        ["do", "--times", "x"],
        None,
        2,
        "tool: invalid value for '--times': 'x' is not a valid integer (see python -m tool --help)\n",
    ),
    "no such command": (["go"], None, 2, "tool: no such command 'go' (see python -m tool --help)\n"),
    "Ctrl-C": (["do"], KeyboardInterrupt(), 130, "tool: interrupted\n"),
}


@pytest.mark.parametrize(("arguments", "error", "status", "line"), TOLD.values(), ids=TOLD)
def test_what_is_wrong_is_told_in_one_line(
    arguments: list[str],
    error: BaseException | None,
    status: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    tool = group("A tool.", command_that(error))
    assert carry_out(tool, "tool", arguments, (KeyError,)) == status
    assert capsys.readouterr() == ("", line)


def test_what_nobody_expects_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        carry_out(group("A tool.", command_that(ZeroDivisionError())), "tool", ["do"], (KeyError,))


def test_a_command_is_carried_out_and_without_one_they_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    tool = group("A tool.", command_that(None))
    assert carry_out(tool, "tool", ["do"], ()) == 0
    assert capsys.readouterr() == ("done\n", "")
    assert carry_out(tool, "tool", [], ()) == carry_out(tool, "tool", ["-h"], ()) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Usage: python -m tool [OPTIONS] [COMMAND]")
    assert out.count("  do  Do it.\n") == 2
    assert err == ""


@pytest.mark.parametrize(("package", "is_told"), [("click", True), ("rich", True), ("numpy", False)])
def test_a_package_that_the_command_line_needs_is_named(
    package: str, is_told: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = ModuleType("commands_of_a_tool")

    def run_command(arguments: list[str]) -> int:
        raise ModuleNotFoundError(f"No module named '{package}'", name=package)

    commands.run_command = run_command
    monkeypatch.setitem(sys.modules, commands.__name__, commands)
    if not is_told:
        with pytest.raises(ModuleNotFoundError):
            run_module("tool", commands.__name__)
        return
    assert run_module("tool", commands.__name__) == 2
    assert (
        capsys.readouterr().err == f"tool: the command line needs {package}: pip install 'dsl-debug[cli]'\n"
    )
