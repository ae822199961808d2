"""Files that a visitor downloads, each made when it is asked for."""

from memviz.live import frame_csv
from memviz.trace import Trace


def trace_csv(trace: Trace) -> bytes:
    """The tidy frame of a trace as CSV, as `frame_csv` writes it."""
    return frame_csv(trace.to_frame())
