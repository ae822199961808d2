"""What the stage shows of a gradient: the derivative of the loss by every number of the machine, as plain JSON.

A node has the total derivative by its number, along all paths. A wire has the derivative by the number that it carries,
along that wire alone: at a fork the parts that come back are told apart. Nothing is differentiated here: a gradient of
the flow is taken as it is, or carried over one product or one sum of the cell's own equations.

Where a run has interventions, a gradient by a signal is by what they left of it, and what goes further back is
multiplied by their slopes: 0 through a number that is held, the factor through one that is scaled. Nothing goes back to
a state that was thrown away by a reset.
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
from memviz.cells import is_part
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
        resets: the steps before which the state was thrown away.
    """

    nodes: Mapping[str, Slope]
    wires: tuple[Slope | None, ...]
    arrays: Mapping[str, Array]
    initial: Mapping[str, Float[np.ndarray, " unit"]]
    resets: frozenset[int] = frozenset()

    def value(self, slope: Slope, timestep: int, unit: int) -> float:
        """A derivative at a step for a unit."""
        row = timestep - slope.before
        if slope.before and timestep in self.resets:
            return 0.0
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
    drawn = machine(network.cell)
    back = _Back(network, flow)
    by_node = {node.id: node for node in drawn.nodes}
    arrays = dict(flow.signals) | back.made | _beside(back)
    nodes = {node.id: slope for node in drawn.nodes if (slope := _of_node(node, back))}
    wires = []
    for wire in drawn.wires:
        slope = _along(drawn, wire, nodes, back)
        if slope is not None and slope.array not in arrays:
            arrays[slope.array] = back.within(wire, _carried(back, by_node, wire, arrays, nodes))
        wires.append(slope)
    states = {slope.array for slope in nodes.values() if slope.before}
    initial = {part: value for part, value in flow.initial.items() if part in states}
    return MachineGradients(nodes, tuple(wires), arrays, initial, flow.trace.resets)


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
        "resets": sorted(found.resets),
    }
    return {"key": hashlib.blake2b(json.dumps(content).encode(), digest_size=12).hexdigest(), **content}


def loss_in_words(loss: Loss, time: int) -> str:
    """What a loss reads of a sequence."""
    if loss.kind != "value":
        read = f"the {loss.kind} of the answer"
    else:
        read = "the sum of h" if loss.unit is None else f"h of unit {loss.unit}"
    return f"{read} at step {time - 1 if loss.timestep is None else loss.timestep}"


class _Back:
    """A flow, and what its run's interventions let through on the way back."""

    def __init__(self, network: Network, flow: GradientFlow) -> None:
        self.network, self.cell, self.flow, self.trace = network, network.cell, flow, flow.trace
        self._plan = flow.trace.plan()
        self.made = {
            f"{name} made": _times(flow.signals[name], self._plan.slopes(name))
            for name in flow.signals
            if self._plan.touches(name)
        }

    def by_made(self, name: str) -> str:
        """The array of the gradient by what the step made of a signal."""
        return f"{name} made" if f"{name} made" in self.made else name

    def by_part(self, name: str, kind: str = "") -> Array:
        """The gradient by what the step made of a summand; of a plain one, without a name, by the sum that was made."""
        pre = self.by_made(f"{name}_pre")
        gradient = self.made.get(pre, self.flow.signals[f"{name}_pre"])
        part = f"{name}_{kind}"
        return _times(gradient, self._plan.slopes(part)) if self._plan.touches(part) else gradient

    def within(self, wire: Wire, gradient: Array) -> Array:
        """What comes back along a wire, less what would lead to a state that was thrown away."""
        return self.kept(gradient) if wire.source in _BEFORE else gradient

    def kept(self, gradient: Array) -> Array:
        """0 at the steps before which the state was reset."""
        if not self.trace.resets:
            return gradient
        gradient = gradient.copy()
        gradient[sorted(self.trace.resets)] = 0.0
        return gradient


_BEFORE = ("cell_before", "hidden_before", "gates_before")


def _beside(back: _Back) -> dict[str, Array]:
    """What is no signal: the parts that come back to a state, and a GRU's products."""
    cell, trace, flow, units = back.cell, back.trace, back.flow, back.network.hidden_size
    through = back.kept(_through_weights(back))
    found = {
        "through_weights": through,
        "through_weights_later": np.vstack([through[1:], np.zeros((1, units))]),
    }
    hidden = back.made.get("hidden made", flow.signals["hidden"])
    if "cell" in trace.names:
        found["cell_later"] = flow.state[
            :, units : 2 * units
        ]  # c_t with h_t held: what later steps send back
        if "cell_tanh" in trace.names:
            shown = back.made.get("cell_tanh made", flow.signals["cell_tanh"])
            squashed = trace.made.get("cell_tanh", trace["cell_tanh"])
            found["cell_shown"] = _times(shown, 1 - squashed**2)
        else:
            found["cell_shown"] = _times(hidden, trace["output"])
    if cell.family == "gru":
        found["complement"] = _times(hidden, trace["candidate"])
        through_reset = back.by_part("candidate", "from_hidden")
        found["through_reset"] = back.by_part("candidate") if cell.reset_after else through_reset
        if not cell.reset_after:
            through_reset = found["through_reset"] = _returned(back, "candidate", through_reset)
        before = _times(through_reset, trace["reset"])
        found["before_reset"] = before if cell.reset_after else back.kept(before)
    return found


