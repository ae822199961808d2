"""Gradients unit by unit, gate by gate and path by path."""

from typing import Any

import numpy as np
from jaxtyping import Float

from memviz.figures.base import Figure, base_layout, figure, ground, panel_label, panels
from memviz.figures.logs import lag_axis, log_axis, log_lines, power_label
from memviz.gradients import GradientFlow, Split, WeightContributions
from memviz.theme import PATH_LOOKS, SEQUENTIAL_DARK, SEQUENTIAL_LIGHT, look
from memviz.trace import Array

_PANEL, _HALF, _GAP = 230, 110, 34
_MOST_BARS = 120


def unit_heatmap(
    logs: Array, last: int, span: tuple[float, float], title: str, what: str, dark: bool = False
) -> Figure:
    """log10 of a number of each unit against the lag; what is exactly zero stays blank, which is said.

    Args:
        logs: the numbers, (time, unit).
        last: the step that the loss reads.
        span: the scale, from lightest to darkest.
        title: the takeaway.
        what: the numbers' name.
        dark: for a dark ground.
    """
    shown = logs[last::-1].T
    zeros = bool(np.isneginf(shown).any())
    low, high = span
    ticks = sorted({round(low), round((low + high) / 2), round(high)})
    colours = SEQUENTIAL_DARK if dark else SEQUENTIAL_LIGHT
    note = f"{what}{'; blank: exactly 0' if zeros else ''}"
    layout = base_layout(title, _PANEL, dark) | {
        "xaxis": lag_axis(last, dark),
        "yaxis": {
            "title": {"text": "unit", "font": {"size": 13}},
            "tickformat": "d",
            "dtick": max(1, -(-logs.shape[1] // 8)),
            "showgrid": False,
            "zeroline": False,
            "range": [logs.shape[1] - 0.5, -0.5],
        },
        "annotations": [panel_label(note, ground(dark)["muted"], 1.0) | {"yshift": 4}],
    }
    data = {
        "type": "heatmap",
        "z": np.where(np.isfinite(shown), shown, np.nan).astype(np.float32),
        "zmin": low,
        "zmax": high,
        "colorscale": [[k / (len(colours) - 1), colour] for k, colour in enumerate(colours)],
        "colorbar": {
            "tickvals": ticks,
            "ticktext": [power_label(t) for t in ticks],
            "thickness": 12,
            "outlinewidth": 0,
        },
        "hovertemplate": "unit %{y}, lag %{x}: 10<sup>%{z:.2f}</sup><extra></extra>",
    }
    return figure([data], layout)


def gate_lines(
    flow: GradientFlow, slopes: dict[str, Array], span: tuple[float, float], title: str, dark: bool = False
) -> Figure:
    """|dL/da_t| of each gate above the mean slope of its function over units: what every gradient into it meets."""
    top, bottom = panels(2, _HALF + 20, _GAP)
    layout = base_layout(title, 2 * (_HALF + 20) + _GAP, dark) | {
        "xaxis": lag_axis(flow.last, dark) | {"anchor": "y2"},
        "yaxis": log_axis(span, dark) | {"domain": top, "anchor": "x"},
        "yaxis2": {
            "domain": bottom,
            "anchor": "x",
            "rangemode": "tozero",
            "gridcolor": ground(dark)["line"],
            "zeroline": False,
            "nticks": 5,
        },
        "hovermode": "x unified",
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": -0.2, "yanchor": "top"},
        "annotations": [
            panel_label("|dL/da|, norm over units", ground(dark)["muted"], top[1]),
            panel_label("saturation factor, mean over units", ground(dark)["muted"], bottom[1]),
        ],
    }
    data: list[Any] = []
    lags = list(range(flow.last + 1))
    for name, slope in slopes.items():
        its = look(name, flow.network.cell.family)
        logs = flow.log10_norms(f"{name}_pre")[flow.last :: -1]
        data += log_lines(lags, logs, f"{its.symbol}, {its.name}", its.colour(dark), span[0], dash=its.dash)
        mean = slope[flow.last :: -1].mean(axis=1)
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"slope of {its.symbol}",
                "x": lags,
                "y": mean,
                "yaxis": "y2",
                "line": {"color": its.colour(dark), "dash": its.dash, "width": 2},
                "showlegend": False,
                "hovertemplate": "%{y:.3f}",
            }
        )
    return figure(data, layout)


