"""The simple recurrent network of Elman, "Finding structure in time" (1990), as torch.nn.RNN has it."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from memviz.cells.base import Cell, Emitter, Parameters, Signals, Tap, identity, product


class HiddenState(NamedTuple):
    """The state of a cell that carries its hidden state alone."""

    hidden: Tensor


def elman_step(
    parameters: Parameters,
    x: Float[Tensor, "*batch features"],
    state: HiddenState,
    tap: Tap = identity,
    *,
    activation: Callable[[Tensor], Tensor] = torch.tanh,
) -> tuple[HiddenState, Signals]:
    """One step of an Elman network.

    Shapes: x (features,) or (batch, features); every signal (unit,) or (batch, unit).
    Source: Elman 1990, with a tanh or a rectifier as in torch.nn.RNN.
    """
    step = Emitter(tap, ("hidden",))

    from_input = step.rows("from_input", product(parameters["weight_ih"], x))  # W x_t
    from_hidden = step.rows("from_hidden", product(parameters["weight_hh"], state.hidden))  # U h_{t-1}
    bias = step.rows("bias", (parameters["bias_ih"] + parameters["bias_hh"]).expand_as(from_input))  # b
    pre = step.emit("hidden_pre", from_input + from_hidden + bias)  # a_t = W x_t + U h_{t-1} + b
    h = step.emit("hidden", activation(pre))  # h_t = tanh(a_t)
    return HiddenState(h), step.signals()


def _elman(name: str, title: str, nonlinearity: str, activation: Callable[[Tensor], Tensor]) -> Cell:
    return Cell(
        name=name,
        title=title,
        family="elman",
        gates=("hidden",),
        state=(("hidden", ("hidden",)),),
        step=partial(elman_step, activation=activation),
        state_type=HiddenState,
        note=f"No gates: the whole memory is rewritten through one {nonlinearity} at every step.",
        torch_name="RNN",
        nonlinearity=nonlinearity,
    )


ELMAN_CELLS = (
    _elman("elman", "Elman", "tanh", torch.tanh),
    _elman("elman-relu", "Elman, ReLU", "relu", torch.relu),
)
