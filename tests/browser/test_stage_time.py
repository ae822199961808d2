"""The stage in time: keys, play, phases, dragging, and what the server hears of it."""

import json

import pytest
from playwright.sync_api import Page, expect

from memviz.cells import CELLS
from memviz.stage.machine import machine
from tests.browser.reading import FIND, WATCH, Numbers, OpenApp, close, frames_sent, node, nodes, read


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


def test_a_play_through_sends_nothing_until_it_rests(page: Page, open_app: OpenApp) -> None:
    page.add_init_script(
        """window.sentAt = [];
        const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (...data) {
          window.sentAt.push(performance.now());
          return send.apply(this, data);
        };"""
    )
    open_app(page, "?timestep=0")
    page.get_by_label("Speed").select_option("4")
    page.wait_for_timeout(500)
    page.locator(".ribbon").focus()
    start = page.evaluate("performance.now()")
    page.keyboard.press("Space")
    page.wait_for_url("**timestep=10**")  # it rests at the end
    rested = page.evaluate(
        f"() => {{ {FIND} return find().querySelector('.readout').textContent.startsWith('step 10 ') }}"
    )
    assert rested
    sent = [at - start for at in page.evaluate("window.sentAt") if at > start]
    assert len(sent) == 1
    assert sent[0] > 10 * 190  # ten steps, at four times the speed


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


def test_dragging_scrubs_and_tells_the_server_on_release_alone(page: Page, open_app: OpenApp) -> None:
    sent = frames_sent(page)
    open_app(page)
    box = page.locator(".ribbon").bounding_box()
    assert box
    numbers = Numbers("lstm")
    page.mouse.move(box["x"] + 5, box["y"] + 20)
    before = len(sent)
    page.mouse.down()
    for t in (2, 5, 8, 3):
        page.mouse.move(box["x"] + box["width"] * (t + 0.5) / 11, box["y"] + 20, steps=4)
        page.wait_for_timeout(250)  # longer than what counts as rest
        assert close(read(nodes(page)["cell"]), numbers.at("cell", t, 5))
    assert len(sent) == before
    page.mouse.up()
    page.wait_for_url("**timestep=3**")
    page.keyboard.press("ArrowRight")  # the keys are with the ribbon now
    expect(page.locator(".readout")).to_contain_text("step 4 of")


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


def test_another_cell_while_pointing_at_a_node_that_it_lacks_is_drawn(page: Page, open_app: OpenApp) -> None:
    open_app(page)
    node(page, "forget").hover()
    expect(page.locator(".card h2")).to_contain_text("Forget gate")
    page.get_by_role("radio", name="GRU").or_(page.get_by_role("button", name="GRU")).first.evaluate(
        "button => button.click()"
    )
    expect(node(page, "update")).to_be_visible()
    expect(page.locator(".card h2")).to_contain_text("Update gate: step 4")  # it lies where the pointer is
    page.mouse.move(5, 5)
    expect(page.locator(".card h2")).to_contain_text("Step 4 of 0 to 10")


def test_pause_pauses_a_play_inside(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?timestep=0&node=forget")
    page.get_by_role("button", name="Play inside").click()
    expect(page.locator(".card h2")).to_contain_text("Read")  # what was pinned makes way for the phases
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    page.wait_for_url("**phase=read**")


def test_another_unit_does_not_stop_the_play(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?timestep=0")
    page.locator(".ribbon").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.get_by_label("Ribbon shows").select_option("forget")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    page.keyboard.press("Escape")


def test_a_phase_that_another_cell_lacks_comes_back_with_its_cell(page: Page, open_app: OpenApp) -> None:
    open_app(page, "?phase=gates&timestep=2")
    for name in ("Elman", "LSTM"):
        page.get_by_role("radio", name=name).or_(page.get_by_role("button", name=name)).first.click()
        page.wait_for_url(f"**cell={name.lower()}**")
        page.locator(".ribbon").focus()
        page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Gates", exact=True)).to_have_attribute("aria-pressed", "true")
