"""Programs, and programs with conceptual mistakes, written by a model behind an OpenAI-compatible endpoint.

A model gets no credit: what it writes is read, parsed, checked and run here, within limits, and then goes
through the same certification as what is generated. Request number i for one database (or program) is the
same in every run with the same seed, and answers are kept on disk, so that a stopped run goes on.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, NamedTuple, TypeVar

from dataset_builder.certify import MAX_COLUMNS
from dataset_builder.llm_prompts import MISTAKE_FIELDS, mistakes_body, program_body
from dataset_builder.llm_requests import Silence, heard, read_object
from dataset_builder.model import Contents, Database, Mutant
from dataset_builder.mutations.places import Patch, changes_emit, difference, distance, line_of, shown
from dsl_debug.lang import DslError, Limits, Program, Table, parse, print_program, run
from dsl_debug.lang.parser import parse_tolerant
from dsl_debug.lang.table import RENDERED_ROWS
from dsl_debug.policies.answers import Answer, Usage
from dsl_debug.policies.endpoint import Body, Endpoint, Settings
from dsl_debug.problem import Bug

LIMITS = Limits(rows=20_000, cells=500_000, steps=200, seconds=10.0)
"""What a program of a model may use: more than any that is worth a problem."""

MAX_CHARACTERS = 4_000
KIND = "conceptual"
"""The kind of all mistakes that a model makes: it describes them itself."""

NOT_JSON = "not the JSON that was asked for"

C = TypeVar("C")


class Rejected(ValueError):
    """Why something that a model wrote is not taken: a `reason` to count by, and the details."""

    def __init__(self, reason: str, details: str = "") -> None:
        super().__init__(f"{reason}: {details}" if details else reason)
        self.reason = reason


@dataclass
class Candidates(Generic[C]):
    """What a model wrote that stands up to the first checks, in the order of the requests.

    `counts` says what became of the requests, and how many were rejected for each reason; `rejections` holds
    the whole messages; `stopped` says why there are fewer than were asked for, `silent` whether that is
    because the endpoint has stopped to answer, so that a later run would find more.
    """

    items: list[C] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    rejections: list[str] = field(default_factory=list)
    stopped: str = ""
    silent: bool = False
    tokens_in: int = 0
    tokens_out: int = 0

    def __iter__(self) -> Iterator[C]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


# Programs


def write_programs(
    settings: Settings, database: Database, tables: Contents, n: int, seed: int = 0
) -> Candidates[tuple[Program, str]]:
    """Up to `n` different programs over the tables of a database, each with what it is for.

    They check, run on `tables` and give 1 to 20 rows. Raises Unavailable.
    """
    bodies = [program_body(settings, database, tables, seed, number) for number in range(3 * n + 4)]
    written: Candidates[tuple[Program, str]] = Candidates()

    def take(answer: Answer) -> tuple[Program, str]:
        entry = _entry(answer.text, ("intent", "program"))
        intent = _sentence(entry["intent"], "the intent is no sentence")
        program = _spaced(read_program(entry["program"]))
        check_result(_run(program, tables))
        if any(program == other for other, _ in written.items):
            raise Rejected("written before")
        return program, intent

    _collect(settings, bodies, n, written, take)
    return written


def _collect(
    settings: Settings, bodies: Sequence[Body], n: int, written: Candidates[C], take: Callable[[Answer], C]
) -> None:
    """Send requests until there are `n` candidates, or there is no use in going on."""
    if n <= 0:
        return
    usage = Usage(counts=written.counts)
    with Endpoint(settings) as endpoint:
        try:
            for answer in heard(endpoint, bodies, usage, min(settings.workers, n)):
                written.tokens_in, written.tokens_out = usage.tokens_in, usage.tokens_out
                if not answer.trouble:
                    _try(answer, written, take)
                if len(written.items) == n:
                    return
        except Silence as silence:
            written.stopped, written.silent = str(silence), True
            return
    written.stopped = f"{len(bodies)} requests gave no more than this"


def _try(answer: Answer, written: Candidates[C], take: Callable[[Answer], C]) -> None:
    try:
        written.items.append(take(answer))
    except Rejected as rejected:
        written.counts[rejected.reason] += 1
        written.rejections.append(str(rejected))


# Programs with mistakes


class Mistake(NamedTuple):
    """One line of the correct program (its number from 0), what it becomes ("" for nothing), and why."""

    line: int
    mutated: str
    description: str


def degraded(
    settings: Settings, program: Program, intent: str, tables: Contents, n: int, seed: int = 0
) -> Candidates[Mutant]:
    """Up to `n` different mutants of a correct program with 2 or 3 conceptual mistakes each.

    Every mistake alone, and all of them together, check, run on `tables` and change the rows. Raises
    Unavailable, and ValueError for a program that does not run.
    """
    text = print_program(_plain(program))
    expected = _run(parse(text), tables)
    bodies = [mistakes_body(settings, text, intent, tables, seed, number) for number in range(3 * n + 2)]
    written: Candidates[Mutant] = Candidates()

    def take(answer: Answer) -> Mutant:
        entry = _entry(answer.text, ("buggy_program",))
        mutant = read_mutant(entry, text, expected, tables)
        if any(mutant.program == other.program for other in written.items):
            raise Rejected("written before")
        return mutant

    _collect(settings, bodies, n, written, take)
    return written


def read_mutant(entry: Mapping[str, Any], correct: str, expected: Table, tables: Contents) -> Mutant:
    """The mutant that an answer describes. Raises Rejected."""
    lines = correct.splitlines()
    mistakes = _mistakes(entry.get("mistakes"), lines)
    together = read_program(_applied(lines, mistakes))
    if read_program(entry["buggy_program"]) != together:
        raise Rejected("the program is not the correct one with these mistakes")
    code = print_program(together)
    if len(code.splitlines()) != len(lines) - sum(not mistake.mutated for mistake in mistakes):
        raise Rejected("a mistake is not one line")
    alone = tuple(read_program(_applied(lines, [mistake])) for mistake in mistakes)
    for program in alone:
        _check_wrong(program, expected, tables, "a mistake alone")
    if not _check_wrong(together, expected, tables, "the buggy program").length:
        raise Rejected("the buggy program emits no rows")
    patches = [_patch(parse(correct), program) for program in alone]
    texts = [mistake.description for mistake in mistakes]
    bugs = [
        _bug(parse(correct), patch, text, code, patches) for patch, text in zip(patches, texts, strict=True)
    ]
    root = max(patches, key=lambda patch: distance(parse(correct), patch.place)[0])
    return Mutant("intent_mismatch", code, together, tuple(bugs), root.place, alone)


def _patch(correct: Program, wrong: Program) -> Patch:
    if [s.name for s in correct.statements] != [s.name for s in wrong.statements]:
        raise Rejected("a mistake changes a name")
    patch = difference(correct, wrong)
    if patch is None:
        raise Rejected("a mistake alone changes nothing")
    return patch


def _bug(correct: Program, patch: Patch, description: str, code: str, patches: Sequence[Patch]) -> Bug:
    """The record of a mistake, in the form of those that are generated."""
    return Bug(
        kind=KIND,
        line=line_of(code, patch, [other for other in patches if other is not patch]),
        description=description,
        original=shown(patch, patch.before),
        mutated=shown(patch, patch.after),
        stages_to_emit=0 if changes_emit(patch) else distance(correct, patch.place)[0],
    )


def _mistakes(value: Any, lines: Sequence[str]) -> list[Mistake]:
    """The mistakes in the order of the text. Raises Rejected."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Rejected(NOT_JSON)
    if not 2 <= len(value) <= 3:
        raise Rejected("not two or three mistakes")
    mistakes = sorted((_mistake(item, lines) for item in value), key=lambda mistake: mistake.line)
    if len({mistake.line for mistake in mistakes}) < len(mistakes):
        raise Rejected("two mistakes change one line")
    return mistakes


