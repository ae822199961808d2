"""Your model: open a file of torch weights, see the recurrent layers in it, and step through one of them.

Widgets -> one frozen state -> cached runs -> the stage and figures; nothing is computed here.
"""

from dataclasses import replace

import streamlit as st

from memviz.findings import main_finding
from memviz.models import MOST_UNITS
from memviz.web.engine import Run
from memviz.web.markdown import escaped
from memviz.web.your_model import controls, opening, panels
from memviz.web.your_model.address import DEFAULT, YourModelState
from memviz.web.your_model.engine import Chosen, WideRun, chosen, run, run_wide
from memviz.web.your_model.opening import OpenFile
from memviz.web.your_model.page import PAGE

_LAST_GOOD = "your_model-last-good"


def show() -> None:
    """The whole page."""
    state, file = opening.current()
    controls.files(file)
    controls.problems()
    controls.layer(state, file)
    for sentence in PAGE.problems():
        st.warning(escaped(sentence), icon=":material/link_off:")
    found, problem = _readable(state, file)
    if problem:
        st.error(escaped(problem), icon=":material/error:")
    if found is None:
        st.title("This layer is not drawn", anchor=False)
        PAGE.publish(state)
        return
    wanted, done = found
    st.title(escaped(main_finding(done.trace)), anchor=False)
    panels.about(wanted, done)
    panels.machine(done)
    panels.figures(done)


def _readable(state: YourModelState, file: OpenFile) -> tuple[tuple[Chosen, Run | WideRun] | None, str]:
    """What is chosen with its run or, with a sentence saying why, the same layer on the last sequence that it read."""
    wanted = chosen(state, file)
    good = st.session_state.setdefault(_LAST_GOOD, {})
    key, problem = (file.key, wanted.place), ""
    for text in dict.fromkeys((state.text, good.get(key, DEFAULT.text), DEFAULT.text)):
        wanted = chosen(replace(state, text=text), file)
        try:
            done = _run(state, wanted)
        except ValueError as error:
            problem = problem or str(error)
        else:
            good[key] = text
            return (wanted, done), problem and f"{problem} The picture below is the last good one."
    return None, problem


def _run(state: YourModelState, wanted: Chosen) -> Run | WideRun:
    units = wanted.module.hidden_size
    return run(wanted) if units <= MOST_UNITS else run_wide(wanted, state.units)


show()
