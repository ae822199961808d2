"""The paths along which a gradient goes back in time: straight through the memory, or through gates and candidate.

The memory m is the cell state c, or h where a cell has no c. Straight on, each step multiplies it by the gate that
keeps it: the forget gate (Gers, Schmidhuber & Cummins 2000), or the update gate of a GRU.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float, Int

from memviz.gradients.flow import GradientFlow
from memviz.gradients.scaled import Scaled
from memviz.interventions import Plan
from memviz.trace import Array, Trace


def memory_of(trace: Trace) -> str:
    """The signal that carries the memory: "cell", or "hidden" where a cell has no c."""
    return "cell" if "cell" in trace.names else "hidden"


def kept(trace: Trace) -> Array | None:
    """The factor by which each step keeps the memory straight on, (time, unit); None for a cell without one.

    It is the gate, times what an intervention on the memory lets through, and 0 where the state was reset.
    """
    if trace.cell.family == "gru":
        gate = trace["update"]
    elif trace.cell.family == "lstm":
        gate = trace["forget"] if "forget" in trace.names else np.ones_like(trace["cell"])
    else:
        return None
    if not trace.interventions:
        return gate
    plan = trace.plan()
    through: Array = gate * plan.slopes(memory_of(trace)) * ~plan.is_reset()[:, None]
    return through


def log2_direct_path(trace: Trace, last: int) -> Float[np.ndarray, "lag unit"]:
    """log2 of the product of what each step keeps, from step last - k to `last`; row k is lag k.

    An exact zero, as of an Elman network, which has no such path, is -inf; an empty product is 1.
    """
    keep = kept(trace)
    logs = np.full((last + 1, trace.units), -np.inf)
    logs[0] = 0.0
    if keep is None:
        return logs
    # A product that is renewed loses one rounding a step; a sum of 3,000 logarithms would lose a thousand times more.
    product, power = np.ones(trace.units), np.zeros(trace.units)
    for lag, factor in enumerate(np.abs(keep[last:0:-1]), start=1):
        product, own = np.frexp(product * factor)
        power += own
        with np.errstate(divide="ignore"):
            logs[lag] = np.log2(product) + power
    return logs


def half_lives(trace: Trace) -> Array | None:
    """After how many steps half is left if a gate stays as it is, -ln 2 / ln f, (time, unit); infinite at f = 1.

    None for a cell without a gate that keeps.
    """
    keep = kept(trace)
    if keep is None:
        return None
    keep = np.abs(keep)  # an intervention may have turned its sign
    with np.errstate(divide="ignore"):
        lives: Array = np.where(keep < 1, -np.log(2.0) / np.log(np.minimum(keep, 1 - 1e-17)), np.inf)
    return lives


def product_horizons(trace: Trace, last: int) -> list[int]:
    """For each unit the largest lag, back from step `last`, over which the product of its gates is at least 1/e."""
    enough = log2_direct_path(trace, last) >= -np.log2(np.e)
    return [int(np.flatnonzero(of_unit).max()) for of_unit in enough.T]


@dataclass(frozen=True, eq=False)
class Split:
    """The gradient of the memory at each step, dL/dm_t, as a sum of paths.

    Attributes:
        parts: for an LSTM "carousel" (dc_{t+1} f_{t+1}), "exposure" (dh_t o_t (1 - tanh^2 c_t), out through h) and,
            where a cell has them, "peepholes"; for a GRU and an Elman network "loss" (its own term at t), "direct"
            (dh_{t+1} z_{t+1}; not for Elman) and "through gates". Each (time, unit), over 2^exponent.
        total: their sum as the flow has it, over 2^exponent, (time, unit).
        exponent: one for each timestep.
    """

    parts: Mapping[str, Array]
    total: Array
    exponent: Float[np.ndarray, " time"]

    @property
    def residual(self) -> float:
        """The largest difference between the total and the sum of its parts, beside the norm of the total's parts."""
        error = np.linalg.norm(self.total - sum(self.parts.values()), axis=1)
        size = sum(np.linalg.norm(part, axis=1) for part in self.parts.values())
        return float((error / np.where(size > 0, size, 1.0)).max())

    def shares(self) -> dict[str, Float[np.ndarray, " time"]]:
        """Which share of dL/dm_t each part is, along its direction: they add up to 1, and to 0 where it is 0."""
        square = (self.total**2).sum(axis=1)
        safe = np.where(square > 0, square, 1.0)
        return {name: (part * self.total).sum(axis=1) / safe for name, part in self.parts.items()}


