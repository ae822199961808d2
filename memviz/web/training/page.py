"""The training page's hold on its state in the session."""

from memviz.web.state import Page
from memviz.web.training.address import CODEC

PAGE = Page("training", CODEC)
