"""What the stage shows of a gradient: the derivative of the loss by every number of the machine, as plain JSON.

A node has the total derivative by its number, along all paths. A wire has the derivative by the number that it carries,
along that wire alone: at a fork the parts that come back are told apart. Nothing is differentiated here: a gradient of
the flow is taken as it is, or carried over one product or one sum of the cell's own equations.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from memviz.arithmetic import Quantity
from memviz.cells import Cell, is_part
from memviz.gradients import GradientFlow, Loss
from memviz.network import Network
from memviz.stage.machine import Machine, Node, Value, Wire, machine
from memviz.stage.packing import packed
from memviz.trace import Array, Trace


@dataclass(frozen=True)
class Slope:
    """Where a derivative stands.

    Attributes:
        array: the name of its array (time, unit).
        before: whether it is read at the step before.
    """

    array: str
    before: bool = False


@dataclass(frozen=True, eq=False)
class MachineGradients:
    """The derivatives of a loss by the numbers of a machine.

    Attributes:
        nodes: by the id of each node that has a single number.
        wires: in the order of the machine's wires; None where no single number goes.
        arrays: every signal's gradient and what nodes and wires read besides, by name, (time, unit).
        initial: by the state before step 0, (unit,).
    """

    nodes: Mapping[str, Slope]
    wires: tuple[Slope | None, ...]
    arrays: Mapping[str, Array]
    initial: Mapping[str, Float[np.ndarray, " unit"]]

    def value(self, slope: Slope, timestep: int, unit: int) -> float:
        """A derivative at a step for a unit."""
        row = timestep - slope.before
        return float(self.initial[slope.array][unit] if row < 0 else self.arrays[slope.array][row, unit])

    @property
    def decades(self) -> tuple[int, int] | None:
        """The whole powers of ten that hold the size of everything finite that is not 0; None where nothing is."""
        found = np.concatenate(
            [np.abs(array).ravel() for array in (*self.arrays.values(), *self.initial.values())]
        )
        found = found[np.isfinite(found) & (found > 0)]
        if found.size == 0:
            return None
        low, high = math.floor(math.log10(found.min())), math.ceil(math.log10(found.max()))
        return min(low, high - 1), high


def machine_gradients(network: Network, flow: GradientFlow) -> MachineGradients:
    """The derivatives by the numbers of a cell's machine.

    Args:
        network: what the flow is of.
        flow: the gradient of a loss.
    """
    drawn, cell = machine(network.cell), network.cell
    by_node = {node.id: node for node in drawn.nodes}
    arrays = dict(flow.signals) | _beside(network, flow)
    nodes = {node.id: slope for node in drawn.nodes if (slope := _of_node(node))}
    wires = []
    for wire in drawn.wires:
        slope = _along(cell, drawn, wire, nodes)
        if slope is not None and slope.array not in arrays:
            arrays[slope.array] = _carried(flow.trace, by_node, wire, arrays[nodes[wire.target].array])
        wires.append(slope)
    states = {slope.array for slope in nodes.values() if slope.before}
    initial = {part: value for part, value in flow.initial.items() if part in states}
    return MachineGradients(nodes, tuple(wires), arrays, initial)


def stage_gradients(network: Network, flow: GradientFlow) -> dict[str, Any]:
    """What the stage's payload holds as "gradients" while they are shown; `key` names its content."""
    found = machine_gradients(network, flow)
    time = len(flow.tokens)
    content = {
        "loss": loss_in_words(flow.loss, time),
        "timestep": time - 1 if flow.loss.timestep is None else flow.loss.timestep,
        "decades": found.decades,
        "nodes": {name: asdict(slope) for name, slope in found.nodes.items()},
        "wires": [slope and slope.array for slope in found.wires],
        "arrays": {name: packed(array) for name, array in found.arrays.items()},
        "initial": {name: packed(array) for name, array in found.initial.items()},
    }
    return {"key": hashlib.blake2b(json.dumps(content).encode(), digest_size=12).hexdigest(), **content}


def loss_in_words(loss: Loss, time: int) -> str:
    """What a loss reads of a sequence."""
    read = "the sum of h" if loss.unit is None else f"h of unit {loss.unit}"
    return f"{read} at step {time - 1 if loss.timestep is None else loss.timestep}"


