"""A sequence on the page as a paragraph of coloured cells, one for each token.

The browser's part is assets/live/ribbon.js; it knows no Streamlit beyond its adapter at the end.
"""

import json
from collections.abc import Sequence

import streamlit as st

from memviz.bundle import bundle
from memviz.encoding.characters import visible
from memviz.paths import ASSETS

_LIVE = ASSETS / "live"
_component = st.components.v2.component(
    "memviz_ribbon",
    html='<div class="ribbon"></div>',
    css=(_LIVE / "ribbon.css").read_text(encoding="utf-8"),
    js=bundle("live/ribbon"),
)


def ribbon(
    tokens: Sequence[str],
    colours: Sequence[str],
    *,
    alt: str,
    key: str,
    texts: Sequence[str] = (),
    under: Sequence[str] = (),
    legend: tuple[str, str] | None = None,
    scale: Sequence[str] = (),
    steps: Sequence[int] = (),
) -> None:
    """Show a sequence as coloured cells that wrap to any width.

    Args:
        tokens: what stands in the cells, step by step; white space is made visible.
        colours: an opaque CSS colour for each token, for the theme that is on; a figure on the same page makes it run
            again when the theme changes. The text in a cell is black or white, whichever stands out.
        alt: what the ribbon shows in words.
        key: the component's key.
        texts: what is said of each token on hovering and to screen readers; the token itself without them.
        under: what stands below each token in its cell; nothing without them.
        legend: what the ends of the scale mean.
        scale: the colours of the scale from its low to its high end, at equal distances.
        steps: the timestep of each token where some are left out; without them they count from 0. The first and the
            last are written at their cells.

    Raises:
        ValueError: if there is not one colour, and one text or none at all above and below, and one timestep or none,
            for each token.
    """
    if len(colours) != len(tokens) or any(
        len(each) not in (0, len(tokens)) for each in (texts, under, steps)
    ):
        raise ValueError(
            f"A ribbon has a colour and a text for each token; got {len(tokens):,} tokens, {len(colours):,} colours, "
            f"{len(texts):,} texts, {len(under):,} below and {len(steps):,} timesteps."
        )
    content = {
        "tokens": [visible(token) for token in tokens],
        "colours": list(colours),
        "texts": list(texts),
        "under": list(under),
        "steps": list(steps) or list(range(len(tokens))),
        "alt": alt,
        "legend": legend if scale else None,
        "scale": list(scale),
    }
    # Streamlit carries bytes as they are; it would escape every quotation mark of a string.
    _component(key=key, data=json.dumps(content).encode())
