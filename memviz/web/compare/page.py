"""The compare page's hold on its state in the session."""

from memviz.web.compare.address import CODEC
from memviz.web.models import mended
from memviz.web.state import Page

PAGE = Page("compare", CODEC, mend=mended)
