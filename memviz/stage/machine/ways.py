"""On which wires the products of each summand travel to the sum that they enter."""

from collections.abc import Iterator
from typing import Any

from memviz.arithmetic import Quantity
from memviz.cells import Cell
from memviz.stage.machine.parts import Machine, Wire

_FROM = {"from_input": "x", "from_hidden": "hidden_before", "from_gates": "gates_before"}


def ways(cell: Cell, drawn: Machine) -> dict[str, dict[str, Any]]:
    """By the name of each summand: the node where it is added up, and its wires, by their place among the machine's."""
    return {
        part: {"node": _node(name), "wires": [drawn.wires.index(wire) for wire in _wires(drawn, name, part)]}
        for name in cell.pre_activations
        for part in cell.summands(name)
    }


def _node(name: str) -> str:
    """A gate adds up within itself; Elman's sum is a node of its own."""
    return "pre" if name == "hidden" else name


def _wires(drawn: Machine, name: str, part: str) -> Iterator[Wire]:
    """From the vector that the weights multiply, over the bus where it is one, to the sum; a bias is at home there."""
    ends = [wire for wire in drawn.wires if wire.target == _node(name) and isinstance(wire.value, Quantity)]
    own = [wire for wire in ends if _signal(wire) == part]
    source = _FROM.get(part.removeprefix(f"{name}_"))
    shared = [wire for wire in ends if wire.source == "bus" and _signal(wire) == f"{name}_pre" and source]
    for end in own or shared:
        yield end
        at = end.source
        while source and at != source:
            if at == "bus":
                yield from (wire for wire in drawn.wires if wire.source == wire.target == "bus")
            before = next(
                w for w in drawn.wires if w.target == at and w.source in (source, "bus") and w.source != at
            )
            yield before
            at = before.source


def _signal(wire: Wire) -> str:
    assert isinstance(wire.value, Quantity)
    return wire.value.signal
