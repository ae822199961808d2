"""What the browser tests of a changed stage share: opening a payload without a server, and reading its marks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from memviz import Experiment, encode
from memviz.encoding import Sequence
from memviz.interventions import Intervention
from memviz.network import Network
from memviz.stage import stage_html
from memviz.trace import Trace, record
from tests.browser.reading import TEXT, read

Show = Callable[..., Page]
SEQUENCE = encode(TEXT)
# What an eye sees of a mark: its letters where it is drawn, nothing where it is hidden.
MARKS = """all => Object.fromEntries(all.map((one) => {
    const badge = one.querySelector('.badge');
    return [one.dataset.node, badge.getAttribute('display') === 'none' ? '' : badge.textContent];
}).filter(([, mark]) => mark))"""


def run(cell: str, *chosen: Intervention, sequence: Sequence = SEQUENCE) -> tuple[Network, Trace]:
    """What the page shows at ?cell=... with interventions, by the library alone."""
    network = Experiment(cell, seed=1, forget_bias=3.0, update_bias=3.0).build(SEQUENCE)
    return network, record(network, sequence, None, chosen)


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


def marks(page: Page) -> dict[str, str]:
    found: dict[str, str] = page.locator(".machine .node").evaluate_all(MARKS)
    return found


def value_of(text: str) -> float:
    """A number of the card's mathematics: 1.20·10 and a power, or plain."""
    mantissa, _, power = text.partition("·10")
    return read(mantissa) * 10.0 ** read(power or "0")
