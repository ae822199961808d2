"""A number under the hand: a slider, and beside it a box for the exact value, as one control.

Two widgets of Streamlit that show one number take it back from each other while it moves: each message of the browser
carries the value that the other one had before. The browser's part is assets/live/dial.js.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal

import streamlit as st

from memviz.bundle import bundle
from memviz.paths import ASSETS

_LIVE = ASSETS / "live"
_component = st.components.v2.component(
    "memviz_dial",
    html='<div class="dial"></div>',
    css=(_LIVE / "dial.css").read_text(encoding="utf-8"),
    js=bundle("live/dial"),
)
_LARGEST = sys.float_info.max
_NOWHERE: dict[str, Any] = {}


def dial(
    label: str,
    values: Sequence[int | float],
    ends: tuple[int | float, int | float],
    step: int | float,
    *,
    key: str,
    on_change: Callable[[], None],
    names: Sequence[str] = (),
    whole: bool = False,
    width: int | Literal["stretch"] = "stretch",
) -> None:
    """Show one number, or the two ends of a range.

    Args:
        label: what it is.
        values: the number, or both ends of a range in ascending order.
        ends: of the slider; a value beyond them widens it.
        step: by how much a key moves the slider.
        key: the component's key.
        on_change: called when the reader moved it; `dialled(key)` says where to.
        names: of each value of a range.
        whole: whether only whole numbers within the ends are taken.
        width: in pixels, or "stretch".
    """
    at = _state(key)
    data = {
        "label": label,
        "names": list(names),
        "values": list(values),
        "low": ends[0],
        "high": ends[1],
        "step": step,
        "whole": whole,
        "serial": at.get("serial", 0),
    }
    _component(key=key, data=data, default={"at": _NOWHERE}, on_at_change=on_change, width=width)


def dialled(key: str, count: int = 1) -> list[float] | None:
    """Where a dial was moved to, so many finite numbers as the browser said them; None if it said anything else."""
    return finite(_state(key).get("values"), count)


def finite(values: object, count: int) -> list[float] | None:
    """What the browser says as so many finite numbers; None if it says anything else."""
    if not isinstance(values, list) or len(values) != count:
        return None
    if not all(type(value) in (int, float) and abs(value) <= _LARGEST for value in values):  # False for NaN
        return None
    return [float(value) for value in values]


def _state(key: str) -> dict[str, Any]:
    state = st.session_state.get(key)
    at = state.get("at") if state is not None else None
    return dict(at) if isinstance(at, dict) else {}
