"""The tab Watch: who may play, how far the one who plays has come, and every turn so far."""

from collections.abc import Mapping, Sequence

from dsl_debug.problem import DslProblem
from dsl_debug.replay.markup import escaped, tag
from dsl_debug.replay.outcome import verdict_of
from dsl_debug.replay.parts import Step, trace_parts, turn_steps
from dsl_debug.results.rows import public_name
from space.handlers.outbound import MAX_ADDRESS
from space.handlers.watch_frames import FAILED, OVER, STOPPED, THINKING, WAITING, Frame, begun
from space.library import Trace
from space.views.common import empty, link, notice, page, pips, verdict

MOST_CALLS = 12
"""Calls of a turn that are drawn."""

PACES = {"0": "as fast as it plays", "1": "a turn a second", "3": "slowly"}
"""Seconds from one turn to the next, and in words."""

PREFIX = "watch-"
"""Of the ids of turns, since other tabs show turns, too."""


# Who plays


def form(
    agents: Sequence[tuple[str, str]],
    models: Mapping[str, tuple[str, str]],
    chosen: str,
    public: bool,
    limits: tuple[int, int],
) -> str:
    """The form, a template without values: agents and models to choose from, and what a model needs.

    `limits`: characters of a model's name and of a key.
    """
    players = [*((name, name, words) for name, words in agents), *((k, *v) for k, v in models.items())]
    cards = "".join(_player(name, label, words, name == chosen) for name, label, words in players)
    parts = [
        tag("fieldset", tag("legend", "Who plays") + tag("div", cards, "players")),
        _fields(public, *limits),
        tag("div", _pace() + _buttons(), "start"),
    ]
    return page(tag("form", "".join(parts), "watch-form", novalidate="novalidate", autocomplete="off"))


def _player(name: str, label: str, words: str, chosen: bool) -> str:
    checked = {"checked": "checked"} if chosen else {}
    button = _input("player", "radio", value=name, **checked)
    return tag("label", button + tag("span", tag("b", escaped(label)) + escaped(words)), "player")


def _fields(public: bool, max_name: int, max_key: int) -> str:
    """What is asked for a model only."""
    where = "https://api.example.com/v1" if public else "http://127.0.0.1:8000/v1"
    reach = "Only public https addresses can be reached from here." if public else ""
    address = _input("address", "url", placeholder=where, maxlength=str(MAX_ADDRESS))
    model = _input("model", "text", placeholder="Qwen/Qwen3-8B", maxlength=str(max_name))
    key = _input("key", "password", maxlength=str(max_key), autocomplete="new-password")
    promise = "Your key goes to this address for this one episode. It is not stored, logged or shown."
    parts = [
        _field("Address", address, reach, "for-endpoint"),
        _field("Model", model, ""),
        _field("Key or token", key, promise),
    ]
    return tag("div", "".join(parts), "model-fields", hidden="hidden")


def _field(label: str, control: str, hint: str, kind: str = "") -> str:
    words = tag("small", escaped(hint)) if hint else ""
    return tag("label", tag("b", label) + control + words, f"field {kind}".strip())


def _pace() -> str:
    options = "".join(
        tag("option", words, value=value, **({"selected": "selected"} if value == "1" else {}))
        for value, words in PACES.items()
    )
    return tag("label", tag("b", "Pace") + f'<select name="pace">{options}</select>', "pace")


def _buttons() -> str:
    go = tag("button", "Watch", "go", type="submit")
    return go + tag("button", "Stop", "halt", type="button", hidden="hidden")


def _input(field: str, kind: str, **attributes: str) -> str:
    """A control of the form. (`tag` has an argument `name` of its own.)"""
    given = {"name": field, "type": kind, "spellcheck": "false", "autocomplete": "off", **attributes}
    written = "".join(f' {key}="{escaped(value)}"' for key, value in given.items())
    return f"<input{written}>"


# The episode


def problem(shown: DslProblem | None) -> str:
    """What the one who plays is shown."""
    if shown is None:
        return page(empty("No problem of this kind", "Choose another category or difficulty."))
    parts = trace_parts(begun(shown), shown, prefix=PREFIX, with_fix=False)
    return page(parts.problem, kind="watched-problem")


def status(frame: Frame | None, budget: int) -> str:
    """A line: who plays, how it goes, and how many turns it took so far."""
    if frame is None:
        return page(kind="watch-status idle")
    who = tag("b", escaped(public_name(str(frame.trace["policy"]))))
    words = tag("span", f"{frame.turns} of {budget} turns", "count")
    parts = [who, _state(frame), pips(frame.turns, budget), words]
    return page(*parts, kind=f"watch-status {frame.state}")


def failed() -> str:
    """The line after something that nobody foresaw."""
    return page(notice("The episode could not be played: please try again.", "bad", role="alert"))


def _state(frame: Frame) -> str:
    if frame.state == OVER:
        kind, name = verdict_of(frame.trace)
        return verdict(name, kind)
    kinds = {THINKING: ("thinking", "busy"), WAITING: ("waiting", "busy")}
    kinds |= {STOPPED: ("stopped", "unknown"), FAILED: ("could not go on", "bad")}
    return verdict(*kinds[frame.state])


def turns(frame: Frame | None, problem: DslProblem | None, compare: Sequence[str] = ()) -> str:
    """Every turn so far, then what is to come or what came of it. `compare`: keys of other traces."""
    if frame is None or problem is None:
        words = "Choose who plays and press Watch: every turn appears here as it is played."
        return page(empty("Nobody plays yet", words))
    steps = _steps(frame.trace, problem) if frame.turns else ()
    return page(*(step.html for step in steps), *_ending(frame, problem, compare), kind="watched")


def _steps(trace: Trace, problem: DslProblem) -> tuple[Step, ...]:
    if "failure" in trace:  # it is over, and its outcome is known
        return trace_parts(trace, problem, prefix=PREFIX, most_calls=MOST_CALLS).steps
    return turn_steps(trace, problem, prefix=PREFIX, most_calls=MOST_CALLS)


def _ending(frame: Frame, problem: DslProblem, compare: Sequence[str]) -> list[str]:
    if frame.runs:
        title = f"Turn {frame.turns + 1}" if frame.state == THINKING else "In the queue"
        words = frame.words or "Thinking ..."
        return [tag("div", tag("b", title) + tag("span", escaped(words)), "card to-come", role="status")]
    said = [notice(frame.words, "bad" if frame.state == FAILED else "warn")] if frame.words else []
    return [*said, tag("p", _links(problem, compare), "links onward")]


def _links(problem: DslProblem, compare: Sequence[str]) -> str:
    links = [link("Play it yourself", problem=problem.id)]
    if len(compare) > 1:
        links.append(link("Compare policies on it", compare=",".join(compare[:2])))
    return "".join(links)
