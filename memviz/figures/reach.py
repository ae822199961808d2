"""How far gradients reach: networks side by side, norms of states, products and singular values against the lag."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from memviz.figures.base import Figure, base_layout, figure, ground, panel_label
from memviz.figures.logs import lag_axis, log_axis, log_lines, log_range
from memviz.gradients import Curve, GradientFlow, Horizon, MemoryProducts, Sources
from memviz.theme import NETWORK_LOOKS, OTHER_NETWORK, Look, look, power_of_ten

_MAIN, _PANEL = 300, 230
_LABEL_ROOM = 17  # pixels from one label to the next
_MOST_LINES = 24
Logs = Float[np.ndarray, "..."]


def reach_lines(
    curves: Sequence[Curve], labels: Sequence[str], last: int, title: str, chosen: str, dark: bool = False
) -> Figure:
    """|dL/ds_t| of several networks against the lag; a band holds all seeds, the line is their median.

    Args:
        curves: the networks.
        labels: a name for each.
        last: the step that the loss reads.
        title: the takeaway.
        chosen: the network that is drawn stronger.
        dark: for a dark ground.
    """
    low, high = log_range([curve.memory[:, : last + 1] for curve in curves])
    layout = _layout(
        title, _MAIN, (low, high), last, "|dL/ds| of the memory s (c, or h where there is no c)", dark
    )
    layout["showlegend"] = False
    data: list[Any] = []
    ends = []
    # Broken lines come last: where two networks fade alike, both can be seen.
    named = sorted(zip(curves, labels, strict=True), key=lambda pair: _look(pair[0]).dash != "solid")
    for curve, label in named:
        its = _look(curve)
        colour = its.colour(dark)
        seeds = curve.memory[:, last::-1]
        if len(seeds) > 1:
            data += _band(seeds, low, colour, label)
        middle = np.median(seeds, axis=0)
        width = 3.5 if curve.network == chosen else 2.0
        data += log_lines(range(last + 1), middle, label, colour, low, dash=its.dash, width=width)
        ratio = float(np.median(curve.reach(last)))
        left = f"{power_of_ten(ratio)} {'left' if ratio <= 0 else 'times'}"
        if np.isnan(ratio):  # such as where h is detached from all that came before
            left = "0 at both ends"
        ends.append((_end(middle, low), _side(middle), f"{label}: {left}", colour))
    _label_ends(layout, ends, (low, high), _MAIN, dark)
    return figure(data, layout)


def state_norm_lines(flow: GradientFlow, title: str, span: tuple[float, float], dark: bool = False) -> Figure:
    """|dL/dh_t|, |dL/dc_t| and the loss's own term |dL_t/dh_t| apart, on the scale of the page."""
    layout = _layout(title, _PANEL, span, flow.last, "norm over units, all paths", dark)
    data: list[Any] = []
    family = flow.network.cell.family
    for name in (n for n in ("cell", "hidden") if n in flow.scaled):
        its = look(name, family)
        logs = flow.log10_norms(name)[flow.last :: -1]
        width = 3.0 if name == "cell" else 2.0
        data += log_lines(
            range(len(logs)), logs, f"|dL/d{its.symbol}|", its.colour(dark), span[0], width=width
        )
    with np.errstate(divide="ignore"):
        direct = np.log10(np.linalg.norm(flow.direct, axis=1))[flow.last :: -1]
    read = np.flatnonzero(np.isfinite(direct))
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "the loss's own term",
            "x": read,
            "y": direct[read],
            "marker": {"symbol": "circle-open", "size": 8, "color": ground(dark)["muted"]},
            "hovertemplate": "10<sup>%{y:.2f}</sup>",
        }
    )
    return figure(data, layout)


def product_lines(products: MemoryProducts, title: str, memory: str, dark: bool = False) -> Figure:
    """The product of the gates that keep against the whole derivative of the memory, and their difference."""
    m = look(memory).symbol
    lines = (
        (
            f"all of d{m}<sub>T</sub>/d{m}<sub>t</sub>",
            products.log10_full,
            ground(dark)["text"],
            "solid",
            3.0,
        ),
        ("product of the gates", products.log10_direct, look("forget").colour(dark), "dash", 2.0),
        ("through the gates: the rest", products.log10_through, look("hidden").colour(dark), "dot", 2.0),
    )
    span = log_range([logs for _, logs, *_ in lines])
    layout = _layout(title, _PANEL, span, max(products.lags), "largest singular value", dark)
    data: list[Any] = []
    for label, logs, colour, dash, width in lines:
        data += log_lines(products.lags, logs, label, colour, span[0], dash=dash, width=width)
    return figure(data, layout)


