"""What each timestep adds to a weight's gradient, against autograd with a copy of the parameter for each timestep."""

import numpy as np
import pytest
import torch

from memviz.cells import CELLS
from memviz.gradients import Loss, gradient_flow, weight_contributions
from memviz.network import Network
from tests import oracles
from tests.gradients.case import TIME, Case
from tests.gradients.reference import LOSSES, Truncation, elman, value_of

every_cell = pytest.mark.parametrize("name", oracles.NAMES)


def contributions(case: Case, parameter: str, loss: Loss, detached: bool = False) -> np.ndarray:
    """dL/dW_t with a W of its own for each timestep, (time, *shape)."""
    p = oracles.as_torch(case.p)
    copies = [p[parameter].clone().requires_grad_() for _ in range(case.time)]
    state, hidden = oracles.as_torch(case.before), []

    truncation = Truncation(case, state, output_sees_c=parameter == "peephole_output")
    for x, copy in zip(torch.tensor(case.xs), copies, strict=True):
        start, tap = (truncation.cut(state), truncation) if detached else (state, oracles.untouched)
        state, signals = oracles.step(case.name, p | {parameter: copy}, x, start, tap, oracles.TORCH)
        hidden.append(signals["hidden"])
    value = value_of(loss, torch.stack(hidden)) + sum((0 * copy).sum() for copy in copies)
    return np.stack([g.numpy() for g in torch.autograd.grad(value, copies)])


def agrees(found, expected: np.ndarray) -> None:
    """Every number of a record against the contributions themselves."""
    total = expected.sum(axis=0)
    sizes = np.array([np.linalg.norm(c) for c in expected])
    whole = np.linalg.norm(total)
    largest = sizes.max()
    np.testing.assert_allclose(found.total * 2.0**found.exponent, total, rtol=1e-9, atol=1e-11 * largest)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(found.log10_norms, np.log10(sizes), rtol=1e-9, atol=1e-9)
        assert found.log10_total == pytest.approx(np.log10(whole), rel=1e-8, abs=1e-8)
    dots = np.array([(c * total).sum() for c in expected])
    cosines = np.divide(dots, sizes * whole, np.zeros(len(dots)), where=sizes * whole > 0)
    np.testing.assert_allclose(found.cosines, cosines, atol=1e-8)
    np.testing.assert_allclose(found.shares, dots / whole**2 if whole else 0 * dots, rtol=1e-7, atol=1e-8)
    assert found.survival == pytest.approx(whole / sizes.sum() if whole else 0.0, rel=1e-8, abs=1e-12)


@every_cell
@pytest.mark.parametrize(
    ("kind", "detached"), [("cross-entropy everywhere", False), ("the sum of the last h", True)]
)
def test_every_parameter_of_every_cell_and_gate_agrees_with_autograd(name, kind, detached) -> None:
    case, loss = Case(name, seed=71), LOSSES[kind]
    flow = gradient_flow(case.network, case.trace, loss, detached=detached)
    for parameter in case.p:
        expected = contributions(case, parameter, loss, detached)
        if not expected.any():
            found = weight_contributions(flow, parameter)
            assert not found.total.any()
            assert found.survival == 0.0
            assert np.isneginf(found.log10_norms).all()
            continue
        agrees(weight_contributions(flow, parameter), expected)
        if parameter in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            gates = CELLS[name].gates
            for k, gate in enumerate(gates):
                block = np.stack([oracles.blocks(c, len(gates))[k] for c in expected])
                found = weight_contributions(flow, parameter, gate)
                assert found.gate == gate
                agrees(found, block)


@pytest.mark.parametrize("name", ["elman", "lstm-fgr", "gru"])
def test_steps_after_the_loss_add_nothing(name: str) -> None:
    case, loss = Case(name, seed=72), Loss(timestep=3)
    found = weight_contributions(case.flow(loss))
    agrees(found, contributions(case, "weight_hh", loss))
    assert np.isneginf(found.log10_norms[4:]).all()
    assert not found.cosines[4:].any()
    assert not found.shares[4:].any()


@every_cell
def test_shares_add_up_to_one(name: str) -> None:
    case = Case(name, seed=73, time=30)
    for parameter in ("weight_ih", "weight_hh", "bias_ih"):
        assert weight_contributions(case.flow(), parameter).shares.sum() == pytest.approx(1.0, abs=1e-9)


def test_contributions_that_cancel_leave_little_of_what_was_there() -> None:
    # The input is the identity's: x = +1, then -1. With U = I and h = 0 the contributions are +1 and nearly -1.
    p = {"weight_ih": torch.zeros(1, 1), "bias_ih": torch.zeros(1), "bias_hh": torch.zeros(1)}
    network = Network(CELLS["elman"], {**p, "weight_hh": torch.ones(1, 1)})
    flow = gradient_flow(network, np.array([[1.0], [-1.0 + 1e-6]]))
    found = weight_contributions(flow, "weight_ih")
    assert found.survival == pytest.approx(5e-7, rel=1e-5)
    assert found.cosines.tolist() == [1.0, -1.0]
    exact = gradient_flow(network, np.array([[1.0], [-1.0]]))
    nothing = weight_contributions(exact, "weight_ih")
    assert nothing.total.tolist() == [[0.0]]
    assert nothing.survival == 0.0
    assert nothing.log10_total == -np.inf
    assert nothing.cosines.tolist() == nothing.shares.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("factor", [1e-2, 0.5, 10.0])
