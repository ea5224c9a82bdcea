"""The tab Play: a visitor debugs a program, with the tools and the turns that an agent has."""

from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import gradio as gr

from dsl_debug.visitors import Refused
from space.handlers import play as rules
from space.handlers.history import added, checked, record
from space.handlers.play import Game
from space.library import Library
from space.ui.base import PRIVATE, App
from space.ui.editor import editor
from space.ui.theme import asset
from space.views import play as views
from space.views.common import CATEGORIES, DIFFICULTIES, notice, page
from space.views.ending import history

ANY = "any"

GONE = "This game is not there any more. Choose a problem to begin another one."
UNKNOWN = "There is no such problem here: this is another one."

CHANGED = (
    *("editor", "head", "answer", "goal", "tables", "flow", "log", "card", "past"),
    *("names", "topics", "run", "inspect", "docs", "hint", "submit"),
)
"""The components that acts change, in the order in which `_shown` gives them."""

NOT_YET: dict[str, Any] = {"interactive": False}
"""Tools wait for a game."""

BUSY = "(...given) => { document.getElementById('play-page')?.classList.add('busy'); return given; }"
READY = "() => { document.getElementById('play-page')?.classList.remove('busy'); }"
"""While a move is on its way, `play.js` lets no other button be pressed."""

PICK = """
element.addEventListener("click", (event) => {
  const step = event.target.closest("button.step");
  if (step) trigger("select", { node: step.dataset.node, stages: Number(step.dataset.stages) });
});
"""

KEYS = (
    "<p class='note keys'><kbd>Ctrl</kbd> or <kbd>\u2318</kbd> with <kbd>Enter</kbd> runs the program, with "
    "<kbd>Shift</kbd> as well it submits. <kbd>Esc</kbd>, then <kbd>Tab</kbd> leaves the editor.</p>"
)


def build(app: App) -> None:
    """Fill the tab."""
    library = app.library
    game = gr.State(None)
    with gr.Column(elem_id="play-page"):
        part = _parts(library)
    shown = [game, app.games, *(part[name] for name in CHANGED)]
    given = [game, part["editor"], app.games]

    def on(event: Callable[..., Any], handler: Callable[..., list[Any]], inputs: list[Any]) -> None:
        done = event(handler, inputs, shown, js=BUSY, **PRIVATE)
        done.then(None, None, None, js=READY, **PRIVATE)

    def opened(games: object, request: gr.Request) -> list[Any]:
        return _opened(library, games, request.query_params.get("problem", ""))

    def chosen(game: Any, games: object, category: str, difficulty: str, plain: bool) -> list[Any]:
        return _chosen(library, game, games, category, difficulty, not plain)

    def surprise(game: Any, games: object, plain: bool) -> list[Any]:
        return _chosen(library, game, games, ANY, ANY, not plain)

    def again(game: Any, games: object) -> list[Any]:
        return _again(library, game, games)

    def looked(game: Any, document: object, games: object, event: gr.EventData) -> list[Any]:
        step = event._data if isinstance(event._data, dict) else {}
        node, stages = step.get("node", ""), step.get("stages")
        return _moved(library, game, document, games, lambda g, code: rules.inspect(g, code, node, stages))

    def act(do: Callable[..., object]) -> Callable[..., list[Any]]:
        """The handler of a click that is a move: `do(game, code, *values of further inputs)`."""

        def moved(game: Any, document: object, games: object, *more: Any) -> list[Any]:
            return _moved(library, game, document, games, lambda g, code: do(g, code, *more))

        return moved

    plain = part["plain"]
    app.demo.load(opened, [app.games], shown, **PRIVATE)
    on(part["new"].click, chosen, [game, app.games, part["category"], part["difficulty"], plain])
    on(part["surprise"].click, surprise, [game, app.games, plain])
    on(part["again"].click, again, [game, app.games])
    on(part["run"].click, act(rules.run), given)
    on(part["sure"].click, act(rules.submit), given)
    on(part["hint"].click, act(lambda game, code: rules.hint(game)), given)
    on(part["inspect"].click, act(rules.inspect), [*given, part["names"]])
    on(part["docs"].click, act(lambda game, code, topic: rules.docs(game, topic)), [*given, part["topics"]])
    on(part["flow"].select, looked, given)
    part["editor"].edit(
        _typed, given[:2], [part["flow"], part["names"]], trigger_mode="always_last", **PRIVATE
    )
    part["forget"].click(lambda: ([], history([], library)), None, [app.games, part["past"]], **PRIVATE)


