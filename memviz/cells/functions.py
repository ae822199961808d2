"""The squashing functions, with slopes that stay exact where the functions saturate.

1 - tanh(x)^2 is 0 in float64 from |x| = 19 on, s(1 - s) from 37 on, where the slopes are 1e-16 and far from zero: a
gradient over a long lag is made of such factors. Here each slope is computed from exp(-|x|), which does not cancel.
"""

from typing import Any

import torch
from torch import Tensor


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), as torch has it; its slope is u / (1 + u)^2 with u = exp(-|x|)."""
    return _Sigmoid.apply(x) if torch.is_grad_enabled() and x.requires_grad else torch.sigmoid(x)


def tanh(x: Tensor) -> Tensor:
    """tanh(x), as torch has it; its slope is 4u / (1 + u)^2 with u = exp(-2|x|)."""
    return _Tanh.apply(x) if torch.is_grad_enabled() and x.requires_grad else torch.tanh(x)


class _Sigmoid(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.sigmoid(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        u = torch.exp(-ctx.saved_tensors[0].abs())
        return gradient * (u / (1 + u) ** 2)


class _Tanh(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.tanh(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        u = torch.exp(-2 * ctx.saved_tensors[0].abs())
        return gradient * (4 * u / (1 + u) ** 2)
