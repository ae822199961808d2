"""Products of Jacobians over lags: d state_T / d state_{T-k} for k = 0, 1, 2 and so on, at any lag.

One scale for a whole product keeps its entries and its largest singular value. The small singular values need the
graded form U D T, with U orthogonal, D of any size and T well conditioned, which is renewed by a QR decomposition at
every step (Stewart, "On graded QR decompositions of products of matrices", 1995).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from memviz.gradients.flow import GradientFlow
from memviz.gradients.paths import log2_direct_path, memory_of

MOST_GRADED = 2 * 10**8
"""The most that lags * state^3 may be for all singular values: about two seconds."""
MOST_PRODUCTS = 2**24
"""The most that lags * state^2 may be for whole products: 128 MB."""

_NONE = -1e300
"""The logarithm that stands for that of an exact zero; sums of it stay finite."""
_COUPLED = 1e-9
"""Entries of a triangle smaller than this, relative to the diagonal, change a singular value by less than 1e-16."""
_GROWN = 4.0
"""How large an entry of D'^-1 R D may be; larger ones, of columns that nearly depend on others, would pile up in T."""
_EPS = float(np.finfo(np.float64).eps)
_ROUNDING = 64 * _EPS

Matrices = Float[np.ndarray, "lag state state"]
Logs = Float[np.ndarray, "lag state"]


def log10_singular_values(flow: GradientFlow, longest: int | None = None) -> Logs:
    """log10 of all singular values of d state_T / d state_{T-k}, largest first; row k is lag k.

    T is the last step that the loss reads, the state is (h, c) with its parts held independent. Singular values that
    are zero to rounding, as where h is a function of c alone, are -inf.

    Args:
        flow: the gradient; its loss itself does not matter.
        longest: the longest lag, by default back to step 0.

    Raises:
        ValueError: if there is no such lag, or if lags * state^3 is above MOST_GRADED.
    """
    longest, width = _longest(flow, longest), flow.scaled_state.mantissa.shape[1]
    if longest * width**3 > MOST_GRADED:
        raise ValueError(
            f"All singular values are computed where lags * state^3 is at most {MOST_GRADED:,}, here for "
            f"{MOST_GRADED // width**3} lags of a state of {width} numbers; got {longest} lags."
        )
    rows = [np.zeros((1, width))]
    graded = _Graded(width)
    for jacobians in _backwards(flow, longest):
        rows.append(_log_singular_values(*graded.take(jacobians.swapaxes(1, 2))) / np.log(10.0))
    logs = np.concatenate(rows)
    if (
        graded.has_pivoted
    ):  # beside huge dead directions the graded form can lose what is left of the largest value
        logs[1:, 0] = np.maximum(logs[1:, 0], _log10_largest(flow, longest, width))
    return logs


def spectral_radii(flow: GradientFlow, timesteps: Iterable[int] | None = None) -> Float[np.ndarray, " time"]:
    """The spectral radius of each one-step Jacobian, by default of all steps up to the loss's; its largest eigenvalue.

    It bounds no product: for [[.9, 5], [0, .9]] it is .9, and the norm of the 9th power is 19.4.
    """
    chosen = None if timesteps is None else set(timesteps)
    radii = []
    for span, jacobians in flow.backwards():
        steps = range(span.start, span.stop)
        picked = jacobians if chosen is None else jacobians[[t - span.start for t in steps if t in chosen]]
        radii.append(torch.linalg.eigvals(torch.from_numpy(picked)).abs().amax(dim=1).numpy())
    return np.concatenate(radii[::-1])


