"""Sets: membership, overlap, groups."""

from dataset_builder.python_bugs.hand_written import HandWritten, case


def similarity(first: set[str], second: set[str], ignored: set[str]) -> float:
    """Return the share of all elements, the ignored ones left out, that are in both sets; 1.0 if none is
    left.
    """
    together = (first | second) - ignored
    if not together:
        return 1.0
    return len(first & second & together) / len(together)


SIMILARITY = HandWritten(
    similarity,
    category="edge_case",
    difficulty="easy",
    change=("    if not together:\n        return 1.0\n", ""),
    hint="How many elements can there be at least?",
    tests=(
        case({"a", "b"}, {"b", "c", "d"}, set(), gives=0.25),
        case({"a"}, {"a"}, set(), gives=1.0),
        case({"a"}, {"b"}, {"c"}, gives=0.0),
        case(set(), set(), set(), gives=1.0),
        case({"a", "b"}, {"a", "c"}, {"b", "c"}, gives=1.0),
        case({"the"}, {"the", "a"}, {"the", "a"}, gives=1.0),
    ),
    hidden=(
        case(set(), set(), {"x"}, gives=1.0),
        case({"p", "q"}, {"q"}, {"q"}, gives=0.0),
        case({"p", "q", "r", "s"}, {"s"}, set(), gives=0.25),
        case({"m"}, {"m"}, {"m"}, gives=1.0),
    ),
)


def missing_numbers(present: set[int], low: int, high: int) -> list[int]:
    """Return the whole numbers from `low` to `high`, both included, that are not present, in ascending
    order.
    """
    return [number for number in range(low, high + 1) if number not in present]


MISSING_NUMBERS = HandWritten(
    missing_numbers,
    category="off_by_one",
    difficulty="easy",
    change=("range(low, high + 1)", "range(low, high)"),
    hint="Is the upper end among the numbers that are looked at?",
    tests=(
        case({1, 2, 4}, 1, 5, gives=[3, 5]),
        case({1, 2, 3}, 1, 3, gives=[]),
        case(set(), 1, 2, gives=[1, 2]),
        case({7}, 5, 7, gives=[5, 6]),
        case({0}, 0, 0, gives=[]),
        case({9}, 3, 2, gives=[]),
    ),
    hidden=(
        case(set(), 4, 4, gives=[4]),
        case({-1}, -2, 0, gives=[-2, 0]),
        case({10, 11}, 10, 12, gives=[12]),
        case({2}, 1, 2, gives=[1]),
    ),
)


def only_in_one(first: set[int], second: set[int]) -> set[int]:
    """Return the elements that are in exactly one of the two sets."""
    return (first | second) - (first & second)


ONLY_IN_ONE = HandWritten(
    only_in_one,
    category="logic",
    difficulty="easy",
    change=("(first | second) - (first & second)", "(first | second) - second"),
    hint="Look at an element that only the second set has.",
    tests=(
        case({1, 2}, {2, 3}, gives={1, 3}),
        case({1}, {1}, gives=set()),
        case({1}, set(), gives={1}),
        case(set(), {4, 5}, gives={4, 5}),
        case(set(), set(), gives=set()),
        case({1, 2, 3}, {2}, gives={1, 3}),
    ),
    hidden=(
        case({7}, {8}, gives={7, 8}),
        case({1, 2}, {1, 2, 3}, gives={3}),
        case({0, 9}, {9}, gives={0}),
        case(set(), {-1}, gives={-1}),
    ),
)


def common_to_all(groups: list[set[str]]) -> set[str]:
    """Return the elements that are in every one of the sets (none if there is no set)."""
    if not groups:
        return set()
    common = set(groups[0])
    for group in groups[1:]:
        common &= group
    return common


COMMON_TO_ALL = HandWritten(
    common_to_all,
    category="logic",
    difficulty="easy",
    change=("common &= group", "common |= group"),
    hint="Should the result grow or shrink with each further set?",
    tests=(
        case([{"a", "b"}, {"b", "c"}], gives={"b"}),
        case([{"a"}, {"b"}], gives=set()),
        case([{"a", "b"}], gives={"a", "b"}),
        case([], gives=set()),
        case([{"x"}, {"x"}, {"x"}], gives={"x"}),
        case([{"x", "y", "z"}, {"y", "z"}, {"z", "x"}], gives={"z"}),
    ),
    hidden=(
        case([{"p", "q"}, {"q"}, {"q", "r"}], gives={"q"}),
        case([set(), {"a"}], gives=set()),
        case([{"m"}, {"m"}], gives={"m"}),
        case([{"k"}, {"l"}, {"k"}], gives=set()),
    ),
)


