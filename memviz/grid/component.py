"""The grid as a Streamlit component: it is fed a payload, and says where its reader is and what they change."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from memviz.bundle import bundle
from memviz.paths import ASSETS

_NOTHING: list[Any] = []
_component = st.components.v2.component(
    "memviz_grid",
    html='<div class="grid"></div>',
    css=(ASSETS / "grid" / "grid.css").read_text(encoding="utf-8"),
    js=bundle("grid/streamlit"),
)


def grid(payload: bytes, key: str, on_place: Callable[[], None], on_commands: Callable[[], None]) -> None:
    """Show a grid.

    Args:
        payload: what `grid_payload` made.
        key: the component's key.
        on_place: called when the reader came to rest at a cell or chose other weights; see `said`.
        on_commands: called when they change something; see `said`.
    """
    _component(
        key=key,
        data=payload,
        default={"place": None, "commands": _NOTHING},
        on_place_change=on_place,
        on_commands_change=on_commands,
    )


def said(key: str, name: str) -> Any:
    """What the browser said last, "place" or "commands": unchecked, for `read_place` and `read_commands`."""
    state = st.session_state.get(key)
    return None if state is None else state.get(name)
