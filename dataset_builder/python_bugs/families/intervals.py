"""Intervals: pairs (start, end)."""

from dataset_builder.python_bugs.hand_written import HandWritten, case


def overlap(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Return whether two bookings (start, end) are in each other's way; one may start at the moment the
    other ends.
    """
    return first[0] < second[1] and second[0] < first[1]


OVERLAP = HandWritten(
    overlap,
    category="off_by_one",
    difficulty="easy",
    change=(
        "first[0] < second[1] and second[0] < first[1]",
        "first[0] <= second[1] and second[0] <= first[1]",
    ),
    hint="A booking until 10 and another from 10 on: is that a conflict?",
    tests=(
        case((1, 5), (3, 8), gives=True),
        case((1, 5), (5, 8), gives=False),
        case((5, 8), (1, 5), gives=False),
        case((1, 10), (3, 4), gives=True),
        case((1, 2), (4, 6), gives=False),
        case((3, 7), (3, 7), gives=True),
    ),
    hidden=(
        case((0, 1), (1, 2), gives=False),
        case((4, 6), (1, 5), gives=True),
        case((9, 12), (6, 9), gives=False),
        case((-3, 0), (-1, 2), gives=True),
    ),
)


def is_active(day: int, start: int | None, end: int | None) -> bool:
    """Return whether a contract covers a day, first and last day included; None is an open start or end."""
    if start is not None and day < start:
        return False
    return end is None or day <= end


IS_ACTIVE = HandWritten(
    is_active,
    category="none_handling",
    difficulty="easy",
    change=("return end is None or day <= end", "return day <= end"),
    hint="What is compared when a contract has no end?",
    tests=(
        case(5, 1, 10, gives=True),
        case(5, 1, None, gives=True),
        case(5, None, 4, gives=False),
        case(10, 1, 10, gives=True),
        case(0, 1, None, gives=False),
        case(3, None, None, gives=True),
    ),
    hidden=(
        case(100, None, None, gives=True),
        case(1, 1, 1, gives=True),
        case(7, 8, 9, gives=False),
        case(7, 7, None, gives=True),
    ),
)


def merge_spans(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans (start, end) in order, with those that touch or overlap put together."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


MERGE_SPANS = HandWritten(
    merge_spans,
    category="algorithm",
    difficulty="medium",
    change=("(merged[-1][0], max(merged[-1][1], end))", "(merged[-1][0], end)"),
    hint="Try a short span that lies inside a long one.",
    tests=(
        case([(1, 3), (2, 5)], gives=[(1, 5)]),
        case([(1, 10), (2, 3)], gives=[(1, 10)]),
        case([(5, 6), (1, 2)], gives=[(1, 2), (5, 6)]),
        case([(1, 2), (2, 3)], gives=[(1, 3)]),
        case([], gives=[]),
        case([(1, 9), (2, 4), (5, 6), (12, 13)], gives=[(1, 9), (12, 13)]),
    ),
    hidden=(
        case([(0, 7), (1, 2), (6, 8)], gives=[(0, 8)]),
        case([(3, 4)], gives=[(3, 4)]),
        case([(1, 4), (1, 2)], gives=[(1, 4)]),
        case([(0, 20), (3, 5), (4, 6)], gives=[(0, 20)]),
    ),
)


def free_slots(busy: list[tuple[int, int]], opening: int, closing: int) -> list[tuple[int, int]]:
    """Return the free times (start, end) between opening and closing, given busy times in order that do not
    overlap.
    """
    free = []
    now = opening
    for start, end in busy:
        if start > now:
            free.append((now, start))
        now = end
    if now < closing:
        free.append((now, closing))
    return free


FREE_SLOTS = HandWritten(
    free_slots,
    category="edge_case",
    difficulty="medium",
    change=("    if now < closing:\n        free.append((now, closing))\n", ""),
    hint="What about the time after the last meeting?",
    tests=(
        case([(10, 12)], 9, 17, gives=[(9, 10), (12, 17)]),
        case([], 9, 17, gives=[(9, 17)]),
        case([(9, 17)], 9, 17, gives=[]),
        case([(9, 11), (11, 17)], 9, 17, gives=[]),
        case([(10, 11), (15, 17)], 9, 17, gives=[(9, 10), (11, 15)]),
        case([(9, 10)], 9, 12, gives=[(10, 12)]),
    ),
    hidden=(
        case([(1, 2), (3, 4)], 0, 5, gives=[(0, 1), (2, 3), (4, 5)]),
        case([(8, 9)], 8, 9, gives=[]),
        case([(13, 14)], 12, 18, gives=[(12, 13), (14, 18)]),
        case([], 6, 6, gives=[]),
    ),
)


def rooms_needed(meetings: list[tuple[int, int]]) -> int:
    """Return how many rooms the meetings (start, end), each longer than 0, need; a room is free again at
    the end.
    """
    events = []
    for start, end in meetings:
        events += [(start, 1), (end, -1)]
    used = most = 0
    for _, change in sorted(events):
        used += change
        most = max(most, used)
    return most


ROOMS_NEEDED = HandWritten(
    rooms_needed,
    category="algorithm",
    difficulty="hard",
    change=("sorted(events)", "sorted(events, key=lambda event: event[0])"),
    hint="At one moment a meeting ends and another starts: which of the two is counted first?",
    tests=(
        case([(9, 10), (10, 11)], gives=1),
        case([(10, 11), (9, 10)], gives=1),
        case([(9, 12), (10, 11)], gives=2),
        case([], gives=0),
        case([(1, 4), (2, 5), (3, 6)], gives=3),
        case([(3, 5), (1, 3), (2, 4)], gives=2),
    ),
    hidden=(
        case([(5, 6), (4, 5), (3, 4)], gives=1),
        case([(8, 9)], gives=1),
        case([(2, 3), (0, 2), (1, 2), (2, 4)], gives=2),
        case([(0, 10), (0, 10)], gives=2),
    ),
)

BUGS = (OVERLAP, IS_ACTIVE, MERGE_SPANS, FREE_SLOTS, ROOMS_NEEDED)
