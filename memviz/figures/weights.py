"""How the weights of each gate are spread, one small picture a gate."""

from typing import Any

import numpy as np

from memviz.figures.base import Figure, base_layout, figure, ground, panel_label, panels
from memviz.histograms import PARAMETERS, Histograms
from memviz.theme import look

_PANEL, _GAP = 56, 26
_COLUMNS = {"weight_ih": ("from x", (0.0, 0.47)), "weight_hh": ("from h", (0.53, 1.0))}


def weight_histograms(histograms: Histograms, title: str, dark: bool = False) -> Figure:
    """A row for each gate, the weights from x left and from h right, on one x axis; as drawn dashed behind an edit."""
    gates = list(dict.fromkeys(gate for gate, _ in histograms.counts))
    domains = panels(len(gates), _PANEL, _GAP)
    layout = base_layout(title, len(gates) * (_PANEL + _GAP) - _GAP, dark) | {
        "showlegend": False,
        "bargap": 0.08,
        "annotations": [],
        "hovermode": "x",
    }
    data: list[dict[str, Any]] = []
    for row, (gate, domain) in enumerate(zip(gates, domains, strict=True)):
        for parameter in PARAMETERS:
            suffix = _suffix(row, parameter)
            last = row == len(gates) - 1
            layout |= _axes(histograms, parameter, suffix, domain, last, dark)
            its = look(gate, histograms.cell.family)
            where, (left, _) = _COLUMNS[parameter]
            text = f"<b>{its.symbol}</b>  {its.name}, {where}"
            layout["annotations"].append(panel_label(text, its.colour(dark), domain[1]) | {"x": left})
            data += _panel(histograms, gate, parameter, suffix, dark)
    return figure(data, layout)


def _suffix(row: int, parameter: str) -> str:
    index = 2 * row + PARAMETERS.index(parameter)
    return "" if index == 0 else str(index + 1)


def _axes(
    histograms: Histograms,
    parameter: str,
    suffix: str,
    domain: tuple[float, float],
    last: bool,
    dark: bool,
) -> dict[str, Any]:
    colours = ground(dark)
    counts = [histograms.counts, histograms.original or histograms.counts]
    most = max(
        int(values.max()) for each in counts for (_, name), values in each.items() if name == parameter
    )
    x: dict[str, Any] = {
        "domain": list(_COLUMNS[parameter][1]),
        "anchor": f"y{suffix}",
        "range": [float(histograms.edges[0]), float(histograms.edges[-1])],
        "showticklabels": last,
        "showgrid": False,
        "zerolinecolor": colours["line"],
        "linecolor": colours["line"],
        "nticks": 6,
    }
    if last:
        x["title"] = {"text": "weight", "font": {"size": 13}, "standoff": 6}
    if suffix:
        x["matches"] = "x"
    y: dict[str, Any] = {
        "domain": domain,
        "anchor": f"x{suffix}",
        "range": [0, 1.08 * max(1, most)],
        "nticks": 3,
        "gridcolor": colours["line"],
        "zeroline": False,
        "tickformat": "d",
    }
    if parameter == PARAMETERS[0]:
        y["title"] = {"text": "count", "font": {"size": 13}, "standoff": 4}
    return {f"xaxis{suffix}": x, f"yaxis{suffix}": y}


def _panel(
    histograms: Histograms, gate: str, parameter: str, suffix: str, dark: bool
) -> list[dict[str, Any]]:
    """The bars of one gate and, behind them in the order of drawing, the dashed outline of what was drawn."""
    colour = look(gate, histograms.cell.family).colour(dark)
    axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
    name = f"{gate}, {_COLUMNS[parameter][0]}"
    shown: list[dict[str, Any]] = []
    if histograms.original is not None:
        before = histograms.original[gate, parameter]
        shown.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"{name}, as drawn",
                "x": histograms.centres,
                "y": before.astype(np.int32),
                "line": {"color": ground(dark)["text"], "dash": "dot", "width": 1.5, "shape": "hvh"},
                "hovertemplate": "%{y} as drawn<extra></extra>",
                **axes,
            }
        )
    shown.append(
        {
            "type": "bar",
            "name": name,
            "x": histograms.centres,
            "y": histograms.counts[gate, parameter].astype(np.int32),
            "marker": {"color": colour, "line": {"width": 0}},
            "opacity": 0.85,
            "hovertemplate": "%{y} near %{x:.3g}<extra></extra>",
            **axes,
        }
    )
    return shown
