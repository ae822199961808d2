"""What each timestep adds to the gradient of a weight matrix: dL/dW is a sum over time, and its summands can cancel."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.func import grad, vmap

from memviz.cells import Tap, identity
from memviz.gradients.flow import GradientFlow
from memviz.gradients.scaled import Scaled
from memviz.gradients.steps import after_cut, detach_within, differentiating
from memviz.interventions import Rows

_CHUNK_NUMBERS = 2**21
"""Numbers of weight gradient held at once: 16 MB."""
_LOWEST = -(2**40)
"""The exponent of a contribution of zero."""


@dataclass(frozen=True, eq=False)
class WeightContributions:
    """The gradient of one parameter, dL/dW = sum over t of contribution_t.

    Attributes:
        parameter: its name, such as "weight_hh".
        gate: whose rows they are; "" is all rows.
        total: dL/dW in the parameter's layout, over 2^exponent.
        exponent: the scale of the total.
        log10_norms: log10 of the norm of each contribution, (time,); an exact zero is -inf.
        cosines: the cosine of each contribution with the total, (time,); 0 where either is 0.
    """

    parameter: str
    gate: str
    total: Float[np.ndarray, "..."]
    exponent: int
    log10_norms: Float[np.ndarray, " time"]
    cosines: Float[np.ndarray, " time"]

    @property
    def log10_total(self) -> float:
        """log10 of the norm of the total."""
        return float(Scaled.of(self.total.ravel(), self.exponent).log10_norms())

    @property
    def shares(self) -> Float[np.ndarray, " time"]:
        """Which share of the total each contribution is, along its direction: they add up to 1 (0 for a total of 0)."""
        with np.errstate(over="ignore", invalid="ignore"):
            shares = 10.0 ** (self.log10_norms - self.log10_total) * self.cosines
        return np.where(self.cosines == 0, 0.0, shares)

    @property
    def survival(self) -> float:
        """|sum of contributions| / sum of |contribution|: 1 if all point one way, near 0 if they cancel."""
        top = self.log10_norms.max()
        if np.isneginf(top):
            return 0.0
        survival = 10.0 ** (self.log10_total - top) / (10.0 ** (self.log10_norms - top)).sum()
        return min(1.0, float(survival))  # rounding apart it is never above


def weight_contributions(
    flow: GradientFlow, parameter: str = "weight_hh", gate: str = ""
) -> WeightContributions:
    """What each timestep adds to the gradient of a parameter, or of the rows of one gate.

    Raises:
        ValueError: if the network has no such parameter, or its parameter no rows of such a gate.
    """
    network, cell = flow.network, flow.network.cell
    if parameter not in network.parameters:
        raise ValueError(f"The parameters are {', '.join(network.parameters)}; got {parameter!r}.")
    stacked = parameter in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    if gate and not (stacked and gate in cell.gates):
        raise ValueError(
            f"{parameter} has rows for {', '.join(cell.gates) if stacked else 'no gate'}; got {gate!r}."
        )
    rows = cell.rows(gate, flow.trace.units) if gate else slice(None)
    shape = network.parameters[parameter][rows].shape

    total, scale = np.zeros(shape.numel()), _LOWEST
    for _, contributions, exponents in _by_step(flow, parameter, rows):
        highest = max(scale, int(exponents.max()))
        weights = np.ldexp(1.0, np.maximum(exponents - highest, -1100))
        total = np.ldexp(total, max(scale - highest, -1100)) + weights @ contributions
        scale = highest
    logs, cosines = np.full(len(flow.tokens), -np.inf), np.zeros(len(flow.tokens))
    size = float(np.linalg.norm(total))
    for span, contributions, exponents in _by_step(flow, parameter, rows):
        norms = np.linalg.norm(contributions, axis=1)
        logs[span] = Scaled.of(norms, exponents).log10()
        whole = norms * size
        np.divide(contributions @ total, whole, out=cosines[span], where=whole > 0)
    scale = 0 if scale == _LOWEST else scale
    return WeightContributions(
        parameter, gate, total.reshape(shape), scale, logs, np.clip(cosines, -1.0, 1.0)
    )


def _by_step(
    flow: GradientFlow, parameter: str, rows: slice
) -> Iterator[tuple[slice, Float[np.ndarray, "time number"], Int[np.ndarray, " time"]]]:
    """Each timestep's contribution in chunks, over 2^exponent of its own largest number, and that exponent."""
    network, cell = flow.network, flow.network.cell
    # The state before each step is a constant here: the adjoint alone carries the truncation, but for one peephole,
    # whose own weights must keep their gradient.
    is_cut = flow.detached and parameter != "peephole_output"
    cut: Tap = detach_within if is_cut else identity
    plan = flow.trace.plan()
    widths = cell.state_widths(flow.trace.units)
    others = dict(network.parameters)

    def product(weights: Tensor, x: Tensor, state: Tensor, adjoint: Tensor, rows: Rows) -> Tensor:
        tap = after_cut(cut, plan.tap(rows) if plan.has_taps else identity)
        after, _ = cell.step(others | {parameter: weights}, x, cell.state_type(*state.split(widths)), tap)
        return (torch.cat(after) * adjoint).sum()

    by_weights = vmap(grad(product), in_dims=(None, 0, 0, 0, 0))
    states, values = torch.from_numpy(flow.trace.state_before()), torch.tensor(flow.trace.inputs)
    top = flow.scaled_state.top()
    adjoint = torch.from_numpy(flow.scaled_state.over(top))
    chunk = max(1, _CHUNK_NUMBERS // network.parameters[parameter].numel())
    for start in range(0, flow.last + 1, chunk):
        span = slice(start, min(start + chunk, flow.last + 1))
        with differentiating():
            found = by_weights(
                network.parameters[parameter], values[span], states[span], adjoint[span], plan.rows(span)
            )
        flat = found[:, rows].numpy().reshape(span.stop - span.start, -1)
        largest = np.abs(flat).max(axis=1)
        own = np.frexp(largest)[1]
        yield span, np.ldexp(flat, -own[:, None]), np.where(largest > 0, top[span, 0] + own, _LOWEST)
