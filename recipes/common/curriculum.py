"""Curriculum: easy problems first, harder ones as the measured solve rate rises.

Standard library only, so that it can be tested and simulated without a trainer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any

LEVELS = ("easy", "medium", "hard")


@dataclass
class Curriculum:
    """Chooses which problems to train on next, by difficulty.

    A level opens when the one below it is solved often enough: its estimated solve rate has reached
    `open_at` over at least `min_episodes` episodes. Open levels share the draws in proportion to
    p (1 - p), the variance of a binary reward and hence what a group of rollouts can teach; `floor` keeps
    mastered levels from being forgotten. The solve rate is a mean over episodes that fades by `decay` with
    each one, so that it follows the policy as it learns.

    `difficulties` holds one of `LEVELS` per problem; the positions in it are what `sample` returns. Raises
    ValueError for other levels, or for no problems at all.
    """

    difficulties: Sequence[str]
    open_at: float = 0.6
    min_episodes: int = 32
    floor: float = 0.05
    decay: float = 0.98
    solved: dict[str, float] = field(default_factory=dict)
    weight: dict[str, float] = field(default_factory=dict)
    episodes: dict[str, int] = field(default_factory=dict)
    decks: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.difficulties) - set(LEVELS))
        if unknown or not self.difficulties:
            raise ValueError(f"a curriculum needs problems of difficulty {', '.join(LEVELS)}; got {unknown}")
        self._members: dict[str, list[int]] = {level: [] for level in LEVELS}
        for position, level in enumerate(self.difficulties):
            self._members[level].append(position)

    def solve_rate(self, level: str) -> float:
        """The estimated solve rate of a level, from a prior of one half worth two episodes."""
        return (self.solved.get(level, 0.0) + 1) / (self.weight.get(level, 0.0) + 2)

    def open_levels(self) -> list[str]:
        """The levels that are drawn from now, easiest first; levels without problems are passed over."""
        present = [level for level in LEVELS if self._members[level]]
        opened = present[:1]
        for below, level in pairwise(present):
            seen = self.episodes.get(below, 0)
            is_learned = seen >= self.min_episodes and self.solve_rate(below) >= self.open_at
            # A level that was opened stays open, even if the one below it is forgotten for a while.
            if not is_learned and not self.episodes.get(level, 0):
                break
            opened.append(level)
        return opened

    def shares(self) -> dict[str, float]:
        """Level -> its share of the next draws; sums to 1."""
        rates = {level: self.solve_rate(level) for level in self.open_levels()}
        raw = {level: max(rate * (1 - rate), self.floor) for level, rate in rates.items()}
        total = sum(raw.values())
        return {level: value / total for level, value in raw.items()}

    def sample(self, count: int, rng: Random) -> list[int]:
        """`count` positions of problems; within a level none is drawn twice before all were drawn."""
        shares = self.shares()
        drawn = rng.choices(list(shares), weights=list(shares.values()), k=count)
        chosen: list[int] = []
        for level in drawn:
            if not self.decks.get(level):
                self.decks[level] = rng.sample(self._members[level], k=len(self._members[level]))
            chosen.append(self.decks[level].pop())
        return chosen

    def update(self, position: int, solved: float) -> None:
        """Count one episode on the problem at `position`; `solved` is 1 or 0, or the mean of its group."""
        level = self.difficulties[position]
        self.solved[level] = self.solved.get(level, 0.0) * self.decay + solved
        self.weight[level] = self.weight.get(level, 0.0) * self.decay + 1
        self.episodes[level] = self.episodes.get(level, 0) + 1

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps, ready for JSON."""
        return {
            "solved": dict(self.solved),
            "weight": dict(self.weight),
            "episodes": dict(self.episodes),
            "decks": {level: list(deck) for level, deck in self.decks.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        self.solved = dict(state["solved"])
        self.weight = dict(state["weight"])
        self.episodes = dict(state["episodes"])
        self.decks = {level: list(deck) for level, deck in state["decks"].items()}


class CurriculumPool:
    """A curriculum that the trainer draws from, in place of a `pool.ProblemPool`.

    `ids` and `difficulties` are those of the rows of its dataset. What is drawn depends on the seed, on how
    often was drawn before, and on the outcomes so far, which have to be the same on all processes.
    Raises ValueError for another number of difficulties than of ids, and as `Curriculum` does.
    """

    def __init__(self, ids: Sequence[str], difficulties: Sequence[str], seed: int, **settings: Any) -> None:
        if len(ids) != len(difficulties):
            raise ValueError(f"{len(ids)} problems have {len(difficulties)} difficulties")
        self.ids = tuple(ids)
        self.curriculum = Curriculum(difficulties, **settings)
        self._seed, self._draws = seed, 0

    def draw(self, count: int) -> list[int]:
        """The positions of the next `count` problems."""
        self._draws += 1
        return self.curriculum.sample(count, Random(f"{self._seed}|{self._draws}"))

    def update(self, position: int, solved: int, tries: int) -> None:
        """Count the rollouts of one group on a problem."""
        for _ in range(tries):
            self.curriculum.update(position, solved / tries)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps, ready for JSON."""
        return {"ids": list(self.ids), "draws": self._draws, **self.curriculum.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`. Raises ValueError for that of other problems."""
        if list(state["ids"]) != list(self.ids):
            raise ValueError(
                "the curriculum that was saved is of other problems, or of these in another order: go on with"
                " the dataset that the run began with"
            )
        self._draws = int(state["draws"])
        self.curriculum.restore(state)
