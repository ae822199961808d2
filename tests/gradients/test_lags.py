"""Products of Jacobians over lags, against mpmath: singular values of every size, the memory's derivative, radii."""

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import memviz.gradients.lags
from memviz.experiment import Experiment
from memviz.gradients import (
    MOST_GRADED,
    MOST_PRODUCTS,
    Loss,
    gradient_flow,
    log10_singular_values,
    memory_products,
    spectral_radii,
)
from tests import oracles
from tests.gradients.case import Case
from tests.gradients.reference import elman, log10_singular_values_of, mp_matrix, run
from tests.gradients.test_long import one_step_jacobians

every_cell = pytest.mark.parametrize("name", oracles.NAMES)


def of_chain(factors: np.ndarray, monkeypatch) -> np.ndarray:
    """log10 of the singular values of factors[0] @ factors[1] @ ..., put in the place of a flow's Jacobians."""
    monkeypatch.setattr(memviz.gradients.lags, "_backwards", lambda flow, longest: iter([factors]))
    return log10_singular_values(elman(np.eye(factors.shape[1]), len(factors) + 1))


def agrees(actual: np.ndarray, factors, lags, tolerance: float = 1e-9) -> None:
    for lag, expected in log10_singular_values_of(factors, lags).items():
        np.testing.assert_allclose(actual[lag], expected, rtol=tolerance, atol=tolerance, err_msg=str(lag))


