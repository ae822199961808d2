"""What is done with a recording: samples as traces, tables, files, and only what was asked for."""

import io
import sys

import numpy as np
import pytest
import torch
from torch import nn

import memviz
from memviz.figures import state_lines
from memviz.torch_modules import Recording, recording, trace_module
from tests.torch_modules.cases import SIGNALS, drawn_case, drawn_module
from tests.torch_modules.reference import Case

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections")


def recorded(case: Case, **options) -> Recording:
    x, state = case.call()
    with recording(case.module, gradients=True, **options) as found:
        output, last = case.module(x) if state is None else case.module(x, state)
        states = output.data if case.layout == "packed" else output
        (states.sum() + sum(part.sum() for part in last)).backward()
    return found


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("layout", ["batched", "unbatched", "packed"])
def test_a_sample_is_a_trace_of_a_network_with_the_recorded_numbers(kind, layout) -> None:
    case = drawn_case(kind, layout=layout, given=True, num_layers=2, bidirectional=True, dropout=0.4)
    found = recorded(case)
    for b, sample in enumerate(case.samples):
        for layer in (0, 1):
            for direction in (0, 1):
                network, trace = found.sample(b).layer(layer, direction)
                assert len(trace) == len(sample)
                assert trace.tokens == tuple(map(str, range(len(sample))))[:: -1 if direction else 1]
                for name in SIGNALS[kind]:
                    rows = found[name][layer, direction, b, : len(sample)].numpy()
                    np.testing.assert_allclose(trace[name][:: -1 if direction else 1], rows, atol=1e-12)
                memviz.gradient_flow(network, trace)
                memviz.record(
                    network, torch.tensor(trace.inputs), interventions=[memviz.Clamp("hidden", 0.5)]
                )


def test_a_projected_lstm_is_the_plain_one_with_the_projection_in_its_recurrent_weights() -> None:
    case = drawn_case(nn.LSTM, proj_size=2, num_layers=2, given=True)
    found = recorded(case)
    assert found["hidden"].shape == (2, 1, 2, 5, 2)
    for layer in (0, 1):
        network, trace = found.sample(1).layer(layer)
        assert network.hidden_size == 4
        for name in ("input", "forget", "candidate", "output", "cell"):
            np.testing.assert_allclose(trace[name], found[name][layer, 0, 1].numpy(), atol=1e-12)
        projection = getattr(case.module, f"weight_hr_l{layer}").detach().numpy()
        np.testing.assert_allclose(trace["hidden"] @ projection.T, found["hidden"][layer, 0, 1], atol=1e-12)


def test_a_projected_state_that_no_state_is_projected_to_is_refused() -> None:
    case = drawn_case(nn.LSTM, proj_size=2, given=True)
    with torch.no_grad():
        case.module.weight_hr_l0[1] = case.module.weight_hr_l0[0]
    with pytest.raises(ValueError, match="is the projection of some state; got one that is of none"):
        recorded(case).sample(0).layer(0)


def test_the_gradient_of_a_trace_is_the_recorded_one() -> None:
    case = drawn_case(nn.GRU, 7, 1)
    with recording(case.module, gradients=True) as found:
        case.module(case.call()[0])[0][-1].sum().backward()
    flow = memviz.gradient_flow(*found.sample(0).layer(0))
    for gate in ("reset", "update", "candidate"):
        np.testing.assert_allclose(flow.pre[gate], found.gradient[gate][0, 0, 0].numpy(), atol=1e-12)
    np.testing.assert_allclose(flow.hidden, found.gradient["hidden"][0, 0, 0].numpy(), atol=1e-12)


def test_a_sample_has_the_tokens_that_it_is_given_and_a_figure() -> None:
    found = recorded(drawn_case(nn.LSTM))
    _, trace = found.sample(-1).layer(0, tokens="hello")
    assert trace.tokens == tuple("hello")
    assert state_lines(trace, [0, 1], "States")["data"]
    with pytest.raises(ValueError, match="5 timesteps, a token for each; got 2"):
        found.sample(0).layer(0, tokens="no")


def test_a_sample_layer_or_direction_that_is_not_there_is_refused() -> None:
    found = recorded(drawn_case(nn.LSTM, num_layers=2), layers=[1])
    with pytest.raises(IndexError, match="samples 0 to 1; got 2"):
        found.sample(2)
    for place in ((0, 0), (2, 0), (1, 1)):
        with pytest.raises(
            ValueError, match="has kept the layers 1 and has the directions 0 to 0; got layer"
        ):
            found.sample(0).layer(*place)


def test_only_what_is_asked_for_is_kept() -> None:
    case = drawn_case(nn.LSTM, num_layers=3, bidirectional=True)
    whole, part = recorded(case), recorded(case, signals=["forget", "cell"], layers=[2, 1])
    call = part[""].call
    assert call.names == ("forget", "cell")
    assert call.layers == (1, 2)
    assert set(call.gradient) == {"forget", "cell"}
    for name in call.names:
        assert torch.equal(part[name], whole[name][1:])
        assert torch.equal(part.gradient[name], whole.gradient[name][1:])
        assert part[name].untyped_storage().nbytes() == part[name].nbytes, "no other signal is held with it"
    numbers = 4 * 2 * 2 * 2 * 5 * 4 + 2 * 2 * 5 * 8
    assert call.nbytes == numbers * 8


