"""The simple recurrent network of Elman, "Finding structure in time" (1990), as torch.nn.RNN has it."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from memviz.cells.base import Cell, Parameters, Signals, Tap, identity, named, product
from memviz.cells.functions import tanh


class HiddenState(NamedTuple):
    """The state of a cell that carries its hidden state alone."""

    hidden: Tensor


def elman_step(
    parameters: Parameters,
    x: Float[Tensor, "*batch features"],
    state: HiddenState,
    tap: Tap = identity,
    *,
    activation: Callable[[Tensor], Tensor] = tanh,
) -> tuple[HiddenState, Signals]:
    """One step of an Elman network.

    Shapes: x (features,) or (batch, features); every signal (unit,) or (batch, unit).
    Source: Elman 1990, with a tanh or a rectifier as in torch.nn.RNN.
    """
    s: dict[str, Tensor] = {}
    w, u = parameters["weight_ih"], parameters["weight_hh"]

    wx = s["hidden_from_input"] = tap("hidden_from_input", product(w, x))  # W x_t
    uh = s["hidden_from_hidden"] = tap("hidden_from_hidden", product(u, state.hidden))  # U h_{t-1}
    b = (parameters["bias_ih"] + parameters["bias_hh"]).expand_as(wx)
    b = s["hidden_bias"] = tap("hidden_bias", b)  # b
    a = s["hidden_pre"] = tap("hidden_pre", wx + uh + b)  # a_t = W x_t + U h_{t-1} + b
    h = s["hidden"] = tap("hidden", activation(a))  # h_t = tanh(a_t)
    return HiddenState(h), named(s)


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
    _elman("elman", "Elman", "tanh", tanh),
    _elman("elman-relu", "Elman, ReLU", "relu", torch.relu),
)
