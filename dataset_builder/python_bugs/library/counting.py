"""Dicts and sets: counting, grouping, combining."""

from dataset_builder.python_bugs.inputs import choices, dicts, integers, lists, texts, tuples


def count_items(items: list[str]) -> dict[str, int]:
    """Return how often each item comes."""
    counts: dict[str, int] = {}
    for item in items:
        counts[item] = counts.get(item, 0) + 1
    return counts


def most_common(numbers: list[int]) -> int | None:
    """Return the number that comes most often, the smallest of several, or None for an empty list."""
    best = None
    best_count = 0
    for number in sorted(numbers):
        count = numbers.count(number)
        if count > best_count:
            best, best_count = number, count
    return best


def group_by_remainder(numbers: list[int], divisor: int) -> dict[int, list[int]]:
    """Return the numbers in lists by their remainder after division by the divisor (1 or more)."""
    groups: dict[int, list[int]] = {}
    for number in numbers:
        remainder = number % divisor
        if remainder not in groups:
            groups[remainder] = []
        groups[remainder].append(number)
    return groups


def merge_totals(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    """Return the sums of the values of two dicts by key, a missing value counting as 0 and sums of 0 left
    out.
    """
    totals = dict(first)
    for key, value in second.items():
        totals[key] = totals.get(key, 0) + value
    return {key: value for key, value in totals.items() if value != 0}


def repeated(numbers: list[int]) -> list[int]:
    """Return the numbers that come more than once, each once, in the order in which they come for the
    second time.
    """
    seen = set()
    found = []
    for number in numbers:
        if number in seen and number not in found:
            found.append(number)
        seen.add(number)
    return found


def can_spell(word: str, letters: str) -> bool:
    """Return whether a word can be laid with the letters, each used at most once."""
    left = list(letters)
    for letter in word:
        if letter not in left:
            return False
        left.remove(letter)
    return True


def above_average(scores: dict[str, int]) -> list[str]:
    """Return the sorted names whose score is above the mean of all scores."""
    if not scores:
        return []
    mean = sum(scores.values()) / len(scores)
    return sorted(name for name, score in scores.items() if score > mean)


def filter_range(prices: dict[str, int], low: int, high: int) -> dict[str, int]:
    """Return the entries whose price is at least `low` and below `high`."""
    return {name: price for name, price in prices.items() if low <= price and price < high}


def winner(votes: list[str]) -> str | None:
    """Return who has more than half of the votes, or None."""
    for name in votes:
        if votes.count(name) * 2 > len(votes):
            return name
    return None


NAMES = choices("ann", "bob", "eve")

FUNCTIONS = {
    count_items: tuples(lists(NAMES, 0, 6)),
    most_common: tuples(lists(integers(0, 3), 0, 7)),
    group_by_remainder: tuples(lists(integers(-5, 9), 0, 6), integers(1, 4)),
    merge_totals: tuples(dicts(NAMES, integers(-2, 2), 0, 3), dicts(NAMES, integers(-2, 2), 0, 3)),
    repeated: tuples(lists(integers(0, 3), 0, 7)),
    can_spell: tuples(texts("abc", 0, 4), texts("abc", 0, 5)),
    above_average: tuples(dicts(NAMES, integers(0, 4), 0, 4)),
    filter_range: tuples(dicts(NAMES, integers(0, 6), 0, 3), integers(0, 4), integers(2, 6)),
    winner: tuples(lists(NAMES, 0, 6)),
}
