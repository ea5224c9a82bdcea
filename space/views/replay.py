"""Episodes to step through, one of them or several beside one another, and the lists to choose them from."""

from collections.abc import Sequence

from dsl_debug.replay import markup
from dsl_debug.replay.markup import escaped, tag
from dsl_debug.replay.page import rail
from dsl_debug.replay.parts import Parts
from space.handlers.compare import YOU, Column, Comparison, Difference
from space.handlers.replay import MOST_LISTED, Episode, Listed
from space.views.common import empty, link, notice, page, verdict

# What a filter is called where it is the one to loosen.
_FACETS = {"environment": "kind of program", "policy": "policy", "category": "category", "outcome": "outcome"}


# The list


def listing(rows: Sequence[Listed], loosened: Sequence[tuple[str, int]], *, is_open: bool = True) -> str:
    """The episodes that fit the filters, as a table to choose from; what to loosen where none does."""
    if not rows:
        ways = [f"{count:,} without the {_FACETS[facet]}" for facet, count in loosened]
        words = f"There would be {' or '.join(ways)}." if ways else "Take back a filter."
        return page(empty("No episode is like that", words))
    body = "".join(map(_row, rows[:MOST_LISTED]))
    header = "".join(tag("th", escaped(name), kind) for name, kind in _HEADER)
    table = tag("table", tag("thead", tag("tr", header)) + tag("tbody", body), "plain")
    count = f"{len(rows):,} episodes" if len(rows) > 1 else "1 episode"
    more = len(rows) - MOST_LISTED
    rest = tag("p", f"and {more:,} more: filter to see them", "note") if more > 0 else ""
    start = "<details open>" if is_open else "<details>"
    summary = tag("summary", f"{count} to choose from")
    return page(f"{start}{summary}{tag('div', table, 'wide list')}{rest}</details>", kind="episodes")


_HEADER = (
    ("Policy", ""),
    ("Outcome", ""),
    ("Turns", "n"),
    ("Category", ""),
    ("Difficulty", ""),
    ("Problem", ""),
)


def _row(row: Listed) -> str:
    colour, words = row.verdict
    cells = [
        tag("td", link(row.policy, trace=row.key)),
        tag("td", verdict(words, colour)),
        tag("td", escaped(row.turns), "n"),
        *(tag("td", escaped(text)) for text in (row.category, row.difficulty)),
        tag("td", tag("code", escaped(row.problem_id[:8]))),
    ]
    return tag("tr", "".join(cells), **{"data-key": row.key})


# One episode

_MOST_LINKS = 4


def nothing_yet(example: str) -> str:
    """What stands where no episode is chosen; `example` is the key of one to begin with, if there is one."""
    start = tag("p", link("Begin with this one", trace=example)) if example else ""
    words = "Choose one from the list: its turns can be stepped through, one by one."
    return page(tag("div", tag("b", "No episode yet") + escaped(words) + start, "empty"))


def refused(words: str) -> str:
    """What stands where something could not be shown."""
    return page(notice(words, "bad"))


def episode(shown: Episode, step: int = 1, *, arrives: bool = False) -> str:
    """An episode, at a step. `arrives`: the page moves to it, for a visitor who has just chosen it."""
    parts = shown.parts
    headline = _headline(parts.policy or "An episode", parts.verdict)
    head = tag("header", headline + parts.facts + _links(shown), "card about")
    column = tag("section", _articles(parts), "column", **{"data-column": "yes", "aria-label": "The episode"})
    problem = tag("section", parts.problem, "problem", **{"aria-label": "The problem"})
    return _stepped(
        head,
        _bar(len(parts.steps), rail(parts.steps)),
        tag("div", problem + column, "beside"),
        address=("replay", "trace", shown.key),
        step=step,
        arrives=arrives,
    )


def _links(shown: Episode) -> str:
    others = [*shown.others[:_MOST_LINKS], *([(YOU, "yourself")] if shown.environment == "dsl" else [])]
    links = [link(name, compare=f"{shown.key},{key}") for key, name in others]
    return _line_of(
        _play_link(shown.problem_id, shown.environment) if shown.playable else "",
        tag("span", "Compare with " + ", ".join(links)) if links else "",
        tag("button", "Copy link", "quiet", type="button", **{"data-copy": f"?trace={shown.key}"}),
        tag("button", "Download as a page", "quiet", type="button", **{"data-do": "download"}),
    )


def _line_of(*links: str) -> str:
    return tag("div", "".join(links), "links")


def _play_link(problem_id: str, environment: str, words: str = "Play this problem yourself") -> str:
    return link(words, **{"bug" if environment == "python" else "problem": problem_id})


def _stepped(
    *content: str, address: tuple[str, str, str], step: int, arrives: bool = False, kind: str = "replay"
) -> str:
    """What `steps.js` steps through. `address` is the tab, and the parameter and value that lead here."""
    tab, name, value = address
    data = {"data-tab": tab, "data-name": name, "data-value": value, "data-start": str(step)}
    data |= {"data-arrives": "yes" if arrives else ""}
    return tag("div", "\n".join(content), f"dsl stepped {kind}", **data)


