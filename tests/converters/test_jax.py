"""Cells of Flax and Equinox: against their equations in plain numpy, and against themselves where they are installed.

jax is 0.7 GB with what it needs, too much to be asked of everybody who runs the tests. `pip install jax equinox flax`
runs the rest; it was run with jax 0.10.2, equinox 0.13.8 and flax 0.12.8.
"""

from typing import Any

import numpy as np
import pytest

from memviz.converters import from_equinox_gru, from_equinox_lstm, from_flax_gru, from_flax_lstm
from memviz.trace import record
from tests.converters import equations

UNITS, FEATURES = 4, 3
DRAW = np.random.default_rng(0)
INPUTS = DRAW.normal(size=(9, FEATURES))


def flax_parameters(gates: str, with_bias: str) -> dict[str, dict[str, np.ndarray]]:
    """The parameters of a cell; those of `with_bias` have one."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for side, width in (("i", FEATURES), ("h", UNITS)):
        for gate in gates:
            found[side + gate] = {"kernel": DRAW.normal(size=(width, UNITS))}
            if side + gate in with_bias.split():
                found[side + gate]["bias"] = DRAW.normal(size=UNITS)
    return found


FLAX_LSTM = flax_parameters("ifgo", "hi hf hg ho")
FLAX_GRU = flax_parameters("rzn", "ir iz in hn")
EQUINOX_LSTM = [DRAW.normal(size=shape) for shape in ((16, FEATURES), (16, UNITS), (16,))]
EQUINOX_GRU = [DRAW.normal(size=shape) for shape in ((12, FEATURES), (12, UNITS), (12,), (4,))]


def hidden(network: Any) -> np.ndarray:
    return record(network, INPUTS)["hidden"]


def test_cells_of_flax_compute_what_its_equations_say() -> None:
    np.testing.assert_allclose(
        hidden(from_flax_lstm(FLAX_LSTM)), equations.flax_lstm(FLAX_LSTM, INPUTS), atol=1e-13
    )
    np.testing.assert_allclose(
        hidden(from_flax_gru(FLAX_GRU)), equations.flax_gru(FLAX_GRU, INPUTS), atol=1e-13
    )


def test_cells_of_equinox_compute_what_its_equations_say() -> None:
    expected = equations.equinox_lstm(*EQUINOX_LSTM, INPUTS)
    np.testing.assert_allclose(hidden(from_equinox_lstm(*EQUINOX_LSTM)), expected, atol=1e-13)
    expected = equations.equinox_gru(*EQUINOX_GRU, INPUTS)
    np.testing.assert_allclose(hidden(from_equinox_gru(*EQUINOX_GRU)), expected, atol=1e-13)


def test_a_cell_without_biases_has_zeros() -> None:
    for network in (from_equinox_lstm(*EQUINOX_LSTM[:2]), from_equinox_gru(*EQUINOX_GRU[:2])):
        assert not network.parameters["bias_ih"].any()
        assert not network.parameters["bias_hh"].any()


@pytest.mark.parametrize(("cell", "optimised"), [("lstm", False), ("lstm", True), ("gru", False)])
def test_cells_of_flax_compute_what_flax_does(cell: str, optimised: bool) -> None:
    linen = pytest.importorskip("flax.linen")
    parameters = FLAX_LSTM if cell == "lstm" else FLAX_GRU
    name = "GRUCell" if cell == "gru" else "OptimizedLSTMCell" if optimised else "LSTMCell"
    module = getattr(linen, name)(UNITS)
    zeros = np.zeros(UNITS, np.float32)
    carry = (zeros, zeros) if cell == "lstm" else zeros
    found = []
    for x in INPUTS.astype(np.float32):
        carry, y = module.apply({"params": parameters}, carry, x)
        found.append(np.asarray(y))
    network = from_flax_lstm(parameters) if cell == "lstm" else from_flax_gru(parameters)
    np.testing.assert_allclose(hidden(network), found, atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_cells_of_equinox_compute_what_equinox_does(cell: str) -> None:
    eqx = pytest.importorskip("equinox")
    jax = pytest.importorskip("jax")
    made = (eqx.nn.LSTMCell if cell == "lstm" else eqx.nn.GRUCell)(FEATURES, UNITS, key=jax.random.PRNGKey(0))
    zeros = jax.numpy.zeros(UNITS)
    state = (zeros, zeros) if cell == "lstm" else zeros
    found = []
    for x in INPUTS.astype(np.float32):
        state = made(x, state)
        found.append(np.asarray(state[0] if cell == "lstm" else state))
    if cell == "lstm":
        network = from_equinox_lstm(made.weight_ih, made.weight_hh, made.bias)
    else:
        network = from_equinox_gru(made.weight_ih, made.weight_hh, made.bias, made.bias_n)
    np.testing.assert_allclose(hidden(network), found, atol=1e-5)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(
        ValueError, match="The cell has the layers hf, hg, hi, ho, if, ig, ii, io; got hn, hr"
    ):
        from_flax_lstm(FLAX_GRU)
    with pytest.raises(ValueError, match="Each layer has a kernel; got ii without"):
        from_flax_lstm({**FLAX_LSTM, "ii": {}})
    with pytest.raises(ValueError, match=r"if\.kernel is 3 × 4; got 2 × 4"):
        from_flax_lstm({**FLAX_LSTM, "if": {"kernel": np.ones((2, 4))}})
    with pytest.raises(ValueError, match=r"hn\.bias is 4; got 5"):
        from_flax_gru({**FLAX_GRU, "hn": {"kernel": np.ones((4, 4)), "bias": np.ones(5)}})
    with pytest.raises(ValueError, match="weight_ih is 16 × any; got 12 × 3"):
        from_equinox_lstm(np.ones((12, 3)), np.ones((16, 4)))
    with pytest.raises(ValueError, match="bias_n is 4; got 3"):
        from_equinox_gru(*EQUINOX_GRU[:3], np.ones(3))
