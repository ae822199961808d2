"""Your model: open a file of torch weights, see the recurrent layers in it, and step through one of them.

Widgets -> one frozen state -> cached runs -> the stage and figures; nothing is computed here.
"""

from dataclasses import replace

import streamlit as st

from memviz.findings import main_finding
from memviz.model_files import ModelFileError
from memviz.web.engine import Run
from memviz.web.markdown import escaped
from memviz.web.your_model import controls, opening, panels
from memviz.web.your_model.address import DEFAULT, YourModelState
from memviz.web.your_model.engine import Chosen, chosen, run
from memviz.web.your_model.opening import OpenFile
from memviz.web.your_model.page import PAGE

_LAST_GOOD = "your_model-last-good"


def show() -> None:
    """The whole page."""
    state, file = PAGE.current(), opening.opened()
    controls.files(file)
    controls.problems()
    controls.layer(state, file)
    for sentence in PAGE.problems():
        st.warning(escaped(sentence), icon=":material/link_off:")
    found, problem = _readable(state, file)
    if problem:
        st.error(escaped(problem), icon=":material/error:")
    if found is None:
        PAGE.publish(state)
        return
    wanted, done = found
    st.title(escaped(main_finding(done.trace)), anchor=False)
    panels.about(wanted, done)
    panels.machine(done)
    panels.figures(done)


def _readable(state: YourModelState, file: OpenFile) -> tuple[tuple[Chosen, Run] | None, str]:
    """What is chosen with its run or, with a sentence saying why, the same layer on the last sequence that it read."""
    try:
        wanted = chosen(state, file)
    except ModelFileError as error:
        return None, str(error)
    good = st.session_state.setdefault(_LAST_GOOD, {})
    try:
        done = run(wanted)
    except ValueError as error:
        last = good.get((file.key, wanted.place), DEFAULT.text)
        shown = chosen(replace(state, text=last), file)
        return (shown, run(shown)), f"{error} The picture below is the last good one."
    good[file.key, wanted.place] = wanted.text
    return (wanted, done), ""


show()
