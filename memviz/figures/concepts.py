"""Which units of which gates go with a variable of a task: a dot for each, and the threshold that finds some."""

import math
from collections.abc import Sequence
from typing import Any

from memviz.concepts import Found
from memviz.figures.base import Figure, base_layout, figure, ground
from memviz.theme import look

_HEIGHT = 260
_SIDES = ("bottom center", "top center")
_MARGIN = 44  # where the threshold has its number


def correlation_dots(
    units: Sequence[Found],
    threshold: float,
    family: str,
    title: str,
    dark: bool = False,
    luck: float = math.nan,
) -> Figure:
    """Pearson's correlation of every unit, gate by gate; those beyond the threshold are full and bear their number.

    Args:
        units: every unit of every gate and state that varies.
        threshold: the size of a correlation from which on a unit is found.
        family: that of the cell.
        title: the takeaway.
        dark: for a dark ground.
        luck: what as many units reach by luck, a band around 0; NaN is none.
    """
    colours = ground(dark)
    signals = list(dict.fromkeys(each.signal for each in sorted(units, key=lambda each: _place(each.signal))))
    layout = base_layout(title, _HEIGHT, dark) | {
        "xaxis": {
            "tickmode": "array",
            "tickvals": list(range(len(signals))),
            "ticktext": [look(name, family).symbol for name in signals],
            "range": [-0.6, len(signals) - 0.4],
            "showgrid": False,
            "zeroline": False,
            "title": {"text": "gate or state", "font": {"size": 13}, "standoff": 6},
        },
        "yaxis": {
            "range": [-1.2, 1.2],
            "tickvals": [-1, -0.5, 0, 0.5, 1],
            "gridcolor": colours["line"],
            "zeroline": False,
            "title": {"text": "correlation", "font": {"size": 13}},
        },
        "showlegend": False,
        "dragmode": False,  # a drag moves the threshold
        "shapes": [
            *_band(luck, colours),
            *(
                {
                    "type": "line",
                    "name": "threshold",
                    "xref": "paper",
                    "x0": 0,
                    "x1": 1,
                    "y0": sign * threshold,
                    "y1": sign * threshold,
                    "line": {"color": colours["text"], "width": 1, "dash": "dash"},
                }
                for sign in (1, -1)
            ),
        ],
        "annotations": _named(luck, colours),
    }
    layout["margin"]["r"] = _MARGIN
    data: list[Any] = []
    for place, name in enumerate(signals):
        its = look(name, family)
        mine = sorted((each for each in units if each.signal == name), key=lambda each: each.unit)
        found = [abs(each.correlation) >= threshold for each in mine]
        step = 0.8 / max(len(mine), 1)
        data.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "name": its.name,
                "x": [place - 0.4 + step * (index + 0.5) for index in range(len(mine))],
                "y": [each.correlation for each in mine],
                "text": [str(each.unit) if is_in else "" for each, is_in in zip(mine, found, strict=True)],
                # Neighbours are often as large: their numbers keep out of each other's way.
                "textposition": [_SIDES[index % 2] for index in range(len(mine))],
                "cliponaxis": False,
                "textfont": {"size": 12, "color": colours["text"]},
                "customdata": [each.unit for each in mine],
                "hovertemplate": f"{its.name} {its.symbol}, unit %{{customdata}}: %{{y:.3f}}<extra></extra>",
                "marker": {
                    "size": 9,
                    "color": its.colour(dark),
                    "symbol": ["circle" if is_in else "circle-open" for is_in in found],
                },
            }
        )
    return figure(data, layout)


def _band(luck: float, colours: dict[str, str]) -> list[Any]:
    if not math.isfinite(luck):
        return []
    return [
        {
            "type": "rect",
            "name": "luck",
            "layer": "below",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": -luck,
            "y1": luck,
            "line": {"width": 0},
            "fillcolor": colours["line"],
            "opacity": 0.5,
        }
    ]


def _named(luck: float, colours: dict[str, str]) -> list[Any]:
    if not math.isfinite(luck):
        return []
    return [
        {
            "text": "luck",
            "xref": "paper",
            "x": 1,
            "xanchor": "left",
            "xshift": 6,
            "y": 0,
            "showarrow": False,
            "font": {"size": 12, "color": colours["muted"]},
        }
    ]


_ORDER = ("input", "forget", "reset", "update", "candidate", "output", "cell", "hidden")


def _place(signal: str) -> int:
    return _ORDER.index(signal)
