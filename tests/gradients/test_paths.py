"""Paths, half-lives and horizons against the transcription's own numbers and naive loops."""

import numpy as np
import pytest
import torch

from memviz.cells import CELLS
from memviz.gradients import Loss, gradient_flow, half_lives, kept, product_horizons, split
from memviz.network import Network
from memviz.trace import record
from tests import oracles
from tests.gradients.case import TIME, Case, agrees
from tests.gradients.reference import LOSSES, by_signal, elman, read_steps, value_of

every_cell = pytest.mark.parametrize("name", oracles.NAMES)
SOME = ("the sum of the last h", "a unit early", "squared error of h everywhere", "cross-entropy everywhere")
some_losses = pytest.mark.parametrize("loss", [LOSSES[kind] for kind in SOME], ids=SOME)


def by_formulas(case: Case, loss: Loss, detached: bool) -> dict[str, np.ndarray]:
    """facts.md's recursions, from autograd and signals of the transcription alone."""
    steps = oracles.run(case.name, case.p, case.xs, case.before)
    s = {key: np.stack([step[key] for step in steps]) for key in steps[0]}
    d = by_signal(case, loss, detached)
    zero = np.zeros((1, case.hidden))

    def after(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values[1:], zero])

    if "cell" in s:
        forget = s.get("forget", np.ones_like(s["cell"]))
        slope = 1.0 if case.name == "lstm-noaf" else 1 - np.tanh(s["cell"]) ** 2
        parts = {"carousel": after(d["cell"]) * after(forget), "exposure": d["hidden"] * s["output"] * slope}
        if any(key.startswith("peephole") for key in case.p) and not detached:
            parts["peepholes"] = np.zeros_like(s["cell"])
            for gate in ("input", "forget", "output"):
                if f"peephole_{gate}" in case.p:
                    da = d[f"{gate}_pre"]
                    parts["peepholes"] += case.p[f"peephole_{gate}"] * (da if gate == "output" else after(da))
        return parts
    hidden = torch.tensor(s["hidden"], requires_grad=True)
    parts = {"loss": torch.autograd.grad(value_of(loss, hidden), hidden)[0].numpy()}
    U = oracles.blocks(case.p["weight_hh"], oracles.ORACLES[case.name].blocks)
    if case.name.startswith("elman"):
        through = after(d["hidden_pre"]) @ U[0]
    else:
        parts["direct"] = after(d["hidden"]) * after(s["update"])
        da_n, r = after(d["candidate_pre"]), after(s["reset"])
        through = after(d["reset_pre"]) @ U[0] + after(d["update_pre"]) @ U[1]
        through = through + ((da_n * r) @ U[2] if case.name == "gru" else (da_n @ U[2]) * r)
    return parts if detached else parts | {"through gates": through}


