"""The tab Arena: buggy Python functions to repair."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import gradio as gr

from dsl_debug.problem import DIFFICULTIES
from space.handlers import arena as rules
from space.handlers.arena import ANY, Arena, Round
from space.ui.base import PRIVATE, App
from space.ui.editor import editor
from space.views import arena as views
from space.views.common import plain_name

SHORTCUTS = {"run": "arena-run", "submit": "arena-submit"}
SHORTCUT_WORDS = "Ctrl + Enter runs the tests, Ctrl + Shift + Enter submits (⌘ on a Mac)."

# What takes a place in the sandbox; more wait in the queue of the app. A click between an answer and the end
# of its event would be lost with the other mode; rounds themselves keep two clicks apart.
RUNNING: dict[str, Any] = PRIVATE | {
    "concurrency_limit": 6,
    "concurrency_id": "arena",
    "trigger_mode": "multiple",
}

# The address follows the bug that the editor holds.
ADDRESS = '(value) => { if (value && value.key) window.dslAddress("arena", "bug", value.key); }'

FAILED = "That did not work: please try again."

Shown = tuple[Any, ...]


def build(app: App) -> None:
    """Fill the tab."""
    arena = rules.open_arena(app.library.arena)
    game = gr.State(None)
    with gr.Row(elem_classes="choices"):
        category = gr.Dropdown(_choices(rules.categories(arena.problems)), value=ANY, label="Category")
        difficulty = gr.Dropdown(_choices(DIFFICULTIES), value=ANY, label="Difficulty")
        following = gr.Button("Next bug", elem_id="arena-next")
        surprise = gr.Button("Surprise me", elem_id="arena-surprise")
    task = gr.HTML(views.waiting(), elem_id="arena-task")
    with gr.Row(elem_classes="two-columns"):
        with gr.Column():
            code = editor("arena-code", shortcuts=SHORTCUTS, label="Function")
            with gr.Row(elem_classes="acts"):
                run = gr.Button("Run tests", variant="primary", elem_id="arena-run", interactive=False)
                submit = gr.Button("Submit", elem_id="arena-submit", interactive=False)
                hint = gr.Button("Hint (1 attempt)", elem_id="arena-hint", interactive=False)
            gr.HTML(views.shortcuts(SHORTCUT_WORDS))
            answer = gr.HTML(elem_id="arena-answer")
        with gr.Column():
            tests = gr.HTML(elem_id="arena-tests")
    outputs = [game, task, answer, tests, code, run, submit, hint]

    app.demo.load(_opened(arena), None, outputs, **PRIVATE).then(None, code, None, js=ADDRESS, **PRIVATE)
    for button, inputs in ((following, [game, category, difficulty]), (surprise, [game])):
        new = button.click(_next(arena), inputs, outputs, **PRIVATE)
        new.then(None, code, None, js=ADDRESS, **PRIVATE)
    for button, tool in ((run, "run_tests"), (submit, "submit")):
        acted = button.click(_act(arena, tool), [game, code], outputs, **RUNNING)
        # Without the queue, which may be what is full.
        acted.failure(_given_up(arena), game, outputs, queue=False, **PRIVATE)
    hint.click(_hint(arena), game, outputs, **PRIVATE)


def _choices(names: Sequence[str]) -> list[tuple[str, str]]:
    return [("Any", ANY), *((plain_name(name), name) for name in names)]


def _shown(game: Round | None, board: views.Board) -> Shown:
    """The outputs, in their order."""
    text = gr.skip() if board.editor is None else board.editor
    buttons = [gr.Button(interactive=can) for can in (board.can_act, board.can_act, board.can_hint)]
    return (game, board.task, board.answer, board.tests, text, *buttons)


def _opened(arena: Arena) -> Any:
    def opened(request: gr.Request) -> Shown:
        game, remark = rules.open_by(arena, request.query_params.get("bug"), Random())
        return _shown(game, views.board(arena, game, remark=remark, fresh=True))

    return opened


def _next(arena: Arena) -> Any:
    def following(game: Round | None, category: object = ANY, difficulty: object = ANY) -> Shown:
        found, remark = rules.following(arena, game, category, difficulty, Random())
        return _shown(found, views.board(arena, found, remark=remark, fresh=found is not game))

    return following


def _act(arena: Arena, tool: str) -> Any:
    def act(game: Round | None, value: object) -> Iterator[Shown]:
        still = [gr.Button(interactive=False)] * 3
        yield (game, gr.skip(), views.running(tool), gr.skip(), gr.skip(), *still)
        refusal = rules.act(arena, game, tool, value)
        yield _shown(game, views.board(arena, game, refusal=refusal))

    return act


def _hint(arena: Arena) -> Any:
    def hint(game: Round | None) -> Shown:
        refusal = rules.act(arena, game, "hint", None)
        return _shown(game, views.board(arena, game, refusal=refusal))

    return hint


def _given_up(arena: Arena) -> Any:
    """After an event that failed: what may be pressed can be pressed again."""

    def given_up(game: Round | None) -> Shown:
        return _shown(game, views.board(arena, game, refusal=FAILED))

    return given_up
