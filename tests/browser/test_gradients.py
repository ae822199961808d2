"""The gradients page in a real browser: opened by a link, read, turned by the keyboard, and left and come back to."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from memviz.gradients import FOUR, curves
from memviz.theme import power_of_ten
from memviz.web.gradients.address import GradientsState

OpenApp = Callable[..., None]
NewPage = Callable[..., Page]
FIGURES = 12


def drawn(page: Page) -> None:
    """Wait until every figure is drawn, also those out of sight."""
    expect(page.locator(".memviz-live .drawn")).to_have_count(FIGURES)


def test_a_link_to_the_page_opens_it_with_the_navigation_and_every_figure(
    page: Page, open_app: OpenApp
) -> None:
    open_app(page, "gradients")
    expect(page.get_by_role("heading", level=1)).to_contain_text("An untrained LSTM forgets too")
    expect(page.get_by_role("link", name="Gates")).to_be_visible()
    drawn(page)


def test_the_labels_of_the_curves_are_the_engines_numbers(page: Page, open_app: OpenApp) -> None:
    open_app(page, "gradients?lag=50")
    drawn(page)
    study = GradientsState(lag=50).study
    labels = page.locator(".memviz-live").first.locator(".annotation-text").all_text_contents()
    for curve in curves(study, FOUR):
        left = power_of_ten(float(curve.reach(50)[0]))
        assert any(label.endswith(f"{left} left") for label in labels), (left, labels)


def test_the_lag_is_turned_by_the_keyboard_and_the_address_follows(page: Page, open_app: OpenApp) -> None:
    open_app(page, "gradients")
    page.get_by_role("slider", name="Lag").press("ArrowRight")
    expect(page.get_by_role("heading", level=1)).to_contain_text("over 150 steps")
    expect(page).to_have_url(re.compile("lag=150"))


def test_a_preset_opens_by_its_link_and_back_returns(page: Page, open_app: OpenApp) -> None:
    open_app(page, "gradients")
    expect(page).to_have_url(re.compile("forget_bias"))  # the page has written its address
    page.get_by_role("button", name="Presets").click()
    page.get_by_role("link", name="A matrix that grows").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Over 9 steps")
    expect(page.locator("[aria-label*='grows to 19.4 at lag 9']").first).to_be_attached()
    expect(page).to_have_url(re.compile("lag=9&"))
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_contain_text("over 100 steps")


def test_the_page_is_as_it_was_when_the_reader_comes_back_from_the_gates(
    page: Page, open_app: OpenApp
) -> None:
    open_app(page, "gradients?lag=70")
    page.get_by_role("link", name="Gates").click()
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    page.get_by_role("link", name="Gradients").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("over 70 steps")
    expect(page).to_have_url(re.compile("lag=70"))


def test_another_network_is_opened_up_and_checked_in_three_ways(page: Page, open_app: OpenApp) -> None:
    open_app(page, "gradients?lag=20&timestep=15")
    page.get_by_role("radio", name="GRU", exact=True).click()
    expect(page.locator("[aria-label*='There is no c']").first).to_be_attached()
    page.get_by_text("Check this: one number in three ways").click()
    expect(page.get_by_text("At any size, as the page draws it")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_is_wider_than_the_screen_and_axe_finds_nothing(
    new_page: NewPage, open_app: OpenApp, axe: Callable[[Page], list[str]], scheme: str, width: int
) -> None:
    page = new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    open_app(page, "gradients")
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe(page) == []
