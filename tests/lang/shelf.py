"""Two shelves of programs with what the language makes of them, for tests and for readers.

The broken ones: each file `tests/fixtures/errors/*.txt` holds cases of one kind:

    === name (options)
    the program
    ---
    its diagnostics

Options, separated by commas: `dialect` (the program is in `DIALECT`), `escapes` (backslash escapes in the
program stand for what cannot be seen or stored), `pad N` (blanks are added up to N characters),
`inspect NAME` (a named table is asked for), `limits KEY=NUMBER ...`, and `tables` (in place of a program, the
tables that are passed in, as JSON).

The valid ones: each `tests/fixtures/programs/NAME.dsl` has a `NAME.expected` beside it, with the program in
the standard layout, `---`, and the table that it emits. Both run on the `tables.json` of their folder.

After a message or a layout has changed, or a program was added, write what is expected and read the
difference:

    python -m tests.lang.shelf --write
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dsl_debug.lang import STANDARD, Dialect, DslError, Limits, Table, check, format_code, inspect, run

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
FOLDER = FIXTURES / "errors"
PROGRAMS = FIXTURES / "programs"
RULE = "---"
ALL_ROWS = 1000

DIALECT = Dialect(
    {
        **{"load": "fetch", "join": "merge", "on": "by", "emit": "show", "asc": "up", "desc": "down"},
        **{"filter": "keep", "select": "pick", "compute": "derive", "group_by": "per"},
        **{"aggregate": "totals", "sort_by": "order", "take": "first"},
        **{"and": "also", "or": "either", "not": "never"},
        **{"sum": "total", "avg": "mean", "min": "least", "max": "most"},
        **{"count": "size", "count_distinct": "kinds"},
    },
    pipe=">>",
)


@dataclass(frozen=True)
class Case:
    """A broken program, how to run it, and the text that it gets."""

    name: str
    options: tuple[str, ...]
    program: str
    expected: str = field(compare=False)

    def option(self, name: str) -> str | None:
        """What stands behind the name of an option ("" if nothing does), or None where it is not given."""
        found = [o.removeprefix(name).strip() for o in self.options if o.split()[0] == name]
        return found[0] if found else None

    @property
    def code(self) -> str:
        """The program as the language gets it."""
        code = self.program
        if self.option("escapes") is not None:
            code = code.encode("latin-1", "backslashreplace").decode("unicode_escape")
        return code.ljust(int(self.option("pad") or 0))

    @property
    def dialect(self) -> Dialect:
        return STANDARD if self.option("dialect") is None else DIALECT

    def outcome(self) -> DslError | None:
        """The error that the case ends in, if it ends in one."""
        numbers = dict(part.split("=") for part in (self.option("limits") or "").split())
        limits = replace(Limits(), **{key: int(number) for key, number in numbers.items()})
        node = self.option("inspect")
        try:
            if self.option("tables") is not None:
                run('t = load("t")\nemit t', json.loads(self.program))
            elif node is not None:
                inspect(self.code, node, tables(), limits, self.dialect)
            else:
                run(self.code, tables(), limits, self.dialect)
        except DslError as error:
            return error
        return None

    def checked(self) -> DslError | None:
        """What the check alone finds, as an error."""
        found = check(self.code, tables(), self.dialect)
        return DslError(found) if found else None


def tables(folder: Path = FOLDER) -> dict[str, Table]:
    """The tables that all programs of a folder share."""
    stored: dict[str, Any] = json.loads((folder / "tables.json").read_text(encoding="utf-8"))
    return {name: Table.from_json(table, name) for name, table in stored.items()}


def read_cases(path: Path) -> list[Case]:
    """The cases of one file, in order."""
    return [_case(block) for block in ("\n" + path.read_text(encoding="utf-8")).split("\n=== ")[1:]]


def _case(block: str) -> Case:
    head, _, body = block.partition("\n")
    name, _, options = head.partition(" (")
    program, _, expected = body.partition(f"\n{RULE}\n")
    names = tuple(option.strip() for option in options.removesuffix(")").split(",") if option.strip())
    return Case(name, names, program.removesuffix(f"\n{RULE}"), expected.rstrip("\n"))


def all_cases() -> Iterator[tuple[Path, Case]]:
    """Every case with its file, by name of the file."""
    for path in sorted(FOLDER.glob("*.txt")):
        for case in read_cases(path):
            yield path, case


def print_case(case: Case, expected: str) -> str:
    """A case as it stands in its file."""
    options = f" ({', '.join(case.options)})" if case.options else ""
    return f"=== {case.name}{options}\n{case.program}\n{RULE}\n{expected}\n"


def print_valid(path: Path) -> str:
    """What is expected of a valid program: its text in the standard layout, and the table that it emits."""
    code = path.read_text(encoding="utf-8")
    return f"{format_code(code)}{RULE}\n{run(code, tables(PROGRAMS)).render(ALL_ROWS)}\n"


def expected_texts() -> Iterator[tuple[Path, str]]:
    """Every file with expected texts, as it should be."""
    for path in sorted(FOLDER.glob("*.txt")):
        outcomes = [(case, case.outcome()) for case in read_cases(path)]
        yield path, "\n".join(print_case(case, str(outcome or "no error")) for case, outcome in outcomes)
    for path in sorted(PROGRAMS.glob("*.dsl")):
        yield path.with_suffix(".expected"), print_valid(path)


def main(arguments: list[str]) -> int:
    """Write every expected text anew (`--write`), or name the files whose text is another one now."""
    stale = 0
    for path, text in expected_texts():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale += 1
            print(path.relative_to(FIXTURES))
            if "--write" in arguments:
                path.write_text(text, encoding="utf-8")
    return 1 if stale and "--write" not in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
