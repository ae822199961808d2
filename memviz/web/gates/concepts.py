"""Units that mean something: which unit goes with what the task asks to be known, and whether the task needs it."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from memviz.concepts import Correlations, Found, looked_at, scored_sequences
from memviz.experiment import MOST_WHAT_IFS
from memviz.figures import correlation_dots
from memviz.findings import concept_finding, holding_finding, luck_in_words
from memviz.interventions import Clamp
from memviz.live import Brush, brushed
from memviz.theme import number
from memviz.web import engine
from memviz.web.charts import chart, is_dark, key_of
from memviz.web.engine import Run
from memviz.web.gates.address import GatesState
from memviz.web.gates.page import PAGE
from memviz.web.markdown import escaped
from memviz.words import signal_in_words

_LISTED = 6
_CHART = "concepts"


def show(state: GatesState, run: Run) -> None:
    """The section, made while it is open; nothing where the network is not a trained one."""
    if run.trained is None:
        return
    with st.expander(
        "Units that mean something", icon=":material/search:", on_change="rerun", key="gates-concepts-open"
    ) as section:
        if section.open:
            _panel(state, run, engine.correlations(run.setup))


def _panel(state: GatesState, run: Run, found: Correlations) -> None:
    family = run.trace.cell.family
    variable = found.variables[min(state.concept, len(found.variables) - 1)]
    threshold = state.threshold / 100
    units, above = found.of(variable), found.above(variable, threshold)
    left, right = st.columns(2, gap="medium")
    with left:
        _variable(variable, found.variables)
        luck = found.luck_of(variable)
        title = concept_finding(units, variable, family, luck)
        figure = correlation_dots(units, threshold, family, title, is_dark(), luck)
        listed = ", ".join(f"{each.signal} {each.unit}" for each in above[:_LISTED]) or "none"
        alt = f"Correlation of each unit of each gate and state with {variable}; beyond {threshold:.2f}: {listed}."
        brush = Brush("Correlation from", threshold, (0.0, 1.0), 0.01, _brushed)
        chart(PAGE, _CHART, figure, alt, found.to_frame, brush)
        st.caption("Drag the dashed line, or press the arrow keys on it: what goes beyond it is found.")
    with right:
        st.markdown(f"**{len(above)} of {len(units)} go with it by {threshold:.2f} or more, up or down**")
        _list(above[:_LISTED], family)
        if len(above) > _LISTED:
            st.caption(f"The {_LISTED} largest; a higher threshold leaves fewer, the table has all.")
        _score(run)
        st.caption(
            f"Over {found.steps:,} steps of {found.sequences} sequences of the task; below 0 a unit falls where "
            "the answer rises. "
            f"{escaped(luck_in_words(len(units), luck, found.values[0].size - len(units)))} "
            "A unit that goes with something can go with other things as well, and need not be what the network uses: "
            "hold it at its mean, so that it tells nothing, and see whether the task breaks."
        )


def _variable(variable: str, variables: Sequence[str]) -> None:
    st.selectbox(
        "What is to be known",
        variables,
        width=210,
        **PAGE.bound(
            "concept",
            variable,
            lambda name: PAGE.change(concept=list(variables).index(name)),
            fits=tuple(variables),
        ),
    )


def _brushed() -> None:
    value = brushed(key_of(PAGE, _CHART))
    if value is not None and 0 <= value <= 1:  # anything else comes from no reader
        PAGE.change(threshold=round(100 * value))


def _list(units: Sequence[Found], family: str) -> None:
    held = PAGE.current().experiment.interventions
    is_full = len(held) >= MOST_WHAT_IFS["interventions"]
    if not units:
        st.caption("None. A lower threshold finds more.")
    for each in units:
        clamp = _silenced(each)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Let go" if clamp in held else f"Hold at {number(clamp.value, 3)}",
                key=f"gates-hold-{each.signal}-{each.unit}",
                icon=":material/lock_open:" if clamp in held else ":material/push_pin:",
                on_click=_toggle,
                args=(clamp,),
                disabled=is_full and clamp not in held,
                width=150,
            )
            words = f"{signal_in_words(each.signal, family)}, unit {each.unit}: {number(each.correlation)}"
            st.markdown(escaped(words), width="content")


def _score(run: Run) -> None:
    trained = run.trained
    assert trained is not None
    task, before = trained.task, engine.score(run.setup.plain)
    if run.setup.experiment == run.setup.experiment.plain:
        st.markdown(escaped(f"The score ({looked_at(task)}) is {number(before)}: nothing is held or edited."))
        return
    best = min(task.optimum, max(before, task.solved))
    st.markdown(
        escaped(
            holding_finding(
                before, engine.score(run.setup), task.chance, best, looked_at(task), scored_sequences(task)
            )
        )
    )


def _silenced(found: Found) -> Clamp:
    """The unit at its mean, as exactly as an address holds it."""
    return Clamp(found.signal, float(f"{found.mean:.4g}"), (found.unit,))


def _toggle(clamp: Clamp) -> None:
    experiment = PAGE.current().experiment
    held = experiment.interventions
    others = tuple(each for each in held if each != clamp)
    chosen = others if clamp in held else (*held, clamp)
    PAGE.change(experiment=replace(experiment, interventions=chosen), chosen=max(0, len(chosen) - 1))
