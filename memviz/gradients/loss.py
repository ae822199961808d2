"""What is differentiated: a loss that reads the hidden state, at one step or at every step."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from memviz.trace import Array

KINDS = ("value", "squared error", "cross-entropy", "binary cross-entropy")
Kind = Literal["value", "squared error", "cross-entropy", "binary cross-entropy"]


@dataclass(frozen=True)
class Loss:
    """A scalar made of hidden states.

    At a step t it reads y_t = V h_t + b (V and b are the read-out; without one y_t = h_t) and is, by its kind, the sum
    of y_t, half of |y_t - target|^2, the cross-entropy of softmax(y_t) with the target symbol, or the sum of the
    cross-entropies of each sigmoid(y_t) with its target.

    Attributes:
        timestep: the step that is read, 0 to T - 1; None is the last. With `everywhere` it is not looked at.
        unit: the unit that is read alone, of the hidden state and before any read-out; None is all.
        kind: "value", "squared error", "cross-entropy" or "binary cross-entropy".
        readout: the rows of V, each with a weight for every unit.
        targets: for each timestep: a row of numbers, one for each output, or a symbol from 0 on. A single one is the
            target of every step. Numbers are 0 by default, and so is the symbol.
        everywhere: whether it is the mean of the same loss over all steps.
        bias: b, a number for each row of V; None is zero.

    Raises:
        ValueError: if the kind is unknown or the read-out's rows are empty or of different lengths, or if its
            bias does not fit.
    """

    timestep: int | None = None
    unit: int | None = None
    kind: Kind = "value"
    readout: tuple[tuple[float, ...], ...] | None = None
    targets: tuple[int, ...] | tuple[tuple[float, ...], ...] | None = None
    everywhere: bool = False
    bias: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"The kind of a loss is one of {', '.join(KINDS)}; got {self.kind!r}.")
        if self.readout is not None:
            widths = {len(row) for row in self.readout}
            if len(widths) != 1 or 0 in widths:
                raise ValueError("A read-out is one or more rows of equal length, a weight for each unit.")
            if not np.isfinite(np.array(self.readout)).all():
                raise ValueError("A read-out's weights are finite numbers; got NaN or infinity.")
        if self.bias is not None:
            rows = 0 if self.readout is None else len(self.readout)
            if len(self.bias) != rows or not np.isfinite(np.array(self.bias)).all():
                raise ValueError(
                    f"A read-out's bias is a finite number for each of its {rows} rows; got {len(self.bias)}."
                )

    def steps(self, time: int) -> range:
        """The timesteps that it reads.

        Raises:
            ValueError: if the timestep does not exist.
        """
        if self.everywhere:
            return range(time)
        timestep = time - 1 if self.timestep is None else self.timestep
        if not 0 <= timestep < time:
            raise ValueError(f"The loss reads a timestep from 0 to {time - 1}; got {self.timestep}.")
        return range(timestep, timestep + 1)

    def value(self, hidden: Float[Tensor, "time unit"]) -> Float[Tensor, ""]:
        """The loss of hidden states.

        Raises:
            ValueError: if a timestep, unit, target or read-out does not fit; the message states the rule.
        """
        time, units = hidden.shape
        steps = self.steps(time)
        self._check(units)
        read = hidden[steps.start : steps.stop]
        if self.unit is not None:
            read = read * torch.eye(units, dtype=read.dtype)[self.unit]
        outputs = self._outputs(read)
        if self.kind == "value":
            total = outputs.sum()
        elif self.kind == "squared error":
            total = 0.5 * ((outputs - self._numbers(steps, time, outputs.shape[1])) ** 2).sum()
        elif self.kind == "binary cross-entropy":
            targets = self._numbers(steps, time, outputs.shape[1])
            total = binary_cross_entropy_with_logits(outputs, targets.to(outputs), reduction="sum")
        else:
            total = cross_entropy(outputs, self._symbols(steps, time, outputs.shape[1]), reduction="sum")
        return total / len(steps)

    def direct(self, hidden: Array) -> Array:
        """The loss's own term dL/dh_t with every later step cut, (time, unit).

        Raises:
            ValueError: as `value` does.
        """
        with torch.inference_mode(False), torch.enable_grad():  # whatever the caller has switched off
            read = torch.tensor(hidden).requires_grad_()
            (gradient,) = torch.autograd.grad(self.value(read), read)
        return gradient.numpy()

    def _outputs(self, read: Float[Tensor, "step unit"]) -> Float[Tensor, "step output"]:
        if self.readout is None:
            return read
        outputs = read @ torch.tensor(self.readout, dtype=read.dtype).T
        return outputs if self.bias is None else outputs + torch.tensor(self.bias, dtype=read.dtype)

    def _check(self, units: int) -> None:
        if self.unit is not None and not 0 <= self.unit < units:
            raise ValueError(f"The loss reads a unit from 0 to {units - 1}; got {self.unit}.")
        if self.readout is not None and len(self.readout[0]) != units:
            raise ValueError(
                f"A read-out has a weight for each of the {units} units; got {len(self.readout[0])}."
            )

    def _numbers(self, steps: range, time: int, outputs: int) -> Float[Tensor, "step output"]:
        if self.targets is None:
            return torch.zeros(len(steps), outputs, dtype=torch.float64)
        rows = [row if isinstance(row, tuple) else (float(row),) for row in self._chosen(steps, time)]
        if wrong := [row for row in rows if len(row) != outputs]:
            raise ValueError(f"A target is {outputs} numbers, one for each output; got {len(wrong[0])}.")
        targets = torch.tensor(rows, dtype=torch.float64)
        if not torch.isfinite(targets).all():
            raise ValueError("Targets are finite numbers; got NaN or infinity.")
        return targets

    def _symbols(self, steps: range, time: int, outputs: int) -> Tensor:
        symbols = [0] * len(steps) if self.targets is None else self._chosen(steps, time)
        for symbol in symbols:
            if not isinstance(symbol, int) or not 0 <= symbol < outputs:
                raise ValueError(f"A target symbol is a whole number from 0 to {outputs - 1}; got {symbol}.")
        return torch.tensor(symbols)

    def _chosen(self, steps: range, time: int) -> list[int | tuple[float, ...]]:
        assert self.targets is not None
        if len(self.targets) not in (1, time):
            raise ValueError(
                f"There is one target, or one for each of the {time} timesteps; got {len(self.targets)}."
            )
        return [self.targets[0] if len(self.targets) == 1 else self.targets[t] for t in steps]
