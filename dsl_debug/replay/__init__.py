"""One recorded episode as a page to look at.

reading.py    a trace -> the problem as it was shown, and turns with their calls and answers
programs.py   programs and tables as lines: words coloured, changes and wrong rows marked
markup.py     texts of strangers -> HTML
page.py       the page; with page.html, page.css and page.js
"""

from dsl_debug.replay.page import trace_page

__all__ = ["trace_page"]
