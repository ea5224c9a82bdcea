"""Dictionaries: lookups, grouping, copies."""

from typing import Any

from dataset_builder.python_bugs.hand_written import HandWritten, case


def invert(owners: dict[str, str]) -> dict[str, list[str]]:
    """Return for each owner the list of things owned, in the order of the given dict of thing to owner."""
    owned: dict[str, list[str]] = {}
    for thing, owner in owners.items():
        owned.setdefault(owner, []).append(thing)
    return owned


INVERT = HandWritten(
    invert,
    category="data_structure",
    difficulty="easy",
    change=("owned.setdefault(owner, []).append(thing)", "owned[owner] = [thing]"),
    hint="What does the second thing of an owner do to the first one?",
    tests=(
        case({"car": "ann"}, gives={"ann": ["car"]}),
        case({"car": "ann", "bike": "ann"}, gives={"ann": ["car", "bike"]}),
        case({"pen": "bob", "cup": "eve"}, gives={"bob": ["pen"], "eve": ["cup"]}),
        case({}, gives={}),
        case({"a": "x", "b": "y", "c": "x"}, gives={"x": ["a", "c"], "y": ["b"]}),
        case({"hat": ""}, gives={"": ["hat"]}),
    ),
    hidden=(
        case({"p": "o", "q": "o", "r": "o"}, gives={"o": ["p", "q", "r"]}),
        case({"lamp": "kim"}, gives={"kim": ["lamp"]}),
        case({"m": "a", "n": "b", "o": "b"}, gives={"a": ["m"], "b": ["n", "o"]}),
        case({"1": "2", "3": "2"}, gives={"2": ["1", "3"]}),
    ),
)


def restock(stock: dict[str, int], delivery: dict[str, int]) -> tuple[dict[str, int], list[str]]:
    """Return the stock after a delivery, and the sorted names of what was not in stock (as a key) before."""
    after = dict(stock)
    for name, count in delivery.items():
        after[name] = after.get(name, 0) + count
    return after, sorted(name for name in after if name not in stock)


RESTOCK = HandWritten(
    restock,
    category="argument_mutation",
    difficulty="medium",
    change=("after = dict(stock)", "after = stock"),
    hint="Are there two dicts here, or one with two names?",
    tests=(
        case({"tea": 2}, {"tea": 3}, gives=({"tea": 5}, [])),
        case({"tea": 2}, {"jam": 1}, gives=({"tea": 2, "jam": 1}, ["jam"])),
        case({}, {"b": 1, "a": 1}, gives=({"b": 1, "a": 1}, ["a", "b"])),
        case({}, {}, gives=({}, [])),
        case({"salt": 1}, {}, gives=({"salt": 1}, [])),
        case({"x": 0}, {"x": 4, "y": 2}, gives=({"x": 4, "y": 2}, ["y"])),
    ),
    hidden=(
        case({"m": 5}, {"m": -5, "n": 1}, gives=({"m": 0, "n": 1}, ["n"])),
        case({}, {"only": 7}, gives=({"only": 7}, ["only"])),
        case({"a": 1, "b": 1}, {"a": 1, "b": 1}, gives=({"a": 2, "b": 2}, [])),
        case({"k": 1}, {"z": 1, "c": 1}, gives=({"k": 1, "z": 1, "c": 1}, ["c", "z"])),
    ),
)


def display_name(user: dict[str, str | None]) -> str | None:
    """Return the user's nickname, or the name if the nickname is missing or None."""
    nickname = user.get("nickname")
    if nickname is None:
        return user["name"]
    return nickname


