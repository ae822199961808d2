"""Which edits and interventions act in one network of several: those that fit it, and why the others do not."""

from collections.abc import Iterable
from dataclasses import dataclass

from memviz.cells import Cell
from memviz.edits import Edit
from memviz.edits import fitting as fitting_edits
from memviz.interventions import Intervention, Reset
from memviz.interventions import fitting as fitting_interventions
from memviz.network import Network

WhatIf = Edit | Intervention


@dataclass(frozen=True, eq=False)
class Fitting:
    """What acts in a network.

    Attributes:
        edits: the edits that it takes, in their order.
        interventions: the interventions that fit its run, in their order.
        left_out: what does not fit, each with a sentence that says why.
    """

    edits: tuple[Edit, ...]
    interventions: tuple[Intervention, ...]
    left_out: tuple[tuple[WhatIf, str], ...]


def fitting(
    network: Network, time: int, edits: Iterable[Edit], interventions: Iterable[Intervention]
) -> Fitting:
    """The edits and interventions that fit a network, as drawn, over so many timesteps; earlier ones come first."""
    named, given = tuple(edits), tuple(interventions)
    taken, misfits = fitting_edits(network, named)
    cell = network.cell
    acting, misplaced = fitting_interventions(given, cell, network.hidden_size, time)
    left_out = [
        *((named[place], why) for place, why in misfits.items()),
        *((given[place], _unknown(cell, given[place]) or why) for place, why in misplaced.items()),
    ]
    return Fitting(taken, acting, tuple(left_out))


def _unknown(cell: Cell, intervention: Intervention) -> str:
    """The rule names all signals, 20 and more of them; here the one that is missing, if it is, says enough."""
    if isinstance(intervention, Reset) or intervention.signal in cell.signal_names:
        return ""
    return f"{cell.title} has no signal {intervention.signal}."
