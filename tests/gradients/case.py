"""One network with its inputs, for the engine and for the oracles, and the first oracle: autograd with retain_grad."""

import numpy as np
import torch

from memviz.cells import CELLS
from memviz.gradients import GradientFlow, Loss, gradient_flow
from memviz.network import Network
from memviz.trace import record
from tests import oracles

FEATURES, HIDDEN, TIME = 3, 4, 7


class Case:
    """A network with its inputs and initial state, for the engine and for the oracles."""

    def __init__(
        self,
        name: str,
        seed: int = 0,
        time: int = TIME,
        hidden: int = HIDDEN,
        scale=0.7,
        state_seed: int | None = 0,
    ) -> None:
        self.name, self.time, self.hidden = name, time, hidden
        self.p = oracles.parameters(name, FEATURES, hidden, seed, scale)
        if name == "elman-relu":  # units that never fire have no gradient to compare
            self.p["bias_ih"] = np.abs(self.p["bias_ih"]) + 1
        self.xs = oracles.inputs(FEATURES, time, seed)
        self.before = oracles.state(name, hidden, state_seed)
        self.network = Network(CELLS[name], oracles.as_torch(self.p))
        state = CELLS[name].state_type(*(torch.tensor(part) for part in self.before.values()))
        self.trace = record(self.network, self.xs, state)

    def flow(self, loss: Loss | None = None) -> GradientFlow:
        return gradient_flow(self.network, self.trace, loss or Loss())

    def read(self, steps, loss: Loss):
        """The loss of an oracle's run: h_t of one unit, or the sum."""
        hidden = steps[self.time - 1 if loss.timestep is None else loss.timestep]["hidden"]
        return hidden.sum() if loss.unit is None else hidden[loss.unit]


def probed(name: str) -> list[str]:
    """The signals whose gradient the design promises: all but the parts of a pre-activation."""
    return [s for s in CELLS[name].signal_names if "_from_" not in s and not s.endswith("_bias")]


def agrees(actual: np.ndarray, expected: np.ndarray, tolerance: float = 1e-10) -> None:
    """Each timestep's error is small beside the norm there, and zero where the gradient is zero."""
    assert actual.shape == expected.shape
    error = np.linalg.norm(actual - expected, axis=1)
    assert (error <= tolerance * np.linalg.norm(expected, axis=1)).all(), error


def autograd(case: Case, loss: Loss) -> dict[str, np.ndarray]:
    """retain_grad on every signal of a torch run of the transcription."""
    kept: dict[tuple[int, str], torch.Tensor] = {}

    def keep(t: int, signal: str, value: torch.Tensor) -> torch.Tensor:
        if "_from_" in signal or signal.endswith("_bias"):
            return value
        # A gate fixed at one depends on nothing: it becomes a leaf.
        value.retain_grad() if value.requires_grad else value.requires_grad_()
        kept[t, signal] = value
        return value

    steps = oracles.run(
        case.name,
        oracles.as_torch(case.p),
        torch.tensor(case.xs),
        oracles.as_torch(case.before),
        keep,
        ops=oracles.TORCH,
    )
    case.read(steps, loss).backward()
    return {
        signal: np.stack([_grad(kept[t, signal]) for t in range(case.time)]) for signal in probed(case.name)
    }


def _grad(value: torch.Tensor) -> np.ndarray:
    return np.zeros(value.shape) if value.grad is None else value.grad.numpy()
