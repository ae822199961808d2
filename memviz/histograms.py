"""How the weights of each gate are spread: one set of bins for all of them, so that they can be compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from memviz.cells import Cell
from memviz.network import Network

_BINS = 25  # odd: zeros lie in the middle of a bin
PARAMETERS = ("weight_ih", "weight_hh")
Counts = Mapping[tuple[str, str], Int[np.ndarray, " bin"]]


@dataclass(frozen=True, eq=False)
class Histograms:
    """Counts of weights.

    Attributes:
        cell: the cell whose gates they belong to.
        edges: the ends of the bins, symmetric around 0.
        counts: by gate and parameter, weight_ih or weight_hh, how many weights each bin holds.
        original: the same before an edit; None without one.
    """

    cell: Cell
    edges: Float[np.ndarray, " edge"]
    counts: Counts
    original: Counts | None

    @property
    def centres(self) -> Float[np.ndarray, " bin"]:
        """The middle of each bin."""
        centres: Float[np.ndarray, " bin"] = (self.edges[:-1] + self.edges[1:]) / 2
        return centres

    def to_frame(self) -> Any:
        """One row for each gate, parameter and bin, as a DataFrame."""
        import pandas as pd  # only here: the engine runs without it

        keys = [key for key in self.counts for _ in self.centres]
        columns: dict[str, Any] = {
            "gate": [gate for gate, _ in keys],
            "weights": [parameter for _, parameter in keys],
            "from": np.tile(self.edges[:-1], len(self.counts)),
            "to": np.tile(self.edges[1:], len(self.counts)),
            "count": np.concatenate(list(self.counts.values())),
        }
        if self.original is not None:
            columns["count as drawn"] = np.concatenate(list(self.original.values()))
        return pd.DataFrame(columns)


def histograms(network: Network, original: Network | None = None) -> Histograms:
    """Count the weights of each gate, those from the input and those from the hidden state apart.

    Args:
        network: the network.
        original: the same network before an edit; it shares the bins.

    Raises:
        ValueError: if the original has another cell or other shapes.
    """
    both = [network] if original is None else [network, original]
    if original is not None:
        check_same_shape(network, original)
    largest = max(float(each.parameters[name].abs().max()) for each in both for name in PARAMETERS)
    reach = largest if largest > 0 else 1.0
    edges = np.linspace(-reach, reach, _BINS + 1)
    before = None
    if original is not None and is_edited(network, original):
        before = _counts(original, edges)
    return Histograms(network.cell, edges, _counts(network, edges), before)


def check_same_shape(network: Network, original: Network) -> None:
    """Refuse to compare networks whose weights have no partners.

    Raises:
        ValueError: if they have another cell or other shapes.
    """
    here, there = ((n.cell.name, n.hidden_size, n.features) for n in (network, original))
    if here != there:
        raise ValueError(f"An original has the cell, units and features {here}; got {there}.")


def is_edited(network: Network, original: Network) -> bool:
    """Whether a weight from the input or from the hidden state differs."""
    return any(bool((network.parameters[name] != original.parameters[name]).any()) for name in PARAMETERS)


def _counts(network: Network, edges: Float[np.ndarray, " edge"]) -> Counts:
    size = network.hidden_size
    return {
        (gate, name): np.histogram(network.parameters[name][network.cell.rows(gate, size)].numpy(), edges)[0]
        for gate in network.cell.gates
        for name in PARAMETERS
    }
