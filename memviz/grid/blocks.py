"""Which weights the grid shows at once: those of a gate, or of all gates of one unit, from one source.

Rows are units or gates, columns are what the weights multiply; each cell knows its place in PyTorch's layout.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from memviz.cells import Cell
from memviz.encoding.characters import visible
from memviz.network import Network
from memviz.theme import Look, look

SOURCES = {
    "from_input": "x, the input (W)",
    "from_hidden": "h, the hidden state (U)",
    "from_cell": "c, the cell state (peepholes p)",
    "from_gates": "the gates of the step before",
    "bias": "1 (the biases b)",
}
"""What weights multiply, by the end of a summand's name in a trace, for readers."""
_BIASES = ("bias_ih", "bias_hh")
_RECURRENT = ("input", "forget", "output")


@dataclass(frozen=True)
class Place:
    """Where a weight is: its parameter, its row as stacked in PyTorch's layout, and its column, None in a vector."""

    parameter: str
    row: int
    column: int | None


@dataclass(frozen=True)
class Row:
    """The weights of one gate of one unit."""

    gate: str
    unit: int


@dataclass(frozen=True, eq=False)
class Block:
    """The weights that the grid shows.

    Attributes:
        cell: the cell.
        size: the number of units of the network.
        source: a name of SOURCES.
        rows: gate and unit of each row.
        columns: the name of each column.
    """

    cell: Cell
    size: int
    source: str
    rows: tuple[Row, ...]
    columns: tuple[str, ...]

    def name_of(self, row: Row) -> str:
        """A row as readers see it, such as "forget f, unit 3"."""
        return f"{gate_name(self.cell, row.gate)}, unit {row.unit}"

    def place(self, row: int, column: int) -> Place:
        """Where the weight of a cell of the grid is."""
        its = self.rows[row]
        if self.source == "from_cell":
            return Place(f"peephole_{its.gate}", its.unit, None)
        if self.source == "from_gates":
            return Place("weight_gates", _RECURRENT.index(its.gate) * self.size + its.unit, column)
        stacked = self.cell.gates.index(its.gate) * self.size + its.unit
        if self.source == "bias":
            return Place(_BIASES[column], stacked, None)
        return Place("weight_ih" if self.source == "from_input" else "weight_hh", stacked, column)

    def values(self, network: Network) -> Float[np.ndarray, "row column"]:
        """The numbers of the cells, of a network with this cell and size."""
        return np.stack([self._values_of(network, index) for index in range(len(self.rows))])

    def _values_of(self, network: Network, row: int) -> Float[np.ndarray, " column"]:
        places = [self.place(row, 0), self.place(row, len(self.columns) - 1)]
        if places[0].column is None:
            return np.array(
                [float(network.parameters[at.parameter][at.row]) for at in places[: len(self.columns)]]
            )
        values: Float[np.ndarray, " column"] = network.parameters[places[0].parameter][places[0].row].numpy()
        return values


def gate_block(network: Network, features: tuple[str, ...], symbolic: bool, gate: str, source: str) -> Block:
    """All units of one gate.

    Args:
        network: the network.
        features: the names of the input's columns.
        symbolic: whether those are symbols, which are written in quotation marks.
        gate: one of the cell's gates, "candidate", or Elman's "hidden".
        source: a name of SOURCES.

    Raises:
        ValueError: if the cell has no such gate, or the gate no weights from this source.
    """
    rows = tuple(Row(gate, unit) for unit in range(network.hidden_size))
    return _block(network, features, symbolic, rows, source)


def unit_block(network: Network, features: tuple[str, ...], symbolic: bool, unit: int, source: str) -> Block:
    """All gates of one unit that have weights from a source; see `gate_block`."""
    if not 0 <= unit < network.hidden_size:
        raise ValueError(f"The units are 0 to {network.hidden_size - 1}; got {unit}.")
    gates = [gate for gate in network.cell.gates if source in sources(network.cell, gate)]
    if not gates:
        raise ValueError(f"{_sources_rule(network.cell, sources(network.cell))}; got {source}.")
    return _block(network, features, symbolic, tuple(Row(gate, unit) for gate in gates), source)


def place_name(network: Network, features: tuple[str, ...], symbolic: bool, place: Place) -> str:
    """A weight as readers find it in the grid: its row, then its column.

    Raises:
        ValueError: if the network has no such weight.
    """
    tensor = network.parameters.get(place.parameter)
    index = (place.row,) if place.column is None else (place.row, place.column)
    if tensor is None or len(index) != tensor.ndim or not all(map(int.__lt__, index, tensor.shape)):
        raise ValueError(f"This network has no weight {place.parameter} {index}.")
    block, unit = divmod(place.row, network.hidden_size)
    if place.parameter.startswith("peephole_"):
        gate, source = place.parameter.removeprefix("peephole_"), "from_cell"
    elif place.parameter == "weight_gates":
        gate, source = _RECURRENT[block], "from_gates"
    else:
        gate = network.cell.gates[block]
        source = {"weight_ih": "from_input", "weight_hh": "from_hidden"}.get(place.parameter, "bias")
    column = _BIASES.index(place.parameter) if source == "bias" else place.column or 0
    return f"{gate_name(network.cell, gate)}, unit {unit}, {_columns(network, features, symbolic, source)[column]}"


def sources(cell: Cell, gate: str | None = None) -> tuple[str, ...]:
    """The names of SOURCES from which a gate has weights, or any of them."""
    found = {
        source
        for name in ([gate] if gate else cell.gates)
        for source in SOURCES
        if f"{name}_{source}" in cell.signal_names
    }
    return tuple(source for source in SOURCES if source in found)


def gate_look(cell: Cell, gate: str) -> Look:
    """The look of a gate; Elman's rows are those of the hidden state."""
    return look(gate, cell.family)


def gate_name(cell: Cell, gate: str) -> str:
    """A gate as a row begins with it, such as "forget f"."""
    its = gate_look(cell, gate)
    return f"{its.name.removesuffix(' gate').removesuffix(' state')} {its.symbol}"


def _block(
    network: Network, features: tuple[str, ...], symbolic: bool, rows: tuple[Row, ...], source: str
) -> Block:
    cell = network.cell
    gate = rows[0].gate
    if gate not in cell.gates:
        raise ValueError(f'"{cell.name}" has weights for {", ".join(cell.gates)}; got {gate}.')
    if source not in sources(cell, gate):
        raise ValueError(f"{_sources_rule(cell, sources(cell, gate))}; got {source}.")
    return Block(cell, network.hidden_size, source, rows, _columns(network, features, symbolic, source))


def _sources_rule(cell: Cell, known: tuple[str, ...]) -> str:
    return f'Here weights of "{cell.name}" are {", ".join(known)}'


def _columns(network: Network, features: tuple[str, ...], symbolic: bool, source: str) -> tuple[str, ...]:
    units = range(network.hidden_size)
    if source == "from_input":
        return tuple(f"x: '{visible(name)}'" if symbolic else f"x: {visible(name)}" for name in features)
    if source == "from_hidden":
        return tuple(f"h {unit}" for unit in units)
    if source == "from_gates":
        return tuple(f"{look(gate).symbol} {unit}" for gate in _RECURRENT for unit in units)
    return ("p",) if source == "from_cell" else ("b_ih", "b_hh")