@pytest.mark.parametrize(("width", "longest"), [(2, 3000), (3, 300), (4, 60)])
@pytest.mark.parametrize("kind", ["contracting", "growing", "near the identity"])
def test_all_singular_values_of_random_chains_agree_with_mpmath(width, longest, kind, monkeypatch) -> None:
    longest = longest if kind == "contracting" else longest // 10
    noise = np.random.default_rng(width).standard_normal((longest, width, width))
    factors = {
        "contracting": 0.1 * noise + 0.3 * np.eye(width),
        "growing": 5 * noise,
        "near the identity": np.eye(width) + 1e-3 * noise,
    }[kind]
    agrees(of_chain(factors, monkeypatch), factors, [1, 2, 3, longest // 3, longest])


@given(seed=st.integers(0, 10**6), width=st.integers(1, 3), spread=st.sampled_from([0, 2, 5]))
@example(seed=2975, width=2, spread=5)  # one factor of condition 1e12
@settings(max_examples=12)
def test_all_singular_values_of_graded_chains_agree_with_mpmath(seed, width, spread) -> None:
    rng = np.random.default_rng(seed)
    sizes = 10.0 ** rng.uniform(-spread, spread, (25, 1, width))
    factors = rng.standard_normal((25, width, width)) * sizes
    # A factor times U is rounded beside the factor's largest number, which moves its smallest singular value by eps
    # times its condition; what one step loses stays lost.
    lost = 16 * np.finfo(np.float64).eps * np.cumsum(np.linalg.cond(factors)) / np.log(10)
    assume(lost[-1] < 1e-2)  # beyond, a value may rightly count as zero
    with pytest.MonkeyPatch.context() as patch:
        actual = of_chain(factors, patch)
    for lag, expected in log10_singular_values_of(factors, [1, 2, 7, 25]).items():
        np.testing.assert_allclose(actual[lag], expected, rtol=1e-10, atol=1e-10 + lost[lag - 1])
        assert actual[lag][0] == pytest.approx(expected[0], rel=1e-11, abs=1e-11)


def test_a_state_of_eight_agrees_with_svds_of_600_digits(monkeypatch) -> None:
    factors = 0.4 * np.random.default_rng(8).standard_normal((200, 8, 8))
    actual = of_chain(factors, monkeypatch)
    with mpmath.workdps(600):
        product = mpmath.eye(8)
        for lag, factor in enumerate(factors, start=1):
            product = product * mp_matrix(factor)
            if lag in (1, 20, 200):
                values = sorted(mpmath.svd_r(product, compute_uv=False), reverse=True)
                expected = [float(mpmath.log10(v)) for v in values]
                np.testing.assert_allclose(actual[lag], expected, rtol=1e-10, atol=1e-10)


def test_an_elman_network_at_rest_has_the_singular_values_of_the_powers_of_its_matrix() -> None:
    matrix = np.array([[0.9, 5.0], [0.0, 0.9]])
    flow = elman(matrix, 1001)
    logs = log10_singular_values(flow)
    assert logs.shape == (1001, 2)
    assert logs[0].tolist() == [0.0, 0.0]
    agrees(logs, [matrix] * 1000, [1, 2, 9, 100, 1000])
    assert 10 ** logs[9, 0] == pytest.approx(19.38, abs=0.01)
    assert flow.singular_values(9)[0] == pytest.approx(19.38, abs=0.01)
    np.testing.assert_allclose(spectral_radii(flow), 0.9)
    np.testing.assert_allclose(logs.sum(axis=1), 2 * np.arange(1001) * np.log10(0.9), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("kind", ["identity", "permutation", "orthogonal"])
def test_what_only_turns_keeps_every_singular_value_at_one(size: int, kind: str) -> None:
    matrix = {
        "identity": np.eye(size),
        "permutation": np.roll(np.eye(size), 1, axis=0),
        "orthogonal": np.linalg.qr(np.random.default_rng(size).standard_normal((size, size)))[0],
    }[kind]
    np.testing.assert_allclose(log10_singular_values(elman(matrix, 301)), 0.0, atol=1e-11)


def test_a_permutation_with_weights_turns_sizes_round(monkeypatch) -> None:
    matrix = np.diag([1.0, 1e-3, 1e5])[[1, 2, 0]]
    agrees(log10_singular_values(elman(matrix, 301)), [matrix] * 300, [1, 2, 3, 4, 299, 300])


def test_sizes_that_swap_half_way_come_out_as_one(monkeypatch) -> None:
    up, down = np.diag([2.0, 1.0, 0.5]), np.diag([0.5, 1.0, 2.0])
    factors = np.stack([up] * 300 + [down] * 300) + 1e-40
    logs = of_chain(factors, monkeypatch)
    np.testing.assert_allclose(logs[300], [300 * np.log10(2), 0, -300 * np.log10(2)], rtol=1e-12, atol=1e-9)
    agrees(logs, factors, [1, 300, 450, 600])


def test_directions_that_are_lost_are_minus_infinity_from_there_on(monkeypatch) -> None:
    shift = np.eye(3, k=1)
    logs = log10_singular_values(elman(shift, 6))
    assert [int(np.isfinite(row).sum()) for row in logs] == [3, 2, 1, 0, 0, 0]
    factors = np.random.default_rng(3).standard_normal((40, 3, 3))
    factors[20] = np.diag([1.0, 0.0, 1.0])
    factors[30] = 0.0
    logs = of_chain(factors, monkeypatch)
    assert [int(np.isfinite(row).sum()) for row in logs[[20, 21, 30, 31, 40]]] == [3, 2, 2, 0, 0]
    expected = log10_singular_values_of(factors[:30], [20, 30])
    np.testing.assert_allclose(logs[20], expected[20], rtol=1e-10)
    np.testing.assert_allclose(logs[30][:2], expected[30][:2], rtol=1e-10)


@pytest.mark.parametrize(("name", "rank"), [("lstm-nog", 2), ("lstm-fgr", 8), ("lstm", 4), ("gru", 2)])
def test_cells_whose_h_follows_from_the_rest_have_no_more_directions_than_that(name, rank: int) -> None:
    # With o = 1, h = tanh(c); with the gates in the state, h = o tanh(c).
    case = Case(name, seed=4, time=201, hidden=2, scale=0.5)
    logs = log10_singular_values(case.flow())
    assert np.isfinite(logs[1:]).sum(axis=1).tolist() == [rank] * 200
    if name == "lstm-fgr":
        return
    factors = one_step_jacobians(case)[:0:-1]
    for lag, expected in log10_singular_values_of(factors, [1, 5, 200]).items():
        np.testing.assert_allclose(logs[lag][:rank], expected[:rank], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("scale", [1000.0])
@pytest.mark.parametrize("name", oracles.NAMES)
def test_saturated_and_cut_off_cells_have_the_largest_singular_value_of_mpmath(name: str, scale) -> None:
    if name == "elman-relu" and scale:
        return  # overflows before it can be looked at
    experiment = Experiment(cell=name, hidden_size=2, recurrent_scale=scale, seed=3)
    flow = gradient_flow(experiment.build(3), np.random.default_rng(1).standard_normal((60, 3)))
    logs = log10_singular_values(flow)
    assert not np.isnan(logs).any()
    assert (np.diff(np.where(np.isfinite(logs), logs, -1e9), axis=1) <= 1e-12).all()
    with mpmath.workdps(60):
        product = mpmath.eye(logs.shape[1])
        for lag, jacobian in enumerate(flow.jacobians[:0:-1], start=1):
            product = product * mp_matrix(jacobian)
            if lag in (1, 2, 59):
                size = max(abs(v) for v in product)
                if size == 0:
                    assert np.isneginf(logs[lag, 0])
                    continue
                largest = max(mpmath.svd_r(product / size, compute_uv=False)) * size
                assert logs[lag, 0] == pytest.approx(float(mpmath.log10(largest)), rel=1e-9, abs=1e-9)


def test_a_saturated_cell_does_not_pile_up_numbers_without_end() -> None:
    # Columns that nearly depend on each other once grew to 1e308 within the graded form.
    for seed in range(3):
        network = Experiment(hidden_size=5, recurrent_scale=1000.0, initialisation="normal", seed=seed).build(
            3
        )
        flow = gradient_flow(network, np.random.default_rng(0).standard_normal((150, 3)))
        assert not np.isnan(log10_singular_values(flow)).any()


def test_lags_that_are_not_there_or_too_many_are_refused_with_their_rule() -> None:
    flow = Case("lstm").flow(Loss(timestep=3))
    assert log10_singular_values(flow).shape == (4, 8)
    assert log10_singular_values(flow, 0).tolist() == [[0.0] * 8]
    for longest in (-1, 4):
        with pytest.raises(ValueError, match=rf"A lag of this run is 0 to 3; got {longest}\."):
            log10_singular_values(flow, longest)
        with pytest.raises(ValueError, match=rf"A lag of this run is 0 to 3; got \[{longest}, {longest}\]\."):
            memory_products(flow, [longest])
    with pytest.raises(ValueError, match=r"A lag of this run is 0 to 3; got \[\]\."):
        memory_products(flow, [])
    wide = gradient_flow(Experiment(hidden_size=64).build(1), np.zeros((1100, 1)))
    with pytest.raises(
        ValueError, match=rf"at most {MOST_GRADED:,}, here for 95 lags of a state of 128 .*; got 96 lags\."
    ):
        log10_singular_values(wide, 96)
    with pytest.raises(ValueError, match=rf"at most {MOST_PRODUCTS:,}, here for 1024 lags; got 1025 lags\."):
        memory_products(wide, range(1025))
    assert log10_singular_values(wide, 1).shape == (2, 128)


# --- d m_T / d m_{T-k} -----------------------------------------------------------------------------------


def jacobian_of_memory(case: Case, last: int, at: int, detached: bool) -> np.ndarray:
    """d m_T / d m_t by autograd, m_t moved before anything reads it."""
    memory = "cell" if "cell" in case.before else "hidden"
    moves = torch.zeros(case.hidden, dtype=torch.float64, requires_grad=True)
    kept = []

    def move(t: int, name: str, value):
        value = value + moves if (t, name) == (at, memory) else value
        if (t, name) == (last, memory):
            kept.append(value)
        return value

    run(case, keep=move, detached=detached)
    rows = [torch.autograd.grad(v, moves, retain_graph=True)[0] for v in kept[0] + 0 * moves]
    return np.stack([row.numpy() for row in rows])


@every_cell
@pytest.mark.parametrize("detached", [False, True])
@pytest.mark.parametrize("last", [4])
def test_the_memorys_derivative_agrees_with_autograd_of_a_move_before_h_is_formed(
    name, detached, last
) -> None:
    case = Case(name, seed=51)
    flow = gradient_flow(case.network, case.trace, Loss(timestep=last), detached=detached)
    products = memory_products(flow)
    steps = oracles.run(name, case.p, case.xs, case.before)
    ones = np.ones(case.hidden)
    keep = [
        s["update"] if "update" in s else s.get("forget", ones if "cell" in s else 0 * ones) for s in steps
    ]
    assert products.lags == tuple(range(last + 1))
    direct = ones
    for lag in products.lags:
        expected = jacobian_of_memory(case, last, last - lag, detached)
        full = products.full[lag] * 2.0 ** products.exponent[lag]
        np.testing.assert_allclose(full, expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())
        if lag:
            direct = direct * keep[last - lag + 1]
        np.testing.assert_allclose(2.0 ** products.log2_direct[lag], direct, rtol=1e-13)
        with np.errstate(divide="ignore"):
            assert products.log10_direct[lag] == pytest.approx(np.log10(direct.max()), abs=1e-12)
            whole = np.log10(np.linalg.norm(expected, 2))
            rest = np.log10(np.linalg.norm(expected - np.diag(direct), 2))
        assert products.log10_full[lag] == pytest.approx(whole, abs=1e-10)
        if detached or lag == 0:
            assert products.log10_through[lag] == -np.inf
        else:
            assert products.log10_through[lag] == pytest.approx(rest, abs=1e-8)


@pytest.mark.parametrize("name", ["lstm-peephole", "lstm-1997", "gru-v3"])
def test_without_a_way_through_the_gates_nothing_goes_through_them_at_any_lag(name: str) -> None:
    network = Experiment(cell=name, hidden_size=3, forget_bias=1.0).build(2)
    xs = np.random.default_rng(0).standard_normal((1501, 2))
    products = memory_products(gradient_flow(network, xs, detached=True), [0, 1, 10, 100, 1500])
    np.testing.assert_allclose(products.log10_full, products.log10_direct, rtol=1e-11, atol=1e-11)
    assert np.isneginf(products.log10_through).all()


def test_chosen_lags_are_those_of_all_and_come_in_order() -> None:
    flow = Case("lstm-peephole", seed=52, time=40).flow(Loss(timestep=30))
    whole, some = memory_products(flow), memory_products(flow, [30, 0, 7, 7])
    assert some.lags == (0, 7, 30)
    for name in ("log10_full", "log10_direct", "log10_through"):
        assert getattr(some, name).tolist() == getattr(whole, name)[[0, 7, 30]].tolist()


@every_cell
def test_spectral_radii_are_the_largest_eigenvalues_of_the_transcriptions_jacobians(name: str) -> None:
    case = Case(name, seed=53)
    expected = np.abs(np.linalg.eigvals(one_step_jacobians(case))).max(axis=1)
    np.testing.assert_allclose(spectral_radii(case.flow()), expected, rtol=1e-7)
    np.testing.assert_allclose(spectral_radii(case.flow(Loss(timestep=2))), expected[:3], rtol=1e-7)


def test_the_memory_of_a_plain_network_explodes_by_powers_of_its_matrix() -> None:
    products = memory_products(elman(np.diag([5.0, -1.0]), 3001), [0, 1, 2000, 3000])
    np.testing.assert_allclose(products.log10_full, np.array(products.lags) * np.log10(5), rtol=1e-12)
    assert np.isneginf(products.log10_direct[1:]).all()
    np.testing.assert_allclose(products.log10_through[1:], products.log10_full[1:], rtol=1e-14)
