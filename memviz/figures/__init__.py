"""Figures of a Trace or a GradientFlow, for plotly; they draw and never compute."""

from memviz.figures.base import Figure
from memviz.figures.export import figure_html
from memviz.figures.lines import MOST_UNITS, gradient_lines, state_lines

__all__ = ["MOST_UNITS", "Figure", "figure_html", "gradient_lines", "state_lines"]
