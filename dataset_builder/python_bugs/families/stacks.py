"""Stacks and queues: brackets, undo, windows."""

from collections import deque

from dataset_builder.python_bugs.hand_written import HandWritten, case


def is_balanced(text: str) -> bool:
    """Return whether every bracket ()[]{} of the text is closed by its own kind, in the right order."""
    closing = {")": "(", "]": "[", "}": "{"}
    opened = []
    for char in text:
        if char in "([{":
            opened.append(char)
        elif char in closing and (not opened or opened.pop() != closing[char]):
            return False
    return not opened


IS_BALANCED = HandWritten(
    is_balanced,
    category="data_structure",
    difficulty="easy",
    change=("return not opened", "return True"),
    hint="What may still lie on the stack at the end of the text?",
    tests=(
        case("(a[b]{c})", gives=True),
        case("(", gives=False),
        case("([)]", gives=False),
        case("", gives=True),
        case("())", gives=False),
        case("{[(", gives=False),
    ),
    hidden=(
        case("(()", gives=False),
        case("no brackets", gives=True),
        case("[]{}()", gives=True),
        case("]", gives=False),
        case("[[]", gives=False),
    ),
)


def simplify_path(path: str) -> str:
    """Return an absolute path without empty, "." and ".." parts, where ".." at the root stays at the root."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if parts:
                parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


SIMPLIFY_PATH = HandWritten(
    simplify_path,
    category="edge_case",
    difficulty="medium",
    change=("            if parts:\n                parts.pop()\n", "            parts.pop()\n"),
    hint="Where does a step up from the root lead?",
    tests=(
        case("/home/./ann", gives="/home/ann"),
        case("/home/../etc", gives="/etc"),
        case("/..", gives="/"),
        case("/", gives="/"),
        case("//a///b/", gives="/a/b"),
        case("/a/../../b", gives="/b"),
    ),
    hidden=(
        case("/../../x", gives="/x"),
        case("/a/b/..", gives="/a"),
        case("/a/..", gives="/"),
        case("/...", gives="/..."),
    ),
)


def evaluate_postfix(tokens: list[str]) -> int:
    """Return the value of an expression in postfix notation with whole numbers and + - *."""
    stack: list[int] = []
    for token in tokens:
        if token in ("+", "-", "*"):
            right, left = stack.pop(), stack.pop()
            if token == "+":
                stack.append(left + right)
            elif token == "-":
                stack.append(left - right)
            else:
                stack.append(left * right)
        else:
            stack.append(int(token))
    return stack[0]


EVALUATE_POSTFIX = HandWritten(
    evaluate_postfix,
    category="data_structure",
    difficulty="medium",
    change=("right, left = stack.pop(), stack.pop()", "left, right = stack.pop(), stack.pop()"),
    hint="Which of two numbers leaves a stack first, the one that was put there earlier or later?",
    tests=(
        case(["2", "3", "+"], gives=5),
        case(["7", "4", "-"], gives=3),
        case(["5"], gives=5),
        case(["2", "3", "*", "4", "+"], gives=10),
        case(["10", "2", "3", "*", "-"], gives=4),
        case(["1", "1", "-"], gives=0),
    ),
    hidden=(
        case(["3", "8", "-"], gives=-5),
        case(["1", "2", "-", "3", "-"], gives=-4),
        case(["4", "5", "+", "6", "*"], gives=54),
        case(["-2", "3", "*"], gives=-6),
    ),
)


def last_in_circle(names: list[str], step: int) -> str:
    """Return who is left of at least one name in a circle when, counting from the first, every `step`-th
    one goes.
    """
    circle = deque(names)
    while len(circle) > 1:
        for _ in range(step - 1):
            circle.append(circle.popleft())
        circle.popleft()
    return circle[0]


LAST_IN_CIRCLE = HandWritten(
    last_in_circle,
    category="off_by_one",
    difficulty="medium",
    change=("range(step - 1)", "range(step)"),
    hint="With a step of 1, who has to go first?",
    tests=(
        case(["a", "b", "c"], 2, gives="c"),
        case(["a", "b", "c"], 1, gives="c"),
        case(["a"], 5, gives="a"),
        case(["a", "b"], 2, gives="a"),
        case(["a", "b", "c", "d", "e"], 2, gives="c"),
        case(["a", "b", "c", "d"], 3, gives="a"),
    ),
    hidden=(
        case(["x", "y"], 1, gives="y"),
        case(["1", "2", "3", "4", "5", "6", "7"], 3, gives="4"),
        case(["p", "q", "r"], 3, gives="q"),
        case(["z"], 1, gives="z"),
    ),
)


def next_larger(numbers: list[int]) -> list[int | None]:
    """Return for each number the next one to its right that is larger, or None."""
    answer: list[int | None] = [None] * len(numbers)
    waiting: list[int] = []
    for index, number in enumerate(numbers):
        while waiting and numbers[waiting[-1]] < number:
            answer[waiting.pop()] = number
        waiting.append(index)
    return answer


NEXT_LARGER = HandWritten(
    next_larger,
    category="algorithm",
    difficulty="medium",
    change=("while waiting and", "if waiting and"),
    hint="How many earlier numbers can one large number answer?",
    tests=(
        case([1, 2, 3], gives=[2, 3, None]),
        case([3, 2, 1], gives=[None, None, None]),
        case([2, 1, 3], gives=[3, 3, None]),
        case([], gives=[]),
        case([5, 3, 1, 4], gives=[None, 4, 4, None]),
        case([4, 4], gives=[None, None]),
    ),
    hidden=(
        case([3, 2, 1, 9], gives=[9, 9, 9, None]),
        case([1, 3, 2, 4], gives=[3, 4, 4, None]),
        case([7], gives=[None]),
        case([2, 2, 5], gives=[5, 5, None]),
    ),
)


def window_maxima(numbers: list[int], size: int) -> list[int]:
    """Return the largest of every `size` (1 or more) neighbouring numbers, from left to right."""
    maxima = []
    window: deque[int] = deque()
    for index, number in enumerate(numbers):
        while window and numbers[window[-1]] <= number:
            window.pop()
        window.append(index)
        if window[0] <= index - size:
            window.popleft()
        if index >= size - 1:
            maxima.append(numbers[window[0]])
    return maxima


WINDOW_MAXIMA = HandWritten(
    window_maxima,
    category="data_structure",
    difficulty="hard",
    change=("window[0] <= index - size", "window[0] < index - size"),
    hint="How long may a number stay in the window after it came in?",
    tests=(
        case([1, 3, 2, 5], 2, gives=[3, 3, 5]),
        case([9, 1, 1, 1], 2, gives=[9, 1, 1]),
        case([4, 3, 2, 1], 3, gives=[4, 3]),
        case([], 3, gives=[]),
        case([1, 2], 3, gives=[]),
        case([7, 8], 1, gives=[7, 8]),
    ),
    hidden=(
        case([5, 4, 3, 2, 1], 2, gives=[5, 4, 3, 2]),
        case([8, 1, 7, 1, 6], 3, gives=[8, 7, 7]),
        case([2, 2, 2], 2, gives=[2, 2]),
        case([3, 1], 1, gives=[3, 1]),
    ),
)


def typed_text(actions: list[str]) -> str:
    """Return the text after the actions: a word is typed after the text, "<" undoes, ">" redoes what was
    undone last unless something was typed since; an undo or redo with nothing to do is ignored.
    """
    words: list[str] = []
    undone: list[str] = []
    for action in actions:
        if action == "<":
            if words:
                undone.append(words.pop())
        elif action == ">":
            if undone:
                words.append(undone.pop())
        else:
            words.append(action)
            undone.clear()
    return "".join(words)


TYPED_TEXT = HandWritten(
    typed_text,
    category="data_structure",
    difficulty="hard",
    change=("            undone.clear()\n", ""),
    hint="What can still be redone after something new was typed?",
    tests=(
        case(["a", "b", "<"], gives="a"),
        case(["a", "b", "<", ">"], gives="ab"),
        case(["a", "<", "b", ">"], gives="b"),
        case(["<", ">"], gives=""),
        case(["x", "y", "<", "<", ">", "z"], gives="xz"),
        case(["a", "b", "c", "<", "<", ">", ">"], gives="abc"),
    ),
    hidden=(
        case(["a", "b", "<", "<", "c", ">", ">"], gives="c"),
        case(["one", "<", "two", "<", ">", ">"], gives="two"),
        case([], gives=""),
        case(["p", ">", "q"], gives="pq"),
    ),
)

BUGS = (IS_BALANCED, SIMPLIFY_PATH, EVALUATE_POSTFIX, LAST_IN_CIRCLE, NEXT_LARGER, WINDOW_MAXIMA, TYPED_TEXT)