@pytest.mark.parametrize(
    "names", [["forget"], ["input_pre", "forget", "candidate_pre", "output", "cell", "hidden"]]
)
def test_what_is_kept_of_a_single_layer_holds_nothing_else_in_memory(names: list[str]) -> None:
    found = recorded(drawn_case(nn.LSTM), signals=names)
    for value in (*found[""].call.signals.values(), *found.gradient.values()):
        assert value.untyped_storage().nbytes() == value.nbytes


def test_padding_is_marked() -> None:
    case = drawn_case(nn.GRU, 6, 3, layout="packed")
    found = recorded(case)
    lengths = [len(sample) for sample in case.samples]
    assert [int((~row).sum()) for row in found[""].padding] == lengths
    assert torch.equal(found["reset"][0, 0].isnan().all(dim=2), found[""].padding)
    frame = found[""].call.to_frame(["reset"])
    assert len(frame) == sum(lengths) * 4
    assert frame["value"].notna().all()


def test_a_table_has_a_row_for_each_number() -> None:
    case = drawn_case(nn.LSTM, num_layers=2, bidirectional=True)
    call = recorded(case, layers=[1])[""].call
    frame = call.to_frame()
    assert list(frame) == ["layer", "direction", "batch", "timestep", "signal", "unit", "value"]
    assert len(frame) == 6 * 2 * 2 * 5 * 4
    row = frame.query(
        "direction == 'reverse' and batch == 1 and timestep == 3 and signal == 'cell' and unit == 2"
    )
    assert row["layer"].item() == 1
    assert row["value"].item() == call["cell"][0, 1, 1, 3, 2]
    with pytest.raises(KeyError, match="has kept the signals"):
        call.to_frame(["reset"])


def test_an_xarray_has_the_labelled_dimensions() -> None:
    found = recorded(drawn_case(nn.LSTM, num_layers=2, bidirectional=True, proj_size=3))
    data = found[""].to_xarray()
    assert data["forget"].dims == ("layer", "direction", "batch", "time", "unit")
    assert data["hidden"].dims[-1] == "projection"
    one = data["gradient_forget"].sel(layer=1, direction="reverse", batch=0)
    np.testing.assert_array_equal(one, found.gradient["forget"][1, 1, 0])
    assert not data["padding"].any()


def test_without_xarray_the_way_to_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ImportError, match="pip install xarray"):
        recorded(drawn_case(nn.GRU))[""].to_xarray()


@pytest.mark.parametrize("layout", ["batched", "packed"])
def test_a_saved_recording_comes_back_with_every_number(tmp_path, layout) -> None:
    case = drawn_case(nn.LSTM, layout=layout, num_layers=2, proj_size=2, given=True)
    found = recorded(case, signals=["forget", "cell_tanh", "hidden"])
    found.save(tmp_path / "recording.npz")
    back = memviz.Recording.load(tmp_path / "recording.npz")
    assert back.paths == found.paths
    ours, theirs = back[""].call, found[""].call
    assert (ours.form, ours.layers, ours.names, ours.shape) == (
        theirs.form,
        theirs.layers,
        theirs.names,
        theirs.shape,
    )
    for part in ("signals", "gradients", "initial", "inputs"):
        assert getattr(ours, part).keys() == getattr(theirs, part).keys()
        for name, value in getattr(theirs, part).items():
            torch.testing.assert_close(getattr(ours, part)[name], value, rtol=0, atol=0, equal_nan=True)
    assert torch.equal(ours.padding, theirs.padding)
    for layer in (0, 1):
        np.testing.assert_array_equal(
            back.sample(1).layer(layer).trace["cell"], found.sample(1).layer(layer).trace["cell"]
        )


def test_a_saved_recording_without_gradients_still_says_what_to_do() -> None:
    buffer = io.BytesIO()
    trace_module(drawn_module(nn.GRU, 3, 4), torch.ones(5, 2, 3)).save(buffer)
    buffer.seek(0)
    with pytest.raises(ValueError, match="gradients=True"):
        _ = Recording.load(buffer).gradient


@pytest.mark.parametrize("broken", [b"", b"PK\x03\x04", b"\x93NUMPY"])
def test_another_file_is_no_recording(broken: bytes) -> None:
    with pytest.raises(ValueError, match=r"written by Recording\.save; got another file"):
        Recording.load(io.BytesIO(broken))


def test_a_trace_is_no_recording() -> None:
    _, trace = recorded(drawn_case(nn.GRU)).sample(0).layer(0)
    with pytest.raises(ValueError, match="got another file"):
        Recording.load(io.BytesIO(trace.to_bytes()))


def test_a_recording_and_its_parts_say_what_they_are() -> None:
    found = recorded(drawn_case(nn.LSTM))
    assert "the model itself: nn.LSTM, 1 calls" in repr(found)
    assert "5 timesteps, 4 units" in repr(found[""].call)
    assert "gradients  input, forget, candidate, output, hidden, cell" in repr(found[""].call)
    assert "1 calls" in repr(found[""])
    assert len(found) == 1