@dataclass(frozen=True, eq=False)
class MemoryProducts:
    """d m_T / d m_{T-k} for some lags k, where m is the memory: the cell state, or h where a cell has no c.

    Attributes:
        lags: the lags.
        full: each whole derivative, all paths, as floats over 2^exponent, (lag, unit, unit); m_{T-k} is moved before
            anything reads it.
        exponent: one for each lag.
        log2_direct: log2 of the product of the gates that keep the memory, (lag, unit); an exact zero is -inf. It is
            all that is left of the derivative when gates and candidate see the state as a constant.
    """

    lags: tuple[int, ...]
    full: Float[np.ndarray, "lag unit unit"]
    exponent: Float[np.ndarray, " lag"]
    log2_direct: Float[np.ndarray, "lag unit"]

    @property
    def log10_full(self) -> Float[np.ndarray, " lag"]:
        """log10 of the largest singular value of the whole derivative."""
        return _log10_norms(self.full, self.exponent)

    @property
    def log10_direct(self) -> Float[np.ndarray, " lag"]:
        """log10 of the largest product of gates of a unit."""
        return self.log2_direct.max(axis=1) * float(np.log10(2.0))

    @property
    def log10_through(self) -> Float[np.ndarray, " lag"]:
        """log10 of the largest singular value of the difference: what goes through gates and candidate."""
        top = np.maximum(self.exponent, self.log2_direct.max(axis=1))
        direct = np.exp2(self.log2_direct - top[:, None])
        full = self.full * np.exp2(self.exponent - top)[:, None, None]
        diagonal = direct[:, :, None] * np.eye(direct.shape[1])
        through = full - diagonal
        # Both are products of so many factors, and the logarithm of one is rounded: less than that is nothing.
        factors = np.array(self.lags)[:, None] + np.where(direct > 0, np.abs(self.log2_direct), 0.0)
        rounding = (_ROUNDING + 2 * _EPS * factors)[:, None, :]
        through[np.abs(through) <= rounding * diagonal] = 0.0
        return _log10_norms(through, top)


def memory_products(flow: GradientFlow, lags: Iterable[int] | None = None) -> MemoryProducts:
    """d m_T / d m_{T-k} for some lags, by default for all, T being the last step that the loss reads.

    Raises:
        ValueError: if there is no such lag, or if lags * state^2 is above MOST_PRODUCTS.
    """
    longest, width = _longest(flow, None), flow.scaled_state.mantissa.shape[1]
    chosen = sorted(set(range(longest + 1) if lags is None else lags))
    if not chosen or chosen[0] < 0 or chosen[-1] > longest:
        raise ValueError(f"A lag of this run is 0 to {longest}; got {chosen[:1] + chosen[-1:]}.")
    if len(chosen) * width**2 > MOST_PRODUCTS:
        raise ValueError(
            f"Products are kept where lags * state^2 is at most {MOST_PRODUCTS:,}, here for "
            f"{MOST_PRODUCTS // width**2} lags; got {len(chosen)} lags."
        )
    memory = memory_of(flow.trace)
    product, scale = np.eye(width)[_rows_of(flow, memory)], 0
    wanted, full, exponents = set(chosen), [], []
    for span, steps in flow.replay():
        jacobians, inner = steps.jacobians().numpy(), steps.by_signal(memory).numpy()
        for t in range(span.stop - 1, span.start - 1, -1):
            if flow.last - t in wanted:
                full.append(product @ inner[t - span.start])
                exponents.append(float(scale))
            product = product @ jacobians[t - span.start]
            power = int(np.frexp(np.abs(product).max())[1])
            product, scale = np.ldexp(product, -power), scale + power
    direct = log2_direct_path(flow.trace, flow.last)[chosen]
    return MemoryProducts(tuple(chosen), np.stack(full), np.array(exponents), direct)


def _longest(flow: GradientFlow, longest: int | None) -> int:
    longest = flow.last if longest is None else longest
    if not 0 <= longest <= flow.last:
        raise ValueError(f"A lag of this run is 0 to {flow.last}; got {longest}.")
    return longest


def _rows_of(flow: GradientFlow, part: str) -> slice:
    """Where a part stands in the state."""
    cell, first = flow.network.cell, 0
    for (name, _), width in zip(cell.state, cell.state_widths(flow.trace.units), strict=True):
        if name == part:
            return slice(first, first + width)
        first += width
    raise KeyError(part)


def _backwards(flow: GradientFlow, longest: int) -> Iterator[Matrices]:
    """The Jacobians J_T, J_{T-1} and so on, `longest` of them, in chunks."""
    left = longest
    for _, jacobians in flow.backwards():
        if left == 0:
            return
        yield jacobians[::-1][:left]
        left -= min(left, len(jacobians))


