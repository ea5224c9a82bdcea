"""A program as a picture: stored tables on the left, then what is made of them, to the table that is emitted.

Cards have places in pixels, so that the lines between them can be drawn without a script; on narrow screens
the style stacks the cards instead. Every step is a button with the table and the number of its stages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dsl_debug.lang import Table
from dsl_debug.replay.markup import escaped, tag
from dsl_debug.replay.programs import Grammar
from space.flow import Flow, Node
from space.views.common import empty

HEAD, ROW, PADDING = 34, 28, 10
GAP, CHANNEL = 18, 36
"""Pixels: the parts of a card, between cards of a column, and between columns."""

STORED_WIDTH, NARROW, WIDE = 116, 228, 320
ROOM = 1172
"""Pixels: cards are as wide as this room allows, in these bounds."""

MAX_NODES = 60
MAX_STAGES = 40
MAX_LETTERS = 300
"""Characters of a step that are coloured and shown as its title."""

Step = tuple[str, int]
"""A table and how many of its stages are carried out, the source counted as one."""


@dataclass(frozen=True)
class _Card:
    """What is drawn of a table. Lines end and begin at the heights `enter` and `leave`; `inputs` are the
    places of other cards in the list of all."""

    html: str
    kind: str
    column: int
    width: int
    height: int
    enter: int
    leave: int
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class _Box:
    """A card's left and upper edge and its size."""

    left: int
    top: int
    width: int
    height: int


def picture(
    flow: Flow,
    tables: Mapping[str, Table],
    grammar: Grammar,
    diverges: Step | None = None,
    locked: bool = False,
) -> str:
    """The flow of a program over stored tables. `diverges` is the step at which rows first go wrong; steps
    of a `locked` picture cannot be pressed."""
    if not flow.nodes:
        return empty("Nothing to draw", "No table of this program can be read yet.")
    nodes = flow.nodes[:MAX_NODES]
    cards = _cards(nodes, flow.emitted, tables, grammar, diverges, locked)
    boxes = _boxes(cards)
    width = max(box.left + box.width for box in boxes)
    height = max(box.top + box.height for box in boxes)
    drawn = "".join(_placed(card, box) for card, box in zip(cards, boxes, strict=True))
    size = {"style": f"width:{width}px;height:{height}px"}
    left_out = len(flow.nodes) - len(nodes)
    more = tag("p", f"and {left_out} more tables", "note") if left_out else ""
    inner = tag("div", _edges(cards, boxes, width, height) + drawn, "map", **size)
    return (
        tag("div", inner, "flow", tabindex="0", role="group", **{"aria-label": "Steps of the program"}) + more
    )


def _placed(card: _Card, box: _Box) -> str:
    style = f"left:{box.left}px;top:{box.top}px;width:{box.width}px;height:{box.height}px"
    return tag("section", card.html, card.kind, style=style)


# Cards


