"""Flax' LSTMCell, OptimizedLSTMCell and GRUCell: their parameters as a mapping of mappings of arrays.

A cell has a dense layer for each gate and side, "if" for the forget gate's input, with a kernel (inputs, units) and
perhaps a bias: the LSTM's stand on the hidden side; the GRU's on the input side and, of the candidate, on both. The GRU
resets after the product, and its z keeps the old state. Source: flax.linen.recurrent and flax.nnx.nn.recurrent, 0.12.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from memviz.converters.arrays import Numbers, network, numbers
from memviz.network import Network

Parameters = Mapping[str, Mapping[str, Any]]


def from_flax_lstm(parameters: Parameters) -> Network:
    """An LSTM with tanh and sigmoid, Flax' defaults.

    Args:
        parameters: of "ii", "if", "ig", "io", "hi", "hf", "hg", "ho", each with a "kernel" and perhaps a "bias".

    Raises:
        ValueError: if a layer is missing or a shape does not fit.
    """
    return network("lstm", **_arrays(parameters, "ifgo"))


def from_flax_gru(parameters: Parameters) -> Network:
    """A GRU with tanh and sigmoid, Flax' defaults.

    Args:
        parameters: of "ir", "iz", "in", "hr", "hz", "hn", each with a "kernel" and perhaps a "bias".

    Raises:
        ValueError: if a layer is missing or a shape does not fit.
    """
    return network("gru", **_arrays(parameters, "rzn"))


def _arrays(parameters: Parameters, gates: str) -> dict[str, Numbers]:
    wanted = {side + gate for side in "ih" for gate in gates}
    if set(parameters) != wanted:
        got = ", ".join(sorted(map(str, parameters))) or "none"
        raise ValueError(f"The cell has the layers {', '.join(sorted(wanted))}; got {got}.")
    found = {}
    for side, name in (("i", "ih"), ("h", "hh")):
        kernels, biases = [], []
        for gate in gates:
            layer = parameters[side + gate]
            if "kernel" not in layer:
                raise ValueError(f"Each layer has a kernel; got {side + gate} without.")
            kernels.append(numbers(f"{side + gate}.kernel", layer["kernel"], None, None).T)
            units = len(kernels[0])
            numbers(f"{side + gate}.kernel", kernels[-1].T, kernels[0].shape[1], units)
            bias = layer.get("bias")
            biases.append(np.zeros(units) if bias is None else numbers(f"{side + gate}.bias", bias, units))
        found[f"weight_{name}"], found[f"bias_{name}"] = np.concatenate(kernels), np.concatenate(biases)
    return found
