"""Weights of Keras become networks that compute what Keras computes, on its torch backend."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from memviz import model_files
from memviz.converters import from_keras_gru, from_keras_lstm
from memviz.model_files import ModelFileError
from memviz.trace import record

os.environ["KERAS_BACKEND"] = "torch"
import keras

# Keras reads its own variables in a way that numpy 2 advises against.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

INPUTS = np.random.default_rng(0).normal(size=(9, 3))


def built(layer: object) -> tuple[list[np.ndarray], np.ndarray]:
    """The weights of a layer, drawn anew, and its outputs."""
    layer.build((None, None, 3))
    generator = np.random.default_rng(1)
    layer.set_weights([generator.normal(size=weight.shape) for weight in layer.get_weights()])
    with torch.no_grad():
        outputs = layer(INPUTS[None].astype(np.float64)).numpy()[0]
    return layer.get_weights(), outputs


@pytest.mark.parametrize("bias", [True, False])
def test_an_lstm_of_keras_computes_the_same(bias: bool) -> None:
    weights, outputs = built(keras.layers.LSTM(4, use_bias=bias, return_sequences=True, dtype="float64"))
    network = from_keras_lstm(*weights)
    np.testing.assert_allclose(record(network, INPUTS)["hidden"], outputs, atol=1e-6)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("reset_after", [True, False])
def test_a_gru_of_keras_computes_the_same_with_either_reset(bias: bool, reset_after: bool) -> None:
    layer = keras.layers.GRU(
        4, use_bias=bias, reset_after=reset_after, return_sequences=True, dtype="float64"
    )
    weights, outputs = built(layer)
    network = from_keras_gru(*weights, reset_after=reset_after)
    assert network.cell.name == ("gru" if reset_after else "gru-v3")
    np.testing.assert_allclose(record(network, INPUTS)["hidden"], outputs, atol=1e-6)


def test_a_bias_of_the_other_reset_is_refused() -> None:
    kernel, recurrent = np.ones((3, 12)), np.ones((4, 12))
    with pytest.raises(ValueError, match=re.escape("bias, with reset_after=True, is 2 × 12; got 12.")):
        from_keras_gru(kernel, recurrent, np.ones(12))
    with pytest.raises(ValueError, match=re.escape("bias, with reset_after=False, is 12; got 2 × 12.")):
        from_keras_gru(kernel, recurrent, np.ones((2, 12)), reset_after=False)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(ValueError, match="kernel is any × 16; got 3 × 12"):
        from_keras_lstm(np.ones((3, 12)), np.ones((4, 16)))
    with pytest.raises(ValueError, match="recurrent_kernel is 4 × 16; got 4 × 12"):
        from_keras_lstm(np.ones((3, 16)), np.ones((4, 12)))
    with pytest.raises(ValueError, match="recurrent_kernel is an array of numbers; got str"):
        from_keras_lstm(np.ones((3, 16)), "weights")
    with pytest.raises(ValueError, match="finite numbers; got NaN or infinity in weight_ih"):
        from_keras_lstm(np.full((3, 16), np.nan), np.ones((4, 16)))


def test_the_line_that_a_keras_file_is_answered_with_makes_its_weights_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = keras.layers.LSTM(4, return_sequences=True, dtype="float64")
    _, outputs = built(layer)
    with pytest.raises(ModelFileError) as refused:
        model_files.read(b"\x89HDF\r\n\x1a\n" + bytes(64))
    monkeypatch.chdir(tmp_path)
    exec(refused.value.command, {"layer": layer})
    (found,) = model_files.read(Path("weights.pt").read_bytes()).modules
    assert found.title == "LSTMCell(3, 4)"
    np.testing.assert_allclose(record(found.network(), INPUTS)["hidden"], outputs, atol=1e-6)
