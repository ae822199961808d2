"""A figure on the page: our component, which updates in place, or st.plotly_chart where that cannot load.

The browser's part is assets/live/live.js, which knows no Streamlit.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from memviz.bundle import bundle
from memviz.figures.payload import MOST_ROWS, payload, table_payload
from memviz.live.library import SOURCE
from memviz.live.spreadsheet import frame_csv
from memviz.paths import ASSETS

_LIVE = ASSETS / "live"
_FAILED = "live-failed"
_ALL = "live-all"
_component = st.components.v2.component(
    "memviz_live",
    html='<div class="memviz-live"></div>',
    css=(_LIVE / "live.css").read_text(encoding="utf-8"),
    js=bundle("live/streamlit"),
    isolate_styles=False,  # plotly looks for its elements in the document, where a shadow root hides them
)


def figure(
    figure: dict[str, Any],
    *,
    name: str,
    alt: str,
    key: str,
    table: Callable[[], Any],
    html: Callable[[], bytes],
) -> None:
    """Show a figure with its table and its files as CSV, PNG, SVG and HTML.

    `table` gives a DataFrame and is called while the table is open or its file is wanted. `name` is in the names of
    files, `alt` is what the figure shows in words. `html` is used where the browser cannot make the file itself.
    """
    if st.session_state.pop(_ALL, False):
        st.rerun()
    if st.session_state.get(_FAILED, False):
        _plain(figure, name, alt, key, table, html)
        return
    _component(
        key=key,
        data=payload(figure, name, alt, SOURCE, **_numbers(_state(key), table)),
        default={"table": False, "csv": 0, "failed": False},
        on_table_change=_nothing,
        on_csv_change=_nothing,
        on_failed_change=_fail,
        on_ground_change=_draw_all,
    )


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
