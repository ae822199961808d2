"""Closed forms under interventions: what a gate keeps is the value that it has, and where a path is cut it is 0."""

import numpy as np
import pytest
import torch

from memviz.cells import CELLS
from memviz.findings import gates_finding
from memviz.gradients import (
    Loss,
    gradient_flow,
    half_lives,
    kept,
    log2_direct_path,
    measured_horizon,
    memory_products,
    product_horizons,
    saturations,
)
from memviz.interventions import Ablate, Add, Clamp, Detach, Freeze, Reset, Scale
from memviz.trace import record
from tests import changed, oracles
from tests.gradients.case import HIDDEN, Case

TIME = 12
GATED = [name for name in oracles.NAMES if not name.startswith("elman")]
gated = pytest.mark.parametrize("name", GATED)


def gate_and_memory(name: str) -> tuple[str, str]:
    if name.startswith("gru"):
        return "update", "hidden"
    return "forget", "cell"


def what_ifs(name: str) -> tuple:
    gate, memory = gate_and_memory(name)
    on_gate = (
        (Clamp(gate, 0.95, [0]), Freeze(gate, 2, [1], [4, 5]), Scale(gate, 1.5, [2], [7]))
        if name != "lstm-1997"
        else ()
    )
    return (
        *on_gate,
        Scale(memory, -0.5, [0], [3]),
        Add(memory, 0.3, [1], [6]),
        Clamp(memory, 0.4, [2], [8]),
        Detach(memory, [3], [9]),
        Freeze(memory, 1, [1], [2]),
        Reset([5]),
    )


def factors(case: Case, chosen) -> np.ndarray:
    """What each step keeps, by hand: the gate of the changed transcription, and what was done to the memory."""
    steps = changed.run(case.name, case.p, case.xs, case.before, chosen)
    gate, _ = gate_and_memory(case.name)
    keep = np.stack([step.get(gate, np.ones(HIDDEN)) for step in steps])
    keep[3, 0] *= -0.5
    keep[8, 2] = keep[9, 3] = keep[2, 1] = 0.0
    if Reset([5]) in chosen:
        keep[5] = 0.0
    return keep


def run(name: str, *chosen):
    case = Case(name, seed=71, time=TIME)
    return case, record(case.network, case.xs, changed.state_of(case.before, name), chosen)


@gated
def test_what_is_kept_is_the_gate_that_acted_times_what_was_done_to_the_memory(name: str) -> None:
    case, trace = run(name, *what_ifs(name))
    expected = factors(case, what_ifs(name))
    np.testing.assert_allclose(kept(trace), expected, rtol=1e-12, atol=1e-15)
    if name != "lstm-1997":
        assert kept(trace)[[0, 1, 4, 6], 0].tolist() == [0.95] * 4
    product = np.ones(HIDDEN)
    direct = 2.0 ** log2_direct_path(trace, TIME - 1)
    np.testing.assert_allclose(direct[0], product)
    for lag in range(1, TIME):
        product = product * np.abs(expected[TIME - lag])
        np.testing.assert_allclose(direct[lag], product, rtol=1e-12)
    with np.errstate(divide="ignore"):
        lives = np.log(0.5) / np.log(np.abs(expected))
    lives[np.abs(expected) >= 1] = np.inf
    np.testing.assert_allclose(half_lives(trace), lives, rtol=1e-9)


