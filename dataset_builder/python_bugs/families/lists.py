"""Lists: windows, rotations, filters, extremes."""

from dataset_builder.python_bugs.hand_written import HandWritten, case


def moving_averages(values: list[float], size: int) -> list[float]:
    """Return the mean of every run of `size` neighbouring values, from left to right (none if the list is
    too short).
    """
    return [sum(values[start : start + size]) / size for start in range(len(values) - size + 1)]


MOVING_AVERAGES = HandWritten(
    moving_averages,
    category="off_by_one",
    difficulty="easy",
    change=("range(len(values) - size + 1)", "range(len(values) - size)"),
    hint="Count the windows of size 2 in a list of 3 values, and then how often the loop runs.",
    tests=(
        case([2, 4, 6, 8], 2, gives=[3.0, 5.0, 7.0]),
        case([1, 2, 3], 3, gives=[2.0]),
        case([5, 7], 1, gives=[5.0, 7.0]),
        case([1, 2], 3, gives=[]),
        case([], 2, gives=[]),
        case([10, 20, 30, 40, 50], 4, gives=[25.0, 35.0]),
    ),
    hidden=(
        case([3], 1, gives=[3.0]),
        case([0, 0, 6, 6], 3, gives=[2.0, 4.0]),
        case([1, -1, 1, -1], 2, gives=[0.0, 0.0, 0.0]),
        case([4], 2, gives=[]),
        case([1.5, 2.5, 3.5], 2, gives=[2.0, 3.0]),
    ),
)


def rotate_left(items: list[int], steps: int) -> list[int]:
    """Return the items turned to the left by `steps` places, going round as often as needed (negative: to
    the right).
    """
    if not items:
        return []
    steps %= len(items)
    return items[steps:] + items[:steps]


ROTATE_LEFT = HandWritten(
    rotate_left,
    category="edge_case",
    difficulty="medium",
    change=("    steps %= len(items)\n", ""),
    hint="Think of turning three items by more than three places.",
    tests=(
        case([1, 2, 3, 4], 1, gives=[2, 3, 4, 1]),
        case([1, 2, 3, 4], -1, gives=[4, 1, 2, 3]),
        case([1, 2, 3], 4, gives=[2, 3, 1]),
        case([1, 2, 3], 0, gives=[1, 2, 3]),
        case([1, 2, 3], 3, gives=[1, 2, 3]),
        case([], 2, gives=[]),
        case([7, 8], 5, gives=[8, 7]),
    ),
    hidden=(
        case([1, 2, 3], -4, gives=[3, 1, 2]),
        case([1, 2, 3, 4, 5], 13, gives=[4, 5, 1, 2, 3]),
        case([9], 6, gives=[9]),
        case([1, 2], 1, gives=[2, 1]),
    ),
)


def without_negatives(readings: list[int]) -> list[int]:
    """Return the readings that are not negative, in their order."""
    kept = list(readings)
    for reading in readings:
        if reading < 0:
            kept.remove(reading)
    return kept


WITHOUT_NEGATIVES = HandWritten(
    without_negatives,
    category="argument_mutation",
    difficulty="medium",
    change=("kept = list(readings)", "kept = readings"),
    hint="Which list does the loop walk over, and which one loses items meanwhile?",
    tests=(
        case([3, -1, 4], gives=[3, 4]),
        case([-1, -2, 5], gives=[5]),
        case([1, 2, 3], gives=[1, 2, 3]),
        case([-1, -1, -1], gives=[]),
        case([], gives=[]),
        case([0, -5, 0], gives=[0, 0]),
    ),
    hidden=(
        case([4, -3, -2, -1, 6], gives=[4, 6]),
        case([-7, -7], gives=[]),
        case([2, -2, 2, -2], gives=[2, 2]),
        case([-1, 8, -1, -4], gives=[8]),
    ),
)


