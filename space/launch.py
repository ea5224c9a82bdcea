"""Starts the app: on Hugging Face as the platform wants it, elsewhere on this machine alone."""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from space.library import sample_library
from space.ui import build, theme

PORT = 7860


def main() -> None:
    """Serve the app until it is stopped."""
    demo = build(sample_library())
    demo.queue(default_concurrency_limit=8, max_size=500)
    demo.launch(
        server_port=int(os.environ.get("GRADIO_SERVER_PORT", PORT)),
        theme=theme.theme(),
        head=theme.head(),
        mcp_server=True,
        ssr_mode=False,
        footer_links=["gradio", "settings"],
    )
