"""The controls of the compare page: what all sides share, and what each sets for itself."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from memviz.cells import CELLS
from memviz.experiment import BIAS_RANGE, HIDDEN_SIZE_RANGE, RECURRENT_SCALE_RANGE, SEED_RANGE
from memviz.gradients import Loss
from memviz.initialisation import INITIALISATIONS
from memviz.interventions import Clamp, to_text
from memviz.theme import LOOKS, look, number
from memviz.web.compare import trained
from memviz.web.compare.address import CompareState
from memviz.web.compare.page import PAGE
from memviz.web.compare.presets import PRESETS
from memviz.web.compare.sides import LETTERS, Side, heeds
from memviz.web.compare.words import label_of
from memviz.web.gates.address import CODEC as GATES_CODEC
from memviz.web.gates.address import GatesState
from memviz.web.loss import loss_popover
from memviz.web.markdown import escaped
from memviz.web.models import FIXED
from memviz.web.sequence import sequence_controls
from memviz.web.settings import INITIALISATION_LABELS, weight_settings

_BIASES = ("forget_bias", "update_bias", "input_bias")
_AS_ALL = "as all sides"
_NOTHING = "nothing"


def show(state: CompareState, read: Loss, time: int) -> None:
    """The row on top of the page; `read` is the loss as this sequence of so many timesteps has it."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sequence_controls(PAGE)
        trained.picker(state)
        experiment = state.experiment
        fixed: dict[str, Any] = {"disabled": True, "help": FIXED} if state.model else {}
        st.slider(
            "Units",
            *HIDDEN_SIZE_RANGE,
            width=105,
            **{"help": "One number of units for all sides, so that their weights and sizes can be compared."}
            | fixed
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
        loss_popover(PAGE, read, experiment.hidden_size, time)
        if state.model:
            return
        with PAGE.lazy_popover("More", "tune", "more") as more:
            if more.open:
                _shared(state)
        with PAGE.lazy_popover("Presets", "bookmark", "presets") as presets:
            if presets.open:
                _presets()


def sides(state: CompareState) -> None:
    """A popover for each side, and the button that adds one."""
    if state.model:
        trained.about(state)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for index, (letter, side) in enumerate(zip(LETTERS, state.sides, strict=False)):
            with PAGE.lazy_popover(f"**{letter}** {escaped(label_of(side))}", "", f"side-{index}") as popover:
                if popover.open:
                    _side(state, index, side)
        st.button(
            "Add a side",
            icon=":material/add:",
            help="A copy of the last side, to be changed.",
            key="compare-add",
            on_click=lambda: _copy(len(PAGE.current().sides) - 1),
        )


def _shared(state: CompareState) -> None:
    st.caption("For all sides that set nothing else for themselves:")
    for name in _BIASES:
        st.number_input(
            name.replace("_", " ").capitalize(),
            *BIAS_RANGE,
            step=0.5,
            placeholder="as drawn",
            **PAGE.bound(name, getattr(state.experiment, name), _shares(name)),
        )
    weight_settings(PAGE)
    st.toggle(
        "Standardise numbers: mean 0, standard deviation 1",
        disabled=state.kind not in ("numbers", "signal"),
        **PAGE.bound("standardise", state.standardise, lambda on: PAGE.change(standardise=on)),
    )


def _shares(name: str) -> Any:
    return lambda value: PAGE.change_experiment(**{name: value})


def _presets() -> None:
    for preset in PRESETS:
        st.page_link(
            "pages/compare.py",
            label=preset.label,
            query_params=PAGE.codec.to_query(preset.state),
            width="stretch",
        )
        st.caption(preset.about)


def _side(state: CompareState, index: int, side: Side) -> None:
    """What a side sets for itself; an empty box is as all sides have it."""
    cell = CELLS[side.cell]
    st.selectbox(
        "Cell",
        list(CELLS),
        format_func=lambda name: CELLS[name].title,
        **PAGE.bound(
            f"cell-{index}", side.cell, lambda name: _change(index, lambda side: replace(side, cell=name))
        ),
    )
    st.caption(escaped(cell.note))
    own = dict(side.settings)
    for name in _BIASES:
        if heeds(cell, name):
            _number(index, name, own, state, *BIAS_RANGE)
    st.selectbox(
        "Initialisation",
        (_AS_ALL, *INITIALISATIONS),
        format_func=lambda name: INITIALISATION_LABELS.get(name, name),
        **PAGE.bound(
            f"initialisation-{index}",
            own.get("initialisation", _AS_ALL),
            lambda name: _set(index, "initialisation", None if name == _AS_ALL else name),
        ),
    )
    _number(index, "recurrent_scale", own, state, *RECURRENT_SCALE_RANGE)
    _hold(index, side)
    with st.container(horizontal=True):
        st.button("Duplicate", key=f"compare-duplicate-{index}", on_click=lambda: _copy(index))
        st.button(
            "Remove",
            key=f"compare-remove-{index}",
            disabled=len(state.sides) == 1,
            on_click=lambda: _remove(index),
        )
    st.page_link(
        "pages/gates.py",
        label="Open in Gates",
        icon=":material/open_in_new:",
        query_params=GATES_CODEC.to_query(in_gates(state, side)),
    )


def in_gates(state: CompareState, side: Side) -> GatesState:
    """A side as the gates page shows it."""
    return GatesState(
        text=state.text,
        kind=state.kind,
        standardise=state.standardise,
        experiment=state.experiment_of(side),
        timestep=state.timestep,
        unit=state.unit,
        loss_timestep=state.loss_timestep,
        loss_unit=state.loss_unit,
    )


def _number(index: int, name: str, own: dict[str, Any], state: CompareState, low: float, high: float) -> None:
    shared = getattr(state.experiment, name)
    shown = "as drawn" if shared is None else number(shared)
    placeholder = "as drawn, for this side" if name in own else f"{_AS_ALL}: {shown}"
    st.number_input(
        name.replace("_", " ").capitalize(),
        low,
        high,
        step=0.5,
        placeholder=placeholder,
        **PAGE.bound(f"{name}-{index}", own.get(name), lambda value: _set(index, name, value)),
    )


def _hold(index: int, side: Side) -> None:
    """Hold one signal of the side at a number; what else a link holds is shown as it is written there."""
    cell = CELLS[side.cell]
    held = dict(side.settings).get("interventions", ())
    signals = [name for name in cell.signal_names if name in LOOKS]
    only = held[0] if len(held) == 1 and isinstance(held[0], Clamp) else None
    is_simple = only is not None and only.units is None and only.steps is None and only.signal in signals
    if held and not is_simple:
        st.caption("Interventions of this side, as in its link:")
        st.code(to_text(held), language=None)
        st.button(
            "Without them",
            key=f"compare-free-{index}",
            on_click=lambda: _set(index, "interventions", None),
        )
        return
    options = (_NOTHING, *signals)
    st.selectbox(
        "Hold",
        options,
        format_func=lambda name: look(name, cell.family).name if name in LOOKS else name,
        help="One signal, in all units and at all steps, is held at a number while the network runs.",
        **PAGE.bound(
            f"hold-{index}",
            _NOTHING if only is None else only.signal,
            lambda name: _holds(index, name, 1.0 if only is None else only.value),
            fits=options,
        ),
    )
    if only is not None:
        st.number_input(
            "at",
            step=0.1,
            **PAGE.bound(
                f"hold-value-{index}",
                float(only.value),
                lambda value: _holds(index, only.signal, value),
            ),
        )


def _holds(index: int, signal: str, value: float) -> None:
    if signal == _NOTHING:
        _set(index, "interventions", None)
    else:
        _change(index, lambda side: side.with_setting("interventions", (Clamp(signal, value),)))


def _set(index: int, name: str, value: Any) -> None:
    """Set one thing of a side; None is as all sides have it."""
    _change(index, lambda side: side.without(name) if value is None else side.with_setting(name, value))


def _change(index: int, changed: Callable[[Side], Side]) -> None:
    """Change a side; what breaks a rule changes nothing and is said."""
    sides = list(PAGE.current().sides)
    if index >= len(sides):  # it was removed while its change was on the way
        return
    try:
        sides[index] = changed(sides[index])
    except ValueError as error:
        PAGE.refuse(str(error))
        return
    PAGE.change(sides=tuple(sides))


def _copy(index: int) -> None:
    """Put a copy of a side after it."""
    sides = PAGE.current().sides
    PAGE.change(sides=(*sides[: index + 1], *sides[index : index + 1], *sides[index + 1 :]))


def _remove(index: int) -> None:
    sides = PAGE.current().sides
    PAGE.change(sides=(*sides[:index], *sides[index + 1 :]))
