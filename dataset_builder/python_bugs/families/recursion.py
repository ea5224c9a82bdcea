"""Recursion: nested data, trees, choices."""

from typing import Any

from dataset_builder.python_bugs.hand_written import HandWritten, case


def flatten(nested: list[Any]) -> list[int]:
    """Return the numbers of a nested list, however deep they are, in one flat list in their order."""
    flat = []
    for item in nested:
        if isinstance(item, list):
            flat.extend(flatten(item))
        else:
            flat.append(item)
    return flat


FLATTEN = HandWritten(
    flatten,
    category="recursion",
    difficulty="easy",
    change=("flat.extend(flatten(item))", "flat.append(flatten(item))"),
    hint="The recursive call gives a list: what becomes of that list?",
    tests=(
        case([1, 2, 3], gives=[1, 2, 3]),
        case([1, [2, 3]], gives=[1, 2, 3]),
        case([[1], [[2], 3]], gives=[1, 2, 3]),
        case([], gives=[]),
        case([[], [[]]], gives=[]),
        case([[[[5]]]], gives=[5]),
    ),
    hidden=(
        case([[1, 2], [3, [4, [5, 6]]]], gives=[1, 2, 3, 4, 5, 6]),
        case([0, [0], [[0]]], gives=[0, 0, 0]),
        case([7], gives=[7]),
        case([[9, 8], 7], gives=[9, 8, 7]),
    ),
)


def tree_values(tree: tuple[Any, int, Any] | None) -> list[int]:
    """Return the values of a binary tree (left, value, right), None being the empty tree, from left to
    right.
    """
    if tree is None:
        return []
    left, value, right = tree
    return [*tree_values(left), value, *tree_values(right)]


TREE_VALUES = HandWritten(
    tree_values,
    category="recursion",
    difficulty="easy",
    change=("*tree_values(right)]", "*tree_values(left)]"),
    hint="Does every part of the tree get its visit?",
    tests=(
        case(None, gives=[]),
        case((None, 5, None), gives=[5]),
        case(((None, 1, None), 2, (None, 3, None)), gives=[1, 2, 3]),
        case((None, 1, (None, 2, None)), gives=[1, 2]),
        case(((None, 4, None), 6, None), gives=[4, 6]),
        case((((None, 1, None), 2, None), 3, None), gives=[1, 2, 3]),
    ),
    hidden=(
        case((None, 1, (None, 2, (None, 3, None))), gives=[1, 2, 3]),
        case(((None, 8, (None, 9, None)), 10, (None, 12, None)), gives=[8, 9, 10, 12]),
        case((None, -1, None), gives=[-1]),
        case(((None, 2, None), 4, ((None, 5, None), 6, None)), gives=[2, 4, 5, 6]),
    ),
)


