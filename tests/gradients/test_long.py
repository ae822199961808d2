"""Gradients over thousands of steps, far beyond floats, against mpmath; dL/dx, dL/d state_0 and the flow of 1997."""

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from memviz.cells import CELLS
from memviz.gradients import GradientFlow, gradient_flow
from memviz.network import Network
from memviz.trace import record
from tests import oracles
from tests.gradients.case import TIME, Case, agrees
from tests.gradients.reference import LOSSES, by_signal, elman, mp_matrix, run, value_of

every_cell = pytest.mark.parametrize("name", oracles.NAMES)
some_losses = pytest.mark.parametrize(
    "kind",
    ["the sum of the last h", "a unit early", "squared error of h everywhere", "cross-entropy of a read-out"],
)
LAG = 3000


def one_step_jacobians(case: Case) -> np.ndarray:
    """d state_t / d state_{t-1} of the transcription by complex steps, (time, state, state)."""
    steps = oracles.run(case.name, case.p, case.xs, case.before)
    parts = list(case.before)
    gates = ("input", "forget", "output")
    found = []
    for t, x in enumerate(case.xs):
        before = case.before
        if t:
            s = steps[t - 1]
            before = {p: np.concatenate([s[g] for g in gates]) if p == "gates" else s[p] for p in parts}
        flat = np.concatenate(list(before.values()))
        ends = np.cumsum([len(v) for v in before.values()])[:-1]
        columns = []
        for k in range(len(flat)):
            moved = np.split(flat + 1e-30j * np.eye(len(flat))[k], ends)
            after, _ = oracles.step(case.name, case.p, x, dict(zip(parts, moved, strict=True)))
            columns.append(np.concatenate([np.imag(v) / 1e-30 for v in after.values()]))
        found.append(np.stack(columns, axis=1))
    return np.stack(found)


def adjoints(jacobians: np.ndarray, last: np.ndarray, wanted) -> dict[int, list]:
    """lambda_{t-1} = J_t^T lambda_t from the last step on, in 40 digits."""
    with mpmath.workdps(40):
        row, found = mp_matrix(last[None]), {0: list(last)}
        for lag, jacobian in enumerate(jacobians[:0:-1], start=1):
            row = row * mp_matrix(jacobian)
            if lag in wanted:
                found[lag] = list(row)
    return found


def agrees_with_adjoints(flow: GradientFlow, jacobians: np.ndarray, tolerance: float = 1e-9) -> None:
    time, units = flow.direct.shape
    last = np.concatenate([np.ones(units), np.zeros(jacobians.shape[1] - units)])
    wanted = [0, 1, 2, 7, 8, 9, 100, 1000, 2222, time - 1]
    logs = flow.scaled_state.log10()
    for lag, row in adjoints(jacobians, last, wanted).items():
        t = time - 1 - lag
        with mpmath.workdps(40):
            expected = [float(mpmath.log10(abs(v))) if v else -np.inf for v in row]
            whole = float(mpmath.log10(mpmath.norm(row[:units])))
        np.testing.assert_allclose(logs[t], expected, rtol=tolerance, atol=tolerance)
        assert flow.log10_norms("hidden")[t] == pytest.approx(whole, rel=tolerance, abs=tolerance)
        assert np.sign(flow.scaled_state.mantissa[t]).tolist() == [float(mpmath.sign(v)) for v in row]


@pytest.mark.parametrize(
    ("name", "hidden", "scale", "below"),
    [
        ("elman", 3, 0.4, -500),
        ("lstm", 2, 0.5, -400),
        ("gru", 3, 0.5, -400),
    ],
)
def test_a_gradient_over_3000_steps_is_the_product_of_jacobians_in_mpmath(
    name: str, hidden: int, scale: float, below: float
) -> None:
    case = Case(name, seed=1, time=LAG + 1, hidden=hidden, scale=scale)
    flow = case.flow()
    assert flow.log10_norms("hidden")[0] < below
    agrees_with_adjoints(flow, one_step_jacobians(case))


