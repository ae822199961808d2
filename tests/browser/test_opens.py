"""The app opens in a real browser: it has a heading, its console is quiet, axe has no complaint."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_app_opens_and_axe_finds_nothing(
    new_page: Callable[..., Page],
    open_app: Callable[..., None],
    axe: Callable[[Page], list[str]],
    scheme: str,
) -> None:
    page = new_page(color_scheme=scheme)
    open_app(page)
    expect(page).to_have_title("memviz")
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert axe(page) == []


@pytest.mark.parametrize(
    ("scheme", "background"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(14, 17, 23)")]
)
def test_the_theme_follows_the_system(
    new_page: Callable[..., Page], open_app: Callable[..., None], scheme: str, background: str
) -> None:
    page = new_page(color_scheme=scheme)
    open_app(page)
    expect(page.locator("[data-testid=stApp]")).to_have_css("background-color", background)
