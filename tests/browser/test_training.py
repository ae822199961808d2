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
from memviz.web.training.address import DEFAULT, TrainingState
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
    expect(page.get_by_text(re.compile(r"update [1-9][\d,]* of"))).to_be_visible(timeout=PATIENCE)


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
        f"score {number(first.score)}, loss {number(first.loss)}"
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
    expect(second.get_by_text("Waiting: 1 order is before yours.")).to_be_visible()
    first.close()
    expect(title(second)).to_contain_text("learn", timeout=PATIENCE)
    expect(button(second, "Train")).to_be_enabled(timeout=PATIENCE)
    expect(second.get_by_text("Waiting")).to_have_count(0)


def test_a_training_is_cancelled_and_another_begins(page: Page, open_app: OpenApp) -> None:
    open_app(page, LONG)
    button(page, "Train").dblclick()
    is_learning(page)
    button(page, "Cancel").click()
    expect(page.get_by_text("Cancelled. What was learnt up to then is kept.")).to_be_visible()
    expect(button(page, "Train")).to_be_enabled()


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_is_wider_than_the_screen(new_page: NewPage, open_app: OpenApp, width: int) -> None:
    page = new_page(viewport={"width": width, "height": 900})
    open_app(page, "training")
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
