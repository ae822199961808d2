"""A trained network in a real browser: opened in one click, what it says, and a unit that is held."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from memviz import models
from tests.browser.reading import NewPage, OpenApp, close, node, read


def test_one_click_opens_a_network_whose_numbers_and_answers_are_its_own(
    page: Page, open_app: OpenApp
) -> None:
    open_app(page)
    page.get_by_role("button", name="Trained").click()
    page.get_by_role("button", name="LSTM: the parity of bits").click()
    page.wait_for_url("**model=parity-lstm**")
    trained = models.load("parity-lstm")
    text = models.examples("parity-lstm", trained)[0]
    trace = trained.run(trained.task.encode(text))
    cells = page.locator(".ribbon .cell")
    expect(cells).to_have_count(len(text))
    said = ["odd" if row[1] > row[0] else "even" for row in trained.predict(trace)]
    for place, answer in enumerate(said):
        expect(cells.nth(place)).to_contain_text(text[place])
        expect(cells.nth(place).locator(".under")).to_have_text(f"{answer} ✓")
    page.wait_for_function("() => !document.querySelector('[data-testid=stStatusWidget]')")
    shown = read(node(page, "cell").locator(".number").text_content() or "")
    assert close(shown, float(trace["cell"][0, 0]))
    expect(page.get_by_role("slider", name="Units")).to_be_disabled()


def test_a_unit_is_held_by_keyboard_alone_and_the_task_breaks(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?model=latch-100")
    page.locator("summary", has_text="Units that mean something").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("nothing is held or edited")).to_be_visible(timeout=30_000)
    hold = page.get_by_role("button", name="Hold at").first
    hold.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**interventions=clamp**")
    expect(page.get_by_text("The score was 1.00 and is")).to_be_visible(timeout=30_000)
    let_go = page.get_by_role("button", name="Let go")
    let_go.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("nothing is held or edited")).to_be_visible(timeout=30_000)


def test_the_links_lead_to_its_gradients_and_its_comparison(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?model=reber-gru")
    page.get_by_role("link", name="See its gradients").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("trained network", timeout=60_000)
    page.get_by_role("link", name="Compare it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("embedded Reber grammar", timeout=60_000)
    assert "model=reber-gru" in page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_with_a_trained_network_and_its_concepts_has_no_violation(
    new_page: NewPage, open_app: OpenApp, axe: Callable[[Page], list[str]], scheme: str
) -> None:
    page = new_page(color_scheme=scheme)
    open_app(page, "?model=counter-lstm")
    page.locator("summary", has_text="Units that mean something").click()
    expect(page.get_by_text("nothing is held or edited")).to_be_visible(timeout=30_000)
    page.wait_for_timeout(1500)
    assert axe(page) == []
