"""A long recursion in parts that run back side by side, where what crosses from part to part settles at once.

Steps after steps in Python cost the calls, not the arithmetic: 25 parts of 40 steps cost the calls of 40 steps, and
numpy's calls cost a third of torch's. A part has to know what the part after it sends back, so all run with what was
sent the last time, at first nothing, until what they send is what they were given. Then the result is that of one
after another: nothing is cut off. A network that forgets within a part settles in two or three rounds; one that does
not is left to the other ways.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

LEAST_TIME = 200
"""Timesteps from which on parts can be faster."""
_ROWS = 25
"""Rows of a matrix product that cost about as much as one."""
_FORGOTTEN = 1e-3
"""What a product of forget gates over a part may be at most for it to be worth a try."""
_SMALL_PRODUCT = 2**17
"""Multiplications in a matrix product up to which numpy's is on one thread, whatever the number of torch's."""

Array = np.ndarray
Found = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Factors:
    """Everything that an LSTM's recursion multiplies by, known before its first step.

    Attributes:
        rows: what dL/da is of dL/dc (input, forget, candidate) and of dL/dh (output), (time, batch, 4, unit).
        forget: the forget gates, (time, batch, unit).
        exposed: o * (1 - tanh(c)^2), (time, batch, unit).
        direct: dL/dh from outside, (time, batch, unit).
        recurrent: U, (rows, unit).
        cell: dL/dc from outside, (time, batch, unit); None where it is zero.
    """

    rows: Float[Tensor, "time batch gate unit"]
    forget: Float[Tensor, "time batch unit"]
    exposed: Float[Tensor, "time batch unit"]
    direct: Float[Tensor, "time batch unit"]
    recurrent: Float[Tensor, "rows unit"]
    cell: Float[Tensor, "time batch unit"] | None = None


@dataclass(frozen=True)
class _Parts:
    """The factors of parts beside each other, a row for each part of each sample, and room for what is found.

    Attributes:
        terms: `rows`, (step, row, gate, unit).
        forget, exposed, direct: (step, row, unit).
        recurrent: U, (rows, unit).
        found: dL/dh and dL/dc, (step, row, unit), and dL/da, (step, row, gate, unit).
    """

    terms: Array
    forget: Array
    exposed: Array
    direct: Array
    recurrent: Array
    found: tuple[Array, Array, Array]


@np.errstate(all="ignore")  # what overflows is shown as it is; torch says nothing of it either
def in_parts(factors: Factors) -> Found | None:
    """dL/dh, dL/dc and dL/da, or None where what crosses between parts does not settle in a few rounds."""
    time, batch, unit = factors.forget.shape
    is_here = factors.forget.device.type == "cpu" and factors.cell is None
    if not is_here or time < LEAST_TIME or not 1 <= batch <= _ROWS // 4:
        return None
    count = _ROWS // batch
    length = -(-time // count)
    parts = _laid(factors, count, length)
    if not parts.forget.prod(axis=0).max() <= _FORGOTTEN:
        return None
    given = np.zeros((2, count, batch, unit), parts.forget.dtype)
    for _ in range(given.itemsize):  # rounds: twice the digits take twice as many
        sent = _run(parts, given.reshape(2, count * batch, unit)).reshape(given.shape)
        now = np.zeros_like(given)
        now[:, :-1] = sent[:, 1:]
        allowed = 4 * np.finfo(now.dtype).eps * np.abs(now).max(axis=3, keepdims=True)
        if (np.abs(now - given) <= allowed).all():
            return _joined(parts.found, count, time)
        given = now
    return None


def _run(parts: _Parts, given: Float[Array, "state row unit"]) -> Float[Array, "state row unit"]:
    """All parts from their ends, into `found`; what each sends to the one before it: by h and by c."""
    dh, dc, da = parts.found
    flat = da.reshape(*da.shape[:2], -1)
    multiply = _product(flat, parts.recurrent, dh)
    steps = zip(
        range(len(dh)),
        parts.direct,
        parts.exposed,
        parts.forget,
        parts.terms[:, :, :3],
        parts.terms[:, :, 3],
        dh,
        dc,
        dc[:, :, None],
        da[:, :, :3],
        da[:, :, 3],
        strict=True,
    )
    sent, carried = given[0], given[1].copy()
    for t, direct, exposed, forget, k_cell, k_out, dh_t, dc_t, dc_rows, da_cell, da_out in reversed(
        list(steps)
    ):
        if t == len(dh) - 1:
            np.add(direct, sent, out=dh_t)
        else:
            multiply(t + 1, t)
            np.add(dh_t, direct, out=dh_t)
        np.multiply(dh_t, exposed, out=dc_t)
        np.add(dc_t, carried, out=dc_t)
        np.multiply(k_cell, dc_rows, out=da_cell)
        np.multiply(k_out, dh_t, out=da_out)
        np.multiply(dc_t, forget, out=carried)
    return np.stack([flat[0] @ parts.recurrent, carried])


def _product(da: Array, recurrent: Array, dh: Array) -> Callable[[int, int], object]:
    """A function that writes U^T da of one step as the dh of another.

    Numpy's call costs less, and a large product of torch's keeps to the number of threads that torch was told.
    """
    if da.shape[1] * recurrent.size <= _SMALL_PRODUCT:
        return lambda after, t: np.matmul(da[after], recurrent, out=dh[t])
    read, matrix, written = (
        torch.from_numpy(da).unbind(),
        torch.from_numpy(recurrent),
        torch.from_numpy(dh).unbind(),
    )
    return lambda after, t: torch.mm(read[after], matrix, out=written[t])


def _laid(factors: Factors, count: int, length: int) -> _Parts:
    forget, exposed, direct = (
        _parted(value, count, length) for value in (factors.forget, factors.exposed, factors.direct)
    )
    terms = _parted(factors.rows.flatten(2), count, length).reshape(*forget.shape[:2], 4, -1)
    found = np.empty_like(direct), np.empty_like(direct), np.empty_like(terms)
    return _Parts(terms, forget, exposed, direct, factors.recurrent.contiguous().numpy(), found)


def _parted(value: Tensor, count: int, length: int) -> Float[Array, "step row column"]:
    """(time, batch, column) as parts beside each other; zeros before the first, into which nothing is sent."""
    if (missing := count * length - len(value)) > 0:
        value = pad(value, (0, 0, 0, 0, missing, 0))
    return value.unflatten(0, (count, length)).transpose(0, 1).flatten(1, 2).contiguous().numpy()


def _joined(found: tuple[Array, Array, Array], count: int, time: int) -> Found:
    """Parts beside each other as (time, batch, ...) again."""
    dh, dc, da = (_whole(torch.from_numpy(value), count, time) for value in found)
    return dh, dc, da


def _whole(value: Tensor, count: int, time: int) -> Tensor:
    ordered = value.unflatten(1, (count, -1)).transpose(0, 1).flatten(0, 1)
    return ordered[len(ordered) - time :]
