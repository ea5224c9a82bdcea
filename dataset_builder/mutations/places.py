"""Where a mistake is: the difference between two programs, putting several together, distances and lines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace

from dsl_debug.lang import Program, parse
from dsl_debug.lang.nodes import (
    Aggregate,
    Emit,
    GroupBy,
    Join,
    Load,
    Node,
    Ref,
    Source,
    Stage,
    Statement,
    references,
)
from dsl_debug.lang.printer import print_source, print_stage

Place = tuple[str, int]
"""The name of a statement and the index of a stage in it, -1 for its source."""

Part = Source | Stage | Emit


@dataclass(frozen=True, slots=True)
class Patch:
    """What one edit changes: the parts from `place` on, in the correct program and in the wrong one.

    `before` and `after` are stages, or one source, or one `Emit`. A stage that is left out has no `after`.
    The place of a wrong `emit` is the last stage of what should be emitted.
    """

    place: Place
    before: tuple[Part, ...]
    after: tuple[Part, ...]


def difference(old: Program, new: Program) -> Patch | None:
    """The one place where two programs over the same statements differ; None where they do not."""
    for before, after in zip(old.statements, new.statements, strict=True):
        if before.source != after.source:
            return Patch((before.name, -1), (before.source,), (after.source,))
        if before.stages != after.stages:
            return _stages_differ(before, after)
    if old.emit != new.emit:
        emitted = old.find(old.emit.name)
        last = len(emitted.stages) - 1 if emitted else -1
        return Patch((old.emit.name, last), (old.emit,), (new.emit,))
    return None


def _stages_differ(old: Statement, new: Statement) -> Patch:
    before, after = old.stages, new.stages
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    same = 0  # at the end
    while same < min(len(before), len(after)) - start and before[-1 - same] == after[-1 - same]:
        same += 1
    return Patch((old.name, start), before[start : len(before) - same], after[start : len(after) - same])


def patched(program: Program, patches: Sequence[Patch]) -> Program:
    """A program with several patches of it, no two of which change the same part."""
    emits = [part for patch in patches for part in patch.after if isinstance(part, Emit)]
    statements = tuple(
        _patched(statement, [p for p in patches if p.place[0] == statement.name and not changes_emit(p)])
        for statement in program.statements
    )
    return replace(program, statements=statements, emit=emits[0] if emits else program.emit)


def _patched(statement: Statement, patches: Sequence[Patch]) -> Statement:
    source, stages = statement.source, list(statement.stages)
    for patch in sorted(patches, key=lambda patch: patch.place[1], reverse=True):
        index = patch.place[1]
        if index < 0:
            source = next(part for part in patch.after if isinstance(part, Load | Join | Ref))
        else:
            # A patch of stages holds nothing else; mypy cannot see it.
            stages[index : index + len(patch.before)] = patch.after  # type: ignore[assignment]
    return replace(statement, source=source, stages=tuple(stages))


def changes_emit(patch: Patch) -> bool:
    """Whether a patch changes what is emitted."""
    return any(isinstance(part, Emit) for part in patch.before)


def clash(one: Patch, other: Patch) -> bool:
    """Whether two patches change the same part of a program."""
    if changes_emit(one) or changes_emit(other):
        return changes_emit(one) and changes_emit(other)
    (name, start), (other_name, other_start) = one.place, other.place
    apart = start + len(one.before) <= other_start or other_start + len(other.before) <= start
    return name == other_name and not apart


# Distances


def distance(program: Program, place: Place) -> tuple[int, bool]:
    """Stages on the longest path from a place to `emit`, and whether an aggregate or a join is among them.

    The place itself does not count. A join counts as one stage, and so does an aggregate with its group_by.
    (0, False) for what does not reach `emit`, and for what is not in the program.
    """
    name, index = place
    statement = program.find(name)
    onward = _onward(program).get(name)
    if statement is None or onward is None:
        return 0, False
    rest = statement.stages[index + 1 :]
    if index >= 0 and isinstance(statement.stages[index], GroupBy):
        rest = rest[1:]  # its own aggregate
    return onward[0] + _units(rest), onward[1] or _aggregates(rest)


def _onward(program: Program) -> dict[str, tuple[int, bool]]:
    """Statement -> what `distance` gives for its last stage, for the statements that reach `emit`."""
    found = {program.emit.name: (0, False)}
    # Each round goes at least one step back along every path, so that a program without cycles is done
    # after as many rounds as it has statements; one with cycles is just left then.
    for _ in program.statements:
        before = dict(found)
        for statement in reversed(program.statements):
            if statement.name in found:
                _go_back(statement, found)
        if found == before:
            break
    return found


def _go_back(statement: Statement, found: dict[str, tuple[int, bool]]) -> None:
    stages, mixes = found[statement.name]
    joins = isinstance(statement.source, Join)
    here = (stages + _units(statement.stages) + joins, mixes or joins or _aggregates(statement.stages))
    for ref in references(statement.source):
        found[ref.name] = max(here, found.get(ref.name, here))


def _units(stages: Iterable[Stage]) -> int:
    return sum(not isinstance(stage, GroupBy) for stage in stages)


def _aggregates(stages: Iterable[Stage]) -> bool:
    return any(isinstance(stage, Aggregate) for stage in stages)


# Text


def shown(patch: Patch, parts: Sequence[Part]) -> str:
    """The text of `patch.before` or `patch.after`, in one line; "" where there is none."""
    return " ".join(_shown(patch.place[0], part) for part in parts)


def _shown(name: str, part: Part) -> str:
    match part:
        case Emit(emitted):
            return f"emit {emitted}"
        case Load() | Join() | Ref():
            return f"{name} = {print_source(part)}"
    return f"|> {print_stage(part)}"


def line_of(code: str, patch: Patch, others: Iterable[Patch] = ()) -> int:
    """The line (from 1) of a patch in the text of the program with it and with `others`.

    For a stage that is left out it is the line that stands in its place, or the last one before it.
    """
    program = parse(code)
    name, index = patch.place
    statement = program.find(name)
    if statement is None or changes_emit(patch):
        return line_at(code, program.emit.span[0])
    if index < 0:
        return line_at(code, statement.span[0])
    index += sum(
        len(p.after) - len(p.before)
        for p in others
        if p.place[0] == name and 0 <= p.place[1] < patch.place[1]
    )
    lines = [statement.span[0], *(stage.span[0] for stage in statement.stages)]
    return line_at(code, lines[min(index + 1, len(lines) - 1)])


def line_at(code: str, offset: int) -> int:
    """The line (from 1) of an offset."""
    return code.count("\n", 0, offset) + 1


def path(before: object, after: object) -> list[tuple[Node, Node]]:
    """From a changed part down to the smallest pair of nodes that holds all of the change."""
    found: list[tuple[Node, Node]] = []
    while isinstance(before, Node) and isinstance(after, Node):
        found.append((before, after))
        if type(before) is not type(after):
            break
        changed = [pair for pair in _children(before, after) if pair[0] != pair[1]]
        if len(changed) != 1:
            break
        before, after = changed[0]
    return found


def _children(before: Node, after: Node) -> list[tuple[object, object]]:
    pairs: list[tuple[object, object]] = []
    for field in fields(before):
        if field.compare:
            old, new = getattr(before, field.name), getattr(after, field.name)
            if isinstance(old, tuple) and isinstance(new, tuple) and len(old) == len(new):
                pairs += zip(old, new, strict=True)
            else:
                pairs.append((old, new))
    return pairs
