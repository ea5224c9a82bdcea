"""The page: a head, the tabs in their order, and the addresses that lead to them."""

import json

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

PARAMETERS = {
    "problem": "play",
    "trace": "replay",
    "compare": "compare",
    "set": "results",
    "bug": "arena",
    "topic": "about",
}
"""The parameter of an address that a tab answers to -> that tab. `tab=NAME` opens any other."""


def build(library: Library) -> gr.Blocks:
    """The whole page over a library."""
    demo = gr.Blocks(title="DSL Debug", analytics_enabled=False, delete_cache=(600, 600))
    with demo:
        app = App(demo, library, gr.BrowserState([], storage_key="dsl-debug-games", secret="dsl-debug"))
        gr.HTML(_top(library))
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap"):
            for name, (label, module) in TABS.items():
                with gr.Tab(label, id=name, elem_id=f"tab-{name}"):
                    module.build(app)
        demo.load(None, None, None, js=_address_script(), **PRIVATE)
    _drop_style_of_prose(demo)
    return demo


def _drop_style_of_prose(demo: gr.Blocks) -> None:
    """All HTML here is ours and has our style; what Gradio adds for prose would win over it."""
    for block in demo.blocks.values():
        if isinstance(block, gr.HTML):
            block.apply_default_css = False


def _address_script() -> str:
    """What opens the tab of an address, and keeps the address in step with what the page shows."""
    names = json.dumps({"tabs": list(TABS), "parameters": PARAMETERS})
    return theme.asset("tabs.js").replace("NAMES", names, 1)


def _top(library: Library) -> str:
    words = "Find what is wrong with a program, in eight turns. Hidden tables decide."
    source = tag("p", escaped(f"Problems: {library.source}"), "source")
    parts = [tag("h1", "DSL Debug"), tag("p", words), source]
    return page(*parts, notice(library.notice, "warn") if library.notice else "", kind="top")
