"""Figures of a Trace or a GradientFlow, for plotly; they draw and never compute."""

from memviz.figures.gates import gate_heatmaps
from memviz.figures.lines import MOST_UNITS, gradient_lines, state_lines

__all__ = ["MOST_UNITS", "gate_heatmaps", "gradient_lines", "state_lines"]
