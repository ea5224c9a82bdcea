"""How the pages look: the theme of Gradio's own components, and one style for everything of ours."""

from pathlib import Path

import gradio as gr

from dsl_debug.replay.style import nested_style

ASSETS = Path(__file__).parent.parent / "assets"

# Names of fonts that are on the visitor's machine: nothing is fetched.
SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")
MONO = ("ui-monospace", "SF Mono", "Cascadia Mono", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")

PLACE = ".dsl"
DARK = ".dark .dsl"


def asset(name: str) -> str:
    """The text of a file in `assets/`."""
    return (ASSETS / name).read_text(encoding="utf-8")


def theme() -> gr.themes.Base:
    """Gradio's components in the colours of `replay/light.css` and `replay/dark.css`."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.blue,
        neutral_hue=gr.themes.colors.gray,
        radius_size=gr.themes.sizes.radius_md,
        font=list(SANS),
        font_mono=list(MONO),
    ).set(
        body_background_fill="#f7f6f2",
        body_background_fill_dark="#14161b",
        body_text_color="#1d2129",
        body_text_color_dark="#e6e7ea",
        body_text_color_subdued="#5c6472",
        body_text_color_subdued_dark="#9da5b3",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#1c1f26",
        background_fill_secondary="#f3f2ed",
        background_fill_secondary_dark="#15181e",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1c1f26",
        border_color_primary="#dcdad2",
        border_color_primary_dark="#323741",
        block_border_color="#dcdad2",
        block_border_color_dark="#323741",
        block_shadow="none",
        input_background_fill="#ffffff",
        input_background_fill_dark="#15181e",
        button_primary_background_fill="#2456c4",
        button_primary_background_fill_hover="#1c479f",
        button_primary_background_fill_dark="#3565cf",
        button_primary_background_fill_hover_dark="#4a78dd",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_dark="#1c1f26",
        button_secondary_background_fill_hover="#f3f2ed",
        button_secondary_background_fill_hover_dark="#262a33",
        button_secondary_border_color="#dcdad2",
        button_secondary_border_color_dark="#323741",
    )


def head() -> str:
    """What goes into the head of the page. Style given as `css` would be rewritten selector by selector,
    which nested rules do not survive; a style element is left alone."""
    ours = [path.read_text(encoding="utf-8") for path in sorted(ASSETS.glob("*.css"))]
    return "\n".join(["<style>", nested_style(PLACE, DARK), *ours, "</style>"])
