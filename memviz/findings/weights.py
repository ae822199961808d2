"""What to see in the weights of a network."""

import numpy as np

from memviz.histograms import PARAMETERS, check_same_shape
from memviz.network import Network
from memviz.theme import look, number

_SOURCES = {"weight_ih": "x", "weight_hh": "h"}


def weights_finding(network: Network, original: Network | None = None) -> str:
    """How the weights from x and h are spread and, after an edit, how many differ and where most.

    Raises:
        ValueError: if the original has another cell or other shapes.
    """
    if original is not None:
        check_same_shape(network, original)
        if edited := _edited(network, original):
            return edited
    spread = {name: float(network.parameters[name].std(correction=0)) for name in PARAMETERS}
    of_gates = {
        gate: float(network.parameters["weight_hh"][network.cell.rows(gate, network.hidden_size)].abs().max())
        for gate in network.cell.gates
    }
    widest = max(of_gates, key=of_gates.__getitem__)
    its = look(widest, network.cell.family)
    return (
        f"The weights from x spread by {number(spread['weight_ih'], 2)} around their mean, those from h by "
        f"{number(spread['weight_hh'], 2)}; the largest from h is {number(of_gates[widest], 2)} in size, "
        f"in the {its.name}"
    )


def _edited(network: Network, original: Network) -> str:
    """What differs between two networks; empty where no weight from x or h does."""
    changes = {name: (network.parameters[name] - original.parameters[name]).numpy() for name in PARAMETERS}
    # By the numbers and not by their difference, which can be 0 for two that differ.
    count = sum(int((network.parameters[name] != original.parameters[name]).sum()) for name in PARAMETERS)
    if count == 0:
        return ""
    total = sum(change.size for change in changes.values())
    name = max(PARAMETERS, key=lambda key: float(np.abs(changes[key]).max()))
    row, column = divmod(int(np.abs(changes[name]).argmax()), changes[name].shape[1])
    its = look(network.cell.gates[row // network.hidden_size], network.cell.family)
    old, new = (float(each.parameters[name][row, column]) for each in (original, network))
    return (
        f"{count:,} of {total:,} weights {'differs' if count == 1 else 'differ'} from those drawn; the largest change "
        f"is from {number(old)} to {number(new)}, in the {its.name} from {_SOURCES[name]}"
    )
