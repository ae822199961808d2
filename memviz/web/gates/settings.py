"""What the gates page offers to choose from, and the settings that are needed less often."""

import streamlit as st

from memviz.cells import CELLS
from memviz.web.gates.address import GatesState
from memviz.web.gates.page import PAGE
from memviz.web.settings import weight_settings

CELL_FAMILIES = {
    family: (label, [name for name, cell in CELLS.items() if cell.family == family])
    for family, label in {"elman": "Elman", "lstm": "LSTM", "gru": "GRU"}.items()
}
"""The label of each family and its cells, the plain one first."""

DEFAULT_BIAS = 3.0


def more_settings(state: GatesState) -> None:
    """Initialisation, recurrent scale, whether a bias is set or drawn, and standardisation."""
    experiment = state.experiment
    weight_settings(PAGE)
    name = "update_bias" if CELLS[experiment.cell].family == "gru" else "forget_bias"
    label = name.replace("_", " ")
    st.toggle(
        f"Set the {label}",
        help="Off: it stays as torch draws it, near 0.",
        **PAGE.bound(
            f"set-{name}",
            getattr(experiment, name) is not None,
            lambda on: PAGE.change_experiment(**{name: DEFAULT_BIAS if on else None}),
        ),
    )
    st.toggle(
        "Standardise numbers: mean 0, standard deviation 1",
        disabled=state.kind not in ("numbers", "signal"),
        **PAGE.bound("standardise", state.standardise, lambda on: PAGE.change(standardise=on)),
    )
