"""Rewards and the failure taxonomy, as functions of frozen outcomes."""

import ast
import dataclasses
from pathlib import Path

import pytest

from dsl_debug import scoring
from dsl_debug.scoring import PARTIAL_CAP, REWARDS, Outcome, failure, reward

SOLVED = Outcome("code", visible_match=True, hidden_matches=(True, True), row_share=1.0)
OVERFIT = Outcome("code", visible_match=True, hidden_matches=(True, False), row_share=1.0)
HALF = Outcome("code", hidden_matches=(False, False), row_share=0.5)
NO_HIDDEN = Outcome("code", visible_match=True, row_share=1.0)
ERROR = Outcome("code", hidden_matches=(False,), error="line 1, column 1: no")
UNCHANGED = Outcome("code", unchanged=True, row_share=0.25)
UNCHANGED_ERROR = Outcome("code", unchanged=True, error="line 1, column 1: no")
NEARLY = Outcome("code", row_share=0.99)
NOTHING = Outcome(turns=8, calls={"run": 8})
# Facts that do not fit together must not pay either.
MATCH_WITHOUT_SUBMISSION = Outcome(None, visible_match=True, hidden_matches=(True,), row_share=1.0)
HIDDEN_ONLY = Outcome("code", visible_match=False, hidden_matches=(True, True))

#                          visible  robust  partial  failure
CASES = [
    (SOLVED, 1.0, 1.0, 1.0, ""),
    (OVERFIT, 1.0, 0.0, PARTIAL_CAP, "overfit"),
    (HALF, 0.0, 0.0, 0.5, "wrong_rows"),
    (NO_HIDDEN, 1.0, 1.0, 1.0, ""),
    (ERROR, 0.0, 0.0, 0.0, "error"),
    (UNCHANGED, 0.0, 0.0, 0.25, "unchanged"),
    (UNCHANGED_ERROR, 0.0, 0.0, 0.0, "unchanged"),
    (NEARLY, 0.0, 0.0, PARTIAL_CAP, "wrong_rows"),
    (NOTHING, 0.0, 0.0, 0.0, "never_submitted"),
    (MATCH_WITHOUT_SUBMISSION, 0.0, 0.0, 0.0, "never_submitted"),
    (HIDDEN_ONLY, 0.0, 0.0, 0.0, "wrong_rows"),
]


@pytest.mark.parametrize(("outcome", "visible", "robust", "partial", "why"), CASES)
def test_rewards_and_failures(
    outcome: Outcome, visible: float, robust: float, partial: float, why: str
) -> None:
    assert reward(outcome, "visible") == visible
    assert reward(outcome, "robust") == robust
    assert reward(outcome, "partial") == partial
    assert failure(outcome) == why


def test_robust_is_the_default() -> None:
    assert (reward(SOLVED), reward(OVERFIT)) == (1.0, 0.0)


@pytest.mark.parametrize("outcome", [case[0] for case in CASES])
@pytest.mark.parametrize("kind", list(REWARDS))
def test_rewards_are_floats_between_nothing_and_one(outcome: Outcome, kind: str) -> None:
    value = reward(outcome, kind)
    assert type(value) is float
    assert 0.0 <= value <= 1.0


@pytest.mark.parametrize("outcome", [case[0] for case in CASES])
def test_only_a_solved_problem_is_paid_in_full_by_partial(outcome: Outcome) -> None:
    assert (reward(outcome, "partial") == 1.0) == (reward(outcome, "robust") == 1.0)


def test_unknown_kind() -> None:
    with pytest.raises(ValueError, match=r"^no reward 'generous'; there is: visible, robust, partial$"):
        reward(SOLVED, "generous")


def test_outcomes_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        HALF.visible_match = True  # type: ignore[misc]


def test_a_stored_outcome_can_be_scored_again() -> None:
    stored = dataclasses.asdict(OVERFIT)
    assert Outcome(**stored | {"hidden_matches": tuple(stored["hidden_matches"])}) == OVERFIT


def test_scoring_imports_nothing_of_ours() -> None:
    tree = ast.parse(Path(scoring.__file__).read_text(encoding="utf-8"))
    imported = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    imported += [alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names]
    assert imported
    assert not [name for name in imported if name and name.startswith("dsl_debug")]
