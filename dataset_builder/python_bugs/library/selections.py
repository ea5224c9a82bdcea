"""Choosing: searching, selecting, partitioning, recursion."""

from typing import Any

from dataset_builder.python_bugs.inputs import ascending, choices, either, integers, lists, mapped, tuples


def last_position(numbers: list[int], target: int) -> int:
    """Return the index of the last time that the target comes, or -1."""
    position = -1
    for index, number in enumerate(numbers):
        if number == target:
            position = index
    return position


def count_below(ordered: list[int], bound: int) -> int:
    """Return how many numbers of an ascending list are below the bound."""
    low = 0
    high = len(ordered)
    while low < high:
        middle = (low + high) // 2
        if ordered[middle] < bound:
            low = middle + 1
        else:
            high = middle
    return low


def closest(numbers: list[int], target: int) -> int | None:
    """Return the number closest to the target, the smaller of two equally close ones, or None for an empty
    list.
    """
    best = None
    for number in numbers:
        if best is None or (abs(number - target), number) < (abs(best - target), best):
            best = number
    return best


def pick_every(numbers: list[int], step: int, start: int) -> list[int]:
    """Return every `step`-th number (step 1 or more), beginning with the one at index `start`."""
    picked = []
    index = start
    while index < len(numbers):
        picked.append(numbers[index])
        index += step
    return picked


def split_at(numbers: list[int], pivot: int) -> tuple[list[int], list[int]]:
    """Return the numbers below the pivot and the other ones, both in their order."""
    below = []
    rest = []
    for number in numbers:
        if number < pivot:
            below.append(number)
        else:
            rest.append(number)
    return below, rest


def smallest_three(numbers: list[int]) -> list[int]:
    """Return the three smallest numbers in ascending order (all of them if there are fewer)."""
    smallest: list[int] = []
    for number in numbers:
        smallest.append(number)
        smallest.sort()
        if len(smallest) > 3:
            smallest.pop()
    return smallest


def nested_sum(nested: list[Any]) -> int:
    """Return the sum of all numbers in a nested list."""
    total = 0
    for item in nested:
        if isinstance(item, list):
            total += nested_sum(item)
        else:
            total += item
    return total


def nested_depth(nested: list[Any]) -> int:
    """Return how deep lists are nested: 1 for a list without lists in it."""
    deepest = 0
    for item in nested:
        if isinstance(item, list):
            deepest = max(deepest, nested_depth(item))
    return deepest + 1


def choose(items: list[int], count: int) -> list[list[int]]:
    """Return every choice of `count` items in their order, those with an earlier first item first."""
    if count == 0:
        return [[]]
    chosen = []
    for index in range(len(items)):
        chosen += [[items[index], *rest] for rest in choose(items[index + 1 :], count - 1)]
    return chosen


def first_missing(numbers: list[int]) -> int:
    """Return the smallest whole number of 1 or more that is not among the numbers."""
    candidate = 1
    while candidate in numbers:
        candidate += 1
    return candidate


def bounded_sum(numbers: list[int | None], limit: int) -> int:
    """Return the sum of the numbers, None left out, up to the number before the sum would go above the
    limit.
    """
    total = 0
    for number in numbers:
        if number is None:
            continue
        if total + number > limit:
            break
        total += number
    return total


NESTED = lists(
    either(
        integers(-3, 5), lists(integers(0, 5), 0, 2), mapped(lambda item: [item], lists(integers(1, 4), 0, 2))
    ),
    0,
    4,
)

FUNCTIONS = {
    last_position: tuples(lists(integers(0, 3), 0, 6), integers(0, 3)),
    count_below: tuples(ascending(integers(0, 8), 0, 7), integers(0, 9)),
    closest: tuples(lists(integers(-4, 9), 0, 5), integers(0, 6)),
    pick_every: tuples(lists(integers(0, 9), 0, 7), integers(1, 3), integers(0, 3)),
    split_at: tuples(lists(integers(0, 6), 0, 6), integers(1, 5)),
    smallest_three: tuples(lists(integers(0, 9), 0, 6)),
    nested_sum: tuples(NESTED),
    nested_depth: tuples(NESTED),
    choose: tuples(lists(integers(0, 9), 0, 4), integers(0, 3)),
    first_missing: tuples(lists(integers(-1, 5), 0, 6)),
    bounded_sum: tuples(lists(either(integers(0, 5), choices(None)), 0, 6), integers(0, 9)),
}
