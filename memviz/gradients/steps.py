"""Steps of a network as one differentiable batch, each from its known state: time, and networks, are batch axes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from memviz.cells import Cell, Tap, identity, is_part

_CHUNK_NUMBERS = 2**18
"""Numbers of Jacobian held at once: 2 MB, which stay in a core's cache."""
_STATE_IN_GATES = ("_from_hidden", "_from_cell", "_from_gates")


def detach_gates(name: str, value: Tensor) -> Tensor:
    """The tap of 1997: what the gates and the candidate see of the state is a constant.

    Hochreiter & Schmidhuber, "Long short-term memory" (1997), truncate the gradient there; peepholes and fed back
    gates are cut in the same way. It cuts the weights of the state along with it, so it is for derivatives by the
    state alone.
    """
    return value.detach() if name.endswith(_STATE_IN_GATES) else value


def detach_within(name: str, value: Tensor) -> Tensor:
    """What is left to be cut where a step starts from a constant: the output gate's peephole sees the step's own c."""
    return value.detach() if name == "output_from_cell" else value


def after_cut(cut: Tap, tap: Tap) -> Tap:
    """The tap of a run's interventions, after what is cut for the gradient alone."""
    if cut is identity or tap is identity:
        return tap if cut is identity else cut
    return lambda name, value: tap(name, cut(name, value))


def differentiated(cell: Cell) -> list[str]:
    """The signals whose gradient is kept: all but the parts of a pre-activation, whose gradient is its own."""
    return [name for name in cell.signal_names if not is_part(name)]


def chunks(last: int, width: int) -> Iterator[slice]:
    """The timesteps 0 to `last`, backwards, in slices whose Jacobians of `width` fit into a core's cache."""
    chunk = max(1, _CHUNK_NUMBERS // width**2)
    for stop in range(last + 1, 0, -chunk):
        yield slice(max(0, stop - chunk), stop)


@contextmanager
def differentiating() -> Iterator[None]:
    """Differentiate, whatever the caller has switched off."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


class Steps:
    """Some steps of a cell, each from its own state, differentiable; networks may stand in front of time.

    Detached, the gates and the candidate see the state as a constant. The tap is that of a run's interventions; where
    the state was reset, no gradient goes back to the one that was thrown away.
    """

    def __init__(
        self,
        cell: Cell,
        parameters: Mapping[str, Tensor],
        states: Float[Tensor, "*networks time state"],
        values: Float[Tensor, "*networks time features"],
        detached: bool = False,
        tap: Tap = identity,
        is_reset: Bool[np.ndarray, " time"] | None = None,
    ) -> None:
        self._start = (cell, parameters, states, values)
        self._detached, self._tap, self._is_reset = detached, tap, is_reset
        self._run(detach_within if detached else identity)

    @differentiating()
    def _run(self, cut: Tap) -> None:
        cell, parameters, states, values = self._start
        tap, is_reset = after_cut(cut, self._tap), self._is_reset
        hidden_size = parameters["weight_hh"].shape[-1]
        self.states = states.clone().requires_grad_()
        entered = self.states
        if is_reset is not None and is_reset.any():
            entered = torch.where(torch.tensor(is_reset)[:, None], self.states.detach(), self.states)
        parts = entered.split(cell.state_widths(hidden_size), dim=-1)

        def leaf(name: str, value: Tensor) -> Tensor:
            # A constant becomes a leaf, so that it can be differentiated by: a gate fixed at 1, a part that is cut.
            changed = tap(name, value)
            return changed if changed.requires_grad else changed.requires_grad_()

        after, self.signals = cell.step(parameters, values.clone(), cell.state_type(*parts), leaf)
        self.after = torch.cat(after, dim=-1)

    def jacobians(self) -> Float[Tensor, "*networks time state state"]:
        """J_t = d state_t / d state_{t-1}: one backward pass, vmapped over the rows of all J_t."""
        if not self._detached:
            return self._by_rows(self.after, self.states)
        cut = Steps(*self._start, tap=self._tap, is_reset=self._is_reset)
        cut._run(detach_gates)
        return cut._by_rows(cut.after, cut.states)

    def by_signal(self, name: str) -> Float[Tensor, "*networks time state unit"]:
        """d state_t / d signal_t, within the step."""
        return self._by_rows(self.after, getattr(self.signals, name))

    @differentiating()
    def gradients(
        self, names: list[str], adjoint: Float[Tensor, "*networks time state"]
    ) -> list[Float[Tensor, "*networks time unit"]]:
        """The gradient by each signal of what has this adjoint by the states after the steps."""
        signals = [getattr(self.signals, name) for name in names]
        return list(
            torch.autograd.grad(self.after, signals, adjoint, retain_graph=True, materialize_grads=True)
        )

    @differentiating()
    def slopes(self, name: str) -> Float[Tensor, "*networks time unit"]:
        """d activation / d pre-activation of a gate, the candidate or Elman's hidden state: f(1 - f), 1 - g^2."""
        activation, pre = getattr(self.signals, name), getattr(self.signals, f"{name}_pre")
        (slope,) = torch.autograd.grad(activation.sum(), pre, retain_graph=True)
        return slope

    @differentiating()
    def _by_rows(self, outputs: Tensor, inputs: Tensor) -> Tensor:
        width = outputs.shape[-1]
        rows = torch.eye(width, dtype=torch.float64)
        rows = rows.view(width, *(1,) * (outputs.ndim - 1), width).expand(width, *outputs.shape)
        (by_row,) = torch.autograd.grad(
            outputs, inputs, rows, retain_graph=True, is_grads_batched=True, materialize_grads=True
        )
        if by_row.shape != (width, *inputs.shape):  # without any path torch makes zeros of one row alone
            by_row = by_row.expand(width, *inputs.shape)
        return by_row.movedim(0, -2)
