"""What a mutant is tried on: the correct program, the rows it gives, and a bench to run others on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from dataset_builder.model import Contents
from dataset_builder.mutations.places import Patch, patched
from dsl_debug.agents.bench import Bench
from dsl_debug.agents.rewrite import Surroundings, schemas_of
from dsl_debug.lang import Program, Table
from dsl_debug.lang.checker import closure
from dsl_debug.lang.nodes import Emit, Value

EMPTY = 0.03
"""How often a program that gives no rows is taken for a bug, when one is drawn."""

MOST_ROWS = 2_000
"""A program that gives more rows than this is no likely mistake: whoever ran it saw that."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What mutants of a program are tried with: `expected` is what it gives, `around` what edits draw on."""

    program: Program
    tables: Contents
    rng: Random
    bench: Bench
    around: Surroundings
    expected: Table

    @classmethod
    def of(cls, program: Program, tables: Contents, rng: Random, bench: Bench) -> "Ground | None":
        """None for a program that does not run, or gives no rows."""
        expected = bench.run(program)
        if expected is None or not expected.length:
            return None
        return cls(program, tables, rng, bench, _around(program, bench), expected)

    def result(self, mutant: Program) -> Table | None:
        """What a mutant gives, if that is a bug worth having: other rows, and neither none nor very many."""
        table = self.bench.run(mutant)
        if table is None or table.length > MOST_ROWS or table.matches(self.expected):
            return None
        if not table.length and self.rng.random() >= EMPTY:
            return None
        return table

    def same_columns(self, table: Table) -> bool:
        """Whether a table has the columns that are expected."""
        return table.columns.keys() == self.expected.columns.keys()


def _around(program: Program, bench: Bench) -> Surroundings:
    """Like `rewrite.surroundings`, but what was run on the bench is not run again."""

    @cache
    def values(name: str, stages: int, column: str) -> Sequence[Value]:
        needed = closure(program, name)
        cut = tuple(
            Patch((s.name, stages), s.stages[stages:], ()) for s in program.statements if s.name == name
        )
        kept = tuple(s for s in patched(program, cut).statements if s.name in needed)
        table = bench.run(Program(kept, Emit(name)))
        return tuple(dict.fromkeys(table.columns.get(column, ()))) if table else ()

    return Surroundings(tuple(bench.tables), schemas_of(program, bench.types), values)
