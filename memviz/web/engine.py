"""The engine as the server calls it: one thread for all visitors, each one's results in a small cache of their own.

Threads that compute at once slow each other down by a factor of ten, and torch takes 7 ms longer in each new thread,
which Streamlit makes for every change. The thread lives in a plain module because any visitor can clear Streamlit's
caches.
"""

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar

import streamlit as st
import torch

from memviz import concepts, models
from memviz.comparison import Comparison, compare
from memviz.concepts import Correlations
from memviz.edits import Pair, apply
from memviz.encoding import EncodingError, Sequence, encode
from memviz.gradients import GradientFlow, Loss, gradient_flow
from memviz.gradients import fitting as fitting_in
from memviz.models import Said
from memviz.network import Network
from memviz.parity import Parity, parity
from memviz.stage import stage_gradients, stage_payload
from memviz.trace import Trace, record
from memviz.training import TrainedNetwork
from memviz.web.keys import KEYS
from memviz.web.setup import Setup

_ENGINE = ThreadPoolExecutor(max_workers=1, thread_name_prefix="memviz-engine")
_KEPT = 4
"""Two of what is shown, each with the one before any what-if."""
MOST_DRAWN = 18_000_000
"""The most bytes that are drawn of a run: the server's messages have at most 20 MB, and a page must not break there."""
MOST_CHANGED = 30_000
"""The most interventions times timesteps: the one thread of the engine is everybody's."""
P = ParamSpec("P")
R = TypeVar("R")
torch.set_num_threads(1)
gc.freeze()  # what is imported stays; collecting it again would stop everybody for 200 ms


def call(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function of the engine on the engine's thread, and wait for what it gives."""
    return _ENGINE.submit(function, *args, **kwargs).result()


@dataclass(frozen=True, eq=False)
class Run:
    """A network that ran over a sequence, and what the stage draws of it.

    Attributes:
        setup: what it followed from.
        sequence: what it ran over.
        network: the network.
        trace: the run.
        payload: what the stage draws of it.
        before: the run without any what-if, where there is one.
        alignment: (timestep of `before`, timestep of this run); None is step by step.
        trained: what the network is when it was trained, with its task and its read-out.
        said: what its read-out says after each step.
    """

    setup: Setup
    sequence: Sequence
    network: Network
    trace: Trace
    payload: dict[str, Any]
    before: "Run | None" = None
    alignment: tuple[Pair, ...] | None = None
    trained: TrainedNetwork | None = None
    said: tuple[Said, ...] = ()


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False, hash_funcs=KEYS)
def run(setup: Setup) -> Run:
    """Build and run a network.

    Raises:
        EncodingError: if the text is no such sequence, or the changed token none that the network reads.
        ValueError: if an edit or an intervention does not fit the run, or more is to be drawn than a message holds.
    """
    before = None if setup == setup.plain else run(setup.plain)
    return call(_run, setup, before)


def fitting(setup: Setup) -> tuple[Setup, list[str]]:
    """The setup without the what-ifs that do not fit its run, and why each of those does not.

    Raises:
        EncodingError: if the text is no such sequence.
        ValueError: if there are too many interventions for so many steps.
    """
    if setup == setup.plain:
        return setup, []
    return call(_fitting, setup, run(setup.plain))


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False, hash_funcs=KEYS)
def flow(setup: Setup, loss: Loss) -> GradientFlow:
    """The gradient of a loss through such a run."""
    done = run(setup)
    return call(gradient_flow, done.network, done.trace, loss)


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False, hash_funcs=KEYS)
def flow_payload(setup: Setup, loss: Loss) -> dict[str, Any]:
    """What the stage draws of such a gradient."""
    return call(stage_gradients, run(setup).network, flow(setup, loss))


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False, hash_funcs=KEYS)
def proof(setup: Setup) -> Parity:
    """How far such a run is from torch.nn."""
    done = run(setup)
    return call(parity, done.network, done.trace)


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False, hash_funcs=KEYS)
def comparison(setup: Setup, loss: Loss, loss_before: Loss, tolerance: float) -> Comparison:
    """Such a run beside the one without any what-if, with what became of the gradient.

    Raises:
        ValueError: if the run has no what-if.
    """
    done = run(setup)
    if done.before is None:
        raise ValueError("A run is compared with the one without its what-ifs; got a run that has none.")
    flows = _flow_of(done.before, loss_before), _flow_of(done, loss)
    return call(compare, done.before.trace, done.trace, done.alignment, tolerance=tolerance, gradients=flows)


