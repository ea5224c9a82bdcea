"""Results and About in a real browser."""

import re
from typing import Any


def test_the_reference_opens_by_link_and_by_click(visitor: Any) -> None:
    page = visitor("?topic=join")
    about = page.locator("#about-page")
    about.get_by_role("heading", name="join", exact=True, level=2).wait_for()
    about.get_by_role("link", name="take", exact=True).click()
    about.get_by_role("heading", name="take", exact=True, level=2).wait_for()
    assert page.url.endswith("?topic=take")
    page.reload()
    about.get_by_role("heading", name="take", exact=True, level=2).wait_for()


def test_an_unknown_topic_is_told_and_hostile_text_is_text(visitor: Any) -> None:
    page = visitor("?topic=<img src=x onerror=window.hit=1>jion", width=390, dark=True)
    about = page.locator("#about-page")
    about.get_by_text("no page '<img").wait_for()
    assert about.locator("img").count() == 0
    assert page.evaluate("window.hit") is None
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_results_are_counted_when_the_tab_is_opened(visitor: Any) -> None:
    page = visitor()
    assert page.locator("#results-page").count() == 0
    page.get_by_role("tab", name="Results", exact=True).click()
    row = page.locator("#results-page .board tr").filter(has_text="constant_emitter")
    row.wait_for()
    page.locator("#results-page img").first.wait_for(timeout=60_000)  # the plots are drawn once
    assert "99.7" in row.inner_text()
    names = page.locator("#results-page .board tbody:first-of-type th")
    assert names.first.inner_text().startswith("search")
    page.locator("#results-page .board").get_by_role("button", name="hack rate").click()
    assert names.first.inner_text().startswith("constant_emitter")
    page.get_by_label("Results on").click()
    page.get_by_role("option", name=re.compile("problems here")).click()
    page.wait_for_url("**/?set=here")
    page.locator("#results-page .facts").filter(has_not_text="858").wait_for(timeout=60_000)


def test_a_set_of_results_opens_by_its_link(visitor: Any) -> None:
    page = visitor("?tab=results&set=here", width=390)
    page.locator("#results-page .board").wait_for(timeout=60_000)
    assert "858" not in page.locator("#results-page .facts").inner_text()
    assert page.get_by_label("Results on").input_value().endswith("problems here")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
