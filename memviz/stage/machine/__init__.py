"""The cell drawn as a machine: nodes, wires and phases, read off the cell's own description.

Places are in columns and rows, so that the browser can stretch the machine to any width; nothing here holds a number
of a trace.
"""

from functools import lru_cache

from memviz.cells import CELLS, Cell
from memviz.stage.machine.elman import elman_machine
from memviz.stage.machine.gru import gru_machine
from memviz.stage.machine.lstm import lstm_machine
from memviz.stage.machine.parts import Machine, Node, Phase, Value, Wire

__all__ = ["NODES", "PHASES", "Machine", "Node", "Phase", "Value", "Wire", "machine"]


@lru_cache(maxsize=64)
def machine(cell: Cell) -> Machine:
    """The machine of a cell."""
    return {"elman": elman_machine, "lstm": lstm_machine, "gru": gru_machine}[cell.family](cell)


PHASES = tuple(dict.fromkeys(phase.id for cell in CELLS.values() for phase in machine(cell).phases))
"""Each phase that some cell has."""
NODES = tuple(
    dict.fromkeys(node.id for cell in CELLS.values() for node in machine(cell).nodes if node.kind != "bus")
)
"""Each node that some cell has and that can be pointed at."""
