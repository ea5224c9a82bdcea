"""Strings: letters, words, runs, ciphers."""

import re

from dataset_builder.python_bugs.hand_written import HandWritten, case


def is_palindrome(text: str) -> bool:
    """Return whether the letters and digits of the text read the same backwards, upper and lower case being
    equal.
    """
    letters = [char.lower() for char in text if char.isalnum()]
    return letters == letters[::-1]


IS_PALINDROME = HandWritten(
    is_palindrome,
    category="string_handling",
    difficulty="easy",
    change=("[char.lower() for", "[char for"),
    hint="Compare what happens to 'level' and to 'Level'.",
    tests=(
        case("level", gives=True),
        case("Level", gives=True),
        case("never odd or even", gives=True),
        case("A man, a plan, a canal: Panama", gives=True),
        case("python", gives=False),
        case("", gives=True),
    ),
    hidden=(
        case("Was it a car", gives=False),
        case("No lemon, no melon", gives=True),
        case("Madam", gives=True),
        case("12321", gives=True),
        case("1231", gives=False),
    ),
)


def capitalize_words(sentence: str) -> str:
    """Return the sentence with the first character of every word in upper case, its spaces left as they
    are.
    """
    words = sentence.split(" ")
    return " ".join(word[:1].upper() + word[1:] for word in words)


CAPITALIZE_WORDS = HandWritten(
    capitalize_words,
    category="edge_case",
    difficulty="easy",
    change=("word[:1].upper()", "word[0].upper()"),
    hint="What are the words of a sentence with two spaces in a row?",
    tests=(
        case("hello world", gives="Hello World"),
        case("one", gives="One"),
        case("", gives=""),
        case("two  spaces", gives="Two  Spaces"),
        case("mixed CASE stays", gives="Mixed CASE Stays"),
        case(" leading", gives=" Leading"),
    ),
    hidden=(
        case("trailing ", gives="Trailing "),
        case("3 blind mice", gives="3 Blind Mice"),
        case("   ", gives="   "),
        case("x y z", gives="X Y Z"),
    ),
)


def runs(text: str) -> list[tuple[str, int]]:
    """Return each run of equal characters as (character, length), from left to right."""
    found = []
    previous, count = "", 0
    for char in text:
        if char == previous:
            count += 1
        else:
            if count > 0:
                found.append((previous, count))
            previous, count = char, 1
    if count > 0:
        found.append((previous, count))
    return found


RUNS = HandWritten(
    runs,
    category="logic",
    difficulty="medium",
    change=(
        "    if count > 0:\n        found.append((previous, count))\n    return found",
        "    return found",
    ),
    hint="When is a run written down, and which run never gets there?",
    tests=(
        case("aaabb", gives=[("a", 3), ("b", 2)]),
        case("a", gives=[("a", 1)]),
        case("", gives=[]),
        case("abab", gives=[("a", 1), ("b", 1), ("a", 1), ("b", 1)]),
        case("zzzz", gives=[("z", 4)]),
        case("1122", gives=[("1", 2), ("2", 2)]),
    ),
    hidden=(
        case("xyyz", gives=[("x", 1), ("y", 2), ("z", 1)]),
        case("  ", gives=[(" ", 2)]),
        case("aA", gives=[("a", 1), ("A", 1)]),
        case("mississ", gives=[("m", 1), ("i", 1), ("s", 2), ("i", 1), ("s", 2)]),
    ),
)


def caesar(text: str, shift: int) -> str:
    """Return the text with each letter A-Z and a-z moved on by `shift` places round the alphabet, keeping
    its case.
    """
    moved = []
    for char in text:
        if "a" <= char <= "z" or "A" <= char <= "Z":
            base = ord("A") if char.isupper() else ord("a")
            moved.append(chr((ord(char) - base + shift) % 26 + base))
        else:
            moved.append(char)
    return "".join(moved)


CAESAR = HandWritten(
    caesar,
    category="string_handling",
    difficulty="medium",
    change=('base = ord("A") if char.isupper() else ord("a")', 'base = ord("a")'),
    hint="Follow a capital letter through the arithmetic.",
    tests=(
        case("abc", 1, gives="bcd"),
        case("xyz", 3, gives="abc"),
        case("Hello, World!", 3, gives="Khoor, Zruog!"),
        case("ABC", 0, gives="ABC"),
        case("", 5, gives=""),
        case("dog", -3, gives="ald"),
    ),
    hidden=(
        case("Zebra", 1, gives="Afcsb"),
        case("m n", 13, gives="z a"),
        case("QUIZ", 26, gives="QUIZ"),
        case("Key 42", 27, gives="Lfz 42"),
    ),
)


def wrap_words(text: str, width: int) -> list[str]:
    """Return the words of the text in lines of at most `width` characters, as many per line as fit (longer
    words alone).
    """
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines


WRAP_WORDS = HandWritten(
    wrap_words,
    category="off_by_one",
    difficulty="medium",
    change=("len(lines[-1]) + 1 + len(word) <= width", "len(lines[-1]) + len(word) <= width"),
    hint="How many characters does a line grow by when a word joins it?",
    tests=(
        case("the quick brown fox", 10, gives=["the quick", "brown fox"]),
        case("ab cd", 4, gives=["ab", "cd"]),
        case("ab cd", 5, gives=["ab cd"]),
        case("", 5, gives=[]),
        case("incomprehensible", 4, gives=["incomprehensible"]),
        case("a b c d", 3, gives=["a b", "c d"]),
    ),
    hidden=(
        case("one two three", 6, gives=["one", "two", "three"]),
        case("one two three", 7, gives=["one two", "three"]),
        case("to be or not to be", 5, gives=["to be", "or", "not", "to be"]),
        case("  spaced   out  ", 9, gives=["spaced", "out"]),
        case("x y", 1, gives=["x", "y"]),
    ),
)


def highlight(text: str, term: str) -> str:
    """Return the text with every occurrence of the term, in upper or lower case, put into square brackets."""
    return re.sub(re.escape(term), lambda match: f"[{match.group()}]", text, flags=re.IGNORECASE)


HIGHLIGHT = HandWritten(
    highlight,
    category="string_handling",
    difficulty="hard",
    change=("re.escape(term)", "term"),
    hint="Some characters of a search term mean something to a regular expression.",
    tests=(
        case("the cat sat", "cat", gives="the [cat] sat"),
        case("Tea, tea, TEA", "tea", gives="[Tea], [tea], [TEA]"),
        case("version 1.5 or 125", "1.5", gives="version [1.5] or 125"),
        case("nothing here", "xyz", gives="nothing here"),
        case("why? oh why", "why?", gives="[why?] oh why"),
        case("abab", "ab", gives="[ab][ab]"),
    ),
    hidden=(
        case("f(x) and fx", "f(x)", gives="[f(x)] and fx"),
        case("a|b a b", "a|b", gives="[a|b] a b"),
        case("cost: $5", "$5", gives="cost: [$5]"),
        case("Mixed mIXED", "mixed", gives="[Mixed] [mIXED]"),
    ),
)

BUGS = (IS_PALINDROME, CAPITALIZE_WORDS, RUNS, CAESAR, WRAP_WORDS, HIGHLIGHT)
