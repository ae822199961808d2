"""The gates page in a real browser: type, step by keyboard, and read numbers that torch computes too."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from memviz import Experiment, encode
from memviz.theme import MINUS
from memviz.web.gates.address import DEFAULT

OpenApp = Callable[..., None]
NewPage = Callable[..., Page]


def tokens(page: Page) -> Locator:
    return page.locator(".ribbon .token")


def read(text: str) -> float:
    return float(text.replace(MINUS, "-"))


def on_node(page: Page, name: str) -> float:
    """The number on a node of the machine."""
    return read(page.locator(f'.machine .node[data-node="{name}"] .number').text_content() or "")


def by_torch(text: str, experiment: Experiment) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden states and forget gates (time, unit), from nn.LSTM and from its weights; nothing of memviz's steps."""
    sequence = encode(text)
    module = experiment.build(sequence).to_torch()
    assert isinstance(module, torch.nn.LSTM)
    x = torch.tensor(sequence.inputs)
    with torch.no_grad():
        hidden, _ = module(x)
        before = torch.cat([torch.zeros(1, hidden.shape[1], dtype=torch.float64), hidden[:-1]])
        units = slice(experiment.hidden_size, 2 * experiment.hidden_size)
        pre = x @ module.weight_ih_l0[units].T + module.bias_ih_l0[units]
        pre = pre + before @ module.weight_hh_l0[units].T + module.bias_hh_l0[units]
    return hidden, torch.sigmoid(pre)


def close(shown: float, exact: float) -> bool:
    """Whether a number on the screen is the exact one to its three digits."""
    return math.isclose(shown, exact, rel_tol=5.1e-3, abs_tol=1e-12)


