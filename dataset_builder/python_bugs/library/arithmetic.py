"""Whole numbers: divisors, digits, sequences."""

from dataset_builder.python_bugs.inputs import integers, lists, tuples


def greatest_common_divisor(first: int, second: int) -> int:
    """Return the greatest common divisor of two numbers of 0 or more (0 for two zeros)."""
    while second > 0:
        first, second = second, first % second
    return first


def divisors(number: int) -> list[int]:
    """Return the divisors of a number of 1 or more, in ascending order."""
    small = []
    large = []
    candidate = 1
    while candidate * candidate <= number:
        if number % candidate == 0:
            small.append(candidate)
            if candidate != number // candidate:
                large.append(number // candidate)
        candidate += 1
    return small + large[::-1]


def prime_factors(number: int) -> list[int]:
    """Return the prime factors of a number of 1 or more in ascending order, repeated as often as they
    divide.
    """
    factors = []
    divisor = 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            factors.append(divisor)
            number //= divisor
        divisor += 1
    if number > 1:
        factors.append(number)
    return factors


def collatz_steps(number: int) -> int:
    """Return how often a number of 1 or more has to be halved (if even) or tripled plus one to get to 1;
    ValueError for more than 1000 times.
    """
    steps = 0
    while number != 1:
        if number % 2 == 0:
            number //= 2
        else:
            number = 3 * number + 1
        steps += 1
        if steps > 1000:
            raise ValueError("too many steps")
    return steps


def reverse_digits(number: int) -> int:
    """Return a whole number with its decimal digits in reverse order and its sign kept."""
    sign = -1 if number < 0 else 1
    rest = abs(number)
    turned = 0
    while rest > 0:
        turned = turned * 10 + rest % 10
        rest //= 10
    return sign * turned


def whole_root(number: int) -> int:
    """Return the largest whole number whose square is at most the given number of 0 or more."""
    low, high = 0, number + 1
    while high - low > 1:
        middle = (low + high) // 2
        if middle * middle <= number:
            low = middle
        else:
            high = middle
    return low


def primes_below(limit: int) -> list[int]:
    """Return the prime numbers below the limit, in ascending order."""
    is_candidate = [True] * max(limit, 0)
    primes = []
    for number in range(2, limit):
        if is_candidate[number]:
            primes.append(number)
            for multiple in range(number * number, limit, number):
                is_candidate[multiple] = False
    return primes


def fibonacci(index: int) -> int:
    """Return the Fibonacci number of an index of 0 or more, where the first two are 0 and 1."""
    current, following = 0, 1
    for _ in range(index):
        current, following = following, current + following
    return current


def check_digit(digits: list[int]) -> int:
    """Return the digit that makes the sum of all digits a multiple of 10 when, beginning with the last of
    the given ones, every second digit counts double (less 9 if that is above 9).
    """
    total = 0
    for index, digit in enumerate(reversed(digits)):
        if index % 2 == 0:
            digit *= 2
            if digit > 9:
                digit -= 9
        total += digit
    return (10 - total % 10) % 10


FUNCTIONS = {
    greatest_common_divisor: tuples(integers(0, 60), integers(0, 60)),
    divisors: tuples(integers(1, 60)),
    prime_factors: tuples(integers(1, 150)),
    collatz_steps: tuples(integers(1, 40)),
    reverse_digits: tuples(integers(-2000, 2000)),
    whole_root: tuples(integers(0, 120)),
    primes_below: tuples(integers(-1, 40)),
    fibonacci: tuples(integers(0, 25)),
    check_digit: tuples(lists(integers(0, 9), 0, 8)),
}
