"""Compare: up to six cells or settings on the same input, seed and loss, side by side.

Widgets -> one frozen state -> cached runs -> small multiples; nothing is computed here.
"""

from dataclasses import replace

import streamlit as st

from memviz.findings.compare import compare_finding
from memviz.web.compare import controls, panels
from memviz.web.compare.address import DEFAULT, CompareState
from memviz.web.compare.engine import Compared, compared
from memviz.web.compare.page import PAGE
from memviz.web.compare.presets import preset_of
from memviz.web.compare.words import described, sequence_in_words
from memviz.web.markdown import escaped
from memviz.web.models import last_good

_LAST_GOOD = "compare-last-good"


def show() -> None:
    """The whole page."""
    state = PAGE.current()
    shown, found, problem = _readable(state)
    controls.show(state, found.loss, len(found.sequence))
    controls.sides(state)
    for sentence in [*PAGE.problems(), *found.problems]:
        st.warning(escaped(sentence), icon=":material/link_off:")
    if problem:
        st.error(escaped(f"{problem} The picture below is the last good one."), icon=":material/error:")
    st.title(escaped(compare_finding(found.contenders, sequence_in_words(found.sequence))), anchor=False)
    preset = preset_of(shown)
    if preset is not None and not found.problems:
        panels.takeaway(preset.takeaway(found.contenders))
    st.caption(escaped(described(shown, found.loss, found.contenders[0].flow.last)))
    panels.grid(shown, found)
    panels.files(found)


def _readable(state: CompareState) -> tuple[CompareState, Compared, str]:
    """The state with its runs; or, with a sentence saying why, that with the last good text, or the last good state."""
    last = last_good(_LAST_GOOD, DEFAULT)
    with_last_text = replace(state, text=last.text, kind=last.kind, standardise=last.standardise)
    problem = ""
    for shown in (state, with_last_text):
        try:
            found = compared(shown)
        except ValueError as error:
            problem = problem or str(error)
        else:
            st.session_state[_LAST_GOOD] = shown
            return shown, found, problem
    return last, compared(last), problem


show()
