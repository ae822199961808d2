"""Figures of a Trace or of gradients, for plotly; they draw and never compute."""

from memviz.figures.base import Figure
from memviz.figures.concepts import correlation_dots
from memviz.figures.export import figure_html
from memviz.figures.lines import MOST_UNITS, gradient_lines, norm_lines, state_lines
from memviz.figures.logs import log_range
from memviz.figures.reach import (
    horizon_lines,
    power_lines,
    product_lines,
    reach_lines,
    singular_value_lines,
    source_lines,
    state_norm_lines,
)
from memviz.figures.training import LearningLine, gradient_over_training, learning_lines
from memviz.figures.units import contribution_bars, gate_lines, path_bars, sigmoid_lines, unit_heatmap
from memviz.figures.weights import weight_histograms

__all__ = [
    "MOST_UNITS",
    "Figure",
    "LearningLine",
    "contribution_bars",
    "correlation_dots",
    "figure_html",
    "gate_lines",
    "gradient_lines",
    "gradient_over_training",
    "horizon_lines",
    "learning_lines",
    "log_range",
    "norm_lines",
    "path_bars",
    "power_lines",
    "product_lines",
    "reach_lines",
    "sigmoid_lines",
    "singular_value_lines",
    "source_lines",
    "state_lines",
    "state_norm_lines",
    "unit_heatmap",
    "weight_histograms",
]
