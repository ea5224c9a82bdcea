"""Money: whole cents, and prices as text."""

from dataset_builder.python_bugs.hand_written import HandWritten, case, refused


def split_bill(cents: int, people: int) -> list[int]:
    """Return what each person pays so that the whole bill is paid, the first ones paying one cent more
    where needed.
    """
    share, left = divmod(cents, people)
    return [share + 1 if person < left else share for person in range(people)]


SPLIT_BILL = HandWritten(
    split_bill,
    category="off_by_one",
    difficulty="medium",
    change=("person < left", "person <= left"),
    hint="Add up what is paid and compare it with the bill.",
    tests=(
        case(100, 3, gives=[34, 33, 33]),
        case(100, 4, gives=[25, 25, 25, 25]),
        case(5, 2, gives=[3, 2]),
        case(0, 3, gives=[0, 0, 0]),
        case(7, 1, gives=[7]),
        case(2, 3, gives=[1, 1, 0]),
    ),
    hidden=(
        case(101, 4, gives=[26, 25, 25, 25]),
        case(11, 3, gives=[4, 4, 3]),
        case(1, 5, gives=[1, 0, 0, 0, 0]),
        case(999, 1, gives=[999]),
        case(60, 6, gives=[10, 10, 10, 10, 10, 10]),
    ),
)


def format_price(cents: int) -> str:
    """Return an amount of cents (0 or more) as text with two decimals, such as "12.05"."""
    return f"{cents // 100}.{cents % 100:02d}"


FORMAT_PRICE = HandWritten(
    format_price,
    category="string_handling",
    difficulty="easy",
    change=("{cents % 100:02d}", "{cents % 100}"),
    hint="How many digits should always stand behind the point?",
    tests=(
        case(1299, gives="12.99"),
        case(1205, gives="12.05"),
        case(0, gives="0.00"),
        case(99, gives="0.99"),
        case(100, gives="1.00"),
        case(50, gives="0.50"),
    ),
    hidden=(
        case(7, gives="0.07"),
        case(100001, gives="1000.01"),
        case(4210, gives="42.10"),
        case(2000, gives="20.00"),
    ),
)


def discounted(cents: int, percent: int | None = None) -> int:
    """Return a price in cents less a discount in percent (10 if it is None or not given), cut down to whole
    cents.
    """
    if percent is None:
        percent = 10
    return cents * (100 - percent) // 100


DISCOUNTED = HandWritten(
    discounted,
    category="none_handling",
    difficulty="easy",
    change=("if percent is None:", "if not percent:"),
    hint="Is a discount of nothing the same as no word about a discount?",
    tests=(
        case(1000, 20, gives=800),
        case(1000, gives=900),
        case(1000, 0, gives=1000),
        case(1000, None, gives=900),
        case(999, 50, gives=499),
        case(0, 30, gives=0),
    ),
    hidden=(
        case(250, 0, gives=250),
        case(250, gives=225),
        case(80, 100, gives=0),
        case(1, 0, gives=1),
        case(19, percent=5, gives=18),
    ),
)


def to_cents(price: str) -> int:
    """Return the whole cents of a price with two decimals, such as "19.99"."""
    return round(float(price) * 100)


TO_CENTS = HandWritten(
    to_cents,
    category="type",
    difficulty="hard",
    change=("round(float(price) * 100)", "int(float(price) * 100)"),
    hint="Print what 19.99 times 100 is for a computer.",
    tests=(
        case("19.99", gives=1999),
        case("5.00", gives=500),
        case("0.29", gives=29),
        case("0.00", gives=0),
        case("12.50", gives=1250),
        case("1.10", gives=110),
    ),
    hidden=(
        case("4.35", gives=435),
        case("8.20", gives=820),
        case("0.57", gives=57),
        case("100.25", gives=10025),
        case("1.15", gives=115),
    ),
)


def transfer_all(balances: dict[str, int], transfers: list[tuple[str, str, int]]) -> dict[str, int]:
    """Return the balances after the transfers (from, to, cents) in order, or as they were if one would
    overdraw an account.
    """
    after = dict(balances)
    for source, target, cents in transfers:
        if after[source] < cents:
            return balances
        after[source] -= cents
        after[target] += cents
    return after


TRANSFER_ALL = HandWritten(
    transfer_all,
    category="argument_mutation",
    difficulty="hard",
    change=("after = dict(balances)", "after = balances"),
    hint="When the second transfer fails, what has happened to the first one?",
    tests=(
        case({"a": 10, "b": 0}, [("a", "b", 4)], gives={"a": 6, "b": 4}),
        case({"a": 1, "b": 0}, [("a", "b", 4)], gives={"a": 1, "b": 0}),
        case({"a": 5, "b": 5}, [("a", "b", 5), ("a", "b", 1)], gives={"a": 5, "b": 5}),
        case({"a": 3, "b": 2}, [], gives={"a": 3, "b": 2}),
        case({"a": 1, "b": 1, "c": 0}, [("a", "b", 1), ("b", "c", 2)], gives={"a": 0, "b": 0, "c": 2}),
        case({"a": 2, "b": 0, "c": 0}, [("a", "b", 2), ("c", "a", 1)], gives={"a": 2, "b": 0, "c": 0}),
    ),
    hidden=(
        case({"x": 7, "y": 1}, [("x", "y", 7), ("y", "x", 9)], gives={"x": 7, "y": 1}),
        case({"x": 7, "y": 1}, [("x", "y", 7), ("y", "x", 8)], gives={"x": 8, "y": 0}),
        case({"m": 0, "n": 0}, [("m", "n", 0)], gives={"m": 0, "n": 0}),
        case({"p": 4, "q": 4}, [("p", "q", 1), ("p", "q", 1), ("p", "q", 5)], gives={"p": 4, "q": 4}),
    ),
)


