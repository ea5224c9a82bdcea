"""What the arena shows: the task, the tests, what came of an attempt, and what came of it all."""

from dataclasses import dataclass
from typing import Any

from dsl_debug.episode.python_prompts import call_text, expectation_text
from dsl_debug.problem import PythonProblem
from dsl_debug.replay.markup import escaped, facts, folded, plain, program, said, tag
from dsl_debug.replay.outcome import MEANINGS, VERDICTS, bugs_list
from dsl_debug.replay.programs import changes, python_grammar
from dsl_debug.scoring import ArenaOutcome
from space.handlers.arena import Arena, Check, Move, Result, Round, result
from space.views.common import duration, empty, link, notice, page, pips, plain_name, verdict

GRAMMAR = python_grammar()

# Signal -> its name, and what it pays for.
SIGNALS = {
    "r1": (
        "Tests passed",
        "The share of all tests that pass, from 0 to 1, if one of them failed with the buggy function.",
    ),
    "r2": ("Full solve", "2 if every test passes, hidden ones included."),
    "r3": ("Form", "0.2 for Python that defines the function, -0.3 for anything else, 0 for the buggy one."),
    "r4": ("Tampering", "-1 for forbidden imports or reaching into the interpreter, in any attempt."),
}


@dataclass(frozen=True)
class Board:
    """All that the tab shows; `editor` is None where the editor keeps what the visitor has typed."""

    task: str
    answer: str
    tests: str
    editor: dict[str, Any] | None
    can_act: bool
    can_hint: bool


def board(
    arena: Arena, game: Round | None, *, remark: str = "", refusal: str = "", fresh: bool = False
) -> Board:
    """The tab for a round, or for none. `remark` is about the choice of the bug, `refusal` about an attempt;
    a `fresh` round brings its function into the editor, and one that is over closes it."""
    if game is None:
        nothing = page(empty("No bug here", remark or "This app came without functions to repair."))
        return Board(nothing, page(), page(), editor_value(None), False, False)
    over = game.env.done
    renewed = fresh or over
    return Board(
        task=page(_closed(arena), notice(remark, "warn") if remark else "", _task(game), kind="arena-top"),
        answer=page(notice(refusal, "bad") if refusal else "", _answer(arena, game), kind="arena-answer"),
        tests=page(_tests(game), _help(arena, game)),
        editor=editor_value(game, over or bool(arena.closed)) if renewed else None,
        can_act=not over and not arena.closed,
        can_hint=not arena.closed and game.env.turns_left > 1 and bool(game.problem.hint) and not game.hinted,
    )


def editor_value(game: Round | None, locked: bool = True) -> dict[str, Any]:
    """What the editor takes; without a round it is empty and closed."""
    return {
        "code": game.code if game else "",
        "key": game.problem.id if game else "",
        "words": sorted(GRAMMAR.words),
        "comment": "#",
        "long_texts": True,
        "pipe": "",
        "locked": locked,
    }


def shortcuts(words: str) -> str:
    """How the keyboard does it."""
    return page(tag("p", escaped(words), "note"))


def waiting() -> str:
    """What stands in place of the task until there is one."""
    return page(notice("A bug is on its way."))


def running(tool: str) -> str:
    """What stands in place of the answer until it is there."""
    words = "Running the visible tests …" if tool == "run_tests" else "Running all tests …"
    return page(tag("p", escaped(words), "arena-running", role="status"), kind="arena-answer")


# The task


def _closed(arena: Arena) -> str:
    if not arena.closed:
        return ""
    why = tag("ul", "".join(tag("li", escaped(line)) for line in arena.closed))
    words = (
        "Read only: functions of visitors run in a sandbox, and only where all that it takes is in force. "
        "Here they cannot. You can read the bugs, their tests, the hints and the fixes."
    )
    return tag("div", tag("p", escaped(words)) + why, "notice warn arena-closed")


def _task(game: Round) -> str:
    problem = game.problem
    title = tag("h2", tag("code", escaped(problem.function)))
    kinds = "".join(
        tag("span", escaped(plain_name(kind)), "chip") for kind in (problem.category, problem.difficulty)
    )
    side = tag("div", _attempts(game) + _copy(problem), "arena-side")
    head = tag("header", tag("div", title + kinds, "arena-title") + side)
    return tag("section", head + said(problem.description), "card arena-task")


def _attempts(game: Round) -> str:
    left = game.env.max_turns - game.env.turns
    words = f"{left} {'attempt' if left == 1 else 'attempts'} left"
    return tag("p", pips(game.env.turns, game.env.max_turns) + escaped(words), "left arena-left")


# Tests


def _tests(game: Round) -> str:
    """The visible tests; after a run each is marked."""
    last = _last_run(game)
    rows = "".join(_test(game.problem, place, last) for place in range(len(game.problem.tests)))
    head = tag("tr", tag("th", "Call") + tag("th", "Expected") + tag("th", "Last run"))
    table = tag("table", tag("thead", head) + tag("tbody", rows), "plain arena-tests")
    hidden = f"{len(game.problem.hidden_tests)} more tests are hidden: they decide in the end."
    inner = tag("h2", "Visible tests") + tag("div", table, "wide", tabindex="0") + tag("p", hidden, "note")
    return tag("section", inner, "card")