def _log10_largest(flow: GradientFlow, longest: int, width: int) -> Float[np.ndarray, " lag"]:
    """log10 of the largest singular value at lags from 1 on, of the product itself with one running scale."""
    product, scale = np.eye(width), 0
    products, scales = np.empty((longest, width, width)), np.empty(longest)
    lag = 0
    for jacobians in _backwards(flow, longest):
        for jacobian in jacobians:
            product = product @ jacobian
            power = int(np.frexp(np.abs(product).max())[1])
            product, scale = np.ldexp(product, -power), scale + power
            products[lag], scales[lag] = product, scale
            lag += 1
    return _log10_norms(products, scales)


def _log10_norms(matrices: Matrices, exponent: Float[np.ndarray, " lag"]) -> Float[np.ndarray, " lag"]:
    """log10 of the largest singular value of each matrix * 2^exponent."""
    with np.errstate(divide="ignore"):
        largest = np.log10(torch.linalg.svdvals(torch.from_numpy(matrices))[:, 0].numpy())
    logs: Float[np.ndarray, " lag"] = largest + exponent * np.log10(2.0)
    return logs


class _Graded:
    """A growing product as U D T, D in logarithms; `has_pivoted` says whether some step was far from the ordinary."""

    def __init__(self, width: int) -> None:
        self.has_pivoted = False
        self._u, self._t, self._log_d = np.eye(width), np.eye(width), np.zeros(width)

    def take(self, factors: Matrices) -> tuple[Logs, Matrices]:
        """Multiply by factors from the left, one after another; log D and T after each."""
        logs, triangles = np.empty(factors.shape[:2]), np.empty(factors.shape)
        for k, factor in enumerate(factors):
            self._multiply(factor)
            logs[k], triangles[k] = self._log_d, self._t
        return logs, triangles

    def _multiply(self, factor: Float[np.ndarray, "state state"]) -> None:
        moved = factor @ self._u
        sizes = _column_sizes(moved)
        with np.errstate(divide="ignore"):
            order = np.argsort(-(np.log(sizes) + self._log_d), kind="stable")
        q, r, is_zero, t = self._triangular(moved, sizes, order)
        if (is_zero & (self._log_d[order] > _NONE)).any() or np.abs(t).max() > _GROWN:
            self.has_pivoted = True
            order = _pivots(moved, sizes, self._log_d)
            q, r, is_zero, t = self._triangular(moved, sizes, order)
            # Pivoting leaves nothing above 1 but the rounding of larger columns, beside which such a row is lost.
            is_zero |= (np.abs(t) > _GROWN).any(axis=1)
            t[is_zero] = 0.0
        with np.errstate(divide="ignore"):
            new = np.where(is_zero, _NONE, np.log(np.abs(r.diagonal())) + self._log_d[order])
        t = t @ self._t[order]
        t[is_zero] = np.eye(len(t))[is_zero]
        self._u, self._t, self._log_d = q, t, new

    def _triangular(
        self,
        moved: Float[np.ndarray, "state state"],
        sizes: Float[np.ndarray, " state"],
        order: Int[np.ndarray, " state"],
    ) -> tuple[Any, Any, Bool[np.ndarray, " state"], Float[np.ndarray, "state state"]]:
        """Q and R of the columns in an order, which of R's rows are zero, and D'^-1 R D with D' = |diagonal of R| D."""
        q, r = _orthogonal_triangular(moved[:, order])
        log_d, diagonal = self._log_d[order], np.abs(r.diagonal())
        # What is left of a column after those before it were taken out is known to rounding and no better.
        is_zero = (diagonal <= _ROUNDING * sizes[order]) | (log_d <= _NONE)
        logs = np.where(is_zero, 0.0, np.log(np.where(is_zero, 1.0, diagonal)) + log_d)
        t = r * np.exp(np.minimum(log_d[None, :] - logs[:, None], 700.0))
        t[is_zero] = 0.0
        return q, r, is_zero, t


def _orthogonal_triangular(
    matrix: Float[np.ndarray, "row column"],
) -> tuple[Float[np.ndarray, "row column"], Float[np.ndarray, "row column"]]:
    """Q and R; torch calls LAPACK with less overhead than numpy."""
    q, r = torch.linalg.qr(torch.from_numpy(matrix))
    return q.numpy(), r.numpy()


