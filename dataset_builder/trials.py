"""What is tried against a problem before it is believed: neighbours, exploits, other contents of its tables.

A `Trial` holds a correct program, the contents that a problem would show and other contents of the same
tables. What is costly is worked out when a gate first asks for it, and kept.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from dataset_builder.contents import in_reverse
from dataset_builder.model import Contents
from dsl_debug.agents.bench import Bench
from dsl_debug.agents.edits import neighbours
from dsl_debug.agents.emitter import constant_program, key_filters
from dsl_debug.agents.rewrite import surroundings
from dsl_debug.lang import Program, Table
from dsl_debug.lang.nodes import SortBy
from dsl_debug.problem import Suite

MIN_SUITES = 3
"""Hidden suites of one problem, at least. Two mostly refuse all that is tried; one more is for the rest."""


@dataclass(frozen=True)
class Stock:
    """Contents of tables, and the same rows in the reverse order."""

    contents: Contents

    @cached_property
    def reversed(self) -> Contents:
        """The contents with the rows of every table in reverse order."""
        return {name: in_reverse(table) for name, table in self.contents.items()}

    def only(self, names: Iterable[str]) -> "Stock":
        """The stock with these tables alone."""
        wanted = set(names)
        part = Stock({name: table for name, table in self.contents.items() if name in wanted})
        # Kept with the whole, so that it is turned round once for all programs.
        part.__dict__["reversed"] = {n: t for n, t in self.reversed.items() if n in wanted}
        return part


@dataclass
class Lookalikes:
    """Programs by what they give: nothing, other rows than the correct one, the same rows everywhere.

    `coincidence` is the first that gives the rows shown without giving those of all other contents; what
    would have come after it is not looked at.
    """

    failing: int = 0
    told_apart: list[Program] = field(default_factory=list)
    equivalent: int = 0
    coincidence: Program | None = None

    @property
    def tried(self) -> int:
        """How many programs were looked at."""
        return self.failing + len(self.told_apart) + self.equivalent + (self.coincidence is not None)


@dataclass(frozen=True, eq=False)
class Other:
    """Other contents, and what the correct program gives there."""

    bench: Bench
    expected: Table

    def accepts(self, program: Program) -> bool:
        """Whether a program gives here what the correct one gives."""
        rows = self.bench.run(program)
        return rows is not None and rows.matches(self.expected)

    def suite(self) -> Suite:
        """These contents as a hidden suite."""
        return Suite(dict(self.bench.tables), self.expected)

    @property
    def cells(self) -> int:
        """How many values there are."""
        return sum(table.length * len(table.columns) for table in self.bench.tables.values())


@dataclass
class Trial:
    """A correct program on the contents shown and on a pool of others."""

    correct: Program
    shown: Stock
    pool: Sequence[Stock]

    @cached_property
    def bench(self) -> Bench:
        """Runs programs on the contents shown."""
        return Bench(self.shown.contents)

    @cached_property
    def expected(self) -> Table | None:
        """What the correct program gives on the contents shown, None if it fails there."""
        return self.bench.run(self.correct)

    @cached_property
    def sorts(self) -> bool:
        """Whether the program claims an order of its own."""
        return any(isinstance(stage, SortBy) for s in self.correct.statements for stage in s.stages)

    def order_is_decided(self, stock: Stock, rows: Table) -> bool:
        """Whether a program that sorts gives the same rows when the stored ones come the other way round.

        If not, a tie decides the order, and another correct program may well decide it otherwise.
        """
        if not self.sorts:
            return True
        again = Bench(stock.reversed).run(self.correct)
        return again is not None and again.matches(rows)

    @cached_property
    def others(self) -> list[Other]:
        """The contents of the pool on which the correct program does something, the small ones first."""
        found = []
        for stock in self.pool:
            bench = Bench(stock.contents)
            rows = bench.run(self.correct)
            if rows is None or not rows.length:
                continue
            # Where the rows shown are right as well, writing them into a program would pay.
            if self.expected is not None and rows.matches(self.expected):
                continue
            if self.order_is_decided(stock, rows):
                found.append(Other(bench, rows))
        return sorted(found, key=lambda other: other.cells)

    def look_alikes(self, programs: Iterable[Program]) -> Lookalikes:
        """Sort programs by what they give where the correct one gives the expected rows, and elsewhere."""
        found = Lookalikes()
        expected = self.expected
        for program in programs:
            rows = self.bench.run(program)
            if rows is None or expected is None:
                found.failing += 1
            elif not rows.matches(expected):
                found.told_apart.append(program)
            elif all(other.accepts(program) for other in self.others):
                found.equivalent += 1
            else:
                found.coincidence = program
                break
        return found

    @cached_property
    def near_correct(self) -> Lookalikes:
        """The programs within one edit of the correct one."""
        return self.look_alikes(self.around(self.correct))

    def around(self, program: Program) -> Iterator[Program]:
        """The programs within one edit of a program, as the contents shown suggest them."""
        return (edit.program for edit in neighbours(program, surroundings(program, self.shown.contents)))

    @cached_property
    def telling(self) -> "tuple[list[Other], list[Program]]":
        """The other contents that refuse all neighbours of the correct program, and the neighbours left."""
        return self.distilled(self.near_correct.told_apart)

    def distilled(
        self, victims: Iterable[Program], chosen: Sequence[Other] = ()
    ) -> tuple[list[Other], list[Program]]:
        """The `chosen` contents and those that it takes besides to refuse all victims; the victims left over.

        The smallest come first, and `MIN_SUITES` are taken at least where there are so many.
        """
        taken = list(chosen)
        left = [program for program in victims if all(other.accepts(program) for other in chosen)]
        for other in self.others:
            if not left and len(taken) >= MIN_SUITES:
                break
            if other not in chosen:
                accepted = [program for program in left if other.accepts(program)]
                if len(accepted) < len(left) or len(taken) < MIN_SUITES:
                    taken.append(other)
                    left = accepted
        return taken, left

    def completed(self, chosen: Sequence[Other], programs: Iterable[Program], most: int) -> list[Other]:
        """The `chosen` contents and those, up to `most` in all, that refuse most of what is not refused yet.

        Programs that none of the other contents refuses count as the correct one in other words.
        """
        taken = list(chosen)
        left = [program for program in programs if all(other.accepts(program) for other in chosen)]
        rest = [other for other in self.others if other not in taken]
        while left and rest and len(taken) < most:
            accepted = {id(other): [program for program in left if other.accepts(program)] for other in rest}
            best = min(rest, key=lambda other: len(accepted[id(other)]))
            if len(accepted[id(best)]) == len(left):
                break
            rest.remove(best)
            taken.append(best)
            left = accepted[id(best)]
        return taken


# Exploits


def exploits(trial: Trial, buggy: Program | None) -> dict[str, list[Program]]:
    """Programs that print the expected rows without computing them, by the kind of attack.

    A constant emitter writes the rows into the program; key filters pick them by the values shown: out of
    the stored tables and out of what the correct and the buggy program name on the way.
    """
    expected = trial.expected
    if expected is None:
        return {}
    constant = constant_program(expected, trial.shown.contents)
    filters = list(key_filters(expected, trial.correct, trial.shown.contents))
    for program in (trial.correct, buggy):
        if program is not None:
            filters += key_filters(expected, program, _named_tables(trial, program))
    attacks = {
        "constant_emitter": [constant] if constant else [],
        "key_filter": filters,
        "unchanged": [buggy] if buggy else [],
    }
    return attacks


def _named_tables(trial: Trial, program: Program) -> dict[str, Table]:
    """The tables that a program names on its way, its result left out: picking rows of that is no attack."""
    found = {}
    for statement in program.statements:
        rows = trial.bench.run(replace(program, emit=replace(program.emit, name=statement.name)))
        if rows is not None and statement.name != program.emit.name:
            found[statement.name] = rows
    return found
