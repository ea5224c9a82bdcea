"""One episode as an HTML file that needs nothing else: no server, no other file, and no script to be read.

What it guards: every text of a trace is escaped, and the content policy of the page lets no other script and
no other style run than the two that are part of it, and no request leave it. What it does not guard: the
browser; and a trace can say what it likes in words.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from string import Template
from typing import Any

from dsl_debug.replay.markup import escaped, tag
from dsl_debug.replay.outcome import Problem
from dsl_debug.replay.parts import Step, trace_parts
from dsl_debug.replay.reading import text_of
from dsl_debug.replay.style import page_style


def trace_page(trace: Mapping[str, Any], problem: Problem | None = None) -> str:
    """The page of a trace (a row of `evaluation.trace_row`, or of the config `traces`).

    With its problem the page ends with the mistakes and their correction. Raises ValueError, in one line, for
    a trace without messages, and for the problem of another trace.
    """
    parts = trace_parts(trace, problem)
    kind, name = parts.verdict
    texts = {
        "title": escaped(f"{name}: {parts.policy} on {text_of(trace.get('problem_id'))}"),
        "policy": escaped(parts.policy or "An episode"),
        "verdict": tag("p", escaped(name), f"verdict {kind}"),
        "facts": parts.facts,
        "rail": rail(parts.steps),
        "problem": parts.problem,
        "turns": "\n".join(step.html for step in parts.steps[:-1]),
        "outcome": parts.steps[-1].html,
    }
    return _template().safe_substitute(texts)


@lru_cache(maxsize=1)
def _template() -> Template:
    """The page with style and script in it, and their hashes in its content policy."""
    texts = {"style": page_style(), "script": _asset("page.js")}
    hashes = {f"{name}_hash": _source_hash(text) for name, text in texts.items()}
    return Template(Template(_asset("page.html")).safe_substitute(texts | hashes))


def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _source_hash(text: str) -> str:
    """What a content policy calls an inline text by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def rail(steps: Sequence[Step]) -> str:
    """The steps of a page as links."""
    items = [
        tag("li", tag("a", tag("b", step.label) + tag("span", escaped(step.summary)), href=f"#{step.id}"))
        for step in steps
    ]
    return tag("ol", "".join(items))
