"""Gradient flow over time, from one-step Jacobians.

With every state known, time is a batch: one differentiated call of the step gives each one-step Jacobian
J_t = d state_t / d state_{t-1}. A gradient over time is then a product of them, run backwards:
lambda_{t-1} = J_t^T lambda_t + dL/d state_{t-1} with L's own, direct term. No derivative is written by hand;
each comes from the one step function in `memviz.cells`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from memviz.cells import is_part
from memviz.network import Network
from memviz.trace import Array, Inputs, Trace, record

_CHUNK_NUMBERS = 2**18
"""Numbers of Jacobian held at once: 2 MB, which stay in a core's cache."""

_REPLAY_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Loss:
    """What is differentiated: hidden units at one step.

    Attributes:
        timestep: the step whose hidden state is read, 0 to T - 1; None is the last.
        unit: the unit that is read; None is the sum of all.
    """

    timestep: int | None = None
    unit: int | None = None

    def direct(self, time: int, units: int) -> Array:
        """The loss's own term dL/dh_t with every later step cut, (time, unit).

        Raises:
            ValueError: if the timestep or the unit does not exist.
        """
        timestep = time - 1 if self.timestep is None else self.timestep
        if not 0 <= timestep < time:
            raise ValueError(f"The loss reads a timestep from 0 to {time - 1}; got {self.timestep}.")
        if self.unit is not None and not 0 <= self.unit < units:
            raise ValueError(f"The loss reads a unit from 0 to {units - 1}; got {self.unit}.")
        direct = np.zeros((time, units))
        direct[timestep, slice(None) if self.unit is None else self.unit] = 1.0
        return direct


@dataclass(frozen=True, eq=False)
class GradientFlow:
    """The gradient of a loss at every step, float64.

    Attributes:
        loss: what was differentiated.
        tokens: one for each timestep.
        state: dL/d state_t with each part of the state (hidden, cell) held independent, (time, state).
        signals: the total derivative, all paths, as `retain_grad` gives it, by signal, (time, unit): each
            gate and candidate "G" and its "G_pre", "cell", "cell_tanh" and "hidden".
        trace: the run that was differentiated.
    """

    loss: Loss
    tokens: tuple[str, ...]
    state: Float[np.ndarray, "time state"]
    signals: Mapping[str, Array]
    _network: Network = field(repr=False)
    trace: Trace = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "signals", MappingProxyType(dict(self.signals)))
        for array in (self.state, *self.signals.values()):
            array.setflags(write=False)

    def __reduce__(self) -> tuple[type["GradientFlow"], tuple[object, ...]]:
        """Pickled and copied through its constructor."""
        parts = (self.loss, self.tokens, self.state, dict(self.signals), self._network, self.trace)
        return GradientFlow, parts

    @property
    def hidden(self) -> Array:
        """dL/dh_t, all paths. Shape (time, unit)."""
        return self.signals["hidden"]

    @property
    def cell(self) -> Array | None:
        """dL/dc_t, all paths: also the one out through h_t. Shape (time, unit); None where a cell has no c."""
        return self.signals.get("cell")

    @property
    def pre(self) -> dict[str, Array]:
        """dL/da_t of the pre-activation of each gate and candidate, by name. Shape (time, unit)."""
        names = self._network.cell.pre_activations
        return {name: self.signals[f"{name}_pre"] for name in names}

    @property
    def initial(self) -> dict[str, Float[np.ndarray, " width"]]:
        """dL/d of each part of the state before step 0, all paths, by name, computed when asked for."""
        states, values = _tensors(self.trace)
        with torch.inference_mode(False), torch.enable_grad():
            first = _Steps(self._network, states[:1], values[:1]).jacobians().numpy()[0]
        before = self.state[0] @ first
        cell = self._network.cell
        ends = np.cumsum(cell.state_widths(self.trace.units))[:-1]
        return dict(zip((part for part, _ in cell.state), np.split(before, ends), strict=True))

    @property
    def jacobians(self) -> Float[np.ndarray, "time state state"]:
        """d state_t / d state_{t-1}, computed when asked for. Shape (time, state, state)."""
        with torch.inference_mode(False), torch.enable_grad():
            return _Steps(self._network, *_tensors(self.trace)).jacobians().numpy()

    def norms(self, name: str) -> Float[np.ndarray, " time"]:
        """The Euclidean norm over units of the gradient of a signal, such as "hidden" or "forget_pre"."""
        # Scaled by the largest, because squares underflow where the gradient itself does not.
        values = np.abs(self.signals[name])
        largest = values.max(axis=1)
        safe = np.where(largest > 0, largest, 1.0)
        scaled: Float[np.ndarray, " time"] = largest * np.sqrt(((values / safe[:, None]) ** 2).sum(axis=1))
        return scaled

    def log10_norms(self, name: str) -> Float[np.ndarray, " time"]:
        """log10 of `norms`; an exact zero is -inf. Shape (time,)."""
        with np.errstate(divide="ignore"):
            return np.log10(self.norms(name))

    def to_frame(self) -> Any:
        """A tidy pandas DataFrame with the columns timestep, token, signal, norm and log10 of the norm."""
        import pandas as pd  # only here: the engine runs without it

        frames = [
            pd.DataFrame(
                {
                    "timestep": range(len(self.tokens)),
                    "token": self.tokens,
                    "signal": name,
                    "norm": self.norms(name),
                    "log10_norm": self.log10_norms(name),
                }
            )
            for name in self.signals
        ]
        return pd.concat(frames, ignore_index=True)


