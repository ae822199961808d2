"""The compare page in a real browser: its numbers against the papers', its cursor, its keys, its links."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from memviz import Experiment, encode
from memviz.cells import CELLS
from memviz.theme import MINUS, SEQUENTIAL_DARK, SEQUENTIAL_LIGHT
from memviz.web.compare.address import DEFAULT
from tests import oracles
from tests.browser.reading import close, frames_sent, read

OpenApp = Callable[..., None]
NewPage = Callable[..., Page]
ROWS = ("what keeps", "what lets in", "candidate", "what reads", "cell state", "hidden state", "gradient")


def drawn(page: Page) -> None:
    expect(page.locator(".multiples .where")).to_contain_text("step ")
    expect(page.locator(".multiples canvas").first).to_be_visible()


def cell(page: Page, row: str, column: int) -> Locator:
    """A panel: cells follow the name of their row."""
    gutter = page.locator(".multiples .gutter").filter(has_text=row)
    return gutter.locator(f"xpath=following-sibling::div[{column + 1}]")


def value(page: Page, row: str, column: int) -> float:
    return read(cell(page, row, column).locator(".value").inner_text())


def oracle(name: str, **settings: float) -> list[dict[str, np.ndarray]]:
    """Every signal of a side of the default page, by the plain numpy of the papers."""
    sequence = encode(DEFAULT.text)
    network = Experiment(name, seed=1, **settings).build(sequence)
    p = {part: tensor.numpy() for part, tensor in network.parameters.items()}
    state = {part: np.zeros(len(names) * 8) for part, names in CELLS[name].state}
    return oracles.run(name, p, sequence.inputs, state)


def test_the_numbers_at_the_cursor_are_those_of_the_papers(page: Page, open_app: OpenApp) -> None:
    open_app(page, "compare?timestep=7&unit=3")
    drawn(page)
    lstm, biased, gru = oracle("lstm"), oracle("lstm", forget_bias=3.0), oracle("gru")
    for column, signals in ((2, lstm), (3, biased)):
        names = ("forget", "input", "candidate", "output", "cell", "hidden")
        for row, name in zip(ROWS, names, strict=False):
            assert close(value(page, row, column), signals[7][name][3]), (column, row)
    assert close(value(page, "what lets in", 1), 1 - gru[7]["update"][3])
    assert close(value(page, "what reads", 1), gru[7]["reset"][3])
    expect(cell(page, "cell state", 1)).to_have_text("no cell state: h is the memory")


def test_the_keys_move_one_cursor_in_every_panel_and_say_where(page: Page, open_app: OpenApp) -> None:
    open_app(page, "compare")
    drawn(page)
    gru = oracle("gru")
    grid = page.locator(".multiples .scroll")
    grid.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        grid.press(key)
    expect(page.locator(".multiples .where")).to_have_text("step 2 of 0 to 19, “m”, unit 1")
    assert close(value(page, "hidden state", 1), gru[2]["hidden"][1])
    places = page.locator(".multiples .cursor").evaluate_all(
        """all => all.map((e) => [e, e.parentElement].map((each) => each.getBoundingClientRect().left))
             .map(([cursor, track]) => Math.round(cursor - track))"""
    )
    strips = 2 + 6 + 7 + 7  # of the Elman network, the GRU and both LSTMs
    assert len(places) == strips + 2 * 4  # and the tokens and the norm of each
    assert len(set(places)) == 1
    expect(page.locator(".multiples .live")).to_have_text("step 2 of 0 to 19, “m”, unit 1")
    expect(page).to_have_url(re.compile("timestep=2&unit=1"))
    grid.press("End")
    expect(page.locator(".multiples .where")).to_contain_text("step 19")
    grid.press("s")
    expect(page.locator(".multiples .live")).to_contain_text("D, LSTM, forget bias 3: forget gate 0.9")


def test_hovering_moves_the_cursor_without_the_server_and_a_click_keeps_it(
    page: Page, open_app: OpenApp
) -> None:
    sent = frames_sent(page)
    open_app(page, "compare")
    drawn(page)
    page.wait_for_timeout(1000)
    before = len(sent)
    track = cell(page, "hidden state", 0).locator(".track")
    box = track.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 10.5 / 20, box["y"] + box["height"] * 4.5 / 8)
    where = page.locator(".multiples .where")
    expect(where).to_have_text("step 10 of 0 to 19, “h”, unit 4")
    assert close(value(page, "hidden state", 2), oracle("lstm")[10]["hidden"][4])
    page.wait_for_timeout(500)
    assert len(sent) == before
    page.mouse.move(5, 5)
    expect(where).to_contain_text("step 0")
    page.mouse.click(box["x"] + box["width"] * 10.5 / 20, box["y"] + box["height"] * 4.5 / 8)
    page.mouse.move(5, 5)
    expect(page).to_have_url(re.compile("timestep=10&unit=4"))
    expect(where).to_contain_text("step 10 of 0 to 19, “h”, unit 4")


def test_the_slider_and_the_unit_can_be_set_by_name(page: Page, open_app: OpenApp) -> None:
    open_app(page, "compare")
    drawn(page)
    page.get_by_role("slider", name="Step").press("End")
    page.get_by_label("Unit", exact=True).select_option("6")
    expect(page.locator(".multiples .where")).to_have_text("step 19 of 0 to 19, “r”, unit 6")
    assert close(value(page, "hidden state", 0), oracle("elman")[19]["hidden"][6])


def test_a_picture_is_sent_once_and_a_move_brings_only_its_key(page: Page, open_app: OpenApp) -> None:
    received: list[bytes] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda data: received.append(data)))
    open_app(page, "compare")
    drawn(page)
    grid = page.locator(".multiples .scroll")
    grid.press("ArrowRight")
    expect(page).to_have_url(re.compile("timestep=1"))
    page.wait_for_timeout(500)
    received.clear()
    grid.press("ArrowRight")
    expect(page).to_have_url(re.compile("timestep=2"))
    page.wait_for_timeout(500)
    texts = [frame if isinstance(frame, bytes) else frame.encode() for frame in received]
    assert any(b'"position"' in text for text in texts)
    assert not any(b'"rows"' in text for text in texts)


def test_a_side_is_changed_by_its_popover_and_back_returns(page: Page, open_app: OpenApp) -> None:
    open_app(page, "compare?sides=lstm,lstm")
    drawn(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Nothing differs")
    page.get_by_role("button", name="B LSTM").click()
    box = page.get_by_role("spinbutton", name="Forget bias")
    box.fill("3")
    box.press("Enter")
    expect(page.locator(".multiples .head").nth(1)).to_have_text("B LSTM, forget bias 3")
    expect(page).to_have_url(re.compile("forget_bias%3A3"))
    assert close(value(page, "what keeps", 1), oracle("lstm", forget_bias=3.0)[0]["forget"][0])
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Nothing differs")


def test_a_link_shows_the_same_in_a_second_browser(page: Page, new_page: NewPage, open_app: OpenApp) -> None:
    open_app(page, "compare?sides=gru,lstm;interventions:clamp~forget~1.0&text=hello&timestep=3&unit=2")
    drawn(page)
    page.locator(".multiples .scroll").press("ArrowRight")
    expect(page).to_have_url(re.compile("timestep=4"))
    other = new_page()
    other.goto(page.url)
    drawn(other)
    shown = [each.locator(".multiples .value").all_inner_texts() for each in (page, other)]
    assert shown[0] == shown[1]
    assert len(shown[0]) > 10


def test_a_side_opens_in_gates_with_the_same_numbers(page: Page, open_app: OpenApp) -> None:
    open_app(page, "compare?timestep=5&unit=2")
    drawn(page)
    shown = cell(page, "hidden state", 3).locator(".value").inner_text()
    page.get_by_role("button", name="D LSTM, forget bias 3").click()
    page.get_by_role("link", name="Open in Gates").click()
    expect(page.locator('.machine .node[data-node="hidden"] .number')).to_have_text(shown)
    expect(page).to_have_url(re.compile("forget_bias=3.0"))


def test_a_preset_opens_by_its_link(page: Page, open_app: OpenApp) -> None:
    open_app(page, "compare")
    drawn(page)
    expect(page).to_have_url(re.compile("sides|text"))
    page.get_by_role("button", name="Presets").click()
    page.get_by_role("link", name="A GRU in both conventions").click()
    expect(page.locator(".multiples .head")).to_have_count(2)
    expect(page.get_by_text("With the same weights the candidate n parts at step 0")).to_be_visible()


def test_row_names_stay_while_the_columns_of_a_phone_scroll(new_page: NewPage, open_app: OpenApp) -> None:
    page = new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    open_app(page, "compare")
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".multiples .scroll").evaluate("element => (element.scrollLeft = 10_000)")
    name = page.locator(".multiples .gutter").filter(has_text="hidden state").bounding_box()
    last = cell(page, "hidden state", 3).bounding_box()
    assert name
    assert last
    assert name["x"] >= 0
    assert last["x"] + last["width"] <= 391
    track = cell(page, "hidden state", 3).locator(".track")
    box = track.bounding_box()
    assert box
    track.tap(position={"x": box["width"] * 0.975, "y": 2})
    expect(page.locator(".multiples .where")).to_contain_text("step 19 of 0 to 19, “r”, unit 0")


def test_the_picture_follows_the_theme(page: Page, open_app: OpenApp) -> None:
    open_app(page, "compare?sides=lstm;forget_bias:50")
    drawn(page)
    centre = """canvas => [...canvas.getContext('2d').getImageData(5, 5, 1, 1).data].slice(0, 3)"""
    for scheme, colour in (("dark", SEQUENTIAL_DARK[-1]), ("light", SEQUENTIAL_LIGHT[-1])):
        page.emulate_media(color_scheme=scheme)
        expect(page.locator(f'.multiples[data-ground="{scheme}"]')).to_be_visible()
        painted = cell(page, "what keeps", 0).locator("canvas").evaluate(centre)
        assert painted == [int(colour[k : k + 2], 16) for k in (1, 3, 5)]


def test_an_exact_zero_is_written_as_zero(page: Page, open_app: OpenApp) -> None:
    open_app(page, "compare?sides=gru,lstm&loss_timestep=4&timestep=9")
    drawn(page)
    assert cell(page, "gradient", 0).locator(".value").inner_text() == "0"
    assert page.locator(".multiples .norms").first.locator(".zero").count() == 15
    page.locator(".multiples .scroll").press("Home")
    assert MINUS in cell(page, "gradient", 0).locator(".value").inner_text() or value(page, "gradient", 0) > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_is_wider_than_the_screen_and_axe_finds_nothing(
    new_page: NewPage, open_app: OpenApp, axe: Callable[[Page], list[str]], scheme: str, width: int
) -> None:
    page = new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    open_app(page, "compare?sides=elman,gru,gru-v3,lstm,lstm-fgr,lstm-1997")
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.locator(".multiples :is(span, b, div, output, label)").evaluate_all(
        """all => all.filter((e) => e.textContent.trim() && !e.closest('.live') && e.getClientRects().length)
             .map((e) => parseFloat(getComputedStyle(e).fontSize))"""
    )
    assert min(small) >= 12
    targets = page.locator(".multiples :is(input, select)").evaluate_all(
        "all => all.map((e) => Math.min(e.getBoundingClientRect().width, e.getBoundingClientRect().height))"
    )
    assert min(targets) >= 24
    assert axe(page) == []
