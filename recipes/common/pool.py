"""The pool that dynamic sampling draws from: problems whose rollouts differ come more often than the others.

A group teaches something only if some of its rollouts solve the problem and others do not. How likely that is
follows from the problem's solve rate p, which is estimated from what was played so far: the weight of a
problem is the expected variance of one rollout, E[p (1 - p)], under the Beta distribution of its estimate.

Standard library only, so that it can be tested and simulated without a trainer. Nothing here is random but
the order within a deck, which follows from the seed: ranks that hold the same pool and update it with the
same outcomes draw the same problems.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

PRIOR = 0.5
"""Solved and unsolved rollouts that a problem begins with: the prior of Jeffreys, Beta(1/2, 1/2)."""


class ProblemPool:
    """Draws positions of `ids`, deck by deck.

    The first deck holds every problem once. From then on a problem gathers credit at the start of each deck,
    in proportion to its weight: 1 for the one that teaches most, at least `floor` for any other. A whole
    credit is paid for a place in the deck. So no problem comes twice in a deck, shares of draws follow the
    weights, and none starves: it comes in every 1 / `floor` decks at the latest.

    A problem whose estimated solve rate reaches `rest_at` rests: it comes back for a look after `rest_for`
    decks, and rests again if it is still solved. The estimate fades by 1 / `memory` with each rollout, so
    that it follows the policy as it learns.

    Raises ValueError for no ids, for one that is there twice, and for settings without sense.
    """

    def __init__(
        self,
        ids: Sequence[str],
        seed: int,
        rest_at: float = 0.9,
        *,
        rest_for: int = 8,
        floor: float = 0.2,
        memory: float = 32.0,
    ) -> None:
        if not ids or len(set(ids)) < len(ids):
            raise ValueError(f"a pool needs problems, each once; got {len(ids)}, {len(set(ids))} different")
        if not (0 < rest_at <= 1 and rest_for >= 1 and 0 < floor <= 1 and memory > 1):
            raise ValueError("a pool needs rest_at and floor above 0 up to 1, rest_for >= 1, memory > 1")
        self.ids = tuple(ids)
        self._seed, self._rest_at, self._rest_for, self._floor = seed, rest_at, rest_for, floor
        self._fade = 1 - 1 / memory
        self._solved = [0.0] * len(ids)
        self._tries = [0.0] * len(ids)
        # A whole credit each: the first deck is all problems.
        self._credit = [1.0] * len(ids)
        self._decks = 0
        self._deck: deque[int] = deque()

    def draw(self, count: int) -> list[int]:
        """The next `count` positions; in a draw none comes twice before the others of its decks came once."""
        chosen: list[int] = []
        while len(chosen) < count:
            if not self._deck:
                self._refill(chosen)
            chosen.append(self._deck.popleft())
        return chosen

    def update(self, position: int, solved: int, tries: int) -> None:
        """Count the rollouts of one group on a problem. Raises ValueError unless 0 <= solved <= tries."""
        if not 0 <= solved <= tries:
            raise ValueError(f"of {tries} rollouts, 0 to {tries} are solved, not {solved}")
        was_resting = self.is_resting(position)
        fade = self._fade**tries
        self._solved[position] = self._solved[position] * fade + solved
        self._tries[position] = self._tries[position] * fade + tries
        if self.is_resting(position) and not was_resting:
            self._credit[position] = 0.0

    def solve_rate(self, position: int) -> float:
        """The estimated solve rate of a problem, 0.5 before it was played."""
        return (self._solved[position] + PRIOR) / (self._tries[position] + 2 * PRIOR)

    def is_resting(self, position: int) -> bool:
        """Whether a problem is solved so often that it can wait."""
        return self.solve_rate(position) >= self._rest_at

    def resting(self) -> int:
        """How many problems rest."""
        return sum(map(self.is_resting, range(len(self.ids))))

    def weight(self, position: int) -> float:
        """The expected variance of one rollout, E[p (1 - p)]: 1/8 before it was played, 1/4 at most."""
        a = self._solved[position] + PRIOR
        b = self._tries[position] - self._solved[position] + PRIOR
        return a * b / ((a + b) * (a + b + 1))

    def shares(self) -> list[float]:
        """The credit that each problem gathers with a deck, up to 1."""
        awake = [0.0 if self.is_resting(n) else self.weight(n) for n in range(len(self.ids))]
        best = max(awake)
        return [max(weight / best, self._floor) if weight else 1 / self._rest_for for weight in awake]

    def _refill(self, drawn: Sequence[int]) -> None:
        """Make the next deck. What this draw already holds goes to its end."""
        while not self._deck:
            if self._decks:
                self._credit = [c + share for c, share in zip(self._credit, self.shares(), strict=True)]
            # Sums of shares such as 0.2 are a little less than whole.
            places = [n for n, credit in enumerate(self._credit) if credit >= 1 - 1e-9]
            for place in places:
                self._credit[place] -= 1
            Random(f"{self._seed}|{self._decks}").shuffle(places)
            there = set(drawn)
            self._deck = deque(sorted(places, key=there.__contains__))
            self._decks += 1

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps, ready for JSON."""
        return {
            "ids": list(self.ids),
            "solved": list(self._solved),
            "tries": list(self._tries),
            "credit": list(self._credit),
            "decks": self._decks,
            "deck": list(self._deck),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`. Raises ValueError for that of a pool of other problems."""
        if list(state["ids"]) != list(self.ids):
            gone = len(set(state["ids"]) - set(self.ids))
            raise ValueError(
                f"the pool that was saved is of other problems ({len(state['ids'])} of them, {gone} not here)"
                ", or of these in another order: go on with the dataset that the run began with"
            )
        self._solved, self._tries = list(state["solved"]), list(state["tries"])
        self._credit = list(state["credit"])
        self._decks, self._deck = int(state["decks"]), deque(state["deck"])
