"""What the browser gets: read back by numpy it is the trace, in the precision that was promised."""

import base64
import json
from typing import Any

import numpy as np
import pytest
import torch

from memviz import Experiment, encode
from memviz.cells import CELLS
from memviz.network import Network
from memviz.products import products
from memviz.stage import stage_html, stage_payload, step_detail
from memviz.trace import Trace, record
from tests import oracles


def unpacked(array: dict[str, Any]) -> np.ndarray:
    values = np.frombuffer(base64.b64decode(array["data"]), dtype=f"<{array['type']}")
    return values.reshape(array["shape"])


def run(cell: str = "lstm", time: int = 6, units: int = 3, scale: float = 0.7) -> tuple[Network, Trace]:
    network = Network(cell, oracles.as_torch(oracles.parameters(cell, 2, units, seed=5, scale=scale)))
    state = CELLS[cell].state_type(*(torch.tensor(part) for part in oracles.state(cell, units, 5).values()))
    return network, record(network, oracles.inputs(2, time, seed=5), state)


def changed(trace: Trace, **signals: np.ndarray) -> Trace:
    return Trace(trace.cell, trace.tokens, trace.inputs, {**trace.signals, **signals}, trace.initial)


@pytest.mark.parametrize("cell", CELLS)
def test_the_arrays_are_the_trace_in_single_precision(cell: str) -> None:
    network, trace = run(cell)
    payload = json.loads(json.dumps(stage_payload(network, trace), allow_nan=False))
    for name, array in payload["arrays"].items():
        assert array["type"] == "f4"
        np.testing.assert_array_equal(unpacked(array), trace[name].astype(np.float32))
    assert set(payload["strips"]) <= set(payload["arrays"])
    for name, array in payload["initial"].items():
        np.testing.assert_allclose(unpacked(array), trace.initial[name], rtol=1e-7)
    np.testing.assert_allclose(unpacked(payload["inputs"]["dense"]), trace.inputs, rtol=1e-7)


@pytest.mark.parametrize("cell", CELLS)
def test_the_detail_is_the_trace_to_the_last_bit(cell: str) -> None:
    network, trace = run(cell)
    for timestep in (0, 4):
        detail = json.loads(json.dumps(step_detail(network, trace, timestep, 2), allow_nan=False))
        assert dict(zip(detail["names"], unpacked(detail["values"]), strict=True)) == {
            name: trace[name][timestep, 2] for name in trace.names
        }
        for name, rows in detail["rows"].items():
            np.testing.assert_array_equal(unpacked(rows), trace[name][max(0, timestep - 1) : timestep + 1])
        np.testing.assert_array_equal(unpacked(detail["input"]), trace.inputs[timestep])
        for name, part in products(network).items():
            sent = detail["products"][name]
            assert set(sent) == {key for key in ("weights", "bias") if getattr(part, key) is not None}
            for key, values in sent.items():
                np.testing.assert_array_equal(unpacked(values), np.atleast_1d(getattr(part, key)[2]))


def test_text_is_sent_as_the_column_of_its_one() -> None:
    sequence = encode("abca")
    network = Experiment(hidden_size=2).build(sequence)
    payload = stage_payload(network, record(network, sequence), sequence.features)
    assert [sequence.features[k] for k in payload["inputs"]["columns"]] == ["a", "b", "c", "a"]


def test_numbers_beyond_single_precision_are_sent_in_double() -> None:
    network, trace = run("elman-relu")
    for extreme in (1e200, 1e-200):
        values = np.full_like(trace["hidden"], extreme)
        sent = stage_payload(network, changed(trace, hidden=values))["arrays"]["hidden"]
        assert sent["type"] == "f8"
        np.testing.assert_array_equal(unpacked(sent), values)


def test_what_is_no_number_arrives_as_it_is_and_leaves_the_range_alone() -> None:
    network, trace = run()
    broken = trace["cell"].copy()
    broken[2] = [np.nan, np.inf, -np.inf]
    payload = stage_payload(network, changed(trace, cell=broken))
    json.dumps(payload, allow_nan=False)
    np.testing.assert_array_equal(unpacked(payload["arrays"]["cell"]), broken.astype(np.float32))
    low, high = payload["signals"]["cell"]["range"]
    assert np.isfinite([low, high]).all()
    json.dumps(step_detail(network, changed(trace, cell=broken), 2, 0), allow_nan=False)


