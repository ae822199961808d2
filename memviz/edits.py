"""A network with one thing changed, and an input with one token changed: pure functions, nothing is edited in place.

An edited sequence comes with the alignment of its timesteps to those of the original, so that two runs can be compared.
"""

import unicodedata
from collections.abc import Sequence as Numbers
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from memviz.encoding import EncodingError, Sequence
from memviz.encoding.characters import shown, visible
from memviz.encoding.numbers import short
from memviz.network import Network

Pair = tuple[int | None, int | None]


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


@dataclass(frozen=True, eq=False)
class Edited:
    """A sequence with one token changed.

    Attributes:
        sequence: it has the features of the original, so that the same network reads it.
        alignment: (timestep of the original, timestep of this one) in order; None where a token has no partner.
    """

    sequence: Sequence
    alignment: tuple[Pair, ...]


def replace_token(sequence: Sequence, timestep: int, token: str | Numbers[float]) -> Edited:
    """The sequence with another token at a timestep; it is a partner of the one that it replaces.

    Args:
        sequence: the original.
        timestep: 0 to T - 1.
        token: a symbol of the sequence's alphabet; for numbers and signals a row, one number for each feature.

    Raises:
        EncodingError: if there is no such timestep, or the token is none that a network of this sequence can read.
    """
    _check_timestep(sequence, timestep, len(sequence) - 1)
    kept = list(range(len(sequence)))
    pairs: list[Pair] = [(t, t) for t in kept]
    return Edited(_rebuilt(sequence, kept[:timestep], token, kept[timestep + 1 :]), tuple(pairs))


def insert_token(sequence: Sequence, timestep: int, token: str | Numbers[float]) -> Edited:
    """The sequence with one token more, which is at `timestep`, 0 to T; see `replace_token`."""
    _check_timestep(sequence, timestep, len(sequence))
    kept = list(range(len(sequence)))
    pairs: list[Pair] = [(t, t if t < timestep else t + 1) for t in kept]
    pairs.insert(timestep, (None, timestep))
    return Edited(_rebuilt(sequence, kept[:timestep], token, kept[timestep:]), tuple(pairs))


def delete_token(sequence: Sequence, timestep: int) -> Edited:
    """The sequence without the token at `timestep`, 0 to T - 1.

    Raises:
        EncodingError: if there is no such timestep, or if it is the only one.
    """
    _check_timestep(sequence, timestep, len(sequence) - 1)
    if len(sequence) == 1:
        raise EncodingError("A sequence has 1 or more timesteps; got one, and it would go.")
    kept = list(range(len(sequence)))
    pairs: list[Pair] = [(t, t if t < timestep else t - 1) for t in kept]
    pairs[timestep] = (timestep, None)
    return Edited(_rebuilt(sequence, kept[:timestep], None, kept[timestep + 1 :]), tuple(pairs))


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


def _check_timestep(sequence: Sequence, timestep: int, last: int) -> None:
    if not 0 <= timestep <= last:
        raise EncodingError(f"Such an edit is at a timestep from 0 to {last}; got {timestep}.")


def _rebuilt(
    sequence: Sequence, before: list[int], token: str | Numbers[float] | None, after: list[int]
) -> Sequence:
    """The steps `before`, a new one unless it is None, and the steps `after`."""
    middle = [] if token is None else [_row(sequence, token)]
    rows = [sequence.inputs[before], *(row[None] for _, _, row in middle), sequence.inputs[after]]
    tokens = (
        *_at(sequence.tokens, before),
        *(written for written, _, _ in middle),
        *_at(sequence.tokens, after),
    )
    symbols = None
    if sequence.symbols is not None:
        raw = (symbol for _, symbol, _ in middle)
        symbols = (*_at(sequence.symbols, before), *raw, *_at(sequence.symbols, after))
    return Sequence(tokens, symbols, np.concatenate(rows), sequence.features, sequence.kind)


def _at(values: tuple[str, ...], timesteps: list[int]) -> list[str]:
    return [values[t] for t in timesteps]


def _row(sequence: Sequence, token: str | Numbers[float]) -> tuple[str, str, Float[np.ndarray, " features"]]:
    """What is shown of a token, its symbol, and its inputs."""
    if sequence.symbols is not None:
        return _symbol_row(sequence, token)
    count = len(sequence.features)
    rule = f"A timestep of this sequence is {count} finite number{'s' * (count != 1)}"
    try:
        row = np.array(token, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise EncodingError(f"{rule}; got {shown(str(token))}.") from error
    if row.shape != (count,) or not np.isfinite(row).all():
        raise EncodingError(f"{rule}; got {shown(str(token))}.")
    return "; ".join(short(value) for value in row.tolist()), "", row


def _symbol_row(
    sequence: Sequence, token: str | Numbers[float]
) -> tuple[str, str, Float[np.ndarray, " features"]]:
    symbol = unicodedata.normalize("NFC", token) if isinstance(token, str) else str(token)
    if symbol not in sequence.features:
        known = ", ".join(shown(each) for each in sequence.features[:12])
        more = " …" if len(sequence.features) > 12 else ""
        raise EncodingError(
            f"A network reads the symbols of its alphabet, {known}{more}; got {shown(symbol)}."
        )
    return visible(symbol), symbol, np.eye(len(sequence.features))[sequence.features.index(symbol)]
