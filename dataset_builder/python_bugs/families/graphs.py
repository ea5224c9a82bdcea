"""Graphs: paths, cycles, orders."""

import heapq
from collections import deque

from dataset_builder.python_bugs.hand_written import HandWritten, case, refused


def reachable(links: dict[str, list[str]], start: str) -> set[str]:
    """Return every page that can be reached from the start, itself included; a page without links may be
    missing as a key.
    """
    seen = {start}
    waiting = [start]
    while waiting:
        page = waiting.pop()
        for target in links.get(page, []):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


REACHABLE = HandWritten(
    reachable,
    category="edge_case",
    difficulty="easy",
    change=("links.get(page, [])", "links[page]"),
    hint="Does every page have an entry of its own?",
    tests=(
        case({"a": ["b"], "b": []}, "a", gives={"a", "b"}),
        case({"a": ["b"]}, "a", gives={"a", "b"}),
        case({"a": ["a"]}, "a", gives={"a"}),
        case({}, "x", gives={"x"}),
        case({"a": ["b"], "b": ["a"], "c": ["a"]}, "a", gives={"a", "b"}),
        case({"a": ["b", "c"], "c": ["d"]}, "a", gives={"a", "b", "c", "d"}),
    ),
    hidden=(
        case({"p": ["q"], "q": ["r"]}, "p", gives={"p", "q", "r"}),
        case({"p": ["q"], "q": ["p"]}, "q", gives={"p", "q"}),
        case({"m": []}, "n", gives={"n"}),
        case({"s": ["s", "t"]}, "s", gives={"s", "t"}),
    ),
)


def fewest_steps(links: dict[str, list[str]], start: str, goal: str) -> int | None:
    """Return the length of the shortest way from start to goal (0 if they are the same), or None if there
    is none.
    """
    steps = {start: 0}
    waiting = deque([start])
    while waiting:
        place = waiting.popleft()
        if place == goal:
            return steps[place]
        for target in links.get(place, []):
            if target not in steps:
                steps[target] = steps[place] + 1
                waiting.append(target)
    return None


FEWEST_STEPS = HandWritten(
    fewest_steps,
    category="algorithm",
    difficulty="medium",
    change=("waiting.popleft()", "waiting.pop()"),
    hint="In which order should places be visited so that near ones come first?",
    tests=(
        case({"a": ["b"], "b": ["c"]}, "a", "c", gives=2),
        case({"a": ["b", "c"], "c": ["e"], "e": ["d"], "b": ["d"]}, "a", "d", gives=2),
        case({"a": []}, "a", "a", gives=0),
        case({"a": ["b"]}, "b", "a", gives=None),
        case({"a": ["z", "b"], "b": ["c"], "c": ["y"], "y": ["x"], "z": ["x"]}, "a", "x", gives=2),
        case({}, "p", "q", gives=None),
    ),
    hidden=(
        case({"1": ["2", "3"], "2": ["4"], "3": ["5"], "5": ["4"]}, "1", "4", gives=2),
        case({"h": ["i", "j"], "i": ["k"], "j": ["l"], "l": ["m"], "m": ["k"]}, "h", "k", gives=2),
        case({"h": ["h"]}, "h", "k", gives=None),
        case({"u": ["v"], "v": ["u", "w"]}, "u", "w", gives=2),
    ),
)


def islands(grid: list[str]) -> int:
    """Return the number of islands in a map of "#" (land) and "." (water): land that touches left, right,
    up or down is one.
    """
    land = {(y, x) for y, row in enumerate(grid) for x, cell in enumerate(row) if cell == "#"}

    def sink(y: int, x: int) -> None:
        if (y, x) in land:
            land.remove((y, x))
            sink(y - 1, x)
            sink(y + 1, x)
            sink(y, x - 1)
            sink(y, x + 1)

    count = 0
    for y, row in enumerate(grid):
        for x, _ in enumerate(row):
            if (y, x) in land:
                sink(y, x)
                count += 1
    return count


ISLANDS = HandWritten(
    islands,
    category="recursion",
    difficulty="medium",
    change=("            sink(y, x - 1)\n", ""),
    hint="From the first cell that is found, can the rest of the island lie in every direction?",
    tests=(
        case(["#.", ".#"], gives=2),
        case(["##", "##"], gives=1),
        case([".#", "##"], gives=1),
        case([], gives=0),
        case(["...", "..."], gives=0),
        case(["..#", "###"], gives=1),
        case(["#.#", "#.#"], gives=2),
    ),
    hidden=(
        case([".#.", "###", ".#."], gives=1),
        case(["#"], gives=1),
        case(["#.#", "###"], gives=1),
        case(["..#", ".##", "##."], gives=1),
        case(["#.#.#"], gives=3),
    ),
)


