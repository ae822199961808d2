"""Each gate as a picture of units by time."""

import numpy as np
import plotly.graph_objects as go

from memviz.figures.base import base_layout, figure, ground, hover_tokens, panel_label, panels, time_axis
from memviz.theme import GATE_RANGE, MINUS, is_gate, look, scale
from memviz.trace import Trace

_HEIGHT, _GAP = 108, 32
_MOST_NAMED = 200  # timesteps whose tokens are in the hover labels, once for each unit


def gate_heatmaps(trace: Trace, title: str, dark: bool = False) -> go.Figure:
    """Heatmaps of every gate and the candidate, units by time, on fixed scales and one time axis.

    Gates run from 0 to 1 on one sequential scale; the candidate is signed, on a diverging scale around 0 that ends
    at its largest magnitude, at least 1. For a cell without gates the hidden state is drawn.
    """
    signals = trace.cell.activations or ("hidden",)
    layout = base_layout(title, len(signals) * (_HEIGHT + _GAP) - _GAP, dark)
    domains = panels(len(signals), _HEIGHT, _GAP)
    layout["annotations"] = []
    layout["xaxis"] = {**time_axis(trace.tokens, dark), "anchor": f"y{_suffix(len(signals) - 1)}"}
    data = []
    for index, (signal, domain) in enumerate(zip(signals, domains, strict=True)):
        its = look(signal, trace.cell.family)
        data.append(_heatmap(trace, signal, _suffix(index), domain, dark))
        layout[f"yaxis{_suffix(index)}"] = {**_unit_axis(trace.units, dark), "domain": domain, "anchor": "x"}
        label = f"<b>{its.symbol}</b>  {its.name}, unit by timestep"
        layout["annotations"].append(panel_label(label, its.colour(dark), domain[1]))
    return figure(data, layout)


def _heatmap(
    trace: Trace, signal: str, suffix: str, domain: tuple[float, float], dark: bool
) -> dict[str, object]:
    low, high = bounds = GATE_RANGE if is_gate(signal) else _symmetric(trace, signal)
    ticks = [low, (low + high) / 2, high]
    named = len(trace) <= _MOST_NAMED
    token = " (%{customdata})" if named else ""
    return {
        "type": "heatmap",
        "name": look(signal, trace.cell.family).name,
        "z": _drawn(trace[signal].T),
        "x": list(range(len(trace))),
        "y": list(range(trace.units)),
        "customdata": [hover_tokens(trace.tokens)] * trace.units if named else None,
        "zmin": bounds[0],
        "zmax": bounds[1],
        "colorscale": scale(signal, dark),
        "xgap": 1 if len(trace) <= 60 else 0,
        "ygap": 1 if trace.units <= 16 else 0,
        "xaxis": "x",
        "yaxis": f"y{suffix}",
        "hovertemplate": f"step %{{x}}{token}, unit %{{y}}<br>%{{z:.4g}}<extra>%{{fullData.name}}</extra>",
        "colorbar": {
            "x": 1.01,
            "xanchor": "left",
            "y": sum(domain) / 2,
            "len": domain[1] - domain[0],
            "lenmode": "fraction",
            "ypad": 0,
            "thickness": 8,
            "outlinewidth": 0,
            "tickvals": ticks,
            "ticktext": [f"{tick:.2g}".replace("-", MINUS) for tick in ticks],
            "tickfont": {"size": 12, "color": ground(dark)["muted"]},
        },
    }


def _drawn(values: np.ndarray) -> np.ndarray:
    """The values in half the bytes, which are enough for a colour, unless they are too large for that."""
    return values if np.abs(values).max() > np.finfo(np.float32).max else values.astype(np.float32)


def _suffix(index: int) -> str:
    """How plotly numbers its axes: y, y2, y3."""
    return "" if index == 0 else str(index + 1)


def _unit_axis(units: int, dark: bool) -> dict[str, object]:
    return {
        "autorange": "reversed",
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
        "linecolor": ground(dark)["line"],
        "tickformat": "d",
        "dtick": max(1, -(-units // 8)),
        "tick0": 0,
    }


def _symmetric(trace: Trace, signal: str) -> tuple[float, float]:
    largest = max(1.0, float(abs(trace[signal]).max()))
    return -largest, largest
