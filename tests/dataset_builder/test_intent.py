"""The sentence that says what a program is for."""

import pytest

from dataset_builder.intent import MAX_LENGTH, intent
from dataset_builder.model import Database, ForeignKey
from dsl_debug.lang import Table, parse

ORDERS = Table({"id": [1], "customer_id": [1], "status": ["paid"], "amount": [3], "day": ["2024-01-02"]})
CUSTOMERS = Table({"id": [1], "city": ["Ulm"], "age": [30]})
SHOP = Database(
    "shop",
    "test",
    {"orders": ORDERS, "customers": CUSTOMERS},
    {"orders": "id", "customers": "id"},
    (ForeignKey("orders", "customer_id", "customers", "id"),),
)

SENTENCES = {
    'a = load("orders")\n  |> filter(status == "paid")\n  |> group_by(customer_id)\n'
    "  |> aggregate(total: sum(amount), n: count())\n  |> sort_by(total, desc)\n  |> take(5)\nemit a\n": (
        "For each customer id, the total amount and the number of orders, over orders whose status is"
        ' "paid"; only the five with the largest total amount.'
    ),
    'a = load("orders")\n  |> filter(amount >= 3 and status != "late")\n  |> sort_by(day, asc)\n'
    "  |> select(id, day)\nemit a\n": (
        'The orders whose amount is at least 3 and status is not "late", with id and day; earliest day first.'
    ),
    'a = load("orders")\n  |> compute(x: amount * (amount + 2))\n  |> sort_by(x, desc)\n  |> take(3)\n'
    "  |> select(id, x)\nemit a\n": (
        "Of the orders, the three with the largest amount times (amount plus 2), with id and amount"
        " times (amount plus 2)."
    ),
    'o = load("orders")\nc = load("customers")\nj = join(o, c, on: customer_id == id)\n'
    "  |> group_by(city)\n  |> aggregate(n: count_distinct(customer_id), m: avg(amount))\n"
    "  |> filter(n > 2)\nemit j\n": (
        "For each city, the number of different customer ids and the average amount, over orders with their"
        " customers, only where the number of different customer ids is above 2."
    ),
    'c = load("customers")\nm = c\n  |> group_by(city)\n  |> aggregate(mean: avg(age))\n'
    "j = join(c, m, on: city == city)\n  |> filter(age > mean)\n  |> select(id, age)\nemit j\n": (
        "The customers whose age is above the average age per city, with id and age."
    ),
    'c = load("customers")\na = c\n  |> filter(age > 5)\n  |> group_by(city)\n  |> aggregate(x: count())\n'
    "b = c\n  |> filter(age < 9)\n  |> group_by(city)\n  |> aggregate(y: max(age))\n"
    "j = join(a, b, on: city == city)\nemit j\n": (
        "For each city, the number of customers whose age is above 5 and the highest age of customers"
        " whose age is below 9."
    ),
    # The rows of a join are those of the side whose key is not unique.
    'o = load("orders")\nc = load("customers")\nj = join(c, o, on: id == customer_id)\n'
    "  |> group_by(city)\n  |> aggregate(n: count())\nemit j\n": (
        "For each city, the number of orders, over orders with their customers."
    ),
    'o = load("orders")\n  |> sort_by(amount, asc)\n  |> take(2)\n'
    "s = o\n  |> group_by(status)\n  |> aggregate(n: count())\nemit s\n": (
        "For each status, the number of orders, over orders whose row is among the two with the smallest"
        " amount."
    ),
}


@pytest.mark.parametrize(("code", "sentence"), SENTENCES.items())
def test_sentences(code: str, sentence: str) -> None:
    assert intent(parse(code), SHOP) == sentence


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("sum(amount)", "avg(amount)"),
        ("count()", "count_distinct(status)"),
        ("group_by(status)", "group_by(day)"),
        ("desc", "asc"),
        ("amount > 2", "amount >= 2"),
        ("take(3)", "take(4)"),
    ],
)
def test_what_is_meant_can_be_told(first: str, second: str) -> None:
    code = (
        'a = load("orders")\n  |> filter(amount > 2)\n  |> group_by(status)\n'
        "  |> aggregate(t: sum(amount), n: count())\n  |> sort_by(t, desc)\n  |> take(3)\nemit a\n"
    )
    assert first in code
    assert intent(parse(code), SHOP) != intent(parse(code.replace(first, second)), SHOP)


@pytest.mark.parametrize(
    "code",
    [
        "emit nothing\n",
        "a = b\nb = a\nemit a\n",
        'a = load("elsewhere")\n  |> filter(x == "y")\nemit a\n',
        'a = load("orders")\n  |> select(' + ", ".join(f"column_{i}" for i in range(90)) + ")\nemit a\n",
        'a = load("orders")\n  |> filter(not (amount > 1 or amount < 0))\nemit a\n',
    ],
)
def test_odd_programs_get_a_sentence_too(code: str) -> None:
    assert 0 < len(intent(parse(code), SHOP)) <= MAX_LENGTH
