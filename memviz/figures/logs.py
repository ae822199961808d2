"""Numbers of any size on a logarithmic axis: their log10 is drawn, on a linear axis with powers of ten as labels."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from memviz.figures.base import ground
from memviz.theme import MINUS

Logs = Float[np.ndarray, "..."]
_MOST_TICKS = 6
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def log_range(values: Iterable[Logs]) -> tuple[float, float]:
    """Whole powers of ten that hold every number but the exact zeros; nothing is clipped."""
    together = np.concatenate([np.ravel(logs) for logs in values])
    finite = together[np.isfinite(together)]
    if finite.size == 0:
        return -1.0, 0.0
    low, high = math.floor(float(finite.min()) - 0.05), math.ceil(float(finite.max()) + 0.05)
    return float(low), float(max(high, low + 1))


def log_axis(span: tuple[float, float], dark: bool) -> dict[str, Any]:
    """A y axis for log10 values from span[0] to span[1]."""
    low, high = span
    step = next((s for s in _STEPS if (high - low) / s <= _MOST_TICKS), _STEPS[-1])
    ticks = list(range(math.ceil(low / step) * step, math.floor(high) + 1, step))
    return {
        "range": [low, high],
        "tickvals": ticks,
        "ticktext": [power_label(power) for power in ticks],
        "gridcolor": ground(dark)["line"],
        "zeroline": False,
    }


def power_label(power: int) -> str:
    """A power of ten as an axis writes it."""
    return "1" if power == 0 else f"10<sup>{power}</sup>".replace("-", MINUS)


def log_lines(
    x: Iterable[int] | Int[np.ndarray, " point"],
    logs: Float[np.ndarray, " point"],
    label: str,
    colour: str,
    low: float,
    *,
    dash: str = "solid",
    width: float = 2.0,
    suffix: str = "",
) -> list[dict[str, object]]:
    """A line of log10 values, and marks on the lower edge where a number is exactly zero."""
    place = np.array(list(x), dtype=np.int64)
    zero = np.isneginf(logs)
    shown: list[dict[str, object]] = [
        {
            "type": "scatter",
            "mode": "lines" if len(place) > 1 else "markers",
            "name": label,
            "x": place,
            "y": np.where(zero, np.nan, logs),
            "line": {"color": colour, "dash": dash, "width": width},
            "hovertemplate": "10<sup>%{y:.2f}</sup>",
            "yaxis": f"y{suffix}",
        }
    ]
    if zero.any():
        shown.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"{label} = 0",
                "x": place[zero],
                "y": np.full(int(zero.sum()), low),
                "marker": {"color": colour, "symbol": "triangle-down-open", "size": 9},
                "cliponaxis": False,
                "showlegend": False,
                "hovertemplate": "exactly 0",
                "yaxis": f"y{suffix}",
            }
        )
    return shown


def lag_axis(last: int, dark: bool, title: str = "lag: steps before the loss") -> dict[str, Any]:
    """An x axis of lags, 0 at the left."""
    colours = ground(dark)
    return {
        "range": [-0.02 * last - 0.5, 1.02 * last + 0.5],
        "title": {"text": title, "font": {"size": 13}, "standoff": 6},
        "showgrid": False,
        "zeroline": False,
        "linecolor": colours["line"],
        "ticks": "",
        "tickformat": "d",
        "nticks": 8,
    }
