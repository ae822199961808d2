"""What if: which edits and interventions act on the gradients page, in words, and a button that drops them."""

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from memviz.edits import SetWeight, SwapUnits, ZeroBlock
from memviz.gradients import Fitting, WhatIf
from memviz.interventions import Ablate, Add, Clamp, Detach, Freeze, Intervention, Patch, Reset, Scale
from memviz.theme import LOOKS, MINUS
from memviz.web.gradients.address import GradientsState
from memviz.web.gradients.page import PAGE
from memviz.web.gradients.words import label_of
from memviz.web.markdown import escaped

_PARTS = {
    "_pre": "pre-activation of the {}",
    "_from_input": "W x of the {}",
    "_from_hidden": "U h of the {}",
    "_from_cell": "peephole of the {}",
    "_from_gates": "fed back gates of the {}",
    "_bias": "bias of the {}",
}
_MOST_RUNS = 6
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
            acting.setdefault(where, []).append(in_words(what_if))
        else:
            left_out.append(f"Left out: {in_words(what_if)}. {_reason(what_if, reasons)}")
    if not acting:
        return "None of the what-ifs acts here.", left_out
    groups = [f"in {_networks(where, state, fits)}: {'; '.join(words)}." for where, words in acting.items()]
    line = f"What if, {' And '.join(groups)}"
    opened = fits[state.network]
    if not (opened.edits or opened.interventions):
        line += f" The network looked at below, {_networks((state.network,), state, fits)}, has none of them."
    return line, left_out


def in_words(what_if: WhatIf) -> str:
    """An edit or intervention as a reader says it."""
    match what_if:
        case SetWeight():
            column = "" if what_if.column is None else f", column {what_if.column}"
            return f"{what_if.parameter}, row {what_if.row}{column}, set to {_plain(what_if.value)}"
        case ZeroBlock():
            whose = f" of the {_name(what_if.gate)}" if what_if.gate else ""
            return f"{what_if.parameter}{whose} set to 0"
        case SwapUnits():
            return f"units {what_if.first} and {what_if.second} exchanged"
        case Reset():
            before = "every step" if what_if.steps is None else _listed("step", what_if.steps)
            return f"state set to 0 before {before}"
    units = "" if what_if.units is None else f", {_listed('unit', what_if.units)}"
    steps = "" if what_if.steps is None else f", at {_listed('step', what_if.steps)}"
    return f"{_name(what_if.signal)} {_done(what_if)}{units}{steps}"


def _done(intervention: Clamp | Scale | Add | Ablate | Freeze | Patch | Detach) -> str:
    match intervention:
        case Clamp():
            return f"held at {_plain(intervention.value)}"
        case Scale():
            return f"times {_plain(intervention.factor)}"
        case Add():
            return f"plus {_plain(intervention.amount)}"
        case Freeze():
            return f"frozen at its value of step {intervention.at}"
        case Patch():
            return "patched from another run"
        case Detach():
            return "detached from the gradient"
    return "held at 0"


def _name(signal: str) -> str:
    for ending, words in _PARTS.items():
        if signal.endswith(ending):
            return words.format(_name(signal.removesuffix(ending)))
    return LOOKS[signal].name if signal in LOOKS else signal


def _listed(noun: str, indexes: Sequence[int]) -> str:
    """Whole numbers as runs: "steps 0, 3 to 5"."""
    ordered = np.array(indexes)
    runs = np.split(ordered, np.flatnonzero(np.diff(ordered) != 1) + 1)
    written = [f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs[:_MOST_RUNS]]
    more = f" and more, {len(indexes)} in all" if len(runs) > _MOST_RUNS else ""
    return f"{noun}{'s' * (len(indexes) > 1)} {', '.join(written)}{more}"


def _networks(where: Sequence[str], state: GradientsState, fits: Mapping[str, Fitting]) -> str:
    if len(where) == len(fits):
        return "every network"
    return " and ".join(f"“{label_of(name, state)}”" for name in where)


def _plain(value: float) -> str:
    """A number that someone has set, as it was set where six digits hold it."""
    return f"{value:.6g}".replace("-", MINUS)


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
