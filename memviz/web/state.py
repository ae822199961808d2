"""One page's state, kept in the session: widgets and components only emit changes to it.

The state is frozen and follows from the address when the page is opened; afterwards the address follows from it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from memviz.web.address import MOST_ADDRESS_BYTES, GatesState, read

_STATE = "gates"
_PROBLEMS = "gates-problems"


def current() -> GatesState:
    """The state of this session, read from the address the first time."""
    if _STATE not in st.session_state:
        state, problems = read(dict(st.query_params))
        st.session_state[_STATE] = state
        st.session_state[_PROBLEMS] = problems
    state = st.session_state[_STATE]
    assert isinstance(state, GatesState)
    return state


def problems() -> list[str]:
    """What was wrong with the address or with the last change, a sentence each."""
    return list(st.session_state.get(_PROBLEMS, []))


def change(**values: Any) -> None:
    """Change parts of the state; a value that breaks a rule changes nothing and is said."""
    try:
        st.session_state[_STATE] = replace(current(), **values)
        st.session_state[_PROBLEMS] = []
    except TypeError:
        # A choice out of a list that has shrunk meanwhile arrives as its label: there is no such unit any more.
        return
    except ValueError as error:
        st.session_state[_PROBLEMS] = [str(error)]


def change_experiment(**settings: Any) -> None:
    """Change settings of the network; a value that breaks a rule changes nothing and is said."""
    try:
        change(experiment=replace(current().experiment, **settings))
    except ValueError as error:
        st.session_state[_PROBLEMS] = [str(error)]


def bound(name: str, value: Any, emit: Callable[[Any], None], fits: Any = None) -> dict[str, Any]:
    """The arguments that tie a widget to the state: it shows `value` and emits what it is changed to.

    The widget's own value is written only where it differs, so that a page that is slower than a typist does
    not take letters back, and where `fits`, its bounds or options, changed: that makes a new widget in the
    browser, which would start at its own default.
    """
    key, fitted = f"gates-{name}", f"gates-{name}-fits"
    changed = st.session_state.get(fitted, fits) != fits
    st.session_state[fitted] = fits
    if changed or key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return {"key": key, "on_change": _emitted, "args": (key, emit)}


def lazy_popover(label: str, icon: str, name: str) -> Any:
    """A popover whose content is to be made while it is `open`: what nobody sees would slow down every change."""
    key = f"gates-popover-{name}"
    return st.popover(label, icon=f":material/{icon}:", on_change="rerun", key=key)


def publish(shown: GatesState) -> None:
    """Bring the address up to date with the state that is on the screen.

    A link holds about 2 kB: a sequence that does not fit is left out, and the page says so.
    """
    query = shown.to_query()
    if len(urlencode(query)) > MOST_ADDRESS_BYTES:
        del query["text"], query["kind"]
        st.caption(
            "The sequence is too long for a link: the address of this page holds the settings without it.",
        )
    if dict(st.query_params) != query:
        st.query_params.from_dict(query)


def _emitted(key: str, emit: Callable[[Any], None]) -> None:
    emit(st.session_state[key])