def test_typing_and_stepping_by_keyboard_shows_the_numbers_of_torch(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?signal=forget")
    box = page.get_by_role("textbox", name="Sequence")
    box.click()
    box.press("Control+A")
    box.press_sequentially("abcabc", delay=40)
    expect(tokens(page)).to_have_count(6)
    expect(tokens(page).nth(5).locator(".text")).to_have_text("c")

    hidden, forget = by_torch("abcabc", DEFAULT.experiment)
    expect(page.locator(".readout")).to_contain_text("step 4 of 0 to 5")
    for t in range(6):
        shown = read(tokens(page).nth(t).locator(".value").inner_text())
        assert close(shown, float(forget[t, DEFAULT.unit]))

    page.locator(".ribbon").focus()
    page.keyboard.press("Home")
    for t in range(6):
        expect(page.locator(".readout")).to_contain_text(f"step {t} of 0 to 5")
        expect(tokens(page).nth(t)).to_have_attribute("aria-selected", "true")
        assert close(on_node(page, "hidden"), float(hidden[t, DEFAULT.unit]))
        page.keyboard.press("ArrowRight")
    expect(page.locator(".readout")).to_contain_text("step 5 of 0 to 5")


def test_a_click_on_a_token_moves_the_cursor_and_the_address(page: Page, open_app: OpenApp) -> None:
    open_app(page)
    tokens(page).nth(9).click()
    expect(page.locator(".readout")).to_contain_text("step 9 of 0 to 10")
    page.wait_for_url("**timestep=9**")


def test_the_link_shows_the_same_numbers_in_another_browser(
    new_page: NewPage, open_app: OpenApp, server: object
) -> None:
    first = new_page()
    open_app(first, "?text=%3Cb%3Ex%F0%9F%91%8D%F0%9F%8F%BD&cell=gru&seed=11&hidden_size=4&unit=3&timestep=2")
    names = ["reset", "update", "candidate", "hidden"]
    shown = [on_node(first, name) for name in names]
    second = new_page(color_scheme="dark")
    open_app(second, first.url.removeprefix(f"{server}/"))
    assert [on_node(second, name) for name in names] == shown
    assert tokens(second).all_inner_texts() == tokens(first).all_inner_texts()
    assert len(tokens(second).all()) == 5  # < b > x and one thumb with its skin tone


@pytest.mark.parametrize(
    "text", ["<img src=x onerror=document.title='owned'>", "<script>document.title='owned'</script>"]
)
def test_markup_in_the_text_stays_text(page: Page, open_app: OpenApp, text: str) -> None:
    open_app(page)
    page.get_by_role("textbox", name="Sequence").fill(text)
    expect(tokens(page)).to_have_count(len(text))
    page.wait_for_timeout(500)
    assert page.title() == "memviz"
    assert page.locator(".stage img, .stage script").count() == 0


def test_ten_megabytes_pasted_get_a_sentence_and_the_page_lives(page: Page, open_app: OpenApp) -> None:
    open_app(page)
    box = page.get_by_role("textbox", name="Sequence")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("navigator.clipboard.writeText('x'.repeat(10_000_000))")
    box.focus()
    box.press("Control+A")
    box.press("Control+V")
    patience = 240_000  # ms; the browser itself takes long over a line of 10 MB
    expect(page.get_by_role("alert")).to_contain_text("got 10,000,000", timeout=patience)
    expect(tokens(page)).to_have_count(11)
    box.fill("abc", timeout=patience)
    expect(tokens(page)).to_have_count(3, timeout=patience)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_downloads_hold_the_trace(page: Page, open_app: OpenApp) -> None:
    open_app(page)
    page.get_by_role("button", name="Download", exact=True).click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Trace as CSV").click()
    lines = saved.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "timestep,token,signal,unit,value"
    assert len(lines) == 1 + 11 * 23 * 8


def test_the_stage_is_saved_as_a_page_that_needs_no_server(
    page: Page, open_app: OpenApp, tmp_path: Path
) -> None:
    open_app(page, "?timestep=7&unit=2&node=forget")
    here = on_node(page, "forget")
    page.get_by_role("button", name="Download", exact=True).click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Stage as HTML").click()
    saved.value.save_as(tmp_path / "stage.html")
    page.context.set_offline(True)
    page.goto(f"file://{tmp_path}/stage.html")
    expect(page.locator(".card h2")).to_contain_text("Forget gate: step 7 of 0 to 10, “o”, unit 2")
    assert on_node(page, "forget") == here


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize(
    "query", ["?cell=gru&text=aaabbb", "?cell=elman", "?kind=signal&text=sine+200&cell=lstm-fgr"]
)
def test_axe_finds_nothing_and_nothing_overflows(
    new_page: NewPage, open_app: OpenApp, axe: Callable[[Page], list[str]], width: int, query: str
) -> None:
    page = new_page(viewport={"width": width, "height": 900}, color_scheme="dark")
    open_app(page, query)
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_picture_stays_while_the_text_cannot_be_read(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?text=abc")
    page.get_by_role("textbox", name="Sequence").fill("")
    expect(page.get_by_role("alert")).to_contain_text("Enter 1 to 200")
    expect(tokens(page)).to_have_count(3)
    expect(page.locator(".js-plotly-plot")).to_have_count(2)


def test_fewer_units_pressed_quickly_leave_the_page_alive(page: Page, open_app: OpenApp) -> None:
    open_app(page)
    page.get_by_role("slider", name="Units").focus()
    for _ in range(7):
        page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(200)
    page.wait_for_url("**hidden_size=1&**")
    expect(page.get_by_text("unit 0", exact=False).first).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(2)


def test_a_panel_stays_open_while_what_its_button_says_changes(page: Page, open_app: OpenApp) -> None:
    open_app(page)
    page.get_by_role("button", name="Loss: sum of h over units at step 10").click()
    slider = page.get_by_role("slider", name="read at timestep")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(300)
    page.wait_for_url("**loss_timestep=7**")
    expect(slider).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Loss: sum of h over units at step 7")).to_be_visible()
