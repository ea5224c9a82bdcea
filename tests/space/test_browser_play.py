"""Play in a real browser: by hand, as visitors do it, and as hostile ones do."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from dsl_debug.problem import DslProblem
from dsl_debug.visitors import LIMITS
from space.library import Library

PHONE = 390
Visitor = Callable[..., Any]


@pytest.fixture
def problem(library: Library) -> DslProblem:
    """One in the standard words, whose buggy program runs."""
    return next(p for p in library.problems.values() if p.dialect.pipe == "|>" and "load(" in p.buggy_code)


def opened(visitor: Visitor, problem: DslProblem, **size: Any) -> Any:
    """The page of a problem, once it is there."""
    page = visitor(f"?problem={problem.id}", **size)
    page.locator(f'#play-head [data-problem="{problem.id}"]').wait_for()
    area(page).wait_for()
    page.wait_for_function(
        "code => document.querySelector('#play-editor textarea').value === code", arg=problem.buggy_code
    )
    return page


def area(page: Any) -> Any:
    return page.locator("#play-editor textarea")


def turns_left(page: Any, number: int) -> None:
    """Wait until so many turns are left."""
    page.locator("#play-head").get_by_text(f"{number} of 8 turns left").wait_for()


def submit(page: Any) -> None:
    page.locator("#play-submit").click()
    page.locator("#play-sure").click()
    page.locator("#play-ended").wait_for()


def test_solve_a_problem_by_hand_and_find_it_in_the_history(visitor: Visitor, problem: DslProblem) -> None:
    page = opened(visitor, problem)
    page.locator("#play-run").click()
    turns_left(page, 7)
    assert "rows right" in page.locator("#play-answer").inner_text()
    area(page).fill(problem.correct_code)
    page.locator("#play-run").click()
    turns_left(page, 6)
    page.locator("#play-answer").get_by_text("These are the expected rows").wait_for()
    submit(page)
    card = page.locator("#play-ended")
    assert "Solved!" in card.inner_text()
    assert "3 of 8" in card.inner_text()
    assert page.locator("#play-run").is_disabled()
    assert f"?problem={problem.id}" in page.url
    card.get_by_role("button", name="Copy link").click()
    card.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    page.reload()
    row = page.locator("#play-history tbody tr")
    row.wait_for()
    assert "Solved" in row.inner_text()
    page.locator("#play-forget").click()
    page.get_by_text("No finished games yet").wait_for()


def test_a_wrong_submission_is_asked_about_and_explained(visitor: Visitor, problem: DslProblem) -> None:
    page = opened(visitor, problem)
    page.locator("#play-submit").click()
    page.locator("#play-not-yet").click()
    page.locator("#play-ask-submit").wait_for(state="hidden")
    assert page.locator("#play-ended").count() == 0
    submit(page)
    assert "Unchanged" in page.locator("#play-ended").inner_text()
    page.locator("#play-ended").get_by_role("button", name="Next problem").click()
    page.wait_for_function("id => !location.search.includes(id)", arg=problem.id)
    turns_left(page, 8)


def test_the_turns_run_out(visitor: Visitor, problem: DslProblem) -> None:
    page = opened(visitor, problem)
    for left in range(7, 0, -1):
        page.locator("#play-docs").click()
        if left > 1:
            turns_left(page, left)
    page.get_by_text("Last turn").wait_for()
    assert page.locator("#play-hint").is_disabled()
    page.locator("#play-run").click()
    page.locator("#play-ended").get_by_text("Never submitted").wait_for()
    assert page.locator("#play-log .call").count() == 8
    page.locator("#play-restart").click()
    turns_left(page, 8)


def test_a_press_on_a_step_inspects_it(visitor: Visitor, problem: DslProblem) -> None:
    page = opened(visitor, problem)
    step = page.locator("#play-flow button.step").nth(1)
    name = step.get_attribute("data-node")
    step.focus()
    page.keyboard.press("Enter")
    turns_left(page, 7)
    assert page.locator("#play-answer h3").inner_text().startswith(f"Inspect: {name}")
    assert "rows" in page.locator("#play-answer pre").inner_text()


def test_mistakes_are_told_while_one_types_and_go(visitor: Visitor, problem: DslProblem) -> None:
    page = opened(visitor, problem)
    area(page).fill(problem.buggy_code.replace("load(", "laod(", 1))
    message = page.locator("#play-editor .flaws li")
    message.first.wait_for()
    assert "Line 1" in message.first.inner_text()
    assert page.locator("#play-editor .paint .flaw").count() >= 1
    assert page.locator("#play-editor .numbers .marked").inner_text().strip() == "1"
    table = next(iter(problem.tables))
    area(page).fill(f'other = load("{table}")\nemit other\n')
    message.first.wait_for(state="detached")
    page.locator("#play-flow .node").get_by_text("other", exact=True).wait_for()  # the picture follows
    turns_left(page, 8)


def test_keys_run_indent_leave_and_submit(visitor: Visitor, problem: DslProblem) -> None:
    page = opened(visitor, problem)
    area(page).focus()
    page.keyboard.press("Control+End")
    page.keyboard.press("Tab")
    assert area(page).input_value() == f"{problem.buggy_code}  "
    page.keyboard.press("Control+z")
    assert area(page).input_value() == problem.buggy_code
    page.keyboard.press("Control+Enter")
    turns_left(page, 7)
    area(page).focus()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") != "TEXTAREA"
    area(page).focus()
    page.keyboard.press("Control+Shift+Enter")
    page.locator("#play-sure").wait_for()
    page.keyboard.press("Enter")  # the question has the focus
    page.locator("#play-ended").wait_for()


def test_two_visitors_do_not_see_each_other(visitor: Visitor, problem: DslProblem) -> None:
    one, other = opened(visitor, problem), opened(visitor, problem)
    area(one).fill(f"{problem.buggy_code}-- mine")
    one.locator("#play-run").click()
    turns_left(one, 7)
    other.locator("#play-docs").click()
    turns_left(other, 7)
    assert "mine" not in other.content()
    assert area(other).input_value() == problem.buggy_code
    assert one.locator("#play-log .call").count() == other.locator("#play-log .call").count() == 1


def test_hostile_programs_leave_the_app_responsive(visitor: Visitor, problem: DslProblem) -> None:
    page = opened(visitor, problem)
    table = max(problem.tables, key=lambda name: problem.tables[name].length)
    column = problem.tables[table].names[0]
    bomb = f'a = load("{table}") |> compute(one: 1)\n' + "".join(
        f"{to} = join({name}, {name}, on: one == one)\n" for name, to in zip("abcdef", "bcdefg", strict=True)
    )
    area(page).fill(f"{bomb}emit g\n")
    page.locator("#play-run").click()
    turns_left(page, 7)
    assert f"{LIMITS.rows:,}" in page.locator("#play-answer").inner_text()
    markup = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    area(page).fill(f"a = load(\"{table}\") |> filter({column} != '{markup}')\n-- {markup}\nemit a\n")
    page.locator("#play-run").click()
    turns_left(page, 6)
    assert page.locator("#play-page img, #play-page .dsl script").count() == 0
    page.evaluate("text => navigator.clipboard.writeText(text)", "x = 1\n" * 170_000)
    area(page).focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+v")
    page.locator("#play-editor .too-long").wait_for()
    area(page).fill(problem.correct_code)
    submit(page)
    assert "Solved!" in page.locator("#play-ended").inner_text()


def test_an_unknown_link_gives_another_problem(visitor: Visitor) -> None:
    page = visitor("?problem=<b>nothing</b>")
    page.get_by_text("There is no such problem here").wait_for()
    turns_left(page, 8)
    page.wait_for_function("!location.search.includes('nothing')")
    assert re.search(r"\?problem=[0-9a-f]{16}$", page.url)


def test_a_game_without_help_tells_no_more_than_a_model_is_told(visitor: Visitor) -> None:
    page = visitor()
    turns_left(page, 8)
    page.get_by_label("as a model plays").check()
    page.locator("#play-surprise").click()
    page.get_by_text("no help", exact=True).wait_for()
    assert page.locator("#play-hint").is_disabled()
    area(page).fill("emit nothing_at_all")
    page.locator("#play-run").click()
    turns_left(page, 7)
    assert page.locator("#play-editor .flaws li").count() == 0
    table = page.locator("#play-tables summary code").first.inner_text()
    area(page).fill(f'a = load("{table}")\nemit a\n')
    page.locator("#play-run").click()
    turns_left(page, 6)
    said = page.locator("#play-answer, #play-log")
    assert page.locator("#play-answer pre.answer").is_visible()
    assert not re.search("rows right|rows are right|expected", " ".join(said.all_inner_texts()))
    assert said.locator(".right, .wrong, .missing, .extra, .altered").count() == 0


def test_a_phone_has_one_column_and_no_sideways_scrolling(visitor: Visitor, problem: DslProblem) -> None:
    page = opened(visitor, problem, width=PHONE, height=844)
    page.locator("#play-run").click()
    turns_left(page, 7)
    submit(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    tops = [page.locator(name).bounding_box()["y"] for name in ("#play-editor", "#play-run", "#play-goal")]
    assert tops == sorted(tops)
