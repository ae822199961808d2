"""The stage's gradients in a real browser: the switch, the numbers, the way back in time, the card, and the file."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from memviz import encode
from memviz.cells import CELLS
from memviz.experiment import Experiment
from memviz.gradients import GradientFlow, Loss, Scaled, gradient_flow
from memviz.network import Network
from memviz.stage import stage_gradients, stage_html, stage_payload
from memviz.stage.gradients import machine_gradients
from memviz.stage.machine import machine
from memviz.theme import MINUS, number
from memviz.trace import record
from tests import oracles
from tests.browser.reading import FIND, TEXT, NewPage, OpenApp, close, node, nodes, read

SWITCH = "Gradients"
RECORD = (
    f"() => {{ {FIND}"
    + """
      window.seen = [];
      const stage = find();
      const look = () => {
        const phase = stage.querySelector('.phases button[aria-pressed="true"][data-phase]').dataset.phase;
        const now = [Number(stage.querySelector('.readout').textContent.split(' ')[1]), phase];
        if (String(now) !== String(window.seen.at(-1))) window.seen.push(now);
        requestAnimationFrame(look);
      };
      look();
    }"""
)


def run(cell: str, loss: Loss | None = None) -> tuple[Network, GradientFlow]:
    """What the page shows at ?cell=..., by the library alone."""
    sequence = encode(TEXT)
    network = Experiment(cell, seed=1, forget_bias=3.0, update_bias=3.0).build(sequence)
    return network, gradient_flow(network, record(network, sequence), loss or Loss())


def turn_on(page: Page) -> None:
    page.locator(".ribbon").focus()
    page.keyboard.press("g")
    expect(page.locator(".stage.backwards")).to_be_visible()


def card_rows(page: Page) -> dict[str, tuple[float, float]]:
    """The table of the card: by the row's name its last number, and half of that number's last place."""
    page.locator(".card .parts tr").first.wait_for()
    rows = page.locator(".card .parts tr").evaluate_all(
        """all => all.map((one) => {
            const [mantissa, , power] = one.querySelectorAll('.value mn');
            return [one.querySelector('th').textContent, one.querySelector('.value').textContent.split('·')[0],
              power?.textContent ?? '0'];
        })"""
    )
    found = {}
    for name, mantissa, power in rows:
        scale = 10.0 ** read(power)
        found[name] = (read(mantissa) * scale, 0.51 * scale * 10.0 ** -len(mantissa.partition(".")[2]))
    return found


@pytest.mark.parametrize("cell", ["lstm", "lstm-peephole", "lstm-1997", "gru", "gru-v3", "elman"])
def test_the_key_g_turns_every_number_into_its_gradient_and_back(
    page: Page, open_app: OpenApp, cell: str
) -> None:
    open_app(page, f"?cell={cell}&timestep=4&unit=5")
    values = nodes(page)
    turn_on(page)
    page.wait_for_url("**gradients=1**")
    found = machine_gradients(*run(cell))
    shown = nodes(page)
    compared = 0
    for name, slope in found.nodes.items():
        if shown[name]:  # the plus has no number of its own
            assert shown[name] == number(found.value(slope, 4, 5)), (name, shown[name])
            compared += 1
    assert compared >= 6
    expect(page.locator(".note")).to_have_text(
        "Gradients of L = the sum of h at step 10, all paths, backwards in time."
    )
    page.reload()
    expect(page.locator(".stage.backwards")).to_be_visible()
    assert nodes(page) == shown
    expect(page.get_by_role("button", name=SWITCH)).to_have_attribute("aria-pressed", "true")
    page.locator(".ribbon").focus()
    page.keyboard.press("g")
    expect(page.locator(".stage.backwards")).to_have_count(0)
    assert nodes(page) == values
    page.wait_for_function("!location.search.includes('gradients')")


def test_the_pages_loss_is_the_stages(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?timestep=3&unit=1&gradients=1&loss_timestep=6&loss_unit=2")
    found = machine_gradients(*run("lstm", Loss(6, 2)))
    assert close(read(nodes(page)["cell"]), found.value(found.nodes["cell"], 3, 1))
    expect(page.locator(".note")).to_contain_text("L = h of unit 2 at step 6, all paths")
    page.locator(".ribbon").focus()
    page.keyboard.press("End")
    assert nodes(page)["cell"] == "0"
    node(page, "cell").hover()
    expect(page.locator(".card")).to_contain_text("Exactly 0: the loss is read before this step.")


def test_play_runs_back_in_time_and_starts_over_from_the_loss(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?timestep=3&gradients=1&loss_timestep=7")
    page.get_by_label("Speed").select_option("4")
    page.evaluate(RECORD)
    page.locator(".ribbon").focus()
    page.keyboard.press("Space")
    page.wait_for_url("**timestep=0**")
    assert [t for t, _ in page.evaluate("window.seen")] == [3, 2, 1, 0]
    page.keyboard.press("Space")
    page.wait_for_function("window.seen.length >= 7")
    assert [t for t, _ in page.evaluate("window.seen")][4:7] == [7, 6, 5]


def test_play_inside_goes_through_the_phases_in_reverse(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?text=ab&timestep=1&gradients=1")
    page.get_by_label("Speed").select_option("4")
    page.evaluate(RECORD)
    page.get_by_role("button", name="Play inside").click()
    order = [phase.id for phase in machine(CELLS["lstm"]).phases][::-1]
    page.wait_for_function(f"window.seen.length >= {2 * len(order) + 1}")
    assert page.evaluate("window.seen")[1:] == [[1, name] for name in order] + [[0, name] for name in order]


def test_every_arrow_points_back_along_its_wire(page: Page, open_app: OpenApp) -> None:
    for cell in ("lstm-fgr", "gru", "elman"):
        open_app(page, f"?cell={cell}&gradients=1")
        ends = page.locator(".machine .wire").evaluate_all(
            """all => all.map((one) => {
                const line = one.querySelector('.value'), length = line.getTotalLength();
                const [start, end] = [line.getPointAtLength(0), line.getPointAtLength(length)];
                const before = line.getPointAtLength(length - 1);
                const tip = one.querySelector('.head').getAttribute('d').split('L')[1]?.split(' ').map(Number);
                const way = tip ? [tip[0] - end.x, tip[1] - end.y] : [null, null];
                return [start.x, start.y, end.x - before.x, end.y - before.y, ...way];
            })"""
        )
        places = page.locator(".machine .node").evaluate_all(
            """all => Object.fromEntries(all.map((one) => {
                const at = one.transform.baseVal.consolidate().matrix;
                return [one.dataset.node, [at.e, at.f]];
            }))"""
        )
        drawn = machine(CELLS[cell])
        for wire, (x, y, dx, dy, tip_dx, tip_dy) in zip(drawn.wires, ends, strict=True):
            if wire.target != "bus":  # it starts at what is its target while values are shown
                assert abs(x - places[wire.target][0]) < 40
                assert abs(y - places[wire.target][1]) < 1
            if tip_dx is not None:
                assert dx * tip_dx + dy * tip_dy > 0


def test_a_wire_has_the_colour_of_its_gradients_sign(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?timestep=4&unit=5&gradients=1")
    found = machine_gradients(*run("lstm"))
    shown = page.locator(".machine .wire").evaluate_all(
        """all => all.map((one) => [one.style.getPropertyValue('--carries'),
             parseFloat(one.querySelector('.value').style.strokeWidth)])"""
    )
    sizes = []
    for slope, (colour, width) in zip(found.wires, shown, strict=True):
        if slope is None:
            assert colour == "var(--wire)"
            continue
        value = found.value(slope, 4, 5)
        assert colour == ("var(--negative)" if value < 0 else "var(--positive)")
        sizes.append((abs(value), width))
    widths = [width for _, width in sorted(sizes)]
    assert widths == sorted(widths)
    assert widths[0] < widths[-1]


def test_all_strips_have_one_scale_which_is_told_and_zero_is_the_ground(
    page: Page, open_app: OpenApp
) -> None:
    open_app(page, "?gradients=1&loss_timestep=8")
    found = machine_gradients(*run("lstm", Loss(8)))
    assert found.decades is not None
    low, high = (f"1e{power}".replace("-", MINUS) for power in found.decades)
    legend = page.locator("p.legend")
    expect(legend).to_contain_text(f"{MINUS}{high} … {MINUS}{low}")
    expect(legend).to_contain_text("exactly 0")
    expect(legend).to_contain_text(f"{low} … {high}")
    expect(legend).to_contain_text("log scale, the same for all strips")
    for name in ("cell", "hidden", "forget"):
        pixels = page.locator(f'.strip[data-signal="{name}"] canvas:not(.marks)').evaluate(
            "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
        )
        colours = np.array(pixels).reshape(8, len(TEXT), 4)[:, :, :3].transpose(1, 0, 2)
        gradient = found.arrays[name]
        ground = (colours == [244, 245, 247]).all(axis=2)
        np.testing.assert_array_equal(ground, gradient == 0)
        warmth = colours[:, :, 0] - colours[:, :, 2]
        np.testing.assert_array_equal(np.sign(warmth[~ground]), -np.sign(gradient[~ground]))


@pytest.mark.parametrize("cell", [name for name in CELLS if CELLS[name].family == "lstm"])
def test_the_card_takes_the_gradient_by_the_cell_state_apart_and_it_adds_up(
    page: Page, open_app: OpenApp, cell: str
) -> None:
    open_app(page, f"?cell={cell}&timestep=4&unit=2&gradients=1&node=cell")
    _, flow = run(cell)
    rows = card_rows(page)
    total, half = rows.pop("sum")
    assert abs(total - flow.signals["cell"][4, 2]) <= half
    trace = flow.trace
    forget = trace["forget"][5, 2] if "forget" in trace.names else 1.0
    slope = 1 - trace["cell_tanh"][4, 2] ** 2 if "cell_tanh" in trace.names else 1.0
    for name, exact in (
        ("carousel, step 5", flow.signals["cell"][5, 2] * forget),
        ("exposure, through h", flow.signals["hidden"][4, 2] * trace["output"][4, 2] * slope),
    ):
        assert abs(rows[name][0] - exact) <= rows[name][1]
    peepholes = CELLS[cell].peepholes
    assert len(rows) == 2 + len(peepholes)
    assert abs(sum(value for value, _ in rows.values()) - total) <= half


def test_the_card_shows_what_a_gates_saturation_leaves(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?timestep=4&unit=5&gradients=1&node=forget")
    _, flow = run("lstm")
    f, gradient = flow.trace["forget"][4, 5], flow.signals["forget"][4, 5]
    results = page.locator(".card .result").evaluate_all("all => all.map((one) => one.dataset.value)")
    assert results == [number(f), number(gradient), number(flow.signals["forget_pre"][4, 5])]
    expect(page.locator(".card .equation").last).to_contain_text(f"{number(gradient)}·{number(f * (1 - f))}")


def test_the_card_lists_the_gradients_of_the_step_and_of_a_phase(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?timestep=4&unit=5&gradients=1")
    _, flow = run("lstm")
    rows = page.locator(".card .slopes tbody tr")
    expect(rows).to_have_count(6)
    cells = rows.nth(4).locator("td").all_text_contents()
    assert cells == [number(flow.trace["cell"][4, 5]), number(flow.signals["cell"][4, 5]), ""]
    page.get_by_role("button", name="Forget", exact=True).click()
    expect(page.locator(".card h2")).to_contain_text("Forget, backwards: step 4")
    expect(page.locator(".card .slopes tbody tr")).to_have_count(2)


def test_the_switch_is_reached_by_tab_and_stays_in_full_screen(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?cell=lstm-fgr&forget_bias=-3&node=cell")
    page.get_by_label("Ribbon shows").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".stage.backwards")).to_be_visible()
    page.get_by_role("button", name="Full screen").click()
    expect(page.locator(".stage.projector")).to_be_visible()
    expect(page.get_by_role("button", name=SWITCH)).to_be_visible()
    sizes = page.locator(".stage.projector").evaluate(
        """(stage) => [...stage.querySelectorAll('text, .token span, .card *, button, select, .gutter *, .legend *')]
             .filter((e) => e.textContent.trim() && e.getClientRects().length)
             .map((e) => parseFloat(getComputedStyle(e).fontSize))"""
    )
    assert min(sizes) >= 24
    assert page.locator(".card").evaluate("card => card.scrollWidth <= card.clientWidth")


def test_a_screen_reader_hears_gradients(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?gradients=1")
    page.locator(".ribbon").focus()
    page.keyboard.press("s")
    expect(page.locator(".stage .live")).to_contain_text("gradients of the sum of h at step 10: input gate")
    expect(node(page, "forget")).to_have_attribute("aria-label", re.compile("gradient by forget gate, "))


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_and_axe_finds_nothing(
    new_page: NewPage, open_app: OpenApp, axe, width: int, scheme: str
) -> None:
    page = new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    for query in ("?gradients=1", "?gradients=1&cell=gru&node=kept", "?gradients=1&forget_bias=-5&node=cell"):
        open_app(page, query)
        expect(page.locator(".stage.backwards")).to_be_visible()
        assert axe(page) == []
        wide = page.locator(".machine .node").evaluate_all(
            """all => all.map((one) => {
                const box = one.querySelector('.shape').getBBox().width;
                const width = (name) => one.querySelector(name).getBBox().width;
                return [one.dataset.node, box, width('.label'), width('.number')];
            })"""
        )
        for name, box, label, text in wide:
            assert max(label, text) <= box + 6, (query, name, box, label, text)
        assert page.locator(".card").evaluate("card => card.scrollWidth <= card.clientWidth")


def test_the_content_is_not_sent_again_for_the_switch(page: Page, open_app: OpenApp) -> None:
    received: list[int] = []
    page.on(
        "websocket",
        lambda socket: socket.on(
            "framereceived",
            lambda data: received.append(len(data if isinstance(data, bytes) else data.encode())),
        ),
    )
    open_app(page, f"?text={'the quick brown fox jumps over the lazy dog '[:40] * 4}&hidden_size=16")
    turn_on(page)
    page.wait_for_url("**gradients=1**")
    page.wait_for_timeout(500)
    both = max(received)
    received.clear()
    page.locator(".ribbon").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**timestep=5**")
    page.wait_for_timeout(500)
    assert max(received) < both - 150_000


def test_another_network_while_gradients_are_shown_brings_its_own(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?timestep=4&unit=5&gradients=1")
    page.get_by_role("radio", name="GRU").or_(page.get_by_role("button", name="GRU")).first.click()
    expect(node(page, "update")).to_be_visible()
    found = machine_gradients(*run("gru"))
    for name in ("hidden", "update", "complement", "kept"):
        expect(node(page, name).locator(".number")).to_have_text(number(found.value(found.nodes[name], 4, 5)))


@pytest.mark.parametrize("is_on", [True, False])
def test_a_page_of_its_own_has_the_switch_only_with_gradients(
    page: Page, tmp_path: Path, is_on: bool
) -> None:
    network, flow = run("lstm")
    payload = stage_payload(network, flow.trace)
    if is_on:
        payload["gradients"] = stage_gradients(network, flow)
    file = tmp_path / "stage.html"
    file.write_text(stage_html(payload, "A stage", timestep=4, unit=5, gradients=is_on), encoding="utf-8")
    page.goto(file.as_uri())
    expect(page.locator(".machine .node").first).to_be_visible()
    switch = page.get_by_role("button", name=SWITCH)
    if not is_on:
        expect(switch).to_have_count(0)
        page.locator(".ribbon").focus()
        page.keyboard.press("g")
        assert close(read(nodes(page)["cell"]), flow.trace["cell"][4, 5])
        return
    assert close(read(nodes(page)["cell"]), flow.signals["cell"][4, 5])
    switch.click()
    assert close(read(nodes(page)["cell"]), flow.trace["cell"][4, 5])


def test_gradients_of_any_size_are_shown(page: Page, tmp_path: Path) -> None:
    p = {name: np.zeros_like(value) for name, value in oracles.parameters("elman-relu", 1, 2, 0).items()}
    for scale, shown in ((1e-3, f"1.00e{MINUS}240"), (1e4, "∞")):
        p |= {"bias_ih": np.ones(2), "weight_hh": np.array([[scale, 0], [0, 0]])}
        network = Network("elman-relu", oracles.as_torch(p))
        time = 81 if scale < 1 else 70
        flow = gradient_flow(network, record(network, np.zeros((time, 1))))
        if shown == "∞":
            # 2^1000 times as large: beyond every float, as a longer run's would be if its states did not overflow.
            larger = {
                name: Scaled(v.mantissa, np.where(v.mantissa == 0, v.exponent, v.exponent + 1000))
                for name, v in flow.scaled.items()
            }
            flow = replace(flow, scaled=larger)
        payload = stage_payload(network, flow.trace) | {"gradients": stage_gradients(network, flow)}
        file = tmp_path / "stage.html"
        file.write_text(stage_html(payload, "A stage", timestep=0, unit=0, gradients=True), encoding="utf-8")
        page.goto(file.as_uri())
        assert nodes(page)["hidden"] == shown
        assert nodes(page)["from_hidden"] == shown
        page.get_by_label("Unit", exact=True).select_option("1")
        assert nodes(page)["hidden"] == "0"
        assert "NaN" not in page.locator(".stage").inner_text()
        assert "undefined" not in page.locator(".stage").inner_text()
