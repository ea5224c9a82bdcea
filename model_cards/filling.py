"""Templates: Markdown with Jinja's marks, in `templates/`. Needs jinja2, which the extra `build` brings."""

from functools import lru_cache
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).with_name("templates")


def fill(template: str, /, **facts: Any) -> str:
    """The text of a template (`dataset` is `templates/dataset.md`), with facts in place of its marks.

    A name that the template uses and nobody gives is an error (jinja2.UndefinedError). Raises ImportError,
    saying what to install, where jinja2 is missing.
    """
    text: str = _templates().get_template(f"{template}.md").render(facts)
    return text


@lru_cache(maxsize=1)
def _templates() -> Any:
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError:
        raise ImportError("rendering cards needs jinja2: pip install 'dsl-debug[build]'") from None
    # What comes out is Markdown: nothing is escaped for HTML.
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
