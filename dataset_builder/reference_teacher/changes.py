"""What separates a buggy program from the correct one: single changes, and the program after each of them.

Programs that parse are compared as trees, so that a change knows its stage and its kind; others line by line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from dsl_debug.lang import Dialect, DslError, Program, parse, print_program
from dsl_debug.lang.nodes import (
    Aggregate,
    Aggregation,
    Column,
    Compare,
    Compute,
    Condition,
    Filter,
    GroupBy,
    Join,
    Literal,
    Load,
    Logic,
    Ref,
    Select,
    SortBy,
    Source,
    Stage,
    Statement,
    Take,
    columns_of,
)
from dsl_debug.lang.printer import print_condition, print_source, print_stage
from dsl_debug.problem import DslProblem

Part = Source | Stage | None
SOURCE = -1
_WORD = re.compile(r'"[^"\n]*"?|[^\W\d]\w*|\d+(?:\.\d+)?|[<>=!|~&:%-]+|\S')


@dataclass(frozen=True, slots=True)
class Change:
    """One repair: `old` becomes `new` (texts without the pipe; empty where something is added or dropped).

    `statement` names the table of the program that it is in, `stage` counts its stages (-1: the source).
    `code` is the whole program after this change and all before it. `before` and `after` are the parts of the
    trees, None where there are none; `words` holds the words that differ, where it comes down to those.
    """

    kind: str
    statement: str
    stage: int
    old: str
    new: str
    code: str
    before: Part = None
    after: Part = None
    words: tuple[str, str] = ("", "")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the change is about, those of the new text first."""
        return tuple(dict.fromkeys([*part_columns(self.after), *part_columns(self.before)]))


def changes(problem: DslProblem) -> tuple[Change, ...]:
    """The changes that make a problem's buggy program correct, in an order in which they can be made.

    There is at least one; the `code` of the last one says the same as the correct program. Comments that only
    the correct program has are left out, for nobody could have written them.
    """
    final = without_new_comments(problem.correct_code, problem.buggy_code)
    buggy = parsed(problem.buggy_code, problem.dialect)
    correct = parsed(problem.correct_code, problem.dialect)
    found: list[Change] = []
    if buggy and correct:
        found = list(_tree_changes(buggy, correct, problem.dialect))
        if not found or parsed(found[-1].code, problem.dialect) != correct:
            found = [Change("rewrite", correct.emit.name, SOURCE, "", "", final)]
    elif correct:
        found = list(_line_changes(problem.buggy_code, final, problem.dialect))
    if not found:
        return (Change("rewrite", "", SOURCE, "", "", final),)
    return (*found[:-1], replace(found[-1], code=final))


def parsed(code: str, dialect: Dialect) -> Program | None:
    """The tree of a program, or None where it does not parse."""
    try:
        return parse(code, dialect)
    except DslError:
        return None


def without_new_comments(code: str, known: str) -> str:
    """A program without the comment lines that another text does not have."""
    lines = {line.strip() for line in known.splitlines()}
    kept = [line for line in code.splitlines() if not line.strip().startswith("--") or line.strip() in lines]
    return "\n".join(kept).strip("\n") + "\n"


# Trees


def _tree_changes(buggy: Program, correct: Program, dialect: Dialect) -> Iterator[Change]:
    """Changes statement by statement; they may fall short of `correct` where its statements are others."""
    program = buggy
    for statement in buggy.statements:
        goal = correct.find(statement.name)
        if goal is None:
            return
        for kind, stage, before, after, changed in _statement_changes(statement, goal):
            statements = tuple(changed if s.name == changed.name else s for s in program.statements)
            program = replace(program, statements=statements)
            old, new = (_printed(part, dialect) for part in (before, after))
            first_old, first_new = (p[0] if p else None for p in (before, after))
            code = print_program(program, dialect)
            words = _words(kind, first_old, first_new, dialect)
            yield Change(kind, statement.name, stage, old, new, code, first_old, first_new, words)
    if program.emit != correct.emit:
        program = replace(program, emit=replace(program.emit, name=correct.emit.name))
        emit = dialect.word("emit")
        old, new = f"{emit} {buggy.emit.name}", f"{emit} {correct.emit.name}"
        names = (buggy.emit.name, correct.emit.name)
        yield Change(
            "emit", correct.emit.name, SOURCE, old, new, print_program(program, dialect), words=names
        )


Parts = tuple[Source | Stage, ...]


