"""The weights in a real browser: a number is edited by keyboard, everything follows, and it comes back exactly."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from memviz import encode
from memviz.bundle import bundle
from memviz.theme import MINUS
from memviz.web.gates.address import DEFAULT
from tests.browser.reading import TEXT, close, nodes, read
from tests.grid.test_reading import REFUSED, TAKEN

OpenApp = Callable[..., None]
NewPage = Callable[..., Page]
GATES = ("input", "forget", "candidate", "output")


def open_grid(page: Page, open_app: OpenApp, path: str = "") -> None:
    open_app(page, path)
    page.locator("summary", has_text="Weights").click()
    expect(page.get_by_role("grid")).to_be_visible()


def cell(page: Page, row: int, column: int) -> Locator:
    return page.locator(f'.grid .cell[data-at="{row},{column}"]')


def focused(page: Page) -> str:
    """The cell that has the focus, as "row,column"."""
    at: str = page.evaluate("document.activeElement.shadowRoot?.activeElement?.dataset.at ?? ''")
    return at


def by_torch(weights: dict[tuple[str, int, int], float], timestep: int, unit: int) -> dict[str, float]:
    """Gates, cell and hidden state of nn.LSTM's equations with some of its weights set; nothing of memviz's steps."""
    sequence = encode(TEXT)
    module = DEFAULT.experiment.build(sequence).to_torch()
    assert isinstance(module, torch.nn.LSTM)
    with torch.no_grad():
        for (name, row, column), value in weights.items():
            getattr(module, name)[row, column] = value
        x = torch.tensor(sequence.inputs)
        before, (h, c) = {}, (torch.zeros(8, dtype=torch.float64), torch.zeros(8, dtype=torch.float64))
        for t in range(timestep + 1):
            pre = module.weight_ih_l0 @ x[t] + module.bias_ih_l0 + module.weight_hh_l0 @ h + module.bias_hh_l0
            i, f, g, o = pre.chunk(4)
            before = {
                "input": i.sigmoid(),
                "forget": f.sigmoid(),
                "candidate": g.tanh(),
                "output": o.sigmoid(),
            }
            c = before["forget"] * c + before["input"] * before["candidate"]
            h = before["output"] * c.tanh()
        torch.testing.assert_close(module(x)[0][timestep], h)
    return {name: float(value[unit]) for name, value in {**before, "cell": c, "hidden": h}.items()}


def expect_stage(page: Page, weights: dict[tuple[str, int, int], float]) -> None:
    """Wait until the stage shows unit 3 at step 4 with these weights."""
    expected = by_torch(weights, 4, 3)
    hidden = page.locator('.machine .node[data-node="hidden"] .number')
    page.wait_for_function(
        """([node, value]) => Math.abs(parseFloat(node.textContent.replace('\\u2212', '-')) - value)
             <= 5.1e-3 * Math.abs(value)""",
        arg=[hidden.element_handle(), expected["hidden"]],
    )
    shown = nodes(page)
    for name in (*GATES, "cell", "hidden"):
        assert close(read(shown[name]), expected[name]), name


def test_an_edited_weight_changes_every_number_as_in_torch_and_undo_brings_each_back(
    new_page: NewPage, open_app: OpenApp, server: object
) -> None:
    page = new_page()
    open_grid(page, open_app, "?unit=3")
    earlier = nodes(page)
    cell(page, 3, 2).click()
    page.wait_for_url("**weight=forget_from_hidden~2**")
    lit = page.locator(".machine .node.lit")
    expect(lit).to_have_count(2)
    assert {node.get_attribute("data-node") for node in lit.all()} == {"hidden_before", "forget"}
    page.keyboard.type("1.5")
    page.keyboard.press("Enter")
    page.wait_for_url("**edits=set~weight_hh~11~2~1.5~lstm-8&**")
    expect_stage(page, {("weight_hh_l0", 11, 2): 1.5})
    expect(cell(page, 3, 2).locator(".value")).to_have_text("1.50")
    expect(cell(page, 3, 2).locator(".old")).to_have_text("0.163")
    assert focused(page) == "3,2"

    page.keyboard.press("ArrowRight")
    page.keyboard.press("F2")
    page.keyboard.type(f"{MINUS}0,25")  # what F2 shows is selected
    page.keyboard.press("Enter")
    both = {("weight_hh_l0", 11, 2): 1.5, ("weight_hh_l0", 11, 3): -0.25}
    expect_stage(page, both)
    expect(page.locator(".grid .edits li")).to_have_count(2)

    second = new_page(color_scheme="dark")
    open_grid(second, open_app, page.url.removeprefix(f"{server}/"))
    expect_stage(second, both)
    expect(cell(second, 3, 3).locator(".value")).to_have_text(f"{MINUS}0.250")

    page.keyboard.press("Delete")
    expect(page.locator(".grid .edits li")).to_have_count(1)
    expect_stage(page, {("weight_hh_l0", 11, 2): 1.5})
    page.get_by_role("button", name="Undo all edits").click()
    expect(page.locator(".grid .changed")).to_have_count(0)
    expect_stage(page, {})
    assert nodes(page) == earlier
    assert "edits=" not in page.url


def test_what_is_no_number_keeps_the_old_one_and_says_the_rule(page: Page, open_app: OpenApp) -> None:
    open_grid(page, open_app)
    cell(page, 0, 0).click()
    old = cell(page, 0, 0).locator(".value").inner_text()
    for typed in ("1_000", "1e9", "-"):
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
        expect(page.locator(".grid .problem")).to_contain_text(f'got "{typed}".')
        page.keyboard.press("Escape")
        expect(page.locator(".grid .problem")).to_be_empty()
        assert focused(page) == "0,0"
    page.keyboard.type("7.5")
    page.keyboard.press("Escape")
    expect(cell(page, 0, 0).locator(".value")).to_have_text(old)
    page.keyboard.type("<b>")  # no number begins with it: nothing opens
    expect(page.locator(".grid input.edit")).to_have_count(0)
    page.get_by_label("First unit to swap").fill("3")
    page.get_by_label("Second unit to swap").fill("99")
    page.get_by_role("button", name="Swap", exact=True).click()
    expect(page.locator(".grid .problem")).to_contain_text("The units are 0 to 7; got 99.")
    assert "edits=" not in page.url


def test_edits_that_follow_each_other_faster_than_the_server_are_all_kept(
    page: Page, open_app: OpenApp
) -> None:
    open_grid(page, open_app, "?unit=0")
    cell(page, 0, 0).click()
    for column in range(8):
        page.keyboard.type(f".{column + 1}")
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowRight")
    expect(page.locator(".grid .edits li")).to_have_count(8)
    expect(page.locator(".grid .changed")).to_have_count(8)
    shown = [cell(page, 0, column).locator(".value").inner_text() for column in range(8)]
    assert [read(text) for text in shown] == [round(0.1 * k, 1) for k in range(1, 9)]
    page.get_by_role("button", name="Zero this block").click()
    expect(page.locator(".grid .edits li")).to_have_text(["weight_hh of the forget gate f set to 0Remove"])
    expect(cell(page, 7, 7).locator(".value")).to_have_text("0")


def test_of_a_large_network_only_what_is_in_sight_is_made(page: Page, open_app: OpenApp) -> None:
    letters = "".join(chr(0x4E00 + k) for k in range(120))
    open_grid(page, open_app, f"?hidden_size=64&weight=output_from_input~0&unit=0&text={letters}")
    grid = page.get_by_role("grid")
    expect(grid).to_have_attribute("aria-rowcount", "65")
    expect(grid).to_have_attribute("aria-colcount", "121")
    cell(page, 0, 0).click()
    page.keyboard.press("Control+End")
    assert focused(page) == "63,119"
    expect(cell(page, 63, 119)).to_be_in_viewport()
    expect(page.locator(".grid").get_by_role("columnheader", name=f"x: '{letters[-1]}'")).to_be_in_viewport()
    expect(page.locator(".grid").get_by_role("rowheader", name="output o, unit 63")).to_be_in_viewport()
    assert page.locator(".grid .cell").count() < 400
    network = replace(DEFAULT.experiment, hidden_size=64).build(encode(letters))
    exact = float(network.parameters["weight_ih"][255, 119])
    expect(page.locator(".grid p.readout")).to_have_text(
        f"output o, unit 63, x: '{letters[-1]}': {str(exact).replace('-', MINUS)}"
    )


def test_other_weights_are_chosen_at_the_same_unit(page: Page, open_app: OpenApp) -> None:
    open_grid(page, open_app, "?cell=lstm-peephole")
    page.get_by_label("Rows").select_option("output")
    page.get_by_label("Weights times").select_option("from_cell")
    expect(page.get_by_role("grid")).to_have_attribute("aria-colcount", "2")
    page.get_by_label("Rows").select_option("unit 5")
    expect(page.locator(".grid").get_by_role("rowheader")).to_have_text(
        [f"{name}, unit 5" for name in ("input i", "forget f", "output o")]
    )
    page.wait_for_url("**weight=input_from_cell~0**")
    page.get_by_label("Rows").select_option("candidate")  # which has no peephole
    expect(page.locator(".grid").get_by_role("columnheader", name="h 7")).to_be_visible()
    assert page.get_by_label("Weights times").input_value() == "from_hidden"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_the_grid_has_no_violation_and_fits(
    new_page: NewPage, open_app: OpenApp, axe: Callable[[Page], list[str]], scheme: str, width: int
) -> None:
    page = new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    open_grid(page, open_app, "?edits=set~weight_hh~9~1~2~~set~weight_ih~0~77~1&text=%3Cimg+src%3Dx%3E")
    expect(page.locator(".grid .changed")).to_have_count(1)
    expect(page.locator(".grid .misfit")).to_contain_text("not applied")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".grid img").count() == 0
    boxes = page.locator(".grid :is(button, select, .cell)").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect()).map(({ width, height }) => [width, height])"
    )
    assert all(min(box) >= 24 for box in boxes if box != [0, 0])


def test_the_browser_reads_a_weight_as_python_does(page: Page) -> None:
    source = bundle("grid/reading").replace("export function", "function")
    texts = [text for text in (*TAKEN, *REFUSED, "1,250") if "\ud800" not in text]
    page.goto("about:blank")
    found = page.evaluate(f"(texts) => {{ {source}\n return texts.map(readWeight); }}", texts)
    for text, result in zip(texts, found, strict=True):
        assert result.get("value") == TAKEN.get(text), json.dumps(text)
        assert ("problem" in result) == (text not in TAKEN)
