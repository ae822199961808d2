"""Gradients against three oracles that share no code with the engine.

Autograd of a transcription of the paper, with retain_grad; complex steps of the same transcription in numpy,
which use no autograd at all and are exact to rounding; and recursions that were derived on paper.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import memviz.gradients.steps
from memviz.cells import CELLS
from memviz.gradients import Loss, gradient_flow
from memviz.network import Network
from memviz.trace import record
from tests import oracles
from tests.gradients.case import FEATURES, HIDDEN, TIME, Case, agrees, autograd, probed

every_cell = pytest.mark.parametrize("name", oracles.NAMES)
LOSSES = [Loss(), Loss(unit=2), Loss(timestep=3), Loss(timestep=4, unit=0), Loss(timestep=0)]
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=str)


def autograd_of_the_state(case: Case, loss: Loss) -> np.ndarray:
    """The gradient by a copy of each part of the state between two steps: the parts are independent."""
    kept: list[dict[str, torch.Tensor]] = []

    def cut(t: int, state: oracles.Values) -> oracles.Values:
        kept.append({part: value.detach().clone().requires_grad_() for part, value in state.items()})
        return kept[-1]

    steps = oracles.run(
        case.name,
        oracles.as_torch(case.p),
        torch.tensor(case.xs),
        oracles.as_torch(case.before),
        between=cut,
        ops=oracles.TORCH,
    )
    # Cut into single steps above, so that each needs only the chain rule between two of them.
    read = case.time - 1 if loss.timestep is None else loss.timestep
    rows = np.zeros((case.time, sum(len(part) for part in case.before.values())))
    rows[read] = _flat(
        torch.autograd.grad(case.read(steps, loss), list(kept[read].values()), allow_unused=True), kept[read]
    )
    for t in range(read, 0, -1):
        after, _ = oracles.step(
            case.name, oracles.as_torch(case.p), torch.tensor(case.xs[t]), kept[t - 1], ops=oracles.TORCH
        )
        flat = torch.cat(list(after.values()))
        gradients = torch.autograd.grad(
            flat, list(kept[t - 1].values()), torch.tensor(rows[t]), allow_unused=True
        )
        rows[t - 1] = _flat(gradients, kept[t - 1])
    return rows


def complex_steps(case: Case, loss: Loss) -> dict[str, np.ndarray]:
    """Every signal's unit at every step, moved by i * 1e-30: the loss's imaginary part is the derivative."""
    gradients = {signal: np.zeros((case.time, case.hidden)) for signal in probed(case.name)}
    for signal, gradient in gradients.items():
        for at, unit in np.ndindex(gradient.shape):

            def nudge(t: int, current: str, value, signal=signal, at=at, unit=unit):
                if (t, current) != (at, signal):
                    return value
                return value + 1e-30j * np.eye(case.hidden)[unit]

            steps = oracles.run(case.name, case.p, case.xs, case.before, nudge)
            gradient[at, unit] = np.imag(case.read(steps, loss)) / 1e-30
    return gradients


def _flat(gradients, parts) -> np.ndarray:
    """Gradients by the parts of a state, side by side; a part that is not read has none."""
    pairs = zip(gradients, parts.values(), strict=True)
    return np.concatenate([np.zeros(part.shape) if g is None else g.numpy() for g, part in pairs])


# --- every signal, against autograd and against complex steps --------------------------------------------


@every_cell
@every_loss
def test_every_gradient_agrees_with_autograd_and_retain_grad(name: str, loss: Loss) -> None:
    case = Case(name, seed=1)
    flow, expected = case.flow(loss), autograd(case, loss)
    assert set(flow.signals) == set(expected)
    for signal, gradient in expected.items():
        agrees(flow.signals[signal], gradient)
    if name != "elman-relu":  # whose units may all be silent
        assert np.abs(expected["hidden"][0]).max() > 0  # the comparison above is of something


@every_cell
@given(hidden=st.integers(1, 5), time=st.integers(1, 12), seed=st.integers(0, 10**6), data=st.data())
@settings(max_examples=8)
def test_every_gradient_agrees_with_autograd_for_any_shape_and_loss(name, hidden, time, seed, data) -> None:
    case = Case(name, seed, time, hidden, data.draw(st.sampled_from([0.3, 1.0, 2.0])), seed)
    loss = Loss(
        data.draw(st.none() | st.integers(0, time - 1)), data.draw(st.none() | st.integers(0, hidden - 1))
    )
    flow, expected = case.flow(loss), autograd(case, loss)
    # 1 - tanh^2 near saturation is known to 1e-16 and no better, beside the largest gradient from there on.
    norms = [np.linalg.norm(gradient, axis=1) for gradient in expected.values()]
    largest = np.maximum.accumulate(np.max(norms, axis=0)[::-1])[::-1]
    for signal, gradient in expected.items():
        error = np.linalg.norm(flow.signals[signal] - gradient, axis=1)
        assert (error <= 1e-9 * np.linalg.norm(gradient, axis=1) + 1e-14 * largest).all(), signal


@every_cell
@pytest.mark.parametrize("loss", [Loss(), Loss(timestep=2, unit=1)], ids=str)
def test_every_gradient_agrees_with_a_perturbation_of_that_signal(name: str, loss: Loss) -> None:
    case = Case(name, seed=2, time=4, hidden=3)
    flow = case.flow(loss)
    for signal, gradient in complex_steps(case, loss).items():
        agrees(flow.signals[signal], gradient)


@pytest.mark.parametrize("name", ["lstm", "lstm-fgr", "gru"])
def test_a_real_perturbation_through_the_networks_own_tap_moves_the_loss_as_the_gradient_says(name) -> None:
    case = Case(name, seed=3, time=5)
    flow = case.flow()
    for signal in probed(name):
        for at, unit in ((0, 1), (3, 2)):

            def loss_when_moved(by: float, signal=signal, at=at, unit=unit) -> float:
                state = case.network.cell.state_type(*(torch.tensor(v) for v in case.before.values()))
                for t, x in enumerate(torch.tensor(case.xs)):
                    move = torch.zeros(case.hidden, dtype=torch.float64)
                    move[unit] = by if t == at else 0.0
                    state, signals = case.network.step(
                        x, state, lambda s, v, move=move: v + move if s == signal else v
                    )
                return signals.hidden.sum().item()

            central = (loss_when_moved(1e-5) - loss_when_moved(-1e-5)) / 2e-5
            assert flow.signals[signal][at, unit] == pytest.approx(central, rel=1e-6, abs=1e-9), signal


@every_cell
@every_loss
def test_the_adjoint_of_the_state_holds_its_parts_independent(name: str, loss: Loss) -> None:
    case = Case(name, seed=4)
    agrees(case.flow(loss).state, autograd_of_the_state(case, loss))


@every_cell
def test_the_adjoint_of_the_state_agrees_with_a_perturbation_between_two_steps(name: str) -> None:
    case = Case(name, seed=5, time=4, hidden=2)
    state = case.flow().state
    for at, index in np.ndindex(state.shape):

        def nudge(t: int, parts: oracles.Values, at=at, index=index) -> oracles.Values:
            if t != at:
                return parts
            flat = np.concatenate(list(parts.values())) + 1e-30j * np.eye(state.shape[1])[index]
            widths = np.cumsum([len(part) for part in parts.values()])[:-1]
            return dict(zip(parts, np.split(flat, widths), strict=True))

        steps = oracles.run(case.name, case.p, case.xs, case.before, between=nudge)
        expected = np.imag(case.read(steps, Loss())) / 1e-30
        assert state[at, index] == pytest.approx(expected, rel=1e-10, abs=1e-14)


def test_the_total_gradient_of_the_cell_is_its_adjoint_and_the_way_out_through_h() -> None:
    case = Case("lstm", seed=6)
    flow = case.flow(Loss(timestep=4))
    signals = oracles.run("lstm", case.p, case.xs, case.before)
    exposure = np.stack([step["output"] * (1 - np.tanh(step["cell"]) ** 2) for step in signals])
    state_h, state_c = flow.state[:, :HIDDEN], flow.state[:, HIDDEN:]
    agrees(flow.cell, state_c + state_h * exposure)
    assert np.linalg.norm(flow.cell[0] - state_c[0]) > 1e-6  # the two definitions differ


# --- recursions that were derived on paper ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["lstm", "lstm-peephole"])
@every_loss
def test_the_lstm_agrees_with_its_closed_recursion(name: str, loss: Loss) -> None:
    case = Case(name, seed=7, time=12)
    s = oracles.run(name, case.p, case.xs, case.before)
    U_i, U_f, U_g, U_o = oracles.blocks(case.p["weight_hh"], 4)
    p_i, p_f, p_o = (case.p.get(f"peephole_{gate}", 0.0) for gate in ("input", "forget", "output"))
    read = case.time - 1 if loss.timestep is None else loss.timestep
    zero = np.zeros(HIDDEN)
    dc_next, f_next = zero, zero
    da_i = da_f = da_g = da_o = zero
    flow = case.flow(loss)
    for t in reversed(range(case.time)):
        i, f, g, o, c = (s[t][key] for key in ("input", "forget", "candidate", "output", "cell"))
        c_before = s[t - 1]["cell"] if t else case.before["cell"]
        direct = zero if t != read else np.ones(HIDDEN) if loss.unit is None else np.eye(HIDDEN)[loss.unit]
        dh = direct + U_i.T @ da_i + U_f.T @ da_f + U_g.T @ da_g + U_o.T @ da_o
        carousel = dc_next * f_next + p_i * da_i + p_f * da_f
        da_o = dh * np.tanh(c) * o * (1 - o)
        dc = carousel + dh * o * (1 - np.tanh(c) ** 2) + p_o * da_o
        da_f = dc * c_before * f * (1 - f)
        da_i = dc * g * i * (1 - i)
        da_g = dc * i * (1 - g**2)
        dc_next, f_next = dc, f
        expected = {"input": da_i, "forget": da_f, "candidate": da_g, "output": da_o}
        agrees(flow.hidden[t : t + 1], dh[None])
        agrees(flow.cell[t : t + 1], dc[None])
        for gate, da in expected.items():
            agrees(flow.pre[gate][t : t + 1], da[None])


def test_the_coupled_gate_agrees_with_its_closed_form() -> None:
    case = Case("lstm-coupled", seed=8)
    flow = case.flow()
    s = oracles.run(case.name, case.p, case.xs, case.before)
    i, g, c = (np.stack([step[key] for step in s]) for key in ("input", "candidate", "cell"))
    c_before = np.concatenate([case.before["cell"][None], c[:-1]])
    agrees(flow.pre["input"], flow.cell * (g - c_before) * i * (1 - i))
    agrees(flow.signals["forget"], flow.cell * c_before)
    assert "forget" not in flow.pre


def test_an_elman_network_without_input_multiplies_the_gradient_by_its_matrix_at_every_step() -> None:
    # At h = 0 the tanh has slope one, so that the Jacobian is the matrix: its powers grow before they shrink.
    matrix = torch.tensor([[0.9, 5.0], [0.0, 0.9]], dtype=torch.float64)
    zeros = {"weight_ih": torch.zeros(2, 1), "bias_ih": torch.zeros(2), "bias_hh": torch.zeros(2)}
    flow = gradient_flow(Network(CELLS["elman"], {**zeros, "weight_hh": matrix}), torch.zeros(10, 1))
    for lag in range(10):
        expected = np.linalg.matrix_power(matrix.numpy().T, lag) @ np.ones(2)
        np.testing.assert_allclose(flow.hidden[9 - lag], expected, rtol=1e-13)
    assert np.linalg.norm(np.linalg.matrix_power(matrix.numpy(), 9), 2) == pytest.approx(19.4, abs=0.05)


def test_a_carousel_with_closed_gates_carries_the_gradient_by_the_forget_gate_alone() -> None:
    # f = 0.9 through its bias, no recurrent weights: dL/dc_t is 0.9 ** lag of the last one.
    p = {
        key: torch.zeros(shape, dtype=torch.float64)
        for key, shape in CELLS["lstm"].parameter_shapes(1, 1).items()
    }
    p["bias_ih"][1] = np.log(9.0)
    flow = gradient_flow(Network(CELLS["lstm"], p), torch.zeros(60, 1))
    lags = np.arange(60)[::-1]
    np.testing.assert_allclose(flow.cell[:, 0], 0.5 * 0.9**lags, rtol=1e-13)


# --- Jacobians -------------------------------------------------------------------------------------------


@every_cell
def test_each_jacobian_agrees_with_a_perturbation_of_the_state_before(name: str) -> None:
    case = Case(name, seed=9, time=4, hidden=3)
    width = sum(len(part) for part in case.before.values())
    jacobians = case.flow(Loss(timestep=1)).jacobians
    assert jacobians.shape == (4, width, width)
    before = case.before
    for t, x in enumerate(case.xs):
        flat = np.concatenate(list(before.values()))
        splits = np.cumsum([len(part) for part in before.values()])[:-1]
        for column in range(width):
            moved = dict(zip(before, np.split(flat + 1e-30j * np.eye(width)[column], splits), strict=True))
            after, _ = oracles.step(name, case.p, x, moved)
            expected = np.imag(np.concatenate(list(after.values()))) / 1e-30
            np.testing.assert_allclose(jacobians[t, :, column], expected, rtol=1e-11, atol=1e-14)
        before, _ = oracles.step(name, case.p, x, before)


def test_the_jacobian_of_the_1997_carousel_is_the_identity_and_of_the_lstm_the_forget_gate() -> None:
    # Held independent of h, c_{t-1} reaches c_t through the self-connection alone.
    carousel = slice(HIDDEN, 2 * HIDDEN)
    older = Case("lstm-1997", seed=10).flow().jacobians[:, carousel, carousel]
    assert np.array_equal(older, np.broadcast_to(np.eye(HIDDEN), older.shape))
    case = Case("lstm", seed=10)
    forget = [step["forget"] for step in oracles.run("lstm", case.p, case.xs, case.before)]
    expected = np.stack([np.diag(f) for f in forget])
    np.testing.assert_allclose(case.flow().jacobians[:, carousel, carousel], expected, atol=1e-15)


# --- exact zeros, tiny numbers and long lags -------------------------------------------------------------


@every_cell
@pytest.mark.parametrize("unit", [None, 1])
def test_nothing_after_the_loss_step_has_a_gradient(name: str, unit: int | None) -> None:
    flow = Case(name, seed=11).flow(Loss(timestep=3, unit=unit))
    for gradient in (*flow.signals.values(), flow.state):
        assert not gradient[4:].any()
    assert all(flow.hidden[:4].any(axis=1))


@pytest.mark.parametrize("name", ["lstm", "lstm-peephole", "lstm-nig", "lstm-nog", "lstm-niaf", "lstm-noaf"])
def test_the_first_forget_gate_has_no_gradient_when_there_is_nothing_to_forget(name: str) -> None:
    flow = Case(name, seed=12, state_seed=None).flow()
    assert not flow.pre["forget"][0].any()
    assert not flow.signals["forget"][0].any()
    assert flow.pre["forget"][1].all()


def test_the_loss_reads_one_unit_of_one_step_directly() -> None:
    flow = Case("gru", seed=13).flow(Loss(timestep=5, unit=2))
    assert flow.hidden[5].tolist() == [0.0, 0.0, 1.0, 0.0]
    assert Case("gru", seed=13).flow().hidden[-1].tolist() == [1.0] * 4


def shrinking_flow(factor: float = 1e-50, time: int = 9):
    """Two units whose gradient is exactly factor ** lag each."""
    zeros = {"weight_ih": torch.zeros(2, 1), "bias_ih": torch.zeros(2), "bias_hh": torch.zeros(2)}
    weight = factor * torch.eye(2, dtype=torch.float64)
    return gradient_flow(Network(CELLS["elman"], {**zeros, "weight_hh": weight}), torch.zeros(time, 1))


def test_norms_of_tiny_gradients_do_not_underflow() -> None:
    flow = shrinking_flow()
    expected = [2**0.5 * 1e-50**lag for lag in range(6)]  # down to 1e-250, whose square is no float64
    np.testing.assert_allclose(flow.norms("hidden")[::-1][:6], expected, rtol=1e-12)


def test_log10_norms_go_below_every_float_and_an_exact_zero_is_minus_infinity() -> None:
    flow = shrinking_flow()
    log10 = flow.log10_norms("hidden")[::-1]
    np.testing.assert_allclose(log10[:6], [np.log10(2) / 2 - 50 * lag for lag in range(6)], rtol=1e-12)
    np.testing.assert_allclose(log10[7:], [np.log10(2) / 2 - 50 * lag for lag in (7, 8)], rtol=1e-12)
    assert flow.norms("hidden")[::-1][7:].tolist() == [0.0, 0.0]  # 1e-350 is below every float64
    later = Case("lstm", seed=14).flow(Loss(timestep=2)).log10_norms("forget_pre")
    assert later[3:].tolist() == [-np.inf] * (TIME - 3)


@pytest.mark.parametrize("signal", ["hidden", "cell", "forget_pre", "output"])
def test_norms_are_euclidean_over_units(signal: str) -> None:
    flow = Case("lstm", seed=15).flow()
    expected = np.sqrt((flow.signals[signal] ** 2).sum(axis=1))
    np.testing.assert_allclose(flow.norms(signal), expected, rtol=1e-14)
    np.testing.assert_allclose(flow.log10_norms(signal), np.log10(expected), rtol=1e-13)


@pytest.mark.parametrize("name", ["elman", "lstm", "lstm-fgr", "gru-v3"])
def test_a_lag_of_300_stays_finite_and_agrees_with_autograd(name: str) -> None:
    case = Case(name, seed=16, time=300, scale=0.4)
    flow, expected = case.flow(), autograd(case, Loss())
    for signal, gradient in expected.items():
        assert np.isfinite(flow.signals[signal]).all()
        agrees(flow.signals[signal], gradient, 1e-8)
    assert flow.norms("hidden")[0] > 0


def test_an_exploding_network_explodes_as_autograd_says() -> None:
    case = Case("elman", seed=17)
    case.p["weight_hh"] = np.diag([3.0, -2.5, 2.0, 4.0]) + 0.1
    case.time, case.xs = 60, np.zeros((60, FEATURES))
    case.p |= {"bias_ih": np.zeros(HIDDEN), "bias_hh": np.zeros(HIDDEN)}
    case.before = {"hidden": np.zeros(HIDDEN)}  # at rest every tanh has slope one
    case.network = Network(CELLS["elman"], oracles.as_torch(case.p))
    case.trace = record(case.network, case.xs)
    flow, expected = case.flow(), autograd(case, Loss())
    assert flow.norms("hidden")[0] > 1e10
    agrees(flow.hidden, expected["hidden"])


# --- the way it is computed does not show ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["elman", "lstm", "lstm-fgr", "gru"])
@pytest.mark.parametrize("steps", [1, 3, 7])
def test_going_in_chunks_changes_nothing(name: str, steps: int, monkeypatch) -> None:
    case = Case(name, seed=18, time=11)
    whole = [case.flow(loss) for loss in (Loss(), Loss(timestep=5))]
    width = whole[0].state.shape[1]
    monkeypatch.setattr(memviz.gradients.steps, "_CHUNK_NUMBERS", steps * width**2)
    chunked = [case.flow(loss) for loss in (Loss(), Loss(timestep=5))]
    for one, other in zip(whole, chunked, strict=True):
        agrees(other.state, one.state, 1e-14)
        for signal, gradient in one.signals.items():
            agrees(other.signals[signal], gradient, 1e-14)
        np.testing.assert_allclose(other.jacobians, one.jacobians, rtol=1e-14, atol=1e-15)


def test_a_chunk_smaller_than_one_step_still_takes_one_step(monkeypatch) -> None:
    case = Case("lstm", seed=18)
    whole = case.flow()
    monkeypatch.setattr(memviz.gradients.steps, "_CHUNK_NUMBERS", 1)
    agrees(case.flow().state, whole.state, 1e-14)


@every_cell
def test_a_trace_and_its_inputs_give_the_same_gradient(name: str) -> None:
    case = Case(name, seed=19, state_seed=None)
    by_trace = gradient_flow(case.network, case.trace)
    for inputs in (case.xs, torch.tensor(case.xs)):
        by_inputs = gradient_flow(case.network, inputs)
        assert np.array_equal(by_inputs.state, by_trace.state)
        for signal, gradient in by_trace.signals.items():
            assert np.array_equal(by_inputs.signals[signal], gradient)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_gradient_is_computed_under_no_grad_and_inference_mode_too(mode) -> None:
    case = Case("lstm", seed=20)
    expected = case.flow()
    with mode():
        flow = gradient_flow(case.network, case.trace)
        assert np.array_equal(flow.hidden, expected.hidden)
        assert np.array_equal(flow.jacobians, expected.jacobians)


def test_a_gradient_flow_leaves_the_network_and_the_trace_as_they_were() -> None:
    case = Case("gru", seed=20)
    case.flow()
    for key, value in case.p.items():
        assert np.array_equal(case.network.parameters[key].numpy(), value)
        assert not case.network.parameters[key].requires_grad
        assert case.network.parameters[key].grad is None
    assert np.array_equal(case.trace["hidden"], record(case.network, case.xs, _state(case))["hidden"])


def test_asking_twice_gives_the_same_bits() -> None:
    case = Case("lstm-fgr", seed=20, time=40)
    one, other = case.flow(), case.flow()
    assert np.array_equal(one.state, other.state)
    assert np.array_equal(one.jacobians, other.jacobians)


def _state(case: Case):
    return CELLS[case.name].state_type(*(torch.tensor(part) for part in case.before.values()))


# --- the record ------------------------------------------------------------------------------------------


def test_a_flow_names_its_gradients_and_lets_nobody_change_them() -> None:
    case = Case("lstm", seed=21)
    flow = case.flow(Loss(timestep=2))
    assert flow.loss == Loss(timestep=2)
    assert flow.tokens == case.trace.tokens
    assert list(flow.signals) == probed("lstm")
    assert list(flow.pre) == ["input", "forget", "candidate", "output"]
    assert flow.pre["forget"] is flow.signals["forget_pre"]
    assert flow.state.shape == (TIME, 2 * HIDDEN)
    for array in (flow.state, flow.hidden, flow.cell, *flow.pre.values()):
        assert array.dtype == np.float64
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0


@pytest.mark.parametrize("name", ["elman", "gru", "gru-v3"])
def test_a_cell_without_a_cell_state_has_no_gradient_of_it(name: str) -> None:
    assert Case(name).flow().cell is None


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (Loss(timestep=TIME), r"a timestep from 0 to 6; got 7\."),
        (Loss(timestep=-1), r"a timestep from 0 to 6; got -1\."),
        (Loss(unit=HIDDEN), r"a unit from 0 to 3; got 4\."),
        (Loss(unit=-1), r"a unit from 0 to 3; got -1\."),
    ],
)
def test_a_loss_that_reads_a_step_or_unit_that_is_not_there_is_refused(loss: Loss, message: str) -> None:
    case = Case("lstm")
    with pytest.raises(ValueError, match=message):
        gradient_flow(case.network, case.trace, loss)


def test_a_trace_of_other_weights_is_refused() -> None:
    with pytest.raises(ValueError, match="another network"):
        gradient_flow(Case("lstm", seed=1).network, Case("lstm", seed=2).trace)


@pytest.mark.parametrize("other", ["gru", "lstm-1997", "lstm-peephole", "lstm-fgr", "elman"])
def test_a_trace_of_another_cell_is_refused(other: str) -> None:
    with pytest.raises(ValueError, match="another network"):
        gradient_flow(Case("lstm", seed=1).network, Case(other, seed=1).trace)


def test_a_trace_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="another network"):
        gradient_flow(Case("lstm").network, Case("lstm", hidden=HIDDEN + 1).trace)


def test_a_trace_of_other_inputs_is_refused() -> None:
    wider = Network(CELLS["gru"], oracles.as_torch(oracles.parameters("gru", FEATURES + 1, HIDDEN, 0)))
    with pytest.raises(ValueError, match="another network"):
        gradient_flow(wider, Case("gru").trace)


# --- what was measured by other code ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "bias", "state", "expected"),
    [
        ("elman", None, "hidden", -11.1),
        ("gru", None, "hidden", -8.0),
        ("lstm", None, "cell", -8.1),
        ("lstm", 1.0, "cell", -3.4),
        ("lstm", 3.0, "cell", -0.1),
        ("lstm", None, "hidden", -8.8),
        ("lstm", 1.0, "hidden", -4.1),
        ("lstm", 3.0, "hidden", -1.3),
        ("gru", 3.0, "hidden", -0.8),
    ],
)
def test_untrained_cells_vanish_over_40_steps_as_a_loop_over_torch_nn_measured(
    name: str, bias: float | None, state: str, expected: float
) -> None:
    """facts.md: mean log10 |dL/ds_1| / |dL/ds_40|, H=16, 20 seeds, 4 features, torch's own initialisation."""
    ratios = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        shapes = CELLS[name].parameter_shapes(4, 16)
        p = {key: torch.tensor(rng.uniform(-0.25, 0.25, shape)) for key, shape in shapes.items()}
        if (
            bias is not None
        ):  # the second block is the forget gate's of an LSTM and the update gate's of a GRU
            p["bias_ih"][16:32] = bias
            p["bias_hh"][16:32] = 0.0
        flow = gradient_flow(Network(CELLS[name], p), rng.standard_normal((40, 4)))
        log10 = flow.log10_norms(state)
        ratios.append(log10[0] - log10[-1])
    assert np.mean(ratios) == pytest.approx(expected, abs=max(0.25, 0.12 * abs(expected)))


# --- memory ----------------------------------------------------------------------------------------------

_MEASURE = """
import resource, numpy as np, torch
from memviz.cells import CELLS
from memviz.gradients import gradient_flow
from memviz.network import Network
rng = np.random.default_rng(0)
p = {k: torch.tensor(rng.uniform(-.1, .1, s)) for k, s in CELLS["lstm"].parameter_shapes(4, 64).items()}
network, xs = Network(CELLS["lstm"], p), rng.standard_normal((3000, 4))
gradient_flow(network, xs[:20])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
flow = gradient_flow(network, xs)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert np.isfinite(flow.hidden).all() and flow.hidden.shape == (3000, 64)
print((after - before) * 1024)
"""


def test_3000_steps_of_64_units_fit_in_bounded_memory() -> None:
    # All Jacobians at once would take 3000 * 128 * 128 * 8 = 393 MB, and more on the way.
    root = Path(memviz.gradients.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _MEASURE], cwd=root, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 250e6
