"""Timetables and intervals: pairs (start, end), times of day."""

from dataset_builder.python_bugs.inputs import Input, integers, lists, mapped, tuples


def covered_length(spans: list[tuple[int, int]]) -> int:
    """Return how much of the line is covered by the spans (start, end), overlaps counted once."""
    total = 0
    reached = None
    for start, end in sorted(spans):
        if reached is None or start > reached:
            total += end - start
            reached = end
        elif end > reached:
            total += end - reached
            reached = end
    return total


def most_bookings(bookings: list[tuple[int, int]]) -> int:
    """Return the largest number of bookings (start, end) that one room can take; one may start when another
    ends.
    """
    count = 0
    free_from = None
    for start, end in sorted(bookings, key=lambda booking: (booking[1], booking[0])):
        if free_from is None or start >= free_from:
            count += 1
            free_from = end
    return count


def shared_span(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int] | None:
    """Return the span (start, end) that two spans have in common, or None if it would have no length."""
    start = max(first[0], second[0])
    end = min(first[1], second[1])
    if start >= end:
        return None
    return start, end


def next_departure(departures: list[int], now: int) -> int | None:
    """Return the earliest departure that is not before now, or None."""
    earliest = None
    for departure in departures:
        if departure >= now and (earliest is None or departure < earliest):
            earliest = departure
    return earliest


def clock_after(hour: int, minute: int, minutes: int) -> str:
    """Return the time HH:MM a number of minutes (0 or more) after the given one, on a clock of 24 hours."""
    total = hour * 60 + minute + minutes
    return f"{total // 60 % 24:02d}:{total % 60:02d}"


def parking_fee(minutes: int) -> int:
    """Return the fee in cents: nothing up to 30 minutes, then 200 for each hour begun, but at most 1500."""
    if minutes <= 30:
        return 0
    hours = (minutes + 59) // 60
    return min(hours * 200, 1500)


def gaps(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the gaps (start, end) between spans in order of their start, which may overlap."""
    found = []
    reached = None
    for start, end in spans:
        if reached is not None and start > reached:
            found.append((reached, start))
        reached = end if reached is None else max(reached, end)
    return found


def working_days(first: int, days: int) -> int:
    """Return how many of `days` days, beginning with weekday `first` (0 is Monday), are not Saturday (5) or
    Sunday (6).
    """
    count = 0
    for day in range(first, first + days):
        if day % 7 < 5:
            count += 1
    return count


def busiest_hour(visits: list[int]) -> int | None:
    """Return the hour (0 to 23) with the most visits, given the hour of each; the earliest of several, None
    without visits.
    """
    if not visits:
        return None
    counts = [0] * 24
    for hour in visits:
        counts[hour] += 1
    best = 0
    for hour in range(1, 24):
        if counts[hour] > counts[best]:
            best = hour
    return best


def _span(drawn: tuple[int, int]) -> tuple[int, int]:
    start, length = drawn
    return start, start + length


SPAN: Input = mapped(_span, tuples(integers(0, 9), integers(1, 5)))

FUNCTIONS = {
    covered_length: tuples(lists(SPAN, 0, 4)),
    most_bookings: tuples(lists(SPAN, 0, 5)),
    shared_span: tuples(SPAN, SPAN),
    next_departure: tuples(lists(integers(0, 12), 0, 5), integers(0, 12)),
    clock_after: tuples(integers(0, 23), integers(0, 59), integers(0, 3000)),
    parking_fee: tuples(integers(0, 600)),
    gaps: tuples(mapped(sorted, lists(SPAN, 0, 4))),
    working_days: tuples(integers(0, 6), integers(0, 16)),
    busiest_hour: tuples(lists(integers(0, 4), 0, 6)),
}
