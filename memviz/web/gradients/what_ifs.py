"""What if: which edits and interventions act on the gradients page, in words, and a button that drops them."""

from collections.abc import Mapping, Sequence

import streamlit as st

from memviz.gradients import Fitting, WhatIf
from memviz.interventions import Detach, Freeze, Intervention, Patch
from memviz.web.gradients.address import GradientsState
from memviz.web.gradients.page import PAGE
from memviz.web.gradients.words import label_of
from memviz.web.markdown import escaped
from memviz.words import in_words

_NOT_FOR = (" has no signal ", "The edit is of another cell")


def show(state: GradientsState, fits: Mapping[str, Fitting]) -> None:
    """One line on what acts, a sentence for each that does not, and the button; nothing where there is none."""
    if state.experiment == state.experiment.plain:
        return
    acting, left_out = said(state, fits)
    for sentence in left_out:
        st.warning(escaped(sentence), icon=":material/link_off:")
    st.markdown(escaped(acting))
    if note := _of_gradients(fits[state.network].interventions):
        st.caption(escaped(note))
    st.button(
        "Drop the what-ifs",
        icon=":material/undo:",
        on_click=PAGE.change_experiment,
        kwargs={"edits": (), "interventions": ()},
    )


def said(state: GradientsState, fits: Mapping[str, Fitting]) -> tuple[str, list[str]]:
    """What acts where, as one line, and a sentence for each edit or intervention that acts in no network.

    Args:
        state: what the page shows.
        fits: what acts in each network that is drawn.
    """
    reasons: dict[str, dict[WhatIf, str]] = {name: dict(fit.left_out) for name, fit in fits.items()}
    acting: dict[tuple[str, ...], list[str]] = {}
    left_out = []
    for what_if in (*state.experiment.edits, *state.experiment.interventions):
        where = tuple(name for name, fit in fits.items() if what_if in (*fit.edits, *fit.interventions))
        if where:
            acting.setdefault(where, []).append(in_words(what_if, family=""))
        else:
            left_out.append(f"Left out: {in_words(what_if, family='')}. {_reason(what_if, reasons)}")
    if not acting:
        return "None of the what-ifs acts here.", left_out
    groups = [f"in {_networks(where, state, fits)}: {'; '.join(words)}." for where, words in acting.items()]
    line = f"What if, {' And '.join(groups)}"
    opened = fits[state.network]
    if not (opened.edits or opened.interventions):
        line += f" The network looked at below, {_networks((state.network,), state, fits)}, has none of them."
    return line, left_out


def _networks(where: Sequence[str], state: GradientsState, fits: Mapping[str, Fitting]) -> str:
    if len(where) == len(fits):
        return "every network"
    return " and ".join(f"“{label_of(name, state)}”" for name in where)


def _reason(what_if: WhatIf, reasons: Mapping[str, Mapping[WhatIf, str]]) -> str:
    """Why it acts nowhere: a rule that it breaks says more than a cell that it is not for."""
    found = [of_network[what_if] for of_network in reasons.values()]
    return next((reason for reason in found if not any(said in reason for said in _NOT_FOR)), found[-1])


def _of_gradients(interventions: Sequence[Intervention]) -> str:
    """What the numbers of the opened network are to be read with."""
    notes = []
    if any(isinstance(each, Freeze | Patch) for each in interventions):
        notes.append(
            "What is frozen or patched in is a constant: neither a gradient nor a measured effect goes back to where "
            "it is from."
        )
    if any(isinstance(each, Detach) for each in interventions):
        notes.append("A detach cuts gradients and leaves values, so that a measured effect goes through it.")
    return " ".join(notes)
