"""Which edits and interventions act in one network of several: those that fit it, and why the others do not."""

from collections.abc import Iterable
from dataclasses import dataclass

from memviz.edits import Edit, apply
from memviz.interventions import Intervention, Reset, check
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
    taken: list[Edit] = []
    acting: list[Intervention] = []
    left_out: list[tuple[WhatIf, str]] = []
    for edit in edits:
        try:
            network = apply(network, [edit])
        except ValueError as error:
            left_out.append((edit, str(error)))
        else:
            taken.append(edit)
    for intervention in interventions:
        is_known = isinstance(intervention, Reset) or intervention.signal in network.cell.signal_names
        try:
            check([*acting, intervention], network.cell, network.hidden_size, time)
        except ValueError as error:
            left_out.append((intervention, str(error) if is_known else _unknown(network, intervention)))
        else:
            acting.append(intervention)
    return Fitting(tuple(taken), tuple(acting), tuple(left_out))


def _unknown(network: Network, intervention: Intervention) -> str:
    """The rule names all signals, 20 and more of them; here the one that is missing says enough."""
    assert not isinstance(intervention, Reset)
    return f"{network.cell.title} has no signal {intervention.signal}."
