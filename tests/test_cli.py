"""The console script, run as a user runs it: exact texts and exit statuses."""

import contextlib
import csv
import io
import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from dsl_debug.data import sample_problems
from dsl_debug.lang import Table, read_docs
from dsl_debug.problem import save_problems

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = Path(sys.executable).with_name("dsl-debug")

PROGRAM = """\
-- Revenue by region.
sales = load("sales")
  |> group_by(region)
  |> aggregate(revenue: sum(amount))
emit sales
"""
UNTIDY = 's=load("sales") |> take( 1 )\nemit s'
TIDY = 's = load("sales")\n  |> take(1)\nemit s\n'
BROKEN = 's = load("sales")\n  |> filter(amuont > 10)\nemit s\n'
BROKEN_TEXT = """\
line 2, column 13: unknown column 'amuont'; did you mean 'amount'?
    |> filter(amuont > 10)
              ^^^^^^
  columns here: id, region, amount
"""
SYNTAX = 's = load("sales"\nemit s\n'


class Result(NamedTuple):
    """What a run of the script came to."""

    status: int
    out: str
    err: str


def environment(**changes: str) -> dict[str, str]:
    """The environment of the tests, without what would change colours, editors or widths."""
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "EDITOR", "VISUAL")}
    return {**kept, "TERM": "xterm", "COLUMNS": "80", "LC_ALL": "C.UTF-8", **changes}