def _cards(
    nodes: Sequence[Node],
    emitted: str,
    tables: Mapping[str, Table],
    grammar: Grammar,
    diverges: Step | None,
    locked: bool,
) -> list[_Card]:
    """First the stored tables that are loaded, then the nodes in their order."""
    stored = list(dict.fromkeys(node.loads for node in nodes if node.loads is not None))
    places: dict[str, int] = {}
    for place, node in enumerate(nodes, len(stored)):
        places.setdefault(node.name, place)  # the first one, should a name be defined twice
    inputs = [_inputs(node, stored, places) for node in nodes]
    columns = _columns(inputs, len(stored))
    width = _width(max(columns) + (0 if stored else 1), bool(stored))
    used = _used(inputs, len(stored), places.get(emitted))
    cards = [_stored_card(name, tables.get(name)) for name in stored]
    for place, node in enumerate(nodes):
        here = len(stored) + place
        first = places[node.name] == here
        kinds = {
            "node": True,
            "emitted": node.name == emitted and first,
            "unused": bool(emitted) and here not in used,
            "again": not first,
        }
        kind = " ".join(name for name, holds in kinds.items() if holds)
        html = _node_card(node, kinds, grammar, diverges if first else None, locked)
        height = HEAD + min(len(node.stages), MAX_STAGES + 1) * ROW + PADDING
        column, source = columns[place], HEAD + ROW // 2
        cards.append(_Card(html, kind, column, width, height, source, HEAD // 2, inputs[place]))
    return cards


def _width(columns: int, stored: bool) -> int:
    """The width of nodes that stand in so many columns."""
    room = ROOM - (STORED_WIDTH + CHANNEL if stored else 0) - CHANNEL * (columns - 1)
    return max(NARROW, min(WIDE, room // columns))


def _inputs(node: Node, stored: Sequence[str], places: Mapping[str, int]) -> tuple[int, ...]:
    loads = () if node.loads is None else (stored.index(node.loads),)
    return (*loads, *(places[name] for name in node.reads if name in places))


def _columns(inputs: Sequence[tuple[int, ...]], stored: int) -> list[int]:
    """The column of each node: right of all that it reads. Those of a circle stand in the last column."""
    known: dict[int, int] = dict.fromkeys(range(stored), 0)
    first = 1 if stored else 0
    waiting = list(range(len(inputs)))
    while waiting:
        ready = [n for n in waiting if all(place in known for place in inputs[n])]
        if not ready:
            last = max(known.values(), default=first - 1) + 1
            known |= dict.fromkeys((stored + n for n in waiting), last)
            break
        known |= {stored + n: max([first, *(known[place] + 1 for place in inputs[n])]) for n in ready}
        waiting = [n for n in waiting if stored + n not in known]
    return [known[stored + n] for n in range(len(inputs))]


def _used(inputs: Sequence[tuple[int, ...]], stored: int, emitted: int | None) -> set[int]:
    """The places of what the emitted table is made of, itself included."""
    found: set[int] = set()
    waiting = [] if emitted is None else [emitted]
    while waiting:
        place = waiting.pop()
        if place not in found:
            found.add(place)
            waiting += inputs[place - stored] if place >= stored else ()
    return found


def _stored_card(name: str, table: Table | None) -> _Card:
    size = f"{table.length:,} rows" if table else "no such table"
    words = tag("b", escaped(name), title=name) + tag("span", size)
    kind = "stored" if table else "stored unknown"
    return _Card(words, kind, 0, STORED_WIDTH, 2 * ROW, ROW, ROW, ())


def _node_card(
    node: Node, kinds: Mapping[str, bool], grammar: Grammar, diverges: Step | None, locked: bool
) -> str:
    badges = {"emitted": "emitted", "unused": "not used", "again": "defined again"}
    shown = "".join(tag("span", words, "badge") for kind, words in badges.items() if kinds[kind])
    head = tag("header", tag("b", escaped(node.name), title=node.name) + shown)
    rows = [
        _step(node, number, grammar, diverges == (node.name, number), locked)
        for number in range(1, min(len(node.stages), MAX_STAGES) + 1)
    ]
    left_out = len(node.stages) - len(rows)
    more = tag("li", f"and {left_out} more stages", "more") if left_out else ""
    return head + tag("ol", "".join(rows) + more)


def _step(node: Node, number: int, grammar: Grammar, diverges: bool, locked: bool) -> str:
    stage = node.stages[number - 1]
    text = stage.text[:MAX_LETTERS]
    pieces = "".join(
        tag("span", escaped(words), kind) if kind else escaped(words)
        for kind, words, _ in grammar.pieces(text)
    )
    given = {
        "type": "button",
        "title": f"Inspect: line {stage.line}, {text}",
        "data-node": node.name,
        "data-stages": str(number),
        "disabled": "disabled" if locked else "",
    }
    mark = tag("span", "first wrong rows", "mark") if diverges else ""
    return tag(
        "li", tag("button", tag("code", pieces) + mark, "step", **given), "diverges" if diverges else ""
    )


# Places


def _boxes(cards: Sequence[_Card]) -> list[_Box]:
    """Where the cards stand: column by column, each as near to the height of its inputs as there is room."""
    boxes: dict[int, _Box] = {}
    left = 0
    for column in range(max(card.column for card in cards) + 1):
        here = [place for place, card in enumerate(cards) if card.column == column]
        wanted = {place: _wanted(place, cards, boxes) for place in here}
        free = 0
        for place in sorted(here, key=lambda place: (wanted[place], place)):
            top = max(free, wanted[place])
            boxes[place] = _Box(left, top, cards[place].width, cards[place].height)
            free = top + cards[place].height + GAP
        left += max(cards[place].width for place in here) + CHANNEL
    return [boxes[place] for place in range(len(cards))]


def _wanted(place: int, cards: Sequence[_Card], boxes: Mapping[int, _Box]) -> int:
    """The upper edge at which a card's lines come straight in, on the average."""
    levels = [boxes[n].top + cards[n].leave for n in cards[place].inputs if n in boxes]
    level = sum(levels) // len(levels) if levels else HEAD + ROW // 2
    return max(0, level - cards[place].enter)


def _edges(cards: Sequence[_Card], boxes: Sequence[_Box], width: int, height: int) -> str:
    paths = []
    for card, box in zip(cards, boxes, strict=True):
        for place in card.inputs:
            start = boxes[place]
            x, y = start.left + start.width, start.top + cards[place].leave
            to_x, to_y = box.left, box.top + card.enter
            bend = max(CHANNEL // 2, abs(to_x - x) // 2)
            line = f"M{x} {y}C{x + bend} {y} {to_x - bend} {to_y} {to_x - 5} {to_y}"
            arrow = f"M{to_x} {to_y}l-7 -4v8z"
            paths.append(tag("path", "", "edge", d=line) + tag("path", "", "arrow", d=arrow))
    view = {"width": str(width), "height": str(height), "aria-hidden": "true"}
    return tag("svg", "".join(paths), "edges", **view)