@every_cell
@some_losses
@pytest.mark.parametrize("detached", [False, True])
def test_every_path_is_that_of_the_equations_and_together_they_are_the_gradient(name, loss, detached) -> None:
    case = Case(name, seed=61)
    found = split(gradient_flow(case.network, case.trace, loss, detached=detached))
    expected = by_formulas(case, loss, detached)
    assert list(found.parts) == list(expected)
    scale = 2.0 ** found.exponent[:, None]
    total = sum(expected.values())
    size = sum(np.linalg.norm(part, axis=1) for part in expected.values())
    for path, part in expected.items():
        error = np.linalg.norm(found.parts[path] * scale - part, axis=1)
        assert (error <= 1e-10 * size).all(), path
    assert (np.linalg.norm(found.total * scale - total, axis=1) <= 1e-10 * size).all()
    assert found.residual < 1e-10
    last = read_steps(loss, TIME)[-1]
    shares = sum(found.shares().values())
    np.testing.assert_allclose(shares[: last + 1], total[: last + 1].any(axis=1), atol=1e-9)
    assert not shares[last + 1 :].any()
    for path, share in found.shares().items():
        square = (total**2).sum(axis=1)
        ratio = np.divide((expected[path] * total).sum(axis=1), square, np.zeros(TIME), where=square > 0)
        np.testing.assert_allclose(share, ratio, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("factor", [1e-2, 1e3])
def test_paths_add_up_far_beyond_floats(factor: float) -> None:
    flow = elman(factor * (np.eye(2) + 0.3), 1001)
    found = split(flow)
    assert found.residual < 1e-12
    np.testing.assert_allclose(found.shares()["through gates"][:-1], 1.0, rtol=1e-12)
    logs = np.log10(np.linalg.norm(found.total, axis=1)) + found.exponent * np.log10(2)
    np.testing.assert_allclose(logs, flow.log10_norms("hidden"), rtol=1e-12, atol=1e-12)
    case = Case("lstm-peephole", seed=2, time=3000, scale=0.3)
    assert split(case.flow()).residual < 1e-10
    np.testing.assert_allclose(sum(split(case.flow()).shares().values()), 1.0, atol=1e-9)


def test_a_split_where_nothing_arrives_is_zero_and_no_nan() -> None:
    case = Case("lstm", seed=3)
    loss = Loss(kind="squared error", targets=(tuple(case.trace["hidden"][-1].tolist()),))
    found = split(case.flow(loss))
    assert found.residual == 0.0
    assert not any(share.any() for share in found.shares().values())


# --- the gate that keeps ---------------------------------------------------------------------------------


def gated(biases: list[float], time: int, name: str = "lstm"):
    """A run whose forget or update gates stay at sigma(bias)."""
    hidden = len(biases)
    shapes = CELLS[name].parameter_shapes(1, hidden)
    p = {key: torch.zeros(shape, dtype=torch.float64) for key, shape in shapes.items()}
    p["bias_ih"][hidden : 2 * hidden] = torch.tensor(biases, dtype=torch.float64)
    return record(Network(CELLS[name], p), np.zeros((time, 1)))


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_half_lives_are_those_of_the_books(name: str) -> None:
    rates = np.array([0.5, 0.9, 0.99, 0.999])
    lives = half_lives(gated([*np.log(rates / (1 - rates)), 50.0, -800.0], 3, name))
    np.testing.assert_allclose(lives[1, :4], [1.0, 6.58, 68.97, 692.8], atol=0.05)
    assert lives[1, 4:].tolist() == [np.inf, 0.0]


@every_cell
def test_what_a_cell_keeps_is_its_forget_or_update_gate_or_all_or_nothing(name: str) -> None:
    case = Case(name, seed=62)
    steps = oracles.run(name, case.p, case.xs, case.before)
    actual, lives = kept(case.trace), half_lives(case.trace)
    if name.startswith("elman"):
        assert actual is None
        assert lives is None
        return
    gate = "update" if "update" in steps[0] else "forget"
    expected = np.stack([step.get(gate, np.ones(case.hidden)) for step in steps])
    np.testing.assert_allclose(actual, expected, rtol=1e-12)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(lives, np.abs(np.log(0.5) / np.log(expected)), rtol=1e-9)


@every_cell
@pytest.mark.parametrize("last", [0, 3, 39])
def test_the_horizon_of_a_product_is_that_of_a_naive_loop(name: str, last: int) -> None:
    case = Case(name, seed=63, time=40)
    steps = oracles.run(name, case.p, case.xs, case.before)
    expected = []
    for unit in range(case.hidden):
        product, furthest = 1.0, 0
        for lag in range(1, last + 1):
            step = steps[last - lag + 1]
            if "cell" in step:
                product *= step["forget"][unit] if "forget" in step else 1.0
            else:
                product *= step["update"][unit] if "update" in step else 0.0
            if product >= np.exp(-1):
                furthest = lag
        expected.append(furthest)
    assert product_horizons(case.trace, last) == expected


@pytest.mark.parametrize(("rate", "horizon"), [(0.9, 9), (0.99, 99), (0.5, 1), (0.3, 0)])
def test_the_horizon_of_one_rate_is_one_over_its_logarithm(rate: float, horizon: int) -> None:
    trace = gated([np.log(rate / (1 - rate))], 200)
    assert product_horizons(trace, 199) == [horizon]  # the largest k with rate^k >= 1/e


def test_a_gate_at_one_holds_for_the_whole_run() -> None:
    assert product_horizons(gated([50.0, -800.0], 3000), 2999) == [2999, 0]


def test_a_first_forget_gate_of_nothing_has_no_part_in_the_carousel_after_the_end() -> None:
    case = Case("lstm", seed=64)
    found = split(case.flow(Loss(timestep=2)))
    assert not found.parts["carousel"][2:].any()
    assert not found.parts["exposure"][3:].any()
    agrees(found.total[:3], found.parts["carousel"][:3] + found.parts["exposure"][:3], 1e-12)
