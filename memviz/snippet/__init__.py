"""A run as plain PyTorch: code that a reader pastes into a fresh file to get the same numbers without memviz.

Cells that `torch.nn` has become its module; the others, and runs with interventions, become a loop with one line for
each equation, made of what the description of the cell says. What a user typed stands at most in a comment, escaped.
"""

from memviz.snippet.writer import WEIGHTS_NAME, Snippet, torch_snippet

__all__ = ["WEIGHTS_NAME", "Snippet", "torch_snippet"]
