"""How networks learn: loss and score against chance and the best there is; a gradient before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from memviz.figures.base import FONT_SIZE, Figure, base_layout, figure, ground, panel_label, plain
from memviz.figures.logs import lag_axis, log_axis, log_lines
from memviz.theme import SIDE_LOOKS, number

_HEIGHT = 210
_LEVEL_ROOM = 0.08  # of the axis: levels that are nearer share a label
_FEW = 6  # updates: so few are all on the axis, which would else write halves of them as whole numbers
_END_ROOM = (0.1, 0.08)  # of the width and the height
_SOLVED, _NOT_SOLVED, _UNDER_WAY = "circle", "x", "circle-open"


@dataclass(frozen=True, eq=False)
class LearningLine:
    """What one network's loss or score was.

    Attributes:
        side: whose network it is, counted from 0; sides have their own colour and dash.
        label: its letter, which stands at the line's end.
        name: what it is, for hovering.
        updates: after how many updates.
        values: what it was then.
        is_over: whether its training has ended.
        is_solved: whether it reached the task's goal.
    """

    side: int
    label: str
    name: str
    updates: Float[np.ndarray, " look"]
    values: Float[np.ndarray, " look"]
    is_over: bool = True
    is_solved: bool = False


def learning_lines(
    lines: Sequence[LearningLine],
    levels: Sequence[tuple[str, float]],
    title: str,
    what: str,
    updates: int,
    dark: bool = False,
) -> Figure:
    """A line for each network; its end says whether it solved the task: a dot, a cross, or a ring while it learns.

    Args:
        lines: the networks.
        levels: (name, value) of what is drawn across: chance, the best there is.
        title: the takeaway.
        what: the name of the axis.
        updates: how many there are at most: the right end of the axis while networks learn.
        dark: for a dark ground.
    """
    colours = ground(dark)
    layout = base_layout(title, _HEIGHT, dark)
    known = [line.values[np.isfinite(line.values)] for line in lines]
    numbers = np.concatenate([np.array([value for _, value in levels]), *known, np.zeros(1)])
    low, high = float(numbers.min()), float(numbers.max())
    room = 0.06 * (high - low or 1.0)
    span = (low - room, high + room)
    last = max([int(line.updates[-1]) for line in lines if len(line.updates)], default=0)
    is_under_way = any(not line.is_over for line in lines)
    layout |= {
        "showlegend": False,
        "xaxis": _update_axis(updates if is_under_way else max(last, 1), dark),
        "yaxis": {"range": list(span), "gridcolor": colours["line"], "zeroline": False},
        "shapes": [_level(value, dark) for _, value in levels],
        "annotations": [
            panel_label(plain(what), colours["muted"], 1.0),
            *_level_labels(levels, span, dark),
        ],
    }
    data: list[Any] = []
    labels = _end_labels(lines, span, 1.08 * layout["xaxis"]["range"][1])
    for line, label in zip(lines, labels, strict=True):
        data += _line(line, label, dark)
    return figure(data, layout)


def gradient_over_training(
    curves: Sequence[tuple[str, Float[np.ndarray, " time"]]],
    span: tuple[float, float],
    title: str,
    memory: str,
    dark: bool = False,
) -> Figure:
    """log10 of |dL/ds_t| of the memory s against the lag, before training, at a checkpoint and at the end.

    Args:
        curves: (label, log10 of the norm at each timestep up to the one that the loss reads), the checkpoint that is
            looked at last.
        span: the ends of the axis, the same for every checkpoint, so that what moves is the curve.
        title: the takeaway.
        memory: the letter of the memory.
        dark: for a dark ground.
    """
    last = len(curves[0][1]) - 1
    what = f"|dL/d{memory}|, L the task’s loss, log scale"
    layout = base_layout(title, _HEIGHT, dark, lines_of_title=2) | {
        "xaxis": lag_axis(last, dark),
        "yaxis": log_axis(span, dark),
        "hovermode": "x unified",
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": -0.24, "yanchor": "top"},
        "annotations": [panel_label(what, ground(dark)["muted"], 1.0)],
    }
    data: list[Any] = []
    for index, (label, logs) in enumerate(curves):
        is_chosen = index == len(curves) - 1
        colour = ground(dark)["text"] if is_chosen else ground(dark)["muted"]
        data += log_lines(
            range(last + 1),
            logs[::-1],
            label,
            colour,
            span[0],
            dash="solid" if is_chosen else ("dot", "dash")[index % 2],
            width=3.0 if is_chosen else 1.5,
        )
    return figure(data, layout)


def _end_labels(lines: Sequence[LearningLine], span: tuple[float, float], width: float) -> list[str]:
    """What stands at the end of each line: those that end at nearly the same place share one, at the first of them."""
    placed: list[tuple[float, float, int]] = []
    shared: dict[int, list[str]] = {}
    for index, line in enumerate(lines):
        if not len(line.updates) or not np.isfinite(line.values[-1]):
            continue
        x, y = float(line.updates[-1]) / width, float(line.values[-1]) / (span[1] - span[0])
        near = next(
            (k for u, v, k in placed if abs(u - x) < _END_ROOM[0] and abs(v - y) < _END_ROOM[1]), None
        )
        if near is None:
            placed.append((x, y, index))
            shared[index] = [line.label]
        elif line.label not in shared[near]:
            shared[near].append(line.label)
    return ["".join(sorted(shared.get(index, []))) for index in range(len(lines))]


def _line(line: LearningLine, label: str, dark: bool) -> list[dict[str, Any]]:
    if not len(line.updates):
        return []
    its = SIDE_LOOKS[line.side]
    colour = its.colour(dark)
    end = _UNDER_WAY if not line.is_over else (_SOLVED if line.is_solved else _NOT_SOLVED)
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": plain(line.name),
            "x": line.updates,
            "y": line.values,
            "line": {"color": colour, "dash": its.dash, "width": 2},
            "hovertemplate": "%{y:.3g} after %{x} updates",
        },
        {
            "type": "scatter",
            "mode": "markers+text",
            "name": plain(line.name),
            "x": line.updates[-1:],
            "y": line.values[-1:],
            "text": [f" {plain(label)}"],
            "textposition": "middle right",
            "textfont": {"color": colour if label == line.label else ground(dark)["text"], "size": FONT_SIZE},
            "marker": {"color": colour, "symbol": end, "size": 9},
            "cliponaxis": False,
            "hoverinfo": "skip",
        },
    ]


def _update_axis(last: int, dark: bool) -> dict[str, Any]:
    return {
        "range": [-0.02 * last, 1.06 * last],
        "title": {"text": "updates", "font": {"size": FONT_SIZE}, "standoff": 6},
        "showgrid": False,
        "zeroline": False,
        "linecolor": ground(dark)["line"],
        "ticks": "",
        "tickformat": "d",
        **({"dtick": 1} if last < _FEW else {"nticks": 6}),
    }


def _level(value: float, dark: bool) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": value,
        "y1": value,
        "line": {"color": ground(dark)["muted"], "width": 1, "dash": "dot"},
        "layer": "below",
    }


def _level_labels(
    levels: Sequence[tuple[str, float]], span: tuple[float, float], dark: bool
) -> list[dict[str, Any]]:
    """The name and number of each level, on its line; levels that nearly coincide share one."""
    height, labels = span[1] - span[0], list[tuple[str, float]]()
    for name, value in levels:
        text = f"{name} {number(value)}"
        if labels and abs(labels[-1][1] - value) < _LEVEL_ROOM * height:
            labels[-1] = (f"{labels[-1][0]}, {text}", value)
        else:
            labels.append((text, value))
    return [
        {
            "text": plain(text),
            "x": 0.9,  # where lines have settled: at the left they cross each other, and at the right they end
            "xref": "paper",
            "y": value,
            "xanchor": "right",
            "yanchor": "bottom",
            "showarrow": False,
            "font": {"size": 12, "color": ground(dark)["muted"]},
        }
        for text, value in labels
    ]
