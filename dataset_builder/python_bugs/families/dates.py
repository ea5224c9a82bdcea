"""Dates and times of day, as text and as numbers."""

from dataset_builder.python_bugs.hand_written import HandWritten, case


def is_leap_year(year: int) -> bool:
    """Return whether a year has a 29th of February in the Gregorian calendar."""
    return (year % 4 == 0 and year % 100 != 0) or year % 400 == 0


IS_LEAP_YEAR = HandWritten(
    is_leap_year,
    category="logic",
    difficulty="easy",
    change=(
        "return (year % 4 == 0 and year % 100 != 0) or year % 400 == 0",
        "return year % 4 == 0 and year % 100 != 0",
    ),
    hint="The rule for centuries has an exception of its own.",
    tests=(
        case(2024, gives=True),
        case(2023, gives=False),
        case(1900, gives=False),
        case(2000, gives=True),
        case(2100, gives=False),
        case(1996, gives=True),
    ),
    hidden=(
        case(1600, gives=True),
        case(2400, gives=True),
        case(1800, gives=False),
        case(2022, gives=False),
    ),
)


def day_of_year(date: str) -> int:
    """Return which day of its year a date YYYY-MM-DD is, the first of January being day 1."""
    lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    year, month, day = (int(part) for part in date.split("-"))
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = sum(lengths[: month - 1]) + day
    if leap and month > 2:
        days += 1
    return days


DAY_OF_YEAR = HandWritten(
    day_of_year,
    category="off_by_one",
    difficulty="medium",
    change=("leap and month > 2", "leap and month >= 2"),
    hint="From which day of a leap year on is the count one higher than usual?",
    tests=(
        case("2023-01-01", gives=1),
        case("2023-12-31", gives=365),
        case("2024-12-31", gives=366),
        case("2024-02-29", gives=60),
        case("2024-03-01", gives=61),
        case("2023-03-01", gives=60),
    ),
    hidden=(
        case("2024-02-01", gives=32),
        case("2000-02-10", gives=41),
        case("2023-02-28", gives=59),
        case("1900-03-01", gives=60),
        case("2020-07-04", gives=186),
    ),
)


def add_months(date: str, months: int) -> str:
    """Return a date YYYY-MM-DD moved by whole months, or the last day of the month arrived at if that is
    shorter.
    """
    lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    year, month, day = (int(part) for part in date.split("-"))
    new_year, index = divmod(year * 12 + month - 1 + months, 12)
    leap = new_year % 4 == 0 and (new_year % 100 != 0 or new_year % 400 == 0)
    last = 29 if index == 1 and leap else lengths[index]
    return f"{new_year:04d}-{index + 1:02d}-{min(day, last):02d}"


ADD_MONTHS = HandWritten(
    add_months,
    category="logic",
    difficulty="hard",
    change=(
        "new_year % 4 == 0 and (new_year % 100 != 0 or new_year % 400 == 0)",
        "year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)",
    ),
    hint="Whose February is it that may have 29 days?",
    tests=(
        case("2023-01-31", 1, gives="2023-02-28"),
        case("2023-11-15", 3, gives="2024-02-15"),
        case("2023-12-31", 2, gives="2024-02-29"),
        case("2024-08-31", 6, gives="2025-02-28"),
        case("2024-03-31", -1, gives="2024-02-29"),
        case("2024-05-31", 1, gives="2024-06-30"),
        case("2024-05-10", 0, gives="2024-05-10"),
    ),
    hidden=(
        case("2020-02-29", 12, gives="2021-02-28"),
        case("2021-03-30", -13, gives="2020-02-29"),
        case("1999-12-31", 2, gives="2000-02-29"),
        case("2022-01-05", -1, gives="2021-12-05"),
        case("2023-10-31", 1, gives="2023-11-30"),
    ),
)


def latest_date(dates: list[str]) -> str:
    """Return the latest of at least one date, each written D/M/YYYY without leading zeros."""
    return max(dates, key=lambda date: tuple(int(part) for part in reversed(date.split("/"))))


LATEST_DATE = HandWritten(
    latest_date,
    category="type",
    difficulty="medium",
    change=('tuple(int(part) for part in reversed(date.split("/")))', 'tuple(reversed(date.split("/")))'),
    hint="Is the tenth month later than the ninth for what is compared here?",
    tests=(
        case(["1/1/2020", "1/1/2021"], gives="1/1/2021"),
        case(["5/9/2021", "5/10/2021"], gives="5/10/2021"),
        case(["9/3/2022", "11/3/2022"], gives="11/3/2022"),
        case(["31/12/1999"], gives="31/12/1999"),
        case(["3/2/2021", "2/3/2021"], gives="2/3/2021"),
        case(["1/12/2020", "1/2/2020", "1/7/2020"], gives="1/12/2020"),
    ),
    hidden=(
        case(["30/6/2019", "4/6/2019"], gives="30/6/2019"),
        case(["8/8/2018", "8/11/2018", "7/8/2018"], gives="8/11/2018"),
        case(["2/1/2001", "1/1/2001"], gives="2/1/2001"),
        case(["1/1/999", "1/1/1000"], gives="1/1/1000"),
    ),
)


def minutes_between(start: str, end: str) -> int:
    """Return the minutes from a time HH:MM until a clock shows the other one (0 if they are equal)."""
    start_hour, start_minute = (int(part) for part in start.split(":"))
    end_hour, end_minute = (int(part) for part in end.split(":"))
    minutes = (end_hour - start_hour) * 60 + end_minute - start_minute
    return minutes % (24 * 60)


MINUTES_BETWEEN = HandWritten(
    minutes_between,
    category="edge_case",
    difficulty="easy",
    change=("return minutes % (24 * 60)", "return minutes"),
    hint="A night shift begins on one day and ends on the next.",
    tests=(
        case("09:00", "10:30", gives=90),
        case("23:50", "00:10", gives=20),
        case("12:00", "12:00", gives=0),
        case("08:45", "09:05", gives=20),
        case("00:00", "23:59", gives=1439),
        case("22:00", "06:00", gives=480),
    ),
    hidden=(
        case("10:00", "09:59", gives=1439),
        case("18:30", "02:15", gives=465),
        case("07:07", "07:08", gives=1),
        case("23:59", "00:00", gives=1),
    ),
)


def format_duration(seconds: int) -> str:
    """Return a length of time as H:MM:SS, or as M:SS if it is under an hour."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}"


FORMAT_DURATION = HandWritten(
    format_duration,
    category="string_handling",
    difficulty="easy",
    change=('f"{hours}:{minutes:02d}:{rest:02d}"', 'f"{hours}:{minutes}:{rest:02d}"'),
    hint="How should one hour and five minutes look?",
    tests=(
        case(65, gives="1:05"),
        case(3600, gives="1:00:00"),
        case(3965, gives="1:06:05"),
        case(59, gives="0:59"),
        case(36000, gives="10:00:00"),
        case(5025, gives="1:23:45"),
    ),
    hidden=(
        case(0, gives="0:00"),
        case(7384, gives="2:03:04"),
        case(3599, gives="59:59"),
        case(90000, gives="25:00:00"),
    ),
)

BUGS = (IS_LEAP_YEAR, DAY_OF_YEAR, ADD_MONTHS, LATEST_DATE, MINUTES_BETWEEN, FORMAT_DURATION)
