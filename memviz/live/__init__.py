"""What is updated in place by our own components: plotly figures with table and files, ribbons of tokens, dials."""

from memviz.live.component import figure
from memviz.live.dial import dial, dialled
from memviz.live.library import routes
from memviz.live.ribbon import ribbon
from memviz.live.spreadsheet import frame_csv

__all__ = ["dial", "dialled", "figure", "frame_csv", "ribbon", "routes"]
