"""Correct programs for a database: a random shape over its tables, kept where neighbours give other rows."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

from dataset_builder.canonical import OPERATORS, canonical, shape
from dataset_builder.hidden import hidden_contents
from dataset_builder.model import Contents, Database
from dataset_builder.programs.naming import plural, singular
from dataset_builder.programs.probe import coincidence
from dataset_builder.programs.shapes import SHAPES
from dataset_builder.programs.sketch import Draft, Sketch, Unfit
from dsl_debug.lang import Program
from dsl_debug.lang.nodes import (
    Aggregate,
    Compute,
    Filter,
    Join,
    Logic,
    SortBy,
    Stage,
    Take,
    references,
)
from dsl_debug.lang.table import RENDERED_ROWS

ATTEMPTS = 12
SAME_SHAPE = 3
"""Shapes that are tried, and programs of each."""

OTHERS = 5
"""Other contents that are made where none are given."""

MAX_COLUMNS, MAX_STAGES = 8, 16
"""Of the result of a program, fewer than certification takes; and of the program, sources included."""


def synthesize(
    database: Database, tables: Contents, rng: Random, others: Sequence[Contents] = ()
) -> Program | None:
    """A correct program over these tables, or None where a few attempts found none.

    What it gives has 2 to 20 rows (one for a global top-1), and no edit that the quick look of `probe` tries
    gives the same rows by coincidence; certification looks at all of them. `others` are the contents that
    are to tell a coincidence from an equivalence; without them, some are made here, which takes longer.
    """
    names = list(SHAPES)
    weights = [weight for _, weight in SHAPES.values()]
    others = others or hidden_contents(database, tables, rng, OTHERS)
    for _ in range(ATTEMPTS):
        name = rng.choices(names, weights)[0]
        for _ in range(SAME_SHAPE):
            program = attempt(name, database, tables, rng)
            if program is not None and not coincidence(program, tables, others):
                return program
    return None


def attempt(name: str, database: Database, tables: Contents, rng: Random) -> Program | None:
    """A program of this shape; None where the tables do not fit it or the result is of no use."""
    sketch = Sketch(database, tables, rng)
    try:
        draft = SHAPES[name][0](sketch)
        program = sketch.program(draft, _result_name(draft, rng))
    except Unfit:
        return None
    return program if not _useless(program, draft) else None


def _result_name(draft: Draft, rng: Random) -> str:
    rows = plural(singular(draft.noun))
    if any(isinstance(stage, Take) for stage in draft.stages):
        return f"{rng.choice(('top', 'first', 'leading'))}_{rows}"
    if any(isinstance(stage, SortBy) for stage in draft.stages):
        return f"{rng.choice(('ranked', 'sorted', 'all'))}_{rows}"
    return f"{draft.noun}_{rng.choice(('report', 'summary', 'overview'))}"


def _useless(program: Program, draft: Draft) -> str:
    """Why the result of a program is none that a problem can have; empty where it is one."""
    table = draft.table
    single = _is_top_one(program)
    if not ((table.length == 1 and single) or (2 <= table.length <= RENDERED_ROWS and not single)):
        return "rows"
    if not 2 <= len(table.names) <= MAX_COLUMNS:
        return "columns"
    rows = list(dict.fromkeys(table.tuples()))
    if not single and len(rows) < 2:
        return "constant"
    if sum(1 + len(s.stages) for s in program.statements) > MAX_STAGES:
        return "stages"
    return ""


def _is_top_one(program: Program) -> bool:
    statement = program.find(program.emit.name)
    stages = [s for s in (statement.stages if statement else ()) if isinstance(s, SortBy | Take)]
    return bool(stages) and isinstance(stages[-1], Take) and stages[-1].count == 1


# Variety


def variety(programs: Iterable[Program]) -> dict[str, Any]:
    """How different programs are: shapes, canonical texts, operators, and shares of what they do."""
    listed = list(programs)
    stages = [[stage for s in program.statements for stage in s.stages] for program in listed]
    sizes = [
        len(own) + sum(isinstance(s.source, Join) for s in program.statements)
        for own, program in zip(stages, listed, strict=True)
    ]
    counts = Counter(OPERATORS[type(stage)] for own in stages for stage in own)
    counts["join"] = sum(isinstance(s.source, Join) for program in listed for s in program.statements)
    return {
        "programs": len(listed),
        "shapes": len({shape(program) for program in listed}),
        "canonical": len({canonical(program) for program in listed}),
        "operators": {
            "mean": round(sum(sizes) / len(sizes), 2) if sizes else 0,
            "min": min(sizes, default=0),
            "max": max(sizes, default=0),
        },
        "shares": {name: _share(listed, test) for name, test in TRAITS.items()},
        "counts": dict(sorted(counts.items())),
    }


def _share(programs: Sequence[Program], test: Callable[[Program], bool]) -> float:
    return round(sum(test(program) for program in programs) / len(programs), 4) if programs else 0.0


def _stages(program: Program) -> list[Stage]:
    return [stage for statement in program.statements for stage in statement.stages]


def _has_join(program: Program) -> bool:
    return any(isinstance(s.source, Join) for s in program.statements)


def _several_aggregates(program: Program) -> bool:
    return sum(len(s.aggregations) for s in _stages(program) if isinstance(s, Aggregate)) > 1


def _computes(program: Program) -> bool:
    return any(isinstance(s, Compute) for s in _stages(program))


def _connects(program: Program) -> bool:
    return any(isinstance(s, Filter) and isinstance(s.condition, Logic) for s in _stages(program))


def _takes(program: Program) -> bool:
    return any(isinstance(s, Take) for s in _stages(program))


def _meets(program: Program) -> bool:
    """Whether two sides of a join come from one statement."""
    above: dict[str, frozenset[str]] = {}
    for statement in program.statements:
        sides = [above.get(r.name, frozenset()) | {r.name} for r in references(statement.source)]
        if len(sides) == 2 and sides[0] & sides[1]:
            return True
        above[statement.name] = frozenset().union(*sides)
    return False


TRAITS: dict[str, Callable[[Program], bool]] = {
    "join": _has_join,
    "several_aggregates": _several_aggregates,
    "computed": _computes,
    "branches_meet": _meets,
    "and_or": _connects,
    "take": _takes,
    "single_row": _is_top_one,
}
"""Trait -> whether a program has it."""
