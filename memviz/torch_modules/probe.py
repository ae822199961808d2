"""Every dh_t of an LSTM out of one fused backward pass, where Python's calls would cost more than the arithmetic.

oneDNN's backward kernel runs the whole recursion but hands out only its ends. It also hands out dL/dx_t = W^T da_t,
and W is an argument: called with U in the place of W, dL/dx_t is U^T da_t, which is what step t sends back to
h_{t-1}. From it all else follows by elements and one scan. The kernel is torch's own
(`aten::mkldnn_rnn_layer_backward`), no part of its documented interface: before it is first relied on, it has to
agree with the recursion on a small case.
"""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from memviz.cells import CELLS
from memviz.torch_modules.replay import Pass, Steps

_LSTM = 2  # oneDNN's number of the cell, as aten takes it


def pays(played: Pass, from_outside: Steps | None) -> bool:
    """Whether the probe can serve a pass and is faster than a step after another."""
    inputs, weights = played.inputs, played.weights
    if inputs.dtype != torch.float32 or inputs.device.type != "cpu" or "weight_hr" in weights:
        return False
    if played.lengths is not None or len(inputs) < 2 or not inputs.shape[1]:
        return False
    if from_outside is not None and from_outside[:-1].any():
        return False
    rows, units = weights["weight_hh"].shape
    columns = max(inputs.shape[2], units) + units
    return inputs.shape[1] * rows * columns <= MOST_WORK and agrees()


MOST_WORK = 100_000
"""Multiplications in a step up to which the probe is faster (benchmarks/README.md)."""


def recurrent_part(
    played: Pass, reached: Steps, reached_cell: Float[Tensor, "batch unit"] | None
) -> Float[Tensor, "time batch unit"]:
    """U^T da_t for every step: what it sends back to the hidden state before it.

    Args:
        played: a pass of an unprojected LSTM in float32 on the CPU, without padding.
        reached: dL/dh_t from outside the pass.
        reached_cell: dL/dc of the last step from outside.
    """
    weights, units = played.weights, reached.shape[2]
    columns = max(played.inputs.shape[2], units)
    x, w = _widened(played.inputs, columns), _widened(weights["weight_ih"], columns)
    u = weights["weight_hh"]
    probe = _widened(u, columns)
    biases = weights["bias_ih"], weights["bias_hh"]
    h, c = (part[None].contiguous() for part in played.initial)
    # The kernel keeps what its backward needs only where gradients are enabled; no tensor here requires one.
    with torch.enable_grad():
        out, last_h, last_c, workspace = torch.mkldnn_rnn_layer(
            x, w, u, *biases, h, c, False, [], _LSTM, units, 1, True, False, False, True
        )
    sent_back: Tensor = torch.ops.aten.mkldnn_rnn_layer_backward(
        x, probe, u, *biases, h, c, out, last_h, last_c, reached.contiguous(), None,
        None if reached_cell is None else reached_cell[None].contiguous(),
        False, _LSTM, units, 1, True, True, False, [], False, workspace,
    )[0]  # fmt: skip
    return sent_back[:, :, :units]


def _widened(value: Tensor, columns: int) -> Tensor:
    return value if value.shape[-1] == columns else pad(value, (0, columns - value.shape[-1]))


@lru_cache(maxsize=1)
def agrees() -> bool:
    """Whether the kernel is there, takes these arguments, and gives what autograd gives on a small case."""
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    w, u, b, b_hh = drawn(12, 2), drawn(12, 3), drawn(12), drawn(12)
    x, h, c, reached, reached_cell = drawn(3, 2, 2), drawn(2, 3), drawn(2, 3), drawn(3, 2, 3), drawn(2, 3)
    weights = {"weight_ih": w, "weight_hh": u, "bias_ih": b, "bias_hh": b_hh}
    # Zeros beside x, which enter through U as h does: their gradient is what goes back to h.
    beside = torch.cat([x, torch.zeros_like(reached)], dim=2).requires_grad_()
    with torch.enable_grad():
        out, _, last = torch.lstm(
            beside,
            (h[None], c[None]),
            [torch.cat([w, u], dim=1), u, b, b_hh],
            True,
            1,
            0.0,
            True,
            False,
            False,
        )
        (expected,) = torch.autograd.grad([out, last], beside, [reached, reached_cell[None]])
    try:
        found = recurrent_part(Pass(CELLS["lstm"], weights, x, out.detach(), (h, c)), reached, reached_cell)
    except (RuntimeError, AttributeError, TypeError):
        return False
    return torch.allclose(found, expected[:, :, 2:], atol=1e-5)
