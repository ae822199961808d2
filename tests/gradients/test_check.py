"""A number checked in three ways, and the measured horizon, against runs of the transcription."""

import numpy as np
import pytest
import torch

from memviz.gradients import Loss, check, gradient_flow, measured_horizon, spread_lags
from memviz.gradients.steps import Steps
from tests import oracles
from tests.gradients.case import TIME, Case, probed
from tests.gradients.reference import LOSSES, by_signal

every_cell = pytest.mark.parametrize("name", oracles.NAMES)


@every_cell
@pytest.mark.parametrize("kind", ["the sum of the last h", "cross-entropy everywhere"])
def test_three_ways_agree_for_every_signal_of_every_cell(name: str, kind: str) -> None:
    case, loss = Case(name, seed=91), LOSSES[kind]
    flow, expected = case.flow(loss), by_signal(case, loss)
    for signal in probed(name):
        found = check(flow, signal, 2, 1)
        exact = expected[signal][2, 1]
        assert found.jacobians == pytest.approx(exact, rel=1e-9, abs=1e-14)
        assert found.autograd == pytest.approx(exact, rel=1e-9, abs=1e-14)
        assert found.difference == pytest.approx(exact, rel=1e-5, abs=1e-8)
        assert found.autograd_error < 1e-8
        assert found.difference_error is None or found.difference_error < 1e-4 + 1e-9 / abs(exact)


@pytest.mark.parametrize("name", ["lstm-fgr", "lstm-nog", "gru-v3", "elman"])
def test_a_detached_number_has_two_ways(name: str) -> None:
    case = Case(name, seed=92)
    flow = gradient_flow(case.network, case.trace, detached=True)
    expected = by_signal(case, Loss(), detached=True)
    for signal in probed(name):
        found = check(flow, signal, TIME - 2, 0)
        assert found.autograd == pytest.approx(expected[signal][TIME - 2, 0], rel=1e-9, abs=1e-15)
        assert found.autograd_error < 1e-9
        assert found.difference is None
        assert found.difference_error is None


def test_after_the_loss_all_three_are_zero() -> None:
    found = check(Case("lstm", seed=93).flow(Loss(timestep=2)), "cell", 4, 0)
    assert (found.jacobians, found.autograd, found.difference) == (0.0, 0.0, 0.0)
    assert found.autograd_error == 0.0


def test_a_gradient_too_small_for_a_difference_says_so() -> None:
    found = check(Case("elman", seed=94, time=200, scale=0.2).flow(), "hidden", 0, 0)
    assert 0 < abs(found.jacobians) < 1e-60
    assert found.autograd_error < 1e-10
    assert found.difference_error is None


def test_a_wrong_jacobian_is_found_out(monkeypatch) -> None:
    right = Steps.jacobians
    monkeypatch.setattr(Steps, "jacobians", lambda self: 1.001 * right(self))
    flow = Case("lstm", seed=94).flow()
    for signal in ("hidden", "cell", "forget_pre"):
        found = check(flow, signal, 2, 1)
        assert 1e-4 < found.autograd_error < 1e-1
        assert found.difference_error is not None
        assert 1e-4 < found.difference_error < 1e-1


@pytest.mark.parametrize(
    ("signal", "timestep", "unit", "rule"),
    [
        ("nothing", 0, 0, r"The gradient is by input_pre, .*; got 'nothing'\."),
        ("cell", TIME, 0, r"A timestep is 0 to 6 and a unit 0 to 3; got step 7, unit 0\."),
        ("cell", -1, 0, r"got step -1, unit 0\."),
        ("cell", 0, 4, r"got step 0, unit 4\."),
    ],
)
def test_a_number_that_is_not_there_is_refused(signal, timestep, unit, rule) -> None:
    with pytest.raises(ValueError, match=rule):
        check(Case("lstm").flow(), signal, timestep, unit)


# --- the measured horizon --------------------------------------------------------------------------------


@every_cell
@pytest.mark.parametrize("last", [TIME - 1, 3, 0])
def test_the_effect_of_an_input_is_that_of_two_runs(name: str, last: int) -> None:
    case = Case(name, seed=95)
    memory = "cell" if "cell" in case.before else "hidden"
    found = measured_horizon(case.network, case.trace, last)
    assert found.lags == tuple(range(last + 1))
    for lag in found.lags:
        ends = []
        for by in (1e-4, -1e-4):
            xs = case.xs.copy()
            xs[last - lag] += by
            ends.append(oracles.run(name, case.p, xs, case.before)[last][memory])
        expected = np.linalg.norm(ends[0] - ends[1]) / 2e-4
        assert found.effects[lag] == pytest.approx(expected, rel=1e-6, abs=10 * found.floor)
    enough = [lag for lag in found.lags if found.effects[lag] >= found.effects[0] / np.e]
    assert found.lag == max(enough)


def test_an_integrator_remembers_all_and_a_network_that_sees_nothing_has_no_horizon() -> None:
    case = Case("elman", seed=96, time=600, hidden=2)
    rows = {"weight_ih": torch.ones(2, 3), "weight_hh": 0.5 * torch.eye(2), "bias_ih": torch.zeros(2)}
    network = case.network.replace(**rows, bias_hh=torch.zeros(2))
    flow = gradient_flow(network, np.zeros((600, 3)))
    found = measured_horizon(network, flow.trace)
    assert found.lag == 1  # 0.5 is at least 1/e, 0.25 is not
    assert len(found.lags) <= 400
    assert found.effects[0] == pytest.approx(3 * 2**0.5, rel=1e-6)  # all three features move alike
    assert (found.effects[-5:] <= found.floor).all()
    blind = network.replace(weight_ih=torch.zeros(2, 3))
    assert measured_horizon(blind, gradient_flow(blind, np.zeros((9, 3))).trace).lag is None


def test_chosen_lags_start_at_zero_and_wrong_ones_are_refused() -> None:
    case = Case("lstm", seed=97)
    assert measured_horizon(case.network, case.trace, 5, [3]).lags == (0, 3)
    with pytest.raises(ValueError, match=r"The memory is read after a step from 0 to 6; got 7\."):
        measured_horizon(case.network, case.trace, 7)
    with pytest.raises(ValueError, match=r"Up to 400 lags from 0 to 3 are measured; got 2 lags\."):
        measured_horizon(case.network, case.trace, 3, [4])
    with pytest.raises(ValueError, match="another network"):
        measured_horizon(Case("gru").network, case.trace)


@pytest.mark.parametrize(("last", "most"), [(0, 5), (4, 5), (5, 5), (2999, 400), (2999, 2), (10, 1)])
def test_spread_lags_are_few_ascending_and_reach_both_ends(last: int, most: int) -> None:
    lags = spread_lags(last, most)
    assert lags == sorted(set(lags))
    assert len(lags) <= most
    assert lags[0] == 0
    assert most < 3 or lags[-1] == last
    assert lags == list(range(last + 1)) or last >= most
