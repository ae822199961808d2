"""A long recursion in parts that run back side by side, where what crosses from part to part settles at once.

Steps after steps in Python cost the calls, not the arithmetic; 32 parts of 32 steps cost the calls of 32 steps. A
part has to know what the part after it sends back, so all run with what was sent the last time, at first nothing,
until what they send is what they were given. Then the result is that of one after another: nothing is cut off. A
network that forgets within a part settles in two rounds; one that does not is left to the other ways.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

LEAST_TIME = 200
"""Timesteps from which on it can be faster."""
_ROWS = 40
"""Rows of a matrix product that cost about as much as one."""
_FORGOTTEN = 1e-3
"""What a product of forget gates over a part may be at most for it to be worth a try."""


@dataclass(frozen=True)
class Factors:
    """Everything that an LSTM's recursion multiplies by, known before its first step.

    Attributes:
        rows: what dL/da is of dL/dc (input, forget, candidate) and of dL/dh (output), (time, batch, 4, unit).
        forget: the forget gates, (time, batch, unit).
        exposed: o * (1 - tanh(c)^2), (time, batch, unit).
        direct: dL/dh from outside, (time, batch, unit).
        recurrent: U, (rows, unit).
    """

    rows: Float[Tensor, "time batch gate unit"]
    forget: Float[Tensor, "time batch unit"]
    exposed: Float[Tensor, "time batch unit"]
    direct: Float[Tensor, "time batch unit"]
    recurrent: Float[Tensor, "rows unit"]


def in_parts(factors: Factors) -> tuple[Tensor, Tensor, Tensor] | None:
    """dL/dh, dL/dc and dL/da, or None where what crosses between parts does not settle in a few rounds."""
    time, batch, _ = factors.forget.shape
    if time < LEAST_TIME or not 1 <= batch <= _ROWS // 4:
        return None
    count = _ROWS // batch
    length = -(-time // count)
    forget = _parted(factors.forget, count, length)
    if not forget.prod(dim=0).max() <= _FORGOTTEN:
        return None
    exposed, direct = (_parted(value, count, length) for value in (factors.exposed, factors.direct))
    rows = _parted(factors.rows.flatten(2), count, length).unflatten(2, (4, -1))
    out = torch.empty_like(direct), torch.empty_like(exposed), torch.empty_like(rows)
    given = torch.zeros(2, count, batch, forget.shape[2], dtype=forget.dtype, device=forget.device)
    for _ in range(forget.dtype.itemsize):  # rounds: twice the digits take twice as many
        sent = _run(rows, forget, exposed, direct, factors.recurrent, given.flatten(1, 2), out)
        now = torch.zeros_like(given)
        now[:, :-1] = sent.view_as(given)[:, 1:]
        allowed = 4 * torch.finfo(now.dtype).eps * now.abs().amax(dim=-1, keepdim=True)
        if ((now - given).abs() <= allowed).all():
            dh, dc, da = (_joined(value, count, time) for value in out)
            return dh, dc, da
        given = now
    return None


def _run(
    rows: Tensor,
    forget: Tensor,
    exposed: Tensor,
    direct: Tensor,
    recurrent: Tensor,
    given: Float[Tensor, "state parts unit"],
    out: tuple[Tensor, Tensor, Tensor],
) -> Float[Tensor, "state parts unit"]:
    """All parts from their ends, into `out`; what each sends to the one before it: by h and by c."""
    dh, dc, da = out
    steps = zip(
        direct.unbind(),
        exposed.unbind(),
        forget.unbind(),
        rows[:, :, :3].unbind(),
        rows[:, :, 3].unbind(),
        dh.unbind(),
        dc.unbind(),
        dc.unsqueeze(2).unbind(),
        da[:, :, :3].unbind(),
        da[:, :, 3].unbind(),
        da.flatten(2).unbind(),
        strict=True,
    )
    sent, carried = given[0].clone(), given[1].clone()
    after: Tensor | None = None
    for direct_t, exposed_t, f_t, k_cell, k_out, dh_t, dc_t, dc_rows, da_cell, da_out, da_t in reversed(
        list(steps)
    ):
        if after is None:
            torch.add(direct_t, sent, out=dh_t)
        else:
            torch.addmm(direct_t, after, recurrent, out=dh_t)
        torch.addcmul(carried, dh_t, exposed_t, out=dc_t)
        torch.mul(k_cell, dc_rows, out=da_cell)
        torch.mul(k_out, dh_t, out=da_out)
        torch.mul(dc_t, f_t, out=carried)
        after = da_t
    torch.mm(da[0].flatten(1), recurrent, out=sent)
    return torch.stack([sent, carried])


def _parted(value: Tensor, count: int, length: int) -> Float[Tensor, "step parts column"]:
    """(time, batch, column) as parts beside each other; zeros before the first, into which nothing is sent."""
    padded = pad(value, (0, 0, 0, 0, count * length - len(value), 0))
    return padded.unflatten(0, (count, length)).transpose(0, 1).flatten(1, 2)


def _joined(value: Tensor, count: int, time: int) -> Tensor:
    """Parts beside each other as (time, batch, ...) again."""
    whole = value.unflatten(1, (count, -1)).transpose(0, 1).flatten(0, 1)
    return whole[len(whole) - time :]
