"""Text: letters, words, simple formats."""

from dataset_builder.python_bugs.inputs import choices, either, integers, lists, mapped, texts, tuples


def longest_word(sentence: str) -> str:
    """Return the longest word of a sentence, the first of several, and an empty text if there is no word."""
    longest = ""
    for word in sentence.split():
        if len(word) > len(longest):
            longest = word
    return longest


def initials(name: str) -> str:
    """Return the first letters of the words of a name in upper case, each followed by a point."""
    letters = ""
    for word in name.split():
        letters += word[0].upper() + "."
    return letters


def expand_runs(code: str) -> str:
    """Return the text of a code of digits and letters, such as "3ab2c" for "aaabcc": a digit repeats the
    next letter.
    """
    text = ""
    count = 1
    for char in code:
        if char.isdigit():
            count = int(char)
        else:
            text += char * count
            count = 1
    return text


def shared_start(first: str, second: str) -> str:
    """Return the longest text with which both texts begin."""
    length = 0
    while length < len(first) and length < len(second) and first[length] == second[length]:
        length += 1
    return first[:length]


def is_subsequence(short: str, long: str) -> bool:
    """Return whether the letters of the short text are found in the long one in the same order, gaps
    allowed.
    """
    position = 0
    for char in long:
        if position < len(short) and char == short[position]:
            position += 1
    return position == len(short)


def count_occurrences(text: str, part: str) -> int:
    """Return at how many positions of a text a part begins, overlapping ones included."""
    count = 0
    for start in range(len(text) - len(part) + 1):
        if text[start : start + len(part)] == part:
            count += 1
    return count


def swap_ends(words: list[str]) -> list[str]:
    """Return the words with the first and the last letter of each swapped (words of one letter or none as
    they are).
    """
    swapped = []
    for word in words:
        if len(word) > 1:
            swapped.append(word[-1] + word[1:-1] + word[0])
        else:
            swapped.append(word)
    return swapped


def shorten(text: str, width: int) -> str:
    """Return the text, or its beginning and "..." with `width` (3 or more) characters together if it is
    longer than that.
    """
    if len(text) <= width:
        return text
    return text[: width - 3] + "..."


def grouped_digits(number: int) -> str:
    """Return a number of 0 or more with a comma before every three digits, counted from the right."""
    digits = str(number)
    groups: list[str] = []
    while len(digits) > 3:
        groups.insert(0, digits[-3:])
        digits = digits[:-3]
    return ",".join([digits, *groups])


def snake_to_camel(name: str) -> str:
    """Return a name such as "first_name" as "firstName": underscores go, and the letter after each is
    capital.
    """
    camel = ""
    capital = False
    for char in name:
        if char == "_":
            capital = True
        elif capital:
            camel += char.upper()
            capital = False
        else:
            camel += char
    return camel


def binary_value(bits: str) -> int:
    """Return the number that a text of the digits 0 and 1 stands for; any other digit raises ValueError."""
    value = 0
    for bit in bits:
        if bit not in "01":
            raise ValueError("a binary digit is 0 or 1")
        value = value * 2 + int(bit)
    return value


WORDS = mapped(" ".join, lists(texts("abc", 1, 4), 0, 4))

FUNCTIONS = {
    longest_word: tuples(WORDS),
    initials: tuples(WORDS),
    expand_runs: tuples(mapped("".join, lists(either(texts("ab", 1, 1), choices("2", "3x", "2y")), 0, 4))),
    shared_start: tuples(texts("ab", 0, 5), texts("ab", 0, 5)),
    is_subsequence: tuples(texts("ab", 0, 3), texts("abc", 0, 6)),
    count_occurrences: tuples(texts("ab", 0, 7), texts("ab", 1, 2)),
    swap_ends: tuples(lists(texts("abcd", 0, 4), 0, 3)),
    shorten: tuples(texts("abcdefg", 0, 9), integers(3, 7)),
    grouped_digits: tuples(either(integers(0, 2000), integers(0, 30000000))),
    snake_to_camel: tuples(texts("ab_", 0, 7)),
    binary_value: tuples(either(texts("01", 0, 6), texts("012", 1, 4))),
}
