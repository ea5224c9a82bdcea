"""Parsing: settings, numbers, CSV, expressions."""

from dataset_builder.python_bugs.hand_written import HandWritten, case, refused


def parse_pairs(text: str) -> dict[str, str]:
    """Return the settings of a text such as "a=1;b=2"; a value may itself hold "=" signs; an empty text has
    none.
    """
    pairs = {}
    for part in text.split(";"):
        if part:
            key, value = part.split("=", 1)
            pairs[key] = value
    return pairs


PARSE_PAIRS = HandWritten(
    parse_pairs,
    category="string_handling",
    difficulty="easy",
    change=('part.split("=", 1)', 'part.split("=")'),
    hint="Into how many pieces is a part with two equals signs cut?",
    tests=(
        case("a=1;b=2", gives={"a": "1", "b": "2"}),
        case("", gives={}),
        case("url=x?y=1", gives={"url": "x?y=1"}),
        case("name=", gives={"name": ""}),
        case("a=1;", gives={"a": "1"}),
        case("eq===", gives={"eq": "=="}),
    ),
    hidden=(
        case("k=a=b;l=c", gives={"k": "a=b", "l": "c"}),
        case("x=1;x=2", gives={"x": "2"}),
        case("token=ab==", gives={"token": "ab=="}),
        case("p=q", gives={"p": "q"}),
    ),
)


def total_quantity(quantities: list[int | str]) -> int:
    """Return the sum of quantities that are given as whole numbers or as text such as "12"."""
    total = 0
    for quantity in quantities:
        total += int(quantity)
    return total


TOTAL_QUANTITY = HandWritten(
    total_quantity,
    category="type",
    difficulty="easy",
    change=("total += int(quantity)", "total += quantity"),
    hint="Some of the quantities are text.",
    tests=(
        case([1, 2, 3], gives=6),
        case(["4", 5], gives=9),
        case([], gives=0),
        case(["10", "20"], gives=30),
        case([0], gives=0),
        case([" 7 ", 1], gives=8),
    ),
    hidden=(
        case(["1"], gives=1),
        case([100, "-50"], gives=50),
        case([3, 4], gives=7),
        case(["2", 2, "2"], gives=6),
    ),
)


def read_flags(lines: list[str]) -> dict[str, bool]:
    """Return the flags of lines such as "quiet: true" or "color: False"; other values raise ValueError."""
    flags = {}
    for line in lines:
        name, value = (part.strip() for part in line.split(":"))
        if value.lower() not in ("true", "false"):
            raise ValueError(f"{name} is neither true nor false")
        flags[name] = value.lower() == "true"
    return flags


READ_FLAGS = HandWritten(
    read_flags,
    category="type",
    difficulty="medium",
    change=('flags[name] = value.lower() == "true"', "flags[name] = bool(value)"),
    hint="Which texts are true when Python turns them into a truth value?",
    tests=(
        case(["quiet: true"], gives={"quiet": True}),
        case(["quiet: false"], gives={"quiet": False}),
        case(["a: True", "b: FALSE"], gives={"a": True, "b": False}),
        case([], gives={}),
        refused(["a: yes"]),
        refused(["a:"]),
    ),
    hidden=(
        case(["color: False"], gives={"color": False}),
        case(["x:true", "y:false"], gives={"x": True, "y": False}),
        refused(["n: 0"]),
        case(["q: tRuE"], gives={"q": True}),
    ),
)


def parse_ranges(text: str) -> list[int]:
    """Return the page numbers of a text such as "1-3,7", both ends of a range included."""
    pages: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        pages += range(int(first), int(last or first) + 1)
    return pages


PARSE_RANGES = HandWritten(
    parse_ranges,
    category="edge_case",
    difficulty="medium",
    change=(
        'first, _, last = part.partition("-")\n        pages += range(int(first), int(last or first) + 1)',
        'first, _, last = part.partition("-")\n        pages += range(int(first), int(last) + 1)',
    ),
    hint="What is behind the hyphen when there is no hyphen?",
    tests=(
        case("1-3", gives=[1, 2, 3]),
        case("7", gives=[7]),
        case("1-3,7", gives=[1, 2, 3, 7]),
        case("4-4", gives=[4]),
        case("2,4,6", gives=[2, 4, 6]),
        case("10-12,1-2", gives=[10, 11, 12, 1, 2]),
    ),
    hidden=(
        case("5,8-9", gives=[5, 8, 9]),
        case("100", gives=[100]),
        case("1-2,2-3", gives=[1, 2, 2, 3]),
        case("9,9", gives=[9, 9]),
    ),
)


