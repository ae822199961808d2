"""States and gradient norms as lines over time."""

from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Float

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
from memviz.figures.logs import log_axis, log_lines, log_range
from memviz.gradients import GradientFlow
from memviz.theme import look
from memviz.trace import Trace

_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_UNIT_COLOURS_LIGHT = ("#0072B2", "#C64F00", "#007A5A", "#AA4499", "#8A6D00", "#5B4DB3")
_UNIT_COLOURS_DARK = ("#56B4E9", "#E69F00", "#2FC69B", "#E58CBF", "#F0E442", "#A79BF0")
MOST_UNITS = 6
_MOST_MARKED = 30  # timesteps; more marks hide the lines and take half of the drawing's time
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
    """log10 of the norm over units of dL/dh_t, dL/dc_t and of dL/da_t of each gate, on one axis.

    An exact zero has no place on a log axis: it is marked on the lower edge and said in its hover label.
    """
    names = [name for name in ("hidden", "cell") if name in flow.scaled]
    gates = [f"{name}_pre" for name in flow.pre if name != "hidden"]
    logs = {name: flow.log10_norms(name) for name in (*names, *gates)}
    return norm_lines(flow.tokens, logs, family, title, dark)


def norm_lines(
    tokens: tuple[str, ...],
    logs: Mapping[str, Float[np.ndarray, " time"]],
    family: str,
    title: str,
    dark: bool = False,
) -> Figure:
    """log10 of norms over units by the signal that was differentiated by: a state, or a pre-activation "forget_pre"."""
    span = log_range(logs.values())
    layout = base_layout(title, 2 * _PANEL + _GAP, dark) | {
        "xaxis": time_axis(tokens, dark),
        "yaxis": log_axis(span, dark),
        "hovermode": "x unified",
        "legend": {"x": 1.01, "xanchor": "left", "y": 1, "yanchor": "top"},
        "annotations": [
            panel_label("norm over units, log scale", ground(dark)["muted"], 1.0) | {"yshift": 10}
        ],
    }
    data = []
    for name, values in logs.items():
        signal, pre = name.removesuffix("_pre"), name.endswith("_pre")
        its = look(signal, family)
        label = f"|dL/da| {its.symbol}" if pre else f"|dL/d{its.symbol}|"
        width = 1.5 if pre else 3.0
        steps = range(len(values))
        data += log_lines(steps, values, label, its.colour(dark), span[0], dash=its.dash, width=width)
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
