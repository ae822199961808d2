"""A figure on the page: our component, which updates in place, or st.plotly_chart where that cannot load.

The browser's part is assets/live/live.js, which knows no Streamlit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from memviz.bundle import bundle
from memviz.figures.payload import MOST_ROWS, payload, table_payload
from memviz.live.dial import dial, dialled, finite
from memviz.live.library import SOURCE
from memviz.live.spreadsheet import frame_csv
from memviz.paths import ASSETS

_LIVE = ASSETS / "live"
_FAILED = "live-failed"
_ALL = "live-all"
_NOWHERE: dict[str, Any] = {}
_component = st.components.v2.component(
    "memviz_live",
    html='<div class="memviz-live"></div>',
    css=(_LIVE / "live.css").read_text(encoding="utf-8"),
    js=bundle("live/streamlit"),
    isolate_styles=False,  # plotly looks for its elements in the document, where a shadow root hides them
)


@dataclass(frozen=True)
class Brush:
    """A threshold on a figure that the reader drags; points whose size is at least so large are full.

    Attributes:
        label: what it is.
        value: where it is.
        ends: from where to where it goes.
        step: by how much.
        on_change: called when the reader moved it; `brushed(key)` says where to.
    """

    label: str
    value: float
    ends: tuple[float, float]
    step: float
    on_change: Callable[[], None]


def figure(
    figure: dict[str, Any],
    *,
    name: str,
    alt: str,
    key: str,
    table: Callable[[], Any],
    html: Callable[[], bytes],
    brush: Brush | None = None,
) -> None:
    """Show a figure with its table and its files as CSV, PNG, SVG and HTML.

    `table` gives a DataFrame and is called while the table is open or its file is wanted. `name` is in the names of
    files, `alt` is what the figure shows in words. `html` is used where the browser cannot make the file itself.
    `brush` is a threshold on it that is dragged.
    """
    if st.session_state.pop(_ALL, False):
        st.rerun()
    if st.session_state.get(_FAILED, False):
        if brush is not None:
            ends = brush.ends
            dial(brush.label, [brush.value], ends, brush.step, key=f"{key}-dial", on_change=brush.on_change)
        _plain(figure, name, alt, key, table, html)
        return
    moved: dict[str, Any] = {} if brush is None else {"on_at_change": brush.on_change}
    _component(
        key=key,
        data=payload(figure, name, alt, SOURCE, **_numbers(_state(key), table), brush=_threshold(key, brush)),
        default={"table": False, "csv": 0, "failed": False} | ({"at": _NOWHERE} if brush is not None else {}),
        on_table_change=_nothing,
        on_csv_change=_nothing,
        on_failed_change=_fail,
        on_ground_change=_draw_all,
        **moved,
    )


def brushed(key: str) -> float | None:
    """Where the threshold of a figure was dragged to, as the browser says; None if it is no finite number."""
    is_plain = st.session_state.get(_FAILED, False)
    found = dialled(f"{key}-dial") if is_plain else finite([_at(key).get("value")], 1)
    return None if found is None else found[0]


def _threshold(key: str, brush: Brush | None) -> dict[str, Any] | None:
    if brush is None:
        return None
    serial = _at(key).get("serial", 0)
    return {
        "label": brush.label,
        "value": brush.value,
        "low": brush.ends[0],
        "high": brush.ends[1],
        "step": brush.step,
        "serial": serial if type(serial) is int else 0,
    }


def _at(key: str) -> dict[str, Any]:
    at = _state(key).get("at")
    return dict(at) if isinstance(at, dict) else {}


def _state(key: str) -> dict[str, Any]:
    return st.session_state.get(key) or {}


def _numbers(state: dict[str, Any], table: Callable[[], Any]) -> dict[str, Any]:
    """The table while it is open, and its file while the browser waits for it: its number is 0 otherwise."""
    wanted = state.get("csv")
    is_wanted = type(wanted) is int and wanted > 0
    frame = table() if is_wanted or state.get("table") is True else None
    return {
        "table": table_payload(frame) if state.get("table") is True else None,
        "csv": {"number": wanted, "text": frame_csv(frame).decode()} if is_wanted else None,
    }


def _nothing() -> None:
    """A state of a component needs a callback; the rerun that comes with it is all that is wanted."""


def _draw_all() -> None:
    """Run the whole page next: of all figures that ask at once, Streamlit may hear one in a fragment alone."""
    st.session_state[_ALL] = True


def _fail() -> None:
    """Remember for this session that the browser could not load or draw, whichever figure found out."""
    st.session_state[_FAILED] = True
    _draw_all()


def _plain(
    figure: dict[str, Any], name: str, alt: str, key: str, table: Callable[[], Any], html: Callable[[], bytes]
) -> None:
    """The figure by Streamlit's own chart, which is drawn anew at every change."""
    config = {
        "displaylogo": False,
        "modeBarButtons": [["toImage", "zoom2d", "resetScale2d"]],
        "toImageButtonOptions": {"format": "png", "filename": f"memviz-{name}", "scale": 2},
    }
    st.plotly_chart(figure, theme=None, key=f"{key}-plain", config=config, alt=alt)
    with st.container(horizontal=True):
        with st.popover("Table", on_change="rerun", type="tertiary", key=f"{key}-table") as popover:
            if popover.open:
                frame = table()
                if len(frame) > MOST_ROWS:
                    st.caption(f"The first {MOST_ROWS:,} of {len(frame):,} rows.")
                st.dataframe(frame.head(MOST_ROWS), hide_index=True, width=520)
        for label, make, mime in (
            ("CSV", lambda: frame_csv(table()), "text/csv"),
            ("HTML", html, "text/html"),
        ):
            ending = label.lower()
            st.download_button(
                label,
                make,
                f"memviz-{name}.{ending}",
                mime,
                on_click="ignore",
                type="tertiary",
                key=f"{key}-{ending}",
            )
