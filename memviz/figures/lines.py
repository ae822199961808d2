"""States and gradient norms as lines over time."""

from collections.abc import Iterable

import numpy as np

from memviz.figures.base import (
    Figure,
    base_layout,
    figure,
    ground,
    hover_tokens,
    panel_label,
    panels,
    time_axis,
)
from memviz.gradients import GradientFlow
from memviz.theme import look
from memviz.trace import Trace

_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_UNIT_COLOURS_LIGHT = ("#0072B2", "#C64F00", "#007A5A", "#AA4499", "#8A6D00", "#5B4DB3")
_UNIT_COLOURS_DARK = ("#56B4E9", "#E69F00", "#2FC69B", "#E58CBF", "#F0E442", "#A79BF0")
MOST_UNITS = 6
_MOST_MARKED = 30  # timesteps; more marks hide the lines and take half of the drawing's time
_LEAST = float(np.nextafter(0.0, 1.0))  # a log axis has no place for 0
_PANEL, _GAP = 130, 30


def state_lines(trace: Trace, units: Iterable[int], title: str, dark: bool = False) -> Figure:
    """The cell state and the hidden state of some units over time, one above the other.

    A unit has one colour and one dash in both; at most six units are drawn.
    """
    chosen = list(units)[:MOST_UNITS]
    signals = [name for name in ("cell", "hidden") if name in trace.names]
    height = _PANEL if len(signals) > 1 else 2 * _PANEL
    layout = base_layout(title, len(signals) * (height + _GAP) - _GAP, dark) | {
        "hovermode": "x unified",
        "legend": {"x": 1.01, "xanchor": "left", "y": 1, "yanchor": "top"},
        "annotations": [],
    }
    data = []
    for index, (signal, domain) in enumerate(zip(signals, panels(len(signals), height, _GAP), strict=True)):
        suffix, its = ("" if index == 0 else "2"), look(signal)
        layout[f"yaxis{suffix}"] = {
            "anchor": "x",
            "domain": domain,
            "gridcolor": ground(dark)["line"],
            "zerolinecolor": ground(dark)["muted"],
        }
        label = panel_label(f"<b>{its.symbol}</b>  {its.name}", its.colour(dark), domain[1])
        layout["annotations"].append(label)
        data += [_unit_line(trace, signal, place, unit, suffix, dark) for place, unit in enumerate(chosen)]
    layout["xaxis"] = {**time_axis(trace.tokens, dark), "anchor": f"y{'2' if len(signals) > 1 else ''}"}
    return figure(data, layout)


def gradient_lines(flow: GradientFlow, family: str, title: str, dark: bool = False) -> Figure:
    """The norm over units of dL/dh_t, dL/dc_t and of dL/da_t of each gate, on one log axis.

    An exact zero has no place on a log axis: it is marked on the lower edge and said in its hover label.
    """
    names = [name for name in ("hidden", "cell") if name in flow.signals]
    gates = [name for name in flow.pre if name != "hidden"]
    norms = {name: flow.norms(name) for name in names} | {f"{g}_pre": flow.norms(f"{g}_pre") for g in gates}
    low, high = _log_range(norms.values())
    layout = base_layout(title, 2 * _PANEL + _GAP, dark) | {
        "xaxis": time_axis(flow.tokens, dark),
        "yaxis": {
            "type": "log",
            "range": [low, high],
            "exponentformat": "power",
            "dtick": max(1, round((high - low) / 6)),
            "gridcolor": ground(dark)["line"],
            "zeroline": False,
        },
        "hovermode": "x unified",
        "legend": {"x": 1.01, "xanchor": "left", "y": 1, "yanchor": "top"},
        "annotations": [
            panel_label("norm over units, log scale", ground(dark)["muted"], 1.0) | {"yshift": 10}
        ],
    }
    data = []
    for name, values in norms.items():
        signal, pre = name.removesuffix("_pre"), name.endswith("_pre")
        its = look(signal, family)
        label = f"|dL/da| {its.symbol}" if pre else f"|dL/d{its.symbol}|"
        data += _norm_lines(values, flow.tokens, label, its.colour(dark), its.dash, 1.5 if pre else 3.0, low)
    return figure(data, layout)


def _unit_line(
    trace: Trace, signal: str, place: int, unit: int, suffix: str, dark: bool
) -> dict[str, object]:
    """One unit's line; its look goes by its place among those drawn, so that no two are alike."""
    colours = _UNIT_COLOURS_DARK if dark else _UNIT_COLOURS_LIGHT
    return {
        "type": "scatter",
        "mode": "lines" if len(trace) > _MOST_MARKED else "lines+markers",
        "name": f"unit {unit}",
        "x": list(range(len(trace))),
        "y": trace[signal][:, unit],
        "customdata": hover_tokens(trace.tokens),
        "line": {"color": colours[place], "dash": _DASHES[place], "width": 2},
        "marker": {"size": 5, "symbol": place},
        "xaxis": "x",
        "yaxis": f"y{suffix}",
        "legendgroup": str(unit),
        "showlegend": not suffix,
        "hovertemplate": "%{y:.4g} at step %{x} (%{customdata})",
    }


def _norm_lines(
    values: np.ndarray, tokens: tuple[str, ...], label: str, colour: str, dash: str, width: float, low: float
) -> list[dict[str, object]]:
    """A line of the positive norms, and marks on the lower edge where the norm is exactly zero."""
    time = np.arange(len(values))
    zero = values == 0
    shown: list[dict[str, object]] = [
        {
            "type": "scatter",
            "mode": "lines" if len(values) > 1 else "markers",
            "name": label,
            "x": time,
            "y": np.where(zero, np.nan, values),
            "customdata": hover_tokens(tokens),
            "line": {"color": colour, "dash": dash, "width": width},
            "hovertemplate": "%{y:.3e}",
        }
    ]
    if zero.any():
        shown.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"{label} = 0",
                "x": time[zero],
                "y": np.full(int(zero.sum()), max(10.0**low, _LEAST)),
                "marker": {"color": colour, "symbol": "triangle-down-open", "size": 9},
                "cliponaxis": False,
                "showlegend": False,
                "hovertemplate": "exactly 0",
            }
        )
    return shown


def _log_range(values: Iterable[np.ndarray]) -> tuple[float, float]:
    """Whole powers of ten that hold every positive value; nothing is clipped."""
    together = np.concatenate(list(values))
    positive = together[together > 0]
    if positive.size == 0:
        return -1.0, 0.0
    logs = np.log10(positive)
    return float(np.floor(logs.min() - 0.05)), float(np.ceil(logs.max() + 0.05))
