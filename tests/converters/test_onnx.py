"""Arrays of ONNX become networks that compute what ONNX Runtime computes; it knows float32 alone."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from memviz import model_files
from memviz.converters import from_onnx_gru, from_onnx_lstm, from_onnx_rnn
from memviz.model_files import ModelFileError
from memviz.trace import record

UNITS, FEATURES = 4, 3
INPUTS = np.random.default_rng(0).normal(size=(9, FEATURES)).astype(np.float32)


def drawn(*shape: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32) * 0.6


def model(
    operator: str, directions: int, arrays: dict[str, np.ndarray], **attributes: object
) -> onnx.ModelProto:
    """A model of one operator."""
    places = ["X", "W", "R", "B", "", "", "", "P"] if operator == "LSTM" else ["X", "W", "R", "B"]
    names = [name if name in ("X", "") or name in arrays else "" for name in places]
    node = onnx.helper.make_node(
        operator,
        names,
        ["Y"],
        hidden_size=UNITS,
        direction="bidirectional" if directions == 2 else "forward",
        **attributes,
    )
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [node],
        "one",
        [onnx.helper.make_tensor_value_info("X", kind, [len(INPUTS), 1, FEATURES])],
        [onnx.helper.make_tensor_value_info("Y", kind, [len(INPUTS), directions, 1, UNITS])],
        [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=8)


def outputs(
    operator: str, directions: int, arrays: dict[str, np.ndarray], **attributes: object
) -> np.ndarray:
    """What ONNX Runtime computes: (time, direction, unit)."""
    made = model(operator, directions, arrays, **attributes).SerializeToString()
    session = onnxruntime.InferenceSession(made, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"X": INPUTS[:, None]})
    return found[:, :, 0]


def arrays(gates: int, directions: int, bias: bool) -> dict[str, np.ndarray]:
    found = {
        "W": drawn(directions, gates * UNITS, FEATURES, seed=1),
        "R": drawn(directions, gates * UNITS, UNITS, seed=2),
    }
    return found | ({"B": drawn(directions, 2 * gates * UNITS, seed=3)} if bias else {})


def check(network: object, expected: np.ndarray, direction: int) -> None:
    xs = INPUTS[::-1] if direction else INPUTS
    hidden = record(network, xs.copy())["hidden"]
    np.testing.assert_allclose(hidden[::-1] if direction else hidden, expected[:, direction], atol=2e-6)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("peepholes", [True, False])
def test_an_lstm_of_onnx_computes_the_same_with_peepholes_and_without(
    directions: int, bias: bool, peepholes: bool
) -> None:
    given = arrays(4, directions, bias) | ({"P": drawn(directions, 3 * UNITS, seed=4)} if peepholes else {})
    expected = outputs("LSTM", directions, given)
    for direction in range(directions):
        network = from_onnx_lstm(**given, direction=direction)
        assert network.cell.name == ("lstm-peephole" if peepholes else "lstm")
        check(network, expected, direction)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("linear_before_reset", [0, 1])
def test_a_gru_of_onnx_computes_the_same_with_either_reset(
    directions: int, bias: bool, linear_before_reset: int
) -> None:
    given = arrays(3, directions, bias)
    expected = outputs("GRU", directions, given, linear_before_reset=linear_before_reset)
    for direction in range(directions):
        network = from_onnx_gru(**given, linear_before_reset=linear_before_reset, direction=direction)
        assert network.cell.name == ("gru" if linear_before_reset else "gru-v3")
        check(network, expected, direction)


@pytest.mark.parametrize("activation", ["Tanh", "Relu"])
def test_an_rnn_of_onnx_computes_the_same(activation: str) -> None:
    given = arrays(1, 2, bias=True)
    expected = outputs("RNN", 2, given, activations=[activation, activation])
    for direction in range(2):
        check(from_onnx_rnn(**given, activation=activation, direction=direction), expected, direction)


def test_what_does_not_fit_is_said() -> None:
    given = arrays(4, 1, bias=True)
    with pytest.raises(ValueError, match="R has directions 0 to 0; got 1"):
        from_onnx_lstm(**given, direction=1)
    with pytest.raises(ValueError, match="B is any × 32; got 1 × 24"):
        from_onnx_lstm(given["W"], given["R"], np.ones((1, 24)))
    with pytest.raises(ValueError, match="P is any × 12; got 1 × 4"):
        from_onnx_lstm(given["W"], given["R"], P=np.ones((1, 4)))
    with pytest.raises(ValueError, match="R is any × 12 × any; got 1 × 16 × 4"):
        from_onnx_gru(**given)
    with pytest.raises(ValueError, match="The activation is one of Tanh, Relu; got 'Sin'"):
        from_onnx_rnn(**arrays(1, 1, bias=True), activation="Sin")


def test_the_line_that_an_onnx_file_is_answered_with_makes_its_weights_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = arrays(4, 1, bias=False)
    monkeypatch.chdir(tmp_path)
    onnx.save(model("LSTM", 1, given), "model.onnx")
    with pytest.raises(ModelFileError) as refused:
        model_files.read(Path("model.onnx").read_bytes())
    exec(refused.value.command, {})
    (found,) = model_files.read(Path("weights.pt").read_bytes()).modules
    assert found.title == "LSTMCell(3, 4)"
    check(found.network(), outputs("LSTM", 1, given), 0)
