"""What is updated in place by our own components: plotly figures with table, files and brush, ribbons, dials."""

from memviz.live.component import Brush, brushed, figure
from memviz.live.dial import dial, dialled
from memviz.live.library import routes
from memviz.live.ribbon import ribbon
from memviz.live.spreadsheet import frame_csv

__all__ = ["Brush", "brushed", "dial", "dialled", "figure", "frame_csv", "ribbon", "routes"]
