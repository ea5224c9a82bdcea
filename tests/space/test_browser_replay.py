"""Replay and Compare in a real browser: stepping, playing, links, filters, and comparing with oneself."""

import re
from collections.abc import Callable
from typing import Any

from space.handlers.compare import contestants, problems
from space.library import Library

Visitor = Callable[..., Any]


def a_trace(library: Library, policy: str, turns: int = 1) -> str:
    """The key of the first trace of a policy with so many turns."""
    return next(k for k, t in library.traces.items() if t["policy"] == policy and t["turns"] >= turns)


def shown(page: Any) -> Any:
    """The steps that are in sight."""
    return page.locator(".stepped [data-step]:visible")


def wait_for_step(page: Any, number: int) -> None:
    page.wait_for_function("n => new URL(location).searchParams.get('step') === String(n)", arg=number)


def test_an_episode_is_stepped_through_by_keys(visitor: Visitor, library: Library) -> None:
    key = a_trace(library, "constant_emitter", turns=3)
    turns = library.traces[key]["turns"]
    page = visitor("?tab=replay")
    page.locator(f'tr[data-key="{key}"] a').click()
    wait_for_step(page, 1)
    assert f"trace={key}" in page.url
    assert shown(page).get_attribute("data-step") == "Turn 1"
    page.get_by_role("button", name="Step back").wait_for()
    for number in range(2, turns + 2):
        page.keyboard.press("ArrowRight")
        wait_for_step(page, number)
    assert shown(page).get_attribute("data-step") == "Outcome"
    assert page.get_by_role("button", name="Step on").is_disabled()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    wait_for_step(page, turns)
    page.get_by_role("button", name="Show all").click()
    assert shown(page).count() == turns + 1


def test_it_plays_by_itself_and_stops_at_the_end(visitor: Visitor, library: Library) -> None:
    key = a_trace(library, "random_edit", turns=2)
    steps = library.traces[key]["turns"] + 1
    page = visitor(f"?trace={key}")
    button = page.locator('[data-do="play"]')
    button.click()
    assert button.inner_text() == "Pause"
    wait_for_step(page, steps)
    page.wait_for_function("b => b.textContent === 'Play'", arg=button.element_handle())
    assert shown(page).get_attribute("data-step") == "Outcome"


def test_a_link_opens_at_its_moment_and_can_be_copied(visitor: Visitor, library: Library) -> None:
    key = a_trace(library, "constant_emitter", turns=3)
    page = visitor(f"?trace={key}&step=3")
    page.locator(".stepped").wait_for()
    page.wait_for_function("document.querySelector('.stepped [data-step].here')?.dataset.step === 'Turn 3'")
    page.keyboard.press("ArrowLeft")
    wait_for_step(page, 2)
    page.locator(".stepped [data-copy]").click()
    page.wait_for_function("document.querySelector('.stepped [data-copy]').textContent === 'Copied'")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.endswith(f"?trace={key}&step=2")
    with page.expect_download() as started:
        page.locator('[data-do="download"]').click()
    assert started.value.suggested_filename == f"{key}.html"


def test_a_link_to_nothing_gives_a_line(visitor: Visitor) -> None:
    page = visitor("?trace=<img src=x onerror=alert(1)>&step=3")
    page.get_by_text("There is no episode of that name here.").wait_for()
    other = visitor("?compare=<b>nobody</b>,x")
    other.get_by_text("There is no episode of that name here.").wait_for()


def test_filters_lead_to_episodes(visitor: Visitor, library: Library) -> None:
    page = visitor("?tab=replay", width=390, height=844)
    page.get_by_label("Outcome").click()
    page.get_by_role("option", name=re.compile(r"^Overfit \(")).click()
    page.locator(".episodes tbody .verdict", has_not_text="Overfit").first.wait_for(state="detached")
    count = sum(trace["failure"] == "overfit" for trace in library.traces.values())
    assert page.locator(".episodes tbody tr").count() == count
    page.get_by_label("Policy").click()
    page.get_by_role("option", name=re.compile(r"^constant_emitter \(")).click()
    page.locator(".episodes tbody a").first.click()
    wait_for_step(page, 1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_policies_are_compared(visitor: Visitor, library: Library) -> None:
    # Not the problem that the tab begins with: what belongs to that one must not come back.
    label, problem_id = next(one for one in problems(library)[1:] if len(library.traces_of(one[1])) > 1)
    keys = library.traces_of(problem_id)[:2]
    page = visitor(f"?compare={keys[0]}")
    page.locator(".compare .column").wait_for()
    page.get_by_text("Choose somebody else, too").wait_for()
    page.wait_for_timeout(1_000)  # for whatever else happens when a page is opened
    offered = page.locator("#tab-compare label:has(input[type=checkbox])")
    assert offered.all_inner_texts() == [name for name, _ in contestants(library, problem_id)]
    assert page.locator("#tab-compare input:checked").count() == 1
    offered.nth(2).locator("input").check()  # the first two are the visitor and who is there already
    page.wait_for_function("document.querySelectorAll('.compare .column').length === 2")
    steps = max(library.traces[key]["turns"] for key in keys) + 1
    page.keyboard.press("End")
    wait_for_step(page, steps)
    names = [step.get_attribute("data-step") for step in shown(page).all()]
    assert names == ["Outcome", "Outcome"]
    assert page.get_by_label("Problem", exact=True).input_value() == label
    page.get_by_text("Final programs").wait_for()


def test_you_are_compared_with_a_policy(visitor: Visitor, library: Library) -> None:
    key = a_trace(library, "reference")
    page = visitor(f"?compare=you,{key}")
    page.get_by_text("You have not played this problem in this browser yet.").wait_for()
    page.locator(".notice a", has_text="Play it").click()
    page.locator("#play-submit:enabled").wait_for()
    page.locator("#play-submit").click()
    page.get_by_role("button", name="Yes, submit").click()
    page.get_by_text("Unchanged").first.wait_for()
    page.goto(page.url.split("?")[0] + f"?compare=you,{key}")
    page.wait_for_function("document.querySelectorAll('.compare .column').length === 2")
    assert page.locator(".compare .column h2").first.inner_text() == "You"
    row = page.locator(".compare table.plain tbody tr").first
    assert row.locator("td").nth(1).inner_text() == "Unchanged"
    page.get_by_text(f"From You to {library.traces[key]['policy']}").wait_for()
