"""Good model files: every layer is found with its sizes, and runs as torch runs it."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from memviz import model_files, tensor_files
from memviz.encoding import EncodingError
from memviz.model_files import Feed, ModelFileError
from memviz.trace import record
from tests.model_files.builders import module, safetensors, torch_file, weights

KINDS = ("RNN", "GRU", "LSTM")


def saved(state: dict, as_pt: bool) -> bytes:
    return torch_file(state) if as_pt else safetensors(state)


@given(
    st.sampled_from(KINDS),
    st.integers(1, 5),
    st.integers(1, 6),
    st.integers(1, 4),
    st.booleans(),
    st.booleans(),
    st.sampled_from([torch.float16, torch.float32, torch.float64]),
    st.sampled_from(["", "rnn.", "encoder.layers.0.rnn.", "ü."]),
    st.booleans(),
)
def test_every_module_is_found_with_its_sizes_and_weights(
    kind: str,
    inputs: int,
    hidden: int,
    layers: int,
    bias: bool,
    bidirectional: bool,
    dtype: torch.dtype,
    prefix: str,
    as_pt: bool,
) -> None:
    made = module(kind, inputs, hidden, num_layers=layers, bias=bias, bidirectional=bidirectional)
    state = {prefix + name: value.to(dtype) for name, value in made.state_dict().items()}
    (found,) = model_files.read(saved(state, as_pt)).modules
    assert (found.prefix, found.kind, found.is_cell) == (prefix.rstrip("."), kind.lower(), False)
    assert (found.input_size, found.hidden_size, found.layers) == (inputs, hidden, layers)
    assert (found.directions, found.has_bias, found.projection) == (1 + bidirectional, bias, 0)
    assert found.dtype == str(dtype).removeprefix("torch.")
    assert found.parameters == sum(value.numel() for value in state.values())
    for (layer, direction), tensors in found.tensors.items():
        for name, tensor in tensors.items():
            written = state[f"{prefix}{name}_l{layer}{'_reverse' * direction}"]
            assert torch.equal(tensor, written)
            assert tensor.dtype == dtype


@pytest.mark.parametrize("kind", ["RNNCell", "GRUCell", "LSTMCell"])
@pytest.mark.parametrize("as_pt", [True, False])
def test_a_cell_is_found(kind: str, as_pt: bool) -> None:
    made = module(kind, 3, 5)
    (found,) = model_files.read(saved(made.state_dict(), as_pt)).modules
    assert found.title == f"{kind}(3, 5)"
    x = torch.randn(1, 3, generator=torch.Generator().manual_seed(0))
    (trace,) = [record(found.network(), x.double())]
    expected = made(x)
    expected = expected[0] if isinstance(expected, tuple) else expected
    np.testing.assert_allclose(trace["hidden"], expected.detach().numpy(), atol=1e-6)


def test_a_title_is_the_line_that_makes_the_module() -> None:
    for title in (
        "RNN(3, 4)",
        "GRU(2, 4, num_layers=3, bias=False, bidirectional=True)",
        "LSTM(5, 4, num_layers=2, proj_size=2)",
        "LSTMCell(1, 1)",
        "GRUCell(2, 1, bias=False)",
    ):
        made = eval(f"torch.nn.{title}", {"torch": torch})
        (found,) = model_files.read(safetensors(made.state_dict())).modules
        assert found.title == title


def test_several_modules_an_embedding_and_what_is_not_read() -> None:
    state = {
        "embedding.weight": torch.ones(10, 3),
        **weights("GRU", 3, 4, prefix="encoder."),
        **weights("LSTM", 4, 4, prefix="decoder."),
        "fc.weight": torch.ones(2, 4),
        "fc.bias": torch.ones(2),
    }
    found = model_files.read(torch_file(state))
    assert [each.prefix for each in found.modules] == ["encoder", "decoder"]
    assert found.others == ("fc.weight", "fc.bias")
    assert found.format == ".pt"
    assert found.embedding_of(found.modules[0]) is found.embedding
    assert found.embedding_of(found.modules[1]) is None


def test_a_state_dict_as_torch_saves_it_and_one_as_we_write_it_say_the_same() -> None:
    state = module("LSTM", 3, 4).state_dict()
    by_torch = model_files.read(torch_file(state)).modules[0]
    by_us = model_files.read(tensor_files.write(state, {"a": "b"})).modules[0]
    assert by_torch.title == by_us.title
    for place in by_us.tensors:
        for name in by_us.tensors[place]:
            assert torch.equal(by_torch.tensors[place][name], by_us.tensors[place][name])


def test_tensors_that_share_their_numbers_are_copied_apart() -> None:
    flat = torch.arange(64.0).div(64)
    state = {"weight_ih": flat[:12].view(4, 3), "weight_hh": flat[12:28].view(4, 4)}
    (found,) = model_files.read(torch_file(state)).modules
    assert torch.equal(found.tensors[0, 0]["weight_hh"], state["weight_hh"])
    found.tensors[0, 0]["weight_ih"].zero_()
    assert torch.equal(found.tensors[0, 0]["weight_hh"], state["weight_hh"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_what_is_fed_reaches_each_layer_and_direction_as_in_torch(
    kind: str, bidirectional: bool, layer: int
) -> None:
    made = module(kind, 2, 3, num_layers=3, bidirectional=bidirectional).double()
    (found,) = model_files.read(safetensors(made.state_dict())).modules
    x = torch.randn(7, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    text = "\n".join(", ".join(f"{value:.17g}" for value in row) for row in x.tolist())
    prefix = module(kind, 2, 3, num_layers=layer + 1, bidirectional=bidirectional).double()
    prefix.load_state_dict({name: made.state_dict()[name] for name in prefix.state_dict()})
    expected = prefix(x)[0].detach()
    for direction in range(1 + bidirectional):
        feed = Feed(found, layer, direction)
        sequence = feed.encode(text)
        hidden = record(feed.network(), sequence)["hidden"]
        hidden = hidden[::-1] if direction else hidden
        np.testing.assert_allclose(hidden, expected[:, 3 * direction : 3 * direction + 3], atol=1e-12)
        assert len(sequence.features) == feed.network().features == len(feed.alphabet().features)
        assert sequence.tokens[0] == feed.encode(text).tokens[0]


def test_relu_is_asked_for_because_shapes_do_not_tell() -> None:
    made = module("RNN", 2, 3, num_layers=2, nonlinearity="relu").double()
    (found,) = model_files.read(safetensors(made.state_dict())).modules
    feed = Feed(found, 1, 0, "relu")
    text = "0.5, 1\n-2, 0.25\n1, 1"
    expected = made(torch.tensor([[0.5, 1], [-2, 0.25], [1, 1]], dtype=torch.float64))[0].detach()
    np.testing.assert_allclose(record(feed.network(), feed.encode(text))["hidden"], expected, atol=1e-14)
    assert found.network().cell.name == "elman"
    with pytest.raises(ValueError, match=re.escape("The nonlinearity is one of tanh, relu; got 'sin'.")):
        found.network(nonlinearity="sin")


def test_token_ids_are_read_through_the_embedding() -> None:
    made, table = module("GRU", 3, 4), torch.randn(10, 3, generator=torch.Generator().manual_seed(1))
    file = model_files.read(safetensors({**made.state_dict(), "embedding.weight": table}))
    feed = Feed(file.modules[0], embedding=file.embedding)
    sequence = feed.encode("3, 0 9\n9")
    assert sequence.tokens == ("3", "0", "9", "9")
    expected = made(table[[3, 0, 9, 9]])[0].detach().numpy()
    np.testing.assert_allclose(record(feed.network(), sequence)["hidden"], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Enter 1 to"),
        ("10", "A token id is a whole number from 0 to 9; got"),
        ("-1", "A token id is a whole number from 0 to 9; got"),
        ("1.5", "A token id is a whole number from 0 to 9; got"),
        ("٣", "A token id is a whole number from 0 to 9; got"),
        ("9999999", "A token id is a whole number from 0 to 9; got"),
        ("0 " * 3001, "Enter 1 to 3,000 token ids; got 3,001."),
    ],
)
def test_what_is_no_token_id_is_said(text: str, sentence: str) -> None:
    file = model_files.read(safetensors({**weights("GRU", 3, 4), "embedding.weight": torch.ones(10, 3)}))
    with pytest.raises(EncodingError, match=re.escape(sentence)):
        Feed(file.modules[0], embedding=file.embedding).encode(text)


def test_numbers_of_another_width_are_said_and_256_columns_are_read() -> None:
    (narrow,) = model_files.read(safetensors(weights("GRU", 3, 4))).modules
    with pytest.raises(EncodingError, match=r"This model reads 3 numbers at each step.*got 2"):
        Feed(narrow).encode("1, 2\n3, 4")
    (wide,) = model_files.read(safetensors(weights("GRU", 256, 2))).modules
    row = ", ".join(["0.5"] * 256)
    assert Feed(wide).encode(f"{row}\n{row}").inputs.shape == (2, 256)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_every_layer_of_a_projected_lstm_reads_what_torch_gives_it(bidirectional: bool) -> None:
    made = module("LSTM", 3, 4, num_layers=3, proj_size=2, bidirectional=bidirectional).double()
    (found,) = model_files.read(torch_file(made.state_dict())).modules
    assert found.projection == 2
    x = np.random.default_rng(6).normal(size=(7, 3))
    expected = made(torch.from_numpy(x))[0].detach().numpy()
    text = "\n".join(", ".join(f"{value:.17g}" for value in row) for row in x)
    for direction in range(1 + bidirectional):
        feed = Feed(found, 2, direction)
        hidden = record(feed.network(), feed.encode(text))["hidden"]
        projected = found.shown(hidden, 2, direction)[:: -1 if direction else 1]
        np.testing.assert_allclose(projected, expected[:, 2 * direction : 2 * direction + 2], atol=1e-12)
        assert len(feed.features) == feed.encode(text).inputs.shape[1] == 2 * (1 + bidirectional)


def test_one_line_is_one_step_of_a_model_that_reads_several_numbers() -> None:
    (found,) = model_files.read(safetensors(weights("GRU", 3, 4))).modules
    read = Feed(found).encode(" 0.5, -1, 2\n")
    np.testing.assert_array_equal(read.inputs, [[0.5, -1, 2]])
    assert (read.tokens, read.features) == (("0.5; \N{MINUS SIGN}1; 2",), ("x1", "x2", "x3"))
    with pytest.raises(EncodingError, match=r"This model reads 3 numbers at each step.*got 4"):
        Feed(found).encode("1 2 3 4")


def test_a_layer_that_is_not_there_is_said() -> None:
    (found,) = model_files.read(torch_file(module().state_dict())).modules
    with pytest.raises(ModelFileError, match="layers 0 to 0 and directions 0 to 0; got layer 1, direction 0"):
        found.network(1)
    with pytest.raises(ValueError, match="The embedding of this model is 3 wide; got 2"):
        Feed(found, embedding=torch.ones(4, 2))
