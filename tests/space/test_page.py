"""The page as a whole: tabs, addresses, and nothing public but what agents call."""

import pytest

from space.ui import TABS, tab_of


@pytest.mark.parametrize(
    ("query", "tab"),
    [({}, "play"), ({"tab": "about"}, "about"), ({"trace": "x"}, "replay"), ({"tab": "<b>"}, "play")],
)
def test_an_address_names_its_tab(query: dict[str, str], tab: str) -> None:
    assert tab_of(query) == tab


@pytest.mark.parametrize(("name", "label"), [(name, label) for name, (label, _) in TABS.items()])
def test_every_tab_opens_by_its_address(visitor, name: str, label: str) -> None:
    page = visitor(f"?tab={name}")
    tab = page.get_by_role("tab", name=label, exact=True)
    page.wait_for_function("tab => tab.getAttribute('aria-selected') === 'true'", arg=tab.element_handle())
