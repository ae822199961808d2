"""What if, in a real browser: a gate is held, a token changed, and the numbers are those of torch code written here."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect

from memviz import Experiment, encode
from memviz.web.gates.address import DEFAULT
from tests.browser.reading import TEXT, NewPage, OpenApp, close, node, read

T, UNIT = DEFAULT.timestep, DEFAULT.unit
SHOWN = ("input", "forget", "candidate", "output", "cell", "hidden")


def by_torch(
    held: Mapping[str, float], text: str = TEXT, experiment: Experiment = DEFAULT.experiment
) -> dict[str, float]:
    """An LSTM written out, some gates held at a number: the numbers of the unit and step that the page opens at."""
    sequence = encode(text)
    p = experiment.build(encode(TEXT)).parameters
    columns = encode(TEXT).features
    h = c = torch.zeros(8, dtype=torch.float64)
    for symbol in (sequence.symbols or ())[: T + 1]:
        pre = p["weight_ih"][:, columns.index(symbol)] + p["bias_ih"] + p["weight_hh"] @ h + p["bias_hh"]
        i, f, g, o = pre.split(8)
        gates = {"input": i.sigmoid(), "forget": f.sigmoid(), "candidate": g.tanh(), "output": o.sigmoid()}
        gates |= {name: torch.full((8,), value, dtype=torch.float64) for name, value in held.items()}
        c = gates["forget"] * c + gates["input"] * gates["candidate"]
        h = gates["output"] * torch.tanh(c)
    return {name: float(value[UNIT]) for name, value in {**gates, "cell": c, "hidden": h}.items()}


def numbers(page: Page) -> dict[str, str]:
    return {name: node(page, name).locator(".number").text_content() or "" for name in SHOWN}


def expect_numbers(page: Page, exact: Mapping[str, float]) -> None:
    """The machine comes to show these numbers, each to its three digits."""
    page.wait_for_function("() => !document.querySelector('[data-testid=stStatusWidget]')")
    for _ in range(100):
        shown = {name: read(text) for name, text in numbers(page).items()}
        if all(close(shown[name], exact[name]) for name in SHOWN):
            return
        page.wait_for_timeout(100)
    assert shown == pytest.approx({name: exact[name] for name in SHOWN}, rel=5.1e-3)


def test_a_gate_is_held_by_hand_and_reset_gives_back_the_same_numbers(page: Page, open_app: OpenApp) -> None:
    open_app(page)
    before = numbers(page)
    page.get_by_text("What if", exact=True).click()
    expect(page.get_by_role("button", name="Hold the forget gate f")).to_be_visible()
    node(page, "input").click()
    page.get_by_role("button", name="Hold the input gate i").click()
    page.wait_for_url("**interventions=clamp~input~1.0**")  # it is rather shut, so it is opened
    expect_numbers(page, by_torch({"input": 1.0}))
    box = page.get_by_role("textbox", name="hold at, exactly")
    box.fill("0.25")
    box.press("Enter")
    page.wait_for_url("**clamp~input~0.25**")
    expect_numbers(page, by_torch({"input": 0.25}))
    # Before stands beside after, dashed.
    expect(node(page, "hidden")).to_contain_text(before["hidden"])
    expect(page.get_by_role("heading", level=1)).to_contain_text("From step 0 (“h”) the cell state changes")
    page.get_by_role("button", name="Reset all").click()
    expect(page.get_by_role("button", name="Reset all")).to_have_count(0)
    expect_numbers(page, by_torch({}))
    assert numbers(page) == before


def test_the_panel_is_used_by_the_keyboard_alone(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?what_if=1")
    page.get_by_role("button", name="Hold the forget gate f").focus()
    page.keyboard.press("Enter")
    slider = page.get_by_role("slider", name="hold at")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_url("**clamp~forget~0.03**")
    expect_numbers(page, by_torch({"forget": 0.03}))
    expect(slider).to_be_focused()
    box = page.get_by_role("textbox", name="hold at, exactly")
    box.fill("much")
    box.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="Enter a number with a decimal point")).to_be_visible()
    expect_numbers(page, by_torch({"forget": 0.03}))
    box.press("Escape")
    expect(box).to_have_value("0.03")
    box.fill("−1.5e-1")
    box.press("Enter")
    page.wait_for_url("**clamp~forget~-0.15**")
    expect_numbers(page, by_torch({"forget": -0.15}))


def test_a_slider_that_is_dragged_never_jumps_back(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?what_if=1&interventions=clamp~forget~0.0")
    slider = page.get_by_role("slider", name="hold at")
    slider.focus()
    seen = []
    for _ in range(40):
        page.keyboard.press("ArrowRight")
        seen.append(float(slider.input_value()))
        page.wait_for_timeout(15)
    page.wait_for_url("**clamp~forget~0.4&**")
    page.wait_for_timeout(500)
    assert seen == sorted(seen)
    assert slider.input_value() == "0.4"


def test_steps_are_chosen_by_slider_and_box(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?what_if=1&interventions=clamp~output~1.0")
    page.get_by_role("button", name="Steps").click()
    first = page.get_by_role("textbox", name="from, exactly")
    first.fill("3")
    first.press("Enter")
    page.wait_for_url("**clamp~output~1.0~t3-10**")
    page.get_by_role("slider", name="to", exact=True).focus()
    page.keyboard.press("End")
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    page.wait_for_url("**clamp~output~1.0~t3-4**")
    expect(page.get_by_text("all units, steps 3 and 4")).to_be_visible()


def test_a_changed_token_is_shown_beside_the_original(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?what_if=1&timestep=4&change=replace~3~o")
    expect_numbers(page, by_torch({}, "heloo world"))
    expect(page.locator(".ribbon .token").nth(3).locator(".text")).to_have_text("o")
    expect(node(page, "hidden")).to_contain_text(f"{by_torch({})['hidden']:.3f}")


def test_the_link_of_a_what_if_shows_the_same_in_a_second_browser(
    new_page: NewPage, open_app: OpenApp, server: object
) -> None:
    first = new_page()
    open_app(first, "?what_if=1&interventions=clamp~forget~0.5~u5~~reset~t3&edits=set~weight_hh~13~2~1.5")
    expect(first.get_by_role("heading", level=1)).to_contain_text("From step")
    second = new_page(color_scheme="dark")
    open_app(second, first.url.removeprefix(f"{server}/"))
    assert numbers(second) == numbers(first)
    assert second.locator("h1").inner_text() == first.locator("h1").inner_text()


def test_an_experiment_is_saved_as_a_file_and_opened_again(
    new_page: NewPage, open_app: OpenApp, tmp_path: Path
) -> None:
    first = new_page()
    open_app(first, "?what_if=1&interventions=clamp~forget~0.5~u5&edits=swap~5~6&change=insert~1~d&unit=3")
    shown = numbers(first)
    first.get_by_role("button", name="File", exact=True).click()
    with first.expect_download() as saved:
        first.get_by_role("button", name="Save this experiment").click()
    saved.value.save_as(tmp_path / "experiment.json")
    second = new_page()
    open_app(second, "?what_if=1")
    second.get_by_role("button", name="File", exact=True).click()
    second.locator("input[type=file]").set_input_files(tmp_path / "experiment.json")
    second.wait_for_url("**change=insert**")
    expect(node(second, "hidden").locator(".number")).to_have_text(shown["hidden"])
    assert numbers(second) == shown
    (tmp_path / "broken.json").write_text('{"memviz": 9}')
    second.locator("input[type=file]").set_input_files(tmp_path / "broken.json")
    expect(second.get_by_role("alert").filter(has_text="of version 1; got version 9")).to_be_visible()
    assert numbers(second) == shown


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_in_the_panel_and_nothing_overflows(
    new_page: NewPage, open_app: OpenApp, axe: Callable[[Page], list[str]], width: int
) -> None:
    page = new_page(viewport={"width": width, "height": 900})
    open_app(page, "?what_if=1&interventions=clamp~forget~0.5~u0_3~t3-5~~reset~t7&change=replace~3~o")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
