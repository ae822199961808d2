"""The ribbon of tokens: the sequence as one row, tinted by a signal, with a cursor that moves without the server.

The browser's part is assets/stage/ribbon.js; it knows no Streamlit beyond its adapter at the end.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from memviz.paths import ASSETS
from memviz.theme import is_gate, look, number, scale
from memviz.trace import Trace

_STAGE = ASSETS / "stage"
_component = st.components.v2.component(
    "memviz_ribbon",
    html='<div class="ribbon"></div>',
    css=(_STAGE / "ribbon.css").read_text(encoding="utf-8"),
    js=(_STAGE / "ribbon.js").read_text(encoding="utf-8"),
)


def ribbon_payload(trace: Trace, signal: str, unit: int, timestep: int, dark: bool) -> dict[str, Any]:
    """What the browser needs: tokens, the chosen signal's values and their colours. No markup is made of tokens."""
    values = trace[signal][:, unit]
    low, high = (0.0, 1.0) if is_gate(signal) else _symmetric(values)
    its = look(signal, trace.cell.family)
    return {
        "tokens": list(trace.tokens),
        "values": [round(float(value), 4) for value in values],
        "shown": [number(float(value)) for value in values],
        "low": low,
        "high": high,
        "colours": [colour for _, colour in scale(signal, dark)],
        "label": f"{its.name} {its.symbol} of unit {unit}",
        "timestep": timestep,
    }


def ribbon(payload: dict[str, Any], on_move: Callable[[], None], key: str) -> int | None:
    """Show the ribbon; the timestep that the cursor was last moved to, or None if it was not moved."""
    result = _component(key=key, data=payload, default={"timestep": None}, on_timestep_change=on_move)
    moved: int | None = result.get("timestep")
    return moved


def _symmetric(values: Any) -> tuple[float, float]:
    largest = max(1.0, float(abs(values).max()))
    return -largest, largest
