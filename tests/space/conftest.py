"""The Space as visitors meet it: the app in a process of its own, and a real browser."""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from benchmarks.serving import free_port, serving
from space.library import Library, sample_library

ROOT = Path(__file__).resolve().parent.parent.parent

T = TypeVar("T")

# Nothing that a browser does by itself: its updates, its safe-browsing lists, its first-run page.
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-default-apps"),
)


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives. It has a thread of its own: playwright leaves a loop behind in the one of the
    tests, and another cannot run there."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@pytest.fixture(scope="session")
def library() -> Library:
    """The sample that comes with the app."""
    return sample_library()


@contextmanager
def served(log: Path, **environment: str) -> Iterator[str]:
    """The address of an app that runs for the time of the block; its output goes to `log`."""
    port = free_port()
    given = {**os.environ, "GRADIO_SERVER_PORT": str(port), "PYTHONUNBUFFERED": "1", **environment}
    with serving([sys.executable, "app.py"], port, given, log=log):
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture(scope="session")
def space_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the app, over the sample."""
    pytest.importorskip("gradio", reason="needs gradio: pip install 'dsl-debug[space]'")
    with served(tmp_path_factory.mktemp("space") / "app.log") as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A real Chromium without a window."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture
def visitor(browser: Any, space_url: str) -> Iterator[Callable[..., Any]]:
    """Opens a page as a visitor of their own: `visitor("?tab=replay", width=390, height=844, dark=True)`.

    The test fails if a page asks anything of another machine, or if its scripts fail.
    """
    contexts: list[Any] = []
    wrong: list[str] = []

    def open_page(query: str = "", *, width: int = 1280, height: int = 900, dark: bool = False) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=space_url)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("request", lambda asked: _note_stranger(asked.url, space_url, wrong))
        page.on("pageerror", lambda error: wrong.append(f"a script failed: {error}"))
        page.goto(space_url + query)
        page.get_by_role("tab", name="Play", exact=True).wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong, wrong


def _note_stranger(url: str, space_url: str, wrong: list[str]) -> None:
    if not url.startswith((space_url, "data:", "blob:")):
        wrong.append(f"a request to {url}")
