"""The tab Compare: a problem, who is compared, and their episodes beside one another."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from space.handlers import compare as rules
from space.handlers.replay import Unknown, step_of
from space.ui.base import PRIVATE, App
from space.ui.replay import SLOW
from space.ui.theme import asset
from space.views import replay as views


def build(app: App) -> None:
    """Fill the tab."""
    library = app.library
    problems = rules.problems(library)
    first = problems[0][1] if problems else None
    with gr.Row(elem_classes="choices"):
        problem = gr.Dropdown(problems, value=first, label="Problem")
    who = gr.CheckboxGroup(rules.contestants(library, first), label="Who (two to four)")
    shown = gr.HTML(views.nothing_to_compare(rules.example(library)), js_on_load=asset("steps.js"))

    def choose_problem(problem_id: str, games: Any) -> tuple[Any, str]:
        to_play = rules.unplayed(library, problem_id, games)
        return _who(app, problem_id, []), views.nothing_to_compare(problem_id=to_play)

    def compare(problem_id: str, keys: Sequence[str], games: Any) -> str:
        return _comparison(app, problem_id, keys, games)

    def open_address(games: Any, request: gr.Request) -> tuple[Any, Any, Any]:
        address = request.query_params.get("compare")
        if not address:
            return gr.skip(), gr.skip(), gr.skip()
        try:
            problem_id, keys = rules.asked(library, address, games)
        except Unknown as error:
            return gr.skip(), gr.skip(), views.refused(str(error))
        page = _comparison(app, problem_id, keys, games, request.query_params.get("step"))
        return gr.Dropdown(value=problem_id), _who(app, problem_id, keys), page

    problem.input(choose_problem, [problem, app.games], [who, shown], **PRIVATE)
    who.input(compare, [problem, who, app.games], shown, **SLOW)
    app.demo.load(open_address, app.games, [problem, who, shown], **PRIVATE)


def _who(app: App, problem_id: str, keys: Sequence[str]) -> Any:
    found = rules.contestants(app.library, problem_id)
    known = [key for _, key in found]
    return gr.CheckboxGroup(choices=found, value=[key for key in keys if key in known])


def _comparison(app: App, problem_id: str, keys: Sequence[str], games: Any, step: object = None) -> str:
    try:
        return views.comparison(rules.compare(app.library, problem_id, keys, games), step_of(step))
    except Unknown as error:
        return views.refused(str(error))
