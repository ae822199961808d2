"""The edits of a network as a list that a reader makes entry by entry: never longer than what they changed.

Edits are applied in order, so that only the last run of single weights may be tidied: what stands before a swap or a
block of zeros was changed by it. Edits that do not fit the network stay in the list for when they do again.
"""

from collections.abc import Iterable

from memviz.edits import Edit, SetWeight, SwapUnits, ZeroBlock, apply, fitting, layout_of
from memviz.network import Network

Edits = tuple[Edit, ...]


def with_weight(
    drawn: Network, edits: Edits, parameter: str, row: int, column: int | None, value: float | None
) -> Edits:
    """The edits after which a weight has a value, None for the one as drawn; nothing else changes.

    Setting a cell again replaces its edit, and setting it back to what it was leaves none.

    Raises:
        ValueError: if there is no such parameter or place in it.
    """
    place = (parameter, row, column)
    first = _tail(edits)
    rest = (*edits[:first], *(edit for edit in edits[first:] if _place(drawn, edit) != place))
    wished = number_at(drawn, *place) if value is None else value
    added = SetWeight(parameter, row, column, wished, layout_of(drawn))
    apply(drawn, (added,))  # refuse it now, also where it changes nothing
    before = apply(drawn, fitting(drawn, rest)[0])
    return rest if number_at(before, *place) == wished else (*rest, added)


def with_zeros(drawn: Network, edits: Edits, zeros: Iterable[ZeroBlock]) -> Edits:
    """The edits and then blocks of zeros, less the single weights that those cover; zeros stay zeros without an edit.

    Raises:
        ValueError: if there is no such block.
    """
    for zero in zeros:
        apply(drawn, (zero,))
        first = _tail(edits)
        rest = (*edits[:first], *(edit for edit in edits[first:] if not _covers(drawn, zero, edit)))
        before = apply(drawn, fitting(drawn, rest)[0])
        edits = rest if _alike(apply(before, (zero,)), before) else (*rest, zero)
    return edits


def with_swap(drawn: Network, edits: Edits, first: int, second: int) -> Edits:
    """The edits and then two units exchanged; the same exchange twice in a row is none.

    Raises:
        ValueError: if there is no such unit, or both are one.
    """
    if first == second:
        raise ValueError(f"Two different units are swapped; got {first} twice.")
    swap = SwapUnits(min(first, second), max(first, second))
    apply(drawn, (swap,))
    return edits[:-1] if edits[-1:] == (swap,) else (*edits, swap)


def number_at(network: Network, parameter: str, row: int, column: int | None) -> float:
    """One weight or bias.

    Raises:
        ValueError: if there is no such parameter or place in it.
    """
    tensor = network.parameters.get(parameter)
    place = (row,) if column is None else (row, column)
    if (
        tensor is None
        or len(place) != tensor.ndim
        or any(not 0 <= k < n for k, n in zip(place, tensor.shape, strict=True))
    ):
        raise ValueError(f"This network has no weight {parameter} {place}.")
    return float(tensor[place])


def _tail(edits: Edits) -> int:
    """Where the single weights at the end of the list begin."""
    return max((index + 1 for index, edit in enumerate(edits) if not isinstance(edit, SetWeight)), default=0)


def _place(network: Network, edit: Edit) -> tuple[str, int, int | None] | None:
    """The place of a single weight; None of one that waits for another cell or other units."""
    if not isinstance(edit, SetWeight) or not edit.is_for(network):
        return None
    return edit.parameter, edit.row, edit.column


def _covers(network: Network, zero: ZeroBlock, edit: Edit) -> bool:
    place = _place(network, edit)
    if place is None or place[0] != zero.parameter:
        return False
    rows = network.cell.rows(zero.gate, network.hidden_size) if zero.gate else None
    return rows is None or rows.start <= place[1] < rows.stop


def _alike(one: Network, other: Network) -> bool:
    return all(bool((value == other.parameters[name]).all()) for name, value in one.parameters.items())
