"""The gradients page's hold on its state in the session."""

from memviz.web.gradients.address import CODEC
from memviz.web.models import mended
from memviz.web.state import Page

PAGE = Page("gradients", CODEC, mend=mended)
