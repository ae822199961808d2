"""Plotly figures that are updated in place by our own component, with their table and their files."""

from memviz.live.component import figure
from memviz.live.library import routes
from memviz.live.spreadsheet import frame_csv

__all__ = ["figure", "frame_csv", "routes"]
