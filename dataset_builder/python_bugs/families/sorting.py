"""Sorting: classic algorithms, keys, ranks."""

from dataset_builder.python_bugs.hand_written import HandWritten, case


def insertion_sort(numbers: list[int]) -> list[int]:
    """Return the numbers in ascending order."""
    ordered = list(numbers)
    for index in range(1, len(ordered)):
        place = index
        while place > 0 and ordered[place - 1] > ordered[place]:
            ordered[place - 1], ordered[place] = ordered[place], ordered[place - 1]
            place -= 1
    return ordered


INSERTION_SORT = HandWritten(
    insertion_sort,
    category="off_by_one",
    difficulty="easy",
    change=("while place > 0", "while place > 1"),
    hint="How far to the front can a number travel?",
    tests=(
        case([3, 1, 2], gives=[1, 2, 3]),
        case([1, 2, 3], gives=[1, 2, 3]),
        case([5, 4], gives=[4, 5]),
        case([], gives=[]),
        case([2, 2, 1], gives=[1, 2, 2]),
        case([1, 9, 5, 7], gives=[1, 5, 7, 9]),
    ),
    hidden=(
        case([9, 8, 7, 6], gives=[6, 7, 8, 9]),
        case([0, -1], gives=[-1, 0]),
        case([4], gives=[4]),
        case([1, 3, 2, 0], gives=[0, 1, 2, 3]),
    ),
)


def merge_sorted(left: list[int], right: list[int]) -> list[int]:
    """Return the numbers of two ascending lists in one ascending list."""
    merged = []
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i] <= right[j]:
            merged.append(left[i])
            i += 1
        else:
            merged.append(right[j])
            j += 1
    return merged + left[i:] + right[j:]


MERGE_SORTED = HandWritten(
    merge_sorted,
    category="algorithm",
    difficulty="easy",
    change=("merged + left[i:] + right[j:]", "merged + left[i:]"),
    hint="The loop ends as soon as one list is used up: which one can that be?",
    tests=(
        case([1, 3], [2, 4], gives=[1, 2, 3, 4]),
        case([5, 6], [1, 2], gives=[1, 2, 5, 6]),
        case([], [1], gives=[1]),
        case([1, 2], [], gives=[1, 2]),
        case([], [], gives=[]),
        case([1, 1], [1], gives=[1, 1, 1]),
    ),
    hidden=(
        case([1], [2, 3, 4], gives=[1, 2, 3, 4]),
        case([-2, 0], [-1], gives=[-2, -1, 0]),
        case([], [7, 8], gives=[7, 8]),
        case([2, 4, 6], [1, 3, 5], gives=[1, 2, 3, 4, 5, 6]),
    ),
)


def rank_players(scores: list[tuple[str, int]]) -> list[str]:
    """Return the names of the players (name, score), the highest score first and equal scores by name from
    A to Z.
    """
    ordered = sorted(scores, key=lambda entry: (-entry[1], entry[0]))
    return [name for name, _ in ordered]


RANK_PLAYERS = HandWritten(
    rank_players,
    category="logic",
    difficulty="medium",
    change=(
        "key=lambda entry: (-entry[1], entry[0]))",
        "key=lambda entry: (entry[1], entry[0]), reverse=True)",
    ),
    hint="Two players with the same score: in which order do their names come out?",
    tests=(
        case([("ann", 3), ("bob", 5)], gives=["bob", "ann"]),
        case([("bob", 4), ("ann", 4)], gives=["ann", "bob"]),
        case([], gives=[]),
        case([("zoe", 1), ("eve", 2), ("dan", 2)], gives=["dan", "eve", "zoe"]),
        case([("kim", 0)], gives=["kim"]),
        case([("a", 1), ("b", 2), ("c", 3)], gives=["c", "b", "a"]),
    ),
    hidden=(
        case([("x", 7), ("y", 7), ("w", 7)], gives=["w", "x", "y"]),
        case([("lea", -1), ("max", -2)], gives=["lea", "max"]),
        case([("m", 2), ("k", 9), ("l", 2)], gives=["k", "l", "m"]),
        case([("p", 1), ("o", 1)], gives=["o", "p"]),
    ),
)


