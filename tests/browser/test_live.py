"""Figures in a real browser: updated in place without a blank frame, saved, read as a table, replaced if need be."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Download, Locator, Page, Route, expect

from memviz import Experiment, encode, record
from memviz.web.gates.address import DEFAULT

OpenApp = Callable[..., None]
NewPage = Callable[..., Page]
NAMES = ("states", "gradients")
LIBRARY = "**/memviz-live/*"


def figure(page: Page, name: str) -> Locator:
    tools = page.get_by_role("group", name=f"Tools of the figure {name}")
    return page.locator(".memviz-live").filter(has=tools)


def chart(page: Page, name: str) -> Locator:
    return figure(page, name).locator(".chart")


def press(page: Page, name: str, button: str) -> None:
    figure(page, name).get_by_role("button", name=button, exact=True).click()


def open_drawn(page: Page, open_app: OpenApp, path: str = "") -> None:
    open_app(page, path)
    expect(page.locator(".memviz-live .drawn .js-plotly-plot")).to_have_count(2)


def of_chart(page: Page, name: str, expression: str) -> Any:
    """A JavaScript expression over `gd`, plotly's element."""
    return chart(page, name).evaluate(f"gd => {expression}")


def drawn_values(page: Page, name: str, trace: int) -> list[float]:
    """The y of a line as plotly unpacked them."""
    values: list[float] = of_chart(page, name, f"Array.from(gd.calcdata[{trace}], point => point.y)")
    return values


def cell_states(experiment: Experiment, text: str, unit: int) -> list[float]:
    sequence = encode(text)
    values: list[float] = record(experiment.build(sequence), sequence)["cell"][:, unit].tolist()
    return values


def change_bias(page: Page) -> None:
    """Turn the forget bias down by one step of 0.1."""
    page.get_by_role("slider", name="Forget bias").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**forget_bias=2.9**")


def zoom(page: Page, name: str) -> list[float]:
    """Draw a box in the figure; the range of x that it shows then."""
    chart(page, name).scroll_into_view_if_needed()
    area = chart(page, name).locator(".draglayer .nsewdrag").first.bounding_box()
    assert area is not None
    x, y, width, height = area["x"], area["y"], area["width"], area["height"]
    page.mouse.move(x + 0.3 * width, y + 0.2 * height)
    page.mouse.down()
    page.mouse.move(x + 0.6 * width, y + 0.8 * height, steps=5)
    page.mouse.up()
    expect(figure(page, name).get_by_role("button", name="Reset zoom")).to_be_visible()
    shown: list[float] = of_chart(page, name, "gd.layout.xaxis.range")
    assert shown[1] - shown[0] < 6
    return shown


def test_the_figures_show_the_numbers_of_the_trace(page: Page, open_app: OpenApp) -> None:
    open_drawn(page, open_app, "?text=abcabc&units=3")
    expected = cell_states(DEFAULT.experiment, "abcabc", 3)
    assert drawn_values(page, "states", 0) == pytest.approx(expected, rel=1e-12)


def test_a_change_keeps_every_element_and_no_frame_is_blank(page: Page, open_app: OpenApp) -> None:
    open_drawn(page, open_app, "?units=0")
    page.evaluate(
        """() => {
            window.charts = [...document.querySelectorAll(".js-plotly-plot")];
            window.blank = 0; window.frames = 0;
            const look = () => {
                const now = [...document.querySelectorAll(".js-plotly-plot")];
                const full = now.every((gd) => gd.querySelector(".scatterlayer .trace path.js-line, .hm image"));
                window.frames += 1;
                if (!full || now.length !== 2) window.blank += 1;
                requestAnimationFrame(look);
            };
            look();
        }"""
    )
    before = {name: of_chart(page, name, "JSON.stringify(gd.data)") for name in NAMES}
    change_bias(page)
    for name in NAMES:
        chart(page, name).evaluate(
            "(gd, old) => new Promise(done => { const look = () => "
            "JSON.stringify(gd.data) === old ? requestAnimationFrame(look) : done(); look(); })",
            before[name],
        )
    assert drawn_values(page, "states", 0) == pytest.approx(
        cell_states(replace(DEFAULT.experiment, forget_bias=2.9), "hello world", 0), rel=1e-12
    )
    page.get_by_role("textbox", name="Sequence").press_sequentially("!?")
    expect(page.locator(".ribbon .token")).to_have_count(13)
    page.wait_for_timeout(500)
    assert page.evaluate("window.charts.every((gd) => gd.isConnected)")
    assert page.evaluate("document.querySelectorAll('script[src*=memviz-live]').length") == 1
    assert page.evaluate("window.frames") > 5
    assert page.evaluate("window.blank") == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_zoom_survives_a_change_and_ends_with_a_longer_sequence(
    page: Page, open_app: OpenApp, name: str
) -> None:
    open_drawn(page, open_app)
    shown = zoom(page, name)
    change_bias(page)
    page.wait_for_timeout(500)
    assert of_chart(page, name, "gd._fullLayout.xaxis.range") == shown
    page.get_by_role("textbox", name="Sequence").press_sequentially("!")
    expect(page.locator(".ribbon .token")).to_have_count(12)
    expect(figure(page, name).get_by_role("button", name="Reset zoom")).to_be_hidden()
    assert of_chart(page, name, "gd._fullLayout.xaxis.range") == [-0.5, 11.5]


