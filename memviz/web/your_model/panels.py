"""The layer that is chosen as a machine, its states and its gradient, the proof, and the way to the other pages."""

from typing import Any

import streamlit as st

from memviz.figures import gradient_lines, state_lines
from memviz.findings import gradient_finding, states_finding
from memviz.gradients import Loss
from memviz.models import MOST_UNITS
from memviz.stage import MOST_DRAWN, chosen_detail, step_detail
from memviz.stage.component import stage, stage_position
from memviz.trace import Trace
from memviz.web import engine
from memviz.web.badge import parity_badge
from memviz.web.charts import chart, is_dark
from memviz.web.engine import Run
from memviz.web.markdown import escaped
from memviz.web.models import links
from memviz.web.your_model.engine import Chosen, WideRun
from memviz.web.your_model.page import PAGE
from memviz.web.your_model.units import read, written

_STAGE = "your_model-stage"
_OF_THE_READER = ("timestep", "unit", "phase", "node", "signal", "gradients")
_LINES = 4


def about(wanted: Chosen, run: Run | WideRun) -> None:
    """What is drawn, that it is torch's, and where else it can be looked at."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if isinstance(run, WideRun):
            parity_badge(run.proof)
        else:
            parity_badge(engine.proof(run.setup))
            links(PAGE.name, run.setup.model, wanted.text)
    if isinstance(run, WideRun):
        _which(run)
    if wanted.module.projection:
        st.caption(
            f"A projected LSTM (proj_size={wanted.module.projection}) is drawn as the plain one with U times the "
            "projection, weight_hr, in the place of U: h is the hidden state before its projection."
        )
    if wanted.feed.direction:
        st.caption("The reverse direction reads the last token first: step 0 is the end of your sequence.")


def _which(run: WideRun) -> None:
    """Which units of a wide layer are drawn."""
    count = run.trace.units
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            f"Units drawn, at most {MOST_DRAWN} of 0 to {count - 1}",
            width=300,
            help="Single ones and runs, such as 0-31, 100.",
            **PAGE.bound("units", written(run.units), lambda text: _choose(text, count), fits=count),
        )
        st.button(
            f"The {len(run.liveliest)} that vary most",
            icon=":material/show_chart:",
            help="Those whose hidden states have the largest standard deviations over this sequence.",
            disabled=run.units == run.liveliest,
            on_click=lambda: PAGE.change(units=run.liveliest, unit=0),
            key="your_model-liveliest",
        )
    st.caption(
        f"{len(run.units)} of {count} units are drawn; each reads the hidden states of all. Gradients, what-ifs and "
        f"the other pages take layers of at most {MOST_UNITS} units."
    )


def _choose(text: str, count: int) -> None:
    try:
        PAGE.change(units=read(text, count), unit=0)
    except ValueError as error:
        PAGE.refuse(str(error))


@st.fragment(key="your_model-step")
def machine(run: Run | WideRun) -> None:
    """The cell as a machine at the step where the reader is; coming to rest at a step runs this and nothing else."""
    state, trace = PAGE.current(), run.trace
    units = run.units if isinstance(run, WideRun) else tuple(range(trace.units))
    timestep, index = min(state.timestep, len(trace) - 1), min(state.unit, len(units) - 1)
    gradients = None
    if isinstance(run, WideRun):
        detail = chosen_detail(run.network, trace, units, timestep, index)
        if state.gradients:
            st.caption(f"Gradients are drawn of layers of at most {MOST_UNITS} units.")
    else:
        detail = step_detail(run.network, trace, timestep, index)
        gradients = _gradients(run) if state.gradients else None
    wished = {name: getattr(state, name) for name in _OF_THE_READER}
    where = {**wished, "timestep": timestep, "unit": index, "gradients": gradients is not None}
    stage(run.payload, where, detail, _moved, key=_STAGE, gradients=gradients)
    PAGE.publish(state)


def figures(run: Run | WideRun) -> None:
    """States of a few units and, of a layer that is not too wide, how far the gradient reaches back."""
    if isinstance(run, WideRun):
        _states(run.trace, list(run.units[:_LINES]))
        return
    left, right = st.columns(2, gap="medium")
    with left:
        _states(run.trace, list(range(min(_LINES, run.trace.units))))
    with right:
        flow = engine.flow(run.setup, Loss())
        title = gradient_finding(flow)
        figure = gradient_lines(flow, run.trace.cell.family, title, is_dark())
        chart(PAGE, "gradients", figure, f"Gradient norms over time on a log axis. {title}", flow.to_frame)


def _states(trace: Trace, units: list[int]) -> None:
    title = states_finding(trace, units)
    names = [name for name in ("cell", "hidden") if name in trace.names]
    alt = f"Lines over time for units {', '.join(map(str, units))}. {title}."
    chart(PAGE, "states", state_lines(trace, units, title, is_dark()), alt, lambda: trace.to_frame(names))


def _gradients(run: Run) -> dict[str, Any] | None:
    found = engine.flow_payload(run.setup, Loss())
    try:
        engine.check_drawn(run.payload, found)
    except ValueError as error:
        st.warning(escaped(f"The gradients are not shown. {error}"), icon=":material/error:")
        return None
    return found


def _moved() -> None:
    at = stage_position(_STAGE)
    PAGE.change(**{name: at[name] for name in _OF_THE_READER if name in at})
