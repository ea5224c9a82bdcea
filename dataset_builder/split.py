"""Which database serves which stage, and the proof that nothing is in two of them.

Databases that share a table (its name and the names and types of its columns) stay together: who has seen one
of them knows the other. Such groups are dealt out to the stages in proportion to the problems wanted there.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeVar

from dataset_builder.model import Database
from dataset_builder.presets import STAGES
from dataset_builder.seeding import seeded
from dsl_debug.lang import Program
from dsl_debug.lang.nodes import Literal, Take

MIN_SHARES = {"test": 0.15, "validation": 0.05, "sft_validation": 0.03}
"""The share of the databases that a stage gets at least: one large database could give all its problems, but
a figure measured on a single database says little about others."""

MIN_SHARE = 0.03
"""The same for the stages that MIN_SHARES does not name."""

T = TypeVar("T")


@dataclass(frozen=True)
class Described:
    """What is known of a database without its rows.

    `tables` maps a table to its columns and their types, `rows` to its number of rows. `number` is its place
    among the databases of the build.
    """

    number: int
    id: str
    source: str
    title: str
    tables: dict[str, dict[str, str]]
    rows: dict[str, int]

    @classmethod
    def of(cls, database: Database, number: int) -> "Described":
        """The description of a database."""
        tables = {name: dict(table.types) for name, table in database.tables.items()}
        rows = {name: table.length for name, table in database.tables.items()}
        return cls(number, database.id, database.source, database.title, tables, rows)

    def signatures(self) -> list[str]:
        """One text for each table: its name and its columns with their types, whatever their order."""
        return [
            f"{name}({', '.join(f'{column}: {kind}' for column, kind in sorted(columns.items()))})"
            for name, columns in sorted(self.tables.items())
        ]

    def weight(self) -> float:
        """How much a database is good for, 0 to 1: little tables give few programs."""
        return min(200, max(self.rows.values(), default=0)) / 200


class TooFew(ValueError):
    """There are fewer groups of databases than stages."""


def group(databases: Sequence[Described]) -> list[list[Described]]:
    """The databases in groups that share no table with one another, each in the order given."""
    home = list(range(len(databases)))

    def root(place: int) -> int:
        while home[place] != place:
            home[place] = home[home[place]]
            place = home[place]
        return place

    owner: dict[str, int] = {}
    for place, database in enumerate(databases):
        for signature in database.signatures():
            first, second = root(owner.setdefault(signature, place)), root(place)
            home[max(first, second)] = min(first, second)
    groups: dict[int, list[Described]] = {}
    for place, database in enumerate(databases):
        groups.setdefault(root(place), []).append(database)
    return list(groups.values())


def deal(databases: Sequence[Described], wanted: Mapping[str, int], seed: int) -> dict[str, list[Described]]:
    """The databases of each stage, in their order.

    `wanted` counts the problems of each stage. The groups come large ones first, and each goes to the stage
    that is furthest behind its share (the method of Sainte-Lague); a stage that has nothing in the end, or
    fewer databases than MIN_SHARES says, takes groups from the stage that has most. Raises TooFew.
    """
    groups = _in_order(group(databases), seed)
    stages = [stage for stage in STAGES if wanted[stage] > 0]
    if len(groups) < len(stages):
        raise TooFew(
            f"{len(stages)} stages need a group of databases each, and the {len(databases)} usable databases"
            f" make {len(groups)} (databases that share a table are one group): add others"
        )
    dealt = _apportioned(groups, _shares(stages, wanted))
    for stage in MIN_SHARES:
        _fill(dealt, stage, len(databases))
    return {
        stage: sorted((d for part in dealt.get(stage, []) for d in part), key=lambda d: d.number)
        for stage in STAGES
    }


def _in_order(groups: list[list[Described]], seed: int) -> list[list[Described]]:
    """Large groups first, then those good for much; what is alike in that comes in an order of the seed."""
    rng = seeded("split", seed)
    shuffled = rng.sample(groups, len(groups))
    return sorted(shuffled, key=lambda part: (len(part), sum(d.weight() for d in part)), reverse=True)


def _shares(stages: Sequence[str], wanted: Mapping[str, int]) -> dict[str, float]:
    total = sum(wanted[stage] for stage in stages)
    return {
        stage: max(wanted[stage] / total, MIN_SHARES.get(stage, MIN_SHARE) if len(stages) > 1 else 1.0)
        for stage in stages
    }


def _apportioned(
    groups: list[list[Described]], shares: Mapping[str, float]
) -> dict[str, list[list[Described]]]:
    weights = [sum(max(d.weight(), 0.05) for d in part) for part in groups]
    unit = sum(weights) / len(weights)
    dealt: dict[str, list[list[Described]]] = {stage: [] for stage in shares}
    got = dict.fromkeys(shares, 0.0)
    for part, weight in zip(groups, weights, strict=True):
        stage = max(shares, key=lambda stage: shares[stage] / (got[stage] + unit / 2))
        dealt[stage].append(part)
        got[stage] += weight
    for parts in dealt.values():
        if not parts:
            parts.append(_taken(dealt))
    return dealt


def _taken(dealt: dict[str, list[list[Described]]]) -> list[Described]:
    """A group of middling size, of the stage that has most groups: the smallest ones give few problems."""
    most = dealt[max(dealt, key=lambda stage: len(dealt[stage]))]
    return most.pop(len(most) // 2)


def _fill(dealt: dict[str, list[list[Described]]], stage: str, total: int) -> None:
    """Give a stage its share of the databases, as long as another one has groups to spare."""
    others = {name: parts for name, parts in dealt.items() if name != stage}
    while stage in dealt and sum(map(len, dealt[stage])) < MIN_SHARES[stage] * total:
        if max(map(len, others.values()), default=0) < 2:
            return
        dealt[stage].append(_taken(others))


# Programs


def without_values(program: Program) -> Program:
    """The program with 0 for every number and "" for every text, so that only its build counts."""
    return _blanked(program)


def _blanked(node: T) -> T:
    match node:
        case Literal():
            return dataclasses.replace(node, value="" if isinstance(node.value, str) else 0)
        case Take():
            return dataclasses.replace(node, count=0)
        case tuple():
            return tuple(_blanked(part) for part in node)  # type: ignore[return-value]
    if not dataclasses.is_dataclass(node) or isinstance(node, type):
        return node
    values = {f.name: getattr(node, f.name) for f in dataclasses.fields(node) if f.compare}
    blanked = {name: _blanked(value) for name, value in values.items()}
    return dataclasses.replace(node, **blanked)


# Leakage


def leakage(kinds: Mapping[str, Mapping[str, Iterable[str]]]) -> dict[str, Any]:
    """How many things of each kind two stages share (0 everywhere, or the build is wrong), and which stages.

    `kinds` maps what is compared (database, program, ...) to what each stage holds of it.
    """
    shared = {}
    for kind, by_stage in kinds.items():
        held = {stage: set(things) for stage, things in sorted(by_stage.items())}
        common = {f"{one}, {other}": len(held[one] & held[other]) for one, other in combinations(held, 2)}
        shared[kind] = {
            "shared": sum(common.values()),
            "between": {pair: count for pair, count in common.items() if count},
        }
    return shared
