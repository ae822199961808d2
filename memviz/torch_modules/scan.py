"""A recurrence without a matrix, c_t = f_t * c_{t-1} + u_t, over a whole sequence at once."""

import torch
from jaxtyping import Float
from torch import Tensor

_SHORT = 12
"""Timesteps up to which one after another is fastest."""
_WIDE = 2048
"""Numbers in a timestep from which on one after another is fastest: the work then outweighs the calls."""


def scan(
    factors: Float[Tensor, "time batch unit"], terms: Float[Tensor, "time batch unit"], reverse: bool = False
) -> Float[Tensor, "time batch unit"]:
    """c_t = factors_t * c_{t-1} + terms_t from c_{-1} = 0; reversed, c_t = factors_t * c_{t+1} + terms_t from the end.

    Narrow and long sequences go in pairs: two timesteps are one with the factor f_t f_{t-1}, so that half as many are
    left (Blelloch 1990); the result differs from one after another by rounding.
    """
    out = torch.empty_like(terms, memory_format=torch.contiguous_format)
    (_backwards if reverse else _forwards)(factors, terms, out)
    return out


def _forwards(factors: Tensor, terms: Tensor, out: Tensor) -> None:
    time = len(terms)
    if time <= _SHORT or terms[0].numel() >= _WIDE:
        _one_by_one(factors, terms, out, range(time))
        return
    even = slice(0, time - 1, 2)
    f, u = factors[1::2], terms[1::2]
    deep = torch.empty_like(u, memory_format=torch.contiguous_format)
    _forwards(f * factors[even], torch.addcmul(u, f, terms[even]), deep)
    out[1::2] = deep
    out[0] = terms[0]
    torch.addcmul(terms[2::2], factors[2::2], deep[: (time - 1) // 2], out=out[2::2])


def _backwards(factors: Tensor, terms: Tensor, out: Tensor) -> None:
    time = len(terms)
    if time <= _SHORT or terms[0].numel() >= _WIDE:
        _one_by_one(factors, terms, out, range(time - 1, -1, -1))
        return
    first = time % 2  # pairs are counted from the end
    f, u = factors[first::2], terms[first::2]
    odd = slice(first + 1, None, 2)
    deep = torch.empty_like(u, memory_format=torch.contiguous_format)
    _backwards(f * factors[odd], torch.addcmul(u, f, terms[odd]), deep)
    out[first::2] = deep
    out[-1] = terms[-1]
    rest = slice(1 - first, time - 1, 2)
    torch.addcmul(terms[rest], factors[rest], deep[1 - first :], out=out[rest])


def _one_by_one(factors: Tensor, terms: Tensor, out: Tensor, order: range) -> None:
    f, u, c = factors.unbind(), terms.unbind(), out.unbind()
    c[order[0]].copy_(u[order[0]])
    for before, t in zip(order, order[1:], strict=False):
        torch.addcmul(u[t], f[t], c[before], out=c[t])
