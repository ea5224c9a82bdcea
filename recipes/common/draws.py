"""Dynamic sampling: problems drawn from a pool, and drawn again in place of groups that teach nothing.

Every process holds the same pool, updates it with the outcomes of all processes in the same order, and so
draws the same problems, of which it plays its share. Every process takes part in the same rounds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from recipes.common.batches import Batch, merge, select
from recipes.common.episodes import Rollout
from recipes.common.groups import informative
from recipes.common.pool import ProblemPool

Gather = Callable[[list[Any]], list[Any]]
"""The items of all processes, by process; every process calls it equally often."""


@dataclass
class Round:
    """Rollouts of this process in groups of `size`, and the batch that they are the rows of.

    `played` holds all rollouts that were played for it, those that were replaced included.
    """

    batch: Batch
    rollouts: list[Rollout]
    size: int
    played: list[Rollout] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.played = self.played or list(self.rollouts)

    @property
    def informative(self) -> list[bool]:
        """For each group, whether some of its rollouts solve the problem and others do not."""
        return informative([one.solved for one in self.rollouts], self.size)


Play = Callable[[Sequence[int]], Round]
"""Plays one group for each of these positions."""


@dataclass(frozen=True)
class Draws:
    """The share of process `rank` of `processes` in what is drawn from a pool."""

    pool: ProblemPool
    rank: int
    processes: int
    gather: Gather

    def draw(self, groups: int) -> list[int]:
        """The positions of this process, `groups` of them as for every process."""
        drawn = self.pool.draw(groups * self.processes)
        return drawn[self.rank * groups : (self.rank + 1) * groups]

    def learn(self, positions: Sequence[int], made: Round) -> None:
        """Tell the pool what came of the groups on all processes."""
        solved = [one.solved for one in made.rollouts]
        counts = [
            (position, sum(solved[n * made.size : (n + 1) * made.size]))
            for n, position in enumerate(positions)
        ]
        for position, count in self.gather(counts):
            self.pool.update(position, count, made.size)

    def everywhere(self, number: int) -> list[int]:
        """The numbers that the processes give."""
        return self.gather([number])


def informative_round(
    draws: Draws, play: Play, groups: int, target: int, max_rounds: int, pad_id: int
) -> Round:
    """`groups` groups on each process, of which at least `target` on all together are informative if
    `max_rounds` rounds of generation are enough for that.

    A further round plays as many groups on every process as the one with the most groups to replace needs.
    """
    made = _play(draws, play, groups)
    for _ in range(1, max_rounds):
        found = made.informative
        missing = max(draws.everywhere(found.count(False)))
        if sum(draws.everywhere(sum(found))) >= target or missing == 0:
            break
        made = replaced(made, _play(draws, play, missing), pad_id)
    return made


def _play(draws: Draws, play: Play, groups: int) -> Round:
    positions = draws.draw(groups)
    made = play(positions)
    draws.learn(positions, made)
    return made


def replaced(made: Round, more: Round, pad_id: int) -> Round:
    """A round in which informative groups of another one stand for those that are not, as far as they go."""
    size = made.size
    holes = [group for group, good in enumerate(made.informative) if not good]
    found = [group for group, good in enumerate(more.informative) if good]
    instead = dict(zip(holes, found, strict=False))  # whichever are fewer
    rows: list[int] = []
    for group in range(len(made.informative)):
        start = group * size if group not in instead else len(made.rollouts) + instead[group] * size
        rows += range(start, start + size)
    rollouts = [*made.rollouts, *more.rollouts]
    return Round(
        batch=select(merge([made.batch, more.batch], pad_id), rows),
        rollouts=[rollouts[row] for row in rows],
        size=size,
        played=[*made.played, *more.played],
    )
