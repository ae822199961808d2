"""What the summands of a pre-activation are made of: which weights, times which vector.

A trace holds W x of a unit as one number; here is how to take it apart into one product for each input.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from memviz.network import Network

_RECURRENT = ("input", "forget", "output")


@dataclass(frozen=True, eq=False)
class Products:
    """One summand for all units: `factor * (weights @ (vector * mask) + bias)`.

    Attributes:
        vector: what the weights multiply: "inputs", "hidden" (of the step before), "gates" (input, forget and
            output of the step before, side by side), "cell" (diagonal, of this step), "cell_before" (diagonal, of
            the step before), or "" for none.
        weights: (unit, vector), or (unit,) where they are diagonal; None without a vector.
        bias: (unit,), or None.
        factor: a gate of this step that multiplies the sum, or "".
        mask: a gate of this step that multiplies the vector, or "".
    """

    vector: str = ""
    weights: Float[np.ndarray, "unit vector"] | Float[np.ndarray, " unit"] | None = None
    bias: Float[np.ndarray, " unit"] | None = None
    factor: str = ""
    mask: str = ""


def products(network: Network) -> dict[str, Products]:
    """Each summand of each pre-activation of a network, by its name in a trace."""
    found = {}
    for signal in network.cell.pre_activations:
        for part in network.cell.summands(signal):
            found[part] = _products(network, signal, part.removeprefix(f"{signal}_"))
    return found


def _products(network: Network, signal: str, kind: str) -> Products:
    cell = network.cell
    p = {name: value.numpy() for name, value in network.parameters.items()}
    size = network.hidden_size
    if kind == "from_cell":
        return Products("cell" if signal == "output" else "cell_before", p[f"peephole_{signal}"])
    if kind == "from_gates":
        first = _RECURRENT.index(signal) * size
        return Products("gates", p["weight_gates"][first : first + size])
    rows = cell.rows(signal, size)
    gru_candidate = cell.family == "gru" and signal == "candidate"
    if kind == "from_input":
        return Products("inputs", p["weight_ih"][rows])
    if kind == "from_hidden":
        if gru_candidate and cell.reset_after:
            return Products("hidden", p["weight_hh"][rows], bias=p["bias_hh"][rows], factor="reset")
        return Products("hidden", p["weight_hh"][rows], mask="reset" if gru_candidate else "")
    if gru_candidate and cell.reset_after:
        return Products(bias=p["bias_ih"][rows])
    return Products(bias=p["bias_ih"][rows] + p["bias_hh"][rows])
