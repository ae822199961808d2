"""What a reader may ask of a network's weights: which block it is, what the edits are afterwards, and in words."""

from dataclasses import dataclass

from memviz.edits import Edit, SetWeight, ZeroBlock
from memviz.grid.blocks import Block, Place, gate_block, place_name, unit_block
from memviz.grid.commands import At, Command, Remove, Set, Swap, Zero
from memviz.grid.edit_list import Edits, with_swap, with_weight, with_zeros
from memviz.grid.payload import network_key
from memviz.network import Network
from memviz.words import in_words, weight_set

CHANGED = "The network has changed meanwhile; nothing was edited."


@dataclass(frozen=True, eq=False)
class Editor:
    """A network before any edit, and how its input's columns are called.

    Attributes:
        drawn: the network.
        features: the names of the columns.
        symbolic: whether those are symbols, which are written in quotation marks.
    """

    drawn: Network
    features: tuple[str, ...]
    symbolic: bool

    def block(self, at: At) -> Block:
        """The block that a place is in.

        Raises:
            ValueError: if it is another network's, or this one has none such.
        """
        if at.key != network_key(self.drawn):
            raise ValueError(CHANGED)
        if at.unit is not None:
            return unit_block(self.drawn, self.features, self.symbolic, at.unit, at.source)
        return gate_block(self.drawn, self.features, self.symbolic, at.rows, at.source)

    def obeyed(self, command: Command, edits: Edits) -> Edits:
        """The edits after a command.

        Raises:
            ValueError: if it does not fit this network; the message states the rule and what arrived.
        """
        if isinstance(command, Set):
            place = self._place(command.at)
            return with_weight(self.drawn, edits, place.parameter, place.row, place.column, command.value)
        if isinstance(command, Zero):
            return with_zeros(self.drawn, edits, self._zeros(command.at))
        if isinstance(command, Swap):
            return with_swap(self.drawn, edits, command.first, command.second)
        if isinstance(command, Remove):
            index = command.index
            if index >= len(edits) or self.words(edits[index]) != command.text:
                raise ValueError("The edits have changed meanwhile; none was removed.")
            return (*edits[:index], *edits[index + 1 :])
        return ()

    def words(self, edit: Edit) -> str:
        """An edit as readers know it; of a weight that the network does not have, its row and column."""
        if not isinstance(edit, SetWeight) or not edit.is_for(self.drawn):
            return in_words(edit, self.drawn.cell.family)
        place = Place(edit.parameter, edit.row, edit.column)
        try:
            name = place_name(self.drawn, self.features, self.symbolic, place)
        except ValueError:
            return in_words(edit)
        return weight_set(edit, name)

    def _place(self, at: At) -> Place:
        block = self.block(at)
        if at.row >= len(block.rows) or at.column >= len(block.columns):
            raise ValueError(
                f"This grid has {len(block.rows)} rows and {len(block.columns)} columns, from 0; "
                f"got row {at.row}, column {at.column}."
            )
        return block.place(at.row, at.column)

    def _zeros(self, at: At) -> tuple[ZeroBlock, ...]:
        """What sets a block to zero: a gate's part of one parameter, or of both biases."""
        block = self.block(at)
        if at.unit is not None or block.source == "from_gates":
            raise ValueError(
                "What is set to zero at once is a gate's weights from x, h or c, or its biases; got others."
            )
        places = [block.place(0, column) for column in range(len(block.columns))]
        gate = "" if block.source == "from_cell" else at.rows
        return tuple(ZeroBlock(name, gate) for name in dict.fromkeys(place.parameter for place in places))
