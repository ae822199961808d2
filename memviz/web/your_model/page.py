"""The page's hold on its state in the session."""

from memviz.web.state import Page
from memviz.web.your_model.address import CODEC

PAGE = Page("your_model", CODEC)
