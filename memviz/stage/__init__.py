"""The stage: a cell as a machine, its sequence as a ribbon, its memory as strips, drawn by our own component.

The component itself, `stage.component`, is taken from there: it needs Streamlit, which the rest does without.
"""

from memviz.stage.chosen import MOST_DRAWN, chosen_detail, chosen_payload
from memviz.stage.export import stage_html
from memviz.stage.gradients import stage_gradients
from memviz.stage.machine import NODES, PHASES
from memviz.stage.payload import stage_payload, step_detail

__all__ = [
    "MOST_DRAWN",
    "NODES",
    "PHASES",
    "chosen_detail",
    "chosen_payload",
    "stage_gradients",
    "stage_html",
    "stage_payload",
    "step_detail",
]
