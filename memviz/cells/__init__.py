"""One step of each cell, as a pure function that returns every signal it made.

`CELLS` lists them by name; a new cell is a new step and a new row here.
"""

from memviz.cells.base import GATES, Cell, Parameters, Signals, State, Tap, identity, is_part
from memviz.cells.elman import ELMAN_CELLS, HiddenState
from memviz.cells.gru import GRU_CELLS
from memviz.cells.lstm import LSTM_CELLS, GateState, LSTMState

CELLS: dict[str, Cell] = {cell.name: cell for cell in (*ELMAN_CELLS, *LSTM_CELLS, *GRU_CELLS)}

__all__ = [
    "CELLS",
    "GATES",
    "Cell",
    "GateState",
    "HiddenState",
    "LSTMState",
    "Parameters",
    "Signals",
    "State",
    "Tap",
    "identity",
    "is_part",
]
