"""A trained network in a real browser: opened in one click, what it says, and a unit that is held."""

from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from memviz import concepts, models, tasks
from tests.browser.reading import NewPage, OpenApp, close, node, read, settle


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
    expect(
        page.get_by_text(
            f"The score ({concepts.scored_sequences(tasks.latch(100))} sequences) was 1.00 and is"
        )
    ).to_be_visible(timeout=30_000)
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


def test_the_threshold_is_dragged_on_the_picture_and_by_keys_and_finds_what_passes(
    page: Page, open_app: OpenApp
) -> None:
    open_app(page, "?model=characters-gru&concept=1")
    page.locator("summary", has_text="Units that mean something").focus()
    page.keyboard.press("Enter")
    line = page.get_by_role("slider", name="Correlation from")
    expect(line).to_have_attribute("aria-valuenow", "0.8", timeout=30_000)
    page.wait_for_timeout(1000)
    line.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    trained = models.load("characters-gru")
    sizes = np.abs(concepts.correlations(trained.network, trained.task).values[1])

    def passing(threshold: float) -> str:
        return f"{int((sizes >= threshold).sum())} of {sizes.size}"

    def chosen() -> float:
        return float(line.get_attribute("aria-valuenow") or "nan")

    box = line.bounding_box()
    assert box is not None
    assert box["height"] >= 24
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 40, steps=4)
    assert chosen() < 0.8
    expect(line).to_have_attribute("aria-valuetext", f"{chosen():.2f}: {passing(chosen())}")
    assert "threshold" not in page.url  # nothing is asked of the server in the middle of a drag
    page.mouse.up()
    dragged = chosen()
    page.wait_for_url(f"**threshold={round(100 * dragged)}**")
    expect(page.get_by_text(f"{passing(dragged)} go with it by {dragged:.2f}")).to_be_visible()
    line.focus()
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    expect(line).to_have_attribute("aria-valuetext", f"{dragged + 0.03:.2f}: {passing(dragged + 0.03)}")
    page.wait_for_url(f"**threshold={round(100 * dragged) + 3}**")
    expect(page.get_by_text(f"go with it by {dragged + 0.03:.2f}")).to_be_visible()
    expect(line).to_be_focused()
    page.keyboard.press("Home")
    expect(page.get_by_text(f"{sizes.size} of {sizes.size} go with it by 0.00")).to_be_visible()
    page.mouse.click(x, y + 20)  # the line is no longer there, but a mouse may press anywhere in the plot
    expect(line).not_to_have_attribute("aria-valuenow", "0")
    expect(page.get_by_text(f"{passing(chosen())} go with it by {chosen():.2f}")).to_be_visible()


def test_what_is_held_goes_along_to_the_other_pages_and_back_brings_the_network_back(
    page: Page, open_app: OpenApp
) -> None:
    open_app(page, "?model=latch-100&interventions=clamp~hidden~0.03~u1")
    page.get_by_role("link", name="Compare it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("trained", timeout=60_000)
    expect(page.get_by_text("trained and changed").first).to_be_visible()
    assert "interventions=clamp" in page.url
    page.get_by_role("link", name="See its gradients").click()
    expect(page.get_by_text("hidden state held at 0.0300, unit 1")).to_be_visible(timeout=60_000)
    settle(page)
    page.go_back()
    expect(page.get_by_text("trained and changed").first).to_be_visible(timeout=60_000)
    settle(page)
    page.go_back()
    expect(page.get_by_text("hidden state h held at 0.0300, unit 1")).to_be_visible(timeout=60_000)
    assert "model=latch-100" in page.url


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
