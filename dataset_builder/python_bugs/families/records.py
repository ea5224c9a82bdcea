"""Records: rows of data in which something may be None."""

from typing import Any

from dataset_builder.python_bugs.hand_written import HandWritten, case


def average_age(ages: list[int | None]) -> float | None:
    """Return the mean of the ages that are known (not None), or None if none is."""
    known = [age for age in ages if age is not None]
    if not known:
        return None
    return sum(known) / len(known)


AVERAGE_AGE = HandWritten(
    average_age,
    category="none_handling",
    difficulty="easy",
    change=("sum(known) / len(known)", "sum(known) / len(ages)"),
    hint="By how many people should the sum be divided?",
    tests=(
        case([20, 40], gives=30.0),
        case([20, None, 40], gives=30.0),
        case([None], gives=None),
        case([], gives=None),
        case([50, None], gives=50.0),
        case([0, 0], gives=0.0),
    ),
    hidden=(
        case([None, None, 9], gives=9.0),
        case([1, 2], gives=1.5),
        case([None, 10, 20, None], gives=15.0),
        case([0, None, 8], gives=4.0),
    ),
)


def fill_forward(values: list[int | None]) -> list[int | None]:
    """Return the values with each None replaced by the last value before it that is not None (None if there
    is none).
    """
    filled: list[int | None] = []
    last = None
    for value in values:
        if value is not None:
            last = value
        filled.append(last)
    return filled


FILL_FORWARD = HandWritten(
    fill_forward,
    category="none_handling",
    difficulty="medium",
    change=("        if value is not None:\n", "        if value:\n"),
    hint="Which values are skipped besides None?",
    tests=(
        case([1, None, 3], gives=[1, 1, 3]),
        case([0, None], gives=[0, 0]),
        case([None, 2], gives=[None, 2]),
        case([5, 0, None], gives=[5, 0, 0]),
        case([], gives=[]),
        case([4, None, None], gives=[4, 4, 4]),
    ),
    hidden=(
        case([7, 0, 8], gives=[7, 0, 8]),
        case([None, None], gives=[None, None]),
        case([0], gives=[0]),
        case([-1, None, 0, None], gives=[-1, -1, 0, 0]),
    ),
)


def unknown_last(values: list[int | None]) -> list[int | None]:
    """Return the values in ascending order, with every None at the end."""
    return sorted(values, key=lambda value: (value is None, value or 0))


UNKNOWN_LAST = HandWritten(
    unknown_last,
    category="none_handling",
    difficulty="medium",
    change=("(value is None, value or 0)", "value or 0"),
    hint="Between which numbers does None end up now?",
    tests=(
        case([3, None, 1], gives=[1, 3, None]),
        case([None, None, 2], gives=[2, None, None]),
        case([2, 1], gives=[1, 2]),
        case([], gives=[]),
        case([None, -1, 0], gives=[-1, 0, None]),
        case([None], gives=[None]),
    ),
    hidden=(
        case([None, 5], gives=[5, None]),
        case([0, None, -4, 4], gives=[-4, 0, 4, None]),
        case([9, 9, 8], gives=[8, 9, 9]),
        case([1, None, 1, None], gives=[1, 1, None, None]),
    ),
)


def latest_visit(visits: list[tuple[str, str | None]]) -> str | None:
    """Return who came last, given (name, date YYYY-MM-DD or None for never), the first named of several;
    None if nobody came.
    """
    best_name = best_date = None
    for name, date in visits:
        if date is not None and (best_date is None or date > best_date):
            best_name, best_date = name, date
    return best_name


