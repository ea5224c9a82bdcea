"""Dynamic sampling: which groups are replaced by which, and that processes draw the same problems."""

from collections.abc import Callable, Sequence
from threading import Barrier, Thread
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'dsl-debug[train]'")

from recipes.common.draws import Draws, Round, informative_round  # noqa: E402
from recipes.common.pool import ProblemPool  # noqa: E402
from tests.problems import BUGGY, CORRECT, make_problem  # noqa: E402
from tests.recipes.played import call, rollout  # noqa: E402

SIZE, PAD = 2, 0
PROBLEM = make_problem()
RIGHT, WRONG = ([call("submit", code=code)] for code in (CORRECT, BUGGY))
ROLLOUTS = {True: rollout(PROBLEM, RIGHT), False: rollout(PROBLEM, WRONG)}


def played(positions: Sequence[int], solved: Callable[[int], Sequence[bool]], width: int) -> Round:
    """Groups of which each row holds its position as its only id of a completion of `width` ids."""
    rows = [(position, good) for position in positions for good in solved(position)]
    ids = torch.tensor([[position] * width for position, _ in rows])
    ones = torch.ones_like(ids)
    batch = {
        "prompt_ids": ids,
        "prompt_mask": ones,
        "completion_ids": ids,
        "completion_mask": ones,
        "tool_mask": ones,
        "advantages": torch.tensor([float(position) for position, _ in rows]),
    }
    return Round(batch, [ROLLOUTS[good] for _, good in rows], SIZE)


class Processes:
    """Processes as threads, that gather what each of them gives."""

    def __init__(self, count: int) -> None:
        self._given: list[list[Any]] = [[] for _ in range(count)]
        self._barrier = Barrier(count, timeout=60)

    def gather(self, rank: int) -> Callable[[list[Any]], list[Any]]:
        def gather(items: list[Any]) -> list[Any]:
            self._given[rank] = items
            self._barrier.wait()
            everything = [item for given in self._given for item in given]
            self._barrier.wait()
            return everything

        return gather


def informative_from(first: int) -> Callable[[int], Sequence[bool]]:
    """Problems from this position on are solved by one rollout of two, the others by both."""
    return lambda position: [True, position < first]


def run(
    solved: Callable[[int], Sequence[bool]], groups: int, target: int, rounds: int, processes: int = 1
) -> tuple[list[Round], list[list[int]], list[ProblemPool]]:
    """The round of each process, how many groups each played round by round, and their pools."""
    meeting = Processes(processes)
    pools = [ProblemPool([f"p{n}" for n in range(40)], seed=1) for _ in range(processes)]
    made: list[Any] = [None] * processes
    asked: list[list[int]] = [[] for _ in range(processes)]

    def work(rank: int) -> None:
        draws = Draws(pools[rank], rank, processes, meeting.gather(rank))

        def play(positions: Sequence[int]) -> Round:
            asked[rank].append(len(positions))
            return played(positions, solved, width=len(asked[rank]))

        made[rank] = informative_round(draws, play, groups, target, rounds, PAD)

    threads = [Thread(target=work, args=(rank,)) for rank in range(processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    return made, asked, pools


def test_groups_that_teach_nothing_are_replaced() -> None:
    (made,), (asked,), _ = run(informative_from(20), groups=4, target=4, rounds=10)
    assert made.informative == [True] * 4
    assert len(asked) > 1, "the first round was not enough"
    assert len(made.rollouts) == 8
    assert len(made.played) == SIZE * sum(asked)
    rows = made.batch["advantages"].tolist()
    assert rows[::2] == rows[1::2], "groups stay whole"
    assert min(rows) >= 20
    # Each row is still the one of its position, whatever the width of its round was.
    widths = made.batch["completion_mask"].sum(dim=1).tolist()
    for row, width in enumerate(widths):
        assert made.batch["completion_ids"][row, :width].tolist() == [rows[row]] * width
        assert made.batch["prompt_ids"][row, -width:].tolist() == [rows[row]] * width


def test_rounds_end_at_the_cap() -> None:
    (made,), (asked,), _ = run(lambda position: [False, False], groups=3, target=3, rounds=4)
    assert asked == [3, 3, 3, 3]
    assert made.informative == [False] * 3
    assert (len(made.rollouts), len(made.played)) == (6, 24)


def test_no_more_is_drawn_than_asked_for() -> None:
    assert run(informative_from(0), groups=4, target=4, rounds=9)[1] == [[4]]
    assert run(informative_from(40), groups=4, target=0, rounds=9)[1] == [[4]]


def test_the_pool_learns_of_every_group_that_was_played() -> None:
    _, (asked,), (pool,) = run(informative_from(20), groups=4, target=4, rounds=10)
    rates = [pool.solve_rate(position) for position in range(40)]
    assert sum(rate != 0.5 for rate in rates[:20]) + len(asked) >= 3, "solved ones are known"
    expected = ProblemPool(pool.ids, seed=1)
    for count in asked:
        for position in expected.draw(count):
            expected.update(position, sum(informative_from(20)(position)), SIZE)
    assert pool.state() == expected.state()


def test_processes_take_the_same_rounds_and_keep_the_same_pool() -> None:
    made, asked, pools = run(informative_from(30), groups=3, target=6, rounds=12, processes=2)
    assert asked[0] == asked[1]
    assert pools[0].state() == pools[1].state()
    assert [one.informative for one in made] == [[True] * 3] * 2
    rows = [set(one.batch["advantages"].tolist()) for one in made]
    assert not rows[0] & rows[1] or len(asked[0]) > 13, "each plays problems of its own"


def test_a_process_that_has_all_it_needs_goes_on_with_the_others() -> None:
    """The target is that of all together: one process may have more than its share and another less."""
    made, asked, _ = run(informative_from(30), groups=2, target=3, rounds=12, processes=2)
    assert asked[0] == asked[1]
    assert sum(sum(one.informative) for one in made) >= 3