@pytest.mark.parametrize("by", ["button", "double click"])
def test_a_zoom_ends_by_a_button_and_by_a_double_click(page: Page, open_app: OpenApp, by: str) -> None:
    open_drawn(page, open_app, "?text=abcdefgh")
    page.get_by_role("textbox", name="Sequence").press_sequentially("i")  # the first range is another one
    expect(page.locator(".ribbon .token")).to_have_count(9)
    page.wait_for_timeout(500)
    whole = of_chart(page, "states", "[gd._fullLayout.xaxis.range, gd._fullLayout.yaxis.range]")
    zoom(page, "states")
    if by == "button":
        press(page, "states", "Reset zoom")
    else:
        page.wait_for_timeout(500)  # or the click that ended the box counts as the first one
        chart(page, "states").locator(".draglayer .nsewdrag").first.dblclick()
    expect(figure(page, "states").get_by_role("button", name="Reset zoom")).to_be_hidden()
    assert of_chart(page, "states", "[gd._fullLayout.xaxis.range, gd._fullLayout.yaxis.range]") == whole


def test_the_hover_label_stays_when_the_figure_changes(page: Page, open_app: OpenApp) -> None:
    open_drawn(page, open_app)
    change_bias(page)  # the slider keeps the focus while the pointer rests on the figure
    chart(page, "states").locator(".draglayer .nsewdrag").first.hover()
    label = chart(page, "states").locator(".hoverlayer .legend")
    expect(label).to_contain_text("unit 0")
    before = label.text_content()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**forget_bias=2.8**")
    page.wait_for_timeout(500)
    expect(label).to_contain_text("unit 0")
    assert label.text_content() != before


@pytest.mark.parametrize(
    ("kind", "start"), [("PNG", b"\x89PNG"), ("SVG", b"<svg"), ("HTML", b"<!doctype html>")]
)
def test_a_figure_is_saved_as_a_file(page: Page, open_app: OpenApp, kind: str, start: bytes) -> None:
    open_drawn(page, open_app)
    with page.expect_download() as saved:
        press(page, "gradients", kind)
    assert saved.value.suggested_filename == f"memviz-gradients.{kind.lower()}"
    content = saved.value.path().read_bytes()
    assert content.startswith(start)
    if kind == "PNG":
        width = of_chart(page, "gradients", "gd.clientWidth")
        assert int.from_bytes(content[16:20], "big") == 2 * width


def test_a_saved_page_needs_no_network_and_shows_the_text_as_text(page: Page, open_app: OpenApp) -> None:
    open_drawn(page, open_app, "?text=%3C/script%3E")
    with page.expect_download() as saved:
        press(page, "states", "HTML")
    content = saved.value.path().read_text(encoding="utf-8")
    elsewhere = page.context.new_page()
    elsewhere.route("**/*", lambda route: route.abort())
    elsewhere.set_content(content)
    expect(elsewhere.locator(".js-plotly-plot .xtick text").first).to_have_text("<")
    assert elsewhere.title() == "memviz: states"


def test_the_table_takes_the_place_of_the_figure_and_follows_it(page: Page, open_app: OpenApp) -> None:
    open_drawn(page, open_app, "?text=abc&units=0")
    height = figure(page, "states").evaluate("element => element.offsetHeight")
    press(page, "states", "Table")
    table = figure(page, "states").get_by_role("region", name="Table of the figure states")
    expect(table.get_by_role("columnheader")).to_have_text(["timestep", "token", "signal", "unit", "value"])
    expect(table.locator("tbody tr")).to_have_count(2 * 3 * 8)
    assert figure(page, "states").evaluate("element => element.offsetHeight") == height
    page.get_by_role("textbox", name="Sequence").press_sequentially("d")
    expect(table.locator("tbody tr")).to_have_count(2 * 4 * 8)
    button = figure(page, "states").get_by_role("button", name="Table")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.press("Enter")
    expect(table).to_have_count(0)
    expect(chart(page, "states")).to_be_visible()


def test_all_rows_are_saved_once_as_csv(page: Page, open_app: OpenApp) -> None:
    open_drawn(page, open_app, "?kind=signal&text=sine+400&units=1&hidden_size=9")
    saved: list[Download] = []
    page.on("download", lambda download: saved.append(download))
    for count in (1, 2):
        with page.expect_download():
            press(page, "states", "CSV")
        page.wait_for_timeout(500)
        assert len(saved) == count
    assert saved[0].suggested_filename == "memviz-states.csv"
    lines = saved[0].path().read_bytes().decode("utf-8-sig").split("\r\n")
    assert lines[0] == "timestep,token,signal,unit,value"
    values = [float(line.rsplit(",", 1)[1]) for line in lines[1:] if ",cell,1," in line]
    assert len(lines) == 1 + 2 * 400 * 9 + 1  # more than the table shows, and the last line's end
    assert values == pytest.approx(drawn_values(page, "states", 0), abs=0)
    change_bias(page)
    press(page, "states", "Table")
    expect(figure(page, "states").get_by_role("columnheader")).to_have_count(5)
    page.wait_for_timeout(500)
    assert len(saved) == 2
    assert saved[1].path().read_bytes() == saved[0].path().read_bytes()


