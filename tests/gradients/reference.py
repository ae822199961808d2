"""Oracles for gradients: losses in plain formulas, autograd of the transcriptions, and products in mpmath."""

from itertools import combinations, pairwise

import mpmath
import numpy as np
import torch

from memviz.cells import CELLS
from memviz.gradients import GradientFlow, Loss, gradient_flow
from memviz.network import Network
from tests import oracles
from tests.gradients.case import HIDDEN, TIME, Case, probed

READOUT = tuple(tuple(row) for row in np.random.default_rng(77).standard_normal((3, HIDDEN)).tolist())
NUMBERS = tuple(tuple(row) for row in np.random.default_rng(78).standard_normal((TIME, 3)).tolist())
STATES = tuple(tuple(row) for row in np.random.default_rng(79).standard_normal((TIME, HIDDEN)).tolist())
BIAS = (0.7, -1.3, 0.2)
SYMBOLS = (0, 2, 1, 1, 0, 2, 1)

LOSSES = {
    "the sum of the last h": Loss(),
    "the sum everywhere": Loss(everywhere=True),
    "a unit early": Loss(timestep=3, unit=1),
    "the first step": Loss(timestep=0),
    "a read-out": Loss(readout=READOUT),
    "a read-out of one unit everywhere": Loss(unit=2, readout=READOUT, everywhere=True),
    "squared h": Loss(kind="squared error"),
    "squared error of h with one target": Loss(kind="squared error", targets=STATES[:1], timestep=4),
    "squared error of h everywhere": Loss(kind="squared error", targets=STATES, everywhere=True),
    "squared error of a read-out": Loss(kind="squared error", readout=READOUT, targets=NUMBERS, timestep=5),
    "squared error of a unit": Loss(kind="squared error", unit=0, readout=READOUT, targets=NUMBERS[:1]),
    "cross-entropy of h": Loss(kind="cross-entropy", targets=(3,)),
    "cross-entropy of a read-out": Loss(kind="cross-entropy", readout=READOUT, targets=SYMBOLS, timestep=5),
    "a read-out with a bias": Loss(kind="squared error", readout=READOUT, targets=NUMBERS, bias=BIAS),
    "cross-entropy with a bias": Loss(kind="cross-entropy", readout=READOUT, targets=SYMBOLS, bias=BIAS),
    "binary cross-entropy of h": Loss(kind="binary cross-entropy", targets=STATES, everywhere=True),
    "binary cross-entropy with a bias": Loss(
        kind="binary cross-entropy", readout=READOUT, targets=((0.0, 1.0, 1.0),), timestep=4, bias=BIAS
    ),
    "cross-entropy everywhere": Loss(kind="cross-entropy", readout=READOUT, targets=SYMBOLS, everywhere=True),
}


def read_steps(loss: Loss, time: int) -> list[int]:
    if loss.everywhere:
        return list(range(time))
    return [time - 1 if loss.timestep is None else loss.timestep]


def target_of(loss: Loss, t: int, outputs: int):
    if loss.targets is None:
        return 0 if loss.kind == "cross-entropy" else (0.0,) * outputs
    return loss.targets[0] if len(loss.targets) == 1 else loss.targets[t]


def value_of(loss: Loss, hidden):
    """The loss by its formulas, of rows of torch or numpy."""
    total, steps = 0.0, read_steps(loss, len(hidden))
    log = torch.log if isinstance(hidden, torch.Tensor) else np.log
    exp = torch.exp if isinstance(hidden, torch.Tensor) else np.exp
    for t in steps:
        h = hidden[t]
        read = [h[u] if loss.unit in (None, u) else 0.0 * h[u] for u in range(len(h))]
        y = read
        if loss.readout is not None:
            y = [sum(w * v for w, v in zip(row, read, strict=True)) for row in loss.readout]
        if loss.bias is not None:
            y = [value + b for value, b in zip(y, loss.bias, strict=True)]
        target = target_of(loss, t, len(y))
        if loss.kind == "value":
            total = total + sum(y)
        elif loss.kind == "squared error":
            total = total + sum((a - b) ** 2 for a, b in zip(y, target, strict=True)) / 2
        elif loss.kind == "binary cross-entropy":
            total = total + sum(log(1 + exp(a)) - b * a for a, b in zip(y, target, strict=True))
        else:
            top = max(
                float(a.detach() if isinstance(a, torch.Tensor) else a) for a in y
            )  # exp of it is finite
            total = total + log(sum(exp(a - top) for a in y)) - (y[target] - top)
    return total / len(steps)


