"""Play as HTML: a problem, its rows and tables, what the acts gave, the end, and earlier games."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dsl_debug.lang import STANDARD, Table
from dsl_debug.lang.table import cell
from dsl_debug.problem import DslProblem
from dsl_debug.replay import markup
from dsl_debug.replay.markup import escaped, folded, tag
from dsl_debug.replay.programs import Grammar, compared, dsl_grammar
from dsl_debug.visitors import MAX_CODE
from space.flow import flow_of
from space.handlers.hints import hints_of
from space.handlers.play import Game, Move, names, result
from space.handlers.rows import DiffRow, RowDiff
from space.library import Library
from space.views.about import markdown
from space.views.common import CATEGORIES, DIFFICULTIES, empty, notice, page, pips, rows_table
from space.views.ending import card, changed
from space.views.flow import picture

MAX_ROWS = 200
"""Expected rows that are drawn."""

TASKS = {
    "standard": "One thing in this program is wrong. Change it so that it gives the expected rows.",
    "nonlocal": "Something early in this program spoils the rows at its end. Find where they go wrong.",
    "intent_mismatch": "This program answers another question than the one that was asked, in several ways.",
}

TOOLS = {"run": "Run", "inspect": "Inspect", "read_docs": "Docs", "submit": "Submit", "hint": "Hint"}
"""What the turns of a game are called."""

SAID = ("Correct.", "Incorrect.")
"""Answers to a submission that the card at the end says better."""


@dataclass(frozen=True)
class View:
    """What the page shows of a game: HTML, and the words and states of its controls. `locked` is set once the
    game is over."""

    head: str
    answer: str
    goal: str
    tables: str
    flow: str
    log: str
    card: str
    names: list[str]
    hint: str
    may_hint: bool
    locked: bool


def board(game: Game, code: object, library: Library, note: str = "") -> View:
    """All that there is to see of a game, with the program as it stands in the editor. `note` is a line for
    the visitor, about something that was not done."""
    end = result(game)
    problem = game.problem
    taken = sum(move.tool == "hint" for move in game.moves)
    hints = len(hints_of(problem)) - taken if game.aided else 0
    return View(
        head=head(game),
        answer=answer(game, note),
        goal=page(*expected(problem)),
        tables=page(*stored_tables(problem)),
        flow=flow(game, code),
        log=log(game),
        card=card(game, end, library.traces_of(problem.id)) if end else "",
        names=names(game, code),
        hint=f"Hint (costs a turn, {hints} left)" if hints else "No hints left" if taken else "No hints",
        may_hint=bool(hints) and game.env.turns_left > 1,
        locked=end is not None,
    )


def document(game: Game, code: str) -> dict[str, Any]:
    """The value of the editor. Without help nothing is checked while one types: there is no key."""
    dialect = game.problem.dialect
    return {
        "code": code,
        "key": game.problem.id if game.aided else "",
        "words": sorted(dsl_grammar(dialect).words),
        "comment": "--",
        "pipe": dialect.pipe,
        "locked": game.env.done,
    }


# The problem


def head(game: Game) -> str:
    """What is to be done, and the turns that are left."""
    problem, env = game.problem, game.env
    chips = [CATEGORIES[problem.category], DIFFICULTIES[problem.difficulty], f"database {problem.database}"]
    special = {"words of its own": problem.dialect != STANDARD, "no help": not game.aided}
    chips += [words for words, holds in special.items() if holds]
    about = "".join(tag("li", escaped(chip), "chip") for chip in chips)
    words = TASKS[problem.category] if game.aided else "It does not give the expected rows."
    if problem.dialect != STANDARD:
        words += " Its language has words of its own: Docs explains them."
    what = tag("ul", about, "chips") + tag("p", tag("b", "Fix the program. ") + words, "task")
    budget = pips(env.turns, env.max_turns) + tag("span", _left(game))
    state = {"data-problem": problem.id, "data-moves": str(len(game.moves))}
    if env.done:
        state["data-over"] = "true"
    return page(
        tag("div", what, "what"), tag("div", budget, "budget", role="status", **state), kind="play-head"
    )


def _left(game: Game) -> str:
    env = game.env
    if env.done:
        return f"Over after {env.turns} of {env.max_turns} turns"
    if env.turns_left == 1:
        return "Last turn: anything but Submit loses"
    return f"{env.turns_left} of {env.max_turns} turns left"


def expected(problem: DslProblem) -> Iterator[str]:
    """The rows that the program should give."""
    table = problem.expected_output
    yield tag("h3", "Expected rows") + tag("p", _counted(table), "note")
    body = "".join(tag("tr", _cells(problem, table.names, row)) for row in _shown_rows(table))
    yield rows_table(_header(problem, table.names), body, "Expected rows")
    if table.length > MAX_ROWS:
        yield tag("p", f"The first {MAX_ROWS} are shown.", "note")


def _shown_rows(table: Table) -> Iterator[tuple[str, ...]]:
    for _, row in zip(range(MAX_ROWS), table.tuples(), strict=False):
        yield tuple(map(cell, row))


def _counted(table: Table) -> str:
    return f"{_number(table.length, 'row')}, {_number(len(table.columns), 'column')}; the order counts"


def _number(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _kind(problem: DslProblem, name: str) -> str:
    """The class of a column: figures stand on the right."""
    return "n" if problem.expected_output.types.get(name) == "number" else ""


def _header(problem: DslProblem, columns: Sequence[str]) -> str:
    return "".join(tag("th", escaped(name), _kind(problem, name), scope="col") for name in columns)


def _cells(problem: DslProblem, columns: Sequence[str], texts: Sequence[str]) -> str:
    pairs = zip(columns, texts, strict=True)
    return "".join(tag("td", escaped(text), _kind(problem, name)) for name, text in pairs)


def stored_tables(problem: DslProblem) -> Iterator[str]:
    """The tables that a program can load: names, sizes, and columns with their types."""
    yield tag("h3", "Stored tables")
    for name, table in problem.tables.items():
        title = tag("code", escaped(name)) + tag("span", _number(table.length, "row"), "note")
        kinds = table.types.items()
        items = "".join(tag("li", tag("code", escaped(n)) + tag("span", kind, "note")) for n, kind in kinds)
        yield tag("details", tag("summary", title) + tag("ul", items, "columns"), "stored-table", open="open")


def flow(game: Game, code: object) -> str:
    """The picture of a program. The step where rows first diverge is marked while the program is the one
    that was run."""
    problem = game.problem
    text = code if isinstance(code, str) and len(code) <= MAX_CODE else ""
    last = next((move for move in reversed(game.moves) if move.tool == "run"), None)
    found = last.diverges if last is not None and last.code == text else None
    step = (found.node, found.stage) if found else None
    drawn = picture(flow_of(text, problem.dialect), problem.tables, _grammar(problem), step, game.env.done)
    words = "Press a step to inspect the rows after it; that costs a turn." if not game.env.done else ""
    return page(tag("h3", "How the data flow"), tag("p", words, "note"), drawn)


def _grammar(problem: DslProblem) -> Grammar:
    return dsl_grammar(problem.dialect)


# What was done


def answer(game: Game, note: str = "") -> str:
    """What the last act gave, below what was not done."""
    parts = [notice(note, "bad", role="alert")] if note else []
    move = game.moves[-1] if game.moves else None
    if move is not None and move.answer not in SAID:
        title = tag("h3", escaped(move_title(move, game.aided))) + tag("p", f"turn {move.turn}", "left")
        parts.append(tag("article", tag("header", title) + answered(move, game), "card given"))
    elif move is None and not note:
        words = "Run the program to see its rows beside the expected ones, or inspect a step of it."
        parts.append(empty("Nothing was done yet", words))
    return page(*parts)


def move_title(move: Move, aided: bool) -> str:
    """A move in a few words; with help, also how right the rows of a run are."""
    title = TOOLS.get(move.tool, move.tool)
    if move.argument:
        title += f": {move.argument}"
    if move.tool == "run" and move.rows is not None and aided:
        right = f"{move.rows.right} of {move.rows.wanted} rows right"
        return f"{title}: {'the expected rows' if move.rows.complete else right}"
    return f"{title}: not a program that runs" if move.tool == "run" and move.rows is None else title


def answered(move: Move, game: Game) -> str:
    """The answer to a move: rows beside the expected ones, words, or rows as an agent sees them."""
    if move.tool == "run" and move.rows is not None and game.aided:
        words = notice(move.diverges.words, "warn") if move.diverges else ""
        return "\n".join([_told(move.rows), words, diff(move.rows, game.problem)])
    if move.tool == "hint":
        return markup.said(move.answer)
    if move.tool == "read_docs":
        return tag("div", markdown(move.answer), "pages")
    return markup.table(compared(move.answer, ""))


def _told(rows: RowDiff) -> str:
    """What is to be said of the rows of a run."""
    if rows.complete:
        return notice("These are the expected rows. Hidden tables tell a fix from a coincidence.", "good")
    given = f"the program gives {_number(rows.given, 'row')}"
    words = [f"{rows.right:,} of {rows.wanted:,} expected rows are right; {given}."]
    if rows.missing:
        words.append(f"Missing columns: {', '.join(rows.missing)}.")
    if rows.extra:
        words.append(f"Columns that are not expected: {', '.join(rows.extra)}.")
    if rows.reordered:
        words.append("They are the right rows in another order.")
    return tag("p", escaped(" ".join(words)))


_SIGNS = {"same": "", "changed": "differs", "extra": "extra", "missing": "missing"}
_ROWS = {"same": "", "changed": "altered", "extra": "extra", "missing": "missing"}


def diff(rows: RowDiff, problem: DslProblem) -> str:
    """Rows that were given beside the expected ones."""
    marks = dict.fromkeys(rows.columns, "") | dict.fromkeys(rows.missing, "missing")
    marks |= {name: "extra" for name in rows.extra if name in marks}
    kinds = [(name, f"{_kind(problem, name)} {mark}".strip()) for name, mark in marks.items()]
    names_ = "".join(tag("th", escaped(name), kind, scope="col") for name, kind in kinds)
    body = "".join(_diff_row(row, rows.columns, problem) for row in rows.rows)
    shown = rows_table(tag("th", "row", "n") + tag("th", "") + names_, body, "Rows beside the expected ones")
    more = tag("p", f"{rows.left_out:,} further rows are not shown.", "note") if rows.left_out else ""
    legend = ""
    if any(row.kind == "changed" for row in rows.rows):
        both = tag("del", "given") + " " + tag("ins", "expected")
        legend = tag("p", f"In rows that differ: {both}", "note")
    return shown + legend + more


def _diff_row(row: DiffRow, columns: Sequence[str], problem: DslProblem) -> str:
    start = tag("td", str(row.number), "n number-of") + tag("td", _SIGNS[row.kind], "sign-of")
    if row.kind != "changed":
        return tag("tr", start + _cells(problem, columns, row.given or row.wanted), _ROWS[row.kind])
    cells = []
    for name, given, wanted, wrong in zip(columns, row.given, row.wanted, row.wrong, strict=True):
        both = "".join(tag(kind, escaped(text)) for kind, text in (("del", given), ("ins", wanted)) if text)
        cells.append(tag("td", both if wrong else escaped(given), _kind(problem, name)))
    return tag("tr", start + "".join(cells), "altered")


def log(game: Game) -> str:
    """All acts, the newest first."""
    title = tag("h3", "What you did")
    if not game.moves:
        return page(title, tag("p", "Your turns will stand here, the newest first.", "note"))
    grammar = _grammar(game.problem)
    before = game.problem.buggy_code
    items = []
    for move in game.moves:
        inner = _program(move, before, grammar) + answered(move, game)
        item = folded(f"Turn {move.turn} \u2013 {move_title(move, game.aided)}", inner)
        items.append(tag("li", item, f"call {move.tool}"))
        before = before if move.code is None else move.code
    return page(title, tag("ol", "".join(reversed(items)), "log"))


def _program(move: Move, before: str, grammar: Grammar) -> str:
    """The program of a move, with what it changes in the one before."""
    if move.code is None:
        return ""
    if move.code == before:
        return tag("p", "The program is the same as before.", "note")
    return tag("p", "What changed in the program:", "note") + changed(before, move.code, grammar)