@gated
def test_the_memorys_derivative_of_a_changed_run_agrees_with_autograd(name: str) -> None:
    chosen = what_ifs(name)[:-1]
    case, trace = run(name, *chosen)
    _, memory = gate_and_memory(name)
    last = TIME - 1
    products = memory_products(gradient_flow(case.network, trace, Loss()), range(6))
    held = [{s: torch.tensor(trace[s][t]) for s in trace.names} for t in range(TIME)]
    for lag in products.lags:
        moves = torch.zeros(HIDDEN, dtype=torch.float64, requires_grad=True)

        def move(t: int, signal: str, value, lag=lag, moves=moves):
            return value + moves if (t, signal) == (last - lag, memory) else value

        p, before = oracles.as_torch(case.p), oracles.as_torch(case.before)
        steps = changed.run(name, p, torch.tensor(case.xs), before, chosen, oracles.TORCH, move, held)
        rows = [torch.autograd.grad(v, moves, retain_graph=True)[0] for v in steps[-1][memory] + 0 * moves]
        full = products.full[lag] * 2.0 ** products.exponent[lag]
        np.testing.assert_allclose(full, np.stack([row.numpy() for row in rows]), rtol=1e-9, atol=1e-12)


@gated
def test_a_detached_run_has_the_product_of_what_is_kept_and_nothing_else(name: str) -> None:
    case, trace = run(name, *what_ifs(name)[:-1])
    products = memory_products(gradient_flow(case.network, trace, Loss(), detached=True))
    keep = factors(case, what_ifs(name)[:-1])
    for lag in products.lags:
        expected = np.diag(np.prod(keep[TIME - lag :], axis=0))
        full = products.full[lag] * 2.0 ** products.exponent[lag]
        np.testing.assert_allclose(full, expected, rtol=1e-10, atol=1e-14)


@gated
def test_a_horizon_by_product_is_that_of_the_gates_that_acted(name: str) -> None:
    if name == "lstm-1997":
        return
    gate, memory = gate_and_memory(name)
    held = (Clamp(gate, 0.9, [0]), Clamp(gate, 1.0, [1]), Clamp(gate, 0.0, [2]), Clamp(gate, 0.99, [3]))
    _, trace = run(name, *held)
    assert product_horizons(trace, TIME - 1) == [9, 11, 0, 11]  # 0.9^9 is the last that is above 1/e
    _, cut = run(name, *held, Detach(memory, steps=[7]))
    assert product_horizons(cut, TIME - 1) == [4, 4, 0, 4]  # step 7 lets nothing through
    _, reset = run(name, *held, Reset([9]))
    assert product_horizons(reset, TIME - 1) == [2, 2, 0, 2]


@gated
def test_the_measured_effect_of_a_changed_run_is_that_of_moving_an_input_of_the_changed_transcription(name):
    chosen = what_ifs(name)[:-1]
    case, trace = run(name, *chosen)
    found = measured_horizon(case.network, trace)
    held = changed.run(name, case.p, case.xs, case.before, chosen)  # what it froze stays a constant
    _, memory = gate_and_memory(name)

    def moved(t: int, by: float) -> np.ndarray:
        xs = case.xs.copy()
        xs[t] += by
        return changed.run(name, case.p, xs, case.before, chosen, held=held)[-1][memory]

    for lag, effect in zip(found.lags, found.effects, strict=True):
        t = TIME - 1 - lag
        expected = np.linalg.norm(moved(t, 1e-4) - moved(t, -1e-4)) / 2e-4
        assert effect == pytest.approx(expected, rel=1e-8, abs=found.floor)


def test_a_gate_that_is_held_is_not_called_saturated() -> None:
    case = Case("lstm", seed=71, scale=0.1)

    def finding(*chosen) -> str:
        flow = gradient_flow(case.network, case.xs, interventions=chosen)
        return gates_finding(flow, saturations(flow))

    said = finding(Clamp("forget", 1.0), Ablate("output", [1, 2]))
    assert said.startswith(
        "Apart from the forget gate and the output gate, changed by hand, nothing is saturated"
    )
    gates = ("input", "forget", "candidate", "output")
    assert finding(*(Ablate(gate) for gate in gates)).startswith("Every gate is held or scaled here")
    closed = finding(Add("output_pre", -20.0), Clamp("forget", 1.0))
    assert closed.startswith("The output gate is the most saturated")


def test_every_cell_is_looked_at() -> None:
    assert set(GATED) | {"elman", "elman-relu"} == set(CELLS)
