"""How much a build makes: the sizes of each preset, as one literal table.

The training splits mix the categories by `SHARES`; the test split has a number for each.
"""

from dataclasses import dataclass

from dsl_debug.problem import CATEGORIES

STAGES = ("sft_train", "sft_validation", "train", "validation", "test")
"""What databases are dealt out to. No two stages share a database."""

SHARES = {"standard": 0.5, "nonlocal": 0.25, "intent_mismatch": 0.25}

MAX_SINGLE_ROW = 0.15
"""Share of the problems of a split and category that may expect a single row."""

MAX_ERRORS = {"standard": 0.25, "nonlocal": 0.0, "intent_mismatch": 0.0}
"""Share of the problems of a split and category whose buggy program may raise an error."""

MAX_REPEATS = 3
"""How often a split may have one correct program with nothing but other values in it."""

Wanted = dict[str, dict[str, int]]
"""Stage -> category -> number of problems."""


@dataclass(frozen=True, slots=True)
class Preset:
    """The numbers of problems of a build.

    `test` counts by category, in the order of CATEGORIES. `variants` is the number of databases that the
    catalog makes of each family, `arena_per_function` the number of generated problems for each function of
    the arena's library.
    """

    name: str
    sft_train: int
    sft_validation: int
    train: int
    validation: int
    test: tuple[int, int, int]
    dialect_shift: int
    variants: int
    arena_per_function: int

    def wanted(self) -> Wanted:
        """Problems by stage and category."""
        sizes = {stage: shared(getattr(self, stage)) for stage in STAGES if stage != "test"}
        return sizes | {"test": dict(zip(CATEGORIES, self.test, strict=True))}


def shared(total: int) -> dict[str, int]:
    """A number of problems by category: the shares rounded down, and the rest to the first category."""
    counts = {category: int(total * share) for category, share in SHARES.items()}
    counts["standard"] += total - sum(counts.values())
    return counts


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "sample",
            sft_train=48,
            sft_validation=12,
            train=120,
            validation=24,
            test=(60, 36, 36),
            dialect_shift=24,
            variants=1,
            arena_per_function=0,
        ),
        # The numbers of the published benchmark.
        Preset(
            "paper",
            sft_train=1_593,
            sft_validation=178,
            train=6_420,
            validation=199,
            test=(481, 200, 177),
            dialect_shift=200,
            variants=4,
            arena_per_function=8,
        ),
        Preset(
            "large",
            sft_train=15_930,
            sft_validation=178,
            train=64_200,
            validation=199,
            test=(1_000, 1_000, 1_000),
            dialect_shift=1_000,
            variants=16,
            arena_per_function=8,
        ),
    )
}