@pytest.mark.parametrize("factor", [1e-3, 0.4, 3.0, 1e4])
def test_a_vanishing_and_an_exploding_gradient_are_right_at_any_size(factor: float) -> None:
    rng = np.random.default_rng(5)
    matrix = factor * np.linalg.qr(rng.standard_normal((3, 3)))[0] + 0.05 * factor * rng.standard_normal(
        (3, 3)
    )
    flow = elman(matrix, LAG + 1)
    assert abs(flow.log10_norms("hidden")[0]) > 1000
    agrees_with_adjoints(flow, np.broadcast_to(matrix, (LAG + 1, 3, 3)))


def test_what_is_beyond_floats_is_zero_or_infinite_and_never_nan() -> None:
    grown, faded = elman(np.diag([3.0, -3.0]), LAG + 1), elman(np.diag([0.1, -0.1]), LAG + 1)
    # The lag is even, so that both units have the same sign.
    assert grown.hidden[0].tolist() == [np.inf, np.inf]
    assert grown.hidden[1].tolist() == [np.inf, -np.inf]
    assert grown.norms("hidden")[0] == np.inf
    assert grown.log10_norms("hidden")[0] == pytest.approx(np.log10(2) / 2 + LAG * np.log10(3), rel=1e-13)
    assert grown.initial["hidden"].tolist() == [np.inf, -np.inf]
    assert faded.hidden[0].tolist() == [0.0, 0.0]
    assert faded.log10_norms("hidden")[0] == pytest.approx(np.log10(2) / 2 - LAG, rel=1e-13)
    for flow in (grown, faded):
        assert not flow.to_frame().isna().to_numpy().any()
    assert np.isinf(grown.singular_values(LAG)).all()
    assert not faded.singular_values(LAG).any()


def decoupled(name: str, biases: list[float], time: int, seed: int = 0) -> tuple[Case, GradientFlow]:
    """Units without recurrent weights, each with a forget (or update) gate of its own."""
    hidden = len(biases)
    case = Case(name, seed=seed, time=time, hidden=hidden, scale=0.2)
    case.p |= {key: np.zeros_like(case.p[key]) for key in ("weight_hh", "bias_ih", "bias_hh")}
    block = slice(hidden, 2 * hidden)
    case.p["weight_ih"][block], case.p["bias_ih"][block] = 0.0, biases
    network = Network(CELLS[name], oracles.as_torch(case.p))
    state = CELLS[name].state_type(*(torch.tensor(part) for part in case.before.values()))
    return case, gradient_flow(network, record(network, case.xs, state))


def test_units_that_touch_nowhere_keep_gradients_of_1e_minus_900_beside_1e_minus_10() -> None:
    biases = [4.9, 1.0, -0.5, -5.0]
    case, flow = decoupled("lstm", biases, 2201)
    steps = oracles.run("lstm", case.p, case.xs, case.before)
    exposure = steps[-1]["output"] * (1 - np.tanh(steps[-1]["cell"]) ** 2)
    forget = 1 / (1 + np.exp(-np.array(biases)))
    for lag in (0, 1, 8, 200, 1500, 2200):
        expected = np.log10(exposure) + lag * np.log10(forget)
        np.testing.assert_allclose(flow.log10("cell")[2200 - lag], expected, rtol=1e-11, atol=1e-13)
    assert flow.log10("cell")[0, 0] > -12
    assert flow.log10("cell")[0, 2] < -900
    assert flow.log10("cell")[0, 3] < -4000
    assert flow.log10_norms("cell")[0] == pytest.approx(flow.log10("cell")[0, 0], rel=1e-12)
    # dL/da_f = dL/dc * c_{t-1} * f (1 - f) holds at every size.
    c = np.stack([s["cell"] for s in steps])
    expected = flow.log10("cell")[1:] + np.log10(np.abs(c[:-1]) * forget * (1 - forget))
    np.testing.assert_allclose(flow.log10("forget_pre")[1:], expected, rtol=1e-10, atol=1e-10)


def test_a_gru_of_units_that_touch_nowhere_keeps_each_at_its_own_size() -> None:
    biases = [6.0, 0.0, -5.0]
    _, flow = decoupled("gru", biases, 1501)
    update = 1 / (1 + np.exp(-np.array(biases)))
    expected = np.arange(1500, -1, -1)[:, None] * np.log10(update)
    np.testing.assert_allclose(flow.log10("hidden"), expected, rtol=1e-11, atol=1e-12)


