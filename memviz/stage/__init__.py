"""The stage: a cell as a machine, its sequence as a ribbon, its memory as strips, drawn by our own component."""

from memviz.stage.chosen import MOST_DRAWN, chosen_detail, chosen_payload
from memviz.stage.component import stage, stage_position
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
    "stage",
    "stage_gradients",
    "stage_html",
    "stage_payload",
    "stage_position",
    "step_detail",
]
