"""Gradients of changed runs, against autograd of the transcription with the same changes, and central differences."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import memviz.gradients.steps
import memviz.gradients.weights
from memviz.cells import CELLS
from memviz.gradients import (
    GradientFlow,
    Loss,
    check,
    gradient_flow,
    gradient_spread,
    kept,
    log10_singular_values,
    measured_horizon,
    memory_products,
    saturations,
    sources,
    split,
    weight_contributions,
)
from memviz.interventions import Ablate, Add, Clamp, Detach, Freeze, Patch, Reset, Scale
from memviz.trace import record
from tests import changed, oracles
from tests.gradients.case import FEATURES, HIDDEN, TIME, Case, agrees, probed

every_cell = pytest.mark.parametrize("name", oracles.NAMES)


def drawn_for_every_cell(test):
    return every_cell(settings(max_examples=8)(given(data=st.data(), seed=st.integers(0, 999))(test)))


def flow_of(case: Case, *interventions, loss: Loss | None = None) -> GradientFlow:
    state = changed.state_of(case.before, case.name)
    return gradient_flow(case.network, record(case.network, case.xs, state, interventions), loss or Loss())


def some(data: st.DataObject, name: str):
    return changed.fitting(data.draw(changed.draws(name, HIDDEN, TIME)), name, HIDDEN, TIME)


def autograd(case: Case, interventions) -> dict[str, np.ndarray]:
    """retain_grad on every changed signal, on the inputs "x", the initial state and every parameter."""
    kept_values: dict[tuple[int, str], torch.Tensor] = {}

    def keep(t: int, signal: str, value: torch.Tensor) -> torch.Tensor:
        value.retain_grad() if value.requires_grad else value.requires_grad_()
        kept_values[t, signal] = value
        return value

    p = {key: value.requires_grad_() for key, value in oracles.as_torch(case.p).items()}
    xs = torch.tensor(case.xs, requires_grad=True)
    before = {key: value.requires_grad_() for key, value in oracles.as_torch(case.before).items()}
    steps = changed.run(case.name, p, xs, before, interventions, oracles.TORCH, keep)
    steps[-1]["hidden"].sum().backward()
    found = {
        signal: np.stack([_grad(kept_values[t, signal]) for t in range(case.time)])
        for signal in probed(case.name)
    }
    found["x"] = _grad(xs)
    return (
        found
        | {f"initial {key}": _grad(v) for key, v in before.items()}
        | {k: _grad(v) for k, v in p.items()}
    )


def _grad(value: torch.Tensor) -> np.ndarray:
    return np.zeros(value.shape) if value.grad is None else value.grad.numpy()


def near(actual: np.ndarray, expected: np.ndarray, what: str) -> None:
    np.testing.assert_allclose(actual, expected, rtol=1e-8, atol=1e-11, err_msg=what)


@drawn_for_every_cell
def test_every_gradient_of_a_changed_run_agrees_with_autograd_of_the_changed_transcription(name, data, seed):
    case, chosen = Case(name, seed), some(data, name)
    flow, expected = flow_of(case, *chosen), autograd(case, chosen)
    for signal in probed(name):
        near(flow.signals[signal], expected[signal], signal)
    near(flow.inputs.floats(), expected["x"], "x")
    for part, gradient in flow.initial.items():
        near(gradient, expected[f"initial {part}"], part)


@drawn_for_every_cell
def test_the_weights_of_a_changed_run_agree_with_autograd(name, data, seed) -> None:
    case, chosen = Case(name, seed), some(data, name)
    flow, expected = flow_of(case, *chosen), autograd(case, chosen)
    for parameter in case.p:
        found = weight_contributions(flow, parameter)
        near(np.ldexp(found.total, found.exponent), expected[parameter], parameter)


@drawn_for_every_cell
def test_the_paths_of_a_changed_run_add_up_to_its_gradient(name, data, seed) -> None:
    flow = flow_of(Case(name, seed), *some(data, name))
    found = split(flow)
    error = np.abs(found.total - sum(found.parts.values()))
    size = sum(np.abs(part) for part in found.parts.values())
    # 1 - tanh^2 near saturation is known to 1e-16 and no better, beside the gradient that it multiplies.
    dh = np.abs(flow.scaled["hidden"].over(found.exponent.astype(int)[:, None]))
    assert (error <= 1e-11 * size + 1e-14 * dh).all()


@drawn_for_every_cell
def test_the_jacobians_of_a_changed_run_agree_with_those_of_the_changed_transcription(name, data, seed):
    case, chosen = Case(name, seed), some(data, name)
    flow = flow_of(case, *chosen)
    for t in range(TIME):
        np.testing.assert_allclose(flow.jacobians[t], _jacobian(case, flow, chosen, t), rtol=1e-9, atol=1e-11)


def _jacobian(case: Case, flow: GradientFlow, chosen, t: int) -> np.ndarray:
    """One step of the changed transcription from the state before it, differentiated by torch."""
    trace = flow.trace
    held = [{s: torch.tensor(trace[s][at]) for s in trace.names} for at in range(TIME)]
    parts = [(part, list(signals)) for part, signals in case.network.cell.state]
    before = torch.tensor(
        np.concatenate([np.concatenate([trace[s][t - 1] for s in signals]) for _, signals in parts])
        if t
        else np.concatenate(list(case.before.values()))
    )

    def step(flat: torch.Tensor) -> torch.Tensor:
        widths = [len(signals) * HIDDEN for _, signals in parts]
        state = dict(zip([part for part, _ in parts], flat.split(widths), strict=True))
        # The steps before t are passed over: at them there is nothing to do but to count.
        later = [_shifted(iv, t) for iv in chosen if iv.steps is None or t in iv.steps]
        (signals,) = changed.run(
            case.name,
            oracles.as_torch(case.p),
            torch.tensor(case.xs[t : t + 1]),
            state,
            [iv for iv in later if iv is not None],
            oracles.TORCH,
        )
        return torch.cat([signals[s] for _, names in parts for s in names])

    def _shifted(iv, t: int):
        """The same at step 0: a freeze is a patch with what the run held."""
        if isinstance(iv, Freeze):
            if t <= iv.at:
                return None
            return Patch(iv.signal, held[iv.at][iv.signal].numpy()[None], iv.units)
        if isinstance(iv, Patch):
            return Patch(iv.signal, iv.values[t : t + 1], iv.units)
        if isinstance(iv, Reset):
            return Reset()
        return type(iv)(**{**vars(iv), "steps": None})

    return torch.autograd.functional.jacobian(step, before).numpy()


MIXED = (
    Scale("hidden", 0.7, [1], [1, 2, 5]),
    Add("hidden_pre", 0.2, [0]),
    Clamp("hidden", 0.3, [2], [2, 3]),
    Freeze("hidden", 1, [3], [4]),
)


def mixed(name: str):
    """Some of everything that values show, for any cell."""
    if name.startswith("elman"):
        return (*MIXED, Reset([6]))
    gate = "update" if name.startswith("gru") else "output"
    if f"{gate}_pre" not in CELLS[name].signal_names:
        gate = "input"
    rest = (Add(f"{gate}_pre", 0.2, [0]), Scale(gate, 0.5, [1], [3]), Scale(f"{gate}_from_hidden", 1.5))
    return (
        *(iv for iv in MIXED if iv.signal != "hidden_pre"),
        *rest,
        Scale("candidate", 1.2, steps=[2]),
        Reset([6]),
    )


@every_cell
def test_central_differences_see_the_interventions_too(name: str) -> None:
    case = Case(name, seed=3)
    flow = flow_of(case, *mixed(name)[:-1])
    for signal in probed(name):
        for t, unit in ((0, 1), (2, 2), (3, 0), (4, 3)):
            found = check(flow, signal, t, unit)
            assert found.autograd == pytest.approx(found.jacobians, rel=1e-10, abs=1e-13), (signal, t)
            assert found.difference == pytest.approx(found.jacobians, rel=1e-5, abs=1e-8), (signal, t)


@every_cell
def test_a_move_of_the_first_input_moves_the_loss_as_the_gradient_says(name: str) -> None:
    # Without a freeze: its constant stays in the gradient, and moves in a run that is made anew.
    case = Case(name, seed=4)
    chosen = [iv for iv in mixed(name) if not isinstance(iv, Freeze | Reset)]
    flow = flow_of(case, *chosen)

    def loss(by: float, feature: int) -> float:
        xs = case.xs.copy()
        xs[0, feature] += by
        return float(changed.run(name, case.p, xs, case.before, chosen)[-1]["hidden"].sum())

    for feature in range(FEATURES):
        central = (loss(1e-5, feature) - loss(-1e-5, feature)) / 2e-5
        assert flow.inputs.floats()[0, feature] == pytest.approx(central, rel=1e-5, abs=1e-9)


@every_cell
def test_no_gradient_crosses_a_reset(name: str) -> None:
    flow = flow_of(Case(name, seed=5), Reset([4]))
    assert not flow.jacobians[4].any()
    assert flow.jacobians[3].any()
    for gradient in (*flow.signals.values(), flow.state):
        assert not gradient[:4].any()
    assert flow.hidden[4].any()
    horizon = measured_horizon(flow.network, flow.trace)
    assert (horizon.effects[3:] <= horizon.floor).all()  # lag 3 is step 3
    assert horizon.effects[2] > horizon.floor
    if (keep := kept(flow.trace)) is not None:
        assert not keep[4].any()


@every_cell
def test_a_clamp_has_the_gradient_of_the_number_it_holds_and_lets_none_through(name: str) -> None:
    signal = CELLS[name].pre_activations[0]
    if name == "elman-relu":
        return  # whose units may be silent
    flow = flow_of(Case(name, seed=6), Clamp(signal, 0.4, [1], [TIME - 1]))
    assert flow.signals[signal][-1, 1] != 0
    assert flow.pre[signal][-1, 1] == 0
    assert flow.pre[signal][-1, 0] != 0


@every_cell
def test_detaching_what_the_gates_see_is_the_truncation_of_1997(name: str) -> None:
    case = Case(name, seed=7)
    cut = [s for s in CELLS[name].signal_names if s.endswith(("_from_hidden", "_from_cell", "_from_gates"))]
    flow = flow_of(case, *(Detach(signal) for signal in cut))
    expected = gradient_flow(case.network, case.trace, detached=True)
    agrees(flow.state, expected.state, 1e-14)
    for signal, gradient in expected.signals.items():
        if not signal.startswith(
            "reset"
        ):  # it is a factor of what is cut here, and only its state is cut there
            agrees(flow.signals[signal], gradient, 1e-14)
    assert check(flow, "hidden", 2, 1).difference is None


@pytest.mark.parametrize("name", ["lstm", "lstm-fgr", "gru", "elman"])
def test_sources_singular_values_products_and_slopes_see_the_interventions(name: str) -> None:
    case = Case(name, seed=8)
    flow = flow_of(case, *mixed(name), loss=Loss(everywhere=True))
    # One loss at a time, over their number, adds up to the whole.
    alone = [flow_of(case, *mixed(name), loss=Loss(timestep=t)).log10_norms("hidden") for t in range(TIME)]
    np.testing.assert_allclose(sources(flow).log10_norms, np.stack(alone) - np.log10(TIME), atol=1e-9)
    product = np.eye(flow.state.shape[1])
    for lag, jacobian in enumerate(flow.jacobians[:1:-1], start=1):
        product = product @ jacobian
        largest = np.linalg.norm(product, 2)
        found = 10.0 ** log10_singular_values(flow)[lag, 0]
        assert found == pytest.approx(largest, rel=1e-9, abs=1e-15)
    trace, memory = flow.trace, "cell" if "cell" in CELLS[name].signal_names else "hidden"
    detached = gradient_flow(case.network, trace, Loss(), detached=True)
    direct = memory_products(detached)
    assert (np.isneginf(direct.log2_direct[2:])).all()  # the reset before step 6 is one lag back
    for gate, slope in saturations(flow).items():
        pre = trace[f"{gate}_pre"]
        untouched = np.ones(pre.shape, bool)
        for iv in flow.interventions:
            if not isinstance(iv, Reset) and iv.signal == gate:
                untouched[np.ix_(iv.steps or range(TIME), iv.units or range(HIDDEN))] = False
        sigma = 1 / (1 + np.exp(-pre))
        expected = 1 - np.tanh(pre) ** 2 if gate in ("candidate", "hidden") else sigma * (1 - sigma)
        np.testing.assert_allclose(slope[untouched], expected[untouched], atol=1e-12)
    assert memory in flow.signals


@pytest.mark.parametrize("name", ["elman", "lstm", "lstm-fgr", "gru"])
@pytest.mark.parametrize("steps", [1, 3])
def test_going_in_chunks_changes_nothing(name: str, steps: int, monkeypatch) -> None:
    case = Case(name, seed=9)
    chosen = (*mixed(name), Detach("hidden", [1], [3]))
    whole = flow_of(case, *chosen)
    weights = weight_contributions(whole)
    monkeypatch.setattr(memviz.gradients.steps, "_CHUNK_NUMBERS", steps * whole.state.shape[1] ** 2)
    monkeypatch.setattr(memviz.gradients.weights, "_CHUNK_NUMBERS", steps * weights.total.size)
    chunked = flow_of(case, *chosen)
    agrees(chunked.state, whole.state, 1e-14)
    for signal, gradient in whole.signals.items():
        agrees(chunked.signals[signal], gradient, 1e-14)
    np.testing.assert_allclose(chunked.jacobians, whole.jacobians, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(weight_contributions(chunked).total, weights.total, rtol=1e-12, atol=1e-15)


@every_cell
def test_the_steps_as_one_batch_are_the_recorded_steps(name: str) -> None:
    flow = flow_of(Case(name, seed=10), *mixed(name))
    for span, steps in flow.replay():
        for signal in flow.trace.names:
            replayed = getattr(steps.signals, signal).detach().numpy()
            np.testing.assert_allclose(replayed, flow.trace[signal][span], rtol=1e-13, atol=1e-14)


@drawn_for_every_cell
def test_a_spread_of_changed_runs_has_the_norms_of_autograd_of_each_changed_transcription(name, data, seed):
    chosen = some(data, name)
    cases = [Case(name, seed + k, state_seed=None) for k in range(3)]
    for case in cases:
        case.xs = cases[0].xs
    memory = "cell" if "cell" in CELLS[name].signal_names else "hidden"
    expected = [autograd(case, chosen) for case in cases]
    for few in (cases, cases[:1]):
        found = gradient_spread([case.network for case in few], cases[0].xs, Loss(), chosen)
        for row, of_case in zip(range(len(few)), expected, strict=False):
            for signal, logs in (("hidden", found.hidden[row]), (memory, found.memory[row])):
                near(10.0**logs, np.linalg.norm(of_case[signal], axis=1), signal)


@every_cell
def test_each_network_of_a_spread_freezes_its_own_value(name: str) -> None:
    cases = [Case(name, seed, state_seed=None) for seed in (20, 21)]
    frozen = next(s for s in ("forget", "update", "hidden") if s in CELLS[name].signal_names)
    chosen = (Freeze(frozen, 2, [0, 1]), Scale("hidden", 0.8, [3], [4]))
    found = gradient_spread([case.network for case in cases], cases[0].xs, Loss(), chosen)
    for row, case in enumerate(cases):
        alone = gradient_flow(case.network, cases[0].xs, interventions=chosen)
        np.testing.assert_allclose(found.hidden[row], alone.log10_norms("hidden"), rtol=1e-12, atol=1e-12)


def test_a_spread_refuses_what_does_not_fit_and_what_overflows() -> None:
    networks = [Case("lstm", seed).network for seed in (1, 2)]
    xs = Case("lstm").xs
    with pytest.raises(ValueError, match=r"The steps of this run are 0 to 6; got 7\."):
        gradient_spread(networks, xs, Loss(), [Ablate("cell", steps=[7])])
    with pytest.raises(ValueError, match=r"this one overflows float64 at step 3\."):
        gradient_spread(
            networks, xs, Loss(), [Clamp("candidate", 1e308, steps=[2]), Scale("cell", 1e9, steps=[3])]
        )


def test_interventions_are_given_with_inputs_or_come_with_a_trace() -> None:
    case = Case("gru", seed=11, state_seed=None)
    chosen = (Ablate("update", [1]),)
    flow = gradient_flow(case.network, case.xs, interventions=chosen)
    assert flow.interventions == chosen
    again = gradient_flow(case.network, flow.trace, interventions=chosen)
    assert np.array_equal(flow.state, again.state)
    with pytest.raises(
        ValueError, match=r"A trace brings its own interventions; got one that was recorded with 0"
    ):
        gradient_flow(case.network, case.trace, interventions=chosen)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_gradients_of_changed_runs_are_computed_under_no_grad_and_inference_mode_too(mode) -> None:
    case = Case("lstm", seed=12)
    expected = flow_of(case, *mixed("lstm"))
    with mode():
        flow = flow_of(case, *mixed("lstm"))
        assert np.array_equal(flow.hidden, expected.hidden)
        assert np.array_equal(weight_contributions(flow).total, weight_contributions(expected).total)
