"""Simulations: queues, counters, games, growth."""

from dataset_builder.python_bugs.inputs import ascending, choices, dicts, integers, lists, texts, tuples


def robot_position(moves: str) -> tuple[int, int]:
    """Return where a robot from (0, 0) is after moves N (y + 1), S (y - 1), E (x + 1) and W (x - 1)."""
    x = 0
    y = 0
    for move in moves:
        if move == "N":
            y += 1
        elif move == "S":
            y -= 1
        elif move == "E":
            x += 1
        else:
            x -= 1
    return x, y


def years_to_goal(start: int, yearly: int, goal: int) -> int:
    """Return after how many years savings reach the goal if each year adds `yearly` (1 or more) and then a
    tenth of what is there, cut down to a whole number.
    """
    years = 0
    savings = start
    while savings < goal:
        savings += yearly
        savings += savings // 10
        years += 1
    return years


def serve_queue(arrivals: list[int], minutes: int) -> list[int]:
    """Return when each customer is done, given the arrivals in ascending order and one counter that takes
    `minutes` each.
    """
    done = []
    free_at = 0
    for arrival in arrivals:
        begins = max(arrival, free_at)
        free_at = begins + minutes
        done.append(free_at)
    return done


def tennis_points(rallies: str) -> tuple[int, int]:
    """Return the points of A and B after rallies won by "A" or "B", where play stops once one has 4 or more
    and leads by 2.
    """
    a = 0
    b = 0
    for rally in rallies:
        if max(a, b) >= 4 and abs(a - b) >= 2:
            break
        if rally == "A":
            a += 1
        else:
            b += 1
    return a, b


def water_levels(rain: list[int], capacity: int, drain: int) -> list[int]:
    """Return the level of an empty tank after each hour: rain comes in up to the capacity, then `drain`
    flows out.
    """
    level = 0
    levels = []
    for amount in rain:
        level = min(level + amount, capacity)
        level = max(level - drain, 0)
        levels.append(level)
    return levels


def recent_keys(keys: list[str], size: int) -> list[str]:
    """Return what a store of `size` (1 or more) keys holds at the end, oldest first: a used key becomes the
    newest, and the oldest one leaves when there is no room.
    """
    stored: list[str] = []
    for key in keys:
        if key in stored:
            stored.remove(key)
        elif len(stored) == size:
            stored.pop(0)
        stored.append(key)
    return stored


def lights_on(presses: list[int], count: int) -> list[int]:
    """Return which of the lights 0 to count - 1, all off at first, are on after each press toggled its
    light and the next one (if there is one); a press outside raises ValueError.
    """
    lights = [False] * count
    for press in presses:
        if press < 0 or press >= count:
            raise ValueError("there is no such light")
        lights[press] = not lights[press]
        if press + 1 < count:
            lights[press + 1] = not lights[press + 1]
    return [index for index, on in enumerate(lights) if on]


def bounces(height: int, percent: int) -> int:
    """Return how often a ball from a height of whole centimetres bounces up 1 cm or more, each time to
    `percent` (0 to 90) of the height before, cut down to whole centimetres.
    """
    count = 0
    height = height * percent // 100
    while height >= 1:
        count += 1
        height = height * percent // 100
    return count


def stock_profit(prices: list[int]) -> int:
    """Return the best profit of buying once and selling once later, or 0 if there is none."""
    best = 0
    lowest = None
    for price in prices:
        if lowest is None or price < lowest:
            lowest = price
        best = max(best, price - lowest)
    return best


def next_cells(cells: list[int]) -> list[int]:
    """Return the next state of a row of cells, each 0 or 1: a cell becomes 1 if exactly one of its
    neighbours is 1.
    """
    after = list(cells)
    for index in range(len(cells)):
        left = cells[index - 1] if index > 0 else 0
        right = cells[index + 1] if index < len(cells) - 1 else 0
        after[index] = 1 if left != right else 0
    return after


def shares_bought(cash: dict[str, int], orders: list[tuple[str, int]]) -> list[tuple[str, int, int]]:
    """Return (name, cash before, cash after) for each name in order, where an order (name, price) is
    carried out if the name has as much cash left.
    """
    left = dict(cash)
    for name, price in orders:
        if left.get(name, 0) >= price:
            left[name] -= price
    return [(name, cash[name], left[name]) for name in cash]


FUNCTIONS = {
    next_cells: tuples(lists(integers(0, 1), 0, 6)),
    shares_bought: tuples(
        dicts(choices("ann", "bob"), integers(0, 9), 0, 2),
        lists(tuples(choices("ann", "bob"), integers(1, 5)), 0, 4),
    ),
    robot_position: tuples(texts("NSEW", 0, 6)),
    years_to_goal: tuples(integers(0, 50), integers(1, 30), integers(0, 120)),
    serve_queue: tuples(ascending(integers(0, 9), 0, 5), integers(1, 5)),
    tennis_points: tuples(texts("AAB", 0, 9)),
    water_levels: tuples(lists(integers(0, 8), 0, 5), integers(3, 9), integers(0, 4)),
    recent_keys: tuples(lists(choices("a", "b", "c", "d"), 0, 7), integers(1, 3)),
    lights_on: tuples(lists(integers(0, 4), 0, 5), integers(3, 5)),
    bounces: tuples(integers(0, 200), integers(0, 90)),
    stock_profit: tuples(lists(integers(0, 9), 0, 6)),
}
