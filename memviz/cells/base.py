"""What every cell shares: the description of a cell, the tap, and how a step gives back its signals.

A cell is one pure step, `step(parameters, input, state, tap) -> (next_state, signals)`. Nothing here
holds an equation; those stand in `elman.py`, `lstm.py` and `gru.py`, one line for each line of the paper.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from operator import is_
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear

Parameters = Mapping[str, Tensor]
Tap = Callable[[str, Tensor], Tensor]
State = tuple[Tensor, ...]
"""A NamedTuple of tensors, `HiddenState` or `LSTMState` or `GateState`."""
Signals = Any
"""A NamedTuple of tensors in the order of the equations; its fields depend on the cell."""
Step = Callable[..., tuple[State, Signals]]


def identity(name: str, value: Tensor) -> Tensor:
    """The tap that changes nothing."""
    return value


@dataclass(frozen=True)
class Cell:
    """What a cell is made of: its parameters' layout, its state and its one step.

    Attributes:
        name: as written in code and URLs, such as "lstm-peephole".
        title: as written for readers, such as "LSTM with peepholes".
        family: "elman", "lstm" or "gru"; cells of a family share the draw of their weights.
        gates: the row blocks of `weight_ih` and `weight_hh`, in PyTorch's order, each hidden-size rows high.
        state: each part of the state with the signals that form it; a part of k signals is k * hidden wide.
        step: `step(parameters, input, state, tap=identity) -> (next_state, signals)`. Input
            (features,) or (batch, features); state and signals (unit,) or (batch, unit).
        state_type: the NamedTuple that holds the state.
        note: one sentence on what sets this cell apart, with its convention or its paper.
        torch_name: its class in `torch.nn`, or None.
        nonlinearity: what `torch.nn.RNN` calls it, or None.
        peepholes: the gates with a diagonal weight from the cell state.
        gate_recurrence: whether the gates of the step before feed the gates (`weight_gates`).
        coupled: whether the forget gate is 1 - i.
        candidate_squashed: whether the candidate passes through tanh.
        reset_after: whether the reset gate acts after the matrix product.
    """

    name: str
    title: str
    family: str
    gates: tuple[str, ...]
    state: tuple[tuple[str, tuple[str, ...]], ...]
    step: Step = field(repr=False)
    state_type: Callable[..., State] = field(repr=False)
    note: str = field(repr=False)
    torch_name: str | None = None
    nonlinearity: str | None = None
    peepholes: tuple[str, ...] = ()
    gate_recurrence: bool = False
    coupled: bool = False
    candidate_squashed: bool = True
    reset_after: bool = False

    def __reduce__(self) -> tuple[Callable[[str], "Cell"], tuple[str]]:
        """A cell is pickled and copied by its name, so that it stays one object."""
        return _by_name, (self.name,)

    def parameter_shapes(self, features: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """The name and shape of each parameter, in PyTorch's layout."""
        rows = len(self.gates) * hidden_size
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (rows, features),
            "weight_hh": (rows, hidden_size),
            "bias_ih": (rows,),
            "bias_hh": (rows,),
        }
        shapes |= {f"peephole_{gate}": (hidden_size,) for gate in self.peepholes}
        if self.gate_recurrence:
            shapes["weight_gates"] = (3 * hidden_size, 3 * hidden_size)
        return shapes

    def rows(self, gate: str, hidden_size: int) -> slice:
        """The rows of `weight_ih`, `weight_hh` and the biases that belong to a gate."""
        first = self.gates.index(gate) * hidden_size
        return slice(first, first + hidden_size)

    def state_widths(self, hidden_size: int) -> list[int]:
        """How wide each part of the state is; their sum is the length of the state vector."""
        return [len(signals) * hidden_size for _, signals in self.state]

    def zero_state(self, like: Float[Tensor, "*batch features"], hidden_size: int) -> State:
        """The state before the first step: zeros, with the batch, type and device of an input."""
        return self.state_type(*(like.new_zeros(*like.shape[:-1], w) for w in self.state_widths(hidden_size)))

    @cached_property
    def signal_names(self) -> tuple[str, ...]:
        """The names of all signals of a step, in the order of the equations, read off the step itself."""
        parameters = {name: torch.zeros(shape) for name, shape in self.parameter_shapes(1, 1).items()}
        x = torch.zeros(1)
        _, signals = self.step(parameters, x, self.zero_state(x, 1))
        names: tuple[str, ...] = signals.names
        return names

    @cached_property
    def activations(self) -> tuple[str, ...]:
        """Each gate that the step has, weighted or fixed, and the candidate, in the order of the equations."""
        return tuple(name for name in self.signal_names if name in GATES)

    @cached_property
    def pre_activations(self) -> tuple[str, ...]:
        """The gates, candidate or hidden state that have a pre-activation, in the order of the equations."""
        return tuple(name.removesuffix("_pre") for name in self.signal_names if name.endswith("_pre"))

    def summands(self, name: str) -> tuple[str, ...]:
        """The signals that add up to a pre-activation, in the order in which they are written."""
        kinds = ("from_input", "from_hidden", "from_cell", "from_gates", "bias")
        return tuple(f"{name}_{kind}" for kind in kinds if f"{name}_{kind}" in self.signal_names)