def power(base: int, exponent: int) -> int:
    """Return `base` to the power of a whole `exponent` of 0 or more."""
    if exponent == 0:
        return 1
    half = power(base, exponent // 2)
    if exponent % 2 == 0:
        return half * half
    return half * half * base


POWER = HandWritten(
    power,
    category="recursion",
    difficulty="medium",
    change=("return half * half * base", "return half * base"),
    hint="Write down what `half` stands for when the exponent is 5.",
    tests=(
        case(2, 0, gives=1),
        case(2, 1, gives=2),
        case(2, 5, gives=32),
        case(3, 4, gives=81),
        case(5, 3, gives=125),
        case(-2, 3, gives=-8),
    ),
    hidden=(
        case(2, 10, gives=1024),
        case(7, 7, gives=823543),
        case(0, 0, gives=1),
        case(1, 99, gives=1),
        case(10, 6, gives=1000000),
    ),
)


def arrangements(items: list[str]) -> list[list[str]]:
    """Return every order of the items, those that begin with an earlier item first."""
    if not items:
        return [[]]
    orders = []
    for index, item in enumerate(items):
        rest = items[:index] + items[index + 1 :]
        orders += [[item, *order] for order in arrangements(rest)]
    return orders


ARRANGEMENTS = HandWritten(
    arrangements,
    category="recursion",
    difficulty="medium",
    change=("rest = items[:index] + items[index + 1 :]", "rest = items[index + 1 :]"),
    hint="When the second item stands first, what may still follow it?",
    tests=(
        case([], gives=[[]]),
        case(["a"], gives=[["a"]]),
        case(["a", "b"], gives=[["a", "b"], ["b", "a"]]),
        case(["x", "x"], gives=[["x", "x"], ["x", "x"]]),
        case(
            ["a", "b", "c"],
            gives=[
                ["a", "b", "c"],
                ["a", "c", "b"],
                ["b", "a", "c"],
                ["b", "c", "a"],
                ["c", "a", "b"],
                ["c", "b", "a"],
            ],
        ),
        case(["z", "y"], gives=[["z", "y"], ["y", "z"]]),
    ),
    hidden=(
        case(["no", "on"], gives=[["no", "on"], ["on", "no"]]),
        case(["q"], gives=[["q"]]),
        case(
            ["c", "a", "b"],
            gives=[
                ["c", "a", "b"],
                ["c", "b", "a"],
                ["a", "c", "b"],
                ["a", "b", "c"],
                ["b", "c", "a"],
                ["b", "a", "c"],
            ],
        ),
        case(["1", "2"], gives=[["1", "2"], ["2", "1"]]),
    ),
)


def ways_to_pay(amount: int, coins: list[int]) -> int:
    """Return in how many ways the different coins, each used as often as you like, add up to the amount."""
    if amount == 0:
        return 1
    if amount < 0 or not coins:
        return 0
    return ways_to_pay(amount - coins[0], coins) + ways_to_pay(amount, coins[1:])


WAYS_TO_PAY = HandWritten(
    ways_to_pay,
    category="recursion",
    difficulty="hard",
    change=("ways_to_pay(amount - coins[0], coins)", "ways_to_pay(amount - coins[0], coins[1:])"),
    hint="After a coin was used once, may it be used again?",
    tests=(
        case(4, [1, 2], gives=3),
        case(0, [1, 5], gives=1),
        case(3, [2], gives=0),
        case(10, [5], gives=1),
        case(5, [1, 2, 5], gives=4),
        case(7, [], gives=0),
    ),
    hidden=(
        case(10, [1, 2, 5], gives=10),
        case(3, [1, 2], gives=2),
        case(8, [3, 5], gives=1),
        case(1, [2, 4], gives=0),
        case(6, [1, 3, 4], gives=4),
    ),
)


def hanoi(discs: int, source: str, target: str, spare: str) -> list[tuple[str, str]]:
    """Return the fewest moves (from, to) that bring a tower from `source` to `target`, never a disc on a
    smaller one.
    """
    if discs == 0:
        return []
    before = hanoi(discs - 1, source, spare, target)
    after = hanoi(discs - 1, spare, target, source)
    return [*before, (source, target), *after]


HANOI = HandWritten(
    hanoi,
    category="recursion",
    difficulty="hard",
    change=("hanoi(discs - 1, spare, target, source)", "hanoi(discs - 1, spare, source, target)"),
    hint="Where does the smaller tower wait while the largest disc moves, and where must it go then?",
    tests=(
        case(0, "A", "C", "B", gives=[]),
        case(1, "A", "C", "B", gives=[("A", "C")]),
        case(2, "A", "C", "B", gives=[("A", "B"), ("A", "C"), ("B", "C")]),
        case(2, "A", "B", "C", gives=[("A", "C"), ("A", "B"), ("C", "B")]),
        case(1, "X", "Y", "Z", gives=[("X", "Y")]),
        case(
            3,
            "A",
            "C",
            "B",
            gives=[("A", "C"), ("A", "B"), ("C", "B"), ("A", "C"), ("B", "A"), ("B", "C"), ("A", "C")],
        ),
    ),
    hidden=(
        case(2, "L", "R", "M", gives=[("L", "M"), ("L", "R"), ("M", "R")]),
        case(1, "B", "A", "C", gives=[("B", "A")]),
        case(
            3,
            "1",
            "2",
            "3",
            gives=[("1", "2"), ("1", "3"), ("2", "3"), ("1", "2"), ("3", "1"), ("3", "2"), ("1", "2")],
        ),
        case(0, "B", "A", "C", gives=[]),
    ),
)

BUGS = (FLATTEN, TREE_VALUES, POWER, ARRANGEMENTS, WAYS_TO_PAY, HANOI)
