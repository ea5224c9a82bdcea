"""The end of a game as HTML: the result card, and the list of earlier games."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dsl_debug.problem import DslProblem
from dsl_debug.replay import markup
from dsl_debug.replay.markup import escaped, folded, tag
from dsl_debug.replay.outcome import MEANINGS, VERDICTS, bugs_list
from dsl_debug.replay.programs import Grammar, changes, dsl_grammar
from space.handlers.history import checked, summary
from space.handlers.play import Game, Result
from space.library import Library
from space.views.common import CATEGORIES, duration, empty, link, page, plain_name, rows_table, verdict

MAX_COMPARED = 6_000
"""Characters of a program that is shown beside another."""


def card(game: Game, end: Result, traces: Sequence[str]) -> str:
    """How a game ended, what was wrong, and where to go from here."""
    kind, name = VERDICTS[end.failure]
    problem = game.problem
    facts = [
        ("turns", f"{end.turns} of {end.max_turns}"),
        ("hints", str(end.hints) if game.aided else "none: no help"),
        ("time", duration(end.seconds)),
        ("reward", f"{end.reward:g}"),
    ]
    parts = [
        tag("header", tag("h2", "Solved!" if not end.failure else "Not solved") + verdict(name, kind)),
        markup.said(MEANINGS[end.failure]),
        markup.facts(facts),
        _links(problem, traces),
        *_reference(problem, end),
    ]
    return page(tag("article", "".join(parts), f"card outcome ended {kind}", id="play-ended"))


def _links(problem: DslProblem, traces: Sequence[str]) -> str:
    """What to do next. The script fills in the address and knows the buttons."""
    here = f"?problem={problem.id}"
    field = {"readonly": "readonly", "aria-label": "Link to this problem", "data-link": here}
    share = tag("input", "", **field) + tag("button", "Copy link", "go", type="button", **{"data-copy": here})
    next_one = tag("button", "Next problem", "go next", type="button", **{"data-press": "play-new"})
    parts = [next_one, tag("span", share, "share")]
    if traces:
        parts.append(link("How policies did on this problem", trace=traces[0]))
        parts.append(link("Compare with yours", compare=f"{traces[0]},you"))
    return tag("div", "".join(parts), "links")


def _reference(problem: DslProblem, end: Result) -> Iterator[str]:
    """What was wrong, the reference, and how a submission differs from it."""
    grammar = dsl_grammar(problem.dialect)
    if problem.bugs:
        yield tag("h3", "What was wrong") + bugs_list(problem.bugs)
    yield tag("h3", "The reference fix")
    yield markup.program(changes(problem.buggy_code, problem.correct_code, grammar))
    submitted = end.submitted
    if submitted is None or end.failure == "unchanged" or submitted.strip() == problem.correct_code.strip():
        return
    if end.failure:
        fix = changed(submitted, problem.correct_code, grammar)
        yield folded("From your program to the reference", fix, is_open=True)
    else:
        yield folded("Your fix", changed(problem.buggy_code, submitted, grammar), is_open=True)


# Earlier games


def history(games: object, library: Library) -> str:
    """A visitor's own games, from whatever their browser keeps."""
    records = checked(games)
    title = tag("h3", "Your games")
    if not records:
        words = "Games that you finish are kept in this browser, and nowhere else."
        return page(title, empty("No finished games yet", words))
    figures = summary(records)
    facts = [(plain_name(name), str(figures[name])) for name in ("played", "solved", "best_streak")]
    return page(title, markup.facts(facts), _games(records, library))


def _games(records: Sequence[Mapping[str, Any]], library: Library) -> str:
    header = ("When (UTC)", "Problem", "Outcome", "Turns", "Hints", "Time")
    kinds = ("", "", "", "n", "n", "n")
    names_ = "".join(tag("th", name, kind, scope="col") for name, kind in zip(header, kinds, strict=True))
    body = "".join(tag("tr", _game(record, library, kinds)) for record in records)
    return rows_table(names_, body, "Your games")


def _game(record: Mapping[str, Any], library: Library, kinds: Sequence[str]) -> str:
    kind, name = VERDICTS[record["failure"]]
    title = f"{CATEGORIES[record['category']]}, {record['difficulty']}"
    cells = (
        escaped(record["when"].replace("T", " ")[5:16]),
        link(title, problem=record["problem"]) if record["problem"] in library.problems else escaped(title),
        verdict(name, kind),
        str(record["turns"]),
        str(record["hints"]),
        duration(record["seconds"]),
    )
    return "".join(tag("td", text, kind) for text, kind in zip(cells, kinds, strict=True))


def changed(before: str, after: str, grammar: Grammar) -> str:
    """What changed between two programs, if they are of a size that a person reads."""
    if max(len(before), len(after)) > MAX_COMPARED:
        return tag("p", f"A program of {len(after):,} characters is not shown here.", "note")
    return markup.program(changes(before, after, grammar))