def income_tax(income: int, brackets: list[tuple[int, int]]) -> int:
    """Return the tax where each bracket (start, percent), given in ascending order, taxes the part of the
    income above its start and below the next one's, the sum cut down to a whole number.
    """
    hundredths = 0
    for index, (start, percent) in enumerate(brackets):
        end = brackets[index + 1][0] if index + 1 < len(brackets) else income
        if income > start:
            hundredths += (min(income, end) - start) * percent
    return hundredths // 100


INCOME_TAX = HandWritten(
    income_tax,
    category="logic",
    difficulty="hard",
    change=("(min(income, end) - start) * percent", "(income - start) * percent"),
    hint="Which part of a large income belongs to the lowest bracket?",
    tests=(
        case(500, [(0, 10)], gives=50),
        case(1500, [(0, 10), (1000, 20)], gives=200),
        case(800, [(0, 10), (1000, 20)], gives=80),
        case(0, [(0, 10)], gives=0),
        case(3000, [(1000, 0), (2000, 50)], gives=500),
        case(300, [(0, 10), (100, 20), (200, 30)], gives=60),
    ),
    hidden=(
        case(2000, [(0, 5), (1000, 15)], gives=200),
        case(1000, [(0, 10), (1000, 20)], gives=100),
        case(99, [(0, 1)], gives=0),
        case(250, [(0, 0), (100, 10), (200, 20)], gives=20),
        case(10, [], gives=0),
    ),
)


def raises(salaries: dict[str, int], percents: dict[str, int]) -> list[tuple[str, int, int]]:
    """Return (name, salary before, salary after) for each salary in order, raised by the percent given for
    the name (0 if there is none) and cut down to a whole number.
    """
    after = dict(salaries)
    for name, percent in percents.items():
        if name in after:
            after[name] = after[name] * (100 + percent) // 100
    return [(name, salaries[name], after[name]) for name in salaries]


RAISES = HandWritten(
    raises,
    category="argument_mutation",
    difficulty="medium",
    change=("after = dict(salaries)", "after = salaries"),
    hint="Where is the salary of before still to be found once the raise was given?",
    tests=(
        case({"ann": 1000}, {"ann": 10}, gives=[("ann", 1000, 1100)]),
        case({"ann": 1000}, {}, gives=[("ann", 1000, 1000)]),
        case({"ann": 200, "bob": 300}, {"bob": 50}, gives=[("ann", 200, 200), ("bob", 300, 450)]),
        case({}, {"eve": 5}, gives=[]),
        case({"kim": 99}, {"kim": 1}, gives=[("kim", 99, 99)]),
        case({"lea": 40, "max": 60}, {"lea": 100, "max": 0}, gives=[("lea", 40, 80), ("max", 60, 60)]),
    ),
    hidden=(
        case({"x": 500, "y": 700}, {"y": 10, "x": 20}, gives=[("x", 500, 600), ("y", 700, 770)]),
        case({"p": 150}, {"q": 10, "p": 10}, gives=[("p", 150, 165)]),
        case({"z": 0}, {"z": 30}, gives=[("z", 0, 0)]),
        case({}, {}, gives=[]),
    ),
)


def parse_amount(text: str) -> int:
    """Return the cents of an amount such as "$1,234.50" or "-$3.00"; anything that is not so written raises
    ValueError.
    """
    sign = -1 if text.startswith("-") else 1
    text = text.removeprefix("-")
    if not text.startswith("$"):
        raise ValueError("an amount begins with a dollar sign")
    dollars, point, cents = text.removeprefix("$").replace(",", "").partition(".")
    if not (point and len(cents) == 2 and dollars.isdecimal() and cents.isdecimal()):
        raise ValueError("an amount has dollars, a point and two digits")
    return sign * (int(dollars) * 100 + int(cents))


PARSE_AMOUNT = HandWritten(
    parse_amount,
    category="logic",
    difficulty="medium",
    change=(
        "return sign * (int(dollars) * 100 + int(cents))",
        "return sign * int(dollars) * 100 + int(cents)",
    ),
    hint="For a debt of three dollars and fifty cents, what is the sign applied to?",
    tests=(
        case("$1,234.50", gives=123450),
        case("-$3.00", gives=-300),
        case("-$3.50", gives=-350),
        case("$0.05", gives=5),
        refused("12.00"),
        refused("$12"),
        case("-$1.01", gives=-101),
    ),
    hidden=(
        case("-$0.99", gives=-99),
        case("-$2,000.10", gives=-200010),
        case("$7.77", gives=777),
        refused("$1.5"),
        refused(""),
    ),
)

BUGS = (SPLIT_BILL, FORMAT_PRICE, DISCOUNTED, TO_CENTS, TRANSFER_ALL, INCOME_TAX, RAISES, PARSE_AMOUNT)