def subsets_with_total(numbers: list[int], total: int) -> list[list[int]]:
    """Return every choice of positions whose numbers add up to the total, taking a number being tried
    before leaving it out.
    """
    found: list[list[int]] = []
    chosen: list[int] = []

    def choose(position: int, rest: int) -> None:
        if position == len(numbers):
            if rest == 0:
                found.append(list(chosen))
            return
        chosen.append(numbers[position])
        choose(position + 1, rest - numbers[position])
        chosen.pop()
        choose(position + 1, rest)

    choose(0, total)
    return found


SUBSETS_WITH_TOTAL = HandWritten(
    subsets_with_total,
    category="data_structure",
    difficulty="hard",
    change=("found.append(list(chosen))", "found.append(chosen)"),
    hint="What happens to a list that was found, once the search goes on?",
    tests=(
        case([1, 2, 3], 3, gives=[[1, 2], [3]]),
        case([5], 5, gives=[[5]]),
        case([5], 4, gives=[]),
        case([2, 2], 2, gives=[[2], [2]]),
        case([], 0, gives=[[]]),
        case([4, 1, 3], 8, gives=[[4, 1, 3]]),
    ),
    hidden=(
        case([3, 1, 2], 3, gives=[[3], [1, 2]]),
        case([1, -1], 0, gives=[[1, -1], []]),
        case([6, 7], 1, gives=[]),
        case([1, 1, 1], 2, gives=[[1, 1], [1, 1], [1, 1]]),
    ),
)


def friend_groups(pairs: list[tuple[str, str]]) -> list[set[str]]:
    """Return the groups of people who are linked by pairs, directly or through others, ordered by their
    first name A to Z.
    """
    groups: list[set[str]] = []
    for pair in pairs:
        linked = [group for group in groups if group & set(pair)]
        groups = [group for group in groups if not group & set(pair)]
        groups.append(set(pair).union(*linked))
    return sorted(groups, key=min)


FRIEND_GROUPS = HandWritten(
    friend_groups,
    category="algorithm",
    difficulty="hard",
    change=(
        """\
        linked = [group for group in groups if group & set(pair)]
        groups = [group for group in groups if not group & set(pair)]
        groups.append(set(pair).union(*linked))
""",
        """\
        for group in groups:
            if group & set(pair):
                group.update(pair)
                break
        else:
            groups.append(set(pair))
""",
    ),
    hint="One pair can link two groups that were apart until then.",
    tests=(
        case([("a", "b"), ("b", "c")], gives=[{"a", "b", "c"}]),
        case([("a", "b"), ("c", "d")], gives=[{"a", "b"}, {"c", "d"}]),
        case([("a", "b"), ("c", "d"), ("b", "c")], gives=[{"a", "b", "c", "d"}]),
        case([], gives=[]),
        case([("x", "y"), ("y", "x")], gives=[{"x", "y"}]),
        case([("p", "q"), ("m", "n"), ("q", "p")], gives=[{"m", "n"}, {"p", "q"}]),
    ),
    hidden=(
        case([("a", "d"), ("b", "c"), ("e", "f"), ("d", "e")], gives=[{"a", "d", "e", "f"}, {"b", "c"}]),
        case([("k", "l")], gives=[{"k", "l"}]),
        case(
            [("1", "2"), ("3", "4"), ("5", "6"), ("2", "3"), ("4", "5")],
            gives=[{"1", "2", "3", "4", "5", "6"}],
        ),
        case([("t", "u"), ("u", "v"), ("v", "w")], gives=[{"t", "u", "v", "w"}]),
    ),
)

BUGS = (SIMILARITY, MISSING_NUMBERS, ONLY_IN_ONE, COMMON_TO_ALL, SUBSETS_WITH_TOTAL, FRIEND_GROUPS)
