"""What the browser's part of the grid needs, as JSON in bytes: names, numbers in full, colours and what was edited."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Float

from memviz.grid.blocks import SOURCES, Block, gate_look, gate_name, sources
from memviz.grid.commands import UNIT
from memviz.network import Network
from memviz.theme import DIVERGING_DARK, DIVERGING_LIGHT


def grid_payload(
    block: Block,
    network: Network,
    drawn: Network,
    *,
    row: int = 0,
    column: int = 0,
    by_unit: bool = False,
    edits: Iterable[tuple[str, str]] = (),
    ack: int = 0,
    problem: str = "",
) -> bytes:
    """The grid of a block. Streamlit carries bytes as they are; it would escape every quotation mark of a string.

    Args:
        block: what is shown.
        network: as it is.
        drawn: as it was before any edit.
        row: that of the cell where the reader is.
        column: its column.
        by_unit: whether the rows are the gates of one unit, also where the cell has a single gate.
        edits: each edit in words, with why it is not applied, or "".
        ack: the serial number of the last command that was heard.
        problem: what was wrong with it, a sentence, or "".
    """
    cell = block.cell
    values, original = block.values(network), block.values(drawn)
    gate, unit = block.rows[0].gate, block.rows[0].unit
    content = {
        "key": network_key(network),
        "ack": ack,
        "problem": problem,
        "name": f"Weights: {_scope(block, by_unit)}, times {SOURCES[block.source]}",
        "choices": {
            "rows": [
                *({"id": name, "label": gate_name(cell, name)} for name in cell.gates),
                *({"id": f"{UNIT}{k}", "label": f"all gates of unit {k}"} for k in range(block.size)),
            ],
            "sources": [
                {"id": name, "label": SOURCES[name]} for name in sources(cell, None if by_unit else gate)
            ],
        },
        "chosen": {"rows": f"{UNIT}{unit}" if by_unit else gate, "source": block.source},
        "rows": [
            {
                "unit": its.unit,
                "name": block.name_of(its),
                "short": f"{gate_look(cell, its.gate).symbol} {its.unit}",
                "light": gate_look(cell, its.gate).light,
                "dark": gate_look(cell, its.gate).dark,
            }
            for its in block.rows
        ],
        "columns": list(block.columns),
        "values": _packed(values),
        "original": None if np.array_equal(values, original) else _packed(original),
        "active": [min(row, len(block.rows) - 1), min(column, len(block.columns) - 1)],
        "range": _reach(original),
        "scales": {"light": DIVERGING_LIGHT, "dark": DIVERGING_DARK},
        "zero": ""
        if by_unit or block.source == "from_gates"
        else f"Sets the weights of {_scope(block, by_unit)} times {SOURCES[block.source]} to zero",
        "edits": [{"text": text, "problem": why} for text, why in edits],
    }
    return json.dumps(content, allow_nan=False).encode()


def network_key(network: Network) -> str:
    """Which networks have the same cells in their grids: commands for others are not obeyed."""
    shape = (network.cell.name, network.hidden_size, network.features)
    return hashlib.blake2b(repr(shape).encode(), digest_size=6).hexdigest()


def _scope(block: Block, by_unit: bool) -> str:
    first = block.rows[0]
    return f"all gates of unit {first.unit}" if by_unit else gate_name(block.cell, first.gate)


def _packed(values: Float[np.ndarray, "row column"]) -> dict[str, Any]:
    """In double precision: the exact number is shown of every cell that somebody points at."""
    data = b64encode(values.astype("<f8").tobytes()).decode()
    return {"type": "f8", "shape": values.shape, "data": data}


def _reach(drawn: Float[np.ndarray, "row column"]) -> float:
    """Where the colour scale ends: at the largest weight as drawn, so that one edit does not pale all the others."""
    largest = float(np.abs(drawn).max())
    return float(f"{largest:.1e}") if largest > 0 else 1.0
