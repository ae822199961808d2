"""The training page in a real browser: train, watch it finish, scrub through it; two visitors; leaving mid-train."""

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from memviz.experiment import Experiment
from memviz.theme import number
from memviz.training import TrainedNetwork, fit
from memviz.web.training.address import DEFAULT, THOUSAND, TrainingState
from memviz.web.training.result import shipped
from tests import oracles
from tests.browser.reading import node

OpenApp = Callable[..., None]
NewPage = Callable[..., Page]
LONG = "training?task=latch%3Bsteps%3A300&sides=lstm&updates=5000&rate=0.00001&seconds=170"
SHORT = "training?task=latch%3Bsteps%3A8&sides=lstm&updates=20"
PATIENCE = 120_000


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def title(page: Page) -> Locator:
    return page.locator("[data-testid=stMain] h1").first


def slider(page: Page) -> Locator:
    return page.get_by_role("slider", name="Time-lapse")


def is_learning(page: Page) -> None:
    expect(page.get_by_text(re.compile(r"[1-9][\d,]* of 5,000 updates"))).to_be_visible(timeout=PATIENCE)


def test_the_latch_is_trained_before_ones_eyes_and_its_time_lapse_is_scrubbed_by_keys(
    page: Page, open_app: OpenApp
) -> None:
    """Oracle: the same training in this process."""
    open_app(page, "training?sides=lstm%3Bforget_bias%3A4.605%3Binput_bias%3A-4.605&seed=3")
    button(page, "Train").click()
    expect(button(page, "Train")).to_be_disabled()
    asked = TrainingState(experiment=Experiment(hidden_size=4, seed=3), sides=DEFAULT.sides[1:])
    lesson = asked.lesson(0, 0)
    expected = fit(lesson.experiment, lesson.task, lesson.settings)
    expect(title(page)).to_contain_text(
        f"learns it after {expected.outcome.update} updates", timeout=PATIENCE
    )
    expect(button(page, "Train")).to_be_enabled()
    expect(button(page, "This network as a file")).to_be_enabled()  # the last part of the page has followed
    thumb = slider(page)
    expect(thumb).to_have_value(str(len(expected.checkpoints) - 1))
    thumb.focus()
    page.keyboard.press("Home")
    first = expected.checkpoints[0]
    expect(page.get_by_text(re.compile(r"After 0 updates.* score"))).to_contain_text(
        f"score {number(first.score)}, loss of the first sequences {number(first.loss)}"
    )
    expect(page).to_have_url(re.compile("checkpoint=0"))
    expect(node(page, "forget").locator(".number")).to_have_text(_forget(expected, 0))
    page.keyboard.press("End")
    expect(node(page, "forget").locator(".number")).to_have_text(_forget(expected, -1))
    expect(page.get_by_text(re.compile(r"it says [AB] with"))).to_be_visible()
    page.get_by_role("link", name="See its gates").click()
    expect(page.get_by_text("Trained on this server from seed 3")).to_be_visible(timeout=PATIENCE)
    expect(page).to_have_url(re.compile("model=own-"))


def _forget(trained: TrainedNetwork, checkpoint: int) -> str:
    """The forget gate of unit 0 at the first step of the example, by the plain numpy of the papers."""
    network = trained.checkpoints[checkpoint].network
    xs = trained.task.batch(1, torch.Generator().manual_seed(20)).inputs[0].numpy().astype(np.float64)
    p = {name: value.numpy() for name, value in network.parameters.items()}
    return number(float(oracles.run("lstm", p, xs, oracles.state("lstm", 4, None))[0]["forget"][0]))


def test_the_page_opens_on_a_result_without_violations_in_both_themes(
    new_page: NewPage, open_app: OpenApp, axe: Callable[[Page], list[str]]
) -> None:
    result = shipped(DEFAULT)
    assert result is not None
    solved = result.standings[1].outcome
    assert solved is not None
    for scheme in ("light", "dark"):
        page = new_page(color_scheme=scheme)
        open_app(page, "training")
        expect(title(page)).to_contain_text(f"learns it after {solved.update} updates")
        expect(page.locator(".js-plotly-plot")).to_have_count(3)
        assert axe(page) == []


