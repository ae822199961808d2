"""What all figures share: axes with tokens, fonts, the frame, and titles that are sentences."""

import textwrap
from typing import Any

Figure = dict[str, Any]
"""A plotly figure, `data` and `layout`; `plotly.graph_objects.Figure(figure)` makes plotly's object of it."""
FONT_SIZE = 13
_FONT = '"Source Sans", "Source Sans 3", "Source Sans Pro", sans-serif'
_MAX_TICKS = 40
_MAX_TOKEN = 8
_TITLE_WIDTH = 46  # characters: what fits a phone
_BOTTOM = 48


def ground(dark: bool) -> dict[str, str]:
    """The colours of text, lines and ground."""
    if dark:
        return {"text": "#f2f3f5", "muted": "#a9b0bb", "line": "#3a414d", "ground": "#0e1117"}
    return {"text": "#111111", "muted": "#5a5f6b", "line": "#d9dce1", "ground": "#ffffff"}


def base_layout(title: str, height: int, dark: bool, lines_of_title: int = 0) -> dict[str, Any]:
    """The layout that every figure starts from.

    Args:
        title: the takeaway.
        height: that of the plot, in pixels, without its title.
        dark: for a dark ground.
        lines_of_title: how many lines have room at least, where the title changes before the reader's eyes.
    """
    colours = ground(dark)
    lines = textwrap.wrap(title, _TITLE_WIDTH)
    top = 48 + 20 * max(len(lines), lines_of_title)
    return {
        "title": {
            "text": "<br>".join(map(plain, lines)),
            "x": 0,
            "xanchor": "left",
            "xref": "container",
            "y": 1,
            "yanchor": "top",
            "yref": "container",
            "pad": {"t": 28},
            "font": {"size": 15},
        },
        "height": top + height + _BOTTOM,
        "margin": {"l": 48, "r": 16, "t": top, "b": _BOTTOM},
        "font": {"size": FONT_SIZE, "color": colours["text"], "family": _FONT},
        "paper_bgcolor": colours["ground"],
        "plot_bgcolor": colours["ground"],
        "hoverlabel": {"font": {"size": FONT_SIZE}},
        "dragmode": "zoom",
    }


def time_axis(tokens: tuple[str, ...], dark: bool, title: bool = True) -> dict[str, Any]:
    """An x axis of timesteps, with the tokens as labels while they can be read."""
    colours = ground(dark)
    axis: dict[str, Any] = {
        "range": [-0.5, len(tokens) - 0.5],
        "showgrid": False,
        "zeroline": False,
        "linecolor": colours["line"],
        "ticks": "",
        "tickangle": 0,
    }
    if title:
        axis["title"] = {"text": "timestep", "font": {"size": FONT_SIZE}, "standoff": 6}
    labels = [short(token) for token in tokens]
    if sum(len(label) + (len(label) > 1) for label in labels) <= _MAX_TICKS:
        axis |= {
            "tickmode": "array",
            "tickvals": list(range(len(tokens))),
            "ticktext": list(map(plain, labels)),
        }
    else:
        axis |= {"tickformat": "d", "nticks": 8}
    return axis


def plain(text: str) -> str:
    """Text as plotly shows it literally: it reads some HTML, so the marks of tags and entities are escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def short(token: str, most: int = _MAX_TOKEN) -> str:
    """A token in at most so many characters."""
    return token if len(token) <= most else f"{token[: most - 1]}…"


def hover_tokens(tokens: tuple[str, ...]) -> list[str]:
    """Tokens for hover labels."""
    return [plain(short(token, 40)) for token in tokens]


def panel_label(text: str, colour: str, bottom: float) -> dict[str, Any]:
    """The name of one panel, on top of it at the left; `bottom` is the panel's upper edge in paper units."""
    return {
        "text": text,
        "font": {"size": FONT_SIZE, "color": colour},
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": bottom,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 2,
        "showarrow": False,
    }


def panels(count: int, height: int, gap: int) -> list[tuple[float, float]]:
    """The vertical domains of panels on top of each other, first on top; `height` and `gap` in pixels."""
    whole = count * height + (count - 1) * gap
    tops = [whole - index * (height + gap) for index in range(count)]
    return [((top - height) / whole, top / whole) for top in tops]


def figure(data: list[Any], layout: dict[str, Any]) -> Figure:
    """A figure as a plain dictionary: plotly's own objects would take four times as long as all the rest.

    The tests make plotly check every figure instead.
    """
    return {"data": data, "layout": {"template": {}, **layout}}
