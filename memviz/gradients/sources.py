"""Which of many losses speaks: dL/dh_t taken apart by the timestep whose loss it comes from.

The picture of RNNbow (Cashman, Patterson, Mosca & Chang 2017, "RNNbow: Visualizing learning via backpropagation
gradients in recurrent neural networks"). A loss at every step hides that what comes from far away has vanished.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from memviz.gradients.flow import GradientFlow
from memviz.gradients.scaled import Scaled, tame

MOST_SOURCES = 2**24
"""The most that sources * timesteps may be: 128 MB for each of the two arrays."""


@dataclass(frozen=True, eq=False)
class Sources:
    """dL/dh_t by source.

    Attributes:
        timesteps: the timesteps whose loss is looked at.
        log10_norms: log10 of |dL_tau/dh_t|, (source, time); -inf where tau < t, and where it is exactly zero.
        shares: which share of dL/dh_t comes from each, along its direction, (source, time). Over all sources they add
            up to 1, and to 0 where the gradient is 0.
    """

    timesteps: tuple[int, ...]
    log10_norms: Float[np.ndarray, "source time"]
    shares: Float[np.ndarray, "source time"]


def sources(flow: GradientFlow, timesteps: Iterable[int] | None = None) -> Sources:
    """The gradient of h by the timestep of the loss that it comes from; by default of every step that the loss reads.

    Raises:
        ValueError: if the loss reads no such step, or if sources * timesteps is above MOST_SOURCES.
    """
    time, units = len(flow.tokens), flow.trace.units
    read = flow.loss.steps(time)
    chosen = sorted(set(read if timesteps is None else timesteps))
    if not chosen or any(t not in read for t in chosen):
        raise ValueError(f"The loss reads the steps {read[0]} to {read[-1]}; got {chosen[:1] + chosen[-1:]}.")
    if len(chosen) * time > MOST_SOURCES:
        raise ValueError(f"At most {MOST_SOURCES // time} sources of {time} timesteps; got {len(chosen)}.")
    width = flow.scaled_state.mantissa.shape[1]
    adjoint = Scaled.zeros(len(chosen), width)
    logs, shares = np.full((len(chosen), time), -np.inf), np.zeros((len(chosen), time))
    row_of = {t: row for row, t in enumerate(chosen)}
    total = flow.scaled["hidden"]
    for span, jacobians in flow.backwards():
        is_tame = tame(jacobians)
        for t in range(span.stop - 1, span.start - 1, -1):
            if t in row_of:
                adjoint[row_of[t], :units] = Scaled.of(flow.direct[t])
            # Rows of losses before t are still zero: only those from t on are carried.
            first = int(np.searchsorted(chosen, t))
            hidden = adjoint[first:, :units]
            logs[first:, t] = hidden.log10_norms()
            shares[first:, t] = _shares(hidden, total[t])
            if t > 0:
                adjoint[first:] = adjoint[first:].times(jacobians[t - span.start], is_tame)
    return Sources(tuple(chosen), logs, shares)


def _shares(parts: Scaled, total: Scaled) -> Float[np.ndarray, " source"]:
    top = total.top()
    whole = total.over(top)
    square = float(whole @ whole)
    if square == 0:
        return np.zeros(len(parts.mantissa))
    shares: Float[np.ndarray, " source"] = (
        parts.over(np.broadcast_to(top, parts.exponent.shape)) @ whole / square
    )
    return shares
