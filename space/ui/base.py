"""What every tab gets, and the habits of its events."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from space.library import Library

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""For every event of the page. Only the five functions of `ui.agents` are there for programs to call: an
event without this would become a public endpoint and a tool of the MCP server."""


@dataclass(frozen=True)
class App:
    """The page while it is put together. `games` keeps a visitor's own games in the browser: a list of
    `handlers.history` records, the newest one first."""

    demo: gr.Blocks
    library: Library
    games: gr.BrowserState
