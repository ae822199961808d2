"""Plotly figures that are updated in place by our own component, with their table and their files."""

from memviz.live.component import figure
from memviz.live.library import routes

__all__ = ["figure", "routes"]
