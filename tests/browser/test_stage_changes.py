"""The stage of a changed run in a real browser: what is touched is marked, told and taken apart; the run of before."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from memviz import Experiment
from memviz.cells import CELLS
from memviz.edits import delete_token, insert_token
from memviz.gradients import Loss, gradient_flow
from memviz.interventions import Ablate, Add, Clamp, Detach, Freeze, Patch, Reset, Scale
from memviz.network import Network
from memviz.stage import stage_gradients, stage_html, stage_payload
from memviz.stage.gradients import machine_gradients
from memviz.theme import number
from memviz.trace import record
from tests import changed, oracles
from tests.browser.changed_stage import SEQUENCE, Show, marks, run, show, value_of
from tests.browser.reading import NewPage, OpenApp, close, go_to, node, nodes, read

__all__ = ["show"]


def test_a_held_gate_is_marked_where_it_is_held_and_shows_what_it_would_be(show: Show) -> None:
    network, trace = run("lstm", Clamp("forget", 0.25, [5], [3, 4]))
    _, before = run("lstm")
    page = show(stage_payload(network, trace, SEQUENCE.features, before), timestep=4, unit=5, node="forget")
    assert marks(page) == {"forget": "= 0.25"}
    assert nodes(page)["forget"] == "0.250"
    assert read(nodes(page)["kept"]) == pytest.approx(0.25 * trace["cell"][3, 5], rel=5e-3)
    second = node(page, "forget").locator(".second").text_content() or ""
    assert close(read(second), before["forget"][4, 5])
    block = page.locator('.card .equation[data-equation="forget"]')
    made = block.locator(".made").get_attribute("data-value") or ""
    assert close(read(made), trace.made["forget"][4, 5])
    expect(block.locator(".words")).to_have_text("held at 0.250")
    expect(block.locator(".result")).to_have_attribute("data-value", "0.250")
    expect(node(page, "forget")).to_have_attribute("aria-label", "forget gate, 0.250, held at 0.250")
    for timestep, unit, marked in ((3, 5, True), (5, 5, False), (4, 6, False), (2, 5, False)):
        go_to(page, timestep, unit)
        assert marks(page) == ({"forget": "= 0.25"} if marked else {})
        expect(page.locator(".card .words")).to_have_count(int(marked))


def test_a_touch_inside_a_gate_is_marked_at_the_gate_and_added_up_before_and_after(show: Show) -> None:
    network, trace = run("lstm", Scale("input_pre", 0.5), Add("input_from_hidden", 0.25), Detach("output"))
    page = show(stage_payload(network, trace, SEQUENCE.features), timestep=4, unit=5, node="input")
    assert marks(page) == {"input": "a × 0.5 …", "output": "no ∂"}
    block = page.locator('.card .equation[data-equation="input"]')
    expect(block.locator(".words")).to_have_text("times 0.5")
    expect(block.locator(".changed")).to_contain_text(number(trace["input_pre"][4, 5]))
    results = block.locator(".result").evaluate_all("all => all.map((one) => one.dataset.value)")
    assert close(read(results[0]), trace["input_pre"][4, 5])
    assert close(read(results[1]), trace["input"][4, 5])
    numbers = block.locator(".line").nth(1).inner_text()
    terms = [
        read(sign.replace("+", "") + digits)
        for sign, digits in re.findall(r"([+\u2212-]?)\s*([0-9.]+)", numbers)
    ]
    assert sum(terms) == pytest.approx(trace.made["input_pre"][4, 5], abs=2e-3)
    caption = page.locator('.card .products[data-summand="input_from_hidden"] caption')
    expect(caption.locator(".words")).to_have_text("plus 0.25")
    assert close(
        read(caption.locator(".result").get_attribute("data-value") or ""), trace["input_from_hidden"][4, 5]
    )


@pytest.mark.parametrize("cell", CELLS)
def test_the_products_of_a_touched_summand_add_up_to_what_was_made(show: Show, cell: str) -> None:
    network = Network(cell, oracles.as_torch(oracles.parameters(cell, 2, 4, seed=6, scale=0.7)))
    state = changed.state_of(oracles.state(cell, 4, 6), cell)
    parts = [part for pre in CELLS[cell].pre_activations for part in CELLS[cell].summands(pre)]
    chosen = [Scale(part, 2.0 + k) for k, part in enumerate(parts)] + [Reset([3])]
    trace = record(network, oracles.inputs(2, 6, seed=6), state, chosen)
    for timestep in (2, 3):
        page = show(stage_payload(network, trace), timestep=timestep, unit=2)
        for name in CELLS[cell].pre_activations:
            node(page, "pre" if name == "hidden" else name).click()
            for part in CELLS[cell].summands(name):
                table = page.locator(f'.card .products[data-summand="{part}"]')
                # Text up to the words is what was made, the result is what the run has.
                text = table.locator("caption math").first.text_content() or ""
                assert value_of(text.split("=")[-1].replace(" ", "")) == pytest.approx(
                    trace.made[part][timestep, 2], rel=6e-3, abs=1e-12
                )
                result = table.locator("caption .result").get_attribute("data-value") or ""
                assert read(result) == pytest.approx(trace[part][timestep, 2], rel=6e-3, abs=1e-12)
                rows = [value_of(row) for row in table.locator("tr:not(.sum) .value").all_text_contents()]
                if len(rows) > 1 and cell != "gru":
                    assert sum(rows) == pytest.approx(trace.made[part][timestep, 2], rel=1e-2, abs=2e-3)


@pytest.mark.parametrize("cell", ["lstm", "lstm-fgr", "gru", "elman"])
def test_after_a_reset_the_state_before_is_zero_and_marked(show: Show, cell: str) -> None:
    network = Network(cell, oracles.as_torch(oracles.parameters(cell, 2, 4, seed=6, scale=0.7)))
    state = changed.state_of(oracles.state(cell, 4, 6), cell)
    trace = record(network, oracles.inputs(2, 6, seed=6), state, [Reset([0, 3])])
    old = [
        name
        for name in ("cell_before", "hidden_before", "gates_before")
        if name.removesuffix("_before") in dict(trace.cell.state)
    ]
    page = show(stage_payload(network, trace), timestep=3, unit=1)
    for timestep in (3, 0):
        go_to(page, timestep, 1)
        assert marks(page) == dict.fromkeys(old, "reset")
        assert all(nodes(page)[name] in ("0", "") for name in old)
        expect(page.locator(".card")).to_contain_text("The state was reset to 0 before this step.")
    go_to(page, 4, 1)
    assert marks(page) == {}
    assert close(read(nodes(page)["hidden_before"]), trace["hidden"][3, 1])
    assert page.locator(".token.reset").evaluate_all("all => all.map((one) => one.dataset.timestep)") == [
        "0",
        "3",
    ]
    expect(page.locator(".token.reset").nth(1)).to_have_attribute(
        "aria-label", re.compile("the state is reset before it$")
    )
    boundary = page.locator(".strip .outline .boundary").first
    assert boundary.get_attribute("d") == "M0 0V4M3 0V4"


def test_a_screen_reader_hears_what_is_done_and_the_table_lists_it(show: Show) -> None:
    network, trace = run("lstm", Clamp("forget", 1.0, [5]), Reset([4]))
    page = show(stage_payload(network, trace, SEQUENCE.features), timestep=4, unit=5)
    page.locator(".ribbon").focus()
    page.keyboard.press("s")
    said = page.locator(".stage .live")
    expect(said).to_contain_text("The state was reset before this step.")
    made = number(trace.made["forget"][4, 5])
    expect(said).to_contain_text(f"forget gate: made {made}, held at 1.00, is 1.00.")
    page.get_by_role("button", name="Table").click()
    row = page.locator(".step-table tr", has=page.get_by_role("rowheader", name="forget", exact=True))
    expect(row).to_contain_text("held at 1.00")
    expect(page.locator(".step-table .done")).to_have_count(1)


def test_strips_outline_what_is_touched_and_nothing_without(show: Show) -> None:
    network, trace = run("lstm", Clamp("forget", 1.0, [1, 2, 5], [3, 4, 7]), Scale("input_bias", 2.0))
    page = show(stage_payload(network, trace, SEQUENCE.features))
    path = page.locator('.strip[data-signal="forget"] .outline .touched').get_attribute("d")
    assert path == "M3 1h2v2h-2zM3 5h2v1h-2zM7 1h1v2h-1zM7 5h1v1h-1z"
    assert page.locator('.strip[data-signal="input"] .outline .touched').get_attribute("d") == ""
    assert page.locator('.strip[data-signal="input"] .outline .inside').get_attribute("d") == "M0 0h11v8h-11z"
    expect(page.locator("p.legend")).to_contain_text("outlined: changed by hand")
    page = show(stage_payload(*run("lstm"), SEQUENCE.features))
    expect(page.locator(".strip .outline").first).to_be_hidden()
    expect(page.locator("p.legend")).to_be_hidden()
    expect(page.locator(".axis")).to_be_hidden()
    assert marks(page) == {}


def test_a_step_without_a_partner_has_nothing_dashed_and_a_hatch(show: Show) -> None:
    network, before = run("lstm")
    edited = insert_token(SEQUENCE, 4, "w")
    after = record(network, edited.sequence)
    payload = stage_payload(network, after, SEQUENCE.features, before, edited.alignment)
    page = show(payload, timestep=4, unit=5)
    texts = page.locator(".machine .second").all_text_contents()
    assert set(texts) == {""}
    opacity = page.locator('.strip[data-signal="cell"] canvas:not(.marks)').evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, 1).data].filter((v, k) => k % 4 === 3)"
    )
    assert opacity == [255] * 4 + [0] + [255] * 7
    go_to(page, 6, 5)
    for name in ("forget", "cell", "hidden"):
        second = node(page, name).locator(".second").text_content() or ""
        assert close(read(second), before[name][5, 5])
    kept = node(page, "kept").locator(".second").text_content() or ""
    assert close(read(kept), before["forget"][5, 5] * before["cell"][4, 5])
    expect(page.locator(".axis .sign")).to_have_text(["▼ the states part at step 4"])
    expect(page.locator("p.legend")).to_contain_text("Δ = after − before")
    expect(page.locator("p.legend")).to_contain_text("hatched: nothing to compare with")


def test_the_time_axis_says_where_runs_part_and_meet_and_what_was_removed(show: Show) -> None:
    network = Experiment("lstm", seed=1, forget_bias=-3.0).build(SEQUENCE)
    before = record(network, SEQUENCE)
    nudged = record(network, SEQUENCE, None, (Add("cell", 0.5, [1], [2]),))
    page = show(stage_payload(network, nudged, SEQUENCE.features, before))
    apart = [
        t for t in range(11) if max(np.abs(nudged[n][t] - before[n][t]).max() for n in nudged.names) > 1e-3
    ]
    signs = page.locator(".axis .sign")
    expect(signs).to_have_count(2)
    assert "the states part at step 2" in (signs.nth(0).text_content() or "")
    assert f"they meet again from step {apart[-1] + 1} on" in (signs.nth(1).text_content() or "")
    boxes = signs.evaluate_all("all => all.map((one) => one.getBoundingClientRect().toJSON())")
    track = page.locator(".strips .track").bounding_box()
    assert track
    for box, t in zip(boxes, (2, apart[-1] + 1), strict=True):
        step = track["width"] / 11
        left, right = track["x"] + t * step, track["x"] + (t + 1) * step
        assert abs(box["left"] - left) < 2 or abs(box["right"] - right) < 2
    edited = delete_token(SEQUENCE, 4)
    after = record(network, edited.sequence)
    page = show(stage_payload(network, after, SEQUENCE.features, before, edited.alignment))
    expect(page.locator(".axis")).to_contain_text("a token was removed before step 4")


@pytest.mark.parametrize("cell", ["lstm", "lstm-peephole", "lstm-coupled", "gru", "gru-v3", "elman"])
def test_gradients_of_a_changed_run_are_the_engines_on_every_node(show: Show, cell: str) -> None:
    gate = CELLS[cell].activations[-1] if CELLS[cell].activations else "hidden_from_hidden"
    pre = CELLS[cell].pre_activations[0]
    state = CELLS[cell].state[-1][1][0]
    network, trace = run(
        cell, Clamp(gate, 0.4, [5], [9]), Scale(f"{pre}_pre", 0.5), Scale(state, 0.8, [5]), Reset([3])
    )
    flow = gradient_flow(network, trace, Loss())
    payload = stage_payload(network, trace, SEQUENCE.features)
    payload["gradients"] = stage_gradients(network, flow)
    page = show(payload, timestep=9, unit=5, gradients=True)
    found = machine_gradients(network, flow)
    for timestep in (9, 8, 3, 2):
        go_to(page, timestep, 5)
        shown = nodes(page)
        for name, slope in found.nodes.items():
            if shown[name]:
                exact = found.value(slope, timestep, 5)
                assert close(read(shown[name]), exact) or shown[name] == number(exact), (timestep, name)
        if timestep == 3:
            assert shown["hidden_before"] == "0"


@pytest.mark.parametrize("cell", ["lstm", "lstm-peephole", "lstm-noaf"])
def test_the_gradient_by_a_touched_cell_state_comes_apart_and_adds_up(show: Show, cell: str) -> None:
    squashed = [Scale("cell_tanh", 0.7)] if "cell_tanh" in CELLS[cell].signal_names else []
    inside = [Scale("input_from_cell", 0.5)] if CELLS[cell].peepholes else []
    chosen = [Scale("cell", 0.6, [5]), Scale("hidden", 0.9), *squashed, *inside, Reset([6])]
    network, trace = run(cell, *chosen)
    flow = gradient_flow(network, trace, Loss(8))
    payload = stage_payload(network, trace, SEQUENCE.features)
    payload["gradients"] = stage_gradients(network, flow)
    page = show(payload, timestep=7, unit=5, gradients=True, node="cell")
    for timestep in (7, 6):
        go_to(page, timestep, 5)
        rows = page.locator(".card .parts tr:not(.sum) .value").all_text_contents()
        total = page.locator(".card .parts tr.sum .value").text_content() or ""
        assert value_of(total) == pytest.approx(flow.signals["cell"][timestep, 5], rel=6e-3)
        assert sum(map(value_of, rows)) == pytest.approx(value_of(total), rel=2e-2)
    expect(page.locator(".card")).to_contain_text("Times 0.6: 0.600 times this goes further back.")
    go_to(page, 5, 5)
    expect(page.locator(".card")).to_contain_text("the state is reset before step 6")


def test_a_held_gate_lets_no_gradient_further_back_and_the_card_says_so(show: Show) -> None:
    network, trace = run("lstm", Clamp("forget", 0.9, [5]))
    payload = stage_payload(network, trace, SEQUENCE.features)
    payload["gradients"] = stage_gradients(network, gradient_flow(network, trace, Loss()))
    page = show(payload, timestep=7, unit=5, gradients=True, node="forget")
    expect(page.locator(".card")).to_contain_text("Held at 0.900: nothing goes further back")
    results = page.locator(".card .result").evaluate_all("all => all.map((one) => one.dataset.value)")
    assert results[0] == "0.900"
    assert results[1] != "0"
    assert results[2] == "0"


def test_a_weight_lights_the_way_of_its_product_and_heads_the_card(show: Show) -> None:
    network, trace = run("lstm")
    weight = {"signal": "forget_from_hidden", "column": 2}
    page = show(stage_payload(network, trace, SEQUENCE.features), timestep=4, unit=5, weight=weight)
    lit = page.locator(".machine .wire").evaluate_all(
        "all => all.map((one) => one.classList.contains('lit'))"
    )
    wires = stage_payload(network, trace)["machine"]["ways"]["forget_from_hidden"]["wires"]
    assert [index for index, is_lit in enumerate(lit) if is_lit] == sorted(wires)
    halo = page.locator(".machine .halo").bounding_box()
    start, end = (node(page, name).bounding_box() for name in ("hidden_before", "forget"))
    assert halo
    assert start
    assert end
    assert halo["x"] == pytest.approx(start["x"] + start["width"] / 2, abs=12)
    assert halo["x"] + halo["width"] == pytest.approx(end["x"] + end["width"] / 2, abs=12)
    assert halo["y"] == pytest.approx(end["y"] + end["height"] / 2, abs=30)
    expect(page.locator(".card h2")).to_contain_text("Forget gate")
    table = page.locator(".card .products").first
    expect(table).to_have_attribute("data-summand", "forget_from_hidden")
    first = table.locator("tbody tr").first
    expect(first).to_have_class("marked")
    expect(first.locator("th")).to_have_text("unit 2")
    product = network.parameters["weight_hh"][8 + 5, 2].item() * trace["hidden"][3, 2]
    assert value_of(first.locator(".value").text_content() or "") == pytest.approx(product, rel=6e-3)
    page.keyboard.press("ArrowRight")  # in time the weight stays
    expect(page.locator(".card tr.marked")).to_have_count(1)
    node(page, "cell").click()
    expect(page.locator(".machine .halo")).to_have_attribute("d", "")
    page.mouse.move(2, 2)
    expect(page.locator(".card h2")).to_contain_text("Cell state")


def test_a_weight_of_an_input_that_is_zero_and_a_bias_are_shown_all_the_same(show: Show) -> None:
    network, trace = run("gru")
    column = SEQUENCE.features.index("w")
    payload = stage_payload(network, trace, SEQUENCE.features)
    page = show(payload, timestep=0, unit=1, weight={"signal": "candidate_from_input", "column": column})
    row = page.locator(".card tr.marked")
    expect(row.locator("th")).to_have_text("“w”")
    expect(row.locator(".value")).to_have_text("0.000")
    page = show(payload, timestep=0, unit=1, weight={"signal": "candidate_bias", "column": None})
    expect(page.locator(".card caption.marked")).to_have_count(1)
    page = show(payload, timestep=0, unit=1, weight={"signal": "no_such", "column": 0})
    expect(page.locator(".card h2")).to_contain_text("Step 0 of 0 to 10")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_of_a_changed_stage_is_cut_and_axe_finds_nothing(
    new_page: NewPage, tmp_path: Path, axe: Callable[[Page], list[str]], scheme: str, width: int
) -> None:
    chosen = (
        Clamp("forget", 1.0, [5]),
        Scale("input_pre", 0.5),
        Add("candidate_from_input", -0.25),
        Detach("output"),
        Freeze("cell_tanh", 1),
        Patch("cell", np.full((11, 8), 0.5), [5], [6]),
        Ablate("hidden", [5], [6]),
        Reset([6]),
    )
    network, trace = run("lstm", *chosen)
    payload = stage_payload(network, trace, SEQUENCE.features, run("lstm")[1])
    page = new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    file = tmp_path / "stage.html"
    file.write_text(stage_html(payload, "A stage", timestep=6, unit=5), encoding="utf-8")
    page.goto(f"file://{file}")
    page.locator(".machine .badge .said", has_text="= 1").wait_for()
    assert set(marks(page)) >= {
        "forget",
        "input",
        "candidate",
        "output",
        "tanh",
        "cell",
        "hidden",
        "cell_before",
    }
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sizes = page.locator(".machine text, .axis .sign, .card .words, .legend span").evaluate_all(
        "all => all.filter((e) => e.textContent.trim()).map((e) => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 12
    fits = page.locator(".machine .badge[display=inline]").evaluate_all(
        """all => all.map((one) => {
            const [plate, said] = [...one.children].map((part) => part.getBoundingClientRect());
            return plate.left <= said.left + 1 && said.right <= plate.right + 1;
        })"""
    )
    assert all(fits)
    assert axe(page) == []


def test_the_page_shows_a_held_gate_in_full_digits(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?timestep=4&unit=5&node=forget&interventions=clamp~forget~0.25~u5")
    _, trace = run("lstm", Clamp("forget", 0.25, [5]))
    expect(node(page, "forget").locator(".number")).to_have_text("0.250")
    page.locator(".stage .bar").get_by_role("button", name="Table").click()
    row = page.locator(".step-table tr", has=page.get_by_role("rowheader", name="forget", exact=True))
    expect(row.locator(".value")).to_have_text("0.25")
    expect(row.locator(".done")).to_have_text(f"made {float(trace.made['forget'][4, 5])!r}, held at 0.250")
