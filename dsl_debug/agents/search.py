"""The strongest player without a model: it reads what any player reads and has the same turns.

It mends syntax by the diagnostics of the language and then searches the programs near the buggy one. Where
all rows of the tables that the program loads can be seen (`inspect` shows 20 of a table), programs are run
here, over what was seen, and those that come nearest to the rows wanted are edited further. Where not,
programs with the right columns are put to the test by the hundred: `oracle` packs them into one `run`.

It never reads the reference, nor a table other than through observations. Of the problem itself it takes only
the words of the dialect, which a player finds in `read_docs`.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, repeat, zip_longest
from random import Random

from dsl_debug.agents.beam import changes, explore
from dsl_debug.agents.bench import Bench, likeness
from dsl_debug.agents.edits import neighbours
from dsl_debug.agents.oracle import answer, failing, question, values_before
from dsl_debug.agents.repair import repaired
from dsl_debug.agents.rewrite import check_tree, imagined, schemas_of, surroundings
from dsl_debug.agents.seen import inspect_table, read_prompt, read_table
from dsl_debug.episode import DSLDebugEnv, Step
from dsl_debug.lang import Program, Table, print_program
from dsl_debug.lang.nodes import Column, Compare, Filter, Literal, Load, Value
from dsl_debug.lang.table import RENDERED_ROWS

# The beam of the search over programs: how many are edited further, how often, and how many are met in all.
WIDTH, DEPTH, LIMIT = 30, 6, 12_000
# How many programs are asked about in the first run, the second, and every later one.
ASKED = (30, 100, 150)
MAX_LOOKS = 3


def search(observation: str, env: DSLDebugEnv, rng: Random) -> Step:
    """Play a whole episode, from the prompt to the submission. `rng` is not needed."""
    return _Player(observation, env).play()


class _Player:
    def __init__(self, observation: str, env: DSLDebugEnv) -> None:
        self.env = env
        self.dialect = env.problem.dialect
        self.task = read_prompt(observation)
        self.goal = self.task.goal
        # What is known: whole tables, and values of columns by name.
        self.tables: dict[str, Table] = {}
        self.values: dict[str, list[Value]] = {}
        self.learn(self.goal.table)
        # The program to submit, with how near it came to the rows wanted.
        self.best: tuple[float, Program] | None = None

    def play(self) -> Step:
        columns = chain(self.goal.table.names, *self.task.types.values())
        starts = repaired(self.task.code, columns, self.dialect)
        loaded = {s.source.table for p in starts[:1] for s in p.statements if isinstance(s.source, Load)}
        self.look_at_tables([name for name in self.task.rows if name in loaded])
        if loaded <= self.tables.keys():
            self.try_each(self.run_here(starts))
        elif self.goal.rows:
            self.ask(self.fitting(starts))
        else:
            self.try_each(self.fitting(starts))
        code = self.text(self.best[1]) if self.best else self.task.code
        return self.env.call("submit", code=code)

    # Turns

    def text(self, program: Program) -> str:
        return print_program(program, self.dialect)

    def learn(self, table: Table) -> None:
        for name, values in table.columns.items():
            self.values[name] = list(dict.fromkeys(chain(self.values.get(name, ()), values)))

    def look_at_tables(self, names: Sequence[str]) -> None:
        """Inspect the tables that can be seen whole."""
        small = [name for name in names if self.task.rows[name] <= RENDERED_ROWS]
        for name in small[: min(MAX_LOOKS, self.env.turns_left - 1)]:
            seen = inspect_table(self.env, name)
            if seen and seen.complete:
                self.tables[name] = seen.table
                self.learn(seen.table)

    def attempt(self, program: Program) -> bool:
        """Run a program; whether it gives the rows wanted. The one that comes nearest is kept."""
        seen = read_table(self.env.call("run", code=self.text(program)).observation)
        worth = 0.0
        if seen:
            worth = 1.0 if seen.matches(self.goal) else likeness(seen.table, self.goal)
        if self.best is None or worth > self.best[0]:
            self.best = (worth, program)
        return worth == 1.0

    def try_each(self, programs: Iterable[Program]) -> None:
        """Run one program a turn until one gives the rows wanted; the last turn is for the submission."""
        for program in programs:
            self.best = self.best or (0.0, program)
            if self.env.turns_left == 1 or self.attempt(program):
                return

    def ask(self, programs: Iterator[Program]) -> None:
        """Ask about many programs at once and run the one that is named, until it gives the rows wanted."""
        sizes = chain(ASKED, repeat(ASKED[-1]))
        asked = list(islice(programs, next(sizes)))
        self.best = (0.0, asked[0]) if asked else None
        looked = False
        while asked and self.env.turns_left > 1:
            code = self.text(question(asked, self.goal))
            hit, failed = answer(self.env.call("run", code=code).observation)
            if hit is not None:
                named = asked.pop(hit)
                if self.env.turns_left == 1:
                    self.best = (1.0, named)
                elif self.attempt(named):
                    return
            elif failed is not None:
                broken = failing(asked, failed)
                asked = [program for program in asked if broken not in program.statements]
            else:
                if self.best and not looked:
                    near = self.with_values(self.best[1])
                    programs = chain(
                        near, _alternately(programs, islice(self.fitting(near), len(near), None))
                    )
                    looked = True
                asked = list(islice(programs, next(sizes)))

    def with_values(self, program: Program) -> list[Program]:
        """Programs whose filters compare with other values of their columns, after a look at these."""
        columns = schemas_of(program, self.task.types)
        for statement in program.statements:
            for place, stage in enumerate(statement.stages):
                match stage:
                    case Filter(Compare(_, Column(name), Literal(value))) if self.env.turns_left > 3:
                        look = values_before(program, statement, place, name, columns, self.goal)
                        code = self.text(look)
                        step = self.env.call("inspect", node_name=look.emit.name, code=code)
                        if seen := read_table(step.observation):
                            found = seen.table.columns[name]
                            self.values[name] = sorted(found, key=lambda v: -_alike(v, value))
        around = imagined(program, self.task.types, self.values)
        changed = (edit.program for edit in neighbours(program, around, ["literal"]))
        return [program for program in changed if self.fit(program) == (0, 0)]

    # Programs

    def run_here(self, starts: Sequence[Program]) -> Iterator[Program]:
        """Programs that give the rows wanted over the tables seen; last the one that comes nearest."""
        bench = Bench(self.tables)

        def score(program: Program) -> tuple[float, float]:
            mistakes = len(check_tree(program, bench.types).diagnostics)
            table = None if mistakes else bench.run(program)
            return (-mistakes, likeness(table, self.goal) if table else 0.0)

        def expand(program: Program) -> Iterator[Program]:
            return changes(program, surroundings(program, self.tables), self.goal)

        best: tuple[tuple[float, float], Program] | None = None
        for worth, program in explore(starts, expand, score, WIDTH, DEPTH, LIMIT):
            if worth[1] == 1.0:
                yield program
            if best is None or worth > best[0]:
                best = (worth, program)
        if best:
            yield best[1]

    def fitting(self, starts: Sequence[Program]) -> Iterator[Program]:
        """Programs that check and have the columns wanted."""

        def expand(program: Program) -> Iterator[Program]:
            return changes(program, imagined(program, self.task.types, self.values), self.goal)

        for worth, program in explore(starts, expand, self.fit, WIDTH, DEPTH, LIMIT):
            if worth == (0, 0):
                yield program

    def fit(self, program: Program) -> tuple[int, int]:
        """(0, 0) for a program that checks and has the columns wanted, less for every mistake or column."""
        checked = check_tree(program, self.task.types)
        if checked.diagnostics:
            return (-len(checked.diagnostics), 0)
        schema = checked.statements[program.emit.name].result
        return (0, -len(set(self.goal.table.names) ^ set(schema.types if schema else ())))


def _alike(a: Value, b: Value) -> int:
    """How many characters two values have in common at the beginning."""
    return next((i for i, (x, y) in enumerate(zip(str(a), str(b), strict=False)) if x != y), len(str(b)))


def _alternately(first: Iterator[Program], second: Iterator[Program]) -> Iterator[Program]:
    """One of each in turn, then the rest of the longer."""
    for pair in zip_longest(first, second):
        yield from (program for program in pair if program)
