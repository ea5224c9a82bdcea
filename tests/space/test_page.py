"""The page as a whole: tabs, addresses, looks, and nothing public but what agents call."""

import re
from typing import Any

import pytest

from space.ui import PARAMETERS, TABS, theme

LABELS = [label for label, _ in TABS.values()]
PHONE = 390


@pytest.mark.parametrize(
    ("query", "label"),
    [
        ("", "Play"),
        ("?trace=x", "Replay"),
        ("?bug=x", "Arena"),
        ("?set=here", "Results"),
        ("?tab=<b>", "Play"),
    ],
)
def test_an_address_opens_its_tab(visitor, query: str, label: str) -> None:
    is_open(visitor(query), label)


def test_every_parameter_leads_to_a_tab() -> None:
    assert all(tab in TABS for tab in PARAMETERS.values())


def test_gradio_has_our_colours() -> None:
    light, dark = theme.colours("light"), theme.colours("dark")
    assert light["paper"] == "#f7f6f2"
    assert dark["ink"] == "#e6e7ea"
    made = theme.theme()
    assert made.body_background_fill == light["paper"]
    assert made.body_text_color_dark == dark["ink"]


def test_a_comment_stands_before_a_rule_or_within_one() -> None:
    """Between a selector and its braces it would make one selector of two."""
    for path in sorted(theme.ASSETS.glob("*.css")):
        assert not re.search(r"[^\s{};/]\s*/\*", path.read_text(encoding="utf-8")), path.name


def test_what_shall_stay_in_sight_stays(visitor, library) -> None:
    """Gradio hides what is too wide of its page, which would take what sticks along with the rest."""
    key = max(library.traces, key=lambda name: len(str(library.traces[name]["messages"])))
    page = visitor(f"?trace={key}", height=500)
    bar = page.locator(".stepped .controls")
    bar.wait_for()
    page.get_by_role("button", name="Show all").click()
    page.mouse.move(640, 400)
    page.wait_for_timeout(200)
    for _ in range(2):
        page.mouse.wheel(0, 1_000)
        page.wait_for_timeout(200)
    assert page.evaluate("window.scrollY") > 1_000
    assert abs(bar.bounding_box()["y"]) < 1


def test_the_style_of_a_tab_is_about_our_own_html() -> None:
    """Only `style.css` speaks of the page as a whole."""
    for path in sorted(theme.ASSETS.glob("*.css")):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for selectors in re.findall(r"([^{}]+)\{", text):
            ours = re.search(r"\.dsl|#|^\s*(@|from|to|[\d.]+%)", selectors)
            assert ours or path.name == "style.css", f"{path.name}: {selectors.strip()}"


def is_open(page: Any, label: str) -> None:
    """Wait until a tab is the open one."""
    tab = page.get_by_role("tab", name=label, exact=True)
    page.wait_for_function("tab => tab.getAttribute('aria-selected') === 'true'", arg=tab.element_handle())


@pytest.mark.parametrize(("name", "label"), [(name, label) for name, (label, _) in TABS.items()])
def test_every_tab_opens_by_its_address(visitor, name: str, label: str) -> None:
    page = visitor(f"?tab={name}")
    is_open(page, label)
    filled(page, name)
    query = query_of(page)
    assert name == (query.get("tab") or next(tab for key, tab in PARAMETERS.items() if key in query))


def filled(page: Any, name: str) -> None:
    """Wait until a tab shows something of ours, and what it does to the address, if anything, is done."""
    page.locator(f"#tab-{name} .dsl").first.wait_for()
    page.wait_for_function("() => Boolean(window.dslAddress)")
    page.wait_for_timeout(300)


def query_of(page: Any) -> dict[str, str]:
    """The parameters of the address that a page has now."""
    asked: dict[str, str] = page.evaluate("Object.fromEntries(new URLSearchParams(location.search))")
    return asked


def test_the_address_names_the_tab_that_is_opened_by_hand(visitor) -> None:
    page = visitor("?tab=about")
    is_open(page, "About")
    page.wait_for_function("() => Boolean(window.dslAddress)")
    for name in ("results", "watch", "about"):
        page.get_by_role("tab", name=TABS[name][0], exact=True).click()
        page.wait_for_function("name => location.search === `?tab=${name}`", arg=name)
    page.reload()
    is_open(page, "About")


def test_a_tab_comes_back_with_what_it_showed(visitor, library) -> None:
    bug = next(iter(library.arena))
    page = visitor(f"?bug={bug}")
    page.locator("#arena-task h2").wait_for()
    filled(page, "arena")
    assert query_of(page) == {"bug": bug}
    page.get_by_role("tab", name="About", exact=True).click()
    page.wait_for_function("location.search === '?tab=about'")
    page.get_by_role("tab", name="Arena", exact=True).click()
    page.wait_for_function("id => location.search === `?bug=${id}`", arg=bug)


def test_what_is_copied_in_a_frame_of_another_site(visitor, library) -> None:
    """There, browsers keep the clipboard closed to scripts, and show no questions either."""
    page = visitor(f"?bug={next(iter(library.arena))}")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('closed')); }")
    button = page.locator("#arena-task [data-copy]")
    for _ in range(2):
        button.click()
        button.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    button.get_by_text("Copy link").wait_for()  # what it was before both
    page.evaluate("() => { document.execCommand = () => false; }")
    button.click()
    button.get_by_text("Press Ctrl+C").wait_for()
    page.keyboard.press("Control+c")
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_the_page_is_whole_and_quiet(visitor) -> None:
    said: list[str] = []
    page = visitor("?tab=about")
    address = page.url
    page.goto("about:blank")  # what was on its way is broken off, and says so
    page.wait_for_timeout(300)
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.goto(address)
    is_open(page, "About")
    filled(page, "about")
    assert page.title() == "DSL Debug"
    assert page.evaluate("document.documentElement.lang")
    assert page.locator("h1:visible").count() == 1
    assert page.locator('link[rel="icon"]').get_attribute("href").startswith("data:image/svg+xml,")
    for label in LABELS:
        page.get_by_role("tab", name=label, exact=True).click()
        is_open(page, label)
    assert not said


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_every_tab_without_scrolling_sideways(visitor, dark: bool) -> None:
    page = visitor("?tab=about", width=PHONE, height=844, dark=dark)
    is_open(page, "About")
    for name, (label, _) in TABS.items():
        tab = page.get_by_role("tab", name=label, exact=True)
        box = tab.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE
        tab.click()
        is_open(page, label)
        filled(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE, label
