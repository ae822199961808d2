"""A figure as a file."""

import hashlib
import html

import plotly.io

from memviz.figures.base import Figure


def figure_html(figure: Figure, title: str) -> bytes:
    """A figure as one HTML file that needs no network, in UTF-8.

    Streamlit tells large files apart by their beginning, so the file starts with a digest of the figure.
    """
    body: str = plotly.io.to_html(
        figure, include_plotlyjs=True, full_html=True, config={"displaylogo": False}
    )
    digest = hashlib.sha256(plotly.io.to_json(figure).encode()).hexdigest()
    head = f'<!doctype html>\n<!-- {digest} -->\n<html lang="en">\n<title>{html.escape(title)}</title>'
    return body.replace("<html>", head, 1).encode()