def test_a_unit_that_is_reset_does_not_take_the_smaller_ones_with_it() -> None:
    # The large gradient ends in an exact zero at one step: 1e-400 beside it must have stayed alive.
    rows = np.array([[1.0, 0.0], [0.0, 1e-4]])
    p = {"weight_ih": torch.tensor([[1.0], [0.0]]), "bias_ih": torch.zeros(2), "bias_hh": torch.zeros(2)}
    network = Network(CELLS["elman"], {**p, "weight_hh": torch.tensor(rows)})
    xs = np.zeros((201, 1))
    xs[50] = 1000.0  # saturates unit 0 at step 50: its slope is exactly 0
    xs[51] = -1.0  # and takes it back to rest
    flow = gradient_flow(network, xs)
    logs = flow.log10("hidden")
    assert np.isneginf(logs[:50, 0]).all()
    np.testing.assert_allclose(logs[:, 1], -4.0 * np.arange(200, -1, -1), rtol=1e-12, atol=1e-12)


# --- dL/dx and dL/d state before step 0 -----------------------------------------------------------------


@every_cell
@some_losses
@pytest.mark.parametrize("detached", [False, True])
def test_the_gradients_by_inputs_and_initial_state_agree_with_autograd(name, kind, detached) -> None:
    case, loss = Case(name, seed=41), LOSSES[kind]
    xs = torch.tensor(case.xs, requires_grad=True)
    before = {part: value.requires_grad_() for part, value in oracles.as_torch(case.before).items()}
    steps = run(case, xs=xs, before=before, detached=detached)
    loss_value = value_of(loss, torch.stack([s["hidden"] for s in steps]))
    by_x, *by_state = torch.autograd.grad(
        loss_value, [xs, *before.values()], materialize_grads=True, allow_unused=True
    )
    flow = gradient_flow(case.network, case.trace, loss, detached=detached)
    agrees(flow.inputs.floats(), by_x.numpy())
    assert list(flow.initial) == list(before)
    for part, expected in zip(before, by_state, strict=True):
        agrees(flow.initial[part][None], expected.numpy()[None])


# --- the truncation of 1997 ------------------------------------------------------------------------------


@every_cell
@some_losses
def test_a_detached_flow_agrees_with_autograd_of_cut_summands(name: str, kind: str) -> None:
    case, loss = Case(name, seed=42), LOSSES[kind]
    flow = gradient_flow(case.network, case.trace, loss, detached=True)
    assert flow.detached
    for signal, expected in by_signal(case, loss, detached=True).items():
        agrees(flow.signals[signal], expected)


@every_cell
@given(seed=st.integers(0, 10**6), scale=st.sampled_from([0.3, 1.0, 5.0]), time=st.integers(1, 30))
@settings(max_examples=5)
def test_a_detached_flow_is_the_product_of_the_gates_that_keep(name, seed, scale, time) -> None:
    case = Case(name, seed, time, scale=scale, state_seed=seed)
    flow = gradient_flow(case.network, case.trace, detached=True)
    steps = oracles.run(name, case.p, case.xs, case.before)
    last = steps[-1]
    if "cell" not in last:
        gates = [s["update"] for s in steps] if "update" in last else [np.zeros(case.hidden)] * time
        signal, start = "hidden", np.ones(case.hidden)
    else:
        gates = [s.get("forget", np.ones(case.hidden)) for s in steps]
        squash = 1 - np.tanh(last["cell"]) ** 2 if name != "lstm-noaf" else 1.0
        signal, start = "cell", last["output"] * squash
    expected = np.log10(np.abs(start), where=start > 0, out=np.full(case.hidden, -np.inf))
    for t in range(time - 1, -1, -1):
        floor = expected > -9  # 1 - tanh^2 of a saturated cell is known to 1e-16 and no better
        np.testing.assert_allclose(flow.log10(signal)[t][floor], expected[floor], rtol=1e-7, atol=1e-7)
        with np.errstate(divide="ignore"):
            expected = expected + np.log10(gates[t])


def test_an_elman_network_of_1997_passes_nothing_back() -> None:
    flow = gradient_flow(Case("elman").network, Case("elman").trace, detached=True)
    assert flow.hidden[: TIME - 1].any() is np.False_
    assert flow.hidden[-1].tolist() == [1.0] * 4