def _mistake(item: Mapping[str, Any], lines: Sequence[str]) -> Mistake:
    if not all(isinstance(item.get(name), str) for name in MISTAKE_FIELDS):
        raise Rejected(NOT_JSON)
    places = [i for i, line in enumerate(lines) if _bare(line) == _bare(item["original"]) != ""]
    if len(places) != 1:
        raise Rejected("the line of a mistake is not one of the program")
    mutated = _bare(item["mutated"])
    if "\n" in mutated:
        raise Rejected("a mistake is not one line")
    head = lines[places[0]][: -len(_bare(lines[places[0]]))]
    description = _sentence(item["description"], "a description is no sentence")
    return Mistake(places[0], f"{head}{mutated}" if mutated else "", description)


def _bare(line: str) -> str:
    """A line without its indentation and pipe sign, which models like to leave out."""
    return line.strip().removeprefix("|>").strip()


def _applied(lines: Sequence[str], mistakes: Sequence[Mistake]) -> str:
    changed = dict(enumerate(lines)) | {mistake.line: mistake.mutated for mistake in mistakes}
    left_out = {mistake.line for mistake in mistakes if not mistake.mutated}
    return "".join(f"{line}\n" for number, line in changed.items() if number not in left_out)


def _check_wrong(program: Program, expected: Table, tables: Contents, what: str) -> Table:
    try:
        rows = _run(program, tables)
    except Rejected as rejected:
        raise Rejected(f"{what} gives an error", str(rejected)) from None
    if rows.matches(expected):
        raise Rejected(f"{what} changes nothing")
    return rows


