"""The stage in a real browser, on the gates page: its numbers, its arithmetic and its strips."""

import random

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from memviz import encode
from memviz.cells import CELLS
from memviz.web.gates.address import DEFAULT
from tests.browser.reading import TEXT, Numbers, OpenApp, close, go_to, node, nodes, read


def test_the_numbers_on_the_nodes_are_those_of_the_papers_equations(page: Page, open_app: OpenApp) -> None:
    draw = random.Random(20)
    places = [(draw.choice(list(CELLS)), draw.randrange(len(TEXT)), draw.randrange(8)) for _ in range(20)]
    compared = 0
    for cell in sorted({cell for cell, _, _ in places}):
        open_app(page, f"?cell={cell}")
        numbers = Numbers(cell)
        for _, t, unit in [place for place in places if place[0] == cell]:
            go_to(page, t, unit)
            shown = nodes(page)
            for name, exact in numbers.nodes(t, unit).items():
                assert close(read(shown[name]), exact), (cell, t, unit, name, shown[name], exact)
                compared += 1
    assert compared > 20 * 4


def test_a_phase_in_the_address_is_lit_with_its_equations(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?phase=write&timestep=3&unit=2")
    expect(page.get_by_role("button", name="Write", exact=True)).to_have_attribute("aria-pressed", "true")
    blocks = page.locator(".card .equation").evaluate_all("all => all.map((one) => one.dataset.equation)")
    assert blocks == ["written", "cell"]
    numbers = Numbers("lstm")
    results = page.locator(".card .result").evaluate_all("all => all.map((one) => one.dataset.value)")
    written = numbers.at("input", 3, 2) * numbers.at("candidate", 3, 2)
    assert close(read(results[0]), written)
    assert close(read(results[1]), numbers.at("cell", 3, 2))


@pytest.mark.parametrize(
    ("cell", "name"),
    [("lstm-fgr", "input"), ("lstm-peephole", "output"), ("gru", "candidate"), ("gru-v3", "candidate")],
)
def test_what_is_pointed_at_is_taken_apart_and_adds_up(
    page: Page, open_app: OpenApp, cell: str, name: str
) -> None:
    open_app(page, f"?cell={cell}&timestep=6&unit=3")
    node(page, name).hover()
    tables = page.locator(".card .products")
    expect(tables.first).to_be_visible()
    numbers = Numbers(cell)
    parts = CELLS[cell].summands(name)
    assert tables.evaluate_all("all => all.map((one) => one.dataset.summand)") == list(parts)
    for part in parts:
        table = page.locator(f'.card .products[data-summand="{part}"]')
        rows = table.locator("tr:not(.sum) .value").all_inner_texts()
        if len(rows) > 1:
            total = read(table.locator("tr.sum .value").inner_text())
            decimals = max(len(row.partition(".")[2]) for row in rows)
            assert abs(sum(map(read, rows)) - total) < 0.5 * 10.0 ** -min(
                decimals, len(str(total).partition(".")[2])
            )
    result = page.locator(".card .equation .result").get_attribute("data-value") or ""
    assert close(read(result), numbers.at(name, 6, 3))
    page.mouse.move(5, 5)
    expect(tables).to_have_count(0)


def test_the_products_are_weights_times_inputs(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?timestep=6&unit=3&node=forget")
    network = DEFAULT.experiment.build(encode(TEXT))
    row = network.cell.rows("forget", 8).start + 3
    weights = network.parameters["weight_hh"].numpy()[row]
    hidden = Numbers("lstm").signals[5]["hidden"]
    table = page.locator('.card .products[data-summand="forget_from_hidden"]')
    order = sorted(range(8), key=lambda k: -abs(weights[k] * hidden[k]))
    names = table.locator("tbody th").all_inner_texts()
    assert names == [*(f"unit {k}" for k in order[:3]), "the other 5", "sum"]
    values = [read(text) for text in table.locator(".value").all_inner_texts()]
    exact = [weights[k] * hidden[k] for k in order[:3]]
    exact += [sum(weights[k] * hidden[k] for k in order[3:]), float(weights @ hidden)]
    np.testing.assert_allclose(values, exact, atol=5.1e-4)


def test_a_click_on_a_strip_chooses_its_step_and_unit(page: Page, open_app: OpenApp) -> None:
    open_app(page)
    strip = page.locator('.strip[data-signal="forget"]')
    box = strip.bounding_box()
    assert box
    strip.hover(position={"x": box["width"] * 7.5 / 11, "y": box["height"] * 2.5 / 8})
    exact = Numbers("lstm").at("forget", 7, 2)
    expect(page.locator(".tip")).to_contain_text("f of unit 2 at step 7 (“o”)")
    assert close(read((page.locator(".tip").text_content() or "").rpartition(" = ")[2]), exact)
    strip.click(position={"x": box["width"] * 7.5 / 11, "y": box["height"] * 2.5 / 8})
    page.wait_for_url("**timestep=7&unit=2**")
    assert close(read(nodes(page)["forget"]), exact)


def test_strips_are_pictures_of_the_gates_in_their_scale(page: Page, open_app: OpenApp) -> None:
    open_app(page)
    pixels = page.locator('.strip[data-signal="output"] canvas:not(.marks)').evaluate(
        "c => [c.width, c.height, ...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    assert pixels[:2] == [11, 8]
    red = np.array(pixels[2:], dtype=float).reshape(8, 11, 4)[
        ..., 0
    ]  # falls with the value on the light scale
    values = np.array([signals["output"] for signals in Numbers("lstm").signals]).T
    assert np.corrcoef(red.ravel(), values.ravel())[0, 1] < -0.99


def test_saturation_can_be_marked(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?forget_bias=6")
    page.get_by_role("button", name="Saturation").click()
    marked = page.locator('.strip[data-signal="forget"] .marks').evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, k) => k % 4 === 3 && v).length"
    )
    assert marked == 88  # every forget gate is above .95
    expect(page.locator('.strip[data-signal="cell"] .marks')).to_be_hidden()


def test_the_table_has_every_number_in_full(page: Page, open_app: OpenApp) -> None:
    from memviz import record

    open_app(page, "?timestep=6&unit=3")
    page.locator(".bar").get_by_role("button", name="Table").click()
    expect(page.locator(".step-table")).to_be_visible()
    rows = page.locator(".step-table tbody tr").all_inner_texts()
    sequence = encode(TEXT)
    trace = record(DEFAULT.experiment.build(sequence), sequence)
    shown = dict(row.split("\t") for row in rows)
    assert list(shown) == list(trace.names)
    for name, text in shown.items():
        assert read(text) == trace[name][6, 3], name
