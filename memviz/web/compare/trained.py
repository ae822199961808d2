"""Trained networks side by side: the one that is open, what it began as, and others that read the same symbols."""

import contextlib

import streamlit as st

from memviz import models
from memviz.edits import apply
from memviz.experiment import Experiment
from memviz.gradients import GradientFlow, Loss, gradient_flow
from memviz.trace import record
from memviz.web.compare.address import DEFAULT, CompareState
from memviz.web.compare.page import PAGE
from memviz.web.compare.sides import MOST_SIDES, Side
from memviz.web.markdown import escaped
from memviz.web.models import links
from memviz.web.models import picker as shared_picker

UNTRAINED = " (untrained)"
CHANGED = " (changed)"


def sides_of(name: str, is_changed: bool = False) -> list[str]:
    """What is compared: names of trained networks of one alphabet and size, and `UNTRAINED` after one for its start.

    Where edits or interventions are given, the network comes first without and then with them, by `CHANGED`.
    """
    chosen = models.load(name)
    alike = [
        other
        for other in models.NAMES
        if other != name
        and models.is_known(other)
        and models.load(other).task.features == chosen.task.features
        and models.load(other).network.hidden_size == chosen.network.hidden_size
    ]
    changed = [f"{name}{CHANGED}"] if is_changed else []
    return [name, *changed, f"{name}{UNTRAINED}", *alike][:MOST_SIDES]


def label_of(side: str) -> str:
    """A side for readers."""
    title = models.recipe_of(_name_of(side)).title
    if side.endswith(UNTRAINED):
        return f"{title}, untrained"
    return f"{title}, trained and changed" if side.endswith(CHANGED) else f"{title}, trained"


def as_side(side: str, experiment: Experiment) -> Side:
    """A side as the table of what differs knows it: its cell, and what is changed in it."""
    cell = models.load(_name_of(side)).experiment.cell
    changes = {name: value for name in ("edits", "interventions") if (value := getattr(experiment, name))}
    if side.endswith(CHANGED):
        with contextlib.suppress(ValueError):  # too much for the text of a side
            return Side(cell, tuple(changes.items()))
    return Side(cell)


def flow_of(side: str, text: str, loss: Loss, experiment: Experiment | None = None) -> GradientFlow:
    """Run a side over a sequence of its task, and take its gradient.

    Args:
        side: one of `sides_of`.
        text: the sequence.
        loss: what is differentiated.
        experiment: what is edited and held in the side that is `CHANGED`.

    Raises:
        EncodingError: if the text is no such sequence.
        ValueError: if the loss does not fit, or an edit or intervention.
    """
    trained = models.load(_name_of(side))
    sequence = trained.task.encode(text)
    network, held = trained.network, Experiment.interventions
    if side.endswith(UNTRAINED):
        network = trained.experiment.build(trained.task.alphabet())
    elif side.endswith(CHANGED) and experiment is not None:
        network, held = apply(network, experiment.edits), experiment.interventions
    return gradient_flow(network, record(network, sequence, interventions=held), loss)


def _name_of(side: str) -> str:
    return side.removesuffix(UNTRAINED).removesuffix(CHANGED)


def picker(state: CompareState) -> None:
    """A popover with every trained network."""
    shared_picker(PAGE, state.model, _open, _close)


def about(state: CompareState) -> None:
    """Why the sides are fixed, and the way to the other pages."""
    changed = "" if state.experiment == state.experiment.plain else "itself as it is changed, "
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            escaped(
                f"The trained network, {changed}what it began as, and others that read the same symbols with as many "
                "units. "
                "Close it under Trained to choose the sides."
            ),
            width="stretch",
        )
        links(PAGE.name, state.model, state.text, state.experiment)


def _open(name: str) -> None:
    text = models.examples(name, models.load(name))[0]
    PAGE.change(model=name, text=text, experiment=PAGE.current().experiment.plain, timestep=0, unit=0)


def _close() -> None:
    began = PAGE.current().experiment.plain
    PAGE.change(model="", text=DEFAULT.text, kind=DEFAULT.kind, experiment=began, timestep=0, unit=0)