DISPLAY_NAME = HandWritten(
    display_name,
    category="none_handling",
    difficulty="easy",
    change=(
        """\
    nickname = user.get("nickname")
    if nickname is None:
        return user["name"]
    return nickname
""",
        """\
    return user.get("nickname", user["name"])
""",
    ),
    hint="A key that is there may still have nothing to say.",
    tests=(
        case({"name": "Robert", "nickname": "Bob"}, gives="Bob"),
        case({"name": "Robert", "nickname": None}, gives="Robert"),
        case({"name": "Robert"}, gives="Robert"),
        case({"name": "Ann", "nickname": "Annie"}, gives="Annie"),
        case({"nickname": None, "name": "Li"}, gives="Li"),
        case({"name": "Eve", "nickname": ""}, gives=""),
    ),
    hidden=(
        case({"name": "Tom", "nickname": None}, gives="Tom"),
        case({"name": "Max"}, gives="Max"),
        case({"name": "", "nickname": None}, gives=""),
        case({"name": "A", "nickname": "B"}, gives="B"),
    ),
)


def look_up(data: dict[str, Any], path: list[str], default: Any = None) -> Any:
    """Return the value at the end of a path of keys through nested dicts, or the default if it is missing
    or None.
    """
    current = data
    for key in path:
        if not isinstance(current, dict) or key not in current:
            return default
        current = current[key]
    return default if current is None else current


LOOK_UP = HandWritten(
    look_up,
    category="none_handling",
    difficulty="medium",
    change=("return default if current is None else current", "return current or default"),
    hint="Some values look empty without being None.",
    tests=(
        case({"a": {"b": 5}}, ["a", "b"], gives=5),
        case({"a": {"b": 0}}, ["a", "b"], 9, gives=0),
        case({"a": {}}, ["a", "b"], 9, gives=9),
        case({"a": None}, ["a"], "none", gives="none"),
        case({"a": None}, ["a", "b"], 1, gives=1),
        case({"on": False}, ["on"], True, gives=False),
        case({"x": 1}, [], gives={"x": 1}),
    ),
    hidden=(
        case({"name": ""}, ["name"], "unknown", gives=""),
        case({"n": {"list": []}}, ["n", "list"], [1], gives=[]),
        case({"n": 3}, ["n", "m"], "?", gives="?"),
        case({"p": {"q": {"r": "s"}}}, ["p", "q", "r"], gives="s"),
        case({}, ["z"], gives=None),
    ),
)


def before_and_after(
    teams: dict[str, list[str]], joining: dict[str, list[str]]
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return the teams as they were, and the teams with the joining members at the end of each (new teams
    included).
    """
    after = {team: list(members) for team, members in teams.items()}
    for team, members in joining.items():
        after.setdefault(team, []).extend(members)
    return teams, after


BEFORE_AND_AFTER = HandWritten(
    before_and_after,
    category="argument_mutation",
    difficulty="hard",
    change=("after = {team: list(members) for team, members in teams.items()}", "after = dict(teams)"),
    hint="The dict is copied; are the lists in it?",
    tests=(
        case({"red": ["a"]}, {"red": ["b"]}, gives=({"red": ["a"]}, {"red": ["a", "b"]})),
        case({"red": ["a"]}, {"blue": ["b"]}, gives=({"red": ["a"]}, {"red": ["a"], "blue": ["b"]})),
        case({}, {"new": ["x", "y"]}, gives=({}, {"new": ["x", "y"]})),
        case({"red": ["a"]}, {}, gives=({"red": ["a"]}, {"red": ["a"]})),
        case({"red": []}, {"red": ["z"]}, gives=({"red": []}, {"red": ["z"]})),
        case({"red": ["a"]}, {"red": []}, gives=({"red": ["a"]}, {"red": ["a"]})),
    ),
    hidden=(
        case(
            {"r": ["a"], "g": ["b"]},
            {"g": ["c"], "h": ["d"]},
            gives=({"r": ["a"], "g": ["b"]}, {"r": ["a"], "g": ["b", "c"], "h": ["d"]}),
        ),
        case({"k": ["m", "n"]}, {"k": ["o"]}, gives=({"k": ["m", "n"]}, {"k": ["m", "n", "o"]})),
        case({}, {}, gives=({}, {})),
        case({"s": ["t"]}, {"u": []}, gives=({"s": ["t"]}, {"s": ["t"], "u": []})),
    ),
)

BUGS = (INVERT, RESTOCK, DISPLAY_NAME, LOOK_UP, BEFORE_AND_AFTER)
