"""Sources, spreads, slopes and compounding against plain runs, formulas and single-step losses."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from memviz.cells import CELLS
from memviz.experiment import Experiment
from memviz.gradients import (
    RATES,
    Loss,
    gradient_flow,
    gradient_spread,
    log10_powers,
    repeated_sigmoids,
    saturations,
    sources,
)
from memviz.network import Network
from tests import oracles
from tests.gradients.case import TIME, Case
from tests.gradients.reference import LOSSES, elman

every_cell = pytest.mark.parametrize("name", oracles.NAMES)
EVERYWHERE = [kind for kind, loss in LOSSES.items() if loss.everywhere]


# --- sources ---------------------------------------------------------------------------------------------


@every_cell
@pytest.mark.parametrize("kind", EVERYWHERE)
@pytest.mark.parametrize("detached", [False, True])
def test_each_source_is_the_gradient_of_that_steps_loss_alone(name: str, kind: str, detached: bool) -> None:
    case, loss = Case(name, seed=81), LOSSES[kind]
    flow = gradient_flow(case.network, case.trace, loss, detached=detached)
    found = sources(flow)
    assert found.timesteps == tuple(range(TIME))
    parts = []
    for t in range(TIME):
        single = replace(loss, everywhere=False, timestep=t)
        alone = gradient_flow(case.network, case.trace, single, detached=detached)
        np.testing.assert_allclose(
            found.log10_norms[t], alone.log10_norms("hidden") - np.log10(TIME), rtol=1e-10, atol=1e-10
        )
        parts.append(alone.hidden / TIME)
    total = flow.hidden
    square = (total**2).sum(axis=1)
    for t, part in enumerate(parts):
        np.testing.assert_allclose(found.shares[t], (part * total).sum(axis=1) / square, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found.shares.sum(axis=0), 1.0, atol=1e-9)


def test_chosen_sources_are_rows_of_all_sources_and_one_step_has_one() -> None:
    flow = Case("gru", seed=82, time=30).flow(Loss(everywhere=True))
    whole, some = sources(flow), sources(flow, [29, 3, 3])
    assert some.timesteps == (3, 29)
    np.testing.assert_allclose(some.log10_norms, whole.log10_norms[[3, 29]], rtol=1e-12)
    np.testing.assert_allclose(some.shares, whole.shares[[3, 29]], rtol=1e-9, atol=1e-12)
    assert np.isneginf(some.log10_norms[0, 4:]).all()
    one = sources(Case("gru", seed=82).flow(Loss(timestep=4)))
    assert one.timesteps == (4,)
    np.testing.assert_allclose(one.shares[0], [1.0] * 5 + [0.0] * 2, atol=1e-12)


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_what_comes_from_far_is_there_at_any_size(factor: float) -> None:
    found = sources(elman([[factor]], 801, Loss(everywhere=True)), [0, 400, 800])
    for row, source in enumerate((0, 400, 800)):
        expected = (source - np.arange(source + 1)) * np.log10(factor) - np.log10(801)
        np.testing.assert_allclose(found.log10_norms[row, : source + 1], expected, rtol=1e-11, atol=1e-11)
    assert found.shares[2, 0] == pytest.approx(0.0 if factor < 1 else 1 - 1 / factor, rel=1e-9, abs=1e-300)


def test_sources_that_the_loss_does_not_read_are_refused() -> None:
    case = Case("lstm")
    with pytest.raises(ValueError, match=r"The loss reads the steps 0 to 6; got \[7, 7\]\."):
        sources(case.flow(Loss(everywhere=True)), [7])
    with pytest.raises(ValueError, match=r"The loss reads the steps 3 to 3; got \[2, 2\]\."):
        sources(case.flow(Loss(timestep=3)), [2])
    with pytest.raises(ValueError, match=r"got \[\]\."):
        sources(case.flow(), [])


# --- many networks at once -------------------------------------------------------------------------------


@every_cell
@pytest.mark.parametrize("kind", ["the sum of the last h", "a unit early", "cross-entropy everywhere"])
def test_a_spread_is_the_gradient_flow_of_each_network(name: str, kind: str) -> None:
    networks = [Case(name, seed=seed, scale=scale).network for seed, scale in ((1, 0.2), (2, 0.7), (3, 2.0))]
    xs = oracles.inputs(3, TIME, 5)
    found = gradient_spread(networks, xs, LOSSES[kind])
    assert found.hidden.shape == found.memory.shape == (3, TIME)
    for row, network in enumerate(networks):
        flow = gradient_flow(network, xs, LOSSES[kind])
        memory = "cell" if "cell" in flow.signals else "hidden"
        np.testing.assert_allclose(found.hidden[row], flow.log10_norms("hidden"), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found.memory[row], flow.log10_norms(memory), rtol=1e-9, atol=1e-9)


def test_a_network_that_vanishes_and_one_that_explodes_do_not_touch_in_a_spread() -> None:
    networks = []
    for factor in (1e-2, 1.0, 1e2):
        p = {key: torch.zeros(shape) for key, shape in CELLS["elman"].parameter_shapes(1, 2).items()}
        weight = factor * torch.eye(2, dtype=torch.float64)
        networks.append(Network(CELLS["elman"], p | {"weight_hh": weight}))
    found = gradient_spread(networks, np.zeros((701, 1)), Loss(timestep=600))
    lags = 600 - np.arange(601)
    for row, log in enumerate((-2.0, 0.0, 2.0)):
        np.testing.assert_allclose(
            found.hidden[row, :601], lags * log + np.log10(2) / 2, rtol=1e-12, atol=1e-12
        )
    assert np.isneginf(found.hidden[:, 601:]).all()


def test_networks_that_differ_are_no_spread() -> None:
    for networks in (
        [],
        [Case("lstm").network, Case("gru").network],
        [Case("lstm").network, Case("lstm", hidden=2).network],
    ):
        with pytest.raises(ValueError, match=rf"of one cell and size; got {len(networks)} that differ\."):
            gradient_spread(networks, np.zeros((2, 3)), Loss())


# --- slopes ----------------------------------------------------------------------------------------------


@every_cell
@pytest.mark.parametrize("scale", [0.0, 0.7, 20.0])
def test_the_slope_of_a_gate_is_that_of_its_function(name: str, scale: float) -> None:
    case = Case(name, seed=83, scale=scale)
    steps = oracles.run(name, case.p, case.xs, case.before)
    found = saturations(case.flow(Loss(timestep=1)))
    assert list(found) == list(CELLS[name].pre_activations)
    for gate, slopes in found.items():
        value = np.stack([step[gate] for step in steps])
        if name == "elman-relu":
            expected = (np.stack([step["hidden_pre"] for step in steps]) > 0).astype(float)
        elif gate in ("candidate", "hidden"):
            expected = np.ones_like(value) if name == "lstm-niaf" else 1 - value**2
        else:
            expected = value * (1 - value)
        np.testing.assert_allclose(slopes, expected, rtol=1e-9, atol=1e-15)


# --- compounding -----------------------------------------------------------------------------------------


def test_powers_are_those_of_plain_python() -> None:
    logs = log10_powers((*RATES, -0.5, 0.0), 300)
    assert logs.shape == (len(RATES) + 2, 301)
    assert not logs[:, 0].any()
    for row, rate in enumerate((*RATES, -0.5)):
        for n in (1, 2, 10, 300):
            assert 10 ** logs[row, n] == pytest.approx(abs(rate) ** n, rel=1e-11)
    assert np.isneginf(logs[-1, 1:]).all()
    assert log10_powers((0.9,), 0).tolist() == [[0.0]]
    assert log10_powers((0.1,), 3000)[0, 3000] == pytest.approx(-3000, rel=1e-13)


def test_sigmoids_of_sigmoids_and_their_slopes_agree_with_complex_steps() -> None:
    x = np.array([-800.0, -30.0, -1.0, 0.0, 2.0, 30.0, 800.0])
    values, slopes = repeated_sigmoids(x, 5)
    assert values.shape == slopes.shape == (5, 7)
    for column, point in enumerate(x):
        value = point + 1e-30j
        for row in range(5):
            value = 1 / (1 + np.exp(-value)) if abs(point) < 800 or row else complex(point > 0)
            assert values[row, column] == pytest.approx(value.real, rel=1e-14)
            assert slopes[row, column] == pytest.approx(value.imag / 1e-30, rel=1e-9, abs=1e-30)
    assert slopes[:, 3].max() == 0.25


def test_the_spread_of_one_seed_is_the_flow_of_an_experiment() -> None:
    experiment, xs = Experiment(cell="gru", hidden_size=3, update_bias=2.0), np.ones((20, 2))
    network = experiment.build(2)
    found = gradient_spread([network], xs, Loss())
    expected = gradient_flow(network, xs).log10_norms("hidden")
    np.testing.assert_allclose(found.hidden[0], expected, rtol=1e-12, atol=1e-12)
