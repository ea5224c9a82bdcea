"""The tab Replay: filters, the list of episodes, and the one to step through."""

from typing import Any

import gradio as gr

from space.handlers import replay as rules
from space.ui.base import PRIVATE, App
from space.ui.theme import asset
from space.views import replay as views

LABELS = {"environment": "Kind", "policy": "Policy", "category": "Category", "outcome": "Outcome"}

# A large episode takes a moment, and so does playing a visitor's own game again.
SLOW = {**PRIVATE, "show_progress": "minimal"}

# A plain click on a row chooses its episode here; any other click on its link opens it as links do.
CHOOSE = """
element.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-key]");
  if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  element.querySelectorAll("tr[aria-current]").forEach((other) => other.removeAttribute("aria-current"));
  row.setAttribute("aria-current", "true");
  trigger("choose", { key: row.dataset.key });
});
"""


def build(app: App) -> None:
    """Fill the tab."""
    library = app.library
    everything = rules.choices(library, rules.Filter())

    def page_of(posted: Any) -> dict[str, str]:
        return rules.page_of(library, posted)

    with gr.Row(elem_classes="choices"):
        facets = [
            gr.Dropdown(everything[name], value="", label=LABELS[name], filterable=False)
            for name in rules.FACETS
        ]
    found = gr.HTML(_listing(app, rules.Filter()), js_on_load=CHOOSE)
    shown = gr.HTML(
        views.nothing_yet(next(iter(library.traces), "")),
        js_on_load=asset("steps.js"),
        server_functions=[page_of],
    )

    def filter_list(*values: str) -> list[Any]:
        wanted = rules.wanted(values)
        updates = rules.choices(library, wanted)
        return [*(gr.Dropdown(choices=updates[name]) for name in rules.FACETS), _listing(app, wanted)]

    def choose(event: gr.EventData) -> str:
        return _episode(app, getattr(event, "key", None), arrives=True)

    def open_address(request: gr.Request) -> tuple[Any, Any]:
        key = request.query_params.get("trace")
        if not key:
            return gr.skip(), gr.skip()
        return _listing(app, rules.Filter(), is_open=False), _episode(
            app, key, request.query_params.get("step")
        )

    for facet in facets:
        facet.input(filter_list, facets, [*facets, found], **PRIVATE)
    found.choose(choose, None, shown, **SLOW)
    app.demo.load(open_address, None, [found, shown], **PRIVATE)


def _listing(app: App, wanted: rules.Filter, *, is_open: bool = True) -> str:
    rows = rules.listed(app.library, rules.filtered(app.library, wanted))
    return views.listing(rows, rules.loosened(app.library, wanted), is_open=is_open)


def _episode(app: App, key: object, step: object = None, *, arrives: bool = False) -> str:
    try:
        shown = rules.episode(app.library, key)
    except rules.Unknown as error:
        return views.refused(str(error))
    return views.episode(shown, rules.step_of(step), arrives=arrives)