def correlations(setup: Setup) -> Correlations:
    """What the units of a trained network go with, over sequences of its task; edited, and with nothing held.

    Raises:
        ValueError: if the setup has no trained network.
    """
    of_network = replace(setup.experiment, interventions=())
    return _correlations(replace(_of_task(setup), experiment=of_network))


def score(setup: Setup) -> float:
    """The score of a trained network on its task, with what is edited and held.

    Raises:
        ValueError: if the setup has no trained network.
    """
    return _score(_of_task(setup))


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False, hash_funcs=KEYS)
def _correlations(setup: Setup) -> Correlations:
    trained = models.load(setup.model)
    return call(concepts.correlations, apply(trained.network, setup.experiment.edits), trained.task)


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False, hash_funcs=KEYS)
def _score(setup: Setup) -> float:
    trained, experiment = models.load(setup.model), setup.experiment
    network = apply(trained.network, experiment.edits)
    return call(concepts.score, network, trained.readout, trained.task, experiment.interventions)


def _of_task(setup: Setup) -> Setup:
    """The same for every sequence that is typed."""
    return replace(setup, text="", change=None)


def _flow_of(done: Run, loss: Loss) -> GradientFlow:
    """The gradient through this very run: the caches forget runs and gradients one by one."""
    found = flow(done.setup, loss)
    return found if found.trace is done.trace else call(gradient_flow, done.network, done.trace, loss)


def check_drawn(*payloads: dict[str, Any]) -> None:
    """Refuse what no message to the browser holds.

    Raises:
        ValueError: with how much it is.
    """
    size = sum(map(_bytes_of, payloads))
    if size > MOST_DRAWN:
        raise ValueError(
            f"What is drawn of a run has at most {MOST_DRAWN / 1e6:.0f} MB; got {size / 1e6:.0f} MB. "
            "Take fewer steps, units or what-ifs."
        )


def _run(setup: Setup, before: Run | None) -> Run:
    trained = models.load(setup.model) if setup.model else None
    if trained is None:
        sequence = encode(setup.text, setup.kind, standardise=setup.standardise)
        network = setup.experiment.build(sequence)
    else:
        sequence = trained.task.encode(setup.text)
        network = apply(trained.network, setup.experiment.edits)
    alignment = None
    if setup.change is not None:
        edited = setup.change.apply(sequence)
        sequence, alignment = edited.sequence, edited.alignment
    trace = record(network, sequence, interventions=setup.experiment.interventions)
    second = None if before is None else before.trace
    payload = stage_payload(network, trace, sequence.features, second, alignment)
    check_drawn(payload)
    said: tuple[Said, ...] = ()
    if trained is not None:
        predicted = trained.predict(trace)
        trace, said = replace(trace, prediction=predicted), tuple(models.said(trained, sequence, predicted))
    return Run(setup, sequence, network, trace, payload, before, alignment, trained, said)


def _bytes_of(content: object) -> int:
    """How much a payload's arrays take in it; everything else is small beside them."""
    if not isinstance(content, dict):
        return 0
    data = content.get("data")
    return len(data) if isinstance(data, str) else sum(map(_bytes_of, content.values()))


def _fitting(setup: Setup, plain: Run) -> tuple[Setup, list[str]]:
    experiment, change, sequence, problems = setup.experiment, setup.change, plain.sequence, []
    if change is not None:
        try:
            sequence = change.apply(sequence).sequence
        except EncodingError as error:
            change, problems = None, [str(error)]
    count = len(experiment.interventions)
    if count * len(sequence) > MOST_CHANGED:
        raise ValueError(
            f"Interventions times timesteps are at most {MOST_CHANGED:,}; got {count} times {len(sequence):,}."
        )
    fits = fitting_in(plain.network, len(sequence), experiment.edits, experiment.interventions)
    experiment = replace(experiment, edits=fits.edits, interventions=fits.interventions)
    return replace(setup, experiment=experiment, change=change), [
        *problems,
        *(why for _, why in fits.left_out),
    ]
