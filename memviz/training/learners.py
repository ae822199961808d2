"""A network as something that learns, in float32: a fused kernel of torch.nn, or our own step in a loop."""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from memviz.cells import CELLS
from memviz.network import Network

FUSED = ("elman", "elman-relu", "lstm", "lstm-1997", "gru")
"""The cells that a fused kernel of torch.nn runs."""
_OPEN = 100.0
"""The bias of a forget gate that stands for none: sigma of it is exactly 1 in float32, its slope exactly 0."""

Inputs = Float[Tensor, "sequence time features"]
Hidden = Float[Tensor, "sequence time unit"]


@runtime_checkable
class Learner(Protocol):
    """A network whose parameters can be moved."""

    def parameters(self) -> list[Tensor]:
        """What is learnt."""

    def hidden(self, inputs: Inputs) -> Hidden:
        """The hidden states from a zero state on."""

    def network(self) -> Network:
        """The network as it is now, in float64."""


def learner_of(network: Network) -> Learner:
    """A copy of a network that can learn."""
    return _Fused(network) if network.cell.name in FUSED else _Stepped(network)


class _Fused:
    """On a module of torch.nn.

    The LSTM of 1997 is one of torch's whose forget gate is exactly 1: its weights are 0 and its bias is large. Its
    slope is exactly 0, so that no update moves it.
    """

    def __init__(self, network: Network) -> None:
        self._cell = network.cell
        full = network if network.cell.torch_name else _with_open_forget_gate(network)
        self._module = full.to_torch().float()

    def parameters(self) -> list[Tensor]:
        """The module's parameters."""
        return list(self._module.parameters())

    def hidden(self, inputs: Inputs) -> Hidden:
        """One call of the kernel, which takes time in front."""
        hidden, _ = self._module(inputs.transpose(0, 1))
        return hidden.transpose(0, 1)

    def network(self) -> Network:
        """The module's parameters under their names, without those of a gate that the cell does not have."""
        network = Network.from_torch(self._module)
        if network.cell == self._cell:
            return network
        rows = _kept_rows(network.hidden_size)
        return Network(self._cell, {name: value[rows] for name, value in network.parameters.items()})


class _Stepped:
    """On the cell's own step, one call for each timestep."""

    def __init__(self, network: Network) -> None:
        self._cell, self._size = network.cell, network.hidden_size
        self._parameters = {
            name: value.float().requires_grad_() for name, value in network.parameters.items()
        }

    def parameters(self) -> list[Tensor]:
        """The cell's parameters."""
        return list(self._parameters.values())

    def hidden(self, inputs: Inputs) -> Hidden:
        """The loop over time."""
        state, found = self._cell.zero_state(inputs[:, 0], self._size), []
        for x in inputs.unbind(dim=1):
            state, signals = self._cell.step(self._parameters, x, state)
            found.append(signals.hidden)
        return torch.stack(found, dim=1)

    def network(self) -> Network:
        """The parameters as they are now."""
        return Network(self._cell, {name: value.detach() for name, value in self._parameters.items()})


def _with_open_forget_gate(network: Network) -> Network:
    """The same network as an LSTM with a forget gate that never closes."""
    size, lstm = network.hidden_size, CELLS["lstm"]
    shapes = lstm.parameter_shapes(network.features, size)
    wide = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in shapes.items()}
    for name, value in network.parameters.items():
        wide[name][_kept_rows(size)] = value
    wide["bias_ih"][lstm.rows("forget", size)] = _OPEN
    return Network(lstm, wide)


def _kept_rows(size: int) -> Tensor:
    """The rows of all gates of an LSTM but the forget gate."""
    rows = torch.arange(4 * size)
    forget = CELLS["lstm"].rows("forget", size)
    return rows[(rows < forget.start) | (rows >= forget.stop)]


class ReadoutLayer(nn.Module):
    """A linear layer drawn as torch.nn.Linear draws it, U(-1/sqrt(H), 1/sqrt(H)), by a generator of its own."""

    def __init__(self, units: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        bound = units**-0.5

        def drawn(*shape: int) -> nn.Parameter:
            return nn.Parameter((torch.rand(shape, generator=generator) * 2 - 1) * bound)

        self.weight, self.bias = drawn(outputs, units), drawn(outputs)

    def forward(self, hidden: Float[Tensor, "*batch unit"]) -> Float[Tensor, "*batch output"]:
        """V h + b."""
        return nn.functional.linear(hidden, self.weight, self.bias)
