"""Gates: step a cell through a sequence and see every gate, state and gradient.

Widgets -> one frozen state -> cached runs -> figures; nothing is computed here.
"""

from dataclasses import replace
from typing import Any

import streamlit as st

from memviz.cells import CELLS
from memviz.encoding import EncodingError
from memviz.experiment import HIDDEN_SIZE_RANGE, SEED_RANGE
from memviz.findings import MEETING, main_finding, meeting_step, what_if_finding
from memviz.web import engine
from memviz.web.gates import concepts, figures, step, trained, weights, what_if
from memviz.web.gates.address import DEFAULT, GatesState
from memviz.web.gates.page import PAGE
from memviz.web.gates.settings import CELL_FAMILIES, more_settings
from memviz.web.markdown import escaped
from memviz.web.models import FIXED, last_good
from memviz.web.sequence import sequence_controls

_LAST_GOOD = "gates-last-good"


def show() -> None:
    """The whole page."""
    # What the stage needs comes first, so that it reaches the browser in one go and before the figures below it.
    state = PAGE.current()
    shown, run, misfits, problem = _readable(state)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _sequence_controls(state)
        _network_controls(state)
        st.toggle(
            "What if",
            help="Hold a gate, change a token, and see before and after at once.",
            **PAGE.bound("what_if", state.what_if, lambda on: PAGE.change(what_if=on)),
        )
    # One place for all that comes and goes: what follows keeps its own, and with it the focus of whoever edits there.
    with st.container():
        if state.what_if:
            what_if.show(state, run)
        elif run.before is not None:
            st.caption(escaped(what_if.in_brief(run)))
        for sentence in PAGE.problems():
            st.warning(escaped(sentence), icon=":material/link_off:")
        if problem:
            st.error(escaped(f"{problem} The picture below is the last good one."), icon=":material/error:")
        trained.about(run)
        for sentence in misfits:
            st.warning(escaped(f"Not applied to this run: {sentence}"), icon=":material/hourglass_empty:")
    st.title(escaped(_finding(shown, run)), anchor=False)
    step.show(shown, run, state.node)
    trained.prediction(run)
    concepts.show(shown, run)
    weights.show(run)
    figures.show(shown, run, engine.flow(run.setup, step.loss(shown, run)))


def _sequence_controls(state: GatesState) -> None:
    sequence_controls(PAGE)
    with PAGE.lazy_popover("Examples", "lightbulb", "examples") as examples:
        if examples.open:
            for label, text, kind in trained.examples(state):
                st.button(
                    label,
                    on_click=PAGE.change,
                    kwargs={"text": text, "kind": kind, "timestep": 4},
                    width="stretch",
                )
    trained.picker(state)


def _network_controls(state: GatesState) -> None:
    experiment = state.experiment
    family = CELLS[experiment.cell].family
    fixed: dict[str, Any] = {"disabled": True, "help": FIXED} if state.model else {}
    st.segmented_control(
        "Cell",
        list(CELL_FAMILIES),
        format_func=lambda name: CELL_FAMILIES[name][0],
        required=True,
        **fixed
        | PAGE.bound("family", family, lambda name: PAGE.change_experiment(cell=CELL_FAMILIES[name][1][0])),
    )
    st.slider(
        "Units",
        *HIDDEN_SIZE_RANGE,
        width=105,
        **fixed
        | PAGE.bound(
            "hidden_size", experiment.hidden_size, lambda size: PAGE.change_experiment(hidden_size=size)
        ),
    )
    st.number_input(
        "Seed",
        *SEED_RANGE,
        step=1,
        width=110,
        **fixed | PAGE.bound("seed", experiment.seed, lambda seed: PAGE.change_experiment(seed=seed)),
    )
    if state.model:
        return
    _bias_slider(state, "update_bias" if family == "gru" else "forget_bias")
    with PAGE.lazy_popover("More", "tune", "more") as more:
        if more.open:
            st.selectbox(
                "Variant",
                CELL_FAMILIES[family][1],
                format_func=lambda name: CELLS[name].title,
                **PAGE.bound(
                    f"variant-{family}", experiment.cell, lambda name: PAGE.change_experiment(cell=name)
                ),
            )
            more_settings(state)


def _bias_slider(state: GatesState, name: str) -> None:
    """The forget bias, or a GRU's update bias; a line of text where the cell has no such gate or torch draws it."""
    cell, value = CELLS[state.experiment.cell], getattr(state.experiment, name)
    gate, label = name.removesuffix("_bias"), name.replace("_", " ").capitalize()
    if gate not in cell.gates and not cell.coupled:
        st.caption(f"{label}: this cell has no {gate} gate of its own.", width=130)
    elif value is None:
        drawn = "chrono biases" if state.experiment.initialisation == "chrono" else "as torch draws it"
        st.caption(f"{label}: {drawn}; set it under More.", width=130)
    else:
        st.slider(
            label,
            min(-5.0, value),
            max(10.0, value),
            step=0.1,
            width=130,
            help="The bias that the gate starts from: 3 holds it open at 0.95, 0 at 0.5.",
            **PAGE.bound(
                name,
                value,
                lambda bias: PAGE.change_experiment(**{name: bias}),
                fits=(value < -5, value > 10),
            ),
        )


def _finding(shown: GatesState, run: engine.Run) -> str:
    """What to look at: what the what-ifs have changed or, without any, what the run remembers."""
    if run.before is None:
        return main_finding(run.trace)
    loss, loss_before = step.loss(shown, run), step.loss_before(shown, run)
    compared = engine.comparison(run.setup, loss, loss_before, 0.0)
    near = engine.comparison(run.setup, loss, loss_before, MEETING)
    return what_if_finding(compared, meeting_step(near))


def _readable(state: GatesState) -> tuple[GatesState, engine.Run, list[str], str]:
    """The state with its run, and why some what-ifs do not fit it, a sentence each.

    Where the sequence or the network cannot be run it is the last one that could be, with a sentence saying why.
    """
    try:
        setup, misfits = engine.fitting(state.setup)
        run = engine.run(setup)
    except ValueError as error:
        shown = last_good(_LAST_GOOD, DEFAULT)
        if isinstance(error, EncodingError):
            shown = trained.readable(state, shown)
            shown = replace(state, text=shown.text, kind=shown.kind, standardise=shown.standardise)
        setup, misfits = engine.fitting(shown.setup)
        return shown, engine.run(setup), misfits, str(error)
    st.session_state[_LAST_GOOD] = state
    return state, run, misfits, ""


show()
