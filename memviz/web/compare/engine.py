"""What the compare page asks of the engine: each side's run and gradient, and what is drawn of all."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from memviz import models
from memviz.encoding import Sequence, encode
from memviz.experiment import Experiment
from memviz.findings.compare import Contender
from memviz.gradients import GradientFlow, Loss, gradient_flow
from memviz.stage.multiples import multiples_payload
from memviz.trace import record
from memviz.web import engine
from memviz.web.compare import trained
from memviz.web.compare.address import CompareState
from memviz.web.compare.sides import LETTERS, MOST_SIDES, Side
from memviz.web.compare.tables import differences
from memviz.web.compare.words import label_of
from memviz.web.keys import KEYS
from memviz.web.setup import Setup

_KEPT_SIDES = MOST_SIDES + 2
_KEPT = 2
MOST_WORK = 200 * 64**2
"""The most that steps * units^2 may be for each side on a server that many share: any text of 64 units."""


@dataclass(frozen=True, eq=False)
class Compared:
    """What can be shown of a state.

    Attributes:
        sequence: the input.
        loss: what is differentiated, as this input and network have it.
        sides: those that could be run.
        contenders: their letters, labels and gradients.
        payload: what the small multiples draw.
        problems: a sentence for each side that could not be run.
    """

    sequence: Sequence
    loss: Loss
    sides: tuple[Side, ...]
    contenders: tuple[Contender, ...]
    payload: dict[str, Any]
    problems: tuple[str, ...]


def compared(state: CompareState) -> Compared:
    """Run all sides of a state.

    Raises:
        EncodingError: if the text is no such sequence.
        ValueError: if the sequence is too long for so many units, or no side can be run.
    """
    if state.model:
        return _compared_trained(state)
    sequence = _sequence(state.text, state.kind, state.standardise)
    check_work(len(sequence), state.experiment.hidden_size)
    loss = loss_of(state, len(sequence))
    found, problems = [], []
    for letter, side in zip(LETTERS, state.sides, strict=False):
        setup = Setup(state.experiment_of(side), state.text, state.kind, state.standardise)
        try:
            flow = _flow(setup, loss)
        except ValueError as error:
            problems.append(f"{letter} ({label_of(side)}) is left out. {error}")
            continue
        found.append((side, setup, Contender(letter, label_of(side), flow)))
    if not found:
        raise ValueError(problems[0])
    sides, setups, contenders = zip(*found, strict=True)
    letters = "".join(contender.letter for contender in contenders)
    labels = tuple(contender.label for contender in contenders)
    payload = _payload(setups, loss, letters, labels, sides, contenders)
    return Compared(sequence, loss, sides, contenders, payload, tuple(problems))


def _compared_trained(state: CompareState) -> Compared:
    """Run a trained network, what it began as, and others of its kind."""
    sequence = engine.call(models.load(state.model).task.encode, state.text)
    check_work(len(sequence), state.experiment.hidden_size)
    loss = loss_of(state, len(sequence))
    experiment, found, problems = state.experiment, [], []
    names = trained.sides_of(state.model, is_changed=experiment != experiment.plain)
    for letter, name in zip(LETTERS, names, strict=False):
        label = trained.label_of(name)
        changes = experiment if name.endswith(trained.CHANGED) else experiment.plain
        setup = Setup(changes, state.text, state.kind, model=name)
        try:
            flow = _trained_flow(setup, loss)
        except ValueError as error:
            problems.append(f"{letter} ({label}) is left out. {error}")
            continue
        found.append((trained.as_side(name, experiment), setup, Contender(letter, label, flow)))
    if not found:
        raise ValueError(problems[0])
    sides, setups, contenders = zip(*found, strict=True)
    letters = "".join(contender.letter for contender in contenders)
    labels = tuple(contender.label for contender in contenders)
    payload = _payload(setups, loss, letters, labels, sides, contenders)
    return Compared(sequence, loss, sides, contenders, payload, tuple(problems))


@st.cache_resource(scope="session", max_entries=_KEPT_SIDES, show_spinner=False, hash_funcs=KEYS)
def _trained_flow(setup: Setup, loss: Loss) -> GradientFlow:
    return engine.call(trained.flow_of, setup.model, setup.text, loss, setup.experiment)


def loss_of(state: CompareState, time: int) -> Loss:
    """The loss of a state; a step or unit that this input or network does not have means the last, the sum."""
    timestep, unit = state.loss_timestep, state.loss_unit
    return Loss(
        None if timestep is None or timestep >= time - 1 else timestep,
        None if unit is None or unit >= state.experiment.hidden_size else unit,
    )


def check_work(time: int, units: int) -> None:
    """Refuse what would hold up everybody.

    Raises:
        ValueError: with how long a sequence of so many units may be.
    """
    longest = MOST_WORK // units**2
    if time > longest:
        raise ValueError(f"With {units} units a sequence has at most {longest:,} steps here; got {time:,}.")


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False)
def _sequence(text: str, kind: str, standardise: bool) -> Sequence:
    return engine.call(encode, text, kind, standardise=standardise)


@st.cache_resource(scope="session", max_entries=_KEPT_SIDES, show_spinner=False, hash_funcs=KEYS)
def _flow(setup: Setup, loss: Loss) -> GradientFlow:
    """The gradient through one side's run; whoever changes one side waits for that one alone."""
    sequence = _sequence(setup.text, setup.kind, setup.standardise)
    return engine.call(run, setup.experiment, sequence, loss)


def run(experiment: Experiment, sequence: Sequence, loss: Loss) -> GradientFlow:
    """Build and run a network, and take its gradient.

    Raises:
        ValueError: if an edit or intervention does not fit it, or it overflows float64.
    """
    network = experiment.build(sequence)
    trace = record(network, sequence, interventions=experiment.interventions)
    return gradient_flow(network, trace, loss)


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False, hash_funcs=KEYS)
def _payload(
    setups: tuple[Setup, ...],
    loss: Loss,
    letters: str,
    labels: tuple[str, ...],
    _sides: tuple[Side, ...],
    _contenders: tuple[Contender, ...],
) -> dict[str, Any]:
    return engine.call(_drawn, _sides, _contenders, letters, labels)


def _drawn(
    sides: tuple[Side, ...], contenders: tuple[Contender, ...], letters: str, labels: tuple[str, ...]
) -> dict[str, Any]:
    flows = [contender.flow for contender in contenders]
    return multiples_payload(flows, letters, labels, differences(sides, contenders))
