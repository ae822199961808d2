"""The stage as a Streamlit component: it is fed a payload, and says where its reader came to rest."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from memviz.stage.bundle import bundle, styles

_component = st.components.v2.component(
    "memviz_stage", html='<div class="stage"></div>', css=styles(), js=bundle("streamlit")
)
_NOWHERE: dict[str, Any] = {}


def stage(
    payload: dict[str, Any],
    position: dict[str, Any],
    detail: dict[str, Any],
    on_move: Callable[[], None],
    key: str,
) -> None:
    """Show the stage.

    The browser keeps what it has: content that it says to have already is not sent again.

    Args:
        payload: what `stage_payload` made.
        position: timestep, unit, phase, node and signal, where the reader is.
        detail: what `step_detail` made for that step and unit.
        on_move: called when the reader came to rest; `stage_position(key)` says where.
        key: the component's key.
    """
    at = stage_position(key)
    content = {"key": payload["key"]} if at.get("has") == payload["key"] else payload
    data = {**content, "position": {**position, "serial": at.get("serial", 0)}, "detail": detail}
    _component(key=key, data=data, default={"at": _NOWHERE}, on_at_change=on_move)


def stage_position(key: str) -> dict[str, Any]:
    """Where the reader came to rest last, as the browser said it: unchecked, and empty before they moved."""
    state = st.session_state.get(key)
    at = state.get("at") if state is not None else None
    return dict(at) if isinstance(at, dict) else {}
