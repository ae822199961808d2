"""A run as a page of its own and in a notebook's frame, with the network off: scrubbed, by keys and by pointer."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, Request, expect

import memviz
from memviz.findings import states_finding
from memviz.share import View
from memviz.trace import Trace
from tests.browser.reading import read

SEQUENCE = memviz.encode("hello world")
NETWORK = memviz.Experiment("lstm", seed=1, forget_bias=3.0).build(SEQUENCE)
TRACE = memviz.record(NETWORK, SEQUENCE)
FLOW = memviz.gradient_flow(NETWORK, TRACE)
NODES = ("forget", "input", "candidate", "output", "cell", "hidden")

NewPage = Callable[..., Page]
Open = Callable[..., Page]


@pytest.fixture
def open_file(new_page: NewPage, tmp_path: Path) -> Open:
    """Open an HTML text from a file, with the network off; it asks for nothing but itself."""

    def open_text(text: str, **options: object) -> Page:
        page = new_page(offline=True, **options)
        asked: list[Request] = []
        page.on("request", lambda request: asked.append(request))
        file = tmp_path / "page.html"
        file.write_text(text, encoding="utf-8")
        page.goto(file.as_uri())
        page.wait_for_timeout(500)
        assert {request.url.partition(":")[0] for request in asked} <= {"file", "about", "data", "blob"}
        assert [request.url for request in asked if request.url.startswith("file:")] == [file.as_uri()]
        return page

    return open_text


def notebook(view: View, theme: str = "true") -> str:
    """A page that shows an output as JupyterLab does: as the inner HTML of an element, set by a script."""
    output = view._repr_html_().replace("\\", "\\\\").replace("`", "\\`").replace("${", "\\${")
    output = output.replace("</script", "<\\/script")
    return (
        f'<!doctype html><html lang="en"><title>Notebook</title><body data-jp-theme-light="{theme}">'
        f'<main><h1>A notebook</h1><div id="output"></div><p id="below">Below</p></main>'
        f'<script>document.getElementById("output").innerHTML = `{output}`;</script></body></html>'
    )


def shown(page: Page, name: str) -> float:
    inside = page.frame_locator("iframe.memviz") if page.locator("iframe.memviz").count() else page
    return read(inside.locator(f'.machine .node[data-node="{name}"] .number').text_content() or "")


def expect_step(page: Page, trace: Trace, timestep: int, unit: int) -> None:
    for name in NODES:
        assert shown(page, name) == pytest.approx(trace[name][timestep, unit], rel=5e-3), name


def test_a_saved_page_is_scrubbed_by_keys_and_by_pointer_with_the_network_off(open_file: Open) -> None:
    page = open_file(memviz.show(TRACE, NETWORK).html)
    expect_step(page, TRACE, 0, 0)
    page.keyboard.press("ArrowRight")  # nothing has the focus yet
    expect_step(page, TRACE, 1, 0)
    page.locator(".ribbon").focus()
    for key, timestep, unit in (("End", 10, 0), ("ArrowLeft", 9, 0), ("ArrowDown", 9, 1), ("Home", 0, 1)):
        page.keyboard.press(key)
        expect_step(page, TRACE, timestep, unit)
    page.locator(".token").nth(6).click()
    expect_step(page, TRACE, 6, 1)
    expect(page.locator(".readout")).to_contain_text("step 6 of 0 to 10")
    page.locator('.machine .node[data-node="forget"]').click()
    captions = page.locator(".card .products caption").all_text_contents()
    assert [read(text.split("=")[1]) for text in captions] == pytest.approx(
        [TRACE[part][6, 1] for part in TRACE.cell.summands("forget")], rel=6e-3
    )


def test_the_figures_are_drawn_with_the_network_off_and_have_tables(open_file: Open) -> None:
    page = open_file(memviz.show(FLOW).html)
    figures = page.locator(".memviz-live")
    expect(page.locator(".memviz-live .drawn .js-plotly-plot")).to_have_count(2)
    drawn = figures.first.locator(".chart").evaluate(
        "chart => chart.calcdata.map((line) => line.map((point) => point.y))"
    )
    np.testing.assert_array_equal(drawn[:6], TRACE["cell"][:, :6].T)
    np.testing.assert_array_equal(drawn[6:], TRACE["hidden"][:, :6].T)
    expect(figures.first.locator(".chart")).to_have_accessible_name(
        f"Lines over time for units 0, 1, 2, 3, 4, 5. {states_finding(TRACE, range(6))}."
    )
    for button in ("CSV", "HTML"):
        expect(page.get_by_role("button", name=button, exact=True)).to_have_count(0)
    table = page.get_by_role("button", name="Table", exact=True).nth(1)  # the first is the stage's
    table.press("Enter")
    rows = figures.first.locator("tbody tr")
    expect(rows).to_have_count(11 * 6 * 2)
    assert rows.first.locator("td").all_text_contents()[:4] == ["0", "h", "cell", "0"]
    assert read(rows.first.locator("td").nth(4).text_content() or "") == pytest.approx(
        TRACE["cell"][0, 0], rel=5e-4
    )
    table.press("Enter")
    expect(rows).to_have_count(0)
    expect(figures.first.locator(".chart")).to_be_visible()


def test_gradients_are_shown_at_a_key(open_file: Open) -> None:
    page = open_file(memviz.show(FLOW, timestep=5, unit=3).html)
    page.locator(".ribbon").focus()
    page.keyboard.press("g")
    for name in ("forget", "cell", "hidden"):
        assert shown(page, name) == pytest.approx(FLOW.signals[name][5, 3], rel=6e-3)


@pytest.mark.parametrize("cell", ["elman", "lstm-peephole", "lstm-fgr", "gru", "gru-v3"])
def test_without_weights_the_equations_stand_and_nothing_is_taken_apart(open_file: Open, cell: str) -> None:
    network = memviz.Experiment(cell, seed=1).build(SEQUENCE)
    trace = memviz.record(network, SEQUENCE)
    page = open_file(memviz.show(trace, timestep=4, unit=2, figures=False).html)
    for name in trace.cell.pre_activations:
        node = page.locator(f'.machine .node[data-node="{"pre" if name == "hidden" else name}"]')
        node.click()
        block = page.locator(".card .equation").first
        expect(block).to_be_visible()
        values = block.locator(".result").evaluate_all(
            "all => all.map((one) => one.dataset.value ?? one.textContent)"
        )
        wanted = trace[f"{name}_pre" if name == "hidden" else name][4, 2]
        assert any(read(value) == pytest.approx(wanted, rel=6e-3) for value in values), (name, values)
        assert page.locator(".card .products").count() == 0
        assert "NaN" not in (page.locator(".stage").text_content() or "")
        assert "undefined" not in (page.locator(".stage").text_content() or "")


def test_in_a_notebook_the_frame_grows_with_the_page(open_file: Open) -> None:
    page = open_file(notebook(memviz.show(FLOW, timestep=2, unit=1)))
    inside = page.frame_locator("iframe.memviz")
    expect(inside.locator(".memviz-live .drawn .js-plotly-plot")).to_have_count(2)
    expect_step(page, TRACE, 2, 1)
    inside.locator(".ribbon").focus()
    page.keyboard.press("End")
    expect_step(page, TRACE, 10, 1)
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 844})
        page.wait_for_timeout(500)
        inner = page.frames[1].evaluate(
            "[document.documentElement.scrollHeight, innerHeight, document.documentElement.scrollWidth, innerWidth]"
        )
        assert inner[0] == inner[1], width  # nothing to scroll inside
        assert inner[2] <= inner[3], width
        frame, below = page.locator("iframe.memviz").bounding_box(), page.locator("#below").bounding_box()
        assert frame is not None
        assert below is not None
        assert 0 <= below["y"] - frame["y"] - frame["height"] < 40


@pytest.mark.parametrize(("theme", "ground"), [("true", "rgb(255, 255, 255)"), ("false", "rgb(14, 17, 23)")])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_notebook_the_page_is_as_dark_as_the_notebook(
    open_file: Open, theme: str, ground: str, scheme: str
) -> None:
    page = open_file(notebook(memviz.show(TRACE, NETWORK), theme), color_scheme=scheme)
    page.frame_locator("iframe.memviz").locator(".memviz-live .drawn").wait_for()
    assert grounds(page) == {ground}
    # The notebook changes its theme, and the page goes with it.
    other = {"true": "false", "false": "true"}[theme]
    page.evaluate(f"document.body.dataset.jpThemeLight = '{other}'")
    page.wait_for_timeout(500)
    assert grounds(page) == {"rgb(255, 255, 255)", "rgb(14, 17, 23)"} - {ground}


def grounds(page: Page) -> set[str]:
    """The colours behind the page, the stage and the figure."""
    inside = page.frames[1]
    found: list[str] = inside.evaluate(
        """[...document.querySelectorAll('html, .stage, .main-svg')].slice(0, 3).map((one) => {
            const style = getComputedStyle(one);
            return style.backgroundColor === 'rgba(0, 0, 0, 0)' ? style.background : style.backgroundColor;
        })"""
    )
    assert len(found) == 3
    return set(found)


@pytest.mark.parametrize("wish", [True, False])
def test_a_wished_ground_holds_against_notebook_and_browser(open_file: Open, wish: bool) -> None:
    theme, scheme = ("true", "light") if wish else ("false", "dark")
    page = open_file(notebook(memviz.show(TRACE, NETWORK, dark=wish), theme), color_scheme=scheme)
    page.frame_locator("iframe.memviz").locator(".memviz-live .drawn").wait_for()
    assert grounds(page) == {"rgb(14, 17, 23)" if wish else "rgb(255, 255, 255)"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_saved_page_has_no_accessibility_violation(
    open_file: Open, axe: Callable[[Page], list[str]], scheme: str
) -> None:
    page = open_file(memviz.show(FLOW).html, color_scheme=scheme)
    expect(page.locator(".memviz-live .drawn")).to_have_count(2)
    assert axe(page) == []
    page.get_by_role("button", name="Table", exact=True).nth(1).click()
    assert axe(page) == []


def test_a_browser_that_cannot_unpack_the_figures_says_so_and_shows_the_stage(
    open_file: Open,
) -> None:
    broken = memviz.show(TRACE, NETWORK).html.replace("DecompressionStream", "NoSuchStream")
    page = open_file(broken)
    expect(page.locator(".figures")).to_contain_text("The figures are not shown: this browser cannot unpack")
    expect_step(page, TRACE, 0, 0)
    page.keyboard.press("End")
    expect_step(page, TRACE, 10, 0)
