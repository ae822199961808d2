"""A figure as a file, and what draws figures in a file."""

import gzip
import hashlib
import html
from base64 import b64encode
from functools import cache

import plotly.io
import plotly.offline

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


@cache
def packed_library() -> str:
    """plotly.js as gzip in base64, 2 MB: for a page that holds what draws its figures."""
    source: str = plotly.offline.get_plotlyjs()
    return b64encode(gzip.compress(source.encode(), 9, mtime=0)).decode()
