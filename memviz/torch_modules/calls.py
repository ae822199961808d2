"""What is kept of one call of a module: signals and gradients by name, and the way to a `Trace` and a `Network`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from memviz.encoding import Sequence
from memviz.network import Network
from memviz.torch_modules.forms import Form, Weights
from memviz.trace import Trace, record

DIMENSIONS = ("layer", "direction", "batch", "time", "unit")
DIRECTIONS = ("forward", "reverse")
Kept = Float[Tensor, "layer direction batch time unit"]


class Layer(NamedTuple):
    """One direction of one layer, for one sample: what every figure, gradient and intervention of memviz takes."""

    network: Network
    trace: Trace


@dataclass(frozen=True, eq=False, repr=False)
class Call:
    """Every signal of one call of a module; of a Cell, of the calls that follow each other.

    `call["forget"]` is a tensor (layer, direction, batch, time, unit). Row t is the value after the step that reads
    timestep t, in both directions, as in the output of torch.nn; so the state before step t of the reverse direction is
    row t + 1. Padding is NaN. A module in half precision is shown in float32.

    Attributes:
        form: what the module is made of.
        layers: the numbers of the layers that were kept: the labels of the first dimension.
        signals: by name, in the order of the equations.
        gradients: by name, as `gradient` gives them; empty where there are none.
        why_no_gradient: what to do where there are none.
        inputs: of each kept layer, (batch, time, features), after what was dropped.
        initial: the state before the first step, by part, (layer, direction, batch, _).
        weights: of each kept (layer, direction), as they were during the call; zeros for biases that a module has not.
        lengths: of each sample of a packed input; None without padding.
        unbatched: whether the input had no batch; it is then shown as a batch of 1.
    """

    form: Form
    layers: tuple[int, ...]
    signals: Mapping[str, Kept]
    gradients: Mapping[str, Kept]
    why_no_gradient: str
    inputs: Mapping[int, Float[Tensor, "batch time features"]]
    initial: Mapping[str, Float[Tensor, "layer direction batch _"]]
    weights: Mapping[tuple[int, int], Weights] = field(default_factory=dict)
    lengths: Tensor | None = None
    unbatched: bool = False

    def __post_init__(self) -> None:
        for name in ("signals", "gradients", "inputs", "initial", "weights"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __getitem__(self, name: str) -> Kept:
        """One signal.

        Raises:
            KeyError: if it was not kept; the message names those that were.
        """
        if name not in self.signals:
            raise KeyError(f'{self.form} has kept the signals {", ".join(self.signals)}; got "{name}".')
        return self.signals[name]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the signals that were kept."""
        return tuple(self.signals)

    @property
    def gradient(self) -> Mapping[str, Kept]:
        """The total derivatives of the loss of the user's own backward pass, all paths; the sum over several passes.

        "input", "forget", "candidate", "output", "reset", "update": dL/da of its pre-activation; "cell": dL/dc, also
        the way out through h; "hidden": dL/dh; "hidden_pre" of an Elman network: dL/da.

        Raises:
            ValueError: if no gradient was recorded; the message says what to do.
        """
        if not self.gradients:
            raise ValueError(f"No gradient has reached {self.form}: {self.why_no_gradient}")
        return self.gradients

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """How many layers, directions, samples and timesteps there are."""
        first = next(iter(self.inputs.values()))
        return len(self.layers), self.form.directions, first.shape[0], first.shape[1]

    @property
    def padding(self) -> Bool[Tensor, "batch time"]:
        """True where a sample has ended."""
        _, _, batch, time = self.shape
        if self.lengths is None:
            return torch.zeros(batch, time, dtype=torch.bool)
        return torch.arange(time) >= self.lengths[:, None]

    @property
    def nbytes(self) -> int:
        """What it holds: each signal costs layers * directions * batch * time * units numbers."""
        tensors = (*self.signals.values(), *self.gradients.values(), *self.inputs.values())
        return sum(tensor.numel() * tensor.itemsize for tensor in tensors)

    def sample(self, index: int) -> "Sample":
        """One sample of the batch.

        Raises:
            IndexError: if there is no such sample.
        """
        batch = self.shape[2]
        if not -batch <= index < batch:
            raise IndexError(f"{self.form} was called on samples 0 to {batch - 1}; got {index}.")
        return Sample(self, index % batch)

    def to_frame(self, names: Iterable[str] | None = None) -> Any:
        """A tidy pandas DataFrame: layer, direction, batch, timestep, signal, unit, value; without padding.

        Args:
            names: the signals, all by default.

        Raises:
            KeyError: if a signal was not kept.
        """
        import pandas as pd  # only here: the engine runs without it

        there = ~self.padding.numpy()
        columns: dict[str, list[Any]] = {name: [] for name in ("layer", "direction", "batch", "timestep")}
        columns |= {"signal": [], "unit": [], "value": []}
        for name in self.names if names is None else tuple(names):
            values = self[name].cpu().numpy()
            rows = np.broadcast_to(there[None, None, :, :, None], values.shape)
            layer, direction, batch, time, unit = np.nonzero(rows)
            columns["layer"].append(np.array(self.layers)[layer])
            columns["direction"].append(np.array(DIRECTIONS, dtype=object)[direction])
            columns["batch"].append(batch)
            columns["timestep"].append(time)
            columns["signal"].append(np.full(len(unit), name, dtype=object))
            columns["unit"].append(unit)
            columns["value"].append(values[rows])
        return pd.DataFrame({name: np.concatenate(parts) for name, parts in columns.items()})

    def to_xarray(self) -> Any:
        """An xarray Dataset: signals, and gradients as "gradient_forget"; a projected h has the dimension "projection".

        Raises:
            ImportError: if xarray is not installed.
        """
        try:
            import xarray
        except ImportError as error:
            raise ImportError("to_xarray needs xarray: pip install xarray.") from error

        kept = dict(self.signals) | {f"gradient_{name}": value for name, value in self.gradients.items()}
        arrays = {name: (self._dimensions(value), value.cpu().numpy()) for name, value in kept.items()}
        directions = list(DIRECTIONS[: self.form.directions])
        return xarray.Dataset(
            arrays | {"padding": (DIMENSIONS[2:4], self.padding.numpy())},
            coords={"layer": list(self.layers), "direction": directions},
            attrs={"module": self.form.path, "cell": self.form.cell.name},
        )

    def _dimensions(self, value: Tensor) -> tuple[str, ...]:
        projected = value.shape[-1] != self.form.hidden_size
        return (*DIMENSIONS[:4], "projection") if projected else DIMENSIONS

    def __repr__(self) -> str:
        _, directions, batch, time = self.shape
        return (
            f"<Call of {self.form}: layers {', '.join(map(str, self.layers))}, directions {directions}, "
            f"batch {batch}, {time} timesteps, {self.form.hidden_size} units\n"
            f"  signals    {', '.join(self.signals)}\n"
            f"  gradients  {', '.join(self.gradients) or 'none'}>"
        )


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample of a call."""

    call: Call
    index: int

    def layer(self, layer: int = 0, direction: int = 0, tokens: Iterable[str] | None = None) -> Layer:
        """One layer as a memviz `Network` and the `Trace` of it over this sample, in float64.

        The network runs the sample again from the module's own weights, inputs and initial state, so that it differs
        from the recording by the module's rounding. The reverse direction is a run from the sample's end to its
        start. A projected LSTM is the plain one with U W_hr in the place of U: the same gates and cells, and its
        hidden state is the one before the projection.

        Args:
            layer: the number of a layer that was kept.
            direction: 0, or 1 for the reverse direction.
            tokens: what to call the timesteps, in the order of time; by default their numbers.

        Raises:
            ValueError: if there is no such layer or direction, if there is another number of tokens than timesteps,
                if the weights or the sample are not finite, or if a given projected state is the projection of no
                state.
        """
        call = self.call
        if layer not in call.layers or not 0 <= direction < call.form.directions:
            raise ValueError(
                f"{call.form} has kept the layers {', '.join(map(str, call.layers))} and has the directions 0 to "
                f"{call.form.directions - 1}; got layer {layer}, direction {direction}."
            )
        length = call.shape[3] if call.lengths is None else int(call.lengths[self.index])
        names = tuple(map(str, range(length))) if tokens is None else tuple(tokens)
        if len(names) != length:
            raise ValueError(f"This sample has {length} timesteps, a token for each; got {len(names)}.")
        values = call.inputs[layer][self.index, :length].double().cpu().numpy()
        features = tuple(str(k) for k in range(values.shape[1]))
        step = -1 if direction else 1
        sequence = Sequence(names[::step], None, values[::step], features, "numbers")
        weights = {name: value.double() for name, value in call.weights[layer, direction].items()}
        row = call.layers.index(layer)
        state = [part[row, direction, self.index].double().cpu() for part in call.initial.values()]
        if (projection := weights.pop("weight_hr", None)) is not None:
            weights["weight_hh"] = weights["weight_hh"] @ projection
            state[0] = _unprojected(projection.cpu(), state[0])
        network = Network(call.form.cell, weights)
        return Layer(network, record(network, sequence, call.form.cell.state_type(*state)))


def _unprojected(projection: Tensor, shown: Tensor) -> Tensor:
    """A hidden state that is projected to the one given."""
    found = torch.linalg.pinv(projection) @ shown
    if not torch.allclose(projection @ found, shown, atol=1e-9):
        raise ValueError("A given hidden state is the projection of some state; got one that is of none.")
    return found
