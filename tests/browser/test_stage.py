"""The stage in a real browser, on the gates page: its numbers, its keys, its clock and its address."""

import json
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from memviz import Experiment, encode
from memviz.cells import CELLS
from memviz.stage.machine import machine
from memviz.theme import MINUS
from memviz.web.address import DEFAULT
from tests import oracles

OpenApp = Callable[..., None]
NewPage = Callable[..., Page]
TEXT = "hello world"
GATES = {"input", "forget", "candidate", "output", "reset", "update"}
FIND = """const find = () =>
    [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.stage')).find(Boolean);"""
# Counts the frames in which the stage has no number on a node, or is another element than it was.
WATCH = (
    f"() => {{ {FIND}"
    + """
  const first = find();
  window.watched = { frames: 0, blank: 0, replaced: 0 };
  const look = () => {
    const stage = find();
    const numbers = stage ? [...stage.querySelectorAll('.machine .number')] : [];
    window.watched.frames += 1;
    const isDrawn = numbers.some((number) => number.textContent) && stage.querySelector('.strip canvas').width;
    if (!isDrawn) window.watched.blank += 1;
    if (stage !== first) window.watched.replaced += 1;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""
)


def read(text: str) -> float:
    return float(text.replace(MINUS, "-"))


def close(shown: float, exact: float) -> bool:
    """Whether a number on the screen is the exact one to its three digits."""
    return math.isclose(shown, exact, rel_tol=5.1e-3, abs_tol=1e-12)


def node(page: Page, name: str) -> Locator:
    return page.locator(f'.machine .node[data-node="{name}"]')


def nodes(page: Page) -> dict[str, str]:
    texts: dict[str, str] = page.locator(".machine .node").evaluate_all(
        "all => Object.fromEntries(all.map((one) => [one.dataset.node, one.querySelector('.number').textContent]))"
    )
    return texts


def go_to(page: Page, timestep: int, unit: int) -> None:
    page.locator(".ribbon").focus()
    page.keyboard.press("Home")
    for _ in range(timestep):
        page.keyboard.press("ArrowRight")
    page.get_by_label("Unit", exact=True).select_option(str(unit))


class Numbers:
    """Every signal of a cell at every step, by the plain numpy of the papers."""

    def __init__(self, cell: str, text: str = TEXT) -> None:
        sequence = encode(text)
        experiment = Experiment(cell, seed=1, forget_bias=3.0, update_bias=3.0)
        network = experiment.build(sequence)
        p = {name: value.numpy() for name, value in network.parameters.items()}
        self.state = {part: np.zeros(len(names) * 8) for part, names in CELLS[cell].state}
        self.signals = oracles.run(cell, p, sequence.inputs, self.state)

    def at(self, name: str, t: int, unit: int) -> float:
        return float(self.signals[t][name][unit])

    def before(self, name: str, t: int, unit: int) -> float:
        return self.at(name, t - 1, unit) if t else float(self.state[name][unit])

    def nodes(self, t: int, unit: int) -> dict[str, float]:
        """What the nodes of the machine have to show."""
        now = {name: float(values[unit]) for name, values in self.signals[t].items()}
        h, c = self.before("hidden", t, unit), self.before("cell", t, unit) if "cell" in now else 0.0
        shown = {name: now[name] for name in now if name in GATES | {"cell", "hidden"}}
        shown["hidden_before"] = h
        if "cell" in now:
            shown |= {"cell_before": c, "written": now["input"] * now["candidate"], "exposed": now["hidden"]}
            if "forget" in now:
                shown["kept"] = now["forget"] * c
        if "update" in now:
            share = 1 - now["update"]
            shown |= {"complement": share, "kept": now["update"] * h, "written": share * now["candidate"]}
        return shown


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


def test_every_step_can_be_reached_by_keys_alone_and_lands_in_the_address(
    page: Page, open_app: OpenApp
) -> None:
    open_app(page)
    numbers = Numbers("lstm")
    page.locator(".ribbon").focus()
    for key, t, unit in (
        ("End", 10, 5),
        ("ArrowLeft", 9, 5),
        ("ArrowUp", 9, 4),
        ("Home", 0, 4),
        ("ArrowRight", 1, 4),
        ("ArrowDown", 1, 5),
        ("ArrowDown", 1, 6),
    ):
        page.keyboard.press(key)
        assert close(read(nodes(page)["hidden"]), numbers.at("hidden", t, unit))
    page.wait_for_url("**timestep=1&unit=6**")
    for _ in range(40):  # by Tab into the machine, as far as the forget gate
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.shadowRoot?.activeElement?.dataset.node") == "forget":
            break
    page.keyboard.press("Enter")
    expect(node(page, "forget")).to_have_attribute("aria-pressed", "true")
    page.wait_for_url("**node=forget**")
    page.keyboard.press("ArrowRight")  # time goes on while the gate stays pinned
    expect(page.locator(".card h2")).to_contain_text("Forget gate: step 2")
    page.keyboard.press("Escape")
    expect(node(page, "forget")).to_have_attribute("aria-pressed", "false")
    page.wait_for_function("!location.search.includes('node=')")


def test_keys_step_when_nothing_has_the_focus(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?text=abcd&timestep=1")
    page.locator("h1").click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".readout")).to_contain_text("step 3 of 0 to 3")
    page.keyboard.press("Home")
    expect(page.locator(".readout")).to_contain_text("step 0 of 0 to 3")
    page.wait_for_url("**timestep=0**")


def frames_sent(page: Page) -> list[Any]:
    """Every message that the page sends to the server from now on."""
    sent: list[Any] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: sent.append(data)))
    return sent


def test_a_play_through_sends_nothing_until_it_rests(page: Page, open_app: OpenApp) -> None:
    sent = frames_sent(page)
    open_app(page, "?timestep=0")
    page.get_by_label("Speed").select_option("4")
    page.wait_for_timeout(500)
    before = len(sent)
    page.locator(".ribbon").focus()
    page.keyboard.press("Space")
    expect(page.locator(".readout")).to_contain_text("step 9 of 0 to 10")
    assert len(sent) == before
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()  # it rests at the end
    page.wait_for_url("**timestep=10**")
    assert len(sent) == before + 1


def test_a_pause_sends_where_it_rests(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?timestep=0")
    page.locator(".ribbon").focus()
    page.keyboard.press("Space")
    expect(page.locator(".readout")).to_contain_text("step 2 of 0 to 10")
    page.keyboard.press("Space")
    page.wait_for_url("**timestep=2**")


@pytest.mark.parametrize("cell", ["lstm-peephole", "gru", "elman"])
def test_playing_inside_goes_through_the_phases_in_order_and_on(
    page: Page, open_app: OpenApp, cell: str
) -> None:
    open_app(page, f"?cell={cell}&text=ab&timestep=0")
    page.get_by_label("Speed").select_option("4")
    page.evaluate(
        f"() => {{ {FIND}"
        + """
          window.phases = [];
          const stage = find();
          const look = () => {
            const [phase] = stage.querySelectorAll('.phases button[aria-pressed="true"][data-phase]');
            const step = stage.querySelector('.readout').textContent.split(' ')[1];
            const lit = [...stage.querySelectorAll('.machine .node.lit')].map((node) => node.dataset.node).join(',');
            const sentence = stage.querySelector('.card .sentence')?.textContent ?? '';
            const now = [phase.dataset.phase, Number(step), lit, sentence];
            if (String(now) !== String(window.phases.at(-1))) window.phases.push(now);
            requestAnimationFrame(look);
          };
          look();
        }"""
    )
    page.get_by_role("button", name="Play inside").click()
    drawn = machine(CELLS[cell])
    page.wait_for_function(f"window.phases.length >= {2 * len(drawn.phases) + 1}")
    seen = page.evaluate("window.phases")
    order = [phase.id for phase in drawn.phases]
    assert [[name, t] for name, t, _, _ in seen[1:]] == [[name, 0] for name in order] + [
        [name, 1] for name in order
    ]
    for name, _, lit, sentence in seen[1:]:
        phase = next(phase for phase in drawn.phases if phase.id == name)
        assert set(phase.nodes) - {"bus"} <= set(lit.split(","))
        assert "{" not in sentence
        assert len(sentence) > 20


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


def test_a_changed_text_keeps_the_place_and_never_blanks(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?timestep=3&unit=2&node=cell")
    page.evaluate(WATCH)
    box = page.get_by_role("textbox", name="Sequence")
    box.click()
    box.press("End")
    box.press_sequentially("! abc", delay=60)
    expect(page.locator(".ribbon .token")).to_have_count(16)
    slider = page.get_by_role("slider", name="Forget bias")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(80)
    page.wait_for_url("**forget_bias=2.5**")
    page.wait_for_timeout(300)
    expect(page.locator(".readout")).to_contain_text("step 3 of 0 to 15")
    expect(node(page, "cell")).to_have_attribute("aria-pressed", "true")
    watched = page.evaluate("window.watched")
    assert watched["frames"] > 20
    assert watched["blank"] == watched["replaced"] == 0


def test_held_keys_lose_no_press(page: Page, open_app: OpenApp) -> None:
    open_app(page, f"?text={'ab' * 30}&timestep=0")
    page.locator(".ribbon").focus()
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".readout")).to_contain_text("step 40 of")
    page.wait_for_url("**timestep=40**")
    page.wait_for_timeout(500)
    expect(page.locator(".readout")).to_contain_text("step 40 of")


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


def test_a_screen_reader_is_told_when_asked_and_not_before(page: Page, open_app: OpenApp) -> None:
    open_app(page)
    live = page.locator(".stage .live")
    page.locator(".ribbon").focus()
    page.keyboard.press("ArrowRight")
    assert live.text_content() == ""
    page.keyboard.press("s")
    expect(live).to_contain_text("Step 5 of 0 to 10, token ␣, unit 5: input gate")
    expect(live).to_contain_text("hidden state")


def test_reduced_motion_means_no_motion_unless_play_is_pressed(new_page: NewPage, open_app: OpenApp) -> None:
    moving = (
        f"() => {{ {FIND}"
        + """
      const stage = find();
      const wire = stage.querySelector('.machine .value');
      return [getComputedStyle(wire).transitionDuration, stage.getAnimations({ subtree: true }).length];
    }"""
    )
    for preference, moves in (("reduce", False), ("no-preference", True)):
        page = new_page(reduced_motion=preference)
        open_app(page)
        page.get_by_role("button", name="Gates", exact=True).click()
        duration, animations = page.evaluate(moving)
        assert (animations > 0) == moves
        assert (duration.split(",")[0] != "0s") == moves
        page.get_by_role("button", name="Play inside").click()
        page.wait_for_timeout(1200)
        assert page.evaluate(moving)[0].split(",")[0] != "0s"
        page.context.close()


def test_full_screen_is_readable_from_the_back_row(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?node=forget")
    page.get_by_role("button", name="Full screen").click()
    stage = page.locator(".stage.projector")
    expect(stage).to_be_visible()
    sizes = stage.evaluate(
        """(stage) => [...stage.querySelectorAll('.machine text, .token span, .card *, button, select, .gutter *')]
             .filter((e) => e.textContent.trim() && e.getClientRects().length)
             .map((e) => parseFloat(getComputedStyle(e).fontSize))"""
    )
    assert min(sizes) >= 24
    box = stage.bounding_box()
    assert box
    assert box["width"] == 1440
    assert box["height"] == 900
    page.locator(".stage.projector").focus()
    page.get_by_role("button", name="Full screen").click()
    expect(page.locator(".stage.projector")).to_have_count(0)


def test_everything_can_be_touched_on_a_phone(new_page: NewPage, open_app: OpenApp) -> None:
    page = new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    open_app(page)
    sizes = page.locator(".stage button, .stage select, .stage .node .shape, .stage .token").evaluate_all(
        "all => all.map((e) => e.getBoundingClientRect()).map((box) => [box.width, box.height])"
    )
    assert len(sizes) > 40
    assert min(min(size) for size in sizes) >= 24
    small = page.locator(".machine text").evaluate_all(
        "all => all.filter((e) => e.textContent).map((e) => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(small) >= 12
    node(page, "output").tap()
    expect(page.locator(".card h2")).to_contain_text("Output gate")
    page.wait_for_url("**node=output**")


def test_an_answer_to_an_older_move_does_not_pull_the_cursor_back(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?timestep=0")
    page.locator(".ribbon").focus()
    seen = []
    for _ in range(8):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(170)  # just longer than it takes to come to rest
        seen.append(int((page.locator(".readout").text_content() or "").split()[1]))
    assert seen == list(range(1, 9))


def test_the_payload_is_not_sent_again_for_a_step(page: Page, open_app: OpenApp) -> None:
    received: list[int] = []
    page.on(
        "websocket",
        lambda socket: socket.on(
            "framereceived",
            lambda data: received.append(len(data if isinstance(data, bytes) else data.encode())),
        ),
    )
    open_app(page, f"?text={'the quick brown fox jumps over the lazy dog '[:40] * 4}&hidden_size=16")
    full = max(received)
    received.clear()
    page.locator(".ribbon").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**timestep=5**")
    page.wait_for_timeout(300)
    assert max(received) < full - 60_000, json.dumps([full, received])


def test_the_stage_follows_the_theme(page: Page, open_app: OpenApp) -> None:
    open_app(page)
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        expect(page.locator(f'.stage[data-ground="{scheme}"]')).to_be_visible()
