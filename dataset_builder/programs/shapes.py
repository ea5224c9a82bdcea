"""The shapes of programs, as a table: each builds one kind of program from what the tables at hand have."""

from collections.abc import Callable

from dataset_builder.programs import shapes_alone, shapes_linked
from dataset_builder.programs.sketch import Draft, Sketch

Shape = Callable[[Sketch], Draft]

SHAPES: dict[str, tuple[Shape, float]] = {
    "listing": (shapes_alone.listing, 0.8),
    "computed_listing": (shapes_alone.computed_listing, 0.8),
    "plain_groups": (shapes_alone.plain_groups, 0.7),
    "two_keys": (shapes_alone.two_keys, 0.9),
    "groups_kept": (shapes_alone.groups_kept, 2.5),
    "computed_groups": (shapes_alone.computed_groups, 0.8),
    "regrouped": (shapes_alone.regrouped, 1.2),
    "against_mean": (shapes_alone.against_mean, 1.8),
    "best_of_group": (shapes_alone.best_of_group, 1.5),
    "share_of_group": (shapes_alone.share_of_group, 1.6),
    "two_conditions": (shapes_alone.two_conditions, 1.5),
    "top_groups_rows": (shapes_alone.top_groups_rows, 1.3),
    "joined_groups": (shapes_linked.joined_groups, 1.5),
    "groups_joined": (shapes_linked.groups_joined, 1.5),
    "joined_listing": (shapes_linked.joined_listing, 1.3),
    "three_tables": (shapes_linked.three_tables, 2.0),
    "groups_regrouped": (shapes_linked.groups_regrouped, 1.5),
    "two_facts": (shapes_linked.two_facts, 2.0),
    "group_against_group": (shapes_linked.group_against_group, 1.0),
}
"""Name -> what builds programs of this shape, and how often it is tried."""
