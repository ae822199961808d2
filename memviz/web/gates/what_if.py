"""The What if panel: a signal is held, a token changed, and everything on the page is the run that follows from it."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from memviz.experiment import MOST_WHAT_IFS
from memviz.findings import opposite
from memviz.interventions import Clamp, Intervention
from memviz.theme import is_gate
from memviz.trace import Trace
from memviz.web.compare.links import with_and_without
from memviz.web.engine import Run
from memviz.web.gates import file, intervention, token
from memviz.web.gates.address import GatesState
from memviz.web.gates.page import PAGE
from memviz.web.markdown import escaped
from memviz.words import edits_in_brief, in_words, signal_in_words


def show(state: GatesState, run: Run) -> None:
    """The panel; `state` may hold what-ifs that do not fit the run, which wait until they do."""
    before = run.before or run
    held = state.experiment.interventions
    chosen = min(state.chosen, len(held) - 1)
    with st.container(horizontal=True, vertical_alignment="center"):
        _hold_button(state, before.trace)
        token.popover(state, before)
        if state.change is not None:
            st.caption(escaped(token.in_words(state.change)), width="content")
        file.popover(state)
        if len(held) > 1:
            _list(held, chosen, run.trace)
        if state.experiment.plain != state.experiment or state.change is not None:
            st.button(
                "Reset all",
                icon=":material/restart_alt:",
                on_click=_reset,
                help="Back to exactly the earlier numbers",
            )
            _elsewhere(state)
    if held:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            intervention.controls(held[chosen], chosen, before.trace, len(run.trace))


def _elsewhere(state: GatesState) -> None:
    """The same network on the pages beside this one; a changed token stays here."""
    if state.experiment == state.experiment.plain:
        return
    with contextlib.suppress(ValueError):  # what no address can hold has no link
        query = with_and_without(state)
        st.page_link(
            "pages/compare.py", label="Side by side", icon=":material/view_column_2:", query_params=query
        )


def in_brief(run: Run) -> str:
    """All that was changed, in one line: what is said while the panel is closed."""
    setup, family = run.setup, run.trace.cell.family
    said = [in_words(each, family) for each in setup.experiment.interventions]
    if setup.experiment.edits:
        said.append(edits_in_brief(setup.experiment.edits))
    if setup.change is not None:
        said.append(token.in_words(setup.change))
    return f"What if: {'; '.join(said)}"


def _list(held: Sequence[Intervention], chosen: int, trace: Trace) -> None:
    family = trace.cell.family
    st.selectbox(
        "What if",
        range(len(held)),
        format_func=lambda place: f"{place + 1}. {in_words(held[place], family)}",
        label_visibility="collapsed",
        width=420,
        **PAGE.bound("chosen", chosen, lambda place: PAGE.change(chosen=place), fits=tuple(map(str, held))),
    )


def _hold_button(state: GatesState, trace: Trace) -> None:
    """One more intervention, on what is pinned on the machine."""
    name = state.node if state.node in trace.cell.signal_names else intervention.keeper(trace)
    is_full = len(state.experiment.interventions) >= MOST_WHAT_IFS["interventions"]
    st.button(
        # Streamlit cuts the last letter where it hangs over, an f say.
        f"Hold the {signal_in_words(name, trace.cell.family)}\N{NO-BREAK SPACE}",
        icon=":material/push_pin:",
        on_click=_add,
        args=(Clamp(name, opposite(trace, name) if is_gate(name) else 0.0),),
        disabled=is_full,
    )


def _add(added: Intervention) -> None:
    experiment = PAGE.current().experiment
    held = experiment.interventions
    if len(held) < MOST_WHAT_IFS["interventions"]:
        PAGE.change(experiment=replace(experiment, interventions=(*held, added)), chosen=len(held))


def _reset() -> None:
    PAGE.change(experiment=PAGE.current().experiment.plain, change=None, chosen=0, weight="")
