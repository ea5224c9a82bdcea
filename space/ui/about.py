"""The tab About: a page of text and the list of all pages."""

from typing import Any

import gradio as gr

from space.handlers.about import page_asked, page_of
from space.ui.base import PRIVATE, App
from space.views.about import about

# A link to a page changes what is shown without loading the app anew; opened in another tab it is an address.
FOLLOW = """
element.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-topic]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  window.dslAddress("about", "topic", link.dataset.topic);
  trigger("followed", { topic: link.dataset.topic });
});
"""

TO_BEGINNING = """() => {
  const page = document.querySelector("#about-page article");
  if (!page) return;
  page.focus({ preventScroll: true });
  if (page.getBoundingClientRect().top < 0) page.scrollIntoView();
}"""


def build(app: App) -> None:
    """Fill the tab."""
    first = about(page_of(""))
    shown = gr.HTML(first, js_on_load=FOLLOW, elem_id="about-page")

    def opened(request: gr.Request) -> Any:
        topic = request.query_params.get("topic")
        return about(page_of(topic)) if topic else gr.skip()

    def followed(event: gr.EventData) -> str:
        return about(page_asked(event._data))

    shown.followed(followed, None, shown, **PRIVATE).then(None, None, None, js=TO_BEGINNING, **PRIVATE)
    app.demo.load(opened, None, shown, **PRIVATE)
