"""The editor of programs: a text area over its own coloured text, with line numbers and what is wrong.

The work is done in the browser, by `assets/editor.js`; `check` is asked for what is wrong while one types.
"""

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from space.ui.theme import asset

Check = Callable[[object], list[dict[str, Any]]]

SHORTCUTS = {"run": "play-run", "submit": "play-submit"}
"""What Ctrl+Enter and Ctrl+Shift+Enter press, by the ids of the buttons."""

NOTHING: dict[str, Any] = {"code": "", "key": "", "words": [], "comment": "--", "pipe": "", "locked": True}

_TEMPLATE = """
<div class="dsl editor">
  <div class="sheet">
    <pre class="numbers" aria-hidden="true"></pre>
    <div class="layers">
      <pre class="paint" aria-hidden="true"></pre>
      <textarea class="area" wrap="off" spellcheck="false" autocomplete="off" autocapitalize="off"
        autocorrect="off"></textarea>
    </div>
  </div>
  <p class="too-long notice warn" role="alert" hidden></p>
  <ul class="flaws" role="status" aria-label="What is wrong with the program"></ul>
</div>
"""


def editor(
    elem_id: str,
    check: Check | None = None,
    shortcuts: Mapping[str, str] = SHORTCUTS,
    label: str = "Program",
    value: Mapping[str, Any] = NOTHING,
) -> gr.HTML:
    """An editor whose value is a dict like `NOTHING`: the text `code`; `key`, the id of what is edited;
    `words`, `comment` and `pipe` for the colours, `long_texts` where a text in triple quotes goes on over
    lines; `locked` if it may only be read.

    `check` gets {"key", "code"}, as whoever is at the other end posts it, and gives a list of {"line",
    "column", "end", "message", "help"}, counted from 1; it must not raise. The event `edit` follows when
    somebody has typed and paused.
    """
    return gr.HTML(
        dict(value),
        html_template=_TEMPLATE,
        js_on_load=asset("editor.js"),
        server_functions=[_named_check(check)] if check else None,
        elem_id=elem_id,
        editor_label=label,
        checked=check is not None,
        run_button=shortcuts.get("run", ""),
        submit_button=shortcuts.get("submit", ""),
    )


def _named_check(given: Check) -> Check:
    """The function under the name by which the script calls it."""

    def check(asked: object) -> list[dict[str, Any]]:
        return given(asked)

    return check
