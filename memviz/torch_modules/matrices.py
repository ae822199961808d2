"""A short recursion of few units, as one small matrix a step.

What goes back through an LSTM's step is linear: with e = o * (1 - tanh(c)^2), k the rest of each dL/da and z what
later steps send back to c,

    dh_t = direct_t + U^T da_{t+1}    z_t = cell_t + f_{t+1} * dc_{t+1}    dc = z + e * dh    da = k * (dc, dc, dc, dh)

so (dh_t, z_t) is a matrix of 2H x 2H times (dh_{t+1}, z_{t+1}), plus what came from outside. All matrices are made at
once, and a step is one call of numpy's, which cost a third of torch's.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memviz.torch_modules.parts import Factors

MOST = 2**15
"""Numbers in all matrices up to which this is the fastest way (benchmarks/README.md)."""


def fits(time: int, batch: int, unit: int) -> bool:
    """Whether a recursion is so small."""
    return time > 0 and 0 < time * batch * (2 * unit) ** 2 <= MOST


def by_matrices(factors: Factors) -> tuple[Tensor, Tensor, Tensor]:
    """dL/dh, dL/dc and dL/da of a pass on the CPU."""
    time, batch, unit = factors.forget.shape
    states = factors.forget.new_zeros(time, batch, 2, unit)
    states[:, :, 0] = factors.direct
    if factors.cell is not None:
        states[:, :, 1] = factors.cell
    _run(_matrices(factors), states)
    dh, z = states.unbind(2)
    dc = torch.addcmul(z, factors.exposed, dh)
    da = torch.empty_like(factors.rows)
    torch.mul(factors.rows[:, :, :3], dc.unsqueeze(2), out=da[:, :, :3])
    torch.mul(factors.rows[:, :, 3], dh, out=da[:, :, 3])
    return dh, dc, da


def _matrices(factors: Factors) -> Tensor:
    """(time, batch, to h or z, to unit, from h or z, from unit)."""
    time, batch, unit = factors.forget.shape
    k, e = factors.rows.unsqueeze(3), factors.exposed
    by_gate = factors.recurrent.unflatten(0, (4, unit)).transpose(1, 2)  # U^T of each gate
    found = factors.forget.new_zeros(time, batch, 2, unit, 2, unit)
    from_z = torch.mul(k[:, :, 0], by_gate[0], out=found[:, :, 0, :, 1])
    from_z.addcmul_(k[:, :, 1], by_gate[1]).addcmul_(k[:, :, 2], by_gate[2])
    from_h = torch.mul(from_z, e.unsqueeze(2), out=found[:, :, 0, :, 0])
    from_h.addcmul_(k[:, :, 3], by_gate[3])
    found[:, :, 1, :, 1].diagonal(dim1=2, dim2=3).copy_(factors.forget)
    torch.mul(factors.forget, e, out=found[:, :, 1, :, 0].diagonal(dim1=2, dim2=3))
    return found


@np.errstate(all="ignore")  # what overflows is shown as it is; torch says nothing of it either
def _run(matrices: Tensor, states: Tensor) -> None:
    """Each step's matrix times its state, added to the state before it."""
    time, batch, _, unit = states.shape
    square = matrices.view(time, batch, 2 * unit, 2 * unit).numpy()
    column = states.view(time, batch, 2 * unit, 1).numpy()
    multiply: Callable[[Any, Any], Any] = np.dot if batch == 1 else np.matmul
    if batch == 1:
        square, column = square[:, 0], column[:, 0]
    later = column[-1]
    for matrix, state in zip(square[:0:-1], column[-2::-1], strict=True):
        state += multiply(matrix, later)
        later = state