def path_bars(split: Split, last: int, title: str, memory: str, dark: bool = False) -> Figure:
    """The share of each path in the gradient of the memory, signed and stacked: together they are 1."""
    picked, note = _thinned(last)
    symbol = look(memory).symbol
    layout = _bars_layout(title, last, f"share of dL/d{symbol}, along its direction{note}", dark)
    layout |= {"barmode": "relative", "shapes": [_one(dark)]}
    data = [
        _bars(picked, share[last::-1][picked], PATH_LOOKS[name].name, PATH_LOOKS[name].colour(dark))
        for name, share in split.shares().items()
    ]
    return figure(data, layout)


def contribution_bars(
    contributions: WeightContributions, last: int, title: str, dark: bool = False
) -> Figure:
    """What each timestep adds to a weight gradient: its share along the total, and its cosine with it."""
    picked, note = _thinned(last)
    top, bottom = panels(2, _HALF + 20, _GAP)
    muted = ground(dark)["muted"]
    layout = _bars_layout(title, last, "", dark)
    layout["height"] = base_layout(title, 2 * (_HALF + 20) + _GAP, dark)["height"]
    layout |= {
        "xaxis": lag_axis(last, dark) | {"anchor": "y2"},
        "yaxis": layout["yaxis"] | {"domain": top, "anchor": "x"},
        "yaxis2": layout["yaxis"]
        | {"domain": bottom, "anchor": "x", "range": [-1.05, 1.05], "tickvals": [-1, 0, 1]},
        "annotations": [
            panel_label(f"share of the total{note}", muted, top[1]),
            panel_label("cosine with the total", muted, bottom[1]),
        ],
        "showlegend": False,
    }
    colour = look("candidate").colour(dark)
    shares, cosines = contributions.shares[last::-1][picked], contributions.cosines[last::-1][picked]
    return figure(
        [_bars(picked, shares, "share", colour), _bars(picked, cosines, "cosine", colour) | {"yaxis": "y2"}],
        layout,
    )


def sigmoid_lines(
    x: Float[np.ndarray, " point"], values: Float[np.ndarray, "time point"], title: str, dark: bool = False
) -> Figure:
    """sigma applied once, twice and so on."""
    layout = base_layout(title, _PANEL, dark) | {
        "xaxis": {
            "title": {"text": "x", "font": {"size": 13}},
            "zeroline": False,
            "gridcolor": ground(dark)["line"],
        },
        "yaxis": {"range": [0, 1.02], "gridcolor": ground(dark)["line"], "zeroline": False},
        "hovermode": "x unified",
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": -0.24, "yanchor": "top"},
        "annotations": [panel_label("σ applied n times", ground(dark)["muted"], 1.0) | {"yshift": 4}],
    }
    dashes = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"n = {index + 1}",
            "x": x,
            "y": line,
            "line": {"color": look("forget").colour(dark), "dash": dashes[index % 6], "width": 2},
            "hovertemplate": "%{y:.3f}",
        }
        for index, line in enumerate(values)
    ]
    return figure(data, layout)


def _thinned(last: int) -> tuple[np.ndarray, str]:
    """The lags of which a bar is drawn, and how many of how many if not all."""
    if last < _MOST_BARS:
        return np.arange(last + 1), ""
    picked = np.unique(np.rint(np.linspace(0, last, _MOST_BARS)).astype(int))
    return picked, f"; {len(picked)} of {last + 1} lags drawn"


def _bars_layout(title: str, last: int, what: str, dark: bool) -> dict[str, Any]:
    return base_layout(title, _PANEL, dark) | {
        "xaxis": lag_axis(last, dark),
        "yaxis": {"gridcolor": ground(dark)["line"], "zerolinecolor": ground(dark)["muted"]},
        "hovermode": "x unified",
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": -0.24, "yanchor": "top"},
        "annotations": [panel_label(what, ground(dark)["muted"], 1.0) | {"yshift": 4}],
        "bargap": 0.1,
    }


def _bars(lags: np.ndarray, values: np.ndarray, label: str, colour: str) -> dict[str, object]:
    return {
        "type": "bar",
        "name": label,
        "x": lags,
        "y": values,
        "marker": {"color": colour, "line": {"width": 0}},
        "hovertemplate": "%{y:.3f}",
    }


def _one(dark: bool) -> dict[str, object]:
    line = {"color": ground(dark)["text"], "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 1, "y1": 1, "line": line}
