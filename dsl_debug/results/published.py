"""Published figures of this task, to stand beside ours: for orientation, they are not of our problems."""

from typing import NamedTuple

SOURCE = "the DSL Debug post of March 2026"
MODEL = "Qwen2.5-7B-Instruct"
RULE = "visible rows only"
PROBLEMS = {"standard": 481, "nonlocal": 200, "intent_mismatch": 177}
"""How many problems of each category the figures are over."""


class Published(NamedTuple):
    """The accuracy of one method, in percent, on each category: a submission counts as right as soon as it
    gives the rows shown."""

    method: str
    standard: float
    nonlocal_: float
    intent_mismatch: float

    def by_category(self) -> dict[str, float]:
        """The figures by the names of the categories, in percent."""
        return dict(zip(PROBLEMS, self[1:], strict=True))


PUBLISHED = (
    Published("prompt", 50.5, 12.0, 0.6),
    Published("SFT", 56.3, 40.0, 7.9),
    Published("RL-only", 78.8, 54.0, 14.7),
    Published("SFT->RL", 86.1, 70.5, 28.2),
)
