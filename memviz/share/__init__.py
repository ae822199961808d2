"""A run to take along: one HTML page that needs no server and no network, and the same inside a notebook.

The page holds the stage, the figures and one sentence about them; `assets/share/` is its script. Nothing here needs
Streamlit or IPython: a notebook asks what it is shown for `_repr_html_`.
"""

from memviz.share.page import MOST_BYTES, page_html
from memviz.share.view import View, show

__all__ = ["MOST_BYTES", "View", "page_html", "show"]
