"""What the browser's part of the stage needs: a trace, its network's weights and the cell's machine, as plain JSON.

Arrays go in single precision, base64; the step that is pointed at goes in double precision by itself, as the detail.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np

from memviz.arithmetic import Quantity
from memviz.comparison import MEETING, Pair
from memviz.network import Network
from memviz.products import Products, products
from memviz.stage.changes import changes
from memviz.stage.machine import machine
from memviz.stage.machine.ways import ways
from memviz.stage.packing import Array, exact, packed
from memviz.stage.second import Overlay, overlay
from memviz.theme import (
    DIVERGING_DARK,
    DIVERGING_LIGHT,
    GATE_RANGE,
    SEQUENTIAL_DARK,
    SEQUENTIAL_LIGHT,
    is_gate,
    look,
)
from memviz.trace import Trace

_DOUBLE = np.finfo(np.float64)


def stage_payload(
    network: Network | None,
    trace: Trace,
    features: tuple[str, ...] = (),
    second: Trace | None = None,
    alignment: Iterable[Pair] | None = None,
) -> dict[str, Any]:
    """Everything that the stage draws, for any step, unit and node; `key` names its content.

    Args:
        network: what made the trace; without it the summands of a gate are not taken apart into products.
        trace: the run.
        features: the names of the input's columns; "x0", "x1" and so on by default.
        second: another run to lay over it, step by step; its values are drawn dashed, as those of before, and what the
            trace has more, as strips.
        alignment: (timestep of the second, timestep of the trace), None for none, as `memviz.edits` gives it with the
            original as the second; a step without a partner has nothing dashed. By default each step is its like's.

    Raises:
        ValueError: if the network is another's, if a name is missing, if the second trace has another cell, number of
            units or, without an alignment, of steps, or if the alignment does not fit.
    """
    if network is not None:
        trace.check_is_of(network)
    columns = trace.inputs.shape[1]
    names = tuple(features) or tuple(f"x{column}" for column in range(columns))
    if len(names) != columns:
        raise ValueError(f"Each of the {columns} input columns has a name; got {len(names)} names.")
    drawn = machine(trace.cell)
    laid = None if second is None else overlay(trace, second, alignment)
    content = {
        "cell": {"name": trace.cell.name, "title": trace.cell.title, "note": trace.cell.note},
        "family": trace.cell.family,
        "tokens": list(trace.tokens),
        "units": trace.units,
        "features": list(names),
        "machine": {**asdict(drawn), "ways": ways(trace.cell, drawn)},
        "signals": _signals(trace, laid),
        "strips": [*trace.cell.activations, *(n for n in ("cell", "hidden") if n in trace.names)],
        "summands": {name: trace.cell.summands(name) for name in trace.cell.pre_activations},
        "arrays": _arrays(trace, has_weights=network is not None),
        "initial": {name: packed(value) for name, value in trace.initial.items()},
        "inputs": _inputs(trace.inputs),
        "products": {} if network is None else {k: packed_part(v) for k, v in products(network).items()},
        "scales": {
            "sequential": {"light": SEQUENTIAL_LIGHT, "dark": SEQUENTIAL_DARK},
            "diverging": {"light": DIVERGING_LIGHT, "dark": DIVERGING_DARK},
        },
        "second": None if laid is None else _second(laid),
    }
    if trace.interventions:
        content["changes"] = changes(trace, _drawn(trace))
    return {"key": _key(network, trace, laid, names), **content}


def step_detail(network: Network, trace: Trace, timestep: int, unit: int) -> dict[str, Any]:
    """One step in double precision: the rows before and at it, and for one unit all signals and weights.

    Raises:
        IndexError: if the timestep or the unit does not exist.
    """
    if not (0 <= timestep < len(trace) and 0 <= unit < trace.units):
        raise IndexError(
            f"A step of this trace is 0 to {len(trace) - 1} and a unit 0 to {trace.units - 1}; "
            f"got step {timestep}, unit {unit}."
        )
    first = max(0, timestep - 1)
    return {
        "timestep": timestep,
        "unit": unit,
        "first": first,
        "rows": {
            name: exact(trace[name][first : timestep + 1])
            for name in dict.fromkeys((*_drawn(trace), *trace.made))
        },
        "input": exact(trace.inputs[timestep]),
        "names": list(trace.names),
        "values": exact(np.array([trace[name][timestep, unit] for name in trace.names])),
        "products": {
            name: {
                key: exact(np.atleast_1d(value[unit]))
                for key, value in (("weights", part.weights), ("bias", part.bias))
                if value is not None
            }
            for name, part in products(network).items()
        },
        "made": {name: exact(made[timestep, unit : unit + 1]) for name, made in trace.made.items()},
    }


def packed_part(part: Products, rows: list[int] | None = None) -> dict[str, Any]:
    """What a summand is made of, of all units or of some."""
    chosen = slice(None) if rows is None else rows
    return {
        "vector": part.vector,
        "factor": part.factor,
        "mask": part.mask,
        "weights": None if part.weights is None else packed(part.weights[chosen]),
        "bias": None if part.bias is None else packed(part.bias[chosen]),
    }


def _second(laid: Overlay) -> dict[str, Any]:
    """The run of before: what is drawn of it, whose partners its steps are, and where the two part and meet again."""
    second = laid.second
    nodes = (node.value for node in machine(second.cell).nodes)
    shown = [value.signal for value in nodes if isinstance(value, Quantity)]
    return {
        "arrays": {name: packed(second[name]) for name in dict.fromkeys((*_drawn(second), *shown))},
        "initial": {name: packed(value) for name, value in second.initial.items()},
        "resets": sorted(second.resets),
        "partners": None if laid.partners == tuple(range(len(second))) else list(laid.partners),
        "removed": list(laid.removed),
        "parts": laid.parts,
        "meets": laid.meets,
        "small": laid.is_small,
        "tolerance": MEETING,
    }


def _drawn(trace: Trace) -> list[str]:
    """The signals of which every step is sent: gates, candidate and states."""
    states = ("cell", "cell_tanh", "hidden")
    return [name for name in trace.names if name in trace.cell.activations or name in states]


def _arrays(trace: Trace, has_weights: bool) -> dict[str, Any]:
    """What the browser cannot make itself: of the summands it makes those whose weights it has."""
    names = _drawn(trace)
    if not has_weights:
        names += [part for name in trace.cell.pre_activations for part in trace.cell.summands(name)]
    return {name: packed(trace[name]) for name in dict.fromkeys(names)}


def _signals(trace: Trace, laid: Overlay | None) -> dict[str, Any]:
    """How each signal is called, written, coloured and scaled."""
    found = {}
    for name in _drawn(trace):
        its = look(name, trace.cell.family)
        found[name] = {
            "name": its.name,
            "symbol": its.symbol,
            "light": its.light,
            "dark": its.dark,
            "gate": is_gate(name),
            "range": GATE_RANGE if is_gate(name) else _symmetric(trace[name]),
            "difference": None if laid is None else _symmetric(laid.differences[name]),
        }
    return found


def _symmetric(values: Array) -> tuple[float, float]:
    """A range around 0 that holds all finite values: 1, 2 or 5 times a power of ten, so that it seldom jumps."""
    largest = float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
    if largest < _DOUBLE.tiny:
        return -1.0, 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    end = next((step * power for step in (1.0, 2.0, 5.0) if step * power >= largest), 10 * power)
    # Rounded to the number as it is written: 2e-05, not 2.0000000000000003e-05.
    end = min(float(f"{end:.0e}"), float(_DOUBLE.max))
    return -end, end


def _inputs(inputs: Array) -> dict[str, Any]:
    """The column of the one where each row is one-hot, else all numbers."""
    if ((inputs == 0) | (inputs == 1)).all() and (inputs.sum(axis=1) == 1).all():
        return {"columns": inputs.argmax(axis=1).tolist()}
    return {"dense": packed(inputs)}


def _key(network: Network | None, trace: Trace, laid: Overlay | None, features: tuple[str, ...]) -> str:
    about = (trace.cell.name, trace.tokens, features, laid and (laid.partners, laid.removed))
    digest = hashlib.blake2b(repr(about).encode(), digest_size=12)
    arrays = [trace.inputs, *trace.signals.values(), *trace.initial.values()]
    arrays += [] if network is None else [value.numpy() for value in network.parameters.values()]
    for array in (*arrays, *(laid.second.signals.values() if laid else ())):
        digest.update(np.ascontiguousarray(array).data)
    for each in trace.interventions:  # one may change no number, such as a cut gradient
        digest.update(repr(each).encode())
    for array in (*trace.made.values(), *(laid.second.initial.values() if laid else ())):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