def roman_to_number(numeral: str) -> int:
    """Return the number that a Roman numeral such as "XIV" stands for."""
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
    total = 0
    for index, letter in enumerate(numeral):
        value = values[letter]
        if index + 1 < len(numeral) and value < values[numeral[index + 1]]:
            total -= value
        else:
            total += value
    return total


ROMAN_TO_NUMBER = HandWritten(
    roman_to_number,
    category="logic",
    difficulty="medium",
    change=("value < values[numeral[index + 1]]", "value <= values[numeral[index + 1]]"),
    hint="When does a letter count against the one that follows it?",
    tests=(
        case("IV", gives=4),
        case("III", gives=3),
        case("IX", gives=9),
        case("MCMXCIV", gives=1994),
        case("X", gives=10),
        case("VIII", gives=8),
    ),
    hidden=(
        case("XX", gives=20),
        case("CD", gives=400),
        case("MMXXIV", gives=2024),
        case("XLV", gives=45),
        case("DCCC", gives=800),
    ),
)


def split_csv(line: str) -> list[str]:
    """Return the fields of a line of CSV; a field in double quotes may hold commas, and two quotes in it
    stand for one.
    """
    fields = []
    field, quoted, position = "", False, 0
    while position < len(line):
        char = line[position]
        if quoted and line[position : position + 2] == '""':
            field += '"'
            position += 1
        elif char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            fields.append(field)
            field = ""
        else:
            field += char
        position += 1
    return [*fields, field]


SPLIT_CSV = HandWritten(
    split_csv,
    category="string_handling",
    difficulty="hard",
    change=("            field += '\"'\n            position += 1\n", "            field += '\"'\n"),
    hint="How many characters of the line does one doubled quote take up?",
    tests=(
        case("a,b,c", gives=["a", "b", "c"]),
        case('"a,b",c', gives=["a,b", "c"]),
        case('"say ""hi""",x', gives=['say "hi"', "x"]),
        case("", gives=[""]),
        case("a,,b", gives=["a", "", "b"]),
        case('"one ""two"", three"', gives=['one "two", three']),
    ),
    hidden=(
        case('"5"" disc",9', gives=['5" disc', "9"]),
        case(",", gives=["", ""]),
        case('x,"y"', gives=["x", "y"]),
        case('"a""b,c",d', gives=['a"b,c', "d"]),
    ),
)


def evaluate(text: str) -> int:
    """Return the value of an expression of digits 0-9, + and - (from left to right), * (before them) and
    parentheses.
    """
    position = 0

    def factor() -> int:
        nonlocal position
        position += 1
        if text[position - 1] != "(":
            return int(text[position - 1])
        value = expression()
        position += 1
        return value

    def term() -> int:
        nonlocal position
        value = factor()
        while position < len(text) and text[position] == "*":
            position += 1
            value *= factor()
        return value

    def expression() -> int:
        nonlocal position
        value = term()
        while position < len(text) and text[position] in "+-":
            position += 1
            value += term() if text[position - 1] == "+" else -term()
        return value

    return expression()


EVALUATE = HandWritten(
    evaluate,
    category="recursion",
    difficulty="hard",
    change=(
        "        value = expression()\n        position += 1\n        return value\n",
        "        return expression()\n",
    ),
    hint="After a part in parentheses, at which character does reading go on?",
    tests=(
        case("1+2", gives=3),
        case("2*3+4", gives=10),
        case("2*(3+4)", gives=14),
        case("(1+2)*3", gives=9),
        case("9-3-2", gives=4),
        case("(8-(2+1))*2", gives=10),
    ),
    hidden=(
        case("(2)+3", gives=5),
        case("7", gives=7),
        case("2+3*4-5", gives=9),
        case("(1+1)*(2+2)", gives=8),
        case("8-(3-1)-1", gives=5),
    ),
)

BUGS = (PARSE_PAIRS, TOTAL_QUANTITY, READ_FLAGS, PARSE_RANGES, ROMAN_TO_NUMBER, SPLIT_CSV, EVALUATE)
