"""The stage without Streamlit, on a page of its own: odd payloads, a second trace, and how numbers are written."""

import base64
import math
import random
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect

from memviz.cells import CELLS
from memviz.network import Network
from memviz.paths import ASSETS
from memviz.stage import stage_html, stage_payload
from memviz.theme import MINUS, number
from memviz.trace import Trace, record
from tests import oracles

Show = Callable[..., Page]


def run(cell: str = "lstm", time: int = 6, units: int = 4) -> tuple[Network, Trace]:
    network = Network(cell, oracles.as_torch(oracles.parameters(cell, 2, units, seed=6, scale=0.7)))
    state = CELLS[cell].state_type(*(torch.tensor(part) for part in oracles.state(cell, units, 6).values()))
    return network, record(network, oracles.inputs(2, time, seed=6), state)


def changed(trace: Trace, tokens: tuple[str, ...] | None = None, **signals: np.ndarray) -> Trace:
    return Trace(
        trace.cell, tokens or trace.tokens, trace.inputs, {**trace.signals, **signals}, trace.initial
    )


@pytest.fixture
def show(page: Page, tmp_path: Path) -> Show:
    """Open a payload: show(payload, timestep=2, unit=1)."""

    def open_page(payload: dict[str, Any], **where: Any) -> Page:
        file = tmp_path / "stage.html"
        file.write_text(stage_html(payload, "A stage", **where), encoding="utf-8")
        page.goto(f"file://{file}")
        page.locator(".machine .node").first.wait_for()
        return page

    return open_page


def text_on(page: Page, name: str, kind: str = "number") -> str:
    return page.locator(f'.machine .node[data-node="{name}"] .{kind}').text_content() or ""


def read(text: str) -> float:
    return float(text.replace(MINUS, "-"))


def test_tokens_of_markup_and_of_any_length_are_text(show: Show) -> None:
    network, trace = run()
    tokens = (
        "<img src=x onerror=document.title='owned'>",
        "a" * 40,
        "</script>",
        "👩‍👩‍👧",
        "\u202eabc",
        "&lt;",
    )
    page = show(stage_payload(network, changed(trace, tokens)), timestep=0)
    page.wait_for_timeout(300)
    assert page.title() == "A stage"
    assert page.locator(".stage img, .stage script").count() == 0
    assert page.locator(".token .text").all_text_contents() == list(tokens)
    expect(page.locator(".readout")).to_contain_text(tokens[0])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_is_no_number_is_said_and_the_rest_is_drawn(show: Show) -> None:
    network, trace = run()
    cell, hidden = trace["cell"].copy(), trace["hidden"].copy()
    cell[2:], hidden[3] = np.nan, np.inf
    page = show(stage_payload(network, changed(trace, cell=cell, hidden=hidden)), timestep=3, unit=1)
    assert text_on(page, "cell") == "undefined"
    assert text_on(page, "hidden") == "∞"
    assert read(text_on(page, "forget")) == pytest.approx(trace["forget"][3, 1], rel=5e-3)
    page.locator('.machine .node[data-node="cell"]').click()
    expect(page.locator(".card")).to_contain_text("undefined")