LATEST_VISIT = HandWritten(
    latest_visit,
    category="none_handling",
    difficulty="medium",
    change=(
        "if date is not None and (best_date is None or date > best_date):",
        "if best_date is None or date > best_date:",
    ),
    hint="Which of the two dates of the comparison may be None?",
    tests=(
        case([("ann", "2024-01-05"), ("bob", "2024-03-01")], gives="bob"),
        case([("ann", "2024-01-05"), ("bob", None)], gives="ann"),
        case([("ann", None)], gives=None),
        case([], gives=None),
        case([("ann", None), ("bob", "2023-12-31")], gives="bob"),
        case([("ann", "2024-02-02"), ("bob", "2024-02-02")], gives="ann"),
    ),
    hidden=(
        case([("x", None), ("y", None)], gives=None),
        case([("x", "2020-05-05"), ("y", None), ("z", "2021-01-01")], gives="z"),
        case([("p", "2019-09-09")], gives="p"),
        case([("q", "2022-10-01"), ("r", "2022-09-30")], gives="q"),
    ),
)


def changed_fields(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the sorted names of the fields that were added, removed or given another value; a value may be
    None.
    """
    missing = object()
    names = set(before) | set(after)
    return sorted(name for name in names if before.get(name, missing) != after.get(name, missing))


CHANGED_FIELDS = HandWritten(
    changed_fields,
    category="none_handling",
    difficulty="hard",
    change=(
        """\
    missing = object()
    names = set(before) | set(after)
    return sorted(name for name in names if before.get(name, missing) != after.get(name, missing))
""",
        """\
    names = set(before) | set(after)
    return sorted(name for name in names if before.get(name) != after.get(name))
""",
    ),
    hint="How does a field with the value None differ from a field that is not there?",
    tests=(
        case({"a": 1}, {"a": 2}, gives=["a"]),
        case({"a": 1}, {"a": 1}, gives=[]),
        case({}, {"b": 3, "a": 1}, gives=["a", "b"]),
        case({}, {"note": None}, gives=["note"]),
        case({"x": None}, {}, gives=["x"]),
        case({"x": None}, {"x": None}, gives=[]),
    ),
    hidden=(
        case({"k": None, "m": 1}, {"m": 1}, gives=["k"]),
        case({"p": 0}, {"p": None}, gives=["p"]),
        case({"q": "r"}, {"q": "r", "s": None}, gives=["s"]),
        case({}, {}, gives=[]),
    ),
)


def count_by_city(people: list[dict[str, str | None]]) -> list[tuple[str, int]]:
    """Return how many people live in each known city as (city, count), most people first and then by name
    from A to Z.
    """
    counts: dict[str, int] = {}
    for person in people:
        city = person.get("city")
        if city is not None:
            counts[city] = counts.get(city, 0) + 1
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


COUNT_BY_CITY = HandWritten(
    count_by_city,
    category="none_handling",
    difficulty="easy",
    change=(
        "        if city is not None:\n            counts[city] = counts.get(city, 0) + 1\n",
        "        counts[city] = counts.get(city, 0) + 1\n",
    ),
    hint="Some people have no city, or None.",
    tests=(
        case([{"city": "Rome"}, {"city": "Rome"}], gives=[("Rome", 2)]),
        case([{"city": "Oslo"}, {"city": None}], gives=[("Oslo", 1)]),
        case([{"name": "Ann"}], gives=[]),
        case([], gives=[]),
        case([{"city": "B"}, {"city": "A"}], gives=[("A", 1), ("B", 1)]),
        case([{"city": "A"}, {"city": "B"}, {"city": "B"}], gives=[("B", 2), ("A", 1)]),
    ),
    hidden=(
        case([{"city": None}, {"city": None}], gives=[]),
        case([{"city": "X"}, {}, {"city": "X"}], gives=[("X", 2)]),
        case([{"city": "M"}], gives=[("M", 1)]),
        case([{"city": "C"}, {"city": "D"}, {"city": "D"}, {"city": "C"}], gives=[("C", 2), ("D", 2)]),
    ),
)

BUGS = (AVERAGE_AGE, FILL_FORWARD, UNKNOWN_LAST, LATEST_VISIT, CHANGED_FIELDS, COUNT_BY_CITY)