def singular_value_lines(
    logs: Float[np.ndarray, "lag state"], title: str, note: str = "", dark: bool = False
) -> Figure:
    """All singular values of d state_T / d state_t against the lag, with a line at 1."""
    count = logs.shape[1]
    drawn = np.unique(np.rint(np.linspace(0, count - 1, min(count, _MOST_LINES))).astype(int))
    lags = np.unique(np.rint(np.linspace(0, len(logs) - 1, min(len(logs), 400))).astype(int))
    span = log_range([logs[:, drawn], np.zeros(1)])
    unseen = f", {len(drawn)} of {count} drawn" if len(drawn) < count else ""
    what = f"singular values of ds<sub>T</sub>/ds<sub>t</sub>, s the whole state{unseen}{note}"
    layout = _layout(title, _PANEL, span, len(logs) - 1, what, dark)
    layout["shapes"] = [_level(0.0, dark)]
    layout["showlegend"] = False
    strong, weak = look("cell").colour(dark), ground(dark)["muted"]
    data: list[Any] = []
    for index in drawn[::-1]:
        is_largest = index == 0
        data += log_lines(
            lags,
            logs[lags, index],
            f"singular value {index + 1}",
            strong if is_largest else weak,
            span[0],
            width=3.0 if is_largest else 1.2,
        )
    return figure(data, layout)


def horizon_lines(
    horizon: Horizon, direct: Float[np.ndarray, "lag unit"] | None, title: str, dark: bool = False
) -> Figure:
    """The measured effect of moving an input on the memory, beside the largest product of gates; a line at 1/e.

    Args:
        horizon: what was measured.
        direct: log2 of the product of the gates, from lag 0 on; None for a cell without such gates.
        title: the takeaway.
        dark: for a dark ground.
    """
    with np.errstate(divide="ignore"):
        effects = np.log10(np.where(horizon.effects > horizon.floor, horizon.effects, 0.0))
    relative = effects - effects[0] if np.isfinite(effects[0]) else effects
    product = np.zeros(0) if direct is None else direct.max(axis=1) * np.log10(2.0)
    span = log_range([relative, product])
    rounding = power_of_ten(float(np.log10(horizon.floor)), 1)
    what = f"relative to lag 0; an effect below {rounding} is rounding"
    layout = _layout(title, _PANEL, span, max(horizon.lags), what, dark)
    layout["shapes"] = [_level(-np.log10(np.e), dark)]
    data = log_lines(horizon.lags, relative, "measured: x moved", ground(dark)["text"], span[0], width=3.0)
    if direct is not None:
        keep = look("forget").colour(dark)
        data += log_lines(
            range(len(product)), product, "largest product of gates", keep, span[0], dash="dash"
        )
    return figure(data, layout)


def source_lines(sources: Sources, flow: GradientFlow, title: str, dark: bool = False) -> Figure:
    """|dL_tau/dh_t| for some steps tau of a loss at every step, and their sum."""
    total = flow.log10_norms("hidden")
    span = log_range([sources.log10_norms, total])
    layout = _layout(title, _PANEL, span, flow.last, "|dL/dh| by the step whose loss it comes from", dark)
    data: list[Any] = []
    colour, last = look("hidden").colour(dark), flow.last
    for tau, logs in zip(sources.timesteps, sources.log10_norms, strict=True):
        lags = np.arange(last - tau, last + 1)
        data += log_lines(lags, logs[tau::-1], f"loss of step {tau}", colour, span[0], dash="dot", width=1.5)
    data += log_lines(
        range(last + 1), total[last::-1], "all losses", ground(dark)["text"], span[0], width=3.0
    )
    layout["showlegend"] = False
    return figure(data, layout)


