"""Problems made by hand for the tests: small tables, hidden suites, and values that must never be seen."""

from collections.abc import Sequence
from typing import Any

from dsl_debug.lang import STANDARD, Dialect, Table, parse, print_program, run
from dsl_debug.problem import Bug, DslProblem, Suite

Rows = list[dict[str, Any]]

ORDERS: Rows = [
    {"order_id": 1, "region": "north", "status": "paid", "amount": 120},
    {"order_id": 2, "region": "south", "status": "paid", "amount": 80.5},
    {"order_id": 3, "region": "north", "status": "open", "amount": 40},
    {"order_id": 4, "region": "south", "status": "paid", "amount": 60},
    {"order_id": 5, "region": "west", "status": "open", "amount": 15},
]
REGIONS: Rows = [
    {"code": "north", "manager": "Ada"},
    {"code": "south", "manager": "Ben"},
    {"code": "west", "manager": "Cleo"},
]

# What stands in hidden tables only.
MARKS = ("zanzibar", "Quillon", "778899", "6543.25")
OTHER_ORDERS: tuple[Rows, ...] = (
    [
        {"order_id": 778899, "region": "zanzibar", "status": "paid", "amount": 10},
        {"order_id": 7, "region": "north", "status": "open", "amount": 6543.25},
        {"order_id": 8, "region": "north", "status": "paid", "amount": 5},
    ],
    [
        {"order_id": 9, "region": "south", "status": "open", "amount": 778899},
        {"order_id": 10, "region": "zanzibar", "status": "paid", "amount": 6543.25},
        {"order_id": 11, "region": "south", "status": "paid", "amount": 300},
        {"order_id": 12, "region": "south", "status": "paid", "amount": 1},
    ],
)
OTHER_REGIONS: Rows = [*REGIONS, {"code": "zanzibar", "manager": "Quillon"}]

CORRECT = """\
-- revenue of paid orders by region
paid = load("orders")
  |> filter(status == "paid")
totals = paid
  |> group_by(region)
  |> aggregate(revenue: sum(amount), orders: count())
  |> sort_by(revenue, desc)
emit totals
"""
BUGGY = CORRECT.replace('status == "paid"', 'status != "paid"')
# Right on the visible tables, for a wrong reason.
OVERFIT = CORRECT.replace('status == "paid"', "amount > 40")

TOP_CORRECT = CORRECT.replace("emit totals", "best = totals |> take(1)\nemit best")
TOP_BUGGY = TOP_CORRECT.replace("desc", "asc")
# Prints the one row that is expected, whatever the tables hold.
CONSTANT_EMITTER = """\
best = load("orders")
  |> take(1)
  |> compute(region: "south", revenue: 140.5, orders: 2)
  |> select(region, revenue, orders)
emit best
"""


def tables_of(orders: Rows, regions: Rows = REGIONS) -> dict[str, Table]:
    return {"orders": Table.from_rows(orders), "regions": Table.from_rows(regions)}


VISIBLE = tables_of(ORDERS)
OTHERS = tuple(tables_of(orders, OTHER_REGIONS) for orders in OTHER_ORDERS)


def make_problem(
    correct: str = CORRECT,
    buggy: str = BUGGY,
    tables: dict[str, Table] = VISIBLE,
    others: Sequence[dict[str, Table]] = OTHERS,
    dialect: Dialect = STANDARD,
    **fields: Any,
) -> DslProblem:
    """A problem whose expected rows are what `correct` gives; in a dialect, both programs are translated."""
    if dialect != STANDARD:
        correct, buggy = (print_program(parse(code), dialect) for code in (correct, buggy))
    defaults: dict[str, Any] = {
        "category": "standard",
        "difficulty": "easy",
        "database": "shop",
        "source": "test",
        "bugs": (Bug("wrong_operator", 3, "== became !=", 'status == "paid"', 'status != "paid"', 3),),
        "intent": "What each region paid.",
    }
    return DslProblem(
        **defaults | fields,
        buggy_code=buggy,
        correct_code=correct,
        tables=tables,
        expected_output=run(correct, tables, dialect=dialect),
        hidden=tuple(Suite(other, run(correct, other, dialect=dialect)) for other in others),
        dialect=dialect,
    )


def one_row_problem() -> DslProblem:
    """A problem that expects a single row, which a constant emitter can print."""
    return make_problem(TOP_CORRECT, TOP_BUGGY)
