"""The engine as the server calls it: one thread for all visitors, each one's results in a small cache of their own.

Threads that compute at once slow each other down by a factor of ten, and torch takes 7 ms longer in each new thread,
which Streamlit makes for every change. The thread lives in a plain module because any visitor can clear Streamlit's
caches.
"""

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import streamlit as st
import torch

from memviz.encoding import Sequence, encode
from memviz.experiment import Experiment
from memviz.gradients import GradientFlow, Loss, gradient_flow
from memviz.network import Network
from memviz.parity import Parity, parity
from memviz.stage import stage_gradients, stage_payload
from memviz.trace import Trace, record

_ENGINE = ThreadPoolExecutor(max_workers=1, thread_name_prefix="memviz-engine")
_KEPT = 3
P = ParamSpec("P")
R = TypeVar("R")
torch.set_num_threads(1)
gc.freeze()  # what is imported stays; collecting it again would stop everybody for 200 ms


def call(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function of the engine on the engine's thread, and wait for what it gives."""
    return _ENGINE.submit(function, *args, **kwargs).result()


@dataclass(frozen=True, eq=False)
class Run:
    """A network that ran over a sequence, and what the stage draws of it."""

    sequence: Sequence
    network: Network
    trace: Trace
    payload: dict[str, Any]


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False)
def run(experiment: Experiment, text: str, kind: str, standardise: bool) -> Run:
    """Build and run a network.

    Raises:
        EncodingError: if the text is no such sequence.
    """
    return call(_run, experiment, text, kind, standardise)


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False)
def flow(experiment: Experiment, text: str, kind: str, standardise: bool, loss: Loss) -> GradientFlow:
    """The gradient of a loss through such a run."""
    done = run(experiment, text, kind, standardise)
    return call(gradient_flow, done.network, done.trace, loss)


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False)
def flow_payload(
    experiment: Experiment, text: str, kind: str, standardise: bool, loss: Loss
) -> dict[str, Any]:
    """What the stage draws of such a gradient."""
    done = run(experiment, text, kind, standardise)
    gradients = flow(experiment, text, kind, standardise, loss)
    return call(stage_gradients, done.network, gradients)


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False)
def proof(experiment: Experiment, text: str, kind: str, standardise: bool) -> Parity:
    """How far such a run is from torch.nn."""
    done = run(experiment, text, kind, standardise)
    return call(parity, done.network, done.trace)


def _run(experiment: Experiment, text: str, kind: str, standardise: bool) -> Run:
    sequence = encode(text, kind, standardise=standardise)
    network = experiment.build(sequence)
    trace = record(network, sequence)
    return Run(sequence, network, trace, stage_payload(network, trace, sequence.features))
