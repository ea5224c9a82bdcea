"""Lists of numbers: sums, runs, positions, merging."""

from dataset_builder.python_bugs.inputs import ascending, integers, lists, tuples


def running_totals(numbers: list[int]) -> list[int]:
    """Return the sum of the numbers up to and including each one."""
    totals = []
    total = 0
    for number in numbers:
        total += number
        totals.append(total)
    return totals


def differences(numbers: list[int]) -> list[int]:
    """Return how much each number after the first one is above the number before it."""
    return [numbers[index] - numbers[index - 1] for index in range(1, len(numbers))]


def longest_plateau(numbers: list[int]) -> int:
    """Return the length of the longest run of equal neighbouring numbers (0 for an empty list)."""
    longest = 0
    length = 0
    for index, number in enumerate(numbers):
        if index > 0 and number == numbers[index - 1]:
            length += 1
        else:
            length = 1
        longest = max(longest, length)
    return longest


def in_chunks(numbers: list[int], size: int) -> list[list[int]]:
    """Return the numbers cut into lists of `size` (1 or more), the last of which may be shorter."""
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]


def local_peaks(numbers: list[int]) -> list[int]:
    """Return the indices, first and last left out, at which a number is larger than both its neighbours."""
    return [
        index
        for index in range(1, len(numbers) - 1)
        if numbers[index] > numbers[index - 1] and numbers[index] > numbers[index + 1]
    ]


def without_repetitions(ordered: list[int]) -> list[int]:
    """Return an ascending list with each number once."""
    kept: list[int] = []
    for number in ordered:
        if not kept or kept[-1] != number:
            kept.append(number)
    return kept


def common_in_order(first: list[int], second: list[int]) -> list[int]:
    """Return the numbers that two ascending lists share, each as often as it is in both."""
    shared = []
    i = 0
    j = 0
    while i < len(first) and j < len(second):
        if first[i] == second[j]:
            shared.append(first[i])
            i += 1
            j += 1
        elif first[i] < second[j]:
            i += 1
        else:
            j += 1
    return shared


def balance_point(numbers: list[int]) -> int:
    """Return the first index at which the numbers before it have the same sum as those after it, or -1."""
    left = 0
    right = sum(numbers)
    for index, number in enumerate(numbers):
        right -= number
        if left == right:
            return index
        left += number
    return -1


def zeros_last(numbers: list[int]) -> list[int]:
    """Return the numbers with all zeros moved to the end and the others in their order."""
    moved = list(numbers)
    place = 0
    for index in range(len(moved)):
        if moved[index] != 0:
            moved[place], moved[index] = moved[index], moved[place]
            place += 1
    return moved


def trimmed_mean(numbers: list[int], cut: int) -> float:
    """Return the mean without the `cut` smallest and `cut` largest numbers; ValueError if none is left."""
    kept = sorted(numbers)[cut : len(numbers) - cut]
    if 2 * cut >= len(numbers):
        raise ValueError("no number is left")
    return sum(kept) / len(kept)


def out_of_place(numbers: list[int]) -> int:
    """Return how many of the numbers would stand at another place if they were in ascending order."""
    ordered = list(numbers)
    ordered.sort()
    count = 0
    for index, number in enumerate(numbers):
        if number != ordered[index]:
            count += 1
    return count


def smoothed(numbers: list[int]) -> list[int]:
    """Return the numbers with each one that has two neighbours replaced by the sum of the three in the
    given list.
    """
    sums = list(numbers)
    for index in range(1, len(numbers) - 1):
        sums[index] = numbers[index - 1] + numbers[index] + numbers[index + 1]
    return sums


FUNCTIONS = {
    out_of_place: tuples(lists(integers(0, 4), 0, 6)),
    smoothed: tuples(lists(integers(-3, 9), 0, 6)),
    running_totals: tuples(lists(integers(-9, 9), 0, 6)),
    differences: tuples(lists(integers(-9, 9), 0, 6)),
    longest_plateau: tuples(lists(integers(0, 2), 0, 8)),
    in_chunks: tuples(lists(integers(0, 9), 0, 8), integers(1, 4)),
    local_peaks: tuples(lists(integers(0, 4), 0, 8)),
    without_repetitions: tuples(ascending(integers(0, 5), 0, 8)),
    common_in_order: tuples(ascending(integers(0, 6), 0, 6), ascending(integers(0, 6), 0, 6)),
    balance_point: tuples(lists(integers(-2, 3), 0, 6)),
    zeros_last: tuples(lists(integers(0, 3), 0, 7)),
    trimmed_mean: tuples(lists(integers(0, 20), 1, 7), integers(0, 3)),
}
