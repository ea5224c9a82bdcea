"""Numbers: digits, primes, bases, averages."""

from dataset_builder.python_bugs.hand_written import HandWritten, case


def digit_sum(number: int) -> int:
    """Return the sum of the decimal digits of a whole number, its sign ignored."""
    return sum(int(digit) for digit in str(abs(number)))


DIGIT_SUM = HandWritten(
    digit_sum,
    category="edge_case",
    difficulty="easy",
    change=("str(abs(number))", "str(number)"),
    hint="What is the first character of -12 as text?",
    tests=(
        case(123, gives=6),
        case(0, gives=0),
        case(-45, gives=9),
        case(7, gives=7),
        case(1000, gives=1),
        case(-1, gives=1),
    ),
    hidden=(
        case(99999, gives=45),
        case(-99, gives=18),
        case(-307, gives=10),
        case(10, gives=1),
    ),
)


def is_prime(number: int) -> bool:
    """Return whether a whole number is prime."""
    if number < 2:
        return False
    divisor = 2
    while divisor * divisor <= number:
        if number % divisor == 0:
            return False
        divisor += 1
    return True


IS_PRIME = HandWritten(
    is_prime,
    category="off_by_one",
    difficulty="medium",
    change=("divisor * divisor <= number", "divisor * divisor < number"),
    hint="Which numbers have their only divisor exactly at the square root?",
    tests=(
        case(7, gives=True),
        case(9, gives=False),
        case(1, gives=False),
        case(2, gives=True),
        case(15, gives=False),
        case(25, gives=False),
        case(97, gives=True),
    ),
    hidden=(
        case(4, gives=False),
        case(49, gives=False),
        case(0, gives=False),
        case(-7, gives=False),
        case(121, gives=False),
        case(101, gives=True),
    ),
)


def to_base(number: int, base: int) -> str:
    """Return a whole number (0 or more) written in a base from 2 to 10."""
    if number == 0:
        return "0"
    digits = []
    while number > 0:
        number, digit = divmod(number, base)
        digits.append(str(digit))
    return "".join(reversed(digits))


TO_BASE = HandWritten(
    to_base,
    category="algorithm",
    difficulty="easy",
    change=('"".join(reversed(digits))', '"".join(digits)'),
    hint="Which digit does the loop find first?",
    tests=(
        case(6, 2, gives="110"),
        case(0, 2, gives="0"),
        case(255, 8, gives="377"),
        case(5, 10, gives="5"),
        case(7, 2, gives="111"),
        case(120, 10, gives="120"),
    ),
    hidden=(
        case(8, 2, gives="1000"),
        case(11, 3, gives="102"),
        case(0, 7, gives="0"),
        case(44, 4, gives="230"),
    ),
)


def median(numbers: list[float]) -> float:
    """Return the median of at least one number; for an even count, the mean of the two in the middle."""
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    if len(ordered) % 2 == 1:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


MEDIAN = HandWritten(
    median,
    category="off_by_one",
    difficulty="easy",
    change=("ordered[middle - 1] + ordered[middle]", "ordered[middle] + ordered[middle + 1]"),
    hint="In four sorted numbers, which positions are in the middle?",
    tests=(
        case([3, 1, 2], gives=2),
        case([1, 2, 3, 4], gives=2.5),
        case([5], gives=5),
        case([4, 2], gives=3.0),
        case([10, 0, 20, 30], gives=15.0),
        case([7, 7, 7], gives=7),
    ),
    hidden=(
        case([1, 9], gives=5.0),
        case([6, 5, 4, 3, 2, 1], gives=3.5),
        case([-5, 5, 0], gives=0),
        case([2, 2, 8, 8], gives=5.0),
    ),
)


def average_rating(ratings: list[int]) -> float:
    """Return the mean of the ratings, and 0.0 if there are none."""
    if not ratings:
        return 0.0
    return sum(ratings) / len(ratings)


AVERAGE_RATING = HandWritten(
    average_rating,
    category="type",
    difficulty="easy",
    change=("sum(ratings) / len(ratings)", "sum(ratings) // len(ratings)"),
    hint="Which of the two division signs keeps what is behind the point?",
    tests=(
        case([4, 5], gives=4.5),
        case([1, 2, 2, 2], gives=1.75),
        case([], gives=0.0),
        case([3], gives=3.0),
        case([5, 5, 5], gives=5.0),
        case([1, 4], gives=2.5),
    ),
    hidden=(
        case([2, 3, 3, 3, 3, 4], gives=3.0),
        case([1, 1, 1, 2], gives=1.25),
        case([5, 4, 4, 5], gives=4.5),
        case([0], gives=0.0),
    ),
)

BUGS = (DIGIT_SUM, IS_PRIME, TO_BASE, MEDIAN, AVERAGE_RATING)