def _statement_changes(old: Statement, new: Statement) -> Iterator[tuple[str, int, Parts, Parts, Statement]]:
    """(kind, stage, parts before, parts after, the statement after it) for each change of a statement."""
    statement = old
    if old.source != new.source:
        statement = replace(statement, source=new.source)
        yield source_kind(old.source, new.source), SOURCE, (old.source,), (new.source,), statement
    start, (a, b) = _middle(old.stages, new.stages)
    if len(a) == len(b) and all(type(x) is type(y) for x, y in zip(a, b, strict=True)):
        for i, (x, y) in enumerate(zip(a, b, strict=True), start):
            if x != y:
                stages = (*statement.stages[:i], y, *statement.stages[i + 1 :])
                statement = replace(statement, stages=stages)
                yield stage_kind(x, y), i, (x,), (y,), statement
    else:
        kind = "missing" if not a else "extra" if not b else "rewritten"
        if len(a) == len(b) and all(x in b for x in a):
            kind = "order"
        yield kind, start, a, b, replace(statement, stages=new.stages)


def _middle(
    a: tuple[Stage, ...], b: tuple[Stage, ...]
) -> tuple[int, tuple[tuple[Stage, ...], tuple[Stage, ...]]]:
    """What is left of two lists without their common beginning and end, and how long the beginning is."""
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[-1 - end] == b[-1 - end]:
        end += 1
    return start, (a[start : len(a) - end], b[start : len(b) - end])


def _printed(parts: Parts, dialect: Dialect) -> str:
    texts = [
        print_source(p, dialect) if isinstance(p, Load | Join | Ref) else print_stage(p, dialect)
        for p in parts
    ]
    return f" {dialect.pipe} ".join(texts)


def stage_kind(before: Stage, after: Stage) -> str:
    """What kind of change makes one stage of another of the same type."""
    match before, after:
        case Filter(a), Filter(b):
            pair = differing(a, b)
            return _comparison_kind(*pair) if pair else "condition"
        case SortBy(), SortBy():
            if before.column == after.column:
                return "direction"
            return "sort_column" if before.descending == after.descending else "sort"
        case Take(), Take():
            return "count"
        case Aggregate(), Aggregate():
            items = differing_items(before, after)
            return _aggregation_kind(*items) if items else "aggregates"
    return {GroupBy: "keys", Compute: "formula", Select: "columns"}.get(type(before), "rewritten")


def source_kind(before: Source, after: Source) -> str:
    """What kind of change makes one source of another."""
    match before, after:
        case Load(), Load():
            return "load"
        case Ref(), Ref():
            return "reference"
        case Join(), Join():
            same = (before.left, before.right) == (after.left, after.right)
            return "join_key" if same else "join_tables"
    return "source"


def differing(a: Condition, b: Condition) -> tuple[Compare, Compare] | None:
    """The one comparison in which two conditions of the same shape differ."""
    if isinstance(a, Compare) and isinstance(b, Compare):
        return a, b
    if isinstance(a, Logic) and isinstance(b, Logic) and a.op == b.op and len(a.parts) == len(b.parts):
        pairs = [(x, y) for x, y in zip(a.parts, b.parts, strict=True) if x != y]
        return differing(*pairs[0]) if len(pairs) == 1 else None
    return None


def _comparison_kind(a: Compare, b: Compare) -> str:
    parts = [name for name in ("op", "left", "right") if getattr(a, name) != getattr(b, name)]
    if parts == ["op"]:
        return "comparison"
    if (
        len(parts) == 1
        and isinstance(getattr(a, parts[0]), Literal)
        and isinstance(getattr(b, parts[0]), Literal)
    ):
        return "value"
    if (
        len(parts) == 1
        and isinstance(getattr(a, parts[0]), Column)
        and isinstance(getattr(b, parts[0]), Column)
    ):
        return "filter_column"
    return "condition"


def differing_items(a: Aggregate, b: Aggregate) -> tuple[Aggregation, Aggregation] | None:
    """The one entry in which two aggregates of the same length differ."""
    if len(a.aggregations) != len(b.aggregations):
        return None
    pairs = [(x, y) for x, y in zip(a.aggregations, b.aggregations, strict=True) if x != y]
    return pairs[0] if len(pairs) == 1 else None


def _aggregation_kind(a: Aggregation, b: Aggregation) -> str:
    if a.name != b.name:
        return "aggregates"
    if a.column == b.column:
        return "function"
    return "aggregate_column" if a.function == b.function else "aggregate"


