"""The edits of a network as frozen values, which an experiment holds."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from memviz.cells import CELLS
from memviz.edits.network import set_weight, swap_units, zero_block
from memviz.interventions.values import MOST_INDEX, shown
from memviz.network import Network

WEIGHT_RANGE = (-1e4, 1e4)
_UNITS = re.compile(r"[0-9]{1,3}")
PARAMETERS = (
    "weight_ih",
    "weight_hh",
    "bias_ih",
    "bias_hh",
    "peephole_input",
    "peephole_forget",
    "peephole_output",
    "weight_gates",
)
GATES = ("input", "forget", "candidate", "output", "reset", "update", "hidden")


@dataclass(frozen=True)
class SetWeight:
    """Set one weight or bias.

    Attributes:
        parameter: its name, such as "weight_hh".
        row: its row, as PyTorch stacks the gates, or its place in a bias or a peephole.
        column: its column; None for a bias or a peephole.
        value: a number from -10,000 to 10,000.
        of: the cell and number of units whose rows are meant, such as "lstm-8": in a network with other gates or units
            the row would be another gate's or unit's, so the edit does not fit; "" asks for no such thing.

    Raises:
        ValueError: if a part breaks its rule; the message states it and what arrived.
    """

    parameter: str
    row: int
    column: int | None
    value: int | float
    of: str = ""

    def __post_init__(self) -> None:
        if self.of and not _layout(self.of):
            raise ValueError(f"An edit is of a cell and its units, such as lstm-8; got {shown(self.of)}.")
        _check_parameter(self.parameter)
        for name in ("row", "column"):
            if getattr(self, name) is not None or name == "row":
                object.__setattr__(self, name, _index(name, getattr(self, name)))
        object.__setattr__(self, "value", _weight(self.value))

    def is_for(self, network: Network) -> bool:
        """Whether the network's rows are those that are meant."""
        return self.of == "" or _layout(self.of) == _layout(layout_of(network))

    def apply(self, network: Network) -> Network:
        """The network with this weight."""
        if not self.is_for(network):
            raise ValueError(f"This edit is of {self.of}; got {layout_of(network)}, whose rows are others.")
        return set_weight(network, self.parameter, self.row, self.column, self.value)


@dataclass(frozen=True)
class ZeroBlock:
    """Set a parameter to zero, or only its rows of one gate.

    Attributes:
        parameter: its name.
        gate: whose rows; "" is all of them.

    Raises:
        ValueError: if a part breaks its rule; the message states it and what arrived.
    """

    parameter: str
    gate: str = ""

    def __post_init__(self) -> None:
        _check_parameter(self.parameter)
        if self.gate != "" and self.gate not in GATES:
            raise ValueError(f"A block is of one of {', '.join(GATES)}; got {shown(self.gate)}.")

    def apply(self, network: Network) -> Network:
        """The network without this block."""
        return zero_block(network, self.parameter, self.gate or None)


@dataclass(frozen=True)
class SwapUnits:
    """Put two units in each other's place.

    Attributes:
        first, second: the units.

    Raises:
        ValueError: if one is no unit; the message states the rule and what arrived.
    """

    first: int
    second: int

    def __post_init__(self) -> None:
        for name in ("first", "second"):
            object.__setattr__(self, name, _index("unit", getattr(self, name)))

    def apply(self, network: Network) -> Network:
        """The network with these units exchanged."""
        return swap_units(network, self.first, self.second)


Edit = SetWeight | ZeroBlock | SwapUnits
KINDS: dict[str, type[Any]] = {"set": SetWeight, "zero": ZeroBlock, "swap": SwapUnits}
"""Every kind of edit by the name that is written in addresses and files."""


def apply(network: Network, edits: Iterable[Edit]) -> Network:
    """The network after these edits, one after another.

    Raises:
        ValueError: if one is of a parameter, place, gate or unit that the network does not have.
    """
    for edit in edits:
        network = edit.apply(network)
    return network


def fitting(network: Network, edits: Iterable[Edit]) -> tuple[tuple[Edit, ...], dict[int, str]]:
    """Those that the network can take, one after another, and why each of the others does not fit, by its place."""
    applied: list[Edit] = []
    problems: dict[int, str] = {}
    for place, edit in enumerate(edits):
        try:
            network = edit.apply(network)
        except ValueError as error:
            problems[place] = str(error)
        else:
            applied.append(edit)
    return tuple(applied), problems


def layout_of(network: Network) -> str:
    """A network's cell and number of units, as an edit names them."""
    return f"{network.cell.name}-{network.hidden_size}"


def _layout(of: str) -> tuple[tuple[str, ...], int] | None:
    """The gates whose rows are stacked, and the units of each; None if there is no such cell."""
    name, _, units = of.rpartition("-")
    return (CELLS[name].gates, int(units)) if name in CELLS and _UNITS.fullmatch(units) else None


def _check_parameter(value: object) -> None:
    if not (isinstance(value, str) and value in PARAMETERS):
        raise ValueError(f"The parameters of a cell are among {', '.join(PARAMETERS)}; got {shown(value)}.")


def _index(name: str, value: object) -> int:
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and 0 <= value <= MOST_INDEX:
        return int(value)
    raise ValueError(f"The {name} of an edit is a whole number from 0 to {MOST_INDEX:,}; got {shown(value)}.")


def _weight(value: object) -> float:
    low, high = WEIGHT_RANGE
    if isinstance(value, int | float | np.number) and not isinstance(value, bool) and low <= value <= high:
        return float(value)  # not NaN, which is in no range
    raise ValueError(f"A weight is a number from {low:,.0f} to {high:,.0f}; got {shown(value)}.")
