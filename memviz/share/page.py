"""One run as one HTML text: the stage and its figures, with everything that draws them."""

import html
import json
from collections.abc import Iterable
from functools import cache
from typing import Any

from memviz.bundle import bundle
from memviz.figures.export import packed_library
from memviz.paths import ASSETS
from memviz.share.charts import Chart
from memviz.stage.export import html_file
from memviz.stage.styles import styles

MOST_BYTES = 6_000_000
"""The most that a page has: a notebook, a mail and a learning platform still take it. 2 MB of it draw the figures."""


def page_html(
    title: str,
    finding: str,
    payload: dict[str, Any],
    charts: Iterable[Chart] = (),
    position: dict[str, Any] | None = None,
    dark: bool | None = None,
) -> str:
    """A page that needs no server and no network.

    Args:
        title: its heading, any text.
        finding: one sentence about the run, any text.
        payload: what `stage_payload` made, and "gradients" with what `stage_gradients` made.
        charts: the figures below the stage.
        position: where the reader begins: timestep, unit, phase, node, signal and gradients.
        dark: the ground; None is that of the notebook around the page, else that of the browser.

    Raises:
        ValueError: if the page would be larger than `MOST_BYTES`.
    """
    drawn = [chart.to_data() for chart in charts]
    stage = {**payload, "position": {**(position or {}), "serial": 0}}
    data = {"payload": stage, "figures": drawn, **({"plotly": packed_library()} if drawn else {})}
    wish = "" if dark is None else "dark" if dark else "light"
    body = (
        f'<p class="finding">{html.escape(finding)}</p><noscript>This page is drawn by JavaScript, which is switched '
        'off here.</noscript><div class="stage"></div><section class="figures" aria-label="Figures"></section>'
    )
    page = html_file(
        title,
        body,
        _styles(),
        {name: json.dumps(value, allow_nan=False) for name, value in data.items()},
        f'document.documentElement.dataset.wish = "{wish}";\n{bundle("share/page")}',
    )
    if (size := len(page.encode())) > MOST_BYTES:
        raise ValueError(
            f"A page has at most {MOST_BYTES / 1e6:g} MB; this run of {len(payload['tokens']):,} timesteps and "
            f"{payload['units']} units would make one of {size / 1e6:.1f} MB. Show a run over fewer timesteps, or "
            "leave out its gradients, its figures or its network."
        )
    return page


@cache
def _styles() -> str:
    files = (ASSETS / "live" / "live.css", ASSETS / "share" / "page.css")
    return styles() + "".join(file.read_text(encoding="utf-8") for file in files)
