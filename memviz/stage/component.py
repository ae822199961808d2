"""The stage as a Streamlit component: it is fed a payload, and says where its reader came to rest."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from memviz.bundle import bundle
from memviz.stage.styles import styles

_component = st.components.v2.component(
    "memviz_stage", html='<div class="stage"></div>', css=styles(), js=bundle("stage/streamlit")
)
_NOWHERE: dict[str, Any] = {}


def stage(
    payload: dict[str, Any],
    position: dict[str, Any],
    detail: dict[str, Any],
    on_move: Callable[[], None],
    key: str,
    gradients: dict[str, Any] | None = None,
) -> None:
    """Show the stage.

    The browser keeps what it has: content that it says to have already is not sent again.

    Args:
        payload: what `stage_payload` made.
        position: timestep, unit, phase, node, signal and gradients, where the reader is and whether they look at
            gradients; and where they point at a weight of that unit elsewhere, weight: its summand as "signal" and its
            "column", None for a bias or a peephole. Its product's way is lit and heads the card, until the reader
            points at something else; then `stage_position(key)["weight"]` is None.
        detail: what `step_detail` made for that step and unit.
        on_move: called when the reader came to rest; `stage_position(key)` says where.
        key: the component's key.
        gradients: what `stage_gradients` made, while they are looked at.
    """
    at = stage_position(key)
    content = _news(payload, at.get("has"))
    data = {**content, "position": {**position, "serial": at.get("serial", 0)}, "detail": detail}
    if gradients is not None:
        data["gradients"] = _news(gradients, at.get("has_gradients"))
    _component(key=key, data=data, default={"at": _NOWHERE}, on_at_change=on_move)


def _news(content: dict[str, Any], has: Any) -> dict[str, Any]:
    """Content, or its key alone where the browser has it already."""
    return {"key": content["key"]} if has == content["key"] else content


def stage_position(key: str) -> dict[str, Any]:
    """Where the reader came to rest last, as the browser said it: unchecked, and empty before they moved."""
    state = st.session_state.get(key)
    at = state.get("at") if state is not None else None
    return dict(at) if isinstance(at, dict) else {}
