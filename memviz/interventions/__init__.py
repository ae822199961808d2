"""What if: a signal is held, scaled, cut or exchanged in a network that really computes.

`values` holds the interventions, `rules` says which fit a run and one another, `plan` applies them through the tap of a
step, and `text` writes them for addresses and files. They compose in the order in which they are given: each takes what
the one before it made. Patching a value of another run is the activation patching of Meng et al., "Locating and editing
factual associations in GPT" (arXiv 2202.05262).
"""

from memviz.interventions.plan import Plan, Rows
from memviz.interventions.rules import check, fitting
from memviz.interventions.text import (
    MOST_IN_TEXT,
    MOST_INDEX_IN_TEXT,
    from_data,
    from_json,
    from_text,
    last_index,
    to_data,
    to_json,
    to_text,
)
from memviz.interventions.values import (
    HOLDS,
    KINDS,
    Ablate,
    Add,
    Clamp,
    Detach,
    Freeze,
    Intervention,
    Patch,
    Reset,
    Scale,
)

__all__ = [
    "HOLDS",
    "KINDS",
    "MOST_INDEX_IN_TEXT",
    "MOST_IN_TEXT",
    "Ablate",
    "Add",
    "Clamp",
    "Detach",
    "Freeze",
    "Intervention",
    "Patch",
    "Plan",
    "Reset",
    "Rows",
    "Scale",
    "check",
    "fitting",
    "from_data",
    "from_json",
    "from_text",
    "last_index",
    "to_data",
    "to_json",
    "to_text",
]
