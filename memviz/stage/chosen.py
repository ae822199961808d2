"""The stage of a network of more units than it shows: some are drawn, and every number is that of the whole run."""

import hashlib
from collections.abc import Sequence
from typing import Any

from memviz.network import Network
from memviz.products import products
from memviz.stage.packing import exact, packed
from memviz.stage.payload import packed_part, stage_payload, step_detail
from memviz.trace import Trace

MOST_DRAWN = 64


def chosen_payload(
    network: Network, trace: Trace, units: Sequence[int], features: tuple[str, ...] = ()
) -> dict[str, Any]:
    """What `stage_payload` makes, of some units; the hidden states of all go with it, since every unit reads them.

    Args:
        network: what made the trace.
        trace: the run, without interventions.
        units: 1 to MOST_DRAWN different ones, by their numbers in the network.
        features: the names of the input's columns.

    Raises:
        ValueError: if the units are others, the run has interventions, or the cell's units read more of each other
            than their hidden states, as "gru-v3" and "lstm-fgr" do.
    """
    _check(network, trace, units)
    rows = list(units)
    content = stage_payload(network, trace, features)
    parts = products(network).items()
    return {
        **content,
        "key": hashlib.blake2b(f"{content['key']} {rows}".encode(), digest_size=12).hexdigest(),
        "units": len(rows),
        "chosen": rows,
        "whole": {"hidden": packed(trace["hidden"]), "initial": packed(trace.initial["hidden"])},
        "arrays": {name: packed(trace[name][:, rows]) for name in content["arrays"]},
        "initial": {name: packed(value[rows]) for name, value in trace.initial.items()},
        "products": {name: packed_part(part, rows) for name, part in parts},
    }


def chosen_detail(
    network: Network, trace: Trace, units: Sequence[int], timestep: int, index: int
) -> dict[str, Any]:
    """What `step_detail` makes of unit `units[index]`, as the stage of `chosen_payload` reads it.

    Raises:
        IndexError: if the timestep or the unit does not exist.
    """
    detail = step_detail(network, trace, timestep, units[index])
    steps = slice(detail["first"], timestep + 1)
    return {
        **detail,
        "unit": index,
        "rows": {name: exact(trace[name][steps][:, list(units)]) for name in detail["rows"]},
        "whole": exact(trace.before("hidden")[timestep]),
    }


def _check(network: Network, trace: Trace, units: Sequence[int]) -> None:
    size = network.hidden_size
    if not 1 <= len(units) <= MOST_DRAWN or len(set(units)) != len(units):
        raise ValueError(f"The stage draws 1 to {MOST_DRAWN} different units; got {len(units)}.")
    if not all(0 <= unit < size for unit in units):
        raise ValueError(f"The units of this network are 0 to {size - 1}; got another.")
    if trace.interventions:
        raise ValueError("Some units alone are drawn of a run without interventions; got some.")
    if any(part.mask or part.vector == "gates" for part in products(network).values()):
        raise ValueError(f'All units of "{network.cell.name}" are drawn together; got some.')
