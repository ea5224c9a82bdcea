"""What the jobs of a build do: each function takes a specification that JSON can hold and gives rows.

They run in processes of their own, maybe on other machines, and see nothing but the specification and the
work folder. That is why a result is the same whoever works it out.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from dataset_builder import catalog
from dataset_builder.arena import build_arena
from dataset_builder.canonical import canonical
from dataset_builder.databases import Unusable, discover, read_database
from dataset_builder.experts import Failed, recorded, reference_trajectory
from dataset_builder.llm_problems import written_problems
from dataset_builder.model import Database
from dataset_builder.pipeline.dialects import in_dialect
from dataset_builder.pipeline.shards import Spec, digest
from dataset_builder.pipeline.stored import (
    database_from_json,
    database_to_json,
    read_problem,
    trajectory_to_json,
)
from dataset_builder.problems import Made, make_problems
from dataset_builder.seeding import seeded
from dataset_builder.split import Described, without_values
from dsl_debug.lang import DslError, parse, run
from dsl_debug.policies.endpoint import Settings, parse_target
from dsl_debug.problem import DslProblem, Row
from dsl_debug.sandbox import Sandbox


@dataclass(frozen=True)
class Work:
    """The function of all jobs: `spec["do"]` names the one in STEPS."""

    folder: Path

    def __call__(self, spec: Spec) -> Sequence[Row]:
        return STEPS[spec["do"]](self.folder, spec)


# Databases. Two rows: the description and the database; or one, {"unusable": reason}.


def make_catalog_database(_: Path, spec: Spec) -> list[Row]:
    """One database of a family of the catalog."""
    family, variant = spec["family"], spec["variant"]
    return _described(catalog.generate(family, seeded("catalog", spec["seed"], family, variant)), spec)


def read_file(_: Path, spec: Spec) -> list[Row]:
    """One SQLite file of a folder."""
    for file in discover(Path(spec["folder"])):
        if file.id == spec["id"]:
            try:
                return _described(read_database(file, spec["source"]), spec)
            except Unusable as error:
                return [{"unusable": error.reason}]
    return [{"unusable": "the file is gone"}]


def _described(database: Database, spec: Spec) -> list[Row]:
    return [asdict(Described.of(database, spec["number"])), database_to_json(database)]


@lru_cache(maxsize=4)
def _database(path: Path) -> Database:
    with path.open(encoding="utf-8") as lines:
        next(lines)
        return database_from_json(json.loads(next(lines)))


# Problems. The first row counts and describes the others.


def make_shard(folder: Path, spec: Spec) -> list[Row]:
    """Problems of one database, from a range of attempts."""
    database, attempts = _database(folder / spec["database"]), range(*spec["attempts"])
    return _shard(make_problems(database, spec["wanted"], attempts, spec["seed"]), spec)


def write_shard(folder: Path, spec: Spec) -> list[Row]:
    """Problems of one database, from programs and bugs that a model writes."""
    model, url = parse_target(spec["writer"])
    settings = Settings(model, url, Path(spec["answers"]))
    database = _database(folder / spec["database"])
    return _shard(written_problems(settings, database, spec["wanted"], spec["seed"]), spec)


def _shard(made: Made, spec: Spec) -> list[Row]:
    heads = [_head(problem, spec["stage"]) for problem in made.problems]
    counts = dict(sorted(made.counts.items()))
    return [{"heads": heads, "counts": counts}, *(problem.to_row() for problem in made.problems)]


def _head(problem: DslProblem, stage: str) -> Row:
    program = parse(problem.correct_code)
    return {
        "id": problem.id,
        "stage": stage,
        "category": problem.category,
        "database": problem.database,
        "program": digest(canonical(program))[:24],
        "build": digest(canonical(without_values(program)))[:24],
        "rows": problem.expected_output.length,
        "error": raises(problem),
        "code": problem.correct_code,
    }


def raises(problem: DslProblem) -> bool:
    """Whether the buggy program gives a message instead of rows."""
    try:
        run(problem.buggy_code, problem.tables, dialect=problem.dialect)
    except DslError:
        return True
    return False


# What is made from problems that are there already. `spec["problems"]` holds the places of their rows.


def _problems(folder: Path, spec: Spec) -> Iterator[DslProblem]:
    return (read_problem(folder, file, offset) for file, offset in spec["problems"])


def teach(folder: Path, spec: Spec) -> list[Row]:
    """A trajectory of the reference teacher for each problem that it solves."""
    rows = []
    for problem in _problems(folder, spec):
        with suppress(Failed):  # what lacks is seen in the report: fewer trajectories than problems
            trajectory = reference_trajectory(problem, seeded("sft", spec["seed"], problem.id))
            rows.append(trajectory_to_json(trajectory))
    return rows


def trace(folder: Path, spec: Spec) -> list[Row]:
    """What the model-free agents do on the problems."""
    problems = _problems(folder, spec)
    return [recorded(policy, p, spec["seed"]) for p in problems for policy in spec["policies"]]


def translate(folder: Path, spec: Spec) -> list[Row]:
    """The problems in a dialect each, those left out that have no text in another dialect."""
    made = (in_dialect(p, seeded("dialect", spec["seed"], p.id)) for p in _problems(folder, spec))
    return [problem.to_row() for problem in made if problem]


def make_arena(_: Path, spec: Spec) -> list[Row]:
    """The arena: its report, then its rows, each with its split."""
    # All that is run here is our own, so that layers which a machine lacks are no danger.
    with Sandbox(allow_missing_layers=True) as box:
        splits, report = build_arena(spec["seed"], spec["per_function"], box, spec["threads"])
    rows = [{"split": split, "row": p.to_row()} for split, problems in splits.items() for p in problems]
    return [report, *rows]


STEPS: dict[str, Callable[[Path, Spec], list[Row]]] = {
    "catalog": make_catalog_database,
    "file": read_file,
    "problems": make_shard,
    "write": write_shard,
    "teach": teach,
    "trace": trace,
    "translate": translate,
    "arena": make_arena,
}
