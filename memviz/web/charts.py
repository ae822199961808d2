"""Figures as every page shows them."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from memviz import live
from memviz.figures import Figure, figure_html
from memviz.web.state import Page


def is_dark() -> bool:
    """Whether the visitor's theme is dark."""
    return st.context.theme.type == "dark"


def chart(
    page: Page[Any],
    name: str,
    figure: Figure,
    alt: str,
    table: Callable[[], Any],
    brush: live.Brush | None = None,
) -> None:
    """A figure of a page that is updated in place, with its table and its files, and perhaps a brush."""
    live.figure(
        figure,
        name=name,
        alt=alt,
        key=key_of(page, name),
        table=table,
        html=lambda: figure_html(figure, f"memviz: {name}"),
        brush=brush,
    )


def key_of(page: Page[Any], name: str) -> str:
    """The key of a figure's component."""
    return f"{page.name}-chart-{name}"
