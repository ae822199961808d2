"""Runs side by side as a Streamlit component: it is fed a payload, and says where its reader came to rest."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from memviz.bundle import bundle
from memviz.paths import ASSETS

_component = st.components.v2.component(
    "memviz_multiples",
    html='<div class="multiples"></div>',
    css=(ASSETS / "stage" / "multiples" / "multiples.css").read_text(encoding="utf-8"),
    js=bundle("stage/multiples/streamlit"),
)
_NOWHERE: dict[str, Any] = {}


def multiples(
    payload: dict[str, Any], position: dict[str, int], on_move: Callable[[], None], key: str
) -> None:
    """Show runs side by side; content that the browser says to have already is not sent again.

    Args:
        payload: what `multiples_payload` made.
        position: timestep and unit, where the reader is.
        on_move: called when the reader came to rest; `multiples_position(key)` says where.
        key: the component's key.
    """
    at = multiples_position(key)
    content = {"key": payload["key"]} if at.get("has") == payload["key"] else payload
    data = {**content, "position": {**position, "serial": at.get("serial", 0)}}
    _component(key=key, data=data, default={"at": _NOWHERE}, on_at_change=on_move)


def multiples_position(key: str) -> dict[str, Any]:
    """Where the reader came to rest last, as the browser said it: unchecked, and empty before they moved."""
    state = st.session_state.get(key)
    at = state.get("at") if state is not None else None
    return dict(at) if isinstance(at, dict) else {}