def _through_weights(back: _Back) -> Array:
    """The part of dL/dh_{t-1} that comes back through the weights U of step t."""
    cell, total = back.cell, np.zeros(back.flow.signals["hidden"].shape)
    for name in cell.pre_activations:
        gradient = back.by_part(name, "from_hidden")
        if (cell.family, name) != ("gru", "candidate"):
            total = total + _returned(back, name, gradient)
        elif cell.reset_after:  # U_n's products are scaled by r on their way on
            total = total + _returned(back, name, _times(gradient, back.trace["reset"]))
        else:
            total = total + _times(_returned(back, name, gradient), back.trace["reset"])
    return total


def _returned(back: _Back, name: str, gradient: Array) -> Array:
    """U^T times the gradient by U h, for one pre-activation."""
    rows = back.cell.rows(name, back.network.hidden_size)
    weights = back.network.parameters["weight_hh"].numpy()[rows]
    with np.errstate(all="ignore"):  # a gradient that explodes is infinite
        returned: Array = gradient @ weights
    return returned


def _of_node(node: Node, back: _Back) -> Slope | None:
    if node.id in ("through_reset", "complement"):
        return Slope(node.id)
    if isinstance(node.value, Quantity):
        return Slope(_whole(node.value.signal, back), node.value.before)
    # A product has the gradient of what it enters: of the state that is a sum, or that it is itself.
    return None if node.value is None else Slope(back.by_made(node.signal))


def _whole(signal: str, back: _Back) -> str:
    """A signal, or for a summand the pre-activation that it enters, which has the same gradient."""
    if not is_part(signal):
        return signal
    return back.by_made(f"{signal.partition('_from_')[0].removesuffix('_bias')}_pre")


def _along(drawn: Machine, wire: Wire, nodes: Mapping[str, Slope], back: _Back) -> Slope | None:
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
    }.get(ends)
    if special:
        return Slope(special)
    if wire.value is None:
        return None
    if wire.source in _BEFORE and back.trace.resets:
        return Slope(f"{wire.source} of {wire.target}")
    if ends == ("cell_before", "sum"):
        return Slope(back.by_made("cell"))
    if isinstance(wire.value, Quantity) and (
        is_part(wire.value.signal) or wire.value.signal.endswith("_pre")
    ):
        return Slope(_whole(wire.value.signal, back))
    forks = sum(other.source == wire.source for other in drawn.wires) > 1
    kept_for_later = {name for _, signals in back.cell.state for name in signals} | set(_BEFORE)
    if not forks and wire.source not in kept_for_later:
        return nodes[wire.source]
    return Slope(f"{wire.source} of {wire.target}")


def _carried(
    back: _Back,
    by_node: Mapping[str, Node],
    wire: Wire,
    arrays: Mapping[str, Array],
    nodes: Mapping[str, Slope],
) -> Array:
    """The gradient of a product times its other factors; of 1 minus a number, its negative; of a sum, as it is."""
    target = by_node[wire.target]
    if isinstance(wire.value, Quantity) and is_part(wire.value.signal):
        return arrays[_whole(wire.value.signal, back)]
    if isinstance(target.value, tuple):
        others = [by_node[name].value for name in target.value if name != wire.source]
        gradient = arrays[nodes[wire.target].array]
        return _times(gradient, *(_values(back.trace, other) for other in others))
    assert isinstance(target.value, Quantity)
    if target.kind == "sum":
        return arrays[back.by_made(target.value.signal)]
    # A coupled gate is a signal and may be touched; the share 1 - z is a number of the picture alone.
    array = nodes[wire.target].array
    return -arrays[array if target.value.complement else back.by_made(array)]


def _values(trace: Trace, what: Value) -> Array:
    """A quantity at every step and unit."""
    assert isinstance(what, Quantity)
    values = trace.before(what.signal) if what.before else trace[what.signal]
    return 1 - values if what.complement else values


def _times(gradient: Array, *factors: Array) -> Array:
    """A product in which 0 times a gradient that has grown beyond all numbers is 0."""
    for factor in factors:
        with np.errstate(all="ignore"):
            product = gradient * factor
        gradient = np.where((gradient == 0) | (factor == 0), 0.0, product)
    return gradient
