"""The page: a head, the tabs in their order, and the addresses that lead to them."""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from dsl_debug.replay.markup import escaped, tag
from space.library import Library
from space.ui import about, agents, arena, compare, play, replay, results, theme, watch
from space.ui.base import PRIVATE, App
from space.views.common import notice, page

TABS = {
    "play": ("Play", play),
    "replay": ("Replay", replay),
    "compare": ("Compare", compare),
    "watch": ("Watch", watch),
    "results": ("Results", results),
    "arena": ("Arena", arena),
    "about": ("About", about),
    "agents": ("For agents", agents),
}
"""Name in addresses -> what the tab is called, and the module whose `build(app)` fills it."""

PARAMETERS = {"problem": "play", "trace": "replay", "compare": "compare", "bug": "arena", "topic": "about"}
"""The parameter of an address that a tab answers to -> that tab. `tab=NAME` opens any other."""


def build(library: Library) -> gr.Blocks:
    """The whole page over a library."""
    demo = gr.Blocks(title="DSL Debug", analytics_enabled=False)
    with demo:
        app = App(demo, library, gr.BrowserState([], storage_key="dsl-debug-games", secret="dsl-debug"))
        gr.HTML(_top(library))
        with gr.Tabs() as tabs:
            for name, (label, module) in TABS.items():
                with gr.Tab(label, id=name, elem_id=f"tab-{name}"):
                    module.build(app)
        demo.load(_opened_tab, None, tabs, **PRIVATE)
        tabs.select(None, None, None, js=theme.asset("tabs.js"), **PRIVATE)
    return demo


def tab_of(query: Mapping[str, Any]) -> str:
    """The tab that an address asks for; the first one for an address that asks for none."""
    wanted = query.get("tab") or next((tab for name, tab in PARAMETERS.items() if query.get(name)), "")
    return wanted if wanted in TABS else next(iter(TABS))


def _opened_tab(request: gr.Request) -> gr.Tabs:
    return gr.Tabs(selected=tab_of(request.query_params))


def _top(library: Library) -> str:
    words = "Find out what is wrong with a program in eight turns; tables that nobody shows you decide."
    source = tag("p", escaped(f"Problems: {library.source}"), "source")
    parts = [tag("h1", "DSL Debug"), tag("p", words), source]
    return page(*parts, notice(library.notice, "warn") if library.notice else "", kind="top")
