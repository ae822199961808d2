"""One step of the gates page: the ribbon, the step control, and the equations with live numbers beside the gates.

It is one fragment: moving the cursor runs this and nothing else.
"""

from dataclasses import replace

import pandas as pd
import streamlit as st

from memviz.arithmetic import explain_step
from memviz.figures import gate_heatmaps
from memviz.findings import gates_finding, quoted
from memviz.stage import ribbon, ribbon_payload
from memviz.theme import LOOKS, look
from memviz.trace import Trace
from memviz.web.address import GatesState
from memviz.web.engine import Run
from memviz.web.equations import step_latex
from memviz.web.gates.figures import chart, is_dark
from memviz.web.markdown import escaped
from memviz.web.state import bound, change, current, publish

_RIBBON = "gates-ribbon"


@st.fragment
def show(shown: GatesState, run: Run) -> None:
    """The step that the cursor stands on; `shown` is the state whose sequence is on the screen."""
    state, trace = current(), run.trace
    timestep, unit = min(state.timestep, len(trace) - 1), min(state.unit, trace.units - 1)
    signal = state.signal if state.signal in trace.names else _telling_signal(trace)
    payload = ribbon_payload(trace, signal, unit, timestep, is_dark())
    ribbon(payload, _moved, key=_RIBBON)
    _controls(state, trace, timestep, unit, signal)
    left, right = st.columns([5, 7], gap="medium")
    with left, st.container(border=True):
        _equations(trace, timestep, unit)
    with right:
        chart("gates", gate_heatmaps(trace, gates_finding(trace), is_dark()), _alt(trace), trace.to_frame)
    publish(replace(shown, timestep=state.timestep, unit=state.unit, signal=state.signal))


def _controls(state: GatesState, trace: Trace, timestep: int, unit: int, signal: str) -> None:
    last = len(trace) - 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for label, icon, shortcut, by in (
            ("First", "first_page", "Home", -last),
            ("Back", "chevron_left", "Left", -1),
            ("Next", "chevron_right", "Right", 1),
            ("Last", "last_page", "End", last),
        ):
            st.button(
                label,
                icon=f":material/{icon}:",
                shortcut=shortcut,
                disabled=timestep == (last if by > 0 else 0),
                on_click=_step_by,
                args=(by, last),
                key=f"gates-{icon}",
            )
        if last > 0:
            st.slider(
                "Timestep",
                0,
                last,
                width=260,
                **bound("timestep", timestep, lambda step: change(timestep=step), fits=last),
            )
        st.selectbox(
            "Unit",
            range(trace.units),
            width=90,
            **bound("unit", unit, lambda chosen: change(unit=chosen), fits=trace.units),
        )
        st.selectbox(
            "Ribbon shows",
            [name for name in LOOKS if name in trace.names],
            format_func=lambda name: f"{look(name, trace.cell.family).symbol}, {LOOKS[name].name}",
            width=200,
            **bound("signal", signal, lambda chosen: change(signal=chosen), fits=trace.names),
        )


def _equations(trace: Trace, timestep: int, unit: int) -> None:
    where = f"Step {timestep} of 0 to {len(trace) - 1}, {quoted(trace.tokens[timestep])}, unit {unit}"
    st.markdown(f"**{escaped(where)}**")
    equations = explain_step(trace, timestep, unit)
    st.latex(step_latex(equations, trace.cell.family, is_dark()), width="stretch")
    with st.popover("Exact values", icon=":material/table:", on_change="rerun", key="gates-exact") as popover:
        if popover.open:
            values = {name: repr(float(trace[name][timestep, unit])) for name in trace.names}
            st.table(pd.DataFrame({"value": values.values()}, index=pd.Index(values, name="signal")))


def _step_by(by: int, last: int) -> None:
    """Move the cursor from where it stands now, which may be further on than when the button was drawn."""
    change(timestep=min(last, max(0, min(current().timestep, last) + by)))


def _moved() -> None:
    moved = st.session_state[_RIBBON].get("timestep")
    if isinstance(moved, int) and not isinstance(moved, bool) and moved >= 0:
        change(timestep=moved)


def _telling_signal(trace: Trace) -> str:
    """What the ribbon shows until it is chosen: the memory itself."""
    return "cell" if "cell" in trace.names else "hidden"


def _alt(trace: Trace) -> str:
    names = ", ".join(look(name, trace.cell.family).name for name in trace.cell.activations) or "hidden state"
    return f"Heatmaps of units by timestep: {names}. {gates_finding(trace)}."
