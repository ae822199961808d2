"""The gated recurrent unit, in both conventions that are in use.

Cho et al., "Learning phrase representations using RNN encoder-decoder" (arXiv 1406.1078). Version 1 of
that paper, cuDNN and PyTorch reset AFTER the matrix product; version 3 resets BEFORE it. In both an
update gate of 1 keeps the old state; in Chung et al. (arXiv 1412.3555) a 1 writes the new one.
"""

from functools import partial

from jaxtyping import Float
from torch import Tensor

from memviz.cells.base import (
    PARTS,
    Cell,
    Parameters,
    Signals,
    Tap,
    identity,
    named,
    product,
    tap_rows,
)
from memviz.cells.elman import HiddenState
from memviz.cells.functions import sigmoid, tanh

GRU_GATES = ("reset", "update", "candidate")
GATED = ("reset", "update")


def gru_step(
    parameters: Parameters,
    x: Float[Tensor, "*batch features"],
    state: HiddenState,
    tap: Tap = identity,
    *,
    reset_after: bool = True,
) -> tuple[HiddenState, Signals]:
    """One step of a GRU.

    Shapes: x (features,) or (batch, features); every signal (unit,) or (batch, unit).
    Source: arXiv 1406.1078, version 1 and torch.nn.GRU with `reset_after`, version 3 without.
    """
    h = state.hidden
    hidden_size = h.shape[-1]
    w, u = parameters["weight_ih"], parameters["weight_hh"]
    b_ih, b_hh = parameters["bias_ih"], parameters["bias_hh"]
    gates, candidate = slice(0, 2 * hidden_size), slice(2 * hidden_size, None)
    s: dict[str, Tensor] = {}

    wx = product(w, x)
    uh = product(u if reset_after else u[..., gates, :], h)
    from_input = s["from_input"] = tap_rows(tap, "from_input", GATED, wx[..., gates])  # W x_t
    from_hidden = s["from_hidden"] = tap_rows(tap, "from_hidden", GATED, uh[..., gates])  # U h_{t-1}
    bias = (b_ih[..., gates] + b_hh[..., gates]).expand_as(from_input)
    bias = s["bias"] = tap_rows(tap, "bias", GATED, bias)  # b
    a_r, a_z = (from_input + from_hidden + bias).chunk(2, dim=-1)
    a_r = s["reset_pre"] = tap("reset_pre", a_r)
    r = s["reset"] = tap("reset", sigmoid(a_r))  # r_t = sigma(W_r x_t + U_r h_{t-1} + b_r)
    a_z = s["update_pre"] = tap("update_pre", a_z)
    z = s["update"] = tap("update", sigmoid(a_z))  # z_t = sigma(W_z x_t + U_z h_{t-1} + b_z)

    n_bias = b_ih[..., candidate]
    if reset_after:  # b_hn is scaled by the reset gate, so it stays apart from b_in
        n_hidden = r * (uh[..., candidate] + b_hh[..., candidate])  # r_t * (U_n h_{t-1} + b_hn)
    else:
        n_hidden = product(u[..., candidate, :], r * h)  # U_n (r_t * h_{t-1})
        n_bias = n_bias + b_hh[..., candidate]
    n_input = s["candidate_from_input"] = tap("candidate_from_input", wx[..., candidate])  # W_n x_t
    n_hidden = s["candidate_from_hidden"] = tap("candidate_from_hidden", n_hidden)
    n_bias = s["candidate_bias"] = tap("candidate_bias", n_bias.expand_as(n_hidden))
    a_n = s["candidate_pre"] = tap("candidate_pre", n_input + n_hidden + n_bias)
    n = s["candidate"] = tap("candidate", tanh(a_n))  # n_t = tanh(a_n), the sum of the three

    h = s["hidden"] = tap("hidden", (1 - z) * n + z * h)  # h_t = (1 - z_t) * n_t + z_t * h_{t-1}
    return HiddenState(h), named(s, GATED, PARTS)


def _gru(name: str, title: str, note: str, reset_after: bool, torch_name: str | None) -> Cell:
    return Cell(
        name=name,
        title=title,
        family="gru",
        gates=GRU_GATES,
        state=(("hidden", ("hidden",)),),
        step=partial(gru_step, reset_after=reset_after),
        state_type=HiddenState,
        note=note,
        torch_name=torch_name,
        reset_after=reset_after,
    )


GRU_CELLS = (
    _gru(
        "gru",
        "GRU",
        "PyTorch's convention: z = 1 keeps the old state, and r acts after the matrix product, "
        "n = tanh(W x + b + r (U h + b_hn)).",
        reset_after=True,
        torch_name="GRU",
    ),
    _gru(
        "gru-v3",
        "GRU, reset before",
        "The convention of arXiv 1406.1078 version 3: z = 1 keeps the old state, and r acts before the "
        "matrix product, n = tanh(W x + U (r h) + b).",
        reset_after=False,
        torch_name=None,
    ),
)
