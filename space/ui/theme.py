"""How the pages look: the theme of Gradio's own components, and one style for everything of ours."""

import re
from pathlib import Path
from urllib.parse import quote

import gradio as gr

from dsl_debug.replay.style import FOLDER, nested_style

ASSETS = Path(__file__).parent.parent / "assets"

# Names of fonts that are on the visitor's machine: nothing is fetched.
SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")
MONO = ("ui-monospace", "SF Mono", "Cascadia Mono", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")

PLACE = ".dsl"
DARK = ".dark .dsl"

# Settings of Gradio's theme -> our colour.
COLOURS = {
    "body_background_fill": "paper",
    "body_text_color": "ink",
    "body_text_color_subdued": "soft",
    "background_fill_primary": "card",
    "background_fill_secondary": "well",
    "block_background_fill": "card",
    "block_border_color": "rule",
    "block_info_text_color": "soft",
    "block_label_text_color": "soft",
    "block_title_text_color": "soft",
    "border_color_accent": "accent",
    "border_color_primary": "rule",
    "button_secondary_background_fill": "card",
    "button_secondary_background_fill_hover": "well",
    "button_secondary_border_color": "rule",
    "button_secondary_border_color_hover": "soft",
    "button_secondary_text_color": "ink",
    "button_secondary_text_color_hover": "ink",
    "checkbox_background_color_selected": "button",
    "checkbox_border_color": "soft",
    "checkbox_border_color_selected": "button",
    "checkbox_label_background_fill": "card",
    "checkbox_label_background_fill_hover": "well",
    "checkbox_label_background_fill_selected": "well",
    "checkbox_label_border_color": "rule",
    "checkbox_label_border_color_selected": "accent",
    "checkbox_label_text_color_selected": "ink",
    "color_accent_soft": "well",
    "input_background_fill": "card",
    "input_background_fill_focus": "card",
    "input_border_color": "rule",
    "input_border_color_focus": "accent",
    "link_text_color": "accent",
    "link_text_color_active": "accent",
    "link_text_color_hover": "accent",
    "link_text_color_visited": "accent",
    "loader_color": "accent",
    "slider_color": "accent",
    "button_primary_background_fill": "button",
    "button_primary_background_fill_hover": "pressed",
    "button_primary_border_color": "button",
    "button_primary_text_color": "on-button",
}

# The other settings; a star refers to another setting, which knows the scheme.
OTHERS = {
    "color_accent": "*link_text_color",
    "block_border_width": "1px",
    "block_radius": "*radius_lg",
    "block_shadow": "none",
    "block_title_text_size": "*text_sm",
    "button_border_width": "1px",
    "button_large_padding": "*spacing_md calc(2 * *spacing_lg)",
    "button_large_radius": "*radius_md",
    "button_large_text_size": "*text_md",
    "button_small_radius": "*radius_md",
    "button_secondary_shadow": "none",
    "button_primary_shadow": "none",
    "checkbox_label_border_width": "1px",
    "input_border_width": "1px",
    "input_shadow": "none",
    "input_shadow_focus": "none",
    "layout_gap": "1rem",
}

# What the style of episodes has no name for: buttons that are filled with colour.
_FILLED = {
    "light": {"button": "#2456c4", "pressed": "#1c479f", "on-button": "#ffffff"},
    "dark": {"button": "#3565cf", "pressed": "#4a78dd", "on-button": "#ffffff"},
}


def asset(name: str) -> str:
    """The text of a file in `assets/`."""
    return (ASSETS / name).read_text(encoding="utf-8")


def colours(scheme: str) -> dict[str, str]:
    """The colours of a scheme, "light" or "dark", by the names that they have in our style."""
    declarations = (FOLDER / f"{scheme}.css").read_text(encoding="utf-8")
    return dict(re.findall(r"--([\w-]+):\s*(#\w+)", declarations)) | _FILLED[scheme]


def theme() -> gr.themes.Base:
    """Gradio's components in our colours."""
    light, dark = colours("light"), colours("dark")
    base = gr.themes.Base(
        primary_hue=gr.themes.colors.blue,
        neutral_hue=gr.themes.colors.gray,
        radius_size=gr.themes.sizes.radius_md,
        font=list(SANS),
        font_mono=list(MONO),
    )
    given = {setting: light[name] for setting, name in COLOURS.items()}
    given |= {f"{setting}_dark": dark[name] for setting, name in COLOURS.items()}
    return base.set(**given, **OTHERS)


def head() -> str:
    """What goes into the head of the page. Style given as `css` would be rewritten selector by selector,
    which nested rules do not survive; a style element is left alone."""
    names = sorted(path.name for path in ASSETS.glob("*.css") if path.name != "style.css")
    ours = [asset("style.css"), *map(asset, names)]  # what a tab says wins over what holds for all
    icon = f'<link rel="icon" type="image/svg+xml" href="data:image/svg+xml,{quote(asset("favicon.svg"))}">'
    return "\n".join([icon, "<style>", nested_style(PLACE, DARK), *ours, "</style>"])
