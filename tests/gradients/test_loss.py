"""Losses against their formulas, and the gradient of each kind of loss against autograd of every transcription."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from memviz.gradients import KINDS, Loss, gradient_flow
from tests import oracles
from tests.gradients.case import HIDDEN, TIME, Case, agrees
from tests.gradients.reference import LOSSES, READOUT, by_signal, read_steps, target_of, value_of

every_cell = pytest.mark.parametrize("name", oracles.NAMES)
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def direct_of(loss: Loss, hidden: np.ndarray) -> np.ndarray:
    """dL/dh_t by hand: V^T 1, V^T (y - target), V^T (softmax(y) or sigmoid(y) - target), over the number of steps."""
    steps, direct = read_steps(loss, len(hidden)), np.zeros(hidden.shape)
    V = np.eye(hidden.shape[1]) if loss.readout is None else np.array(loss.readout)
    mask = np.ones(hidden.shape[1]) if loss.unit is None else np.eye(hidden.shape[1])[loss.unit]
    for t in steps:
        y = V @ (mask * hidden[t]) + (0.0 if loss.bias is None else np.array(loss.bias))
        target = target_of(loss, t, len(y))
        if loss.kind == "value":
            dy = np.ones(len(y))
        elif loss.kind == "squared error":
            dy = y - np.array(target)
        elif loss.kind == "binary cross-entropy":
            dy = 1 / (1 + np.exp(-y)) - np.array(target)
        else:
            dy = np.exp(y) / np.exp(y).sum() - np.eye(len(y))[target]
        direct[t] = mask * (V.T @ dy) / len(steps)
    return direct


@every_loss
@given(seed=st.integers(0, 10**6), scale=st.sampled_from([1e-8, 0.5, 3.0]))
@settings(max_examples=8)
def test_the_value_and_the_direct_term_are_those_of_the_formulas(loss: Loss, seed: int, scale: float) -> None:
    hidden = scale * np.random.default_rng(seed).standard_normal((TIME, HIDDEN))
    assert float(loss.value(torch.tensor(hidden))) == pytest.approx(value_of(loss, hidden), rel=1e-12)
    np.testing.assert_allclose(loss.direct(hidden), direct_of(loss, hidden), rtol=1e-10, atol=1e-14)


@every_cell
@every_loss
def test_the_gradient_of_every_loss_agrees_with_autograd(name: str, loss: Loss) -> None:
    case = Case(name, seed=31)
    flow, expected = case.flow(loss), by_signal(case, loss)
    assert set(flow.signals) == set(expected)
    for signal, gradient in expected.items():
        agrees(flow.signals[signal], gradient)
    np.testing.assert_allclose(flow.direct, direct_of(loss, case.trace["hidden"]), rtol=1e-11, atol=1e-15)
    assert flow.last == read_steps(loss, TIME)[-1]


@every_cell
@given(
    seed=st.integers(0, 10**6),
    hidden=st.integers(1, 5),
    time=st.integers(1, 9),
    scale=st.sampled_from([0.2, 1.0, 1.5]),
    data=st.data(),
)
@settings(max_examples=5)
def test_the_gradient_agrees_with_autograd_for_any_shape_readout_and_target(
    name, seed, hidden, time, scale, data
) -> None:
    rng = np.random.default_rng(seed)
    outputs = data.draw(st.integers(1, 4))
    has_readout = data.draw(st.booleans())
    width = outputs if has_readout else hidden
    kind = data.draw(st.sampled_from(KINDS))
    count = data.draw(st.sampled_from([1, time]))
    if kind == "cross-entropy":
        targets = tuple(rng.integers(0, width, count).tolist())
    else:
        targets = tuple(map(tuple, rng.standard_normal((count, width)).tolist()))
    loss = Loss(
        timestep=data.draw(st.none() | st.integers(0, time - 1)),
        unit=data.draw(st.none() | st.integers(0, hidden - 1)),
        kind=kind,
        readout=tuple(map(tuple, rng.standard_normal((outputs, hidden)).tolist())) if has_readout else None,
        targets=targets,
        everywhere=data.draw(st.booleans()),
    )
    case = Case(name, seed, time, hidden, scale, seed)
    flow, expected = case.flow(loss), by_signal(case, loss)
    norms = [np.linalg.norm(gradient, axis=1) for gradient in expected.values()]
    largest = np.maximum.accumulate(np.max(norms, axis=0)[::-1])[::-1]
    for signal, gradient in expected.items():
        error = np.linalg.norm(flow.signals[signal] - gradient, axis=1)
        # softmax - one-hot is known to 1e-16 and no better
        assert (error <= 1e-9 * np.linalg.norm(gradient, axis=1) + 1e-13 * largest + 1e-15).all(), signal


def test_one_target_is_that_of_every_step_and_each_step_may_have_its_own() -> None:
    hidden = torch.tensor(np.random.default_rng(1).standard_normal((TIME, HIDDEN)))
    for kind, target in (("squared error", (0.5, 1.0, -1.0, 2.0)), ("cross-entropy", 2)):
        one = Loss(kind=kind, targets=(target,), everywhere=True)
        each = Loss(kind=kind, targets=(target,) * TIME, everywhere=True)
        assert float(one.value(hidden)) == float(each.value(hidden))
    steps = [float(Loss(kind="cross-entropy", timestep=t, targets=(1,)).value(hidden)) for t in range(TIME)]
    together = Loss(kind="cross-entropy", targets=(1,), everywhere=True)
    assert float(together.value(hidden)) == pytest.approx(np.mean(steps), rel=1e-14)


def test_whole_numbers_are_targets_of_one_output_too() -> None:
    hidden = torch.tensor([[2.0, 3.0]], dtype=torch.float64)
    loss = Loss(kind="squared error", readout=((1.0, 1.0),), targets=(1,))
    assert float(loss.value(hidden)) == 8.0


@pytest.mark.parametrize("size", [1e3, 1e200])
def test_cross_entropy_of_outputs_of_any_size_is_finite(size: float) -> None:
    loss = Loss(kind="cross-entropy", targets=(0,))
    hidden = np.array([[-size, size]])
    assert float(loss.value(torch.tensor(hidden))) == 2 * size
    assert loss.direct(hidden).tolist() == [[-1.0, 1.0]]


@pytest.mark.parametrize(
    "broken",
    [
        {"bias": (1.0,)},
        {"readout": READOUT, "bias": (1.0, 2.0)},
        {"readout": READOUT, "bias": (1.0, 2.0, float("nan"))},
    ],
)
def test_a_bias_is_a_finite_number_for_each_row_of_a_readout(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="A read-out's bias is a finite number for each of its"):
        Loss(**broken)


def test_a_squared_error_that_is_met_exactly_has_no_gradient_at_all() -> None:
    case = Case("lstm", seed=3)
    loss = Loss(kind="squared error", targets=(tuple(case.trace["hidden"][-1].tolist()),))
    flow = case.flow(loss)
    assert not flow.direct.any()
    for signal in flow.scaled:
        assert not flow.signals[signal].any()
        assert (flow.log10_norms(signal) == -np.inf).all()


@pytest.mark.parametrize(
    ("settings_", "rule"),
    [
        (
            {"kind": "hinge"},
            "The kind of a loss is one of value, squared error, cross-entropy, binary cross-entropy; got 'hinge'.",
        ),
        ({"readout": ()}, "A read-out is one or more rows of equal length, a weight for each unit."),
        ({"readout": ((),)}, "A read-out is one or more rows of equal length, a weight for each unit."),
        (
            {"readout": ((1.0,), (1.0, 2.0))},
            "A read-out is one or more rows of equal length, a weight for each unit.",
        ),
        (
            {"readout": ((1.0, float("nan")),)},
            "A read-out's weights are finite numbers; got NaN or infinity.",
        ),
    ],
)
def test_a_loss_that_cannot_be_is_refused_at_birth(settings_, rule: str) -> None:
    from jaxtyping import config

    before = config.jaxtyping_disable
    config.update("jaxtyping_disable", True)  # a user has no annotations checked
    try:
        with pytest.raises(ValueError, match=r"read-out|kind") as refusal:
            Loss(**settings_)
    finally:
        config.update("jaxtyping_disable", before)
    assert str(refusal.value) == rule


@pytest.mark.parametrize(
    ("loss", "rule"),
    [
        (Loss(timestep=TIME), "The loss reads a timestep from 0 to 6; got 7."),
        (Loss(unit=4), "The loss reads a unit from 0 to 3; got 4."),
        (Loss(readout=((1.0, 2.0),)), "A read-out has a weight for each of the 4 units; got 2."),
        (
            Loss(kind="cross-entropy", targets=(4,)),
            "A target symbol is a whole number from 0 to 3; got 4.",
        ),
        (
            Loss(kind="cross-entropy", targets=(-1,)),
            "A target symbol is a whole number from 0 to 3; got -1.",
        ),
        (
            Loss(kind="cross-entropy", readout=READOUT, targets=((1.0, 2.0),)),
            "A target symbol is a whole number from 0 to 2; got (1.0, 2.0).",
        ),
        (
            Loss(kind="squared error", targets=((1.0,),)),
            "A target is 4 numbers, one for each output; got 1.",
        ),
        (
            Loss(
                kind="squared error",
                everywhere=True,
                readout=READOUT,
                targets=((0.0,) * 3,) * 6 + ((0.0,) * 5,),
            ),
            "A target is 3 numbers, one for each output; got 5.",
        ),
        (
            Loss(kind="squared error", targets=((0.0, 0.0, 0.0, float("inf")),)),
            "Targets are finite numbers; got NaN or infinity.",
        ),
        (
            Loss(kind="cross-entropy", targets=(1, 2)),
            "There is one target, or one for each of the 7 timesteps; got 2.",
        ),
        (
            Loss(kind="cross-entropy", targets=()),
            "There is one target, or one for each of the 7 timesteps; got 0.",
        ),
    ],
)
def test_a_loss_that_does_not_fit_the_run_is_refused_with_its_rule(loss: Loss, rule: str) -> None:
    case = Case("lstm")
    with pytest.raises(ValueError, match="got") as refusal:
        gradient_flow(case.network, case.trace, loss)
    assert str(refusal.value) == rule
