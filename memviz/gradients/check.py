"""One number of a gradient, computed in three ways that share nothing but the step and the loss."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from memviz.cells import Tap, identity
from memviz.gradients.flow import GradientFlow
from memviz.gradients.steps import after_cut, detach_gates, detach_within, differentiating

DIFFERENCE = 1e-5
"""How far the signal is moved for the central difference."""


@dataclass(frozen=True)
class Check:
    """dL/d(signal) at one timestep of one unit.

    Attributes:
        signal, timestep, unit: which number.
        jacobians: as the product of one-step Jacobians has it.
        autograd: by torch's tape, from that step to the loss.
        difference: by a central difference of the loss; None where gates or signals are detached, which no difference
            can do.
        resolution: the rounding of a central difference: nothing smaller can be seen by one.
    """

    signal: str
    timestep: int
    unit: int
    jacobians: float
    autograd: float
    difference: float | None
    resolution: float

    @property
    def autograd_error(self) -> float:
        """The relative difference of autograd from the product of Jacobians."""
        return _relative(self.autograd, self.jacobians)

    @property
    def difference_error(self) -> float | None:
        """The relative difference of the central difference; None where it can say nothing."""
        if self.difference is None or abs(self.jacobians) < 10 * self.resolution:
            return None
        return _relative(self.difference, self.jacobians)


def check(flow: GradientFlow, signal: str, timestep: int, unit: int) -> Check:
    """Compute one number of a gradient in three ways.

    Raises:
        ValueError: if the flow has no such signal, timestep or unit.
    """
    if signal not in flow.scaled:
        raise ValueError(f"The gradient is by {', '.join(flow.scaled)}; got {signal!r}.")
    if not (0 <= timestep < len(flow.tokens) and 0 <= unit < flow.trace.units):
        raise ValueError(
            f"A timestep is 0 to {len(flow.tokens) - 1} and a unit 0 to {flow.trace.units - 1}; "
            f"got step {timestep}, unit {unit}."
        )
    with differentiating():
        move = torch.zeros((), dtype=torch.float64, requires_grad=True)
        value = _loss(flow, signal, timestep, unit, move)
        (gradient,) = (
            torch.autograd.grad(value, move, materialize_grads=True)
            if value.requires_grad
            else (torch.zeros_like(move),)
        )
    difference = None
    if not (flow.detached or flow.trace.plan().cuts):
        with torch.no_grad():
            up, down = (
                float(_loss(flow, signal, timestep, unit, torch.tensor(by, dtype=torch.float64)))
                for by in (DIFFERENCE, -DIFFERENCE)
            )
        difference = (up - down) / (2 * DIFFERENCE)
    resolution = float(np.finfo(np.float64).eps) * max(abs(float(value.detach())), 1e-300) / DIFFERENCE
    exact = float(flow.signals[signal][timestep, unit])
    return Check(signal, timestep, unit, exact, float(gradient), difference, resolution)


def _loss(flow: GradientFlow, signal: str, timestep: int, unit: int, move: Tensor) -> Tensor:
    """The loss of a run in which one unit's signal is moved at one step; the steps before it are the trace's."""
    network, trace, plan = flow.network, flow.trace, flow.trace.plan()
    cell, taps = network.cell, plan.taps()

    def at(t: int, cut: Tap) -> Tap:
        return after_cut(cut if flow.detached else identity, taps[t] or identity)

    def moved(name: str, value: Tensor) -> Tensor:
        value = at(timestep, detach_within)(name, value)
        return value + move * torch.eye(trace.units, dtype=torch.float64)[unit] if name == signal else value

    state = cell.state_type(
        *torch.tensor(trace.state_before()[timestep]).split(cell.state_widths(trace.units))
    )
    hidden = list(torch.tensor(trace["hidden"][:timestep]).unbind())
    inputs = torch.tensor(trace.inputs)
    for t in range(timestep, len(trace)):
        if t in plan.resets:
            state = cell.state_type(*(torch.zeros_like(part) for part in state))
        state, signals = network.step(inputs[t], state, moved if t == timestep else at(t, detach_gates))
        hidden.append(signals.hidden)
    return flow.loss.value(torch.stack(hidden))


def _relative(value: float, exact: float) -> float:
    if value == exact:
        return 0.0
    return abs(value - exact) / abs(exact) if exact else float("inf")
