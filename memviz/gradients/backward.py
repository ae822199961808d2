"""The way back through time: the adjoint of each state out of that of the next, lambda_{t-1} += J_t^T lambda_t."""

import numpy as np
from jaxtyping import Float

from memviz.gradients.scaled import Scaled, tame

_BLOCK = 8
"""Steps between two looks at the scale; a step's factors are at most 2^60 apart where this is done."""
_NEAR = 2.0**-60


def carry_back(
    adjoint: Scaled,
    direct: Float[np.ndarray, "*networks time unit"],
    jacobians: Float[np.ndarray, "..."],
    span: slice,
) -> None:
    """Fill an adjoint in place, from the last step of a span to the step before its first.

    Args:
        adjoint: (..., time, state); rows before the span's last hold what the loss reads there directly.
        direct: what the loss reads directly, by which rows are known to be zero.
        jacobians: those of the span's steps, (..., time, state, state).
        span: the timesteps.
    """
    reads = np.abs(direct).reshape(-1, *direct.shape[-2:]).max(axis=(0, 2)) > 0
    sizes = np.abs(jacobians)
    is_near = not ((sizes < _NEAR) & (sizes > 0)).any() and not (sizes > 1 / _NEAR).any()
    is_tame = is_near or tame(jacobians)
    t, first = span.stop - 1, max(span.start, 1)
    while t >= first:
        block = min(_BLOCK, t - first + 1)
        if is_near and block > 1 and not reads[t - block : t].any() and adjoint[..., t, :].is_close():
            _carry_block(adjoint, jacobians, t, block, span.start)
            t -= block
            continue
        carried = adjoint[..., t, :].times(jacobians[..., t - span.start, :, :], is_tame)
        adjoint[..., t - 1, :] = carried + adjoint[..., t - 1, :] if reads[t - 1] else carried
        t -= 1


def _carry_block(
    adjoint: Scaled, jacobians: Float[np.ndarray, "..."], t: int, block: int, start: int
) -> None:
    """Several steps in plain floats; only their result is scaled."""
    top = adjoint[..., t, :].top()
    row = adjoint[..., t, :].over(top)[..., None, :]
    rows = []
    for s in range(t, t - block, -1):
        row = row @ jacobians[..., s - start, :, :]
        rows.append(row)
    adjoint[..., t - block : t, :] = Scaled.of(np.concatenate(rows[::-1], axis=-2), top[..., None, :])
