"""OpenEnv's own page, switched on as OpenEnv says: below a path, in a real browser, and without a network."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytest.importorskip("openenv", reason="needs openenv: pip install 'dsl-debug[serve]'")

import httpx
from fastapi import FastAPI
from starlette.routing import Mount

from dsl_debug.episode.tools import call_block
from servers.openenv_app import lifespans, openenv_app
from tests.problems import CORRECT, make_problem
from tests.servers.openenv_serving import made_problems, serving

SHOP = make_problem()
PATH = "/openenv/dsl"

# Nothing that a browser does by itself.
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-default-apps"),
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("ENABLE_WEB_INTERFACE", "true")
        changed.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        problems = made_problems()
        shop = type(problems)({SHOP.id: SHOP}, {}, "one")
        page = openenv_app(shop, "dsl")
        with serving(FastAPI(routes=[Mount(PATH, page)], lifespan=lambda _: lifespans(page))) as found:
            yield found


def in_browser(work: Callable[[Any], Any]) -> Any:
    """What is found on a page of a real Chromium; it has a thread of its own, as playwright needs it."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium here: apt-get install chromium")

    def look() -> Any:
        with sync_api.sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=path, args=list(QUIET))
            try:
                page = chromium.new_page()
                page.set_default_timeout(120_000)
                return work(page)
            finally:
                chromium.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(look).result()


def test_an_episode_is_played_on_the_page_and_nothing_is_asked_of_other_hosts(address: str) -> None:
    strangers: list[str] = []

    def note(url: str) -> None:
        if not url.startswith((address, "data:", "blob:")):
            strangers.append(url)

    def play(page: Any) -> None:
        page.on("request", lambda asked: note(asked.url))
        page.goto(f"{address}{PATH}/web/", timeout=120_000)
        page.get_by_role("button", name="Reset", exact=True).click()
        page.get_by_text("order_id: number").first.wait_for()
        page.get_by_label("message (string)").fill(call_block("submit", {"code": CORRECT}))
        page.get_by_role("button", name="Run step").click()
        page.get_by_text("Correct.").first.wait_for()
        page.get_by_text("reward 1.0").first.wait_for()

    in_browser(play)
    assert strangers == []


@pytest.mark.parametrize("path", ["/", "/web"])
def test_short_paths_lead_to_the_page(address: str, path: str) -> None:
    answer = httpx.get(f"{address}{PATH}{path}", follow_redirects=True, timeout=120)
    assert answer.status_code == 200
    assert answer.url.path == f"{PATH}/web/"


def test_the_environment_answers_beside_the_page(address: str) -> None:
    assert httpx.get(f"{address}{PATH}/health", timeout=120).json() == {"status": "healthy"}
    assert httpx.get(f"{address}{PATH}/docs", timeout=120).status_code == 404
