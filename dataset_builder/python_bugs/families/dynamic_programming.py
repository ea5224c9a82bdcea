"""Dynamic programming: best choices and counts from smaller ones."""

from dataset_builder.python_bugs.hand_written import HandWritten, case


def best_run(numbers: list[int]) -> int:
    """Return the largest sum of one or more neighbouring numbers of a list that is not empty."""
    best = current = numbers[0]
    for number in numbers[1:]:
        current = max(number, current + number)
        best = max(best, current)
    return best


BEST_RUN = HandWritten(
    best_run,
    category="edge_case",
    difficulty="medium",
    change=(
        "    best = current = numbers[0]\n    for number in numbers[1:]:\n",
        "    best = current = 0\n    for number in numbers:\n",
    ),
    hint="What is the answer when every number is negative?",
    tests=(
        case([1, -2, 3, 4], gives=7),
        case([-3, -1, -2], gives=-1),
        case([5], gives=5),
        case([2, -1, 2], gives=3),
        case([-4], gives=-4),
        case([1, 2, 3], gives=6),
    ),
    hidden=(
        case([-8, -3, -6], gives=-3),
        case([4, -5, 4], gives=4),
        case([-2, 1, -3, 4, -1, 2, 1, -5, 4], gives=6),
        case([-1, 0, -2], gives=0),
    ),
)


def stair_ways(stairs: int) -> int:
    """Return in how many ways one can climb the stairs taking one or two at a time; there is one way to
    climb none.
    """
    ways = [1, 1]
    for stair in range(2, stairs + 1):
        ways.append(ways[stair - 1] + ways[stair - 2])
    return ways[stairs]


STAIR_WAYS = HandWritten(
    stair_ways,
    category="algorithm",
    difficulty="easy",
    change=("ways = [1, 1]", "ways = [0, 1]"),
    hint="Everything grows from the first two entries.",
    tests=(
        case(0, gives=1),
        case(1, gives=1),
        case(2, gives=2),
        case(3, gives=3),
        case(4, gives=5),
        case(7, gives=21),
    ),
    hidden=(
        case(5, gives=8),
        case(6, gives=13),
        case(10, gives=89),
        case(20, gives=10946),
    ),
)


def longest_rise(numbers: list[int]) -> int:
    """Return the length of the longest strictly rising selection of the numbers in their order (neighbours
    or not).
    """
    lengths: list[int] = []
    for index, number in enumerate(numbers):
        before = [lengths[j] for j in range(index) if numbers[j] < number]
        lengths.append(1 + max(before, default=0))
    return max(lengths, default=0)


LONGEST_RISE = HandWritten(
    longest_rise,
    category="algorithm",
    difficulty="medium",
    change=("return max(lengths, default=0)", "return lengths[-1] if lengths else 0"),
    hint="What exactly does each entry of `lengths` stand for?",
    tests=(
        case([1, 2, 3], gives=3),
        case([1, 5, 2], gives=2),
        case([], gives=0),
        case([4, 5, 6, 1], gives=3),
        case([3, 3, 3], gives=1),
        case([2, 9, 3, 8, 4], gives=3),
    ),
    hidden=(
        case([5, 6, 7, 8, 0, 1], gives=4),
        case([9], gives=1),
        case([1, 3, 2, 0], gives=2),
        case([10, 1, 2, 3], gives=3),
    ),
)


def best_load(items: list[tuple[int, int]], capacity: int) -> int:
    """Return the highest total value of items (weight, value), each taken at most once, whose weights fit
    the capacity.
    """
    best = [0] * (capacity + 1)
    for weight, value in items:
        for room in range(capacity, weight - 1, -1):
            best[room] = max(best[room], best[room - weight] + value)
    return best[capacity]


BEST_LOAD = HandWritten(
    best_load,
    category="algorithm",
    difficulty="hard",
    change=("range(capacity, weight - 1, -1)", "range(weight, capacity + 1)"),
    hint="Could one item be packed twice while its own round is still going on?",
    tests=(
        case([(1, 10)], 3, gives=10),
        case([(2, 3), (3, 4)], 5, gives=7),
        case([(5, 100)], 4, gives=0),
        case([], 10, gives=0),
        case([(1, 1), (4, 9), (3, 5)], 4, gives=9),
        case([(2, 5), (2, 5), (3, 8)], 4, gives=10),
    ),
    hidden=(
        case([(1, 2), (3, 3)], 4, gives=5),
        case([(2, 7)], 6, gives=7),
        case([(3, 3), (4, 4), (5, 6)], 8, gives=9),
        case([(1, 5)], 0, gives=0),
    ),
)


def edit_distance(first: str, second: str) -> int:
    """Return the fewest single letters to insert, delete or replace that turn one word into the other."""
    previous = list(range(len(second) + 1))
    for i, left in enumerate(first, start=1):
        current = [i]
        for j, right in enumerate(second, start=1):
            replaced = previous[j - 1] + (left != right)
            current.append(min(replaced, previous[j] + 1, current[j - 1] + 1))
        previous = current
    return previous[-1]


EDIT_DISTANCE = HandWritten(
    edit_distance,
    category="algorithm",
    difficulty="hard",
    change=("current = [i]", "current = [0]"),
    hint="What does it cost to turn the beginning of a word into nothing?",
    tests=(
        case("cat", "cut", gives=1),
        case("abc", "", gives=3),
        case("", "xy", gives=2),
        case("same", "same", gives=0),
        case("kitten", "sitting", gives=3),
        case("ab", "b", gives=1),
        case("flaw", "lawn", gives=2),
    ),
    hidden=(
        case("a", "", gives=1),
        case("book", "back", gives=2),
        case("xyz", "z", gives=2),
        case("intention", "execution", gives=5),
        case("", "", gives=0),
    ),
)


def can_segment(text: str, words: set[str]) -> bool:
    """Return whether the text can be cut into words of the set, each usable as often as needed; an empty
    text can.
    """
    reachable = [True] + [False] * len(text)
    for end in range(1, len(text) + 1):
        for start in range(end):
            if reachable[start] and text[start:end] in words:
                reachable[end] = True
    return reachable[len(text)]


CAN_SEGMENT = HandWritten(
    can_segment,
    category="algorithm",
    difficulty="hard",
    change=(
        """\
    reachable = [True] + [False] * len(text)
    for end in range(1, len(text) + 1):
        for start in range(end):
            if reachable[start] and text[start:end] in words:
                reachable[end] = True
    return reachable[len(text)]
""",
        """\
    start = 0
    while start < len(text):
        ends = [end for end in range(start + 1, len(text) + 1) if text[start:end] in words]
        if not ends:
            return False
        start = max(ends)
    return True
""",
    ),
    hint="Is the longest word that fits always the right one to take?",
    tests=(
        case("redcar", {"red", "car"}, gives=True),
        case("redcars", {"red", "car"}, gives=False),
        case("", {"a"}, gives=True),
        case("aaa", {"a", "aa"}, gives=True),
        case("catsand", {"cat", "cats", "sand"}, gives=True),
        case("abcd", {"ab", "abc", "cd"}, gives=True),
        case("x", set(), gives=False),
    ),
    hidden=(
        case("goalspecial", {"go", "goal", "goals", "special"}, gives=True),
        case("aaab", {"a", "aa"}, gives=False),
        case("pineapple", {"pine", "apple"}, gives=True),
        case("xyz", {"xy", "x", "yz"}, gives=True),
    ),
)

BUGS = (BEST_RUN, STAIR_WAYS, LONGEST_RISE, BEST_LOAD, EDIT_DISTANCE, CAN_SEGMENT)
