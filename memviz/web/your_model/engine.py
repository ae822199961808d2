"""What is run of a model file: the layer that is chosen, on the sequence that it is fed.

A layer of at most `models.MOST_UNITS` units is lent to the other pages and run as theirs are; of a wider one this page
draws some units, without gradients.
"""

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import streamlit as st

from memviz import models
from memviz.model_files import Feed, RecurrentLayers
from memviz.models import OpenedNetwork
from memviz.network import Network
from memviz.parity import Parity, parity
from memviz.stage import MOST_DRAWN, chosen_payload
from memviz.trace import Trace, record
from memviz.web import engine
from memviz.web.engine import Run
from memviz.web.models import is_linked
from memviz.web.setup import Setup
from memviz.web.your_model.address import FEEDS, YourModelState
from memviz.web.your_model.opening import OpenFile
from memviz.web.your_model.units import liveliest

_LENT = "your_model-lent"
MOST_STEPS = 500
"""Of a sequence for more units than the other pages draw."""
_STEPS, _IDS = 40, 24
_PERIODS = (20, 7, 12, 5)


@dataclass(frozen=True, eq=False)
class Chosen:
    """What of a file is looked at.

    Attributes:
        file: the file.
        module: one of its recurrent modules.
        feed: how a typed text reaches the layer and direction.
        text: the text, or one that memviz makes where none was typed.
    """

    file: OpenFile
    module: RecurrentLayers
    feed: Feed
    text: str

    @property
    def title(self) -> str:
        """The layer for readers."""
        where = f"{self.file.name}: {self.module.prefix or 'model'}"
        layer = f", layer {self.feed.layer}" * (self.module.layers > 1)
        return where + layer + ", reverse" * self.feed.direction

    @property
    def place(self) -> str:
        """What tells the layer from others of its file."""
        feed = self.feed
        parts = (
            self.module.prefix,
            feed.layer,
            feed.direction,
            feed.nonlinearity,
            feed.embedding is not None,
        )
        return repr(parts)


def module_of(state: YourModelState, file: OpenFile) -> RecurrentLayers:
    """The module of a state; one that the file does not have means its last."""
    modules = file.content.modules
    return modules[min(state.module, len(modules) - 1)]


def chosen(state: YourModelState, file: OpenFile) -> Chosen:
    """What a state means in a file; a layer that it does not have means its last."""
    module = module_of(state, file)
    embedding = file.content.embedding_of(module) if state.feed == FEEDS[0] else None
    layer, direction = min(state.layer, module.layers - 1), min(state.direction, module.directions - 1)
    feed = Feed(module, layer, direction, state.nonlinearity, embedding)
    return Chosen(file, module, feed, state.text or default_text(file, module, embedding is not None))


def default_text(file: OpenFile, module: RecurrentLayers, is_embedded: bool) -> str:
    """A sequence for a model that was fed none: token ids one after another, or waves of different periods."""
    first = file.content.modules[0]
    if module is first and is_embedded == (file.content.embedding_of(first) is not None) and file.text:
        return file.text
    if is_embedded:
        assert file.content.embedding is not None
        return " ".join(str(each % len(file.content.embedding)) for each in range(_IDS))
    rows = []
    for t in range(_STEPS):
        row = []
        for column in range(module.input_size):
            period = _PERIODS[column % len(_PERIODS)] + column // len(_PERIODS)
            row.append(f"{math.sin(2 * math.pi * (t + column) / period):.3f}")
        rows.append(", ".join(row))
    return "\n".join(rows)


def lent(wanted: Chosen) -> str:
    """The name by which the other pages know what is chosen; "" where it is too wide for them.

    The example has one name for everybody, so that whoever only looks takes no place from others; with a sequence that
    no link holds it is lent as a file of one's own, or the other pages would show another sequence.
    """
    if wanted.module.hidden_size > models.MOST_UNITS:
        return ""
    if wanted.file.is_example:
        default = default_text(wanted.file, wanted.module, wanted.feed.embedding is not None)
        digest = hashlib.sha256((wanted.file.key + wanted.place).encode()).hexdigest()[:32]
        if wanted.text == default or is_linked(f"own-{digest}", wanted.text):
            return models.lend(OpenedNetwork(wanted.feed, default), wanted.title, f"own-{digest}")
    known: dict[tuple[str, str], tuple[str, str]] = st.session_state.setdefault(_LENT, {})
    key = (wanted.file.key, wanted.place)
    name, text = known.get(key, ("", ""))
    if text != wanted.text or not models.is_known(name):
        name = models.lend(OpenedNetwork(wanted.feed, wanted.text), wanted.title, name)
        known[key] = name, wanted.text
    return name


def run(wanted: Chosen) -> Run:
    """Run a layer of at most `models.MOST_UNITS` units over its sequence.

    Raises:
        EncodingError: if the text is no such sequence.
        ValueError: if the numbers overflow, or more is to be drawn than a message holds.
    """
    network = OpenedNetwork(wanted.feed, wanted.text)
    return engine.run(Setup(network.experiment, wanted.text, wanted.feed.typed_kind, model=lent(wanted)))


@dataclass(frozen=True, eq=False)
class WideRun:
    """A wider layer that ran over its sequence.

    Attributes:
        network: the layer.
        trace: the run.
        units: those that are drawn.
        liveliest: those whose hidden states vary most over the sequence, as many as are drawn at most.
        payload: what the stage draws of them.
        proof: how far the run is from torch.nn.
    """

    network: Network
    trace: Trace
    units: tuple[int, ...]
    liveliest: tuple[int, ...]
    payload: dict[str, Any]
    proof: Parity


def run_wide(wanted: Chosen, units: tuple[int, ...]) -> WideRun:
    """Run a layer of more units, of which some are drawn; those that it does not have are left out.

    Args:
        wanted: the layer and its sequence.
        units: which are drawn, in ascending order; where there are none, the first ones.

    Raises:
        EncodingError: if the text is no such sequence.
        ValueError: if the sequence is longer than MOST_STEPS, the numbers overflow, or more is to be drawn than a
            message holds.
    """
    size = wanted.module.hidden_size
    drawn = tuple(unit for unit in units if unit < size) or tuple(range(min(MOST_DRAWN, size)))
    return _wide(wanted.file.key, wanted.place, wanted.text, drawn, wanted.feed)


@st.cache_resource(scope="session", max_entries=2, show_spinner=False)
def _wide(key: str, place: str, text: str, units: tuple[int, ...], _feed: Feed) -> WideRun:
    return engine.call(_run_wide, _feed, text, units)


def _run_wide(feed: Feed, text: str, units: tuple[int, ...]) -> WideRun:
    sequence, network = feed.encode(text), feed.network()
    if len(sequence) > MOST_STEPS:
        raise ValueError(
            f"With more than {models.MOST_UNITS} units a sequence has at most {MOST_STEPS} steps here; "
            f"got {len(sequence):,}."
        )
    trace = record(network, sequence)
    payload = chosen_payload(network, trace, units, sequence.features)
    engine.check_drawn(payload)
    return WideRun(network, trace, units, liveliest(trace), payload, parity(network, trace))
