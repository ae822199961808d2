"""The stage on the gates page. It is one fragment: coming to rest at a step runs this and nothing else."""

from dataclasses import replace

import streamlit as st

from memviz.stage import stage, stage_position, step_detail
from memviz.web.engine import Run
from memviz.web.gates.address import GatesState
from memviz.web.gates.page import PAGE

_STAGE = "gates-stage"


@st.fragment
def show(shown: GatesState, run: Run) -> None:
    """The cell as a machine at the step where the reader is; `shown` is the state whose sequence is on the screen."""
    state, trace = PAGE.current(), run.trace
    timestep, unit = min(state.timestep, len(trace) - 1), min(state.unit, trace.units - 1)
    where = {
        "timestep": timestep,
        "unit": unit,
        "phase": state.phase,
        "node": state.node,
        "signal": state.signal,
    }
    stage(run.payload, where, step_detail(run.network, trace, timestep, unit), _moved, key=_STAGE)
    PAGE.publish(
        replace(
            shown,
            timestep=state.timestep,
            unit=state.unit,
            signal=state.signal,
            phase=state.phase,
            node=state.node,
        )
    )


def _moved() -> None:
    at = stage_position(_STAGE)
    PAGE.change(**{name: at[name] for name in ("timestep", "unit", "phase", "node", "signal") if name in at})
