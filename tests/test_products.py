"""The summands taken apart: put together again in numpy they are the signals that the step itself made."""

import numpy as np
import pytest
import torch

from memviz.cells import CELLS
from memviz.network import Network
from memviz.products import Products, products
from memviz.trace import Trace, record
from tests import oracles

FEATURES, HIDDEN, TIME = 3, 4, 5


def together(part: Products, trace: Trace, t: int) -> np.ndarray:
    """`factor * (weights @ (vector * mask) + bias)` at one step."""

    def before(name: str) -> np.ndarray:
        return trace[name][t - 1] if t else trace.initial[name]

    def gates() -> np.ndarray:
        return np.concatenate([trace[n][t - 1] for n in ("input", "forget", "output")])

    total = np.zeros(HIDDEN)
    if part.weights is not None:
        vector = {
            "inputs": lambda: trace.inputs[t],
            "hidden": lambda: before("hidden"),
            "cell_before": lambda: before("cell"),
            "cell": lambda: trace["cell"][t],
            "gates": lambda: gates() if t else trace.initial["gates"],
        }[part.vector]()
        if part.mask:
            vector = vector * trace[part.mask][t]
        total = total + (part.weights @ vector if part.weights.ndim == 2 else part.weights * vector)
    if part.bias is not None:
        total = total + part.bias
    return total * trace[part.factor][t] if part.factor else total


@pytest.mark.parametrize("name", CELLS)
def test_the_products_of_each_summand_add_up_to_the_signal_of_the_step(name: str) -> None:
    parameters = oracles.as_torch(oracles.parameters(name, FEATURES, HIDDEN, seed=7))
    state = CELLS[name].state_type(*(torch.tensor(part) for part in oracles.state(name, HIDDEN, 7).values()))
    network = Network(name, parameters)
    trace = record(network, oracles.inputs(FEATURES, TIME, seed=7), state)
    parts = products(network)
    assert set(parts) == {n for n in trace.names if "_from_" in n or n.endswith("_bias")}
    for part, made_of in parts.items():
        for t in range(TIME):
            np.testing.assert_allclose(together(made_of, trace, t), trace[part][t], rtol=1e-12, atol=1e-14)
