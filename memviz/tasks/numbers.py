"""Numbers: add two that are marked, and foresee a sine."""

from dataclasses import dataclass
from math import cos, pi

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from memviz.encoding import Sequence
from memviz.tasks.base import Batch, Task, Taught, check_size, full, last_step

CLOSE = 0.08
"""The criterion of the paper, .04 where sums run from 0 to 1; here they run from 0 to 2."""
_ROUNDED = 1e-3
"""How far a typed sine may be from one."""


@dataclass(frozen=True)
class Adding(Task):
    """Say after the last step the sum of the two numbers that were marked.

    Attributes:
        steps: the length of a sequence; one mark is in its first half, one in the second, neither at the last step.
    """

    name = "adding"
    title = "Adding problem: the sum of two marked numbers"
    source = (
        "Hochreiter & Schmidhuber, Long short-term memory (1997), experiment 4; numbers from U(0, 1) as in Le, Jaitly "
        "& Hinton (arXiv 1504.00941)"
    )
    loss = "squared error"
    scored = f"the share of sequences whose sum is right to within {CLOSE}"
    ranges = (("steps", 4, 3000),)
    kind = "signal"

    steps: int = 50

    @property
    def features(self) -> tuple[str, ...]:
        """A number, and whether it counts."""
        return ("number", "marked")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The sum."""
        return ("sum",)

    @property
    def solved(self) -> float:
        """Nearly all sequences."""
        return 0.95

    @property
    def chance(self) -> float:
        """Always to say 1."""
        return 2 * CLOSE - CLOSE**2

    @property
    def chance_loss(self) -> float:
        """The variance of the sum."""
        return 1 / 6

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """Sequences of `steps` pairs."""
        check_size(size)
        time, rows = self.steps, torch.arange(size)
        numbers = torch.rand(size, time, generator=generator)
        marks = torch.zeros(size, time)
        for low, high in ((0, time // 2), (time // 2, time - 1)):
            marks[rows, torch.randint(low, high, (size,), generator=generator)] = 1.0
        so_far = (numbers * marks).cumsum(dim=1)
        targets = so_far[:, -1:, None].expand(size, time, 1)
        inputs = torch.stack([numbers, marks], dim=-1)
        return Batch(inputs, targets, last_step(size, time), full(size, time), {"the sum so far": so_far})

    def score(self, outputs: Float[Tensor, "sequence time output"], batch: Batch) -> float:
        """Whether the sum after the last step is close."""
        error = (outputs[:, -1, 0] - batch.targets[:, -1, 0]).abs()
        return float((error < CLOSE).double().mean())

    def taught(self, sequence: Sequence) -> Taught:
        """The sum of the marked numbers, after the last step."""
        time = len(sequence)
        total = torch.tensor(sequence.inputs.prod(axis=1).sum())
        return Taught(total.expand(time, 1).clone(), last_step(1, time)[0])


@dataclass(frozen=True)
class Sine(Task):
    """Foresee a sine of an unknown phase.

    Attributes:
        period: in timesteps.
        ahead: how far ahead it is foreseen; a quarter of the period says nothing of itself.
        steps: the length of a sequence.
    """

    name = "sine"
    title = "Sine: a quarter of a period ahead"
    source = (
        "A standard exercise; two steps of a sine determine it: x_{t+1} = 2 cos(2 pi / period) x_t - x_{t-1}"
    )
    loss = "squared error"
    scored = "the share of the variance that is foreseen"
    ranges = (("period", 4, 1000), ("ahead", 1, 1000), ("steps", 3, 3000))
    kind = "signal"

    period: int = 20
    ahead: int = 5
    steps: int = 60

    def __post_init__(self) -> None:
        super().__post_init__()
        if 2 * self.ahead % self.period == 0:
            raise ValueError(
                f"Half a period ahead a sine is what it is now, but for its sign; got {self.ahead} steps of a "
                f"period of {self.period}."
            )

    @property
    def features(self) -> tuple[str, ...]:
        """The value."""
        return ("x",)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The value some steps ahead."""
        return (f"x, {self.ahead} ahead",)

    @property
    def solved(self) -> float:
        """Nearly all of it."""
        return 0.99

    @property
    def chance(self) -> float:
        """cos^2 of the angle ahead: what the value now says of that one."""
        return cos(2 * pi * self.ahead / self.period) ** 2

    @property
    def chance_loss(self) -> float:
        """The variance that the value now leaves."""
        return 0.5 * (1 - self.chance)

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """Sines of phases from U(0, 2 pi); the first step, from which nothing can be foreseen, is not read."""
        check_size(size)
        phase = 2 * pi * torch.rand(size, 1, generator=generator)
        angle = 2 * pi * torch.arange(self.steps) / self.period + phase
        ahead = torch.sin(angle + 2 * pi * self.ahead / self.period)
        mask = torch.ones(size, self.steps, dtype=torch.bool)
        mask[:, 0] = False
        variables = {"the slope": torch.cos(angle)}
        return Batch(torch.sin(angle)[:, :, None], ahead[:, :, None], mask, full(size, self.steps), variables)

    def score(self, outputs: Float[Tensor, "sequence time output"], batch: Batch) -> float:
        """1 - the mean squared error over the variance of a sine, 1/2."""
        error = (outputs - batch.targets)[batch.mask].double()
        return 1 - float((error**2).mean()) / 0.5

    def taught(self, sequence: Sequence) -> Taught | None:
        """The value ahead, from the second step on, if the sequence is a sine of this period."""
        time, turn = len(sequence), 2 * pi / self.period
        if time < 2:
            return None
        steps = turn * np.arange(time)
        waves = np.stack([np.sin(steps), np.cos(steps)], axis=1)
        sizes, *_ = np.linalg.lstsq(waves, sequence.inputs[:, 0])
        if np.abs(waves @ sizes - sequence.inputs[:, 0]).max() > _ROUNDED:
            return None
        ahead = steps + turn * self.ahead
        targets = np.stack([np.sin(ahead), np.cos(ahead)], axis=1) @ sizes
        mask = torch.ones(time, dtype=torch.bool)
        mask[0] = False
        return Taught(torch.from_numpy(targets)[:, None], mask)