def build_order(needs: dict[str, list[str]]) -> list[str]:
    """Return the tasks so that each comes after all that it needs (every task is a key), of several
    possible next ones the first from A to Z; ValueError if tasks need each other in a circle.
    """
    order: list[str] = []
    while len(order) < len(needs):
        ready = [task for task in needs if task not in order and set(needs[task]) <= set(order)]
        if not ready:
            raise ValueError("tasks need each other in a circle")
        order.append(min(ready))
    return order


BUILD_ORDER = HandWritten(
    build_order,
    category="edge_case",
    difficulty="medium",
    change=('            raise ValueError("tasks need each other in a circle")\n', "            break\n"),
    hint="Some orders of work do not exist; how does the caller learn of that?",
    tests=(
        case({"b": ["a"], "a": []}, gives=["a", "b"]),
        case({"c": [], "a": [], "b": []}, gives=["a", "b", "c"]),
        refused({"a": ["b"], "b": ["a"]}),
        case({}, gives=[]),
        case({"shirt": [], "tie": ["shirt"], "jacket": ["tie"]}, gives=["shirt", "tie", "jacket"]),
        refused({"a": ["a"]}),
    ),
    hidden=(
        refused({"x": [], "y": ["x", "z"], "z": ["y"]}),
        case({"d": ["b", "c"], "c": ["a"], "b": ["a"], "a": []}, gives=["a", "b", "c", "d"]),
        refused({"p": ["q"], "q": ["r"], "r": ["p"]}),
        case({"a": ["z"], "z": []}, gives=["z", "a"]),
    ),
)


def has_cycle(links: dict[str, list[str]]) -> bool:
    """Return whether one can go round in a circle along the directed links (every place is a key)."""
    done: set[str] = set()

    def visit(place: str, path: set[str]) -> bool:
        if place in path:
            return True
        if place in done:
            return False
        found = any(visit(target, path | {place}) for target in links[place])
        done.add(place)
        return found

    return any(visit(place, set()) for place in links)


HAS_CYCLE = HandWritten(
    has_cycle,
    category="recursion",
    difficulty="hard",
    change=(
        """\
        if place in path:
            return True
        if place in done:
            return False
""",
        """\
        if place in path or place in done:
            return True
""",
    ),
    hint="Is a place that can be reached in two ways already a circle?",
    tests=(
        case({"a": ["b"], "b": ["a"]}, gives=True),
        case({"a": ["b"], "b": []}, gives=False),
        case({"a": ["a"]}, gives=True),
        case({}, gives=False),
        case({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, gives=False),
        case({"a": ["b"], "b": ["c"], "c": ["b"]}, gives=True),
    ),
    hidden=(
        case({"x": [], "y": ["x"], "z": ["x"]}, gives=False),
        case({"p": ["q"], "q": ["r"], "r": []}, gives=False),
        case({"k": [], "l": ["m"], "m": ["n"], "n": ["l"]}, gives=True),
        case({"s": []}, gives=False),
    ),
)


def cheapest(roads: dict[str, dict[str, int]], start: str, goal: str) -> int | None:
    """Return the lowest total cost of a way from start to goal along roads[place][next place] = cost, or
    None if none leads there.
    """
    settled: set[str] = set()
    waiting = [(0, start)]
    while waiting:
        cost, place = heapq.heappop(waiting)
        if place == goal:
            return cost
        if place in settled:
            continue
        settled.add(place)
        for target, price in roads.get(place, {}).items():
            heapq.heappush(waiting, (cost + price, target))
    return None


CHEAPEST = HandWritten(
    cheapest,
    category="algorithm",
    difficulty="hard",
    change=(
        "            heapq.heappush(waiting, (cost + price, target))\n",
        """\
            if target == goal:
                return cost + price
            heapq.heappush(waiting, (cost + price, target))
""",
    ),
    hint="When the goal is seen for the first time, is the way to it already the cheapest one?",
    tests=(
        case({"a": {"b": 4}}, "a", "b", gives=4),
        case({"a": {"b": 9, "c": 1}, "c": {"b": 2}}, "a", "b", gives=3),
        case({"a": {"b": 1}}, "b", "a", gives=None),
        case({"a": {}}, "a", "a", gives=0),
        case({"a": {"b": 1, "c": 5}, "b": {"d": 10}, "c": {"d": 1}}, "a", "d", gives=6),
        case({"a": {"b": 2}, "b": {"c": 2}, "c": {"a": 2}}, "a", "c", gives=4),
    ),
    hidden=(
        case({"x": {"z": 7, "y": 3}, "y": {"z": 3}}, "x", "z", gives=6),
        case({"x": {"y": 0}, "y": {"z": 0}}, "x", "z", gives=0),
        case({"s": {"t": 8, "u": 2}, "u": {"v": 2}, "v": {"t": 2}}, "s", "t", gives=6),
        case({}, "m", "n", gives=None),
    ),
)

BUGS = (REACHABLE, FEWEST_STEPS, ISLANDS, BUILD_ORDER, HAS_CYCLE, CHEAPEST)
