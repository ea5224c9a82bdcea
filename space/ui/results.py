"""The tab Results: which set of results to look at, and its tables and plots."""

from collections.abc import Iterator

import gradio as gr

from space import leaderboard
from space.ui.base import PRIVATE, App
from space.views import results as views

# A tab is put onto the page when it is opened: nothing is counted and drawn before. The address may name
# the set. Later on the heads of the leaderboard sort it, whatever set it shows.
OPENED = """
element.addEventListener("click", (event) => {
  const button = event.target.closest(".board thead button");
  if (!button) return;
  const head = button.closest("th");
  const body = head.closest("table").tBodies[0];
  const turn = head.getAttribute("aria-sort") === "descending" ? -1 : 1;
  const value = (row) => parseFloat(row.cells[head.cellIndex].textContent) || 0;
  for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", turn === 1 ? "descending" : "ascending");
  body.append(...[...body.rows].sort((a, b) => turn * (value(b) - value(a))));
});
trigger("opened", { set: new URLSearchParams(window.location.search).get("set") });
"""

TO_ADDRESS = "(name) => window.dslAddress('results', 'set', name)"


def build(app: App) -> None:
    """Fill the tab."""
    sets = leaderboard.result_sets(app.library)
    choices = [(one.label, name) for name, one in sets.items()]
    first = next(iter(sets), None)
    with gr.Row(elem_classes="choices", visible=len(sets) > 1):
        choice = gr.Dropdown(choices, value=first, label="Results on", elem_id="results-set")
    shown = gr.HTML(views.loading(), js_on_load=OPENED, elem_id="results-page")

    def opened(event: gr.EventData) -> Iterator[tuple[str | None, str]]:
        one = leaderboard.chosen(sets, leaderboard.asked_for(event._data))
        for html in views.pages(one):
            yield one.name if one else None, html

    def show(name: str | None) -> Iterator[str]:
        yield from views.pages(leaderboard.chosen(sets, name))

    opening = shown.opened(opened, None, [choice, shown], **PRIVATE)
    choice.input(None, choice, None, js=TO_ADDRESS, **PRIVATE)
    # Whoever chooses another set while one is drawn gets the one that was chosen last.
    choice.input(show, choice, shown, cancels=[opening], trigger_mode="always_last", **PRIVATE)
