"""The tab Watch: a policy plays live.

A visitor's key comes with the event that begins an episode, and not as the value of a component: Gradio keeps
those for as long as a page is open. What this does not guard: Gradio holds the last event of its queue in
memory until the next one comes.
"""

import secrets
from collections.abc import Iterator, Sequence
from random import Random
from threading import Event
from typing import Any

import gradio as gr

from dsl_debug.episode.prompts import MAX_TURNS
from dsl_debug.problem import CATEGORIES, DIFFICULTIES, DslProblem
from space.handlers import watch
from space.handlers.outbound import is_public
from space.handlers.watch_frames import Frame
from space.ui.base import PRIVATE, App
from space.ui.theme import asset
from space.views import watch as view
from space.views.common import plain_name

EPISODES_AT_ONCE = 10
"""Episodes that are watched at a time, those that wait for a place included; others wait in the queue."""

CHOICES = 4
"""Components that choose a problem; they rest while somebody plays."""


def build(app: App) -> None:
    """Fill the tab."""
    library = app.library
    first = next(iter(library.problems.values()), None)
    with gr.Row(elem_id="watch-choice", elem_classes="choices"):
        category = gr.Dropdown(_kinds("any category", CATEGORIES), value="", label="Category", min_width=140)
        difficulty = gr.Dropdown(
            _kinds("any difficulty", DIFFICULTIES), value="", label="Difficulty", min_width=140
        )
        chosen = gr.Dropdown(
            watch.choices(library),
            value=first.id if first else None,
            label="Problem",
            scale=4,
            min_width=280,
            elem_id="watch-problem",
        )
        surprise = gr.Button("Surprise me", min_width=140, elem_id="watch-surprise")
    form = gr.HTML(
        {"running": False},
        html_template=view.form(
            watch.agents(), watch.MODELS, watch.FIRST_CHOICE, is_public(), (watch.MAX_NAME, watch.MAX_KEY)
        ),
        js_on_load=asset("watch.js"),
        elem_id="watch-form",
    )
    status = gr.HTML(view.status(None, MAX_TURNS), elem_id="watch-status")
    with gr.Row(elem_id="watch-stage"):
        with gr.Column(scale=5, min_width=320):
            problem = gr.HTML(view.problem(first), elem_id="watch-shown")
        with gr.Column(scale=7, min_width=320):
            turns = gr.HTML(view.turns(None, first), elem_id="watch-turns")
    stopper = gr.State(None)
    watched = [stopper, category, difficulty, chosen, surprise, form, status, turns]
    nothing_new = [gr.skip()] * len(watched)

    def problem_of(value: object) -> DslProblem | None:
        return library.problems.get(value) if isinstance(value, str) else None

    def listed(category: str, difficulty: str) -> Any:
        found = watch.choices(library, category, difficulty)
        return gr.update(choices=found, value=found[0][1] if found else None)

    def other(category: str, difficulty: str, now: object) -> str | None:
        return watch.surprise(library, category, difficulty, now, Random(secrets.randbits(64)))

    def look(value: object) -> tuple[str, str, str]:
        shown = problem_of(value)
        return view.problem(shown), view.status(None, MAX_TURNS), view.turns(None, shown)

    def start(event: gr.EventData, value: object) -> Iterator[Any]:
        shown, stop, last = problem_of(value), Event(), None
        if shown is None:
            yield [None, *_frame(None, None)]
            return
        played = library.traces_of(shown.id)
        for frame in watch.watch(watch.wish(event._data), shown, secrets.randbelow(2**31), stop):
            yield nothing_new if frame is last else [stop, *_frame(frame, shown, played)]
            last = frame

    def halt(stop: Event | None) -> None:
        if stop:
            stop.set()

    for kind in (category, difficulty):
        kind.input(listed, [category, difficulty], chosen, **PRIVATE)
    surprise.click(other, [category, difficulty, chosen], chosen, **PRIVATE)
    chosen.change(look, chosen, [problem, status, turns], **PRIVATE)
    started = form.start(
        start,
        chosen,
        watched,
        concurrency_limit=EPISODES_AT_ONCE,
        trigger_mode="once",
        **PRIVATE,
    )
    # Without the queue, which may be what is full.
    at_rest = [category, difficulty, chosen, surprise, form, status]
    started.failure(_given_up, None, at_rest, queue=False, **PRIVATE)
    form.stop(halt, stopper, None, queue=False, **PRIVATE)


def _kinds(every: str, kinds: Sequence[str]) -> list[tuple[str, str]]:
    return [(every, ""), *((plain_name(kind), kind) for kind in kinds)]


def _given_up() -> list[Any]:
    """After an event that failed: the form is free again."""
    rest = [gr.update(interactive=True)] * CHOICES
    return [*rest, {"running": False, "turns": 0}, view.failed()]


def _frame(frame: Frame | None, problem: DslProblem | None, played: Sequence[str] = ()) -> list[Any]:
    """A frame for the components: those that choose, the form, the line and the turns."""
    running = frame is not None and frame.runs
    rest = [gr.update(interactive=not running)] * CHOICES
    form = {"running": running, "turns": frame.turns if frame else 0}
    return [*rest, form, view.status(frame, MAX_TURNS), view.turns(frame, problem, played)]
