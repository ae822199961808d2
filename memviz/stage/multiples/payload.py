"""What the browser draws of runs side by side, as plain JSON: one scale a row, never one a panel."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from memviz.gradients import GradientFlow, memory_of
from memviz.stage.multiples.roles import ROLES, Part, Role, part_of
from memviz.stage.packing import exact, packed
from memviz.theme import (
    DIVERGING_DARK,
    DIVERGING_LIGHT,
    GATE_RANGE,
    LOOKS,
    SEQUENTIAL_DARK,
    SEQUENTIAL_LIGHT,
    look,
)


def multiples_payload(
    flows: Sequence[GradientFlow],
    letters: str,
    labels: Sequence[str],
    table: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> dict[str, Any]:
    """Everything that the small multiples draw, for any step and unit; `key` names its content.

    Args:
        flows: the gradients of one loss through the runs, which have the same tokens and number of units.
        letters: a letter for each.
        labels: a name for each.
        table: what stands below, a text for each run by the name of its row.

    Raises:
        ValueError: if there is no run, the runs differ in tokens or units, or each has not its letter, label and texts.
    """
    if not flows or not len(flows) == len(letters) == len(labels):
        raise ValueError(
            f"One or more runs stand side by side, each with a letter and a label; got {len(flows)} runs."
        )
    if any(len(texts) != len(flows) for texts in table.values()):
        raise ValueError(f"Each row of the table has a text for each of the {len(flows)} runs; got others.")
    first = flows[0]
    if any((flow.tokens, flow.trace.units) != (first.tokens, first.trace.units) for flow in flows):
        raise ValueError("Runs side by side have the same tokens and the same number of units; got others.")
    content = {
        "tokens": list(first.tokens),
        "units": first.trace.units,
        "loss": first.last,
        "columns": [
            {"letter": letter, "label": label} for letter, label in zip(letters, labels, strict=True)
        ],
        "rows": [_row(role, [part_of(role, flow) for flow in flows]) for role in ROLES],
        "norms": _norms(flows),
        "table": [{"name": name, "texts": list(texts)} for name, texts in table.items()],
        "scales": {
            "sequential": {"light": SEQUENTIAL_LIGHT, "dark": SEQUENTIAL_DARK},
            "diverging": {"light": DIVERGING_LIGHT, "dark": DIVERGING_DARK},
        },
    }
    return {"key": hashlib.blake2b(json.dumps(content).encode(), digest_size=12).hexdigest(), **content}


def _row(role: Role, parts: list[Part]) -> dict[str, Any]:
    return {
        "id": role.id,
        "title": role.title,
        "scale": role.scale,
        "range": _range(role, [part.values for part in parts if part.values is not None]),
        "cells": [_cell(role, part) for part in parts],
    }


def _cell(role: Role, part: Part) -> dict[str, Any]:
    cell: dict[str, Any] = {"symbol": part.symbol, "name": part.name, "says": part.says, "array": None}
    if part.values is not None:
        cell |= {"light": LOOKS[part.signal].light, "dark": LOOKS[part.signal].dark}
        # Of a logarithm the digits before the point are those of the exponent: single precision would leave too few.
        cell["array"] = exact(part.values) if role.scale == "log" else packed(part.values)
    return cell


def _range(role: Role, arrays: list[Float[np.ndarray, "time unit"]]) -> tuple[float, float] | None:
    """The ends of a row's scale for all of its runs; None where none has a number, or all gradients are exactly 0."""
    if not arrays:
        return None
    if role.scale == "gate":
        return GATE_RANGE
    values = np.concatenate([array.ravel() for array in arrays])
    return decades(values) if role.scale == "log" else symmetric(values)


def _norms(flows: Sequence[GradientFlow]) -> dict[str, Any]:
    """log10 of the norm of the gradient by the memory, step by step, with one axis for all."""
    logs = [flow.log10_norms(memory_of(flow.trace)) for flow in flows]
    return {
        "range": decades(np.concatenate(logs)),
        "symbols": [f"|∂L/∂{look(memory_of(flow.trace)).symbol}|" for flow in flows],
        "arrays": [exact(values) for values in logs],
    }


def decades(logs: Float[np.ndarray, " number"]) -> tuple[float, float] | None:
    """The whole powers of ten that hold all finite logarithms; None where there is none."""
    finite = logs[np.isfinite(logs)]
    if finite.size == 0:
        return None
    low, high = float(math.floor(finite.min())), float(math.ceil(finite.max()))
    return min(low, high - 1), high


def symmetric(values: Float[np.ndarray, " number"]) -> tuple[float, float]:
    """A range around 0 that holds all values, its ends rounded up to two digits."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0:
        return -1.0, 1.0
    power = 10.0 ** (math.floor(math.log10(largest)) - 1)
    end = float(f"{math.ceil(largest / power - 1e-9) * power:.2g}")
    return -end, end
