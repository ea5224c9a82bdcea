"""What a model is asked for: programs for a schema, and mistakes in a program, as requests of the API."""

import json
from collections import Counter
from collections.abc import Sequence

from dataset_builder.llm_requests import object_schema, structured, text_properties
from dataset_builder.model import Contents, Database
from dataset_builder.seeding import seeded
from dsl_debug.episode import prompts
from dsl_debug.policies.answers import sound
from dsl_debug.policies.endpoint import Body, Settings

SHOWN_VALUES = 6
MAX_VALUE = 40
SHOWN_TABLES, SHOWN_COLUMNS = 12, 30
"""What is shown of a schema at most."""

# What a program is asked to have; every request draws some.
SHAPES = (
    "join two tables along a key relation",
    "join three tables along key relations",
    "aggregate first, and join the result with another table",
    "group by a column and compute two different aggregates",
    "group by two columns",
    "filter on a number and on a text at once",
    "filter groups by an aggregate, such as those with at least a few rows",
    "compute a new column from two numeric columns before aggregating it",
    "compute a ratio of two aggregates",
    "count the distinct values of a column in each group",
    "rank the groups by an aggregate and take the first few",
    "split one table into two with different filters, aggregate both and join them again",
    "use `or` in a condition",
    "sort by two columns, the less important one first",
)

MISTAKES = (
    "a sum where an average is meant, or the other way round",
    "a count of rows where a count of distinct values is meant, or the other way round",
    "the largest or smallest value where an average or a sum is meant",
    "another numeric column measured",
    "groups that are too coarse, too fine or of the wrong thing",
    "the order the wrong way round",
    "a condition that keeps what should be left out",
    "a condition on another value or at another bound",
    "a condition that was forgotten",
    "a first few of another size",
    "a ratio upside down, or a difference the wrong way round",
    "a join on the wrong pair of columns",
)

_INTENT = "one plain sentence that says what the program is for, without words of the language"
PROGRAM_SCHEMA = object_schema(
    text_properties({"intent": _INTENT, "program": "the whole program, without comments"})
)
MISTAKE_FIELDS = {
    "description": "one sentence that says what is wrong, such as 'adds up fees instead of averaging them'",
    "original": "the line of the correct program, exactly as it stands there",
    "mutated": 'the same line with the mistake; "" if the line is left out',
}
MISTAKES_SCHEMA = object_schema(
    {
        "mistakes": {"type": "array", "items": object_schema(text_properties(MISTAKE_FIELDS))},
        **text_properties({"buggy_program": "the whole program with all the mistakes, without comments"}),
    }
)

_PROGRAMS = """\
You write programs in a small dataflow language over tables. They answer a question that somebody who owns \
the tables would ask. A program gives 2 to 20 rows with at most 12 columns, and its last `sort_by` leaves \
no ties. Everything in it matters: a condition keeps some rows and drops some, a `take` cuts something off, \
groups hold several rows. Names say what a table or a column is. There are no comments. Answer with one JSON \
object: {"intent": "...", "program": "..."}."""

_DEGRADED = """\
You write exercises in debugging programs of a small dataflow language over tables. You get a correct \
program and what it is for, and change it the way a programmer does who has misunderstood 2 or 3 things. \
Each mistake changes exactly one line and alone changes the rows that come out. The program still runs \
without an error, and its tables and columns keep their names, which go on saying what was meant. There are \
no comments. Answer with one JSON object: \
{"mistakes": [{"description": "...", "original": "...", "mutated": "..."}], "buggy_program": "..."}."""


def program_body(settings: Settings, database: Database, tables: Contents, seed: int, number: int) -> Body:
    """Request number `number` for a program over these tables."""
    rng = seeded("llm-program", seed, database.source, database.id, number)
    shapes = rng.sample(SHAPES, 2)
    task = (
        f"{_described(database, tables)}\n\n# Program\n\nIt should {shapes[0]}, and {shapes[1]} if it fits."
    )
    system = f"{_PROGRAMS}\n\n{prompts.LANGUAGE}"
    return structured(settings, system, task, "program", PROGRAM_SCHEMA, rng.randrange(2**31))


def _described(database: Database, tables: Contents) -> str:
    """The schema, its relations, and some values of each column, as a model reads it."""
    lines = [f"# Database {database.title or database.id}"]
    for name, table in list(tables.items())[:SHOWN_TABLES]:
        key = f", key {database.keys[name]}" if name in database.keys else ""
        lines += ["", f"{name} ({table.length} rows{key})"]
        lines += [
            f"- {column} ({table.types[column]}): {_values(table.columns[column])}"
            for column in table.names[:SHOWN_COLUMNS]
        ]
    relations = [
        f"- {k.table}.{k.column} -> {k.target}.{k.target_column}"
        for k in database.foreign_keys
        if k.table in tables and k.target in tables
    ]
    return "\n".join([*lines, *(["", "Relations:"] if relations else []), *relations])


def _values(values: Sequence[int | float | str]) -> str:
    """The commonest values, by how often they stand there, and what range they are of."""
    counts = Counter(values)
    commonest = [value for value, _ in counts.most_common(SHOWN_VALUES)]
    cut = [value[:MAX_VALUE] if isinstance(value, str) else value for value in commonest]
    shown = ", ".join(json.dumps(sound(value), ensure_ascii=False) for value in cut)
    if len(counts) <= SHOWN_VALUES:
        return shown
    numbers = [value for value in values if not isinstance(value, str)]
    limits = f", from {min(numbers)} to {max(numbers)}" if len(numbers) == len(values) else ""
    return f"{shown}, ... ({len(counts)} different{limits})"


def mistakes_body(
    settings: Settings, text: str, intent: str, tables: Contents, seed: int, number: int
) -> Body:
    """Request number `number` for mistakes in the program `text`."""
    rng = seeded("llm-degrade", seed, text, number)
    kinds = "\n".join(f"- {kind}" for kind in rng.sample(MISTAKES, 5))
    columns = "\n".join(f"- {name}: {', '.join(table.names)}" for name, table in tables.items())
    task = (
        f"# Tables\n\n{columns}\n\n# What it is for\n\n{intent}\n\n# Correct program\n\n```\n{text}```\n\n"
        f"# Mistakes\n\nMake {rng.choice((2, 3))} mistakes. Kinds that may fit:\n{kinds}"
    )
    system = f"{_DEGRADED}\n\n{prompts.LANGUAGE}"
    return structured(settings, system, task, "mistakes", MISTAKES_SCHEMA, rng.randrange(2**31))
