"""A small shop for the tests of certification: contents drawn from a seed, as many as are asked for."""

from random import Random

from dataset_builder.model import Contents, Database, ForeignKey
from dsl_debug.lang import Table

CITIES = ("Arles", "Bonn", "Cork", "Derry")
KINDS = ("book", "game", "lamp")


def shop(seed: int, orders: int = 90) -> Contents:
    """Other rows for every seed."""
    rng = Random(seed)
    weights = [rng.randint(1, 6) for _ in CITIES]
    return {
        "orders": Table(
            {
                "order_id": list(range(1, orders + 1)),
                "city": rng.choices(CITIES, weights, k=orders),
                "kind": rng.choices(KINDS, [3, 2, 1], k=orders),
                "quantity": [rng.randint(1, 12) for _ in range(orders)],
                "price": [rng.randint(2, 80) / 2 for _ in range(orders)],
            }
        ),
        "cities": Table({"name": list(CITIES), "people": [rng.randint(50, 900) for _ in CITIES]}),
    }


def shop_database(seed: int = 0) -> Database:
    """The shop as a database."""
    key = ForeignKey("orders", "city", "cities", "name")
    return Database("shop", "tests", shop(seed, 300), {"orders": "order_id", "cities": "name"}, (key,))
