"""The way back through time: the adjoint of each state out of that of the next, lambda_{t-1} += J_t^T lambda_t."""

import numpy as np
from jaxtyping import Float

from memviz.gradients.scaled import Scaled, tame

_BITS = 480
"""How far the numbers of a row may drift in plain floats between two looks at the scale."""
_MOST_STEPS = 32


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
    steps = _steps_at_once(jacobians)
    is_tame = steps > 0 or tame(jacobians)
    t, first = span.stop - 1, max(span.start, 1)
    while t >= first:
        block = min(steps, t - first + 1)
        if block > 1 and not reads[t - block : t].any() and adjoint[..., t, :].is_close():
            _carry_block(adjoint, jacobians, t, block, span.start)
            t -= block
            continue
        carried = adjoint[..., t, :].times(jacobians[..., t - span.start, :, :], is_tame)
        adjoint[..., t - 1, :] = carried + adjoint[..., t - 1, :] if reads[t - 1] else carried
        t -= 1


def _steps_at_once(jacobians: Float[np.ndarray, "..."]) -> int:
    """How many factors can be multiplied before the smallest and the largest product are too far apart."""
    sizes = np.abs(jacobians)
    smallest = np.min(sizes, where=sizes > 0, initial=1.0)
    bits = max(1.0, -float(np.log2(smallest)), float(np.log2(max(1.0, sizes.max(initial=0.0)))))
    return min(_MOST_STEPS, int(_BITS / bits))


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