def split(flow: GradientFlow) -> Split:
    """The gradient of the memory by its paths; every closed form here is checked against the flow by `residual`.

    Where the run has interventions, each path is that of the changed step: a tap's own slope is a factor of it.
    """
    memory = flow.scaled[memory_of(flow.trace)]
    names = [memory_of(flow.trace), "hidden", *(f"{gate}_pre" for gate in flow.network.cell.pre_activations)]
    tops = np.stack([flow.scaled[name].top()[:, 0] for name in names]).max(axis=0)
    tops = np.maximum(tops, np.append(tops[1:], tops[-1]))  # a step and the next have one scale
    has_any = tops > -(2**39)
    tops = np.where(has_any, tops, 0)
    here = {name: flow.scaled[name].over(tops[:, None]) for name in names}
    after = {name: _next(flow.scaled[name]).over(tops[:, None]) for name in names}
    parts = (
        _lstm_parts(flow, here, after)
        if memory_of(flow.trace) == "cell"
        else _hidden_parts(flow, after, tops)
    )
    frozen = MappingProxyType(parts)
    return Split(frozen, memory.over(tops[:, None]), tops.astype(np.float64))


def _next(values: Scaled) -> Scaled:
    """Row t holds row t + 1; the last row is zero."""
    return Scaled(
        np.concatenate([values.mantissa[1:], np.zeros_like(values.mantissa[:1])]),
        np.concatenate([values.exponent[1:], Scaled.zeros(*values.exponent[:1].shape).exponent]),
    )


def _lstm_parts(flow: GradientFlow, here: dict[str, Array], after: dict[str, Array]) -> dict[str, Array]:
    trace, cell = flow.trace, flow.network.cell
    keep = kept(trace)
    assert keep is not None
    plan = trace.plan()
    exposed: Array | float = 1.0
    if "cell_tanh" in trace.names:  # 1 - tanh^2 c_t without cancelling, before any intervention on that tanh
        u = np.exp(-2 * np.abs(trace["cell"]))
        exposed = 4 * u / (1 + u) ** 2
    out = trace["output"] * plan.slopes("cell_tanh") * plan.slopes("hidden")
    parts = {
        "carousel": after["cell"] * np.append(keep[1:], keep[:1], axis=0),  # dc_{t+1} f_{t+1}
        "exposure": here["hidden"] * out * exposed,  # dh_t o_t (1 - tanh^2 c_t)
    }
    if cell.peepholes and not flow.detached:  # p_i da^i_{t+1} + p_f da^f_{t+1} + p_o da^o_t
        p = {gate: flow.network.parameters[f"peephole_{gate}"].numpy() for gate in cell.peepholes}
        seen = {g: _into(plan, g, "from_cell", is_next=g != "output") for g in cell.peepholes}
        terms = [p[g] * seen[g] * (here if g == "output" else after)[f"{g}_pre"] for g in cell.peepholes]
        parts["peepholes"] = np.sum(terms, axis=0)
    return parts


def _hidden_parts(
    flow: GradientFlow, after: dict[str, Array], tops: Int[np.ndarray, " time"]
) -> dict[str, Array]:
    trace, keep = flow.trace, kept(flow.trace)
    parts = {"loss": Scaled.of(flow.direct).over(tops[:, None])}
    if keep is not None:
        parts["direct"] = after["hidden"] * np.append(keep[1:], keep[:1], axis=0)  # dh_{t+1} z_{t+1}
    if not flow.detached:
        parts["through gates"] = _through_gates(flow, after, trace)
    return parts


def _through_gates(flow: GradientFlow, after: dict[str, Array], trace: Trace) -> Array:
    """Sum over gates of U^T da_{t+1}; the candidate of a GRU sees h through the reset gate."""
    cell, weights = flow.network.cell, flow.network.parameters["weight_hh"].numpy()
    plan = trace.plan()
    total = np.zeros_like(after["hidden"])
    for gate in cell.pre_activations:
        block = weights[cell.rows(gate, trace.units)]
        da = after[f"{gate}_pre"] * _into(plan, gate, "from_hidden", is_next=True)
        if gate == "candidate":
            reset = np.append(trace["reset"][1:], trace["reset"][:1], axis=0)
            total += (da * reset) @ block if cell.reset_after else (da @ block) * reset
        else:
            total += da @ block
    return total


def _into(plan: Plan, gate: str, part: str, *, is_next: bool) -> Array:
    """What taps let through from the state into a pre-activation, of this step or of the next."""
    slopes = plan.slopes(f"{gate}_pre") * plan.slopes(f"{gate}_{part}")
    if not is_next:
        return slopes
    slopes = slopes * ~plan.is_reset()[:, None]
    return np.append(slopes[1:], slopes[:1], axis=0)