def test_one_visitor_waits_for_another_and_goes_on_when_that_one_leaves(
    new_page: NewPage, open_app: OpenApp
) -> None:
    first, second = new_page(), new_page()
    open_app(first, LONG)
    button(first, "Train").click()
    is_learning(first)
    open_app(second, SHORT)
    button(second, "Train").click()
    expect(second.get_by_text("1 order is before yours.")).to_be_visible(timeout=PATIENCE)
    first.close()
    expect(title(second)).to_contain_text("learn", timeout=PATIENCE)
    expect(button(second, "Train")).to_be_enabled(timeout=PATIENCE)
    expect(second.get_by_text("before yours")).to_have_count(0)


def test_a_training_is_cancelled_and_another_begins(page: Page, open_app: OpenApp) -> None:
    open_app(page, LONG)
    button(page, "Train").dblclick()
    is_learning(page)
    button(page, "Cancel").click()
    expect(page.get_by_text("Cancelled. What was learnt up to then is kept.")).to_be_visible()
    expect(button(page, "Train")).to_be_enabled()
    expect(button(page, "Cancel")).to_be_disabled()


def test_a_training_begins_and_is_cancelled_by_keys_alone_and_changes_meanwhile_count_later(
    page: Page, open_app: OpenApp
) -> None:
    open_app(page, LONG)
    button(page, "Train").focus()
    page.keyboard.press("Enter")
    is_learning(page)
    page.get_by_role("slider", name="Units").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("they count from the next training on")).to_be_visible()
    expect(page).to_have_url(re.compile("hidden_size=5"))
    is_learning(page)
    button(page, "Cancel").focus()
    page.keyboard.press("Enter")
    expect(button(page, "Train")).to_be_enabled(timeout=10_000)


def test_a_reload_keeps_the_settings_and_says_what_it_loses(page: Page, open_app: OpenApp) -> None:
    open_app(page, LONG)
    button(page, "Train").click()
    is_learning(page)
    page.reload()
    expect(page.get_by_text("nothing is trained with these")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("reloading or closing it loses it")).to_be_visible()
    expect(page).to_have_url(re.compile("updates=5000"))
    expect(title(page)).to_contain_text("learns it after")


PLACES = """() => {
    const top = (part) => Math.round(part.getBoundingClientRect().top);
    const plots = [...document.querySelectorAll(".js-plotly-plot")].map(top);
    return JSON.stringify([plots, document.querySelector("[data-testid=stMain]").scrollHeight]);
}"""


def test_nothing_jumps_from_the_click_to_the_end_of_a_training(page: Page, open_app: OpenApp) -> None:
    open_app(page, "training?seed=5&updates=60")
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    page.wait_for_timeout(1500)
    places = {page.evaluate(PLACES)}
    button(page, "Train").click()
    expect(button(page, "Train")).to_be_disabled()
    while button(page, "Train").is_disabled():
        places.add(page.evaluate(PLACES))
    expect(title(page)).to_contain_text("not learnt it after 60 updates")
    places.add(page.evaluate(PLACES))
    assert len(places) == 1, places


def test_the_thousand_steps_are_one_button_and_their_failed_seeds_are_read_without_hovering(
    page: Page, open_app: OpenApp
) -> None:
    open_app(page, "training")
    button(page, "The thousand steps").click()
    result = shipped(THOUSAND)
    assert result is not None
    table = page.get_by_role("table")
    expect(table.get_by_role("row")).to_have_count(5)
    for side, row in enumerate(table.get_by_role("row").all()[1:]):
        for seed, standing in enumerate(result.of_side(side)):
            outcome = standing.outcome
            assert outcome is not None
            said = f"✓ {outcome.update}" if standing.is_solved else f"✕ {number(standing.score)}"
            expect(row.get_by_role("cell").nth(seed + 1)).to_have_text(said)
    expect(page.get_by_text("An open forget gate alone is not enough")).to_be_visible()
    expect(page.locator(".ribbon .cell").last).to_have_attribute("data-step", "1000")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_is_wider_than_the_screen(
    new_page: NewPage, open_app: OpenApp, width: int, scheme: str
) -> None:
    page = new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    open_app(page, "training")
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    button(page, "The thousand steps").click()
    expect(page.get_by_role("table")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
