"""The weights of a network as a grid that can be edited (assets/grid/): its blocks, what is typed, and the edits."""

from memviz.grid.blocks import Block, Place, Row, gate_block, place_name, sources, unit_block
from memviz.grid.commands import UNIT, At, Command, Remove, Set, Swap, Undo, Zero, read_commands, read_place
from memviz.grid.component import grid, said
from memviz.grid.edit_list import Edits, with_swap, with_weight, with_zeros
from memviz.grid.editor import CHANGED, Editor
from memviz.grid.payload import grid_payload, network_key
from memviz.grid.reading import read_weight

__all__ = [
    "CHANGED",
    "UNIT",
    "At",
    "Block",
    "Command",
    "Editor",
    "Edits",
    "Place",
    "Remove",
    "Row",
    "Set",
    "Swap",
    "Undo",
    "Zero",
    "gate_block",
    "grid",
    "grid_payload",
    "network_key",
    "place_name",
    "read_commands",
    "read_place",
    "read_weight",
    "said",
    "sources",
    "unit_block",
    "with_swap",
    "with_weight",
    "with_zeros",
]
