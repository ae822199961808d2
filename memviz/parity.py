"""The proof of a trace: how far it is from the fused `torch.nn` module with the same parameters.

PyTorch's own kernels are the oracle, run in float64 on the trace's own inputs and initial state. Nothing of
memviz's equations is used here.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from memviz.network import Network, TorchRecurrent
from memviz.theme import MINUS
from memviz.trace import Trace

TOLERANCE = 1e-12


@dataclass(frozen=True)
class Parity:
    """How far a trace is from its counterpart in `torch.nn`.

    A difference is the largest absolute one, each divided by max(1, the largest magnitude of the module's
    states up to that step), so that an exploding ReLU network is judged relatively and an ordinary one
    absolutely. It is NaN where numbers overflowed, and None without a counterpart.

    Attributes:
        counterpart: "torch.nn.LSTM", "torch.nn.GRU", "torch.nn.RNN" or None.
        difference: of the whole run, over every h_t and, for the LSTM, the last c (a run returns no other).
        step_difference: of each step by itself, over every h_t and c_t: the module makes one step from each
            state of the trace. A chaotic network amplifies the rounding of a whole run until it differs in
            every digit; its single steps still agree.
        tolerance: up to which difference numbers are called equal.
        intervened: whether there is no counterpart because the run was changed.
    """

    counterpart: str | None
    difference: float | None
    step_difference: float | None
    tolerance: float = TOLERANCE
    intervened: bool = False

    @property
    def equal(self) -> bool | None:
        """Whether both differences are within the tolerance (NaN is not); None without a counterpart."""
        if self.difference is None or self.step_difference is None:
            return None
        return self.difference <= self.tolerance and self.step_difference <= self.tolerance

    @property
    def amplified(self) -> bool:
        """Whether the whole run differs although each single step agrees: the network amplifies rounding."""
        if self.difference is None or self.step_difference is None:
            return False
        return self.step_difference <= self.tolerance < self.difference

    @property
    def sentence(self) -> str:
        """What was measured, for readers: one sentence, and a second one where rounding was amplified."""
        if self.difference is None or self.step_difference is None:
            kind = "run with interventions" if self.intervened else "cell"
            return f"torch.nn has no counterpart of this {kind}."
        if not math.isfinite(self.difference + self.step_difference):
            return f"Numbers that overflow cannot be compared with {self.counterpart}."
        worst = max(self.difference, self.step_difference)
        if self.equal:
            return f"These numbers equal {self.counterpart} {_agreement(worst)}."
        allowed = f"at most {self.tolerance:.0e}".replace("-", MINUS)
        sentence = f"These numbers differ from {self.counterpart} by {_shown(worst)}; {allowed} is allowed."
        if not self.amplified:
            return sentence
        agreement = _agreement(self.step_difference)
        return f"{sentence} Each single step agrees {agreement}: this network amplifies rounding errors."


def parity(network: Network, trace: Trace) -> Parity:
    """Compare a trace with the fused `torch.nn` module that has the parameters of its network.

    Draws no random number.

    Raises:
        ValueError: if the trace is of another cell, or of another number of features or units.
    """
    trace.check_is_of(network)
    cell = network.cell
    if trace.interventions:
        return Parity(None, None, None, intervened=True)
    if cell.torch_name is None:
        return Parity(None, None, None)
    module = network.to_torch()
    inputs = torch.tensor(trace.inputs)
    recorded = [torch.tensor(trace[part]) for part, _ in cell.state]
    initial = [torch.tensor(trace.initial[part]) for part, _ in cell.state]
    return Parity(
        f"torch.nn.{cell.torch_name}",
        _run_difference(module, inputs, initial, recorded),
        _step_difference(module, inputs, initial, recorded),
    )


@torch.inference_mode()
def _run_difference(
    module: TorchRecurrent, inputs: Tensor, initial: list[Tensor], recorded: list[Tensor]
) -> float:
    """The whole run: every h_t, and the last of each further part of the state."""
    hidden, last = module(inputs, _packed([part[None] for part in initial]))
    actual, expected = recorded[0], hidden
    for part, value in zip(recorded[1:], _unpacked(last)[1:], strict=True):
        actual, expected = torch.cat([actual, part[-1:]]), torch.cat([expected, value])
    return _largest(actual, expected)


@torch.inference_mode()
def _step_difference(
    module: TorchRecurrent, inputs: Tensor, initial: list[Tensor], recorded: list[Tensor]
) -> float:
    """Each step from the trace's own state before it, all in one call with time as the batch."""
    before = [torch.cat([first[None], part[:-1]]) for first, part in zip(initial, recorded, strict=True)]
    _, after = module(inputs[None], _packed([part[None] for part in before]))
    expected = torch.cat([part[0] for part in _unpacked(after)], dim=1)
    return _largest(torch.cat(recorded, dim=1), expected)


def _packed(parts: list[Tensor]) -> Tensor | tuple[Tensor, ...]:
    """The state as a module takes it: a tuple for an LSTM, a tensor for the others."""
    return parts[0] if len(parts) == 1 else tuple(parts)


def _unpacked(state: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (state,) if isinstance(state, Tensor) else state


def _largest(actual: Float[Tensor, "row column"], expected: Float[Tensor, "row column"]) -> float:
    """The largest difference, relative to the magnitudes expected up to its row where those exceed 1."""
    scale = expected.abs().amax(dim=1).cummax(dim=0).values.clamp(min=1.0)
    return float(((actual - expected).abs() / scale[:, None]).max())


def _agreement(difference: float) -> str:
    return "exactly" if difference == 0 else f"to {_shown(difference)}"


def _shown(value: float) -> str:
    return (f"{value:.1e}" if value < 1e-3 else f"{value:.2g}").replace("-", MINUS)