def test_each_figure_says_in_words_what_it_shows(page: Page, open_app: OpenApp) -> None:
    open_drawn(page, open_app)
    for start in ("Lines over time for units", "Gradient norms over time"):
        expect(page.get_by_role("img", name=re.compile(f"^{start}"))).to_have_count(1)


def test_the_figures_follow_the_theme(page: Page, open_app: OpenApp) -> None:
    open_drawn(page, open_app)
    page.evaluate("window.charts = [...document.querySelectorAll('.js-plotly-plot')]")
    for scheme, colour in (("dark", "rgb(14, 17, 23)"), ("light", "rgb(255, 255, 255)")):
        page.emulate_media(color_scheme=scheme)
        for name in NAMES:
            ground = chart(page, name).locator(".main-svg").first
            expect(ground).to_have_css("background-color", colour)
    assert page.evaluate("window.charts.every((gd) => gd.isConnected)")


@pytest.mark.parametrize("answer", ["nothing", "a page"])
def test_without_the_library_streamlits_own_charts_are_shown(
    page: Page, open_app: OpenApp, complaints: Any, answer: str
) -> None:
    def refuse(route: Route) -> None:
        if answer == "nothing":
            route.abort()
        else:
            route.fulfill(status=200, content_type="text/html", body="<!doctype html><title>x</title>")

    page.route(LIBRARY, refuse)
    open_app(page)
    expect(page.locator("[data-testid=stPlotlyChart] .js-plotly-plot")).to_have_count(2)
    expect(page.locator(".memviz-live")).to_have_count(0)
    expect(page.locator("[data-testid=stPopover]").get_by_role("button", name="Table")).to_have_count(2)
    with page.expect_download() as saved:
        page.get_by_role("button", name="HTML").first.click()
    assert saved.value.suggested_filename == "memviz-states.html"
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV").last.click()
    assert saved.value.suggested_filename == "memviz-gradients.csv"
    change_bias(page)
    expect(page.locator("[data-testid=stPlotlyChart] .js-plotly-plot")).to_have_count(2)
    assert complaints.found  # the browser's own, about the address
    complaints.found.clear()


def test_the_page_does_not_jump_when_the_library_has_loaded(page: Page, server: object) -> None:
    held: list[Route] = []
    page.route(LIBRARY, lambda route: held.append(route))
    page.goto(f"{server}/")
    expect(page.locator(".memviz-live .skeleton")).to_have_count(2)
    heights = "[...document.querySelectorAll('.memviz-live')].map((element) => element.offsetHeight)"
    before = page.evaluate(heights)
    assert len(held) == 1
    held[0].continue_()
    expect(page.locator(".memviz-live .drawn .js-plotly-plot")).to_have_count(2)
    assert page.evaluate(heights) == before
    assert min(before) > 300


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_in_figures_and_tables(
    new_page: NewPage, open_app: OpenApp, axe: Callable[[Page], list[str]], width: int
) -> None:
    page = new_page(viewport={"width": width, "height": 900})
    open_drawn(page, open_app)
    press(page, "gradients", "Table")
    expect(page.locator(".memviz-live tbody tr").first).to_be_attached()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for button in page.locator(".memviz-live .tools button:visible").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 24


def test_a_figure_fits_a_narrower_window(page: Page, open_app: OpenApp) -> None:
    open_drawn(page, open_app)
    page.set_viewport_size({"width": 600, "height": 900})
    for name in NAMES:
        expect(chart(page, name).locator(".main-svg").first).to_have_attribute(
            "width", str(of_chart(page, name, "gd.clientWidth"))
        )
        assert of_chart(page, name, "gd.clientWidth") < 600


def test_a_figure_out_of_sight_may_be_resized_before_its_new_axes_are_drawn(
    new_page: NewPage, open_app: OpenApp
) -> None:
    page = new_page(viewport={"width": 1440, "height": 500})
    open_drawn(page, open_app, "?cell=elman")
    axes = "Object.keys(gd.layout).filter((name) => name.startsWith('yaxis')).length"
    before = of_chart(page, "states", axes)
    page.get_by_role("radio", name="LSTM").or_(page.get_by_role("button", name="LSTM")).first.click()
    chart(page, "states").evaluate(
        f"(gd, before) => new Promise((done) => {{ const look = () => {axes} === before"
        " ? requestAnimationFrame(look) : done(); look(); })",
        before,
    )
    expect(figure(page, "states").get_by_role("button", name="Reset zoom")).to_be_hidden()
