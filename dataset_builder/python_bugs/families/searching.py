"""Searching: positions, pairs, bisection."""

from dataset_builder.python_bugs.hand_written import HandWritten, case


def position_of_largest(numbers: list[int]) -> int:
    """Return the index of the largest number, the first one if it comes several times, and -1 for an empty
    list.
    """
    if not numbers:
        return -1
    best = 0
    for index, number in enumerate(numbers):
        if number > numbers[best]:
            best = index
    return best


POSITION_OF_LARGEST = HandWritten(
    position_of_largest,
    category="logic",
    difficulty="easy",
    change=("number > numbers[best]", "number >= numbers[best]"),
    hint="Look at a list in which the largest number comes twice.",
    tests=(
        case([3, 9, 4], gives=1),
        case([5, 5], gives=0),
        case([1, 7, 2, 7], gives=1),
        case([], gives=-1),
        case([-3, -1, -2], gives=1),
        case([8], gives=0),
    ),
    hidden=(
        case([0, 0, 0], gives=0),
        case([1, 2, 3], gives=2),
        case([4, 6, 6, 5], gives=1),
        case([9, 1, 9], gives=0),
    ),
)


def binary_search(ordered: list[int], target: int) -> int:
    """Return the index of the target in an ascending list without repetitions, or -1 if it is not there."""
    low, high = 0, len(ordered) - 1
    while low <= high:
        middle = (low + high) // 2
        if ordered[middle] == target:
            return middle
        if ordered[middle] < target:
            low = middle + 1
        else:
            high = middle - 1
    return -1


BINARY_SEARCH = HandWritten(
    binary_search,
    category="off_by_one",
    difficulty="medium",
    change=("while low <= high", "while low < high"),
    hint="What is still to be looked at when `low` and `high` are equal?",
    tests=(
        case([1, 3, 5, 7, 9], 5, gives=2),
        case([1, 3, 5, 7, 9], 9, gives=4),
        case([4], 4, gives=0),
        case([1, 3, 5], 2, gives=-1),
        case([], 1, gives=-1),
        case([2, 4, 6, 8], 2, gives=0),
    ),
    hidden=(
        case([2, 4, 6, 8], 8, gives=3),
        case([10, 20], 20, gives=1),
        case([10, 20], 15, gives=-1),
        case([1, 2, 3, 4, 5, 6, 7], 3, gives=2),
        case([-5, 0, 5], -5, gives=0),
    ),
)


def find_pair(numbers: list[int], total: int) -> tuple[int, int] | None:
    """Return the indices (i, j), i < j, of two numbers with the given total, or None; of several pairs the
    one with the smallest j, and then the smallest i.
    """
    first_seen: dict[int, int] = {}
    for index, number in enumerate(numbers):
        if total - number in first_seen:
            return first_seen[total - number], index
        first_seen.setdefault(number, index)
    return None


FIND_PAIR = HandWritten(
    find_pair,
    category="data_structure",
    difficulty="medium",
    change=(
        """\
        if total - number in first_seen:
            return first_seen[total - number], index
        first_seen.setdefault(number, index)
""",
        """\
        first_seen.setdefault(number, index)
        if total - number in first_seen:
            return first_seen[total - number], index
""",
    ),
    hint="Can a number find itself as its own partner?",
    tests=(
        case([2, 7, 11, 15], 9, gives=(0, 1)),
        case([3, 4, 2], 6, gives=(1, 2)),
        case([5, 5], 10, gives=(0, 1)),
        case([1, 2], 7, gives=None),
        case([4], 8, gives=None),
        case([], 0, gives=None),
    ),
    hidden=(
        case([0, 3, 0], 0, gives=(0, 2)),
        case([6, 1, 2, 3], 12, gives=None),
        case([1, 1, 2, 1], 3, gives=(0, 2)),
        case([-4, 8, 4], 0, gives=(0, 2)),
        case([5, 1, 9], 10, gives=(1, 2)),
    ),
)


def first_at_least(ordered: list[int], bound: int) -> int:
    """Return the index of the first number of an ascending list that is at least `bound`, or the length if
    none is.
    """
    low, high = 0, len(ordered)
    while low < high:
        middle = (low + high) // 2
        if ordered[middle] < bound:
            low = middle + 1
        else:
            high = middle
    return low


FIRST_AT_LEAST = HandWritten(
    first_at_least,
    category="algorithm",
    difficulty="hard",
    change=("            high = middle\n", "            high = middle - 1\n"),
    hint="Could the number in the middle be the answer itself?",
    tests=(
        case([1, 3, 5, 7], 4, gives=2),
        case([1, 3, 5, 7], 3, gives=1),
        case([2, 2, 2], 2, gives=0),
        case([1, 3, 5], 9, gives=3),
        case([], 1, gives=0),
        case([1, 4, 6, 8, 9], 5, gives=2),
    ),
    hidden=(
        case([10, 20, 30], 15, gives=1),
        case([5], 5, gives=0),
        case([5], 6, gives=1),
        case([1, 2, 4, 4, 4, 9], 4, gives=2),
        case([-3, -1, 0], -2, gives=1),
        case([1, 2, 3, 4, 5, 6, 7, 8], 7, gives=6),
    ),
)


def search_rotated(numbers: list[int], target: int) -> int:
    """Return the index of the target, or -1, in an ascending list of different numbers that was cut once
    and swapped round.
    """
    low, high = 0, len(numbers) - 1
    while low <= high:
        middle = (low + high) // 2
        if numbers[middle] == target:
            return middle
        if numbers[low] <= numbers[middle]:
            if numbers[low] <= target < numbers[middle]:
                high = middle - 1
            else:
                low = middle + 1
        elif numbers[middle] < target <= numbers[high]:
            low = middle + 1
        else:
            high = middle - 1
    return -1


SEARCH_ROTATED = HandWritten(
    search_rotated,
    category="algorithm",
    difficulty="hard",
    change=("numbers[middle] < target <= numbers[high]", "numbers[middle] < target < numbers[high]"),
    hint="Each half is told apart by its two ends: do both ends belong to it?",
    tests=(
        case([4, 5, 6, 1, 2, 3], 2, gives=4),
        case([4, 5, 6, 1, 2, 3], 6, gives=2),
        case([6, 7, 1, 2, 3], 3, gives=4),
        case([1, 2, 3], 3, gives=2),
        case([], 4, gives=-1),
        case([5, 1, 2, 3, 4], 4, gives=4),
        case([3, 4, 5, 1, 2], 6, gives=-1),
    ),
    hidden=(
        case([9, 1, 3, 5, 7], 7, gives=4),
        case([8, 9, 2, 4, 6], 6, gives=4),
        case([2, 1], 1, gives=1),
        case([7], 7, gives=0),
        case([5, 6, 7, 8, 1], 5, gives=0),
    ),
)

BUGS = (POSITION_OF_LARGEST, BINARY_SEARCH, FIND_PAIR, FIRST_AT_LEAST, SEARCH_ROTATED)