def power_lines(
    rates: Sequence[float], logs: Float[np.ndarray, "rate step"], title: str, dark: bool = False
) -> Figure:
    """r^n against n for some r."""
    steps = logs.shape[1] - 1
    span = log_range([logs])
    layout = _layout(title, _PANEL, span, steps, "r<sup>n</sup>", dark)
    layout["xaxis"] = lag_axis(steps, dark, "n: how often it is multiplied")
    layout["showlegend"] = False
    colours = (ground(dark)["muted"], look("hidden").colour(dark), ground(dark)["text"])
    data: list[Any] = []
    ends = []
    for rate, line in zip(rates, logs, strict=True):
        colour = colours[0 if abs(rate) < 1 else 1 if abs(rate) > 1 else 2]
        data += log_lines(range(steps + 1), line, f"r = {rate:g}", colour, span[0])
        ends.append(
            (_end(line, span[0]), _side(line), f"r = {rate:g}: {power_of_ten(float(line[-1]))}", colour)
        )
    _label_ends(layout, ends, span, _PANEL, dark)
    return figure(data, layout)


def _layout(
    title: str, height: int, span: tuple[float, float], last: int, what: str, dark: bool
) -> dict[str, Any]:
    label = panel_label(what, ground(dark)["muted"], 1.0) | {"yshift": 4}
    return base_layout(title, height, dark) | {
        "xaxis": lag_axis(last, dark),
        "yaxis": log_axis(span, dark),
        "hovermode": "x unified",
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": -0.24, "yanchor": "top"},
        "annotations": [label],
    }


def _band(
    seeds: Float[np.ndarray, "seed lag"], low: float, colour: str, label: str
) -> list[dict[str, object]]:
    """From the least to the largest seed; an exact zero reaches down to the lower edge."""
    lower = np.maximum(seeds.min(axis=0), low)
    upper = np.maximum(seeds.max(axis=0), low)
    line: dict[str, object] = {"type": "scatter", "mode": "lines", "x": list(range(seeds.shape[1]))}
    common = line | {"line": {"width": 0}, "hoverinfo": "skip"}
    return [
        common | {"y": lower, "name": f"{label}, least"},
        common | {"y": upper, "name": f"{label}, most", "fill": "tonexty", "fillcolor": _faint(colour)},
    ]


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.16)"


def _look(curve: Curve) -> Look:
    return NETWORK_LOOKS.get(curve.network, OTHER_NETWORK)


def _end(logs: Float[np.ndarray, " point"], low: float) -> float:
    """Where a line ends; an exact zero is on the lower edge."""
    return max(float(logs[-1]), low)


def _side(logs: Float[np.ndarray, " point"]) -> float:
    """Where there is room at the end of a line: above one that rises, below one that falls."""
    return 1.0 if logs[-1] > logs[len(logs) // 2] else -1.0


def _label_ends(
    layout: dict[str, Any],
    ends: list[tuple[float, float, str, str]],
    span: tuple[float, float],
    height: int,
    dark: bool,
) -> None:
    """Write the name of each line at its right end, above (1) or below (-1) it, none over another."""
    room = _LABEL_ROOM * (span[1] - span[0]) / height
    wished = sorted(
        ((value + side * 0.65 * room, text, colour) for value, side, text, colour in ends), reverse=True
    )
    place, places = float("inf"), []
    for value, _, _ in wished:
        place = min(max(value, span[0] - 0.65 * room), place - room)
        places.append(place)
    edges = [places[-1] - 0.6 * room, places[0] + 0.6 * room]
    layout["yaxis"]["range"] = [min(span[0], edges[0]), max(span[1], edges[1])]
    layout["annotations"] += [
        {
            "text": text,
            "font": {"size": 13, "color": colour},
            "bgcolor": ground(dark)["ground"],
            "opacity": 0.85,
            "borderpad": 0,
            "xref": "paper",
            "x": 1,
            "xanchor": "right",
            "y": y,
            "yanchor": "middle",
            "showarrow": False,
        }
        for y, (_, text, colour) in zip(places, wished, strict=True)
    ]


def _level(log10: float, dark: bool) -> dict[str, object]:
    line = {"color": ground(dark)["text"], "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": log10, "y1": log10, "line": line}