GATES = ("input", "forget", "candidate", "output", "reset", "update")
"""Gates and the candidate of all cells."""
PARTS = ("from_input", "from_hidden", "bias")
"""The summands that all gates have: W x, U h and b."""


def is_part(name: str) -> bool:
    """Whether a signal is a summand of a pre-activation, such as W x."""
    return "_from_" in name or name.endswith("_bias")


def tap_rows(tap: Tap, part: str, gates: tuple[str, ...], rows: Tensor) -> Float[Tensor, "*batch rows"]:
    """Pass one part of every gate's pre-activation, "from_input" say, through the tap: a block of rows a gate.

    The blocks stay together, so that the parts are added once for all gates; that halves a step's time. A tap that has
    `touched`, the set of signals that it changes, is not asked where it changes none.
    """
    if tap is identity:
        return rows
    names = _part_names(part, gates)
    touched: frozenset[str] | None = getattr(tap, "touched", None)
    if touched is not None and touched.isdisjoint(names):
        return rows
    blocks = rows.chunk(len(gates), dim=-1)
    tapped = [tap(name, block) for name, block in zip(names, blocks, strict=True)]
    return rows if all(map(is_, tapped, blocks)) else torch.cat(tapped, dim=-1)


def named(signals: dict[str, Tensor], gates: tuple[str, ...] = (), stacked: tuple[str, ...] = ()) -> Signals:
    """The signals of a step as a NamedTuple; `stacked` are parts that hold a block of rows for each of `gates`.

    The block of a gate is read by its own name, `signals.forget_from_input`. The type has `names`, all signals
    gate by gate in the order of the equations, and `columns`, the same in the order in which they are stored.
    """
    return _signals_type(tuple(signals), gates, stacked)(*signals.values())


def product(
    weight: Float[Tensor, "*networks rows columns"], x: Float[Tensor, "*batch columns"]
) -> Float[Tensor, "*batch rows"]:
    """The matrix product W x, for one vector or for each row of a batch; several networks are a batch of W and of x."""
    if x.ndim == 1:
        return weight @ x  # half the overhead of linear on one vector
    return linear(x, weight) if weight.ndim == 2 else x @ weight.mT


def split_gates(
    rows: Float[Tensor, "*batch rows"], gates: Sequence[str]
) -> dict[str, Float[Tensor, "*batch hidden"]]:
    """The blocks of a stacked pre-activation by the name of their gate."""
    return dict(zip(gates, rows.chunk(len(gates), dim=-1), strict=True))


def _by_name(name: str) -> Cell:
    from memviz.cells import CELLS  # only here: the list of cells is made of this room's own

    return CELLS[name]


@lru_cache(maxsize=64)
def _part_names(part: str, gates: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{gate}_{part}" for gate in gates)


@lru_cache(maxsize=64)
def _signals_type(fields: tuple[str, ...], gates: tuple[str, ...], stacked: tuple[str, ...]) -> Any:
    blocks = {f"{gate}_{part}": (part, index) for part in stacked for index, gate in enumerate(gates)}
    columns = [
        name
        for field in fields
        for name in ([f"{gate}_{field}" for gate in gates] if field in stacked else [field])
    ]

    def block(self: Any, name: str) -> Tensor:
        if name not in blocks:
            raise AttributeError(f"This cell has the signals {', '.join(columns)}; got {name}.")
        part, index = blocks[name]
        chunks: tuple[Tensor, ...] = getattr(self, part).chunk(len(gates), dim=-1)
        return chunks[index]

    members = {"__slots__": (), "__getattr__": block, "names": _in_order(columns), "columns": tuple(columns)}
    return type("Signals", (namedtuple("Fields", fields),), members)


def _in_order(columns: list[str]) -> tuple[str, ...]:
    """The parts of a gate stand before its pre-activation."""
    order: list[str] = []
    for name in columns:
        if name.endswith("_pre"):
            order += [part for part in columns if is_part(part) and part.startswith(name.removesuffix("pre"))]
        if not is_part(name):
            order.append(name)
    return tuple(order)