def test_one_timestep_and_one_unit(show: Show) -> None:
    network, trace = run(time=1, units=1)
    page = show(stage_payload(network, trace))
    assert read(text_on(page, "hidden")) == pytest.approx(trace["hidden"][0, 0], rel=5e-3)
    page.locator(".ribbon").focus()
    for key in ("ArrowRight", "ArrowDown", "End", "Space"):
        page.keyboard.press(key)
    expect(page.locator(".readout")).to_contain_text("step 0 of 0 to 0")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_three_thousand_timesteps_of_64_units(show: Show) -> None:
    network, trace = run(time=3000, units=64)
    page = show(stage_payload(network, trace), timestep=1500, unit=40)
    assert read(text_on(page, "cell")) == pytest.approx(trace["cell"][1500, 40], rel=5e-3)
    page.locator(".ribbon").focus()
    page.keyboard.press("End")
    assert read(text_on(page, "cell")) == pytest.approx(trace["cell"][2999, 40], rel=5e-3)
    assert page.locator(".token").count() < 300  # only those that can be seen
    expect(page.locator(".token[aria-selected=true]")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_numbers_beyond_single_precision_are_shown(show: Show) -> None:
    network, trace = run("elman-relu")
    page = show(stage_payload(network, changed(trace, hidden=np.full_like(trace["hidden"], 1.5e-200))))
    assert text_on(page, "hidden") == f"1.50e{MINUS}200"


def test_a_second_trace_is_dashed_on_the_nodes_and_its_difference_in_the_strips(show: Show) -> None:
    network, trace = run()
    second = record(
        network.replace(bias_ih=network.parameters["bias_ih"] + 0.5),
        trace.inputs,
        CELLS["lstm"].state_type(*(torch.tensor(part) for part in trace.initial.values())),
    )
    page = show(stage_payload(network, trace, second=second), timestep=4, unit=2)
    for name in ("forget", "input", "candidate", "output", "cell", "hidden"):
        assert read(text_on(page, name)) == pytest.approx(trace[name][4, 2], rel=5e-3)
        assert read(text_on(page, name, "second")) == pytest.approx(second[name][4, 2], rel=5e-3)
    kept = second["forget"][4, 2] * second["cell"][3, 2]
    assert read(text_on(page, "kept", "second")) == pytest.approx(kept, rel=5e-3)
    style = page.locator('.machine .node[data-node="cell"] .second').evaluate(
        "e => getComputedStyle(e).textDecorationStyle"
    )
    assert style == "dashed"
    expect(page.locator(".strips .gutter b").first).to_have_text("Δi")
    red, blue = page.locator('.strip[data-signal="cell"] canvas:not(.marks)').evaluate(
        """c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
            return [[...d].filter((v, k) => k % 4 === 0), [...d].filter((v, k) => k % 4 === 2)]; }"""
    )
    difference = (trace["cell"] - second["cell"]).T.ravel()
    warmth = np.array(red, dtype=float) - np.array(blue, dtype=float)  # orange is negative
    clear = np.abs(difference) > 0.2 * np.abs(difference).max()
    assert (np.sign(warmth[clear]) == -np.sign(difference[clear])).all()


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("cell", CELLS)
def test_every_arrow_points_along_its_wire_at_its_node(show: Show, page: Page, cell: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    show(stage_payload(*run(cell)))
    wires = page.locator(".machine .wire").evaluate_all(
        """all => all.filter((one) => one.querySelector('.head').getAttribute('d')).map((one) => {
            const line = one.querySelector('.value'), length = line.getTotalLength();
            const [a, b] = [line.getPointAtLength(length - 1), line.getPointAtLength(length)];
            const tip = one.querySelector('.head').getAttribute('d').split('L')[1].split(' ').map(Number);
            return [b.x - a.x, b.y - a.y, tip[0] - b.x, tip[1] - b.y, tip[0], tip[1]];
        })"""
    )
    nodes = page.locator(".machine .node").evaluate_all(
        """all => all.map((one) => {
            const at = one.transform.baseVal.consolidate().matrix, box = one.querySelector('.shape').getBBox();
            return [at.e, at.f, box.width / 2, box.height / 2];
        })"""
    )
    assert len(wires) > 6
    for dx, dy, tip_dx, tip_dy, x, y in wires:
        assert dx * tip_dx + dy * tip_dy > 0
        # The tip touches a node: as far from its edge as a line is wide.
        assert any(
            abs(x - cx) <= half_w + 3 and abs(y - cy) <= half_h + 3 for cx, cy, half_w, half_h in nodes
        )


def caption_value(text: str) -> float:
    """The first number behind the first equals sign of a caption."""
    found = re.search(r"=(\u2212?[0-9.]+)(?:·10(\u2212?[0-9]+))?", text)
    assert found, text
    return read(found[1]) * 10.0 ** read(found[2] or "0")


@pytest.mark.parametrize("cell", CELLS)
def test_without_a_server_every_summand_is_the_traces(show: Show, cell: str) -> None:
    network, trace = run(cell)
    page = show(stage_payload(network, trace), timestep=3, unit=2)
    compared = 0
    for name in CELLS[cell].pre_activations:
        page.locator(f'.machine .node[data-node="{"pre" if name == "hidden" else name}"]').click()
        for part in CELLS[cell].summands(name):
            table = page.locator(f'.card .products[data-summand="{part}"]')
            text = table.locator("caption").text_content() or ""
            assert caption_value(text) == pytest.approx(trace[part][3, 2], rel=6e-3), (name, part)
            compared += 1
    assert compared >= 3


def in_browser(page: Page, expression: str, argument: Any) -> Any:
    """An expression over the module numbers.js and an argument."""
    source = base64.b64encode((ASSETS / "stage" / "numbers.js").read_bytes()).decode()
    page.goto("about:blank")
    script = f"""async (argument) => {{
        const numbers = await import("data:text/javascript;base64,{source}");
        return {expression};
    }}"""
    return page.evaluate(script, argument)


def test_a_number_is_written_as_python_writes_it(page: Page) -> None:
    draw = random.Random(5)
    values = [draw.uniform(-1, 1) * 10.0 ** draw.uniform(-12, 12) for _ in range(3000)]
    values += [0.0, -0.0, 1.0, 0.9996, 999.6, 999_999.0, 1e6, 1e-3, 9.999e-4, 5e-324, 1.7e308, 3e-310]
    assert in_browser(page, "argument.map((v) => numbers.number(v))", values) == [number(v) for v in values]
    odd = in_browser(page, "[NaN, Infinity, -Infinity].map((v) => numbers.number(v))", None)
    assert odd == [number(v) for v in (math.nan, math.inf, -math.inf)]


def test_what_is_printed_of_a_sum_adds_up_and_every_number_is_rightly_rounded(page: Page) -> None:
    draw = random.Random(6)
    sums = []
    for _ in range(2000):
        scale = 10.0 ** draw.choice([-250, -9, -4, -1, 0, 0, 1, 5, 7, 250])
        sums.append([draw.gauss(0, 1) * scale for _ in range(draw.randint(2, 6))])
    totals = [math.fsum(values) for values in sums]
    texts = in_browser(
        page, "argument.map(([v, t]) => numbers.sumTexts(v, t))", [*zip(sums, totals, strict=True)]
    )
    exactly = 0
    for values, total, text in zip(sums, totals, texts, strict=True):
        printed = [Decimal(one.replace(MINUS, "-")) for one in text["terms"]]
        whole = Decimal(text["total"].replace(MINUS, "-"))
        for one, value in [*zip(printed, values, strict=True), (whole, total)]:
            assert abs(one - Decimal(value)) <= Decimal("0.5000001") * Decimal(1).scaleb(
                one.as_tuple().exponent
            )
        unit = Decimal(1).scaleb(int(whole.as_tuple().exponent))
        assert abs(sum(printed) - whole) <= unit / 2
        exactly += sum(printed) == whole
    assert exactly > 0.75 * len(sums)