def test_biases_of_a_plain_network_get_the_powers_of_its_matrix_at_any_size(factor: float) -> None:
    flow = elman(np.diag([factor]), 1501)
    found = weight_contributions(flow, "bias_hh")
    lags = np.arange(1500, -1, -1)
    np.testing.assert_allclose(found.log10_norms, lags * np.log10(factor), rtol=1e-12, atol=1e-12)
    assert found.shares.sum() == pytest.approx(1.0, abs=1e-9)
    expected = (
        np.log10((1 - factor**-1501) / (1 - 1 / factor)) + 1500 * np.log10(factor) if factor > 1 else None
    )
    expected = -np.log10(1 - factor) if expected is None else expected
    assert found.log10_total == pytest.approx(expected, rel=1e-12)


def test_an_impulse_at_the_first_step_is_the_whole_gradient_however_small() -> None:
    # Only x_0 is not zero: dL/dW is its contribution alone, 1e-1500 beside adjoints of 1.
    xs = np.zeros((1501, 1))
    xs[0] = 1e-3
    p = {"weight_ih": torch.ones(2, 1), "bias_ih": torch.zeros(2), "bias_hh": torch.zeros(2)}
    network = Network(CELLS["elman"], {**p, "weight_hh": 0.1 * torch.eye(2, dtype=torch.float64)})
    found = weight_contributions(gradient_flow(network, xs), "weight_ih")
    expected = np.log10(1e-3 * (1 - np.tanh(1e-3) ** 2) * np.sqrt(2)) - 1500
    assert found.log10_norms[0] == pytest.approx(expected, abs=1e-7)  # the later tanh bend by 1e-8
    assert found.log10_total == pytest.approx(expected, abs=1e-7)
    assert found.cosines[0] == pytest.approx(1.0, rel=1e-12)
    assert found.survival == pytest.approx(1.0, rel=1e-12)


def test_a_hidden_state_of_1e_minus_200_still_adds_to_its_weight() -> None:
    xs = np.zeros((700, 1))
    xs[0] = 0.1
    p = {"weight_ih": torch.ones(2, 1), "bias_ih": torch.zeros(2), "bias_hh": torch.zeros(2)}
    network = Network(CELLS["elman"], {**p, "weight_hh": 0.5 * torch.eye(2, dtype=torch.float64)})
    flow = gradient_flow(network, xs)
    found = weight_contributions(flow)
    h = np.tanh(0.1)
    for t in range(
        1, 700
    ):  # each of the 2 by 2 entries is h_{t-1} * 0.5^lag; the tanh bends the first steps alone
        expected = np.log10(2 * h) + 698 * np.log10(0.5)
        assert found.log10_norms[t] == pytest.approx(expected, abs=2e-2)
        h_before = np.log10(np.abs(flow.trace["hidden"][t - 1, 0]))
        assert found.log10_norms[t] == pytest.approx(
            np.log10(2) + h_before + flow.log10("hidden_pre")[t, 0], abs=1e-9
        )
    np.testing.assert_allclose(found.cosines[1:], 1.0, rtol=1e-12)
    assert found.shares.sum() == pytest.approx(1.0, abs=1e-9)


def test_going_in_chunks_changes_nothing(monkeypatch) -> None:
    case = Case("lstm-peephole", seed=74, time=23)
    whole = [weight_contributions(case.flow(), key) for key in case.p]
    monkeypatch.setattr("memviz.gradients.weights._CHUNK_NUMBERS", 1)
    for one, key in zip(whole, case.p, strict=True):
        other = weight_contributions(case.flow(), key)
        np.testing.assert_allclose(
            other.total * 2.0**other.exponent, one.total * 2.0**one.exponent, rtol=1e-12
        )
        np.testing.assert_allclose(other.log10_norms, one.log10_norms, rtol=1e-13)
        np.testing.assert_allclose(other.cosines, one.cosines, atol=1e-13)


@pytest.mark.parametrize(
    ("name", "parameter", "gate", "rule"),
    [
        ("gru", "weight", "", r"The parameters are weight_ih, .*; got 'weight'\."),
        ("gru", "weight_hh", "forget", r"weight_hh has rows for reset, update, candidate; got 'forget'\."),
        ("lstm-peephole", "peephole_input", "input", r"peephole_input has rows for no gate; got 'input'\."),
        ("lstm-fgr", "weight_gates", "input", r"weight_gates has rows for no gate; got 'input'\."),
    ],
)
def test_a_parameter_or_gate_that_is_not_there_is_refused(name, parameter, gate, rule) -> None:
    with pytest.raises(ValueError, match=rule):
        weight_contributions(Case(name, time=TIME).flow(), parameter, gate)