@pytest.mark.parametrize("largest", [1e-300, 3e-5, 0.04, 0.5, 0.7, 1.0, 1.9, 30.0, 6e5, 1e300])
def test_a_range_is_round_and_holds_every_value(largest: float) -> None:
    network, trace = run("elman-relu")
    values = np.full_like(trace["hidden"], 0.1 * largest)
    values[1, 1] = -largest
    low, high = stage_payload(network, changed(trace, hidden=values))["signals"]["hidden"]["range"]
    assert low == -high
    assert largest <= high <= 5 * largest
    assert f"{high:.0e}"[0] in "125"


def test_a_gates_range_is_0_to_1() -> None:
    network, trace = run("gru")
    signals = stage_payload(network, trace)["signals"]
    assert signals["reset"]["range"] == signals["update"]["range"] == (0.0, 1.0)


def test_the_key_changes_with_anything_that_is_drawn() -> None:
    network, trace = run()
    payload = stage_payload(network, trace)
    again = Trace(trace.cell, trace.tokens, trace.inputs, trace.signals, trace.initial)
    assert stage_payload(network, again)["key"] == payload["key"]
    nudged = changed(trace, hidden=trace["hidden"] + 1e-9)
    renamed = Trace(trace.cell, ("x", *trace.tokens[1:]), trace.inputs, trace.signals, trace.initial)
    others = [stage_payload(network, other)["key"] for other in (nudged, renamed)]
    others += [
        stage_payload(network, trace, ("a", "b"))["key"],
        stage_payload(network, trace, second=nudged)["key"],
    ]
    assert len({payload["key"], *others}) == 5


def test_a_second_trace_is_sent_beside_the_first_with_the_range_of_the_difference() -> None:
    network, trace = run()
    second = changed(trace, cell=trace["cell"] + 0.25)
    payload = stage_payload(network, trace, second=second)
    np.testing.assert_allclose(unpacked(payload["second"]["arrays"]["cell"]), second["cell"], rtol=1e-6)
    low, high = payload["signals"]["cell"]["difference"]
    assert (low, high) == (-0.5, 0.5)


def test_a_second_trace_of_another_length_cell_or_size_is_refused() -> None:
    network, trace = run()
    for other in (run(time=5), run(units=2), run("lstm-peephole")):
        with pytest.raises(ValueError, match="A second trace has the cell, steps and units of the first"):
            stage_payload(network, trace, second=other[1])


def test_wrong_names_networks_and_steps_are_refused() -> None:
    network, trace = run()
    with pytest.raises(ValueError, match="2 input columns has a name; got 1"):
        stage_payload(network, trace, ("a",))
    with pytest.raises(ValueError, match="another network"):
        stage_payload(run("gru")[0], trace)
    for timestep, unit in ((-1, 0), (6, 0), (0, 3), (0, -1)):
        with pytest.raises(IndexError, match=f"got step {timestep}, unit {unit}"):
            step_detail(network, trace, timestep, unit)


def test_a_page_of_its_own_holds_the_payload_as_data_and_no_token_can_leave_it() -> None:
    network, trace = run()
    hostile = ("</script><script>alert(1)</script>", "<!--", "]]>", "&lt;", '"', "\u2028")
    trace = Trace(trace.cell, hostile, trace.inputs, trace.signals, trace.initial)
    page = stage_html(stage_payload(network, trace), "<b>title</b>", timestep=2, unit=1)
    assert "<b>" not in page
    _, _, rest = page.partition('<script type="application/json" id="payload">')
    data, _, _ = rest.partition("</script>")
    payload = json.loads(data)
    assert payload["tokens"] == list(hostile)
    assert payload["position"] == {"timestep": 2, "unit": 1, "serial": 0}
    assert "http" not in page.replace("http://www.w3.org", "")


def test_the_payload_of_two_hundred_steps_of_sixteen_units_is_below_400_kilobytes() -> None:
    sequence = encode("the quick brown fox jumps over the lazy dog " * 4 + "and then it rests here.."[:24])
    assert len(sequence) == 200
    for cell in CELLS:
        network = Experiment(cell, hidden_size=16).build(sequence)
        payload = stage_payload(network, record(network, sequence), sequence.features)
        assert len(json.dumps(payload)) < 400_000
