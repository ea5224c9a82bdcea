"""A dozen sample problems, made by hand, that come with the package: three over each of four small databases.

Each database is a module of literals beside this one. The problems are put together from them when they are
first asked for: the expected rows, shown and hidden, are what the correct programs give.
"""

from functools import lru_cache

from dsl_debug.data.bakery import BAKERY
from dsl_debug.data.library import LIBRARY
from dsl_debug.data.sample import Domain, Mistake, Sample, TableTexts
from dsl_debug.data.trains import TRAINS
from dsl_debug.data.vet import VET
from dsl_debug.files import table_from_csv
from dsl_debug.lang import Program, Table, parse, run
from dsl_debug.lang.nodes import references
from dsl_debug.problem import CATEGORIES, DIFFICULTIES, Bug, DslProblem, Suite

DOMAINS = (BAKERY, LIBRARY, VET, TRAINS)


def sample_problems() -> list[DslProblem]:
    """The sample problems, by category and from easy to hard."""
    return list(_problems())


@lru_cache(maxsize=1)
def _problems() -> tuple[DslProblem, ...]:
    problems = [_problem(sample, domain) for domain in DOMAINS for sample in domain.samples]
    return tuple(
        sorted(problems, key=lambda p: (CATEGORIES.index(p.category), DIFFICULTIES.index(p.difficulty)))
    )


def _problem(sample: Sample, domain: Domain) -> DslProblem:
    shown, *hidden = [_tables(texts) for texts in (domain.shown, *domain.hidden)]
    return DslProblem(
        category=sample.category,
        difficulty=sample.difficulty,
        database=domain.name,
        source="samples",
        buggy_code=sample.buggy,
        correct_code=sample.correct,
        tables=shown,
        expected_output=run(sample.correct, shown),
        hidden=tuple(Suite(tables, run(sample.correct, tables)) for tables in hidden),
        bugs=tuple(_bug(mistake, sample.correct) for mistake in sample.mistakes),
        intent=sample.intent,
    )


def _tables(texts: TableTexts) -> dict[str, Table]:
    return {name: table_from_csv(text.strip(), name) for name, text in texts.items()}


def _bug(mistake: Mistake, correct: str) -> Bug:
    line = correct.splitlines().index(mistake.right) + 1
    return Bug(
        kind=mistake.kind,
        line=line,
        description=mistake.description,
        original=mistake.right.strip(),
        mutated=mistake.wrong.strip(),
        stages_to_emit=_stages_to_emit(parse(correct), correct, line),
    )


def _stages_to_emit(program: Program, code: str, line: int) -> int:
    """How many stages what is made on a line still passes through."""
    starts = [
        (statement, place, part.span[0])
        for statement in program.statements
        for place, part in enumerate((statement, *statement.stages))
    ]
    statement, place, _ = next(s for s in starts if code.count("\n", 0, s[2]) + 1 == line)
    count = len(statement.stages) - place
    while statement.name != program.emit.name:
        readers = [s for s in program.statements if statement.name in {r.name for r in references(s.source)}]
        statement = readers[0]
        count += len(statement.stages)
    return count
