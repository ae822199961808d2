"""The compare page's hold on its state in the session."""

from memviz.web.compare.address import CODEC
from memviz.web.state import Page

PAGE = Page("compare", CODEC)