def _words(kind: str, before: Part, after: Part, dialect: Dialect) -> tuple[str, str]:
    """The pair of small parts that differ, as the program writes them; empty where it is more than that."""
    match before, after:
        case Filter(a), Filter(b):
            pair = differing(a, b)
            return (
                (print_condition(pair[0], dialect), print_condition(pair[1], dialect)) if pair else ("", "")
            )
        case Aggregate(), Aggregate():
            items = differing_items(before, after)
            return (_entry(items[0], dialect), _entry(items[1], dialect)) if items else ("", "")
        case SortBy(), SortBy():
            if kind == "direction":
                a, b = (dialect.word("desc" if s.descending else "asc") for s in (before, after))
                return a, b
            return before.column.name, after.column.name
        case Take(), Take():
            return str(before.count), str(after.count)
        case Load(a), Load(b):
            return a, b
        case Ref(a), Ref(b):
            return a, b
    return "", ""


def _entry(item: Aggregation, dialect: Dialect) -> str:
    return f"{dialect.word(item.function)}({item.column.name if item.column else ''})"


def part_columns(part: Part) -> list[str]:
    """The names of the columns that a source or a stage mentions."""
    match part:
        case Filter(condition):
            return [column.name for column in columns_of(condition)]
        case Select(columns):
            return [column.name for column in columns]
        case Compute(assignments):
            return [column.name for item in assignments for column in columns_of(item.value)]
        case GroupBy(keys):
            return [column.name for column in keys]
        case Aggregate(aggregations):
            return [item.column.name for item in aggregations if item.column]
        case SortBy(column):
            return [column.name]
        case Join(_, _, left, right):
            return [left.name, right.name]
    return []


# Lines of programs that do not parse


def _line_changes(buggy: str, correct: str, dialect: Dialect) -> Iterator[Change]:
    """One change per run of lines that differ; runs of equal length are taken line by line."""
    old, new = buggy.rstrip().splitlines(), correct.rstrip().splitlines()
    lines = list(old)
    shift = 0
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        pieces = [(i, j, k, m)]
        if j - i == m - k:
            pieces = [(i + n, i + n + 1, k + n, k + n + 1) for n in range(j - i)]
        for a, b, c, d in pieces:
            lines[a + shift : b + shift] = new[c:d]
            shift += (d - c) - (b - a)
            yield _line_change(old[a:b], new[c:d], _owner(new[: c + 1]), "\n".join(lines) + "\n", dialect)


def _line_change(old: list[str], new: list[str], owner: str, code: str, dialect: Dialect) -> Change:
    before, after = (" ".join(line.strip() for line in lines) for lines in (old, new))
    stages = [_stage_of(text, dialect) for text in (before, after)]
    a, b = (text.removeprefix(dialect.pipe).strip() for text in (before, after))
    if stages[0] and stages[1] and type(stages[0]) is type(stages[1]):
        kind = stage_kind(stages[0], stages[1])
        words = _words(kind, stages[0], stages[1], dialect)
        return Change(kind, owner, 0, a, b, code, stages[0], stages[1], words)
    if after == f"{dialect.pipe} {before}":
        return Change("pipe", owner, 0, before, after, code, None, stages[1], ("", dialect.pipe))
    x, y = _one_word(before, after)
    kind = "typo" if x and y else "lacking" if y else "surplus" if x else "syntax"
    return Change(kind, owner, 0, before, after, code, None, stages[1], (x, y))


def _stage_of(line: str, dialect: Dialect) -> Stage | None:
    """The stage that a line holds alone."""
    if not line.startswith(dialect.pipe):
        return None
    program = parsed(f'x = {dialect.word("load")}("t")\n{line}\n{dialect.word("emit")} x', dialect)
    stages = program.statements[0].stages if program else ()
    return stages[0] if len(stages) == 1 else None


def _owner(lines: list[str]) -> str:
    """The name of the statement that the last of some lines belongs to."""
    for line in reversed(lines):
        found = re.match(r"([^\W\d]\w*)\s*=", line)
        if found:
            return found[1]
    return ""


def _one_word(old: str, new: str) -> tuple[str, str]:
    """The one word of two lines that differs, is too many, or lacks; a pair of empty texts if it is more."""
    a, b = _WORD.findall(old), _WORD.findall(new)
    steps = [op for op in SequenceMatcher(None, a, b, autojunk=False).get_opcodes() if op[0] != "equal"]
    if len(steps) != 1:
        return "", ""
    _, i, j, k, m = steps[0]
    return (" ".join(a[i:j]), " ".join(b[k:m])) if j - i <= 1 and m - k <= 1 else ("", "")