def _pivots(
    moved: Float[np.ndarray, "state state"],
    sizes: Float[np.ndarray, " state"],
    log_d: Float[np.ndarray, " state"],
) -> Int[np.ndarray, " state"]:
    """The columns by what is left of each, times its D, once those before it are taken out: no entry of T can grow.

    Columns that depend on others go last, so that the rows that belong to them are empty.
    """
    order, rest = np.arange(len(log_d)), moved.copy()
    for k in range(len(order)):
        left = _column_sizes(rest[:, order[k:]])
        with np.errstate(divide="ignore"):
            logs = np.log(np.where(left <= _ROUNDING * sizes[order[k:]], 0.0, left)) + log_d[order[k:]]
        best = int(np.argmax(logs))
        if logs[best] == -np.inf:
            break
        order[[k, k + best]] = order[[k + best, k]]
        column = rest[:, order[k]] / left[best]
        rest -= np.outer(column, column @ rest)
    return order


def _column_sizes(matrix: Float[np.ndarray, "row column"]) -> Float[np.ndarray, " column"]:
    """The norm of each column; squares of what is below 1e-154 would be lost."""
    largest = np.abs(matrix).max(axis=0)
    relative = matrix / np.where(largest > 0, largest, 1.0)
    sizes: Float[np.ndarray, " column"] = largest * np.sqrt((relative**2).sum(axis=0))
    return sizes


def _log_singular_values(log_d: Logs, t: Matrices) -> Logs:
    """The logarithms of the singular values of D T, largest first.

    Two QR decompositions, the second of the transpose of the first, bring D T near a diagonal without ever forming D;
    blocks that stay coupled are of one size, and a plain SVD does for them.
    """
    order = np.argsort(-log_d, axis=1, kind="stable")
    log_d, t = np.take_along_axis(log_d, order, 1), np.take_along_axis(t, order[:, :, None], 1)
    ratio = np.tril(np.exp(np.minimum(0.0, log_d[:, :, None] - log_d[:, None, :])))
    r = _triangle(t.swapaxes(1, 2))  # (D T)^T = Q R D
    r = _triangle(r.swapaxes(1, 2) * ratio)  # (R D)^T = (D R^T D^-1) D
    with np.errstate(divide="ignore"):
        logs: Logs = np.log(np.abs(np.diagonal(r, axis1=1, axis2=2))) + log_d
        for lags, columns in _coupled_blocks(r, logs, log_d):
            block = r[lags[:, None, None], columns[:, :, None], columns[:, None, :]]
            sizes = log_d[lags[:, None], columns]
            top = sizes[:, :1]
            values = torch.linalg.svdvals(torch.from_numpy(block * np.exp(sizes - top)[:, None, :])).numpy()
            logs[lags[:, None], columns] = np.log(values) + top
    logs[log_d <= _NONE] = -np.inf
    return -np.sort(-logs, axis=1)


def _triangle(matrices: Matrices) -> Matrices:
    """R of the QR decomposition of each."""
    r: Matrices = torch.linalg.qr(torch.from_numpy(np.ascontiguousarray(matrices)), mode="r").R.numpy()
    return r


def _coupled_blocks(
    r: Matrices, logs: Logs, log_d: Logs
) -> Iterator[tuple[Int[np.ndarray, " block"], Int[np.ndarray, "block column"]]]:
    """The diagonal blocks of R D that are no single numbers, those of one size together: lags and columns of each."""
    count, width = logs.shape
    coupling = np.abs(np.triu(r, 1)) * np.exp(np.minimum(log_d[:, None, :] - logs[:, :, None], 700.0))
    furthest = np.where(coupling > _COUPLED, np.arange(width), -1).max(axis=2)
    is_joined = np.maximum.accumulate(furthest, axis=1)[:, :-1] > np.arange(width - 1)
    starts = np.concatenate([np.ones((count, 1), bool), ~is_joined], axis=1)
    lags, first = np.nonzero(starts)
    ends = np.where(np.append(lags[1:], -1) == lags, np.append(first[1:], 0), width)
    for size in np.unique(ends - first):
        chosen = ends - first == size
        if size > 1:
            yield lags[chosen], first[chosen, None] + np.arange(size)