# Components


def _parts(library: Library) -> dict[str, Any]:
    """All components in their places, by name."""
    part: dict[str, Any] = {}
    with gr.Row(elem_id="play-choice", elem_classes="choices"):
        part["category"] = _choice("Category", {ANY: "Any category", **CATEGORIES})
        part["difficulty"] = _choice("Difficulty", {ANY: "Any difficulty", **DIFFICULTIES})
        part["new"] = _button("New problem", "play-new")
        part["surprise"] = _button("Surprise me", "play-surprise")
        words = "Next one as a model plays: no help"
        part["plain"] = gr.Checkbox(label=words, container=False, elem_id="play-plain")
    part["head"] = _html("play-head", script=asset("play.js"))
    with gr.Row(elem_id="play-board", elem_classes="two-columns"):
        with gr.Column(min_width=300):
            part["editor"] = editor("play-editor", _checker(library))
            part |= _acts()
            part["card"] = _html("play-card")
            part["answer"] = _html("play-answer", page(notice("A problem is on its way.")))
        with gr.Column(min_width=300):
            part["goal"] = _html("play-goal")
            part["tables"] = _html("play-tables")
    part["flow"] = _html("play-flow", script=PICK)
    with gr.Row(elem_id="play-past", elem_classes="two-columns"):
        with gr.Column(min_width=300):
            part["log"] = _html("play-log")
        with gr.Column(min_width=300):
            part["past"] = _html("play-history")
            part["forget"] = _button("Forget my games", "play-forget", size="sm")
    return part


def _acts() -> dict[str, Any]:
    """The tools below the editor, and what is asked before something is lost."""
    with gr.Row(elem_id="play-acts", elem_classes="acts"):
        run = _button("Run", "play-run", variant="primary", **NOT_YET)
        submit = _button("Submit", "play-submit", **NOT_YET)
        hint = _button("Hint", "play-hint", **NOT_YET)
        _button("Start over", "play-restart")
    with gr.Row(elem_id="play-ask-submit"):
        _html("play-question", page("<p><b>Submit this program?</b> It ends the game.</p>"))
        sure = _button("Yes, submit", "play-sure", variant="primary")
        _button("Not yet", "play-not-yet")
    with gr.Row(elem_id="play-ask-again"):
        _html(
            "play-question-again", page("<p><b>Start over?</b> Your turns and your program are dropped.</p>")
        )
        again = _button("Yes, start over", "play-again", variant="primary")
        _button("Keep on", "play-keep-on")
    with gr.Row(elem_id="play-looks"):
        names = _open_choice("Inspect a table")
        inspect = _button("Inspect", "play-inspect", **NOT_YET)
        topics = _open_choice("Read about a topic")
        docs = _button("Docs", "play-docs", **NOT_YET)
    _html("play-keys", page(KEYS))
    acts = {"run": run, "submit": submit, "hint": hint, "sure": sure, "again": again}
    return {**acts, "names": names, "inspect": inspect, "topics": topics, "docs": docs}


def _html(elem_id: str, value: str = "", script: str | None = None) -> gr.HTML:
    return gr.HTML(value, elem_id=elem_id, js_on_load=script)


def _button(words: str, elem_id: str, **more: Any) -> gr.Button:
    return gr.Button(words, elem_id=elem_id, min_width=90, **more)


def _choice(label: str, names: dict[str, str]) -> gr.Dropdown:
    choices = [(words, name) for name, words in names.items()]
    return gr.Dropdown(choices, value=ANY, label=label, container=False, min_width=130)


def _open_choice(label: str) -> gr.Dropdown:
    """A choice that a game fills; other words are taken, too, and the tools say what is wrong with them."""
    return gr.Dropdown([], label=label, allow_custom_value=True, container=False, min_width=120)


# Handlers


