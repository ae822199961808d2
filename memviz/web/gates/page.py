"""The gates page's hold on its state in the session."""

from memviz.web.gates.address import CODEC
from memviz.web.models import mended
from memviz.web.state import Page

PAGE = Page("gates", CODEC, has_files=True, mend=mended)