def second_largest(numbers: list[int]) -> int | None:
    """Return the second largest of the different numbers, or None if there are fewer than two different
    ones.
    """
    largest = second = None
    for number in numbers:
        if largest is None or number > largest:
            largest, second = number, largest
        elif number != largest and (second is None or number > second):
            second = number
    return second


SECOND_LARGEST = HandWritten(
    second_largest,
    category="edge_case",
    difficulty="medium",
    change=("number != largest and (second is None or number > second)", "second is None or number > second"),
    hint="What should happen when the largest number comes a second time?",
    tests=(
        case([1, 5, 3], gives=3),
        case([5, 5, 3], gives=3),
        case([7, 7], gives=None),
        case([4], gives=None),
        case([], gives=None),
        case([-1, -2, -3], gives=-2),
        case([2, 9, 9, 4], gives=4),
    ),
    hidden=(
        case([3, 8, 8], gives=3),
        case([0, 0, 0], gives=None),
        case([1, 2, 3, 4], gives=3),
        case([6, 1, 6, 5], gives=5),
    ),
)


def take_turns(first: list[str], second: list[str]) -> list[str]:
    """Return one list that takes items from the two lists in turn, and what is left of the longer one at
    the end.
    """
    mixed = []
    for index in range(max(len(first), len(second))):
        if index < len(first):
            mixed.append(first[index])
        if index < len(second):
            mixed.append(second[index])
    return mixed


TAKE_TURNS = HandWritten(
    take_turns,
    category="edge_case",
    difficulty="easy",
    change=("max(len(first), len(second))", "min(len(first), len(second))"),
    hint="What becomes of the longer list once the shorter one has run out?",
    tests=(
        case(["a", "b"], ["1", "2"], gives=["a", "1", "b", "2"]),
        case(["a", "b", "c"], ["1"], gives=["a", "1", "b", "c"]),
        case(["a"], ["1", "2", "3"], gives=["a", "1", "2", "3"]),
        case([], ["1", "2"], gives=["1", "2"]),
        case(["x"], ["y"], gives=["x", "y"]),
        case([], [], gives=[]),
    ),
    hidden=(
        case(["a", "b", "c"], [], gives=["a", "b", "c"]),
        case(["p", "q"], ["r", "s", "t"], gives=["p", "r", "q", "s", "t"]),
        case(["m", "n"], ["o", "o"], gives=["m", "o", "n", "o"]),
        case([], ["z"], gives=["z"]),
    ),
)


def insert_everywhere(item: int, items: list[int]) -> list[list[int]]:
    """Return every list made by putting the item before, between or behind the items, from front to back."""
    made = []
    for position in range(len(items) + 1):
        longer = list(items)
        longer.insert(position, item)
        made.append(longer)
    return made


INSERT_EVERYWHERE = HandWritten(
    insert_everywhere,
    category="argument_mutation",
    difficulty="easy",
    change=("longer = list(items)", "longer = items"),
    hint="Does every round begin with the items as they were given?",
    tests=(
        case(9, [1, 2], gives=[[9, 1, 2], [1, 9, 2], [1, 2, 9]]),
        case(9, [1], gives=[[9, 1], [1, 9]]),
        case(5, [], gives=[[5]]),
        case(0, [0], gives=[[0, 0], [0, 0]]),
        case(4, [7, 7], gives=[[4, 7, 7], [7, 4, 7], [7, 7, 4]]),
        case(-1, [3], gives=[[-1, 3], [3, -1]]),
    ),
    hidden=(
        case(8, [1, 2, 3], gives=[[8, 1, 2, 3], [1, 8, 2, 3], [1, 2, 8, 3], [1, 2, 3, 8]]),
        case(2, [], gives=[[2]]),
        case(6, [5], gives=[[6, 5], [5, 6]]),
        case(1, [1, 1], gives=[[1, 1, 1], [1, 1, 1], [1, 1, 1]]),
    ),
)

BUGS = (MOVING_AVERAGES, ROTATE_LEFT, WITHOUT_NEGATIVES, SECOND_LARGEST, TAKE_TURNS, INSERT_EVERYWHERE)