def gradient_flow(network: Network, inputs: Inputs | Trace, loss: Loss = Loss()) -> GradientFlow:
    """The gradient of a loss with respect to every state and pre-activation at every step.

    Args:
        network: the network.
        inputs: a Sequence, numbers (time, features), or a Trace of this network.
        loss: by default the sum of the last hidden state.

    Raises:
        ValueError: if the loss reads a step or unit that does not exist, or a trace is of another network.
    """
    trace = inputs if isinstance(inputs, Trace) else record(network, inputs)
    trace.check_is_of(network)
    direct = loss.direct(len(trace), trace.units)
    with torch.inference_mode(False), torch.enable_grad():  # whatever the caller has switched off
        adjoint, signals = _run_back(network, trace, direct)
    return GradientFlow(loss, trace.tokens, adjoint, signals, network, trace)


def _run_back(
    network: Network, trace: Trace, direct: Array
) -> tuple[Float[np.ndarray, "time state"], dict[str, Array]]:
    """The adjoint of the state, lambda_{t-1} += J_t^T lambda_t from the end, and the gradients by all signals."""
    states, values = _tensors(trace)
    adjoint = np.zeros(states.shape)
    adjoint[:, : trace.units] = direct  # the hidden state is the first part of every state
    names = _differentiated(network)
    signals = {name: np.zeros(direct.shape) for name in names}

    last = int(np.flatnonzero(direct.any(axis=1)).max())  # nothing after the loss can change it
    chunk = max(1, _CHUNK_NUMBERS // states.shape[1] ** 2)
    for stop in range(last + 1, 0, -chunk):
        span = slice(max(0, stop - chunk), stop)
        steps = _Steps(network, states[span], values[span])
        _check_replay(steps, trace["hidden"][span])
        jacobians = steps.jacobians().numpy()
        for t in range(stop - 1, max(span.start, 1) - 1, -1):
            adjoint[t - 1] += adjoint[t] @ jacobians[t - span.start]
        gradients = steps.signal_gradients(names, torch.from_numpy(adjoint[span]))
        for name, gradient in zip(names, gradients, strict=True):
            signals[name][span] = gradient.numpy()
    return adjoint, signals


class _Steps:
    """Some steps of a network as one differentiable batch, each from its known state."""

    def __init__(self, network: Network, states: Tensor, values: Tensor) -> None:
        cell = network.cell
        self._states = states.clone().requires_grad_()
        parts = self._states.split(cell.state_widths(network.hidden_size), dim=1)
        after, self.signals = network.step(values, cell.state_type(*parts), _differentiable)
        self._after = torch.cat(after, dim=1)

    def jacobians(self) -> Float[Tensor, "time state state"]:
        """J_t = d state_t / d state_{t-1}: one backward pass, vmapped over the rows of all J_t."""
        time, width = self._after.shape
        rows = torch.eye(width, dtype=torch.float64)[:, None].expand(width, time, width)
        (by_row,) = torch.autograd.grad(
            self._after, self._states, rows, retain_graph=True, is_grads_batched=True
        )
        return by_row.transpose(0, 1)

    def signal_gradients(
        self, names: list[str], adjoint: Float[Tensor, "time state"]
    ) -> list[Float[Tensor, "time unit"]]:
        """The total derivative by each signal: every later step is in the adjoint."""
        signals = [getattr(self.signals, name) for name in names]
        return list(torch.autograd.grad(self._after, signals, adjoint))


def _differentiable(name: str, value: Tensor) -> Tensor:
    """A tap that lets a constant be differentiated by, such as a gate that a cell fixes at 1."""
    return value if value.requires_grad else value.requires_grad_()


def _differentiated(network: Network) -> list[str]:
    """The signals whose gradient is kept: all but the parts of a pre-activation, whose gradient is its own."""
    return [name for name in network.cell.signal_names if not is_part(name)]


def _check_replay(steps: _Steps, hidden: Array) -> None:
    """A trace of another network would give a wrong gradient in silence."""
    replayed = steps.signals.hidden.detach().numpy()
    if not np.abs(replayed - hidden).max() <= _REPLAY_TOLERANCE * max(1.0, np.abs(hidden).max()):
        raise ValueError("The trace was recorded from another network than the one given.")


def _tensors(trace: Trace) -> tuple[Float[Tensor, "time state"], Float[Tensor, "time features"]]:
    return torch.from_numpy(trace.state_before()), torch.tensor(trace.inputs)
