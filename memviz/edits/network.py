"""A network with one thing changed: pure functions, nothing is edited in place."""

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from memviz.network import Network


def set_weight(network: Network, parameter: str, row: int, column: int | None, value: float) -> Network:
    """The network with one weight or bias set.

    Args:
        network: the network.
        parameter: its name, such as "weight_hh".
        row: its row, or its place in a bias or a peephole.
        column: its column; None for a bias or a peephole.
        value: a finite number.

    Raises:
        ValueError: if there is no such parameter or place in it, or the value is not finite.
    """
    tensor = _parameter(network, parameter).clone()
    place = (row,) if column is None else (row, column)
    inside = len(place) == tensor.ndim and all(
        0 <= index < size for index, size in zip(place, tensor.shape, strict=True)
    )
    if not inside:
        rule = "row" if tensor.ndim == 1 else "row and column"
        raise ValueError(
            f"{parameter} is {tuple(tensor.shape)}, a place in it is a {rule} from 0; got {place}."
        )
    if not np.isfinite(value):
        raise ValueError(f"A weight is a finite number; got {value}.")
    tensor[place] = value
    return network.replace(**{parameter: tensor})


def zero_block(network: Network, parameter: str, gate: str | None = None) -> Network:
    """The network with a parameter set to zero, or only its rows of one gate.

    Raises:
        ValueError: if there is no such parameter, or it has no rows of such a gate.
    """
    tensor = _parameter(network, parameter).clone()
    if gate is None:
        return network.replace(**{parameter: torch.zeros_like(tensor)})
    gates = network.cell.gates
    stacked = parameter in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    if not (stacked and gate in gates):
        raise ValueError(
            f"{parameter} has rows for {', '.join(gates) if stacked else 'no gate'}; got {gate}."
        )
    tensor[network.cell.rows(gate, network.hidden_size)] = 0.0
    return network.replace(**{parameter: tensor})


def swap_units(network: Network, first: int, second: int) -> Network:
    """The network with two units in each other's place: the same function, its signals exchanged.

    Raises:
        ValueError: if there is no such unit.
    """
    order = np.arange(network.hidden_size)
    _check_unit(network, first)
    _check_unit(network, second)
    order[[first, second]] = order[[second, first]]
    return _with_units(network, order)


def remove_unit(network: Network, unit: int) -> Network:
    """The network without one of its units.

    Raises:
        ValueError: if there is no such unit, or it is the only one.
    """
    _check_unit(network, unit)
    if network.hidden_size == 1:
        raise ValueError("A network has 1 or more units; got one, and it would go.")
    return _with_units(network, np.delete(np.arange(network.hidden_size), unit))


def _parameter(network: Network, name: str) -> Tensor:
    if name not in network.parameters:
        raise ValueError(f"The parameters are {', '.join(network.parameters)}; got {name}.")
    return network.parameters[name]


def _check_unit(network: Network, unit: int) -> None:
    if not 0 <= unit < network.hidden_size:
        raise ValueError(f"The units are 0 to {network.hidden_size - 1}; got {unit}.")


def _with_units(network: Network, order: Int[np.ndarray, " unit"]) -> Network:
    """The network with these of its units, in this order: along each axis that is made of blocks of units."""
    size, features = network.hidden_size, network.features
    cell, changed = network.cell, {}
    for name, tensor in network.parameters.items():
        for axis, new in enumerate(cell.parameter_shapes(features, len(order))[name]):
            if name == "weight_ih" and axis == 1:  # its columns are features
                continue
            blocks = np.arange(new // len(order))[:, None] * size
            tensor = tensor.index_select(axis, torch.from_numpy((blocks + order).ravel()))
        changed[name] = tensor
    return Network(cell, changed)
