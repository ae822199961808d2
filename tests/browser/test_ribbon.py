"""A ribbon in a real browser: it wraps, its letters can be read on every colour, and each cell says what it is."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from playwright.sync_api import Locator, Page, expect

from memviz.theme import SEQUENTIAL_DARK, SEQUENTIAL_LIGHT

OpenApp = Callable[..., None]
NewPage = Callable[..., Page]
CONTRAST = """cell => {
    const luminance = (colour) => {
        const [r, g, b] = colour.match(/\\d+/g).map((part) => part / 255)
            .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const { color, backgroundColor } = getComputedStyle(cell);
    const [a, b] = [luminance(color), luminance(backgroundColor)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""


# In place of the app's own, for this file.
@pytest.fixture(scope="module")
def server(serve: Callable[[str], AbstractContextManager[object]]) -> Iterator[object]:
    with serve("tests/browser/ribbon_app.py") as started:
        yield started


def cells(page: Page) -> Locator:
    return page.get_by_role("listitem")


def rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[k : k + 2], 16)) for k in (1, 3, 5))})"


def test_each_token_has_its_colour_and_its_words(page: Page, open_app: OpenApp) -> None:
    open_app(page)
    expect(cells(page)).to_have_text(["<b>", *"hello␣wörld␣", "👩🏽‍🚀", "words"])
    expect(page.get_by_role("list", name="15 tokens")).to_be_visible()
    for t in range(15):
        expect(cells(page).nth(t)).to_have_css("background-color", rgb(SEQUENTIAL_LIGHT[t % 6]))
    for name in ("title", "aria-label"):
        expect(cells(page).nth(6)).to_have_attribute(name, "step 6: ' '")
    expect(page.locator(".legend")).to_have_text("lowhigh")
    first = cells(page).first.element_handle()
    page.get_by_text("Shift").click()
    expect(cells(page).first).to_have_css("background-color", rgb(SEQUENTIAL_LIGHT[1]))
    assert first is not None
    assert first.evaluate("cell => cell.isConnected")


@pytest.mark.parametrize(
    ("scheme", "scale", "width"), [("light", SEQUENTIAL_LIGHT, 1440), ("dark", SEQUENTIAL_DARK, 390)]
)
def test_a_long_ribbon_wraps_scrolls_and_can_be_read(
    new_page: NewPage,
    open_app: OpenApp,
    axe: Callable[[Page], list[str]],
    scheme: str,
    scale: tuple[str, ...],
    width: int,
) -> None:
    page = new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    open_app(page, "?long=1" + ("&dark=1" if scheme == "dark" else ""))
    expect(cells(page)).to_have_count(3000)
    assert min(cells(page).nth(t).evaluate(CONTRAST) for t in range(len(scale))) >= 4.5
    box = page.get_by_role("list", name="3000 tokens")
    assert box.evaluate("box => box.clientWidth === box.scrollWidth && box.scrollHeight > box.clientHeight")
    assert box.evaluate("box => box.offsetHeight") < 400
    box.focus()
    page.keyboard.press("End")
    expect(cells(page).last).to_be_in_viewport()
    number = "cell => getComputedStyle(cell, '::after').content"
    assert [cells(page).nth(t).evaluate(number).split('"')[1] for t in (0, 1, 2999)] == ["0", "", "2999"]
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
