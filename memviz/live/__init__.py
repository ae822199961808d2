"""What is updated in place by our own components: plotly figures with their table and files, and ribbons of tokens."""

from memviz.live.component import figure
from memviz.live.library import routes
from memviz.live.ribbon import ribbon
from memviz.live.spreadsheet import frame_csv

__all__ = ["figure", "frame_csv", "ribbon", "routes"]
