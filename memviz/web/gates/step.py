"""The stage on the gates page. It is one fragment: coming to rest at a step runs this and nothing else."""

from dataclasses import replace
from typing import Any

import streamlit as st

from memviz.gradients import Loss
from memviz.models import task_loss
from memviz.stage import step_detail
from memviz.stage.component import stage, stage_position
from memviz.web import engine
from memviz.web.address import BROKEN
from memviz.web.engine import Run
from memviz.web.gates.address import CODEC, GatesState
from memviz.web.gates.page import PAGE
from memviz.web.markdown import escaped

FRAGMENT = "gates-step"
"""The fragment's key: who brings the reader elsewhere may rerun the stage alone."""
_STAGE = "gates-stage"
_OF_THE_READER = ("timestep", "unit", "phase", "node", "signal", "gradients")


@st.fragment(key=FRAGMENT)
def show(shown: GatesState, run: Run, picked: str) -> None:
    """The cell as a machine at the step where the reader is.

    Args:
        shown: the state whose sequence is on the screen.
        run: its run.
        picked: the node that was pinned when the page ran: the panel of the what-ifs follows another one.
    """
    state, trace = PAGE.current(), run.trace
    if state.what_if and state.node != picked:
        st.rerun()
    timestep, unit = min(state.timestep, len(trace) - 1), min(state.unit, trace.units - 1)
    wished = {name: getattr(state, name) for name in _OF_THE_READER}
    detail = step_detail(run.network, trace, timestep, unit)
    gradients = _gradients(shown, run) if state.gradients else None
    wished["gradients"] = gradients is not None
    where = {**wished, "timestep": timestep, "unit": unit, "weight": _pointed(state.weight)}
    stage(run.payload, where, detail, _moved, key=_STAGE, gradients=gradients)
    PAGE.publish(replace(shown, **wished, weight=state.weight))


def loss(state: GatesState, run: Run) -> Loss:
    """The loss of a state; a step or unit that this sequence or network does not have means the last, the sum.

    Of a trained network it is the loss of its task instead of the sum, wherever the task says what is right.
    """
    timestep, unit = state.loss_timestep, state.loss_unit
    timestep = None if timestep is None or timestep >= len(run.trace) else timestep
    unit = None if unit is None or unit >= run.trace.units else unit
    if run.trained is not None and unit is None:
        loss = task_loss(run.trained, run.sequence, timestep)
        if loss is not None:
            return loss
    return Loss(timestep, unit)


def loss_before(state: GatesState, run: Run) -> Loss:
    """The loss of the run without any what-if: at the step that is the partner of the loss's, else at the last.

    Of a trained network it is what its task says of the sequence of before.
    """
    here = loss(state, run)
    if run.alignment is None:
        return here
    partners = {after: before for before, after in run.alignment if after is not None}
    partner = None if here.timestep is None else partners.get(here.timestep)
    if run.trained is not None and run.before is not None and here.unit is None:
        return task_loss(run.trained, run.before.sequence, partner) or Loss(partner)
    return replace(here, timestep=partner)


def _gradients(shown: GatesState, run: Run) -> dict[str, Any] | None:
    found = engine.flow_payload(run.setup, loss(shown, run))
    try:
        engine.check_drawn(run.payload, found)
    except ValueError as error:
        st.warning(escaped(f"The gradients are not shown. {error}"), icon=":material/error:")
        return None
    return found


def _moved() -> None:
    at = stage_position(_STAGE)
    moved = {name: at[name] for name in _OF_THE_READER if name in at}
    if "weight" in at:  # who goes on to another node leaves the weight
        moved["weight"] = _named(at["weight"])
    PAGE.change(**moved)


def _pointed(weight: str) -> dict[str, Any] | None:
    """A weight as the stage reads it: whose summand, and which of its columns."""
    signal, _, column = weight.partition("~")
    return {"signal": signal, "column": int(column)} if weight else None


def _named(weight: Any) -> str:
    """The weight that the browser says it lights, as the address names it; "" is none, or what it cannot light."""
    if not isinstance(weight, dict):
        return ""
    parse, _ = CODEC.fields["weight"]
    name = parse(f"{weight.get('signal')}~{weight.get('column')}")
    return "" if name is BROKEN else str(name)
