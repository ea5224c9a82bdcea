"""New values come in, keys and what refers to them change together, and no type changes."""

from random import Random

from dataset_builder.strangers import with_strangers
from tests.dataset_builder.shop import shop, shop_database


def test_keys_stay_unique_and_references_hit() -> None:
    before = shop(3)
    after = with_strangers(before, shop_database(), Random(1))
    cities = after["cities"].columns["name"]
    assert len(set(cities)) == len(cities)
    assert set(cities) - set(before["cities"].columns["name"])
    assert set(after["orders"].columns["city"]) <= set(cities)
    ids = after["orders"].columns["order_id"]
    assert len(set(ids)) == len(ids)
    assert ids != before["orders"].columns["order_id"]


def test_categories_get_new_values_and_numbers_larger_ones() -> None:
    before = shop(3)["orders"].columns
    for seed in range(20):
        after = with_strangers(shop(3), shop_database(), Random(seed))["orders"].columns
        kept = sum(a == b for a, b in zip(before["kind"], after["kind"], strict=True))
        assert kept >= 0.7 * len(after["kind"])  # what a program filters by is still there
        if after["price"] != before["price"]:
            assert max(after["price"]) > max(before["price"])  # type: ignore[type-var]
    changed = [with_strangers(shop(3), shop_database(), Random(seed))["orders"].columns for seed in range(20)]
    assert any(set(columns["kind"]) - set(before["kind"]) for columns in changed)
    assert any(columns["price"] != before["price"] for columns in changed)


def test_types_and_tables_stay() -> None:
    before = shop(3)
    after = with_strangers(before, shop_database(), Random(4))
    assert {n: t.types for n, t in after.items()} == {n: t.types for n, t in before.items()}
    assert {n: t.length for n, t in after.items()} == {n: t.length for n, t in before.items()}
