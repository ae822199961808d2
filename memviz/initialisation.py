"""The draw of a network's parameters: each from a generator of its own, so that no draw moves another.

A parameter is drawn for the whole family of its cell and the cell keeps the gates it has: an LSTM and
its ablations start with the same weights in the gates they share. The input weights of a symbol come from
(seed, symbol), so that a sequence that grows keeps the weights of the symbols it had.
"""

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from memviz.cells import Cell

INITIALISATIONS = ("uniform", "orthogonal", "normal", "chrono", "non-normal")
NON_NORMAL = (0.9, 5.0)
"""On the diagonal and above it: [[.9, 5], [0, .9]] has the spectral radius .9, and its 9th power the norm 19.4."""

_FAMILY_GATES = {
    "elman": ("hidden",),
    "lstm": ("input", "forget", "candidate", "output"),
    "gru": ("reset", "update", "candidate"),
}


def draw_parameters(
    cell: Cell, feature_keys: Sequence[str], hidden_size: int, seed: int, initialisation: str
) -> dict[str, Tensor]:
    """Float64 parameters of a cell.

    Args:
        cell: the cell.
        feature_keys: a key for each input feature; equal keys and seeds give equal input weights.
        hidden_size: the number of units.
        seed: any whole number from 0 on.
        initialisation: "uniform" is torch's U(-1/sqrt(H), 1/sqrt(H)) for all; "orthogonal" has an orthogonal
            block of weight_hh for each gate instead (Saxe et al., arXiv 1312.6120), "normal" draws weight_hh from
            N(0, 1/H); "chrono" is uniform here, its biases are `chrono_biases`. "non-normal" draws nothing: each
            block of weight_hh is the matrix of NON_NORMAL, everything else is 0.
    """
    bound = 1 / math.sqrt(hidden_size)
    family = _FAMILY_GATES[cell.family]

    def draw(name: str, *shape: int) -> Tensor:
        return _uniform((seed, name), *shape) * bound

    def per_gate(name: str, *columns: int) -> Tensor:
        return _keep(draw(name, len(family) * hidden_size, *columns), cell, hidden_size)

    if initialisation == "non-normal":
        return _non_normal(cell, len(feature_keys), hidden_size)
    columns = [per_gate(f"weight_ih/{key}") for key in feature_keys]
    weight_hh = per_gate("weight_hh", hidden_size)
    if initialisation == "orthogonal":
        blocks = [_orthogonal((seed, f"orthogonal/{gate}"), hidden_size) for gate in family]
        weight_hh = _keep(torch.cat(blocks), cell, hidden_size)
    elif initialisation == "normal":
        weight_hh = _keep(
            _normal((seed, "normal"), len(family) * hidden_size, hidden_size) * bound, cell, hidden_size
        )
    shapes = cell.parameter_shapes(len(feature_keys), hidden_size)
    return {
        "weight_ih": torch.stack(columns, dim=1),
        "weight_hh": weight_hh,
        "bias_ih": per_gate("bias_ih"),
        "bias_hh": per_gate("bias_hh"),
    } | {name: draw(name, *shapes[name]) for name in list(shapes)[4:]}


def chrono_biases(cell: Cell, hidden_size: int, seed: int, steps: int) -> dict[str, Tensor]:
    """The biases of Tallec & Ollivier, "Can recurrent neural networks warp time?" (arXiv 1804.11188).

    Forget and update gates get log(u), u ~ U(1, steps - 1), the input gate minus the same, so that units hold
    for between 2 and `steps` steps. Gates that the cell has no weights for are left out.
    """
    uniform = (_uniform((seed, "chrono"), hidden_size) + 1) / 2
    bias = torch.log(1 + uniform * (steps - 2))
    biases = {"forget": bias, "update": bias, "input": -bias}
    return {gate: value for gate, value in biases.items() if gate in cell.gates}


def _keep(rows: Tensor, cell: Cell, hidden_size: int) -> Tensor:
    """The rows of the gates that a cell has, out of the rows of its whole family."""
    blocks = dict(zip(_FAMILY_GATES[cell.family], rows.split(hidden_size), strict=True))
    return torch.cat([blocks[gate] for gate in cell.gates])


# While somebody moves the slider of a bias the draws stay the same; nobody changes them in place.
@lru_cache(maxsize=256)
def _uniform(key: tuple[int, str], *shape: int) -> Float[Tensor, "..."]:
    """Numbers from U(-1, 1)."""
    return torch.rand(shape, generator=_generator(key), dtype=torch.float64) * 2 - 1


def _non_normal(cell: Cell, features: int, hidden_size: int) -> dict[str, Tensor]:
    shapes = cell.parameter_shapes(features, hidden_size)
    parameters = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in shapes.items()}
    diagonal, above = (torch.full((hidden_size - k,), NON_NORMAL[k], dtype=torch.float64) for k in (0, 1))
    block = torch.diag(diagonal) + torch.diag(above, 1)
    return parameters | {"weight_hh": block.repeat(len(cell.gates), 1)}


def _normal(key: tuple[int, str], *shape: int) -> Float[Tensor, "..."]:
    """Numbers from N(0, 1)."""
    return torch.randn(shape, generator=_generator(key), dtype=torch.float64)


def _orthogonal(key: tuple[int, str], size: int) -> Float[Tensor, "size size"]:
    """An orthogonal matrix, Haar-distributed: QR of a normal draw with the signs of R's diagonal."""
    q, r = torch.linalg.qr(_normal(key, size, size))
    return q * torch.sgn(r.diagonal())


def _generator(key: tuple[int, str]) -> torch.Generator:
    """A generator of its own for a key, the same in every process; torch's engine reads 32 bits of a seed."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:4]))