def _checker(library: Library) -> Callable[[object], list[dict[str, Any]]]:
    """What the editor asks while one types; anybody may post anything there."""

    def check(asked: object) -> list[dict[str, Any]]:
        key, code = (asked.get("key"), asked.get("code")) if isinstance(asked, dict) else (None, None)
        problem = library.problems.get(key) if isinstance(key, str) else None
        return rules.diagnostics(problem, code) if problem else []

    return check


def _typed(game: Game | None, document: object) -> list[Any]:
    """The picture follows what is typed."""
    if game is None:
        return [gr.skip(), gr.skip()]
    code = _code(document)
    return [views.flow(game, code), gr.Dropdown(rules.names(game, code))]


def _opened(library: Library, games: object, wanted: str) -> list[Any]:
    """The page is opened, perhaps by a link to a problem. The dataset may have none."""
    problem = library.problems.get(wanted)
    try:
        problem = problem or rules.pick(library, None, None, _played(games, None), Random())
    except Refused as refused:
        return _refused(str(refused))
    note = UNKNOWN if wanted and problem.id != wanted else ""
    return _shown(library, rules.begin(problem), problem.buggy_code, games, note, is_new=True)


def _chosen(
    library: Library, game: Game | None, games: object, category: str, difficulty: str, aided: bool
) -> list[Any]:
    """A problem of a category and a difficulty."""
    wanted = [None if name == ANY else name for name in (category, difficulty)]
    try:
        problem = rules.pick(library, wanted[0], wanted[1], _played(games, game), Random())
    except Refused as refused:
        return _refused(str(refused))
    return _shown(library, rules.begin(problem, aided), problem.buggy_code, games, is_new=True)


def _again(library: Library, game: Game | None, games: object) -> list[Any]:
    """The same problem from its start."""
    if game is None:
        return _refused(GONE)
    fresh = rules.begin(game.problem, game.aided)
    return _shown(library, fresh, fresh.code, games, is_new=True)


def _moved(
    library: Library,
    game: Game | None,
    document: object,
    games: object,
    do: Callable[[Game, Any], object],
) -> list[Any]:
    """A move, or the reason why it is none."""
    if game is None:
        return _refused(GONE)
    code, was_over, note = _code(document), game.env.done, ""
    try:
        do(game, code)
    except Refused as refused:
        note = str(refused)
    ended = game.env.done and not was_over
    return _shown(library, game, code, added(games, record(game)) if ended else games, note, ended=ended)


def _code(document: object) -> Any:
    """What the editor holds; the rules of the game say whether it is a program."""
    return document.get("code") if isinstance(document, dict) else None


def _played(games: object, game: Game | None) -> list[str]:
    """The problems that a visitor had, the latest one first."""
    now = [] if game is None else [game.problem.id]
    return [*now, *(one["problem"] for one in checked(games))]


def _refused(words: str) -> list[Any]:
    """A line for the visitor, and nothing else."""
    return [gr.skip(), gr.skip(), *_in_order({"answer": page(notice(words, "bad", role="alert"))})]


def _shown(
    library: Library,
    game: Game,
    code: Any,
    games: object,
    note: str = "",
    *,
    is_new: bool = False,
    ended: bool = False,
) -> list[Any]:
    """The game, the records of the browser, and the components of `CHANGED`. What is typed while a move is
    on its way stays: the editor changes only with a new game and at the end of one."""
    view = views.board(game, code, library, note)
    changes: dict[str, Any] = {
        **{name: getattr(view, name) for name in ("head", "answer", "flow", "log", "card")},
        **{name: gr.Button(interactive=not view.locked) for name in ("run", "inspect", "docs", "submit")},
        "hint": gr.Button(view.hint, interactive=view.may_hint),
        "names": gr.Dropdown(view.names),
    }
    if is_new or ended:
        text = code if isinstance(code, str) else game.code
        changes |= {"editor": views.document(game, text), "past": history(games, library)}
    if is_new:
        topics = rules.topics(game.problem)
        changes |= {"goal": view.goal, "tables": view.tables, "topics": gr.Dropdown(topics, value=topics[0])}
        changes["names"] = gr.Dropdown(view.names, value=view.names[0])
    return [game, games if ended else gr.skip(), *_in_order(changes)]


def _in_order(changes: dict[str, Any]) -> Iterable[Any]:
    return [changes.get(name, gr.skip()) for name in CHANGED]
