"""Gradients: how far they reach, where they vanish or explode, and why.

Widgets -> one frozen state -> cached runs -> figures; nothing is computed here.
"""

import streamlit as st

from memviz.findings import reach_finding
from memviz.gradients import Curve
from memviz.web.gradients import controls, engine, panels, proof, what_ifs
from memviz.web.gradients.address import DEFAULT, GradientsState
from memviz.web.gradients.engine import Inside
from memviz.web.gradients.page import PAGE
from memviz.web.gradients.words import described
from memviz.web.markdown import escaped
from memviz.web.models import last_good, links

_LAST_GOOD = "gradients-last-good"


def show() -> None:
    """The whole page."""
    state = PAGE.current()
    controls.show(state)
    shown, curves, inside, problem = _readable(state)
    for sentence in [*PAGE.problems(), *state.notes()]:
        st.warning(escaped(sentence), icon=":material/link_off:")
    if problem:
        st.error(escaped(f"{problem} The picture below is the last good one."), icon=":material/error:")
    last = inside.flow.last
    what_ifs.show(shown, engine.what_ifs(shown.study, shown.network))
    # Changed networks say nothing about what an untrained LSTM and its forget bias do.
    is_plain = shown.experiment == shown.experiment.plain
    forget_bias = shown.experiment.forget_bias if is_plain and not shown.model else None
    finding = reach_finding(curves, last, shown.network, forget_bias, inside.sources)
    st.title(escaped(finding), anchor=False)
    st.caption(escaped(described(shown)))
    if shown.model:
        with st.container(horizontal=True):
            links(PAGE.name, shown.model, shown.text, shown.experiment)
    panels.reach(shown, curves, last)
    controls.opened(shown)
    panels.inside(inside, lambda: proof.check(shown, inside.flow))
    proof.compounding(shown)
    PAGE.publish(shown)


def _readable(state: GradientsState) -> tuple[GradientsState, list[Curve], Inside, str]:
    """The state with what it asks for or, with a sentence saying why, the last one that could be computed."""
    try:
        curves, inside = _computed(state)
    except ValueError as error:
        shown = last_good(_LAST_GOOD, DEFAULT)
        return shown, *_computed(shown), str(error)
    st.session_state[_LAST_GOOD] = state
    return state, curves, inside, ""


def _computed(state: GradientsState) -> tuple[list[Curve], Inside]:
    study, network, detached = state.study, state.network, state.detached
    return engine.reach(study, network, state.seeds, detached), engine.inside(study, network, detached)


show()