def _test(problem: PythonProblem, place: int, last: Move | None) -> str:
    test = problem.tests[place]
    mark = _mark(last.checks[place]) if last else tag("td", "not yet")
    texts = (call_text(problem.function, test), expectation_text(test))
    return tag("tr", "".join(tag("td", tag("code", escaped(text))) for text in texts) + mark)


def _mark(check: Check) -> str:
    return tag("td", "passes", "pass") if check.passed else tag("td", "fails", "fail")


def _last_run(game: Round) -> Move | None:
    return next((move for move in reversed(game.moves) if move.checks), None)


def _help(arena: Arena, game: Round) -> str:
    """The hint once it is paid for; hint and fix for everybody where nothing can run."""
    problem = game.problem
    if arena.closed:
        fix = program(changes(problem.buggy_code, problem.correct_code, GRAMMAR))
        hint = folded("Hint", said(problem.hint)) if problem.hint else ""
        return tag("section", hint + folded("The fix", bugs_list(problem.bugs) + fix), "card arena-help")
    if game.hinted:
        return tag("section", tag("h2", "Hint") + said(problem.hint), "card arena-help")
    return ""


# Answers


def _answer(arena: Arena, game: Round) -> str:
    found = result(game)
    last = _last_run(game)
    parts = [_result(game, found) if found else "", _report(last) if last else ""]
    if any(parts) or arena.closed:
        return "".join(parts)
    words = "Run the tests to see how it fails. Each run, the hint and the submission take an attempt."
    return empty("Nothing has run yet", words)


def _report(move: Move) -> str:
    """The visible tests of a run: how many pass, and each that fails."""
    total = len(move.checks)
    failing = [check for check in move.checks if not check.passed]
    head = tag(
        "p", f"{move.passed} of {total} visible tests pass.", f"answers {'wrong' if failing else 'right'}"
    )
    what = "Submission" if move.tool == "submit" else "Test run"
    title = tag("header", tag("h2", what) + tag("span", f"attempt {move.attempt}", "left"))
    items = "".join(tag("li", _failing(check), "arena-failing") for check in failing)
    return tag("section", title + head + (tag("ul", items) if items else ""), "card")


def _failing(check: Check) -> str:
    where = f" (line {check.line})" if check.line else ""
    came = ("gave", check.gave, "wrong") if check.gave else ("failed", check.error + where, "wrong")
    pairs = [("expected", check.expected, "right"), came]
    lines = "".join(
        tag("div", tag("dt", name) + tag("dd", tag("code", escaped(text)), kind))
        for name, text, kind in pairs
    )
    printed = folded("What it printed", plain(check.printed)) if check.printed else ""
    return tag("code", escaped(check.call), "arena-call") + tag("dl", lines, "arena-came") + printed


# The end


def _result(game: Round, found: Result) -> str:
    problem, outcome = game.problem, found.outcome
    kind, name = VERDICTS[found.failure]
    title = tag("h2", escaped(MEANINGS[found.failure])) + verdict(name, kind)
    parts = [
        tag("header", title),
        facts(_facts(game, found)),
        tag("h3", f"Reward {found.reward:.2f}"),
        tag("ul", "".join(_signal(key, found) for key in SIGNALS), "arena-signals"),
        tag("h3", "What was wrong"),
        bugs_list(problem.bugs),
        _fix(problem, outcome.submitted),
        _links(problem),
    ]
    return tag("section", "".join(parts), "card outcome arena-result")


def _facts(game: Round, found: Result) -> list[tuple[str, str]]:
    problem = game.problem
    pairs = [
        ("attempts", f"{found.attempts} of {game.env.max_turns}"),
        ("hint", "yes" if game.hinted else "no"),
        ("time", duration(found.seconds)),
    ]
    if found.outcome.submitted is not None:
        pairs[:0] = [
            ("visible tests", f"{found.visible} of {len(problem.tests)}"),
            ("hidden tests", f"{found.hidden} of {len(problem.hidden_tests)}"),
        ]
    return pairs


def _signal(key: str, found: Result) -> str:
    name, meaning = SIGNALS[key]
    points = found.signals[key]
    kind = "good" if points > 0 else "bad" if points < 0 else "unknown"
    head = tag("b", escaped(f"{name} ({key})")) + verdict(f"{points:+.2f}" if points else "0", kind)
    return tag("li", tag("p", head) + tag("p", escaped(meaning), "note") + _tampering(key, found.outcome))


def _tampering(key: str, outcome: ArenaOutcome) -> str:
    if key != "r4" or not outcome.tampering:
        return ""
    return tag("p", escaped("Found: " + ", ".join(outcome.tampering[:8])), "note")


def _fix(problem: PythonProblem, submitted: str | None) -> str:
    """The submission, or the buggy function, against the reference."""
    if submitted is not None and submitted.strip() == problem.correct_code.strip():
        return tag("h3", "Your fix is the reference's, letter by letter") + program(
            changes(problem.buggy_code, problem.correct_code, GRAMMAR)
        )
    whose = "Yours" if submitted is not None else "The buggy function"
    title = tag("h3", f"{whose} (-) against the reference (+)")
    before = problem.buggy_code if submitted is None else submitted
    return title + program(changes(before, problem.correct_code, GRAMMAR))


def _links(problem: PythonProblem) -> str:
    return tag("p", link("Play it again", bug=problem.id) + _copy(problem), "links")


def _copy(problem: PythonProblem) -> str:
    return tag("button", "Copy link", "quiet", type="button", **{"data-copy": f"?bug={problem.id}"})
