"""The tab: not built yet."""

import gradio as gr

from space.ui.base import App
from space.views.common import empty, page


def build(app: App) -> None:
    """Fill the tab."""
    gr.HTML(page(empty("about")))
