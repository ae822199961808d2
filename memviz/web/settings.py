"""Settings of a network that several pages offer."""

from typing import Any

import streamlit as st

from memviz.experiment import CHRONO_STEPS_RANGE, RECURRENT_SCALE_RANGE
from memviz.initialisation import INITIALISATIONS
from memviz.web.state import Page

INITIALISATION_LABELS = {
    "uniform": "uniform, as torch draws",
    "orthogonal": "orthogonal recurrent weights",
    "normal": "normal recurrent weights, N(0, 1/H)",
    "chrono": "chrono biases",
    "non-normal": "one matrix: .9 on the diagonal, 5 above it",
}


def weight_settings(page: Page[Any]) -> None:
    """How the weights are drawn, and the factor on those from h."""
    experiment = page.current().experiment
    st.selectbox(
        "Initialisation",
        INITIALISATIONS,
        format_func=INITIALISATION_LABELS.__getitem__,
        help="Chrono biases (Tallec & Ollivier 2018) give each unit its own time to hold.",
        **page.bound("initialisation", experiment.initialisation, lambda name: _initialise(page, name)),
    )
    if experiment.initialisation == "chrono":
        st.number_input(
            "Longest time that chrono biases aim at, in timesteps",
            *CHRONO_STEPS_RANGE,
            step=1,
            **page.bound(
                "chrono_steps",
                experiment.chrono_steps,
                lambda steps: page.change_experiment(chrono_steps=steps),
            ),
        )
    st.number_input(
        "Recurrent scale: a factor on the weights from h",
        *RECURRENT_SCALE_RANGE,
        step=0.25,
        **page.bound(
            "recurrent_scale",
            experiment.recurrent_scale,
            lambda scale: page.change_experiment(recurrent_scale=scale),
        ),
    )


def _initialise(page: Page[Any], name: str) -> None:
    """Chrono biases would be overruled by a bias that is set, so choosing them leaves the biases to the draw."""
    drawn = {"forget_bias": None, "update_bias": None} if name == "chrono" else {}
    page.change_experiment(initialisation=name, **drawn)
