"""What the small multiples draw, against the traces and gradients that it is of."""

import base64
import json
from typing import Any

import numpy as np
import pytest

from memviz import Clamp, Experiment, encode, gradient_flow, record
from memviz.bundle import bundle
from memviz.cells import CELLS
from memviz.gradients import GradientFlow, Loss
from memviz.stage.multiples import ROLES, multiples_payload, part_of
from memviz.stage.multiples.payload import decades, symmetric

SEQUENCE = encode("hello world")


def flow_of(cell: str, *interventions: Any, loss: Loss | None = None, **settings: Any) -> GradientFlow:
    network = Experiment(cell, hidden_size=3, seed=2, **settings).build(SEQUENCE)
    trace = record(network, SEQUENCE, interventions=interventions)
    return gradient_flow(network, trace, loss or Loss())


def unpacked(array: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(array["data"]), f"<{array['type']}").reshape(array["shape"])


def payload_of(*cells: str) -> dict[str, Any]:
    return multiples_payload([flow_of(cell) for cell in cells], "ABCDEF"[: len(cells)], cells)


def row(payload: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [row for row in payload["rows"] if row["id"] == name]
    return found


def test_every_signal_of_a_panel_is_that_of_the_trace() -> None:
    flows = [flow_of("lstm"), flow_of("gru")]
    payload = multiples_payload(flows, "AB", ["one", "two"])
    drawn = {
        "keep": (flows[0].trace["forget"], flows[1].trace["update"]),
        "write": (flows[0].trace["input"], 1 - flows[1].trace["update"]),
        "candidate": (flows[0].trace["candidate"], flows[1].trace["candidate"]),
        "read": (flows[0].trace["output"], flows[1].trace["reset"]),
        "cell": (flows[0].trace["cell"], None),
        "hidden": (flows[0].trace["hidden"], flows[1].trace["hidden"]),
        "gradient": (np.log10(np.abs(flows[0].cell)), np.log10(np.abs(flows[1].hidden))),
    }
    assert [row["id"] for row in payload["rows"]] == list(drawn)
    for name, expected in drawn.items():
        for cell, values in zip(row(payload, name)["cells"], expected, strict=True):
            if values is None:
                assert cell["array"] is None
            else:
                tolerance = 1e-12 if name == "gradient" else 1e-7
                np.testing.assert_allclose(unpacked(cell["array"]), values, rtol=0, atol=tolerance)


def test_the_norms_are_those_of_the_gradient_by_the_memory() -> None:
    flows = [flow_of("lstm"), flow_of("elman")]
    norms = multiples_payload(flows, "AB", ["one", "two"])["norms"]
    assert norms["symbols"] == ["|∂L/∂c|", "|∂L/∂h|"]
    for array, gradient in zip(norms["arrays"], (flows[0].cell, flows[1].hidden), strict=True):
        expected = np.log10(np.linalg.norm(gradient, axis=1))
        np.testing.assert_allclose(unpacked(array), expected, atol=1e-12)
        assert norms["range"][0] <= expected.min()
        assert expected.max() <= norms["range"][1]


def test_a_row_has_one_scale_that_holds_the_numbers_of_all_its_runs() -> None:
    flows = [flow_of("lstm-niaf", recurrent_scale=20.0), flow_of("lstm"), flow_of("gru")]
    payload = multiples_payload(flows, "ABC", ["one", "two", "three"])
    for name in ("candidate", "hidden"):
        low, high = row(payload, name)["range"]
        largest = max(np.abs(flow.trace[name]).max() for flow in flows)
        assert -low == high
        assert largest <= high <= 1.2 * largest
    assert row(payload, "keep")["range"] == (0.0, 1.0)
    logs = np.concatenate(
        [np.log10(np.abs(f.signals["cell" if f.cell is not None else "hidden"])) for f in flows]
    )
    assert row(payload, "gradient")["range"] == (np.floor(logs.min()), np.ceil(logs.max()))


@pytest.mark.parametrize("name", sorted(CELLS))
def test_each_cell_shows_or_says_every_role(name: str) -> None:
    flow = flow_of(name)
    for role in ROLES:
        part = part_of(role, flow)
        assert (part.values is None) <= bool(part.says)
        if part.values is not None:
            assert part.values.shape == (11, 3)
            assert part.symbol
            assert part.name


@pytest.mark.parametrize(
    ("cell", "role", "says"),
    [
        ("lstm-1997", "keep", "no forget gate: f = 1"),
        ("lstm-nfg", "keep", "fixed at 1"),
        ("lstm-coupled", "keep", "coupled: f = 1 − i"),
        ("lstm-nig", "write", "fixed at 1"),
        ("lstm-nog", "read", "fixed at 1"),
        ("elman", "keep", "no gate keeps: h is made anew"),
        ("gru", "cell", "no cell state: h is the memory"),
        ("lstm", "keep", ""),
        ("gru", "keep", ""),
    ],
)
def test_what_a_cell_has_not_is_said(cell: str, role: str, says: str) -> None:
    (its,) = [each for each in ROLES if each.id == role]
    assert part_of(its, flow_of(cell)).says == says


@pytest.mark.parametrize("cell", ["lstm-nfg", "lstm-coupled"])
def test_a_fixed_gate_that_is_held_elsewhere_is_not_said_to_be_fixed(cell: str) -> None:
    part = part_of(ROLES[0], flow_of(cell, Clamp("forget", 0.5, steps=[3])))
    assert part.says == ""
    assert part.values is not None
    assert (part.values[3] == 0.5).all()


def test_an_exact_zero_is_told_apart_from_small_numbers() -> None:
    flow = flow_of("lstm", loss=Loss(timestep=4))  # nothing comes back from later steps
    payload = multiples_payload([flow], "A", ["one"])
    logs = unpacked(row(payload, "gradient")["cells"][0]["array"])
    assert np.isneginf(logs[5:]).all()
    assert np.isfinite(logs[:5]).all()
    assert np.isneginf(unpacked(payload["norms"]["arrays"][0])[5:]).all()


def test_a_row_of_exact_zeros_has_no_scale() -> None:
    flow = flow_of("lstm", Clamp("hidden", 0.0))
    zeros = multiples_payload([flow], "A", ["one"])
    assert row(zeros, "hidden")["range"] == (-1.0, 1.0)
    assert row(zeros, "gradient")["range"] is None
    assert row(zeros, "gradient")["cells"][0]["array"] is not None
    assert decades(np.full(3, -np.inf)) is None


def test_a_row_that_no_run_has_a_number_for_has_no_scale() -> None:
    assert row(payload_of("gru", "elman"), "cell")["range"] is None
    assert row(payload_of("gru", "lstm"), "cell")["range"] is not None


def test_the_key_names_the_content() -> None:
    assert payload_of("lstm", "gru") == payload_of("lstm", "gru")
    assert payload_of("lstm", "gru")["key"] != payload_of("gru", "lstm")["key"]
    json.dumps(payload_of("elman"), allow_nan=False)


@pytest.mark.parametrize(
    ("values", "end"),
    [([0.0], 1.0), ([0.301, -0.2], 0.31), ([-0.3], 0.3), ([12.3], 13.0), ([9.99], 10.0), ([1e-9], 1e-9)],
)
def test_the_ends_of_a_signed_scale_are_rounded_up(values: list[float], end: float) -> None:
    assert symmetric(np.array(values)) == (-end, end)


def test_runs_that_do_not_stand_side_by_side_are_refused() -> None:
    flow = flow_of("lstm")
    with pytest.raises(ValueError, match="One or more runs stand side by side"):
        multiples_payload([], "", [])
    with pytest.raises(ValueError, match="each with a letter and a label"):
        multiples_payload([flow], "AB", ["one"])
    with pytest.raises(ValueError, match="a text for each of the 1 runs"):
        multiples_payload([flow], "A", ["one"], {"row": ["1", "2"]})
    other = Experiment(hidden_size=4).build(SEQUENCE)
    with pytest.raises(ValueError, match="the same number of units"):
        multiples_payload([flow, gradient_flow(other, SEQUENCE)], "AB", ["one", "two"])


def test_the_script_holds_the_modules_of_both_folders() -> None:
    text = bundle("stage/multiples/streamlit")
    for module in ("stage_colours", "stage_numbers", "stage_multiples_panels", "stage_multiples_grid"):
        assert text.count(f"const module_{module} = (() => {{") == 1
    assert "module_stage_machine" not in text
