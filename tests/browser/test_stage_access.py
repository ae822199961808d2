"""The stage for everybody: a screen reader, less motion, the back row, a phone, both themes."""

from playwright.sync_api import Page, expect

from tests.browser.reading import FIND, NewPage, OpenApp, node


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
    wire = "find().querySelector('.machine .value')"
    duration = f"() => {{ {FIND} return getComputedStyle({wire}).transitionDuration; }}"
    # An animation may be over before anyone asks: its start is what is counted.
    count = """() => {
      window.started = 0;
      const animate = Element.prototype.animate;
      Element.prototype.animate = function (...all) { window.started += 1; return animate.apply(this, all); };
    }"""
    for preference, moves in (("reduce", False), ("no-preference", True)):
        page = new_page(reduced_motion=preference)
        open_app(page)
        page.evaluate(count)
        gates = page.get_by_role("button", name="Gates", exact=True)
        gates.click()
        expect(gates).to_have_attribute("aria-pressed", "true")
        if moves:
            page.wait_for_function("window.started > 0")
        assert (page.evaluate(duration).split(",")[0] != "0s") == moves
        assert (page.evaluate("window.started") > 0) == moves
        page.get_by_role("button", name="Play inside").click()
        page.wait_for_timeout(1200)
        assert page.evaluate(duration).split(",")[0] != "0s"
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


def test_the_stage_follows_the_theme(page: Page, open_app: OpenApp) -> None:
    open_app(page)
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        expect(page.locator(f'.stage[data-ground="{scheme}"]')).to_be_visible()
