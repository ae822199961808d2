"""Steps against the gradient: plain, or as Adam takes them (Kingma & Ba, arXiv 1412.6980), as torch.optim has both.

All parameters are one vector here, so that a step is a few operations however many they are. The first optimiser of
torch.optim in a process takes seconds, since it loads torch's compiler.
"""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

_DECAY = (0.9, 0.999)
_SMALL = 1e-8
_BESIDE_NORM = 1e-6


class Parameters:
    """Tensors that are learnt, and their gradients, each as one vector that they are views of."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self._tensors = list(tensors)
        self.values = torch.cat([tensor.detach().ravel() for tensor in self._tensors])
        self.gradient = torch.zeros_like(self.values)
        sizes = [tensor.numel() for tensor in self._tensors]
        pieces = zip(self._tensors, self.values.split(sizes), self.gradient.split(sizes), strict=True)
        for tensor, value, gradient in pieces:
            tensor.data = value.view_as(tensor)
            tensor.grad = gradient.view_as(tensor)

    def clip(self, most: float | None) -> float:
        """Shorten the gradient to a norm; what its norm was."""
        norm = float(self.gradient.norm())
        if most is not None and norm > most:
            self.gradient *= most / (norm + _BESIDE_NORM)
        return norm


class Sgd:
    """p = p - rate * gradient."""

    def __init__(self, parameters: Parameters, rate: float) -> None:
        self._parameters, self._rate = parameters, rate

    def step(self) -> None:
        """Take one step."""
        self._parameters.values -= self._rate * self._parameters.gradient


class Adam:
    """m and v, running means of the gradient and of its square: p = p - rate * m' / (sqrt(v') + 1e-8)."""

    def __init__(self, parameters: Parameters, rate: float) -> None:
        self._parameters, self._rate, self._steps = parameters, rate, 0
        self._mean: Float[Tensor, " number"] = torch.zeros_like(parameters.values)
        self._square: Float[Tensor, " number"] = torch.zeros_like(parameters.values)

    def step(self) -> None:
        """Take one step."""
        self._steps += 1
        gradient = self._parameters.gradient
        self._mean.lerp_(gradient, 1 - _DECAY[0])
        self._square.mul_(_DECAY[1]).addcmul_(gradient, gradient, value=1 - _DECAY[1])
        mean_left, square_left = (1 - decay**self._steps for decay in _DECAY)  # both began at 0
        size = self._square.sqrt() / square_left**0.5 + _SMALL
        self._parameters.values.addcdiv_(self._mean, size, value=-self._rate / mean_left)