def _beside(network: Network, flow: GradientFlow) -> dict[str, Array]:
    """What is no signal: the parts that come back to a state, and a GRU's products."""
    cell, trace, units = network.cell, flow.trace, network.hidden_size
    through = _through_weights(network, flow)
    found = {
        "through_weights": through,
        "through_weights_later": np.vstack([through[1:], np.zeros((1, units))]),
    }
    if "cell" in trace.names:
        found["cell_later"] = flow.state[
            :, units : 2 * units
        ]  # c_t with h_t held: what later steps send back
        if "cell_tanh" in trace.names:
            found["cell_shown"] = _times(flow.signals["cell_tanh"], 1 - trace["cell_tanh"] ** 2)
        else:
            found["cell_shown"] = _times(flow.signals["hidden"], trace["output"])
    if cell.family == "gru":
        found["complement"] = _times(flow.signals["hidden"], trace["candidate"])
        found["through_reset"] = flow.signals["candidate_pre"]
        if not cell.reset_after:
            found["through_reset"] = _back(network, "candidate", flow.signals["candidate_pre"])
        found["before_reset"] = _times(found["through_reset"], trace["reset"])
    return found


def _through_weights(network: Network, flow: GradientFlow) -> Array:
    """The part of dL/dh_{t-1} that comes back through the weights U of step t."""
    cell, total = network.cell, np.zeros(flow.signals["hidden"].shape)
    for name in cell.pre_activations:
        gradient = flow.signals[f"{name}_pre"]
        if (cell.family, name) != ("gru", "candidate"):
            total = total + _back(network, name, gradient)
        elif cell.reset_after:  # U_n's products are scaled by r on their way on
            total = total + _back(network, name, _times(gradient, flow.trace["reset"]))
        else:
            total = total + _times(_back(network, name, gradient), flow.trace["reset"])
    return total


def _back(network: Network, name: str, gradient: Array) -> Array:
    """U^T times the gradient of a pre-activation."""
    weights = network.parameters["weight_hh"].numpy()[network.cell.rows(name, network.hidden_size)]
    with np.errstate(all="ignore"):  # a gradient that explodes is infinite
        returned: Array = gradient @ weights
    return returned


def _of_node(node: Node) -> Slope | None:
    if node.id in ("through_reset", "complement"):
        return Slope(node.id)
    if isinstance(node.value, Quantity):
        return Slope(_whole(node.value.signal), node.value.before)
    # A product has the gradient of what it enters: of the state that is a sum, or that it is itself.
    return None if node.value is None else Slope(node.signal)


def _whole(signal: str) -> str:
    """A signal, or for a summand the pre-activation that it enters, which has the same gradient."""
    return f"{signal.partition('_from_')[0].removesuffix('_bias')}_pre" if is_part(signal) else signal


def _along(cell: Cell, drawn: Machine, wire: Wire, nodes: Mapping[str, Slope]) -> Slope | None:
    """What comes back along a wire; its array, if it has none yet, is what `_carried` makes of the target's."""
    ends = (wire.source, wire.target)
    special = {
        ("hidden_before", "bus"): "through_weights",
        ("hidden_before", "from_hidden"): "through_weights",
        ("hidden", "hidden_before"): "through_weights_later",
        ("bus", "through_reset"): "before_reset",
        ("sum", "cell"): "cell_later",
        ("sum", "tanh"): "cell_shown",
        ("sum", "exposed"): "cell_shown",
        ("cell_before", "sum"): "cell",
    }.get(ends)
    if special:
        return Slope(special)
    if wire.value is None:
        return None
    if isinstance(wire.value, Quantity) and (
        is_part(wire.value.signal) or wire.value.signal.endswith("_pre")
    ):
        return Slope(_whole(wire.value.signal))
    forks = sum(other.source == wire.source for other in drawn.wires) > 1
    kept_for_later = {name for _, signals in cell.state for name in signals} | {
        "cell_before",
        "hidden_before",
    }
    if not forks and wire.source not in kept_for_later:
        return nodes[wire.source]
    return Slope(f"{wire.source} of {wire.target}")


def _carried(trace: Trace, nodes: Mapping[str, Node], wire: Wire, gradient: Array) -> Array:
    """The gradient of a product times its other factors; of 1 minus a number, its negative."""
    product = nodes[wire.target].value
    if not isinstance(product, tuple):
        return -gradient
    others = [nodes[name].value for name in product if name != wire.source]
    return _times(gradient, *(_values(trace, other) for other in others))


def _values(trace: Trace, what: Value) -> Array:
    """A quantity at every step and unit."""
    assert isinstance(what, Quantity)
    values = trace[what.signal]
    if what.before:
        values = np.concatenate([trace.initial[what.signal][None], values[:-1]])
    return 1 - values if what.complement else values


def _times(gradient: Array, *factors: Array) -> Array:
    """A product in which 0 times a gradient that has grown beyond all numbers is 0."""
    for factor in factors:
        with np.errstate(all="ignore"):
            product = gradient * factor
        gradient = np.where((gradient == 0) | (factor == 0), 0.0, product)
    return gradient
