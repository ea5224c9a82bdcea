"""The style of programs, tables, calls and outcomes: for the page of a trace, and for other pages that show
episodes.

`light.css` and `dark.css` hold the colours as declarations without a selector, `parts.css` what uses them.
"""

from pathlib import Path

FOLDER = Path(__file__).parent


def _text(name: str) -> str:
    return (FOLDER / f"{name}.css").read_text(encoding="utf-8")


def page_style() -> str:
    """The style of a document of its own; it follows the colour scheme that the reader prefers."""
    return "\n".join(
        [
            f":root {{\n{_text('light')}color-scheme: light dark;\n}}",
            f"@media (prefers-color-scheme: dark) {{ :root {{\n{_text('dark')}}} }}",
            _text("parts"),
            _text("page"),
        ]
    )


def nested_style(place: str, dark: str) -> str:
    """The style for what lies below `place` in somebody else's page, which is dark where `dark` holds.

    Both are selectors; nothing outside is touched.
    """
    return "\n".join(
        [
            f"{place} {{\n{_text('light')}color: var(--ink);\n}}",
            f"{dark} {{\n{_text('dark')}}}",
            f"{place} {{\n{_text('parts')}}}",
        ]
    )