# Reading


def _entry(text: str, names: Sequence[str]) -> dict[str, Any]:
    entry = read_object(text)
    if entry is None or not all(isinstance(entry.get(name), str) for name in names):
        raise Rejected(NOT_JSON)
    return entry


def _sentence(text: str, reason: str) -> str:
    sentence = " ".join(text.split())
    if not 8 <= len(sentence) <= 300 or not sentence.isprintable() or " " not in sentence:
        raise Rejected(reason)
    return sentence


def read_program(text: str) -> Program:
    """The tree of a program that a model wrote, without its comments. Raises Rejected."""
    if len(text) > MAX_CHARACTERS:
        raise Rejected("the program is too long")
    text = text.strip().removeprefix("```dsl").strip("`").strip()
    try:
        return _plain(parse(text))
    except DslError as error:
        raise Rejected(f"the program does not parse ({error.diagnostics[0].code})", str(error)) from None


def _plain(program: Program) -> Program:
    """A program without its comments, in the one layout."""
    return parse(print_program(parse_tolerant(print_program(program)).program))


def _spaced(program: Program) -> Program:
    """A program with a blank line before every statement, as programs that are generated have it."""
    statements = tuple(replace(statement, blank_before=True) for statement in program.statements)
    spaced = replace(program, statements=statements, emit=replace(program.emit, blank_before=True))
    return parse(print_program(spaced))


def _run(program: Program, tables: Contents) -> Table:
    """What a program emits. Raises Rejected."""
    try:
        return run(print_program(program), tables, LIMITS)
    except DslError as error:
        raise Rejected(f"the program fails ({error.diagnostics[0].code})", str(error)) from None


def check_result(rows: Table) -> None:
    """Raises Rejected for rows that no problem could show."""
    if not rows.length:
        raise Rejected("the program emits no rows")
    if rows.length > RENDERED_ROWS:
        raise Rejected(f"the program emits more than {RENDERED_ROWS} rows")
    if len(rows.names) > MAX_COLUMNS:
        raise Rejected(f"the program emits more than {MAX_COLUMNS} columns")
