"""Equinox' LSTMCell and GRUCell: their fields as arrays, which stand in torch's order.

The LSTM has one bias. The GRU has one for all gates and `bias_n`, which the reset gate multiplies; it resets after the
product, and its second gate keeps the old state. Source: equinox.nn._rnn, 0.13.
"""

import numpy as np
from numpy.typing import ArrayLike

from memviz.converters.arrays import network, numbers
from memviz.network import Network


def from_equinox_lstm(weight_ih: ArrayLike, weight_hh: ArrayLike, bias: ArrayLike | None = None) -> Network:
    """An LSTM.

    Args:
        weight_ih: (4 * units, inputs).
        weight_hh: (4 * units, units).
        bias: (4 * units,); None is a cell without (use_bias=False).

    Raises:
        ValueError: if a shape does not fit.
    """
    u = numbers("weight_hh", weight_hh, None, None)
    rows = 4 * u.shape[1]
    b = np.zeros(rows) if bias is None else numbers("bias", bias, rows)
    w = numbers("weight_ih", weight_ih, rows, None)
    return network(
        "lstm", weight_ih=w, weight_hh=numbers("weight_hh", u, rows, None), bias_ih=b, bias_hh=0 * b
    )


def from_equinox_gru(
    weight_ih: ArrayLike, weight_hh: ArrayLike, bias: ArrayLike | None = None, bias_n: ArrayLike | None = None
) -> Network:
    """A GRU.

    Args:
        weight_ih: (3 * units, inputs).
        weight_hh: (3 * units, units).
        bias: (3 * units,); None is a cell without (use_bias=False).
        bias_n: (units,), of the candidate's hidden side.

    Raises:
        ValueError: if a shape does not fit.
    """
    u = numbers("weight_hh", weight_hh, None, None)
    units = u.shape[1]
    u = numbers("weight_hh", u, 3 * units, units)
    w = numbers("weight_ih", weight_ih, 3 * units, None)
    b = np.zeros(3 * units) if bias is None else numbers("bias", bias, 3 * units)
    hidden = np.zeros(3 * units)
    if bias_n is not None:
        hidden[2 * units :] = numbers("bias_n", bias_n, units)
    return network("gru", weight_ih=w, weight_hh=u, bias_ih=b, bias_hh=hidden)
