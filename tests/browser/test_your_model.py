"""The page of a visitor's model in a real browser: upload, pick, feed, go on; and some units of a wide layer."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect

from tests.browser.reading import NewPage, OpenApp, close, node, read
from tests.model_files.builders import module, torch_file

PATIENCE = 60_000
TEXT = "0.5, -1\n2, 0.25\n-1, 1\n0, 0.5"
ROWS = [[0.5, -1.0], [2.0, 0.25], [-1.0, 1.0], [0.0, 0.5]]


def upload(page: Page, path: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(path)
    expect(page.get_by_text(f"Your file {path.stem}")).to_be_visible(timeout=PATIENCE)


def feed(page: Page, text: str) -> None:
    box = page.get_by_role("textbox", name=re.compile("^Sequence"))
    box.fill(text)
    box.press("Control+Enter")


def hidden_is(page: Page, expected: float) -> None:
    expect(node(page, "hidden").locator(".number")).not_to_be_empty()
    page.wait_for_function(
        """(expected) => {
          const roots = [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.stage'));
          const text = roots.find(Boolean)?.querySelector('.node[data-node="hidden"] .number')?.textContent ?? '';
          const shown = Number(text.replace('\\u2212', '-'));
          return text && Math.abs(shown - expected) <= Math.abs(expected) * 5.1e-3 + 1e-12;
        }""",
        arg=expected,
        timeout=PATIENCE,
    )
    assert close(read(node(page, "hidden").locator(".number").text_content() or ""), expected)


def test_a_model_is_opened_fed_and_followed_to_its_gates(
    page: Page, open_app: OpenApp, tmp_path: Path
) -> None:
    made = module("GRU", 2, 5, num_layers=2)
    path = tmp_path / "mine.pt"
    path.write_bytes(torch_file({f"encoder.{name}": value for name, value in made.state_dict().items()}))
    open_app(page, "your_model")
    expect(page.get_by_text("The example brackets")).to_be_visible()
    upload(page, path)
    expect(page.get_by_text("GRU(2, 5, num_layers")).to_be_visible()
    feed(page, TEXT)
    expected = made(torch.tensor(ROWS))[0].detach()
    page.get_by_role("radio", name="1").click()
    hidden_is(page, float(expected[0, 0]))
    page.get_by_role("link", name="See its gates").click()
    page.wait_for_url("**model=own-**")
    expect(page.get_by_text(re.compile("out of a file"))).to_be_visible(timeout=PATIENCE)
    hidden_is(page, float(expected[3, 4]))  # the gates page opens at step 4 and unit 5, or the last ones


def test_what_is_not_read_says_the_line_that_makes_it_readable(
    page: Page, open_app: OpenApp, tmp_path: Path
) -> None:
    path = tmp_path / "whole.pt"
    path.write_bytes(torch_file(module()))
    open_app(page, "your_model")
    page.locator("input[type=file]").first.set_input_files(path)
    expect(page.get_by_text("got a whole module")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("model.state_dict()").first).to_be_visible()
    expect(node(page, "hidden").locator(".number")).not_to_be_empty()
    page.get_by_role("button", name=re.compile("(Remove|Delete) whole.pt")).click()
    expect(page.get_by_text("got a whole module")).to_have_count(0, timeout=PATIENCE)


def test_units_of_a_wide_layer_carry_their_own_numbers_on_the_stage(
    page: Page, open_app: OpenApp, tmp_path: Path
) -> None:
    made = module("LSTM", 2, 100).double()
    path = tmp_path / "wide.pt"
    path.write_bytes(torch_file(made.state_dict()))
    open_app(page, "your_model")
    upload(page, path)
    feed(page, TEXT)
    expected = made(torch.tensor(ROWS, dtype=torch.float64))[0].detach()
    hidden_is(page, float(expected[0, 0]))
    page.get_by_label("Unit", exact=True).select_option("5")
    page.locator(".ribbon").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    hidden_is(page, float(expected[2, 5]))
    box = page.get_by_role("textbox", name="Units drawn")
    box.fill("36-50, 60, 80-99")
    box.press("Enter")
    expect(page.get_by_label("Unit", exact=True).locator("option").first).to_have_text("36", timeout=PATIENCE)
    page.get_by_label("Unit", exact=True).select_option(label="89")
    hidden_is(page, float(expected[2, 89]))
    weights = made.weight_hh_l0.detach()[100 + 89]  # of the forget gate
    products = (weights * expected[1]).abs()
    node(page, "forget").click()
    card = page.locator(".card")
    expect(card).to_contain_text("unit 89", timeout=PATIENCE)
    expect(card).to_contain_text(f"unit {int(products.argmax())}")
    assert int(products.argmax()) < 36, "the largest product is that of a unit that is not drawn itself"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_violation(
    new_page: NewPage, open_app: OpenApp, axe: Callable[[Page], list[str]], scheme: str
) -> None:
    page = new_page(color_scheme=scheme)
    open_app(page, "your_model")
    page.wait_for_timeout(1500)
    assert axe(page) == []


def test_a_popover_with_what_to_save_is_reached_by_keys_alone(page: Page, open_app: OpenApp) -> None:
    open_app(page, "your_model")
    page.get_by_role("button", name=re.compile("Example, and how to save yours")).focus()
    page.keyboard.press("Enter")
    example = page.get_by_role("button", name="An example file")
    expect(example).to_be_visible(timeout=PATIENCE)
    with page.expect_download() as download:
        example.focus()
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "brackets.safetensors"
