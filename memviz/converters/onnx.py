"""ONNX' LSTM, GRU and RNN operators: their inputs W, R, B and P, (directions, ...), as arrays.

The LSTM's order is i, o, f, c, that of its peepholes i, o, f; the GRU's z, r, h. B holds the biases of the input side,
then those of the hidden side. The GRU resets after the product where linear_before_reset is not 0, else before; its z
keeps the old state. Activations are the defaults, clip and input_forget are not set.
Source: github.com/onnx/onnx, docs/Operators.md.
"""

import numpy as np
from numpy.typing import ArrayLike

from memviz.converters.arrays import Numbers, network, numbers, reordered
from memviz.network import Network

_LSTM_ORDER, _GRU_ORDER = (0, 2, 3, 1), (1, 0, 2)
_CELLS = {"Tanh": "elman", "Relu": "elman-relu"}


def from_onnx_lstm(
    W: ArrayLike, R: ArrayLike, B: ArrayLike | None = None, P: ArrayLike | None = None, direction: int = 0
) -> Network:
    """An LSTM; with P "lstm-peephole".

    Args:
        W: (directions, 4 * units, inputs).
        R: (directions, 4 * units, units).
        B: (directions, 8 * units); None is zeros.
        P: (directions, 3 * units); None is no peepholes.
        direction: 0, or 1 for the reverse one of a bidirectional operator.

    Raises:
        ValueError: if a shape does not fit, or there is no such direction.
    """
    arrays = _arrays(W, R, B, direction, _LSTM_ORDER)
    if P is None:
        return network("lstm", **arrays)
    units = arrays["weight_hh"].shape[1]
    i, o, f = np.split(_one("P", P, direction, 3 * units), 3)
    return network("lstm-peephole", **arrays, peephole_input=i, peephole_output=o, peephole_forget=f)


def from_onnx_gru(
    W: ArrayLike, R: ArrayLike, B: ArrayLike | None = None, linear_before_reset: int = 0, direction: int = 0
) -> Network:
    """A GRU: "gru" where `linear_before_reset` is not 0, else "gru-v3".

    Args:
        W: (directions, 3 * units, inputs).
        R: (directions, 3 * units, units).
        B: (directions, 6 * units); None is zeros.
        linear_before_reset: the operator's attribute.
        direction: 0, or 1 for the reverse one of a bidirectional operator.

    Raises:
        ValueError: if a shape does not fit, or there is no such direction.
    """
    arrays = _arrays(W, R, B, direction, _GRU_ORDER)
    return network("gru" if linear_before_reset else "gru-v3", **arrays)


def from_onnx_rnn(
    W: ArrayLike, R: ArrayLike, B: ArrayLike | None = None, activation: str = "Tanh", direction: int = 0
) -> Network:
    """An Elman network.

    Args:
        W: (directions, units, inputs).
        R: (directions, units, units).
        B: (directions, 2 * units); None is zeros.
        activation: "Tanh" or "Relu".
        direction: 0, or 1 for the reverse one of a bidirectional operator.

    Raises:
        ValueError: if a shape does not fit, or there is no such activation or direction.
    """
    if activation not in _CELLS:
        raise ValueError(f"The activation is one of {', '.join(_CELLS)}; got {activation!r:.40}.")
    return network(_CELLS[activation], **_arrays(W, R, B, direction, (0,)))


def _arrays(
    W: ArrayLike, R: ArrayLike, B: ArrayLike | None, direction: int, order: tuple[int, ...]
) -> dict[str, Numbers]:
    u = _one("R", R, direction, None, None)
    rows = len(order) * u.shape[1]
    u = _one("R", R, direction, rows, None)
    w = _one("W", W, direction, rows, None)
    biases = np.zeros(2 * rows) if B is None else _one("B", B, direction, 2 * rows)
    return {
        "weight_ih": reordered(w, order),
        "weight_hh": reordered(u, order),
        "bias_ih": reordered(biases[:rows], order),
        "bias_hh": reordered(biases[rows:], order),
    }


def _one(name: str, array: ArrayLike, direction: int, *shape: int | None) -> Numbers:
    """One direction of an array."""
    found = numbers(name, array, None, *shape)
    if not 0 <= direction < len(found):
        raise ValueError(f"{name} has directions 0 to {len(found) - 1}; got {direction}.")
    one: Numbers = found[direction]
    return one
