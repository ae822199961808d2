"""What the compare page shows below its title: the small multiples, the table of what differs, and every number."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from memviz.live import frame_csv
from memviz.stage.multiples import multiples, multiples_position
from memviz.web.compare import tables
from memviz.web.compare.address import CompareState
from memviz.web.compare.engine import Compared
from memviz.web.compare.page import PAGE
from memviz.web.markdown import escaped

_GRID = "compare-grid"
_OF_THE_READER = ("timestep", "unit")


@st.fragment
def grid(shown: CompareState, found: Compared) -> None:
    """The small multiples, what differs, and every number of the step; coming to rest at one runs this and no more."""
    state, units = PAGE.current(), shown.experiment.hidden_size
    timestep, unit = min(state.timestep, len(found.sequence) - 1), min(state.unit, units - 1)
    multiples(found.payload, {"timestep": timestep, "unit": unit}, _moved, key=_GRID)
    with st.expander(
        f"Every number of step {timestep}", icon=":material/table:", on_change="rerun", key="compare-step"
    ) as expander:
        if expander.open:
            st.dataframe(tables.step(found.contenders, timestep), hide_index=True)
            _file("All steps as CSV", "memviz-compare-all.csv", lambda: tables.everything(found.contenders))
    PAGE.publish(replace(shown, timestep=state.timestep, unit=state.unit))


def files(found: Compared) -> None:
    """What differs as a file, and each side's parameters."""
    with st.container(horizontal=True, vertical_alignment="center"):
        _file(
            "What differs as CSV",
            "memviz-compare.csv",
            lambda: tables.differences_csv(found.sides, found.contenders),
        )
        st.caption(
            "Differences are of gates, candidate and states that both cells have, from 1e-12 on. The gradient is of "
            "the loss by c at the first step, or by h where a cell has no c."
        )
    with st.expander(
        "Parameters, one by one", icon=":material/grid_on:", on_change="rerun", key="compare-parameters"
    ) as expander:
        if expander.open:
            st.dataframe(tables.parameters(found.contenders), hide_index=True)


def takeaway(text: str) -> None:
    """What a preset shows, computed from its numbers."""
    st.markdown(escaped(text))


def _file(label: str, name: str, make: Callable[[], Any]) -> None:
    st.download_button(
        label,
        lambda: frame_csv(make()),
        name,
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
        key=f"compare-{name}",
    )


def _moved() -> None:
    at = multiples_position(_GRID)
    PAGE.change(**{name: at[name] for name in _OF_THE_READER if name in at})
