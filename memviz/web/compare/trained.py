"""Trained networks side by side: the one that is open, what it began as, and others that read the same symbols."""

import streamlit as st

from memviz import models
from memviz.gradients import GradientFlow, Loss, gradient_flow
from memviz.trace import record
from memviz.web.compare.address import DEFAULT, CompareState
from memviz.web.compare.page import PAGE
from memviz.web.compare.sides import MOST_SIDES
from memviz.web.markdown import escaped
from memviz.web.models import links
from memviz.web.models import picker as shared_picker

UNTRAINED = " (untrained)"


def sides_of(name: str) -> list[str]:
    """What is compared: names of trained networks of one alphabet and size, and `UNTRAINED` after one for its start."""
    chosen = models.load(name)
    alike = [
        other
        for other in models.NAMES
        if other != name
        and models.load(other).task.features == chosen.task.features
        and models.load(other).network.hidden_size == chosen.network.hidden_size
    ]
    return [name, f"{name}{UNTRAINED}", *alike][:MOST_SIDES]


def label_of(side: str) -> str:
    """A side for readers."""
    name = side.removesuffix(UNTRAINED)
    title, is_opened = models.title_of(name), isinstance(models.load(name), models.OpenedNetwork)
    if side != name:
        return f"{title}, as torch draws it" if is_opened else f"{title}, untrained"
    return title if is_opened else f"{title}, trained"


def cell_of(side: str) -> str:
    """The cell of a side."""
    return models.load(side.removesuffix(UNTRAINED)).experiment.cell


def flow_of(side: str, text: str, loss: Loss) -> GradientFlow:
    """Run a side over a sequence of its task, and take its gradient.

    Raises:
        EncodingError: if the text is no such sequence.
        ValueError: if the loss does not fit.
    """
    name = side.removesuffix(UNTRAINED)
    trained = models.load(name)
    sequence = trained.task.encode(text)
    network = trained.network if side == name else trained.experiment.build(trained.task.alphabet())
    return gradient_flow(network, record(network, sequence), loss)


def picker(state: CompareState) -> None:
    """A popover with every trained network."""
    shared_picker(PAGE, state.model, _open, _close)


def about(state: CompareState) -> None:
    """Why the sides are fixed, and the way to the other pages."""
    what = "The trained network, what it began as, and others that read the same symbols with as many units. "
    if isinstance(models.load(state.model), models.OpenedNetwork):
        what = "The network out of your file, and one of its cell and size as torch draws it, seed 0. "
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(escaped(f"{what}Close it under Trained to choose the sides."), width="stretch")
        links(PAGE.name, state.model, state.text)


def _open(name: str) -> None:
    PAGE.change(model=name, text=models.examples(name, models.load(name))[0], timestep=0, unit=0)


def _close() -> None:
    PAGE.change(model="", text=DEFAULT.text, kind=DEFAULT.kind, timestep=0, unit=0)
