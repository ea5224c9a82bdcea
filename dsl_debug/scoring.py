"""What came out of an episode, and what it earns.

A reward is a pure function of an `Outcome`, a frozen record of facts. No transcript is ever read for it:
what a model writes about its success cannot matter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

# The most that a program which is not right everywhere can earn from "partial".
PARTIAL_CAP = 0.9


@dataclass(frozen=True, slots=True)
class Outcome:
    """The facts about one episode.

    `submitted` is the program text that was submitted, None if none was. `visible_match` says whether it
    gives the expected rows, `hidden_matches` the same for each hidden suite; the suites are run only if the
    visible rows match, and all count as False otherwise. `row_share` (0 to 1) is the share of right rows on
    the visible tables, see `reward`. `error` is the text of what went wrong on the visible tables, None if
    nothing did. `unchanged` says whether the submission is the buggy program, as a tree. `turns` counts
    messages, `calls` the calls of each tool that were carried out, `tokens` what the model wrote, where that
    is known.
    """

    submitted: str | None = None
    visible_match: bool = False
    hidden_matches: tuple[bool, ...] = ()
    row_share: float = 0.0
    error: str | None = None
    unchanged: bool = False
    turns: int = 0
    calls: Mapping[str, int] = field(default_factory=dict)
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ArenaOutcome(Outcome):
    """The facts about one episode of the arena.

    A hidden match is one hidden test. `passed` says of every test, visible ones first, whether the submission
    passes it; `improved` whether it passes one that the buggy function fails. `well_formed`: it is Python and
    defines the function. `tampering` names what is forbidden in it, or was in a version tried before.
    """

    passed: tuple[bool, ...] = ()
    improved: bool = False
    well_formed: bool = False
    tampering: tuple[str, ...] = ()


def _visible(outcome: Outcome) -> float:
    return float(outcome.submitted is not None and outcome.visible_match)


def _robust(outcome: Outcome) -> float:
    return float(_visible(outcome) == 1.0 and all(outcome.hidden_matches))


def _partial(outcome: Outcome) -> float:
    if outcome.submitted is None:
        return 0.0
    return 1.0 if _robust(outcome) else min(outcome.row_share, PARTIAL_CAP)


# The four signals of the arena. The first three are for submissions; an unchanged function earns none.


def _tests_passed(outcome: ArenaOutcome) -> float:
    return sum(outcome.passed) / len(outcome.passed) if outcome.improved else 0.0


def _full_solve(outcome: ArenaOutcome) -> float:
    return 2.0 if outcome.improved and all(outcome.passed) else 0.0


def _format(outcome: ArenaOutcome) -> float:
    if outcome.submitted is None or outcome.unchanged:
        return 0.0
    return 0.2 if outcome.well_formed else -0.3


def _tampering(outcome: ArenaOutcome) -> float:
    return -1.0 if outcome.tampering else 0.0


SIGNALS: dict[str, Callable[[ArenaOutcome], float]] = {
    "r1": _tests_passed,
    "r2": _full_solve,
    "r3": _format,
    "r4": _tampering,
}


def signals(outcome: ArenaOutcome) -> dict[str, float]:
    """The four signals of an arena episode, each by itself; their sum is its reward, from -1.3 to 3.2.

    - `r1`: the share of tests passed, hidden ones included, 0 to 1; 0 for a function that passes no test
      which the buggy one fails: what passed anyway is no merit, in whatever words it is handed in again.
    - `r2`: 2 if all tests pass.
    - `r3`: 0.2 for a well-formed function of the right name, -0.3 for anything else; 0 for the unchanged one.
    - `r4`: -1 for forbidden imports or tampering, in any version that was tried.
    """
    return {name: signal(outcome) for name, signal in SIGNALS.items()}


REWARDS: dict[str, Callable[[Outcome], float]] = {
    "visible": _visible,
    "robust": _robust,
    "partial": _partial,
}


def reward(outcome: Outcome, kind: str = "robust") -> float:
    """What an outcome earns, from 0 to 1; an episode without a submission earns 0.

    - `visible`: 1 if the visible rows match. The rule of the published benchmark.
    - `robust`: 1 if the visible rows match and those of every hidden suite do.
    - `partial`: 1 where `robust` gives 1; otherwise `row_share`, at most 0.9. That is the number of positions
      at which the submitted program gives the expected row, divided by the number of rows expected or given,
      whichever is larger; 0 if the columns are not the expected ones or the program fails.

    Raises ValueError for another kind.
    """
    return reward_function(kind)(outcome)


def reward_function(kind: str) -> Callable[[Outcome], float]:
    """The reward of this kind. Raises ValueError, naming the kinds, for another one."""
    try:
        return REWARDS[kind]
    except KeyError:
        raise ValueError(f"no reward {kind!r}; there is: {', '.join(REWARDS)}") from None


def earned(outcome: Outcome) -> float:
    """What its environment pays for an outcome: `robust`, or in the arena the sum of the signals."""
    return sum(signals(outcome).values()) if isinstance(outcome, ArenaOutcome) else _robust(outcome)


def failure(outcome: Outcome) -> str:
    """Why an outcome does not earn the robust reward, in one word of the failure taxonomy; "" if it does.

    The first of these that holds: `never_submitted`; `unchanged` (the buggy program came back, whether it
    runs or not); `error` (it does not check or run); `overfit` (right on the visible tables only);
    `wrong_rows`.
    """
    if _robust(outcome):
        return ""
    if outcome.submitted is None:
        return "never_submitted"
    if outcome.unchanged:
        return "unchanged"
    if outcome.error is not None:
        return "error"
    return "overfit" if outcome.visible_match else "wrong_rows"
