"""The squashing functions: torch's own values, and slopes that mpmath confirms where 1 - tanh^2 is rounding."""

import mpmath
import pytest
import torch
from torch.func import grad, vmap

from memviz.cells.functions import sigmoid, tanh

POINTS = [-700.0, -300.0, -40.0, -20.0, -3.0, -1e-8, 0.0, 1e-8, 0.5, 3.0, 19.5, 25.0, 40.0, 300.0]


def exact_slope(name: str, x: float) -> float:
    with mpmath.workdps(700):
        if name == "tanh":
            return float(mpmath.sech(x) ** 2)
        return float(1 / ((1 + mpmath.exp(-x)) * (1 + mpmath.exp(x))))


BOTH = pytest.mark.parametrize(
    ("name", "ours", "torchs"), [("sigmoid", sigmoid, torch.sigmoid), ("tanh", tanh, torch.tanh)]
)


@BOTH
def test_values_are_torchs_own_whether_they_are_differentiated_or_not(name: str, ours, torchs) -> None:
    x = torch.tensor(POINTS, dtype=torch.float64)
    assert torch.equal(ours(x), torchs(x))
    assert torch.equal(ours(x.clone().requires_grad_()).detach(), torchs(x))


@BOTH
def test_slopes_are_exact_also_in_saturation(name: str, ours, torchs) -> None:
    x = torch.tensor(POINTS, dtype=torch.float64, requires_grad=True)
    (slopes,) = torch.autograd.grad(ours(x).sum(), x)
    for point, slope in zip(POINTS, slopes.tolist(), strict=True):
        assert slope == pytest.approx(exact_slope(name, point), rel=1e-12, abs=1e-320), point


@BOTH
def test_slopes_are_the_same_for_each_of_many_at_once(name: str, ours, torchs) -> None:
    x = torch.tensor(POINTS, dtype=torch.float64)
    alone = vmap(grad(ours))(x)
    leaf = x.clone().requires_grad_()
    (by_row,) = torch.autograd.grad(
        ours(leaf), leaf, torch.eye(len(x), dtype=torch.float64), is_grads_batched=True
    )
    assert torch.equal(by_row.diagonal(), alone)
    assert torch.equal(by_row, torch.diag(alone))
