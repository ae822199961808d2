"""The engine as the server calls it: under one lock, each visitor's results in a small cache of their own.

Threads that compute at once slow each other down by a factor of ten, so one lock serves all sessions. It lives in
a plain module because any visitor can clear Streamlit's caches.
"""

import threading
from dataclasses import dataclass
from typing import Any

import streamlit as st
import torch

from memviz.encoding import Sequence, encode
from memviz.experiment import Experiment
from memviz.gradients import GradientFlow, Loss, gradient_flow
from memviz.network import Network
from memviz.parity import Parity, parity
from memviz.stage import stage_payload
from memviz.trace import Trace, record

_LOCK = threading.Lock()
_KEPT = 3
torch.set_num_threads(1)


@dataclass(frozen=True, eq=False)
class Run:
    """A network that ran over a sequence, with the proof of its numbers and what the stage draws of it."""

    sequence: Sequence
    network: Network
    trace: Trace
    parity: Parity
    payload: dict[str, Any]


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False)
def run(experiment: Experiment, text: str, kind: str, standardise: bool) -> Run:
    """Build and run a network.

    Raises:
        EncodingError: if the text is no such sequence.
    """
    with _LOCK:
        sequence = encode(text, kind, standardise=standardise)
        network = experiment.build(sequence)
        trace = record(network, sequence)
        payload = stage_payload(network, trace, sequence.features)
        return Run(sequence, network, trace, parity(network, trace), payload)


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False)
def flow(experiment: Experiment, text: str, kind: str, standardise: bool, loss: Loss) -> GradientFlow:
    """The gradient of a loss through such a run."""
    done = run(experiment, text, kind, standardise)
    with _LOCK:
        return gradient_flow(done.network, done.trace, loss)