def ranks(scores: list[int]) -> list[int]:
    """Return the rank of each score in the order given: 1 for the highest, equal scores sharing the better
    rank.
    """
    ordered = sorted(scores, reverse=True)
    return [ordered.index(score) + 1 for score in scores]


RANKS = HandWritten(
    ranks,
    category="argument_mutation",
    difficulty="easy",
    change=("ordered = sorted(scores, reverse=True)", "ordered = scores\n    ordered.sort(reverse=True)"),
    hint="In which order are the scores when the ranks are looked up?",
    tests=(
        case([10, 30, 20], gives=[3, 1, 2]),
        case([5, 4, 3], gives=[1, 2, 3]),
        case([1, 2], gives=[2, 1]),
        case([7, 7], gives=[1, 1]),
        case([], gives=[]),
        case([8], gives=[1]),
    ),
    hidden=(
        case([1, 9, 9, 4], gives=[4, 1, 1, 3]),
        case([0, -5, 5], gives=[2, 3, 1]),
        case([3, 3, 8], gives=[2, 2, 1]),
        case([6, 2], gives=[1, 2]),
    ),
)


def natural_sort(names: list[str]) -> list[str]:
    """Return names such as "img12" in order of their letters and then of their number, so that img9 comes
    before img12.
    """

    def key(name: str) -> tuple[str, int]:
        letters = name.rstrip("0123456789")
        digits = name.removeprefix(letters)
        return letters, int(digits)

    return sorted(names, key=key)


NATURAL_SORT = HandWritten(
    natural_sort,
    category="type",
    difficulty="medium",
    change=("return letters, int(digits)", "return letters, digits"),
    hint="What kind of value is the number part when two names are compared?",
    tests=(
        case(["img12", "img9"], gives=["img9", "img12"]),
        case(["b1", "a2"], gives=["a2", "b1"]),
        case(["a1", "a2", "a3"], gives=["a1", "a2", "a3"]),
        case([], gives=[]),
        case(["x100", "x20", "x3"], gives=["x3", "x20", "x100"]),
        case(["file7"], gives=["file7"]),
    ),
    hidden=(
        case(["p10", "p2", "o30"], gives=["o30", "p2", "p10"]),
        case(["a11", "a9", "a10"], gives=["a9", "a10", "a11"]),
        case(["k2", "k1"], gives=["k1", "k2"]),
        case(["ab5", "a50"], gives=["a50", "ab5"]),
    ),
)


def quick_sort(numbers: list[int]) -> list[int]:
    """Return the numbers in ascending order, every one as often as it was given."""
    if not numbers:
        return []
    pivot = numbers[len(numbers) // 2]
    smaller = [number for number in numbers if number < pivot]
    equal = [number for number in numbers if number == pivot]
    larger = [number for number in numbers if number > pivot]
    return quick_sort(smaller) + equal + quick_sort(larger)


QUICK_SORT = HandWritten(
    quick_sort,
    category="algorithm",
    difficulty="medium",
    change=(
        """\
    equal = [number for number in numbers if number == pivot]
    larger = [number for number in numbers if number > pivot]
    return quick_sort(smaller) + equal + quick_sort(larger)
""",
        """\
    larger = [number for number in numbers if number > pivot]
    return [*quick_sort(smaller), pivot, *quick_sort(larger)]
""",
    ),
    hint="Is the result always as long as the list that went in?",
    tests=(
        case([3, 1, 2], gives=[1, 2, 3]),
        case([2, 2, 1], gives=[1, 2, 2]),
        case([], gives=[]),
        case([5, 5, 5], gives=[5, 5, 5]),
        case([9, -9, 0], gives=[-9, 0, 9]),
        case([4, 3, 2, 1], gives=[1, 2, 3, 4]),
    ),
    hidden=(
        case([1, 3, 1, 3], gives=[1, 1, 3, 3]),
        case([7], gives=[7]),
        case([0, 0], gives=[0, 0]),
        case([6, 2, 8, 2, 6], gives=[2, 2, 6, 6, 8]),
    ),
)

BUGS = (INSERTION_SORT, MERGE_SORTED, RANK_PLAYERS, RANKS, NATURAL_SORT, QUICK_SORT)
