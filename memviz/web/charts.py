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


def chart(page: Page[Any], name: str, figure: Figure, alt: str, table: Callable[[], Any]) -> None:
    """A figure of a page that is updated in place, with its table and its files."""
    live.figure(
        figure,
        name=name,
        alt=alt,
        key=f"{page.name}-chart-{name}",
        table=table,
        html=lambda: figure_html(figure, f"memviz: {name}"),
    )