def _headline(name: str, ended: tuple[str, str]) -> str:
    colour, words = ended
    return tag("div", tag("h2", escaped(name)) + tag("p", escaped(words), f"verdict {colour}"), "headline")


def _articles(parts: Parts) -> str:
    return "\n".join(step.html for step in parts.steps)


def _bar(steps: int, marks: str = "") -> str:
    """Slider and buttons, below the steps as links."""

    def button(name: str, words: str, title: str = "") -> str:
        return tag("button", words, "quiet", type="button", **{"data-do": name, "aria-label": title})

    slider = f'<input type="range" min="1" max="{steps}" step="1" value="1" aria-label="Step">'
    bar = [
        button("back", "&#8592;", "Step back"),
        button("play", "Play"),
        button("on", "&#8594;", "Step on"),
        slider,
        tag("output", ""),
        button("all", "Show all"),
    ]
    way = tag("nav", marks, "rail", **{"aria-label": "Steps"}) if marks else ""
    return tag("div", way + tag("div", "".join(bar), "bar"), "controls")


# Several episodes


def nothing_to_compare(example: str = "", problem_id: str = "") -> str:
    """What stands where nothing is compared yet; `example` is what an address names, if there is some, and
    `problem_id` a program that the visitor has not played yet."""
    words = "Choose a problem, and two to four who have tried it: their turns stand beside one another."
    ways = [tag("b", "Nothing to compare yet"), tag("p", words)]
    if example:
        ways.append(tag("p", link("Look at an example", compare=example)))
    if problem_id:
        ways.append(tag("p", _play_link(problem_id, "dsl", "Play this problem to be compared, too")))
    return page(tag("div", "".join(ways), "empty"))


def comparison(shown: Comparison, step: int = 1) -> str:
    """Episodes beside one another, at a step; what is missing is explained."""
    notes = [notice(words, "warn") for words in shown.notes]
    if shown.unplayed:
        notes.append(_unplayed(shown))
    if not shown.columns:
        return page(*notes, nothing_to_compare(), kind="compare")
    if len(shown.columns) == 1 and not notes:
        notes.append(notice("Choose somebody else, too, to compare with."))
    problem = markup.folded("The problem", tag("div", shown.columns[0].parts.problem, "problem"))
    keys = [*([YOU] if shown.unplayed else []), *(column.key for column in shown.columns)]
    return _stepped(
        *notes,
        _facts(shown),
        tag("div", problem, "card"),
        _bar(max(len(column.parts.steps) for column in shown.columns)),
        tag("div", "".join(map(_column, shown.columns)), "sides"),
        _differences(shown.differences),
        address=("compare", "compare", ",".join(keys)),
        step=step,
        kind="compare",
    )


def _unplayed(shown: Comparison) -> str:
    way = _play_link(shown.problem_id, shown.environment, "Play it") if shown.playable else ""
    return tag("p", f"You have not played this problem in this browser yet. {way}", "notice warn")


_FACTS = ("Who", "Outcome", "Reward", "Turns", "Tools", "First right program", "Hack")


def _facts(shown: Comparison) -> str:
    """The table above the columns, with what can be done from here."""
    header = tag("tr", "".join(tag("th", name) for name in _FACTS))
    body = "".join(map(_facts_row, shown.columns))
    table = tag("div", tag("table", tag("thead", header) + tag("tbody", body), "plain"), "wide")
    links = _line_of(
        _play_link(shown.problem_id, shown.environment) if shown.playable else "",
        tag("button", "Copy link", "quiet", type="button", **{"data-copy": "?tab=compare"}),
    )
    return tag("div", table + links, "card about")


def _facts_row(column: Column) -> str:
    facts = column.facts
    colour, words = facts.verdict
    name = escaped(column.name) if column.key == YOU else link(column.name, trace=column.key)
    texts = (facts.reward, facts.turns, facts.tools, facts.first_right, facts.hack)
    return tag(
        "tr",
        tag("td", name) + tag("td", verdict(words, colour)) + "".join(tag("td", escaped(t)) for t in texts),
    )


def _column(column: Column) -> str:
    return tag(
        "section",
        _headline(column.name, column.parts.verdict) + _articles(column.parts),
        "column",
        **{"data-column": "yes", "aria-label": column.name},
    )


def _differences(found: Sequence[Difference]) -> str:
    """The programs that the episodes ended with, against that of the first."""
    if not found:
        return ""
    return tag("section", tag("h2", "Final programs") + "".join(map(_difference, found)), "card finals")


def _difference(found: Difference) -> str:
    title = tag("h3", escaped(f"From {found.before} to {found.after}"))
    if not found.lines:
        return title + tag("p", "The same program.", "note")
    return title + markup.program(found.lines)