def cli(*arguments: str, typed: str | bytes = "", cwd: Path | None = None) -> Result:
    """Run `dsl-debug` with these arguments and this text on standard input."""
    assert SCRIPT.exists(), f"no console script beside {sys.executable}: install the package"
    raw = typed if isinstance(typed, bytes) else typed.encode()
    done = subprocess.run(
        [SCRIPT, *arguments], input=raw, capture_output=True, cwd=cwd, env=environment(), timeout=60
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def shell(command: str, cwd: Path) -> Result:
    """Run a line of bash in which $DSL is the script."""
    done = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        cwd=cwd,
        env=environment(DSL=str(SCRIPT)),
        timeout=60,
        text=True,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Programs, and a folder of tables, one of which is broken."""
    files = {
        "good.dsl": PROGRAM,
        "broken.dsl": BROKEN,
        "syntax.dsl": SYNTAX,
        "untidy.dsl": UNTIDY,
        "empty.dsl": " \n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "binary.dsl").write_bytes(b"\x7fELF\x00\xff")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/sales.csv").write_text('id,region,amount\n1,north,120\n2,"so,uth",80\n3,north,40\n')
    (tmp_path / "tables/holes.csv").write_text("a,b\n1,\n2,3\n")
    return tmp_path


# run


def test_run_prints_a_table_json_or_csv(folder: Path) -> None:
    rows = [{"region": "north", "revenue": 160}, {"region": "so,uth", "revenue": 80}]
    run = ("run", "good.dsl", "--tables", "tables")
    assert cli(*run, cwd=folder) == (0, Table.from_rows(rows).render() + "\n", "")
    as_json = cli(*run, "--format", "json", cwd=folder)
    assert json.loads(as_json.out) == rows
    assert as_json == (
        0,
        '[{"region": "north", "revenue": 160},\n {"region": "so,uth", "revenue": 80}]\n',
        "",
    )
    assert cli(*run, "--format", "csv", cwd=folder) == (0, 'region,revenue\nnorth,160\n"so,uth",80\n', "")


def test_run_shows_twenty_rows_and_gives_all_of_them_as_data(folder: Path) -> None:
    (folder / "many.csv").write_text("n\n" + "".join(f"{n}\n" for n in range(50)))
    program = 'm = load("many")\nemit m\n'
    table = cli("run", "-", "--tables", "many.csv", typed=program, cwd=folder)
    assert table.out.endswith("19\n(20 of 50 rows shown)\n")
    data = cli("run", "-", "--tables", "many.csv", "--format", "csv", typed=program, cwd=folder)
    assert list(csv.reader(io.StringIO(data.out))) == [["n"], *([str(n)] for n in range(50))]


def test_run_reads_a_database(folder: Path) -> None:
    connection = sqlite3.connect(folder / "shop.db")
    connection.executescript(
        "CREATE TABLE Sales (Region TEXT, Amount INT); INSERT INTO Sales VALUES ('east', 5), ('east', 6);"
        "CREATE TABLE other (x); INSERT INTO other VALUES (NULL);"
    )
    connection.close()
    done = cli("run", "good.dsl", "--tables", "shop.db", "--format", "json", cwd=folder)
    assert done == (0, '[{"region": "east", "revenue": 11}]\n', "")


def test_run_accepts_windows_line_ends_and_a_byte_order_mark(folder: Path) -> None:
    typed = ("\ufeff" + PROGRAM.replace("\n", "\r\n")).encode()
    assert cli("run", "-", "--tables", "tables", typed=typed, cwd=folder).status == 0


# Bad input: one line, or the diagnostics, and status 2

RUN = "$DSL run good.dsl --tables tables"
BAD: list[tuple[str, str]] = [
    ("$DSL run none.dsl --tables tables", "cannot read 'none.dsl': no such file or directory"),
    ("$DSL run tables --tables tables", "cannot read 'tables': is a directory"),
    (
        "$DSL run empty.dsl --tables tables",
        "'empty.dsl' is empty: a program has at least a table and an emit",
    ),
    (
        "$DSL run - --tables tables < /dev/null",
        "standard input is empty: a program has at least a table and an emit",
    ),
    ("$DSL run - --tables tables <&-", "cannot read standard input: it is closed"),
    ("$DSL run binary.dsl --tables tables", "'binary.dsl' is not a program: it is not text in UTF-8"),
    ("$DSL check binary.dsl", "'binary.dsl' is not a program: it is not text in UTF-8"),
    ("$DSL fmt binary.dsl", "'binary.dsl' is not a program: it is not text in UTF-8"),
    (
        "$DSL run /dev/zero --tables tables",
        "'/dev/zero' is too long for a program: more than 4,000,000 bytes",
    ),
    ("$DSL run good.dsl --tables none", "no file or folder 'none'"),
    ("$DSL run good.dsl --tables ''", "the path of the tables is empty"),
    (
        "$DSL run good.dsl --tables good.dsl",
        "'good.dsl' is no file of tables (.csv, .json, .jsonl, .sqlite, .sqlite3, .db)",
    ),
    ("touch bad.db; $DSL run good.dsl --tables bad.db", "'bad.db' is not an SQLite database"),
    (
        "cp tables/holes.csv sales.csv; $DSL run good.dsl --tables sales.csv",
        "'sales.csv', line 2, column 'b': an empty cell among numbers; "
        "there is no null: fill it in or drop the line",
    ),
    ("$DSL run good.dsl", "missing option '--tables' (see dsl-debug run --help)"),
    ("$DSL run", "missing argument 'FILE' (see dsl-debug run --help)"),
    (f"{RUN} more", "got unexpected extra argument (more) (see dsl-debug run --help)"),
    (f"{RUN} --formt json", "no such option '--formt'; did you mean '--format'? (see dsl-debug run --help)"),
    (
        f"{RUN} --format xml",
        "invalid value for '--format': 'xml' is not one of 'table', 'json', 'csv' (see dsl-debug run --help)",
    ),
    ("$DSL rnu", "no such command 'rnu'; did you mean 'run'? (see dsl-debug --help)"),
    ("$DSL --nothing", "no such option '--nothing' (see dsl-debug --help)"),
    (f"{RUN} > /dev/full", "no space left on device"),
    (
        "$DSL fmt --check --write good.dsl",
        "--check and --write exclude each other (see dsl-debug fmt --help)",
    ),
    ("$DSL fmt --write -", "standard input cannot be written back (see dsl-debug fmt --help)"),
    ("$DSL fmt", "missing argument 'FILES...' (see dsl-debug fmt --help)"),
    ("$DSL play --problems none", "cannot read 'none': no such file or directory"),
    ("$DSL play --problems binary.dsl", "'binary.dsl' is not a file of problems: it is not text"),
    ("$DSL play --problems /dev/null", "'/dev/null' holds no problems"),
    ("echo 7 > p; $DSL play --problems p", "p, line 1: a row is a JSON object"),
    ("$DSL play --category nonlocal --difficulty easy", "no problem is of this category and difficulty"),
    (
        "$DSL play --seed one",
        "invalid value for '--seed': 'one' is not a valid integer (see dsl-debug play --help)",
    ),
    ("$DSL play <&-", "cannot read commands from standard input: it is closed"),
]


@pytest.mark.parametrize(("command", "expected"), BAD, ids=[c[:60] for c, _ in BAD])
def test_bad_input_is_told_in_one_line(folder: Path, command: str, expected: str) -> None:
    assert shell(command, folder) == (2, "", f"dsl-debug: {expected}\n")


def test_a_broken_program_gives_its_diagnostics(folder: Path) -> None:
    for command in ("run", "check"):
        assert cli(command, "broken.dsl", "--tables", "tables", cwd=folder) == (2, "", BROKEN_TEXT)
    (folder / "zero.dsl").write_text('s = load("sales")\n  |> compute(x: amount / (id - 2))\nemit s\n')
    done = cli("run", "zero.dsl", "--tables", "tables", cwd=folder)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("line 2, column 17: division by zero")


def test_an_unknown_table_is_told_with_those_that_there_are(folder: Path) -> None:
    done = cli("run", "-", "--tables", "tables", typed='s = load("sale")\nemit s\n', cwd=folder)
    assert done.status == 2
    assert done.err == (
        "line 1, column 5: unknown table 'sale'; did you mean 'sales'?\n"
        '  s = load("sale")\n      ^^^^^^^^^^^^\n  tables: holes, sales\n'
    )


# check, fmt


def test_check(folder: Path) -> None:
    assert cli("check", "good.dsl", "--tables", "tables", cwd=folder) == (0, "no errors in 'good.dsl'\n", "")
    text = "no errors in 'broken.dsl' (the tables were not looked at)\n"
    assert cli("check", "broken.dsl", cwd=folder) == (0, text, "")
    text = "no errors in standard input (the tables were not looked at)\n"
    assert cli("check", "-", typed=PROGRAM) == (0, text, "")
    done = cli("check", "-", typed='a = b\nc = load("t") |> filter(x >)\nemit d\n')
    assert done.status == 2
    assert [line for line in done.err.split("\n") if line.startswith("line ")] == [
        "line 1, column 5: unknown name 'b'; did you mean 'a'?",
        "line 2, column 28: expected a column or a value, found ')'",
        "line 3, column 6: unknown name 'd'; did you mean 'a'?",
    ]


def test_fmt_prints_checks_and_writes(folder: Path) -> None:
    assert cli("fmt", "untidy.dsl", cwd=folder) == (0, TIDY, "")
    assert cli("fmt", "-", typed=UNTIDY) == (0, TIDY, "")
    assert cli("fmt", "good.dsl", "untidy.dsl", cwd=folder) == (0, PROGRAM + TIDY, "")
    assert cli("fmt", "--check", "good.dsl", cwd=folder) == (0, "", "")
    assert cli("fmt", "--check", "good.dsl", "untidy.dsl", cwd=folder) == (
        1,
        "would change 'untidy.dsl'\n",
        "",
    )
    assert (folder / "untidy.dsl").read_text() == UNTIDY
    assert cli("fmt", "--write", "good.dsl", "untidy.dsl", cwd=folder) == (0, "formatted 'untidy.dsl'\n", "")
    assert (folder / "untidy.dsl").read_text() == TIDY
    assert cli("fmt", "--check", "untidy.dsl", cwd=folder) == (0, "", "")


def test_fmt_tells_of_a_broken_program_and_goes_on(folder: Path) -> None:
    done = cli("fmt", "--check", "syntax.dsl", "untidy.dsl", cwd=folder)
    assert (done.status, done.out) == (2, "would change 'untidy.dsl'\n")
    assert done.err.startswith("'syntax.dsl':\nline 1, column 5: missing ')' to close 'load('\n")
    assert (folder / "syntax.dsl").read_text() == SYNTAX


# docs, doctor, help


def test_docs() -> None:
    assert cli("docs", "take") == (0, read_docs("take") + "\n", "")
    assert cli("docs") == (0, read_docs("overview") + "\n", "")
    assert cli("docs", "all").out.count("\n# ") > 20
    done = cli("docs", "fliter")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("dsl-debug: no page 'fliter'; did you mean 'filter'? Topics: overview, ")
    assert done.err.count("\n") == 1


def test_doctor() -> None:
    done = cli("doctor")
    assert (done.status, done.err) == (0, "")
    versions, packages, layers = done.out.split("\n\n")
    assert [line.split()[0] for line in versions.split("\n")] == ["dsl-debug", "python", "platform"]
    assert packages.startswith("optional packages\n")
    found = {line.split()[0]: line.split()[1:] for line in packages.split("\n")[1:]}
    assert found["click"][1:] == ["extra", "cli"]
    assert found["click"][0][0].isdigit()
    assert found["trl"][0] == "missing" or found["trl"][0][0].isdigit()
    assert found["trl"][1:] == ["extra", "train"]
    assert "pytest" not in found
    states = {line.split()[0]: line.split()[1] for line in layers.strip().split("\n")[1:]}
    assert {"seccomp", "landlock", "namespaces"} <= states.keys()
    assert set(states.values()) <= {"present", "missing:"}


def test_help_and_version() -> None:
    done = cli()
    assert (done.status, done.err) == (0, "")
    assert done == cli("--help")
    commands = done.out.split("Commands:\n")[1].strip().split("\n")
    names = ["check", "docs", "doctor", "eval", "fmt", "play", "report", "rescore", "run", "trace"]
    assert [line.split()[0] for line in commands] == names
    assert "..." not in "".join(commands)
    assert cli("--version") == (0, "dsl-debug 0.1.0\n", "")


def test_what_is_missing_without_the_extra(tmp_path: Path) -> None:
    code = "from dsl_debug.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    message = "dsl-debug: the command line needs click: pip install 'dsl-debug[cli]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_broken_pipe_is_quiet(folder: Path, unbuffered: str) -> None:
    (folder / "many.csv").write_text("n\n" + "1\n" * 100_000)
    (folder / "many.dsl").write_text('m = load("many")\nemit m\n')
    run = f"PYTHONUNBUFFERED={unbuffered} $DSL run many.dsl --tables many.csv --format csv"
    assert shell(f"{run} | head -n 2; echo ${{PIPESTATUS[0]}}", folder) == (0, "n\n1\n141\n", "")


def test_output_is_not_touched(folder: Path) -> None:
    (folder / "raw.csv").write_text('a\n"\x1b[31mred"\n')
    done = cli(
        "run", "-", "--tables", "raw.csv", "--format", "csv", typed='r = load("raw")\nemit r\n', cwd=folder
    )
    assert done == (0, "a\n\x1b[31mred\n", "")


# play, in a pipe

FIX = "set 4 |> sort_by(price, asc)\n"


def play(typed: str | bytes, *arguments: str) -> Result:
    return cli("play", *arguments, typed=typed)


def test_play_shows_the_problem_and_ends_with_its_input() -> None:
    done = play("", "--category", "standard", "--difficulty", "easy")
    assert done == (0, FIRST + "Bye.\n", "")


FIRST = """\
DSL Debug: find out what is wrong. help lists the commands.

Problem 1 of 2: standard, easy (bakery)

The program
   1  -- Cakes for the sign in the window.
   2  cakes = load("products")
   3    |> filter(kind == "cake")
   4    |> sort_by(price, desc)
   5    |> take(3)
   6    |> select(name, price)
   7
   8  emit cakes

The rows that it should give
name        | price
------------+------
Apple cake  | 2.5
Plum cake   | 3.0
Carrot cake | 3.5
(3 rows)

The tables
  products (8 rows): product_id, name, kind, price
  sales (15 rows): sale_id, product_id, day, quantity

8 turns left: run, inspect, docs and submit take one each.
"""

CARD = """\
> submit
Correct.

----------------------------------------
Correct. Reward: 1
Turns: 2 of 8 (1 run, 1 submit; with the hint)
It is meant for this: The sign in the window names the three cheapest cakes, the cheapest one first.
Line 4: sorts from the dearest cake down instead of from the cheapest one up
From the program that you were given to the correct one:
  @@ -3,3 +3,3 @@
     |> filter(kind == "cake")
  -  |> sort_by(price, desc)
  +  |> sort_by(price, asc)
     |> take(3)
----------------------------------------
next, again or quit> quit
You solved 1 of 1 round.
Bye.
"""


def test_play_a_problem_to_its_end() -> None:
    done = play(f"hint\n{FIX}run\nsubmit\nquit\n")
    assert (done.status, done.err) == (0, "")
    assert done.out.endswith(CARD)
    assert "(3 rows)\n\n[7 turns left]\n> submit" in done.out
    assert "\x1b" not in done.out


def test_play_commands_that_are_free() -> None:
    typed = f"help\nhlep\nwhat\n\ninspect\ndocs\nset\nset 10 x\n{FIX}set 9 -- end\nshow\ndiff\nreset\ndiff\n"
    answers = answers_of(play(typed))
    assert answers["hlep"] == "no command 'hlep'; did you mean 'help'? help lists them"
    assert answers["what"] == "no command 'what'; help lists them"
    assert answers["inspect"] == "inspect needs a name; there is: cakes, products, sales"
    assert answers["docs"] == "docs needs a topic, for example: docs overview"
    needs = "set needs a line from 1 to 9 and its new text, for example: set 1 -- todo"
    assert answers["set"] == answers["set 10 x"] == needs
    assert answers["diff"] == answers["reset"] == "the program is as it was given"
    assert answers["set 9 -- end"].endswith(
        "  +  |> sort_by(price, asc)\n     |> take(3)\n  @@ -8 +8,2 @@\n   emit cakes\n  +-- end"
    )
    assert "The program, as you changed it\n" in answers["show"]
    assert "   4    |> sort_by(price, asc)\n" in answers["show"]
    assert "   9  -- end\n" in answers["show"]
    assert answers["show"].endswith("8 turns left: run, inspect, docs and submit take one each.")
    helped = [line.split()[0] for line in answers["help"].split("\n")]
    assert helped[:6] == ["run", "inspect", "docs", "submit", "set", "edit"]
    assert helped[6:] == ["show", "diff", "reset", "hint", "help", "quit"]


def answers_of(done: Result) -> dict[str, str]:
    """What was answered to each command of a session; the last time that it was typed."""
    assert (done.status, done.err) == (0, "")
    parts = [part.partition("\n") for part in done.out.removesuffix("Bye.\n").split("\n> ")[1:]]
    return {command: answer.strip("\n") for command, _, answer in parts}


def test_play_commands_that_take_a_turn() -> None:
    answers = answers_of(
        play("inspect sales\ndocs sort\nset 4 |> srt_by(price)\nrun\nset 4\ninspect cakes\n")
    )
    assert answers["inspect sales"].endswith("(15 rows)\n\n[7 turns left]")
    assert answers["docs sort"] == read_docs("sort_by") + "\n\n[6 turns left]"
    assert answers["run"].startswith("line 4, column 6: unknown stage 'srt_by'; did you mean 'sort_by'?\n")
    assert answers["run"].endswith("\n\n[5 turns left]")
    # The working program is looked into, not the one that was given: its cakes are not sorted.
    assert "\nCheese cake | 4.5\nCarrot cake | 3.5\nApple cake  | 2.5\n" in answers["inspect cakes"]


def test_play_edit_by_pasting() -> None:
    correct = sample_problems()[0].correct_code
    done = play(f"edit\n{correct}.\nsubmit\nquit\n")
    assert "Type or paste the whole program; a line with a single dot ends it.\n" in done.out
    assert "Correct. Reward: 1\nTurns: 1 of 8 (1 submit)\n" in done.out
    assert "nothing changed\n> submit\nIncorrect.\n" in play("edit\n.\nsubmit\n").out


def test_play_verdicts() -> None:
    unchanged = play("submit\n").out
    assert "Not correct: this is still the program that you were given. Reward: 0\n" in unchanged
    assert "Not correct: the program does not run. Reward: 0\n" in play("set 4 |> srt\nsubmit\n").out
    assert "Not correct: it gives other rows. Reward: 0\n" in play("set 5 |> take(2)\nsubmit\n").out
    shown = "set 4 |> filter(product_id == 4 or product_id == 6 or product_id == 8) |> sort_by(price, asc)\n"
    overfit = play(f"{shown}submit\n").out
    expected = "it gives the rows shown, but wrong ones on tables that were not shown. Reward: 0"
    assert f"\nIncorrect.\n\n{'-' * 40}\nNot correct: {expected}\n" in overfit


def test_play_runs_out_of_turns() -> None:
    done = play("run\n" * 8 + "quit\n")
    assert "the episode is over, with reward 0.\n" in done.out
    assert "Out of turns: nothing was submitted. Reward: 0\nTurns: 8 of 8 (8 run)\n" in done.out
    assert done.out.endswith("next, again or quit> quit\nYou solved 0 of 1 round.\nBye.\n")


def test_play_again_next_and_the_last_problem() -> None:
    choice = ("--category", "standard", "--difficulty", "easy")
    done = play(f"submit\nwhat\nagain\n{FIX}submit\nnext\nsubmit\n\n", *choice)
    titles = [line for line in done.out.split("\n") if line.startswith("Problem ")]
    assert titles == [
        "Problem 1 of 2: standard, easy (bakery)",
        "Problem 1 of 2: standard, easy (bakery)",
        "Problem 2 of 2: standard, easy (library)",
    ]
    assert "next, again or quit> what\nthis problem is over: next, again or quit\n" in done.out
    assert done.out.endswith("\nThat was the last problem.\nYou solved 1 of 3 rounds.\nBye.\n")


def test_play_leaves_when_told() -> None:
    for word in ("quit", "exit", "q"):
        assert play(f"{word}\nrun\n", "--category", "standard").out.endswith(f"> {word}\nBye.\n")


def test_play_shuffles_by_seed() -> None:
    titles = [play("", "--seed", seed).out.split("\n")[2] for seed in ("1", "1", "2", "3")]
    assert titles[0] == titles[1]
    assert len(set(titles)) > 1


def test_play_reads_a_file_of_problems_and_shows_no_control_characters(tmp_path: Path) -> None:
    problem = sample_problems()[4]
    hostile = problem.buggy_code.replace("-- What", "-- \x1b[2J What")
    save_problems([replace(problem, buggy_code=hostile)], tmp_path / "p.jsonl")
    assert "\\u001b[2J What" in (tmp_path / "p.jsonl").read_text()
    done = cli("play", "--problems", "p.jsonl", typed="show\n", cwd=tmp_path)
    assert done.status == 0
    assert "Problem 1 of 1: nonlocal, medium (bakery)\n" in done.out
    assert "   1  -- \ufffd[2J What each kind" in done.out


def test_play_survives_any_input() -> None:
    lines = (
        b"\xff\xfe\x00\x1b[31m",
        b"set 1 \xff",
        b"set " + b"9" * 20 + b" x",
        b"set \xc2\xb2 x",
        b"inspect \x00",
    )
    done = play(b"\n".join(lines) + b"\nedit\n\xff\n")
    assert (done.status, done.err) == (0, "")
    assert done.out.endswith("Bye.\n")


# play, in a terminal


PROMPT = re.compile(r"\n(?:\x1b\[\?2004h)?(?:next, again or quit)?> ")


class Terminal:
    """The script in a pseudo-terminal."""

    def __init__(self, *arguments: str, **variables: str) -> None:
        self.end, other = pty.openpty()
        self.process = subprocess.Popen(
            [SCRIPT, *arguments],
            stdin=other,
            stdout=other,
            stderr=other,
            env=environment(**variables),
            start_new_session=True,
        )
        os.close(other)
        self.seen = ""

    def wait_for(self, text: str) -> str:
        """What was written up to and with `text`, since the last time."""
        self.read_until(re.compile(re.escape(text)))
        found, _, self.seen = self.seen.partition(text)
        return found + text

    def read_until(self, pattern: re.Pattern[str]) -> None:
        deadline = time.monotonic() + 20
        while not pattern.search(self.seen):
            ready = select.select([self.end], [], [], max(0, deadline - time.monotonic()))[0]
            assert ready, f"waited for {pattern.pattern!r}, saw {self.seen!r}"
            try:
                raw = os.read(self.end, 65536)
            except OSError:  # the other end was closed
                pytest.fail(f"ended without {pattern.pattern!r}: {self.seen!r}")
            self.seen += raw.decode(errors="replace").replace("\r\n", "\n")

    def prompt(self) -> str:
        """What was written up to the next prompt, before which a terminal may be switched to pasting."""
        self.read_until(PROMPT)
        found = PROMPT.split(self.seen, maxsplit=1)
        self.seen = found[1]
        return found[0] + "\n"

    def type(self, text: str) -> None:
        os.write(self.end, text.encode())

    def status(self) -> int:
        return self.process.wait(timeout=20)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.end)


@contextlib.contextmanager
def terminal(*arguments: str, **variables: str) -> Iterator[Terminal]:
    opened = Terminal(*arguments, **variables)
    try:
        yield opened
    finally:
        opened.close()


def test_play_in_a_terminal_with_colours_and_an_editor() -> None:
    with terminal("play", "--category", "standard", EDITOR="sed -i s/desc/asc/") as screen:
        problem = screen.prompt()
        assert "\x1b[1mProblem 1 of 4: standard, easy (bakery)\x1b[0m\n" in problem
        assert (
            '\x1b[2m   3  \x1b[0m  \x1b[36m|>\x1b[0m \x1b[36mfilter\x1b[0m(kind == \x1b[32m"cake"\x1b[0m)\n'
            in problem
        )
        screen.type("edit\n")
        assert "\x1b[32m  +  |> sort_by(price, asc)\x1b[0m\n" in screen.prompt()
        screen.type("submit\n")
        assert "\x1b[32m\x1b[1mCorrect. Reward: 1\x1b[0m\n" in screen.prompt()
        screen.type("\x04")
        screen.wait_for("You solved 1 of 1 round.\x1b[0m\nBye.\n")
        assert screen.status() == 0


def test_no_colours_where_nobody_wants_them() -> None:
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        with terminal("play", **variables) as screen:
            shown = screen.prompt()
            assert "Problem 1 of 12: standard, easy (bakery)\n" in shown
            assert "\x1b[3" not in shown
            assert "\x1b[1m" not in shown


def test_edit_in_a_terminal_without_an_editor_is_pasting() -> None:
    with terminal("play", NO_COLOR="1") as screen:
        screen.prompt()
        screen.type("edit\n")
        screen.wait_for("a line with a single dot ends it.\n")
        screen.type('c = load("products")\nemit c\n.\n')
        screen.wait_for('  +c = load("products")\n')
        screen.prompt()


def test_a_missing_editor_is_told_of_and_the_game_goes_on() -> None:
    with terminal("play", NO_COLOR="1", EDITOR="no-such-editor") as screen:
        screen.prompt()
        screen.type("edit\n")
        assert "no-such-editor" in screen.prompt()
        screen.type("quit\n")
        screen.wait_for("Bye.\n")
        assert screen.status() == 0


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """Press Ctrl-C, again if need be: Python overlooks one that comes just before it begins to wait."""
    for _ in range(20):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
            return


def test_control_c_is_quiet() -> None:
    with terminal("play", NO_COLOR="1") as screen:
        screen.prompt()
        interrupt(screen.process)
        assert screen.status() == 130
        screen.wait_for("\n")
        assert screen.seen.strip() == ""


def test_control_c_in_a_pipe_is_quiet() -> None:
    process = subprocess.Popen(
        [SCRIPT, "play"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(PYTHONUNBUFFERED="1"),
    )
    assert process.stdout is not None
    for line in process.stdout:
        if b"turns left" in line:
            break
    interrupt(process)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, b"", b"")


def test_docs_in_a_terminal_are_laid_out() -> None:
    with terminal("docs", "take") as screen:
        shown = screen.wait_for("Keeps the first rows.")
        assert "\x1b[" in shown
        assert "# take" not in shown
        assert screen.status() == 0
