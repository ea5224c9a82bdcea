"""One recorded episode as a page to look at, and as parts for other pages.

reading.py    a trace -> the problem as it was shown, and turns with their calls and answers
programs.py   programs and tables as lines: words coloured, changes and wrong rows marked
markup.py     texts of strangers -> HTML
parts.py      the problem, the turns and the outcome; with parts.css and the colours of light.css and dark.css
page.py       the page around them; with page.html, page.css and page.js
style.py      the style of a page of its own, and of parts in somebody else's page
"""

from dsl_debug.replay.page import trace_page
from dsl_debug.replay.parts import Parts, Step, trace_parts, turn_steps

__all__ = ["Parts", "Step", "trace_page", "trace_parts", "turn_steps"]
