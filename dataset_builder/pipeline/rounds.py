"""Rounds of work: which database is asked for how many problems next.

A plan depends on what was wanted and on what earlier rounds gave, never on who worked how fast.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from dataset_builder.presets import Wanted
from dataset_builder.split import Described

MAX_ROUNDS = 12
SURPLUS = 1.03
"""How much more is asked for than lacks: some repeat others, and the caps refuse some."""

STEP = 16
"""Attempts come in multiples of this: so many share the contents that they are made for."""

SHARD_ATTEMPTS = 128
"""Attempts of one job, at most: a job is to take seconds, not minutes."""

ROUND_ATTEMPTS = 1_024
"""Attempts that one database is worth in a round, at most."""

SECOND_CHANCE = 64
"""Attempts of another round for a database that has given nothing."""

FIRST_RATE = 0.5
"""Problems for an attempt that a database is expected to give before it was tried."""

PATIENCE = 2
"""After so many rounds in a row without a problem, a database is not asked for that category again."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A task for one database: `wanted` problems by category at most, from these attempts."""

    stage: str
    database: Described
    wanted: dict[str, int]
    attempts: tuple[int, int]


Given = Mapping[tuple[int, str], int]
"""Problems by database (its number) and category."""


@dataclass
class Yields:
    """What the databases have given so far, by their number, most of it by category as well."""

    in_vain: Counter[tuple[int, str]] = field(default_factory=Counter)
    asked: Counter[tuple[int, str]] = field(default_factory=Counter)
    given: Counter[tuple[int, str]] = field(default_factory=Counter)
    tried: Counter[int] = field(default_factory=Counter)
    planned: Counter[int] = field(default_factory=Counter)

    def learn(self, shards: Sequence[Shard], given: Given, tried: Mapping[int, int]) -> None:
        """Take in a round: its shards, the problems they gave, and the attempts each database took."""
        asked: Counter[tuple[int, str]] = Counter()
        for shard in shards:
            for category, count in shard.wanted.items():
                asked[shard.database.number, category] += count
        for key, count in asked.items():
            self.asked[key] += count
            self.given[key] += given.get(key, 0)
            self.in_vain[key] = 0 if given.get(key, 0) else self.in_vain[key] + 1
        self.tried.update(tried)

    def worth_asking(self, database: Described, category: str) -> bool:
        """Whether another round may find something."""
        return self.in_vain[database.number, category] < PATIENCE

    def share(self, database: Described, category: str) -> float:
        """The share of what was asked that came, 1 where nothing was asked yet; never 0."""
        key = database.number, category
        return max(self.given[key] / self.asked[key], 0.05) if self.asked[key] else 1.0

    def attempts(self, database: Described, count: int) -> int:
        """How many attempts should give `count` problems, with some to spare."""
        tried = self.tried[database.number]
        found = sum(count for (number, _), count in self.given.items() if number == database.number)
        if tried and not found:
            return SECOND_CHANCE
        rate = found / tried if tried else FIRST_RATE
        return min(ROUND_ATTEMPTS, STEP * ceil(1.5 * count / rate / STEP))


def plan(lacking: Wanted, dealt: Mapping[str, Sequence[Described]], yields: Yields) -> list[Shard]:
    """The shards of the next round; none where no database is worth asking.

    What lacks is asked of the databases of the stage, more of those that gave what they were asked for.
    """
    shards = []
    for stage, sizes in lacking.items():
        asked: Counter[int] = Counter()
        quotas = {c: _quotas(dealt[stage], c, n, yields, asked) for c, n in sizes.items()}
        for database in dealt[stage]:
            wanted = {category: quotas[category].get(database.number, 0) for category in sizes}
            if any(wanted.values()):
                shards += _cut(stage, database, wanted, yields)
    return shards


def _quotas(
    databases: Sequence[Described], category: str, count: int, yields: Yields, asked: Counter[int]
) -> dict[int, int]:
    """How many problems to ask of each database, by its number; adds them to what was `asked` of it.

    What is left after rounding down goes to those of which least was asked.
    """
    able = [database for database in databases if yields.worth_asking(database, category)]
    shares = {database.number: yields.share(database, category) for database in able}
    wanted, total = ceil(count * SURPLUS), sum(shares.values())
    quotas = {number: int(wanted * share / total) for number, share in shares.items()}
    asked.update(quotas)
    for number in sorted(quotas, key=lambda number: (asked[number], number))[: wanted - sum(quotas.values())]:
        quotas[number] += 1
        asked[number] += 1
    return quotas


def _cut(stage: str, database: Described, wanted: Mapping[str, int], yields: Yields) -> list[Shard]:
    """Shards of one database, each with its part of the attempts and of every category."""
    attempts = yields.attempts(database, sum(wanted.values()))
    start = yields.planned[database.number]
    yields.planned[database.number] += attempts
    ranges = [
        (first, min(first + SHARD_ATTEMPTS, start + attempts))
        for first in range(start, start + attempts, SHARD_ATTEMPTS)
    ]
    part = {category: ceil(count / len(ranges)) for category, count in wanted.items() if count}
    return [Shard(stage, database, part, place) for place in ranges]
