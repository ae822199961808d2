"""Keras' LSTM and GRU: arrays as `layer.get_weights()` gives them.

Keras multiplies from the right, so its kernels are (inputs, gates * units). Its LSTM has the order i, f, c, o and one
bias; its GRU z, r, h. With reset_after=True, its default, the GRU has two biases and resets after the product, with
reset_after=False it resets before. Its z keeps the old state, as torch's does. Source: keras.src.layers.rnn, 3.15.
"""

import numpy as np
from numpy.typing import ArrayLike

from memviz.converters.arrays import network, numbers, reordered
from memviz.network import Network

_GRU_ORDER = (1, 0, 2)  # z, r, h -> r, z, n


def from_keras_lstm(kernel: ArrayLike, recurrent_kernel: ArrayLike, bias: ArrayLike | None = None) -> Network:
    """An LSTM with tanh and sigmoid, Keras' defaults.

    Args:
        kernel: (inputs, 4 * units).
        recurrent_kernel: (units, 4 * units).
        bias: (4 * units,); None is a layer without (use_bias=False).

    Raises:
        ValueError: if a shape does not fit.
    """
    u = numbers("recurrent_kernel", recurrent_kernel, None, None)
    rows = 4 * len(u)
    w = numbers("kernel", kernel, None, rows)
    u = numbers("recurrent_kernel", u, len(u), rows)
    b = np.zeros(rows) if bias is None else numbers("bias", bias, rows)
    return network("lstm", weight_ih=w.T, weight_hh=u.T, bias_ih=b, bias_hh=np.zeros(rows))


def from_keras_gru(
    kernel: ArrayLike, recurrent_kernel: ArrayLike, bias: ArrayLike | None = None, reset_after: bool = True
) -> Network:
    """A GRU with tanh and sigmoid, Keras' defaults: "gru" with `reset_after`, else "gru-v3".

    Args:
        kernel: (inputs, 3 * units).
        recurrent_kernel: (units, 3 * units).
        bias: (2, 3 * units) with `reset_after`, else (3 * units,); None is a layer without (use_bias=False).
        reset_after: the layer's setting.

    Raises:
        ValueError: if a shape does not fit; a bias of the other setting's shape does not.
    """
    u = numbers("recurrent_kernel", recurrent_kernel, None, None)
    rows = 3 * len(u)
    w = numbers("kernel", kernel, None, rows)
    u = numbers("recurrent_kernel", u, len(u), rows)
    biases = np.zeros((2, rows))
    if bias is not None and reset_after:
        biases = numbers("bias, with reset_after=True,", bias, 2, rows)
    elif bias is not None:
        biases[0] = numbers("bias, with reset_after=False,", bias, rows)
    return network(
        "gru" if reset_after else "gru-v3",
        weight_ih=reordered(w.T, _GRU_ORDER),
        weight_hh=reordered(u.T, _GRU_ORDER),
        bias_ih=reordered(biases[0], _GRU_ORDER),
        bias_hh=reordered(biases[1], _GRU_ORDER),
    )
