"""The arena in a real browser."""

import json
import re
import time
from pathlib import Path

import pytest

from dsl_debug.problem import PythonProblem
from dsl_debug.sandbox import layers
from dsl_debug.sandbox.isolation import unmet
from tests.space.conftest import served


@pytest.fixture
def bug(library) -> PythonProblem:
    """The first bug of the sample; skips where no function may run."""
    if unmet(layers()):
        pytest.skip("the sandbox lacks a layer here: the arena is read-only")
    return next(iter(library.arena.values()))


def opened(visitor, bug: PythonProblem, **given):
    page = visitor(f"?bug={bug.id}", **given)
    page.locator("#arena-task").get_by_role("heading", name=bug.function).wait_for()
    page.locator("#arena-run:enabled").wait_for()
    return page


def write(page, code: str) -> None:
    page.locator("#arena-code textarea").fill(code)


def answer(page, words: str | re.Pattern[str]) -> None:
    page.locator("#arena-answer").get_by_text(words).first.wait_for()


def attempts(page, words: str) -> None:
    page.locator("#arena-task").get_by_text(words).wait_for()


def test_a_bug_is_fixed_by_hand(visitor, bug: PythonProblem) -> None:
    page = opened(visitor, bug)
    page.click("#arena-run")
    answer(page, re.compile(r"\d of \d visible tests pass"))
    attempts(page, "4 attempts left")
    page.locator("#arena-tests td.fail").first.wait_for()
    write(page, bug.correct_code)
    page.locator("#arena-code textarea").press("Control+Shift+Enter")
    answer(page, "Solved")
    answer(page, "Reward 3.20")
    page.locator("#arena-submit:disabled").wait_for()
    page.locator("#arena-answer").get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Copied").first.wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_a_wrong_fix_is_told_why(visitor, bug: PythonProblem) -> None:
    page = opened(visitor, bug, width=390, height=844)
    write(page, f"def {bug.function}(*_, **__):\n    return '<img src=x onerror=alert(1)>'\n")
    page.click("#arena-submit")
    answer(page, "Wrong result")
    answer(page, re.compile("<img src=x"))
    assert page.locator("#arena-answer img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_attempts_run_out_and_the_next_bug_is_new(visitor, bug: PythonProblem) -> None:
    page = opened(visitor, bug)
    page.click("#arena-hint")
    for left in (4, 3, 2, 1):
        attempts(page, f"{left} attempt{'s' if left > 1 else ''} left")
        page.locator("#arena-run:enabled").wait_for()
        page.click("#arena-run")
    answer(page, "Never submitted")
    page.click("#arena-next")
    attempts(page, "5 attempts left")
    page.wait_for_function("id => !location.search.includes(id)", arg=bug.id)
    assert re.fullmatch(r"\?bug=\w+", page.evaluate("location.search"))


def test_an_endless_function_answers_and_others_go_on(visitor, bug: PythonProblem) -> None:
    page, other = opened(visitor, bug), opened(visitor, bug)
    write(page, f"def {bug.function}(*_, **__):\n    while True:\n        pass\n")
    began = time.monotonic()
    page.click("#arena-run")
    answer(page, "Running the visible tests")
    other.click("#arena-run")
    answer(other, re.compile("visible tests pass"))
    answer(page, re.compile("longer than it may"))
    assert time.monotonic() - began < 15
    attempts(other, "4 attempts left")
    assert "while True" not in other.locator("#arena-code textarea").input_value()


def test_the_buttons_come_back_after_an_event_that_failed(visitor, bug: PythonProblem) -> None:
    page = opened(visitor, bug)
    broken = []

    def broken_later(route) -> None:
        events = route.fetch().text()
        begun = next((line for line in events.split("\n\n") if "process_generating" in line), None)
        if begun is None:  # of something else
            route.fulfill(body=events, content_type="text/event-stream")
            return
        failed = {"msg": "process_completed", "output": {"error": None}, "success": False}
        end = json.dumps({**failed, "event_id": json.loads(begun.removeprefix("data: "))["event_id"]})
        route.fulfill(body=f"{begun}\n\ndata: {end}\n\n", content_type="text/event-stream")
        broken.append(end)

    page.route("**/queue/data*", broken_later)
    for _ in range(3):  # a stream of events that the page has opened before is not broken
        page.click("#arena-run")
        answer(page, re.compile("That did not work|visible tests pass"))
        if broken:
            break
    answer(page, "That did not work")
    page.locator("#arena-run:enabled").wait_for()
    page.locator("#arena-submit:enabled").wait_for()
    page.locator("#arena-hint:enabled").wait_for()


def test_a_text_over_several_lines_is_coloured(visitor, bug: PythonProblem) -> None:
    page = opened(visitor, bug)
    lines = ["def f():", '    """One', "    if two", '    three""" if 1', "    return '''4'''"]
    write(page, "\n".join(lines))
    painted = page.locator("#arena-code .paint > div")
    painted.nth(4).wait_for()
    assert painted.nth(2).locator(".text").all_inner_texts() == ["    if two"]
    assert painted.nth(3).locator("span").all_inner_texts() == ['    three"""', "if", "1"]
    assert painted.nth(4).locator(".word").all_inner_texts() == ["return"]
    write(page, "\n".join(["def f():", *lines[2:]]))  # the text begins where it ended
    page.wait_for_function("document.querySelectorAll('#arena-code .paint > div').length === 4")
    assert painted.nth(1).locator(".word").all_inner_texts() == ["if"]
    assert painted.nth(3).locator("span").all_inner_texts() == [lines[4]]


def test_what_is_too_long_is_not_run(visitor, bug: PythonProblem) -> None:
    page = opened(visitor, bug)
    write(page, "x" * 1_000_000)
    page.locator("#arena-code").get_by_text("1,000,000 characters").wait_for()
    write(page, "x" * 30_000)
    page.click("#arena-run")
    answer(page, re.compile("20,000 characters"))
    attempts(page, "5 attempts left")


def test_an_unknown_bug_is_told_so(visitor) -> None:
    page = visitor("?bug=%3Cimg%20src%3Dx%3E")
    page.locator("#arena-task").get_by_text("There is no bug at this address").wait_for()


def test_a_closed_arena_can_be_read(browser, library, tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="needs gradio: pip install 'dsl-debug[space]'")
    bug = next(iter(library.arena.values()))
    with served(tmp_path / "app.log", DSL_DEBUG_ARENA="off") as url:
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{url}?bug={bug.id}")
        page.get_by_text("Read only").wait_for()
        page.get_by_text("DSL_DEBUG_ARENA=off").wait_for()
        assert page.locator("#arena-run").is_disabled()
        assert page.locator("#arena-code textarea").get_attribute("readonly") is not None
        page.get_by_text("The fix", exact=True).click()
        page.locator("#arena-tests ins").first.wait_for()
        page.close()
