"""Some units of a wide network on the stage: every number is that of the whole run."""

import base64
import re
from typing import Any

import numpy as np
import pytest
import torch

from memviz.cells import CELLS
from memviz.network import Network
from memviz.stage import chosen_detail, chosen_payload, stage_payload, step_detail
from memviz.trace import Trace, record

UNITS = [70, 3, 99]


def run(cell: str, hidden: int = 100) -> tuple[Network, Trace]:
    generator = torch.Generator().manual_seed(0)
    shapes = CELLS[cell].parameter_shapes(2, hidden)
    network = Network(
        cell, {name: torch.randn(shape, generator=generator) * 0.2 for name, shape in shapes.items()}
    )
    return network, record(network, torch.randn(6, 2, generator=generator))


def array(packed: dict[str, Any]) -> np.ndarray:
    dtype = {"f4": "<f4", "f8": "<f8"}[packed["type"]]
    return np.frombuffer(base64.b64decode(packed["data"]), dtype).reshape(packed["shape"])


@pytest.mark.parametrize("cell", ["elman", "lstm", "lstm-peephole", "gru"])
def test_what_is_drawn_of_some_units_is_what_is_drawn_of_all(cell: str) -> None:
    network, trace = run(cell)
    whole, some = stage_payload(network, trace), chosen_payload(network, trace, UNITS)
    assert (some["units"], some["chosen"]) == (3, UNITS)
    assert some["key"] != whole["key"]
    for name, packed in some["arrays"].items():
        np.testing.assert_array_equal(array(packed), array(whole["arrays"][name])[:, UNITS])
    np.testing.assert_array_equal(array(some["whole"]["hidden"]), array(whole["arrays"]["hidden"]))
    for name, part in some["products"].items():
        for key in ("weights", "bias"):
            if part[key] is not None:
                np.testing.assert_array_equal(array(part[key]), array(whole["products"][name][key])[UNITS])


@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
@pytest.mark.parametrize("timestep", [0, 4])
def test_the_products_of_a_step_in_detail_add_up_to_the_part_of_the_whole_run(
    cell: str, timestep: int
) -> None:
    network, trace = run(cell)
    detail = chosen_detail(network, trace, UNITS, timestep, 2)
    plain = step_detail(network, trace, timestep, 99)
    assert detail["unit"] == 2
    assert detail["values"] == plain["values"]
    before = array(detail["whole"])
    for name, part in detail["products"].items():
        if not name.endswith("_from_hidden"):
            continue
        total = array(part["weights"]) @ before + (array(part["bias"])[0] if "bias" in part else 0.0)
        if cell == "gru" and name.startswith("candidate"):
            total = total * trace["reset"][timestep, 99]
        np.testing.assert_allclose(total, trace[name][timestep, 99], atol=1e-14)
    for name, rows in detail["rows"].items():
        np.testing.assert_array_equal(array(rows)[-1], trace[name][timestep, UNITS])


@pytest.mark.parametrize(
    ("cell", "units", "sentence"),
    [
        ("lstm", [], "The stage draws 1 to 64 different units; got 0."),
        ("lstm", list(range(65)), "The stage draws 1 to 64 different units; got 65."),
        ("lstm", [1, 1], "The stage draws 1 to 64 different units; got 2."),
        ("lstm", [100], "The units of this network are 0 to 99; got another."),
        ("gru-v3", [1], 'All units of "gru-v3" are drawn together; got some.'),
        ("lstm-fgr", [1], 'All units of "lstm-fgr" are drawn together; got some.'),
    ],
)
def test_units_that_are_not_drawn_alone_are_said(cell: str, units: list[int], sentence: str) -> None:
    network, trace = run(cell)
    with pytest.raises(ValueError, match=re.escape(sentence)):
        chosen_payload(network, trace, units)
