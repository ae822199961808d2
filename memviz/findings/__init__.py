"""What to look at: one sentence about a trace or a gradient, computed from its numbers."""

from memviz.comparison import MEETING
from memviz.findings.concepts import concept_finding, holding_finding, luck_in_words
from memviz.findings.gates import (
    gradient_finding,
    keep_and_write,
    main_finding,
    quoted,
    recorded_finding,
    states_finding,
)
from memviz.findings.gradients import (
    contributions_finding,
    gates_finding,
    half_life_finding,
    has_grown,
    horizon_finding,
    inputs_finding,
    norms_finding,
    paths_finding,
    products_finding,
    reach_finding,
    singular_values_finding,
    sources_finding,
    units_finding,
)
from memviz.findings.weights import weights_finding
from memviz.findings.what_if import (
    meeting_step,
    opposite,
    what_if_finding,
)

__all__ = [
    "MEETING",
    "concept_finding",
    "contributions_finding",
    "gates_finding",
    "gradient_finding",
    "half_life_finding",
    "has_grown",
    "holding_finding",
    "horizon_finding",
    "inputs_finding",
    "keep_and_write",
    "luck_in_words",
    "main_finding",
    "meeting_step",
    "norms_finding",
    "opposite",
    "paths_finding",
    "products_finding",
    "quoted",
    "reach_finding",
    "recorded_finding",
    "singular_values_finding",
    "sources_finding",
    "states_finding",
    "units_finding",
    "weights_finding",
    "what_if_finding",
]