class Truncation:
    """The truncated gradient of 1997: every step starts from a constant, and only the memory's own path is tied on.

    That path is c by f, or h by z: its factor is a constant, too.
    """

    def __init__(self, case: Case, before, output_sees_c: bool = False) -> None:
        self.memory = "cell" if "cell" in before else "hidden"
        self.is_kept = not case.name.startswith("elman")
        self.tied = before[self.memory]
        self.factor: torch.Tensor | float = 1.0  # the carousel of 1997
        self.output_sees_c = output_sees_c

    def __call__(self, name: str, value):
        if name == "output_from_cell" and not self.output_sees_c:  # the peephole that sees the new c
            return value.detach()
        if name in ("forget", "update"):
            self.factor = value.detach()
        if name == self.memory:
            if self.is_kept:
                value = value + self.factor * (self.tied - self.tied.detach())
            self.tied = value
        return value

    @staticmethod
    def cut(state):
        return {part: value.detach() for part, value in state.items()}


def run(case: Case, p=None, xs=None, before=None, keep=None, detached=False, between=None):
    """The transcription's signals step by step, in torch, differentiable by whatever is given."""
    p = oracles.as_torch(case.p) if p is None else p
    before = oracles.as_torch(case.before) if before is None else before
    xs = torch.tensor(case.xs) if xs is None else xs
    if not detached:
        return oracles.run(case.name, p, xs, before, keep, between, oracles.TORCH)
    truncation = Truncation(case, before)
    state, steps = before, []
    for t, x in enumerate(xs):

        def tap(name: str, value, t=t):
            value = truncation(name, value)
            if keep is None:
                return value
            value = keep(t, name, value)
            if name == truncation.memory:
                truncation.tied = value  # as it was moved or kept
            return value

        state, signals = oracles.step(case.name, p, x, truncation.cut(state), tap, oracles.TORCH)
        steps.append(signals)
    return steps


def by_signal(case: Case, loss: Loss, detached: bool = False) -> dict[str, np.ndarray]:
    """dL/d(signal) at each step by autograd with retain_grad, (time, unit)."""
    kept: dict[tuple[int, str], torch.Tensor] = {}

    def keep(t: int, name: str, value):
        if "_from_" in name or name.endswith("_bias"):
            return value
        value.retain_grad() if value.requires_grad else value.requires_grad_()
        kept[t, name] = value
        return value

    steps = run(case, keep=keep, detached=detached)
    value_of(loss, torch.stack([s["hidden"] for s in steps])).backward()
    return {name: np.stack([grad_of(kept[t, name]) for t in range(case.time)]) for name in probed(case.name)}


def grad_of(value: torch.Tensor) -> np.ndarray:
    return np.zeros(value.shape) if value.grad is None else value.grad.numpy()


def elman(matrix, time: int, loss: Loss | None = None) -> GradientFlow:
    """An Elman network at rest, whose Jacobian is its matrix at every step."""
    matrix = torch.tensor(np.asarray(matrix, dtype=np.float64))
    size = len(matrix)
    p = {"weight_ih": torch.zeros(size, 1), "bias_ih": torch.zeros(size), "bias_hh": torch.zeros(size)}
    network = Network(CELLS["elman"], {**p, "weight_hh": matrix})
    return gradient_flow(network, torch.zeros(time, 1), loss or Loss())


# --- products in mpmath: 60 digits, and exponents of any size ----------------------------------------------


def mp_matrix(values: np.ndarray) -> mpmath.matrix:
    return mpmath.matrix([[mpmath.mpf(float(v)) for v in row] for row in values])


def _determinant(rows):
    if len(rows) == 1:
        return rows[0][0]
    minors = ([r[:j] + r[j + 1 :] for r in rows[1:]] for j in range(len(rows)))
    return sum((-1) ** j * rows[0][j] * _determinant(minor) for j, minor in enumerate(minors))


def compound(values: np.ndarray, order: int) -> mpmath.matrix:
    """All minors of an order; the largest singular value of a product of these is a product of the first so many."""
    rows = [[mpmath.mpf(float(v)) for v in row] for row in values]
    chosen = list(combinations(range(len(rows)), order))
    return mpmath.matrix(
        [[_determinant([[rows[i][j] for j in c] for i in r]) for c in chosen] for r in chosen]
    )


def log10_largest(matrix: mpmath.matrix):
    size = max(abs(v) for v in matrix)
    if size == 0:
        return -mpmath.inf
    return mpmath.log10(size) + mpmath.log10(max(mpmath.svd_r(matrix / size, compute_uv=False)))


def log10_singular_values_of(factors, lags) -> dict[int, list[float]]:
    """log10 of all singular values of the product of the first so many factors, by products of compounds."""
    width = len(factors[0])
    sums: dict[int, list] = {lag: [mpmath.mpf(0)] for lag in lags}
    with mpmath.workdps(60):
        for order in range(1, width + 1):
            product = None
            for lag, factor in enumerate(factors, start=1):
                product = compound(factor, order) if product is None else product * compound(factor, order)
                if lag in sums:
                    sums[lag].append(log10_largest(product))
        return {
            lag: [float(b - a) if b > -mpmath.inf else -np.inf for a, b in pairwise(found)]
            for lag, found in sums.items()
        }
